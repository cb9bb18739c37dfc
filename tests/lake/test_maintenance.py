"""A lake's files stay few, and it tells of before as long as it is to."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from copilot_assets.definitions import build_defs
from tests.lake.lakes import Lake, Worker

pytestmark = pytest.mark.usefixtures("fixed_clock")


def grow(worker: Worker, times: int) -> None:
    """Rows of a table come in some transactions, too many at a time to stand in the catalogue."""
    for n in range(times):
        with worker.warehouse.connect() as connection:
            connection.execute(
                "insert into weekly.user_trend (scope, week_start, active_people) "
                f"select 'org:a', '2026-09-28', {n} from range(2000)"
            )


def test_files_are_merged_and_the_rows_stay(lake: Lake, worker: Worker) -> None:
    grow(worker, 5)
    with worker.warehouse.connect() as connection:
        connection.execute("delete from weekly.user_trend where active_people = 0")
    before = worker.tables("weekly")
    assert len(lake.files()) >= 5
    # Of files that no snapshot needs, those of the last hour are kept for whoever reads them now.
    told = worker.warehouse.compact(keep_days=7)
    assert worker.tables("weekly") == before
    assert told["files"] < 5
    assert told["snapshots"] > 5
    assert told["days_told"] == 0
    assert told["bytes"] == worker.warehouse.size_bytes() > 0
    assert worker.warehouse.compact(keep_days=0)["snapshots"] <= 2
    assert worker.tables("weekly") == before


def test_the_page_tells_what_a_table_said(worker: Worker) -> None:
    page = (Path(__file__).parents[2] / "docs" / "lake.md").read_text()
    (query,) = re.findall(r"^```sql\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    grow(worker, 1)
    with pytest.raises(duckdb.Error, match="No snapshot found"):
        worker.sql(query)  # three days ago there was no lake
    assert set(worker.sql(query.replace("interval '3 days'", "interval '0 days'"))) == {(date(2026, 9, 28), "org:a", 0)}


def test_a_schedule_of_its_own_does_it(worker: Worker) -> None:
    grow(worker, 2)
    defs = build_defs(worker.installation)
    job = defs.resolve_schedule_def("maintain_lake").job_name
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(job).execute_in_process(instance=instance)
    (event,) = result.get_asset_materialization_events()
    assert event.asset_key == dg.AssetKey(["lake", "files"])
    assert set(event.materialization.metadata) >= {"files", "bytes", "snapshots", "days_told"}
    for name in ("everything", "rebuild"):
        assert dg.AssetKey(["lake", "files"]) not in defs.resolve_job_def(name).asset_layer.executable_asset_keys
