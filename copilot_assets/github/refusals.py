"""When to stop asking about a scope that GitHub refuses a report of.

How many refusals in a row it takes, and what is asked anew before the rest is given up, is here; whether an answer is
a refusal is in `outcomes.py`, and what is asked at all in `client.py`. Nothing is sent from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from copilot_assets.github.outcomes import Outcome, Verdict

# So many days in a row are refused before the newest one is asked anew. GitHub refuses single days too: those on which
# a policy was off, or somebody lacked the role.
DAYS_IN_A_ROW: Final = 3


class Refusals:
    """The refusals of one report of one scope, in the order in which they came.

    After so many in a row the newest day is asked anew. Refused as well, it speaks for the rest, which is given up;
    otherwise the days after are asked one by one, and the next look comes after twice as many: that is a handful of
    further requests, however many days there are.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._patience = DAYS_IN_A_ROW
        self._verdict: Verdict | None = None
        self._looking = asyncio.Lock()

    async def verdict(self) -> Verdict | None:
        """What holds for the days that are left; None while they are to be asked for. Waits for a look under way."""
        async with self._looking:
            return self._verdict

    def answered(self) -> None:
        """GitHub answered about a day, were it that there is no report."""
        self._in_a_row = 0

    async def refused(self, verdict: Verdict, ask_newest: Callable[[], Awaitable[Outcome]]) -> None:
        """GitHub refused a day; `ask_newest` asks for the newest one and says what came of it."""
        async with self._looking:
            self._in_a_row += 1
            if self._verdict is None and self._in_a_row >= self._patience:
                if (await ask_newest()).is_refusal:
                    self._verdict = verdict
                self._patience *= 2
