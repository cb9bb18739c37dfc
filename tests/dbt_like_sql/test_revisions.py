"""quality.revisions: every answer whose content differs from the one before, each from a ledger of a few lines.

The dates are worked out from GitHub's rule: a day is final three full UTC days after it closed (the legacy metrics:
one), so that the content of 10 September is fetched for the last time on the 14th.
"""

from datetime import date, datetime

import pytest

from tests.dbt_like_sql.conftest import MODELS, Book, Row

ORG, LABS, TEAM = "org:octo-org", "org:octo-labs", "team:octo-org/core"
ORG_REPORT, USERS, LEGACY, SEATS = "organization-1-day", "users-1-day", "legacy-metrics", "copilot-seats"
START, TODAY = date(2026, 9, 1), date(2026, 10, 10)
DAY, NEXT_DAY = date(2026, 9, 10), date(2026, 9, 11)
# The first day that may be asked about it, the last on which it may change, and the one after.
EARLY, LAST, LATE = date(2026, 9, 11), date(2026, 9, 14), date(2026, 9, 15)

(MODEL,) = (model for model in MODELS if model.table == "quality.revisions")
(CHECK,) = (check for check in MODEL.checks if check.name == "are_in_time_and_grow")


@pytest.fixture(autouse=True)
def expected(book: Book) -> None:
    book.expect(ORG, LABS, TEAM, start=START, today=TODAY, legacy=True)


def revisions(book: Book) -> list[Row]:
    book.build("quality.revisions")
    return book.rows("from quality.revisions order by scope, report, day, seen_at")


def warned(book: Book) -> list[Row]:
    book.build("quality.revisions")
    return book.rows(CHECK.sql)


def test_the_first_answer_is_none_and_neither_is_the_same_again(book: Book) -> None:
    book.fetch(ORG, USERS, DAY, sha256="a", asked=EARLY)
    assert revisions(book) == []
    book.fetch(ORG, USERS, DAY, sha256="a", asked=EARLY)
    book.fetch(ORG, USERS, DAY, sha256="a", asked=LATE)
    assert revisions(book) == []
    assert warned(book) == []


def test_a_revision_names_both_contents_and_the_numbers_that_moved(book: Book) -> None:
    old = {"daily_active_users": 40, "code_generation_activity_count": 900, "user_initiated_interaction_count": None}
    new = {"daily_active_users": 42, "code_generation_activity_count": 900, "user_initiated_interaction_count": 17}
    book.fetch(ORG, ORG_REPORT, DAY, sha256="a", headline=old, asked=EARLY)
    book.fetch(ORG, ORG_REPORT, DAY, sha256="b", headline=new, asked=LAST)
    assert revisions(book) == [
        {
            "scope": ORG,
            "report": ORG_REPORT,
            "day": DAY,
            "seen_at": datetime.fromisoformat("2026-09-14 03:00:02"),
            "old_seen_at": datetime.fromisoformat("2026-09-11 03:00:01"),
            "is_late": False,
            "is_shrinking": False,
            "old_records": 1,
            "records": 1,
            "numbers_moved": "daily_active_users, user_initiated_interaction_count",
            "old_sha256": "a",
            "new_sha256": "b",
            "fetch_id": "fetch-0002",
        }
    ]
    assert warned(book) == []


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ({"daily_active_users": 0}, {"daily_active_users": None}, "daily_active_users"),
        ({"daily_active_users": None}, {"daily_active_users": 0}, "daily_active_users"),
        ({"daily_active_users": 5}, {"daily_active_users": 5}, None),
        ({"daily_active_users": None}, {"daily_active_users": None}, None),
        ({}, {}, None),
        (None, {"daily_active_users": 5}, "daily_active_users"),
    ],
)
def test_unknown_and_zero_are_two_things(book: Book, old: Row | None, new: Row, moved: str | None) -> None:
    """A revision that moves no headline number moved something else; a report without a headline tells none."""
    book.fetch(ORG, ORG_REPORT, DAY, sha256="a", headline=old, asked=EARLY)
    book.fetch(ORG, ORG_REPORT, DAY, sha256="b", headline=new, asked=EARLY)
    (row,) = revisions(book)
    assert row["numbers_moved"] == moved


@pytest.mark.parametrize(
    ("report", "before", "asked", "is_late"),
    [
        (USERS, EARLY, EARLY, False),
        (USERS, EARLY, LAST, False),
        (USERS, LAST, LATE, True),
        (USERS, EARLY, LATE, False),  # nobody asked in between: it may have changed in time
        (LEGACY, EARLY, date(2026, 9, 12), False),
        (LEGACY, date(2026, 9, 12), date(2026, 9, 13), True),
        (LEGACY, EARLY, date(2026, 9, 13), False),
    ],
)
def test_late_is_after_the_last_day_of_grace(book: Book, report: str, before: date, asked: date, is_late: bool) -> None:
    book.fetch(ORG, report, DAY, sha256="a", asked=before)
    book.fetch(ORG, report, DAY, sha256="b", asked=asked)
    (row,) = revisions(book)
    assert (row["is_late"], row["is_shrinking"]) == (is_late, False)
    assert [found["seen_at"].date() for found in warned(book)] == [asked] * is_late


