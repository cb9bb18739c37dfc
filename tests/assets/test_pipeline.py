"""The whole graph over real sockets into a real file: one day, a range, pieces of it; good days and bad ones."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from copilot_assets.standin import Fault, Standin
from tests.conftest import TODAY, Company, new_company

FIRST, LAST = TODAY - timedelta(days=17), TODAY - timedelta(days=4)  # 2026-09-14, a Monday, to 2026-09-27, a Sunday


def asked_of(standin: Standin, path: str, **params: str) -> list[dict[str, Any]]:
    """The records of a report by a client of the test's own: two hops, plain JSON."""
    headers = {"Authorization": "Bearer any", "User-Agent": "test"}
    answer = httpx.get(f"{standin.api_url}{path}", params=params, headers=headers)
    if answer.status_code == 204 or not answer.json()["download_links"]:
        return []
    files = [httpx.get(link, headers={"User-Agent": "test"}).text for link in answer.json()["download_links"]]
    return [json.loads(line) for file in files for line in file.splitlines() if line]


@pytest.fixture(scope="module")
def fortnight(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two whole weeks, backfilled as one range."""
    github.faults.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(github, tmp_path_factory.mktemp("fortnight"), instance, COPILOT_LEGACY_API="on")
        result = company.run(FIRST, LAST)
        assert result.problems == ()
        yield company


def days(first: date = FIRST, last: date = LAST) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def test_a_range_materialises_every_day_and_every_table(fortnight: Company) -> None:
    for report in ("organization_1_day", "enterprise_1_day", "users_1_day", "legacy_metrics"):
        assert fortnight.materialized("raw", report) == set(days())
    assert {day for _, day in fortnight.landed} == set(days())
    for name, rows in fortnight.tables().items():
        assert rows, f"{name} is empty"


def test_raw_is_what_github_sent_byte_for_byte(fortnight: Company, github: Standin) -> None:
    path = "/enterprises/octo-corp/copilot/metrics/reports/users-1-day"
    headers = {"Authorization": "Bearer any", "User-Agent": "test"}
    listed = {day: httpx.get(f"{github.api_url}{path}?day={day}", headers=headers).json() for day in days()}
    day, links = next((day, each["download_links"]) for day, each in listed.items() if len(each["download_links"]) > 1)
    sent = [line for link in links for line in httpx.get(link, headers={"User-Agent": "t"}).text.splitlines() if line]
    kept = fortnight.sql(
        f"select seq, payload from raw.records where scope = 'enterprise:octo-corp' and report = 'users-1-day' "
        f"and day = '{day}' order by seq"
    )
    assert [text for _, text in kept] == sent
    assert [seq for seq, _ in kept] == list(range(1, len(sent) + 1))


@pytest.mark.parametrize("scope", ["org:octo-org", "enterprise:octo-corp"])
def test_the_weekly_trend_is_what_the_days_add_up_to(fortnight: Company, github: Standin, scope: str) -> None:
    kind, name = scope.split(":")
    base = f"/{'orgs' if kind == 'org' else 'enterprises'}/{name}/copilot/metrics/reports"
    entity = "organization-1-day" if kind == "org" else "enterprise-1-day"
    for monday in (FIRST, FIRST + timedelta(days=7)):
        week = days(monday, monday + timedelta(days=6))
        records = [record for day in week for record in asked_of(github, f"{base}/{entity}", day=str(day))]
        people = {record["user_id"] for day in week for record in asked_of(github, f"{base}/users-1-day", day=str(day))}
        completions = [
            feature
            for record in records
            for feature in record["totals_by_feature"]
            if feature["feature"] == "code_completion"
        ]
        active = sum(record["daily_active_users"] for record in records)
        accepted = sum(feature["code_acceptance_activity_count"] for feature in completions)
        shown = sum(feature["code_generation_activity_count"] for feature in completions)
        (row,) = fortnight.sql(
            "select days_expected, days_reported, days_missing, active_people, daily_active_users, "
            "avg_daily_active_users, user_initiated_interaction_count, loc_added_sum, completion_acceptance_rate "
            f"from weekly.user_trend where scope = '{scope}' and week_start = '{monday}'"
        )
        assert row[:3] == (7, len(records), 7 - len(records))
        assert row[3:5] == (len(people), active)
        assert row[5] == pytest.approx(active / len(records))
        assert row[6] == sum(record["user_initiated_interaction_count"] for record in records)
        assert row[7] == sum(record["loc_added_sum"] for record in records)
        assert row[8] == pytest.approx(accepted / shown)


def test_the_guides_own_table(fortnight: Company, github: Standin) -> None:
    """The published guide's loop over the same answer: entry i belongs to week ceil((i + 1) / 7)."""
    answer = httpx.get(
        f"{github.api_url}/orgs/octo-org/copilot/metrics",
        params={"since": f"{FIRST}T00:00:00Z", "until": f"{LAST}T23:59:59Z"},
        headers={"Authorization": "Bearer any", "User-Agent": "test"},
    ).json()
    weeks: dict[int, list[dict[str, Any]]] = {}
    for index, entry in enumerate(answer):
        weeks.setdefault(-(-(index + 1) // 7), []).append(entry)
    expected = []
    for week, entries in weeks.items():
        active = sum(entry["total_active_users"] for entry in entries)
        engaged = sum(entry["total_engaged_users"] for entry in entries)
        averages = (f"{active / len(entries):.2f}", f"{engaged / len(entries):.2f}")
        expected.append((week, len(entries), active, engaged, *averages))
    got = fortnight.sql(
        "select window_no, days, active_users, engaged_users, printf('%.2f', avg_active_users), "
        "printf('%.2f', avg_engaged_users) from weekly.last_28_days where scope = 'org:octo-org' order by window_no"
    )
    assert got == expected


def test_pieces_and_another_order_and_twice_leave_the_same_tables(
    fortnight: Company, github: Standin, tmp_path: Path
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        other = new_company(github, tmp_path, instance, COPILOT_LEGACY_API="on")
        other.run(FIRST + timedelta(days=9), LAST)
        other.run(FIRST, FIRST)  # one day alone
        other.run(FIRST, FIRST + timedelta(days=9))
        assert other.tables() == fortnight.tables()
        other.run(FIRST, LAST)
        assert other.tables() == fortnight.tables()


def test_an_unchanged_answer_changes_nothing_but_the_ledger(company: Company) -> None:
    day = LAST
    company.run(day, day)
    before = company.sql("select distinct fetch_id from raw.records order by 1")
    fetches = company.sql("select count(*) from raw.fetches")[0][0]
    company.run(day, day)
    assert company.sql("select distinct fetch_id from raw.records order by 1") == before
    assert company.sql("select count(*) from raw.fetches")[0][0] == 2 * fetches
    (event,) = company.instance.fetch_materializations(dg.AssetKey(["flat", "user_daily"]), limit=1).records
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["rows_written"].value == 0


def test_a_bad_day_is_red_alone(company: Company, standin: Standin) -> None:
    bad = LAST - timedelta(days=2)
    standin.faults.append(Fault("500", scope="org:octo-labs", report="organization-1-day", day=bad))
    result = company.run(LAST - timedelta(days=4), LAST)
    assert len(result.problems) == 1
    assert "GitHub had trouble: it answered 500" in result.problems[0].splitlines()[0]
    assert "organization-1-day: 1 of 5 days failed for a scope at least; what landed stays." in result.problems[0]
    good = set(days(LAST - timedelta(days=4), LAST)) - {bad}
    assert company.materialized("raw", "organization_1_day") == good
    assert company.materialized("raw", "users_1_day") == good | {bad}, "another report has its own partitions"
    # The other organisation's answer for the bad day is kept, and what landed is shown in the weekly table.
    assert company.sql(f"select scope from flat.entity_daily where day = '{bad}' and scope like 'org:%'") == [
        ("org:octo-org",)
    ]
    assert company.sql(
        "select status, is_explained from quality.day_status "
        f"where day = '{bad}' and scope = 'org:octo-labs' and report = 'organization-1-day'"
    ) == [("failed", False)]
    check = next(
        check
        for check in result.checks
        if check.asset_key == dg.AssetKey(["weekly", "user_trend"]) and check.check_name == "missing_days"
    )
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR


def test_a_malformed_file_fails_its_day_and_what_was_there_stays(company: Company, standin: Standin) -> None:
    company.run(LAST, LAST)
    before = company.tables()
    standin.faults.append(Fault("malformed-line", scope="org:octo-org", report="users-1-day", day=LAST))
    result = company.run(LAST, LAST)
    assert "line 3" in result.problems[0].splitlines()[0]
    assert company.sql(
        "select outcome, records, bytes, sha256 from raw.fetches where scope = 'org:octo-org' "
        "and report = 'users-1-day' order by requested_at desc limit 1"
    ) == [("failed", None, None, None)]
    after = company.tables()
    assert after["raw.records"] == before["raw.records"]
    assert after["flat.user_daily"] == before["flat.user_daily"]
    assert after["weekly.user_trend"] == before["weekly.user_trend"]


def test_a_day_that_became_empty_loses_its_rows(company: Company, standin: Standin) -> None:
    company.run(LAST, LAST)
    assert company.sql("select count(*) from flat.user_daily where scope = 'org:octo-org'")[0][0] > 0
    standin.faults.append(Fault("204", scope="org:octo-org", day=LAST))
    assert company.run(LAST, LAST).problems == ()
    assert company.sql("select count(*) from raw.records where scope = 'org:octo-org'") == [(0,)]
    assert company.sql("select count(*) from flat.user_daily where scope = 'org:octo-org'") == [(0,)]
    assert company.sql("select count(*) from flat.user_daily where scope = 'org:octo-labs'")[0][0] > 0


def test_a_refusal_is_a_sentence_and_is_asked_once(company: Company, standin: Standin) -> None:
    standin.faults.append(Fault("policy-off", scope="org:octo-labs"))
    standin.requests.clear()
    result = company.run(FIRST, LAST)
    first_line = result.problems[0].splitlines()[0]
    assert "The policy 'Copilot usage metrics' is off for org:octo-labs" in first_line
    assert "AI controls > Copilot" in first_line
    asked = [request for request in standin.requests if "octo-labs/copilot/metrics/reports/users-1-day" in request.path]
    assert 1 <= len(asked) <= 8, "at most what was in flight before the first refusal came back"
    assert company.sql(
        "select distinct status from quality.day_status where scope = 'org:octo-labs' "
        f"and day between '{FIRST}' and '{LAST}'"
    ) == [("forbidden",)]
    assert company.sql("select count(distinct day) from flat.entity_daily where scope = 'org:octo-org'")[0][0] > 10


def test_no_token_reaches_the_storage_host_and_none_is_written_down(company: Company, standin: Standin) -> None:
    standin.requests.clear()
    company.run(LAST, LAST)
    downloads = [request for request in standin.requests if request.host == "downloads"]
    assert downloads
    assert not any(request.had_authorization for request in downloads)
    database = Path(company.env["COPILOT_WAREHOUSE"]).read_bytes()
    assert b"secret-of-the-test" not in database
    assert b"sig=" not in database
