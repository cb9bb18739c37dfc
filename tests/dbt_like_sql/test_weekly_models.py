"""The weekly models on a handful of rows: every expected number is worked out beside it, by hand.

Also what holds of all models: they run as they stand, and every column says what it is.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from copilot_assets.sql_models.model import SqlModel
from copilot_assets.warehouse.tables import transaction
from tests.dbt_like_sql.conftest import MODELS, Book, Row, days, empty_warehouse

ORG, OTHER_ORG, TEAM = "org:octo-org", "org:octo-labs", "team:octo-org/core"
ORG_REPORT, USERS, LEGACY = "organization-1-day", "users-1-day", "legacy-metrics"

# Three ISO weeks without a series break; a week is final when three full days have passed since its Sunday.
MONDAY, NEXT_MONDAY, THIRD_MONDAY = date(2026, 9, 7), date(2026, 9, 14), date(2026, 9, 21)
SUNDAY = date(2026, 9, 13)
TODAY = date(2026, 10, 1)

# The same while the legacy API was open; its weeks are final after one full day.
LEGACY_MONDAY, LEGACY_NEXT_MONDAY = date(2026, 3, 2), date(2026, 3, 9)
LEGACY_TODAY = date(2026, 3, 20)


DAY_COUNTS = (
    "days_expected",
    "days_reported",
    "days_pending",
    "days_below_threshold",
    "days_missing",
    "user_days_reported",
)


def report_day(
    book: Book, day: date, *, active: int | None, people: tuple[int, ...] = (), scope: str = ORG, **counters: int
) -> None:
    """A day that GitHub reported: the report about the scope, and that about people if there were any."""
    with transaction(book.connection):
        book.fetch(scope, ORG_REPORT, day, headline={"daily_active_users": active})
        book.insert("flat.entity_daily", scope=scope, day=day, daily_active_users=active, **counters)
        book.fetch(scope, USERS, day, "reported" if people else "no_report", records=len(people))
        for person in people:
            book.insert("flat.user_daily", scope=scope, day=day, user_id=person)


def report_feature(
    book: Book, day: date, feature: str, shown: int | None, accepted: int | None, people: int = 5
) -> None:
    """Activity of a feature, and the people behind it, with one of each: user_id 1, 2, 3 …"""
    one: Row = {"code_generation_activity_count": 1, "code_acceptance_activity_count": 1}
    for person in range(1, people + 1):
        book.insert("flat.user_feature_daily", scope=ORG, day=day, feature=feature, user_id=person, **one)
    book.insert(
        "flat.entity_feature_daily",
        scope=ORG,
        day=day,
        feature=feature,
        code_generation_activity_count=shown,
        code_acceptance_activity_count=accepted,
    )


def report_legacy_day(book: Book, day: date, active: int | None, engaged: int | None, scope: str = ORG) -> None:
    with transaction(book.connection):
        book.fetch(scope, LEGACY, day, headline={"total_active_users": active, "total_engaged_users": engaged})
        book.insert("flat.legacy_daily", scope=scope, day=day, total_active_users=active, total_engaged_users=engaged)


def week_of(book: Book, week_start: date, scope: str = ORG, table: str = "user_trend") -> Row:
    """The one row of a scope and week, of the tables as they are built."""
    (row,) = book.rows(f"select * from weekly.{table} where scope = ? and week_start = ?", scope, week_start)
    return row


def some(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


def weeks_with_a_change(book: Book) -> set[date]:
    return {
        row["week_start"]
        for row in book.rows("select week_start from weekly.user_trend where active_people_change is not null")
    }


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=MONDAY, today=TODAY)
    return book


@pytest.fixture
def legacy(book: Book) -> Book:
    book.expect(ORG, TEAM, start=LEGACY_MONDAY, today=LEGACY_TODAY, legacy=True)
    return book


# --- weekly.user_trend: a week ---------------------------------------------------------------------------------------


def test_a_full_closed_week(org: Book) -> None:
    for day, active in zip(days(MONDAY, SUNDAY), (10, 12, 11, 13, 9, 2, 1), strict=True):
        report_day(
            org,
            day,
            active=active,
            people=(1, 2),
            user_initiated_interaction_count=100,
            code_generation_activity_count=50,
            code_acceptance_activity_count=20,
            loc_added_sum=300,
            loc_deleted_sum=7,
        )
        report_feature(org, day, "code_completion", 40, 10)
    org.build("weekly.user_trend")
    assert week_of(org, MONDAY) == {
        "scope": ORG,
        "week_start": MONDAY,
        "days_expected": 7,
        "days_reported": 7,
        "days_pending": 0,
        "days_below_threshold": 0,
        "days_missing": 0,
        "is_closed": True,
        "user_days_reported": 7,
        "active_people": 2,
        "engaged_people": None,  # groups of two are few, and beside all of them none are as few
        "passive_people": None,
        # The first week of the history: nobody knows who is new, back or gone.
        "new_people": None,
        "returning_people": None,
        "lapsed_people": None,
        "may_have_begun_before": True,
        "people_active_1_day": None,
        "people_active_2_days": None,
        "people_active_3_days": None,
        "people_active_4_days": None,
        "people_active_5_or_more_days": None,
        "active_user_days": 58,  # 10 + 12 + 11 + 13 + 9 + 2 + 1
        "avg_daily_active_users": pytest.approx(58 / 7),
        "workdays_reported": 5,
        "avg_workday_active_users": 11.0,  # 55 / 5
        "user_initiated_interaction_count": 700,
        "code_generation_activity_count": 350,
        "code_acceptance_activity_count": 140,
        "loc_added_sum": 2100,
        "loc_deleted_sum": 49,
        "last_day_reported": SUNDAY,
        "user_days_reported_28_days": 7,
        "people_7_days": None,
        "weekly_active_users": None,  # GitHub told none in these reports
        "people_28_days": None,
        "monthly_active_users": None,
        "chat_people_28_days": None,  # no row has the flag
        "monthly_active_chat_users": None,
        "agent_people_28_days": None,
        "monthly_active_agent_users": None,
        "is_suppressed": False,
        "completion_people": 2,  # five have them here; of two active people they are two at most
        "completion_generation_count": 300,
        "completion_acceptance_count": 70,
        "completion_acceptance_rate": pytest.approx(7 / 30),  # 70 of 300: 280, 56 a head, are told in fifties
        "series_break": None,
        "user_days_compared": None,
        "active_people_change": None,
        "days_compared": None,
        "avg_daily_active_users_change": None,
    }


def test_an_unfinished_week_has_no_average_and_its_days_are_counted_by_reason(book: Book) -> None:
    # Today is the Saturday of the week: Wednesday to Friday are fresh.
    book.expect(ORG, start=MONDAY, today=date(2026, 9, 12))
    report_day(book, date(2026, 9, 7), active=10, people=(1,))
    book.fetch(ORG, ORG_REPORT, date(2026, 9, 8), "no_report")
    report_day(book, date(2026, 9, 9), active=20, people=(1, 2))
    book.fetch(ORG, ORG_REPORT, date(2026, 9, 10), "failed")
    book.fetch(ORG, ORG_REPORT, date(2026, 9, 11), "no_report")
    book.build("weekly.user_trend")
    week = week_of(book, MONDAY)
    # Monday to Friday have closed: two reported (one of them provisional), two missing, one still to come.
    assert some(week, "days_expected", "days_reported", "days_missing", "days_pending") == (5, 2, 2, 1)
    assert some(week, "active_user_days", "workdays_reported") == (30, 2)
    # Before the weekend an average of a week is none: it would be held against weeks that have one.
    assert some(week, "avg_daily_active_users", "avg_workday_active_users") == (None, None)
    assert some(week, "active_people", "user_days_reported", "is_closed") == (2, 2, False)


def test_averages_of_a_week_with_holes_are_per_reported_day_and_of_workdays_apart(org: Book) -> None:
    # 60, 54 and 48 from Monday to Wednesday, no Thursday and Friday, 6 on Saturday and Sunday.
    reported = (MONDAY, date(2026, 9, 8), date(2026, 9, 9), date(2026, 9, 12), SUNDAY)
    for day, active in zip(reported, (60, 54, 48, 6, 6), strict=True):
        report_day(org, day, active=active)
    for day in days(date(2026, 9, 10), date(2026, 9, 11)):
        org.fetch(ORG, ORG_REPORT, day, "no_report")
    org.build("weekly.user_trend")
    week = week_of(org, MONDAY)
    assert week["avg_daily_active_users"] == pytest.approx(174 / 5)
    assert some(week, "workdays_reported", "avg_workday_active_users") == (3, 54.0)  # 162 / 3


def test_a_week_without_any_report_is_unknown_not_zero(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        org.fetch(ORG, ORG_REPORT, day, "no_report")
        org.fetch(ORG, USERS, day, "no_report")
    org.build("weekly.user_trend")
    week = week_of(org, MONDAY)
    assert some(week, "days_expected", "days_reported", "days_missing", "user_days_reported") == (7, 0, 7, 0)
    told = ("scope", "week_start", "is_closed", "is_suppressed", "may_have_begun_before", "workdays_reported")
    numbers = [name for name in week if name not in (*told, *DAY_COUNTS)]
    assert {name: week[name] for name in numbers} == dict.fromkeys(numbers)


def test_a_week_of_days_without_activity_is_zero_not_unknown(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        report_day(org, day, active=0, user_initiated_interaction_count=0, loc_added_sum=0)
    org.build("weekly.user_trend")
    week = week_of(org, MONDAY)
    # Nobody has a row in the report of people, and that is known: the report about the scope says 0.
    assert some(week, "days_reported", "user_days_reported", "days_missing") == (7, 7, 0)
    assert some(week, "active_people", "active_user_days", "avg_daily_active_users") == (0, 0, 0.0)
    assert some(week, "user_initiated_interaction_count", "loc_added_sum") == (0, 0)
    assert some(week, "completion_generation_count", "completion_acceptance_rate") == (None, None)


def test_people_are_unknown_where_their_report_is_missing_though_the_scope_was_reported(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        org.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 5})
        org.insert("flat.entity_daily", scope=ORG, day=day, daily_active_users=5)
        org.fetch(ORG, USERS, day, "failed")
    org.build("weekly.user_trend")
    week = week_of(org, MONDAY)
    assert some(week, "days_reported", "days_missing", "active_user_days") == (7, 0, 35)
    assert some(week, "user_days_reported", "active_people") == (0, None)


def test_a_day_whose_number_is_unknown_does_not_lower_the_average(org: Book) -> None:
    for day, active in zip(days(MONDAY, date(2026, 9, 9)), (20, None, 20), strict=True):
        report_day(org, day, active=active)
    org.build("weekly.user_trend")
    assert some(week_of(org, MONDAY), "active_user_days", "avg_daily_active_users") == (40, 20.0)


def test_githubs_trailing_numbers_are_those_of_the_last_day_or_unknown(org: Book) -> None:
    report_day(org, MONDAY, active=2, weekly_active_users=7, monthly_active_users=9)
    report_day(org, date(2026, 9, 8), active=2, monthly_active_users=8)
    org.build("weekly.user_trend")
    names = ("last_day_reported", "weekly_active_users", "monthly_active_users")
    assert some(week_of(org, MONDAY), *names) == (date(2026, 9, 8), None, 10)  # eight, not the 7 of another day


def test_days_before_the_start_date_do_not_count_and_a_week_that_is_cut_has_no_average(book: Book) -> None:
    book.expect(ORG, start=date(2026, 9, 10), today=TODAY)
    for day in days(MONDAY, SUNDAY):
        report_day(book, day, active=10, people=(day.day,))
    book.build("weekly.user_trend")
    week = week_of(book, MONDAY)
    assert some(week, "days_expected", "days_reported", "user_days_reported") == (4, 4, 4)
    assert some(week, "active_user_days", "avg_daily_active_users", "active_people") == (40, None, 4)


def test_the_week_of_the_turn_of_the_year_is_one_week(book: Book) -> None:
    book.expect(ORG, start=date(2025, 12, 22), today=date(2026, 2, 1))
    for day in days(date(2025, 12, 29), date(2026, 1, 4)):  # ISO week 2026-W01
        report_day(book, day, active=1, people=(1,))
    book.build("weekly.user_trend")
    assert some(week_of(book, date(2025, 12, 29)), "days_expected", "days_reported", "active_people") == (7, 7, 1)
    weeks = [row["week_start"] for row in book.rows("from weekly.user_trend order by week_start limit 3")]
    assert weeks == [date(2025, 12, 22), date(2025, 12, 29), date(2026, 1, 5)]


def test_weeks_begin_when_github_began(book: Book) -> None:
    # Organisations have reports from Friday 2025-12-12 on: three days of that week, none of the one before.
    book.expect(ORG, start=date(2025, 12, 1), today=date(2026, 1, 10))
    book.build("weekly.user_trend")
    first = book.rows("select week_start, days_expected from weekly.user_trend order by week_start")[0]
    assert first == {"week_start": date(2025, 12, 8), "days_expected": 3}


def test_sums_go_beyond_32_bits(org: Book) -> None:
    for day in (MONDAY, SUNDAY):
        report_day(org, day, active=3_000_000_000, loc_added_sum=3_000_000_000, code_generation_activity_count=2**40)
    org.build("weekly.user_trend")
    week = week_of(org, MONDAY)
    assert some(week, "active_user_days", "loc_added_sum") == (6_000_000_000, 6_000_000_000)
    assert week["code_generation_activity_count"] == 2_199_023_255_552  # 2 * 2^40 = 2^41


# --- weekly.user_trend: people ---------------------------------------------------------------------------------------


def test_a_person_counts_once_however_many_days(org: Book) -> None:
    report_day(org, date(2026, 9, 7), active=2, people=(1, 2))
    report_day(org, date(2026, 9, 8), active=2, people=(1, 3))
    report_day(org, date(2026, 9, 9), active=1, people=(1,))
    report_day(org, date(2026, 9, 14), active=1, people=(1,))
    org.build("weekly.user_trend")
    assert some(week_of(org, MONDAY), "active_people", "active_user_days") == (3, 5)  # {1, 2, 3}; 2 + 2 + 1
    assert week_of(org, NEXT_MONDAY)["active_people"] == 1


def test_a_person_of_two_scopes_counts_in_each_and_scopes_do_not_mix(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=MONDAY, today=TODAY)
    report_day(book, MONDAY, active=2, people=(1, 2), scope=ORG)
    report_day(book, MONDAY, active=1, people=(1,), scope=OTHER_ORG)
    book.build("weekly.user_trend")
    assert some(week_of(book, MONDAY, ORG), "active_people", "active_user_days") == (2, 2)
    assert some(week_of(book, MONDAY, OTHER_ORG), "active_people", "active_user_days") == (1, 1)


# --- weekly.user_trend: acceptance rate ------------------------------------------------------------------------------


def test_the_acceptance_rate_is_of_completions_alone_and_sum_by_sum(org: Book) -> None:
    report_day(org, date(2026, 9, 7), active=1, code_generation_activity_count=1010, code_acceptance_activity_count=5)
    report_feature(org, date(2026, 9, 7), "code_completion", 10, 5)  # 0.5 of the day
    report_feature(org, date(2026, 9, 7), "agent_edit", 1000, 0)
    report_day(org, date(2026, 9, 8), active=1, code_generation_activity_count=90, code_acceptance_activity_count=9)
    report_feature(org, date(2026, 9, 8), "code_completion", 90, 10)  # 0.1 of the day
    org.build("weekly.user_trend")
    week = week_of(org, MONDAY)
    assert some(week, "completion_generation_count", "completion_acceptance_count") == (100, 15)
    assert week["completion_acceptance_rate"] == pytest.approx(0.15)  # 15 / 100; the mean of the days would be 0.3


@pytest.mark.parametrize(
    ("shown", "accepted", "rate"),
    [(0, 0, None), (None, None, None), (10, None, None), (10, 0, 0.0), (20, 5, 0.25), (10, 15, 1.0)],
)
def test_the_acceptance_rate_at_its_edges(
    org: Book, shown: int | None, accepted: int | None, rate: float | None
) -> None:
    report_day(org, MONDAY, active=1, code_generation_activity_count=5)
    report_feature(org, MONDAY, "code_completion", shown, accepted)
    org.build("weekly.user_trend")
    week = week_of(org, MONDAY)
    assert some(week, "completion_generation_count", "completion_acceptance_count") == (shown, accepted)
    assert week["completion_acceptance_rate"] == rate


def test_completions_of_fewer_than_five_people_are_withheld(org: Book) -> None:
    for day in (MONDAY, date(2026, 9, 8)):  # the same four on both days
        report_day(org, day, active=9, code_generation_activity_count=99)
        report_feature(org, day, "code_completion", 50, 10, people=4)
    report_feature(org, NEXT_MONDAY, "code_completion", 50, 10, people=3)
    report_feature(org, NEXT_MONDAY + timedelta(days=1), "code_completion", 50, 10, people=5)
    report_day(org, NEXT_MONDAY, active=9)
    org.build("weekly.user_trend")
    names = ("is_suppressed", "completion_people", "completion_generation_count", "completion_acceptance_count")
    withheld, shown = week_of(org, MONDAY), week_of(org, NEXT_MONDAY)
    assert some(withheld, *names, "completion_acceptance_rate") == (True, None, None, None, None)
    assert withheld["code_generation_activity_count"] == 198, "a scope's own total stays"
    assert some(shown, *names) == (False, 5, 100, 20)


def test_completions_of_nobody_knows_how_many_are_withheld(org: Book) -> None:
    report_day(org, MONDAY, active=9)
    report_feature(org, MONDAY, "code_completion", 50, 10, people=0)
    report_day(org, NEXT_MONDAY, active=9)
    report_feature(org, NEXT_MONDAY, "code_completion", 0, 0, people=0)
    org.build("weekly.user_trend")
    assert week_of(org, MONDAY)["is_suppressed"] is True
    assert some(week_of(org, NEXT_MONDAY), "is_suppressed", "completion_generation_count") == (False, 0)


def test_acceptances_alone_are_withheld_too(org: Book) -> None:
    report_day(org, MONDAY, active=9)
    report_feature(org, MONDAY, "code_completion", 0, 7, people=2)
    org.build("weekly.user_trend")
    names = ("is_suppressed", "completion_people", "completion_acceptance_count")
    assert some(week_of(org, MONDAY), *names) == (True, None, None)


def test_a_week_with_a_day_that_was_fetched_too_early_is_not_closed(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        report_day(org, day, active=9, people=(1,))
    org.build("weekly.user_trend")
    assert week_of(org, MONDAY)["is_closed"] is True
    org.connection.execute(
        "update raw.fetches set requested_at = day + interval 1 day where day = ? and report = ?", [SUNDAY, ORG_REPORT]
    )
    org.build("weekly.user_trend")
    assert week_of(org, MONDAY)["is_closed"] is False


@pytest.mark.parametrize(
    ("table", "check_name", "source"),
    [
        ("weekly.user_trend", "completions_are_of_enough_people", "flat.user_feature_daily"),
        ("weekly.feature_trend", "parts_are_of_enough_people", "flat.user_feature_daily"),
        ("weekly.ide_trend", "parts_are_of_enough_people", "flat.user_ide_daily"),
        ("weekly.language_trend", "parts_are_of_enough_people", "flat.user_language_feature_daily"),
        ("weekly.model_trend", "parts_are_of_enough_people", "flat.user_model_feature_daily"),
        ("weekly.team_trend", "teams_are_of_enough_people", "flat.user_team_daily"),
    ],
)
def test_a_published_part_of_few_people_fails_the_check(org: Book, table: str, check_name: str, source: str) -> None:
    (check,) = (check for model in MODELS for check in model.checks if (model.table, check.name) == (table, check_name))
    people = (1, 2, 3, 4, 5, 6)
    report_day(org, MONDAY, active=9, people=people)
    report_feature(org, MONDAY, "code_completion", 50, 10, people=6)
    org.fetch(ORG, "user-teams-1-day", MONDAY)
    row = {"scope": ORG, "day": MONDAY}
    for name, key in (("ide", "ide"), ("language_feature", "language"), ("model_feature", "model")):
        part = {key: "x", f"{key}_name": "x"}
        org.insert(f"flat.entity_{name}_daily", **row, **part, code_generation_activity_count=7)
        for person in people:
            org.insert(f"flat.user_{name}_daily", **row, **part, user_id=person, code_generation_activity_count=1)
    for person in people:
        org.insert("flat.user_team_daily", **row, team_id=1, team_slug="core", user_id=person)
    org.build(table)
    assert (check.severity, org.rows(check.sql)) == ("error", [])
    # The table told of six; had it told of four, this is what would be seen.
    org.connection.execute(f"delete from {source} where user_id > 4")
    (found,) = org.rows(check.sql)
    assert some(found, "scope", "week_start") == (ORG, MONDAY)


def test_a_week_of_chat_alone_has_no_acceptance_rate(org: Book) -> None:
    report_day(org, MONDAY, active=1, code_generation_activity_count=5, code_acceptance_activity_count=5)
    report_feature(org, MONDAY, "chat_panel_ask_mode", 5, 5)
    org.build("weekly.user_trend")
    assert week_of(org, MONDAY)["completion_acceptance_rate"] is None


# --- weekly.user_trend: change against the week before ---------------------------------------------------------------


def test_the_change_between_two_closed_neighbours(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        report_day(org, day, active=10, people=(1, 2, 3))
    for day in days(NEXT_MONDAY, date(2026, 9, 20)):
        report_day(org, day, active=8, people=(3,))
    org.build("weekly.user_trend")
    first, second = week_of(org, MONDAY), week_of(org, NEXT_MONDAY)
    assert some(first, "active_people_change", "avg_daily_active_users_change") == (None, None)  # nothing before it
    assert some(second, "active_people_change", "avg_daily_active_users_change") == (-2, -2.0)  # 1 - 3; 8 - 10


def test_a_change_compares_the_weekdays_that_both_weeks_reported(org: Book) -> None:
    for day in days(MONDAY, date(2026, 9, 11)):
        report_day(org, day, active=50, people=(1, 2, 3))
    for day in days(date(2026, 9, 12), SUNDAY):
        for name in (ORG_REPORT, USERS):
            org.fetch(ORG, name, day, "forbidden")
    for day in days(NEXT_MONDAY, date(2026, 9, 18)):
        report_day(org, day, active=55, people=(1, 2, 4))
    for day in days(date(2026, 9, 19), date(2026, 9, 20)):
        report_day(org, day, active=6, people=(1, 8, 9))
    org.build("weekly.user_trend")
    week = week_of(org, NEXT_MONDAY)
    assert week["avg_daily_active_users"] == pytest.approx(287 / 7)  # 5 * 55 + 2 * 6: 9 below the 50 of five days
    assert some(week, "days_compared", "avg_daily_active_users_change") == (5, 5.0)
    # 5 people against 3; from Monday to Friday 3 against 3, whom some of a week's days may not be told of.
    assert some(week, "active_people", "user_days_compared", "active_people_change") == (5, 5, None)
    org.connection.execute("update raw.settings set min_cohort = 3")
    org.build("weekly.user_trend")
    assert week_of(org, NEXT_MONDAY)["active_people_change"] == 0
    # Whether 8 and 9 were there on the weekend before, nobody knows.
    assert some(week, "new_people", "returning_people", "lapsed_people") == (None, None, None)
    assert week["may_have_begun_before"] is True


def test_people_and_the_scope_are_compared_by_the_days_of_their_own_reports(org: Book) -> None:
    for day in days(MONDAY, date(2026, 9, 20)):
        report_day(org, day, active=10 if day < NEXT_MONDAY else 13, people=(1,) if day < NEXT_MONDAY else (1, 2))
    for day in days(NEXT_MONDAY, date(2026, 9, 17)):
        org.fetch(ORG, USERS, day, "no_report")
    org.build("weekly.user_trend")
    week = week_of(org, NEXT_MONDAY)
    assert some(week, "days_compared", "avg_daily_active_users_change") == (7, 3.0)
    assert some(week, "user_days_compared", "active_people_change") == (3, None), "three days are too few"


def test_a_day_whose_number_is_unknown_is_left_out_of_the_change_on_both_sides(org: Book) -> None:
    for day in days(MONDAY, date(2026, 9, 20)):
        report_day(org, day, active=None if day == NEXT_MONDAY else 10 + (day - MONDAY).days, people=(1,))
    org.build("weekly.user_trend")
    # Every other day has 7 more than a week before; against the whole week it would be 17.5 + 1 - 13 = 7.5.
    assert week_of(org, NEXT_MONDAY)["avg_daily_active_users_change"] == 7.0


@pytest.mark.parametrize(("today", "is_closed"), [(date(2026, 9, 23), False), (date(2026, 9, 24), True)])
def test_a_week_closes_three_full_days_after_its_sunday_and_only_then_has_a_change(
    book: Book, today: date, is_closed: bool
) -> None:
    book.expect(ORG, start=MONDAY, today=today)
    report_day(book, MONDAY, active=1, people=(1,))
    report_day(book, NEXT_MONDAY, active=2, people=(1, 2))
    book.report_the_rest()
    book.build("weekly.user_trend")
    week = week_of(book, NEXT_MONDAY)  # its Sunday is the 20th; 21, 22 and 23 September have to pass
    assert week["is_closed"] is is_closed
    assert week["active_people_change"] == (1 if is_closed else None)


def test_no_change_when_a_week_without_reports_lies_between(org: Book) -> None:
    report_day(org, MONDAY, active=1, people=(1,))
    report_day(org, THIRD_MONDAY, active=2, people=(1, 2))
    org.build("weekly.user_trend")
    between, after = week_of(org, NEXT_MONDAY), week_of(org, THIRD_MONDAY)
    assert some(between, "active_people", "active_people_change") == (None, None)
    assert some(after, "active_people", "active_people_change") == (2, None)  # not +1 against two weeks before
    assert after["avg_daily_active_users_change"] is None


def test_no_change_against_another_scope(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=MONDAY, today=TODAY)
    report_day(book, MONDAY, active=1, people=(1,), scope=OTHER_ORG)
    report_day(book, NEXT_MONDAY, active=2, people=(1, 2), scope=ORG)
    book.build("weekly.user_trend")
    assert weeks_with_a_change(book) == set()


def test_no_change_against_the_three_days_with_which_github_began(book: Book) -> None:
    book.expect(ORG, start=date(2025, 12, 1), today=date(2026, 1, 10))
    report_day(book, date(2025, 12, 12), active=5, people=(1, 2, 3, 4, 5))
    report_day(book, date(2025, 12, 15), active=12, people=tuple(range(12)))
    report_day(book, date(2025, 12, 22), active=12, people=tuple(range(12)))
    book.report_the_rest()
    book.build("weekly.user_trend")
    assert week_of(book, date(2025, 12, 22))["active_people_change"] == 0
    assert week_of(book, date(2025, 12, 15))["active_people_change"] is None


@pytest.mark.parametrize(
    ("day", "weeks"),
    [
        (date(2026, 9, 14), {MONDAY + timedelta(7)}),  # a Monday: the whole week is new, as is the one after
        (date(2026, 9, 15), {MONDAY + timedelta(7), MONDAY + timedelta(14)}),  # old and new within one week
        (date(2026, 9, 20), {MONDAY + timedelta(7), MONDAY + timedelta(14)}),  # a Sunday
    ],
)
def test_a_break_of_active_users_takes_the_changes_that_cross_it(book: Book, day: date, weeks: set[date]) -> None:
    mondays = [MONDAY + timedelta(7 * n) for n in range(-1, 5)]
    book.expect(ORG, start=mondays[0], today=date(2026, 10, 15))
    for n, monday in enumerate(mondays, 1):
        report_day(book, monday, active=n, people=tuple(range(n)))
    book.report_the_rest()
    book.build("quality.series_break")
    book.connection.execute("delete from quality.series_break where moves_active_users")
    moved = {"moves_active_users": True, "moves_activity": False}
    book.insert("quality.series_break", day=day, what="new meaning", reports="", **moved)
    book.build("weekly.user_trend", past="quality.series_break")
    assert weeks_with_a_change(book) == set(mondays[1:]) - weeks
    assert week_of(book, NEXT_MONDAY)["series_break"] == f"{day}: new meaning"


def test_githubs_breaks_of_2026(book: Book) -> None:
    mondays = [date(2026, 6, 1) + timedelta(7 * n) for n in range(11)]  # to 10 August
    book.expect(ORG, start=mondays[0], today=date(2026, 8, 30))
    for n, monday in enumerate(mondays, 1):
        report_day(book, monday, active=n, people=tuple(range(n)))
    book.report_the_rest()
    book.build("weekly.user_trend")
    without = set(mondays) - weeks_with_a_change(book)
    assert without == {
        date(2026, 6, 1),  # nothing before it
        date(2026, 6, 15),  # begins with the break of Monday 15 June; 8 June lies before it, 22 June after it
        date(2026, 7, 27),  # holds the break of Tuesday 28 July
        date(2026, 8, 3),  # is compared with a week of both meanings
    }
    noted = book.rows("select week_start, series_break from weekly.user_trend where series_break is not null")
    # The break of Thursday 2 July moves activity alone: it is noted, and the change of people stands.
    assert {(row["week_start"], row["series_break"][:11]) for row in noted} == {
        (date(2026, 6, 15), "2026-06-15:"),
        (date(2026, 6, 29), "2026-07-02:"),
        (date(2026, 7, 27), "2026-07-28:"),
    }


# --- weekly.legacy_user_trend ----------------------------------------------------------------------------------------


def test_legacy_totals_averages_and_change(legacy: Book) -> None:
    for day in days(LEGACY_MONDAY, date(2026, 3, 8)):
        report_legacy_day(legacy, day, 20, 14)
    for day in days(LEGACY_NEXT_MONDAY, date(2026, 3, 12)):
        report_legacy_day(legacy, day, 25, 12)
    for day in days(date(2026, 3, 13), date(2026, 3, 15)):
        legacy.fetch(ORG, LEGACY, day, "no_report")
    legacy.build("weekly.legacy_user_trend")
    first = week_of(legacy, LEGACY_MONDAY, table="legacy_user_trend")
    assert some(first, "days_expected", "days_reported", "is_closed") == (7, 7, True)
    assert some(first, "active_users", "engaged_users") == (140, 98)  # 7 * 20, 7 * 14
    assert some(first, "avg_active_users", "avg_engaged_users") == (20.0, 14.0)
    assert some(first, "avg_active_users_change", "avg_engaged_users_change") == (None, None)
    second = week_of(legacy, LEGACY_NEXT_MONDAY, table="legacy_user_trend")
    assert some(second, "days_expected", "days_reported", "days_missing") == (7, 4, 3)
    assert some(second, "active_users", "engaged_users") == (100, 48)  # 4 * 25, 4 * 12
    assert some(second, "avg_active_users", "avg_engaged_users") == (25.0, 12.0)
    assert some(second, "avg_active_users_change", "avg_engaged_users_change") == (5.0, -2.0)


def test_a_legacy_change_compares_the_weekdays_that_both_weeks_tell(legacy: Book) -> None:
    """And the dates on which GitHub changed other reports are nothing to it: 2026-04-10 is about today's."""
    legacy.expect(ORG, start=date(2026, 3, 30), today=date(2026, 5, 1), legacy=True)
    weekday, weekend = {"active": 20, "engaged": 10}, {"active": 2, "engaged": 1}
    for day in days(date(2026, 3, 30), date(2026, 4, 5)):
        report_legacy_day(legacy, day, **(weekend if day.isoweekday() > 5 else weekday))
    for day in days(date(2026, 4, 6), date(2026, 4, 10)):
        report_legacy_day(legacy, day, 19, 11)
    for day in days(date(2026, 4, 11), date(2026, 4, 12)):
        legacy.fetch(ORG, LEGACY, day, "no_report")
    legacy.build("weekly.legacy_user_trend")
    week = week_of(legacy, date(2026, 4, 6), table="legacy_user_trend")
    # 19 a day against 20; against the mean of all seven days, (5 * 20 + 2 * 2) / 7, it would be +4.1.
    assert some(week, "days_compared", "avg_active_users_change", "avg_engaged_users_change") == (5, -1.0, 1.0)


