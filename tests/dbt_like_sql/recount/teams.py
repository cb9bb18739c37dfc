"""Teams of a scope, counted anew: who was in which on a day, joined with what they did on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from tests.dbt_like_sql.recount import masks
from tests.dbt_like_sql.recount.history import TEAMS
from tests.dbt_like_sql.recount.scope import (
    ACCEPTED,
    ADDED,
    BREAK,
    DELETED,
    OUTPUTS,
    PROMPTS,
    Row,
    Scope,
    monday,
    of_week,
    rate,
    ratio,
    total,
    weeks,
)


class Teams(Scope):
    """The teams of one scope."""

    def team_trend(self) -> Iterable[Row]:
        """Teams that a report knows, and people in none, on days that tell who was in a team and who was active."""
        slugs = {row["team_id"]: row["slug"] for rows in self.teams.values() for row in rows}
        for week in weeks():
            places = {n: self._places(week + timedelta(n)) for n in range(7)}
            everybody = {person for told in places.values() for person in told}
            in_teams = {person for told in places.values() for person, (teams, _) in told.items() if teams}
            for team in (*slugs, None):
                members = {
                    row["user_id"] for day in of_week(week) for row in self.teams.get(day, []) if row["team_id"] == team
                }
                rows = [
                    (n, person, row)
                    for n, told in places.items()
                    for person, (teams, row) in told.items()
                    if (team in teams if team else not teams)
                ]
                active = {person for _, person, _ in rows}
                ever = {p: {t for told in places.values() if p in told for t in told[p][0]} for p in active}
                shared = {person for person in active if len(ever[person]) > 1}
                both = self.compared(week, TEAMS)
                if both is not None:
                    both = [
                        n
                        for n in both
                        if all(day in self.users for day in (week + timedelta(n), week + timedelta(n - 7)))
                    ]
                is_told = bool(active) and both is not None and len(both) >= 4
                before = self._in_team(week - timedelta(7), team)
                hidden = len(active) < masks.fewest(self.few)
                change = None
                if is_told and not hidden and len(set().union(*before.values())) >= masks.fewest(self.few):
                    then = [
                        masks.people(len(_at(each, both)), self.few) for each in (self._in_team(week, team), before)
                    ]
                    change = None if None in then else then[0] - then[1]
                told = None if hidden else masks.people(len(active), self.few)
                of_scope = masks.people(len(everybody), self.few)
                in_any = masks.people(len(in_teams), self.few, is_share=True)
                of_shared = masks.people(len(shared), self.few)
                yield {
                    "scope": self.scope,
                    "week_start": week,
                    "team_id": team,
                    "team_slug": slugs.get(team),
                    **self.coverage(week, TEAMS),
                    "user_days_reported": self.user_days(week),
                    "series_break": self.has_break(week),
                    "is_suppressed": hidden,
                    "members": (len(members) if len(members) >= self.few and members else None) if team else None,
                    "active_people": min(told, len(members)) if team and told else told,
                    "active_share": rate(told, len(members)) if team else None,
                    "days_compared": len(both or []) if is_told else None,
                    "active_people_change": change,
                    "has_shared_people": of_shared != 0 if team and not hidden else None,
                    "shared_people": of_shared if team and not hidden else None,
                    "share_of_active_people": ratio(told, of_scope),
                    "scope_share_in_teams": None if team else ratio(in_any, of_scope),
                    "days_active": None if hidden else masks.amount(len(rows), len(active), self.few),
                    **{
                        name: None
                        if hidden
                        else masks.amount(
                            total(row[name] for _, _, row in rows),
                            len({person for _, person, row in rows if row[name] > 0}),
                            self.few,
                        )
                        for name in (PROMPTS, OUTPUTS, ACCEPTED, ADDED, DELETED)
                    },
                }

    def event_effect(self, day: date, what: str, slug: str) -> Iterable[Row]:
        """The weeks around an event of a team, of which whole weeks alone are told: numbers are those of team_trend."""
        rows = {(row["week_start"], row["team_slug"]): row for row in self.team_trend()}
        for window in range(1, 5):
            weeks_of = {side: monday(day) + timedelta(7 * window * n) for side, n in (("before", -1), ("after", 1))}
            there = {side: rows.get((week, slug), {}) for side, week in weeks_of.items()}
            told_on = [
                self._told_weekdays(week, row.get("team_id"))
                for week, row in zip(weeks_of.values(), there.values(), strict=True)
            ]
            both = told_on[0] if told_on[0] == told_on[1] else []
            row: Row = {"day": day, "scope": self.scope, "team_slug": slug, "what": what, "week_start": monday(day)}
            row |= {"window_no": window, **{f"week_{side}": week for side, week in weeks_of.items()}}
            row |= {"days_compared": len(both), "user_days_compared": len(both)}
            row["are_closed"] = all(each.get("is_closed", False) for each in there.values())
            row["is_suppressed"] = any(each.get("is_suppressed", True) for each in there.values())
            row["series_breaks"] = weeks_of["before"] < BREAK <= weeks_of["after"] + timedelta(6)
            for side, each in there.items():
                for name in ("days_expected", "days_reported", "user_days_reported"):
                    row[f"{name}_{side}"] = each.get(name)
                for name in ("active_people", PROMPTS, OUTPUTS, ACCEPTED, ADDED):
                    row[f"{name}_{side}"] = each.get(name) if len(both) >= 4 else None
            yield row

    def _told_weekdays(self, week: date, team: int | None) -> list[int]:
        return [
            n
            for n in range(7)
            if (day := week + timedelta(n)) in self.users and any(r["team_id"] == team for r in self.teams.get(day, []))
        ]

    def _places(self, day: date) -> dict[int, tuple[set[int], Row]]:
        """Who was active on a day that tells of teams: their teams, and what they did."""
        if day not in self.teams:
            return {}
        teams: dict[int, set[int]] = defaultdict(set)
        for row in self.teams[day]:
            teams[row["user_id"]].add(row["team_id"])
        return {row["user_id"]: (teams[row["user_id"]], row) for row in self.users.get(day, [])}

    def _in_team(self, week: date, team: int | None) -> dict[int, set[int]]:
        """By weekday the active people of a team, or of none."""
        found: dict[int, set[int]] = {}
        for n in range(7):
            places = self._places(week + timedelta(n)).items()
            if people := {person for person, (teams, _) in places if (team in teams if team else not teams)}:
                found[n] = people
        return found


def _at(by_weekday: dict[int, set[int]], weekdays: list[int] | None) -> set[int]:
    return set().union(*(by_weekday.get(n, set()) for n in weekdays or []))
