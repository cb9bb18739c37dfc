"""Which store COPILOT_WAREHOUSE names. What each kind is and does is in its own module."""

from __future__ import annotations

from pathlib import Path

from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.ducklake import PREFIX, DuckLake
from copilot_assets.warehouse.store import Warehouse


def open_warehouse(address: str, lake_data: str, lake_folder: Path) -> Warehouse:
    """The store at an address: `ducklake:postgres:…`, or the path of a DuckDB file.

    Whether it can be opened is found out, and said, later. `lake_data` and `lake_folder` are a lake's alone.
    """
    if address.startswith(PREFIX):
        return DuckLake.at(address, lake_data, lake_folder)
    return DuckDBFile(Path(address).expanduser())
