"""Everything moves from one store into another, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.github.reports import REPORTS
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.layout import LAYOUT
from copilot_assets.warehouse.move import Moved, move
from copilot_assets.warehouse.raw import make_report_views
from copilot_assets.warehouse.store import WarehouseError

DAY = "date '2026-09-29'"


@pytest.fixture
def source(tmp_path: Path) -> DuckDBFile:
    """Two fetches, a record of the second, a flat table and one that a model made, which is empty."""
    source = DuckDBFile(tmp_path / "source.duckdb")
    with source.connect() as connection:
        connection.execute(f"""
            insert into raw.fetches by name
            select
                'f' || n as fetch_id, 'org:a' as scope, 'users-1-day' as report, {DAY} + n::integer as day,
                timestamp '2026-10-01 06:30:00' as requested_at, 'reported' as outcome, '' as evidence,
                n as entry_number
            from range(2) as t(n)
        """)
        connection.execute(
            f"""insert into raw.records values ('org:a', 'users-1-day', {DAY}, 0, '{{"a": 1.50, "ü": null}}', 'f1')"""
        )
        connection.execute("create schema flat; create schema weekly")
        connection.execute(f"create table flat.user_daily as select 'org:a' as scope, {DAY} as day, null::bigint as n")
        connection.execute("create table weekly.user_trend (scope varchar, week_start date)")
        make_report_views(connection, [report for report in REPORTS if report.name == "users-1-day"])
    return source


def rows(file: DuckDBFile, table: str) -> list[tuple[Any, ...]]:
    with file.read() as connection:
        return connection.execute(f"from {table} order by all").fetchall()


def test_every_row_is_in_the_other_store_and_in_this_one(source: DuckDBFile, tmp_path: Path) -> None:
    target = DuckDBFile(tmp_path / "there" / "target.duckdb")
    moved = move(source, target)
    assert [each for each in moved if each.rows] == [
        Moved("flat.user_daily", 1),
        Moved("raw.fetches", 2),
        Moved("raw.records", 1),
    ]
    assert Moved("weekly.user_trend", 0) in moved
    for each in moved:
        assert rows(target, each.table) == rows(source, each.table)
    assert rows(target, "raw.layout") == [(LAYOUT,)]
    assert rows(target, "raw.users_1_day") == rows(source, "raw.records"), "the view of a report is made"
    assert target.path.stat().st_mode & 0o077 == 0
    with target.connect() as connection, pytest.raises(duckdb.ConstraintException):
        connection.execute("insert into raw.fetches (scope) values ('org:a')")


def test_what_is_there_is_not_written_over(source: DuckDBFile, tmp_path: Path) -> None:
    target = DuckDBFile(tmp_path / "target.duckdb")
    target.path.write_text("somebody's")
    with pytest.raises(WarehouseError, match=r"^There is a file at .*target\.duckdb already, so nothing was moved\."):
        move(source, target)
    assert target.path.read_text() == "somebody's"


def test_a_table_that_came_out_different_moves_nothing(
    source: DuckDBFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = DuckDBFile(tmp_path / "target.duckdb")
    fill = DuckDBFile.fill

    def losing(self: DuckDBFile, work: Callable[[Any], Any]) -> Any:
        return fill(self, lambda connection: work(Losing(connection)))

    monkeypatch.setattr(DuckDBFile, "fill", losing)
    with pytest.raises(WarehouseError, match=r"^raw\.fetches came out different \(2 rows before, 1 after\)"):
        move(source, target)
    assert not list(tmp_path.glob("target*"))


class Losing:
    """A connection that loses a row of the ledger."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, query: str, *args: Any) -> Any:
        if query.startswith('insert into "raw"."fetches"'):
            query += " limit 1"
        return self._connection.execute(query, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_file_of_another_layout_is_brought_forward_first(source: DuckDBFile, tmp_path: Path) -> None:
    with source.connect() as connection:
        connection.execute("update raw.layout set version = 3")
    with pytest.raises(WarehouseError, match="copilot-assets migrate"):
        move(source, DuckDBFile(tmp_path / "target.duckdb"))
    assert not list(tmp_path.glob("target*"))
