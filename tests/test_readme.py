"""The README word by word: its commands are run as they stand, in a copy of the project; its tables exist."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import httpx
import pytest
from dotenv import dotenv_values

from copilot_assets.definitions import build_defs
from copilot_assets.installation import Installation
from copilot_assets.settings import Settings
from copilot_assets.standin import Standin
from copilot_assets.warehouse import Warehouse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]

RUN_BELOW = {
    "make demo": "test_make_demo",
    "make test": "test_make_test_is_what_runs_this",
    "make dev": "test_make_dev",
    ".venv/bin/copilot-assets backfill": "test_backfill",
    ".venv/bin/copilot-assets standin --port 8700": "test_standin",
}


def test_every_command_is_run_below() -> None:
    assert set(COMMANDS) == set(RUN_BELOW)
    assert set(RUN_BELOW.values()) <= set(globals())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what is in the repository, with the environment that this test runs in."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
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
    with running("make demo", project, COPILOT_ASSETS_DEMO_DAYS="9", COPILOT_ASSETS_DEMO_PORT="3411") as process:
        printed, match = read_until(process, r"The Dagster UI comes up at (http://127.0.0.1:\d+)")
        assert "Weekly adoption trend" in printed
        assert "Missing days, and why" in printed
        assert "Asset checks:" in printed
        assert get(f"{match[1]}/server_info").json()["dagster_version"]


def test_make_dev(project: Path, standin: Standin) -> None:
    with running("make dev", project, **own_env(standin)) as process:
        _, match = read_until(process, r"Serving dagster-webserver on (http://127.0.0.1:\d+)")
        assert get(f"{match[1]}/server_info").status_code == 200
        question = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
        answer = httpx.post(f"{match[1]}/graphql", json={"query": question}, timeout=60)
        (node,) = answer.json()["data"]["repositoriesOrError"]["nodes"]
        assert node["location"]["name"] == "copilot_assets", "the name is workspace.yaml's"


def test_backfill(project: Path) -> None:
    """With the stand-in's real current day, as a user would: from the start date to yesterday."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    start = yesterday - timedelta(days=15)
    with Standin() as github:
        env = {**os.environ, **own_env(github), "COPILOT_START_DATE": start.isoformat()}
        command = ".venv/bin/copilot-assets backfill"
        done = subprocess.run(command.split(), cwd=project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Fetching 16 days, {start} to {yesterday}" in done.stdout
    assert done.stderr == ""
    with duckdb.connect(str(project / "data" / "copilot.duckdb"), read_only=True) as connection:
        asked = connection.execute("select status, count(*) from quality.day_status group by all").fetchall()
    # Two scopes, two reports each: the entity's and the people's.
    assert sum(count for _, count in asked) == 16 * 4
    assert "not_requested" not in dict(asked)


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


def expanded(name: str) -> list[str]:
    """`a_{b,c}_d` is `a_b_d` and `a_c_d`."""
    match = re.search(r"\{([^}]*)\}", name)
    if not match:
        return [name]
    return [name.replace(match[0], part) for part in match[1].split(",")]


def test_the_tables_are_those_there_are(tmp_path: Path) -> None:
    section = (
        README.split("## Tables")[1]
        .split("\n## ")[0]
        .replace("{…same five}", "{ide,feature,language_feature,language_model,model_feature}")
    )
    named = {
        table
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
        for table in expanded(name)
    }
    keys = build_defs(Installation({})).resolve_asset_graph().get_all_asset_keys()
    assets = {".".join(key.path) for key in keys}
    with Warehouse(tmp_path / "x.duckdb").connect() as connection:
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
