"""Runs of the shell as processes: on a terminal, interrupted, killed as a container's first process, and waiting."""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from copilot_assets.shell.cli import main
from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.runs import open_instance
from copilot_assets.shipped import shipped
from copilot_assets.standin import Fault, Standin
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.lock import one_run
from tests.conftest import TODAY, all_but

FIRST, LAST = TODAY - timedelta(days=8), TODAY - timedelta(days=5)
BACKFILL = [sys.executable, "-m", "copilot_assets", "backfill", "--start", str(FIRST), "--end", str(LAST)]
SENTENCE = "Interrupted. What landed stays; run it again.\n"


@pytest.fixture
def env(standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An installation that asks for one report, each of whose answers takes a second."""
    shutil.copy(shipped("dagster.yaml"), tmp_path)
    standin.faults.append(Fault("slow", report="users-1-day"))
    standin.requests.clear()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return {
        **os.environ,
        "GITHUB_API_URL": standin.api_url,
        "GITHUB_TOKEN": "secret-of-the-test",
        "COPILOT_SCOPES": "org:octo-org",
        "COPILOT_SKIP_REPORTS": all_but("users-1-day"),
        "COPILOT_START_DATE": str(FIRST),
        "COPILOT_WAREHOUSE": str(tmp_path / "copilot.duckdb"),
    }


def until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not holds():
        assert process.poll() is None
        time.sleep(0.05)


def is_fetching(standin: Standin) -> Callable[[], bool]:
    return lambda: any("users-1-day" in request.path for request in standin.requests)


def statuses() -> list[dg.DagsterRunStatus]:
    with open_instance() as instance:
        return [run.status for run in instance.get_runs()]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupt_ends_a_run_at_once_with_one_sentence(
    env: dict[str, str], standin: Standin, number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(BACKFILL, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(is_fetching(standin), process)
    process.send_signal(number)
    at = time.monotonic()
    out, err = process.communicate()
    assert time.monotonic() - at < 2
    assert (process.returncode, err) == (code, SENTENCE)
    assert "Weekly adoption trend" not in out
    assert statuses() == [dg.DagsterRunStatus.CANCELED], "one run, and none that rebuilds"


@pytest.mark.parametrize(
    ("command", "number", "code"), [("status", signal.SIGINT, 130), ("doctor", signal.SIGTERM, 143)]
)
def test_an_interrupt_ends_what_only_looks_likewise(
    env: dict[str, str], standin: Standin, command: str, number: signal.Signals, code: int
) -> None:
    """One that waits for the file, and one that waits for GitHub."""
    standin.faults[:] = [Fault("slow")]
    with DuckDBFile(Path(env["COPILOT_WAREHOUSE"])).connect():
        process = subprocess.Popen(
            [sys.executable, "-m", "copilot_assets", command],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        if command == "status":
            assert " is open in " in process.stderr.readline()
        else:
            until(lambda: bool(standin.requests), process)
        process.send_signal(number)
        at = time.monotonic()
        _, err = process.communicate()
    assert time.monotonic() - at < 2
    assert (process.returncode, err) == (code, "Interrupted. Run it again.\n")


IGNORING = """
import os, signal
from pathlib import Path
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt
from copilot_assets.shell.runs import alone
from copilot_assets.warehouse.duckdb_file import DuckDBFile

with alone(DuckDBFile(Path("copilot.duckdb")), "test"), capture_interrupts():
    os.kill(os.getpid(), signal.SIGINT)
    print(check_captured_interrupt())
print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
"""
CATCHING = """
import os, signal, time
from pathlib import Path
from dagster._utils.interrupts import capture_interrupts, raise_interrupts_as
import polars  # which has a thread from here on
from copilot_assets.shell.interrupts import ends_at_once
from copilot_assets.shell.runs import alone
from copilot_assets.warehouse.duckdb_file import DuckDBFile

with ends_at_once("Another sentence."), alone(DuckDBFile(Path("copilot.duckdb")), "test"), CONTEXT:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except BaseException as error:
        print(repr(error), flush=True)
    time.sleep(5)
"""


def test_what_a_script_lets_it_ignore_is_ignored_by_dagster_too(tmp_path: Path) -> None:
    """Ctrl-C reaches what a script started with `&`, and Dagster's own handler would fail the run."""
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", IGNORING]
    ended = subprocess.run(ignoring, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("False\nTrue\n", 0), ended.stderr


@pytest.mark.parametrize("context", ["capture_interrupts()", "raise_interrupts_as(InterruptedError)"])
def test_dagster_is_not_told_of_an_interrupt(tmp_path: Path, context: str) -> None:
    """It would note it for later, or raise in the main thread: asyncio takes that for trouble with its socket."""
    command = [sys.executable, "-c", CATCHING.replace("CONTEXT", context)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", SENTENCE, 130)


def test_every_command_is_interrupted_alike_but_those_that_serve_until_then() -> None:
    others = {name for name, command in main.commands.items() if not isinstance(command, Interruptible)}
    assert others == {"demo", "standin", "endpoints", "init", "tables"}, "the last three are over at once"


def test_on_a_terminal_the_bar_moves_and_ctrl_c_clears_it(env: dict[str, str], tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *BACKFILL], env=env, stdin=theirs, stdout=theirs, stderr=theirs, text=True
    )
    os.close(theirs)
    shown, interrupted = "", False
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536).decode(errors="replace")
            except OSError:  # the terminal is gone with the last process on it
                break
        if not interrupted and re.search("[1-4]/4", shown):  # all four days may land between two looks
            os.write(ours, b"\x03")
            interrupted = True
    assert process.wait() == 130, shown
    assert "0/4" in shown
    assert re.search("users-1-day 2026-09-2|flattening and rebuilding", shown)
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert words.replace("\r", "\n").rstrip().endswith(SENTENCE.strip())
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is there again"


def test_a_backfill_waits_for_the_run_at_work_idle_and_until_it_is_interrupted(
    env: dict[str, str], standin: Standin
) -> None:
    with one_run(DuckDBFile(Path(env["COPILOT_WAREHOUSE"])), "run 12345678 of the Dagster UI", lambda _: None):
        process = subprocess.Popen(BACKFILL, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Waiting for run 12345678 of the Dagster UI, at work since ")
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        at = time.monotonic()
        _, err = process.communicate()
        assert time.monotonic() - at < 2
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (process.returncode, err) == (130, SENTENCE)
    assert not standin.requests
    assert statuses() == []
    starting = 6  # seconds of a core that the imports take at most
    assert spent.ru_utime - before.ru_utime < starting


NAMESPACES = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def is_permitted() -> bool:
    return bool(shutil.which("unshare")) and subprocess.run([*NAMESPACES, "true"], check=False).returncode == 0


@pytest.mark.skipif(not is_permitted(), reason="this user may make no process namespace")
def test_a_container_that_was_killed_is_followed_by_one_whose_process_has_the_same_id(
    env: dict[str, str], standin: Standin
) -> None:
    command = [*NAMESPACES, *BACKFILL]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(is_fetching(standin), process)
    process.kill()
    process.communicate()
    assert statuses() == [dg.DagsterRunStatus.STARTED], "nobody could say yet that it was killed"
    standin.faults.clear()
    standin.requests.clear()
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(is_fetching(standin), process)  # which the killed one would hold up
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert sorted(status.value for status in statuses()) == ["FAILURE", "STARTED"]
