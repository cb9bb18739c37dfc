"""A run of the whole graph when GitHub says no or sends rubbish: what is red, what lands all the same, what stays.

One outcome after another is in `tests/github` and `tests/warehouse`; here it is seen from Dagster and from the tables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from copilot_assets.standin import Fault, Standin
from copilot_assets.standin.server import Seen
from tests.conftest import TODAY, Company, all_but, new_company
from tests.dbt_like_sql.conftest import made_from

FIRST, LAST = TODAY - timedelta(days=17), TODAY - timedelta(days=4)  # 2026-09-14, a Monday, to 2026-09-27, a Sunday


@pytest.fixture(scope="module")
def landed(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A good day, with every report that is asked for by default."""
    github.faults.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(github, tmp_path_factory.mktemp("landed"), instance)
        assert company.load(LAST, LAST) == []
        yield company


@pytest.fixture
def changed(landed: Company, tmp_path: Path) -> Iterator[Company]:
    """A copy of that good day, to be changed."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield landed.copy(tmp_path, instance)


def days(first: date = FIRST, last: date = LAST) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def test_a_bad_day_is_red_alone(company: Company, standin: Standin) -> None:
    bad = LAST - timedelta(days=1)
    company.env |= {"COPILOT_SCOPES": "org:octo-org,org:octo-labs"}
    company.env |= {"COPILOT_SKIP_REPORTS": all_but("organization-1-day", "users-1-day")}
    standin.faults.append(Fault("500", scope="org:octo-labs", report="organization-1-day", day=bad))
    result = company.run(LAST - timedelta(days=2), LAST)
    assert len(result.problems) == 1
    assert "GitHub had trouble: it answered 500" in result.problems[0].splitlines()[0]
    assert "organization-1-day: 1 of 3 days failed for a scope at least; what landed stays." in result.problems[0]
    assert company.failed == [("organization-1-day", bad)], "and the progress counts it as such"
    good = set(days(LAST - timedelta(days=2), LAST)) - {bad}
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


def test_a_malformed_file_fails_its_day_and_what_was_there_stays(changed: Company, standin: Standin) -> None:
    before = changed.tables()
    standin.faults.append(Fault("malformed-line", scope="org:octo-org", report="users-1-day", day=LAST))
    (problem,) = changed.load(LAST, LAST, "raw.users_1_day")
    assert "line 3" in problem.splitlines()[0]
    assert changed.load(LAST, LAST, "flat.user_daily", *made_from("weekly.user_trend")) == []
    assert changed.sql(
        "select outcome, records, bytes, sha256 from raw.fetches where scope = 'org:octo-org' "
        "and report = 'users-1-day' order by requested_at desc limit 1"
    ) == [("failed", None, None, None)]
    after = changed.tables()
    assert after["raw.records"] == before["raw.records"]
    assert after["flat.user_daily"] == before["flat.user_daily"]
    assert after["weekly.user_trend"] == before["weekly.user_trend"]


def test_a_day_that_became_empty_loses_its_rows(changed: Company, standin: Standin) -> None:
    assert changed.sql("select count(*) from flat.user_daily where scope = 'org:octo-org'")[0][0] > 0
    standin.faults.append(Fault("204", scope="org:octo-org", day=LAST))
    assert changed.load(LAST, LAST, *changed.raw, "flat.user_daily") == []
    # A bill has no such answer, and a snapshot is of today.
    assert changed.sql(
        f"select distinct report from raw.records where scope = 'org:octo-org' and day = '{LAST}' order by 1"
    ) == [("ai-credit-usage",), ("premium-request-usage",)]
    assert changed.sql("select count(*) from flat.user_daily where scope = 'org:octo-org'") == [(0,)]
    assert changed.sql("select count(*) from flat.user_daily where scope = 'org:octo-labs'")[0][0] > 0


def test_a_scope_that_is_refused_is_a_sentence_and_given_up_after_a_few_days(
    company: Company, standin: Standin
) -> None:
    standin.faults.append(Fault("policy-off", scope="org:octo-labs"))
    standin.requests.clear()
    first_line = company.load(FIRST, LAST, *company.raw)[0].splitlines()[0]
    assert company.load(FIRST, LAST, "flat.entity_daily", "quality.day_status") == []
    assert "The policy 'Copilot usage metrics' is off for org:octo-labs" in first_line
    assert "AI controls > Copilot" in first_line
    asked = [request for request in standin.requests if "octo-labs/copilot/metrics/reports/users-1-day" in request.path]
    assert 1 <= len(asked) <= 8 + 3, "what was in flight before refusals came back, and the newest day once more"
    assert company.sql(
        "select distinct report, status from quality.day_status where scope = 'org:octo-labs' "
        f"and day between '{FIRST}' and '{LAST}' order by 1"
    ) == [
        ("ai-credit-usage", "reported"),  # the policy is about usage metrics
        ("organization-1-day", "forbidden"),
        ("premium-request-usage", "reported"),
        ("repos-1-day", "forbidden"),
        ("user-teams-1-day", "forbidden"),
        ("users-1-day", "forbidden"),
    ]
    assert company.sql("select count(distinct day) from flat.entity_daily where scope = 'org:octo-org'")[0][0] > 10


# --- What a scope is not given ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """A company after a run, the sentences of what failed, what it asked GitHub for, and the checks of its bill."""

    company: Company
    problems: Sequence[str]
    asked: list[Seen]
    checks: Sequence[dg.AssetCheckEvaluation] = ()

    def scopes(self, table: str) -> list[str]:
        return [scope for (scope,) in self.company.sql(f"select distinct scope from {table} order by 1")]

    def outcomes(self, report: str) -> dict[str, str]:
        return dict(self.company.sql(f"select scope, outcome from raw.fetches where report = '{report}'"))


@pytest.fixture(scope="module")
def partly_refused(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A first day: one organisation's seats may not be read, the other has no bill of its own and cannot pay."""
    github.faults[:] = [
        Fault("role-missing", scope="org:octo-org", report="seats"),
        Fault("billing-elsewhere", scope="org:octo-labs", report="usage"),
        Fault("payment-problem", scope="org:octo-labs", report="billing"),
    ]
    github.requests.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(github, tmp_path_factory.mktemp("refused"), instance)
        problems = company.load(LAST, LAST, *company.raw)
        assert company.rebuild() == []
        bill = company.materialize("raw.ai_credit_usage", day=LAST)
        github.faults.clear()
        yield Ran(company, problems, list(github.requests), bill.get_asset_check_evaluations())


