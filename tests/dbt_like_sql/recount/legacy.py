"""The archive of the legacy metrics, counted anew: weeks of it, and the four windows of GitHub's guide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction

from tests.dbt_like_sql.recount import masks
from tests.dbt_like_sql.recount.history import ARCHIVE, LEGACY, History
from tests.dbt_like_sql.recount.scope import Row, monday

THRESHOLD = 5  # people with a licence, below whom GitHub tells nothing
NUMBERS = ("active_users", "engaged_users")


class Legacy:
    """What an archive tells of one scope; of a team, which may be small, no more than may be told."""

    def __init__(self, history: History, scope: str, few: int) -> None:
        self.scope = scope
        self.days = {day: rows[0] for day, rows in history.of(scope, LEGACY).items()}
        few = few if scope.startswith("team:") else 1
        self.told = {
            day: {name: masks.people(row[f"total_{name}"], few) for name in NUMBERS} for day, row in self.days.items()
        }

    def legacy_user_trend(self) -> Iterable[Row]:
        first, last = min(self.days), max(self.days)
        for week in sorted({monday(first + timedelta(n)) for n in range((last - first).days + 1)}):
            there = [week + timedelta(n) for n in range(7) if first <= week + timedelta(n) <= last]
            told = [self.told[day] for day in there if day in self.told]
            lost = [day for day in there if day not in self.told]
            few = [day for day in lost if self._most_nearby(day) < 2 * THRESHOLD]
            hidden = any(None in each.values() for each in told)
            row: Row = {
                "scope": self.scope,
                "week_start": week,
                "days_expected": len(there),
                "days_reported": len(told),
                "days_pending": 0,
                "days_below_threshold": len(few),
                "days_missing": len(lost) - len(few),
                "is_closed": True,
                "is_suppressed": hidden,
            }
            for name in NUMBERS:
                total = None if hidden or not told else sum(each[name] or 0 for each in told)
                row[name] = total
                row[f"avg_{name}"] = None if total is None else Fraction(total, len(told))
            yield row | self._changes(week, len(there) == 7 and week - timedelta(7) >= ARCHIVE[0])

    def _changes(self, week: date, is_whole: bool) -> Row:
        pairs = [
            (self.told[week + timedelta(n)], self.told[week + timedelta(n - 7)])
            for n in range(7)
            if {week + timedelta(n), week + timedelta(n - 7)} <= set(self.told)
        ]
        row: Row = {"days_compared": len(pairs) if is_whole else None}
        hidden = any(None in each.values() for pair in pairs for each in pair)
        for name in NUMBERS:
            changes = None if hidden else [now[name] - before[name] for now, before in pairs]  # type: ignore[operator]
            is_told = is_whole and changes is not None and len(changes) >= 4
            row[f"avg_{name}_change"] = Fraction(sum(changes), len(changes)) if is_told and changes else None
        return row

    def _most_nearby(self, day: date) -> int:
        return max(row["total_active_users"] for each, row in self.days.items() if abs((each - day).days) <= 7)

    def last_28_days(self) -> Iterable[Row]:
        latest = sorted(self.told)[-28:]
        for number in range(0, len(latest), 7):
            entries = latest[number : number + 7]
            told = [self.told[day] for day in entries]
            hidden = any(None in each.values() for each in told)
            row: Row = {"scope": self.scope, "window_no": number // 7 + 1, "days": len(entries)}
            row |= {"first_day": entries[0], "last_day": entries[-1]}
            for name in NUMBERS:
                total = None if hidden else sum(each[name] or 0 for each in told)
                row[name] = total
                row[f"avg_{name}"] = None if total is None else masks.to_nearest(Fraction(total, len(told)), "0.01")
            yield row
