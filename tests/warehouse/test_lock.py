"""One run at a time: who waits, for whom, and what a killed one leaves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.lock import one_run

HOLD = """
import sys
from pathlib import Path
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.lock import one_run
with one_run(DuckDBFile(Path(sys.argv[1])), sys.argv[2], on_wait=print):
    print("at work", flush=True)
    sys.stdin.read()
"""


def holder(database: Path, who: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database), who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


def test_a_second_run_waits_and_says_for_whom_and_since_when(tmp_path: Path) -> None:
    database = tmp_path / "data" / "copilot.duckdb"
    first = holder(database, "the first of two runs")
    told: list[str] = []
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            first.communicate()  # ends it

    with one_run(DuckDBFile(database), "the second", told.append, pause):
        assert first.returncode == 0
    (sentence,) = told
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.fullmatch(
        rf"Waiting for the first of two runs, at work since {since}: one run at a time works on {database}\.", sentence
    )
    assert len(looks) >= 3
    assert min(looks) >= 0.1, "it rests between looks"


def test_a_killed_run_holds_nobody_up_whoever_has_its_process_id_now(tmp_path: Path) -> None:
    database = tmp_path / "copilot.duckdb"
    victim = holder(database, f"process {1}, which always lives")
    victim.kill()
    victim.communicate()
    told: list[str] = []
    with one_run(DuckDBFile(database), "the next", told.append):
        assert told == []


def test_what_a_pause_raises_ends_the_waiting(tmp_path: Path) -> None:
    database = tmp_path / "copilot.duckdb"
    first = holder(database, "another")

    def pause(_: float) -> None:
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt), one_run(DuckDBFile(database), "the second", lambda _: None, pause):
            pytest.fail("it has not waited")
    finally:
        first.communicate()


def test_the_lock_is_its_owners_alone_and_where_none_can_be_made_nobody_is_waited_for(tmp_path: Path) -> None:
    database = tmp_path / "copilot.duckdb"
    with one_run(DuckDBFile(database), "a run", lambda _: None):
        assert database.with_suffix(".lock").stat().st_mode & 0o777 == 0o600
    with one_run(DuckDBFile(Path("/proc/nowhere/copilot.duckdb")), "a run", lambda _: None):
        pass  # opening the database says what is wrong there
