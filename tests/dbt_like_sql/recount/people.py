"""Who comes, stays and goes in a scope, counted anew: the trend of its people and its cohorts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from tests.dbt_like_sql.recount import masks
from tests.dbt_like_sql.recount.history import ENTITY, USERS
from tests.dbt_like_sql.recount.parts import Parts
from tests.dbt_like_sql.recount.scope import (
    ACCEPTED,
    ADDED,
    BREAK,
    DELETED,
    OUTPUTS,
    PROMPTS,
    Row,
    monday,
    of_week,
    rate,
    ratio,
    total,
    weeks,
)


class People(Parts):
    """The people of one scope."""

    def user_trend(self) -> Iterable[Row]:
        for week in weeks():
            reported = [day for day in of_week(week) if day in self.entity]
            rows = [self.entity[day] for day in reported]
            daily = [row["daily_active_users"] for row in rows]
            is_over = len(of_week(week)) == 7 and not self.coverage(week, ENTITY)["days_pending"]
            workdays = [self.entity[day]["daily_active_users"] for day in reported if day.weekday() < 5]
            knows = self.user_days(week) > 0
            active, before = self.active(week), self.active(week - timedelta(7))
            new = {person for person in active if self.first_week(person) == week}
            per_person = [sum(person in self.active(week, [n]) for n in range(7)) for person in active]
            both = self.compared(week, USERS, whose=ENTITY)
            of_all_days = both is not None and len(both) == 7
            scope_days = self.compared(week, ENTITY)
            told_active = self._told_active(week)

            def group(count: int, whole: int | None = told_active) -> int | None:
                return masks.people(count, self.few, at_most=whole, is_remainder=True)

            yield {
                "scope": self.scope,
                "week_start": week,
                **self.coverage(week, ENTITY),
                "user_days_reported": self.user_days(week),
                "active_people": told_active,
                "engaged_people": group(len(self.engaged(week))) if knows else None,
                "passive_people": self._passive(told_active, group(len(self.engaged(week)))) if knows else None,
                "new_people": group(len(new)) if of_all_days else None,
                "returning_people": group(len(active - new - before)) if of_all_days else None,
                "lapsed_people": masks.people(len(before - active), self.few, is_remainder=True)
                if of_all_days
                else None,
                "may_have_begun_before": self.user_days_before(week) < 28,
                **{
                    f"people_active_{n}_day{'s' if n > 1 else ''}": group(per_person.count(n)) if knows else None
                    for n in range(1, 5)
                },
                "people_active_5_or_more_days": group(sum(n >= 5 for n in per_person)) if knows else None,
                "active_user_days": total(daily),
                "avg_daily_active_users": ratio(total(daily), len(daily)) if is_over else None,
                "workdays_reported": len(workdays),
                "avg_workday_active_users": ratio(total(workdays), len(workdays)) if is_over else None,
                **{name: total(row[name] for row in rows) for name in (PROMPTS, OUTPUTS, ACCEPTED, ADDED, DELETED)},
                **self._trailing(reported),
                **self._completions(week, told_active),
                "series_break": self.has_break(week),
                "user_days_compared": None if both is None else len(both),
                "active_people_change": self._change(week, both),
                "days_compared": None if scope_days is None else len(scope_days),
                "avg_daily_active_users_change": self._daily_change(week, scope_days),
            }

    def _passive(self, active: int | None, engaged: int | None) -> int | None:
        rest = None if active is None or engaged is None else active - engaged
        return rest if self.few == 1 or (rest is not None and rest >= self.few) else None

    def _told_active(self, week: date) -> int | None:
        """All of them, but where a single day has people, a few more or less than GitHub counts on it."""
        if not self.user_days(week):
            return None
        there = [day for day in of_week(week) if self.users.get(day)]
        people = len(self.active(week))
        counted = self.entity.get(there[0], {}).get("daily_active_users") if len(there) == 1 else None
        is_near = counted is not None and 0 < abs(counted - people) < self.few
        return masks.people(people, self.few) if is_near else people

    def _change(self, week: date, weekdays: list[int] | None) -> int | None:
        if weekdays is None or len(weekdays) < 4:
            return None
        few = 1 if len(weekdays) == 7 else self.few
        now, before = (masks.people(len(self.active(each, weekdays)), few) for each in (week, week - timedelta(7)))
        return None if now is None or before is None else now - before

    def _daily_change(self, week: date, weekdays: list[int] | None) -> float | None:
        if weekdays is None or len(weekdays) < 4:
            return None
        now, before = (
            [self.entity[start + timedelta(n)]["daily_active_users"] for n in weekdays]
            for start in (week, week - timedelta(7))
        )
        return (sum(now) - sum(before)) / len(weekdays)

    def _trailing(self, reported: list[date]) -> Row:
        """The 7 and 28 days that end with the week's last reported day."""
        names = (
            "weekly_active_users",
            "monthly_active_users",
            "monthly_active_chat_users",
            "monthly_active_agent_users",
        )
        if not reported:
            unknown = ("last_day_reported", "user_days_reported_28_days", "people_7_days", "people_28_days")
            return dict.fromkeys((*unknown, "chat_people_28_days", "agent_people_28_days", *names))
        last = reported[-1]
        window = {n: [last - timedelta(k) for k in range(n) if last - timedelta(k) in self.users] for n in (7, 28)}
        rows = {n: [row for day in window[n] for row in self.users[day]] for n in window}
        people = {n: {row["user_id"] for row in rows[n]} for n in rows}
        return {
            "last_day_reported": last,
            "user_days_reported_28_days": len(window[28]),
            **{f"people_{n}_days": masks.people(len(people[n]), self.few) if window[n] else None for n in (7, 28)},
            **{
                f"{flag}_people_28_days": masks.people(
                    len({row["user_id"] for row in rows[28] if row[f"used_{flag}"]}), self.few
                )
                for flag in ("chat", "agent")
            },
            **{name: masks.people(self.entity[last][name], self.few) for name in names},
        }

    def _completions(self, week: date, active: int | None) -> Row:
        part = self.parts("totals_by_feature", week).get("code_completion", {})
        shown, accepted = part.get(OUTPUTS), part.get(ACCEPTED)
        return {
            "is_suppressed": part.get("is_suppressed", False),
            "completion_people": min(people, active) if (people := part.get("people")) and active else people,
            "completion_generation_count": shown,
            "completion_acceptance_count": accepted,
            "completion_acceptance_rate": rate(accepted, shown),
        }

    def monthly_cohort_retention(self) -> Iterable[Row]:
        """The month of first use is that of the first day with a row, not of its week."""
        first = {
            person: min(day for day, rows in self.users.items() if any(row["user_id"] == person for row in rows))
            for person in {row["user_id"] for rows in self.users.values() for row in rows}
        }
        for month in sorted({day.replace(day=1) for day in first.values()}):
            people = {person for person, day in first.items() if day.replace(day=1) == month}
            of_cohort = masks.people(len(people), self.few)
            end = (month + timedelta(31)).replace(day=1)
            within = [week for week in weeks() if month - timedelta(7) < week < end]
            for week in (week for week in weeks() if week >= end):
                active = self.active(week) & people
                told = masks.people(len(active), self.few, is_share=True) or None
                yield {
                    "scope": self.scope,
                    "cohort_month": month,
                    "week_start": week,
                    **self.coverage(week, USERS),
                    "weeks_since": (week - end).days // 7,
                    "may_have_begun_before": any(self.user_days_before(each) < 28 for each in within),
                    "series_break": self.has_break(week),
                    "is_suppressed": len(active) < masks.fewest(self.few),
                    "cohort_people": of_cohort,
                    "active_people": told,
                    "retention": rate(told, of_cohort),
                }

    def cohort_retention(self) -> Iterable[Row]:
        for cohort in sorted({self.first_week(person) for week in weeks() for person in self.active(week)}):
            people = {person for person in self.active(cohort) if self.first_week(person) == cohort}
            of_cohort = masks.people(len(people), self.few, is_share=True)
            for week in (week for week in weeks() if week >= cohort):
                active = self.active(week) & people
                told = masks.people(len(active), self.few, is_share=True) or None
                yield {
                    "scope": self.scope,
                    "cohort_week": cohort,
                    "week_start": week,
                    **self.coverage(week, USERS),
                    "weeks_since": (week - cohort).days // 7,
                    "may_have_begun_before": self.user_days_before(cohort) < 28,
                    "series_break": self.has_break(week),
                    "is_suppressed": len(active) < masks.fewest(self.few),
                    "cohort_people": of_cohort,
                    "active_people": told,
                    "retention": rate(told, of_cohort),
                }

    def event_effect(self, day: date, what: str) -> Iterable[Row]:
        """The weeks around an event, by the weekdays that both reported; every number is told on every day here."""
        for window in range(1, 5):
            before, after = (monday(day) + timedelta(7 * window * side) for side in (-1, 1))
            row: Row = {"day": day, "scope": self.scope, "team_slug": None, "what": what, "week_start": monday(day)}
            row |= {"window_no": window, "week_before": before, "week_after": after, "is_suppressed": False}
            closed = [self.is_closed(week, ENTITY) for week in (before, after) if of_week(week)]
            for side, week in (("before", before), ("after", after)):
                known = self.coverage(week, ENTITY) if of_week(week) else {}
                row |= {f"days_{name}_{side}": known.get(f"days_{name}") for name in ("expected", "reported")}
                row[f"user_days_reported_{side}"] = self.user_days(week) if of_week(week) else None
            both = {
                report: [n for n in range(7) if {before + timedelta(n), after + timedelta(n)} <= set(came)]
                for report, came in ((ENTITY, self.entity), (USERS, self.users))
            }
            row |= {"days_compared": len(both[ENTITY]), "user_days_compared": len(both[USERS])}
            row |= {
                "are_closed": len(closed) == 2 and all(closed),
                "series_breaks": before < BREAK <= after + timedelta(6),
            }
            for side, week in (("before", before), ("after", after)):
                people, days = both[USERS], [week + timedelta(n) for n in both[ENTITY]]
                few = 1 if len(people) == self.user_days(week) else self.few
                count = masks.people(len(self.active(week, people)), few)
                row[f"active_people_{side}"] = count if len(people) >= 4 else None
                for name in (PROMPTS, OUTPUTS, ACCEPTED, ADDED):
                    told = sum(self.entity[each][name] for each in days) if len(days) >= 4 else None
                    row[f"{name}_{side}"] = told
            yield row