def test_legacy_days_below_the_threshold_are_counted_apart_and_lower_no_average(legacy: Book) -> None:
    report_legacy_day(legacy, date(2026, 3, 2), 6, 4)
    legacy.fetch(ORG, LEGACY, date(2026, 3, 3), "no_report")  # 6 and 5 people near it: fewer than twice five
    report_legacy_day(legacy, date(2026, 3, 4), 5, 5)
    legacy.build("weekly.legacy_user_trend")
    week = week_of(legacy, LEGACY_MONDAY, table="legacy_user_trend")
    assert some(week, "days_expected", "days_reported", "days_below_threshold", "days_missing") == (7, 2, 1, 4)
    assert some(week, "active_users", "avg_active_users", "avg_engaged_users") == (11, 5.5, 4.5)


@pytest.mark.parametrize(("today", "is_closed"), [(date(2026, 3, 16), False), (date(2026, 3, 17), True)])
def test_a_legacy_week_closes_one_full_day_after_its_sunday(book: Book, today: date, is_closed: bool) -> None:
    book.expect(ORG, start=LEGACY_MONDAY, today=today, legacy=True)
    for day in days(LEGACY_MONDAY, date(2026, 3, 15)):
        report_legacy_day(book, day, 20 if day < LEGACY_NEXT_MONDAY else 30, 10)
    book.build("weekly.legacy_user_trend")
    week = week_of(book, LEGACY_NEXT_MONDAY, table="legacy_user_trend")  # its Sunday is the 15th
    assert week["is_closed"] is is_closed
    assert week["avg_active_users_change"] == (10.0 if is_closed else None)


