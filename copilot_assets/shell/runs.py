"""Runs from the shell: the instance they are kept in, and a run of the whole graph for a range of days.

The same job that the schedule launches, in this process. What is printed is the commands'.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterInstance

from copilot_assets.definitions import build_defs
from copilot_assets.orchestration.assets.raw import EXPECTED
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.partitions import range_tags

PROJECT_FILES: Final = Path(__file__).parents[1]

_PID_TAG: Final = "copilot-assets/pid"
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


def open_instance() -> DagsterInstance:
    """The Dagster instance: `DAGSTER_HOME`'s, or the one whose history is in `.dagster/` of the current folder."""
    if os.environ.get("DAGSTER_HOME"):
        return DagsterInstance.get()
    here = Path.cwd()
    return DagsterInstance.from_config(str(here if (here / "dagster.yaml").exists() else dagster_yaml().parent))


def dagster_yaml() -> Path:
    """The project's instance configuration: beside the package in a checkout, inside it when installed."""
    beside = PROJECT_FILES.parent / "dagster.yaml"
    return beside if beside.exists() else PROJECT_FILES / "dagster.yaml"


def run_range(
    installation: Installation,
    first: date,
    last: date,
    *,
    instance: DagsterInstance,
    on_day: Callable[[str, date], None],
) -> RangeResult:
    """Run the whole graph for every day from `first` to `last` in one run of this process.

    When days fail, what is below raw is rebuilt in a second run, so that the days that landed are shown all the same.
    """
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    _free_pools_of_dead_runs(instance)
    landed = False

    def on_landed(report: str, day: date) -> None:
        nonlocal landed
        landed = True
        on_day(report, day)

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
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    _free_pools_of_dead_runs(instance)
    defs = build_defs(installation)
    below = defs.resolve_job_def("rebuild").asset_layer.selected_asset_keys - {EXPECTED}
    return _told([_run(defs, "rebuild", instance, {}, asset_selection=list(below), run_id=run_id)])


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


def _free_pools_of_dead_runs(instance: DagsterInstance) -> None:
    """Give back what a killed run of this command still holds: nobody else would, and the next would wait for it."""
    log = instance.event_log_storage
    for pool in log.get_concurrency_keys():
        for slot in log.get_concurrency_info(pool).claimed_slots:
            run = instance.get_run_by_id(slot.run_id)
            if run is None or run.is_finished or _is_dead(run.tags.get(_PID_TAG)):
                if run is not None and not run.is_finished:
                    instance.report_run_failed(run, "The process of this run was killed.")
                log.free_concurrency_slots_for_run(slot.run_id)


def _is_dead(pid: str | None) -> bool:
    """Whether the process that a run was tagged with is gone; a run without the tag is somebody else's."""
    if pid is None:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _run(
    defs: dg.Definitions, job: str, instance: DagsterInstance, tags: dict[str, str], **which: Any
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance, tags={**tags, _PID_TAG: str(os.getpid())}, run_config=_QUIET, raise_on_error=False, **which
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
