"""Teams of a scope, counted anew: who was in which on a day, joined with what they did on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from tests.dbt_like_sql.recount.history import TEAMS
from tests.dbt_like_sql.recount.scope import (
    ACCEPTED,
    ADDED,
    DELETED,
    OUTPUTS,
    PROMPTS,
    Row,
    Scope,
    of_week,
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
                change = (
                    len(_at(self._in_team(week, team), both)) - len(_at(before, both)) if is_told and before else None
                )
                yield {
                    "scope": self.scope,
                    "week_start": week,
                    "team_id": team,
                    "team_slug": slugs.get(team),
                    **self.coverage(week, TEAMS),
                    "user_days_reported": self.user_days(week),
                    "series_break": self.has_break(week),
                    "is_suppressed": not active,
                    "members": (len(members) or None) if team else None,
                    "active_people": len(active) or None,
                    "active_share": ratio(len(active), len(members)) if team and active else None,
                    "days_compared": len(both or []) if is_told else None,
                    "active_people_change": change,
                    "has_shared_people": bool(shared) if team and active else None,
                    "shared_people": len(shared) if team and active else None,
                    "share_of_active_people": ratio(len(active), len(everybody)) if active else None,
                    "scope_share_in_teams": None if team else ratio(len(in_teams), len(everybody)),
                    "days_active": len(rows) or None,
                    **{
                        name: total(row[name] for _, _, row in rows)
                        for name in (PROMPTS, OUTPUTS, ACCEPTED, ADDED, DELETED)
                    },
                }

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
