"""quality.seat_snapshot: the people in a list of seats against the number that GitHub told with it, and its check."""

from datetime import date

import pytest

from tests.dbt_like_sql.conftest import MODELS, Book, Row

ORG, ENTERPRISE = "org:octo-org", "enterprise:octo-corp"
SEATS = "copilot-seats"
TODAY = date(2026, 9, 20)
YESTERDAY = date(2026, 9, 19)

(MODEL,) = (model for model in MODELS if model.table == "quality.seat_snapshot")
(CHECK,) = (check for check in MODEL.checks if check.name == "people_are_total_seats")


def take(
    book: Book,
    day: date = TODAY,
    *,
    total: int | None,
    people: tuple[int, ...] = (),
    repeated: tuple[int | None, ...] = (),
    scope: str = ORG,
) -> None:
    """A snapshot as it lands: the total in the ledger, a row a person, a row a grant (`repeated` beside the first)."""
    book.today = day
    book.fetch(scope, SEATS, day, headline={} if total is None else {"total_seats": total})
    for person in people:
        book.insert("flat.seat", scope=scope, day=day, user_id=person)
    for holder in (*people, *repeated):
        book.insert("flat.seat_grant", scope=scope, day=day, user_id=holder)


def snapshots(book: Book) -> list[Row]:
    book.build("quality.seat_snapshot")
    return book.rows("from quality.seat_snapshot order by scope, day")


def warned(book: Book) -> list[Row]:
    book.build("quality.seat_snapshot")
    return book.rows(CHECK.sql)


def test_every_person_once_is_what_github_counts(book: Book) -> None:
    take(book, total=3, people=(1, 2, 3), repeated=(2, 3), scope=ENTERPRISE)
    assert snapshots(book) == [
        {
            "scope": ENTERPRISE,
            "day": TODAY,
            "total_seats": 3,
            "people": 3,
            "grants": 5,
            "grants_without_person": 0,
            "difference": 0,
        }
    ]
    assert warned(book) == []


@pytest.mark.parametrize(
    ("total", "people", "difference"),
    [(2, (1, 2, 3), 1), (3, (1, 2), -1), (2, (), -2), (0, (), 0)],
    ids=["more people", "fewer people", "nobody in the list", "no seats at all"],
)
def test_the_difference_is_people_less_total(book: Book, total: int, people: tuple[int, ...], difference: int) -> None:
    take(book, total=total, people=people)
    (row,) = snapshots(book)
    assert (row["total_seats"], row["people"], row["difference"]) == (total, len(people), difference)
    assert [found["difference"] for found in warned(book)] == ([difference] if difference else [])


def test_a_total_that_was_not_told_is_unknown_and_no_difference(book: Book) -> None:
    take(book, total=None, people=(1, 2))
    (row,) = snapshots(book)
    assert (row["total_seats"], row["people"], row["difference"]) == (None, 2, None)
    assert warned(book) == []


def test_a_seat_whose_holder_is_not_named_is_a_grant_and_no_person(book: Book) -> None:
    take(book, total=3, people=(1, 2), repeated=(None,))
    (row,) = warned(book)
    assert (row["people"], row["grants"], row["grants_without_person"], row["difference"]) == (2, 3, 1, -1)


def test_scopes_and_days_are_not_mixed(book: Book) -> None:
    take(book, YESTERDAY, total=1, people=(1,))
    take(book, TODAY, total=2, people=(1, 2))
    take(book, TODAY, total=4, people=(1, 2, 3, 4), scope=ENTERPRISE)
    found = [(row["scope"], row["day"], row["people"], row["difference"]) for row in snapshots(book)]
    assert found == [(ENTERPRISE, TODAY, 4, 0), (ORG, YESTERDAY, 1, 0), (ORG, TODAY, 2, 0)]


def test_the_check_is_about_the_newest_snapshot_of_each_scope_and_only_warns(book: Book) -> None:
    assert CHECK.severity == "warn"
    take(book, YESTERDAY, total=9, people=(1,))
    take(book, TODAY, total=1, people=(1,))
    take(book, YESTERDAY, total=9, people=(1,), scope=ENTERPRISE)
    assert [(row["scope"], row["day"], row["difference"]) for row in warned(book)] == [(ENTERPRISE, YESTERDAY, -8)]


def test_a_refused_snapshot_is_none_and_hides_none(book: Book) -> None:
    take(book, YESTERDAY, total=1, people=(1,))
    book.today = TODAY
    book.fetch(ORG, SEATS, TODAY, "forbidden")
    assert [row["day"] for row in snapshots(book)] == [YESTERDAY]


def test_a_later_snapshot_of_the_day_counts_with_its_own_total(book: Book) -> None:
    book.fetch(ORG, SEATS, TODAY, headline={"total_seats": 9}, asked=TODAY)
    take(book, total=1, people=(1,))
    assert [(row["total_seats"], row["difference"]) for row in snapshots(book)] == [(1, 0)]
