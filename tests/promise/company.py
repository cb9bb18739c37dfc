"""Random companies, laid into a warehouse as GitHub would report them: who did what is known of every person.

A company has one to three organisations in an enterprise, overlapping teams, people outside of all organisations or in
several, rows of zeros, passive reviews, people whom GitHub's servers alone saw, people who were forgotten, seats,
adoption phases, pull requests, bills, budgets, and a legacy team. All companies stand in one warehouse, each with
scopes of its own, in one week that is attacked, and two before it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import polars as pl

from copilot_assets.warehouse.tables import registered, transaction
from tests.dbt_like_sql.conftest import Book

MONDAY: Final = date(2026, 10, 12)
BEFORE: Final = MONDAY - timedelta(7)
EARLY: Final = BEFORE - timedelta(7)  # of the month before; the event lies between it and the week
SNAPSHOT: Final = MONDAY + timedelta(6)
PRICES: Final = {"business": 19, "enterprise": 39}  # dollars a month, as the settings have them
MEASURES: Final = (
    *("user_initiated_interaction_count", "code_generation_activity_count", "code_acceptance_activity_count"),
    *("loc_suggested_to_add_sum", "loc_added_sum", "loc_deleted_sum"),
)
IDES, LANGUAGES, MODELS = ("vscode", "intellij", "eclipse"), ("python", "go", "others"), ("gpt-5", "auto", "others")
FEATURES = ("code_completion", "chat_panel_ask_mode", "agent_edit")


@dataclass(frozen=True)
class Act:
    """What a person did on a day in one place of every breakdown; None where a breakdown leaves it out."""

    person: int
    day: date
    feature: str
    ide: str | None
    language: str | None
    model: str | None
    amounts: tuple[int, ...]

    @property
    def credits(self) -> int:
        """What is billed for it."""
        return 1 + self.amounts[0] if any(self.amounts) else 0


@dataclass(frozen=True)
class Seat:
    """A person's seat: its plan, the days before the snapshot on which it was last used, and whether it ends."""

    plan: str
    used_before: int | None
    ends: bool


@dataclass
class Company:
    """Who is where, who did what, and who is hidden from the reports of people."""

    name: str
    scopes: dict[str, set[int]] = field(default_factory=dict)  # people of each scope; the enterprise has all
    teams: dict[tuple[str, int], set[int]] = field(default_factory=dict)  # by scope and id
    days: dict[int, set[date]] = field(default_factory=dict)  # days with a row, or with activity for GitHub alone
    acts: list[Act] = field(default_factory=list)
    passive: set[int] = field(default_factory=set)  # seen for a passive review and nothing else
    unseen: set[int] = field(default_factory=set)  # whom GitHub counts and the report of people does not have
    before: set[int] = field(default_factory=set)  # active the week before
    early: dict[int, set[date]] = field(default_factory=dict)  # days of the week before that
    early_days: int = 7  # of which so many were reported
    seats: dict[int, Seat] = field(default_factory=dict)
    pulls: dict[tuple[int, date], int] = field(default_factory=dict)  # opened and merged by a person on a day
    drift: int = 1  # people with a field that nobody knows
    share_passive: float = 0  # of people
    share_beyond: float = 1  # of people who use more than code completions
    legacy: dict[date, int] = field(default_factory=dict)  # active people of its legacy team

    def has_one_day(self, scope: str) -> bool:
        """Whether all its rows of people are of one day."""
        return len({day for person in self.seen(scope) for day in self.days[person]}) == 1

    def first_week(self, person: int) -> date:
        """Monday of the first week with a row, of whoever has one."""
        return EARLY if self.early.get(person) else BEFORE if person in self.before else MONDAY

    def days_since_use(self, person: int) -> int:
        """From the last day with an action of their own to the snapshot; many where there is none."""
        days = set(self.early.get(person, ()))
        days |= {BEFORE + timedelta(3)} if person in self.before else set()
        days |= set() if person in self.passive else self.days[person]
        return min(((SNAPSHOT - day).days for day in days if day < SNAPSHOT and person not in self.unseen), default=999)

    def seen(self, scope: str) -> set[int]:
        """People of a scope with a row in its report of people."""
        return {person for person in self.scopes[scope] if self.days.get(person)} - self.unseen


