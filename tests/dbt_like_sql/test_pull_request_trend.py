"""weekly.pull_request_trend on a handful of rows: every expected number is worked out beside it, by hand."""

from datetime import date

import pytest

from copilot_assets.warehouse.tables import transaction
from tests.dbt_like_sql.conftest import MODELS, Book, Row, days

ORG, OTHER_ORG = "org:octo-org", "org:octo-labs"
ORG_REPORT, USERS = "organization-1-day", "users-1-day"

# Three ISO weeks without a series break.
MONDAY, NEXT_MONDAY, THIRD_MONDAY = date(2026, 9, 7), date(2026, 9, 14), date(2026, 9, 21)
SUNDAY, NEXT_SUNDAY = date(2026, 9, 13), date(2026, 9, 20)
TODAY = date(2026, 10, 1)

(MODEL,) = (model for model in MODELS if model.table == "weekly.pull_request_trend")
COVERAGE = ("days_expected", "days_reported", "days_pending", "days_below_threshold", "days_missing", "is_closed")
CHANGES = ("total_created_change", "total_merged_change")


def report(book: Book, *told: date, scope: str = ORG, **counters: float | None) -> None:
    """Days that GitHub reported, each with the same numbers; without any, of a report that tells of none."""
    with transaction(book.connection):
        for day in told:
            book.fetch(scope, ORG_REPORT, day, headline={"daily_active_users": 5})
            book.fetch(scope, USERS, day)
            if counters:
                book.insert("flat.entity_pull_request_daily", scope=scope, day=day, **counters)


def week_of(book: Book, week_start: date = MONDAY, scope: str = ORG) -> Row:
    (row,) = book.rows("from weekly.pull_request_trend where scope = ? and week_start = ?", scope, week_start)
    return row


def some(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=MONDAY, today=TODAY)
    return book


def test_a_full_closed_week(org: Book) -> None:
    report(
        org,
        *days(MONDAY, date(2026, 9, 11)),
        total_created=10,
        total_reviewed=20,
        total_merged=8,
        total_suggestions=30,
        total_applied_suggestions=15,
        total_created_by_copilot=1,
        total_reviewed_by_copilot=5,
        total_merged_created_by_copilot=2,
        total_merged_reviewed_by_copilot=3,
        total_copilot_suggestions=4,
        total_copilot_applied_suggestions=1,
        median_minutes_to_merge=60.0,
    )
    # Nothing but merges at the weekend, so that a mean of the days' shares would be another: none of 30 by Copilot.
    told = [column.name for column in MODEL.columns if column.name.startswith("total_")]
    weekend: Row = {name: 0 for name in told if not name.endswith("_change")}
    weekend |= {"total_merged": 15, "total_copilot_applied_suggestions": 10}
    report(org, date(2026, 9, 12), SUNDAY, **weekend)
    org.build("weekly.pull_request_trend")
    assert week_of(org) == {
        "scope": ORG,
        "week_start": MONDAY,
        "days_expected": 7,
        "days_reported": 7,
        "days_pending": 0,
        "days_below_threshold": 0,
        "days_missing": 0,
        "is_closed": True,
        "series_break": None,
        "days_with_pull_requests_told": 7,
        "days_compared": None,
        "total_created": 50,  # 5 * 10
        "total_created_change": None,
        "total_reviewed": 100,  # 5 * 20
        "total_merged": 70,  # 5 * 8 + 2 * 15
        "total_merged_change": None,
        "total_created_by_copilot": 5,
        "created_by_copilot_share": 0.1,  # 5 / 50
        "total_reviewed_by_copilot": 25,
        "reviewed_by_copilot_share": 0.25,  # 25 / 100
        "total_merged_created_by_copilot": 10,
        "total_merged_reviewed_by_copilot": 15,
        "merged_created_by_copilot_share": pytest.approx(1 / 7),  # 10 / 70; 0.18 as the mean of the days
        "days_with_minutes_to_merge_told": 5,
        "avg_daily_median_minutes_to_merge": 60.0,  # the 30 merges of the weekend have no minutes
        "avg_daily_median_minutes_to_merge_copilot_authored": None,
        "avg_daily_median_minutes_to_merge_copilot_reviewed": None,
        "total_suggestions": 150,
        "total_applied_suggestions": 75,
        "total_copilot_suggestions": 20,
        "total_copilot_applied_suggestions": 25,  # 5 + 20: some were made before
        "copilot_suggestions_applied_share": 1.25,
    }