def test_a_legacy_week_without_reports_is_unknown_and_one_without_activity_zero(legacy: Book) -> None:
    for day in days(LEGACY_MONDAY, date(2026, 3, 8)):
        report_legacy_day(legacy, day, 0, 0)
    legacy.build("weekly.legacy_user_trend")
    numbers = ("active_users", "engaged_users", "avg_active_users", "avg_engaged_users")
    assert some(week_of(legacy, LEGACY_MONDAY, table="legacy_user_trend"), *numbers) == (0, 0, 0.0, 0.0)
    unknown = week_of(legacy, LEGACY_NEXT_MONDAY, table="legacy_user_trend")
    assert some(unknown, "days_reported", *numbers) == (0, None, None, None, None)
    assert unknown["avg_active_users_change"] is None


def test_legacy_numbers_of_a_team_and_its_organisation_do_not_mix(legacy: Book) -> None:
    report_legacy_day(legacy, LEGACY_MONDAY, 50, 40, scope=ORG)
    report_legacy_day(legacy, LEGACY_MONDAY, 7, 6, scope=TEAM)
    legacy.build("weekly.legacy_user_trend")
    assert week_of(legacy, LEGACY_MONDAY, ORG, "legacy_user_trend")["active_users"] == 50
    assert week_of(legacy, LEGACY_MONDAY, TEAM, "legacy_user_trend")["active_users"] == 5  # seven


