"""Runs from the shell: the instance they are kept in, and a run of the whole graph for a range of days.

The same job that the schedule launches, in this process, alone at work on its warehouse. What is printed of it is the
commands'.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterInstance
from dagster._core.instance import InstanceRef
from dagster._utils import interrupts as dagster_interrupts

from copilot_assets.definitions import build_defs
from copilot_assets.orchestration.assets.raw import EXPECTED
from copilot_assets.orchestration.history import drop_old_logs
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.owners import cancel_own_runs, fail_dead_runs, owned
from copilot_assets.orchestration.partitions import range_tags
from copilot_assets.shell.interrupts import at_interrupt, ends_at_once
from copilot_assets.shell.places import history_places
from copilot_assets.shell.screen import refuse, say, says_what_is_logged, usage_errors
from copilot_assets.warehouse.lock import one_run
from copilot_assets.warehouse.store import Warehouse

# Dagster would take standard output from the shell for as long as a run goes on.
_UNCAPTURED: Final = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
_INTERRUPTED: Final = "Interrupted. What landed stays; run it again."
# Dagster prints every event of a run; the shell prints its own lines instead.
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RangeResult:
    """What came of a range.

    Attributes:
        problems: the sentences of failed steps, in order; empty when all days landed.
        checks: every check that ran.
        run_ids: the runs in Dagster's history.
    """

    problems: tuple[str, ...]
    checks: tuple[AssetCheckEvaluation, ...]
    run_ids: tuple[str, ...]

    @property
    def is_success(self) -> bool:
        """Whether every step succeeded; a check that warns or fails does not count."""
        return not self.problems


# Where the storage class was that somebody's own dagster.yaml names.
_FORMER_HISTORY: Final = "copilot_assets.history"


def open_instance() -> DagsterInstance:
    """The one instance of an installation, whatever folder the command is called in.

    It is DAGSTER_HOME's; without one, that of the current folder's dagster.yaml, as of `dagster dev`, else that of the
    checkout. Where the package is installed without one, the history is kept beside the database. Where there can't be
    one, the command ends with a sentence.
    """
    with usage_errors():
        home, config = _places()
    with _dagster_home(home), _history_troubles(OSError):
        ref = InstanceRef.from_dir(str(home), config_dir=str(config), overrides=_UNCAPTURED)
        if ref.storage_data and ref.storage_data.module_name == _FORMER_HISTORY:
            refuse(
                f"{config / 'dagster.yaml'} names {_FORMER_HISTORY} as storage, as versions before this one had it. "
                "Write copilot_assets.orchestration.history in its place, or copy the dagster.yaml of this version; "
                "the history stays."
            )
        return DagsterInstance.from_ref(ref)


def _places() -> tuple[Path, Path]:
    return history_places(Installation())


@contextmanager
def _history_troubles(*others: type[Exception]) -> Iterator[None]:
    """Let a history that can't be reached, read or written, such as on a full disk, end the command with a sentence."""
    from sqlalchemy.exc import DBAPIError

    troubles: tuple[type[Exception], ...] = (DBAPIError, sqlite3.Error, *others)
    try:
        yield
    except dg.DagsterInvalidConfigError as error:
        unset = dict.fromkeys(re.findall(r'environment variable "(\w+)" which is not set', str(error)))
        if not unset:
            raise
        refuse(
            f"{_places()[1] / 'dagster.yaml'} says where Dagster's history is by {', '.join(unset)}, and that is not "
            "set here. Set it, or run this as docs/deploy.md says.",
            code=1,
        )
    except Exception as error:
        # dagster-postgres raises an error of its own from the last of its attempts.
        trouble = next((each for each in (error, error.__cause__) if isinstance(each, troubles)), None)
        if trouble is None:
            raise
        reason = trouble.orig if isinstance(trouble, DBAPIError) else trouble
        if isinstance(trouble, DBAPIError) and not isinstance(reason, sqlite3.Error):
            refuse(
                f"Dagster's history can't be kept where {_places()[1] / 'dagster.yaml'} says "
                f"({str(reason).splitlines()[0]}). What landed stays. Look whether that database is up and takes this "
                "user and password, and run this again.",
                code=1,
            )
        refuse(
            f"Dagster's history can't be kept in {_places()[0]} ({reason}). What landed stays. Look at the disk and "
            "the rights to that folder, or set DAGSTER_HOME to another one, and run this again.",
            code=1,
        )


