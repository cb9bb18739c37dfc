"""What must not be lost, and what must not stop the rest: old history, damaged bytes, killed runs, taken files."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from copilot_assets.github.credentials import Token
from copilot_assets.github.files import BrokenFileError, inspect_files
from copilot_assets.github.outcomes import Outcome, message_of, retry_after_seconds
from copilot_assets.settings import Settings, SettingsError
from copilot_assets.standin import Fault, Standin
from copilot_assets.standin.faults import FAULTS
from copilot_assets.warehouse import Warehouse, WarehouseError, land
from tests.conftest import TODAY, Company, report_named
from tests.faults.test_client import CORP, fetch

DAY = TODAY - timedelta(days=5)


def test_asking_for_a_day_that_github_no_longer_keeps_deletes_nothing(company: Company, standin: Standin) -> None:
    assert company.run(DAY, DAY).problems == ()
    before = company.tables()
    # A year and a day later GitHub has nothing any more, which says nothing about the day.
    company.today = DAY + timedelta(days=366)
    standin.faults.append(Fault("204"))
    assert company.run(DAY, DAY).problems == ()
    after = company.tables()
    # Seats and the like are of the day they were asked for, and have nothing to do with it.
    of_the_day = [[row for row in tables["raw.records"] if row[2] == DAY] for tables in (before, after)]
    assert of_the_day[0] == of_the_day[1] != []
    assert after["flat.user_daily"] == before["flat.user_daily"]
    last = company.sql(
        "select outcome, evidence from raw.fetches where report = 'users-1-day' order by requested_at desc limit 1"
    )
    assert last[0][0] == Outcome.EXPIRED
    assert "It keeps 365 days, and this one is older." in last[0][1]


# Every fault of the stand-in: what comes of a fetch that it strikes, and words that the ledger must hold about it.
ENDINGS = {
    "204": (Outcome.NO_REPORT, "answered 204"),
    "404": (Outcome.NOT_FOUND, "COPILOT_SCOPES"),
    "empty-string": (Outcome.NO_REPORT, "empty text"),
    "no-report-string": (Outcome.NO_REPORT, "No report available"),
    "empty-links": (Outcome.NO_REPORT, "no download links"),
    "empty-file": (Outcome.NO_REPORT, "file for this day is empty"),
    "bad-credentials": (Outcome.UNAUTHORIZED, "GITHUB_TOKEN"),
    "no-token": (Outcome.UNAUTHORIZED, "No token reached GitHub"),
    "sso-required": (Outcome.FORBIDDEN, "Configure SSO"),
    "sso-partial": (Outcome.FORBIDDEN, "read:org"),
    "ip-not-allowed": (Outcome.FORBIDDEN, "IP allow list"),
    "firewall": (Outcome.FORBIDDEN, "proxy or firewall"),
    "no-user-agent": (Outcome.FORBIDDEN, "User-Agent"),
    "policy-off": (Outcome.FORBIDDEN, "'Copilot usage metrics' is off"),
    "legacy-policy-off": (Outcome.FORBIDDEN, "'Copilot Metrics API access' is off"),
    "role-missing": (Outcome.FORBIDDEN, "read:org"),
    "app-permission-missing": (Outcome.FORBIDDEN, "The GitHub App lacks"),
    "token-permission-missing": (Outcome.FORBIDDEN, "The fine-grained token lacks"),
    "payment-problem": (Outcome.FORBIDDEN, "payment method"),
    "billing-elsewhere": (Outcome.NOT_OFFERED, "enterprise:SLUG"),
    "web-page-404": (Outcome.NOT_FOUND, "GITHUB_API_URL"),
    "version-ended": (Outcome.FAILED, "X-GitHub-Api-Version"),
    "not-understood": (Outcome.FAILED, "answered 400"),
    "invalid": (Outcome.FAILED, "answered 422"),
    "proxy-password": (Outcome.FAILED, "HTTPS_PROXY"),
    "rate-limit-primary": (Outcome.FAILED, "rate limit is used up"),
    "rate-limit-secondary": (Outcome.FAILED, "rate limit is used up"),
    "rate-limit-untold": (Outcome.FAILED, "rate limit is used up"),
    "rate-limit-endless": (Outcome.FAILED, "for 27,778 hours"),
    "500": (Outcome.FAILED, "answered 500"),
    "502": (Outcome.FAILED, "answered 502"),
    "503": (Outcome.FAILED, "answered 503"),
    "proxy-page": (Outcome.FAILED, "GITHUB_API_URL"),
    "cut-connection": (Outcome.FAILED, "could not be reached"),
    "expired-link": (Outcome.FAILED, "answered 403 for a report file"),
    "wrong-day": (Outcome.FAILED, "not of "),
    "malformed-line": (Outcome.FAILED, "line "),
    "truncated-file": (Outcome.FAILED, "not JSON"),
    "html-file": (Outcome.FAILED, "is a web page"),
    "json-string-file": (Outcome.FAILED, "Expected `object`, got `str`"),
    "array-file": (Outcome.REPORTED, "1 record"),
    "gzip-file": (Outcome.REPORTED, "1 record"),
    "truncated-gzip": (Outcome.FAILED, "breaks off"),
    "utf-16-file": (Outcome.FAILED, "no UTF-8 text"),
    "two-records": (Outcome.FAILED, "holds 2 records where GitHub promises one"),
    "storage-503": (Outcome.FAILED, "storage answered 503"),
    "cut-file": (Outcome.FAILED, "could not be reached"),
    "wrong-type": (Outcome.FAILED, "$.loc_added_sum"),
    "negative-counter": (Outcome.FAILED, "$.loc_added_sum"),
    "unknown-field": (Outcome.REPORTED, "1 record"),
    "missing-shard": (Outcome.FAILED, "answered 404 for a report file"),
    "pretty-printed": (Outcome.REPORTED, "1 record"),
    "bom": (Outcome.REPORTED, "1 record"),
    "crlf": (Outcome.REPORTED, "1 record"),
}
OF_REPORTS = {
    "legacy-policy-off": "legacy-metrics",
    "payment-problem": "copilot-billing",
    "billing-elsewhere": "ai-credit-usage",
}


def test_the_ending_of_every_fault_is_known() -> None:
    assert set(ENDINGS) == set(FAULTS) - {"slow"}


@pytest.mark.parametrize("fault", ENDINGS)
def test_every_no_and_every_odd_body_has_its_outcome(standin: Standin, tmp_path: Path, fault: str) -> None:
    outcome, words = ENDINGS[fault]
    standin.faults.append(Fault(fault))
    (got,) = fetch(standin, tmp_path, report=OF_REPORTS.get(fault, "organization-1-day"), days=[DAY])
    assert (got.outcome, got.records) == (outcome, 1 if outcome is Outcome.REPORTED else None)
    assert words in got.evidence


@pytest.mark.parametrize("fault", ["array-file", "gzip-file", "bom", "crlf"])
def test_the_wrapping_of_a_file_leaves_no_trace_in_the_records(standin: Standin, tmp_path: Path, fault: str) -> None:
    def landed(name: str) -> list[tuple[str, str]]:
        (got,) = fetch(standin, tmp_path, scopes=[CORP], days=[DAY - timedelta(days=2)])  # a working day
        with Warehouse(tmp_path / name).connect() as connection:
            assert land(connection, [got], "run")[0].outcome is Outcome.REPORTED
            rows = connection.execute("select scope, payload from raw.records order by seq").fetchall()
        return [(str(scope), str(payload)) for scope, payload in rows]

    plain = landed("plain.duckdb")
    standin.faults.append(Fault(fault))
    assert landed("wrapped.duckdb") == plain
    assert len(plain) > 60, "more than one file"


def test_bytes_that_are_no_text_fail_their_own_day_alone(tmp_path: Path) -> None:
    users = report_named("users-1-day")
    path = tmp_path / "part.json"
    for damage in (
        b'{"day":"2026-09-01","user_id":1,"note":"\xff"}\n',
        b'{"day":"2026-09-01","user_id":1,"n":' + b"[" * 9999,
    ):
        path.write_bytes(b'{"day":"2026-09-01","user_id":2}\n' + damage)
        with pytest.raises(BrokenFileError, match="line 2"):
            inspect_files([path], users, date(2026, 9, 1))
    assert message_of(b"[" * 99_999) == ""


@pytest.mark.parametrize(
    ("text", "least", "most"), [("7", 7, 7), ("1.5", 1.5, 1.5), ("Thu, 01 Oct 2020 00:00:00 GMT", 0, 0)]
)
def test_retry_after_is_seconds_or_a_date(text: str, least: float, most: float) -> None:
    seconds = retry_after_seconds(httpx.Headers({"retry-after": text}))
    assert seconds is not None
    assert least <= seconds <= most


@pytest.mark.parametrize("text", ["", "soon", "9" * 5000])
def test_an_unreadable_retry_after_is_none(text: str) -> None:
    assert retry_after_seconds(httpx.Headers({"retry-after": text})) is None


def test_a_damaged_file_is_not_called_open_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "blocks" / "lock.duckdb"
    path.parent.mkdir()
    path.write_bytes(b"no database " * 5000)
    with pytest.raises(WarehouseError, match="is not a DuckDB file"), Warehouse(path).connect():
        pass


def test_a_team_without_the_legacy_metrics_is_said_to_have_no_report(company: Company) -> None:
    company.env["COPILOT_SCOPES"] = "org:octo-org,team:octo-org/platform"
    with pytest.raises(
        SettingsError, match="team:octo-org/platform, and nothing but the legacy metrics is about teams"
    ):
        Settings.from_env(company.env)
    assert len(Settings.from_env({**company.env, "COPILOT_LEGACY_API": "on"}).scopes) == 2


def test_an_empty_variable_does_not_hide_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("GITHUB_TOKEN=from-file\nCOPILOT_SCOPES=org:a\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", "")
    monkeypatch.delenv("COPILOT_SCOPES", raising=False)
    assert Settings.from_env().credentials == Token("from-file")


def test_a_killed_run_does_not_hold_the_next_one_up(standin: Standin, company: Company, tmp_path: Path) -> None:
    """Power cut in the middle of a backfill: the step held the pool, and nobody gives it back but the next run."""
    standin.faults.append(Fault("slow", report="users-1-day"))
    env = {**os.environ, **company.env, "COPILOT_START_DATE": "2026-09-01"}
    command = [sys.executable, "-m", "copilot_assets", "backfill", "--start", str(DAY), "--end"]
    repository = Path(__file__).parents[2]
    (tmp_path / "dagster.yaml").write_bytes((repository / "dagster.yaml").read_bytes())
    victim = subprocess.Popen([*command, str(DAY + timedelta(days=3))], cwd=tmp_path, env=env, stdout=subprocess.PIPE)
    assert victim.stdout is not None
    standin.requests.clear()
    while not any("users-1-day" in request.path for request in standin.requests):
        assert victim.poll() is None
        time.sleep(0.05)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    standin.faults.clear()
    done = subprocess.run([*command, str(DAY)], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_event_of_a_failed_run_shows_a_login_a_token_or_a_signature(company: Company, standin: Standin) -> None:
    standin.faults.append(Fault("wrong-type", report="users-1-day", scope="org:octo-org"))
    standin.faults.append(Fault("expired-link", report="organization-1-day", scope="org:octo-labs"))
    result = company.run(DAY, DAY)
    assert len(result.problems) == 2
    (first, *_) = result.run_ids
    events = " ".join(
        str(record.event_log_entry.to_json()) for record in company.instance.get_records_for_run(first).records
    )
    logins = {
        json.loads(payload)["user_login"]
        for (payload,) in company.sql("select payload from raw.records where report = 'users-1-day'")
    }
    assert len(logins) > 5
    assert "secret-of-the-test" not in events
    assert "sig=" not in events
    assert not [login for login in logins if login in events]
