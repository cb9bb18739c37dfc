"""A lake in which a file's whole life has happened: it holds the same tables, and the shell's commands work on it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot_assets.shell.runs import RangeResult
from copilot_assets.standin import Standin
from tests.conftest import NOW, TODAY
from tests.lake.lakes import Lake, Worker, copy_of
from tests.lake.pairs import Pair, new_pair
from tests.lake.shell import Shell, own_environment
from tests.postgres import PASSWORD, Postgres


@pytest.fixture(scope="module", autouse=True)
def clock_stands() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("copilot_assets.now._machine", lambda: NOW)
        yield


@pytest.fixture(scope="module")
def lake_lived_in(migrated: Lake, server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return copy_of(migrated, server, tmp_path_factory.mktemp("lived_in") / "lake")


@pytest.fixture(scope="module")
def lived_in(lake_lived_in: Lake) -> Iterator[Pair]:
    """Days come, are revised, lose a person, and an archive comes; both are held against each other on the way."""
    with Standin(today=TODAY, people=40) as github:
        pair = new_pair(github, lake_lived_in.here.parents[1], lake_lived_in)
        pair.backfill()
        pair.flatten()
        pair.assert_equal("raw", "flat")
        for change in (pair.revise, pair.forget, pair.bring):
            change()
            pair.assert_equal("raw")
        pair.flatten()
        pair.build()
        yield pair


def test_it_holds_the_tables_of_a_file(lived_in: Pair) -> None:
    lived_in.assert_equal()
    assert lived_in.lake.sql("select count(*) > 0 from quality.revisions") == [(True,)]


def test_what_is_in_it_is_told_exported_reported_and_forgotten(
    lived_in: Pair, lake_lived_in: Lake, server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    # Every rebuild costs as much as all else here.
    monkeypatch.setattr("copilot_assets.shell.runs.rebuild", lambda *_, **__: RangeResult((), (), ()))
    lake = copy_of(lake_lived_in, server, tmp_path / "lake")
    shell = Shell(lake, tmp_path, own_environment(lake, lived_in.github, tmp_path))

    result = shell.run("status", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1, "days are missing"
    assert PASSWORD not in json.dumps(told)
    assert lake.warehouse.name in shell.run("status").output.replace("\n", "")

    result = shell.run("doctor")
    assert result.exit_code in (0, 1)
    assert "can't be" not in result.output

    result = shell.run("export", "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "weekly" / "user_trend.parquet").exists()
    result = shell.run("report")
    assert result.exit_code == 0, result.output
    assert (lake.here / "report" / "index.html").exists()

    (tmp_path / "kept.json").write_text(json.dumps([{"date": "2024-08-01", "total_active_users": 20}]))
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
    assert lake.telling(f'"{login}"'.encode()) == []
    result = shell.run("forget", login, "--yes")
    assert "Nobody in the database goes by" in result.output

    result = shell.run("new-key", "--yes")
    assert result.exit_code == 0, result.output
    assert "had been forgotten" in result.output