def test_a_week_of_a_legacy_team_with_a_day_of_few_is_withheld(legacy: Book) -> None:
    for scope in (ORG, TEAM):
        for day in days(LEGACY_MONDAY, date(2026, 3, 3)):
            report_legacy_day(legacy, day, 9, 8, scope=scope)
        report_legacy_day(legacy, date(2026, 3, 4), 4, 4, scope=scope)
    legacy.build("weekly.legacy_user_trend", "weekly.last_28_days", "quality.day_status")
    numbers = ("is_suppressed", "active_users", "engaged_users", "avg_active_users", "avg_engaged_users")
    assert some(week_of(legacy, LEGACY_MONDAY, TEAM, "legacy_user_trend"), *numbers) == (True, *(None,) * 4)
    assert some(week_of(legacy, LEGACY_MONDAY, ORG, "legacy_user_trend"), *numbers[:3]) == (False, 22, 20)
    assert [some(row, "active_users", "avg_engaged_users") for row in windows(legacy, TEAM)] == [(None, None)]
    told = legacy.rows("select distinct active_people from quality.day_status where scope = ?", TEAM)
    assert [row["active_people"] for row in told] == [None]


def test_a_legacy_day_whose_engaged_people_are_unknown_does_not_lower_their_average(legacy: Book) -> None:
    for day, engaged in zip(days(LEGACY_MONDAY, date(2026, 3, 4)), (8, None, 12), strict=True):
        report_legacy_day(legacy, day, 20, engaged)
    legacy.build("weekly.legacy_user_trend")
    week = week_of(legacy, LEGACY_MONDAY, table="legacy_user_trend")
    assert some(week, "active_users", "avg_active_users", "engaged_users") == (60, 20.0, 20)
    assert week["avg_engaged_users"] == 10.0


