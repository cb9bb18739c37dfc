"""What has to be in a warehouse after any history, in a few lines of plain Python that know none of the product's.

What happens to the warehouse, and the comparison, are in `test_any_history.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from copilot_assets.github.scopes import Scope
from tests.conftest import TODAY, pseudonym

ORG, OTHER_ORG = Scope.parse("org:one"), Scope.parse("org:two")
# Of the first GitHub's three days for revisions have passed, of the other they have not. Few days are often revised.
DAYS = (date(2026, 9, 27), date(2026, 9, 28))
LAG = timedelta(days=3)
# Ids and logins that stand nowhere else.
PEOPLE = (770077001, 770077002, 770077003)
Key = tuple[Scope, date]
# Scope, day, person and lines of code.
FlatRow = tuple[str, date, int, int]
KEYS = [(scope, day) for scope in (ORG, OTHER_ORG) for day in DAYS]


@dataclass(frozen=True)
class Line:
    """A record of a person, who may go by two logins; it may break the contract, and without an id it does."""

    person: int
    login: str
    lines: int
    has_id: bool = True
    is_whole: bool = True

    def text(self, day: date) -> str:
        told: dict[str, Any] = {"day": str(day), "organization_id": "7", "user_login": self.login}
        if self.has_id:
            told["user_id"] = self.person
        return json.dumps(told | {"loc_added_sum": self.lines if self.is_whole else -1})

    @property
    def is_kept(self) -> bool:
        return self.has_id and self.is_whole


@dataclass(frozen=True)
class Attempt:
    """A line of the ledger: what was answered and when; of a report its whole records."""

    outcome: str
    asked: date
    lines: Sequence[Line] = ()
    is_archived: bool = False


@dataclass
class Model:
    """What has to be in the warehouse."""

    attempts: dict[Key, list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    broken: dict[Key, list[Line]] = field(default_factory=lambda: defaultdict(list))
    ids: set[int] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    # Of whom no text may stand anywhere: those of whom an id was known. Another may take a login of one without.
    gone: set[str] = field(default_factory=set)

    def without_forgotten(self, lines: Sequence[Line]) -> list[Line]:
        return [
            each
            for each in lines
            if not (each.person in self.ids if each.has_id else each.login.lower() in self.logins)
        ]

    def land(self, key: Key, attempt: Attempt, broken: Sequence[Line]) -> None:
        self.attempts[key].append(attempt)
        broken = self.without_forgotten(broken)
        if broken or attempt.outcome in ("reported", "no_report"):
            self.broken[key] = broken

    def answer(self, key: Key) -> Attempt | None:
        answers = [each for each in self.attempts[key] if each.outcome in ("reported", "no_report")]
        return answers[-1] if answers else None

    def records(self, key: Key) -> list[Line]:
        answer = self.answer(key)
        return self.without_forgotten(answer.lines) if answer else []

    def flat(self, key: Key) -> set[FlatRow]:
        last = {each.person: each.lines for each in self.records(key)}
        return {(str(key[0]), key[1], pseudonym(person), lines) for person, lines in last.items()}

    def there(self) -> list[Line]:
        return [each for key in KEYS for each in (*self.records(key), *self.broken[key])]

    def names(self) -> set[str]:
        """What somebody in the warehouse goes by: ids and logins."""
        return {name for each in self.there() for name in (each.login.lower(), *[str(each.person)] * each.has_id)}

    def forget(self, name: str) -> bool:
        """Whether anybody goes by the name."""
        there = self.there()
        ids = {each.person for each in there if each.has_id and name in (str(each.person), each.login.lower())}
        logins = {each.login.lower() for each in there if each.has_id and each.person in ids}
        logins |= {name} & {each.login.lower() for each in there}
        self.ids |= ids
        self.logins |= logins
        self.gone |= {str(person) for person in ids} | (logins if ids else set())
        self.broken = defaultdict(list, {key: self.without_forgotten(lines) for key, lines in self.broken.items()})
        return bool(ids or logins)

    def status(self, key: Key) -> str:
        """As docs/numbers.md says it of a report without a headline and a threshold."""
        _, day = key
        attempts, answer = self.attempts[key], self.answer(key)
        if answer and answer.outcome == "reported":
            return "provisional" if answer.asked <= day + LAG else "reported"
        last = attempts[-1] if attempts else None
        for each in attempts:  # once it was due, "no report" is not taken back by a failure or refusal
            if each.outcome == "reported":
                last = attempts[-1]
            elif each.outcome == "no_report" and each.asked > day + LAG:
                last = each
        if last and last.outcome in ("forbidden", "failed"):
            return last.outcome
        if day >= TODAY - LAG:
            return "pending"
        return "no_report" if last and last.asked > day + LAG else "not_requested"


def kept_and_broken(content: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Of a person the first record counts; another is broken, unless it says the same."""
    first: dict[int, Line] = {}
    kept, broken = [], []
    for line in content:
        is_kept = line.is_kept and first.setdefault(line.person, line) == line
        (kept if is_kept else broken).append(line)
    return kept, broken
