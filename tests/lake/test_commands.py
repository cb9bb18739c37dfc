"""The shell's commands on a lake, as somebody calls them who never saw one: exit codes, sentences, and no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from copilot_assets.shell.cli import main
from copilot_assets.shell.runs import RangeResult
from copilot_assets.shipped import shipped
from copilot_assets.standin import Standin
from copilot_assets.warehouse.layout import LAYOUT
from tests.conftest import TODAY
from tests.lake.lakes import Lake, Worker, copy_of, new_lake
from tests.leaks import bytes_of
from tests.postgres import PASSWORD, Postgres

AWS_SECRET = "planted-aws-Secret0000000000"
SECRETS = (PASSWORD.encode(), AWS_SECRET.encode(), b"secret-of-the-test")
DAY = TODAY - timedelta(days=5)


def own_environment(lake: Lake, standin: Standin, folder: Path, **env: str) -> dict[str, str]:
    """What a command sees: nothing of ours but the settings, and a bucket's credentials."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("GITHUB_", "COPILOT_", "DAGSTER_"))}
    path = os.pathsep.join(str(place) for place in (Path(duckdb.__file__).parents[1], Path(__file__).parents[2]))
    return {
        **ours,
        **lake.installed(standin),
        "PYTHONPATH": path,
        "DAGSTER_HOME": str(folder),
        "AWS_ACCESS_KEY_ID": "planted-id",
        "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
        **env,
    }


