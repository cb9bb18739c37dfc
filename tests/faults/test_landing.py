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

from copilot_assets.github.files import BrokenFileError, inspect_files
from copilot_assets.github.outcomes import Outcome, message_of, retry_after_seconds
from copilot_assets.settings import Settings, SettingsError
from copilot_assets.standin import Fault, Standin
from copilot_assets.warehouse import Warehouse, WarehouseError
from tests.conftest import TODAY, Company, report_named

DAY = TODAY - timedelta(days=5)


def test_asking_for_a_day_that_github_no_longer_keeps_deletes_nothing(company: Company, standin: Standin) -> None:
    assert company.run(DAY, DAY).problems == ()
    before = company.tables()
    # A year and a day later GitHub has nothing any more, which says nothing about the day.
    company.today = DAY + timedelta(days=366)
    standin.faults.append(Fault("204"))
    assert company.run(DAY, DAY).problems == ()
    after = company.tables()
    assert after["raw.records"] == before["raw.records"]
    assert after["flat.user_daily"] == before["flat.user_daily"]
    last = company.sql(
        "select outcome, evidence from raw.fetches where report = 'users-1-day' order by requested_at desc limit 1"
    )
    assert last[0][0] == Outcome.EXPIRED
    assert "It keeps 365 days, and this one is older." in last[0][1]


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
    assert Settings.from_env().token == "from-file"


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
