"""How the nightly run and the weekly rebuild grow with the history that is there already.

The history is a backfill of four weeks from the stand-in, told again for the four weeks before, and so on: raw records,
ledger and flat rows, each as they are, days moved. What a night takes is split by Dagster's own history of steps: the
SQL models with their files for BI tools, which are rebuilt in full, and everything else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

import duckdb
from rich.table import Table

from benchmarks.nightly import SCOPES
from benchmarks.scene import Home, Spent, github, settings
from copilot_assets.now import today_utc
from copilot_assets.warehouse.duckdb_file import DuckDBFile

_MONTH_DAYS: Final = 28
_REBUILT: Final = ("sql_models", "export__files")
_RAW: Final = ("records", "fetches")
# A night of 36 months is to take as long as one of a month, but for the rebuild.
BROKEN: Final = 2.0


@dataclass(frozen=True)
class Growth:
    """A night and a rebuild after so many months; medians of the runs.

    Attributes:
        months: of 28 days.
        records: raw records that are there.
        night: the nightly run, nothing changed, the rebuild included.
        rebuild_seconds: of it, the SQL models and the files for BI tools.
        other_seconds: of it, all other steps: asking, landing, flattening, checking.
        rebuild: the weekly rebuild alone, in a process of its own.
    """

    months: int
    records: int
    night: Spent
    rebuild_seconds: float
    other_seconds: float
    rebuild: Spent


def measure_growth(*, months: Sequence[int], runs: int) -> list[Growth]:
    """Make each history, and run a night on it `runs` times."""
    last = today_utc() - timedelta(days=1)
    with github() as served, tempfile.TemporaryDirectory(prefix="copilot-bench-") as name:
        first = last - timedelta(days=_MONTH_DAYS - 1)
        month = Home(Path(name) / "month", settings(served.api_url, SCOPES, first))
        month.backfill(first, last)
        measured = []
        for count in months:
            start = last - timedelta(days=_MONTH_DAYS * count - 1)
            home = month.copy(Path(name) / str(count), COPILOT_START_DATE=start.isoformat())
            records = _tell_again(home.warehouse, count)
            home.backfill(last, last)  # every table changes with the history; this night is not measured
            nights, rebuilt, others = [], [], []
            for _ in range(runs):
                nights.append(home.backfill(last, last))
                steps = home.step_seconds()
                rebuilt.append(sum(steps[step] for step in _REBUILT))
                others.append(sum(steps.values()) - rebuilt[-1])
            rebuilds = [home.run("-m", "benchmarks.rebuild", str(home.warehouse)) for _ in range(runs)]
            measured.append(
                Growth(count, records, Spent.median(nights), median(rebuilt), median(others), Spent.median(rebuilds))
            )
    return measured


def _tell_again(path: Path, months: int) -> int:
    """Repeat what landed for the months before; the raw records that are there then."""
    with DuckDBFile(path).connect() as connection:
        flat = connection.execute(
            "select 'flat.' || table_name from duckdb_columns() where schema_name = 'flat' and column_name = 'day'"
        ).fetchall()
        before = f"(select unnest(range(1, {months})) as month)"
        for (table,) in [*flat, *((f"raw.{name}",) for name in _RAW)]:
            moved = [f"(day - {_MONTH_DAYS} * month::integer)::date as day"]
            if table == "raw.fetches":
                moved.append(f"requested_at - to_days({_MONTH_DAYS} * month::integer) as requested_at")
            if table.startswith("raw."):
                moved.append("fetch_id || '-' || month as fetch_id")
            connection.execute(
                f"insert into {table} by name "
                f"select * exclude (month) replace ({', '.join(moved)}) from {table}, {before}"
            )
        return _count(connection)


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("select count(*) from raw.records").fetchall()[0][0])


def table_growth(measured: Iterable[Growth]) -> Table:
    """A row for each history."""
    table = Table(title="Growth with the history (months of 28 days), seconds", title_justify="left")
    columns = ("months", "records", "night", "CPU", "MB", "of it not rebuilding", "rebuilding", "rebuild alone", "MB")
    for column in columns:
        table.add_column(column, justify="right")
    for one in measured:
        table.add_row(
            f"{one.months}",
            f"{one.records:,}",
            f"{one.night.seconds:.2f}",
            f"{one.night.cpu_seconds:.2f}",
            f"{one.night.megabytes:.0f}",
            f"{one.other_seconds:.2f}",
            f"{one.rebuild_seconds:.2f}",
            f"{one.rebuild.seconds:.2f}",
            f"{one.rebuild.megabytes:.0f}",
        )
    return table


def broken_growth(measured: Sequence[Growth]) -> list[str]:
    """A sentence where the night grows with the history, beyond what no machine excuses."""
    least, most = measured[0], measured[-1]
    ratio = most.other_seconds / least.other_seconds
    if ratio <= BROKEN:
        return []
    name = f"Without the rebuild, a night after {most.months} months"
    return [f"{name} takes {ratio:.1f} times one after {least.months}; more than {BROKEN} is broken."]
