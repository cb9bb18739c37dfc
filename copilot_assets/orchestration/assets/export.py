"""The export as a Dagster asset: files for BI tools, written anew after the models.

Here belongs what Dagster is told about it. How files are written and put in place is decided in `report/export.py`.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.metadata import table_value
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.settings import export_format
from copilot_assets.sql_models.model import PUBLISHED_SCHEMAS, SqlModel
from copilot_assets.warehouse.store import Warehouse


def build_export_asset(models: Iterable[SqlModel]) -> dg.AssetsDefinition:
    """The tables of all models as files; where a model fails, the files stay those of the run before."""

    @dg.asset(
        key=["export", "files"],
        deps=[dg.AssetKey(model.key) for model in models if model.schema in PUBLISHED_SCHEMAS],
        group_name="export",
        description=(
            "One file per table of schema weekly and quality, for tools that are to read numbers without opening the "
            "database, which lets one process in at a time. They are replaced all at once: `COPILOT_EXPORT` says "
            "where, `COPILOT_EXPORT_FORMAT` as what. `tables.json` beside them says what is in them."
        ),
        owners=OWNERS,
        kinds={"duckdb", "file"},
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def export_files(
        installation: dg.ResourceParam[Installation], warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[Any]:
        from copilot_assets.report.export import export

        with sentences():
            folder = installation.export_folder()
            if folder is None:
                return dg.MaterializeResult(metadata={"written": "Nothing: COPILOT_EXPORT is off."})
            exported = export(warehouse.connect("tables"), folder, export_format(installation.env))
        tables = [{"table": each.table, "rows": each.rows, "bytes": each.bytes} for each in exported.tables]
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(exported.folder),
                "tables": table_value(tables),
                "bytes": exported.bytes,
            }
        )

    return export_files
