"""`python -m benchmarks`: runs the benchmarks and prints their figures with the machine they are of.

What is measured, how large in which mode and how it is shown is in the other modules; here stands which there are.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console, Group, RenderableType

from benchmarks.backfill import broken_backfill, measure_backfill, table_backfill
from benchmarks.bill import broken_bill, measure_bill, table_bill
from benchmarks.days import broken_days, measure_days, table_days
from benchmarks.growth import broken_growth, measure_growth, table_growth
from benchmarks.lake import broken_lake, measure_lake, table_lake
from benchmarks.landing import broken_landing, measure_landing, table_landing
from benchmarks.nightly import broken_nightly, measure_nightly, table_nightly
from benchmarks.nights import broken_nights, measure_nights, table_nights
from benchmarks.rebuild import measure_rebuild, table_rebuild
from benchmarks.start import broken_start, measure_start, table_start

# What a benchmark comes to: its figures, how they are shown, and a sentence for each that no machine excuses.
Measured = tuple[Any, RenderableType, list[str]]


def _rebuild(quick: bool) -> Measured:
    rebuild = measure_rebuild(people=500 if quick else 5_000, days=365, runs=1 if quick else 3)
    return asdict(rebuild), table_rebuild(rebuild), []


def _backfill(quick: bool) -> Measured:
    sizes = [(7, 0.0)] if quick else [(28, 0.0), (28, 0.15), (365, 0.0), (365, 0.15)]
    backfills = [
        measure_backfill(days=days, latency=latency, runs=1 if quick else 3, single_runs=0 if quick else 3)
        for days, latency in sizes
    ]
    return [asdict(one) for one in backfills], table_backfill(backfills), broken_backfill(backfills)


def _nightly(quick: bool) -> Measured:
    nightly = measure_nightly(history_days=0 if quick else 28, runs=1 if quick else 5)
    return asdict(nightly), table_nightly(nightly), broken_nightly(nightly)


def _landing(quick: bool) -> Measured:
    # The last is 2 GB in one file: a company ten times as large as any that is known.
    landings = measure_landing({1_000: 1} if quick else {1_000: 3, 10_000: 3, 50_000: 3, 560_000: 1})
    return [asdict(one) for one in landings], Group(*table_landing(landings)), broken_landing(landings)


def _days(quick: bool) -> Measured:
    days = measure_days(records=1_000 if quick else 50_000, days=16 if quick else 32)
    return asdict(days), table_days(days), broken_days(days)


def _bill(quick: bool) -> Measured:
    bills = [measure_bill(lines) for lines in ([10_000] if quick else [10_000, 1_000_000])]
    return [asdict(bill) for bill in bills], table_bill(bills), broken_bill(bills)


def _growth(quick: bool) -> Measured:
    growth = measure_growth(months=(1, 12) if quick else (1, 12, 36), runs=1 if quick else 3)
    return [asdict(one) for one in growth], table_growth(growth), broken_growth(growth)


def _nights(quick: bool) -> Measured:
    months = (1, 12) if quick else (1, 12, 36)
    nights = [measure_nights(people=people, months=months, runs=5) for people in ([500] if quick else [5_000, 20_000])]
    return (
        [asdict(one) for each in nights for one in each],
        Group(*map(table_nights, nights)),
        [sentence for each in nights for sentence in broken_nights(each)],
    )


def _lake(quick: bool) -> Measured:
    sizes = [(150, 4, 1)] if quick else [(2_000, 28, 2), (50_000, 28, 1)]
    measured = [measure_lake(people=people, days=days, runs=runs) for people, days, runs in sizes]
    return (
        [asdict(one) for stores in measured for one in stores],
        Group(*map(table_lake, measured)),
        [sentence for stores in measured for sentence in broken_lake(stores)],
    )


def _start(quick: bool) -> Measured:
    start = measure_start(runs=1 if quick else 3, imports=2 if quick else 5)
    return asdict(start), table_start(start), broken_start(start)


BENCHMARKS: Final[dict[str, Callable[[bool], Measured]]] = {
    "start": _start,
    "nightly": _nightly,
    "backfill": _backfill,
    "landing": _landing,
    "days": _days,
    "bill": _bill,
    "growth": _growth,
    "rebuild": _rebuild,
    "nights": _nights,
    "lake": _lake,
}

# What takes minutes however small it is; that a night does not grow is also held by counts, in tests/test_costs.py.
_NOT_QUICK: Final = ("growth", "nights", "lake")


@click.command()
@click.option("--quick", is_flag=True, help="Small inputs, one run: ends with 1 where a figure is out of all bounds.")
@click.option("--only", multiple=True, type=click.Choice(list(BENCHMARKS)), help="This one alone. Repeatable.")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too.")
def main(*, quick: bool, only: tuple[str, ...], path: Path | None) -> None:
    """Measure how long things take on this machine."""
    out = Console(width=None if sys.stdout.isatty() else 140)
    out.print(", ".join(f"{name} {value}" for name, value in _machine().items()), highlight=False)
    figures: dict[str, Any] = {"machine": _machine()}
    broken = []
    for name in only or (name for name in BENCHMARKS if not (quick and name in _NOT_QUICK)):
        figures[name], table, sentences = BENCHMARKS[name](quick)
        broken += sentences
        out.print(table)
    if path:
        path.write_text(json.dumps(figures, indent=2) + "\n")
    for sentence in broken:
        out.print(f"[red]{sentence}[/red]")
    sys.exit(1 if broken else 0)


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "python": platform.python_version(),
        **{name: version(name) for name in ("duckdb", "polars", "dagster")},
    }


# Processes that benchmarks start import this module, and are not to start them all over.
if __name__ == "__main__":
    main()
