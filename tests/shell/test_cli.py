"""The command line: what it prints, which code it ends with, and that a mistake writes nothing."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result

from copilot_assets.shell.cli import main
from copilot_assets.shell.runs import RangeResult
from copilot_assets.standin import Fault, Standin
from tests.conftest import NOW, TODAY, all_but
from tests.listeners import SECRET
from tests.shell.test_status import held

pytestmark = pytest.mark.usefixtures("fixed_clock")

DAY = (TODAY - timedelta(days=5)).isoformat()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def env(standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A folder and an environment of its own, good enough for a backfill."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    standin.requests.clear()
    return {
        "GITHUB_API_URL": standin.api_url,
        "GITHUB_TOKEN": "secret-of-the-test",
        "COPILOT_SCOPES": "org:octo-org",
        "COPILOT_START_DATE": "2026-09-01",
        "COPILOT_WAREHOUSE": str(tmp_path / "copilot.duckdb"),
    }


def invoke(env: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=env)


def test_backfill_tells_the_trend_the_reasons_and_the_remedy(
    env: dict[str, str], standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Bringing the events of two whole runs to disk takes longer than the runs; the README's backfill does.
    monkeypatch.setattr("copilot_assets.shell.runs.open_instance", dg.DagsterInstance.ephemeral)
    standin.faults.append(Fault("role-missing", scope="org:octo-labs"))
    env |= {
        "COPILOT_SCOPES": "org:octo-org,org:octo-labs",
        "COPILOT_SKIP_REPORTS": all_but("organization-1-day", "users-1-day"),
        "COPILOT_REPORT": "off",
    }
    result = invoke(env, "backfill", "--start", DAY, "--end", DAY)
    assert result.exit_code == 1, "one of two scopes; that of a good range is 0, see the README's"
    assert f"Fetching 1 days, {DAY} to {DAY}, for org:octo-org, org:octo-labs." in result.output
    assert "Weekly adoption trend" in result.output
    assert "org:octo-org" in result.stdout.split("Weekly adoption trend")[1].split("Missing days, and why")[0]
    assert "not_requested: Nobody asked GitHub for this day yet." in " ".join(result.output.split())
    assert "The token may not read this about org:octo-labs" in result.stderr
    assert "secret-of-the-test" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("home", "code", "words"),
    [
        ("dagster", 2, "DAGSTER_HOME is 'dagster', which is another folder wherever a command is called."),
        ("/nowhere", 2, "DAGSTER_HOME is /nowhere, and there is no such folder."),
        ("/proc/self", 1, "Dagster's history can't be kept in /proc/self ("),
    ],
)
def test_a_folder_that_cannot_hold_dagsters_history(
    env: dict[str, str], standin: Standin, home: str, code: int, words: str
) -> None:
    result = invoke({**env, "DAGSTER_HOME": home}, "backfill", "--start", DAY, "--end", DAY)
    assert (result.exit_code, len(result.stderr.splitlines())) == (code, 1), result.output
    assert words in result.stderr
    assert not standin.requests


@contextmanager
def disk_that_takes(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes: SQLite calls that a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_too_full_for_dagsters_history(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with disk_that_takes(50_000):
        result = invoke({**env, "DAGSTER_HOME": str(tmp_path / "home")}, "backfill", "--start", DAY, "--end", DAY)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1), result.output
    assert "Dagster's history can't be kept in " in result.stderr
    assert "What landed stays. Look at the disk" in result.stderr


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "dagster.yaml says where Dagster's history is by DAGSTER_POSTGRES_PASSWORD, and that is not set here."),
        (SECRET, 'dagster.yaml says (connection to server at "127.0.0.1", port 1 failed: Connection refused).'),
    ],
)
def test_a_history_in_postgres_that_cannot_be_reached(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, words: str
) -> None:
    monkeypatch.setattr("dagster_postgres.utils.time.sleep", lambda _: None)
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "deploy" / "compose" / "dagster.yaml").read_bytes())
    where = {"HOST": "127.0.0.1", "PORT": "1", "USER": "dagster", "DB": "dagster", "PASSWORD": password}
    told = {f"DAGSTER_POSTGRES_{name}": text for name, text in where.items() if text}
    result = invoke({**env, **told, "DAGSTER_HOME": str(tmp_path)}, "backfill", "--start", DAY, "--end", DAY)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1), result.output
    assert words in result.stderr
    assert SECRET not in result.output


def test_before_a_long_backfill_it_is_said_how_long_it_lasts(
    env: dict[str, str], standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short one asks nobody before."""
    monkeypatch.setattr("copilot_assets.shell.runs.run_range", lambda *_, **__: RangeResult((), (), ("1",)))
    first, last = (TODAY - timedelta(days=200)).isoformat(), (TODAY - timedelta(days=1)).isoformat()
    result = invoke(env | {"COPILOT_START_DATE": first}, "backfill", "--start", first, "--end", last)
    assert re.search(r"That is \d{3} requests at least; GitHub lets \d,\d{3} more through until ", result.stderr)
    assert [request.path for request in standin.requests] == ["/rate_limit"]
    assert "0 to look at" in result.output
    assert "what it found" not in result.output, "a head without rows"
    standin.requests.clear()
    assert "requests at least" not in invoke(env, "backfill", "--start", DAY, "--end", DAY).stderr
    assert not standin.requests


