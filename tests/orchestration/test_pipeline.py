"""The whole graph over real sockets into a real file: one day, a range, pieces of it; every report of the catalogue.

Days on which GitHub says no or sends rubbish are in `test_bad_days.py`.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.standin import Standin
from copilot_assets.standin.server import Seen
from tests.conftest import TODAY, Company, new_company, pseudonym

FIRST, LAST = TODAY - timedelta(days=17), TODAY - timedelta(days=4)  # 2026-09-14, a Monday, to 2026-09-27, a Sunday
FRIDAY = date(2026, 9, 25)  # on which GitHub's newest field came, the review times
ROOTS = {
    "org:octo-org": "/orgs/octo-org",
    "org:octo-labs": "/orgs/octo-labs",
    "enterprise:octo-corp": "/enterprises/octo-corp",
}
# One client for all: the certificates of TLS, which nothing here speaks, are 25 ms for each new one.
HTTP = httpx.Client(headers={"User-Agent": "test"}, verify=False)  # noqa: S501
SNAPSHOTS = {"organization-28-day", "enterprise-28-day", "copilot-seats", "copilot-billing", "budgets", "cost-centers"}


def answer_of(standin: Standin, path: str, **params: str | int) -> httpx.Response:
    """An answer by a client of the test's own."""
    return HTTP.get(f"{standin.api_url}{path}", params=params, headers={"Authorization": "Bearer any"})


def asked_of(standin: Standin, path: str, **params: str) -> list[dict[str, Any]]:
    """The records of a report by a client of the test's own: two hops, plain JSON."""
    answer = answer_of(standin, path, **params)
    if answer.status_code == 204 or not answer.json()["download_links"]:
        return []
    files = [HTTP.get(link).text for link in answer.json()["download_links"]]
    return [json.loads(line) for file in files for line in file.splitlines() if line]


@pytest.fixture(scope="module")
def fortnight(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two whole weeks, backfilled as one range."""
    github.faults.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(github, tmp_path_factory.mktemp("fortnight"), instance, COPILOT_LEGACY_API="on")
        assert company.load(FIRST, LAST) == []
        yield company


@pytest.fixture(scope="module")
def friday_and_asked(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, list[Seen]]]:
    """One day alone, backfilled with the same settings, and what that asked GitHub for."""
    github.faults.clear()
    github.requests.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(github, tmp_path_factory.mktemp("friday"), instance, COPILOT_LEGACY_API="on")
        assert company.load(FRIDAY, FRIDAY) == []
        yield company, list(github.requests)


@pytest.fixture(scope="module")
def friday(friday_and_asked: tuple[Company, list[Seen]]) -> Company:
    return friday_and_asked[0]


@pytest.fixture(scope="module")
def asked(friday_and_asked: tuple[Company, list[Seen]]) -> list[Seen]:
    return friday_and_asked[1]


@pytest.fixture
def changed(friday: Company, tmp_path: Path) -> Iterator[Company]:
    """A copy of that one day, to be changed."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield friday.copy(tmp_path, instance)


def days(first: date = FIRST, last: date = LAST) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def test_a_range_materialises_every_day_and_every_table(fortnight: Company) -> None:
    landed: dict[str, set[date]] = {}
    for report, day in fortnight.landed:
        landed.setdefault(report, set()).add(day)
    assert {report for report, about in landed.items() if about == {TODAY}} == SNAPSHOTS
    of_days = set(landed) - SNAPSHOTS
    assert of_days == {
        *("organization-1-day", "enterprise-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"),
        *("ai-credit-usage", "premium-request-usage", "legacy-metrics"),
    }
    for report in of_days:
        assert landed[report] == set(days()), report
        assert fortnight.materialized("raw", report.replace("-", "_")) == set(days()), report
    views = {name.replace("-", "_") for name in landed}
    assert {name for name in views if not fortnight.sql(f"from raw.{name} limit 1")} == set()
    # Bills of September hold no premium requests: AI credits replaced them in June. The stand-in tells of people, and
    # not of an entity, what they use in the CLI. Nothing was asked for twice, and nothing odd came; nobody gave events.
    assert {name for name, rows in fortnight.tables().items() if not rows} == {
        *(
            "flat.premium_request_usage",
            "flat.bill_item",
            "weekly.bill_trend",
        ),  # bills by person are ordered on request
        *("quality.quarantine", "quality.revisions", "quality.schema_drift", "weekly.event_effect"),
        "weekly.monthly_cohort_retention",  # of whole months of first use alone
        *(f"flat.entity_{what}_daily" for what in ("skill", "custom_agent", "mcp", "slash_cmd", "plugin")),
    }


def test_whoever_opens_the_database_reads_what_every_table_and_column_is(fortnight: Company) -> None:
    unsaid = fortnight.sql("""
        select schema_name || '.' || table_name from duckdb_tables() where not internal and comment is null
        union all
        select schema_name || '.' || view_name from duckdb_views() where not internal and comment is null
        union all
        select schema_name || '.' || table_name || '.' || column_name
        from duckdb_columns() where not internal and comment is null
    """)
    assert unsaid == []


def test_raw_is_what_github_sent_byte_for_byte(fortnight: Company, github: Standin) -> None:
    path = "/enterprises/octo-corp/copilot/metrics/reports/users-1-day"
    listed = {day: answer_of(github, path, day=str(day)).json() for day in days()}
    day, links = next((day, each["download_links"]) for day, each in listed.items() if len(each["download_links"]) > 1)
    sent = [line for link in links for line in HTTP.get(link).text.splitlines() if line]
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
            "select days_expected, days_reported, days_missing, active_people, active_user_days, "
            "avg_daily_active_users, user_initiated_interaction_count, loc_added_sum, completion_acceptance_rate "
            f"from weekly.user_trend where scope = '{scope}' and week_start = '{monday}'"
        )
        assert row[:3] == (7, len(records), 7 - len(records))
        assert row[3:5] == (len(people), active)
        assert row[5] == pytest.approx(active / len(records))
        assert row[6] == sum(record["user_initiated_interaction_count"] for record in records)
        assert row[7] == sum(record["loc_added_sum"] for record in records)
        assert row[8] == pytest.approx(accepted / shown, rel=0.05), "of both rounded, each by half of one person's"


