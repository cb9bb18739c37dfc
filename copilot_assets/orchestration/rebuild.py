"""How the table of a SQL model is replaced and checked: whole, or if it is incremental from the first changed week on.

Here belong the transaction, what has changed, and what a query that DuckDB refuses means. What a file says stands in
`sql_models/`, which tables changed since when in `warehouse/changes.py`. No Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from copilot_assets.settings import memory_mb
from copilot_assets.sql_models.model import ModelCheck, SqlModel
from copilot_assets.warehouse.changes import BEGINNING, Known
from copilot_assets.warehouse.comments import comment
from copilot_assets.warehouse.tables import columns_of_all, is_conflict, transaction, types_of

if TYPE_CHECKING:
    import duckdb

# Of a table without them, a change is one of everything.
_DAYS: Final = ("week_start", "day")


class QueryRefusedError(Exception):
    """DuckDB refuses the query of a file. The message says what it means and what to do."""


@contextmanager
def refusals(what: str, path: Path, again: str) -> Iterator[None]:
    """Say of a query that DuckDB refuses what that means and what to do, and then what DuckDB says.

    Args:
        what: what was not done.
        path: the file of the query.
        again: how it is done anew.
    """
    import duckdb

    from copilot_assets.warehouse.disk import is_disk_trouble

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        if is_disk_trouble(error):
            raise
        raise QueryRefusedError(
            f"{what}: the query of {path} takes more memory than the {memory_mb()} MB that COPILOT_MEMORY_MB gives "
            f"DuckDB, also with what it can write to the disk. Raise that where the machine has more, and {again}."
        ) from error
    except duckdb.Error as error:
        if is_disk_trouble(error) or is_conflict(error):
            raise
        raise QueryRefusedError(
            f"{what}: DuckDB refuses the query of {path}. Correct the file and {again}. {error}"
        ) from error


@contextmanager
def deriving(connection: duckdb.DuckDBPyConnection) -> Iterator[Known]:
    """A transaction in which tables are built or checks run; what is known of them afterwards is part of it.

    Nobody else writes meanwhile: what they noted would be lost.
    """
    try:
        with transaction(connection):
            known = Known(connection, columns_of_all(connection))
            yield known
            known.write(connection)
    finally:
        connection.execute("reset variable since")  # an aborted transaction would not let itself be told so


def replace_table(
    connection: duckdb.DuckDBPyConnection, model: SqlModel, known: Known, *, full_refresh: bool = False
) -> dict[str, Any]:
    """Bring the table up to date, inside a transaction (`deriving`).

    Nothing is done where the query and what it reads are those that the table was built from. Else all rows are
    replaced, of an incremental model those from the first changed week on; with `full_refresh` all in any case. Rows
    that would come out as they are, are not written.

    Returns:
        what changed, as metadata: `rows_changed` (new, gone or replaced), `weeks_changed` of a weekly table, and of an
        incremental one `rebuilt_from`, the first day whose rows were looked at; nothing of a table that was made.

    Raises:
        QueryRefusedError: DuckDB refuses the query, or it gives rows of before the week; the transaction is to end.
    """
    full_refresh = full_refresh or model.table not in known.tables
    if not full_refresh and model.is_noted and known.is_as_it_was(model.table, model.code_version):
        is_weekly = any(column.name == "week_start" for column in model.columns)
        return {"rows_changed": 0} | ({"weeks_changed": []} if is_weekly else {})
    what = f"{model.table} was not rebuilt and keeps the rows it had"
    since = BEGINNING
    if model.incremental and not full_refresh:
        since = _stale_since(known, model.table, model.code_version)
    with refusals(what, model.path, "materialise the asset again"):
        _select(connection, model, since)
        types = types_of(connection, "built")
        day = next((name for name in _DAYS if types.get(name) == "DATE"), None)
        if model.table in known.tables and [*types_of(connection, model.table).items()] == [*types.items()]:
            changes, first = _replace(connection, model, since, day)
        else:
            changes, first = _make(connection, model)
        connection.execute("drop table built")
    known.tables.add(model.table)
    if first:
        known.note_change(model.table, first)
        known.written[model.table] = f"{day} >= date '{first}'" if day and first > BEGINNING else "true"
    if model.is_noted:
        known.note_derived(model.table, model.code_version, map(".".join, model.depends_on))
    if model.incremental:
        changes["rebuilt_from"] = _told(since)
    return changes


def make_tables(connection: duckdb.DuckDBPyConnection, models: Sequence[SqlModel]) -> None:
    """Make the tables of models that are not there, without rows and in the models' order; inside a transaction.

    Raises:
        duckdb.Error: a query is refused.
    """
    there = columns_of_all(connection)
    for model in models:
        if model.table not in there:
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create or replace temp view built as {model.sql}")
            connection.execute(f"create table {model.table} as from built limit 0")
    connection.execute("drop view if exists built")
    comment(connection, {model.table: model.docs for model in models})


@dataclass(frozen=True)
class Offending:
    """The rows that break a rule.

    Attributes:
        count: all of them.
        columns: what each has.
        rows: some of them.
        looked_from: the first day whose rows were looked at, as metadata; None where all were.
    """

    count: int
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    looked_from: str | None


def offending_rows(
    connection: duckdb.DuckDBPyConnection,
    model: SqlModel,
    check: ModelCheck,
    known: Known,
    *,
    most: int,
    full_refresh: bool = False,
) -> Offending:
    """Run a check if what it reads changed since it passed, or with `full_refresh`, inside a transaction (`deriving`).

    An incremental one looks at the rows that changed. One that does not pass looks at the same rows, and at what
    changes besides, until it does.

    At most `most` of the rows are returned.

    Raises:
        QueryRefusedError: DuckDB refuses the query; the transaction is to end.
    """
    name = f"{model.table} {check.name}"
    if not full_refresh and check.is_noted and known.is_as_it_was(name, check.code_version):
        return Offending(0, (), (), "no day: nothing has changed since it passed")
    since = BEGINNING
    if check.is_incremental and not full_refresh:
        since = _stale_since(known, name, check.code_version)
    what = f"{model.table} was not checked for `{check.name}`"
    with refusals(what, check.path, "run the check again"):
        _ask_from(connection, since)
        found = connection.sql(check.sql)
        ((count,),) = found.aggregate("count(*)").fetchall()
        rows = tuple(found.limit(most).pl().rows(named=True)) if count else ()
    if check.is_noted and not count:
        known.note_derived(name, check.code_version, [model.table, *map(".".join, check.depends_on)])
    return Offending(count, tuple(found.columns), rows, _told(since) if check.is_incremental else None)


def _told(since: date) -> str:
    return str(since) if since > BEGINNING else "the beginning"


def _ask_from(connection: duckdb.DuckDBPyConnection, since: date) -> None:
    connection.execute(f"set variable since = date '{since}'" if since > BEGINNING else "reset variable since")


def _stale_since(known: Known, name: str, code_version: str) -> date:
    """The Monday of the first changed week; `BEGINNING` where all is to be looked at."""
    last = known[name]
    if not last or last.code_version != code_version or last.stale_since is None:
        return BEGINNING
    return last.stale_since - timedelta(days=last.stale_since.weekday())


def _select(connection: duckdb.DuckDBPyConnection, model: SqlModel, since: date) -> None:
    """Make the temporary table `built`: the rows from a day on."""
    _ask_from(connection, since)
    # On one line with the text, so that DuckDB's "LINE 12" is line 12 of the file.
    connection.execute(f"create or replace temp table built as {model.sql}")
    if since > BEGINNING:
        ((first,),) = connection.execute(f"select min({model.incremental}) from built").fetchall()
        if first and first < since:
            raise QueryRefusedError(
                f"{model.table} was not rebuilt and keeps the rows it had: the query of {model.path} gives rows of "
                f"{first}, where only those from {since} on were asked for. Let its last WHERE say "
                f"{model.incremental} >= coalesce(getvariable('since'), date '0001-01-01')."
            )


def _made_of(model: SqlModel) -> str:
    # In the order of days a scan from some day on leaves the rest of the table alone.
    return f"from built order by {model.incremental}" if model.incremental else "from built"


def _make(connection: duckdb.DuckDBPyConnection, model: SqlModel) -> tuple[dict[str, Any], date]:
    """Let the table be what `built` is; returns what `_replace` does."""
    connection.execute(f"create schema if not exists {model.schema}")
    connection.execute(f"create or replace table {model.table} as {_made_of(model)}")
    return {}, BEGINNING


def _replace(
    connection: duckdb.DuckDBPyConnection, model: SqlModel, since: date, day: str | None
) -> tuple[dict[str, Any], date | None]:
    """Let the table have the rows of `built` from a day on; returns what changed, and from which `day` on."""
    there = f"{model.table} where {model.incremental} >= date '{since}'" if since > BEGINNING else model.table
    changes, first = _changes(connection, there, day)
    if first:
        connection.execute(f"delete from {there}")
        connection.execute(f"insert into {model.table} by name {_made_of(model)}")
    return changes, first


def _changes(connection: duckdb.DuckDBPyConnection, there: str, day: str | None) -> tuple[dict[str, Any], date | None]:
    """How the table `built` differs from the rows that are there, and the first `day` of the differences."""
    # One pass: a row that both have as often is no difference.
    connection.execute(
        "create or replace temp table differences as "
        "select * exclude (side), sum(side)::bigint as surplus "
        f"from (select *, 1 as side from built union all select *, -1 as side from {there}) "
        "group by all having surplus <> 0"
    )
    sums = "coalesce(sum(surplus) filter (surplus > 0), 0), coalesce(-sum(surplus) filter (surplus < 0), 0)"
    ((new, gone),) = connection.execute(f"select {sums} from differences").fetchall()
    changes: dict[str, Any] = {"rows_changed": int(max(new, gone))}
    if day == "week_start":
        weeks = connection.execute("select distinct week_start::varchar from differences order by 1 desc").fetchall()
        changes["weeks_changed"] = [week for (week,) in weeks]
    first: date | None = BEGINNING if new or gone else None
    if day:
        ((first,),) = connection.execute(f"select min(coalesce({day}, date '{BEGINNING}')) from differences").fetchall()
    connection.execute("drop table differences")
    return changes, first
