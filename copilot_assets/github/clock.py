"""GitHub's clock: this machine's, set right by the `Date` header of GitHub's answers.

Here belong how far the two are apart, and what is said and refused because of it. What is asked when is `client.py`'s.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from copilot_assets.now import now_utc

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

# An App's assertion is refused when the clock is a minute ahead, and "yesterday" is another day across midnight.
CLOCK_SKEW_SECONDS: Final = 60
# Beyond it, nobody could say which days a run was about.
LARGEST_CLOCK_SKEW_SECONDS: Final = 24 * 3600


class ClockError(Exception):
    """This machine's clock is more than a day away from GitHub's. The message says by how much and what to do."""


class Clock:
    """The time in UTC: `now`, this machine's, set right as soon as an answer of GitHub's has told the difference.

    Attributes:
        skew_seconds: how far this machine's clock is ahead of GitHub's; None before the first answer.
    """

    def __init__(self, now: Callable[[], datetime] = now_utc) -> None:
        self._now = now
        self.skew_seconds: float | None = None

    async def note(self, response: httpx.Response) -> None:
        """Read the `Date` of an answer; one out of a proxy's cache has an `Age`, and the date is of another time."""
        if "age" in response.headers:
            return
        is_news = self.skew_seconds is None
        with suppress(ValueError, TypeError, OverflowError):
            there = parsedate_to_datetime(response.headers.get("date", ""))
            self.skew_seconds = (now_utc() - there).total_seconds()
        if is_news and (sentence := self.sentence()):
            logger.warning("%s", sentence)

    def now(self) -> datetime:
        """The time at GitHub; this machine's while the two agree, or GitHub has not been heard yet."""
        return self._now() - timedelta(seconds=self._skew)

    def today(self) -> date:
        """The current UTC day at GitHub: the first day that has not closed."""
        return self.now().date()

    def sentence(self) -> str | None:
        """What is to be said of a clock that is wrong; None while the two agree, or GitHub has not been heard yet."""
        skew = self._skew
        if not skew:
            return None
        return (
            f"This machine's clock is {_told(abs(skew))} {'ahead of' if skew > 0 else 'behind'} GitHub's. Set it by "
            "the network (NTP): a GitHub App is refused otherwise, and days begin at the wrong time."
        )

    @property
    def is_beyond_belief(self) -> bool:
        """Whether it is more than a day away from GitHub's."""
        return abs(self._skew) > LARGEST_CLOCK_SKEW_SECONDS

    def check(self) -> None:
        """Go on only while the clock is believable.

        Raises:
            ClockError: it is more than a day away from GitHub's.
        """
        if self.is_beyond_belief:
            raise ClockError(f"{self.sentence()} With more than a day between them nothing is fetched.")

    @property
    def _skew(self) -> float:
        """Seconds, 0 while the two agree: an answer's way here takes its time too."""
        skew = self.skew_seconds or 0.0
        return skew if abs(skew) > CLOCK_SKEW_SECONDS else 0.0


def _told(seconds: float) -> str:
    """A span as people say it, in the largest unit of which there are two at least."""
    for unit, size in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"
