"""The page of endpoints against a list of them written by hand: each is kept or left out, once, and said truly."""

import re
from collections import Counter
from pathlib import Path

import httpx
import pytest

from copilot_assets.definitions import build_defs
from copilot_assets.github.endpoints import LEFT_OUT, kept_endpoints
from copilot_assets.orchestration.installation import Installation
from copilot_assets.shell.endpoints import markdown
from copilot_assets.standin import Standin
from copilot_assets.warehouse.inputs import INPUT_TABLES

ROOT = Path(__file__).parents[2]

# GitHub's documentation of 2026-09 and its older pages. Each line: methods, then paths; {a,b} stands for either.
DOCUMENTED = """
GET /enterprises/E/copilot/metrics/reports/{enterprise-1-day,enterprise-28-day/latest}
GET /enterprises/E/copilot/metrics/reports/{users-1-day,users-28-day/latest,user-teams-1-day,repos-1-day}
GET /orgs/O/copilot/metrics/reports/{organization-1-day,organization-28-day/latest}
GET /orgs/O/copilot/metrics/reports/{users-1-day,users-28-day/latest,user-teams-1-day,repos-1-day}
GET /enterprises/E/{copilot/metrics,team/T/copilot/metrics,copilot/usage,team/T/copilot/usage}
GET /orgs/O/{copilot/metrics,team/T/copilot/metrics,copilot/usage,team/T/copilot/usage}
GET /orgs/O/{copilot/billing,copilot/billing/seats,members/U/copilot}
GET /enterprises/E/{copilot/billing/seats,members/U/copilot}
POST, DELETE /orgs/O/copilot/billing/{selected_teams,selected_users}
POST, DELETE /enterprises/E/copilot/billing/{selected_users,selected_enterprise_teams}
GET /enterprises/E/settings/billing/{ai_credit/usage,premium_request/usage,usage,usage/summary}
GET /organizations/O/settings/billing/{ai_credit/usage,premium_request/usage,usage,usage/summary}
GET /users/U/settings/billing/{ai_credit/usage,premium_request/usage,usage,usage/summary}
POST, GET /enterprises/E/settings/billing/reports
GET /enterprises/E/settings/billing/reports/R
GET /enterprises/E/copilot/usage-records
GET /agents/{tasks,repos/P/N/tasks,automations,repos/P/N/automations}
GET /enterprises/E/{copilot/model-policies,teams,teams/M/memberships}
GET /enterprises/E/settings/billing/{budgets,cost-centers}
GET /orgs/O/copilot/model-policies
GET /organizations/O/settings/billing/budgets
"""
NAMES = {"E": "{enterprise}", "O": "{org}", "T": "{team_slug}", "U": "{username}", "R": "{report_id}"}
NAMES |= {"P": "{owner}", "N": "{repo}", "M": "{enterprise_team}"}


def documented() -> list[str]:
    """Every endpoint of the list, spelled as GitHub does."""
    found = []
    for line in DOCUMENTED.strip().splitlines():
        start, brace, choices = line.partition("{")
        for choice in choices.removesuffix("}").split(",") if brace else [""]:
            words = (start + choice).split("/")
            found.append("/".join(NAMES.get(word, word) for word in words))
    return found


def page() -> dict[str, list[str]]:
    """The other cells of the row in which an endpoint stands."""
    rows = [line.strip("| ").split(" | ") for line in markdown().splitlines() if line.startswith("| `")]
    cells: dict[str, list[str]] = {}
    for first, *others in rows:
        for endpoint in re.findall(r"`([^`]+)`", first):
            assert endpoint not in cells, f"{endpoint} stands there twice"
            cells[endpoint] = others
    return cells


def test_the_list_is_as_long_as_the_documentation() -> None:
    endpoints = documented()
    assert max(Counter(endpoints).values()) == 1
    assert sum("/copilot/metrics/reports/" in endpoint for endpoint in endpoints) == 12
    assert sum(endpoint.endswith("/copilot/metrics") for endpoint in endpoints) == 4
    assert sum(endpoint.endswith("/copilot/usage") for endpoint in endpoints) == 4
    assert sum(endpoint.startswith("POST, DELETE") for endpoint in endpoints) == 4
    assert sum("/settings/billing/" in endpoint for endpoint in endpoints) == 14 + 3
    assert sum(endpoint.startswith("GET /agents/") for endpoint in endpoints) == 4
    about_others = 5 + 1 + 2 + 2  # seats, prompts, policies about models, enterprise teams
    assert len(endpoints) == 12 + 4 + 4 + 4 + 17 + 4 + about_others