@contextmanager
def _dagster_home(folder: Path) -> Iterator[None]:
    """Dagster's classes that dagster.yaml names learn in no other way which folder theirs is."""
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(folder)
    try:
        yield
    finally:
        del os.environ["DAGSTER_HOME"]
        if before is not None:
            os.environ["DAGSTER_HOME"] = before


@contextmanager
def _without_dagsters_handlers() -> Iterator[None]:
    """Let handlers of interrupts be what they are, while Dagster executes inside.

    It would set its own, which raise in the main thread wherever that is: in a library that takes it for trouble of
    its own and logs a trace, say, or note an interrupt for later. And it would heed what is to be ignored.
    """
    theirs = dagster_interrupts._replace_interrupt_signal
    dagster_interrupts._replace_interrupt_signal = lambda new_signal_handler: None
    try:
        yield
    finally:
        dagster_interrupts._replace_interrupt_signal = theirs


@contextmanager
def alone(warehouse: Warehouse, command: str) -> Iterator[None]:
    """What a command that writes does to the warehouse, once no run works on it any more; Ctrl-C ends it at once.

    Args:
        warehouse: what is written.
        command: its name, as others are told it that have to wait.
    """
    with (
        says_what_is_logged(),
        _history_troubles(),
        ends_at_once(_INTERRUPTED),
        _without_dagsters_handlers(),
        at_interrupt(lambda: cancel_own_runs(_INTERRUPTED)),
        one_run(warehouse, f"copilot-assets {command} (process {os.getpid()})", on_wait=say),
    ):
        yield


def _prepare(instance: DagsterInstance) -> None:
    """Before a run of this process: Dagster says nothing on the screen, and its history is in order."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    fail_dead_runs(instance)
    drop_old_logs(instance)


def run_range(
    installation: Installation,
    first: date,
    last: date,
    *,
    instance: DagsterInstance,
    on_day: Callable[[str, date, bool], None],
) -> RangeResult:
    """Run the whole graph for every day from `first` to `last` in one run of this process.

    When days fail, what is below raw is rebuilt in a second run, so that the days that landed are shown all the same.
    """
    _prepare(instance)
    landed = False

    def on_landed(report: str, day: date, has_failed: bool) -> None:
        nonlocal landed
        landed = True
        on_day(report, day, has_failed)

    defs = build_defs(replace(installation, on_day=on_landed))
    everything = _run(defs, "everything", instance, range_tags(first, last))
    results = [everything]
    if landed and not everything.success:
        results.append(_run(defs, "rebuild", instance, {}))
    return _told(results)


def rebuild(installation: Installation, *, instance: DagsterInstance, run_id: str) -> RangeResult:
    """Rebuild everything below raw from what has landed, in one run of this process, under the id given.

    GitHub is not asked and what is expected of it stays as it was, so that neither a token nor scopes are needed.
    """
    _prepare(instance)
    defs = build_defs(installation)
    below = defs.resolve_job_def("rebuild").asset_layer.selected_asset_keys - {EXPECTED}
    return _told([_run(defs, "rebuild", instance, {}, run_id=run_id, asset_selection=list(below))])


def _told(results: Sequence[dg.ExecuteInProcessResult]) -> RangeResult:
    return RangeResult(
        problems=tuple(sentence for result in results for sentence in _problems(result)),
        # A check that ran in both runs counts as it stood at the end.
        checks=tuple(
            {
                (check.asset_key, check.check_name): check
                for result in results
                for check in result.get_asset_check_evaluations()
            }.values()
        ),
        run_ids=tuple(result.run_id for result in results),
    )


def _run(
    defs: dg.Definitions,
    job: str,
    instance: DagsterInstance,
    tags: dict[str, str],
    *,
    run_id: str | None = None,
    asset_selection: Sequence[dg.AssetKey] | None = None,
) -> dg.ExecuteInProcessResult:
    run_id = run_id or str(uuid4())
    with owned(instance, run_id, to_its_end=True):
        return defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            tags=tags,
            run_config=_QUIET,
            raise_on_error=False,
            run_id=run_id,
            asset_selection=asset_selection,
        )


def _problems(result: dg.ExecuteInProcessResult) -> Sequence[str]:
    return [_sentence(event.event_specific_data) for event in result.get_step_failure_events()]


def _sentence(failure: Any) -> str:
    """A failed step in its own words: the sentence of a `Failure`, or the error's last line."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error.cause:
        error = error.cause
    return str(error.message).strip()
