"""Forgetting a person: what of them is in the database, which rows go, and keeping them out.

Which field of a record says whom it is about stands in the contract, what a pseudonym is in `identities.py`, how rows
go without a trace in the store. Rebuilding the tables below raw, whose numbers then no longer hold the person, is the
caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import duckdb

from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import ReportFile, keep_only, record_texts
from copilot_assets.github.reports import REPORTS
from copilot_assets.now import now_utc
from copilot_assets.people.identities import Identities, hold_to_key
from copilot_assets.records.contract import Column, person_columns, value_at
from copilot_assets.records.fields import MAX, PERSON_KIND, Person
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.store import Condition, Warehouse

_OF_PEOPLE: Final = {report.name: columns for report in REPORTS if (columns := person_columns(report.record))}


class ForgetError(Exception):
    """Nobody was forgotten. The message says why, and that nothing was changed."""


class NobodyError(ForgetError):
    """Nobody goes by the name that was given."""


@dataclass(frozen=True)
class Traces:
    """Who is to be forgotten, and how much of them is in the database.

    Attributes:
        ids: GitHub's ids of whoever went by the name; none of somebody who is only in records without an id.
        logins: every login that these ids have had, lower case.
        pseudonyms: what the flat tables show in place of these ids and logins, and what stays noted of them.
        records: records as GitHub sent them.
        quarantined: records that break the contract.
        rows: rows of flat tables.
    """

    ids: tuple[int, ...] = field(repr=False)
    logins: tuple[str, ...] = field(repr=False)
    pseudonyms: tuple[int, ...] = field(repr=False)
    records: int = 0
    quarantined: int = 0
    rows: int = 0


def find(warehouse: Warehouse, identities: Identities, user: str) -> Traces:
    """Look for a person in raw, by GitHub id or by a login they have had; a number is an id where it is one of them.

    Of days whose text was dropped, `raw.logins` knows who was in them; of an id that no login was told of, the rows.

    Raises:
        ForgetError: there is no database, or nobody in it by that name.
        SettingsError: the key of the pseudonyms can't be read or made, or is not the database's.
        WarehouseError: the database can't be opened.
    """
    if not warehouse.exists():
        raise ForgetError(
            f"There is no database at {warehouse.name}, so nobody was forgotten. Set COPILOT_WAREHOUSE to where it is."
        )
    with warehouse.connect("tables") as connection:
        known = connection.execute(
            f"""
            select distinct {_ID}, {_LOGIN}
            from (
                select report, payload from raw.records
                union all
                select report, payload from raw.quarantine
            )
            where list_contains($reports, report)
            union
            select user_id, login from raw.logins
            """,
            {"reports": list(_OF_PEOPLE)},
        ).fetchall()
        name = user.strip().removeprefix("@").lower()
        ids, logins = _named(known, name)
        if not ids and not logins and _is_shown(connection, identities, name):
            ids = [int(name)]
        if not ids and not logins:
            raise NobodyError(
                f"Nobody in the database goes by '{user}', so nothing was changed. Give a login that GitHub's reports "
                "had, or a GitHub id. Who was forgotten before is no longer there."
            )
        hold_to_key(connection, identities)
        pseudonyms = (*map(identities.pseudonym, ids), *map(identities.pseudonym_of_login, logins))
        traces = Traces(tuple(ids), tuple(logins), pseudonyms)
        counts = {table: _count(connection, table, columns, traces) for table, columns in _tables(connection).items()}
    return replace(
        traces,
        records=counts['"raw"."records"'],
        quarantined=counts['"raw"."quarantine"'],
        rows=sum(count for table, count in counts.items() if table.startswith('"flat".')),
    )


def _is_shown(connection: duckdb.DuckDBPyConnection, identities: Identities, name: str) -> bool:
    """Whether a name is an id that rows of days without text show, or show the pseudonym of."""
    if not (name.isascii() and name.isdecimal()) or int(name) > MAX:
        return False
    if not connection.execute("from raw.dropped_text limit 1").fetchall():
        return False
    hold_to_key(connection, identities)
    traces = Traces((int(name),), (), (identities.pseudonym(name),))
    return any(
        _count(connection, table, columns, traces)
        for table, columns in _tables(connection).items()
        if table.startswith('"flat".')
    )


def _named(known: Collection[tuple[int | None, str | None]], name: str) -> tuple[Collection[int], Collection[str]]:
    """The ids that a name stands for, and their logins, out of all that go together in some record."""
    by_id = {number for number, _ in known if number is not None and str(number) == name}
    by_login = {number for number, login in known if login == name}
    ids = by_id or {number for number in by_login if number is not None}
    logins = {login for number, login in known if number in ids and login}
    return sorted(ids), sorted(logins if by_id or not by_login else logins | {name})


def forget(warehouse: Warehouse, traces: Traces) -> None:
    """Remove a person from the database for good, and note them as forgotten by pseudonym.

    What SQL models build is left empty, for the run that rebuilds it; `is_rebuild_due` until then.

    Raises:
        ForgetError: it could not be done; the database is as it was.
        WarehouseError: the database can't be opened.
    """
    now = now_utc().replace(tzinfo=None)
    noted = (
        f"""
        delete from raw.derived;
        insert into raw.rebuild_due
        select '{now}' where not exists (from raw.rebuild_due);
        insert into raw.forgotten
        select person, $now
        from (select unnest($people::bigint[]) as person)
        where person not in (select person from raw.forgotten)
        """,
        {"now": now, "people": list(traces.pseudonyms)},
    )
    try:
        warehouse.forget(lambda connection: _left_out(connection, traces), noted)
    except (duckdb.Error, OSError) as error:
        raise ForgetError(
            f"The database could not be written anew, so nobody was forgotten and {warehouse.name} is as it was "
            f"({str(error).splitlines()[0].rstrip('.')}). It takes as much free disk again as the database has."
        ) from None


def is_rebuild_due(warehouse: Warehouse) -> bool:
    """Whether somebody is removed and the tables that SQL models build have not been rebuilt since.

    Raises:
        WarehouseError: the database can't be opened.
    """
    with warehouse.connect() as connection:
        return bool(connection.execute("from raw.rebuild_due").fetchall())


def _left_out(connection: duckdb.DuckDBPyConnection, traces: Traces) -> Mapping[str, Condition]:
    """The rows that go: a person's, and all that SQL models build, also those whose model is gone."""
    built = tuple(f'"{schema}".' for schema in {model.schema for model in load_models()})
    return {
        table: ("true", {}) if table.startswith(built) else _condition(columns, traces)
        for table, columns in _tables(connection).items()
    }