def test_legacy_days_before_the_start_date_do_not_raise_the_average(book: Book) -> None:
    book.expect(ORG, start=date(2026, 3, 5), today=LEGACY_TODAY, legacy=True)
    for day in days(LEGACY_MONDAY, date(2026, 3, 8)):
        report_legacy_day(book, day, 20, 10)
    book.build("weekly.legacy_user_trend")
    week = week_of(book, LEGACY_MONDAY, table="legacy_user_trend")
    assert some(week, "days_reported", "active_users", "avg_active_users") == (4, 80, 20.0)


def test_where_no_legacy_metrics_are_asked_for_their_table_is_empty(org: Book) -> None:
    report_day(org, MONDAY, active=3, people=(1,))
    org.build("weekly.legacy_user_trend", "weekly.last_28_days")
    assert org.rows("from weekly.legacy_user_trend") == []
    assert org.rows("from weekly.last_28_days") == []


def test_legacy_metrics_alone_make_no_week_of_todays_reports(book: Book) -> None:
    book.expect(TEAM, start=LEGACY_MONDAY, today=LEGACY_TODAY, legacy=True)
    report_legacy_day(book, LEGACY_MONDAY, 7, 6, scope=TEAM)
    book.build("weekly.last_28_days", "weekly.user_trend")
    assert book.rows("from weekly.user_trend") == []


