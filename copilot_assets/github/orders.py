"""Ordering a usage report: GitHub writes it as a file after a while, one at a time for an account.

What is asked and how long it is waited for belongs here; what is in the file is read in `bill_files.py`. An order that
GitHub has taken before, were it in a run that was killed, is found again and not made twice.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec
import stamina

from copilot_assets.github.answers import decoded
from copilot_assets.github.outcomes import Outcome, Verdict
from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope
from copilot_assets.github.transport import EndedError, Transport

# A month of a large company takes GitHub minutes. Whoever waits longer finds the file with the next run.
_WAIT_SECONDS: Final = 30 * 60
_FIRST_LOOK_SECONDS: Final = 5
_LONGEST_PAUSE_SECONDS: Final = 60


class _Order(msgspec.Struct):
    """One order (OpenAPI: billing-usage-report-export)."""

    id: str
    report_type: str
    start_date: str
    status: str
    end_date: str | None = None
    download_urls: list[str] = []


class _Orders(msgspec.Struct):
    usage_report_exports: list[_Order]


# Made here, in one thread: see `files.py`.
_ONE: Final = msgspec.json.Decoder(_Order)
_ALL: Final = msgspec.json.Decoder(_Orders)


class _NotYetError(Exception):
    """The file is not written yet, or another one is before it."""


async def ordered_links(transport: Transport, report: Report, scope: Scope, first: date, last: date) -> list[str]:
    """The links to the files of a usage report of some days, 31 at most, ordered unless it was before.

    Raises:
        EndedError: GitHub refused the order, could not write the file, or was still writing when it was waited for
            longest; as of `Transport.ask` otherwise.
        BrokenFileError: GitHub answered something else than orders.
    """
    wish = {"report_type": str(report.order), "start_date": str(first), "end_date": str(last)}
    try:
        async for attempt in stamina.retry_context(
            on=_NotYetError,
            attempts=None,
            timeout=_WAIT_SECONDS,
            wait_initial=_FIRST_LOOK_SECONDS,
            wait_max=_LONGEST_PAUSE_SECONDS,
        ):
            with attempt:
                return await _look(transport, report, scope, wish)
    except _NotYetError:
        raise EndedError(
            Verdict(
                Outcome.FAILED,
                "GitHub is still writing the usage report, or another one before it. Run these days again later: the "
                "order is found again, and not made twice.",
            ),
            200,
        ) from None
    raise AssertionError("unreachable: the last attempt raises")


async def _look(transport: Transport, report: Report, scope: Scope, wish: dict[str, str]) -> list[str]:
    """The links if the file is there; otherwise it is ordered where it was not and nothing else is being written."""
    answer = await transport.ask(report, scope, {})
    orders = decoded(answer.content, _ALL, "a list of orders").usage_report_exports
    own = [order for order in orders if _is(order, wish)]
    done = next((order for order in own if order.status == "completed" and order.download_urls), None)
    if done:
        return done.download_urls
    if any(order.status == "processing" for order in orders):
        raise _NotYetError
    taken = decoded((await transport.ask(report, scope, {}, order=wish)).content, _ONE, "an order")
    if taken.status == "failed":
        raise EndedError(Verdict(Outcome.FAILED, "GitHub could not write the usage report. Run these days again."), 200)
    raise _NotYetError


def _is(order: _Order, wish: dict[str, str]) -> bool:
    return (order.report_type, order.start_date[:10], (order.end_date or "")[:10]) == tuple(wish.values())
