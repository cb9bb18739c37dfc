"""The doctor over real sockets: what it says of a healthy company, and of everything that may stand in the way."""

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
import stamina
from rich.console import Console
from rich.text import Text

from copilot_assets.github.reports import REPORTS
from copilot_assets.settings import Settings
from copilot_assets.shell.diagnosis import Diagnosis, Finding, State
from copilot_assets.shell.doctor import as_json, as_tables
from copilot_assets.shell.examination import examine
from copilot_assets.standin import Fault, Standin
from tests.conftest import NOW, TODAY

pytestmark = pytest.mark.usefixtures("fixed_clock")

YESTERDAY = date(2026, 9, 30)
ORG, LABS, ENTERPRISE = "org:octo-org", "org:octo-labs", "enterprise:octo-corp"
TOKEN = "ghp_secretOfTheTest"
# What GitHub offers about activity, and beside it about money, by kind of scope (contract of 2026-11).
ORG_ACTIVITY = ["organization-1-day", "organization-28-day", "users-1-day", "user-teams-1-day", "repos-1-day"]
ORG_MONEY = ["copilot-seats", "copilot-billing", "ai-credit-usage", "premium-request-usage", "budgets"]
ENTERPRISE_ACTIVITY = ["enterprise-1-day", "enterprise-28-day", *ORG_ACTIVITY[2:]]
ENTERPRISE_MONEY = ["copilot-seats", "ai-credit-usage", "premium-request-usage", "budgets", "cost-centers"]


@pytest.fixture(scope="module")
def running() -> Iterator[Standin]:
    """GitHub as it is now: the legacy metrics are closed."""
    with Standin(today=TODAY) as standin:
        yield standin


@pytest.fixture
def server(running: Standin) -> Iterator[Standin]:
    running.requests.clear()
    yield running
    running.faults.clear()
    running.today = TODAY
    running.rate_limits.limit = 5000
    running.apps.installed_on = {ORG, LABS, ENTERPRISE}


def diagnose(
    api: Standin | str, scopes: str = f"{ORG},{LABS},{ENTERPRISE}", today: date = TODAY, **env: str
) -> Diagnosis:
    url = api if isinstance(api, str) else api.api_url
    given = {"GITHUB_API_URL": url, "GITHUB_TOKEN": TOKEN, "COPILOT_SCOPES": scopes}
    settings = Settings.from_env({name: text for name, text in (given | env).items() if text})
    # A doctor that waits for GitHub has to fail the test, not hang it.
    return asyncio.run(asyncio.wait_for(examine(settings, today), timeout=20))


def the_app(server: Standin) -> dict[str, str]:
    """Settings that ask as the stand-in's GitHub App."""
    return {
        "GITHUB_TOKEN": "",
        "GITHUB_APP_ID": str(server.app_id),
        "GITHUB_APP_PRIVATE_KEY": server.app_private_key.replace("\n", "\\n"),
    }


def only(report: str) -> dict[str, str]:
    """Settings that leave every other report out."""
    return {"COPILOT_SKIP_REPORTS": ",".join(each.name for each in REPORTS if each.name != report)}


def by_report(diagnosis: Diagnosis, scope: str) -> dict[str, Finding]:
    return {finding.question: finding for finding in diagnosis.findings if finding.about == scope}


def general(diagnosis: Diagnosis) -> dict[str, Finding]:
    return {finding.question: finding for finding in diagnosis.findings if finding.about is None}


def bad(diagnosis: Diagnosis) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.state is State.BAD]


def printed(diagnosis: Diagnosis, width: int = 100) -> list[str]:
    """The lines that a terminal of that width shows."""
    console = Console(file=StringIO(), width=width)
    for part in as_tables(diagnosis):
        console.print(part, soft_wrap=isinstance(part, Text))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def said(diagnosis: Diagnosis, width: int = 100) -> str:
    """What the terminal shows as one line, without the breaks between its words."""
    return " ".join(" ".join(printed(diagnosis, width)).split())