# --- weekly.last_28_days ---------------------------------------------------------------------------------------------


def windows(book: Book, scope: str = ORG) -> list[Row]:
    return book.rows("select * exclude scope from weekly.last_28_days where scope = ? order by window_no", scope)


def test_the_printed_example_of_githubs_guide_27_days_in_windows_of_7_7_7_and_6(legacy: Book) -> None:
    # Active people per day that make the guide's totals 174, 160, 134, 143; the engaged ones are this test's own.
    active = [*[25] * 6, 24, *[23] * 6, 22, *[19] * 6, 20, *[24] * 5, 23]
    engaged = [*[21] * 6, 24, *[20] * 7, *[17] * 6, 18, *[21] * 6]
    first = date(2026, 2, 1)
    for n, (a, e) in enumerate(zip(active, engaged, strict=True)):
        report_legacy_day(legacy, first + timedelta(n), a, e)
    legacy.build("weekly.last_28_days")
    assert windows(legacy) == [
        {
            "window_no": number,
            "days": entries,
            "active_users": active_users,
            "engaged_users": engaged_users,
            "avg_active_users": avg_active_users,
            "avg_engaged_users": avg_engaged_users,
            "first_day": first_day,
            "last_day": last_day,
        }
        for number, entries, active_users, engaged_users, avg_active_users, avg_engaged_users, first_day, last_day in (
            (1, 7, 174, 150, 24.86, 21.43, date(2026, 2, 1), date(2026, 2, 7)),  # 174 / 7, 150 / 7
            (2, 7, 160, 140, 22.86, 20.0, date(2026, 2, 8), date(2026, 2, 14)),
            (3, 7, 134, 120, 19.14, 17.14, date(2026, 2, 15), date(2026, 2, 21)),
            (4, 6, 143, 126, 23.83, 21.0, date(2026, 2, 22), date(2026, 2, 27)),  # over six, not seven
        )
    ]


