"""Runs whose process was killed: known by the lock that the process had, ended as failures, and in nobody's way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from copilot_assets.orchestration.owners import KILLED, Launcher, cancel_own_runs, fail_dead_runs, owned
from copilot_assets.shipped import shipped
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.lock import one_run

ROOT = Path(__file__).parents[2]
OWN = """
import sys
import dagster as dg
from copilot_assets.orchestration.owners import owned
with dg.DagsterInstance.from_config(sys.argv[1]) as instance, owned(instance, sys.argv[2], to_its_end=True):
    print("owned", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance that the project configures, in a folder of its own."""
    shutil.copy(shipped("dagster.yaml"), tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance


@dg.job
def nothing() -> None:
    """A job of no step."""


def test_a_run_whose_end_could_not_be_noted_is_ended_by_the_next_one(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    with owned(instance, run.run_id, to_its_end=True):
        pass  # its disk is full: no event tells of its end
    fail_dead_runs(instance)
    assert (ended := instance.get_run_by_id(run.run_id))
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert not list(Path(instance.root_directory, "owners").iterdir())


def test_a_run_that_ended_leaves_no_lock(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.SUCCESS)
    with owned(instance, run.run_id, to_its_end=True), owned(instance, "never made", to_its_end=True):
        pass
    assert not list(Path(instance.root_directory, "owners").iterdir())


def owner(instance: dg.DagsterInstance, run_id: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWN, os.environ["DAGSTER_HOME"], run_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "owned\n"
    return process


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_a_run_whose_process_was_killed_ends_as_a_failure(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run = instance.create_run_for_job(nothing, status=status)
    process = owner(instance, run.run_id)
    fail_dead_runs(instance)
    assert (lives := instance.get_run_by_id(run.run_id))
    assert lives.status is status, "its process lives"
    process.kill()
    process.communicate()
    assert list(Path(instance.root_directory, "owners").iterdir())
    fail_dead_runs(instance)
    assert (killed := instance.get_run_by_id(run.run_id))
    assert killed.status is dg.DagsterRunStatus.FAILURE
    assert KILLED in [entry.message for entry in instance.all_logs(run.run_id)]
    assert not list(Path(instance.root_directory, "owners").iterdir()), "its lock is cleared away"


def test_a_run_without_an_owner_is_somebody_elses(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    fail_dead_runs(instance)
    assert (other := instance.get_run_by_id(run.run_id))
    assert other.status is dg.DagsterRunStatus.STARTED


def test_a_run_of_this_project_that_was_killed_before_it_had_an_owner_ends_minutes_later(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster has made the process, and the executor has not begun, when `dagster dev` is killed for good."""
    ours, other = (
        instance.create_run_for_job(
            nothing,
            status=dg.DagsterRunStatus.STARTING,
            job_code_origin=JobPythonOrigin(
                "rebuild", RepositoryPythonOrigin(sys.executable, ModuleCodePointer(module, "defs"))
            ),
        )
        for module in ("copilot_assets.definitions", "of_another_project")
    )
    for seconds, status in ((180, dg.DagsterRunStatus.STARTING), (0, dg.DagsterRunStatus.FAILURE)):
        monkeypatch.setattr("copilot_assets.orchestration.owners._LONGEST_START", timedelta(seconds=seconds))
        fail_dead_runs(instance)
        assert (found := instance.get_run_by_id(ours.run_id))
        assert found.status is status
    assert (found := instance.get_run_by_id(other.run_id))
    assert found.status is dg.DagsterRunStatus.STARTING


def test_the_runs_of_a_process_that_is_interrupted_are_canceled(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    with owned(instance, run.run_id, to_its_end=False):
        cancel_own_runs("Ctrl-C")
    cancel_own_runs("It has none any more")
    assert (canceled := instance.get_run_by_id(run.run_id))
    assert canceled.status is dg.DagsterRunStatus.CANCELED


def test_dagsters_own_monitoring_asks_the_lock(instance: dg.DagsterInstance) -> None:
    """With `dagster dev` on, a run that was killed is red within half a minute, whether or not there is a next one."""
    assert instance.run_monitoring_enabled
    assert isinstance(instance.run_launcher, Launcher)
    assert instance.run_launcher.supports_check_run_worker_health
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    process = owner(instance, run.run_id)
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    process.kill()
    process.communicate()
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND


def test_a_run_of_the_ui_owns_itself_waits_for_the_one_at_work_and_is_known_as_dead_when_killed(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """What Dagster launches goes through the executor of the definitions, as `dagster job execute` does."""
    database = tmp_path / "copilot.duckdb"
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "copilot_assets.definitions", "-j", "rebuild"]
    env = {**os.environ, "COPILOT_WAREHOUSE": str(database), "COPILOT_START_DATE": "2026-09-01"}
    old_log = Path(instance.root_directory) / "storage/history/runs/old.db"
    old_log.touch()
    os.utime(old_log, (0, 0))
    with one_run(DuckDBFile(database), "a backfill", lambda _: None):
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            told = waiting(instance, process)
            (run,) = instance.get_runs()
            fail_dead_runs(instance)
            assert (lives := instance.get_run_by_id(run.run_id))
            assert lives.status is dg.DagsterRunStatus.STARTED
        finally:
            process.kill()
            process.communicate()
    assert told.startswith("Waiting for a backfill, at work since ")
    assert not database.exists(), "no step has run"
    assert not old_log.exists(), "it is dropped by every run"
    fail_dead_runs(instance)
    assert (killed := instance.get_run_by_id(run.run_id))
    assert killed.status is dg.DagsterRunStatus.FAILURE


def waiting(instance: dg.DagsterInstance, process: subprocess.Popen[bytes]) -> str:
    """What the one run says that it waits for."""
    while True:
        assert process.poll() is None
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id):
                if entry.message.startswith("Waiting"):
                    return entry.message
        time.sleep(0.2)
