"""The budget: how many requests a range of days takes, and how long GitHub's limits make that last.

What is asked for is counted as `client.py` asks for it; waiting for a limit that is used up is `transport.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

from copilot_assets.github.jobs import jobs_of, wanted_of
from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope

if TYPE_CHECKING:
    from copilot_assets.github.transport import Connection

# From so many on it is said before what they take: below it is a minute.
MANY: Final = 500
# Docs, "Rate limits for the REST API" (2026-11): a user's requests in an hour, and 900 points a minute, a GET is one.
HOURLY_REQUESTS: Final = 5_000
REQUESTS_PER_MINUTE: Final = 900


def requests_of(reports: Iterable[Report], scopes: Sequence[Scope], days: Sequence[date], today: date) -> int:
    """How many requests to GitHub's API the days take at least; report files, which are elsewhere, are not counted.

    A list of seats takes one more for each hundred of them after the first.
    """
    return sum(
        len(list(jobs_of(report, wanted_of(report, scopes, [today] if report.is_snapshot else days, today))))
        for report in reports
    )


def forecast(requests: int, connection: Connection, now: datetime) -> str:
    """A sentence: how many requests it takes, how many are left in this hour, and so how long it lasts at least.

    Args:
        requests: as of `requests_of`.
        connection: what an answer told of the limit; where none told, GitHub's own rule is taken.
        now: the time, UTC.
    """
    limit = connection.rate_limit or HOURLY_REQUESTS
    left, until = connection.rate_limit_left, connection.rate_limit_until
    if left is None or until is None:
        left, until = limit, now + timedelta(hours=1)
        told = f"GitHub lets {limit:,} an hour through"
    else:
        told = f"GitHub lets {left:,} more through until {until:%H:%M} UTC, then {limit:,} an hour"
    later = requests - left
    if later <= 0:
        minutes = ceil(requests / REQUESTS_PER_MINUTE)
        span = f"{minutes} minutes" if minutes > 1 else "a minute"
        return f"That is {requests:,} requests at least; {told}: it takes {span} at best."
    hours = ceil(later / max(limit, 1)) - 1
    ends = until + timedelta(hours=hours, minutes=(later - hours * limit) / REQUESTS_PER_MINUTE)
    return (
        f"That is {requests:,} requests at least; {told}: it will wait for the limit, and be done at "
        f"{ends:%Y-%m-%d %H:%M} UTC at best. Interrupted, it keeps what has landed; run it again."
    )
