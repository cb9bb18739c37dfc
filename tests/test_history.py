"""Dagster's history on the disk: cheaper than Dagster makes it, and the same."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy

from copilot_assets.history import make_cheap
from copilot_assets.runs import dagster_yaml


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance that the project configures, in a folder of its own."""
    shutil.copy(dagster_yaml(), tmp_path / "dagster.yaml")
    monkeypatch.chdir(tmp_path)
    make_cheap()
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@dg.asset
def made() -> None:
    """Nothing."""


def test_one_engine_a_file_and_every_event_legible_at_once(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a Dagster that makes its engines elsewhere fails here, where it would only be slow."""
    made_for: list[str] = []
    create_engine = sqlalchemy.create_engine

    def counted(url: str, **options: object) -> sqlalchemy.Engine:
        made_for.append(url)
        return create_engine(url, **options)

    monkeypatch.setattr(sqlalchemy, "create_engine", counted)
    result = dg.materialize([made], instance=instance)
    (file,) = tmp_path.glob(f".dagster/storage/history/runs/{result.run_id}.db")
    assert 1 <= len(made_for) == len(set(made_for)) <= 3
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
    history = tmp_path / ".dagster/storage/history/runs"
    for ending in ("", "-wal"):
        shutil.copy(history / f"{run_id}.db{ending}", copied.with_name(f"copy.db{ending}"))
    with sqlite3.connect(copied) as reader:
        assert reader.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert reader.execute("select count(*) from event_logs").fetchone()[0] > 8
