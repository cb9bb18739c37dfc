"""The Dagster assets, thin: they wire what the domain modules do to keys, partitions, metadata and events.

What all asset modules share stands here.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import dagster as dg

from copilot_assets.contract import Column
from copilot_assets.settings import SettingsError
from copilot_assets.warehouse import WarehouseError

# `backfill_policy` and code references are marked beta; a warning for each asset at every start tells a user nothing.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

OWNERS: Final = ["team:copilot"]
# Every step that opens the DuckDB file; dagster.yaml lets one of them run at a time.
POOL: Final = "duckdb"
# Upstream is partitioned by day: one day missing years ago must not stop what is below for ever.
FOLLOWS_UPSTREAM: Final = dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing())


@contextmanager
def sentences() -> Iterator[None]:
    """Let a user's mistake fail the step with its sentence first, instead of a trace through this project."""
    try:
        yield
    except (SettingsError, WarehouseError) as problem:
        raise dg.Failure(description=str(problem), allow_retries=False) from None


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Columns as the UI shows them: name, type, meaning."""
    return dg.TableSchema([dg.TableColumn(column.name, column.dtype, column.doc) for column in columns])


def table_value(rows: Iterable[Mapping[str, object]]) -> dg.TableMetadataValue:
    """Rows as a table in the UI; dates and other values that its tables don't take as text."""
    records = [dg.TableRecord({name: _plain(value) for name, value in row.items()}) for row in rows]
    names = list(records[0].data) if records else ["nothing"]
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name) for name in names]))


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
