"""What is measured with: a stand-in for GitHub, an installation in a folder of its own, commands in processes.

Each command is a process of its own from start to end, so that nothing is warm from the one before, and what it took
is what the system says of it. What is measured, and against what, is in the modules that are named after it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, Self

import dagster as dg
import yaml

from copilot_assets.github.reports import REPORTS
from copilot_assets.shipped import shipped
from copilot_assets.standin import Standin

PROJECT: Final = Path(__file__).parent.parent
# People of the stand-in's enterprise, where a benchmark does not say.
PEOPLE: Final = 150
# One run of GitHub's requests an hour would not do for a year of days.
_RATE_LIMIT: Final = 1_000_000


class Ratio(NamedTuple):
    """How often as much: by the clock, and of the processor."""

    seconds: float
    cpu_seconds: float

    @property
    def least(self) -> float:
        """The smaller of both: a busy machine makes one of them large, a slow program both."""
        return min(self)

    def __str__(self) -> str:
        return f"{self.seconds:.2f} (CPU {self.cpu_seconds:.2f})"


@dataclass(frozen=True)
class Spent:
    """What a process took, from its start to its end.

    Attributes:
        seconds: by the clock.
        cpu_seconds: of all its threads, user and system; less at the mercy of what else the machine does.
        megabytes: the most memory it had at once.
    """

    seconds: float
    cpu_seconds: float
    megabytes: float

    def __add__(self, other: Spent) -> Spent:
        """One after the other."""
        return Spent(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.megabytes, other.megabytes),
        )

    def times(self, factor: float) -> Spent:
        """So many of the same, one after the other."""
        return Spent(self.seconds * factor, self.cpu_seconds * factor, self.megabytes)

    def over(self, other: Spent) -> Ratio:
        """How often as much it is."""
        return Ratio(self.seconds / other.seconds, self.cpu_seconds / other.cpu_seconds)

    @classmethod
    def median(cls, each: Sequence[Spent]) -> Self:
        """The median of every number by itself."""
        return cls(
            median(one.seconds for one in each),
            median(one.cpu_seconds for one in each),
            median(one.megabytes for one in each),
        )


class Asked(NamedTuple):
    """What the stand-in was asked since it was last asked this, and how many requests were under way at once."""

    requests: int
    most_in_flight: int


class Github:
    """The stand-in in a process of its own."""

    def __init__(self, api_url: str, pipe: Connection) -> None:
        self.api_url, self._pipe = api_url, pipe

    def asked(self) -> Asked:
        """What it was asked since this was last called."""
        self._pipe.send(None)
        return Asked(*self._pipe.recv())


def settings(api_url: str, scopes: Sequence[str], start: date, reports: Sequence[str] = ()) -> dict[str, str]:
    """Settings of an installation; without `reports` it asks for all of them."""
    skipped = [report.name for report in REPORTS if reports and report.name not in reports]
    return {
        "GITHUB_API_URL": api_url,
        "GITHUB_TOKEN": "benchmark",
        "COPILOT_SCOPES": ",".join(scopes),
        "COPILOT_START_DATE": start.isoformat(),
        "COPILOT_SKIP_REPORTS": ",".join(skipped),
    }


@contextmanager
def github(latency: float = 0, people: int = PEOPLE, kept: Path | None = None) -> Iterator[Github]:
    """Serve the stand-in of scopes of so many people; each answer takes `latency` seconds at least.

    With a folder `kept`, a report that was asked for once costs the processor next to nothing from then on.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(latency, people, kept, theirs))
    process.start()
    try:
        yield Github(ours.recv(), ours)
    finally:
        ours.close()
        process.join()


def _serve(latency: float, people: int, kept: Path | None, pipe: Connection) -> None:
    with Standin(latency=latency, people=people, rate_limit=_RATE_LIMIT, kept=kept) as standin:
        pipe.send(standin.api_url)
        while True:
            try:
                pipe.recv()
            except EOFError:
                return
            pipe.send((len(standin.requests), standin.most_in_flight))
            standin.requests.clear()
            standin.record.most_in_flight = 0


class Home:
    """An installation in a folder: its settings, its database, its Dagster instance."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = {**settings, "COPILOT_WAREHOUSE": str(folder / "copilot.duckdb")}
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(shipped("dagster.yaml"), folder / "dagster.yaml")

    def keep_history_as_shipped(self) -> Home:
        """The same, whose Dagster has the storage that it has where dagster.yaml names none of the project's."""
        file = self.folder / "dagster.yaml"
        config = yaml.safe_load(file.read_text())
        config["storage"] = {"sqlite": config["storage"]["custom"]["config"]}
        file.write_text(yaml.safe_dump(config))
        return self

    @property
    def warehouse(self) -> Path:
        """The database."""
        return Path(self.settings["COPILOT_WAREHOUSE"])

    def copy(self, folder: Path, **settings: str) -> Home:
        """The same installation with all that has landed in it, and some settings of its own."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Home(folder, {**self.settings, **settings})

    def run(self, *command: str) -> Spent:
        """A command of Python's, such as `-m copilot_assets …`, with this installation's settings."""
        return spend([sys.executable, *command], self.folder, self.settings)

    def backfill(self, first: date, last: date) -> Spent:
        """The project's own command for a range of days: the job that the schedule launches too."""
        return self.run("-m", "copilot_assets", "backfill", "--start", str(first), "--end", str(last))

    def step_seconds(self) -> Mapping[str, float]:
        """How long each step of the newest run took by Dagster's own history."""
        # The instance's own files are where the process that opens it stands.
        with chdir(self.folder), dg.DagsterInstance.from_config(str(self.folder)) as instance:
            (newest,) = instance.get_run_records(limit=1)
            steps = instance.get_run_step_stats(newest.dagster_run.run_id)
            return {step.step_key: (step.end_time or 0) - (step.start_time or 0) for step in steps}


def environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process: this one's, without what would change what is measured."""
    foreign = ("COPILOT_", "GITHUB_", "DAGSTER_")
    # Compiling every module at every start is nobody's installation.
    own = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(foreign) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**own, "PYTHONPATH": str(PROJECT), "DAGSTER_HOME": str(folder), **settings}


def spend(command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> Spent:
    """Run a command in a folder and see what it takes.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    with tempfile.NamedTemporaryFile() as spent:
        ended = subprocess.run(
            [sys.executable, str(PROJECT / "benchmarks" / "spent.py"), spent.name, *command],
            cwd=folder,
            env=environment(folder, settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")
        return Spent(**json.load(spent))
