"""When things run: the jobs, the daily schedule, and the sensor that lets the rest follow.

What runs is decided by selections of assets; how a step works is not known here.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import dagster as dg
from dagster import DagsterInstance, EventLogRecord, RunsFilter
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from copilot_assets.github.reports import REPORTS
from copilot_assets.orchestration.assets.lake import LAKE_FILES
from copilot_assets.orchestration.assets.raw import LEDGER, raw_key
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.partitions import range_tags
from copilot_assets.settings import DEFAULT_LOOKBACK_DAYS, SettingsError

# GitHub has yesterday's reports from about 03:30 UTC on ("created_at" of published reports); 06:30 leaves it time.
DAILY_AT = "30 6 * * *"
LAKE_AT = "30 5 * * *"
# The job of all assets, which the schedule launches.
EVERYTHING: Final = "everything"
# The job of all below raw, which the sensor launches.
REBUILD: Final = "rebuild"
# What the last step of either job makes: a run that made it has built everything.
LAST: Final = dg.AssetKey(["quality", "notice"])
# Events of the ledger that one look takes in: a run has one for each report.
_MOST_LANDED: Final = 1000


def build_jobs(installation: Installation) -> list[Any]:
    """`everything`: the whole graph for a day or a range in one run. `rebuild`: all below raw, asking nobody.

    Dagster exports no name for the type of an asset job.
    """
    reports = [raw_key(report) for report in REPORTS]
    # Raw assets that these settings never fetch; a run of them would be bookkeeping for nothing.
    asked = installation.asked_reports()
    unasked = [raw_key(report) for report in REPORTS if report not in asked]
    # The lake's files have a schedule of their own.
    graph = dg.AssetSelection.all() - dg.AssetSelection.groups("lake")
    return [
        dg.define_asset_job(
            EVERYTHING,
            selection=graph - dg.AssetSelection.assets(*unasked) if unasked else graph,
            description="GitHub to weekly tables in one run: a day, or a range of days by its range tags.",
        ),
        dg.define_asset_job(
            REBUILD,
            selection=(graph - dg.AssetSelection.assets(*reports) | dg.AssetSelection.checks_for_assets(*reports)),
            description="Everything below raw and every check, from what has landed; asks GitHub for nothing.",
        ),
    ]


def build_lake_schedule() -> dg.ScheduleDefinition:
    """The maintenance of a lake, before the daily run."""
    return dg.ScheduleDefinition(
        "maintain_lake",
        target=dg.AssetSelection.assets(LAKE_FILES),
        cron_schedule=LAKE_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Daily at 05:30 UTC: merges the small files that runs left, and drops old snapshots.",
    )


def build_schedule(installation: Installation, partitions: dg.DailyPartitionsDefinition) -> dg.ScheduleDefinition:
    """The daily run: the last `COPILOT_LOOKBACK_DAYS` closed days, because GitHub revises them for three."""

    @dg.schedule(
        name="refresh_recent_days",
        job_name=EVERYTHING,
        cron_schedule=DAILY_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Daily at 06:30 UTC: fetches the last COPILOT_LOOKBACK_DAYS closed days again, in one run.",
    )
    def refresh_recent_days(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            lookback = installation.settings().lookback_days
        except SettingsError:
            lookback = DEFAULT_LOOKBACK_DAYS  # the run will fail and say why
        keys = partitions.get_partition_keys(context.scheduled_execution_time)[-lookback:]
        if not keys:
            return dg.SkipReason("No day has closed since COPILOT_START_DATE.")
        return dg.RunRequest(tags=range_tags(date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])))

    return refresh_recent_days


def build_sensor() -> dg.SensorDefinition:
    """Lets all below raw follow when something landed and was not shown by its own run; running from the start.

    A sensor, no automation conditions: of these Dagster keeps every evaluation for 30 days, 6 MB each for all assets.
    """

    @dg.sensor(
        name="follow_raw",
        job_name=REBUILD,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Rebuilds what lies below raw once a backfill, a single day or a failed run has changed it.",
    )
    def follow_raw(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        instance = context.instance
        # Between the runs of a backfill none is at work, and the next ones build what this would.
        if _are_runs_at_work(instance) or _are_backfills_at_work(instance):
            return dg.SkipReason("A run is at work: what has landed is looked at once none is.")
        # Of versions before, automation conditions had left another kind of cursor under this name.
        seen = int(context.cursor) if context.cursor and context.cursor.isdecimal() else None
        landed = instance.fetch_materializations(
            dg.AssetRecordsFilter(LEDGER, after_storage_id=seen), limit=_MOST_LANDED
        ).records
        if not landed:
            return dg.SkipReason("Nothing has landed since the last look.")
        newest = str(landed[0].storage_id)
        context.update_cursor(newest)
        if _is_shown(instance, landed):
            return dg.SkipReason("A run has built everything from what has landed.")
        return dg.RunRequest(run_key=newest)

    return follow_raw


def _are_runs_at_work(instance: DagsterInstance) -> bool:
    return instance.get_runs_count(RunsFilter(statuses=NOT_FINISHED_STATUSES)) > 0


def _are_backfills_at_work(instance: DagsterInstance) -> bool:
    return bool(instance.get_backfills(BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]), limit=1))


def _is_shown(instance: DagsterInstance, landed: Sequence[EventLogRecord]) -> bool:
    """Whether a run has built everything from these events, newest first: its own, and those of before it began."""
    records = instance.fetch_materializations(LAST, limit=1).records
    if not records or records[0].storage_id < landed[0].storage_id:
        return False
    others = [event.timestamp for event in landed if event.run_id != records[0].run_id]
    if not others:
        return True
    run = instance.get_run_record_by_id(records[0].run_id)
    return run is not None and run.start_time is not None and run.start_time > max(others)
