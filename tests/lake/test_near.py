"""Copies in memory of a lake's tables: what is asked and written there, and what of it comes into the lake."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from copilot_assets.warehouse import ducklake
from copilot_assets.warehouse.store import TURNS
from tests.lake.lakes import Lake

NEAR = "select distinct database_name from duckdb_databases() where database_name like 'near%'"


@pytest.fixture
def numbers(lake: Lake) -> Lake:
    """A lake with two small tables more."""
    with lake.warehouse.connect(*TURNS) as connection:
        connection.execute("create table weekly.numbers as select unnest([1, 2, 3]) as n")
        connection.execute("create table weekly.others as select 'x' as text")
    return lake


def ask(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    with lake.warehouse.connect() as connection:
        return connection.execute(query).fetchall()


def note_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    """Write nothing besides."""


def test_what_is_written_to_copies_is_in_the_lake_once_it_is_put_there(numbers: Lake) -> None:
    with numbers.warehouse.connect(*TURNS) as connection:
        with numbers.warehouse.near(connection, [], ["weekly.numbers", "weekly.nobody_made_it"]) as put:
            connection.execute("update weekly.numbers set n = 30 where n = 3")
            connection.execute("delete from weekly.numbers where n = 1")
            connection.execute("create table weekly.new as from weekly.others")  # which was not copied
            connection.execute("create schema mine")
            connection.execute("create table mine.own as select 1 as n")
            assert connection.execute("from weekly.numbers order by n").fetchall() == [(2,), (30,)]
            assert connection.execute("from mine.own").fetchall() == [(1,)]
            assert ask(numbers, "from weekly.numbers order by n") == [(1,), (2,), (3,)]
            put({"weekly.numbers": "n >= 3", "weekly.new": "true", "mine.own": "true"}, note_nothing)
            assert connection.execute("from weekly.numbers order by n").fetchall() == [(2,), (30,)]
        assert connection.execute("from weekly.numbers order by n").fetchall() == [(1,), (2,), (30,)]
        assert connection.execute("from weekly.new").fetchall() == [("x",)]
        assert connection.execute("from mine.own").fetchall() == [(1,)]
        assert connection.execute(NEAR).fetchall() == []


def test_a_table_of_other_columns_takes_the_place_of_the_one_there(numbers: Lake) -> None:
    with numbers.warehouse.connect(*TURNS) as connection:
        with numbers.warehouse.near(connection, [], ["weekly.numbers"]) as put:
            connection.execute("create or replace table weekly.numbers as select 1.5 as n, 'new' as text")
            put({"weekly.numbers": "n > 100"}, note_nothing)
        assert connection.execute("select n::double, text from weekly.numbers").fetchall() == [(1.5, "new")]


def test_all_is_put_there_or_nothing(numbers: Lake) -> None:
    def refuse(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("select error('refused')")

    with numbers.warehouse.connect(*TURNS) as connection:
        with numbers.warehouse.near(connection, ["weekly.others"], ["weekly.numbers"]) as put:
            connection.execute("delete from weekly.numbers")
            with pytest.raises(duckdb.Error, match="refused"):
                put({"weekly.numbers": "true"}, refuse)
        assert connection.execute("select count(*) from weekly.numbers").fetchall() == [(3,)]
    assert ask(numbers, "select count(*) from weekly.numbers") == [(3,)]
    assert ask(numbers, NEAR) == []


def test_what_is_not_put_there_is_gone(numbers: Lake) -> None:
    with numbers.warehouse.connect(*TURNS) as connection:
        with numbers.warehouse.near(connection, [], ["weekly.numbers"]):
            connection.execute("delete from weekly.numbers")
        assert connection.execute("select count(*) from weekly.numbers").fetchall() == [(3,)]


def test_two_of_one_process_do_not_get_in_each_others_way(numbers: Lake) -> None:
    with (
        numbers.warehouse.connect() as one,
        numbers.warehouse.connect() as other,
        numbers.warehouse.near(one, ["weekly.numbers"]),
        numbers.warehouse.near(other, ["weekly.numbers"]),
    ):
        one.execute("delete from weekly.numbers")
        assert other.execute("select count(*) from weekly.numbers").fetchall() == [(3,)]


@pytest.mark.parametrize(("most", "is_copied"), [(3, True), (2, False)])
def test_where_too_many_rows_are_to_be_written_the_lake_itself_is(
    numbers: Lake, monkeypatch: pytest.MonkeyPatch, most: int, is_copied: bool
) -> None:
    monkeypatch.setattr(ducklake, "_WRITTEN_NEAR_ROWS", most)
    with numbers.warehouse.connect(*TURNS) as connection:
        connection.execute("call ducklake_flush_inlined_data('warehouse')")  # so that files hold the rows
        with numbers.warehouse.near(connection, [], ["weekly.numbers"]) as put:
            assert bool(connection.execute(NEAR).fetchall()) is is_copied
            connection.execute("delete from weekly.numbers where n = 1")
            assert ask(numbers, "select count(*) from weekly.numbers") == [(3 if is_copied else 2,)]
            put({"weekly.numbers": "true"}, note_nothing)
    assert ask(numbers, "select count(*) from weekly.numbers") == [(2,)]


@pytest.mark.parametrize("limit", ["_READ_NEAR_ROWS", "_READ_NEAR_BYTES"])
def test_a_large_table_that_is_read_is_asked_in_the_lake(
    numbers: Lake, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(ducklake, limit, 2)
    with numbers.warehouse.connect(*TURNS) as connection:
        connection.execute("call ducklake_flush_inlined_data('warehouse')")
        connection.execute("create table weekly.small as select 'in the catalogue' as text")
        with numbers.warehouse.near(connection, ["weekly.numbers", "weekly.small"]):
            copies = "select table_name from duckdb_tables() where database_name like 'near%'"
            assert connection.execute(copies).fetchall() == [("small",)]
            assert connection.execute("select count(*) from weekly.numbers").fetchall() == [(3,)]
