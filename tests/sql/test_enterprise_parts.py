"""What an enterprise's numbers less those of its organisations would give away, and what is withheld against it.

Two organisations, `a` and `b`, of one enterprise; features x, y and z on one day; every set of people by hand.
"""

from collections.abc import Collection
from datetime import date

import pytest

from copilot_assets.warehouse import transaction
from tests.sql.conftest import Book

MONDAY, TODAY = date(2026, 9, 7), date(2026, 10, 1)
A, B, C, ENTERPRISE = "org:a", "org:b", "org:c", "enterprise:corp"


def lay(book: Book, parts: dict[str, dict[str, Collection[int]]], enterprise_id: dict[str, str] | None = None) -> None:
    """By scope and feature, who used it; each person sent ten prompts."""
    with transaction(book.connection):
        for scope, features in parts.items():
            report = "enterprise-1-day" if scope.startswith("enterprise") else "organization-1-day"
            book.fetch(scope, report, MONDAY)
            book.fetch(scope, "users-1-day", MONDAY)
            ids = {"enterprise_id": (enterprise_id or {}).get(scope, "1"), "organization_id": scope[4:]}
            book.insert("flat.entity_daily", scope=scope, day=MONDAY, daily_active_users=99, **ids)
            for feature, people in features.items():
                row = {"scope": scope, "day": MONDAY, "feature": feature}
                book.insert("flat.entity_feature_daily", **row, user_initiated_interaction_count=10 * len(people))
                for person in people:
                    book.insert("flat.user_feature_daily", **row, user_id=person)


def told(book: Book, scope: str) -> dict[str, int | None]:
    """By feature, the people that the week tells; of a withheld one nothing at all is told."""
    rows = book.rows(
        "select feature, people, user_initiated_interaction_count as prompts, is_suppressed from weekly.feature_trend "
        "where scope = ?",
        scope,
    )
    assert all((row["people"] is None) == (row["prompts"] is None) == row["is_suppressed"] for row in rows)
    return {row["feature"]: row["people"] for row in rows}


@pytest.fixture
def corp(book: Book) -> Book:
    book.expect(A, B, C, ENTERPRISE, start=MONDAY, today=TODAY)
    return book


def test_what_an_organisation_withholds_does_not_follow_from_the_enterprise(corp: Book) -> None:
    in_b = range(11, 21)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9), "z": range(1, 10)},
            B: {"x": in_b, "y": in_b, "z": in_b},
            ENTERPRISE: {"x": (1, 2, 3, *in_b), "y": (*range(1, 9), *in_b), "z": (*range(1, 10), *in_b)},
        },
    )
    corp.build()
    # Three people of x, and y against the subtraction from a's total.
    assert told(corp, A) == {"x": None, "y": None, "z": 9}
    assert told(corp, B) == {"x": 10, "y": 10, "z": 10}
    # 13 - 10 would be the three; x then follows from the total, but for y. Of y the difference is of eight people.
    assert told(corp, ENTERPRISE) == {"x": None, "y": None, "z": 19}


def test_a_difference_of_enough_people_is_told(corp: Book) -> None:
    in_b, in_no_organisation = range(11, 21), (31, 32)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9)},
            B: {"x": in_b, "y": in_b},
            ENTERPRISE: {"x": (1, 2, 3, *in_b, *in_no_organisation), "y": (*range(1, 9), *in_b)},
        },
    )
    corp.build()
    assert told(corp, A) == {"x": None, "y": None}
    assert told(corp, ENTERPRISE) == {"x": 15, "y": 18}  # 15 - 10 is of five people: 1, 2, 3, 31, 32


def test_two_organisations_that_withhold_hide_each_other_when_they_are_enough_together(corp: Book) -> None:
    in_c = range(11, 21)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9)},
            B: {"x": (4, 5), "y": range(4, 10)},
            C: {"x": in_c, "y": in_c},
            ENTERPRISE: {"x": (*range(1, 6), *in_c), "y": (*range(1, 10), *in_c)},
        },
    )
    corp.build()
    assert told(corp, ENTERPRISE) == {"x": 15, "y": 19}  # 15 - 10 is of 1 to 5


def test_a_person_of_two_organisations_is_in_no_difference_where_one_of_them_tells(corp: Book) -> None:
    in_b = range(3, 13)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3, 4), "y": range(1, 9)},
            B: {"x": in_b, "y": in_b},
            ENTERPRISE: {"x": range(1, 13), "y": range(1, 13)},
        },
    )
    corp.build()
    # 3 and 4 are told with b: what is left of x is 1 and 2. Of y, withheld for a, it is 1 and 2 as well.
    assert told(corp, ENTERPRISE) == {"x": None, "y": None}


def test_nobody_left_gives_nobody_away(corp: Book) -> None:
    in_b = range(1, 11)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9)},
            B: {"x": in_b, "y": in_b},
            ENTERPRISE: {"x": in_b, "y": in_b},
        },
    )
    corp.build()
    assert told(corp, A) == {"x": None, "y": None}
    assert told(corp, ENTERPRISE) == {"x": 10, "y": 10}


def test_an_organisation_of_another_enterprise_is_nothing_to_this_one(corp: Book) -> None:
    in_b = range(11, 21)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9)},
            B: {"x": in_b, "y": in_b},
            ENTERPRISE: {"x": (1, 2, 3, *in_b), "y": (*range(1, 9), *in_b)},
        },
        enterprise_id={A: "2"},
    )
    corp.build()
    assert told(corp, ENTERPRISE) == {"x": 13, "y": 18}
