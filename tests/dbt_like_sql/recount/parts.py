"""Features, IDEs, languages and models of a scope, counted anew.

A part's people are those with a number of it that is not zero; a number that too few of those known are behind is null.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from tests.dbt_like_sql.recount import masks
from tests.dbt_like_sql.recount.history import COUNTERS, ENTITY, USERS
from tests.dbt_like_sql.recount.scope import (
    ACCEPTED,
    ADDED,
    BREAK,
    NAMES,
    OUTPUTS,
    SUGGESTED,
    Row,
    Scope,
    monday,
    of_week,
    rate,
    total,
    weeks,
)


class Parts(Scope):
    """The parts of one scope."""

    def parts(self, breakdown: str, week: date) -> dict[str, Row]:  # noqa: C901 - the rule in one place
        """Of every part its people, and of every number of it that somebody is behind the scope's sum."""
        key = breakdown.removeprefix("totals_by_").split("_")[0]
        people: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        by_day: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        counted = COUNTERS[1:] if key == "language" else COUNTERS
        for day in of_week(week):
            for user in self.users.get(day, []):
                for each in user[breakdown]:
                    part = NAMES.get(each[key], each[key])
                    people[part]["any"] |= set()
                    for name in counted:
                        if each[name] > 0:
                            people[part][name].add(user["user_id"])
                            if each.get("feature") == "code_completion":
                                people[part][f"completion {name}"].add(user["user_id"])
                            people[part]["any"].add(user["user_id"])
                            by_day[part][day.weekday()].add(user["user_id"])
                for flag in ("copilot_code_review_active", "copilot_code_review_passive") if key == "feature" else ():
                    if user[f"used_{flag}"]:
                        people[flag]["any"].add(user["user_id"])
                        by_day[flag][day.weekday()].add(user["user_id"])
            for each in self.entity.get(day, {}).get(breakdown, []):
                part = NAMES.get(each[key], each[key])
                for name in counted:
                    sums[part][name].append(each[name])
                    if each.get("feature") == "code_completion":
                        sums[part][f"completion {name}"].append(each[name])
        found: dict[str, Row] = {}
        for part in {*people, *sums}:
            known = len(people[part]["any"]) if part in people else None
            has_any = any(sum(values) for values in sums[part].values())
            hidden = (known is None or known < self.few) and (bool(known) or has_any)
            row: Row = {
                "is_suppressed": hidden,
                "by_day": by_day[part],
                "is_known": part in people,
                "behind": known,
                "people": None if hidden else masks.people(known, self.few),
            }
            for name in (*counted, *(f"completion {name}" for name in counted)):
                behind = len(people[part][name]) if part in people else None
                row[name] = None if hidden else masks.amount(total(sums[part][name]), behind, self.few)
            found[part] = row
        return found

    def part_trend(self, breakdown: str, column: str) -> Iterable[Row]:
        before: dict[str, Row] = {}
        for week in weeks():
            now = self.parts(breakdown, week)
            both = self.compared(week, USERS, whose=ENTITY)
            crossed = any(monday(BREAK) == w for w in (week, week - timedelta(7))) and week - timedelta(7) < BREAK
            for part, row in now.items():
                is_told = both is not None and len(both) >= 4 and not crossed and row["is_known"]
                numbers = COUNTERS[1:] if column == "language" else COUNTERS
                told: Row = {
                    "scope": self.scope,
                    "week_start": week,
                    column: part,
                    **self.coverage(week, ENTITY),
                    "user_days_reported": self.user_days(week),
                    "series_break": self.has_break(week),
                    "is_suppressed": row["is_suppressed"],
                    "people": row["people"],
                    "days_compared": len(both or []) if is_told else None,
                    "people_change": None,
                    **{name: row[name] for name in numbers},
                }
                if is_told and part in before and not (row["is_suppressed"] or before[part]["is_suppressed"]):
                    now_and_then = [masks.people(len(_on(each, both)), self.few) for each in (row, before[part])]
                    if None not in now_and_then:
                        told["people_change"] = now_and_then[0] - now_and_then[1]
                if column == "feature":
                    is_completion = part == "code_completion"
                    told["acceptance_rate"] = rate(row[ACCEPTED], row[OUTPUTS]) if is_completion else None
                    told["line_acceptance_rate"] = rate(row[ADDED], row[SUGGESTED]) if is_completion else None
                if column == "language":
                    shown, lines = row[f"completion {OUTPUTS}"], row[f"completion {SUGGESTED}"]
                    told["completion_acceptance_rate"] = rate(row[f"completion {ACCEPTED}"], shown)
                    told["completion_line_acceptance_rate"] = rate(row[f"completion {ADDED}"], lines)
                yield told
            before = now


def _on(row: Row, weekdays: list[int] | None) -> set[int]:
    return set().union(*(row["by_day"].get(n, set()) for n in weekdays or []))
