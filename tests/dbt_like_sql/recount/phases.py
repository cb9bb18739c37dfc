"""Adoption phases of a scope, counted anew: GitHub's averages of a day's people, weighed by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction

from tests.dbt_like_sql.recount import masks
from tests.dbt_like_sql.recount.history import ENTITY, USERS
from tests.dbt_like_sql.recount.scope import (
    ACCEPTED,
    ADDED,
    OUTPUTS,
    PROMPTS,
    Row,
    Scope,
    is_of_ones_own,
    of_week,
    ratio,
    weeks,
)

# Of a column per day of activity: GitHub's average, and the number of a person's that puts them behind it, if any does.
PER_DAY = {
    "interactions": ("avg_user_initiated_interactions", PROMPTS),
    "generations": ("avg_code_generation_activities", OUTPUTS),
    "acceptances": ("avg_code_acceptance_activities", ACCEPTED),
    "loc_added": ("avg_loc_added", ADDED),
    "pull_requests_created": ("avg_pull_requests_created", None),
}


class Phases(Scope):
    """The adoption phases of one scope."""

    def adoption_phase_trend(self) -> Iterable[Row]:
        for week in weeks():
            of_days: dict[int, dict[date, Row]] = defaultdict(dict)
            for day in of_week(week):
                for each in self.entity.get(day, {}).get("totals_by_ai_adoption_phase", ()):
                    of_days[each["phase_number"]][day] = each
            for number, told in of_days.items():
                yield self._phase(week, number, told)

    def _phase(self, week: date, number: int, told: dict[date, Row]) -> Row:
        people = set().union(*self._by_weekday(week, number).values())
        hidden = len(people) < masks.fewest(self.few)
        days = sum(each["total_engaged_users"] for each in told.values())
        told_days = self._told(days, len(self._engaged(week, number)), hidden)
        both = self.compared(week, USERS, whose=ENTITY)
        is_compared = both is not None and len(both) >= 4 and bool(people)
        last = max(told)
        row: Row = {
            "scope": self.scope,
            "week_start": week,
            "phase_number": number,
            "phase": told[last]["phase"],
            **self.coverage(week, ENTITY),
            "user_days_reported": self.user_days(week),
            "series_break": self.has_break(week),
            "is_suppressed": hidden,
            "active_people": None if hidden else masks.people(len(people), self.few),
            "days_compared": len(both or []) if is_compared else None,
            "active_people_change": self._change(week, number, both) if is_compared else None,
            "last_day_reported": last,
            "users_in_phase_28d": None if hidden else masks.people(told[last]["users_in_phase_28d"], self.few),
            "days_active": told_days,
            "total_pull_requests_merged": self._told(
                sum(each["total_pull_requests_merged"] for each in told.values()), len(people), hidden
            ),
        }
        for name, (average, own) in PER_DAY.items():
            value = sum(Fraction(str(each[average])) * each["total_engaged_users"] for each in told.values())
            behind = len(people) if own is None else len(self._with_any(week, number, own))
            row[f"{name}_per_active_day"] = ratio(self._told(value, behind, hidden), told_days)
        return row

    def _told(self, value: int | Fraction, behind: int, hidden: bool) -> int | None:
        told = None if hidden else masks.amount(value, behind, self.few)
        return None if told is None else int(masks.to_nearest(told, 1))

    def _by_weekday(self, week: date, number: int) -> dict[int, set[int]]:
        return {
            day.weekday(): {r["user_id"] for r in self.users[day] if r["ai_adoption_phase"]["phase_number"] == number}
            for day in of_week(week)
            if day in self.users
        }

    def _engaged(self, week: date, number: int) -> set[int]:
        """Who did something in it; GitHub's numbers of active people of a phase are of these."""
        return {
            row["user_id"]
            for day in of_week(week)
            for row in self.users.get(day, [])
            if row["ai_adoption_phase"]["phase_number"] == number and is_of_ones_own(row)
        }

    def _with_any(self, week: date, number: int, name: str) -> set[int]:
        return {
            row["user_id"]
            for day in of_week(week)
            for row in self.users.get(day, [])
            if row["ai_adoption_phase"]["phase_number"] == number and row[name] > 0
        }

    def _change(self, week: date, number: int, weekdays: list[int] | None) -> int | None:
        told = []
        for each in (week, week - timedelta(7)):
            by_weekday = self._by_weekday(each, number)
            if len(set().union(*by_weekday.values())) < masks.fewest(self.few):
                return None
            told.append(masks.people(len(set().union(*(by_weekday[n] for n in weekdays or ()))), self.few))
        return None if None in told else told[0] - told[1]