def test_every_endpoint_is_kept_or_left_out_once() -> None:
    assert sorted([*kept_endpoints(), *LEFT_OUT]) == sorted(documented())
    assert sorted(page()) == sorted(documented())


def test_what_is_left_out_has_a_reason() -> None:
    cells = page()
    for endpoint, reason in LEFT_OUT.items():
        assert cells[endpoint] == [reason]
        assert reason.endswith(".")
    assert "Prompts" in LEFT_OUT["GET /enterprises/{enterprise}/copilot/usage-records"]
    assert "list of all of them" in LEFT_OUT["GET /enterprises/{enterprise}/settings/billing/reports/{report_id}"]


@pytest.mark.parametrize("endpoint", kept_endpoints())
def test_every_kept_endpoint_is_one_that_github_has(standin: Standin, endpoint: str) -> None:
    """Asked by its name alone: the stand-in knows GitHub's paths, and nothing of this project's."""
    method, path = endpoint.rsplit(" ", 1)
    org, team = ("octo-org", "team:octo-org/") if "{org}" in path else ("octo-corp", "enterprise-team:octo-corp/")
    slug = next(name.removeprefix(team) for name in standin.world.population.teams if name.startswith(team))
    url = standin.api_url + path.replace("{org}", org).replace("{enterprise}", org).replace("{team_slug}", slug)
    params = {"day": "2026-09-20"} if path.endswith("1-day") else {}
    method = method.split(", ")[-1]  # an order is made by another test
    answer = httpx.request(method, url, params=params, headers={"Authorization": "Bearer any", "User-Agent": "test"})
    assert answer.status_code in (200, 204), answer.text
    elsewhere = httpx.get(url + "-s", params=params, headers={"Authorization": "Bearer any", "User-Agent": "test"})
    assert elsewhere.status_code == 404, "or the test could not fail"


def test_every_table_named_is_an_asset() -> None:
    keys = build_defs(Installation({})).resolve_asset_graph().get_all_asset_keys()
    assets = {".".join(key.path) for key in keys}
    rows = [page()[endpoint] for endpoint in kept_endpoints()]
    named = {table for row in rows for table in re.findall(r"`((?:raw|flat)\.\w+)`", str(row))}
    assert named <= assets
    assert {asset for asset in assets if asset.startswith("flat.")} <= named, "every flat table comes from somewhere"
    views = {view for row in rows for view in re.findall(r"`(raw\.\w+)`", row[0])}
    not_asked = {"raw.fetches", "raw.expected_reports", "raw.dropped_text", *(f"raw.{table}" for table in INPUT_TABLES)}
    assert views == {asset for asset in assets if asset.startswith("raw.")} - not_asked


def test_some_rows_by_hand() -> None:
    cells = page()
    view, grain, taken, tables = cells["GET /orgs/{org}/copilot/metrics/reports/repos-1-day"]
    assert (view, taken) == ("`raw.repos_1_day`", "by day")
    assert "repository" in grain
    assert "`flat.repo_pull_request_daily`" in tables
    view, _, taken, tables = cells["GET /enterprises/{enterprise}/copilot/billing/seats"]
    assert (view, taken, tables) == ("`raw.copilot_seats`", "a snapshot a run", "`flat.seat`, `flat.seat_grant`")
    _, _, taken, _ = cells["GET /orgs/{org}/team/{team_slug}/copilot/metrics"]
    assert "COPILOT_LEGACY_API=on" in taken


def test_the_page_in_docs_is_the_one_that_make_docs_makes() -> None:
    assert (ROOT / "docs" / "endpoints.md").read_text() == markdown()
    assert "copilot-assets endpoints > docs/endpoints.md" in (ROOT / "Makefile").read_text()