def test_medians_of_days_are_weighed_by_what_was_merged_on_them(org: Book) -> None:
    authored, reviewed = (f"median_minutes_to_merge_copilot_{by}" for by in ("authored", "reviewed"))
    merges = ("total_merged", "total_merged_created_by_copilot", "total_merged_reviewed_by_copilot")
    told: list[tuple[float | None, ...]] = [
        # merged, of these opened and reviewed by Copilot, and the median minutes of the three
        (1, 1, 0, 600.0, 600.0, None),
        (9, 3, 4, 60.0, 20.0, 45.5),
        (50, 10, 6, None, None, None),  # no median: its merges weigh nothing
        (0, 0, 0, None, None, None),
        (None, None, None, 5000.0, 5000.0, 5000.0),  # nobody knows how many merges these are the medians of
        (0, 0, 0, 7000.0, 7000.0, 7000.0),  # of nothing
    ]
    for day, numbers in zip(days(MONDAY, date(2026, 9, 12)), told, strict=True):
        report(org, day, **dict(zip((*merges, "median_minutes_to_merge", authored, reviewed), numbers, strict=True)))
    org.build("weekly.pull_request_trend")
    week = week_of(org)
    assert some(week, "days_with_pull_requests_told", "days_with_minutes_to_merge_told", "total_merged") == (6, 2, 60)
    # (1 * 600 + 9 * 60) / 10, where the mean of the two days is 330; (1 * 600 + 3 * 20) / 4; the one day.
    names = ("median_minutes_to_merge", authored, reviewed)
    assert some(week, *(f"avg_daily_{name}" for name in names)) == (114.0, 165.0, 45.5)


def test_days_are_counted_by_reason_and_add_nothing(book: Book) -> None:
    # Today is the Saturday of the week: Wednesday to Friday are fresh.
    book.expect(ORG, start=MONDAY, today=date(2026, 9, 12))
    report(book, date(2026, 9, 7), total_created=3, total_merged=1)
    book.fetch(ORG, ORG_REPORT, date(2026, 9, 8), "failed")
    report(book, date(2026, 9, 9), total_created=4, total_merged=1)
    book.fetch(ORG, ORG_REPORT, date(2026, 9, 10), "no_report")
    book.build("weekly.pull_request_trend")
    assert some(week_of(book), *COVERAGE) == (5, 2, 2, 0, 1, False)
    assert some(week_of(book), "days_with_pull_requests_told", "total_created") == (2, 7)


