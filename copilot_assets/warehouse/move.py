"""Moving: all tables of one store into another that is empty, whole or not at all, and what was compared.

What is copied and when two tables are equal is decided here; how a store takes in and is read is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from copilot_assets.github.reports import REPORTS
from copilot_assets.warehouse.layout import LAYOUT
from copilot_assets.warehouse.raw import make_report_views
from copilot_assets.warehouse.store import Warehouse, WarehouseError
from copilot_assets.warehouse.tables import bound_memory, transaction, types_of

if TYPE_CHECKING:
    import duckdb

_SOURCE: Final = "moved"
# The target has one of its own.
_LAYOUT: Final = ("raw", "layout")


@dataclass(frozen=True)
class Moved:
    """A table that is in both stores now, with equal rows."""

    table: str
    rows: int


def move(source: Warehouse, target: Warehouse) -> Sequence[Moved]:
    """Copy every table, and compare rows and hashes of each, in one transaction of the target's; the source stays.

    Returns:
        the tables, in order of name.

    Raises:
        WarehouseError: one of them can't be opened, the source is of another layout, the target holds something, or
            tables came out different; the target is as it was.
    """
    views: list[str] = []

    def copy(connection: duckdb.DuckDBPyConnection) -> Sequence[Moved]:
        bound_memory(connection)
        with source.attached(connection, _SOURCE):
            found = connection.execute(f"select max(version) from {_SOURCE}.raw.layout").fetchall()
            if found != [(LAYOUT,)]:
                raise WarehouseError(
                    f"{source.name} is of another layout than this version's ({LAYOUT}), so nothing was moved. Bring "
                    "it forward first: copilot-assets migrate"
                )
            views.extend(_views(connection))
            return [_copied(connection, schema, table) for schema, table in _tables(connection)]

    moved = target.fill(copy)
    with target.connect("landing") as connection, transaction(connection):
        make_report_views(connection, [report for report in REPORTS if report.table in views])
    return moved


def _tables(connection: duckdb.DuckDBPyConnection) -> Sequence[tuple[str, str]]:
    query = "select schema_name, table_name from duckdb_tables() where database_name = ? and not temporary order by all"
    return [key for key in connection.execute(query, [_SOURCE]).fetchall() if key != _LAYOUT]


def _views(connection: duckdb.DuckDBPyConnection) -> Sequence[str]:
    query = "select view_name from duckdb_views() where database_name = ? and schema_name = 'raw'"
    return [name for (name,) in connection.execute(query, [_SOURCE]).fetchall()]


def _copied(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> Moved:
    name, there = f'"{schema}"."{table}"', f'"{_SOURCE}"."{schema}"."{table}"'
    columns = types_of(connection, there)
    connection.execute(f'create schema if not exists "{schema}"')
    if schema == "raw":  # made by the layout, with what must not be null
        connection.execute(f"create table if not exists {name} as from {there} limit 0")
        connection.execute(f"insert into {name} by name from {there}")
    else:
        connection.execute(f"create table {name} as from {there}")
    compared = ", ".join(f'"{column}"' for column in columns)
    query = f"select count(*), coalesce(sum(hash({compared})::hugeint), 0) from"
    (before,), (after,) = (connection.execute(f"{query} {each}").fetchall() for each in (there, name))
    if before != after:
        raise WarehouseError(
            f"{schema}.{table} came out different ({before[0]:,} rows before, {after[0]:,} after), so nothing was "
            "moved. Look at the disks of both, and run this again."
        )
    return Moved(f"{schema}.{table}", before[0])
