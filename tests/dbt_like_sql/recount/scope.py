"""What a recount knows of a scope: its days, its weeks, who was active; plain Python from GitHub's JSON.

It shares no code with the SQL, is written from the column docs alone, and to be read, not to be fast.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from tests.dbt_like_sql.recount.history import (
    BILL,
    COUNTERS,
    ENTITY,
    FLAGS,
    HOLES,
    LINES,
    TEAMS,
    TODAY,
    USERS,
    History,
    days,
)

Row = dict[str, Any]
PROMPTS, OUTPUTS, ACCEPTED, SUGGESTED, ADDED, DELETED = COUNTERS
LAG_DAYS = 3
# A usage report that is ordered is final a full day after the day.
OF_LINES = 1
# GitHub changed something on that day: of the scope's and of people's reports.
BREAK = date(2026, 10, 6)
NAMES = {
    "VisualStudio": "visualstudio",
    "c#": "csharp",
    "claude-4.5-sonnet": "claude-sonnet-4.5",
    "gpt-5.0": "gpt-5",
    "Claude Sonnet 4.5": "claude-sonnet-4.5",
    "Auto: Claude Sonnet 4.5": "claude-sonnet-4.5",
    "GPT-5": "gpt-5",
    "Grok 9": "grok-9",
}


def monday(day: date) -> date:
    return day - timedelta(day.weekday())


def weeks() -> list[date]:
    return sorted({monday(day) for day in days()})


def of_week(week: date) -> list[date]:
    return [day for day in days() if monday(day) == week]


def total(values: Iterable[Any]) -> Any:
    """The sum of what is known; unknown where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def ratio(one: Any, other: Any) -> float | None:
    return None if one is None or not other else float(one) / float(other)


def rate(one: Any, other: Any) -> float | None:
    """A share of what was told, never more than all of it."""
    share = ratio(one, other)
    return None if share is None else min(share, 1.0)


def is_of_ones_own(row: Row) -> bool:
    """Whether the person did something, and was not there for a passive review alone."""
    return any(row[name] for name in (*FLAGS, *COUNTERS)) or not row["used_copilot_code_review_passive"]


class Scope:
    """One scope of a history; fewer than `few` people are not told of."""

    def __init__(self, history: History, scope: str, few: int) -> None:
        self.scope = scope
        self.few = few
        self.history = history
        self.entity = {day: rows[0] for day, rows in history.of(scope, ENTITY).items()}
        self.users = history.of(scope, USERS)
        self.teams = history.of(scope, TEAMS)
        self.bills, self.lines = history.of(scope, BILL), history.of(scope, LINES)
        self.has_teams = bool(self.teams)

    # --- coverage ----------------------------------------------------------------------------------------------------

    def came(self, report: str) -> dict[date, list[Row]]:
        came = {ENTITY: self.entity, USERS: self.users, TEAMS: self.teams, BILL: self.bills, LINES: self.lines}
        return came[report]  # type: ignore[return-value]

    def coverage(self, week: date, report: str) -> Row:
        """The five counts of days, and whether the week is closed."""
        came, expected = self.came(report), of_week(week)
        missing = [day for day in expected if day not in came]
        pending = [day for day in missing if day >= TODAY - timedelta(self.lag(report))]
        return {
            "days_expected": len(expected),
            "days_reported": len(expected) - len(missing),
            "days_pending": len(pending),
            "days_below_threshold": 0,
            "days_missing": len(missing) - len(pending),
            "is_closed": self.is_closed(week, report),
        }

    def lag(self, report: str) -> int:
        """Full days after which a day is final."""
        return OF_LINES if report == LINES else LAG_DAYS

    def is_closed(self, week: date, report: str) -> bool:
        """Over, past the time of revisions, and each day asked for since: today all were, but those never asked for."""
        asked = not any(HOLES.get((self.scope, report), {}).get(day, "asked") is None for day in of_week(week))
        over = week + timedelta(6 + self.lag(report)) < TODAY
        return asked and over and (report not in (ENTITY, TEAMS) or self.is_closed(week, USERS))

    def compared(self, week: date, report: str, whose: str | None = None) -> list[int] | None:
        """The weekdays that this week and the one before both reported; of whole closed weeks of `whose`."""
        before, closer = week - timedelta(7), whose or report
        if any(len(of_week(w)) < 7 or not self.is_closed(w, closer) for w in (before, week)):
            return None
        came = self.came(report)
        return [n for n in range(7) if week + timedelta(n) in came and before + timedelta(n) in came]

    def user_days(self, week: date) -> int:
        return sum(day in self.users for day in of_week(week))

    def user_days_before(self, week: date) -> int:
        return sum(week - timedelta(n) in self.users for n in range(1, 29))

    def has_break(self, week: date) -> bool:
        return monday(BREAK) == week

    def active(self, week: date, weekdays: Iterable[int] = range(7)) -> set[int]:
        """Distinct people with a row on some weekdays of a week."""
        on = [week + timedelta(n) for n in weekdays]
        return {row["user_id"] for day in on for row in self.users.get(day, [])}

    def engaged(self, week: date) -> set[int]:
        """Of these, people with an action of their own on a day."""
        return {row["user_id"] for day in of_week(week) for row in self.users.get(day, []) if is_of_ones_own(row)}

    def first_week(self, person: int) -> date:
        return min(monday(day) for day, rows in self.users.items() if any(row["user_id"] == person for row in rows))
