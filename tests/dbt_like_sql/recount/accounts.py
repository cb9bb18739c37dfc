"""Licences, bills and pull requests of a scope, counted anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.dbt_like_sql.recount import masks
from tests.dbt_like_sql.recount.history import BILL, ENTITY, LINES, MEDIANS, PULLS, SEATS, USERS
from tests.dbt_like_sql.recount.parts import Parts
from tests.dbt_like_sql.recount.scope import NAMES, Row, monday, of_week, ratio, total, weeks

PRICES = {"business": Decimal(19), "enterprise": Decimal(39)}
SEAT_COLUMNS = (
    *("usage_days_reported_7_days", "usage_days_reported_28_days", "seats", "total_seats", "seats_active_7_days"),
    *("seats_active_28_days", "active_share", "seats_active_7_days_by_seats", "seats_active_28_days_by_seats"),
    *("seats_active_7_days_by_usage", "seats_active_28_days_by_usage", "seats_active_by_seats_only"),
    *(
        "seats_active_by_usage_only",
        "seats_seen_passively_28_days",
        "seats_never_used",
        "seats_pending_cancellation",
        "seats_without_price",
    ),
    *("list_price_usd_per_month", "idle_list_price_usd_per_month"),
)


AMOUNTS = ("quantity", "gross_amount", "net_amount")


def _added(lines: Iterable[Row], name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), Decimal(0))


class Accounts(Parts):
    """What one scope pays for and merges."""

    def spend_trend(self) -> Iterable[Row]:
        for week in weeks():
            items = [each for day in of_week(week) for row in self.bills[day] for each in row["usageItems"]]
            users = self.parts("totals_by_model_feature", week)
            for model in (None, *sorted({NAMES[each["model"]] for each in items})):
                of_model = [each for each in items if model in (None, NAMES[each["model"]])]
                behind = users.get(model, {}).get("behind") if model else None
                is_told = model is None or (behind is not None and behind >= self.few)
                yield {
                    "scope": self.scope,
                    "week_start": week,
                    "kind": "ai_credits",
                    "is_total": model is None,
                    "model": model,
                    **self.coverage(week, BILL),
                    "is_suppressed": not is_told,
                    "people": masks.people(behind, self.few),
                    **{
                        name: self._billed(sum(Decimal(str(each[item])) for each in of_model), name, behind, model)
                        if is_told
                        else None
                        for name, item in (
                            *(("gross_quantity", "grossQuantity"), ("gross_amount", "grossAmount")),
                            *(("net_quantity", "netQuantity"), ("net_amount", "netAmount")),
                        )
                    },
                }

    def bill_trend(self) -> Iterable[Row]:
        for week in weeks():
            lines = [line for day in of_week(week) for line in self.lines.get(day, [])]
            for breakdown, field in (("organization", "organization"), ("cost_center", "cost_center_name")):
                for part in sorted({line.get(field, "none") for line in lines}):
                    of_part = [line for line in lines if line.get(field, "none") == part]
                    of_person: defaultdict[str, list[Row]] = defaultdict(list)
                    for line in of_part:
                        of_person[line.get("username", "")].append(line)
                    sums = {who: {name: _added(each, name) for name in AMOUNTS} for who, each in of_person.items()}
                    known = [each for who, each in sums.items() if who]
                    people = sum(any(each.values()) for each in known) if known else None
                    all_of_it = {name: _added(of_part, name) for name in AMOUNTS}
                    few = people is None or people < self.few
                    hidden = few and bool(people or any(all_of_it.values()))
                    amounts = {
                        name: masks.amount(
                            value,
                            sum(each[name] != 0 for each in known),
                            self.few,
                            dollars=name != "quantity",
                        )
                        for name, value in all_of_it.items()
                    }
                    coverage = self.coverage(week, LINES)
                    del coverage["days_below_threshold"]
                    yield {
                        "scope": self.scope,
                        "week_start": week,
                        "kind": "ai_credits",
                        "breakdown": breakdown,
                        "part": part,
                        **coverage,
                        "is_suppressed": hidden,
                        "people": None if hidden else masks.people(people, self.few),
                        "gross_quantity": None if hidden else amounts["quantity"],
                        "gross_amount": None if hidden else amounts["gross_amount"],
                        "net_amount": None if hidden else amounts["net_amount"],
                    }

    def _billed(self, value: Any, name: str, behind: int | None, model: str | None) -> Any:
        return value if model is None else masks.amount(value, behind, self.few, dollars=name.endswith("_amount"))

    def pull_request_trend(self) -> Iterable[Row]:
        for week in weeks():
            told = {day: row["pull_requests"] for day, row in self.entity.items() if "pull_requests" in row}
            sums = {name: total(told[day][name] for day in of_week(week) if day in told) for name in PULLS}
            both = None
            if self.compared(week, ENTITY) is not None:
                both = [d for d in of_week(week) if d in told and d - timedelta(7) in told]
            changes = {
                f"{name}_change": sum(told[day][name] - told[day - timedelta(7)][name] for day in both)
                if both is not None and len(both) >= 4
                else None
                for name in ("total_created", "total_merged")
            }
            # A day's median as often as something was merged on it, of the days that tell one: their plain mean.
            medians = {
                name: [
                    Fraction(told[day][name])
                    for day in of_week(week)
                    if name in told.get(day, {})
                    for _ in range(told[day][of])
                ]
                for name, of in MEDIANS.items()
            }
            yield {
                "scope": self.scope,
                "week_start": week,
                **self.coverage(week, ENTITY),
                **sums,
                **{f"avg_daily_{name}": sum(each) / len(each) if each else None for name, each in medians.items()},
                "days_with_minutes_to_merge_told": sum(
                    "median_minutes_to_merge" in told.get(day, {}) for day in of_week(week)
                ),
                **changes,
                "series_break": self.has_break(week),
                "days_with_pull_requests_told": sum(day in told for day in of_week(week)),
                "days_compared": None if both is None else len(both),
                **{
                    share: ratio(sums[one], sums[other])
                    for share, one, other in (
                        ("created_by_copilot_share", "total_created_by_copilot", "total_created"),
                        ("reviewed_by_copilot_share", "total_reviewed_by_copilot", "total_reviewed"),
                        ("merged_created_by_copilot_share", "total_merged_created_by_copilot", "total_merged"),
                        (
                            "copilot_suggestions_applied_share",
                            "total_copilot_applied_suggestions",
                            "total_copilot_suggestions",
                        ),
                    )
                },
            }

    def licence_trend(self, everywhere: dict[int, set[date]], passively: dict[int, set[date]]) -> Iterable[Row]:
        """Of each person, the days of actions of their own, and those of a passive review alone, of any scope."""
        snapshots = self.history.of(self.scope, SEATS)
        for week in (week for week in weeks() if week >= monday(min(snapshots))):
            days_of_users = [week + timedelta(n) for n in range(7)]
            taken = [day for day in days_of_users if day in snapshots]
            row: Row = {"scope": self.scope, "week_start": week, "snapshots": len(taken), **self.coverage(week, USERS)}
            yield row | {
                "snapshot_day": taken[-1] if taken else None,
                **self._seats(taken, snapshots, everywhere, passively),
            }

    def _told_idle(self, dollars: Decimal, people: int, seats: int) -> Any:
        """Of as many idle seats with a price as are told, in tens."""
        told = masks.people(people, self.few, at_most=seats, is_remainder=True)
        if self.few == 1 or told is None:
            return dollars if self.few == 1 else None
        return masks.to_nearest(Fraction(dollars) * told / people, 10)

    def _seats(
        self,
        taken: list[date],
        snapshots: dict[date, list[Row]],
        everywhere: dict[int, set[date]],
        passively: dict[int, set[date]],
    ) -> Row:
        if not taken:
            return dict.fromkeys(SEAT_COLUMNS)
        day = taken[-1]
        grants: dict[int, list[Row]] = defaultdict(list)
        for grant in snapshots[day]:
            grants[grant["assignee"]["id"]].append(grant)
        by_seats, by_usage, cost, idle, never = {}, {}, Decimal(0), Decimal(0), 0
        unpriced = idle_people = seen = 0
        for person, of_person in grants.items():
            uses = [date.fromisoformat(g["last_activity_at"][:10]) for g in of_person if g["last_activity_at"]]
            used = [d for d in everywhere.get(person, set()) if d < day]
            by_seats[person] = min(((day - d).days for d in uses), default=999)
            by_usage[person] = min(((day - d).days for d in used), default=999)
            is_new = min(g["created_at"] for g in of_person)[:10] > (day - timedelta(30)).isoformat()
            plans = {g["plan_type"] for g in of_person}
            price = PRICES.get("enterprise" if "enterprise" in plans else next(iter(plans)))
            unpriced += price is None
            cost += price or 0
            is_idle = min(by_seats[person], by_usage[person]) > 28
            idle += (price or 0) if is_idle and not is_new else 0
            idle_people += is_idle and not is_new and price is not None
            seen += is_idle and any(0 < (day - d).days <= 28 for d in passively.get(person, ()))
            never += not uses and not used and not is_new

        def group(people: int, *, is_remainder: bool = False) -> int | None:
            return masks.people(people, self.few, at_most=len(grants), is_remainder=is_remainder)

        def count(most: int, *sources: dict[int, int]) -> int | None:
            people = sum(min(source[person] for source in sources) <= most for person in grants)
            return group(people, is_remainder=(most, len(sources)) == (28, 2))

        ending = sum(all(g["pending_cancellation_date"] for g in of_person) for of_person in grants.values())
        reported = {n: sum(day - timedelta(k) in self.users for k in range(1, n + 1)) for n in (7, 28)}
        return {
            **{f"usage_days_reported_{n}_days": reported[n] for n in (7, 28)},
            "seats": len(grants),
            "total_seats": len(grants),
            **{f"seats_active_{n}_days": count(n, by_seats, by_usage) for n in (7, 28)},
            "active_share": ratio(count(28, by_seats, by_usage), len(grants)),
            **{f"seats_active_{n}_days_by_seats": count(n, by_seats) for n in (7, 28)},
            **{f"seats_active_{n}_days_by_usage": count(n, by_usage) if reported[n] else None for n in (7, 28)},
            "seats_active_by_seats_only": group(sum(by_seats[p] <= 28 < by_usage[p] for p in grants), is_remainder=True)
            if reported[28]
            else None,
            "seats_active_by_usage_only": group(sum(by_usage[p] <= 28 < by_seats[p] for p in grants), is_remainder=True)
            if reported[28]
            else None,
            "seats_seen_passively_28_days": group(seen, is_remainder=True),
            "seats_never_used": group(never, is_remainder=True),
            "seats_pending_cancellation": group(ending),
            "seats_without_price": unpriced,
            "list_price_usd_per_month": cost,
            "idle_list_price_usd_per_month": self._told_idle(idle, idle_people, len(grants)),
        }
