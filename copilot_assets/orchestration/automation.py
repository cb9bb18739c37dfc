"""When things run: the jobs, the daily schedule, and the sensor that lets the rest follow.

What runs is decided by selections of assets; how a step works is not known here.
"""

from datetime import date
from typing import Any, Final

import dagster as dg

from copilot_assets.github.reports import REPORTS
from copilot_assets.orchestration.assets.raw import raw_key
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.partitions import range_tags
from copilot_assets.settings import DEFAULT_LOOKBACK_DAYS, SettingsError

# GitHub has yesterday's reports from about 03:30 UTC on ("created_at" of published reports); 06:30 leaves it time.
DAILY_AT = "30 6 * * *"
# The job of all assets, which the schedule launches.
EVERYTHING: Final = "everything"


def build_jobs(installation: Installation) -> list[Any]:
    """`everything`: the whole graph for a day or a range in one run. `rebuild`: all below raw, asking nobody.

    Dagster exports no name for the type of an asset job.
    """
    reports = [raw_key(report) for report in REPORTS]
    # Raw assets that these settings never fetch; a run of them would be bookkeeping for nothing.
    asked = installation.asked_reports()
    unasked = [raw_key(report) for report in REPORTS if report not in asked]
    return [
        dg.define_asset_job(
            EVERYTHING,
            selection=dg.AssetSelection.all() - dg.AssetSelection.assets(*unasked)
            if unasked
            else dg.AssetSelection.all(),
            description="GitHub to weekly tables in one run: a day, or a range of days by its range tags.",
        ),
        dg.define_asset_job(
            "rebuild",
            selection=(
                dg.AssetSelection.all() - dg.AssetSelection.assets(*reports)
                | dg.AssetSelection.checks_for_assets(*reports)
            ),
            description="Everything below raw and every check, from what has landed; asks GitHub for nothing.",
        ),
    ]


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


def build_sensor() -> dg.AutomationConditionSensorDefinition:
    """Lets flat, weekly and quality follow when raw changed outside the daily run; running from the start."""
    return dg.AutomationConditionSensorDefinition(
        "follow_raw",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="Rebuilds what lies below raw when a backfill or a single day changed it.",
    )
