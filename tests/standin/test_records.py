"""What is in a record on which day: fields since their dates, their types, their three kinds of nothing."""

from datetime import date, timedelta

import pytest

from .conftest import ENTERPRISE, ORG, TODAY

# Field, the last day without it and the first with it: GitHub's changelog.
OF_ENTITIES = [
    ("pull_requests", date(2026, 2, 27)),
    ("daily_active_copilot_cloud_agent_users", date(2026, 4, 10)),
    ("weekly_passive_copilot_code_review_users", date(2026, 4, 22)),
    ("totals_by_ai_adoption_phase", date(2026, 5, 29)),
    ("totals_by_copilot_app", date(2026, 7, 17)),
]
OF_PEOPLE = [
    ("used_cli", date(2026, 2, 27)),
    ("used_copilot_coding_agent", date(2026, 3, 25)),
    ("used_copilot_code_review_active", date(2026, 4, 6)),
    ("used_copilot_cloud_agent", date(2026, 4, 10)),
    ("ai_adoption_phase", date(2026, 5, 29)),
    ("ai_credits_used", date(2026, 6, 19)),
    ("used_copilot_app", date(2026, 7, 28)),
    ("totals_by_mcp", date(2026, 9, 17)),
]


def records(standin, scope, report, day):
    """Straight from the world: a lost day is no matter here, so the nearest other day before or after is taken."""
    found = standin.world.report(scope, report, day, TODAY)
    return list(found.rows()) if found else None


@pytest.mark.parametrize(("field", "since"), OF_ENTITIES)
def test_entity_fields_appear_on_their_day(standin, field, since):
    before = records(standin, ORG, "organization-1-day", since - timedelta(days=1))
    after = records(standin, ORG, "organization-1-day", since)
    assert before is None or field not in before[0]
    assert after is None or field in after[0]
    assert before or after


@pytest.mark.parametrize(("field", "since"), OF_PEOPLE)
def test_user_fields_appear_on_their_day(standin, field, since):
    before = records(standin, ENTERPRISE, "users-1-day", since - timedelta(days=1))
    after = records(standin, ENTERPRISE, "users-1-day", since)
    assert before is None or not any(field in row for row in before)
    assert after is None or all(field in row for row in after)
    assert before or after


def rows_between(standin, scope, report, start, days):
    for n in range(days):
        yield from records(standin, scope, report, start + timedelta(days=n)) or []


def features(rows):
    return {part["feature"] for row in rows for part in row["totals_by_feature"]}


def test_the_cli_enters_the_totals_on_10_april(standin):
    start = date(2026, 3, 20)
    before = list(rows_between(standin, ENTERPRISE, "users-1-day", start, 21))
    assert any("totals_by_cli" in row for row in before)
    assert "copilot_cli" not in features(before)
    after = list(rows_between(standin, ENTERPRISE, "users-1-day", start + timedelta(days=21), 10))
    assert "copilot_cli" in features(after)


def test_plan_mode_was_unknown_before_2_march(standin):
    before = features(rows_between(standin, ENTERPRISE, "enterprise-1-day", date(2026, 2, 9), 20))
    after = features(rows_between(standin, ENTERPRISE, "enterprise-1-day", date(2026, 3, 2), 20))
    assert {"chat_panel_unknown_mode", "chat_panel_plan_mode"} & before == {"chat_panel_unknown_mode"}
    assert {"chat_panel_unknown_mode", "chat_panel_plan_mode"} & after == {"chat_panel_plan_mode"}


def test_people_seen_by_servers_only_count_from_15_june_with_empty_breakdowns(standin):
    def bare(row):
        return not row["totals_by_feature"]

    before = list(rows_between(standin, ENTERPRISE, "users-1-day", date(2026, 6, 1), 14))
    after = list(rows_between(standin, ENTERPRISE, "users-1-day", date(2026, 6, 15), 14))
    assert not any(bare(row) for row in before)
    assert 0 < sum(map(bare, after)) < len(after) / 5