def strike(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], identities: Identities) -> Sequence[Fetch]:
    """Take the records of people who were forgotten out of the files of fetches that are about to land.

    So none of their text comes into the database. The ledger still says how many records GitHub sent. A record without
    an id is recognised by a login that they had when they were forgotten.

    Raises:
        SettingsError: the key of the pseudonyms can't be read or made, or is not the database's.
    """
    forgotten = {person for (person,) in connection.execute("select person from raw.forgotten").fetchall()}
    if not forgotten:
        return fetches
    hold_to_key(connection, identities)

    def struck(fetch: Fetch) -> Fetch:
        if fetch.report.name not in _OF_PEOPLE:
            return fetch
        person = _OF_PEOPLE[fetch.report.name]
        return _with_only(fetch, lambda text: _pseudonym(text, person, identities) not in forgotten)

    return [struck(fetch) for fetch in fetches]


def _with_only(fetch: Fetch, wanted: Callable[[bytes], bool]) -> Fetch:
    return replace(
        fetch,
        files=tuple(_file_with_only(file, wanted) for file in fetch.files),
        broken=tuple(each for each in fetch.broken if wanted(each.text.encode())),
    )


def _file_with_only(file: ReportFile, wanted: Callable[[bytes], bool]) -> ReportFile:
    kept = [wanted(text) for _, text in record_texts(file.path, file.layout)]
    if all(kept):
        return file
    keep_only(file.path, file.layout, kept)
    return replace(file, records=sum(kept))


def _pseudonym(text: bytes, columns: Mapping[Person, Column], identities: Identities) -> int | None:
    """The pseudonym of the person that a record is about, of the id or, where it has none, of the login."""
    if (person := _person(text, columns, "id")) is not None:
        return identities.pseudonym(person)
    login = _person(text, columns, "login")
    return identities.pseudonym_of_login(login.lower()) if isinstance(login, str) else None


def _person(text: bytes, columns: Mapping[Person, Column], what: Person) -> Any:
    """What a record tells of the person that it is about; None of a record about none, or that does not tell."""
    kinds = (value_at(text, path) for path in (columns["kind"].paths if "kind" in columns else ()))
    if next((kind for kind in kinds if kind is not None), PERSON_KIND) != PERSON_KIND:
        return None
    (path,) = columns[what].paths
    return value_at(text, path)


def _told(what: Person) -> str:
    """SQL for what the record of any report about people tells of the person, as text."""
    columns = (columns[what] for columns in _OF_PEOPLE.values() if what in columns)
    paths = dict.fromkeys(".".join(path) for column in columns for path in column.paths)
    return "coalesce(" + ", ".join(f"payload ->> '$.{path}'" for path in paths) + ")"


_IS_PERSON: Final = f"coalesce({_told('kind')}, '{PERSON_KIND}') = '{PERSON_KIND}'"
_ID: Final = f"case when {_IS_PERSON} then try_cast({_told('id')} as bigint) end"
_LOGIN: Final = f"case when {_IS_PERSON} then lower({_told('login')}) end"
# A login passes from one person to another: it says who it is only where a broken record has no id.
_RECORD_OF: Final = f"""
    list_contains($reports, report)
    and case
        when {_ID} is null then list_contains($logins::varchar[], {_LOGIN})
        else list_contains($ids::bigint[], {_ID})
    end
"""
_ROW_OF: Final = "list_contains($shown::bigint[], try_cast(user_id as bigint))"


def _condition(columns: Collection[str], traces: Traces) -> Condition:
    """What is true of a person's rows in a table with these columns, and its parameters."""
    if "user_id" in columns:
        return _ROW_OF, {"shown": [*traces.ids, *traces.pseudonyms]}
    if "report" in columns and "payload" in columns:
        return _RECORD_OF, {"reports": list(_OF_PEOPLE), "ids": list(traces.ids), "logins": list(traces.logins)}
    return "false", {}


def _tables(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Collection[str]]:
    """Every table of the file by its name, as SQL takes it, with its columns."""
    rows = connection.execute(
        """
        select '"' || t.schema_name || '"."' || t.table_name || '"', list(c.column_name)
        from duckdb_tables() as t
        join duckdb_columns() as c using (database_name, schema_name, table_name)
        where t.database_name = current_database() and not t.temporary
        group by all
        order by all
        """
    ).fetchall()
    return dict(rows)


def _count(connection: duckdb.DuckDBPyConnection, table: str, columns: Collection[str], traces: Traces) -> int:
    condition, parameters = _condition(columns, traces)
    return int(connection.execute(f"select count(*) from {table} where {condition}", parameters).fetchall()[0][0])
