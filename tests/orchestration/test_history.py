"""Dagster's history on the disk: cheaper than Dagster makes it, and the same."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
import yaml
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage

from copilot_assets.orchestration import history
from copilot_assets.shell.runs import open_instance
from copilot_assets.shipped import shipped


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance that the project configures, in a folder of its own."""
    shutil.copy(shipped("dagster.yaml"), tmp_path / "dagster.yaml")
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@dg.asset
def made() -> None:
    """Nothing."""


def test_one_engine_a_file_and_every_event_legible_at_once(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a Dagster that connects elsewhere than it did fails here, where it would only be slow."""
    made_for: list[str] = []

    def counted(url: str, **options: Any) -> sqlalchemy.Engine:
        made_for.append(url)
        return sqlalchemy.create_engine(url, **options)

    for module in (history, sqlite_event_log, sqlite_run_storage):
        monkeypatch.setattr(module, "create_engine", counted)
    result = dg.materialize([made], instance=instance)
    (file,) = tmp_path.glob(f".dagster/storage/history/runs/{result.run_id}.db")
    # A file has one of Dagster's, which makes it, and one that stays; Dagster by itself makes one for each event.
    assert 2 <= len(made_for) <= 5, made_for
    # Another process reads the file while this one still has it.
    with sqlite3.connect(file) as reader:
        ((events,),) = reader.execute("select count(*) from event_logs").fetchall()
        ((ended,),) = reader.execute(
            "select count(*) from event_logs where dagster_event_type = 'PIPELINE_SUCCESS'"
        ).fetchall()
    assert events == len(instance.all_logs(result.run_id)) > 8
    assert ended == 1


def test_a_later_process_finds_it_all(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    run_id = dg.materialize([made], instance=instance).run_id
    copied = tmp_path / "copy.db"  # as the files are on the disk now, whoever has them open
    runs = tmp_path / ".dagster/storage/history/runs"
    for ending in ("", "-wal"):
        shutil.copy(runs / f"{run_id}.db{ending}", copied.with_name(f"copy.db{ending}"))
    with sqlite3.connect(copied) as reader:
        assert reader.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert reader.execute("select count(*) from event_logs").fetchone()[0] > 8


def test_dagsters_own_storage_reads_the_same_files(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    run_id = dg.materialize([made], instance=instance).run_id
    config = yaml.safe_load((tmp_path / "dagster.yaml").read_text())
    config["storage"] = {"sqlite": config["storage"]["custom"]["config"]}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with dg.DagsterInstance.from_config(str(tmp_path)) as plain:
        assert type(plain.event_log_storage) is not type(instance.event_log_storage)
        assert [entry.message for entry in plain.all_logs(run_id)] == [
            entry.message for entry in instance.all_logs(run_id)
        ]
        assert plain.get_run_by_id(run_id) == instance.get_run_by_id(run_id)


def test_there_is_one_history_whatever_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nightly run out of cron's folder, and one that somebody starts by hand in another one."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    shutil.copy(shipped("dagster.yaml"), home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    run_ids = []
    for folder in (home, elsewhere):
        monkeypatch.chdir(folder)
        with open_instance() as instance:
            run_ids.append(dg.materialize([made], instance=instance).run_id)
            assert {run.run_id for run in instance.get_runs()} == set(run_ids)
            assert Path(instance.root_directory) == home / ".dagster"
    with dg.DagsterInstance.get() as ui:
        assert isinstance(ui.compute_log_manager, history.ComputeLogs)
        assert ui.compute_log_manager.get_captured_local_path(["a"], "out") == f"{home}/.dagster/storage/a.out"
    assert list(elsewhere.iterdir()) == []

    monkeypatch.delenv("DAGSTER_HOME")
    (elsewhere / ".env").write_text(f"DAGSTER_HOME={home}\n")  # where `dagster dev` reads it, too
    with open_instance() as instance:
        assert {run.run_id for run in instance.get_runs()} == set(run_ids)
    (elsewhere / ".env").unlink()
    with open_instance() as instance:  # a checkout's own, or beside the database: not wherever somebody happens to be
        assert elsewhere not in Path(instance.root_directory).parents


@pytest.mark.parametrize("keeps", ["", "91"])
def test_logs_of_old_runs_go_and_what_is_known_of_assets_and_their_days_stays(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed_clock: datetime, keeps: str
) -> None:
    if keeps:
        monkeypatch.setenv("COPILOT_KEEP_LOGS_DAYS", keeps)

    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def of_a_day() -> None:
        print("said")

    def log_of(run_id: str) -> Path:
        return tmp_path / f".dagster/storage/history/runs/{run_id}.db"

    old, new, newest = (
        dg.materialize([of_a_day], partition_key=f"2026-01-0{day}", instance=instance).run_id for day in (1, 2, 3)
    )
    said = list(tmp_path.glob(f".dagster/storage/{old}/**/*.out"))
    assert said
    for run_id, days in ((old, 90), (new, 89)):
        at = (fixed_clock - timedelta(days=days, hours=1)).timestamp()
        os.utime(log_of(run_id), (at, at))
    history.drop_old_logs(instance)
    assert log_of(old).exists() == bool(keeps)
    assert [path.exists() for path in said] == [bool(keeps)] * len(said)
    assert log_of(new).exists()
    assert log_of("index").exists()
    key = dg.AssetKey("of_a_day")
    assert instance.get_materialized_partitions(key) == {"2026-01-01", "2026-01-02", "2026-01-03"}
    assert bool(instance.all_logs(old)) == bool(keeps), "the run's page says nothing"
    assert len(instance.all_logs(new)) > 8
    with dg.DagsterInstance.from_config(str(tmp_path)) as later:
        assert {run.run_id for run in later.get_runs()} == {old, new, newest}


@pytest.mark.parametrize(("readers", "mode"), [("", 0o700), ("owner", 0o700), ("group", 0o750)])
def test_nobody_else_comes_into_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readers: str, mode: int
) -> None:
    """It names scopes and teams; files inside follow the umask, which the folder makes harmless."""
    shutil.copy(shipped("dagster.yaml"), tmp_path / "dagster.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COPILOT_READERS", readers)
    (tmp_path / ".dagster").mkdir(mode=0o755)  # as an older version left it
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        dg.materialize([made], instance=instance)
    for folder in (tmp_path / ".dagster", tmp_path / ".dagster/storage"):
        assert folder.stat().st_mode & 0o777 == mode, folder
