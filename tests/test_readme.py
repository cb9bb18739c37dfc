"""The README word by word: its commands are run as they stand, in a copy of the project; its tables exist."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import httpx
import pytest
from dotenv import dotenv_values

from copilot_assets.definitions import build_defs
from copilot_assets.github.reports import REPORTS
from copilot_assets.now import today_utc
from copilot_assets.orchestration.installation import Installation
from copilot_assets.settings import Settings
from copilot_assets.standin import Standin
from copilot_assets.warehouse.duckdb_file import DuckDBFile

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]

RUN_BELOW = {
    "make demo": "test_make_demo",
    "make test": "test_make_test_is_what_runs_this",
    "make dev": "test_make_dev",
    ".venv/bin/copilot-assets doctor": "test_doctor",
    ".venv/bin/copilot-assets backfill": "test_backfill",
    ".venv/bin/copilot-assets status": "test_backfill",
    ".venv/bin/copilot-assets export --format parquet copilot-files": "test_backfill",
    ".venv/bin/copilot-assets forget octocat": "test_backfill",
    ".venv/bin/copilot-assets import copilotMetricsData.json --scope org:octo-org": "test_import",
    ".venv/bin/copilot-assets report --open": "test_backfill",
    ".venv/bin/copilot-assets standin --port 8700": "test_standin",
}


def test_every_command_is_run_below() -> None:
    assert set(COMMANDS) == set(RUN_BELOW)
    assert set(RUN_BELOW.values()) <= set(globals())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what is in the repository, with the environment that this test runs in."""
    # `make setup` in the copy would make this very environment that of the copy.
    inputs = [(ROOT / name).stat().st_mtime for name in ("pyproject.toml", "requirements.lock")]
    assert (ROOT / ".venv" / "synced").stat().st_mtime > max(inputs), "run `make setup` first"
    git = "git ls-files --cached --others --exclude-standard"
    listed = subprocess.run(git.split(), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


@contextmanager
def running(command: str, project: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, ended as Ctrl-C ends it."""
    ours = ("COPILOT_", "GITHUB_", "DAGSTER_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = subprocess.Popen(
        command.split(),
        cwd=project,
        env={**own, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def read_until(process: subprocess.Popen[str], pattern: str) -> tuple[str, re.Match[str]]:
    """What the process prints until a line matches."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if match := re.search(pattern, line):
            return printed, match
    raise AssertionError(f"never printed {pattern!r}:\n{printed}")


def get(url: str) -> httpx.Response:
    """The answer, once there is one."""
    for _ in range(300):
        try:
            return httpx.get(url, headers={"User-Agent": "test", "Authorization": "Bearer any"})
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"{url} never answered")


def own_env(standin: Standin) -> dict[str, str]:
    return {
        "GITHUB_API_URL": standin.api_url,
        "GITHUB_TOKEN": "any",
        "COPILOT_SCOPES": "org:octo-org,enterprise:octo-corp",
        "COPILOT_START_DATE": "2026-09-01",
    }


def test_make_demo(project: Path) -> None:
    before = set(project.iterdir())
    with running("make demo", project, COPILOT_ASSETS_DEMO_DAYS="4", COPILOT_ASSETS_DEMO_PORT="3411") as process:
        printed, match = read_until(process, r"The Dagster UI comes up at (http://127.0.0.1:\d+)")
        assert "Weekly adoption trend" in printed
        assert "Missing days, and why" in printed
        assert "Asset checks:" in printed
        assert get(f"{match[1]}/server_info").json()["dagster_version"]
    assert set(project.iterdir()) - before == {project / ".demo"}, "it keeps to a folder of its own"
    with duckdb.connect(str(project / ".demo" / "copilot.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from weekly.legacy_user_trend").fetchall() == [(True,)]


def test_make_dev(project: Path, standin: Standin) -> None:
    with running("make dev", project, **own_env(standin)) as process:
        _, match = read_until(process, r"Serving dagster-webserver on (http://127.0.0.1:\d+)")
        assert get(f"{match[1]}/server_info").status_code == 200
        question = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
        answer = httpx.post(f"{match[1]}/graphql", json={"query": question}, timeout=60)
        (node,) = answer.json()["data"]["repositoriesOrError"]["nodes"]
        assert node["location"]["name"] == "copilot_assets", "the name is workspace.yaml's"


def run(command: str, project: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A command, to its end."""
    ours = ("COPILOT_", "GITHUB_", "DAGSTER_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(command.split(), cwd=project, env={**own, **env}, capture_output=True, text=True)


def test_doctor(project: Path) -> None:
    with Standin() as github:
        done = run(".venv/bin/copilot-assets doctor", project, **own_env(github))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "organization-1-day" in done.stdout
    assert "Next: copilot-assets backfill" in done.stdout
    assert done.stderr == ""
    assert not (project / "data").exists(), "it stores nothing"
    assert not (project / ".dagster").exists()


def test_import(project: Path) -> None:
    days = [
        {"date": f"2024-07-0{day}", "total_active_users": 10 + day, "total_engaged_users": day} for day in range(1, 8)
    ]
    (project / "copilotMetricsData.json").write_text(json.dumps(days))
    done = run(".venv/bin/copilot-assets import copilotMetricsData.json --scope org:octo-org", project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 days of legacy-metrics of org:octo-org in the archive, 2024-07-01 to 2024-07-07" in done.stdout
    with duckdb.connect(str(project / "data" / "copilot.duckdb"), read_only=True) as connection:
        weeks = connection.execute(
            "select week_start, days_reported, active_users, engaged_users from weekly.legacy_user_trend"
        ).fetchall()
    # 11 to 17 and 1 to 7, Monday to Sunday.
    assert weeks == [(date(2024, 7, 1), 7, 98, 28)]
    assert list(project.glob(".dagster/**/runs.db")), "the run is in the history that the UI shows"


def test_backfill(project: Path) -> None:
    """With the stand-in's real current day, as a user would: from the start date to yesterday, and what comes after."""
    yesterday = today_utc() - timedelta(days=1)
    start = yesterday - timedelta(days=3)
    with Standin() as github:
        env = own_env(github) | {"COPILOT_START_DATE": start.isoformat()}
        done = run(".venv/bin/copilot-assets backfill", project, **env)
    if today_utc() - timedelta(days=1) != yesterday:
        pytest.skip("the UTC day turned while it ran")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Fetching 4 days, {start} to {yesterday}" in done.stdout
    assert (project / ".dagster" / "storage").is_dir(), "the history is where `make dev` finds it"
    assert done.stderr == ""
    with duckdb.connect(str(project / "data" / "copilot.duckdb"), read_only=True) as connection:
        asked = connection.execute("select status, count(*) from quality.day_status group by all").fetchall()
    # Two scopes with six daily reports each: the entity's, people, teams, repositories, and two bills.
    assert sum(count for _, count in asked) == 4 * 2 * 6
    assert "not_requested" not in dict(asked)
    told = run(".venv/bin/copilot-assets status", project)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Nothing needs a hand." in told.stdout
    assert "organization-1-day" in told.stdout

    exported = run(".venv/bin/copilot-assets export --format parquet copilot-files", project)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    for folder in ("copilot-files", "data/export"):  # by hand, and by the run
        assert duckdb.sql(f"select count(*) from '{project}/{folder}/weekly/user_trend.parquet'").fetchall() != [(0,)]
    reported = run(".venv/bin/copilot-assets report --open", project, BROWSER="true")
    assert reported.returncode == 0, reported.stdout + reported.stderr
    assert (project / "data" / "report" / "index.html").exists()
    for file in ("copilot.duckdb", "copilot.key"):
        assert (project / "data" / file).stat().st_mode & 0o777 == 0o600

    # Somebody who is there is forgotten, with the same command, in tests/people/test_forget.py.
    nobody = run(".venv/bin/copilot-assets forget octocat", project)
    assert (nobody.returncode, "Nobody in the database goes by 'octocat'" in nobody.stderr) == (1, True)


def test_standin(project: Path) -> None:
    with running(".venv/bin/copilot-assets standin --port 8700", project) as process:
        read_until(process, r"answers at http://127.0.0.1:8700")
        assert get("http://127.0.0.1:8700/rate_limit").status_code == 200


def test_make_test_is_what_runs_this() -> None:
    planned = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for step in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest"):
        assert step in planned
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_the_four_lines_of_env_are_enough() -> None:
    (block,) = re.findall(r"```ini\n(.*?)```", README, re.DOTALL)
    lines = dict(line.split("=", 1) for line in block.splitlines())
    assert len(lines) == 4
    settings = Settings.from_env({**lines, "GITHUB_TOKEN": "ghp_x"})
    assert [str(scope) for scope in settings.scopes] == ["org:octo-org", "enterprise:octo-corp"]
    example = (ROOT / ".env.example").read_text()
    assert list(dotenv_values(stream=StringIO(example)))[:4] == list(lines)


def test_the_example_of_env_has_every_setting() -> None:
    readers = (ROOT / "copilot_assets" / "settings.py", ROOT / "copilot_assets" / "github" / "credentials.py")
    source = "".join(path.read_text() for path in readers)
    settings = set(re.findall(r'"((?:GITHUB|COPILOT)_[A-Z_]+)"', source))
    assert len(settings) == 24, "four of them are a GitHub App's"
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#?((?:GITHUB|COPILOT)_[A-Z_]+)=", example, re.MULTILINE)) == settings


def test_everything_it_names_is_there() -> None:
    settings = set(re.findall(r"\b(?:GITHUB|COPILOT)_[A-Z_]+[A-Z]\b", README))
    assert settings <= set(re.findall(r"\b(?:GITHUB|COPILOT)_[A-Z_]+[A-Z]\b", (ROOT / ".env.example").read_text()))
    for place in re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"`((?:copilot_assets|docs)/[^`]*)`", README):
        assert place.startswith("https:") or (ROOT / place).exists(), place
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)`", README)) <= targets


def test_every_permission_that_a_report_needs_is_named() -> None:
    """The words in quotes are GitHub's, and the same that a refusal tells."""
    told = {text for report in REPORTS if not report.retired_on for text in report.permissions.values()}
    quoted = {name for text in told for name in re.findall(r"'([^']+)'", text)}
    assert quoted == set(re.findall(r'"([^"]+)"', README.split("What the token needs:")[1].split("\n\n")[1]))


def expanded(name: str) -> list[str]:
    """`a_{b,c}_d` is `a_b_d` and `a_c_d`; several braces are every combination."""
    match = re.search(r"\{([^}]*)\}", name)
    if not match:
        return [name]
    return [whole for part in match[1].split(",") for whole in expanded(name.replace(match[0], part, 1))]


def test_the_tables_are_those_there_are(tmp_path: Path) -> None:
    section = README.split("## Tables")[1].split("\n## ")[0]
    named = {
        table
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
        for table in expanded(name)
    }
    keys = build_defs(Installation({})).resolve_asset_graph().get_all_asset_keys()
    assets = {".".join(key.path) for key in keys}
    with DuckDBFile(tmp_path / "x.duckdb").connect() as connection:
        ledger = {
            f"{schema}.{table}"
            for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        }
    assert {table for table in assets if not table.startswith("raw.")} <= named
    assert named <= assets | ledger


def test_the_statuses_are_those_there_are() -> None:
    section = README.split("## Why is this day missing?")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    model = (ROOT / "dbt_like_sql" / "quality" / "day_status.sql").read_text()
    (accepted,) = re.findall(r"one word.*#accepted\((.*?)\)", model)
    assert named == set(accepted.split(", "))


def test_the_pictures_are_there() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).stat().st_size > 10_000
