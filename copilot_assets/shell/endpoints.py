"""`copilot-assets endpoints`: GitHub's Copilot endpoints and where their answers are kept, as a page of docs/.

Which endpoints there are is in `github/reports.py` and `github/endpoints.py`; `make docs` writes the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import click

from copilot_assets.flat.tables import tables_of
from copilot_assets.github.endpoints import LEFT_OUT, kept_endpoints
from copilot_assets.github.reports import REPORTS, Delivery, Report


@click.command()
def endpoints() -> None:
    """Print every Copilot endpoint of GitHub's and the table that holds its answers, as Markdown.

    \b
    Example:
      copilot-assets endpoints > docs/endpoints.md
    """
    click.echo(markdown(), nl=False)


def markdown() -> str:
    """The page: endpoints with the assets that hold their answers, then those left out with the reason."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# GitHub's Copilot endpoints, and where their answers are"
    yield ""
    yield "Made from the catalogue in `copilot_assets/github/reports.py` by `make docs`; do not edit it by hand."
    yield ""
    yield "| endpoint | asset and view | one record is | taken | flat tables |"
    yield "|---|---|---|---|---|"
    for report, endpoints in groupby(kept_endpoints().items(), itemgetter(1)):
        tables = ", ".join(f"`flat.{table.name}`" for table in tables_of(report.record))
        views = ", ".join(f"`raw.{each.table}`" for each in REPORTS if each.paths == report.paths)
        yield f"| {_cell(endpoints)} | {views} | {report.grain} | {_when(report)} | {tables} |"
    yield ""
    yield (
        "A report that a token may not read, or that nobody needs, is left out with "
        "`COPILOT_SKIP_REPORTS` (its name with hyphens, for example `ai-credit-usage`)."
    )
    yield ""
    yield "## Left out on purpose"
    yield ""
    yield "| endpoint | why |"
    yield "|---|---|"
    for reason, left_out in groupby(LEFT_OUT.items(), itemgetter(1)):
        yield f"| {_cell(left_out)} | {reason} |"
    yield ""
    yield (
        "Credits of single people are in `flat.user_daily.ai_credits_used`, from the `users-1-day` report. The billing "
        "endpoints tell a person's part only when asked for that person, which would be a request per person and day."
    )


def _cell(endpoints: Iterable[tuple[str, Any]]) -> str:
    return "<br>".join(f"`{endpoint}`" for endpoint, _ in endpoints)


def _when(report: Report) -> str:
    if report.is_snapshot:
        return "a snapshot a run"
    if report.delivery is Delivery.DAYS:
        return "by day, while a server offers it (`COPILOT_LEGACY_API=on`), and from archives"
    if report.delivery is Delivery.ORDERS:
        return "31 days an order, one at a time, with `COPILOT_BILL_REPORTS=on`; and from files that people export"
    return "by day"
