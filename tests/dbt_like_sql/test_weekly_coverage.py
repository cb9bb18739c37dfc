"""quality.weekly_coverage: the days a week rests on, what became of the others, which weeks may be compared."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from copilot_assets.warehouse.tables import transaction
from tests.dbt_like_sql.conftest import MODELS, Book, Row, days

ORG, OTHER_ORG, ENTERPRISE, TEAM = "org:octo-org", "org:octo-labs", "enterprise:octo-corp", "team:octo-org/core"
ORG_REPORT, USERS, TEAMS, REPOS, LEGACY = (
    *("organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"),
    "legacy-metrics",
)
ENTITY, CREDITS = "entity-1-day", "ai-credit-usage"

# Three ISO weeks without a series break; each is closed four days after its Sunday: three full days between.
MONDAY, NEXT_MONDAY, THIRD_MONDAY = date(2026, 9, 7), date(2026, 9, 14), date(2026, 9, 21)
SUNDAY, NEXT_SUNDAY = date(2026, 9, 13), date(2026, 9, 20)
TODAY = date(2026, 10, 1)

(MODEL,) = (model for model in MODELS if model.table == "quality.weekly_coverage")
COUNTS = ("days_expected", "days_reported", "days_pending", "days_below_threshold", "days_missing")


def fetch(
    book: Book, report: str, *about: date, outcome: str = "reported", scope: str = ORG, asked: date | None = None
) -> None:
    with transaction(book.connection):
        for day in about:
            headline = {"daily_active_users": 50} if report.startswith(("organization", "enterprise")) else {}
            book.fetch(scope, report, day, outcome, headline=headline, asked=asked)


def week_of(book: Book, week_start: date = MONDAY, source: str = ENTITY, scope: str = ORG) -> Row:
    where = "scope = ? and week_start = ? and source = ?"
    (row,) = book.rows(f"from quality.weekly_coverage where {where}", scope, week_start, source)
    return row


def some(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


def weeks_that_are(book: Book, what: str, source: str = ENTITY) -> list[date]:
    book.build("quality.weekly_coverage")
    rows = book.rows(f"from quality.weekly_coverage where {what} and source = ? order by week_start", source)
    return [row["week_start"] for row in rows]


def weeks(*mondays: date) -> Iterable[date]:
    return (day for monday in mondays for day in days(monday, monday + timedelta(days=6)))


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=MONDAY, today=TODAY)
    return book


# --- days ------------------------------------------------------------------------------------------------------------


def test_a_full_closed_week(org: Book) -> None:
    fetch(org, ORG_REPORT, *weeks(MONDAY))
    fetch(org, USERS, *days(MONDAY, date(2026, 9, 11)))
    fetch(org, USERS, *days(date(2026, 9, 12), SUNDAY), outcome="no_report")
    org.build("quality.weekly_coverage")
    assert week_of(org) == {
        "scope": ORG,
        "week_start": MONDAY,
        "source": ENTITY,
        "days_expected": 7,
        "days_reported": 7,
        "days_pending": 0,
        "days_below_threshold": 0,
        "days_missing": 0,
        "user_days_reported": 5,
        "user_days_reported_28_days_before": 0,
        "is_closed": True,
        "follows_whole_week": False,
        "weekdays_compared": None,
        "days_compared": None,
        "user_weekdays_compared": None,
        "user_days_compared": None,
        "is_comparable": False,
        "series_break": None,
    }


def test_every_report_of_days_has_its_own_row(org: Book) -> None:
    fetch(org, USERS, MONDAY)
    fetch(org, REPOS, MONDAY, SUNDAY)
    org.build("quality.weekly_coverage")
    rows = org.rows("from quality.weekly_coverage where week_start = ? order by source", MONDAY)
    assert [some(row, "source", "days_reported", "days_missing", "user_days_reported") for row in rows] == [
        (CREDITS, 0, 7, 1),
        (ENTITY, 0, 7, 1),
        ("premium-request-usage", 0, 7, 1),
        (REPOS, 2, 5, 1),
        (TEAMS, 0, 7, 1),
        (USERS, 1, 6, 1),
    ]


def test_days_are_counted_by_reason(book: Book) -> None:
    # Today is the Sunday: Thursday to Saturday are fresh, Sunday has not closed.
    book.expect(ORG, start=MONDAY, today=SUNDAY)
    book.fetch(ORG, "copilot-seats", date(2026, 9, 8), headline={"total_seats": 4}, asked=date(2026, 9, 8))
    fetch(book, TEAMS, MONDAY)
    fetch(book, TEAMS, date(2026, 9, 8), outcome="no_report")  # of four licensed people GitHub tells no team
    fetch(book, TEAMS, date(2026, 9, 9), outcome="failed")
    fetch(book, TEAMS, date(2026, 9, 10))  # provisional is reported too
    fetch(book, TEAMS, date(2026, 9, 11), outcome="no_report")
    book.build("quality.weekly_coverage")
    assert some(week_of(book, source=TEAMS), *COUNTS) == (6, 2, 2, 1, 1)  # 6 = 2 + 2 + 1 + 1


def test_a_week_that_nobody_asked_for_is_missing(org: Book) -> None:
    org.build("quality.weekly_coverage")
    assert some(week_of(org), *COUNTS, "user_days_reported") == (7, 0, 0, 0, 7, 0)


def test_days_before_the_start_date_and_before_github_began_do_not_count(book: Book) -> None:
    # Organisations have reports from Friday 2025-12-12 on; the history begins on the Wednesday before that week.
    book.expect(ORG, start=date(2025, 12, 3), today=date(2026, 1, 10))
    fetch(book, ORG_REPORT, *weeks(date(2025, 12, 1)), outcome="no_report")
    fetch(book, ORG_REPORT, *days(date(2025, 12, 8), date(2025, 12, 14)))
    book.build("quality.weekly_coverage")
    assert some(week_of(book, date(2025, 12, 1)), *COUNTS) == (0, 0, 0, 0, 0)
    # Monday to Thursday were reported all the same, which outweighs the date that GitHub published.
    assert some(week_of(book, date(2025, 12, 8)), *COUNTS) == (7, 7, 0, 0, 0)
    assert some(week_of(book, date(2025, 12, 8), USERS), *COUNTS) == (3, 0, 0, 0, 3)
    first = book.rows("select min(week_start) as week_start from quality.weekly_coverage")
    assert first == [{"week_start": date(2025, 12, 1)}]


def test_an_enterprise_and_its_organisations_do_not_mix(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, ENTERPRISE, start=MONDAY, today=TODAY)
    fetch(book, ORG_REPORT, MONDAY)
    fetch(book, ORG_REPORT, MONDAY, SUNDAY, scope=OTHER_ORG)
    fetch(book, "enterprise-1-day", *weeks(MONDAY), scope=ENTERPRISE)
    fetch(book, USERS, MONDAY, scope=ENTERPRISE)
    book.build("quality.weekly_coverage")
    names = ("days_reported", "user_days_reported")
    found = [some(week_of(book, scope=scope), *names) for scope in (ORG, OTHER_ORG, ENTERPRISE)]
    assert found == [(1, 0), (2, 0), (7, 1)]


# --- is_closed -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("today", "closed"), [(date(2026, 9, 16), False), (date(2026, 9, 17), True)])
def test_a_week_closes_when_three_full_days_have_passed_since_its_sunday(book: Book, today: date, closed: bool) -> None:
    book.expect(ORG, start=MONDAY, today=today)
    fetch(book, ORG_REPORT, *weeks(MONDAY))
    fetch(book, USERS, *weeks(MONDAY))
    book.report_the_rest()
    book.build("quality.weekly_coverage")
    assert [week_of(book, source=source)["is_closed"] for source in (ENTITY, USERS, TEAMS, REPOS)] == [closed] * 4


def test_a_day_fetched_too_early_and_never_again_keeps_its_week_open(org: Book) -> None:
    fetch(org, ORG_REPORT, *weeks(MONDAY, NEXT_MONDAY))
    fetch(org, USERS, *weeks(MONDAY, NEXT_MONDAY))
    fetch(org, REPOS, *weeks(MONDAY, NEXT_MONDAY))
    # Sunday's numbers are final from Thursday 2026-09-17 on; of the next week's, all were fetched when they were.
    org.connection.execute("delete from raw.fetches where report = ? and day = ?", [USERS, SUNDAY])
    fetch(org, USERS, SUNDAY, asked=date(2026, 9, 16))
    org.report_the_rest()
    org.build("quality.weekly_coverage")
    # People are counted from the per-user report: the scope's and the teams' numbers of the week are open with it.
    open_weeks = {source: week_of(org, source=source)["is_closed"] for source in (ENTITY, USERS, TEAMS, REPOS)}
    assert open_weeks == {ENTITY: False, USERS: False, TEAMS: False, REPOS: True}
    assert [week_of(org, NEXT_MONDAY, source)["is_closed"] for source in (ENTITY, USERS)] == [True, True]
    assert weeks_that_are(org, "follows_whole_week") == [THIRD_MONDAY]
    assert weeks_that_are(org, "follows_whole_week", REPOS) == [NEXT_MONDAY, THIRD_MONDAY]


@pytest.mark.parametrize(
    ("outcome", "asked", "closed"),
    [
        (None, None, False),  # nobody ever asked
        ("no_report", date(2026, 9, 16), False),  # too early: Sunday may come until Thursday
        ("no_report", date(2026, 9, 17), True),
        ("forbidden", date(2026, 9, 17), True),
        ("failed", date(2026, 9, 17), True),
    ],
)
def test_a_week_closes_when_each_of_its_days_was_asked_for_after_it_was_final(
    org: Book, outcome: str | None, asked: date | None, closed: bool
) -> None:
    fetch(org, ORG_REPORT, *days(MONDAY, date(2026, 9, 12)))
    fetch(org, USERS, *weeks(MONDAY))
    if outcome:
        fetch(org, ORG_REPORT, SUNDAY, outcome=outcome, asked=asked)
    org.build("quality.weekly_coverage")
    assert some(week_of(org), "days_reported", "is_closed") == (6, closed)
    assert week_of(org, NEXT_MONDAY)["is_closed"] is False, "0 of 7 days, and nobody asked"
    assert weeks_that_are(org, "follows_whole_week or is_comparable") == []


def test_a_day_reported_too_early_and_refused_when_it_was_final_keeps_its_week_open(org: Book) -> None:
    fetch(org, ORG_REPORT, *days(MONDAY, date(2026, 9, 12)))
    fetch(org, USERS, *weeks(MONDAY))
    fetch(org, ORG_REPORT, SUNDAY, asked=date(2026, 9, 14))
    fetch(org, ORG_REPORT, SUNDAY, outcome="failed", asked=date(2026, 9, 18))
    org.build("quality.weekly_coverage")
    assert some(week_of(org), "days_reported", "is_closed") == (7, False)


def test_the_report_about_the_scope_does_not_keep_that_of_people_open(org: Book) -> None:
    fetch(org, USERS, *weeks(MONDAY))
    fetch(org, ORG_REPORT, SUNDAY, asked=date(2026, 9, 14))
    org.build("quality.weekly_coverage")
    assert [week_of(org, source=source)["is_closed"] for source in (ENTITY, USERS)] == [False, True]


def test_where_people_are_not_asked_for_a_week_closes_without_them(org: Book) -> None:
    org.connection.execute("delete from raw.expected_reports where report in (?, ?)", [USERS, TEAMS])
    fetch(org, ORG_REPORT, *weeks(MONDAY))
    org.build("quality.weekly_coverage")
    assert some(week_of(org), "days_reported", "user_days_reported", "is_closed") == (7, 0, True)


def test_legacy_weeks_close_after_one_day_whatever_the_others_do(book: Book) -> None:
    # Sunday 2026-03-08 is final from Tuesday 2026-03-10 on; the reports of today are open until the 12th.
    monday = date(2026, 3, 2)
    book.expect(ORG, TEAM, start=monday, today=date(2026, 3, 10), legacy=True)
    fetch(book, LEGACY, *weeks(monday))
    fetch(book, LEGACY, *weeks(monday), scope=TEAM)
    book.build("quality.weekly_coverage")
    found = [week_of(book, monday, *which)["is_closed"] for which in ((LEGACY, ORG), (LEGACY, TEAM), (ENTITY, ORG))]
    assert found == [True, True, False]


# --- weeks held against the one before -------------------------------------------------------------------------------


def test_whole_closed_neighbours_are_comparable(book: Book) -> None:
    # Begins on a Tuesday; today is the Wednesday after the fourth week, which is still open.
    book.expect(ORG, start=date(2026, 9, 8), today=date(2026, 10, 7))
    fetch(book, ORG_REPORT, *days(date(2026, 9, 8), date(2026, 10, 4)))
    fetch(book, USERS, *days(date(2026, 9, 8), date(2026, 10, 4)))
    assert weeks_that_are(book, "is_closed") == [MONDAY, NEXT_MONDAY, THIRD_MONDAY]
    assert weeks_that_are(book, "follows_whole_week") == [THIRD_MONDAY]  # the first has six days
    assert weeks_that_are(book, "is_comparable") == [THIRD_MONDAY]


def test_the_week_of_the_turn_of_the_year_follows_the_one_before(book: Book) -> None:
    book.expect(ORG, start=date(2025, 12, 22), today=date(2026, 1, 15))
    book.report_the_rest()
    assert weeks_that_are(book, "is_comparable and days_reported = 7") == [date(2025, 12, 29), date(2026, 1, 5)]


def test_weeks_are_compared_by_the_weekdays_that_both_reported(org: Book) -> None:
    # Monday and Sunday are missing of the first week, Sunday to Tuesday of the second, all but Friday of the third.
    for monday, missing in ((MONDAY, {0, 6}), (NEXT_MONDAY, {0, 1, 6}), (THIRD_MONDAY, {0, 1, 2, 3, 5, 6})):
        fetch(org, ORG_REPORT, *(monday + timedelta(n) for n in missing), outcome="no_report")
        fetch(org, USERS, monday + timedelta(6), outcome="failed")
    org.report_the_rest()
    org.build("quality.weekly_coverage")
    names = ("follows_whole_week", "weekdays_compared", "days_compared", "is_comparable", "user_days_compared")
    assert some(week_of(org), *names) == (False, None, None, False, None)
    assert some(week_of(org, NEXT_MONDAY), *names) == (True, 60, 4, True, 6)  # Wednesday to Saturday: 4 + 8 + 16 + 32
    assert some(week_of(org, THIRD_MONDAY), *names) == (True, 16, 1, False, 6)
    assert week_of(org, THIRD_MONDAY)["user_weekdays_compared"] == 63  # all but Sunday


def test_the_days_before_a_week_are_those_of_the_four_weeks_before(book: Book) -> None:
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 29))
    fetch(book, USERS, NEXT_MONDAY, outcome="failed")
    book.report_the_rest()
    book.build("quality.weekly_coverage")
    rows = book.rows("from quality.weekly_coverage where source = ? order by week_start", USERS)
    found = [row["user_days_reported_28_days_before"] for row in rows]
    assert found == [0, 7, 13, 20, 27, 27, 28, 28]  # the hole is among the days of weeks three to six


def test_a_week_with_a_day_that_was_not_expected_is_not_whole(org: Book) -> None:
    # GitHub offers no bill of the Wednesday: the account moved.
    fetch(org, CREDITS, date(2026, 9, 16), outcome="not_offered")
    org.report_the_rest()
    org.build("quality.weekly_coverage")
    assert week_of(org, NEXT_MONDAY, CREDITS)["days_expected"] == 6
    assert weeks_that_are(org, "follows_whole_week", CREDITS) == []
    assert weeks_that_are(org, "follows_whole_week", REPOS) == [NEXT_MONDAY, THIRD_MONDAY]


def test_a_scope_is_held_against_itself_alone(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=MONDAY, today=TODAY)
    book.report_the_rest()
    book.build("quality.weekly_coverage")
    rows = book.rows("from quality.weekly_coverage where follows_whole_week and source = ? order by all", ENTITY)
    assert [some(row, "scope", "week_start") for row in rows] == [
        *((OTHER_ORG, NEXT_MONDAY), (OTHER_ORG, THIRD_MONDAY)),
        *((ORG, NEXT_MONDAY), (ORG, THIRD_MONDAY)),
    ]


# --- series breaks ---------------------------------------------------------------------------------------------------


def test_a_break_is_about_its_reports_alone(book: Book) -> None:
    # 2026-07-28 moves the reports about the scope and about people; nobody says so of repositories and bills.
    monday = date(2026, 7, 27)
    book.expect(ORG, start=date(2026, 7, 20), today=date(2026, 8, 10))
    book.report_the_rest()
    book.build("quality.weekly_coverage")
    for source in (ENTITY, USERS, TEAMS):
        row = week_of(book, monday, source)
        assert some(row, "days_compared", "is_comparable") == (7, False), source
        assert row["series_break"].startswith("2026-07-28: Copilot app activity"), source
    for source in (REPOS, CREDITS):
        assert some(week_of(book, monday, source), "is_comparable", "series_break") == (True, None), source


def test_a_break_cuts_its_week_and_the_next_from_the_ones_before(book: Book) -> None:
    # 2026-07-02, a Thursday, and 2026-07-28, a Tuesday; from 06-19 to 07-17, numbers that began and moved no other.
    book.expect(ORG, start=date(2026, 6, 15), today=date(2026, 9, 3))
    book.report_the_rest()
    follows = weeks_that_are(book, "follows_whole_week")
    assert follows == days(date(2026, 6, 22), date(2026, 8, 24))[::7]
    assert [week for week in follows if week not in weeks_that_are(book, "is_comparable")] == [
        *(date(2026, 6, 29), date(2026, 7, 6)),
        *(date(2026, 7, 27), date(2026, 8, 3)),
    ]
    assert weeks_that_are(book, "series_break is not null") == [
        *(date(2026, 6, 15), date(2026, 6, 29), date(2026, 7, 27)),
    ]


def test_a_break_on_a_monday_lies_before_the_week_and_cuts_it_alone(book: Book) -> None:
    # 2026-06-15: from that Monday on all days mean the same, so that the week after can be held against it.
    book.expect(ORG, start=date(2026, 6, 1), today=date(2026, 6, 26))
    fetch(book, ORG_REPORT, *days(date(2026, 6, 1), date(2026, 6, 21)))
    book.report_the_rest()
    book.build("quality.weekly_coverage")
    mondays = [date(2026, 6, 8), date(2026, 6, 15)]
    assert [some(week_of(book, monday), "follows_whole_week", "is_comparable") for monday in mondays] == [
        (True, True),
        (True, False),
    ]
    book.expect(ORG, start=date(2026, 6, 15), today=date(2026, 7, 4))
    for report in (ORG_REPORT, USERS):
        fetch(book, report, *days(date(2026, 6, 15), date(2026, 6, 28)))
    book.build("quality.weekly_coverage")
    assert some(week_of(book, date(2026, 6, 22)), "follows_whole_week", "is_comparable") == (True, True)


def test_a_break_on_a_sunday_is_in_the_week(book: Book) -> None:
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 8))
    book.report_the_rest()
    book.build("quality.weekly_coverage")
    book.connection.execute(
        "create or replace table quality.series_break as "
        "select *, 'entity-1-day, users-1-day' as reports from (values (date '2026-09-20', 'fix', 'one'), "
        "(date '2026-09-20', 'error', 'another'), (date '2026-09-22', 'start', 'news')) as b (day, kind, what)"
    )
    book.build("quality.weekly_coverage", past="quality.series_break")
    rows = book.rows("from quality.weekly_coverage where source = ? order by week_start", ENTITY)
    assert [some(row, "week_start", "follows_whole_week", "is_comparable", "series_break") for row in rows] == [
        (MONDAY, False, False, None),
        (NEXT_MONDAY, True, False, "2026-09-20: another; 2026-09-20: one"),
        (THIRD_MONDAY, True, False, None),
        (date(2026, 9, 28), True, True, None),
        (date(2026, 10, 5), False, False, None),
    ]


def test_the_models_own_assertions_hold(org: Book) -> None:
    fetch(org, ORG_REPORT, *weeks(MONDAY))
    org.build("quality.weekly_coverage")
    assert MODEL.checks
    assert [check.name for check in MODEL.checks if org.rows(check.sql)] == []
