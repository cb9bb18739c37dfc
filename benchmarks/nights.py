"""What a night rebuilds of a large company after so many months: it is to cost what changed, not what is there.

The history is that of `history.py`. In a night a week of days came anew in every flat table, more than ever does, for
GitHub revises days for three; some people's numbers are others. Beside it a rebuild of everything.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from rich.table import Table

from benchmarks.history import LAST_DAY, make_history
from benchmarks.scene import spend
from copilot_assets.orchestration.rebuild import deriving, offending_rows, replace_table
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.changes import note_change
from copilot_assets.warehouse.duckdb_file import DuckDBFile

_MONTH_DAYS: Final = 28
_NIGHT, _EVERYTHING = "night", "everything"
# The longest night is to take at most 1.3 times the shortest.
BROKEN: Final = 2.0


@dataclass(frozen=True)
class Nights:
    """The rebuild of a night, and of everything, after so many months.

    Attributes:
        people: of each of two scopes.
        months: of 28 days.
        rows: rows about people that the models read.
        database_megabytes: the file.
        night_seconds: all models, a week of days changed; median of the nights.
        check_seconds: then, all checks of the models, as a run makes them.
        night_megabytes: the most memory that the process had at once.
        everything_seconds: all models, nothing kept.
        everything_megabytes: likewise.
    """

    people: int
    months: int
    rows: int
    database_megabytes: float
    night_seconds: float
    check_seconds: float
    night_megabytes: float
    everything_seconds: float
    everything_megabytes: float


def measure_nights(*, people: int, months: Sequence[int], runs: int) -> list[Nights]:
    """Make all histories and build everything of each; then so many nights, by turns, for no minute is like another."""
    with TemporaryDirectory(prefix="copilot-bench-") as folder:
        paths = {count: Path(folder) / f"{count}.duckdb" for count in months}
        rows = {
            count: make_history(DuckDBFile(path), people=people, days=_MONTH_DAYS * count)
            for count, path in paths.items()
        }
        everything = {count: _rebuild(path, _EVERYTHING) for count, path in paths.items()}
        nights: dict[int, list[tuple[float, float, float]]] = {count: [] for count in months}
        for _ in range(runs):
            for count, path in paths.items():
                nights[count].append(_rebuild(path, _NIGHT))
        return [
            Nights(
                people,
                count,
                rows[count],
                path.stat().st_size / 1e6,
                median(seconds for seconds, _, _ in nights[count]),
                median(seconds for _, seconds, _ in nights[count]),
                max(megabytes for _, _, megabytes in nights[count]),
                everything[count][0],
                everything[count][2],
            )
            for count, path in paths.items()
        ]


def _rebuild(path: Path, what: str) -> tuple[float, float, float]:
    """Seconds of the models and of their checks, and megabytes of the process, which is one of its own."""
    told = path.with_suffix(".json")
    command = [sys.executable, "-m", "benchmarks.nights", str(path), what, str(told)]
    spent = spend(command, path.parent, {})
    models, checks = json.loads(told.read_text())
    return models, checks, spent.megabytes


def table_nights(measured: Sequence[Nights]) -> Table:
    """A row for each history."""
    table = Table(title="Rebuild of a night (a week of days changed), two scopes", title_justify="left")
    for column in (
        "people",
        "months",
        "rows",
        "file MB",
        "night s",
        "checks s",
        "MB",
        "everything s",
        "MB",
        "night : everything",
    ):
        table.add_column(column, justify="right")
    for one in measured:
        table.add_row(
            f"{one.people:,}",
            f"{one.months}",
            f"{one.rows:,}",
            f"{one.database_megabytes:,.0f}",
            f"{one.night_seconds:.2f}",
            f"{one.check_seconds:.2f}",
            f"{one.night_megabytes:,.0f}",
            f"{one.everything_seconds:.2f}",
            f"{one.everything_megabytes:,.0f}",
            f"1 : {one.everything_seconds / one.night_seconds:.1f}",
        )
    return table


def broken_nights(measured: Sequence[Nights]) -> list[str]:
    """A sentence where a night grows with the history, beyond what no machine excuses."""
    least, most = measured[0], measured[-1]
    ratio = most.night_seconds / least.night_seconds
    if ratio <= BROKEN:
        return []
    sentence = (
        f"Of {most.people:,} people, the rebuild of a night after {most.months} months takes {ratio:.1f} times that "
        f"after {least.months}; more than {BROKEN} is broken."
    )
    return [sentence]


def _main() -> None:
    path, what, told = sys.argv[1:]
    with DuckDBFile(Path(path)).connect() as connection:
        if what == _NIGHT:
            flat = connection.execute("select table_name from duckdb_tables() where schema_name = 'flat'").fetchall()
            connection.execute(
                "update flat.user_daily set loc_added_sum = loc_added_sum + 1 where day = ? and user_id % 20 = 0",
                [LAST_DAY],
            )
            for (table,) in flat:
                note_change(connection, f"flat.{table}", since=LAST_DAY - timedelta(6))
        began = perf_counter()
        for models in [load_models()] if what == _NIGHT else [[model] for model in load_models()]:
            with deriving(connection) as known:
                for model in models:
                    replace_table(connection, model, known, full_refresh=what == _EVERYTHING)
        built = perf_counter()
        with deriving(connection) as known:
            for model in load_models():
                for check in model.checks:
                    offending_rows(connection, model, check, known, most=0, full_refresh=what == _EVERYTHING)
        Path(told).write_text(json.dumps([built - began, perf_counter() - built]))


if __name__ == "__main__":
    _main()
