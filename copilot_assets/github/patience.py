"""Patience: how long an answer is waited for, what is said meanwhile, and who is given up for this run.

Deadlines and their sentences belong here. How a request is made and asked again is `transport.py`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from copilot_assets.now import now_utc

logger = logging.getLogger(__name__)

# GitHub ends a request of its API after 10 seconds (Docs, "Troubleshooting the REST API", 2026-11): this is for one
# with all its retries, not counting the waits that GitHub itself asks for.
REQUEST_SECONDS: Final = 120.0
# A file with all its retries: 300 MB at 330 kB a second.
FILE_SECONDS: Final = 900.0
# After so long without an answer it is said what is waited for.
SILENCE_SECONDS: Final = 15.0
# Failures in a row, each with all its retries, after which nothing more is expected in this run.
FEW: Final = 3


class DeadlineError(Exception):
    """No whole answer came in time. The message says from whom and in how long."""


class GivenUpError(Exception):
    """Nothing was asked any more, for the first few requests have failed. The message says whose."""


class Patience:
    """What is waited for in one run, and who is given up in it: shared by all its reports."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._said_until = datetime.min.replace(tzinfo=UTC)

    @asynccontextmanager
    async def hearing(self, host: str, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """What is done inside is a request to a host, with all its retries, and ends in so many seconds.

        Raises:
            GivenUpError: the host gave no answer to the first few, or to the last few, of this run.
            DeadlineError: it was cut off.
        """
        import httpx

        self.check(host)
        try:
            async with self._deadline(host, seconds) as deadline:
                yield deadline
        except (DeadlineError, httpx.TransportError):
            self.note(host, failed=True)
            raise
        except Exception:
            self.note(host, failed=False)  # it was no good answer, but an answer
            raise
        self.note(host, failed=False)

    @asynccontextmanager
    async def _deadline(self, host: str, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds) as deadline:
                saying = loop.call_later(min(SILENCE_SECONDS, seconds / 2), self._say_waiting, host, deadline)
                try:
                    yield deadline
                finally:
                    saying.cancel()
        except TimeoutError:
            raise DeadlineError(
                f"{host} gave no whole answer within {_told(seconds)}, with all retries. Check the network and run "
                "this again later."
            ) from None

    def _say_waiting(self, host: str, deadline: asyncio.Timeout) -> None:
        when = deadline.when()
        if when is not None:
            self.say(f"Waiting for {host}, which has not answered yet", when - asyncio.get_running_loop().time())

    def say(self, what: str, seconds: float) -> None:
        """Say what is waited for and until when; once of waits that end at about the same time."""
        until = now_utc() + timedelta(seconds=seconds)
        if until > self._said_until + timedelta(seconds=SILENCE_SECONDS):
            self._said_until = until
            logger.warning("%s: until %s UTC at the latest, in %s.", what, f"{until:%H:%M:%S}", _told(seconds))

    def note(self, whom: str, *, failed: bool) -> None:
        """Count how often in a row somebody gave nothing, with all retries."""
        if not failed:
            self._failures[whom] = 0
            return
        self._failures[whom] += 1
        if self._failures[whom] == FEW:
            logger.warning("%s", _given_up(whom))

    def check(self, whom: str) -> None:
        """Go on only while something is still expected.

        Raises:
            GivenUpError: nothing is.
        """
        if self._failures[whom] >= FEW:
            raise GivenUpError(_given_up(whom))


def _given_up(whom: str) -> str:
    return (
        f"{whom} gave nothing {FEW} times in a row, each with all retries, so it is given up for this run. Run this "
        "again later; what failed before says why."
    )


def _told(seconds: float) -> str:
    """A span as people say it."""
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:,.1f} hours"
    return f"{seconds / 60:,.0f} minutes" if seconds >= 2 * 60 else f"{seconds:,.0f} seconds"
