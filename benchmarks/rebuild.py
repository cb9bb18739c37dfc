"""How long a full rebuild of all SQL models takes, on a history that `history.py` makes.

Each model runs as its asset runs it, one after the other, on as many threads as DuckDB takes; from the second run on
the new table is also compared with the one that is there.

`python -m benchmarks.rebuild WAREHOUSE` rebuilds all models of a database and nothing else.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import duckdb
from rich.table import Table

from benchmarks.history import SCOPES, make_history
from copilot_assets.orchestration.rebuild import deriving, replace_table
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.duckdb_file import DuckDBFile

# What the models read most of.
_READ: Final = (
    "user_daily",
    "user_ide_daily",
    "user_feature_daily",
    "user_language_feature_daily",
    "user_model_feature_daily",
    "user_team_daily",
    "seat",
)


@dataclass(frozen=True)
class Rebuild:
    """What a rebuild took, in seconds; medians of the runs.

    Attributes:
        scopes: scopes in the history, each with all the people.
        people: people of each scope.
        days: days of the history.
        rows: rows about people that the models read.
        rebuild_seconds: all models.
        scan_seconds: distinct people a week in each of the tables, and nothing else: the ground that every rebuild
            has to cover.
        model_seconds: each model.
    """

    scopes: int
    people: int
    days: int
    rows: int
    rebuild_seconds: float
    scan_seconds: float
    model_seconds: dict[str, float]


def measure_rebuild(*, people: int, days: int, runs: int) -> Rebuild:
    """Make a history and rebuild all models of it, `runs` times."""
    scans: list[float] = []
    rebuilds: list[dict[str, float]] = []
    with TemporaryDirectory(prefix="copilot-bench-") as folder:
        warehouse = DuckDBFile(Path(folder) / "copilot.duckdb")
        rows = make_history(warehouse, people=people, days=days)
        for _ in range(runs):
            with warehouse.connect() as connection:
                connection.execute("set enable_progress_bar = false")
                scans.append(_scan(connection))
                rebuilds.append(_rebuild(connection))
    return Rebuild(
        scopes=len(SCOPES),
        people=people,
        days=days,
        rows=rows,
        rebuild_seconds=median(sum(each.values()) for each in rebuilds),
        scan_seconds=median(scans),
        model_seconds={model: median(each[model] for each in rebuilds) for model in rebuilds[0]},
    )


def _scan(connection: duckdb.DuckDBPyConnection) -> float:
    began = perf_counter()
    for table in _READ:
        connection.execute(
            f"select scope, date_trunc('week', day), count(distinct user_id) from flat.{table} group by all"
        ).fetchall()
    return perf_counter() - began


def _rebuild(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    seconds = {}
    for model in load_models():
        began = perf_counter()
        with deriving(connection) as known:
            replace_table(connection, model, known)
        seconds[model.table] = perf_counter() - began
    return seconds


def table_rebuild(rebuild: Rebuild) -> Table:
    """The slowest models, and all of them beside the ground they cover."""
    table = Table(
        title=f"Full rebuild of all SQL models\n{rebuild.days} days, {rebuild.scopes} scopes of {rebuild.people:,} "
        f"people, {rebuild.rows:,} rows",
        title_justify="left",
    )
    for name in ("model", "seconds", "of the rebuild"):
        table.add_column(name, justify="left" if name == "model" else "right")
    slowest = sorted(rebuild.model_seconds.items(), key=lambda each: -each[1])
    for model, seconds in slowest[:8]:
        table.add_row(model, f"{seconds:.2f}", f"{seconds / rebuild.rebuild_seconds:.0%}")
    table.add_section()
    table.add_row("all models", f"{rebuild.rebuild_seconds:.2f}", "100%")
    table.add_row(
        "distinct people a week, once a table",
        f"{rebuild.scan_seconds:.2f}",
        f"1 : {rebuild.rebuild_seconds / rebuild.scan_seconds:.1f}",
    )
    return table


def _main() -> None:
    with DuckDBFile(Path(sys.argv[1])).connect() as connection:
        _rebuild(connection)


if __name__ == "__main__":
    _main()