def company(number: int) -> Company:
    """One of many shapes: from ten people to 150. Each number has its own, and people of its own."""
    dice = random.Random(number)
    made = Company(f"c{number}")
    people = range(1000 * number, 1000 * number + dice.choice([10, 14, 20, 35, 60, 100, 150]))
    organisations = [f"org:{made.name}-{letter}" for letter in "abc"[: dice.randint(1, 3)]]
    made.scopes = {organisation: set() for organisation in organisations}
    for person in people:
        for organisation in dice.sample(organisations, min(len(organisations), dice.choice([0, 1, 1, 1, 1, 1, 2]))):
            made.scopes[organisation].add(person)
    made.scopes[f"enterprise:{made.name}"] = set(people)
    for scope, members in made.scopes.items():
        for team in range(1, dice.randint(2, 4)):
            made.teams[scope, team] = {person for person in members if dice.random() < dice.choice([0.2, 0.5, 0.9])}
    week = [MONDAY + timedelta(day) for day in (range(7) if dice.random() < 0.8 else [dice.randint(0, 6)])]
    made.early_days = dice.choice([5, 7])
    made.share_passive, made.share_beyond = dice.choice([0.06, 0.06, 0.5]), dice.choice([1, 1, 0.05])
    for person in people:
        _live(made, dice, person, week)
    made.drift = dice.randint(1, 4)
    made.unseen = {person for person in people if dice.random() < 0.04}
    made.legacy = {date(2026, 3, 2) + timedelta(n): dice.randint(2, 12) for n in range(7)}
    return made


def _live(made: Company, dice: random.Random, person: int, week: list[date]) -> None:
    """What a person does in the week, and did before it."""
    made.days[person] = set(dice.sample(week, dice.randint(0, len(week))))
    days = range(made.early_days) if dice.random() < 0.8 else ()
    made.early[person] = {EARLY + timedelta(n) for n in days if dice.random() < 0.4}
    used = dice.choice([None, 0, 3, 9, 40])
    made.seats[person] = Seat(dice.choice(["business", "enterprise"]), used, dice.random() < 0.1)
    if dice.random() < 0.85:
        made.before.add(person)
    if dice.random() < made.share_passive:
        made.passive.add(person)
        return
    habits = dice.sample(FEATURES, dice.randint(1, 2)) if dice.random() < made.share_beyond else [FEATURES[0]]
    for day in sorted(made.days[person]):
        if dice.random() < 0.3:
            made.pulls[person, day] = dice.randint(1, 4)
        made.acts += [_act(dice, person, day, feature) for feature in habits]


def _act(dice: random.Random, person: int, day: date, feature: str) -> Act:
    cli = dice.random() < 0.06
    language = dice.choices(LANGUAGES, (8, 3, 1))[0]
    amounts = tuple(dice.choice([0, 0, 1, 3, 12, 47, 130]) for _ in MEASURES)
    return Act(
        person,
        day,
        "copilot_cli" if cli else feature,
        None if cli else dice.choices(IDES, (8, 2, 0.3))[0],
        None if cli else language,
        None if cli or feature == "code_completion" else dice.choices(MODELS, (8, 3, 0.5))[0],
        # most of a rare language are rows of zeros
        (0,) * len(MEASURES) if language == "others" and dice.random() < 0.8 else amounts,
    )


