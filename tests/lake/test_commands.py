"""The shell's commands where no lake is, where one is made, and where none can be: codes, sentences, and no secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from copilot_assets.shipped import shipped
from copilot_assets.standin import Standin
from copilot_assets.warehouse.layout import LAYOUT
from tests.lake.lakes import Lake, copy_of, new_lake
from tests.lake.shell import SECRETS, Shell, own_environment
from tests.leaks import bytes_of
from tests.postgres import Postgres


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
