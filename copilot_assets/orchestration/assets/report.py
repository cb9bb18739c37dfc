"""The weekly report as a Dagster asset: pages to be read and forwarded, written anew after the models.

Here belongs what Dagster is told about it. What a page says and how it is put in place is decided in `report/`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.report.queries import READ
from copilot_assets.sql_models.model import SqlModel
from copilot_assets.warehouse.store import Warehouse

if TYPE_CHECKING:
    import duckdb


def build_report_asset(models: Iterable[SqlModel]) -> dg.AssetsDefinition:
    """The pages of all scopes; where a model fails, they stay those of the run before."""

    @dg.asset(
        key=["report", "weekly"],
        deps=[dg.AssetKey(model.key) for model in models if model.table in READ],
        group_name="report",
        description=(
            "One page per organisation or enterprise, and one that lists them: the newest closed week in five "
            "sentences and ten charts, to be opened from the folder, printed or forwarded. No page needs another file, "
            "and none says more than the weekly and quality tables do. `COPILOT_REPORT` says where they are."
        ),
        owners=OWNERS,
        kinds={"duckdb", "file"},
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def report_weekly(
        installation: dg.ResourceParam[Installation], warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[Any]:
        from copilot_assets.report.weekly import write_report

        with sentences():
            folder = installation.report_folder()
            if folder is None:
                return dg.MaterializeResult(metadata={"written": "Nothing: COPILOT_REPORT is off."})
            written = write_report(_near(warehouse), folder)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(written.index),
                "page": dg.MetadataValue.url(written.index.as_uri()),
                "scopes": len(written.pages),
                "bytes": written.bytes,
            }
        )

    return report_weekly


@contextmanager
def _near(warehouse: Warehouse) -> "Iterator[duckdb.DuckDBPyConnection]":
    with warehouse.connect("tables") as connection, warehouse.near(connection, READ):
        yield connection