def lay(book: Book, companies: list[Company]) -> None:
    """All companies into the tables that the models read."""
    tables: dict[str, list[dict[str, object]]] = defaultdict(list)
    book.expect(
        *(scope for each in companies for scope in each.scopes),
        *(f"team:{each.name}/core" for each in companies),
        start=EARLY,
        today=MONDAY + timedelta(14),
        legacy=True,
    )
    with transaction(book.connection):
        book.connection.execute("delete from raw.fetches")
    for each in companies:
        for scope in each.scopes:
            _lay_scope(tables, each, scope)
            _lay_early(tables, each, scope)
            _lay_seats(tables, each, scope)
            _lay_bill(tables, each, scope)
        field = {"report": "users-1-day", "path": f"$.new_{each.name}", "json_type": "number", "records": each.drift}
        of_fetch = {"fetch_id": "fetch-drift", "scope": f"enterprise:{each.name}", "day": MONDAY}
        tables["raw.unknown_fields"].append(of_fetch | field)
        for day, active in each.legacy.items():
            legacy = {"scope": f"team:{each.name}/core", "day": day}
            tables["flat.legacy_daily"].append({**legacy, "total_active_users": active, "total_engaged_users": active})
            # out of an archive
            tables["raw.fetches"].append(_fetch(legacy["scope"], "legacy-metrics", day, active) | {"http_status": None})
    with transaction(book.connection):
        book.connection.execute("update raw.settings set seat_grace_days = 0")
        for number, row in enumerate(tables["raw.fetches"], 1):
            row |= {"fetch_id": f"fetch-{number:06}"}
        for table, rows in tables.items():
            with registered(book.connection, rows=pl.DataFrame(rows, infer_schema_length=None)):
                book.connection.execute(f"insert into {table} by name select * from rows")


def _fetch(scope: object, report: str, day: date, active: int | None = None, records: int = 1) -> dict[str, object]:
    headline = "{}" if active is None else f'{{"daily_active_users": {active}, "total_active_users": {active}}}'
    return {
        "scope": scope,
        "report": report,
        "day": day,
        "requested_at": f"{MONDAY + timedelta(13)} 03:00:00",
        "outcome": "reported",
        "http_status": 200,
        "records": records,
        "evidence": "1 record.",
        "headline": headline,
    }


def _lay_scope(tables: dict[str, list[dict[str, object]]], each: Company, scope: str) -> None:
    people = each.scopes[scope]
    entity = "enterprise-1-day" if scope.startswith("enterprise") else "organization-1-day"
    week = [MONDAY + timedelta(n) for n in range(7)]
    acts = [act for act in each.acts if act.person in people]
    for person in sorted((people & each.before) - each.unseen):
        for n in range(4):  # four days, that the weeks can be compared
            tables["flat.user_daily"].append({"scope": scope, "day": BEFORE + timedelta(n), "user_id": person})
    for day in [BEFORE + timedelta(n) for n in range(7)]:
        tables["raw.fetches"] += [_fetch(scope, entity, day, len(people)), _fetch(scope, "users-1-day", day)]
        tables["flat.entity_daily"].append({"scope": scope, "day": day, "daily_active_users": len(people)})
    engaged = {person for person in people if each.days[person]} - each.passive
    for day in week:
        active = [person for person in engaged if day in each.days[person]]
        tables["raw.fetches"] += [_fetch(scope, entity, day, len(active))]
        rows = [person for person in people - each.unseen if day in each.days[person]]
        revised = _fetch(scope, "users-1-day", day, records=len(rows))
        old = {"requested_at": f"{MONDAY + timedelta(12)} 03:00:00", "sha256": "old"}
        tables["raw.fetches"] += [revised | old, revised] if day == MONDAY else [revised]
        tables["raw.fetches"] += [_fetch(scope, report, day) for report in ("user-teams-1-day", "ai-credit-usage")]
        totals = dict(zip(MEASURES, _added([act for act in acts if act.day == day]), strict=True))
        numbers = {"daily_active_users": len(active), "weekly_active_users": len(engaged)}
        tables["flat.entity_daily"].append({"scope": scope, "day": day, **totals, **numbers})
        _lay_pulls(tables, each, scope, day, set(active))
        for team, members in ((team, members) for (of, team), members in each.teams.items() if of == scope):
            row = {"scope": scope, "day": day, "team_id": team, "team_slug": f"team-{team}"}
            tables["flat.user_team_daily"] += [{**row, "user_id": person} for person in sorted(members)]
        for person in sorted(rows):
            own = dict(zip(MEASURES, _added([a for a in acts if a.day == day and a.person == person]), strict=True))
            row = {"scope": scope, "day": day, "user_id": person, **own}
            row["used_copilot_code_review_passive"] = person in each.passive
            row["ai_adoption_phase_number"] = phase_of(person)
            tables["flat.user_daily"].append(row)
    _lay_breakdowns(tables, each, scope, acts)


