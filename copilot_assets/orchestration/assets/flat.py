"""The flat assets: all tables of a record type in one step, unpartitioned and incremental by the ledger.

Which tables there are is in `flat/tables.py`, how they come out of a record in `flat/rows.py`; what is stale, in
`flat/refresh.py`.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from copilot_assets.flat.tables import RECORDS, FlatTable, tables_of
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.orchestration.assets.raw import LEDGER, raw_key
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.metadata import column_schema, preview
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.records import Record
from copilot_assets.records.contract import person_columns
from copilot_assets.warehouse.store import TURNS, Warehouse

if TYPE_CHECKING:
    import duckdb

    from copilot_assets.flat.refresh import Refreshed
    from copilot_assets.flat.textless import Textless


class FlattenConfig(dg.Config):
    """How much to flatten: what changed (the default), or everything again by the same code."""

    full_refresh: bool = False


def build_flat_assets() -> list[dg.AssetsDefinition]:
    """A multi-asset for each record type, with all its tables."""
    return [_flat_assets(record, [report for report in REPORTS if report.record is record]) for record in RECORDS]


def _spec(table: FlatTable, reports: list[Report]) -> dg.AssetSpec:
    # Who is behind a login, other records tell.
    tell_logins = [record for record in RECORDS if person_columns(record) and not record.is_csv]
    after = [dg.AssetKey(["flat", tables_of(record)[0].name]) for record in tell_logins if table.record.is_csv]
    path = f" from `{'.'.join(table.path)}`" if table.path else ""
    return dg.AssetSpec(
        ["flat", table.name],
        deps=[*(raw_key(report) for report in reports), LEDGER, *after],
        group_name="flat",
        owners=OWNERS,
        kinds={"polars", "duckdb"},
        metadata={
            "dagster/column_schema": column_schema(table.columns),
            "dagster/table_name": f"flat.{table.name}",
        },
        description=f"{table.grain}\n\nTyped and tidy{path} of {', '.join(f'`{report.name}`' for report in reports)}. "
        "null is unknown, 0 is zero.",
    )


def _flat_assets(record: type[Record], reports: list[Report]) -> dg.AssetsDefinition:
    tables = tables_of(record)

    @dg.multi_asset(
        name=f"flatten_{'_and_'.join(report.table for report in reports)}",
        specs=[_spec(table, reports) for table in tables],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def flatten_reports(
        context: dg.AssetExecutionContext,
        config: FlattenConfig,
        installation: dg.ResourceParam[Installation],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterable[dg.MaterializeResult[Any]]:
        from copilot_assets.flat.refresh import refresh_flat
        from copilot_assets.flat.textless import is_shown_otherwise, show_people_anew, textless_days
        from copilot_assets.warehouse.tables import begun_anew

        names = [report.name for report in reports]

        def flattened(
            connection: "duckdb.DuckDBPyConnection",
        ) -> tuple[int, "Mapping[str, Refreshed]", "Textless", Mapping[str, Mapping[str, Any]]]:
            days, refreshed = refresh_flat(connection, record, names, identities, full=config.full_refresh)
            # A scope's own totals, which GitHub tells too; parts of it may be of fewer than five people.
            previews = {
                table.name: preview(connection, f"flat.{table.name}", [column.name for column in table.columns])
                for table in tables
                if table.is_of_whole_scopes
            }
            return days, refreshed, textless_days(connection, names), previews

        with sentences(), begun_anew() as anew:
            identities = installation.identities()
            with warehouse.connect("tables") as connection:
                is_otherwise = is_shown_otherwise(connection, record, names, identities)
                done = None if is_otherwise else flattened(connection)
            if done is None:
                now = installation.clock.now().replace(tzinfo=None)
                with warehouse.connect(*TURNS) as connection:  # days that are given up are entered into the ledger
                    show_people_anew(connection, record, names, identities, context.run.run_id, now)
                    done = flattened(connection)
        days, refreshed, textless, previews = done
        in_the_way = {"transactions_begun_anew": anew["transactions"]} if anew["transactions"] else {}
        for table in tables:
            of_table = refreshed[table.name]
            yield dg.MaterializeResult(
                asset_key=["flat", table.name],
                metadata={
                    "dagster/row_count": of_table.row_count,
                    "rows_written": of_table.rows_written,
                    "scope_days_flattened": days,
                    **in_the_way,
                    **({"days_without_text": textless.days, "without_text": str(textless)} if textless.days else {}),
                    **previews.get(table.name, {}),
                },
            )

    return flatten_reports
