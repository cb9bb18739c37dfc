"""The twelve report endpoints: envelopes, files, no-data shapes, revisions."""

from collections import Counter
from datetime import date, timedelta

import pytest
from githubkit_schemas.ghec_v2026_03_10.models import CopilotUsageMetrics1DayReport, CopilotUsageMetrics28DayReport

from copilot_assets.standin.rows import COUNTERS

from .conftest import ENTERPRISE, LABS, ORG, TODAY

ONE_DAY = [
    (scope, report)
    for scope, entity in ((ENTERPRISE, "enterprise-1-day"), (ORG, "organization-1-day"), (LABS, "organization-1-day"))
    for report in (entity, "users-1-day", "user-teams-1-day", "repos-1-day")
]
WINDOWS = [
    (ENTERPRISE, "enterprise-28-day/latest"),
    (ENTERPRISE, "users-28-day/latest"),
    (ORG, "organization-28-day/latest"),
    (ORG, "users-28-day/latest"),
]


@pytest.mark.parametrize(("scope", "report"), ONE_DAY)
def test_one_day_envelope_and_every_row_of_every_file(client, final_day, scope, report):
    day = final_day(scope)
    envelope = CopilotUsageMetrics1DayReport.model_validate(client.report(scope, report, day).json())
    assert envelope.report_day == day
    assert all(f"/{report}-report/" in link for link in envelope.download_links)
    rows = client.rows(scope, report, day)
    assert rows
    assert {row["day"] for row in rows} == {day.isoformat()}


@pytest.mark.parametrize(("scope", "report"), WINDOWS)
def test_28_day_envelope_ends_yesterday(client, scope, report):
    envelope = CopilotUsageMetrics28DayReport.model_validate(client.report(scope, report).json())
    assert (envelope.report_start_day, envelope.report_end_day) == (date(2026, 10, 25), date(2026, 11, 21))


def test_window_is_one_object_of_unsorted_days_without_the_lost_ones(client, standin):
    (record,) = client.rows(LABS, "organization-28-day/latest")
    days = [total["day"] for total in record["day_totals"]]
    expected = {TODAY - timedelta(days=n) for n in range(1, 29)}
    expected -= set(standin.world.lost_days(LABS, TODAY - timedelta(days=28), TODAY))
    assert sorted(days) == sorted(d.isoformat() for d in expected)
    assert days != sorted(days)
    assert len(days) < 28  # this seed loses some
    assert record["created_at"] == "2026-11-22T03:36:11.710Z"
    some = date.fromisoformat(days[0])
    assert record["day_totals"][0] == client.rows(LABS, "organization-1-day", some)[0]


def test_users_28_day_has_a_line_for_every_active_day(client, final_day):
    rows = client.rows(ORG, "users-28-day/latest")
    per_day = Counter(row["day"] for row in rows)
    day = final_day(ORG)
    assert per_day[day.isoformat()] == len(client.rows(ORG, "users-1-day", day))
    assert max(Counter(row["user_id"] for row in rows).values()) > 10
    assert {(row["report_start_day"], row["report_end_day"]) for row in rows} == {("2026-10-25", "2026-11-21")}


def test_users_are_split_over_shards_without_repetition(client, final_day):
    day = final_day(ENTERPRISE)
    answer = client.report(ENTERPRISE, "users-1-day", day)
    files = client.files(answer)
    assert len(files) == 2
    assert "/part-00000-" in answer.json()["download_links"][0]
    logins = [row["user_login"] for row in client.rows(ENTERPRISE, "users-1-day", day)]
    assert len(logins) == len(set(logins)) > 60
    assert logins != sorted(logins)