def _lay_early(tables: dict[str, list[dict[str, object]]], each: Company, scope: str) -> None:
    entity = "enterprise-1-day" if scope.startswith("enterprise") else "organization-1-day"
    for day in [EARLY + timedelta(n) for n in range(each.early_days)]:
        rows = [p for p in sorted(each.scopes[scope] - each.unseen) if day in each.early[p]]
        tables["raw.fetches"] += [_fetch(scope, entity, day, len(rows)), _fetch(scope, "users-1-day", day)]
        tables["raw.fetches"].append(_fetch(scope, "user-teams-1-day", day))
        tables["flat.entity_daily"].append({"scope": scope, "day": day, "daily_active_users": len(rows)})
        tables["flat.user_daily"] += [{"scope": scope, "day": day, "user_id": person} for person in rows]
        for team, members in ((team, members) for (of, team), members in each.teams.items() if of == scope):
            row = {"scope": scope, "day": day, "team_id": team, "team_slug": f"team-{team}"}
            tables["flat.user_team_daily"] += [{**row, "user_id": person} for person in sorted(members)]
    event = {"day": BEFORE, "scope": scope, "what": "training"}
    tables["raw.events"] += [event | {"team_slug": team} for team in (None, "team-1")]


def _lay_seats(tables: dict[str, list[dict[str, object]]], each: Company, scope: str) -> None:
    people = sorted(each.scopes[scope])
    snapshot = _fetch(scope, "copilot-seats", SNAPSHOT, records=len(people))
    tables["raw.fetches"].append(snapshot | {"headline": f'{{"total_seats": {len(people)}}}'})
    for person in people:
        seat = each.seats[person]
        row: dict[str, object] = {"scope": scope, "day": SNAPSHOT, "user_id": person, "plan_type": seat.plan}
        row["created_at"] = "2026-01-05 09:00:00"
        used = None if seat.used_before is None else SNAPSHOT - timedelta(seat.used_before)
        row["last_activity_at"] = used and f"{used} 12:00:00"
        row["pending_cancellation_date"] = date(2026, 11, 1) if seat.ends else None
        tables["flat.seat"].append(row)
        tables["flat.seat_grant"].append(row)


def paid_by(each: Company, person: int) -> dict[str, str | None]:
    """What a line of the bill says of whom it is: of several organisations that of the seat, the first one."""
    organisations = [scope[4:] for scope, people in each.scopes.items() if scope.startswith("org") and person in people]
    return {
        "organization": organisations[0] if organisations else None,
        "repository": f"octo-org/{('tea', 'mug', 'cup')[person % 13 % 3]}" if person % 3 else None,
        "cost_center": ("Research", "Few")[person % 11 == 0],
    }


def _lay_bill(tables: dict[str, list[dict[str, object]]], each: Company, scope: str) -> None:
    """The bill by person, without those who were forgotten; budgets of the scope and its parts, as GitHub counts."""
    acts = [act for act in each.acts if act.person in each.scopes[scope] and act.model is not None]
    expected = {"scope": scope, "report": "ai-usage-report", "start_day": EARLY, "as_of": MONDAY + timedelta(7)}
    tables["raw.expected_reports"].append(expected | {"lag_days": 1, "history_days": 730})
    tables["raw.fetches"] += [_fetch(scope, "ai-usage-report", MONDAY + timedelta(n)) for n in range(7)]
    for act in acts:
        paid = paid_by(each, act.person)
        line = {"scope": scope, "day": act.day, "user_id": act.person, "sku": "copilot_ai_credit"}
        line |= {"organization": paid["organization"], "repository": paid["repository"]}
        amounts = dict.fromkeys(("quantity", "gross_amount", "net_amount"), float(act.credits))
        if act.person not in each.unseen:
            tables["flat.bill_item"].append({**line, "cost_center_name": paid["cost_center"], **amounts})
    tables["raw.fetches"].append(_fetch(scope, "budgets", SNAPSHOT))
    whole = ("enterprise" if scope.startswith("enterprise") else "organization", scope.partition(":")[2])
    paid_for = {(kind, name) for act in acts for kind, name in paid_by(each, act.person).items() if name}
    for number, (kind, name) in enumerate(sorted({whole, *paid_for})):
        of = [act for act in acts if (kind, name) == whole or paid_by(each, act.person).get(kind) == name]
        budget = {"budget_id": f"b-{number}", "budget_scope": kind, "budget_entity_name": name, "budget_amount": 1000.0}
        told = {"budget_product_sku": "ai_credits", "consumed_amount": float(sum(act.credits for act in of))}
        tables["flat.budget"].append({"scope": scope, "day": SNAPSHOT, **budget, **told})


