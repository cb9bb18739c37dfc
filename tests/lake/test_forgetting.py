"""Whoever is forgotten can be read nowhere in a lake: no file, copy or statistic of the catalogue, older snapshot.

Files are looked at byte for byte, so they are written without compression here; the catalogue by PostgreSQL's client.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.warehouse import ducklake
from tests.lake.lakes import Lake, copy_of
from tests.people.test_forget import DAY, Shelf, seat, user
from tests.postgres import Postgres

# The person is the first by every measure, so that smallest values are theirs: these stand in statistics.
LOGIN, PERSON, WORD = "Aaa-Unmistakable", 770077001, "plum-pudding-4711"
OTHERS = range(880088001, 880088001 + 1_200)
THEIRS = (LOGIN.encode(), LOGIN.lower().encode(), str(PERSON).encode(), PERSON.to_bytes(8, "little"), WORD.encode())


@pytest.fixture(scope="module")
def filled(server: Postgres, migrated: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with a day that is a file, for it has many records, and small ones that are in the catalogue alone."""
    lake = copy_of(migrated, server, tmp_path_factory.mktemp("filled"))
    shelf = shelf_of(lake)
    with shelf.warehouse.connect() as connection:
        connection.execute("call warehouse.set_option('parquet_compression', 'uncompressed')")
    theirs = user(PERSON, LOGIN, ide=WORD)
    shelf.take("users-1-day", [theirs, *(user(person, f"Zed-{person}") for person in OTHERS)])
    next_day = DAY.replace(day=2)
    shelf.take("users-1-day", [user(PERSON, LOGIN, next_day, ide=WORD), user(17, "ann", next_day)], next_day)
    shelf.take("copilot-seats", [seat(PERSON, LOGIN), seat(17, "ann")])
    third = DAY.replace(day=3)
    broken = user(PERSON, LOGIN, third, loc_deleted_sum=-1, ide=WORD)
    shelf.take("users-1-day", [broken, user(17, "ann", third)], third)
    shelf.flatten()
    return lake


@pytest.fixture
def lake(filled: Lake, server: Postgres, tmp_path: Path) -> Lake:
    return copy_of(filled, server, tmp_path / "lake")


@pytest.fixture
def shelf(lake: Lake) -> Shelf:
    return shelf_of(lake)


def shelf_of(lake: Lake) -> Shelf:
    shelf = Shelf(lake.here, "login")
    shelf.warehouse = lake.warehouse  # type: ignore[assignment]
    return shelf


def test_nothing_of_a_person_is_left_anywhere(lake: Lake, shelf: Shelf) -> None:
    before = lake.telling(*THEIRS)
    assert [name for name in before if name.endswith(".parquet")], "where the test would find them"
    assert [name for name in before if name.startswith("ducklake_inlined_data")]
    assert {"ducklake_file_column_stats", "ducklake_table_column_stats"} < {*before}
    others = shelf.sql("select count(*) from raw.records")
    # Two good days and a seat; a broken record; the two days and two rows of the seat in flat tables.
    assert shelf.forget(LOGIN) == (3, 1, 4)
    assert lake.telling(*THEIRS) == []
    assert shelf.sql("select count(*) from raw.records") == [(others[0][0] - 3,)]
    assert lake.telling(b"Zed-880088777"), "others are"
    assert shelf.sql("select count(*) from ducklake_snapshots('warehouse')") == [(1,)]


def test_what_a_landing_wrote_that_was_killed_is_gone_too(lake: Lake, shelf: Shelf) -> None:
    before = lake.files()
    process = multiprocessing.get_context("spawn").Process(target=land_and_die, args=(lake,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (left,) = set(lake.files()) - set(before)
    assert left.name in lake.telling(WORD.encode())
    shelf.forget(LOGIN)
    assert lake.telling(*THEIRS) == []


def land_and_die(lake: Lake) -> None:
    """In a process of its own: the records are written, and the transaction is not at its end."""
    shelf, day = shelf_of(lake), DAY.replace(day=9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("copilot_assets.warehouse.landing._insert_remarks", lambda *_: os.kill(os.getpid(), 9))
        people = (user(person, f"Zed-{person}", day) for person in OTHERS)
        shelf.take("users-1-day", [user(PERSON, LOGIN, day, ide=WORD), *people], day)


class Killed(BaseException):
    """What ends a process at once."""


# Statements of `_sweep` that are carried out: none, or all but the one that removes the files.
@pytest.mark.parametrize("done", [0, 4])
def test_a_forgetting_that_is_killed_in_the_middle_is_ended_by_the_next_run(
    lake: Lake, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    def killed(connection: duckdb.DuckDBPyConnection) -> None:
        swept(Until(connection, done))

    swept = ducklake._sweep
    with monkeypatch.context() as patch:
        patch.setattr(ducklake, "_sweep", killed)
        with pytest.raises(Killed):
            shelf.forget(LOGIN)
    assert not shelf.sql(f"from raw.records where payload::varchar like '%{WORD}%'"), "for whoever asks the lake"
    assert lake.telling(*THEIRS)
    shelf.warehouse.maintain()
    assert lake.telling(*THEIRS) == []


class Until:
    """A connection on which so many statements are carried out, and no more."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def execute(self, *arguments: Any) -> Any:
        if not self._left:
            raise Killed
        self._left -= 1
        return self._connection.execute(*arguments)
