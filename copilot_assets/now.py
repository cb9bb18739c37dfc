"""This machine's clock, UTC: the one place that reads it, so that a test can set it.

What GitHub's clock says instead is `github/clock.py`'s; how long something takes is asked of `time.monotonic`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime


def _machine() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


def now_utc() -> datetime:
    """The current time, UTC."""
    return _machine()


def today_utc() -> date:
    """The current UTC day: the first day that is not closed yet."""
    return now_utc().date()