def called(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    """The code that a command ends with, and all it said; no secret is among it."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, env=env, cwd=env["DAGSTER_HOME"]
    )
    said = done.stdout + done.stderr
    assert not [secret for secret in SECRETS if secret in said.encode()]
    assert "Traceback" not in said
    return done.returncode, said


def test_a_lake_is_made_by_a_command_that_may_be_called_again(
    server: Postgres, small_github: Standin, tmp_path: Path
) -> None:
    lake = new_lake(server, tmp_path / "lake")
    env = own_environment(lake, small_github, tmp_path)
    for _ in range(2):
        assert called(env, "copilot_assets", "migrate") == (0, f"{lake.warehouse.name} has layout {LAYOUT}.\n")
    env["COPILOT_LAKE_DATA"] = str(tmp_path / "other")
    code, said = called(env, "copilot_assets", "migrate")
    assert code == 2
    assert said.startswith(f"COPILOT_LAKE_DATA names another place than the one that {lake.warehouse.name} keeps its")
    assert "Nothing was changed. Set it to that place, or leave it out." in said
    assert not (tmp_path / "other").exists()


def test_neither_dagsters_history_nor_its_screen_tell_the_password(
    lake: Lake, small_github: Standin, tmp_path: Path
) -> None:
    """A step that can't get in, as Dagster's own command line runs it."""
    (tmp_path / "dagster.yaml").write_bytes(shipped("dagster.yaml").read_bytes())
    # A role that is not there, so that PostgreSQL refuses it, by a sentence of its own.
    address = lake.address.replace("user=dagster", "user=nobody-known")
    env = own_environment(lake, small_github, tmp_path, COPILOT_WAREHOUSE=address)
    definitions = ["-m", "copilot_assets.definitions"]
    code, said = called(env, "dagster", "asset", "materialize", *definitions, "--select", "raw/expected_reports")
    assert code == 1
    assert "can't be reached" in said
    history = [content for name, content in bytes_of(tmp_path) if "/.dagster/" in name]
    assert any(b"can't be reached" in content for content in history), "where it would be"
    assert not [secret for secret in SECRETS for content in history if secret in content]


# --- A lake with something in it -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(server: Postgres, migrated: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A day, with its tables."""
    lake = copy_of(migrated, server, tmp_path_factory.mktemp("filled"))
    with Standin(today=TODAY, people=40) as standin:
        worker = Worker(lake.installed(standin))
        assert worker.fetch(DAY, DAY, "users-1-day", "organization-1-day", "enterprise-1-day", "copilot-seats") == []
        worker.flatten()
        worker.build()
    return lake


@dataclass
class Shell:
    """The command line in a folder of its own, with a lake."""

    lake: Lake
    folder: Path
    env: dict[str, str]

    def run(self, *arguments: str, **env: str) -> Result:
        result = CliRunner().invoke(main, arguments, env=self.env | env)
        assert not [secret for secret in SECRETS if secret in result.output.encode()], arguments
        return result


@pytest.fixture
def shell(
    filled: Lake,
    server: Postgres,
    small_github: Standin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fixed_clock: object,
) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    # Every rebuild costs as much as all else here; what it makes is held against a file's elsewhere.
    monkeypatch.setattr("copilot_assets.shell.runs.rebuild", lambda *_, **__: RangeResult((), (), ()))
    lake = copy_of(filled, server, tmp_path / "lake")
    return Shell(lake, tmp_path, own_environment(lake, small_github, tmp_path))


def test_where_no_lake_is_or_a_newer_one_a_command_says_so(
    server: Postgres, migrated: Lake, small_github: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    empty = new_lake(server, tmp_path / "empty")
    shell = Shell(empty, tmp_path, own_environment(empty, small_github, tmp_path))
    result = shell.run("status")
    told = f"There is no lake at {empty.warehouse.name} yet. Make it, once: copilot-assets migrate"
    assert (result.exit_code, result.output.strip()) == (2, told)
    result = shell.run("migrate", COPILOT_LAKE_DATA="")
    assert result.exit_code == 2
    assert result.output.startswith("COPILOT_LAKE_DATA is not set, so nobody knows where the files of")

    newer = copy_of(migrated, server, tmp_path / "newer")
    shell = Shell(newer, tmp_path, own_environment(newer, small_github, tmp_path))
    # Where the files are, the catalogue says.
    assert shell.run("migrate", COPILOT_LAKE_DATA="").exit_code == 0
    with newer.warehouse.connect() as connection:
        connection.execute("update raw.layout set version = 99")
    for command in ("migrate", "status"):
        result = shell.run(command)
        assert result.exit_code == 2
        told = f"was written by a newer version of copilot-assets (layout 99; this version knows {LAYOUT})"
        assert told in result.output


def test_what_is_in_a_lake_is_told_exported_reported_and_forgotten(shell: Shell) -> None:
    result = shell.run("status", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1, "days are missing"
    assert PASSWORD not in json.dumps(told)
    assert shell.lake.warehouse.name in shell.run("status").output.replace("\n", "")

    result = shell.run("doctor")
    assert result.exit_code in (0, 1)
    assert "can't be" not in result.output

    result = shell.run("export", "out")
    assert result.exit_code == 0, result.output
    assert (shell.folder / "out" / "weekly" / "user_trend.parquet").exists()
    result = shell.run("report")
    assert result.exit_code == 0, result.output
    assert (shell.lake.here / "report" / "index.html").exists()

    (shell.folder / "kept.json").write_text(json.dumps([{"date": "2024-07-01", "total_active_users": 20}]))
    result = shell.run("import", "kept.json", "--scope", "org:octo-labs")
    assert result.exit_code == 0, result.output
    assert "1 imported" in result.output
    assert "duckdb -cmd" in result.output

    worker = Worker(shell.env)
    ((login,), *_) = worker.sql(
        "select payload ->> 'user_login' from raw.records where report = 'users-1-day' order by 1"
    )
    result = shell.run("forget", login, "--yes")
    assert result.exit_code == 0, result.output
    assert "They are removed" in result.output
    assert shell.lake.telling(f'"{login}"'.encode()) == []
    result = shell.run("forget", login, "--yes")
    assert "Nobody in the database goes by" in result.output

    result = shell.run("new-key", "--yes")
    assert result.exit_code == 0, result.output
    assert "had been forgotten" in result.output
