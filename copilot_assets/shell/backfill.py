"""`copilot-assets backfill`: fetches a range of days and rebuilds everything from them, with a progress bar.

The run itself is `runs.py`, what is printed after it `summary.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from copilot_assets.now import today_utc
from copilot_assets.settings import Settings, SettingsError
from copilot_assets.shell.arguments import DAY
from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.progress import progress
from copilot_assets.shell.screen import answer, out, refuse, say, tell_problems, usage_errors

if TYPE_CHECKING:
    from copilot_assets.orchestration.installation import Installation


@click.command(cls=Interruptible)
@click.option("--start", "first", type=DAY, help="First UTC day, YYYY-MM-DD; by default COPILOT_START_DATE.")
@click.option("--end", "last", type=DAY, help="Last UTC day, included; by default yesterday, the last that closed.")
def backfill(first: date | None, last: date | None) -> None:
    """Fetch a range of days and rebuild everything from them, in this process.

    The same run that the schedule launches; it appears in the Dagster UI. Days that fail are named and can be run
    again; the others stay. Settings come from the environment and .env.

    \b
    Example:
      copilot-assets backfill
      copilot-assets backfill --start 2026-09-01 --end 2026-09-30
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.settings import export_format

    installation = Installation()
    with usage_errors():
        settings = installation.settings()
        first, last = first or settings.start_date, last or yesterday()
        _check_range(first, last, settings)
        # What only the tables need is said before hours of fetching, too.
        installation.inputs()
        export_format()
    sys.exit(0 if run_and_tell(installation, settings, first, last) else 1)


def run_and_tell(installation: Installation, settings: Settings, first: date, last: date) -> bool:
    """Run a range with a progress bar, then print what it left; whether every step succeeded."""
    from copilot_assets.orchestration.installation import asked_reports
    from copilot_assets.shell.runs import alone, open_instance, run_range
    from copilot_assets.shell.summary import tables
    from copilot_assets.warehouse.store import WarehouseError

    warehouse = installation.warehouse()
    days = [first + timedelta(days=age) for age in range((last - first).days + 1)]
    total = sum(1 if report.is_snapshot else len(days) for report in asked_reports(settings))
    with alone(warehouse, "backfill"):
        try:
            warehouse.maintain()  # a store that can't be opened is said before GitHub is asked for anything
        except WarehouseError as problem:
            refuse(problem)
        instance = open_instance()
        answer(f"Fetching {len(days)} days, {first} to {last}, for {', '.join(map(str, settings.scopes))}.")
        if sentence := _forecast(installation, settings, days):
            say(sentence)
        with progress(total) as on_day:
            result = run_range(installation, first, last, instance=instance, on_day=on_day)
        tell_problems(result.problems)
        try:
            with warehouse.connect() as connection:
                summary = list(tables(connection, result.checks))
        except WarehouseError as problem:
            refuse(f"{problem} The run has ended, and what landed stays.", code=1)
    for table in summary:
        out.print(table)
    answer("The rest is told in the Dagster UI (dagster dev), under run " + ", ".join(result.run_ids) + ".")
    if (report := installation.report_folder()) and (report / "index.html").is_file():
        answer(f"The weekly report: {report / 'index.html'}")
    return result.is_success


def _forecast(installation: Installation, settings: Settings, days: Sequence[date]) -> str | None:
    """How long GitHub's limits make a long range last, in a sentence; None of a short one."""
    import asyncio
    from contextlib import suppress

    from copilot_assets.github.auth import auth_for
    from copilot_assets.github.budget import MANY, forecast, requests_of
    from copilot_assets.github.client import GitHubClient
    from copilot_assets.github.clock import ClockError
    from copilot_assets.github.credentials import App
    from copilot_assets.orchestration.installation import asked_reports

    requests = requests_of(asked_reports(settings), settings.scopes, days, installation.today())
    if requests < MANY:
        return None
    client = GitHubClient(settings.api_url, auth_for(settings.credentials), clock=installation.clock)

    async def ask() -> None:
        async with client:
            with suppress(ClockError):  # the run says so
                await client.ask_the_time()

    # An App has a limit for each of its installations, which no answer to the App itself tells.
    if not isinstance(settings.credentials, App):
        asyncio.run(ask())
    return forecast(requests, client.connection, installation.clock.now())


def _check_range(first: date, last: date, settings: Settings) -> None:
    newest = yesterday()
    if first > last:
        raise SettingsError(f"--start {first} is after --end {last}. Exchange them.")
    if last > newest:
        raise SettingsError(f"--end {last} has not closed in UTC yet. The last day there can be is {newest}.")
    if first < settings.start_date:
        raise SettingsError(
            f"--start {first} is before COPILOT_START_DATE, {settings.start_date}, where the history begins. "
            "Begin later, or set COPILOT_START_DATE to an earlier day."
        )


def yesterday() -> date:
    """The last UTC day that closed."""
    return today_utc() - timedelta(days=1)
