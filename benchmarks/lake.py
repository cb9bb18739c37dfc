"""How much longer a lake takes than a file, with one worker and with four, on a PostgreSQL of the tests.

Both are of the DuckDB that has the extensions, so that what is measured is the store. Workers are processes on one
machine: each fetches and lands its own days, and then all that follows from them is made once.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final
from uuid import uuid4

from rich.table import Table

from benchmarks.backfill import ASKED, SCOPES
from benchmarks.scene import PROJECT, Github, Home, github, settings
from copilot_assets.github.reports import REPORTS
from copilot_assets.now import today_utc
from copilot_assets.orchestration.automation import REBUILD
from tests.postgres import Postgres, a_postgres

_DAGSTER: Final = ("-m", "dagster")
_CODE: Final = ("-m", "copilot_assets.definitions")
# The target is 1.5 with one worker.
BROKEN: Final = 4.0


@dataclass(frozen=True)
class Store:
    """What one store took, seconds by the clock.

    Attributes:
        people: of the company.
        days: of the backfill.
        name: which store, and how many workers.
        backfill: all days and what follows from them; several workers land a share each.
        night: one more day.
        unchanged: the same day again.
    """

    people: int
    days: int
    name: str
    backfill: float
    night: float
    unchanged: float


def measure_lake(*, days: int, people: int, runs: int) -> list[Store]:
    """A file, a lake with one worker, one with four, by turns; the least of the runs, for no minute is like another.

    What GitHub answers is written before, for with that the stand-in is busier than those who are measured.
    """
    last = today_utc() - timedelta(days=1)
    first = last - timedelta(days=days)
    with (
        TemporaryDirectory(prefix="copilot-bench-") as kept,
        github(people=people, kept=Path(kept)) as served,
        a_postgres() as postgres,
    ):
        with _installed(served, postgres, 0, first) as home:
            _land(home, (first, last))
        turns = [[_measure(served, postgres, kind, first, last) for kind in (0, 1, 4)] for _ in range(runs)]
    return [
        Store(
            people,
            days,
            f"lake, {workers} worker{'s' * (workers > 1)}" if workers else "file",
            min(backfill for backfill, _, _ in each),
            min(night for _, night, _ in each),
            min(unchanged for _, _, unchanged in each),
        )
        for workers, each in zip((0, 1, 4), zip(*turns, strict=True), strict=True)
    ]


def _measure(served: Github, postgres: Postgres, workers: int, first: date, last: date) -> tuple[float, float, float]:
    """Seconds of the backfill, of a new day and of the same day again."""
    before = last - timedelta(days=1)
    with (
        _installed(served, postgres, workers, first) as home,
        TemporaryDirectory(prefix="copilot-bench-") as other,
    ):
        began = perf_counter()
        if workers > 1:
            _backfill_at_once(home, Path(other), _shares(first, before, workers))
        else:
            home.backfill(first, before)
        backfill = perf_counter() - began
        night, unchanged = (home.backfill(last, last).seconds for _ in range(2))
    return backfill, night, unchanged


@contextmanager
def _installed(served: Github, postgres: Postgres, workers: int, first: date) -> Iterator[Home]:
    """An installation with nothing in its store: a file where it has no workers."""
    with TemporaryDirectory(prefix="copilot-bench-") as folder:
        home = Home(Path(folder), {**settings(served.api_url, SCOPES, first, ASKED), **_older_duckdb()})
        if workers:
            home.settings |= _lake(postgres, Path(folder), f"lake_{uuid4().hex}")
        home.run("-m", "copilot_assets", "migrate")
        yield home


def _backfill_at_once(home: Home, other: Path, shares: Sequence[tuple[date, date]]) -> None:
    """As a backfill in the UI does it: runs that land some of the days each, then one of all that follows from them."""
    # Each worker has a Dagster of its own, as each team would, and all have one lake.
    homes = [home, *(home.copy(other / str(n)) for n in range(1, len(shares)))]
    for each in homes:
        each.settings |= {"COPILOT_WAREHOUSE": home.settings["COPILOT_WAREHOUSE"]}
    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(_land, homes, shares))
    home.run(*_DAGSTER, "job", "execute", *_CODE, "--job", REBUILD)


def _land(home: Home, days: tuple[date, date]) -> None:
    landed = " or ".join(f'key:"raw/{report.table}"' for report in REPORTS if report.name in ASKED)
    between = "...".join(map(str, days))
    home.run(*_DAGSTER, "asset", "materialize", *_CODE, "--select", landed, "--partition-range", between)


def _older_duckdb() -> Mapping[str, str]:
    return {"PYTHONPATH": f"{PROJECT / '.duckdb-lake'}:{PROJECT}"}


def _lake(postgres: Postgres, folder: Path, database: str) -> Mapping[str, str]:
    subprocess.run(
        [postgres.programs / "createdb", "-h", postgres.host, "-p", str(postgres.port), "-U", postgres.user, database],
        env={"PGPASSWORD": postgres.password},
        check=True,
    )
    return {
        "COPILOT_WAREHOUSE": f"ducklake:postgres:dbname={database} host={postgres.host} port={postgres.port} "
        f"user={postgres.user}",
        "PGPASSWORD": postgres.password,
        "COPILOT_LAKE_DATA": str(folder / "lake"),
        "COPILOT_LAKE_FOLDER": str(folder / "here"),
    }


def _shares(first: date, last: date, workers: int) -> Sequence[tuple[date, date]]:
    """The days in as many stretches as there are workers."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    size = -(-len(days) // workers)
    return [(part[0], part[-1]) for part in (days[n : n + size] for n in range(0, len(days), size))]


def table_lake(measured: Sequence[Store]) -> Table:
    """A row for each store, over the file."""
    file = measured[0]
    title = f"A lake beside a file, {file.people:,} people, {file.days} days: seconds, and times the file; target 1.5"
    table = Table(title=title, title_justify="left")
    for column in ("store", "backfill", "a new day", "nothing changed"):
        table.add_column(column, justify="left" if column == "store" else "right")
    for one in measured:
        pairs = ((one.backfill, file.backfill), (one.night, file.night), (one.unchanged, file.unchanged))
        table.add_row(one.name, *(f"{seconds:.1f} ({seconds / least:.2f})" for seconds, least in pairs))
    return table


def broken_lake(measured: Iterable[Store]) -> list[str]:
    """A sentence where a lake takes longer than any machine excuses."""
    file, *lakes = measured
    return [
        f"A night on a {lake.name} takes {lake.night / file.night:.1f} times one on a file; over {BROKEN} is broken."
        for lake in lakes
        if lake.night > BROKEN * file.night
    ]
