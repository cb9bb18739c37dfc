"""How the table of a SQL model is replaced and checked: whole, or if it is incremental from the first changed week on.

Here belong the transaction, what has changed, and what a query that DuckDB refuses means. What a file says stands in
`sql_models/`, which tables changed since when in `warehouse/changes.py`. No Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from copilot_assets.settings import memory_mb
from copilot_assets.sql_models.model import ModelCheck, SqlModel
from copilot_assets.warehouse.changes import BEGINNING, Derived, all_derived, note_change, note_derived
from copilot_assets.warehouse.tables import is_conflict, transaction

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


def replace_table(
    connection: duckdb.DuckDBPyConnection,
    model: SqlModel,
    *,
    known: Mapping[str, Derived] | None = None,
    full_refresh: bool = False,
) -> dict[str, Any]:
    """Bring the table up to date in one transaction: a reader sees all of the old rows or all of the new ones.

    Nothing is done where the query and what it reads are those that the table was built from. Else all rows are
    replaced, of an incremental model those from the first changed week on; with `full_refresh` all in any case. Rows
    that would come out as they are, are not written. `known` is what is known of tables by now, if that was asked for.

    Returns:
        what changed, as metadata: `rows_changed` (new, gone or replaced), `weeks_changed` of a weekly table, and of an
        incremental one `rebuilt_from`, the first day whose rows were looked at; nothing at the first build.

    Raises:
        QueryRefusedError: DuckDB refuses the query, or it gives rows of before the week; nothing was changed.
    """
    full_refresh = full_refresh or not _is_there(connection, model)
    if _is_as_it_was(connection, known, model.table, model, full_refresh=full_refresh):
        is_weekly = any(column.name == "week_start" for column in model.columns)
        return {"rows_changed": 0} | ({"weeks_changed": []} if is_weekly else {})
    what = f"{model.table} was not rebuilt and keeps the rows it had"
    with (
        refusals(what, model.path, "materialise the asset again"),
        _no_variable_left(connection),
        transaction(connection),
    ):
        connection.execute(f"create schema if not exists {model.schema}")
        since = BEGINNING
        if model.incremental and not full_refresh:
            since = _stale_since(connection, model.table, model.code_version) or BEGINNING
        _select(connection, model, since)
        changes = _replace(connection, model, since)
        connection.execute("drop table built")
        if model.is_noted:
            note_derived(connection, model.table, model.code_version, map(".".join, model.depends_on))
        if model.incremental:
            changes["rebuilt_from"] = _told(since)
    return changes


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
    *,
    most: int,
    known: Mapping[str, Derived] | None = None,
    full_refresh: bool = False,
) -> Offending:
    """Run a check if what it reads changed since it passed, or with `full_refresh`.

    An incremental one looks at the rows that changed. One that does not pass looks at the same rows, and at what
    changes besides, until it does.

    At most `most` of the rows are returned. `known` is as of `replace_table`.

    Raises:
        QueryRefusedError: DuckDB refuses the query.
    """
    name = f"{model.table} {check.name}"
    if _is_as_it_was(connection, known, name, check, full_refresh=full_refresh):
        return Offending(0, (), (), "no day: nothing has changed since it passed")
    what = f"{model.table} was not checked for `{check.name}`"
    with refusals(what, check.path, "run the check again"), _no_variable_left(connection), transaction(connection):
        since = BEGINNING
        if check.is_incremental and not full_refresh:
            since = _stale_since(connection, name, check.code_version) or BEGINNING
        _ask_from(connection, since)
        found = connection.sql(check.sql)
        ((count,),) = found.aggregate("count(*)").fetchall()
        rows = tuple(found.limit(most).pl().rows(named=True)) if count else ()
        if check.is_noted and not count:
            note_derived(connection, name, check.code_version, [model.table, *map(".".join, check.depends_on)])
    return Offending(count, tuple(found.columns), rows, _told(since) if check.is_incremental else None)


def _told(since: date) -> str:
    return str(since) if since > BEGINNING else "the beginning"


def _ask_from(connection: duckdb.DuckDBPyConnection, since: date) -> None:
    if since > BEGINNING:
        connection.execute(f"set variable since = date '{since}'")


@contextmanager
def _no_variable_left(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let queries after this see all days again, whatever became of those inside."""
    try:
        yield
    finally:
        connection.execute("reset variable since")


def _is_as_it_was(
    connection: duckdb.DuckDBPyConnection,
    known: Mapping[str, Derived] | None,
    name: str,
    each: SqlModel | ModelCheck,
    *,
    full_refresh: bool,
) -> bool:
    """Whether a table or a check that passed follows from the same as when that was noted."""
    if full_refresh or not each.is_noted:
        return False
    last = (all_derived(connection) if known is None else known).get(name)
    return last == Derived(each.code_version, None)


def _stale_since(connection: duckdb.DuckDBPyConnection, name: str, code_version: str) -> date | None:
    """The Monday of the first changed week; `BEGINNING` where all is to be looked at, None where nothing changed.

    Asked in the transaction that looks: another process may have noted an earlier day since `known` was.
    """
    last = all_derived(connection).get(name)
    if not last or last.code_version != code_version:
        return BEGINNING
    if last.stale_since is None:
        return None
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


def _replace(connection: duckdb.DuckDBPyConnection, model: SqlModel, since: date) -> dict[str, Any]:
    """Let the table have the rows of `built` from a day on; returns what changed."""
    there = f"{model.table} where {model.incremental} >= date '{since}'" if since > BEGINNING else model.table
    # In the order of days a scan from some day on leaves the rest of the table alone.
    built = f"from built order by {model.incremental}" if model.incremental else "from built"
    is_there = _is_there(connection, model)
    if not is_there or [*_columns(connection, model.table).items()] != [*_columns(connection, "built").items()]:
        connection.execute(f"create or replace table {model.table} as {built}")
        changes, first = dict[str, Any](), BEGINNING
    else:
        changes, first = _changes(connection, model, there)
        if changes["rows_changed"] == 0:
            return changes
        connection.execute(f"delete from {there}")
        connection.execute(f"insert into {model.table} by name {built}")
    note_change(connection, model.table, since=first)
    return changes


def _is_there(connection: duckdb.DuckDBPyConnection, model: SqlModel) -> bool:
    # To list tables takes a lake ten times as long as to list columns.
    of = "database_name = current_database() and schema_name = ? and table_name = ? limit 1"
    return bool(connection.execute(f"from duckdb_columns() where {of}", [*model.key]).fetchall())


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Columns and their types; stores differ in what else they tell, such as a default of none."""
    return {name: data_type for name, data_type, *_ in connection.execute(f"describe {table}").fetchall()}


def _changes(connection: duckdb.DuckDBPyConnection, model: SqlModel, there: str) -> tuple[dict[str, Any], date]:
    """How the table `built` differs from the rows that are there, and the first day of the differences."""
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
    dates = {name for name, data_type in _columns(connection, "built").items() if data_type == "DATE"}
    if "week_start" in dates:
        weeks = connection.execute("select distinct week_start::varchar from differences order by 1 desc").fetchall()
        changes["weeks_changed"] = [week for (week,) in weeks]
    first = BEGINNING
    if day := next((name for name in _DAYS if name in dates), None):
        ((first,),) = connection.execute(f"select min(coalesce({day}, date '{BEGINNING}')) from differences").fetchall()
    connection.execute("drop table differences")
    return changes, first