@pytest.mark.parametrize(("old", "new", "is_shrinking"), [(50, 49, True), (50, 50, False), (49, 50, False)])
def test_fewer_records_are_shrinking(book: Book, old: int, new: int, is_shrinking: bool) -> None:
    book.fetch(ORG, USERS, DAY, sha256="a", records=old, asked=EARLY)
    book.fetch(ORG, USERS, DAY, sha256="b", records=new, asked=LAST)
    (row,) = revisions(book)
    # How many records there are of people is how many people: not told.
    told = (None, None, is_shrinking, False)
    assert (row["old_records"], row["records"], row["is_shrinking"], row["is_late"]) == told
    assert len(warned(book)) == is_shrinking


def test_no_report_after_a_report_is_a_revision_and_the_report_after_it_is_none(book: Book) -> None:
    book.fetch(ORG, ORG_REPORT, DAY, sha256="a", headline={"daily_active_users": 5}, asked=EARLY)
    book.fetch(ORG, ORG_REPORT, DAY, "no_report", asked=LAST)
    book.fetch(ORG, ORG_REPORT, DAY, sha256="a", headline={"daily_active_users": 5}, asked=LAST)
    (row,) = revisions(book)
    assert (row["old_records"], row["records"], row["is_shrinking"]) == (1, None, True)
    assert (row["old_sha256"], row["new_sha256"]) == ("a", None)
    assert row["numbers_moved"] == "daily_active_users"


def test_a_report_after_no_report_is_the_first_answer(book: Book) -> None:
    book.fetch(ORG, USERS, DAY, "no_report", asked=EARLY)
    book.fetch(ORG, USERS, DAY, "no_report", asked=LAST)
    book.fetch(ORG, USERS, DAY, sha256="a", asked=LATE)
    assert revisions(book) == []


@pytest.mark.parametrize("outcome", ["failed", "forbidden", "unauthorized", "not_found", "expired", "retired"])
def test_a_fetch_that_brought_no_answer_is_passed_over(book: Book, outcome: str) -> None:
    book.fetch(ORG, USERS, DAY, sha256="a", asked=EARLY)
    book.fetch(ORG, USERS, DAY, outcome, asked=LAST)
    book.fetch(ORG, USERS, DAY, sha256="a", asked=LAST)
    assert revisions(book) == []
    book.fetch(ORG, USERS, DAY, outcome, asked=LAST)
    book.fetch(ORG, USERS, DAY, sha256="b", asked=LAST)
    (row,) = revisions(book)
    assert (row["fetch_id"], row["old_seen_at"]) == ("fetch-0005", datetime.fromisoformat("2026-09-14 03:00:03"))


def test_back_to_the_content_before_is_a_revision_too(book: Book) -> None:
    for sha256 in "abba":
        book.fetch(ORG, USERS, DAY, sha256=sha256, asked=EARLY)
    assert [(row["old_sha256"], row["new_sha256"], row["fetch_id"]) for row in revisions(book)] == [
        ("a", "b", "fetch-0002"),
        ("b", "a", "fetch-0004"),
    ]


def test_scopes_reports_and_days_are_not_mixed(book: Book) -> None:
    for sha256, (scope, report, day) in zip(
        "abcd", [(ORG, USERS, DAY), (LABS, USERS, DAY), (ORG, ORG_REPORT, DAY), (ORG, USERS, NEXT_DAY)], strict=True
    ):
        book.fetch(scope, report, day, sha256=sha256, asked=LATE)
    assert revisions(book) == []


def test_a_snapshot_that_differs_from_the_one_before_is_none(book: Book) -> None:
    book.fetch(ORG, SEATS, DAY, sha256="a", asked=DAY)
    book.fetch(ORG, SEATS, DAY, sha256="b", asked=DAY)
    assert revisions(book) == []


def test_the_check_only_warns_and_forgets_after_thirty_days(book: Book) -> None:
    assert CHECK.severity == "warn"
    book.fetch(ORG, USERS, DAY, sha256="a", asked=LATE)
    book.fetch(ORG, USERS, DAY, sha256="b", asked=date(2026, 9, 30))
    book.fetch(ORG, USERS, NEXT_DAY, sha256="a", asked=date(2026, 9, 16))
    book.fetch(ORG, USERS, NEXT_DAY, sha256="b", asked=date(2026, 10, 1))
    assert [row["day"] for row in warned(book)] == [NEXT_DAY, DAY], "the newest first"
    book.expect(ORG, start=START, today=date(2026, 10, 31))
    assert [row["day"] for row in warned(book)] == [NEXT_DAY]
    book.expect(ORG, start=START, today=date(2026, 11, 1))
    assert warned(book) == []
    assert len(revisions(book)) == 2, "the table forgets nothing"