def test_entity_is_the_sum_of_its_user_rows(client, final_day):
    for scope, report in ((ENTERPRISE, "enterprise-1-day"), (ORG, "organization-1-day"), (LABS, "organization-1-day")):
        day = final_day(scope)
        (entity,) = client.rows(scope, report, day)
        users = client.rows(scope, "users-1-day", day)
        assert entity["daily_active_users"] == len({u["user_id"] for u in users}) == len(users)
        for counter in COUNTERS:
            assert entity[counter] == sum(u[counter] for u in users), counter
        for name, keys in (
            ("totals_by_ide", ("ide",)),
            ("totals_by_feature", ("feature",)),
            ("totals_by_language_feature", ("language", "feature")),
            ("totals_by_language_model", ("language", "model")),
            ("totals_by_model_feature", ("model", "feature")),
        ):
            expected: Counter[tuple[str, ...]] = Counter()
            for part in (part for u in users for part in u[name]):
                for counter in COUNTERS:
                    expected[*(part[k] for k in keys), counter] += part.get(counter, 0)
            found: Counter[tuple[str, ...]] = Counter()
            for part in entity[name]:
                for counter in COUNTERS:
                    found[*(part[k] for k in keys), counter] += part.get(counter, 0)
            assert found == expected, name
        cli = [u["totals_by_cli"] for u in users if "totals_by_cli" in u]
        assert entity["totals_by_cli"]["session_count"] == sum(c["session_count"] for c in cli)
        assert entity["daily_active_cli_users"] == len(cli) == sum(u["used_cli"] for u in users)
        engaged = Counter(u["ai_adoption_phase"]["phase_number"] for u in users)
        phases = entity["totals_by_ai_adoption_phase"]
        assert {p["phase_number"]: p["total_engaged_users"] for p in phases} == engaged


def test_features_reconcile_with_the_top_level_and_ides_do_not(client, final_day):
    day = final_day(ORG)
    for record in [*client.rows(ORG, "organization-1-day", day), *client.rows(ORG, "users-1-day", day)]:
        for counter in COUNTERS:
            assert record[counter] == sum(part[counter] for part in record["totals_by_feature"])
            if counter != "user_initiated_interaction_count":
                assert record[counter] == sum(part[counter] for part in record["totals_by_language_feature"])
    (entity,) = client.rows(ORG, "organization-1-day", day)
    by_ide = sum(part["code_generation_activity_count"] for part in entity["totals_by_ide"])
    assert by_ide < entity["code_generation_activity_count"]
    assert "copilot_cli" in {part["feature"] for part in entity["totals_by_feature"]}


def test_weekly_and_monthly_users_are_distinct_people_of_the_trailing_days(client, final_day):
    day = final_day(ENTERPRISE, back=28)
    rows = {n: client.rows(ENTERPRISE, "users-1-day", day - timedelta(days=n)) for n in range(28)}
    (entity,) = client.rows(ENTERPRISE, "enterprise-1-day", day)

    def people(days: int, *flags: str) -> int:
        chosen = (u for n in range(days) for u in rows[n])
        return len({u["user_id"] for u in chosen if not flags or any(u[flag] for flag in flags)})

    assert entity["weekly_active_users"] == people(7)
    assert entity["monthly_active_users"] == people(28)
    assert entity["monthly_active_chat_users"] == people(28, "used_chat")
    assert entity["monthly_active_agent_users"] == people(28, "used_agent")
    assert entity["weekly_active_copilot_cloud_agent_users"] == people(7, "used_copilot_cloud_agent")
    assert entity["monthly_active_copilot_code_review_users"] == people(28, "used_copilot_code_review_active")
    reviewed = people(28, "used_copilot_code_review_active", "used_copilot_code_review_passive")
    passive = entity["monthly_passive_copilot_code_review_users"]
    assert passive == reviewed - entity["monthly_active_copilot_code_review_users"]
    assert entity["daily_active_users"] < entity["weekly_active_users"] < entity["monthly_active_users"]


def test_a_young_day_looks_back_on_days_that_are_more_complete_than_itself(standin):
    """Twenty times: the trailing week as it can be read that day, each of its days with what had come in by then."""
    for today in (TODAY - timedelta(days=n) for n in range(20)):
        days = [today - timedelta(days=n) for n in range(1, 8)]
        if any(standin.world.is_lost(LABS, day) for day in days):
            continue
        users = [list(standin.world.report(LABS, "users-1-day", day, today).rows()) for day in days]
        entity = next(standin.world.report(LABS, "organization-1-day", days[0], today).rows())
        assert entity["daily_active_users"] == len(users[0])
        assert entity["weekly_active_users"] == len({user["user_id"] for day in users for user in day})


