"""The code location: the whole graph at a glance. `build_defs` puts it together; nothing else is decided here."""

from __future__ import annotations

import dagster as dg

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.github.reports import REPORTS
from copilot_assets.orchestration.assets.export import build_export_asset
from copilot_assets.orchestration.assets.flat import build_flat_assets
from copilot_assets.orchestration.assets.inputs import build_input_assets
from copilot_assets.orchestration.assets.kept_text import DROPPED_TEXT, build_kept_text_asset
from copilot_assets.orchestration.assets.lake import build_lake_asset
from copilot_assets.orchestration.assets.notices import build_notice_asset
from copilot_assets.orchestration.assets.raw import EXPECTED, LEDGER, build_raw_assets, raw_key
from copilot_assets.orchestration.assets.report import build_report_asset
from copilot_assets.orchestration.assets.sql import build_sql_assets
from copilot_assets.orchestration.automation import build_jobs, build_lake_schedule, build_schedule, build_sensor
from copilot_assets.orchestration.checks import build_day_checks, build_key_checks
from copilot_assets.orchestration.executor import build_executor
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.metadata import drawn
from copilot_assets.orchestration.partitions import daily_partitions
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.inputs import INPUT_TABLES


def build_defs(installation: Installation | None = None) -> dg.Definitions:
    """The definitions for an installation; without one, for the process's environment and `.env`."""
    installation = installation or Installation()
    warehouse = installation.warehouse()
    partitions = daily_partitions(installation.start_date())
    models = load_models()
    reports = [raw_key(report) for report in REPORTS]
    tables = [
        *(f"flat.{table.name}" for table in FLAT_TABLES),
        "raw.expected_reports",
        "raw.dropped_text",
        *(f"raw.{table}" for table in INPUT_TABLES),
    ]
    # Tables that have no asset of their name: what every report writes, and a view of the ledger.
    by_every_report = (
        "raw.records",
        "raw.fetches",
        "raw.current_fetches",
        "raw.quarantine",
        "raw.unknown_fields",
        "raw.token_end",
    )
    written_by = {table: [*reports, LEDGER] for table in by_every_report}
    written_by["raw.records"].append(DROPPED_TEXT)
    # Written by the command that forgets a person, and by no asset.
    written_by["raw.forgotten"] = []
    # Each record type's flat tables come with it; one of them is enough to wait for.
    written_by["flat.known_names"] = [dg.AssetKey(["flat", "entity_daily"])]
    docs = {f"flat.{table.name}": table.docs for table in FLAT_TABLES}
    # Drawing costs a run seconds: who wants no report wants no pictures at the tables either.
    pictures = {"draw": drawn} if installation.report_folder() else {}
    return dg.Definitions(
        assets=[
            *build_raw_assets(partitions, installation.asked_reports(), installation.days_per_run()),
            build_input_assets(),
            *build_flat_assets(),
            build_kept_text_asset(),
            build_sql_assets(models, tables, written_by, after=[EXPECTED], docs=docs, **pictures),
            build_export_asset(models),
            build_report_asset(models),
            build_notice_asset(models),
            *([build_lake_asset()] if warehouse.is_shared else []),
        ],
        asset_checks=[*build_day_checks(models), build_key_checks()],
        jobs=build_jobs(installation),
        schedules=[
            build_schedule(installation, partitions),
            *([build_lake_schedule()] if warehouse.is_shared else []),
        ],
        sensors=[build_sensor()],
        resources={"installation": installation, "warehouse": warehouse},
        executor=build_executor(warehouse),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` loads."""
    return build_defs()
