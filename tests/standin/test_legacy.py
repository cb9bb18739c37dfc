"""The closed metrics API, as it was while it was open; and how it answers now."""

from datetime import date, timedelta

import pytest

from copilot_assets.standin import Standin

from .conftest import ENTERPRISE, LABS, ORG, TODAY, Client

PATHS = [
    ("/orgs/octo-org/copilot/metrics", ORG),
    ("/orgs/octo-org/team/core/copilot/metrics", "team:octo-org/core"),
    ("/enterprises/octo-corp/copilot/metrics", ENTERPRISE),
    ("/enterprises/octo-corp/team/ent:core/copilot/metrics", "enterprise-team:octo-corp/ent:core"),
]


def days_of(answer):
    assert answer.status_code == 200, answer.text
    return [date.fromisoformat(record["date"]) for record in answer.json()]


def test_closed_by_default():
    with Standin(today=TODAY) as standin:
        for path, _ in PATHS:
            answer = Client(standin).get(path)
            assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


@pytest.mark.parametrize(("path", "scope"), PATHS)
def test_hundred_days_up_to_yesterday_ascending_without_the_lost_ones(client, standin, path, scope):
    lost = set(standin.world.lost_days(scope, TODAY - timedelta(days=100), TODAY))
    expected = [TODAY - timedelta(days=n) for n in range(100, 0, -1)]
    assert days_of(client.get(path)) == [day for day in expected if day not in lost]


def test_since_until_and_pages(client, standin):
    path = "/orgs/octo-labs/copilot/metrics"
    window = {"since": "2026-10-01T00:00:00Z", "until": "2026-10-10T23:59:59Z"}
    lost = standin.world.lost_days(LABS, date(2026, 10, 1), date(2026, 10, 10))
    expected = [d for n in range(1, 11) if (d := date(2026, 10, n)) not in lost]
    assert days_of(client.get(path, **window)) == expected
    assert days_of(client.get(path, **window, per_page=4, page=2)) == expected[4:8]
    assert days_of(client.get(path, since="2026-12-01T00:00:00Z")) == []
    assert days_of(client.get(path, since="2020-01-01"))[0] >= TODAY - timedelta(days=100)
    assert "link" not in client.get(path, per_page=4).headers
    assert client.get(path, since="yesterday").status_code == 422


def test_teams_below_five_seats_have_no_days_and_one_crosses_the_line(client, standin):
    assert days_of(client.get("/orgs/octo-org/team/security-champions/copilot/metrics")) == []
    assert days_of(client.get("/orgs/octo-labs/team/interns/copilot/metrics")) == []
    crossing = days_of(client.get("/orgs/octo-org/team/release/copilot/metrics"))
    scope = "team:octo-org/release"
    lost = set(standin.world.lost_days(scope, date(2026, 8, 1), TODAY))
    assert crossing[0] == min(d for n in range(30) if (d := date(2026, 9, 1) + timedelta(days=n)) not in lost)
    assert TODAY - timedelta(days=100) < date(2026, 9, 1)


def test_engaged_people_are_a_part_of_the_active_ones(client):
    for path, _ in PATHS:
        for record in client.get(path).json():
            assert record["total_active_users"] >= record["total_engaged_users"]
            blocks = [block for name, block in record.items() if name.startswith("copilot_") and block]
            for block in blocks:
                assert 0 < block["total_engaged_users"] <= record["total_engaged_users"]
                for part in block.get("editors", []) + block.get("repositories", []):
                    assert part["total_engaged_users"] <= block["total_engaged_users"]


def test_a_record_has_the_documented_shape(client, final_day):
    day = final_day(ORG)
    (record,) = client.get("/orgs/octo-org/copilot/metrics", since=day, until=day).json()
    assert list(record) == [
        "date",
        "total_active_users",
        "total_engaged_users",
        "copilot_ide_code_completions",
        "copilot_ide_chat",
        "copilot_dotcom_chat",
        "copilot_dotcom_pull_requests",
    ]
    model = {"name", "is_custom_model", "custom_model_training_date", "total_engaged_users"}
    editor = record["copilot_ide_code_completions"]["editors"][0]
    assert set(editor) == {"name", "total_engaged_users", "models"}
    assert set(editor["models"][0]) == model | {"languages"}
    assert set(editor["models"][0]["languages"][0]) == {
        "name",
        "total_engaged_users",
        "total_code_suggestions",
        "total_code_acceptances",
        "total_code_lines_suggested",
        "total_code_lines_accepted",
    }
    chat = record["copilot_ide_chat"]["editors"][0]["models"][0]
    assert set(chat) == model | {"total_chats", "total_chat_insertion_events", "total_chat_copy_events"}
    assert set(record["copilot_dotcom_chat"]["models"][0]) == model | {"total_chats"}
    repository = record["copilot_dotcom_pull_requests"]["repositories"][0]
    assert set(repository["models"][0]) == model | {"total_pr_summaries_created"}


def test_numbers_are_those_of_the_user_rows(client, final_day):
    """Completions of both generations are the same events of the same people."""
    day = final_day(ORG)
    (record,) = client.get("/orgs/octo-org/copilot/metrics", since=day, until=day).json()
    users = client.rows(ORG, "users-1-day", day)
    completions = [part for u in users for part in u["totals_by_feature"] if part["feature"] == "code_completion"]
    languages = [
        language
        for editor in record["copilot_ide_code_completions"]["editors"]
        for model in editor["models"]
        for language in model["languages"]
    ]
    for old, new in (
        ("total_code_suggestions", "code_generation_activity_count"),
        ("total_code_acceptances", "code_acceptance_activity_count"),
        ("total_code_lines_accepted", "loc_added_sum"),
    ):
        assert sum(language[old] for language in languages) == sum(part[new] for part in completions)
    accepting = sum(part["code_acceptance_activity_count"] > 0 for part in completions)
    assert record["copilot_ide_code_completions"]["total_engaged_users"] == accepting
    assert record["total_active_users"] == sum(bool(u["totals_by_feature"]) for u in users)
