"""GitHub's records, written from cells: the rows of people and the aggregated record of an enterprise or organisation.

Which fields a record has on which day, and how its totals follow from cells, belong here. Who is in it is decided by
`audience.py` and `world.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import add as plus
from operator import itemgetter
from typing import Any, Final, TypeVar

from copilot_assets.standin import activity, changes
from copilot_assets.standin.activity import AgentApp, Cell, PersonDay, Sessions
from copilot_assets.standin.people import Person

Json = dict[str, Any]
Key = tuple[str | None, str, str, str | None]  # ide, feature, language, model
Counts = tuple[int, ...]  # the seven counters, in the order of COUNTERS
Sums = dict[Key, Counts]
_K = TypeVar("_K", bound=tuple[str | None, ...])

COUNTERS: Final = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)
PHASE_NAMES: Final = ("No Cohort", "Phase 1", "Phase 2", "Phase 3")
_BREAKDOWNS: Final = (  # the array, the parts of the key it groups by, and their names
    ("totals_by_ide", itemgetter(slice(0, 1)), ("ide",)),
    ("totals_by_feature", itemgetter(slice(1, 2)), ("feature",)),
    ("totals_by_language_feature", itemgetter(2, 1), ("language", "feature")),
    ("totals_by_language_model", itemgetter(2, 3), ("language", "model")),
    ("totals_by_model_feature", itemgetter(3, 1), ("model", "feature")),
)
_PLUGINS: Final = {"vscode": "copilot-chat", "intellij": "copilot-intellij", "visualstudio": ""}
_SKILLS: Final = (
    ("skill", "skill", "other"),
    ("custom_agent", "custom_agent", "general-purpose"),
    ("mcp", "mcp", "github-mcp-server"),
    ("slash_cmd", "slash_cmd", "/plan"),
    ("plugin", "plugin", "other"),
)


# --------------------------------------------------------------------------------------------------- sums of cells


def add(sums: Sums, cells: Iterable[Cell]) -> None:
    """Add cells to sums."""
    _fold(sums, ((cell[:4], cell[4:]) for cell in cells))


def merged(parts: Iterable[Sums]) -> Sums:
    """The sums of sums."""
    result: Sums = {}
    for part in parts:
        _fold(result, part.items())
    return result


def top_level(sums: Sums) -> list[int]:
    """The seven counters over everything."""
    return [sum(column) for column in zip(*sums.values(), strict=True)] if sums else [0] * len(COUNTERS)


def breakdowns(sums: Sums) -> Json:
    """The seven top-level counters and the five classic `totals_by_…` arrays (always present, perhaps empty).

    Features and language-features add up to the top level exactly. IDEs do not (the CLI has none), nor do models
    (completions have none); arrays with a language carry no interactions. So it is on GitHub.
    """
    record: Json = dict(zip(COUNTERS, top_level(sums), strict=True))
    for name, group, names in _BREAKDOWNS:
        grouped: dict[tuple[str | None, ...], Counts] = {}
        _fold(grouped, ((group(key), counts) for key, counts in sums.items()))
        first = 1 if "language" in names else 0
        keys = (*names, *COUNTERS[first:])
        record[name] = [
            dict(zip(keys, (*key, *counts[first:]), strict=True)) for key, counts in grouped.items() if None not in key
        ]
    return record


def _fold(into: dict[_K, Counts], items: Iterable[tuple[_K, Counts]]) -> None:
    for key, counts in items:
        sums = into.get(key)
        into[key] = counts if sums is None else tuple(map(plus, sums, counts))


# ---------------------------------------------------------------------------------------------------- rows of people


def user_row(person: Person, day: date, surfaces: int, did: PersonDay, *, ids: Json, phase: int) -> Json:
    """A line of `users-1-day`; `ids` are the entity's id fields, `phase` the number of the adoption phase."""
    sums: Sums = {}
    add(sums, did.cells)
    record: Json = {
        "user_id": person.id,
        "user_login": person.login,
        "day": day.isoformat(),
        **ids,
        **breakdowns(sums),
        "used_agent": bool(surfaces & activity.AGENT),
        "used_chat": bool(surfaces & activity.CHAT),
    }
    for part in record["totals_by_ide"]:
        part |= _versions(person, part["ide"], day)
    record |= _used(surfaces, day)
    record |= _outside_ide(surfaces, day, did)
    if day >= changes.AI_CREDITS:
        record["ai_credits_used"] = did.ai_credits
    if day >= changes.ADOPTION_PHASES:
        record["ai_adoption_phase"] = {"phase_number": phase, "phase": PHASE_NAMES[phase], "version": "v1"}
    if day >= changes.CUSTOMISATIONS:
        record |= _customisations(did)
    return record


