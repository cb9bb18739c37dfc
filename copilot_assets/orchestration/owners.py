"""Who runs a run: a lock that the run's own process holds, so that a run whose process is gone is known for sure.

Here belongs what becomes of runs whose process died: killed runs end as failures, in Dagster's history and at the start
of the next run. Of a run of another machine nothing is concluded, for its lock is not here: its launcher watches it.
Waiting for a run that lives is `warehouse/lock.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.event_log import SqliteEventLogStorage

from copilot_assets.now import now_utc
from copilot_assets.warehouse.lock import is_taken, open_lock

_UNDER_WAY: Final = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
# Dagster's own `start_timeout_seconds`.
_LONGEST_START: Final = timedelta(seconds=180)
KILLED: Final = "The process of this run was killed. What had landed by then stays."
_OWN: Final[dict[str, DagsterInstance]] = {}


@contextmanager
def owned(instance: DagsterInstance, run_id: str, *, to_its_end: bool) -> Iterator[None]:
    """Own a run while it goes on in this process; entered before the run is made, there is no moment without an owner.

    Where the run goes on to its end inside and the history does not tell of that end, for its disk is full, the lock
    stays behind, free, as a killed process leaves it: the next run ends the run.

    What this says of the run stays true when the process is killed: nobody else can take the lock before.

    Raises:
        OSError: the folder of the history can't be written, of a history of this machine alone.
    """
    lock = _lock_of(instance, run_id)
    with lock or nullcontext():
        _OWN[run_id] = instance
        try:
            yield
        finally:
            del _OWN[run_id]
            if lock and (not to_its_end or _is_noted_as_ended(instance, run_id)):
                _path(instance, run_id).unlink(missing_ok=True)


def _lock_of(instance: DagsterInstance, run_id: str) -> BinaryIO | None:
    """The lock of a run; None where it can't be made and need not be: a pod has no folder that others look into."""
    path = _path(instance, run_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _locked(path)
    except OSError:
        if _is_of_one_machine(instance):
            raise
        return None


def _is_of_one_machine(instance: DagsterInstance) -> bool:
    """Whether every run of the history leaves its lock here: SQLite's files are one machine's, PostgreSQL has many."""
    return isinstance(instance.event_log_storage, SqliteEventLogStorage)


def _is_noted_as_ended(instance: DagsterInstance, run_id: str) -> bool:
    """Whether the history, if it can be read, knows of no run that goes on."""
    try:
        run = instance.get_run_by_id(run_id)
    except Exception:  # noqa: BLE001  (whatever the reason, nobody knows)
        return False
    return run is None or run.is_finished


def _locked(path: Path) -> BinaryIO:
    """A new file under a lock: under its name nobody finds it before, and who clears away meanwhile is no hindrance."""
    unseen = path.with_suffix(".new")
    while True:
        file = open_lock(unseen)
        with suppress(FileNotFoundError):
            if is_taken(file):
                unseen.rename(path)
                return file
        file.close()


def cancel_own_runs(message: str) -> None:
    """Let Dagster's history say that the runs of this process end here."""
    for run_id, instance in list(_OWN.items()):
        run = instance.get_run_by_id(run_id)
        if run and not run.is_finished:
            instance.report_run_canceled(run, message)


def fail_dead_runs(instance: DagsterInstance) -> None:
    """End the runs whose process was killed as failures, and clear their locks away."""
    for run in instance.get_runs(RunsFilter(statuses=_UNDER_WAY)):
        if is_dead(instance, run.run_id):
            instance.report_run_failed(run, KILLED)
    for path in _path(instance, "any").parent.glob("*"):
        if _is_free(path):
            path.unlink(missing_ok=True)


def is_dead(instance: DagsterInstance, run_id: str) -> bool:
    """Whether the process of a run that has not finished is gone.

    A run of this project that has no owner after minutes was killed before it had one, in a history of this machine
    alone; any other is somebody else's, or of another machine.
    """
    is_owned = _path(instance, run_id).exists()
    if is_owned and not _is_free(_path(instance, run_id)):
        return False
    record = instance.get_run_record_by_id(run_id)  # it may have ended since it was looked for
    if record is None or record.dagster_run.is_finished:
        return False
    if is_owned or not _is_of_one_machine(instance):
        return is_owned
    return _is_ours(record.dagster_run) and now_utc() - record.update_timestamp > _LONGEST_START


def _is_ours(run: dg.DagsterRun) -> bool:
    """Whether Dagster launched a run of this project's definitions: another project may share the instance."""
    origin = run.job_code_origin
    pointer = origin and origin.repository_origin.code_pointer
    return isinstance(pointer, ModuleCodePointer) and pointer.module == "copilot_assets.definitions"


def _path(instance: DagsterInstance, run_id: str) -> Path:
    return Path(instance.root_directory) / "owners" / f"{run_id}.lock"


def _is_free(path: Path) -> bool:
    """Whether a lock is there that nobody has."""
    with suppress(OSError), path.open("r+b") as file:
        return is_taken(file)
    return False


class Launcher(DefaultRunLauncher):
    """Dagster's own launcher of runs, which also tells its monitoring whether a run's process lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: Dagster asks `check_run_worker_health`."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """What Dagster's monitoring asks of each run that has started."""
        dead = is_dead(self._instance, run.run_id)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND if dead else WorkerStatus.RUNNING, KILLED if dead else None)