def test_the_guides_own_table(fortnight: Company, github: Standin) -> None:
    """The published guide's loop over the same answer: entry i belongs to week ceil((i + 1) / 7)."""
    about = {"since": f"{FIRST}T00:00:00Z", "until": f"{LAST}T23:59:59Z"}
    answer = answer_of(github, "/orgs/octo-org/copilot/metrics", **about).json()
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
        # What comes of the pieces is all in these; the models make their tables anew from them each time.
        landed = [*other.raw, *(f"flat.{table.name}" for table in FLAT_TABLES)]
        assert other.load(FIRST + timedelta(days=9), LAST, *landed) == []
        assert other.load(FIRST, FIRST, *landed) == []  # one day alone
        assert other.load(FIRST, FIRST + timedelta(days=9)) == []
        assert other.tables() == fortnight.tables()
        assert other.load(FIRST, LAST, *landed) == []
        assert other.tables() == fortnight.tables()


def test_one_day_alone_is_the_day_of_a_range(friday: Company, fortnight: Company) -> None:
    alone, whole = friday.tables(), fortnight.tables()
    for name in alone:
        if name.startswith(("flat.", "raw.")):
            place = 2 if name in ("flat.sources", "raw.records") else 1
            of_the_day = [row for row in whole[name] if row[place] == FRIDAY or row[place] not in days()]
            assert alone[name] == of_the_day, name


def test_an_unchanged_answer_changes_nothing_but_the_ledger(changed: Company) -> None:
    before = changed.sql("select distinct fetch_id from raw.records order by 1")
    fetches = changed.sql("select count(*) from raw.fetches")[0][0]
    flat = ("user_daily", "seat", "ai_credit_usage", "engagement_28_days")
    assert changed.load(FRIDAY, FRIDAY, *changed.raw, *(f"flat.{table}" for table in flat)) == []
    assert changed.sql("select distinct fetch_id from raw.records order by 1") == before
    assert changed.sql("select count(*) from raw.fetches")[0][0] == 2 * fetches
    for table in flat:
        (event,) = changed.instance.fetch_materializations(dg.AssetKey(["flat", table]), limit=1).records
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["rows_written"].value == 0


def test_no_token_reaches_the_storage_host_and_none_is_written_down(friday: Company, asked: list[Seen]) -> None:
    downloads = [request for request in asked if request.host == "downloads"]
    assert downloads
    assert not any(request.had_authorization for request in downloads)
    database = Path(friday.env["COPILOT_WAREHOUSE"]).read_bytes()
    assert b"secret-of-the-test" not in database
    assert b"sig=" not in database


# --- Every report, against what a client of the test's own is answered ----------------------------------------------


BREAKDOWNS = {
    *("ide", "feature", "language_feature", "language_model", "model_feature"),
    *("cli", "copilot_app", "3rd_party_agent"),
}