def test_a_week_without_any_report_is_unknown_not_zero(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        org.fetch(ORG, ORG_REPORT, day, "no_report")
    org.report_the_rest()
    org.build("weekly.pull_request_trend")
    week = week_of(org)
    assert some(week, *COVERAGE, "days_with_pull_requests_told") == (7, 0, 0, 0, 7, True, 0)
    assert week["days_with_minutes_to_merge_told"] == 0
    numbers = [name for name in week if name.startswith(("avg_", "total_")) or name.endswith("_share")]
    assert len(numbers) == 20
    assert {name: week[name] for name in numbers} == dict.fromkeys(numbers)


def test_reports_that_do_not_tell_of_pull_requests_leave_them_unknown(org: Book) -> None:
    # Files of early 2026 have no pull_requests at all.
    report(org, *days(MONDAY, date(2026, 9, 12)))
    report(org, SUNDAY, total_created=2, total_merged=None)
    org.build("weekly.pull_request_trend")
    week = week_of(org)
    assert some(week, "days_reported", "days_with_pull_requests_told") == (7, 1)
    assert some(week, "total_created", "total_merged", "total_reviewed") == (2, None, None)
    assert some(week, "created_by_copilot_share", "merged_created_by_copilot_share") == (None, None)


def test_a_week_without_pull_requests_is_zero_and_its_shares_unknown(org: Book) -> None:
    zero = dict.fromkeys((column.name for column in MODEL.columns if column.name.startswith("total_")), 0)
    told: Row = {name: value for name, value in zero.items() if not name.endswith("_change")}
    report(org, *days(MONDAY, NEXT_SUNDAY), **told)
    org.build("weekly.pull_request_trend")
    week = week_of(org, NEXT_MONDAY)
    assert some(week, *zero) == (0,) * 13  # eleven counters and two changes from 0 to 0
    shares = [name for name in week if name.endswith("_share")]
    assert some(week, *shares) == (None,) * 4


def test_the_change_between_two_whole_weeks(org: Book) -> None:
    report(org, *days(MONDAY, SUNDAY), total_created=3, total_merged=2)
    report(org, *days(NEXT_MONDAY, NEXT_SUNDAY), total_created=5, total_merged=1)
    org.build("weekly.pull_request_trend")
    assert some(week_of(org), *CHANGES) == (None, None)
    assert some(week_of(org, NEXT_MONDAY), *CHANGES) == (14, -7)  # 35 - 21, 7 - 14
    # 2026-09-21 to 30: no day of it was asked for.
    assert some(week_of(org, THIRD_MONDAY), *CHANGES, "days_missing") == (None, None, 7)


def test_no_change_against_a_week_with_a_missing_day(org: Book) -> None:
    report(org, *days(MONDAY, date(2026, 9, 12)), total_created=3, total_merged=2)
    org.fetch(ORG, ORG_REPORT, SUNDAY, "no_report")
    report(org, *days(NEXT_MONDAY, date(2026, 9, 27)), total_created=3, total_merged=2)
    org.build("weekly.pull_request_trend")
    # 18 and 21 would be three more, and nothing changed but the days that were told.
    assert some(week_of(org, NEXT_MONDAY), "total_created", *CHANGES) == (21, None, None)
    assert some(week_of(org, THIRD_MONDAY), *CHANGES) == (0, 0)


def test_a_day_that_tells_no_pull_requests_is_left_out_of_the_change_on_both_sides(org: Book) -> None:
    report(org, *days(MONDAY, date(2026, 9, 13)), total_created=3, total_merged=2)
    report(org, *days(NEXT_MONDAY, date(2026, 9, 19)), total_created=4, total_merged=1)
    report(org, NEXT_SUNDAY)
    org.build("weekly.pull_request_trend")
    week = week_of(org, NEXT_MONDAY)
    assert some(week, "days_reported", "days_with_pull_requests_told", "total_created") == (7, 6, 24)
    # Monday to Saturday: 24 less 18, and 6 less 12; against all seven days before it would be 3 and -8.
    assert some(week, "days_compared", *CHANGES) == (6, 6, -6)


def test_no_change_of_pull_requests_by_fewer_than_four_weekdays(org: Book) -> None:
    report(org, *days(MONDAY, date(2026, 9, 13)), total_created=3, total_merged=2)
    report(org, *days(NEXT_MONDAY, date(2026, 9, 16)), total_created=4, total_merged=1)
    report(org, *days(date(2026, 9, 17), NEXT_SUNDAY))
    org.build("weekly.pull_request_trend")
    assert some(week_of(org, NEXT_MONDAY), "days_compared", *CHANGES) == (3, None, None)


def test_no_change_of_a_week_that_is_not_closed(book: Book) -> None:
    # The Wednesday after: GitHub may still revise Sunday.
    book.expect(ORG, start=MONDAY, today=date(2026, 9, 23))
    report(book, *days(MONDAY, NEXT_SUNDAY), total_created=3, total_merged=2)
    book.build("weekly.pull_request_trend")
    assert some(week_of(book, NEXT_MONDAY), "is_closed", "total_created", *CHANGES) == (False, 21, None, None)


def test_no_change_against_a_week_that_began_before_the_history(book: Book) -> None:
    book.expect(ORG, start=date(2026, 9, 8), today=TODAY)
    report(book, *days(MONDAY, NEXT_SUNDAY), total_created=3, total_merged=2)
    book.build("weekly.pull_request_trend")
    # Monday lies before the start: it has rows and does not count.
    first = some(week_of(book), "days_expected", "days_with_pull_requests_told", "total_created")
    assert first == (6, 6, 18)
    assert some(week_of(book, NEXT_MONDAY), "total_created", *CHANGES) == (21, None, None)


def test_breaks_of_other_numbers_take_no_change_of_pull_requests(book: Book) -> None:
    # 2026-04-10, a Friday: CLI activity is included in totals. Pull requests mean what they meant before.
    monday, friday_week, after = date(2026, 3, 30), date(2026, 4, 6), date(2026, 4, 13)
    book.expect(ORG, start=monday, today=date(2026, 5, 20))
    report(book, *days(monday, date(2026, 4, 12)), total_created=1, total_merged=1)
    report(book, *days(after, date(2026, 4, 19)), total_created=3, total_merged=2)
    book.build("weekly.pull_request_trend")
    assert [some(week_of(book, week), *CHANGES) for week in (friday_week, after)] == [(0, 0), (14, 7)]  # 7 * 2, 7 * 1


def test_no_change_from_the_week_in_which_github_began_to_tell(book: Book) -> None:
    # Pull requests are told from Friday 2026-02-27 on: 3 days, then 7. Plan mode (2026-03-02, a Monday) cuts that week
    # from the one before; 2026-03-09 follows without a break.
    book.expect(ORG, start=date(2026, 2, 16), today=date(2026, 3, 19))
    report(book, *days(date(2026, 2, 16), date(2026, 2, 26)))
    report(book, *days(date(2026, 2, 27), date(2026, 3, 15)), total_created=2, total_merged=1)
    book.build("weekly.pull_request_trend")
    told = [week_of(book, monday) for monday in (date(2026, 2, 23), date(2026, 3, 2), date(2026, 3, 9))]
    names = ("days_reported", "days_with_pull_requests_told", "total_created", *CHANGES)
    assert [some(week, *names) for week in told] == [
        (7, 3, 6, None, None),
        (7, 7, 14, None, None),
        (7, 7, 14, 0, 0),
    ]


def test_scopes_do_not_mix(book: Book) -> None:
    # A pull request is in the report of every organisation whose member had a part in it.
    book.expect(ORG, OTHER_ORG, start=MONDAY, today=TODAY)
    report(book, *days(MONDAY, SUNDAY), total_created=1, total_merged=1)
    report(book, *days(MONDAY, NEXT_SUNDAY), scope=OTHER_ORG, total_created=9, total_merged=4)
    book.build("weekly.pull_request_trend")
    assert some(week_of(book), "total_created", "total_merged") == (7, 7)
    assert some(week_of(book, scope=OTHER_ORG), "total_created", "total_merged") == (63, 28)
    assert some(week_of(book, NEXT_MONDAY), "total_created", *CHANGES) == (None, None, None)
    assert some(week_of(book, NEXT_MONDAY, OTHER_ORG), "total_created", *CHANGES) == (63, 0, 0)


def test_sums_go_beyond_32_bits(org: Book) -> None:
    report(org, *days(MONDAY, SUNDAY), total_created=1, total_merged=3_000_000_000)
    report(
        org, *days(NEXT_MONDAY, NEXT_SUNDAY), total_created=3_000_000_000, total_merged=1, total_created_by_copilot=1
    )
    org.build("weekly.pull_request_trend")
    week = week_of(org, NEXT_MONDAY)
    assert some(week, "total_created", *CHANGES) == (21_000_000_000, 20_999_999_993, -20_999_999_993)
    assert week["created_by_copilot_share"] == pytest.approx(1 / 3e9)


def test_an_enterprise_has_its_own_report(book: Book) -> None:
    scope = "enterprise:octo-corp"
    book.expect(scope, start=MONDAY, today=TODAY)
    for day in (MONDAY, SUNDAY):
        book.fetch(scope, "enterprise-1-day", day, headline={"daily_active_users": 5})
        book.insert("flat.entity_pull_request_daily", scope=scope, day=day, total_created=2)
    book.build("weekly.pull_request_trend")
    assert some(week_of(book, scope=scope), "days_reported", "total_created") == (2, 4)


def test_the_models_own_assertions_hold(org: Book) -> None:
    report(org, *days(MONDAY, SUNDAY), total_created=3)
    org.build("weekly.pull_request_trend")
    assert MODEL.checks
    assert [check.name for check in MODEL.checks if org.rows(check.sql)] == []


def test_weeks_begin_when_github_began(book: Book) -> None:
    # Organisations have reports from Friday 2025-12-12 on: three days of that week, none of the one before.
    book.expect(ORG, start=date(2025, 12, 1), today=date(2026, 1, 10))
    book.build("weekly.pull_request_trend")
    (first, *_) = book.rows("select week_start, days_expected from weekly.pull_request_trend order by week_start")
    assert first == {"week_start": date(2025, 12, 8), "days_expected": 3}
