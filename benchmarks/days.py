"""Whether landing and flattening a day costs the same, however many days of a large company are there already.

The same users-1-day file, validated once, is landed for one day after another. DuckDB merges row groups that are not
full, and that at times costs several times what landing does: so the mean counts, and it must not grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from rich.table import Table

from benchmarks.contestants import DAY, USERS, fetch_of, identities
from benchmarks.landing import write_users_file
from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.github.files import inspect_files
from copilot_assets.records import UserDay
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land

# A later half that takes so much longer than the first one grows with the history.
BROKEN: Final = 2.5


@dataclass(frozen=True)
class Days:
    """Seconds of each day, in order.

    Attributes:
        records: people's records of a day.
        bytes: size of a day's file.
        stored_bytes: size of the database at the end.
        landing: keeping the text of a day.
        flattening: parsing and flattening it.
    """

    records: int
    bytes: int
    stored_bytes: int
    landing: Sequence[float]
    flattening: Sequence[float]

    @property
    def growth(self) -> float:
        """How often as long as a day of the first half a day of the second half takes."""
        both = [sum(day) for day in zip(self.landing, self.flattening, strict=True)]
        half = len(both) // 2
        return mean(both[half:]) / mean(both[:half])


def measure_days(*, records: int, days: int) -> Days:
    """Land and flatten a file for so many days, each in connections of its own, as a run does."""
    with TemporaryDirectory(prefix="copilot-bench-") as name:
        folder = Path(name)
        file = folder / "users.json"
        write_users_file(file, records)
        contents = inspect_files([file], USERS, DAY)
        warehouse = DuckDBFile(folder / "copilot.duckdb")
        landing, flattening = [], []
        for number in range(days):
            day = DAY + timedelta(days=number)
            began = perf_counter()
            with warehouse.connect() as connection:
                land(connection, [fetch_of(file, contents, str(day), day)], "benchmark")
            landed = perf_counter()
            with warehouse.connect() as connection:
                refresh_flat(connection, UserDay, [USERS.name], identities(folder))
            landing.append(landed - began)
            flattening.append(perf_counter() - landed)
        return Days(records, file.stat().st_size, warehouse.path.stat().st_size, landing, flattening)


def table_days(days: Days) -> Table:
    """A row for each of both steps."""
    table = Table(
        title=f"{len(days.landing)} days of {days.records:,} records, {days.bytes / 1e6:,.0f} MB each,\n"
        f"one after another: {days.stored_bytes / 1e6:,.0f} MB stored\n"
        f"a day of the second half takes {days.growth:.2f} times one of the first",
        title_justify="left",
    )
    table.add_column("seconds of a day")
    for name in ("first", "mean", "longest"):
        table.add_column(name, justify="right")
    for name, seconds in (("keep the text", days.landing), ("parse and flatten", days.flattening)):
        table.add_row(name, f"{seconds[0]:.2f}", f"{mean(seconds):.2f}", f"{max(seconds):.2f}")
    return table


def broken_days(days: Days) -> list[str]:
    """A sentence where a day costs more the more of them are there, beyond what no machine excuses."""
    if days.growth <= BROKEN:
        return []
    return [f"Of {len(days.landing)} days, one of the second half takes {days.growth:.1f} times one of the first half."]
