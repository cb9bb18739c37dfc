"""Jobs: what one worker asks for at a time, a day of a scope or, of orders and the closed metrics API, a span of days.

How a job is carried out is in `client.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from copilot_assets.github.reports import Delivery, Report
from copilot_assets.github.scopes import Scope

LEGACY_DAYS_PER_PAGE: Final = 100
# Days from the first to the last of a span; a usage report is ordered for 31 at most (GitHub Docs, 2026-11).
DAYS_PER_JOB: Final = {Delivery.DAYS: LEGACY_DAYS_PER_PAGE, Delivery.ORDERS: 31}
# What one worker does at a time: a scope, and one day or a span of days of it.
Job = tuple[Scope, list[date]]


def span_of(first: date, last: date, page: int) -> dict[str, str]:
    """The parameters that ask the legacy API for a page of days."""
    return {
        "since": f"{first}T00:00:00Z",
        "until": f"{last}T23:59:59Z",
        "page": str(page),
        "per_page": str(LEGACY_DAYS_PER_PAGE),
    }


def wanted_of(report: Report, scopes: Iterable[Scope], days: Iterable[date], today: date) -> dict[date, list[Scope]]:
    """Whom a report is asked about, by day: nobody of a day that has not closed, or on which there was none yet."""
    covered = [scope for scope in scopes if report.covers(scope)]
    return {
        day: [scope for scope in covered if day >= report.first_days.get(scope.kind, date.min)]
        if day < today or report.is_snapshot
        else []
        for day in days
    }


def jobs_of(report: Report, wanted: dict[date, list[Scope]]) -> Iterator[Job]:
    """What one request sequence gets: a day of a scope, or a span of days. An iterator that workers share."""
    if report.delivery not in DAYS_PER_JOB:
        return iter([(scope, [day]) for day, scopes in wanted.items() for scope in scopes])
    spans: list[Job] = []
    for scope in sorted({scope for scopes in wanted.values() for scope in scopes}):
        days = sorted(day for day, scopes in wanted.items() if scope in scopes)
        span: list[date] = []
        for day in days:
            if span and day - span[0] >= timedelta(days=DAYS_PER_JOB[report.delivery]):
                spans.append((scope, span))
                span = []
            span.append(day)
        spans.append((scope, span))
    return iter(spans)
