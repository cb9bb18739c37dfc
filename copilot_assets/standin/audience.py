"""Who GitHub has seen: distinct people over a day, a week and 28 days, and how far late telemetry has come in.

Counting people belongs here, with bit sets (bit i is person i), because distinct counts never add up. Summing what
they did is `rows.py`.

A day is looked at with an *age*: how many days ago it was when GitHub was asked, from 1 (yesterday) to `FINAL`. A day
younger than that is not finished: some rows are missing and some counters are low, fewer every day.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from copilot_assets.standin import activity
from copilot_assets.standin.activity import Activity, mask_of, people_in
from copilot_assets.standin.chance import dice
from copilot_assets.standin.people import ORGANIZATIONS, Population

FINAL: Final = 4
_ROWS_MISSING: Final = (0, 32, 14, 6)  # of 256, by age
_COUNTERS_LOW: Final = (0, 96, 48, 20)  # of 256, by age; those whose row is missing included


class Phases(NamedTuple):
    """The four adoption phases as disjoint sets that together hold everybody."""

    no_cohort: int
    phase_1: int
    phase_2: int
    phase_3: int


class Audience:
    """Sets of people by (day, age); `age` is 1 to `FINAL`."""

    def __init__(self, population: Population, did: Activity, seed: int) -> None:
        self._population = population
        self._did = did
        self._seed = seed
        self._everybody = (1 << len(population.people)) - 1
        self._scopes = {scope: _mask_of_members(indices) for scope, indices in population.members.items()}
        self.missing = lru_cache(maxsize=64)(self._missing)
        self.ever = lru_cache(maxsize=16_384)(self._ever)
        self.phases = lru_cache(maxsize=1024)(self._phases)
        self.phase_numbers = lru_cache(maxsize=64)(self._phase_numbers)

    def scope(self, scope: str) -> int:
        """Everybody in an enterprise or organisation."""
        return self._scopes[scope]

    def seen(self, day: date, age: int, surface: int) -> int:
        """Those whose use of the surface that day has come in."""
        return self._did.mask(day, surface) & ~self.missing(day, age)

    def counters_low(self, day: date, age: int) -> int:
        """Those whose row is there, with only a part of its counts."""
        return self._late(day, _COUNTERS_LOW[age]) if age < FINAL else 0

    def _late(self, day: date, share: int) -> int:
        return mask_of(draw < share for draw in self._lateness(day)) if share else 0

    def _lateness(self, day: date) -> bytes:
        return dice(self._seed, day, "late").randbytes(len(self._population.people))

    def _missing(self, day: date, age: int) -> int:
        """Those whose row has not come in: never nobody, in an organisation of two or more active people."""
        if age >= FINAL:
            return 0
        missing = self._late(day, _ROWS_MISSING[age])
        lateness = self._lateness(day)
        present = self._did.mask(day, activity.PRESENT)
        for login in ORGANIZATIONS:
            active = people_in(present & self.scope(f"org:{login}"))
            if len(active) > 1:
                missing |= 1 << min(active, key=lambda i: (lateness[i], i))
        return missing

    def window(self, day: date, age: int, surface: int, days: int) -> list[int]:
        """The sets of the trailing days, the day itself first; earlier days are older and so more complete."""
        return [self.seen(day - timedelta(days=back), min(FINAL, age + back), surface) for back in range(days)]

    def _ever(self, day: date, age: int, surface: int, days: int) -> int:
        """Those seen at least once in the trailing days."""
        union = 0
        for seen in self.window(day, age, surface, days):
            union |= seen
        return union

    def often(self, day: date, age: int, surfaces: int) -> int:
        """Those seen on two or more of the trailing 28 days, on any of the surfaces."""
        once = twice = 0
        for seen in self.window(day, age, surfaces, 28):
            twice |= once & seen
            once |= seen
        return twice

    def _phases(self, day: date, age: int) -> Phases:
        """The adoption phase of everybody as of the day (GitHub's definition, 2026-05-29).

        Two qualifying days in 28 make a phase: 1 completions or agent edits, 2 one of cloud agent, code review and CLI,
        3 two of them or the Copilot app.
        """
        editor = self.often(day, age, activity.COMPLETION | activity.AGENT)
        cloud = self.often(day, age, activity.CLOUD_AGENT)
        review = self.often(day, age, activity.REVIEW_ACTIVE | activity.REVIEW_PASSIVE)
        cli = self.often(day, age, activity.CLI)
        phase_3 = (cloud & review) | (cloud & cli) | (review & cli) | self.often(day, age, activity.APP)
        phase_2 = (cloud | review | cli) & ~phase_3
        phase_1 = editor & ~phase_2 & ~phase_3
        return Phases(self._everybody & ~(phase_1 | phase_2 | phase_3), phase_1, phase_2, phase_3)

    def _phase_numbers(self, day: date, age: int) -> bytes:
        """The phase number of every person, 0 to 3."""
        numbers = bytearray(len(self._population.people))
        for number, phase in enumerate(self.phases(day, age)):
            for index in people_in(phase) if number else ():
                numbers[index] = number
        return bytes(numbers)


def _mask_of_members(indices: list[int]) -> int:
    digits = bytearray(b"0" * (indices[-1] + 1 if indices else 1))
    for index in indices:
        digits[index] = ord("1")
    return int(bytes(reversed(digits)), 2)