def test_of_more_than_28_days_the_latest_28_counted_from_the_first_of_them(legacy: Book) -> None:
    first = date(2026, 2, 1)
    for n in range(30):  # 1 February to 2 March; the two oldest days are left out
        report_legacy_day(legacy, first + timedelta(n), 1000 if n < 2 else 10, 5)
    legacy.build("weekly.last_28_days")
    found = windows(legacy)
    assert [some(row, "window_no", "days", "active_users") for row in found] == [(n, 7, 70) for n in (1, 2, 3, 4)]
    assert [row["first_day"] for row in found] == [date(2026, 2, d) for d in (3, 10, 17, 24)]
    assert found[-1]["last_day"] == date(2026, 3, 2)


def test_exactly_seven_days_are_one_window_and_eight_are_two(legacy: Book) -> None:
    for n in range(8):
        report_legacy_day(legacy, date(2026, 3, 1) + timedelta(n), 10, 5)
        if n < 7:
            report_legacy_day(legacy, date(2026, 3, 1) + timedelta(n), 6, 5, scope=TEAM)
    legacy.build("weekly.last_28_days")
    assert [some(row, "window_no", "days", "active_users") for row in windows(legacy)] == [(1, 7, 70), (2, 1, 10)]
    # The team's windows are its own, numbers and counting.
    told = [some(row, "window_no", "days", "active_users") for row in windows(legacy, TEAM)]
    assert told == [(1, 7, 35)]  # seven times six people, in fives