def newest(company: Company, *key: str) -> dg.AssetMaterialization | None:
    event = company.instance.get_latest_materialization_event(dg.AssetKey(key))
    return event.asset_materialization if event else None


def test_refused_seats_name_the_permission_and_how_to_do_without(partly_refused: Ran) -> None:
    (seats,) = (problem for problem in partly_refused.problems if "copilot-seats" in problem)
    first, last = seats.splitlines()
    assert first.startswith("The token may not read this about org:octo-org")
    assert "manage_billing:copilot or read:org" in first
    assert "'GitHub Copilot Business' or 'Administration' (read)" in first
    assert "or leave the report out with COPILOT_SKIP_REPORTS=copilot-seats." in first
    assert last == "copilot-seats: 1 of 1 days failed for a scope at least; what landed stays."


def test_a_refused_snapshot_is_red_and_what_came_of_it_is_told(partly_refused: Ran) -> None:
    company = partly_refused.company
    assert newest(company, "raw", "copilot_seats") is None
    (seen,) = company.instance.fetch_observations(dg.AssetKey(["raw", "copilot_seats"]), limit=5).records
    assert seen.asset_observation is not None
    assert seen.asset_observation.metadata["scopes_reported"].value == 2
    assert partly_refused.outcomes("copilot-seats") == {
        "enterprise:octo-corp": "reported",
        "org:octo-labs": "reported",
        "org:octo-org": "forbidden",
    }
    assert partly_refused.scopes("flat.seat") == ["enterprise:octo-corp", "org:octo-labs"]
    assert partly_refused.scopes("quality.seat_snapshot") == ["enterprise:octo-corp", "org:octo-labs"]


def test_everything_else_lands_beside_refused_snapshots(partly_refused: Ran, landed: Company) -> None:
    assert len(partly_refused.problems) == 2
    refused = {
        *("flat.seat", "flat.seat_grant", "flat.subscription", "flat.ai_credit_usage"),
        *("weekly.licence_trend", "weekly.spend_trend"),
    }
    good = landed.tables()
    for name, rows in partly_refused.company.tables().items():
        if name.startswith(("flat.", "weekly.")) and name not in {"flat.sources", *refused}:
            assert rows == good[name], name


def test_a_bill_that_the_enterprise_gets_is_no_failure(partly_refused: Ran) -> None:
    company = partly_refused.company
    for report in ("ai-credit-usage", "premium-request-usage"):
        assert company.materialized("raw", report.replace("-", "_")) == {LAST}
        assert partly_refused.outcomes(report)["org:octo-labs"] == "not_offered"
        assert not [problem for problem in partly_refused.problems if report in problem]
    assert partly_refused.scopes("flat.ai_credit_usage") == ["enterprise:octo-corp", "org:octo-org"]
    assert company.sql(
        "select report, status, coverage from quality.day_status where scope = 'org:octo-labs' "
        f"and report like '%-usage' and day = '{LAST}' order by 1"
    ) == [
        ("ai-credit-usage", "not_offered", "not_expected"),
        ("premium-request-usage", "not_offered", "not_expected"),
    ]
    checks = {(check.asset_key, check.check_name): check for check in partly_refused.checks}
    # The days before this one were never asked for; they are missing, and this one of octo-labs is not.
    missing = checks[dg.AssetKey(["raw", "ai_credit_usage"]), "missing_days"]
    assert str(LAST) not in str(missing.metadata["days"])


