"""How long the nightly run takes, everything for one day, from the start of its process to its end.

With a new day, and once more with nothing changed since; beside Dagster's own empty run: the same steps, assets, checks
and days, whose functions do nothing (`empty.py`), in a process that imports Dagster alone, with its history as shipped.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.empty import outline
from benchmarks.scene import Home, Ratio, Spent, github, settings
from copilot_assets.now import today_utc
from copilot_assets.orchestration.installation import Installation

SCOPES: Final = ("org:octo-org", "enterprise:octo-corp")
TARGET: Final = 1.3
# The target is 1.3; what a busy machine makes of it is not.
BROKEN: Final = 2.5
# What drawing the pictures and the report of a new day may take besides; likewise what is broken.
PICTURE_SECONDS: Final = 3.0
BROKEN_PICTURE_SECONDS: Final = 4 * PICTURE_SECONDS


@dataclass(frozen=True)
class Nightly:
    """A nightly run and what it is held against; medians of the runs.

    Attributes:
        history_days: days that were there before.
        requests: requests of a run.
        new_day: the run that brings a day.
        unchanged: the same run again.
        empty: Dagster's own empty run.
    """

    history_days: int
    requests: int
    new_day: Spent
    unchanged: Spent
    empty: Spent

    @property
    def ratio(self) -> Ratio:
        """The unchanged run over Dagster's own."""
        return self.unchanged.over(self.empty)

    @property
    def picture_seconds(self) -> float:
        """What a new day, which draws every picture and the report, takes beyond the target of a run without any.

        By the clock or by the processor, whichever is less: other work on the machine adds to both, unequally.
        """
        return min(
            self.new_day.seconds - TARGET * self.empty.seconds,
            self.new_day.cpu_seconds - TARGET * self.empty.cpu_seconds,
        )


def measure_nightly(*, history_days: int, runs: int) -> Nightly:
    """Make a history, then run a night on copies of it, `runs` times."""
    last = today_utc() - timedelta(days=1)
    new_day, unchanged, empty, requests = [], [], [], 0
    with github() as served, tempfile.TemporaryDirectory(prefix="copilot-bench-") as name:
        folder, first = Path(name), last - timedelta(days=history_days)
        installed = settings(served.api_url, SCOPES, first)
        before = Home(folder / "before", installed)
        nothing, shape = Home(folder / "empty", installed).keep_history_as_shipped(), folder / "outline.json"
        outline(Installation(nothing.settings), shape)
        if history_days:
            before.backfill(first, last - timedelta(days=1))
            nothing.run("-m", "benchmarks.empty", str(shape), str(first), str(last - timedelta(days=1)))
        for n in range(runs):
            night = before.copy(folder / str(n))
            new_day.append(night.backfill(last, last))
            served.asked()
            unchanged.append(night.backfill(last, last))
            requests = served.asked().requests
            empty.append(nothing.run("-m", "benchmarks.empty", str(shape), str(last), str(last)))
    return Nightly(
        history_days=history_days,
        requests=requests,
        new_day=Spent.median(new_day),
        unchanged=Spent.median(unchanged),
        empty=Spent.median(empty),
    )


def table_nightly(nightly: Nightly) -> Table:
    """A row for each run."""
    table = Table(
        title=f"Nightly run of everything for one day after {nightly.history_days}, {len(SCOPES)} scopes, "
        f"{nightly.requests} requests\nover Dagster's own empty run; target {TARGET} when nothing changed\n"
        f"A new day, with all pictures and the report, beyond {TARGET}: {nightly.picture_seconds:.2f} seconds; "
        f"target {PICTURE_SECONDS:.0f}",
        title_justify="left",
    )
    for column in ("run", "seconds", "CPU seconds", "MB", "of the empty run"):
        table.add_column(column, justify="left" if column == "run" else "right")
    rows = {"a new day": nightly.new_day, "nothing changed": nightly.unchanged, "Dagster alone": nightly.empty}
    for name, spent in rows.items():
        table.add_row(
            name,
            f"{spent.seconds:.2f}",
            f"{spent.cpu_seconds:.2f}",
            f"{spent.megabytes:.0f}",
            f"{spent.over(nightly.empty)}",
        )
    return table


def broken_nightly(nightly: Nightly) -> list[str]:
    """A sentence for each figure that no machine excuses."""
    broken = []
    if nightly.ratio.least > BROKEN:
        broken.append(
            f"An unchanged nightly run takes {nightly.ratio} times Dagster's own; more than {BROKEN} is broken."
        )
    if nightly.picture_seconds > BROKEN_PICTURE_SECONDS:
        broken.append(
            f"A new day with its pictures takes {nightly.picture_seconds:.1f} seconds beyond {TARGET} of Dagster's; "
            f"the target is {PICTURE_SECONDS:.0f}, and more than {BROKEN_PICTURE_SECONDS:.0f} is broken."
        )
    return broken