TOMORROW = (NOW.date() + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ({"COPILOT_SCOPES": ""}, "COPILOT_SCOPES is not set"),
        ({"COPILOT_MIN_COHORT": "few"}, "COPILOT_MIN_COHORT is 'few'"),
        ({"COPILOT_EVENTS": "nowhere.csv"}, "COPILOT_EVENTS is nowhere.csv, and there is no such file"),
        ({"COPILOT_EXPORT_FORMAT": "xlsx"}, "COPILOT_EXPORT_FORMAT is 'xlsx'"),
        ({"COPILOT_SCOPES": "octo-org"}, "'octo-org' is not a scope"),
        ({"COPILOT_START_DATE": TOMORROW}, "has not closed in UTC yet"),
        ({"COPILOT_WAREHOUSE": "/proc/nowhere/copilot.duckdb"}, "can't be written"),
        ({"COPILOT_WAREHOUSE": "/"}, "it is a folder"),
    ],
)
def test_a_setting_that_cannot_be_used_ends_with_2_and_writes_nothing(
    env: dict[str, str], standin: Standin, change: dict[str, str], words: str
) -> None:
    result = invoke({**env, **change}, "backfill", "--start", DAY, "--end", DAY)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(Path.cwd().iterdir()), "nothing was written"
    assert not standin.requests, "and nobody was asked"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-09-20", "2026-09-10", "Exchange them"),
        ("2026-09-20", TOMORROW, "has not closed in UTC yet"),
        ("2026-08-01", "2026-09-10", "before COPILOT_START_DATE, 2026-09-01"),
        ("20.9.2026", "2026-09-21", "'20.9.2026' is not a day"),
    ],
)
def test_a_range_that_cannot_be_used_ends_with_2(env: dict[str, str], first: str, last: str, words: str) -> None:
    result = invoke(env, "backfill", "--start", first, "--end", last)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert not list(Path.cwd().iterdir())


def test_a_database_that_another_process_holds(env: dict[str, str], standin: Standin) -> None:
    path = Path(env["COPILOT_WAREHOUSE"])
    duckdb.connect(str(path)).close()
    with held(path, read_only=False) as holder:
        result = invoke(env, "backfill", "--start", DAY, "--end", DAY)
    assert result.exit_code == 2
    assert f"process {holder}" in result.stderr
    assert "one process in at a time" in result.stderr
    assert not standin.requests


def test_a_database_that_another_process_takes_when_a_run_is_over(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as until_the_end:

        def run(*_: object, **__: object) -> RangeResult:
            until_the_end.enter_context(held(Path(env["COPILOT_WAREHOUSE"]), read_only=True))
            return RangeResult((), (), ("1",))

        monkeypatch.setattr("copilot_assets.shell.runs.run_range", run)
        result = invoke(env, "backfill", "--start", DAY, "--end", DAY)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1), result.output
    assert " is open in " in result.stderr
    assert result.stderr.endswith("The run has ended, and what landed stays.\n")


def test_a_file_that_is_no_database_is_left_as_it_is(env: dict[str, str]) -> None:
    path = Path(env["COPILOT_WAREHOUSE"])
    path.write_text("a letter to a friend\n" * 1000)
    before = path.read_bytes()
    result = invoke(env, "backfill", "--start", DAY, "--end", DAY)
    assert result.exit_code == 2
    assert "is not a DuckDB file" in result.stderr
    assert path.read_bytes() == before


@pytest.fixture(scope="module")
def now() -> Iterator[Standin]:
    """A stand-in of today: `doctor` asks for the newest days there are."""
    with Standin() as standin:
        yield standin


@pytest.fixture
def current(now: Standin, env: dict[str, str]) -> Iterator[dict[str, str]]:
    yield {**env, "GITHUB_API_URL": now.api_url}
    now.faults.clear()


def test_doctor_of_a_healthy_company(current: dict[str, str]) -> None:
    result = invoke(current, "doctor")
    assert result.exit_code == 0, result.output
    yesterday = NOW.date() - timedelta(days=1)
    # Of 365 days back from today and GitHub's own first day the later one.
    first = max(NOW.date() - timedelta(days=365), date(2025, 12, 12))
    assert f"organization-1-day ok on enough {first} to {yesterday}" in " ".join(result.output.split())
    assert result.output.rstrip().endswith("Next: copilot-assets backfill")
    assert "secret-of-the-test" not in result.output
    assert not list(Path.cwd().iterdir()), "nothing was written"