def test_a_window_is_seven_entries_also_where_days_are_missing_between(legacy: Book) -> None:
    weekdays = [day for day in days(date(2026, 3, 2), date(2026, 3, 13)) if day.weekday() < 5]  # ten days
    for day in weekdays:
        report_legacy_day(legacy, day, 10, 5)
    legacy.build("weekly.last_28_days")
    assert [some(row, "days", "active_users", "first_day", "last_day") for row in windows(legacy)] == [
        (7, 70, date(2026, 3, 2), date(2026, 3, 10)),  # Monday to Friday, Monday, Tuesday
        (3, 30, date(2026, 3, 11), date(2026, 3, 13)),
    ]


def test_a_window_without_any_number_of_engaged_people_does_not_know_them(legacy: Book) -> None:
    report_legacy_day(legacy, LEGACY_MONDAY, 10, None)
    legacy.build("weekly.last_28_days")
    (window,) = windows(legacy)
    assert some(window, "active_users", "avg_active_users") == (10, 10.0)
    assert some(window, "engaged_users", "avg_engaged_users") == (None, None)


def test_a_window_divides_by_its_entries_as_the_guide_does(legacy: Book) -> None:
    # The guide divides the total by the number of entries, whether or not an entry has a number: 20 / 3.
    for day, engaged in zip(days(LEGACY_MONDAY, date(2026, 3, 4)), (8, None, 12), strict=True):
        report_legacy_day(legacy, day, 20, engaged)
    legacy.build("weekly.last_28_days")
    (window,) = windows(legacy)
    assert some(window, "days", "engaged_users", "avg_engaged_users") == (3, 20, 6.67)


# --- What holds of every model ---------------------------------------------------------------------------------------

each_model = pytest.mark.parametrize("model", MODELS, ids=[model.table for model in MODELS])


# Tables of what went wrong: an installation without faults has none.
FAULTS = {f"quality.{name}" for name in ("quarantine", "schema_drift", "revisions", "reconciliation")}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file of a new installation, opened without any code of the project, and every file run as it stands."""
    path: Path = tmp_path_factory.mktemp("plain") / "copilot.duckdb"
    with empty_warehouse(path).connect() as connection:
        book = Book(connection)
        book.expect(ORG, start=MONDAY, today=TODAY, legacy=True)
        report_day(book, MONDAY, active=1, people=(1,))
        report_legacy_day(book, MONDAY, 10, 5)
        book.insert("flat.user_daily", scope=ORG, day=MONDAY, user_id=2, used_copilot_code_review_passive=True)
        book.fetch(ORG, "user-teams-1-day", MONDAY)
        book.insert("flat.user_team_daily", scope=ORG, day=MONDAY, team_id=1, team_slug="core", user_id=1)
        report_feature(book, MONDAY, "code_completion", 4, 1)
        row = {"scope": ORG, "day": MONDAY}
        book.insert("flat.entity_ide_daily", **row, ide="vscode", ide_name="vscode")
        row["feature"] = "code_completion"
        book.insert("flat.entity_language_feature_daily", **row, language="python", language_name="python")
        book.insert("flat.entity_model_feature_daily", **row, model="gpt-5.4", model_name="gpt-5.4")
        book.insert("flat.entity_adoption_phase_daily", scope=ORG, day=MONDAY, phase_number=1, total_engaged_users=1)
        book.fetch(ORG, "ai-credit-usage", MONDAY)
        book.insert("flat.ai_credit_usage", scope=ORG, day=MONDAY, model="GPT-5", model_name="gpt-5", gross_amount=1.0)
        book.insert("raw.events", day=MONDAY, scope=ORG, what="training")
        book.fetch(ORG, "copilot-seats", MONDAY, headline={"total_seats": 1})
        for table in ("seat", "seat_grant"):
            book.insert(f"flat.{table}", scope=ORG, day=MONDAY, user_id=1, created_at=date(2026, 1, 1))
    with duckdb.connect(str(path)) as connection:
        for model in MODELS:
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create table {model.table} as {model.path.read_text()}")
        yield connection


@each_model
def test_the_file_runs_verbatim_and_gives_the_documented_columns(
    model: SqlModel, plain: duckdb.DuckDBPyConnection
) -> None:
    result = plain.sql(model.path.read_text())
    assert result.columns == [column.name for column in model.columns]
    # Of a history of one September, no week begins after it.
    assert bool(result.fetchall()) == (
        model.table not in {*FAULTS, "weekly.monthly_cohort_retention", "weekly.bill_trend"}
    )


@each_model
def test_counts_and_sums_are_bigint(model: SqlModel, plain: duckdb.DuckDBPyConnection) -> None:
    types = {row[0]: row[1] for row in plain.sql(f"describe {model.table}").fetchall()}
    whole = {"INTEGER", "BIGINT", "HUGEINT", "UHUGEINT", "UBIGINT"}
    money = {name for name in types if name.endswith(("_amount", "_forecast")) or "usd" in name}
    assert {types[name].startswith("DECIMAL(18,") for name in money} <= {True}, "a double has 813.5999999999998"
    odd = {
        name: kind
        for name, kind in types.items()
        if kind in whole - {"BIGINT"} or (kind.startswith("DECIMAL") and name not in money)
    }
    # The one 32-bit number is an HTTP status, as the ledger has it.
    assert odd == ({"last_http_status": "INTEGER"} if model.table == "quality.day_status" else {})
    assert types.get("week_start", "DATE") == "DATE"


@each_model
def test_the_description_begins_with_the_grain_and_every_column_has_a_doc(model: SqlModel) -> None:
    assert model.description.startswith("One row per ")
    assert [column.name for column in model.columns if not column.doc] == []


def test_a_weekly_table_says_whom_and_when() -> None:
    tables = {model.name: {column.name for column in model.columns} for model in MODELS if model.schema == "weekly"}
    assert set(tables) >= {"user_trend", "legacy_user_trend", "last_28_days"}
    for name, columns in tables.items():
        assert "scope" in columns, name
        assert columns & {"week_start", "window_no"}, name


@each_model
def test_the_models_own_assertions_hold(model: SqlModel, plain: duckdb.DuckDBPyConnection) -> None:
    assert model.checks
    # A single day of September, looked at in October, is stale indeed.
    broken = {check.name for check in model.checks if plain.sql(check.sql).fetchall()}
    assert broken == ({"is_fresh"} if model.table == "quality.day_status" else set())