def housekeeping(day: date, entity_id: int) -> Json:
    """The three fields GitHub's pipeline leaves in its files."""
    return {"etl_id": "green", "day_partition": day.isoformat(), "entity_id_partition": entity_id}


def _used(surfaces: int, day: date) -> Json:
    """The `used_…` flags of the day. Code review has three states: null says there was no signal at all."""
    active = bool(surfaces & activity.REVIEW_ACTIVE)
    reviewed = active or bool(surfaces & activity.REVIEW_PASSIVE)
    cloud = bool(surfaces & activity.CLOUD_AGENT)
    flags = (
        ("used_cli", changes.CLI_FIELDS, bool(surfaces & activity.CLI)),
        ("used_copilot_coding_agent", changes.CODING_AGENT_FLAG, cloud),
        ("used_copilot_cloud_agent", changes.CLOUD_AGENT_USERS, cloud),
        ("used_copilot_code_review_active", changes.CODE_REVIEW_FLAGS, active if reviewed else None),
        ("used_copilot_code_review_passive", changes.CODE_REVIEW_FLAGS, not active if reviewed else None),
        ("used_copilot_app", changes.APP_IN_TOTALS, bool(surfaces & activity.APP)),
    )
    return {name: value for name, since, value in flags if day >= since}


def _outside_ide(surfaces: int, day: date, did: PersonDay) -> Json:
    """Objects of surfaces outside the breakdowns: the key is absent when there was none."""
    record: Json = {}
    if did.cli:
        version = {"cli_version": f"1.0.{day.toordinal() % 80}", "sampled_at": f"{day}T06:30:00.000Z"}
        record["totals_by_cli"] = sessions_record([did.cli]) | {"last_known_cli_version": version}
    if did.app:
        record["totals_by_copilot_app"] = sessions_record([did.app])
    if did.vscode_agent:
        record["used_vscode_agent"] = bool(surfaces & activity.VSCODE_AGENT)
        record["totals_by_vscode_agent"] = _window_record([did.vscode_agent])
    if did.agent_apps:
        record["totals_by_3rd_party_agent"] = [
            {"agent_name": a.name, "agent_id": a.id, "user_initiated_interaction_count": a.interactions}
            for a in did.agent_apps
        ]
    return record


def sessions_record(parts: Sequence[Sessions]) -> Json:
    """A `totals_by_cli` or `totals_by_copilot_app` object; the average is null without requests."""
    sessions, requests, prompts, output, prompt_tokens = (sum(column) for column in zip(*parts, strict=True))
    return {
        "session_count": sessions,
        "request_count": requests,
        "prompt_count": prompts,
        "token_usage": {
            "output_tokens_sum": output,
            "prompt_tokens_sum": prompt_tokens,
            "avg_tokens_per_request": round((output + prompt_tokens) / requests, 1) if requests else None,
        },
    }


def _window_record(parts: Sequence[tuple[int, int]]) -> Json:
    sessions, messages = (sum(column) for column in zip(*parts, strict=True))
    return {"session_count": sessions, "total_user_messages": messages}


def _versions(person: Person, ide: str, day: date) -> Json:
    """The editor and plugin last seen in a person's row."""
    months = (day - changes.ENTERPRISE_REPORTS).days // 30
    sampled = f"{day}T0{person.number % 10}:15:{person.number % 60:02}.000Z"
    plugin = _PLUGINS.get(ide, "copilot")
    return {
        "last_known_ide_version": {"ide_version": f"1.{105 + months}.{person.number % 4}", "sampled_at": sampled},
        "last_known_plugin_version": {
            "plugin": plugin,
            "plugin_version": f"0.{32 + months}.{person.number % 7}" if plugin else "",
            "sampled_at": sampled,
        },
    }