@contextmanager
def answering(
    body: bytes | None, *, status: int = 200, date_header: str | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything alike, or hangs up where there is no body; and what it was asked."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            if body is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date_header or format_datetime(NOW, usegmt=True)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}", seen
        listener.shutdown()


@contextmanager
def nobody() -> Iterator[str]:
    """An address at which nobody listens, and nobody else can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


# --- A healthy company ------------------------------------------------------------------------------------------------


def test_every_report_of_every_scope_with_the_days_that_github_has(server: Standin) -> None:
    diagnosis = diagnose(server)
    assert diagnosis.is_healthy
    assert list(by_report(diagnosis, ORG)) == list(by_report(diagnosis, LABS)) == ORG_ACTIVITY + ORG_MONEY
    assert set(by_report(diagnosis, ENTERPRISE)) == {*ENTERPRISE_ACTIVITY, *ENTERPRISE_MONEY}
    # First days as GitHub announced them; bills two years back, 365 + 365 days before 2026-10-01.
    shared = {
        "user-teams-1-day": date(2026, 5, 14),
        "repos-1-day": date(2026, 7, 17),
        "ai-credit-usage": date(2026, 6, 1),
        "premium-request-usage": date(2024, 10, 1),
    }
    org = shared | {"organization-1-day": date(2025, 12, 12), "users-1-day": date(2025, 12, 12)}
    enterprise = shared | {"enterprise-1-day": date(2025, 10, 10), "users-1-day": date(2025, 10, 10)}
    for scope, first_days in ((ORG, org), (LABS, org), (ENTERPRISE, enterprise)):
        for name, finding in by_report(diagnosis, scope).items():
            assert (finding.state, finding.sentence) == (State.OK, ""), (scope, name)
            assert finding.first_day == first_days.get(name), (scope, name)
            is_as_of_now = name in ("copilot-seats", "copilot-billing", "budgets", "cost-centers")
            assert finding.last_day == (TODAY if is_as_of_now else YESTERDAY), (scope, name)
            assert finding.is_policy_on == (None if name in (*ORG_MONEY, *ENTERPRISE_MONEY) else True), (
                "the policy is about activity"
            )
            assert finding.is_role_sufficient is True
    assert {name: finding.state for name, finding in general(diagnosis).items()} == {
        "GitHub": State.OK,
        "rate limit": State.OK,
        "report files": State.OK,
        "token's end": State.OK,
    }
    text = said(diagnosis)
    assert "organization-1-day ok on enough 2025-12-12 to 2026-09-30" in text
    assert "organization-28-day ok on enough as of 2026-09-30" in text
    assert "copilot-seats ok – enough as of 2026-10-01" in text
    assert text.endswith("Next: copilot-assets backfill")


def test_a_first_day_is_not_older_than_github_keeps(server: Standin) -> None:
    server.today = date(2026, 12, 20)
    day = by_report(diagnose(server, ORG, server.today), ORG)["organization-1-day"]
    assert day.first_day == date(2025, 12, 20), "a year before, and GitHub's first day was the 12th"
    assert day.last_day == date(2026, 12, 19)


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("ghp_x", "classic token"),
        ("github_pat_x", "fine-grained token"),
        ("ghu_x", "user token of a GitHub App"),
        ("gho_x", "token of an OAuth app"),
        ("8f3a", "token of unknown kind"),
    ],
)
def test_the_kind_of_token_and_what_github_tells_of_it(server: Standin, token: str, kind: str) -> None:
    diagnosis = diagnose(server, ORG, GITHUB_TOKEN=token, **only("organization-1-day"))
    assert diagnosis.token_kind == kind
    scopes = ("read:org", "read:enterprise", "manage_billing:copilot") if kind == "classic token" else None
    assert diagnosis.token_scopes == scopes, "GitHub tells them of classic tokens alone"
    may = f", which may do: {', '.join(scopes)}." if scopes else "."
    assert f"Credentials: {kind}{may}" in printed(diagnosis)


@pytest.mark.parametrize(
    ("day", "words", "state"),
    [
        (date(2026, 12, 1), "in 61 days.", State.OK),
        (date(2026, 10, 16), "in 15 days.", State.OK),
        (date(2026, 10, 15), "in 14 days. Make a new one and put it into GITHUB_TOKEN before that", State.NOTE),
        (date(2026, 10, 2), "in 1 day. Make a new one", State.NOTE),
        (TODAY, "today. Make a new one", State.NOTE),
    ],
)
def test_when_the_token_ends(server: Standin, day: date, words: str, state: State) -> None:
    diagnosis = diagnose(server, ORG, GITHUB_TOKEN=f"ghp_x_until_{day}", **only("organization-1-day"))
    assert general(diagnosis)["token's end"].state is state
    assert said(diagnosis).count(f"The token ends on {day} 12:00 UTC, {words}") == 1
    assert as_json(diagnosis)["token"]["ends_at"] == f"{day}T12:00:00+00:00"


def test_a_token_without_an_end(server: Standin) -> None:
    diagnosis = diagnose(server, ORG, **only("organization-1-day"))
    end = general(diagnosis)["token's end"]
    assert (end.state, end.sentence[:53]) == (State.OK, "GitHub tells no date on which the token ends. If it h")


def test_a_github_app_that_is_installed_everywhere_but_in_one_place(server: Standin) -> None:
    healthy = diagnose(server, **the_app(server))
    assert healthy.is_healthy
    assert healthy.token_kind == "GitHub App"
    server.apps.installed_on.discard(LABS)
    diagnosis = diagnose(server, **the_app(server))
    assert {finding.about for finding in bad(diagnosis)} == {LABS}
    assert len(bad(diagnosis)) == len(ORG_ACTIVITY + ORG_MONEY) - 1, "budgets may be refused"
    text = said(diagnosis)
    assert text.count(f"GitHub App {server.app_id} is not installed on {LABS}") == 1
    assert f"{LABS}: every report" in text
    assert "Install it there from the App's settings page" in text


def test_the_rate_limit(server: Standin) -> None:
    diagnosis = diagnose(server, ORG, GITHUB_TOKEN="ghp_rich")
    assert (diagnosis.rate_limit_left, diagnosis.rate_limit) == (4990, 5000), "an organisation has ten reports"
    assert "4,990 of 5,000 requests left in this hour." in printed(diagnosis)
    server.rate_limits.limit = 34
    assert general(diagnose(server, GITHUB_TOKEN="ghp_enough"))["rate limit"].state is State.OK, "30 reports leave 4"
    server.rate_limits.limit = 32
    diagnosis = diagnose(server, GITHUB_TOKEN="ghp_poor")
    limit = general(diagnosis)["rate limit"]
    assert limit.state is State.NOTE, "2 are less than a tenth"
    assert limit.sentence == "2 of 32 requests left in this hour. A run waits for the next hour when they are used up."
    assert diagnosis.is_healthy, "a run would wait and succeed"
    assert limit.sentence in said(diagnosis)


def test_a_used_up_hour_is_told_and_not_waited_for(server: Standin) -> None:
    server.rate_limits.limit = 0
    with stamina.set_testing(False):
        diagnosis = diagnose(server, ORG)
    assert {finding.sentence.split(" (")[0] for finding in bad(diagnosis)} == {"The rate limit is used up"}


# --- What it costs ----------------------------------------------------------------------------------------------------


def asked(server: Standin, host: str = "api") -> Counter[str]:
    return Counter(seen.path for seen in server.requests if seen.host == host)


def test_one_question_a_report_and_one_file(server: Standin) -> None:
    diagnose(server)
    assert len(asked(server)) == 10 + 10 + 10
    assert set(asked(server).values()) == {1}
    assert asked(server, "downloads").total() == 1
    assert not any(seen.had_authorization for seen in server.requests if seen.host == "downloads")
    assert all("per_page=1" in seen.query for seen in server.requests if seen.path.endswith("/seats"))


def test_three_days_are_asked_for_before_it_says_that_there_is_nothing(server: Standin) -> None:
    server.faults.append(Fault("empty-links"))
    diagnosis = diagnose(server, ORG)
    days = {seen.query for seen in server.requests if seen.path.endswith("/users-1-day")}
    assert days == {"day=2026-09-30", "day=2026-09-29", "day=2026-09-28"}
    counts = {path.removesuffix("/latest").rpartition("/")[2]: count for path, count in asked(server).items()}
    assert [counts[name] for name in ORG_ACTIVITY] == [3, 1, 3, 3, 3]
    assert not asked(server, "downloads")
    assert diagnosis.is_healthy, "nothing can be mended"
    finding = by_report(diagnosis, ORG)["users-1-day"]
    assert (finding.state, finding.is_policy_on, finding.is_role_sufficient) == (State.NOTE, True, True)
    assert (finding.first_day, finding.last_day) == (date(2025, 12, 12), None)
    text = said(diagnosis)
    assert text.count("GitHub has none of the last 3 days") == 1
    assert f"{ORG}: organization-1-day, users-1-day, user-teams-1-day, repos-1-day Access works" in text


def test_a_day_that_is_not_out_yet_is_no_trouble(server: Standin) -> None:
    server.faults.append(Fault("204", day=YESTERDAY))
    diagnosis = diagnose(server, ORG)
    assert {finding.state for finding in diagnosis.findings} == {State.OK}
    assert by_report(diagnosis, ORG)["repos-1-day"].last_day == date(2026, 9, 29)


def test_what_is_left_out_is_not_asked_for(server: Standin) -> None:
    diagnosis = diagnose(server, ORG, COPILOT_SKIP_REPORTS="copilot-billing,ai-credit-usage")
    assert diagnosis.is_healthy
    assert not {"copilot-billing", "ai-credit-usage"} & set(by_report(diagnosis, ORG))
    assert len(asked(server)) == 8
    assert "Not asked for, by COPILOT_SKIP_REPORTS: ai-credit-usage, copilot-billing." in printed(diagnosis)
    server.faults.append(Fault("role-missing", report="seats"))
    diagnosis = diagnose(server, ORG, COPILOT_SKIP_REPORTS="copilot-billing,ai-credit-usage")
    line = "  COPILOT_SKIP_REPORTS=ai-credit-usage,copilot-billing,copilot-seats"
    assert line in printed(diagnosis), "the whole line for .env, with what stands there already"


def test_orders_are_looked_at_where_they_are_switched_on_and_none_is_made(server: Standin) -> None:
    diagnosis = diagnose(server, ENTERPRISE, COPILOT_BILL_REPORTS="on")
    assert diagnosis.is_healthy
    found = by_report(diagnosis, ENTERPRISE)
    assert {found[name].state for name in ("ai-usage-report", "premium-request-report")} == {State.OK}
    assert found["ai-usage-report"].is_policy_on is None
    assert server.orders.taken == {}
    server.faults.append(Fault("role-missing", report="usage-reports"))
    diagnosis = diagnose(server, ENTERPRISE, COPILOT_BILL_REPORTS="on")
    assert "  COPILOT_SKIP_REPORTS=ai-usage-report,premium-request-report" in printed(diagnosis)
    assert "ai-usage-report" not in by_report(diagnose(server, ENTERPRISE), ENTERPRISE), "off unless switched on"


def test_people_are_not_asked_for_when_they_are_switched_off(server: Standin) -> None:
    diagnosis = diagnose(server, ORG, COPILOT_IDENTITIES="off", COPILOT_SKIP_REPORTS="copilot-billing")
    people = ["users-1-day", "user-teams-1-day", "copilot-seats"]
    assert diagnosis.is_healthy
    assert not {*people, "copilot-billing"} & set(by_report(diagnosis, ORG))
    assert len(asked(server)) == 10 - 4
    assert f"Not asked for, by COPILOT_IDENTITIES=off: {', '.join(people)}." in printed(diagnosis)
    told = as_json(diagnosis)
    assert (told["skipped_reports"], told["reports_about_people_off"]) == (["copilot-billing"], people)
    assert as_json(diagnose(server, ORG))["reports_about_people_off"] == []


# --- What stands in the way, and what to do about it ------------------------------------------------------------------

TROUBLES: Mapping[str, tuple[str, str]] = {
    "bad-credentials": ("GitHub does not accept the token", "make a new one and put it into GITHUB_TOKEN"),
    "no-token": ("No token reached GitHub", "look at GITHUB_TOKEN"),
    "sso-required": ("not authorised for single sign-on of org:octo-org", "choose 'Configure SSO' beside the token"),
    "ip-not-allowed": ("lets in listed addresses only", "Add it to the IP allow list"),
    "firewall": ("a proxy or firewall answered in place of GitHub", "Let requests to GITHUB_API_URL through"),
    "policy-off": ("policy 'Copilot usage metrics' is off for org:octo-org", "AI controls > Copilot > Copilot usage"),
    "role-missing": ("may not read this about org:octo-org", "a classic token of an organisation owner with read:org"),
    "app-permission-missing": ("The GitHub App lacks a permission for org:octo-org", "'Organization Copilot metrics'"),
    "token-permission-missing": ("The fine-grained token lacks a permission", "'Organization Copilot metrics' (read)"),
    "classic-token-forbidden": ("does not let in this kind of token", "Use another kind, such as a GitHub App"),
    "token-lives-too-long": ("or one that lives so long", "https://github.com/settings/personal-access-tokens/1234567"),
    "web-page-404": ("A web page came with status 404", "Set GITHUB_API_URL to the API's own address"),
    "proxy-page": ("GitHub answered 200, but not with", "Check GITHUB_API_URL"),
    "proxy-password": ("A proxy between here and GitHub wants a name", "Put them into HTTPS_PROXY"),
    "500": ("GitHub had trouble: it answered 500", "again later"),
    "cut-connection": ("could not be reached", "Check the network"),
}


@pytest.mark.parametrize("fault", TROUBLES)
def test_trouble_is_red_and_says_what_to_do(server: Standin, fault: str) -> None:
    what, remedy = TROUBLES[fault]
    server.faults.append(Fault(fault, scope=ORG))
    diagnosis = diagnose(server, f"{ORG},{LABS}")
    assert not diagnosis.is_healthy
    assert {finding.about for finding in bad(diagnosis)} == {ORG}, "and the other organisation is well"
    found = {finding.question: finding for finding in bad(diagnosis)}
    assert list(found)[:5] == ORG_ACTIVITY
    for name in ORG_ACTIVITY:
        assert what in found[name].sentence
        assert remedy in found[name].sentence
        assert found[name].first_day is found[name].last_day is None
    policy = {"policy-off": False, "role-missing": True}.get(fault)
    role = False if fault in ("role-missing", "app-permission-missing", "token-permission-missing") else None
    for name in ORG_ACTIVITY:
        assert (found[name].is_policy_on, found[name].is_role_sufficient) == (policy, role)
    if fault != "policy-off":  # which is about activity alone
        untold = [name for name, finding in by_report(diagnosis, ORG).items() if finding.state is not State.OK]
        assert untold == ORG_ACTIVITY + ORG_MONEY
        assert set(untold) - set(found) <= {"budgets"}, "which may be refused"
    for width in (80, 100, 150):
        text = said(diagnosis, width)
        assert what in text
        assert remedy in text
        assert "To mend, or a run will fail:" in text
        assert "Next: copilot-assets backfill" not in text


def test_the_same_reason_of_many_appears_once(server: Standin) -> None:
    server.faults.append(Fault("role-missing"))
    diagnosis = diagnose(server)
    assert len(bad(diagnosis)) == 26, "three of budgets and one of cost centres are no trouble by themselves"
    text = said(diagnosis)
    # Activity, seats and bills need three different permissions, and those of an enterprise are others: six reasons.
    assert text.count("The token may not read this about") == 6
    assert text.count("'Organization Copilot metrics' (read)") == 1
    assert text.count("'Enterprise Copilot metrics' (read)") == 1
    assert text.count("'GitHub Copilot Business' or 'Administration' (read)") == 1
    assert text.count("'Enterprise Copilot license management' (read)") == 1
    assert text.count("organisation permission 'Administration' (read)") == 1
    assert text.count("read access to enterprise billing") == 1
    assert f"{ORG}, {LABS}: {', '.join(ORG_ACTIVITY)} The token may not read this about {ORG}, {LABS} (" in text
    assert text.count("COPILOT_SKIP_REPORTS") == 1
    money = ",".join((*ORG_MONEY, "cost-centers"))
    line = f"  COPILOT_SKIP_REPORTS={money}"
    assert line in printed(diagnosis, 80), "whole, for copying"
    for width in (80, 100, 150):
        shown = printed(diagnosis, width)
        reasons = shown[shown.index("To mend, or a run will fail:") :]
        assert max(len(text) for text in reasons if "SKIP" not in text) <= width


def test_budgets_that_are_refused_fail_no_run_and_how_to_leave_them_out_is_told(server: Standin) -> None:
    server.faults += [Fault("role-missing", report="budgets"), Fault("404", report="cost-centers")]
    diagnosis = diagnose(server, ENTERPRISE)
    assert diagnosis.is_healthy
    found = by_report(diagnosis, ENTERPRISE)
    assert [found[name].state for name in ("budgets", "cost-centers")] == [State.NOTE, State.NOTE]
    assert found["budgets"].is_role_sufficient is False
    text = said(diagnosis)
    assert "To mend" not in text
    assert f"To know: {ENTERPRISE}: budgets The token may not read this about {ENTERPRISE}" in text
    assert "  COPILOT_SKIP_REPORTS=budgets" in printed(diagnosis)


def test_one_token_for_all_is_one_reason(server: Standin) -> None:
    diagnosis = diagnose(server, GITHUB_TOKEN="bad")
    assert f"{ORG}, {LABS}, {ENTERPRISE}: every report GitHub does not accept the token" in said(diagnosis)
    assert said(diagnosis).count("GitHub does not accept the token") == 1


def test_a_name_that_github_does_not_know(server: Standin) -> None:
    diagnosis = diagnose(server, f"org:nobody,{ORG}")
    assert {finding.about for finding in bad(diagnosis)} == {"org:nobody"}
    sentence = by_report(diagnosis, "org:nobody")["users-1-day"].sentence
    assert "GitHub knows no org:nobody that this token may see" in sentence
    assert "Check the name in COPILOT_SCOPES" in sentence


def test_the_closed_api_is_a_note(server: Standin) -> None:
    diagnosis = diagnose(server, f"{ORG},{ENTERPRISE}", COPILOT_LEGACY_API="on")
    assert diagnosis.is_healthy
    legacy = by_report(diagnosis, ENTERPRISE)["legacy-metrics"]
    assert (legacy.state, legacy.is_policy_on, legacy.first_day) == (State.NOTE, None, None)
    text = said(diagnosis)
    assert f"To know: {ORG}, {ENTERPRISE}: legacy-metrics GitHub closed this API on 2026-04-02" in text
    assert text.count("set COPILOT_LEGACY_API=off to stop asking") == 1


def test_an_open_legacy_api_goes_back_a_hundred_days(standin: Standin) -> None:
    legacy = by_report(diagnose(standin, ORG, COPILOT_LEGACY_API="on"), ORG)["legacy-metrics"]
    # 30 days of September, 31 of August, 31 of July, 8 of June.
    assert (legacy.state, legacy.first_day, legacy.last_day) == (State.OK, date(2026, 6, 23), YESTERDAY)


def test_a_bill_that_the_enterprise_gets_is_a_note(server: Standin) -> None:
    server.faults.append(Fault("billing-elsewhere"))
    diagnosis = diagnose(server)
    assert diagnosis.is_healthy
    assert by_report(diagnosis, ORG)["ai-credit-usage"].state is State.NOTE
    assert by_report(diagnosis, ENTERPRISE)["ai-credit-usage"].state is State.OK
    text = said(diagnosis)
    assert (
        f"{ORG}, {LABS}: ai-credit-usage, premium-request-usage, budgets GitHub bills this organisation through" in text
    )
    assert text.count("GitHub bills this organisation through its enterprise") == 1
    assert "  COPILOT_SKIP_REPORTS=ai-credit-usage,premium-request-usage,budgets" in printed(diagnosis)


# --- The way there ----------------------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with nobody() as url:
        diagnosis = diagnose(url)
    (finding,) = diagnosis.findings
    assert (finding.state, finding.question) == (State.BAD, "GitHub")
    assert finding.sentence == (f"No answer came from {url}. Check the network, HTTPS_PROXY and GITHUB_API_URL.")
    assert finding.sentence in said(diagnosis)
    assert diagnosis.clock_skew_seconds is diagnosis.rate_limit is diagnosis.token_scopes is None


def test_somebody_who_never_answers_is_asked_once() -> None:
    with answering(None) as (url, seen), stamina.set_testing(False):
        diagnosis = diagnose(url)
    assert len(seen) == 1
    assert [finding.question for finding in bad(diagnosis)] == ["GitHub"]


@pytest.mark.parametrize(("fault", "words"), [("html-file", "200 with a web page"), ("expired-link", "403")])
def test_report_files_that_do_not_come_through(server: Standin, fault: str, words: str) -> None:
    server.faults.append(Fault(fault))
    diagnosis = diagnose(server)
    (finding,) = bad(diagnosis)
    assert finding.question == "report files"
    assert f"127.0.0.1, where GitHub keeps report files, answered {words}: a proxy" in finding.sentence
    assert "Let HTTPS requests to that host through." in said(diagnosis)


def test_a_storage_host_that_is_not_reached() -> None:
    with nobody() as storage:
        body = {"download_links": [f"{storage}/file?sig=SECRET"], "report_day": str(YESTERDAY)}
        with answering(json.dumps(body).encode()) as (url, _):
            diagnosis = diagnose(url, ORG, **only("organization-1-day"))
    assert by_report(diagnosis, ORG)["organization-1-day"].state is State.OK
    (finding,) = bad(diagnosis)
    assert (finding.question, finding.about) == ("report files", None)
    assert "could not be reached" in finding.sentence
    assert "Check the network" in finding.sentence
    assert "SECRET" not in json.dumps(as_json(diagnosis)) + said(diagnosis)


@pytest.mark.parametrize(("minutes", "words"), [(-10, "seconds ahead of"), (10, "seconds behind")])
def test_a_clock_that_is_wrong(server: Standin, minutes: int, words: str) -> None:
    """GitHub's clock is ten minutes off this machine's, which is the one that is wrong."""
    theirs = format_datetime(NOW + timedelta(minutes=minutes), usegmt=True)
    with answering(b"[]", date_header=theirs) as (url, _):
        token = diagnose(url, ORG, **only("organization-1-day"))
        app = diagnose(url, ORG, **only("organization-1-day"), **the_app(server))
    assert abs(token.clock_skew_seconds or 0) == pytest.approx(600, abs=5)
    assert words in general(token)["clock"].sentence
    assert general(token)["clock"].state is State.NOTE, "a token works all the same"
    assert general(app)["clock"].state is State.BAD, "an App's signature does not"
    for diagnosis in (token, app):
        assert "Set it by the network (NTP)" in said(diagnosis)
        assert "clock agrees" not in said(diagnosis)


def test_a_clock_that_is_right(server: Standin) -> None:
    diagnosis = diagnose(server, ORG, **only("organization-1-day"))
    assert "clock" not in general(diagnosis)
    assert "This machine's clock agrees with GitHub's." in printed(diagnosis)


# --- For programs -----------------------------------------------------------------------------------------------------


def test_json_has_the_same_facts_and_nothing_secret(server: Standin) -> None:
    server.faults.append(Fault("policy-off", scope=LABS))
    at = datetime(2026, 10, 1, 6, 30, tzinfo=UTC)
    text = json.dumps(as_json(diagnose(server), at))
    told: dict[str, Any] = json.loads(text)
    assert told["examined_at"] == "2026-10-01T06:30:00+00:00"
    assert told["is_healthy"] is False
    assert told["token"] == {
        "kind": "classic token",
        "scopes": ["read:org", "read:enterprise", "manage_billing:copilot"],
        "ends_at": None,
    }
    found = {(entry["scope"], entry["question"]): entry for entry in told["findings"]}
    assert len(found) == len(told["findings"]) == 30 + 4
    assert found[ORG, "users-1-day"] == {
        "state": "ok",
        "scope": ORG,
        "question": "users-1-day",
        "first_day": "2025-12-12",
        "last_day": "2026-09-30",
        "policy_on": True,
        "role_sufficient": True,
        "sentence": "",
    }
    off = found[LABS, "users-1-day"]
    assert (off["state"], off["policy_on"], off["role_sufficient"], off["last_day"]) == ("bad", False, None, None)
    app = json.dumps(as_json(diagnose(server, **the_app(server))))
    assert json.loads(app)["token"] == {"kind": "GitHub App", "scopes": None, "ends_at": None}
    tokens = list(server.apps.tokens)
    assert tokens
    for secret in (TOKEN, "sig=", server.downloads_url, "eyJ", "PRIVATE KEY", *tokens):
        assert secret not in text + app
