"""Tables of a store copied into memory while others are made of them, for a store where each question takes long.

A lake asks its catalogue four to six things wherever a query names a table, 3 to 15 ms (DuckDB 1.5.5), and models and
checks of a night name some eighty tables many hundred times. Which tables these are, and what is made of them, is
decided by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from copilot_assets.warehouse.store import DATABASE, Put
from copilot_assets.warehouse.tables import transaction

if TYPE_CHECKING:
    import duckdb

# One waits for the catalogue while the other reads; each more takes one of its connections.
_AT_ONCE: Final = 2


@contextmanager
def copied(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> Iterator[Put]:
    """Let queries inside find copies of `schema.table` before the store's, and what is written be written to these.

    Nobody else writes the tables meanwhile.
    """
    import duckdb

    there = _types(connection, DATABASE)
    schemas = sorted({table.partition(".")[0] for table in there})
    near = f"near_{uuid4().hex}"  # all connections of a process see it
    connection.execute(f"attach ':memory:' as {near}")
    try:
        for schema in schemas:
            connection.execute(f"create schema {near}.{schema}")
        names = sorted({*tables} & {*there})
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            counts = pool.map(partial(_copy, connection, near), names)
            empty = {table for table, count in zip(names, counts, strict=True) if not count}
        places = ",".join(f"{database}.{schema}" for database in (near, DATABASE) for schema in schemas)
        connection.execute(f"set search_path = '{places}'")
        yield partial(_put, connection, near, places, empty)
    finally:
        with suppress(duckdb.Error):  # where the store is gone, what happened says more
            connection.execute(f"use {DATABASE}")
            connection.execute(f"detach {near}")


def _copy(connection: duckdb.DuckDBPyConnection, near: str, table: str) -> int:
    """Copy a table; returns how many rows it has."""
    with connection.cursor() as own:
        ((count,),) = own.execute(f"create table {near}.{table} as from {DATABASE}.{table}").fetchall()
    return int(count)


def _put(
    connection: duckdb.DuckDBPyConnection,
    near: str,
    places: str,
    empty: Collection[str],
    rows: Mapping[str, str],
    note: Callable[[duckdb.DuckDBPyConnection], None],
) -> None:
    connection.execute(f"use {DATABASE}")
    with transaction(connection):
        there, made = (_types(connection, database) for database in (DATABASE, near))
        for table, condition in rows.items():
            if there.get(table) == made[table]:
                if table not in empty:  # to find nothing in it takes as long as to find something
                    connection.execute(f"delete from {table} where {condition}")
                connection.execute(f"insert into {table} by name from {near}.{table} where {condition}")
            else:
                connection.execute(f"create schema if not exists {table.partition('.')[0]}")
                connection.execute(f"create or replace table {table} as from {near}.{table}")
        note(connection)
    connection.execute(f"set search_path = '{places}'")


def _types(connection: duckdb.DuckDBPyConnection, database: str) -> Mapping[str, Collection[tuple[str, str]]]:
    """The columns of each table of a database and their types, in order."""
    query = (
        "select schema_name || '.' || table_name, list((column_name, data_type) order by column_index) "
        "from duckdb_columns() where database_name = ? group by all"
    )
    return dict(connection.execute(query, [database]).fetchall())