def phase_of(person: int) -> int:
    """The adoption phase of a person."""
    return person % 7 % 3


def _lay_pulls(
    tables: dict[str, list[dict[str, object]]], each: Company, scope: str, day: date, active: set[int]
) -> None:
    """Pull requests of the scope, and the phases of its active people; GitHub has averages of the most."""
    of_day = {person: each.pulls.get((person, day), 0) for person in active}
    total = sum(of_day.values())
    row: dict[str, object] = {"scope": scope, "day": day}
    tables["flat.entity_pull_request_daily"].append(row | {"total_created": total, "total_merged": total})
    for phase in range(3):
        people = [person for person in sorted(active) if phase_of(person) == phase]
        if not people:
            continue
        sums = _added([act for act in each.acts if act.day == day and act.person in people])
        merged = sum(of_day[person] for person in people)
        numbers = {
            "phase_number": phase,
            "phase": f"Phase {phase}",
            "total_engaged_users": len(people),
            "users_in_phase_28d": sum(phase_of(p) == phase for p in each.seen(scope)),
            "avg_user_initiated_interactions": sums[0] / len(people),
            "avg_code_generation_activities": sums[1] / len(people),
            "avg_code_acceptance_activities": sums[2] / len(people),
            "avg_loc_added": sums[4] / len(people),
            "avg_pull_requests_created": merged / len(people),
            "total_pull_requests_merged": merged,
        }
        tables["flat.entity_adoption_phase_daily"].append(row | numbers)


def _lay_breakdowns(tables: dict[str, list[dict[str, object]]], each: Company, scope: str, acts: list[Act]) -> None:
    places = {
        "feature": ("feature",),
        "ide": ("ide",),
        "language_feature": ("language", "feature"),
        "model_feature": ("model", "feature"),
    }
    for breakdown, keys in places.items():
        of_scope: dict[tuple[object, ...], list[Act]] = defaultdict(list)
        of_people: dict[tuple[object, ...], list[Act]] = defaultdict(list)
        for act in acts:
            key = tuple(getattr(act, name) for name in keys)
            if None not in key:
                of_scope[act.day, *key].append(act)
                if act.person not in each.unseen:
                    of_people[act.day, *key, act.person].append(act)
        for kind, rows in (("entity", of_scope), ("user", of_people)):
            for (day, *values), behind in rows.items():
                row: dict[str, object] = {"scope": scope, "day": day, **dict(zip(keys, values, strict=False))}
                row |= {f"{name}_name": row[name] for name in keys if name != "feature"}
                row |= {"user_id": values[-1]} if kind == "user" else {}
                numbers = dict(zip(MEASURES, _added(behind), strict=True))
                if breakdown == "language_feature":
                    del numbers[MEASURES[0]]
                tables[f"flat.{kind}_{breakdown}_daily"].append(row | numbers)
                if kind == "entity" and breakdown == "model_feature":
                    billed = float(sum(act.credits for act in behind))
                    line = {"model": values[0], "model_name": values[0]}
                    line |= dict.fromkeys(("gross_quantity", "gross_amount", "net_quantity", "net_amount"), billed)
                    tables["flat.ai_credit_usage"].append({"scope": scope, "day": day, **line})


def _added(acts: list[Act]) -> list[int]:
    return [sum(act.amounts[n] for act in acts) for n in range(len(MEASURES))]
