"""Dagster's history in PostgreSQL, as deploy/compose has it: logs of old runs go, and runs of other machines live."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from copilot_assets.orchestration.history import drop_old_logs
from copilot_assets.orchestration.owners import KILLED, Launcher, fail_dead_runs, owned
from copilot_assets.warehouse.lock import open_lock
from tests.postgres import Postgres

CONFIG = Path(__file__).parents[2] / "deploy" / "compose" / "dagster.yaml"
OURS = JobPythonOrigin(
    "nothing", RepositoryPythonOrigin(sys.executable, ModuleCodePointer("copilot_assets.definitions", "defs"))
)


@pytest.fixture
def instance(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance that the compose file configures, in a folder of its own: another one is another machine."""
    shutil.copy(CONFIG, tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    for name, value in {
        "HOST": postgres.host,
        "PORT": str(postgres.port),
        "USER": postgres.user,
        "PASSWORD": postgres.password,
        "DB": postgres.database,
    }.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", value)
    with dg.DagsterInstance.get() as instance:
        yield instance


def age(postgres: Postgres, run_id: str, at: datetime) -> None:
    """Let a run have been at that time."""
    with closing(psycopg2.connect(postgres.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("update event_logs set timestamp = %s where run_id = %s", (at.replace(tzinfo=None), run_id))
        cursor.execute("update runs set update_timestamp = %s where run_id = %s", (at.replace(tzinfo=None), run_id))


@dg.job
def nothing() -> None:
    """A job of no step."""


@pytest.mark.parametrize("keeps", ["", "91"])
def test_logs_of_old_runs_go_and_what_is_known_of_assets_and_their_days_stays(
    instance: dg.DagsterInstance,
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fixed_clock: datetime,
    keeps: str,
) -> None:
    """The same as of SQLite (tests/orchestration/test_history.py)."""
    if keeps:
        monkeypatch.setenv("COPILOT_KEEP_LOGS_DAYS", keeps)
    name = f"of_a_day_{keeps}"

    @dg.asset(name=name, partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def of_a_day(context: dg.AssetExecutionContext) -> None:
        print("said")
        context.log.info("logged")

    @dg.asset_check(asset=of_a_day)
    def holds() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    old, new, newest = (
        dg.materialize([of_a_day, holds], partition_key=f"2026-01-0{day}", instance=instance).run_id
        for day in (1, 2, 3)
    )
    going_on = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("at work for months", going_on)
    said = list(tmp_path.glob(f".dagster/storage/{old}/**/*.out"))
    assert said
    for run_id, days in ((old, 90), (new, 89), (going_on.run_id, 99)):
        age(postgres, run_id, fixed_clock - timedelta(days=days, hours=1))
    before = len(instance.all_logs(old))
    drop_old_logs(instance)
    assert [path.exists() for path in said] == [bool(keeps)] * len(said)
    left = [entry.dagster_event_type for entry in instance.all_logs(old)]
    if keeps:
        assert len(left) == before
    else:
        assert sorted(kind.value for kind in left if kind) == [
            "ASSET_CHECK_EVALUATION",
            "ASSET_CHECK_EVALUATION_PLANNED",
            "ASSET_MATERIALIZATION",
            "ASSET_MATERIALIZATION_PLANNED",
            "PIPELINE_START",
            "PIPELINE_SUCCESS",
        ]
    assert len(instance.all_logs(new)) == before
    assert len(instance.all_logs(going_on.run_id)) == 1
    key = dg.AssetKey(name)
    assert instance.get_materialized_partitions(key) == {"2026-01-01", "2026-01-02", "2026-01-03"}
    storage = instance.event_log_storage
    (check,) = storage.get_latest_asset_check_execution_by_key([dg.AssetCheckKey(key, "holds")]).values()
    assert check.evaluation is not None
    assert {old, new, newest} <= {run.run_id for run in instance.get_runs()}
    instance.report_run_canceled(going_on)


def test_a_run_of_another_machine_whose_lock_is_not_here_lives(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the history is this machine's alone such a run is dead: tests/orchestration/test_owners.py."""
    monkeypatch.setattr("copilot_assets.orchestration.owners._LONGEST_START", timedelta(0))
    runs = [
        instance.create_run_for_job(nothing, status=status, job_code_origin=OURS)
        for status in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)
    ]
    fail_dead_runs(instance)
    assert isinstance(instance.run_launcher, Launcher)
    for run in runs:
        found = instance.get_run_by_id(run.run_id)
        assert found
        assert found.status is run.status
        assert instance.run_launcher.check_run_worker_health(found).status is WorkerStatus.RUNNING
        instance.report_run_canceled(found)


def test_a_run_whose_lock_is_here_and_free_was_killed(instance: dg.DagsterInstance) -> None:
    """Services on one machine see each other's locks in the volume that they share."""
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED, job_code_origin=OURS)
    lock = Path(instance.root_directory) / "owners" / f"{run.run_id}.lock"
    with owned(instance, run.run_id, to_its_end=False):
        assert lock.exists()
        fail_dead_runs(instance)
        assert (lives := instance.get_run_by_id(run.run_id))
        assert lives.status is dg.DagsterRunStatus.STARTED
    open_lock(lock).close()  # as a killed process leaves it
    assert isinstance(instance.run_launcher, Launcher)
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND
    fail_dead_runs(instance)
    assert (killed := instance.get_run_by_id(run.run_id))
    assert killed.status is dg.DagsterRunStatus.FAILURE
    assert KILLED in [entry.message for entry in instance.all_logs(run.run_id)]
    assert not lock.exists()


def test_a_pod_whose_folder_cannot_be_written_runs_all_the_same(instance: dg.DagsterInstance) -> None:
    (Path(instance.root_directory) / "owners").touch()
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED, job_code_origin=OURS)
    with owned(instance, run.run_id, to_its_end=True):
        fail_dead_runs(instance)
        assert (lives := instance.get_run_by_id(run.run_id))
        assert lives.status is dg.DagsterRunStatus.STARTED
    instance.report_run_canceled(run)