def _customisations(did: PersonDay) -> Json:
    """Skills, agents, MCP servers and so on of CLI users; null for everybody else."""
    record: Json = {}
    for position, (kind, key, name) in enumerate(_SKILLS):
        uses = (did.cli.prompts - position) // 3 if did.cli else 0
        record[f"distinct_{kind}_use_count"] = int(uses > 0) if did.cli else None
        record[f"totals_by_{kind}"] = [{key: name, "interaction_count": uses}] if uses > 0 else [] if did.cli else None
    return record


# ---------------------------------------------------------------------------------------------------- aggregated record


def entity_row(
    day: date,
    days: Mapping[int, PersonDay],
    groups: Sequence[Sequence[int]],
    *,
    users: Json,
    phases: Sequence[int],
    pulls: Json,
    ids: Json,
) -> Json:
    """An `organization-1-day` or `enterprise-1-day` record: the true sum of its people's days.

    `groups` are the people present, by adoption phase, `days` what each of them did; `users` the distinct counts,
    `phases` the whole 28-day population of each phase, `pulls` the `pull_requests` object.
    """
    by_phase = []
    for group in groups:
        sums: Sums = {}
        for index in group:
            add(sums, days[index].cells)
        by_phase.append(sums)
    record: Json = {"day": day.isoformat(), **ids, **users, **breakdowns(merged(by_phase))}
    record |= _entity_surfaces(day, list(days.values()))
    if day >= changes.ADOPTION_PHASES:
        engaged = [len(group) for group in groups]
        record["totals_by_ai_adoption_phase"] = [
            _phase_record(day, number, engaged[number], phases[number], top_level(sums), pulls)
            for number, sums in enumerate(by_phase)
            if engaged[number]
        ]
    if day >= changes.CLI_FIELDS:
        record["pull_requests"] = pulls
    return record


def _entity_surfaces(day: date, days: Sequence[PersonDay]) -> Json:
    record: Json = {}
    cli = [d.cli for d in days if d.cli]
    if cli:
        record["totals_by_cli"] = sessions_record(cli)
    if day >= changes.APP_FIELDS:
        app = [d.app for d in days if d.app]
        record["totals_by_copilot_app"] = sessions_record(app) if app else None
    windows = [d.vscode_agent for d in days if d.vscode_agent]
    if windows:
        record["totals_by_vscode_agent"] = _window_record(windows)
    agents = [agent for d in days for agent in d.agent_apps]
    if agents:
        record["totals_by_3rd_party_agent"] = _agent_apps(agents)
    return record


def _agent_apps(agents: Sequence[AgentApp]) -> list[Json]:
    names = {a.id: a.name for a in agents}
    return [
        {
            "agent_name": name,
            "agent_id": id_,
            "user_initiated_interaction_count": sum(a.interactions for a in agents if a.id == id_),
            "session_count": sum(a.sessions for a in agents if a.id == id_),
        }
        for id_, name in sorted(names.items())
    ]


def _phase_record(day: date, number: int, engaged: int, population: int, counts: Sequence[int], pulls: Json) -> Json:
    """One element of `totals_by_ai_adoption_phase`; pull requests are spread over phases by a plain rule."""
    interactions, generated, accepted, _, _, added, deleted = (round(n / engaged, 2) for n in counts)
    share = (0.1, 0.2, 0.3, 0.4)[number]
    record: Json = {
        "phase": PHASE_NAMES[number],
        "phase_number": number,
        "total_engaged_users": engaged,
        "avg_user_initiated_interactions": interactions,
        "avg_code_generation_activities": generated,
        "avg_code_acceptance_activities": accepted,
        "avg_loc_added": added,
        "avg_loc_deleted": deleted,
        "avg_pull_requests_reviewed": round(share * pulls["total_reviewed"] / engaged, 2),
        "avg_pull_requests_created": round(share * pulls["total_created"] / engaged, 2),
        "avg_pull_requests_merged": round(share * pulls["total_merged"] / engaged, 2),
        "avg_pull_requests_median_minutes_to_merge": pulls.get("median_minutes_to_merge", 0.0),
    }
    if day >= changes.PHASE_MERGES:
        record["total_pull_requests_merged"] = int(share * pulls["total_merged"])
    if day >= changes.PHASE_REVIEWS:
        record["avg_pull_requests_minutes_to_review"] = round(40.0 + 10 * number, 2)
        record["avg_pull_requests_review_cycles"] = round(1.2 + 0.1 * number, 2)
    if day >= changes.CUSTOMISATIONS:
        record["users_in_phase_28d"] = population
    return record
