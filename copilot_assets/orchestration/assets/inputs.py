"""The assets of what the SQL models read besides GitHub's answers: settings, prices and credits of plans, your events.

One step writes them all. Where they come from is in `warehouse/inputs.py`.
"""

from collections.abc import Iterable
from typing import Any, Final

import dagster as dg

from copilot_assets.orchestration.assets.raw import EXPECTED
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.metadata import column_schema, table_value
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.warehouse.inputs import INPUT_TABLES, write_inputs
from copilot_assets.warehouse.store import Warehouse

_DESCRIPTIONS: Final = {
    "settings": "One row per installation: the settings that decide what models tell. From the environment and `.env`.",
    "plan_prices": "One row per plan: what a seat costs. From COPILOT_PLAN_PRICES; GitHub's list prices when unset.",
    "plan_credits": "One row per plan: the AI credits that a seat includes in a month. From COPILOT_PLAN_CREDITS.",
    "events": "One row per event of yours, such as a training or a roll-out. From `events.csv` (COPILOT_EVENTS).",
}


def build_input_assets() -> dg.AssetsDefinition:
    """The tables of `INPUT_TABLES`, unpartitioned, in one step."""

    @dg.multi_asset(
        name="read_inputs",
        specs=[
            dg.AssetSpec(
                ["raw", table],
                # Settings that can't be used stop a run before it makes a database.
                deps=[EXPECTED],
                group_name="raw",
                owners=OWNERS,
                kinds={"python", "duckdb"},
                metadata={"dagster/column_schema": column_schema(columns), "dagster/table_name": f"raw.{table}"},
                description=_DESCRIPTIONS[table],
            )
            for table, columns in INPUT_TABLES.items()
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def read_inputs(
        installation: dg.ResourceParam[Installation], warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterable[dg.MaterializeResult[Any]]:
        with sentences():
            inputs = installation.inputs()
            with warehouse.connect("tables") as connection:
                write_inputs(connection, inputs)
        for table, rows in inputs.rows().items():
            names = [column.name for column in INPUT_TABLES[table]]
            yield dg.MaterializeResult(
                asset_key=["raw", table],
                metadata={
                    "dagster/row_count": len(rows),
                    "rows": table_value(dict(zip(names, row, strict=True)) for row in rows),
                },
            )

    return read_inputs