def test_app_fields_are_null_until_there_is_app_activity(standin):
    quiet = list(rows_between(standin, ENTERPRISE, "enterprise-1-day", date(2026, 7, 17), 11))
    assert {row["totals_by_copilot_app"] for row in quiet} == {None}
    assert {row["daily_active_copilot_app_users"] for row in quiet} == {None}
    later = list(rows_between(standin, ENTERPRISE, "enterprise-1-day", date(2026, 10, 1), 11))
    assert any(row["daily_active_copilot_app_users"] for row in later)
    assert "copilot_app" in features(later)


def test_code_review_has_three_states_and_vscode_agents_are_absent_not_zero(standin):
    rows = list(rows_between(standin, ENTERPRISE, "users-1-day", date(2026, 11, 2), 12))
    states = {(r["used_copilot_code_review_active"], r["used_copilot_code_review_passive"]) for r in rows}
    assert states == {(None, None), (True, False), (False, True)}
    assert {r.get("used_vscode_agent", "absent") for r in rows} == {True, "absent"}
    assert {"totals_by_3rd_party_agent" in r for r in rows} == {True, False}
    entities = list(rows_between(standin, ORG, "organization-1-day", date(2026, 11, 2), 12))
    assert all(e.get("daily_active_vscode_agent_users", 1) > 0 for e in entities)


def test_dimension_values_are_as_dirty_as_githubs(standin):
    rows = list(rows_between(standin, ENTERPRISE, "enterprise-1-day", date(2026, 10, 1), 45))
    languages = {p["language"] for r in rows for p in r["totals_by_language_feature"]}
    models = {p["model"] for r in rows for p in r["totals_by_model_feature"]}
    assert {"csharp", "c#", "typescript", "ts", "unknown", "others"} <= languages
    assert {"claude-sonnet-4.6", "claude-4.6-sonnet", "auto", "unknown", "others"} <= models


def test_types_of_ids(standin):
    (entity,) = records(standin, ORG, "organization-1-day", date(2026, 11, 10))
    assert (entity["enterprise_id"], entity["organization_id"]) == ("4001", "7001")
    (entity,) = records(standin, ENTERPRISE, "enterprise-1-day", date(2026, 11, 10))
    assert "organization_id" not in entity
    assert type(records(standin, ORG, "users-1-day", date(2026, 11, 10))[0]["user_id"]) is int


def test_adoption_phase_follows_the_surfaces_of_28_days(standin):
    """GitHub's rule, worked out anew from the user rows: two qualifying days of 28 for each surface."""
    day = date(2026, 11, 10)
    surfaces: dict[int, dict[str, int]] = {}
    for n in range(28):
        assert not standin.world.is_lost(ORG, day - timedelta(days=n))
        for row in records(standin, ORG, "users-1-day", day - timedelta(days=n)):
            used = {part["feature"] for part in row["totals_by_feature"]}
            hits = {
                "editor": bool(used & {"code_completion", "agent_edit"}),
                "cloud": row["used_copilot_cloud_agent"],
                "review": row["used_copilot_code_review_active"] is not None,
                "cli": row["used_cli"],
                "app": row["used_copilot_app"],
            }
            person = surfaces.setdefault(row["user_id"], dict.fromkeys(hits, 0))
            for name, hit in hits.items():
                person[name] += hit
    phases = {}
    for row in records(standin, ORG, "users-1-day", day):
        twice = {name for name, days in surfaces[row["user_id"]].items() if days >= 2}
        agents = len(twice & {"cloud", "review", "cli"})
        expected = 3 if "app" in twice or agents >= 2 else 2 if agents else 1 if "editor" in twice else 0
        phases[row["user_id"]] = (row["ai_adoption_phase"]["phase_number"], expected)
    assert all(found == expected for found, expected in phases.values())
    assert {found for found, _ in phases.values()} >= {1, 2, 3}
