"""What the torture looks for is found: each of its assertions fails where something is lost, left behind or told."""

from __future__ import annotations

import logging
import sqlite3
from multiprocessing import forkserver
from pathlib import Path
from threading import Event, Thread

import duckdb
import pytest

from torture import processes
from torture.processes import Cold, Warm, end
from torture.wholeness import (
    LostError,
    assert_as_undisturbed,
    assert_nothing_left,
    assert_nothing_told,
    step_under_way,
    tables,
)

TOKEN = "ghp_marked"
RUN = "0a1b-2c"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation that nobody disturbed: a database, an export, a history of one run that ended."""
    for name in ("data/.export.20261128T000000Z", "tmp", ".dagster/owners", ".dagster/storage/history/runs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "copilot.key").write_bytes(b"key")
    with duckdb.connect(str(tmp_path / "data" / "copilot.duckdb")) as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.fetches as select 'users-1-day' as report, 7 as fetch_id")
        connection.execute("create table raw.records as select 'mona-ash' as login, now() as fetched_at")
    history(tmp_path, "runs.db", "create table runs (status, update_timestamp)")
    history(tmp_path, "runs.db", "insert into runs values ('SUCCESS', '2026-11-28')")
    history(tmp_path, "runs/index.db", "create table concurrency_slots (run_id)")
    history(tmp_path, f"runs/{RUN}.db", "create table event_logs (id, step_key, dagster_event_type)")
    return tmp_path


def history(folder: Path, name: str, statement: str) -> None:
    connection = sqlite3.connect(folder / ".dagster" / "storage" / "history" / name)
    with connection:
        connection.execute(statement)
    connection.close()


def change(folder: Path, statement: str) -> None:
    with duckdb.connect(str(folder / "data" / "copilot.duckdb")) as connection:
        connection.execute(statement)


def look(folder: Path) -> None:
    assert_nothing_left(folder)
    assert_nothing_told(folder, TOKEN, ["mona-ash", "bo-moss"])


def test_nothing_is_found_where_there_is_nothing(folder: Path) -> None:
    reference = tables(folder / "data" / "copilot.duckdb")
    assert reference == {"raw.fetches": [("users-1-day",)], "raw.records": [("mona-ash",)]}
    change(folder, "update raw.records set fetched_at = '2020-01-01'")
    change(folder, "insert into raw.fetches values ('users-1-day', 8)")
    assert_as_undisturbed(folder / "data" / "copilot.duckdb", reference, was_lied_to=False)
    look(folder)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("delete from raw.records", "raw.records: 0 rows more.*1 missing"),
        ("insert into raw.records from raw.records", "raw.records: 1 rows more"),
        ("drop table raw.records", "raw.records"),
        ("create table raw.derived as select ['raw.records'] as reads", "raw.derived: 1 rows more"),
        ("insert into raw.fetches values ('copilot-seats', 9)", "raw.fetches"),
    ],
)
def test_what_is_lost_or_doubled_is_found(folder: Path, statement: str, told: str) -> None:
    reference = tables(folder / "data" / "copilot.duckdb")
    change(folder, statement)
    with pytest.raises(LostError, match=told):
        assert_as_undisturbed(folder / "data" / "copilot.duckdb", reference, was_lied_to=False)


def test_who_was_lied_to_may_remember_what_was_read_of_the_past_and_nothing_else(folder: Path) -> None:
    database = folder / "data" / "copilot.duckdb"
    change(folder, "create table raw.derived (name varchar, reads varchar[], stale_since date)")
    change(folder, "insert into raw.derived values ('a check', ['quality.revisions'], null), ('a', ['flat.b'], null)")
    reference = tables(database)
    change(folder, "update raw.derived set stale_since = '2026-11-28' where name = 'a check'")
    assert_as_undisturbed(database, reference, was_lied_to=True)
    with pytest.raises(LostError, match=r"raw\.derived: 1 rows more.*1 missing"):
        assert_as_undisturbed(database, reference, was_lied_to=False)
    change(folder, "update raw.derived set stale_since = '2026-11-28'")
    with pytest.raises(LostError, match=r"raw\.derived: 1 rows more.*1 missing"):
        assert_as_undisturbed(database, reference, was_lied_to=True)


def test_a_file_that_is_none_is_found(folder: Path) -> None:
    (folder / "data" / "copilot.duckdb").write_bytes(b"half")
    with pytest.raises(LostError, match="can't be opened"):
        tables(folder / "data" / "copilot.duckdb")


@pytest.mark.parametrize(
    "name", ["data/copilot.duckdb.wal", "data/.export.new", "tmp/copilot-download", f".dagster/owners/{RUN}.lock"]
)
def test_a_file_that_is_left_behind_is_found(folder: Path, name: str) -> None:
    (folder / name).touch()
    with pytest.raises(LostError, match=Path(name).name):
        look(folder)


def test_a_run_that_goes_on_and_a_slot_that_is_held_are_found(folder: Path) -> None:
    history(folder, "runs.db", "insert into runs values ('STARTING', datetime('now'))")
    look(folder)
    history(folder, "runs/index.db", "insert into concurrency_slots values ('run')")
    with pytest.raises(LostError, match="1 slots"):
        look(folder)
    history(folder, "runs.db", "insert into runs values ('STARTED', datetime('now'))")
    with pytest.raises(LostError, match="STARTED"):
        look(folder)


@pytest.mark.parametrize("text", [TOKEN, "from bo-moss, who", "/file?se=1&sig=abcdefgh%3D"])
def test_what_is_told_is_found(folder: Path, text: str) -> None:
    (folder / "said.txt").write_text("bo-mossy and sig= are nobody and nothing")
    look(folder)
    (folder / "said.txt").write_text(text)
    with pytest.raises(LostError, match=r"said\.txt"):
        look(folder)


def test_the_step_in_which_a_run_was_killed(folder: Path) -> None:
    assert step_under_way(folder, set()) == "before its first step"
    for number, kind in enumerate(["STEP_START", "STEP_SUCCESS", "RUN_SUCCESS"]):
        history(folder, f"runs/{RUN}.db", f"insert into event_logs values ({number}, 'raw__users', '{kind}')")
        assert step_under_way(folder, set()) == ["raw__users", "between two steps", "after its last step"][number]
    assert step_under_way(folder, {folder / ".dagster/storage/history/runs" / f"{RUN}.db"}) == "before its first step"


def test_only_a_process_that_lives_is_killed(tmp_path: Path) -> None:
    lives, ended = (Cold(["sleep", seconds], tmp_path, {"PATH": "/bin"}, tmp_path / "said") for seconds in ("60", "0"))
    assert ended.wait(10) == 0
    assert (end(lives), lives.wait(0), end(ended)) == (True, -9, False)


def test_how_a_process_ended_is_told_to_who_waits_while_another_one_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, waits = Event(), Event()
    read = forkserver.read_signed  # type: ignore[attr-defined]

    def slowly(sentinel: int) -> int:
        answer = int(read(sentinel))
        if sentinel == first._process.sentinel and not reads.is_set():
            reads.set()
            waits.wait(1)
        return answer

    monkeypatch.setattr(processes, "_run", logging.debug)  # does nothing
    processes._FORKS.set_forkserver_preload([])
    first = warm()
    monkeypatch.setattr(forkserver, "read_signed", slowly)
    while not processes.connection.wait([first._process.sentinel], 60):
        pass
    another = Thread(target=warm)
    another.start()
    assert reads.wait(60), "a process that starts no longer asks the others: the lock in torture/processes.py can go"
    code = first.wait(60)
    waits.set()
    another.join()
    assert code == 0


def warm() -> Warm:
    return Warm([], Path(), {}, Path())