def test_history_reaches_back_a_year_to_the_day(client):
    assert client.report(ENTERPRISE, "enterprise-1-day", date(2025, 11, 22)).json()["download_links"]


def test_the_same_person_is_in_the_enterprise_once_and_in_every_organisation(client, final_day):
    day = final_day(ENTERPRISE, ORG, LABS)
    enterprise, org, labs = (
        {u["user_id"] for u in client.rows(scope, "users-1-day", day)} for scope in (ENTERPRISE, ORG, LABS)
    )
    assert org | labs == enterprise
    assert org & labs


def test_pull_requests_of_an_organisation_are_those_of_its_repositories(client, final_day):
    day = final_day(ORG)
    (entity,) = client.rows(ORG, "organization-1-day", day)
    repositories = client.rows(ORG, "repos-1-day", day)
    for name in ("total_created", "total_merged", "total_reviewed", "total_copilot_suggestions"):
        assert entity["pull_requests"][name] == sum(r["pull_requests"][name] for r in repositories)
    assert {r["repo_owner_name"] for r in repositories} == {"octo-org"}
    assert all(r["pull_requests"]["copilot_suggestions_by_comment_type"] == [] for r in repositories)


# ------------------------------------------------------------------------------------------------- when there is none


@pytest.mark.parametrize(
    "day", [TODAY, TODAY + timedelta(days=1), date(2025, 11, 20)], ids=["today", "tomorrow", "older than a year"]
)
def test_no_data_is_204_for_organisations_and_an_empty_list_for_the_enterprise(client, day):
    for report in ("organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"):
        answer = client.report(ORG, report, day)
        assert (answer.status_code, answer.content) == (204, b"")
    for report in ("enterprise-1-day", "users-1-day", "user-teams-1-day"):
        answer = client.report(ENTERPRISE, report, day)
        assert (answer.status_code, answer.json()["download_links"]) == (200, [])
    assert client.report(ENTERPRISE, "repos-1-day", day).status_code == 204


@pytest.mark.parametrize(
    ("scope", "report", "first"),
    [
        (ENTERPRISE, "enterprise-1-day", date(2025, 10, 10)),
        (ENTERPRISE, "users-1-day", date(2025, 10, 10)),
        (ORG, "organization-1-day", date(2025, 12, 12)),
        (ORG, "users-1-day", date(2025, 12, 12)),
        (ORG, "user-teams-1-day", date(2026, 5, 14)),
        (ENTERPRISE, "user-teams-1-day", date(2026, 5, 14)),
        (ORG, "repos-1-day", date(2026, 7, 17)),
    ],
)
def test_reports_begin_on_the_day_github_began_them(client, standin, scope, report, first):
    standin.today = date(2026, 8, 1)
    while standin.world.is_lost(scope, first):
        first += timedelta(days=1)
    assert client.report(scope, report, first).json()["download_links"]
    before = client.report(scope, report, first.replace(day=1))
    assert before.status_code == 204 or before.json()["download_links"] == []


def test_lost_days_are_lost_for_all_reports_of_the_scope_and_for_ever(client, standin):
    start = TODAY - timedelta(days=300)
    lost = {scope: standin.world.lost_days(scope, start, TODAY) for scope in (ORG, LABS, ENTERPRISE)}
    assert all(2 <= len(days) <= 14 for days in lost.values())  # 300 / 45 = 6.7 expected
    assert lost[ORG] != lost[LABS]
    day = lost[ORG][-1]
    for today in (day + timedelta(days=1), day + timedelta(days=30)):
        standin.today = today
        assert client.report(ORG, "organization-1-day", day).status_code == 204
        assert client.report(ORG, "users-1-day", day).status_code == 204


def test_a_holiday_is_a_real_zero_day(client, standin):
    holiday = date(2026, 1, 1)
    assert not standin.world.is_lost(ORG, holiday)
    (record,) = client.rows(ORG, "organization-1-day", holiday)
    assert record["daily_active_users"] == 0
    assert [record[counter] for counter in COUNTERS] == [0] * 7
    assert record["totals_by_feature"] == record["totals_by_ide"] == []
    assert record["monthly_active_users"] > 0
    assert client.files(client.report(ORG, "users-1-day", holiday)) == [b""]