def test_doctor_of_a_company_with_the_policy_off(current: dict[str, str], now: Standin) -> None:
    now.faults.append(Fault("policy-off"))
    result = invoke(current, "doctor")
    assert result.exit_code == 1
    words = " ".join(result.output.split())
    assert "organization-1-day to mend off – –" in words
    assert "Turn it on in the enterprise under AI controls > Copilot > Copilot usage metrics" in words
    assert not list(Path.cwd().iterdir())

    result = invoke(current, "doctor", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["is_healthy"] is False
    assert {finding["policy_on"] for finding in told["findings"] if finding["question"].endswith("-day")} == {False}


def test_doctor_with_a_setting_that_cannot_be_used(current: dict[str, str], now: Standin) -> None:
    now.requests.clear()
    result = invoke({**current, "COPILOT_SKIP_REPORTS": "seats"}, "doctor")
    assert result.exit_code == 2
    assert "seats, which no report is called" in result.stderr
    assert not now.requests


def test_endpoints_prints_the_page_of_docs(env: dict[str, str], standin: Standin) -> None:
    result = invoke({}, "endpoints")
    assert result.exit_code == 0
    assert result.output == (ROOT / "docs" / "endpoints.md").read_text()
    assert not standin.requests, "it asks nobody, and needs no setting"


def test_import_of_what_is_no_archive(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "letter.json").write_text('"Dear friend"')
    result = invoke(env, "import", "letter.json", "--scope", "org:octo-org")
    assert result.exit_code == 1
    assert "letter.json" in result.stderr
    assert "Nothing was imported." in " ".join(result.stderr.split())
    for arguments, words in (
        (["letter.json", "--scope", "octo-org"], "'octo-org' is not a scope"),
        (["no.json", "--scope", "org:octo-org"], "no.json"),
        (["--scope", "org:octo-org"], "FILE"),
    ):
        result = invoke(env, "import", *arguments)
        assert result.exit_code == 2, arguments
        assert words in result.stderr


def test_the_faults_of_a_scenario_file_are_those_of_the_standin(env: dict[str, str], tmp_path: Path) -> None:
    scenario = tmp_path / "bad-week.yaml"
    scenario.write_text(
        "- {name: policy-off, scope: 'org:octo-labs'}\n- {name: role-missing, report: seats, times: 1}\n"
    )
    command = [sys.executable, "-m", "copilot_assets", "standin", "--port", "0", "--scenario", str(scenario)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        (url,) = re.findall(r"answers at (http://\S+)", process.stdout.readline())
        settings = {**env, "GITHUB_API_URL": url, "COPILOT_SCOPES": "org:octo-org,org:octo-labs"}
        told = json.loads(invoke(settings, "doctor", "--json").stdout)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    states = {(finding["scope"], finding["question"]): finding["state"] for finding in told["findings"]}
    assert states["org:octo-org", "users-1-day"] == "ok"
    assert states["org:octo-labs", "users-1-day"] == "bad"
    assert sorted(states[org, "copilot-seats"] for org in ("org:octo-org", "org:octo-labs")) == ["bad", "ok"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {name: meteorite}", "meteorite"),
        ("name: policy-off", "Write a list of faults"),
        ("- {name: policy-off, when: always}", "when"),
        ("- {scope: 'org:octo-org'}", "name"),
    ],
)
def test_a_scenario_that_cannot_be_used(env: dict[str, str], tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    result = invoke(env, "standin", "--port", "8700", "--scenario", "bad.yaml")
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_fault_is_named_with_those_there_are(env: dict[str, str]) -> None:
    result = invoke(env, "standin", "--port", "8700", "--fault", "meteorite")
    assert result.exit_code == 2
    assert "meteorite" in result.stderr
    assert "policy-off" in result.stderr


def test_the_demo_takes_no_folder_that_holds_something(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    result = invoke(env, "demo", "--no-serve", "--days", "3", "--folder", str(tmp_path / "mine"))
    assert result.exit_code == 2
    assert "holds something that no demo made" in result.stderr
    assert (tmp_path / "mine" / "thesis.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_every_command_explains_itself() -> None:
    whole = CliRunner().invoke(main, ["--help"]).output
    assert set(main.commands) == {
        "demo",
        "doctor",
        "endpoints",
        "backfill",
        "status",
        "import",
        "import-legacy",
        "export",
        "forget",
        "init",
        "migrate",
        "move",
        "new-key",
        "notify",
        "report",
        "standin",
        "tables",
    }
    for command in (name for name, command in main.commands.items() if not command.hidden):
        result = CliRunner().invoke(main, [command, "--help"])
        assert result.exit_code == 0
        assert f"copilot-assets {command}" in result.output, "an example"
        assert f"\n  {command} " in whole


def test_help_answers_without_loading_dagster() -> None:
    """`python -m copilot_assets` is the same command, and help should not take seconds."""
    code = (
        "import sys; from click.testing import CliRunner; from copilot_assets.shell.cli import main; "
        "print(CliRunner().invoke(main, ['--help']).exit_code, 'dagster' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["0", "False"]
    done = subprocess.run([sys.executable, "-m", "copilot_assets", "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "copilot-assets" in done.stdout or "version" in done.stdout
