"""A small history as GitHub would send it, made up by chance: the JSON of every report, and what became of every day.

Two scopes that share people; holes of three kinds; a day that nobody asked for; a break; somebody who was forgotten;
people who come in for a passive review alone; double seats; the turn of a year; an archive of the legacy metrics.
Nothing is counted here that a table counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

Json = dict[str, Any]
ORG, CORP = "org:octo-org", "enterprise:octo-corp"
CORE = "team:octo-org/core"
START, TODAY = date(2026, 9, 28), date(2027, 1, 20)
ENTITY, USERS, TEAMS, SEATS, BILL = "entity", "users-1-day", "user-teams-1-day", "copilot-seats", "ai-credit-usage"
LEGACY, LINES = "legacy-metrics", "ai-usage-report"
ARCHIVE = (date(2026, 2, 2), date(2026, 3, 19))
ENTITY_REPORT = {ORG: "organization-1-day", CORP: "enterprise-1-day"}
FORGOTTEN = 9  # of the organisation: GitHub's totals hold what they did, their rows are gone
COUNTERS = (
    *("user_initiated_interaction_count", "code_generation_activity_count", "code_acceptance_activity_count"),
    *("loc_suggested_to_add_sum", "loc_added_sum", "loc_deleted_sum"),
)
# Of a breakdown's elements, what names one; languages have no prompts.
BREAKDOWNS = {
    "totals_by_ide": ("ide",),
    "totals_by_feature": ("feature",),
    "totals_by_language_feature": ("language", "feature"),
    "totals_by_model_feature": ("model", "feature"),
}
PULLS = (
    *("total_created", "total_reviewed", "total_merged", "total_created_by_copilot", "total_reviewed_by_copilot"),
    *("total_merged_created_by_copilot", "total_merged_reviewed_by_copilot", "total_suggestions"),
    *("total_applied_suggestions", "total_copilot_suggestions", "total_copilot_applied_suggestions"),
)
# Medians of minutes, and what they are the medians of.
MEDIANS = {
    "median_minutes_to_merge": "total_merged",
    "median_minutes_to_merge_copilot_authored": "total_merged_created_by_copilot",
    "median_minutes_to_merge_copilot_reviewed": "total_merged_reviewed_by_copilot",
}
AVERAGES = (
    *("user_initiated_interactions", "code_generation_activities", "code_acceptance_activities", "loc_added"),
    "pull_requests_created",
)
FLAGS = ("used_chat", "used_agent", "used_copilot_code_review_active")
PASSIVE = {**dict.fromkeys(FLAGS, False), "used_copilot_code_review_passive": True}
MODELS = ("claude-sonnet-4.5", "claude-4.5-sonnet", "gpt-5.0", "gpt-5")
# What did not come: days of a report of a scope, and how asking for them ended; None is never asked for.
HOLES: dict[tuple[str, str], dict[date, str | None]] = {
    (ORG, USERS): {date(2026, 10, 14) + timedelta(n): "forbidden" for n in range(7)} | {date(2026, 12, 9): None},
    (ORG, ENTITY): {date(2026, 11, 7): "failed", date(2026, 11, 8): "failed"},
    (ORG, TEAMS): {date(2026, 12, 2): "failed"},
    (CORP, ENTITY): {date(2026, 12, 30): "failed"},
    (CORP, USERS): {date(2026, 11, 22): "forbidden"},
    (CORP, LINES): {date(2026, 11, 30): "failed"},
    # not in the archive
    (ORG, LEGACY): dict.fromkeys((date(2026, 2, 11), date(2026, 2, 14), date(2026, 2, 15))),
    (CORE, LEGACY): dict.fromkeys((date(2026, 2, 21), date(2026, 2, 22), date(2026, 3, 10))),
}


@dataclass
class History:
    """Records by scope, report (`entity` for either kind) and day; a day that did not come has no entry."""

    records: dict[tuple[str, str, date], list[Json]] = field(default_factory=dict)

    def of(self, scope: str, report: str) -> dict[date, list[Json]]:
        """The days of a report that came, in order."""
        return {day: rows for (s, r, day), rows in sorted(self.records.items(), key=str) if (s, r) == (scope, report)}


def days() -> list[date]:
    """Every closed day."""
    return [START + timedelta(n) for n in range((TODAY - START).days)]


def history(people: int = 12) -> History:
    """The same one each time: of so many people in the enterprise, three quarters of them in the organisation."""
    chance, lines_chance, made = Random(7), Random(11), History()
    everybody = range(1, people + 1)
    scopes = {ORG: everybody[: people * 3 // 4], CORP: everybody}
    teams = {21: everybody[: people // 2 - 1], 22: everybody[people // 3 - 1 : people * 2 // 3 - 1], 23: everybody[:4]}
    first_day = {person: START + timedelta(chance.choice((0, 0, 0, 24, 75))) for person in everybody}
    for day in days():
        share = 0.15 if day.isoweekday() > 5 else 0.6
        active = [p for p in everybody if day >= first_day[p] and chance.random() < share]
        rows = {person: _user(chance, person, day) for person in active}
        for scope, members in scopes.items():
            of_scope = [rows[person] for person in active if person in members]
            _put(made, scope, ENTITY, day, [_entity(chance, day, of_scope)])
            kept = [row for row in of_scope if scope != ORG or row["user_id"] != FORGOTTEN]
            _put(made, scope, USERS, day, kept)
            _put(made, scope, BILL, day, [_bill(chance, day)])
        _put(made, CORP, LINES, day, _lines(lines_chance, day, active))
        _put(made, ORG, TEAMS, day, [_member(team, each, day) for team, of_team in teams.items() for each in of_team])
        if day.isoweekday() == 3:
            made.records[CORP, SEATS, day] = _seats(chance, day, everybody)
    for n in range((ARCHIVE[1] - ARCHIVE[0]).days + 1):
        day = ARCHIVE[0] + timedelta(n)
        # the team has weeks with a day of few people, and weeks without
        for scope, fewest in ((ORG, 30), (CORE, 5 if n % 14 < 7 else 3)):
            active = fewest + chance.randrange(9)
            legacy = {"date": day.isoformat(), "total_active_users": active}
            _put(made, scope, LEGACY, day, [legacy | {"total_engaged_users": active - chance.randrange(3)}])
    return made


def _put(made: History, scope: str, report: str, day: date, records: list[Json]) -> None:
    if day not in HOLES.get((scope, report), {}):
        made.records[scope, report, day] = records


def _numbers(chance: Random) -> Json:
    return {name: chance.choice((0, 0, 1, 3, 8, 140)) for name in COUNTERS}


def _user(chance: Random, person: int, day: date) -> Json:
    about = {"day": day.isoformat(), "user_id": person, "user_login": f"user-{person}"}
    phase = (person + day.month) % 3
    about["ai_adoption_phase"] = {"phase_number": phase, "phase": f"Phase {phase}"}
    if person % 4 == 1 and chance.random() < 0.7:  # Copilot was asked for a review by itself, and nothing else was done
        return {**about, **dict.fromkeys(COUNTERS, 0), **{name: [] for name in BREAKDOWNS}, **PASSIVE}
    elements = {
        # an IDE of few people
        "totals_by_ide": [
            {"ide": ide}
            for ide in chance.sample(("vscode", "VisualStudio", "eclipse" if person % 6 == 0 else "xcode"), 2)
        ],
        "totals_by_feature": [{"feature": f} for f in chance.sample(("code_completion", "agent_edit", "others"), 2)],
        "totals_by_language_feature": [
            {"language": language, "feature": chance.choice(("code_completion", "agent_edit"))}
            for language in chance.sample(("c#", "csharp", "python"), 2)
        ],
        "totals_by_model_feature": [{"model": m, "feature": "agent_edit"} for m in chance.sample(MODELS, 2)],
    }
    return {
        **about,
        **_numbers(chance),
        "used_chat": chance.random() < 0.5,
        "used_agent": chance.random() < 0.3,
        "used_copilot_code_review_active": chance.random() < 0.1,
        "used_copilot_code_review_passive": chance.random() < 0.2,
        **{name: [element | _numbers(chance) for element in each] for name, each in elements.items()},
    }


def _entity(chance: Random, day: date, users: list[Json]) -> Json:
    """The scope's own report: sums of its people, and some of GitHub's own."""
    record: Json = {"day": day.isoformat(), "daily_active_users": len(users)}
    record |= {name: sum(user[name] for user in users) for name in COUNTERS}
    for name in (
        "weekly_active_users",
        "monthly_active_users",
        "monthly_active_chat_users",
        "monthly_active_agent_users",
    ):
        record[name] = chance.randrange(3, 14)
    for breakdown, keys in BREAKDOWNS.items():
        sums: dict[tuple[str, ...], Json] = defaultdict(lambda: dict.fromkeys(COUNTERS, 0))
        for element in (each for user in users for each in user[breakdown]):
            for name in COUNTERS:
                sums[tuple(element[key] for key in keys)][name] += element[name]
        record[breakdown] = [dict(zip(keys, key, strict=True)) | numbers for key, numbers in sorted(sums.items())]
    record["totals_by_ai_adoption_phase"] = [
        {
            **phase,
            "total_engaged_users": sum(user["ai_adoption_phase"] == phase for user in users),
            "users_in_phase_28d": chance.randrange(3, 30),
            "total_pull_requests_merged": chance.randrange(20),
            **{f"avg_{name}": chance.randrange(1, 900) / 100 for name in AVERAGES},
        }
        for phase in sorted({str(u["ai_adoption_phase"]): u["ai_adoption_phase"] for u in users}.values(), key=str)
    ]
    if chance.random() < 0.9:  # some days tell of no pull requests
        pulls: Json = {name: chance.randrange(9) for name in PULLS}
        # none without merges, and not always one with them
        told = [name for name, of in MEDIANS.items() if pulls[of] and chance.random() < 0.9]
        record["pull_requests"] = pulls | {name: chance.randrange(100_000) / 8 for name in told}
    return record


def _member(team: int, person: int, day: date) -> Json:
    identity = {"user_id": person, "user_login": f"user-{person}", "day": day.isoformat()}
    return identity | {"team_id": team, "slug": f"team-{team}"}


def _seats(chance: Random, day: date, people: range) -> list[Json]:
    """A seat each, and some people a second one of the other plan."""
    seats = []
    for person in people:
        used = day - timedelta(chance.choice((0, 3, 9, 28, 29, 60)))
        plans = chance.choice((["business"], ["enterprise"], ["business", "enterprise"], ["unknown"]))
        seats += [
            {
                "created_at": f"{date(2026, 1, 5) if person % 4 else day - timedelta(10)}T09:00:00Z",
                "assignee": {"id": person, "login": f"user-{person}", "type": "User"},
                "plan_type": plan,
                "last_activity_at": f"{used}T12:00:00Z" if chance.random() < 0.7 else None,
                "pending_cancellation_date": "2027-02-01" if chance.random() < 0.2 else None,
            }
            for plan in plans
        ]
    return seats


def _lines(chance: Random, day: date, active: list[int]) -> list[Json]:
    """Of a person some lines of the bill, some of nothing, and a line that is of nobody."""
    lines = []
    for person in (*active, None):
        for _ in range(chance.randrange(3) if person else 1):
            used = chance.choice((0, 0, 7, 25, 160))
            line = {
                "date": day.isoformat(),
                "sku": "copilot_ai_credit",
                "unit_type": "ai-credits",
                "product": "copilot",
            }
            line |= {"username": f"user-{person}"} if person else {}
            # One organisation and one cost centre are of few people.
            if person is None or person % 3:
                line["organization"] = "octo-org" if person and person > 3 else "octo-labs"
            if person and person % 2:
                line["cost_center_name"] = "Platform" if person > 4 else "Research"
            quantity, net = used / 10, used / 40 if chance.random() < 0.5 else 0
            line |= {"quantity": f"{quantity}", "gross_amount": f"{used / 20}", "net_amount": f"{net}"}
            lines.append(line)
    return lines


def _bill(chance: Random, day: date) -> Json:
    items = [
        {"product": "Copilot", "sku": "Copilot AI Credits", "model": model}
        | {"grossQuantity": chance.randrange(90) / 10, "grossAmount": chance.randrange(900) / 100}
        | {"netQuantity": 0.0, "netAmount": chance.randrange(300) / 100}
        for model in ("Claude Sonnet 4.5", "Auto: Claude Sonnet 4.5", "GPT-5", "Grok 9")
    ]
    return {"timePeriod": {"year": day.year, "month": day.month, "day": day.day}, "usageItems": items}
