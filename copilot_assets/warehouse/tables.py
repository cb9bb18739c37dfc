"""The ways to read and change a table on an open connection: transactions, frames as tables, additive schema changes.

Which tables there are, and what stands in them, is decided by whoever calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import date
from string import Template
from typing import TYPE_CHECKING, Final, TypeVar

from copilot_assets.records.contract import Column
from copilot_assets.settings import memory_mb
from copilot_assets.warehouse.changes import note_change, note_days
from copilot_assets.warehouse.store import DATABASE

if TYPE_CHECKING:
    import duckdb
    import polars as pl

T = TypeVar("T")

# How often a transaction is begun anew that others got in the way of; the pauses come to half a minute.
_ATTEMPTS: Final = 10
# What landing and flattening a file of any size needs without waiting for the disk.
_MEMORY_MB: Final = 600

# Who counts, if anybody does: every writer would hand the number on otherwise.
_BEGUN_ANEW: Final[ContextVar[Counter[str]]] = ContextVar("begun_anew")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing of what is done inside."""
    import duckdb

    connection.begin()
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # where the store is gone, so is the transaction: what happened says more
            connection.rollback()
        raise
    connection.commit()


def transacted(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """All or nothing of what `work` does; all of it anew, some times, where another process changed the same rows.

    A lake finds that out at the end of a transaction alone.
    """
    import stamina

    begun = 0

    @stamina.retry(on=is_conflict, attempts=_ATTEMPTS, timeout=None)
    def attempt() -> T:
        nonlocal begun
        begun += 1
        with transaction(connection):
            return work()

    done = attempt()
    _BEGUN_ANEW.get(Counter())["transactions"] += begun - 1
    return done


@contextmanager
def begun_anew() -> Iterator[Counter[str]]:
    """How many `transactions` inside were begun anew, because of others that changed the same rows."""
    count = Counter[str](transactions=0)
    token = _BEGUN_ANEW.set(count)
    try:
        yield count
    finally:
        _BEGUN_ANEW.reset(token)


def is_conflict(error: Exception) -> bool:
    """Whether another process changed the same rows meanwhile; nothing is wrong with what was asked."""
    return "conflict" in str(error).lower() and type(error).__name__ == "TransactionException"


@contextmanager
def another(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A second connection to the store that a connection is to: it sees what was committed."""
    with connection.cursor() as second:
        second.execute(f"use {DATABASE}")
        yield second


def bound_memory(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB hold no more than a part of a large file in memory from now on: what is more it writes to disk."""
    connection.execute(f"set memory_limit = '{min(_MEMORY_MB, memory_mb())}MB'")


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, **frames: pl.DataFrame) -> Iterator[None]:
    """Frames that statements inside can name as tables."""
    import duckdb

    for name, frame in frames.items():
        connection.register(name, frame)
    try:
        yield
    finally:
        # A transaction that broke takes nothing any more, and forgets the names with the rest.
        with suppress(duckdb.TransactionException):
            for name in frames:
                connection.unregister(name)


def frame_of(connection: duckdb.DuckDBPyConnection, query: str, **parameters: object) -> pl.DataFrame:
    """The rows of a query whose parameters, each a `$name`, are written into its text.

    Given beside it, DuckDB 1.5 makes an expression of every value of the rows: records took forty times as long.
    """
    import duckdb

    texts = {name: str(duckdb.ConstantExpression(value)) for name, value in parameters.items()}
    frame: pl.DataFrame = connection.sql(Template(query).substitute(texts)).pl()
    return frame


def types_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The columns of `schema.table`, which is there, and their types, as DuckDB writes these."""
    return {name: data_type for name, data_type, *_ in connection.execute(f"describe {table}").fetchall()}


def columns_of_all(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """The columns of all tables there are, by `schema.table`.

    One query for all, which takes a lake as long as to tell of one whether it is there.
    """
    query = (
        "select schema_name || '.' || table_name, list(column_name) from duckdb_columns() "
        "where database_name = current_database() group by all"
    )
    return {table: set(names) for table, names in connection.execute(query).fetchall()}


def ensure_tables(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Sequence[Column]]) -> bool:
    """Create tables, by `schema.table`, or add the columns they lack; whether anything was done.

    Nothing is ever dropped or retyped.
    """
    there = columns_of_all(connection)
    is_changed = False
    for table, columns in tables.items():
        missing = [f'"{column.name}" {column.dtype}' for column in columns if column.name not in there.get(table, ())]
        if table not in there:
            connection.execute(f"create schema if not exists {table.partition('.')[0]}")
            connection.execute(f"create table {table} ({', '.join(missing)})")
        else:
            for column in missing:
                connection.execute(f"alter table {table} add column {column}")
        is_changed |= bool(missing)
    return is_changed


def delete_days(connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame, *tables: str) -> None:
    """Delete the rows of some (scope, day), columns of `keys`, from each `schema.table`, which has such columns too."""
    with registered(connection, deleted_keys=keys.select("scope", "day").unique()):
        for table in tables:
            connection.execute(
                f"delete from {table} as old using deleted_keys as k where old.scope = k.scope and old.day = k.day"
            )
    note_days(connection, keys["day"], *tables)


def append(connection: duckdb.DuckDBPyConnection, added: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """Add rows to each `schema.table`, columns by name, one of them `day`."""
    first_days = dict[str, date]()
    for table, rows in added:
        # DuckDB finds `rows` here by itself: what is registered in a transaction, it would hold until the end of that.
        connection.execute(f"insert into {table} by name select * from rows")
        if isinstance(first := rows["day"].min(), date):
            first_days[table] = first
    if first_days:
        note_change(connection, *first_days, since=min(first_days.values()))


def row_count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a table."""
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


def spilled_bytes(connection: duckdb.DuckDBPyConnection) -> int:
    """What DuckDB keeps on the disk because it does not fit into memory; a transaction keeps what it dropped, too."""
    return int(connection.execute("select coalesce(sum(size), 0) from duckdb_temporary_files()").fetchall()[0][0])