@pytest.mark.parametrize(
    ("report", "table", "breakdowns"),
    [
        ("{kind}-1-day", "entity", BREAKDOWNS | {"ai_adoption_phase"}),
        ("users-1-day", "user", BREAKDOWNS | {"skill", "custom_agent", "mcp", "slash_cmd", "plugin"}),
    ],
)
def test_a_breakdown_has_a_row_for_every_element(
    friday: Company, github: Standin, report: str, table: str, breakdowns: set[str]
) -> None:
    seen: set[str] = set()
    for scope, root in ROOTS.items():
        name = report.format(kind="enterprise" if "corp" in scope else "organization")
        records = asked_of(github, f"{root}/copilot/metrics/reports/{name}", day=str(FRIDAY))
        elements = Counter[str]()
        for record in records:
            for field, value in record.items():
                if field.startswith("totals_by_") and value:
                    elements[field.removeprefix("totals_by_")] += len(value) if isinstance(value, list) else 1
        seen |= set(elements)
        for field, count in elements.items():
            flat = {"ai_adoption_phase": "adoption_phase", "3rd_party_agent": "third_party_agent"}.get(field, field)
            got = friday.sql(f"select count(*) from flat.{table}_{flat}_daily where scope = '{scope}'")
            assert got == [(count,)], (scope, field)
    assert seen == breakdowns, "a Friday on which all but the Agents window of VS Code was used by somebody"


def test_the_agents_window_is_rare_and_kept(fortnight: Company, github: Standin) -> None:
    rows = fortnight.sql(
        "select day, user_id, session_count, total_user_messages from flat.user_vscode_agent_daily "
        "where scope = 'enterprise:octo-corp' order by all"
    )
    assert rows
    found = [
        (day, pseudonym(record["user_id"]), *(window[name] for name in ("session_count", "total_user_messages")))
        for day in days()
        for record in asked_of(github, "/enterprises/octo-corp/copilot/metrics/reports/users-1-day", day=str(day))
        if (window := record.get("totals_by_vscode_agent"))
    ]
    assert sorted(found) == rows


def test_the_phase_of_every_person_is_kept(friday: Company, github: Standin) -> None:
    records = asked_of(github, "/orgs/octo-org/copilot/metrics/reports/users-1-day", day=str(FRIDAY))
    phases = {pseudonym(record["user_id"]): record["ai_adoption_phase"]["phase_number"] for record in records}
    assert len(set(phases.values())) > 2
    query = "select user_id, ai_adoption_phase_number from flat.user_daily where scope = 'org:octo-org'"
    assert dict(friday.sql(query)) == phases


def test_people_of_teams_and_no_team_below_five_seats(friday: Company, github: Standin) -> None:
    for scope, root in ROOTS.items():
        records = asked_of(github, f"{root}/copilot/metrics/reports/user-teams-1-day", day=str(FRIDAY))
        rows = friday.sql(f"select team_id, team_slug, user_id from flat.user_team_daily where scope = '{scope}'")
        assert sorted(rows) == sorted((each["team_id"], each["slug"], pseudonym(each["user_id"])) for each in records)
        seats = Counter(slug for _, slug, _ in rows)
        assert min(seats.values()) >= 5
        every = {team["slug"] for team in answer_of(github, f"{root}/teams").json()}
        left_out = {"org:octo-org": {"security-champions"}, "org:octo-labs": {"interns"}, "enterprise:octo-corp": set()}
        assert every - set(seats) == left_out[scope], "teams with three and four people"


def test_repositories_are_those_that_github_reports(friday: Company, github: Standin) -> None:
    for scope, root in ROOTS.items():
        records = asked_of(github, f"{root}/copilot/metrics/reports/repos-1-day", day=str(FRIDAY))
        assert len(records) > 2
        rows = friday.sql(
            "select repo_id, repo_name, total_created, total_merged, total_copilot_suggestions, "
            f"median_minutes_to_merge from flat.repo_pull_request_daily where scope = '{scope}'"
        )
        names = ("total_created", "total_merged", "total_copilot_suggestions", "median_minutes_to_merge")
        expected = [
            (each["repo_id"], each["repo_name"], *(each["pull_requests"].get(name) for name in names))
            for each in records
        ]
        assert sorted(rows, key=lambda row: row[0]) == sorted(expected, key=lambda row: row[0])
        times = friday.sql(
            "select repo_id, authored_by, reviewed_by, total_merged, p90_minutes_first_to_final_review "
            f"from flat.repo_review_time_daily where scope = '{scope}'"
        )
        assert sorted(times) == sorted(
            (
                each["repo_id"],
                time["authored_by"],
                time["reviewed_by"],
                time["total_merged"],
                time["p90_minutes_first_to_final_review"],
            )
            for each in records
            for time in each["pull_request_review_times"]
        )
        assert times


