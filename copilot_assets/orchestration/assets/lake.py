"""The files of a lake as a Dagster asset: few and large again, and older snapshots gone. A DuckDB file has none of it.

Here belongs what Dagster is told about it; how it is done stands in `warehouse/ducklake.py`.
"""

from typing import Any, Final

import dagster as dg

from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.settings import lake_keep_days
from copilot_assets.warehouse.store import Warehouse

LAKE_FILES: Final = dg.AssetKey(["lake", "files"])


def build_lake_asset() -> dg.AssetsDefinition:
    """The asset, which nothing leads to: a schedule of its own materialises it."""

    @dg.asset(
        key=LAKE_FILES,
        group_name="lake",
        description=(
            "The Parquet files of the lake. Each run leaves small ones: this merges them, writes anew those that hold "
            "deleted rows, and drops what only snapshots older than `COPILOT_LAKE_KEEP_DAYS` show. Runs wait for it."
        ),
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def lake_files(
        installation: dg.ResourceParam[Installation], warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[Any]:
        with sentences():
            return dg.MaterializeResult(metadata=dict(warehouse.compact(lake_keep_days(installation.env))))

    return lake_files
