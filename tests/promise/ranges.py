"""What is left of groups between a total that is told as it is and the others as they are told: ranges, and no algebra.

A group that is rounded is within half a step of it, one that is withheld smaller than the smallest that is told; where
all but one number of few people is ruled out, it follows. `attack.py` knows exact numbers alone.
"""

from __future__ import annotations

from typing import Final

from tests.dbt_like_sql.conftest import Book, Row
from tests.promise.attack import FEW
from tests.promise.company import BEFORE, MONDAY

Range = tuple[int, int]
_DAYS: Final = tuple(f"people_active_{name}" for name in ("1_day", "2_days", "3_days", "4_days", "5_or_more_days"))
# Groups that make up the active people of a week, and how those who came and went make up the change of these.
_SUMS: Final = (
    {"engaged_people": 1, "rest": 1},
    dict.fromkeys(_DAYS, 1),
    {"new_people": 1, "returning_people": 1, "lapsed_people": -1},
)


def left_alone(book: Book, fewest: int = FEW + 1) -> set[str]:
    """Groups of `weekly.user_trend` and cohorts of which one number of few people is left, in any scope.

    `fewest` people are told of such a group, by the rule that the attacker knows.
    """
    cohorts: dict[str, Row] = {}
    for row in book.rows(f"from weekly.cohort_retention where week_start = '{MONDAY}'"):
        cohorts.setdefault(row["scope"], {})[f"cohort {row['cohort_week']}"] = row["active_people"]
    rows = {(r["scope"], r["week_start"]): r for r in book.rows("from weekly.user_trend") if r["active_people"]}
    tells_none = {name for row in rows.values() for name in row if row[name] == 0}
    found: set[str] = set()
    for (scope, week), row in rows.items():
        before = rows.get((scope, BEFORE))
        # a scope of few people tells of few: docs/privacy.md
        if week != MONDAY or before is None or row["active_people"] < FEW:
            continue
        row |= cohorts.get(scope, {})
        for names in (*_SUMS, dict.fromkeys(cohorts.get(scope, {}), 1)):
            total = row["active_people"] - (before["active_people"] if "new_people" in names else 0)
            if "new_people" in names and row["user_days_compared"] != 7:
                continue
            ranges = {name: _range(row, name, fewest, is_told=name in tells_none) for name in names}
            _narrow(ranges, names, total)
            found |= {name for name, (low, high) in ranges.items() if low == high and 0 < low < FEW and name != "rest"}
    return found


def _range(row: Row, name: str, fewest: int, *, is_told: bool) -> Range:
    """What a group may be; `is_told` says whether that it is nobody is."""
    active, told = row["active_people"], row.get(name)
    most = 10**6 if name == "lapsed_people" else active
    if name == "rest":
        return (0, active)
    if told is None:
        return (int(is_told), fewest - 1)
    if told == 0:
        return (0, 0)
    step = told if told % FEW == 0 else told - told % FEW + FEW  # not rounded up to more than all
    return (max(fewest, step - FEW // 2), min(step + FEW // 2, most))


def _narrow(ranges: dict[str, Range], names: dict[str, int], total: int) -> None:
    """Take from each range what the others leave no room for, until nothing changes."""
    changed = True
    while changed:
        changed = False
        for name, sign in names.items():
            others = [sorted((names[n] * low, names[n] * high)) for n, (low, high) in ranges.items() if n != name]
            least, most = (sign * (total - sum(each[end] for each in others)) for end in (1, 0))
            low, high = ranges[name]
            narrowed = (max(low, min(least, most)), min(high, max(least, most)))
            changed |= narrowed != (low, high) and narrowed[0] <= narrowed[1]
            ranges[name] = narrowed if narrowed[0] <= narrowed[1] else (low, high)