def seats_of(standin: Standin, root: str) -> tuple[int, list[dict[str, Any]]]:
    """The total and all grants, in pages of another size than the project asks for."""
    pages = [answer_of(standin, f"{root}/copilot/billing/seats", per_page=37, page=page).json() for page in range(1, 9)]
    assert not pages[-1]["seats"]
    return pages[0]["total_seats"], [seat for page in pages for seat in page["seats"]]


def utc(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None


def test_seats_are_people_and_grants_are_entries(friday: Company, github: Standin) -> None:
    for scope, root in ROOTS.items():
        total, grants = seats_of(github, root)
        newest: dict[int, datetime | None] = {}
        for grant in grants:
            seen = utc(grant["last_activity_at"])
            person = pseudonym(grant["assignee"]["id"])
            best = newest.setdefault(person, seen)
            if seen and (best is None or seen > best):
                newest[person] = seen
        rows = friday.sql(f"select user_id, last_activity_at from flat.seat where scope = '{scope}'")
        assert len(rows) == len(newest) == total
        assert dict(rows) == newest
        entries = friday.sql(
            "select user_id, granting_organization, granting_team_slug, plan_type, created_at, "
            f"pending_cancellation_date from flat.seat_grant where scope = '{scope}'"
        )
        assert Counter(entries) == Counter(
            (
                pseudonym(grant["assignee"]["id"]),
                grant["organization"]["login"] if "organization" in grant else None,
                grant["assigning_team"] and grant["assigning_team"]["slug"],
                grant["plan_type"],
                utc(grant["created_at"]),
                day and date.fromisoformat(day) if (day := grant["pending_cancellation_date"]) else None,
            )
            for grant in grants
        )
        assert (len(entries) > len(rows)) == (scope == "enterprise:octo-corp"), "people of two organisations"
        assert friday.sql(
            "select total_seats, people, grants, grants_without_person, difference from quality.seat_snapshot "
            f"where scope = '{scope}'"
        ) == [(total, total, len(grants), 0, 0)]


def test_subscriptions_are_of_organisations(friday: Company, github: Standin) -> None:
    rows = friday.sql("select scope, seats_total, seats_active_this_cycle, plan_type from flat.subscription order by 1")
    expected = []
    for scope in ("org:octo-labs", "org:octo-org"):
        told = answer_of(github, f"{ROOTS[scope]}/copilot/billing").json()
        seats = told["seat_breakdown"]
        expected.append((scope, seats["total"], seats["active_this_cycle"], told["plan_type"]))
    assert rows == expected


def test_snapshots_are_dated_the_day_they_were_taken_and_windows_by_their_last_day(friday: Company) -> None:
    assert dict(
        friday.sql("select report, min(day) from raw.records group by 1 having min(day) = max(day) order by 1")
    ) == {
        **dict.fromkeys(
            ("organization-1-day", "enterprise-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"), FRIDAY
        ),
        **dict.fromkeys(("ai-credit-usage", "premium-request-usage", "legacy-metrics"), FRIDAY),
        "copilot-seats": TODAY,
        "copilot-billing": TODAY,
        "budgets": TODAY,
        "cost-centers": TODAY,
        "organization-28-day": TODAY - timedelta(days=1),
        "enterprise-28-day": TODAY - timedelta(days=1),
    }
    assert friday.sql("select distinct day from flat.seat union select day from flat.subscription") == [(TODAY,)]


def test_a_second_snapshot_of_a_day_replaces_the_first(changed: Company, standin: Standin) -> None:
    seats = "select user_id, last_activity_at from flat.seat where scope = 'org:octo-org' order by all"
    before = changed.sql(seats)
    standin.today = TODAY + timedelta(days=1)  # GitHub's clock alone: here it is the same day still
    try:
        assert changed.materialize("raw.copilot_seats", "flat.seat", "flat.seat_grant").success
        total, grants = seats_of(standin, ROOTS["org:octo-org"])
    finally:
        standin.today = TODAY
    after = changed.sql(seats)
    assert after == sorted((pseudonym(grant["assignee"]["id"]), utc(grant["last_activity_at"])) for grant in grants)
    assert len(after) == total
    assert after != before
    assert changed.sql("select distinct day from flat.seat") == [(TODAY,)]
    kept = changed.sql("select count(*) from raw.copilot_seats where scope = 'org:octo-org'")
    assert kept == [(len(grants),)]
    assert changed.sql(
        "select count(*) from raw.fetches where report = 'copilot-seats' and scope = 'org:octo-org'"
    ) == [(2,)]


def test_a_snapshot_of_another_day_stands_beside_the_first(changed: Company) -> None:
    changed.today = TODAY + timedelta(days=1)
    assert changed.materialize("raw.copilot_billing", "flat.subscription").success
    assert changed.sql("select scope, day from flat.subscription order by all") == [
        (scope, day) for scope in ("org:octo-labs", "org:octo-org") for day in (TODAY, TODAY + timedelta(days=1))
    ]


def billed(standin: Standin, scope: str, kind: str, day: date) -> list[tuple[Any, ...]]:
    root = ROOTS[scope].replace("/orgs/", "/organizations/")
    params = {"year": day.year, "month": day.month, "day": day.day}
    bill = answer_of(standin, f"{root}/settings/billing/{kind}/usage", **params).json()
    names = ("model", "unitType", "grossQuantity", "grossAmount", "discountAmount", "netQuantity", "netAmount")
    return sorted(tuple(item[name] for name in names) for item in bill["usageItems"])


BILLED = "select model, unit_type, gross_quantity, gross_amount, discount_amount, net_quantity, net_amount from flat."


def test_ai_credits_by_model_are_those_of_the_bill(fortnight: Company, github: Standin) -> None:
    for scope in ROOTS:
        for day in (FRIDAY, LAST):
            expected = billed(github, scope, "ai_credit", day)
            assert len(expected) == 5
            where = f"ai_credit_usage where scope = '{scope}' and day = '{day}' order by model"
            assert fortnight.sql(BILLED + where) == expected


def test_premium_requests_are_of_the_time_before(changed: Company, github: Standin) -> None:
    day = date(2026, 5, 20)
    changed.env["COPILOT_START_DATE"] = "2026-05-01"
    assert changed.materialize("raw.premium_request_usage", day=day).success
    assert changed.materialize("flat.premium_request_usage").success
    for scope in ROOTS:
        expected = billed(github, scope, "premium_request", day)
        assert len(expected) == 5
        where = f"premium_request_usage where scope = '{scope}' and day = '{day}' order by model"
        assert changed.sql(BILLED + where) == expected


def test_who_is_engaged_over_28_days(friday: Company, github: Standin) -> None:
    for scope, root in ROOTS.items():
        kind = "enterprise" if "corp" in scope else "organization"
        (window,) = asked_of(github, f"{root}/copilot/metrics/reports/{kind}-28-day/latest")
        engagement = window["copilot_feature_engagement"]
        assert friday.sql(
            "select day, report_start_day, created_at, active_user_count from flat.engagement_28_days "
            f"where scope = '{scope}'"
        ) == [(date(2026, 9, 30), date(2026, 9, 3), window["created_at"], engagement["active_user_count"])]
        features = {each["feature"]: each["engaged_user_count"] for each in engagement["totals_by_feature"]}
        assert len(features) > 4
        query = f"select feature, engaged_user_count from flat.feature_engagement_28_days where scope = '{scope}'"
        assert dict(friday.sql(query)) == features


def test_each_report_costs_as_few_requests_as_it_can(asked: list[Seen]) -> None:
    api = Counter(request.path.rpartition("/copilot/")[2] for request in asked if request.host == "api")
    assert api["metrics/reports/users-1-day"] == 3
    assert api["metrics/reports/organization-28-day/latest"] == 2
    assert api["billing"] == 2
    # 170 grants of the enterprise and 110 of octo-org in pages of a hundred, 60 of octo-labs in one.
    assert api["billing/seats"] == 5
    assert max(api.values()) == 5


def test_reports_that_are_left_out_are_not_asked_for(
    changed: Company, friday: Company, asked: list[Seen], github: Standin
) -> None:
    def of_the_skipped(requests: list[Seen]) -> int:
        return sum(request.path.endswith(("/billing/seats", "/billing/ai_credit/usage")) for request in requests)

    assert of_the_skipped(asked) == 8
    changed.env["COPILOT_SKIP_REPORTS"] = "copilot-seats,ai-credit-usage"
    github.requests.clear()
    tables = ("flat.seat", "flat.ai_credit_usage", "quality.seat_snapshot")
    assert changed.load(FRIDAY, FRIDAY, *changed.raw, *tables) == []
    assert of_the_skipped(github.requests) == 0
    assert len(github.requests) > 20
    assert {report for report, _ in changed.landed}.isdisjoint({"copilot-seats", "ai-credit-usage"})
    for table in tables:
        kept = f"from {table} order by all"
        assert changed.sql(kept) == friday.sql(kept) != [], "what was taken before it was left out stays"
