"""The one daily partitions definition, the tags that make a run of a range of days, and how a backfill is cut.

A partition is a closed UTC day. Scope, team and person are columns, never partitions; weeks are columns too.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
from dagster import AssetExecutionContext


def daily_partitions(start: date) -> dg.DailyPartitionsDefinition:
    """Every closed UTC day from `start`."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat())


def backfill_policy(days_per_run: int | None) -> dg.BackfillPolicy:
    """What a backfill makes of its days: runs of so many of them each, or one run of all."""
    return dg.BackfillPolicy.multi_run(days_per_run) if days_per_run else dg.BackfillPolicy.single_run()


def range_tags(first: date, last: date) -> dict[str, str]:
    """The run tags with which one run takes every day from `first` to `last`, both included."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }


def days_of(context: AssetExecutionContext) -> Sequence[date]:
    """The days a run is about, oldest first: one for a single partition, all of them for a range."""
    return [date.fromisoformat(key) for key in context.partition_keys]
