"""Flattening: small records worked out by hand, and sums that must come out whatever the record."""

import json
from datetime import date
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_assets.contract import duckdb_structure
from copilot_assets.flatten import FLAT_TABLES, FlatTable, latest_of_each_key
from copilot_assets.records import EntityDay, LegacyDay, Record, UserDay

DAY = date(2026, 9, 1)
CONNECTION = duckdb.connect()


def flatten(table: str, record: type[Record], *objects: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a flat table, by the way the pipeline takes: DuckDB parses the text, Polars flattens."""
    texts = pl.DataFrame({"scope": "org:o", "day": DAY, "payload": [json.dumps(each) for each in objects]})
    CONNECTION.register("texts", texts)
    records = CONNECTION.sql(
        "select scope, day, from_json(payload, $structure) as record from texts",
        params={"structure": duckdb_structure(record)},
    ).pl()
    return table_named(table).frame(latest_of_each_key(records, record)).rows(named=True)


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
    rows = flatten("entity_cli_daily", EntityDay, ENTITY, {"day": "2026-09-01"})
    assert rows == [], "the last record of a key is the one that counts, and it has no CLI"
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
    assert not any("mona" in str(row) for row in daily), "logins stay in raw"
    ides = flatten("user_ide_daily", UserDay, *people)
    assert some(ides, "user_id", "ide", "loc_added_sum", "ide_version", "plugin", "plugin_version_sampled_at") == [
        (9_007_199_254_740_993, "vscode", 4, "1.107.1", "", None),
        (9_007_199_254_740_993, "others", 0, None, None, None),
    ]


LEGACY = {
    "date": "2024-06-24",
    "total_active_users": 24,
    "total_engaged_users": 20,
    "copilot_ide_code_completions": {
        "total_engaged_users": 19,
        "editors": [
            {
                "name": "vscode",
                "models": [
                    {
                        "name": "default",
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
        "repositories": [{"name": "demo/a", "models": [{"name": "default", "total_pr_summaries_created": 6}]}],
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
    assert table.frame(records.clear()).columns == [column.name for column in table.columns]


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
