"""Every endpoint of GitHub's that tells something about Copilot, and where its answer is kept, as a page of docs/.

The page is made from the catalogue (`copilot-assets endpoints`, `make docs`); what is left out on purpose stands here
with its reason, because nothing else in the project knows of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from copilot_assets.flat.tables import tables_of
from copilot_assets.github.reports import REPORTS, Delivery, Report

_SAME_ROWS: Final = (
    "The records of `users-1-day` once more for the newest 28 days. Those days are asked for one by one and kept, "
    "and unlike this report they can be asked for again."
)
_ONE_SEAT: Final = "One entry of the list of seats, which is taken whole."
_CHANGES_SEATS: Final = "Gives or takes seats. This project changes nothing at GitHub."
_WHOLE_BILL: Final = (
    "The bill of all GitHub products. Copilot's part of it is in the two usage reports above, by model and day."
)
_CSV: Final = "Orders a CSV file of the bill. It holds what the usage reports above answer at once."
_OWN_BILL: Final = "The bill of a person who pays for Copilot alone, outside any organisation."
_G0: Final = (
    "The oldest API, closed on 2025-03-01; GitHub answers 404. Its numbers mean something else (no engaged users), "
    "and archives of it are refused by name."
)

# What GitHub offers or offered and this project does not ask for, and why not.
LEFT_OUT: Final[dict[str, str]] = {
    "GET /enterprises/{enterprise}/copilot/metrics/reports/users-28-day/latest": _SAME_ROWS,
    "GET /orgs/{org}/copilot/metrics/reports/users-28-day/latest": _SAME_ROWS,
    "GET /enterprises/{enterprise}/copilot/usage-records": (
        "Prompts and answers of people, word by word. No number about adoption needs them, so they are never asked for."
    ),
    "GET /enterprises/{enterprise}/copilot/usage": _G0,
    "GET /enterprises/{enterprise}/team/{team_slug}/copilot/usage": _G0,
    "GET /orgs/{org}/copilot/usage": _G0,
    "GET /orgs/{org}/team/{team_slug}/copilot/usage": _G0,
    "GET /orgs/{org}/members/{username}/copilot": _ONE_SEAT,
    "GET /enterprises/{enterprise}/members/{username}/copilot": _ONE_SEAT,
    "POST, DELETE /orgs/{org}/copilot/billing/selected_teams": _CHANGES_SEATS,
    "POST, DELETE /orgs/{org}/copilot/billing/selected_users": _CHANGES_SEATS,
    "POST, DELETE /enterprises/{enterprise}/copilot/billing/selected_users": _CHANGES_SEATS,
    "POST, DELETE /enterprises/{enterprise}/copilot/billing/selected_enterprise_teams": _CHANGES_SEATS,
    "GET /enterprises/{enterprise}/settings/billing/usage": _WHOLE_BILL,
    "GET /enterprises/{enterprise}/settings/billing/usage/summary": _WHOLE_BILL,
    "GET /organizations/{org}/settings/billing/usage": _WHOLE_BILL,
    "GET /organizations/{org}/settings/billing/usage/summary": _WHOLE_BILL,
    "POST, GET /enterprises/{enterprise}/settings/billing/reports": _CSV,
    "GET /enterprises/{enterprise}/settings/billing/reports/{report_id}": _CSV,
    "GET /users/{username}/settings/billing/ai_credit/usage": _OWN_BILL,
    "GET /users/{username}/settings/billing/premium_request/usage": _OWN_BILL,
    "GET /users/{username}/settings/billing/usage": _OWN_BILL,
    "GET /users/{username}/settings/billing/usage/summary": _OWN_BILL,
}
_ACCOUNTS: Final = {"/orgs": "{org}", "/organizations": "{org}", "/enterprises": "{enterprise}"}


def kept_endpoints() -> dict[str, Report]:
    """Every endpoint that the catalogue asks, in GitHub's spelling, and its report."""
    return {f"GET {_spelled(path)}": report for report in REPORTS for path in report.paths.values()}


def markdown() -> str:
    """The page: endpoints with the assets that hold their answers, then those left out with the reason."""
    return "\n".join(_lines()) + "\n"


def _spelled(path: str) -> str:
    account = next(name for root, name in _ACCOUNTS.items() if path.startswith(f"{root}/"))
    return path.replace("{account}", account).replace("{team}", "{team_slug}")


def _lines() -> Iterator[str]:
    yield "# GitHub's Copilot endpoints, and where their answers are"
    yield ""
    yield "Made from the catalogue in `copilot_assets/github/reports.py` by `make docs`; do not edit it by hand."
    yield ""
    yield "| endpoint | asset and view | one record is | taken | flat tables |"
    yield "|---|---|---|---|---|"
    for report, endpoints in groupby(kept_endpoints().items(), itemgetter(1)):
        tables = ", ".join(f"`flat.{table.name}`" for table in tables_of(report.record))
        yield f"| {_cell(endpoints)} | `raw.{report.table}` | {report.grain} | {_when(report)} | {tables} |"
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
    return "by day"
