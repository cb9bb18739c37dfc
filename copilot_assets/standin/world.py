"""The world the stand-in reports on: which report exists on which day as seen from today, and what its files hold.

The rules of existence belong here: start dates, the year of history, lost days, the five-seat threshold, revisions.
The numbers come from `activity.py`, their form from `rows.py`; nothing here knows HTTP.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final

from copilot_assets.now import now_utc
from copilot_assets.standin import activity, changes
from copilot_assets.standin.activity import Activity, PersonDay, people_in
from copilot_assets.standin.audience import FINAL, Audience
from copilot_assets.standin.chance import dice
from copilot_assets.standin.legacy import legacy_record
from copilot_assets.standin.people import (
    CROSSING_TEAM,
    ENTERPRISE,
    ENTERPRISE_ID,
    MIN_SEATS,
    ORGANIZATIONS,
    Person,
    Population,
    Team,
)
from copilot_assets.standin.pulls import REPOSITORIES, Repository, pull_requests, pulls_of, repository_row
from copilot_assets.standin.rows import Json, entity_row, housekeeping, user_row

LOST_ONE_IN: Final = 45
ROWS_IN_ONE_PART: Final = 60  # more are split over at least two files
ROWS_IN_A_PART: Final = 5000
LEGACY_DAYS: Final = 100
WINDOW_DAYS: Final = 28

_STARTS: Final = {"user-teams-1-day": changes.USER_TEAMS_REPORT, "repos-1-day": changes.REPOS_REPORT}


class Report:
    """A report: its rows, written when asked for, in the order GitHub's files happen to have them."""

    def __init__(self, keys: Sequence[Hashable], write: Callable[..., Json], *, one_object: bool = False) -> None:
        self._keys = keys
        self._write = write
        self.one_object = one_object
        self.parts = 1 if len(keys) <= ROWS_IN_ONE_PART else max(2, -(-len(keys) // ROWS_IN_A_PART))

    def rows(self, part: int | None = None) -> Iterator[Json]:
        """The rows of one file (0 to `parts` - 1), or of all."""
        keys = self._keys if part is None else self._keys[part :: self.parts]
        return (self._write(key) for key in keys)


class World:
    """Octo Corp and its Copilot usage, the same for the same seed and size.

    `today` is the clock; None lets it run with the machine's (UTC). Everything else says as of which day it is meant.
    Scopes are written `enterprise:octo-corp`, `org:octo-org`, `team:octo-org/core` and
    `enterprise-team:octo-corp/ent:core`.
    """

    def __init__(self, *, seed: int = 1, people: int = 150, today: date | None = None) -> None:
        self.seed = seed
        self._today = today
        self.population = Population(seed=seed, size=people, made_on=self.today)
        self.activity = Activity(self.population, seed)
        self.audience = Audience(self.population, self.activity, seed)
        self._entity_row = lru_cache(maxsize=1024)(self._make_entity_row)
        self.report = lru_cache(maxsize=64)(self._report)

    @property
    def today(self) -> date:
        """The current UTC day of this world."""
        return self._today or now_utc().date()

    @today.setter
    def today(self, day: date | None) -> None:
        self._today = day

    @property
    def scopes(self) -> list[str]:
        """The scopes that have reports."""
        return list(self.population.members)

    @property
    def crossing_team(self) -> str:
        """The slug of the team of octo-org that has four seats until `crossing_day`, and five from then on."""
        return CROSSING_TEAM

    @property
    def crossing_day(self) -> date:
        """The first day of `crossing_team` with five seats."""
        return self.population.crossing_day

    # ------------------------------------------------------------------------------------------------- what exists

    def is_lost(self, scope: str, day: date) -> bool:
        """Whether GitHub never has this day for the scope: about one in forty-five, for all its reports alike."""
        digest = sha256(f"{self.seed}:{scope}:{day}:lost".encode()).digest()
        return int.from_bytes(digest[:4], "big") % LOST_ONE_IN == 0

    def lost_days(self, scope: str, start: date, end: date) -> list[date]:
        """The lost days of a scope from `start` to `end`, both included."""
        days = (start + timedelta(days=n) for n in range((end - start).days + 1))
        return [day for day in days if self.is_lost(scope, day)]

    def first_day(self, scope: str, report: str) -> date:
        """The first day GitHub ever reported on."""
        enterprise = scope.startswith("enterprise:")
        begin = changes.ENTERPRISE_REPORTS if enterprise else changes.ORGANIZATION_REPORTS
        return max(begin, _STARTS.get(report, begin))

    def exists(self, scope: str, report: str, day: date, as_of: date) -> bool:
        """Whether a one-day report can be had on `as_of`: closed, not older than a year, begun, not lost."""
        earliest = max(self.first_day(scope, report), _a_year_before(as_of))
        return earliest <= day < as_of and not self.is_lost(scope, day)

    # --------------------------------------------------------------------------------------------------- the reports

    def _report(self, scope: str, report: str, day: date, as_of: date) -> Report | None:
        """A report as of a day, or None where GitHub has no data. For 28-day reports `day` is the window's last."""
        if report.endswith("28-day"):
            return self._report_of_window(scope, report, day, as_of)
        if not self.exists(scope, report, day, as_of):
            return None
        age = min(FINAL, (as_of - day).days)
        if report == "users-1-day":
            return Report(self._present(scope, day, age), self._user_row_writer(scope, day, age))
        if report == "user-teams-1-day":
            return self._user_teams(scope, day)
        if report == "repos-1-day":
            rows = [r for r in (repository_row(self.seed, r, day) for r in self._repositories(scope)) if r]
            return Report(range(len(rows)), rows.__getitem__)
        return Report([age], lambda age: self._entity_row(scope, day, age), one_object=True)

    def _report_of_window(self, scope: str, report: str, end: date, as_of: date) -> Report | None:
        """The 28 days up to `end`; lost days and those before the beginning are not in it."""
        first = end - timedelta(days=WINDOW_DAYS - 1)
        window = [first + timedelta(days=n) for n in range(WINDOW_DAYS)]
        days = [d for d in window if self.exists(scope, report, d, as_of)]
        if not days:
            return None
        bounds = {"report_start_day": first.isoformat(), "report_end_day": end.isoformat()}
        dice(self.seed, end, "window").shuffle(days)
        if report == "users-28-day":
            ages = {d: min(FINAL, (as_of - d).days) for d in days}
            writers = {d: self._user_row_writer(scope, d, age) for d, age in ages.items()}
            keys = [(d, i) for d, age in ages.items() for i in self._present(scope, d, age)]
            return Report(keys, lambda key: bounds | writers[key[0]](key[1]))
        return Report([end], lambda _: bounds | self._window_record(scope, days, end, as_of), one_object=True)

    def _window_record(self, scope: str, days: Sequence[date], end: date, as_of: date) -> Json:
        record: Json = {
            "created_at": f"{end + timedelta(days=1)}T03:36:11.710Z",
            **_ids(scope),
            "day_totals": [self._entity_row(scope, d, min(FINAL, (as_of - d).days)) for d in days],
        }
        if end >= changes.CUSTOMISATIONS:
            record["copilot_feature_engagement"] = self._engagement(scope, end, min(FINAL, (as_of - end).days))
        return record

    def _engagement(self, scope: str, end: date, age: int) -> Json:
        """People with two or more active days of a feature in the window."""
        members = self.audience.scope(scope)
        active = self.audience.ever(end, age, activity.PRESENT, WINDOW_DAYS) & members
        features = (
            ("code_completion", activity.COMPLETION),
            ("agent_edit", activity.AGENT),
            ("active_code_review", activity.REVIEW_ACTIVE),
            ("passive_code_review", activity.REVIEW_PASSIVE),
            ("cloud_agent", activity.CLOUD_AGENT),
            ("copilot_cli", activity.CLI),
            ("copilot_app", activity.APP),
        )
        engaged = ((name, self.audience.often(end, age, surface) & members) for name, surface in features)
        return {
            "active_user_count": active.bit_count(),
            "totals_by_feature": [
                {"feature": name, "engaged_user_count": people.bit_count()} for name, people in engaged if people
            ],
        }

    # ------------------------------------------------------------------------------------------------ people's rows

    def _present(self, scope: str, day: date, age: int) -> list[int]:
        """Those with a row, in no order."""
        seen = self.audience.seen(day, age, activity.PRESENT) & self.audience.scope(scope)
        people = people_in(seen)
        dice(self.seed, day, "order").shuffle(people)
        return people

    def _user_row_writer(self, scope: str, day: date, age: int) -> Callable[[int], Json]:
        surfaces = self.activity.surfaces(day)
        phases = self.audience.phase_numbers(day, age) if day >= changes.ADOPTION_PHASES else None
        low = set(people_in(self.audience.counters_low(day, age)))
        ids, tail = _ids(scope), housekeeping(day, _entity_id(scope))

        def write(index: int) -> Json:
            person = self.population.people[index]
            did = self._did(index, day, low)
            row = user_row(person, day, surfaces[index], did, ids=ids, phase=phases[index] if phases else 0)
            return row | tail

        return write

    def _did(self, index: int, day: date, low: set[int]) -> PersonDay:
        """What GitHub knows by now that somebody did."""
        did = self.activity.person_day(index, day)
        return did.halved() if index in low else did

    def _user_teams(self, scope: str, day: date) -> Report:
        """Who sat in which team; a team with fewer than five seats that day is left out."""
        owner = scope.partition(":")[2]
        key = "enterprise_id" if owner == ENTERPRISE else "organization_id"
        seats = [(team, self.population.licensed(team.scope, day)) for team in self.population.teams_of(owner)]
        keys = [(team, i) for team, people in seats if len(people) >= MIN_SEATS for i in people]

        def write(membership: tuple[Team, int]) -> Json:
            team, index = membership
            person = self.population.people[index]
            return {
                "user_id": person.id,
                "user_login": person.login,
                "day": day.isoformat(),
                key: str(_entity_id(scope)),
                "team_id": team.id,
                "slug": team.slug,
            }

        return Report(keys, write)

    # --------------------------------------------------------------------------------------------- aggregated records

    def _make_entity_row(self, scope: str, day: date, age: int) -> Json:
        members = self.audience.scope(scope)
        seen = self.audience.seen(day, age, activity.PRESENT) & members
        low = set(people_in(self.audience.counters_low(day, age)))
        days = {index: self._did(index, day, low) for index in people_in(seen)}
        phased = day >= changes.ADOPTION_PHASES
        phases = self.audience.phases(day, age) if phased else (seen,)
        row = entity_row(
            day,
            days,
            [people_in(phase & seen) for phase in phases],
            users=self._distinct_users(members, day, age),
            phases=[(phase & members).bit_count() for phase in phases],
            pulls=pull_requests([pulls_of(self.seed, r, day) for r in self._repositories(scope)], day),
            ids=_ids(scope),
        )
        return row | housekeeping(day, _entity_id(scope))

    def _distinct_users(self, members: int, day: date, age: int) -> Json:
        """The distinct people of the day, the trailing 7 and the trailing 28 days."""

        def people(surface: int, days: int) -> int:
            return self.audience.ever(day, age, surface, days) & members

        counts: Json = {
            "daily_active_users": people(activity.PRESENT, 1).bit_count(),
            "weekly_active_users": people(activity.PRESENT, 7).bit_count(),
            "monthly_active_users": people(activity.PRESENT, 28).bit_count(),
            "monthly_active_chat_users": people(activity.CHAT, 28).bit_count(),
            "monthly_active_agent_users": people(activity.AGENT, 28).bit_count(),
        }
        for name, days in (("daily", 1), ("weekly", 7), ("monthly", 28)):
            if day >= changes.CLOUD_AGENT_USERS:
                cloud = people(activity.CLOUD_AGENT, days)
                counts[f"{name}_active_copilot_cloud_agent_users"] = cloud.bit_count()
            if day >= changes.CODE_REVIEW_USERS:
                reviewers = people(activity.REVIEW_ACTIVE, days)
                passive = people(activity.REVIEW_PASSIVE, days) & ~reviewers  # active always trumps passive
                counts[f"{name}_active_copilot_code_review_users"] = reviewers.bit_count()
                counts[f"{name}_passive_copilot_code_review_users"] = passive.bit_count()
        if cli := people(activity.CLI, 1):
            counts["daily_active_cli_users"] = cli.bit_count()
        if day >= changes.APP_FIELDS:
            counts["daily_active_copilot_app_users"] = people(activity.APP, 1).bit_count() or None
        if window := people(activity.VSCODE_AGENT, 1):
            counts["daily_active_vscode_agent_users"] = window.bit_count()
        return counts

    def _repositories(self, scope: str) -> list[Repository]:
        owner = scope.partition(":")[2]
        return [r for r in REPOSITORIES if owner in (r.owner, ENTERPRISE)]

    # ---------------------------------------------------------------------------------------------- the closed API

    def legacy(self, scope: str, start: date, end: date, as_of: date) -> Iterator[Json]:
        """The closed API's records from `start` to `end`, ascending: closed days, 100 back at most.

        A day on which fewer than five people of an organisation or team held a seat is left out; the enterprise itself
        has no such rule. Lost days are left out as well.
        """
        day = max(start, as_of - timedelta(days=LEGACY_DAYS))
        while day <= min(end, as_of - timedelta(days=1)):
            licensed = self.population.licensed(scope, day)
            enough = len(licensed) >= MIN_SEATS or scope.startswith("enterprise:")
            if enough and not self.is_lost(scope, day):
                yield legacy_record(day, self._in_editors(licensed, day), self.seed)
            day += timedelta(days=1)

    def _in_editors(self, indices: Iterable[int], day: date) -> Iterator[tuple[Person, PersonDay]]:
        surfaces = self.activity.surfaces(day)
        for index in indices:
            if surfaces[index] & activity.PRESENT and not surfaces[index] & activity.SERVER_ONLY:
                yield self.population.people[index], self.activity.person_day(index, day)


def _ids(scope: str) -> Json:
    kind, _, name = scope.partition(":")
    own = {} if kind == "enterprise" else {"organization_id": str(ORGANIZATIONS[name].id)}
    return {**own, "enterprise_id": str(ENTERPRISE_ID)}


def _entity_id(scope: str) -> int:
    kind, _, name = scope.partition(":")
    return ENTERPRISE_ID if kind == "enterprise" else ORGANIZATIONS[name].id


def _a_year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)
