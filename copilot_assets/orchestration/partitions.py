"""The one daily partitions definition, and the tags that make a run of a range of days.

A partition is a closed UTC day. Scope, team and person are columns, never partitions; weeks are columns too.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
from dagster import AssetExecutionContext


def daily_partitions(start: date) -> dg.DailyPartitionsDefinition:
    """Every closed UTC day from `start`."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat())


def range_tags(first: date, last: date) -> dict[str, str]:
    """The run tags with which one run takes every day from `first` to `last`, both included."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }


def days_of(context: AssetExecutionContext) -> Sequence[date]:
    """The days a run is about, oldest first: one for a single partition, all of them for a range."""
    return [date.fromisoformat(key) for key in context.partition_keys]
