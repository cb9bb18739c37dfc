"""How long a backfill takes, from `copilot-assets backfill` to its end, beside what it can't be faster than.

That limit is two programs one after the other: one that downloads the same files and nothing else (`download.py`), and
one in which Dagster notes the same steps, assets, checks and days and nothing else (`empty.py`). The backfill also
flattens what it landed, rebuilds all tables and checks them. Beside it: a run for every day.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.empty import outline
from benchmarks.scene import Github, Home, Ratio, Spent, github, settings
from copilot_assets.github.reports import REPORTS
from copilot_assets.github.scopes import Scope
from copilot_assets.github.transport import IN_FLIGHT
from copilot_assets.now import today_utc
from copilot_assets.orchestration.installation import Installation

SCOPES: Final = ("org:octo-org", "org:octo-labs")
ASKED: Final = ("organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day")
# The target is 1.3; what a busy machine makes of it is not.
BROKEN: Final = 2.5


@dataclass(frozen=True)
class Backfill:
    """A backfill and what it is held against; medians of the runs.

    Attributes:
        days: days, up to yesterday.
        latency: seconds that every answer takes at least.
        questions: (scope, report, day) that GitHub may have; each is a request for links, and one for each file.
        requests: requests that the backfill made.
        download_requests: requests that the bare download made.
        most_in_flight: the most requests that the backfill had under way at once.
        backfill: the backfill.
        download: the same files and nothing else.
        bookkeeping: the same steps, assets, checks and days in Dagster and nothing else.
        run_a_day: a run for every day: the median of a few, times the days; None where none was measured.
    """

    days: int
    latency: float
    questions: int
    requests: int
    download_requests: int
    most_in_flight: int
    backfill: Spent
    download: Spent
    bookkeeping: Spent
    run_a_day: Spent | None = None

    @property
    def ratio(self) -> Ratio:
        """The backfill over its limit."""
        return self.backfill.over(self.download + self.bookkeeping)


def measure_backfill(*, days: int, latency: float, runs: int, single_runs: int) -> Backfill:
    """Backfill the days up to yesterday, `runs` times into a new installation; then `single_runs` days one by one."""
    last = today_utc() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    with github(latency) as served, tempfile.TemporaryDirectory(prefix="copilot-bench-") as name:
        questions = _questions(first, last)
        each = [_measure(served, Path(name) / str(n), latency, questions, first, last) for n in range(runs)]
        filled = Home(Path(name) / "0" / "ours", settings(served.api_url, SCOPES, first, ASKED))
        singles = [filled.backfill(day, day) for day in (last - timedelta(days=n) for n in range(single_runs))]
    return replace(
        each[0],
        most_in_flight=max(one.most_in_flight for one in each),
        backfill=Spent.median([one.backfill for one in each]),
        download=Spent.median([one.download for one in each]),
        bookkeeping=Spent.median([one.bookkeeping for one in each]),
        run_a_day=Spent.median(singles).times(days) if singles else None,
    )


def _measure(
    served: Github, folder: Path, latency: float, questions: list[tuple[str, str]], first: date, last: date
) -> Backfill:
    installed = settings(served.api_url, SCOPES, first, ASKED)
    ours, files, empty = (Home(folder / part, installed) for part in ("ours", "files", "empty"))
    asked, shape = folder / "questions.json", folder / "outline.json"
    asked.write_text(json.dumps(questions))
    outline(Installation(ours.settings), shape)
    download = files.run("-m", "benchmarks.download", served.api_url, str(IN_FLIGHT), str(asked))
    download_requests = served.asked().requests
    bookkeeping = empty.keep_history_as_shipped().run("-m", "benchmarks.empty", str(shape), str(first), str(last))
    backfill = ours.backfill(first, last)
    requests, most_in_flight = served.asked()
    return Backfill(
        days=(last - first).days + 1,
        latency=latency,
        questions=len(questions),
        requests=requests,
        download_requests=download_requests,
        most_in_flight=most_in_flight,
        backfill=backfill,
        download=download,
        bookkeeping=bookkeeping,
    )


def _questions(first: date, last: date) -> list[tuple[str, str]]:
    """The paths and days that GitHub may have a report for."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    scopes = [Scope.parse(scope) for scope in SCOPES]
    reports = [report for report in REPORTS if report.name in ASKED]
    return [
        (report.path(scope), day.isoformat())
        for report in reports
        for day in days
        for scope in scopes
        if day >= report.first_days[scope.kind]
    ]


def table_backfill(measured: Iterable[Backfill]) -> Table:
    """A row for each backfill."""
    table = Table(
        title=f"Backfill of {len(ASKED)} reports of {len(SCOPES)} scopes, seconds\n"
        "limit = download the files + Dagster's bookkeeping; target 1.3",
        title_justify="left",
    )
    columns = ("days", "latency", "requests", "in flight", "backfill", "download", "bookkeeping", "of the limit", "MB")
    for column in (*columns, "a run a day"):
        table.add_column(column, justify="right")
    for one in measured:
        table.add_row(
            f"{one.days}",
            f"{one.latency * 1000:.0f} ms",
            f"{one.requests:,} : {one.download_requests:,}",
            f"{one.most_in_flight}",
            f"{one.backfill.seconds:.1f}",
            f"{one.download.seconds:.1f}",
            f"{one.bookkeeping.seconds:.1f}",
            f"{one.ratio}",
            f"{one.backfill.megabytes:.0f}",
            f"{one.run_a_day.seconds:,.0f} ({one.run_a_day.over(one.backfill).seconds:.0f} x)" if one.run_a_day else "",
        )
    return table


def broken_backfill(measured: Iterable[Backfill]) -> list[str]:
    """A sentence for each figure that no machine excuses."""
    sentences = []
    for one in measured:
        name = f"A backfill of {one.days} days"
        if one.ratio.least > BROKEN:
            sentences.append(f"{name} takes {one.ratio} times its limit; more than {BROKEN} is broken.")
        if one.requests > one.download_requests + 1:  # one asks for the time, and costs none of the hour's
            sentences.append(f"{name} made {one.requests} requests where {one.download_requests} bring the files.")
        if one.most_in_flight > IN_FLIGHT:
            sentences.append(f"{name} had {one.most_in_flight} requests in flight; {IN_FLIGHT} are allowed.")
    return sentences
