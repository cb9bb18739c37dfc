"""The asset that drops the text of old days from raw, once they are in the flat tables: COPILOT_KEEP_RAW_DAYS.

Which days may lose it, and what becomes of their rows, is in `flat/textless.py`.
"""

from typing import Any, Final

import dagster as dg

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.metadata import column_schema, table_value
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.warehouse.docs import DROPPED_TEXT_COLUMNS
from copilot_assets.warehouse.store import TURNS, Warehouse

DROPPED_TEXT: Final = dg.AssetKey(["raw", "dropped_text"])


def build_kept_text_asset() -> dg.AssetsDefinition:
    """`raw.dropped_text`, unpartitioned: after all flat tables, before SQL models that read records."""

    @dg.asset(
        key=DROPPED_TEXT,
        deps=[dg.AssetKey(["flat", table.name]) for table in FLAT_TABLES],
        group_name="raw",
        owners=OWNERS,
        kinds={"duckdb"},
        metadata={
            "dagster/column_schema": column_schema(DROPPED_TEXT_COLUMNS),
            "dagster/table_name": "raw.dropped_text",
        },
        backfill_policy=dg.BackfillPolicy.single_run(),
        description="One row per (scope, report, day) whose text was dropped from `raw.records`: those older than "
        "COPILOT_KEEP_RAW_DAYS that are in the flat tables; none unless it is set.\n\nTheir flat rows stay as they "
        "are: a field or a rule that comes later does not reach them.",
    )
    def dropped_text(
        installation: dg.ResourceParam[Installation], warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[Any]:
        from copilot_assets.flat.textless import drop_text
        from copilot_assets.warehouse.tables import row_count

        with sentences():
            keep_days = installation.keep_raw_days()
            with warehouse.connect(*TURNS) as connection:
                dropped = []
                if keep_days is not None:
                    now = installation.clock.now()
                    days = drop_text(
                        connection, keep_days, now.date(), installation.identities(), now.replace(tzinfo=None)
                    )
                    dropped = days.rows(named=True)
                count = row_count(connection, "raw.dropped_text")
        if keep_days is None:
            told: Any = "COPILOT_KEEP_RAW_DAYS is not set: raw keeps all text."
        elif dropped:
            told = table_value(dropped)
        else:
            told = f"No day older than {keep_days} days had text that may be dropped."
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": count,
                "days_dropped": sum(row["days"] for row in dropped),
                "bytes_dropped": sum(row["bytes"] for row in dropped),
                "dropped": told,
            }
        )

    return dropped_text
