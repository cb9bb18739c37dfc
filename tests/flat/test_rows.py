"""Flattening: small records worked out by hand, and sums that must come out whatever the record."""

import json
from datetime import date, datetime
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_assets.flat.rows import latest_of_each_key, rows_of
from copilot_assets.flat.tables import FLAT_TABLES, FlatTable, tables_of
from copilot_assets.records import (
    AiCreditUsage,
    EntityDay,
    EntityWindow,
    LegacyDay,
    PremiumRequestUsage,
    Record,
    RepoDay,
    Seat,
    Subscription,
    UserDay,
    UserTeamDay,
)
from copilot_assets.records.contract import duckdb_structure

DAY = date(2026, 9, 1)
CONNECTION = duckdb.connect()


def flatten(table: str, record: type[Record], *objects: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a flat table, by the way the pipeline takes: DuckDB parses the text, Polars flattens."""
    payloads = [json.dumps(each) for each in objects]
    texts = pl.DataFrame({"scope": "org:o", "day": DAY, "seq": range(len(objects)), "payload": payloads})
    CONNECTION.register("texts", texts)
    records = CONNECTION.sql(
        "select scope, day, seq, from_json(payload, $structure) as record from texts",
        params={"structure": duckdb_structure(record)},
    ).pl()
    return rows_of(table_named(table), latest_of_each_key(records, record)[0]).rows(named=True)


def table_named(name: str) -> FlatTable:
    return next(table for table in FLAT_TABLES if table.name == name)


def some(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


ENTITY = {
    "day": "2026-09-01",
    "organization_id": "7",
    "daily_active_users": 0,
    "loc_added_sum": 12,
    "unknown_field": {"a": 1},
    "totals_by_ide": [],
    "totals_by_feature": [
        {"feature": "code_completion", "code_generation_activity_count": 10, "code_acceptance_activity_count": 3},
        {"feature": "copilot_cli", "user_initiated_interaction_count": 5_000_000_000},
    ],
    "totals_by_cli": {"session_count": 2, "token_usage": {"output_tokens_sum": 9, "avg_tokens_per_request": 4.5}},
}


def test_a_zero_stays_zero_and_an_absent_field_is_unknown() -> None:
    (row,) = flatten("entity_daily", EntityDay, ENTITY)
    assert (row["scope"], row["day"], row["organization_id"]) == ("org:o", DAY, "7")
    assert row["daily_active_users"] == 0
    assert row["loc_added_sum"] == 12
    assert row["weekly_active_users"] is None
    assert row["enterprise_id"] is None


def test_a_breakdown_is_a_row_an_element() -> None:
    rows = flatten("entity_feature_daily", EntityDay, ENTITY)
    assert some(rows, "feature", "code_generation_activity_count", "user_initiated_interaction_count") == [
        ("code_completion", 10, None),
        ("copilot_cli", None, 5_000_000_000),
    ]
    assert flatten("entity_ide_daily", EntityDay, ENTITY) == []
    assert flatten("entity_language_model_daily", EntityDay, ENTITY) == []


def test_cli_and_its_tokens_stand_flat() -> None:
    assert flatten("entity_cli_daily", EntityDay, {"day": "2026-09-01"}) == []
    assert flatten("entity_cli_daily", EntityDay, ENTITY | {"totals_by_cli": None}) == []
    (row,) = flatten("entity_cli_daily", EntityDay, ENTITY)
    assert (row["session_count"], row["request_count"]) == (2, None)
    assert (row["output_tokens_sum"], row["prompt_tokens_sum"], row["avg_tokens_per_request"]) == (9, None, 4.5)


def test_people_carry_their_key_into_every_table() -> None:
    people = [
        {"day": "2026-09-01", "user_id": 1, "user_login": "mona-ash", "used_copilot_code_review_active": None},
        {
            "day": "2026-09-01",
            "user_id": 9_007_199_254_740_993,
            "used_agent": False,
            "totals_by_ide": [
                {
                    "ide": "vscode",
                    "loc_added_sum": 4,
                    "last_known_ide_version": {"ide_version": "1.107.1", "sampled_at": "2026-09-01T00:00:02.000Z"},
                    "last_known_plugin_version": {"plugin": "", "plugin_version": "", "sampled_at": None},
                },
                {"ide": "others", "loc_added_sum": 0},
            ],
        },
    ]
    daily = flatten("user_daily", UserDay, *people)
    assert some(daily, "user_id", "used_agent", "used_copilot_code_review_active") == [
        (1, None, None),
        (9_007_199_254_740_993, False, None),
    ]
    assert some(daily, "user_login") == [("mona-ash",), (None,)]
    ides = flatten("user_ide_daily", UserDay, *people)
    assert some(ides, "user_id", "ide", "loc_added_sum", "ide_version", "plugin", "plugin_version_sampled_at") == [
        (9_007_199_254_740_993, "vscode", 4, "1.107.1", "", None),
        (9_007_199_254_740_993, "others", 0, None, None, None),
    ]


def test_the_last_record_of_a_person_is_the_one_that_counts() -> None:
    first, last = ({"day": "2026-09-01", "user_id": 1, "loc_added_sum": lines} for lines in (3, 4))
    other = {"day": "2026-09-01", "user_id": 2, "totals_by_cli": {"session_count": 1}}
    rows = flatten("user_daily", UserDay, first | {"totals_by_cli": {"session_count": 1}}, other, last)
    assert sorted(some(rows, "user_id", "loc_added_sum")) == [(1, 4), (2, None)]
    cli = flatten("user_cli_daily", UserDay, first | {"totals_by_cli": {"session_count": 1}}, other, last)
    assert some(cli, "user_id") == [(2,)], "what only an earlier record of the person told is gone with it"


# --- What GitHub added to the reports in 2026 ------------------------------------------------------------------------

SURFACES = {
    "day": "2026-09-01",
    "totals_by_copilot_app": {
        "session_count": 4,
        "request_count": 20,
        "prompt_count": 9,
        "token_usage": {"output_tokens_sum": 700, "prompt_tokens_sum": 6300, "avg_tokens_per_request": 350.0},
    },
    "totals_by_vscode_agent": {"session_count": 2, "total_user_messages": 11},
    "totals_by_3rd_party_agent": [
        {
            "agent_name": "Claude",
            "agent_id": "0198b6e5",
            "user_initiated_interaction_count": 8,
            "session_count": 3,
        },
        {"agent_name": "Codex", "agent_id": "0198b6e6", "user_initiated_interaction_count": 0},
        {"agent_name": "Claude", "agent_id": "0198b6e7", "user_initiated_interaction_count": 1},
    ],
    "totals_by_skill": [
        {"skill": "other", "interaction_count": 6},
        {"skill": "pdf", "user_initiated_interaction_count": 5},
        {"skill": "both", "interaction_count": 0, "user_initiated_interaction_count": 7},
        {"skill": "neither"},
    ],
    "totals_by_custom_agent": [{"custom_agent": "general-purpose", "interaction_count": 1}],
    "totals_by_mcp": [{"mcp": "github-mcp-server", "interaction_count": 2}],
    "totals_by_slash_cmd": [{"slash_cmd": "/plan", "interaction_count": 3}],
    "totals_by_plugin": [{"plugin": "other", "interaction_count": 4}],
    "totals_by_model_feature": [{"model": "auto", "feature": "copilot_cli", "user_initiated_interaction_count": 2}],
    "totals_by_language_feature": [{"language": "go", "feature": "agent_edit", "loc_added_sum": 3}],
    "totals_by_language_model": [{"language": "go", "model": "gpt-5.4", "loc_deleted_sum": 1}],
}
# Of whom a record is: the tables' prefix, its type, what it has besides, and the keys that every row begins with.
WHO = pytest.mark.parametrize(
    ("prefix", "record", "own", "keys"),
    [
        ("entity", EntityDay, {"organization_id": "7"}, {}),
        ("user", UserDay, {"user_id": 3, "user_login": "mona-ash"}, {"user_id": 3, "user_login": "mona-ash"}),
    ],
    ids=["entity", "user"],
)


@WHO
def test_agent_apps_by_id_because_names_repeat(
    prefix: str, record: type[Record], own: dict[str, Any], keys: dict[str, Any]
) -> None:
    rows = flatten(f"{prefix}_third_party_agent_daily", record, SURFACES | own)
    beginning = {"scope": "org:o", "day": DAY, **keys}
    names = ("agent_id", "agent_name", "user_initiated_interaction_count", "session_count")
    assert rows == [
        beginning | dict(zip(names, values, strict=True))
        for values in (
            ("0198b6e5", "Claude", 8, 3),
            ("0198b6e6", "Codex", 0, None),
            ("0198b6e7", "Claude", 1, None),
        )
    ]


@WHO
def test_uses_of_a_skill_by_the_new_name_or_the_old(
    prefix: str, record: type[Record], own: dict[str, Any], keys: dict[str, Any]
) -> None:
    rows = flatten(f"{prefix}_skill_daily", record, SURFACES | own)
    assert some(rows, *keys, "skill", "interaction_count") == [
        (*keys.values(), "other", 6),
        (*keys.values(), "pdf", 5),
        (*keys.values(), "both", 0),
        (*keys.values(), "neither", None),
    ]
    assert "user_initiated_interaction_count" not in rows[0], "one column for both names"


@WHO
@pytest.mark.parametrize(
    ("table", "names", "values"),
    [
        ("custom_agent", ("custom_agent", "interaction_count"), ("general-purpose", 1)),
        ("mcp", ("mcp", "interaction_count"), ("github-mcp-server", 2)),
        ("slash_cmd", ("slash_cmd", "interaction_count"), ("/plan", 3)),
        ("plugin", ("plugin", "interaction_count"), ("other", 4)),
        (
            "copilot_app",
            ("session_count", "request_count", "prompt_count", "output_tokens_sum", "prompt_tokens_sum"),
            (4, 20, 9, 700, 6300),
        ),
        ("copilot_app", ("avg_tokens_per_request",), (350.0,)),
        ("vscode_agent", ("session_count", "total_user_messages"), (2, 11)),
        ("model_feature", ("model", "feature", "user_initiated_interaction_count"), ("auto", "copilot_cli", 2)),
        (
            "language_feature",
            ("language", "feature", "loc_added_sum", "loc_deleted_sum"),
            ("go", "agent_edit", 3, None),
        ),
        ("language_model", ("language", "model", "loc_deleted_sum", "loc_added_sum"), ("go", "gpt-5.4", 1, None)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_breakdown_has_its_table(
    prefix: str,
    record: type[Record],
    own: dict[str, Any],
    keys: dict[str, int],
    table: str,
    names: tuple[str, ...],
    values: tuple[Any, ...],
) -> None:
    rows = flatten(f"{prefix}_{table}_daily", record, SURFACES | own)
    assert some(rows, *keys, *names) == [(*keys.values(), *values)]


@WHO
@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {name: None for name in SURFACES if name != "day"},
        {name: [] for name, value in SURFACES.items() if isinstance(value, list)},
    ],
    ids=["absent", "null", "empty"],
)
def test_a_surface_that_was_not_used_has_no_rows(
    prefix: str, record: type[Record], own: dict[str, Any], keys: dict[str, Any], nothing: dict[str, Any]
) -> None:
    for table in tables_of(record):
        rows = flatten(table.name, record, {"day": "2026-09-01"} | own | nothing)
        assert len(rows) == (table.name == f"{prefix}_daily"), table.name


def test_the_phases_of_an_entity() -> None:
    phases = [
        {
            "phase": "No Cohort",
            "phase_number": 0,
            "total_engaged_users": 0,
            "users_in_phase_28d": 5,
            "avg_loc_added": 0.0,
            "avg_pull_requests_minutes_to_review": None,
        },
        {
            "phase": "Phase 3",
            "phase_number": 3,
            "total_engaged_users": 4,
            "avg_user_initiated_interactions": 12.75,
            "avg_pull_requests_median_minutes_to_merge": 90.5,
            "total_pull_requests_merged": 6,
            "avg_pull_requests_review_cycles": 1.25,
        },
    ]
    rows = flatten(
        "entity_adoption_phase_daily", EntityDay, {"day": "2026-09-01", "totals_by_ai_adoption_phase": phases}
    )
    assert some(rows, "phase_number", "phase", "total_engaged_users", "users_in_phase_28d", "avg_loc_added") == [
        (0, "No Cohort", 0, 5, 0.0),
        (3, "Phase 3", 4, None, None),
    ]
    assert some(rows, "avg_user_initiated_interactions", "avg_pull_requests_median_minutes_to_merge") == [
        (None, None),
        (12.75, 90.5),
    ]
    assert some(rows, "total_pull_requests_merged", "avg_pull_requests_review_cycles") == [(None, None), (6, 1.25)]


def test_the_phase_of_a_person_stands_in_the_row_of_the_person() -> None:
    people = [
        {"day": "2026-09-01", "user_id": 1, "ai_adoption_phase": {"phase_number": 0, "phase": "No Cohort"}},
        {
            "day": "2026-09-01",
            "user_id": 2,
            "ai_adoption_phase": {"phase_number": 2, "phase": "Phase 2", "version": "v1"},
        },
        {"day": "2026-09-01", "user_id": 3, "ai_adoption_phase": None},
    ]
    rows = flatten("user_daily", UserDay, *people)
    names = ("user_id", "ai_adoption_phase_number", "ai_adoption_phase", "ai_adoption_phase_version")
    assert sorted(some(rows, *names)) == [
        (1, 0, "No Cohort", None),
        (2, 2, "Phase 2", "v1"),
        (3, None, None, None),
    ]


def test_the_flags_credits_and_versions_of_a_person() -> None:
    person = {
        "day": "2026-09-01",
        "user_id": 1,
        "used_copilot_app": False,
        "used_vscode_agent": True,
        "ai_credits_used": 6.25,
        "distinct_skill_use_count": 0,
        "distinct_mcp_use_count": 2,
        "totals_by_cli": {"session_count": 1, "last_known_cli_version": {"cli_version": "1.0.9", "sampled_at": "x"}},
    }
    (row,) = flatten("user_daily", UserDay, person)
    assert (row["used_copilot_app"], row["used_vscode_agent"], row["used_copilot_cloud_agent"]) == (False, True, None)
    assert (row["ai_credits_used"], row["distinct_skill_use_count"], row["distinct_mcp_use_count"]) == (6.25, 0, 2)
    assert row["distinct_plugin_use_count"] is None
    (cli,) = flatten("user_cli_daily", UserDay, person)
    assert (cli["user_id"], cli["session_count"], cli["cli_version"], cli["cli_version_sampled_at"]) == (
        1,
        1,
        "1.0.9",
        "x",
    )


def test_pull_requests_of_an_entity_and_the_kinds_of_comments() -> None:
    pulls = {
        "total_created": 9,
        "total_merged": 0,
        "median_minutes_to_merge": None,
        "copilot_suggestions_by_comment_type": [
            {"comment_type": "security", "total_copilot_suggestions": 4, "total_copilot_applied_suggestions": 0},
            {"comment_type": "bug_risk", "total_copilot_suggestions": 3},
        ],
    }
    record = {"day": "2026-09-01", "pull_requests": pulls}
    (row,) = flatten("entity_pull_request_daily", EntityDay, record)
    assert (row["total_created"], row["total_merged"], row["total_reviewed"]) == (9, 0, None)
    assert row["median_minutes_to_merge"] is None
    rows = flatten("entity_comment_type_daily", EntityDay, record)
    names = ("comment_type", "total_copilot_suggestions", "total_copilot_applied_suggestions")
    assert some(rows, *names) == [("security", 4, 0), ("bug_risk", 3, None)]
    assert "total_created" not in rows[0], "the sum of all kinds is the entity's, not each kind's"


# --- One name for what GitHub calls by several -----------------------------------------------------------------------


@WHO
def test_a_name_stands_beside_each_value_that_has_aliases(
    prefix: str, record: type[Record], own: dict[str, Any], keys: dict[str, Any]
) -> None:
    counted = {"loc_added_sum": 1}
    totals = {
        "day": "2026-09-01",
        "totals_by_ide": [{"ide": "Xcode", **counted}, {"ide": "vscode", **counted}],
        "totals_by_language_model": [
            {"language": "c#", "model": "claude-4.5-haiku", **counted},
            {"language": "csharp", "model": "claude-haiku-4.5", **counted},
            {"language": "Never Heard Of", "model": "gpt-99", **counted},
        ],
        "totals_by_language_feature": [{"language": "bash", "feature": "agent_edit", **counted}],
        "totals_by_model_feature": [{"model": "others", "feature": "agent_edit", **counted}],
    }
    rows = flatten(f"{prefix}_language_model_daily", record, totals | own)
    assert some(rows, *keys, "language", "language_name", "model", "model_name", "loc_added_sum") == [
        (*keys.values(), "c#", "csharp", "claude-4.5-haiku", "claude-haiku-4.5", 1),
        (*keys.values(), "csharp", "csharp", "claude-haiku-4.5", "claude-haiku-4.5", 1),
        (*keys.values(), "Never Heard Of", "Never Heard Of", "gpt-99", "gpt-99", 1),
    ]
    rows = flatten(f"{prefix}_ide_daily", record, totals | own)
    assert some(rows, "ide", "ide_name") == [("Xcode", "xcode"), ("vscode", "vscode")]
    rows = flatten(f"{prefix}_language_feature_daily", record, totals | own)
    assert some(rows, "language", "language_name", "feature") == [("bash", "shellscript", "agent_edit")]
    rows = flatten(f"{prefix}_model_feature_daily", record, totals | own)
    assert some(rows, "model", "model_name", "feature") == [("others", "others", "agent_edit")]
    assert "feature_name" not in rows[0], "features are GitHub's own list"


def test_legacy_editors_have_names_too() -> None:
    editor = {"name": "JetBrains", "models": [{"name": None, "languages": [{"name": "ts"}, {"name": None}]}]}
    record = {"date": "2026-01-05", "copilot_ide_code_completions": {"editors": [editor]}}
    rows = flatten("legacy_code_completion_daily", LegacyDay, record)
    assert some(rows, "editor", "editor_name", "model", "model_name", "language", "language_name") == [
        ("JetBrains", "jetbrains", None, None, "ts", "typescript"),
        ("JetBrains", "jetbrains", None, None, None, None),
    ]


def test_a_bill_keeps_how_a_model_was_chosen_apart_from_its_name() -> None:
    models = ("Claude Sonnet 4.6", "Auto: Claude Sonnet 4.6", "auto: GPT-5.0 (preview)", "Auto", "", None)
    bill = {"usageItems": [{"product": "Copilot"} | ({} if model is None else {"model": model}) for model in models]}
    rows = flatten("ai_credit_usage", AiCreditUsage, bill)
    assert some(rows, "model", "model_name", "is_auto_selected") == [
        ("Claude Sonnet 4.6", "claude-sonnet-4.6", False),
        ("Auto: Claude Sonnet 4.6", "claude-sonnet-4.6", True),
        ("auto: GPT-5.0 (preview)", "gpt-5", True),
        ("Auto", "auto", False),
        ("", None, False),
        (None, None, None),
    ]


def test_a_name_stands_right_beside_its_value() -> None:
    names = [column.name for column in table_named("user_language_model_daily").columns]
    assert names[:8] == ["scope", "day", "user_id", "user_login", "language", "language_name", "model", "model_name"]


# --- Teams, repositories, windows ------------------------------------------------------------------------------------


def test_people_of_teams_one_row_for_each_team_of_a_person() -> None:
    seats = [
        {
            "day": "2026-09-01",
            "organization_id": "7",
            "team_id": 11,
            "slug": "core",
            "user_id": 1,
            "user_login": "mona",
        },
        {"day": "2026-09-01", "organization_id": "7", "team_id": 12, "slug": "web", "user_id": 1, "user_login": "mona"},
        {
            "day": "2026-09-01",
            "organization_id": "7",
            "team_id": 11,
            "slug": "core",
            "user_id": 2,
            "user_login": "juno",
        },
        # The same seat again, in another file of the report.
        {
            "day": "2026-09-01",
            "organization_id": "7",
            "team_id": 11,
            "slug": "core",
            "user_id": 1,
            "user_login": "mona",
        },
    ]
    rows = flatten("user_team_daily", UserTeamDay, *seats)
    assert sorted(some(rows, "team_id", "user_id", "user_login", "team_slug", "organization_id", "enterprise_id")) == [
        (11, 1, "mona", "core", "7", None),
        (11, 2, "juno", "core", "7", None),
        (12, 1, "mona", "web", "7", None),
    ]


REPOSITORY = {
    "day": "2026-09-01",
    "repo_id": 5,
    "repo_name": "harbour",
    "repo_owner_name": "octo-org",
    "repo_visibility": "INTERNAL",
    "pull_requests": {"total_created": 3, "total_merged": 2, "median_minutes_to_merge": 61.5, "total_suggestions": 0},
    "pull_request_review_times": [
        {
            "authored_by": "human",
            "reviewed_by": "human",
            "total_merged": 2,
            "median_minutes_ready_to_first_review": 20.0,
            "p90_minutes_ready_to_first_review": 33.5,
            "median_minutes_first_to_final_review": 0,
        },
        {"authored_by": "human", "reviewed_by": "copilot", "p90_minutes_final_review_to_merge": 7.25},
    ],
}


def test_repositories_and_their_pull_requests() -> None:
    quiet = {"day": "2026-09-01", "repo_id": 6, "pull_requests": None, "pull_request_review_times": []}
    rows = flatten("repo_pull_request_daily", RepoDay, REPOSITORY, quiet)
    names = ("repo_id", "repo_name", "repo_visibility", "total_created", "median_minutes_to_merge", "total_suggestions")
    assert sorted(some(rows, *names)) == [
        (5, "harbour", "INTERNAL", 3, 61.5, 0),
        (6, None, None, None, None, None),
    ]


def test_review_times_carry_the_repository_but_not_its_numbers() -> None:
    rows = flatten("repo_review_time_daily", RepoDay, REPOSITORY)
    keys = ("repo_id", "authored_by", "reviewed_by")
    assert some(rows, *keys, "total_merged", "median_minutes_ready_to_first_review") == [
        (5, "human", "human", 2, 20.0),
        (5, "human", "copilot", None, None),
    ]
    assert some(rows, "p90_minutes_ready_to_first_review", "median_minutes_first_to_final_review") == [
        (33.5, 0.0),
        (None, None),
    ]
    assert [row["p90_minutes_final_review_to_merge"] for row in rows] == [None, 7.25]
    assert "total_created" not in rows[0]


def test_who_is_engaged_over_28_days() -> None:
    window = {
        "report_start_day": "2026-08-05",
        "report_end_day": "2026-09-01",
        "created_at": "2026-09-02T03:36:11Z",
        "organization_id": "7",
        "day_totals": [{"day": "2026-08-31", "daily_active_users": 3}],
        "copilot_feature_engagement": {
            "active_user_count": 40,
            "totals_by_feature": [
                {"feature": "code_completion", "engaged_user_count": 31},
                {"feature": "copilot_app", "engaged_user_count": 0},
            ],
        },
    }
    (row,) = flatten("engagement_28_days", EntityWindow, window)
    assert row == {
        "scope": "org:o",
        "day": DAY,
        "report_start_day": date(2026, 8, 5),
        "created_at": "2026-09-02T03:36:11Z",
        "enterprise_id": None,
        "organization_id": "7",
        "active_user_count": 40,
    }
    rows = flatten("feature_engagement_28_days", EntityWindow, window)
    assert some(rows, "feature", "engaged_user_count") == [("code_completion", 31), ("copilot_app", 0)]
    before = window | {"copilot_feature_engagement": None}
    assert flatten("engagement_28_days", EntityWindow, before)[0]["active_user_count"] is None
    assert flatten("feature_engagement_28_days", EntityWindow, before) == []


# --- Seats and bills -------------------------------------------------------------------------------------------------


def at(text: str) -> datetime:
    """A time as the tables hold it: UTC, without saying so."""
    return datetime.fromisoformat(text)


def seat(person: int | None, active: str | None, *, organization: str = "octo-org", **more: Any) -> dict[str, Any]:
    return {
        "created_at": "2026-01-05T09:00:00Z",
        "assignee": person and {"id": person, "login": f"login-{person}", "type": "User"},
        "organization": {"id": 7, "login": organization},
        "last_activity_at": active,
        **more,
    }


@pytest.mark.parametrize(
    ("one", "other", "newest"),
    [
        ("2026-09-01T10:00:00Z", "2026-09-01T10:00:01Z", at("2026-09-01T10:00:01")),
        # 23:00 six hours west of Greenwich is 05:00 of the next day there: later than 01:00 of that day.
        ("2026-09-01T23:00:00-06:00", "2026-09-02T01:00:00Z", at("2026-09-02T05:00:00")),
        ("2026-09-02T04:00:00+05:30", "2026-09-01T23:00:00Z", at("2026-09-01T23:00:00")),
        ("2020-01-01T00:00:00Z", None, at("2020-01-01T00:00:00")),
    ],
)
def test_of_several_grants_the_newest_activity_is_the_persons(one: str, other: str | None, newest: datetime) -> None:
    for first, last in ((one, other), (other, one)):
        grants = [seat(1, first), seat(2, "2026-01-01T00:00:00Z"), seat(1, last, organization="octo-labs")]
        rows = flatten("seat", Seat, *grants)
        assert sorted(some(rows, "user_id", "last_activity_at")) == [(1, newest), (2, at("2026-01-01T00:00:00"))]
        grants_of = [row["last_activity_at"] for row in flatten("seat_grant", Seat, *grants) if row["user_id"] == 1]
        assert len(grants_of) == 2
        assert newest in grants_of


def test_the_row_of_a_person_is_one_grant_whole() -> None:
    rows = flatten(
        "seat",
        Seat,
        seat(1, "2026-09-01T10:00:00Z", plan_type="business", last_activity_editor="vscode/1.105"),
        seat(1, None, organization="octo-labs", plan_type="enterprise", pending_cancellation_date="2026-10-01"),
    )
    names = ("granting_organization", "plan_type", "last_activity_editor", "pending_cancellation_date")
    assert some(rows, *names) == [("octo-org", "business", "vscode/1.105", None)]


def test_a_seat_whose_holder_is_not_named_is_a_grant_alone() -> None:
    grants = [seat(None, "2026-09-01T10:00:00Z"), seat(None, None), seat(3, None)]
    assert [row["user_id"] for row in flatten("seat", Seat, *grants)] == [3]
    assert [row["user_id"] for row in flatten("seat_grant", Seat, *grants)] == [None, None, 3]
    without = {"created_at": "2026-01-05T09:00:00Z"}
    assert some(flatten("seat_grant", Seat, without), "user_id", "assignee_type", "granting_organization") == [
        (None, None, None)
    ]


def test_a_grant_with_all_that_github_tells_of_it() -> None:
    grant = seat(
        3,
        "2026-09-01T10:30:00+02:00",
        assigning_team={"id": 9010, "slug": "tooling", "name": "Tooling"},
        plan_type="unknown",
        last_activity_editor="vscode/1.105.0/copilot-chat/0.35.3",
        last_authenticated_at="2026-08-31T23:59:59.5Z",
        pending_cancellation_date="2026-10-01",
        updated_at=None,
    )
    (row,) = flatten("seat_grant", Seat, grant)
    assert row == {
        "scope": "org:o",
        "day": DAY,
        "user_id": 3,
        "user_login": "login-3",
        "granting_team_id": 9010,
        "created_at": at("2026-01-05T09:00:00"),
        "assignee_type": "User",
        "assignee_team_slug": None,
        "granting_organization": "octo-org",
        "granting_team_slug": "tooling",
        "plan_type": "unknown",
        "last_activity_at": at("2026-09-01T08:30:00"),
        "last_activity_editor": "vscode/1.105.0/copilot-chat/0.35.3",
        "last_authenticated_at": at("2026-08-31T23:59:59.500000"),
        "pending_cancellation_date": date(2026, 10, 1),
        "updated_at": None,
    }


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_times_are_utc_wherever_the_machine_is(zone: str) -> None:
    CONNECTION.execute(f"set TimeZone = '{zone}'")
    try:
        (row,) = flatten("seat", Seat, seat(1, "2026-09-01T10:00:00Z"))
    finally:
        CONNECTION.execute("reset TimeZone")
    assert row["last_activity_at"] == at("2026-09-01T10:00:00")


def test_a_subscription_is_one_row() -> None:
    subscription = {
        "seat_breakdown": {"total": 12, "added_this_cycle": 0, "active_this_cycle": 10, "inactive_this_cycle": 2},
        "plan_type": "business",
        "seat_management_setting": "assign_selected",
        "public_code_suggestions": "block",
        "ide_chat": "enabled",
        "platform_chat": "disabled",
    }
    (row,) = flatten("subscription", Subscription, subscription)
    assert row == {
        "scope": "org:o",
        "day": DAY,
        "seats_total": 12,
        "seats_added_this_cycle": 0,
        "seats_pending_cancellation": None,
        "seats_pending_invitation": None,
        "seats_active_this_cycle": 10,
        "seats_inactive_this_cycle": 2,
        "plan_type": "business",
        "seat_management_setting": "assign_selected",
        "public_code_suggestions": "block",
        "ide_chat": "enabled",
        "platform_chat": "disabled",
        "cli": None,
    }


@pytest.mark.parametrize(
    ("table", "record"), [("ai_credit_usage", AiCreditUsage), ("premium_request_usage", PremiumRequestUsage)]
)
def test_a_bill_is_a_row_a_model(table: str, record: type[Record]) -> None:
    bill = {
        "timePeriod": {"year": 2026, "month": 9, "day": 1},
        "organization": "octo-org",
        "usageItems": [
            {
                "product": "Copilot",
                "sku": "Copilot AI Credits",
                "model": "GPT-5.4",
                "unitType": "credits",
                "pricePerUnit": 0.01,
                "grossQuantity": 120.5,
                "grossAmount": 1.205,
                "discountQuantity": 100,
                "discountAmount": 1.0,
                "netQuantity": 20.5,
                "netAmount": 0.205,
            },
            {"product": "Copilot", "sku": "Copilot AI Credits", "netAmount": 0},
        ],
    }
    rows = flatten(table, record, bill)
    assert rows[0] == {
        "scope": "org:o",
        "day": DAY,
        "cost_center_id": None,
        "cost_center_name": None,
        "product": "Copilot",
        "sku": "Copilot AI Credits",
        "model": "GPT-5.4",
        "model_name": "gpt-5.4",
        "is_auto_selected": False,
        "unit_type": "credits",
        "price_per_unit": 0.01,
        "gross_quantity": 120.5,
        "gross_amount": 1.205,
        "discount_quantity": 100.0,
        "discount_amount": 1.0,
        "net_quantity": 20.5,
        "net_amount": 0.205,
    }
    assert some(rows[1:], "model", "net_amount", "gross_amount") == [(None, 0.0, None)]
    assert flatten(table, record, bill | {"usageItems": []}) == []
    with_center = bill | {"costCenter": {"id": "cc-1", "name": "Platform"}}
    assert {row["cost_center_name"] for row in flatten(table, record, with_center)} == {"Platform"}


# --- The metrics API that closed on 2026-04-02 -----------------------------------------------------------------------

LEGACY = {
    "date": "2024-06-24",
    "total_active_users": 24,
    "total_engaged_users": 20,
    "copilot_ide_code_completions": {
        "total_engaged_users": 19,
        "languages": [{"name": "python", "total_engaged_users": 9}, {"name": "ruby"}],
        "editors": [
            {
                "name": "vscode",
                "total_engaged_users": 13,
                "models": [
                    {
                        "name": "default",
                        "total_engaged_users": 12,
                        "is_custom_model": False,
                        "custom_model_training_date": None,
                        "languages": [
                            {"name": "python", "total_engaged_users": 6, "total_code_suggestions": 249},
                            {"name": "ruby", "total_engaged_users": 7, "total_code_suggestions": 496},
                        ],
                    }
                ],
            },
            {
                "name": "neovim",
                "models": [
                    {
                        "name": "own",
                        "is_custom_model": True,
                        "custom_model_training_date": "2024-02-01",
                        "languages": [{"name": "python", "total_code_suggestions": 1}],
                    },
                    {"name": "without-languages"},
                ],
            },
            {"name": "without-models"},
        ],
    },
    "copilot_ide_chat": None,
    "copilot_dotcom_chat": {"total_engaged_users": 14, "models": [{"name": "default", "total_chats": 38}]},
    "copilot_dotcom_pull_requests": {
        "total_engaged_users": 12,
        "repositories": [
            {
                "name": "demo/a",
                "total_engaged_users": 8,
                "models": [{"name": "default", "total_pr_summaries_created": 6}],
            },
            {"name": "demo/without-models", "total_engaged_users": 0},
        ],
    },
}


def test_the_legacy_day_and_its_blocks() -> None:
    (row,) = flatten("legacy_daily", LegacyDay, LEGACY)
    assert (row["total_active_users"], row["total_engaged_users"]) == (24, 20)
    assert row["code_completion_engaged_users"] == 19
    assert row["ide_chat_engaged_users"] is None
    assert row["dotcom_chat_engaged_users"] == 14
    assert row["pull_request_engaged_users"] == 12


def test_legacy_completions_by_editor_model_language() -> None:
    rows = flatten("legacy_code_completion_daily", LegacyDay, LEGACY)
    assert some(rows, "editor", "model", "is_custom_model", "custom_model_training_date", "language") == [
        ("vscode", "default", False, None, "python"),
        ("vscode", "default", False, None, "ruby"),
        ("neovim", "own", True, date(2024, 2, 1), "python"),
    ]
    assert [row["total_code_suggestions"] for row in rows] == [249, 496, 1]
    assert [row["total_engaged_users"] for row in rows] == [6, 7, None]


def test_the_other_legacy_blocks() -> None:
    assert flatten("legacy_ide_chat_daily", LegacyDay, LEGACY) == []
    assert some(flatten("legacy_dotcom_chat_daily", LegacyDay, LEGACY), "model", "total_chats") == [("default", 38)]
    rows = flatten("legacy_pull_request_daily", LegacyDay, LEGACY)
    assert some(rows, "repository", "model", "total_pr_summaries_created") == [("demo/a", "default", 6)]


def test_each_level_of_the_legacy_blocks_has_its_own_engaged_people() -> None:
    def engaged(table: str, *names: str) -> list[tuple[Any, ...]]:
        return some(flatten(f"legacy_{table}_daily", LegacyDay, LEGACY), *names, "total_engaged_users")

    assert engaged("code_completion_editor", "editor") == [("vscode", 13), ("neovim", None), ("without-models", None)]
    assert engaged("code_completion_model", "editor", "model", "is_custom_model") == [
        ("vscode", "default", False, 12),
        ("neovim", "own", True, None),
        ("neovim", "without-languages", None, None),
    ]
    assert engaged("code_completion_language", "language") == [("python", 9), ("ruby", None)]
    assert engaged("pull_request_repository", "repository") == [("demo/a", 8), ("demo/without-models", 0)]


def test_legacy_chat_in_ides_by_editor_and_model() -> None:
    chat = {
        "total_engaged_users": 10,
        "editors": [
            {
                "name": "vscode",
                "total_engaged_users": 7,
                "models": [
                    {"name": "default", "total_engaged_users": 6, "total_chats": 40, "total_chat_copy_events": 0},
                    {"name": "own", "is_custom_model": True, "total_chat_insertion_events": 3},
                ],
            },
            {"name": "xcode", "total_engaged_users": 3, "models": None},
        ],
    }
    record = LEGACY | {"copilot_ide_chat": chat}
    rows = flatten("legacy_ide_chat_daily", LegacyDay, record)
    names = ("editor", "model", "total_engaged_users", "total_chats", "total_chat_insertion_events")
    assert some(rows, *names) == [("vscode", "default", 6, 40, None), ("vscode", "own", None, None, 3)]
    assert [row["total_chat_copy_events"] for row in rows] == [0, None]
    editors = flatten("legacy_ide_chat_editor_daily", LegacyDay, record)
    assert some(editors, "editor", "total_engaged_users") == [("vscode", 7), ("xcode", 3)]
    assert flatten("legacy_daily", LegacyDay, record)[0]["ide_chat_engaged_users"] == 10


@pytest.mark.parametrize("table", FLAT_TABLES, ids=lambda table: table.name)
def test_no_records_make_an_empty_table_of_the_declared_columns(table: FlatTable) -> None:
    first = {"day": "2026-09-01", "date": "2026-09-01", "user_id": 1}
    assert table.columns[0].name == "scope"
    assert len({column.name for column in table.columns}) == len(table.columns), "no column twice"
    assert all(column.doc for column in table.columns), "every column says what it means"
    records = CONNECTION.sql(
        "select 'o' as scope, date '2026-09-01' as day, from_json($text, $structure) as record",
        params={"text": json.dumps(first), "structure": duckdb_structure(table.record)},
    ).pl()
    assert rows_of(table, records.clear()).columns == [column.name for column in table.columns]


counter = st.none() | st.integers(0, 2**53)
element = st.fixed_dictionaries(
    {"feature": st.sampled_from(["code_completion", "copilot_cli", "others"])},
    optional={"code_generation_activity_count": counter, "loc_added_sum": counter, "something_new": st.text()},
)
entity = st.fixed_dictionaries(
    {"day": st.just("2026-09-01")}, optional={"totals_by_feature": st.none() | st.lists(element), "new": st.booleans()}
)


@settings(max_examples=50, deadline=None)
@given(entity)
def test_a_breakdown_loses_no_number(record: dict[str, Any]) -> None:
    rows = flatten("entity_feature_daily", EntityDay, record)
    elements = record.get("totals_by_feature") or []
    for name in ("code_generation_activity_count", "loc_added_sum"):
        assert sorted(row[name] for row in rows if row[name] is not None) == sorted(
            each[name] for each in elements if each.get(name) is not None
        )
