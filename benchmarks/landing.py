"""How fast one users-1-day file is landed and flattened, beside what people would take in this project's place.

Here belong the file, the measuring and the table; what is measured is in `contestants.py`. Every run is a process of
its own, so that its peak of memory is its own, and the runs of all ways alternate on the same file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from rich.table import Table

from benchmarks.contestants import DAY, WAYS
from copilot_assets.standin.world import World

_ROOT: Final = Path(__file__).parent.parent
_LIBRARIES: Final = _ROOT / ".bench"
# People of the stand-in's world; beyond their number their days come again, of people with other ids.
_POPULATION: Final = 8_000
# It would tell its makers of every run.
_QUIET_DLT: Final = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
# Which ways are measured with how many records: beyond, they take minutes or more memory than a machine has.
_MOST: Final = {"Polars alone": 100_000, "pandas": 100_000, "dlt": 10_000, "dlt by Parquet": 10_000}


@dataclass(frozen=True)
class Took:
    """What one way took with one file; medians of the runs.

    Attributes:
        runs: runs that these are the medians of.
        seconds: from the file on disk to the last table.
        cpu_seconds: seconds of all cores together; not lengthened by what else the machine does.
        peak_bytes: the most memory that the process held, its libraries included.
        stored_bytes: what is on disk afterwards.
        stages: of `seconds`, how many each part took; none of ways that have no parts.
    """

    runs: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    stored_bytes: int
    stages: Mapping[str, float]


@dataclass(frozen=True)
class Landing:
    """One file, and what each way took with it.

    Attributes:
        records: people's days in the file.
        bytes: its size.
        rows: rows of all tables that come out of it.
        ways: by name of the way.
    """

    records: int
    bytes: int
    rows: int
    ways: Mapping[str, Took]

    def times_ours(self, way: str) -> float:
        """Our throughput as a multiple of a way's."""
        return self.ways[way].seconds / self.ways["ours"].seconds


def measure_landing(sizes: Mapping[int, int]) -> list[Landing]:
    """Measure every way with a file of each size.

    Args:
        sizes: number of records, and how many runs each way has with them.

    Raises:
        RuntimeError: a way failed, or made other rows or sums than ours.
    """
    with TemporaryDirectory(prefix="copilot-bench-") as folder:
        return [_measure(records, runs, Path(folder) / f"{records}.json") for records, runs in sizes.items()]


def _measure(records: int, runs: int, file: Path) -> Landing:
    write_users_file(file, records)
    ways = [way for way in WAYS if records <= _MOST.get(way, records)]
    took: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(runs):
        for way in ways:
            took[way].append(_run(way, file))
            if took[way][-1]["made"] != took["ours"][0]["made"]:
                raise RuntimeError(f"{way} made other rows of {records:,} records than ours: {took[way][-1]['made']}")
    size = file.stat().st_size
    file.unlink()
    return Landing(
        records=records,
        bytes=size,
        rows=sum(rows for rows, _ in took["ours"][0]["made"].values()),
        ways={
            way: Took(
                runs=runs,
                **{
                    name: median(run[name] for run in done)
                    for name in ("seconds", "cpu_seconds", "peak_bytes", "stored_bytes")
                },
                stages={name: median(run["stages"][name] for run in done) for name in done[0]["stages"]},
            )
            for way, done in took.items()
        },
    )


def _run(way: str, file: Path) -> dict[str, Any]:
    """What `contestants.py` prints of one run."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contestants", way, str(file)],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_LIBRARIES)]), **_QUIET_DLT},
    )
    if done.returncode:
        raise RuntimeError(f"{way} failed. `make bench` installs what it needs.\n{done.stderr[-2000:]}")
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return printed


def write_users_file(file: Path, records: int) -> None:
    """A users-1-day file as the stand-in serves it, with as many people as wanted, one after another to disk."""
    world = World(people=min(2 * records, _POPULATION), today=date(2026, 11, 10))
    report = world.report("enterprise:octo-corp", "users-1-day", DAY, world.today)
    if report is None:
        raise RuntimeError(f"The stand-in has lost {DAY}: take another day.")
    encode = msgspec.json.Encoder().encode
    with file.open("wb") as lines:
        for number, row in enumerate(islice(cycle(report.rows()), records)):
            own = {"user_id": 210_000_001 + 17 * number, "user_login": f"{row['user_login']}-{number}"}
            lines.write(encode(row | own) + b"\n")


def table_landing(landings: Sequence[Landing]) -> Iterator[Table]:
    """A table for each file."""
    for landing in landings:
        table = Table(
            title="Land and flatten: one users-1-day file; target 0.9 times DuckDB alone, 40 times dlt\n"
            f"{landing.records:,} records, "
            f"{landing.bytes / 1e6:,.0f} MB, {landing.rows:,} rows",
            title_justify="left",
            caption="\n".join(_stages(way, took) for way, took in landing.ways.items() if took.stages),
            caption_justify="left",
        )
        table.add_column("way")
        for name in ("seconds", "CPU s", "MB/s", "rows/s", "peak MB", "stored MB", "ours is faster"):
            table.add_column(name, justify="right")
        for way, took in landing.ways.items():
            table.add_row(
                way,
                f"{took.seconds:.2f}",
                f"{took.cpu_seconds:.2f}",
                f"{landing.bytes / took.seconds / 1e6:,.1f}",
                f"{landing.rows / took.seconds:,.0f}",
                f"{took.peak_bytes / 1e6:,.0f}",
                f"{took.stored_bytes / 1e6:,.0f}",
                f"{landing.times_ours(way):.2f} ×",
            )
        yield table


def _stages(way: str, took: Took) -> str:
    """Where the seconds of a way go."""
    return f"{way}: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in took.stages.items())}"


def broken_landing(landings: Sequence[Landing]) -> list[str]:
    """A sentence for each figure that no machine excuses."""
    least = {"DuckDB alone": 0.1, "dlt": 1.0}
    return [
        f"Landing and flattening {landing.records:,} records is {landing.times_ours(way):.2f} times as fast as {way}; "
        f"less than {least[way]} is broken."
        for landing in landings
        for way in landing.ways.keys() & least
        if landing.times_ours(way) < least[way]
    ]
