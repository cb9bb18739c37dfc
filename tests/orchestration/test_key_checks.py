"""The checks of keys: tables with rows that stand there twice, checked in one step, together or one at a time."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from copilot_assets.flat.refresh import make_tables
from copilot_assets.orchestration.checks import build_key_checks
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.store import Warehouse
from copilot_assets.warehouse.tables import append, transaction

SEAT = dg.AssetCheckKey(dg.AssetKey(["flat", "seat"]), "keys_are_unique")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Person 7 has two seats on 30 September, the last day, and three on 27 August, the first of 35; more before that.

    One scope's entity row stands in `flat.entity_ide_daily` twice; no other table has a row.
    """
    warehouse = DuckDBFile(tmp_path / "keys.duckdb")
    with warehouse.connect() as connection:
        make_tables(connection)
        connection.execute("""insert into flat.seat (scope, day, user_id) values
            ('org:a', '2026-09-30', 7), ('org:a', '2026-09-30', 7), ('org:a', '2026-09-30', 8),
            ('org:b', '2026-09-30', 7),
            ('org:a', '2026-08-27', 7), ('org:a', '2026-08-27', 7), ('org:a', '2026-08-27', 7),
            ('org:a', '2026-08-26', 7), ('org:a', '2026-08-26', 7)""")
        connection.execute("""insert into flat.sources (scope, report, day) values
            ('org:a', 'copilot-seats', '2026-09-30'), ('org:b', 'copilot-seats', '2026-09-29')""")
        connection.execute("""insert into flat.entity_ide_daily (scope, day, ide) values
            ('org:a', '2026-09-30', null), ('org:a', '2026-09-30', null)""")
        yield warehouse


def run(warehouse: Warehouse, selection: dg.AssetSelection) -> dict[str, dg.AssetCheckEvaluation]:
    job = dg.define_asset_job("check", selection=selection)
    defs = dg.Definitions(asset_checks=[build_key_checks()], jobs=[job], resources={"warehouse": warehouse})
    result = defs.resolve_job_def("check").execute_in_process()
    assert [event.step_key for event in result.all_events if event.is_step_start] == ["flat__keys"]
    return {each.asset_key.path[-1]: each for each in result.get_asset_check_evaluations()}


def shown(check: dg.AssetCheckEvaluation) -> list[dict[str, object]]:
    return [dict(record.data) for record in check.metadata["rows"].records]


def test_keys_that_stand_twice_are_a_warning_where_they_stand(warehouse: Warehouse) -> None:
    found = run(warehouse, dg.AssetSelection.all_asset_checks())
    assert {name for name, check in found.items() if not check.passed} == {"seat", "entity_daily"}
    # One of each record type; the person of 26 August is a day too old, and null is a key like any other.
    assert set(found) == {
        *("entity_daily", "user_daily", "user_team_daily", "repo_pull_request_daily", "engagement_28_days", "seat"),
        *("subscription", "ai_credit_usage", "premium_request_usage", "budget", "cost_center", "legacy_daily"),
    }
    assert {check.severity for check in found.values()} == {dg.AssetCheckSeverity.WARN}
    place = {"table_name": "flat.seat", "scope": "org:a", "repeated_keys": 1}
    assert shown(found["seat"]) == [
        {**place, "day": "2026-09-30", "rows_of_them": 2},
        {**place, "day": "2026-08-27", "rows_of_them": 3},
    ]
    assert found["seat"].metadata["repeated_keys"].value == 2
    (row,) = shown(found["entity_daily"])
    assert (row["table_name"], row["rows_of_them"]) == ("flat.entity_ide_daily", 2)


def test_the_keys_of_one_record_type_are_checked_alone(warehouse: Warehouse) -> None:
    assert set(run(warehouse, dg.AssetSelection.checks(SEAT))) == {"seat"}


def test_tables_that_are_as_they_were_are_not_looked_at_again(warehouse: Warehouse) -> None:
    """Only who writes rows without a word, as nobody does, comes to know it; what is red is looked at each time."""
    checks = dg.AssetSelection.all_asset_checks()
    assert run(warehouse, checks)["user_daily"].passed
    person = pl.DataFrame({"scope": ["org:a"] * 2, "day": [date(2026, 9, 30)] * 2, "user_id": [7, 7]})
    with warehouse.connect() as connection:
        connection.execute("insert into flat.user_daily by name select * from person")
        connection.execute("delete from flat.seat where user_id = 7")
        # A day later the newest 35 are others, and the rule is the same.
        connection.execute(
            "insert into flat.sources (scope, report, day) values ('org:a', 'users-1-day', '2026-10-01')"
        )
    found = run(warehouse, checks)
    assert found["user_daily"].passed
    assert found["seat"].passed
    with warehouse.connect() as connection, transaction(connection):
        append(connection, [("flat.user_daily", person)])
    (row,) = shown(run(warehouse, checks)["user_daily"])
    assert row["rows_of_them"] == 4
