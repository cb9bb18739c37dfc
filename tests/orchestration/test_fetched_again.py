"""Days that are fetched again: what GitHub changed reaches the weeks, what it did not change is not written again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from copilot_assets.flat.tables import FLAT_TABLES, tables_of
from copilot_assets.records import (
    AiCreditUsage,
    BillLine,
    Budget,
    CostCenter,
    EntityDay,
    PremiumRequestUsage,
    Seat,
    UserDay,
    UserTeamDay,
)
from copilot_assets.standin import Standin
from tests.conftest import Company, new_company

ORG = "org:octo-org"
MONDAY = date(2026, 9, 7)
THURSDAY = date(2026, 9, 10)


@pytest.fixture
def standin() -> Iterator[Standin]:
    """One whose clock these tests move."""
    with Standin(today=MONDAY, people=40) as standin:
        yield standin


def fetch(company: Company, *reports: str, first: date, last: date) -> None:
    """What a backfill of these reports does, as far as the table of weeks, without the checks."""
    raw = [f"raw.{report.replace('-', '_')}" for report in reports]
    tables = [f"flat.{table.name}" for record in (EntityDay, UserDay) for table in tables_of(record)]
    quality = ["quality.series_break", "quality.day_status", "quality.weekly_coverage", "quality.revisions"]
    quality += ["quality.team_day_status"]
    people = ["user_week", "team_week", "passive_day", "seat_use", "group_week", "weekly_part", "first_day"]
    people += ["team_day", "team_absence"]
    # What the models read of reports that are not fetched here is there, and empty.
    others = [
        f"flat.{table.name}"
        for table in FLAT_TABLES
        if table.record in (UserTeamDay, AiCreditUsage, PremiumRequestUsage, Seat, BillLine, Budget, CostCenter)
    ]
    inputs = ["raw.settings", "raw.plan_prices", "raw.plan_credits", "raw.events"]
    quality += ["quality.seat_snapshot"]
    models = [*inputs, *others, *quality, *(f"people.{name}" for name in people), "weekly.user_trend"]
    assert company.load(first, last, *raw, *tables, *models) == []


def told(company: Company, *keys: str) -> dict[str, Any]:
    """What the newest materialisation of each table says it wrote."""
    metadata = {}
    for key in keys:
        event = company.instance.get_latest_materialization_event(dg.AssetKey(key.split(".")))
        assert event
        assert event.asset_materialization
        shown = {name: value.value for name, value in event.asset_materialization.metadata.items()}
        metadata[key] = shown.get("rows_written", shown.get("rows_changed"))
        if "weeks_changed" in shown:
            metadata[f"weeks of {key}"] = shown["weeks_changed"]
    return metadata


def test_a_day_fetched_too_early_is_put_right(standin: Standin, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(standin, tmp_path, instance, scopes=ORG, start=MONDAY - timedelta(days=21))

        def fetched_on(today: date) -> tuple[int, int, int]:
            """What the table of weeks shows, when Thursday is fetched on that day and no other day ever was."""
            standin.today = company.today = today
            fetch(company, "organization-1-day", "users-1-day", first=THURSDAY, last=THURSDAY)
            ((*shown,),) = company.sql(
                "select active_user_days, user_initiated_interaction_count, active_people from weekly.user_trend "
                f"where week_start = '{MONDAY}'"
            )
            entity = standin.world.report(ORG, "organization-1-day", THURSDAY, today)
            people = standin.world.report(ORG, "users-1-day", THURSDAY, today)
            assert entity
            assert people
            record = next(iter(entity.rows()))
            counts = (record["daily_active_users"], record["user_initiated_interaction_count"])
            assert tuple(shown) == (*counts, len({row["user_id"] for row in people.rows()}))
            return shown[0], shown[1], shown[2]

        early = fetched_on(THURSDAY + timedelta(days=1))
        assert company.sql("from quality.revisions") == []
        late = fetched_on(THURSDAY + timedelta(days=4))
        assert early != late
        revised = company.sql("select report, day, numbers_moved from quality.revisions order by report")
        assert [row[:2] for row in revised] == [("organization-1-day", THURSDAY), ("users-1-day", THURSDAY)]
        assert early != late
        assert "daily_active_users" in revised[0][2]
        assert len(company.sql("from weekly.user_trend")) == 4
        assert told(company, "weekly.user_trend") == {
            "weekly.user_trend": 1,
            "weeks of weekly.user_trend": [MONDAY.isoformat()],
        }


def test_a_quarter_without_a_change_is_not_written_again(standin: Standin, tmp_path: Path) -> None:
    first, last = date(2026, 8, 1), date(2026, 11, 8)
    standin.today = today = last + timedelta(days=5)
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(standin, tmp_path, instance, scopes=ORG, start=first)
        company.today = today
        fetch(company, "organization-1-day", first=first, last=last)
        written = told(company, "flat.entity_daily", "flat.entity_feature_daily")
        assert written["flat.entity_daily"] > 90
        before = company.tables()
        fetches = company.sql("select count(*) from raw.fetches")[0][0]
        fetch(company, "organization-1-day", first=first, last=last)
        assert company.sql("select count(*) from raw.fetches")[0][0] == fetches * 2
        assert company.tables() == before
        assert told(company, "flat.entity_daily", "flat.entity_feature_daily", "weekly.user_trend") == {
            "flat.entity_daily": 0,
            "flat.entity_feature_daily": 0,
            "weekly.user_trend": 0,
            "weeks of weekly.user_trend": [],
        }
        assert company.sql("from quality.revisions") == []
