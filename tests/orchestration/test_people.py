"""People in a whole run: not asked for at all, shown by login, and hidden again when the setting changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from copilot_assets.standin import Standin
from tests.conftest import TODAY, Company, new_company, pseudonym

LAST = TODAY - timedelta(days=4)
ABOUT_PEOPLE = ("users-1-day", "user-teams-1-day", "seats")


@pytest.fixture
def octo_org(standin: Standin, tmp_path: Path) -> Iterator[Company]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield new_company(standin, tmp_path, instance, scopes="org:octo-org")


@pytest.mark.parametrize("first", [LAST, LAST - timedelta(days=2)], ids=["one day", "a range"])
def test_off_asks_for_nobody(octo_org: Company, standin: Standin, first: date) -> None:
    octo_org.env["COPILOT_IDENTITIES"] = "off"
    standin.requests.clear()
    assert octo_org.load(first, LAST) == []
    asked = [request.path for request in standin.requests if request.host == "api"]
    assert len(asked) > 4
    assert not [path for path in asked if path.endswith(ABOUT_PEOPLE)]
    assert octo_org.sql("select distinct report from raw.fetches order by 1") == [
        ("ai-credit-usage",),
        ("budgets",),
        ("copilot-billing",),
        ("organization-1-day",),
        ("organization-28-day",),
        ("premium-request-usage",),
        ("repos-1-day",),
    ]
    assert octo_org.sql("select report from raw.expected_reports where report like 'user%'") == []
    assert octo_org.sql("select count(*) from flat.user_daily") == [(0,)]
    assert octo_org.sql("select count(*) from flat.entity_daily") == [((LAST - first).days + 1,)]
    week = "select active_people from weekly.user_trend where week_start = '2026-09-21'"
    assert octo_org.sql(week) == [(None,)], "unknown, and not nobody"
    clicked = octo_org.materialize("raw.users_1_day", day=LAST)
    told = [each.metadata.get("fetches") for each in clicked.asset_materializations_for_node("raw__users_1_day")]
    assert ["Nothing was asked" in str(each.value) for each in told if each] == [True]


def test_a_company_that_changes_its_mind(octo_org: Company) -> None:
    octo_org.env["COPILOT_IDENTITIES"] = "login"
    assert octo_org.load(LAST, LAST) == []
    sent = {
        (record["user_id"], record["user_login"])
        for (payload,) in octo_org.sql("select payload from raw.records where report = 'users-1-day'")
        for record in [json.loads(payload)]
    }
    shown = "select user_id, user_login from flat.{}"
    assert set(octo_org.sql(shown.format("user_daily"))) == sent
    assert set(octo_org.sql(shown.format("user_feature_daily"))) <= sent
    people = octo_org.sql("from weekly.user_trend order by all")
    entities = octo_org.sql("from flat.entity_daily")
    sources = "select contract from flat.sources where report = 'organization-1-day'"
    before = octo_org.sql(sources)

    octo_org.env["COPILOT_IDENTITIES"] = "pseudonym"
    assert octo_org.rebuild() == []
    hidden = {(pseudonym(person), None) for person, _ in sent}
    assert set(octo_org.sql(shown.format("user_daily"))) == hidden
    for table in ("user_feature_daily", "user_team_daily", "seat", "seat_grant"):
        assert octo_org.sql(f"select count(user_id) > 5, count(user_login) from flat.{table}") == [(True, 0)]
    assert octo_org.sql("from weekly.user_trend order by all") == people, "as many people as before"
    assert octo_org.sql("from flat.entity_daily") == entities
    assert octo_org.sql(sources) == before, "what is about nobody is not made again"
