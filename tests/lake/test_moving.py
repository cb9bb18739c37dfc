"""Everything moves from a file into a lake and back, and goes on there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from copilot_assets.standin import Standin
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.move import _copied, move
from copilot_assets.warehouse.store import WarehouseError
from tests.conftest import KEY, TODAY
from tests.lake.lakes import Lake, Worker, differences, new_lake, settings
from tests.postgres import Postgres

YESTERDAY = TODAY - timedelta(days=1)

pytestmark = pytest.mark.usefixtures("fixed_clock")


@pytest.fixture
def file(small_github: Standin, tmp_path: Path) -> Worker:
    path = tmp_path / "file" / "copilot.duckdb"
    path.parent.mkdir()
    (path.parent / "copilot.key").write_text(KEY.hex())
    worker = Worker(settings(small_github, COPILOT_WAREHOUSE=str(path)))
    assert worker.fetch(YESTERDAY, YESTERDAY) == []
    worker.flatten()
    return worker


@pytest.fixture
def nowhere(server: Postgres, tmp_path: Path) -> Lake:
    """A database without a lake in it."""
    return new_lake(server, tmp_path / "lake")


def test_there_and_back(file: Worker, nowhere: Lake, small_github: Standin, tmp_path: Path) -> None:
    moved = move(file.warehouse, nowhere.warehouse)
    lake = Worker(nowhere.installed(small_github))
    assert list(differences(file.tables(), lake.tables())) == []
    # The same answers are no news there, and nothing is flattened again.
    assert lake.fetch(YESTERDAY, YESTERDAY, "users-1-day") == []
    assert lake.sql("select count(distinct fetch_id) from raw.records where report = 'users-1-day'") == [(2,)]
    lake.flatten()
    assert list(differences(file.tables("flat"), lake.tables("flat"))) == []
    back = DuckDBFile(tmp_path / "back.duckdb")
    fetched = {each.table: each.rows for each in move(lake.warehouse, back)}
    assert fetched == {each.table: each.rows for each in moved} | {"raw.fetches": fetched["raw.fetches"]}
    with pytest.raises(WarehouseError, match="holds something already"):
        move(back, nowhere.warehouse)


def test_one_that_is_cut_short_leaves_a_lake_as_if_it_had_not_begun(
    file: Worker, nowhere: Lake, small_github: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(connection: object, schema: str, table: str) -> object:
        if table == "records":
            raise KeyboardInterrupt
        return _copied(connection, schema, table)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("copilot_assets.warehouse.move._copied", dies)
        with pytest.raises(KeyboardInterrupt):
            move(file.warehouse, nowhere.warehouse)
    lake = Worker(nowhere.installed(small_github))
    assert lake.tables("flat") == {}
    assert lake.sql("select count(*) from raw.fetches") == [(0,)]
    move(file.warehouse, nowhere.warehouse)
    assert list(differences(file.tables(), lake.tables())) == []
