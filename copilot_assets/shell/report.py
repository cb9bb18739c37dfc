"""`copilot-assets report`: writes the weekly report and says where it is.

What is in it is decided in `report/`.
"""

from __future__ import annotations

import webbrowser
from datetime import date, timedelta

import click

from copilot_assets.github.scopes import Scope
from copilot_assets.shell.arguments import DAY, SCOPE
from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import answer, refuse, usage_errors


@click.command(cls=Interruptible)
@click.option("--scope", type=SCOPE, help="Say where this scope's page is, instead of the list of all scopes.")
@click.option("--week", type=DAY, help="As of an earlier week: any day of it. Goes to a folder of its own.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser too.")
def report(scope: Scope | None, week: date | None, opens: bool) -> None:
    """Write the weekly report from the tables that are there, and print the path of its page.

    A page a scope: the newest closed week in five sentences and ten charts, in one HTML file that needs no other, to
    be read, printed or forwarded. Every run writes it too, to the folder `report` beside the database or to
    COPILOT_REPORT. Reads the database alone: needs no token, asks nobody.

    \b
    Example:
      copilot-assets report --open
      copilot-assets report --scope org:octo-org --week 2026-09-14
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.report.folders import NotWrittenError
    from copilot_assets.report.queries import ALWAYS
    from copilot_assets.report.weekly import write_report
    from copilot_assets.warehouse.store import WarehouseError

    monday = week - timedelta(days=week.weekday()) if week else None
    try:
        with usage_errors():
            installation = Installation()
            folder = installation.report_folder() or installation.warehouse().folder() / "report"
            folder = folder.with_name(f"{folder.name}-{monday:%G-W%V}") if monday else folder
            written = write_report(installation.warehouse().read(), folder, monday or ALWAYS)
    except NotWrittenError as problem:
        refuse(problem, code=1)
    except WarehouseError as problem:
        refuse(problem)
    if scope and str(scope) not in written.pages:
        known = ", ".join(written.pages) or "none"
        refuse(f"The tables tell nothing of {scope}. Scopes that have a page: {known}.", code=1)
    page = written.pages[str(scope)] if scope else written.index
    answer(str(page))
    if opens:
        webbrowser.open(page.as_uri())