def test_a_payment_that_fails_is_said_with_where_to_mend_it(partly_refused: Ran) -> None:
    (payment,) = (problem for problem in partly_refused.problems if "copilot-billing" in problem)
    assert payment.startswith("GitHub does not answer for org:octo-labs until its payment method works")
    assert "Billing and licensing > Payment information" in payment
    assert "COPILOT_SKIP_REPORTS=copilot-billing" in payment
    assert newest(partly_refused.company, "raw", "copilot_billing") is None
    assert partly_refused.scopes("flat.subscription") == ["org:octo-org"]


def test_budgets_and_cost_centres_may_be_refused(
    changed: Company, standin: Standin, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may read the bill, or asks for none, is not therefore let in to these."""
    tables = ("raw.budgets", "flat.budget", "raw.cost_centers", "flat.cost_center")
    before = [changed.sql(f"from {table} order by all") for table in tables]
    standin.faults += [
        Fault("role-missing", report="budgets"),
        Fault("404", scope="enterprise:octo-corp", report="cost-centers"),
    ]
    assert changed.load(LAST, LAST, *tables) == []
    assert changed.sql(
        "select distinct report, outcome from raw.fetches where report in ('budgets', 'cost-centers') "
        "qualify row_number() over (partition by scope, report order by entry_number desc) = 1 order by all"
    ) == [("budgets", "forbidden"), ("cost-centers", "not_found")]
    assert [changed.sql(f"from {table} order by all") for table in tables] == before
    assert all(before)
    assert "The token may not read this about org:octo-org" in caplog.text
    assert "GitHub knows no enterprise:octo-corp that this token may see" in caplog.text
    standin.faults[:] = [Fault("500", report="budgets")]
    (trouble,) = changed.load(LAST, LAST, "raw.budgets")
    assert "GitHub had trouble: it answered 500" in trouble


def test_a_snapshot_that_is_refused_later_deletes_nothing(changed: Company, standin: Standin) -> None:
    tables = ("raw.copilot_seats", "flat.seat", "flat.seat_grant")
    before = [changed.sql(f"from {table} order by all") for table in tables]
    standin.faults.append(Fault("role-missing", report="seats"))
    assert not changed.materialize("raw.copilot_seats").success
    assert changed.materialize("flat.seat", "flat.seat_grant").success
    assert [changed.sql(f"from {table} order by all") for table in tables] == before
    assert all(before)


# --- A GitHub App ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def as_app(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A first day asked as a GitHub App that one of the three scopes has not installed."""
    github.faults.clear()
    github.requests.clear()
    everywhere = set(github.apps.installed_on)
    github.apps.installed_on -= {"org:octo-labs"}
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(
            github,
            tmp_path_factory.mktemp("app"),
            instance,
            GITHUB_TOKEN="",
            GITHUB_APP_ID=str(github.app_id),
            GITHUB_APP_PRIVATE_KEY=github.app_private_key,
        )
        problems = company.load(LAST, LAST, *company.raw)
        assert company.rebuild() == []
        github.apps.installed_on |= everywhere
        yield Ran(company, problems, list(github.requests))


def test_an_app_lands_what_it_is_installed_for(as_app: Ran, landed: Company) -> None:
    installed = ("flat.entity_daily", "flat.user_daily", "flat.user_team_daily", "flat.seat", "flat.ai_credit_usage")
    for table in installed:
        query = f"from {table} where scope <> 'org:octo-labs' order by all"
        assert as_app.company.sql(query) == landed.sql(query) != [], table
        assert as_app.scopes(table) == ["enterprise:octo-corp", "org:octo-org"]


def test_where_an_app_is_not_installed_it_is_said_of_every_report(as_app: Ran) -> None:
    expected = "GitHub App 1208 is not installed on org:octo-labs"
    # All reports but the two about enterprises and the closed API.
    assert len(as_app.problems) == 9
    assert all(problem.startswith(expected) for problem in as_app.problems)
    assert "'Install App'" in as_app.problems[0]
    assert as_app.company.sql(
        f"select distinct status, coverage from quality.day_status where scope = 'org:octo-labs' and day = '{LAST}'"
    ) == [("forbidden", "missing")]


def test_an_app_asks_for_no_report_where_it_is_not_installed_and_keeps_its_secrets(as_app: Ran) -> None:
    of_labs = {request.path for request in as_app.asked if "octo-labs" in request.path}
    assert of_labs == {"/orgs/octo-labs/installation"}
    assert not any(request.had_authorization for request in as_app.asked if request.host == "downloads")
    database = Path(as_app.company.env["COPILOT_WAREHOUSE"]).read_bytes()
    for secret in (b"ghs_", b"PRIVATE KEY", b"eyJ"):
        assert secret not in database