def test_weekends_are_quiet(client, standin):
    active = {
        n: standin.world.activity.mask(TODAY - timedelta(days=n), 1).bit_count()
        for n in range(1, 200)
        if (TODAY - timedelta(days=n)).isoformat() != "2026-05-01"
    }
    weekend = [count for n, count in active.items() if (TODAY - timedelta(days=n)).weekday() >= 5]
    working = [count for n, count in active.items() if (TODAY - timedelta(days=n)).weekday() < 5]
    assert 0.1 < (sum(weekend) / len(weekend)) / (sum(working) / len(working)) < 0.2
    assert active[3] > 1.4 * active[199]  # adoption grows


# --------------------------------------------------------------------------------------------------------- revisions


def test_young_days_are_lower_and_final_after_three_days(client, standin, final_day):
    day = final_day(ENTERPRISE, ORG, LABS, before=date(2026, 11, 14))
    seen = {}
    for age in (1, 2, 3, 4, 5, 30):
        standin.today = day + timedelta(days=age)
        seen[age] = [
            client.rows(ENTERPRISE, "enterprise-1-day", day)[0],
            client.rows(ORG, "organization-1-day", day)[0],
            client.rows(LABS, "organization-1-day", day)[0],
        ]
        users = {u["user_id"] for u in client.rows(LABS, "users-1-day", day)}
        assert len(users) == seen[age][2]["daily_active_users"]
    assert seen[4] == seen[5] == seen[30]
    for young, older in ((1, 2), (2, 3), (3, 4)):
        for before, after in zip(seen[young], seen[older], strict=True):
            assert before["daily_active_users"] <= after["daily_active_users"]
            assert before["code_generation_activity_count"] <= after["code_generation_activity_count"]
    for young in (1, 2, 3):
        for before, after in zip(seen[young], seen[4], strict=True):
            assert before["daily_active_users"] < after["daily_active_users"]
    assert seen[1][0]["code_generation_activity_count"] < seen[4][0]["code_generation_activity_count"]


def test_a_link_keeps_serving_what_it_was_made_for(client, standin, final_day):
    day = final_day(ORG)
    standin.today = day + timedelta(days=1)
    answer = client.report(ORG, "organization-1-day", day)
    young = client.files(answer)
    standin.today = TODAY
    assert client.files(answer) == young
    assert client.files(client.report(ORG, "organization-1-day", day)) != young


# ------------------------------------------------------------------------------------------------ the day's parameter


@pytest.mark.parametrize(("day", "code"), [(None, "missing_field"), ("", "invalid"), ("2026-02-30", "invalid")])
def test_a_day_that_is_none_is_422_after_the_policy(client, fault, day, code):
    path = "/orgs/octo-org/copilot/metrics/reports/organization-1-day"
    answer = client.get(path, **({} if day is None else {"day": day}))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"resource": "CopilotUsageMetrics", "field": "day", "code": code}]
    fault("policy-off")
    assert client.get(path).status_code == 403


# --------------------------------------------------------------------------------------------------------- user-teams


def test_teams_below_five_seats_are_left_out_and_one_crosses_the_line(client, standin, final_day):
    world = standin.world
    assert (world.crossing_team, world.crossing_day) == ("release", date(2026, 9, 1))
    before, after = final_day(ORG, before=world.crossing_day), final_day(ORG)
    seats = {day: Counter(r["slug"] for r in client.rows(ORG, "user-teams-1-day", day)) for day in (before, after)}
    assert min(seats[before].values()) >= 5
    assert "release" not in seats[before]
    assert seats[after]["release"] == 5
    assert "security-champions" not in seats[after]
    people = Counter(r["user_id"] for r in client.rows(ORG, "user-teams-1-day", after))
    assert max(people.values()) > 1  # members of several teams are repeated


def test_user_teams_of_the_enterprise_are_enterprise_teams(client, final_day):
    rows = client.rows(ENTERPRISE, "user-teams-1-day", final_day(ENTERPRISE))
    assert {r["slug"] for r in rows} == {"ent:core", "ent:python-guild", "ent:architects"}
    assert {r["enterprise_id"] for r in rows} == {"4001"}
    assert not any("organization_id" in r for r in rows)
    assert {type(r["team_id"]) for r in rows} == {int}
