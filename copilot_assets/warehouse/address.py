"""Which store COPILOT_WAREHOUSE names. What each kind is and does is in its own module."""

from __future__ import annotations

from pathlib import Path

from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.store import Warehouse


def open_warehouse(address: str) -> Warehouse:
    """The store at an address: the path of a DuckDB file. Whether it can be opened is found out, and said, later."""
    return DuckDBFile(Path(address).expanduser())
