"""quality.quarantine: every record that is left out now, with the time of the fetch that brought it; and its check."""

from datetime import date, datetime

import pytest

from copilot_assets.orchestration.metadata import names_nobody
from tests.dbt_like_sql.conftest import MODELS, Book, Row

ORG, LABS = "org:octo-org", "org:octo-labs"
USERS, TEAMS = "users-1-day", "user-teams-1-day"
DAY, NEXT_DAY = date(2026, 9, 10), date(2026, 9, 11)
ASKED = date(2026, 9, 12)
FAULT = "breaks the contract of users-1-day: Expected `int` >= 0 - at `$.loc_added_sum`"
PAYLOAD = '{"user_login": "ann",  "loc_added_sum": -1}'

(MODEL,) = (model for model in MODELS if model.table == "quality.quarantine")
(CHECK,) = (check for check in MODEL.checks if check.name == "is_empty")


def leave_out(book: Book, *places: str, scope: str = ORG, report: str = USERS, day: date = DAY) -> None:
    """A fetch that reported the day without the records in these places; fetches are numbered from 1."""
    book.fetch(scope, report, day, sha256="a", asked=ASKED)
    (last,) = book.rows("select max(fetch_id) as fetch_id from raw.fetches")
    for place in places:
        key = {"fetch_id": last["fetch_id"], "scope": scope, "report": report, "day": day}
        book.insert("raw.quarantine", **key, place=place, fault=FAULT, payload=PAYLOAD)


def quarantined(book: Book) -> list[Row]:
    book.build("quality.quarantine")
    return book.rows("from quality.quarantine")


def test_a_record_that_is_left_out_stands_with_its_fault_and_its_fetch_and_without_its_text(book: Book) -> None:
    leave_out(book, "line 3")
    assert quarantined(book) == [
        {
            "scope": ORG,
            "report": USERS,
            "day": DAY,
            "place": "line 3",
            "fault": FAULT,
            "fetched_at": datetime.fromisoformat("2026-09-12 03:00:01"),
            "fetch_id": "fetch-0001",
        }
    ]


def test_the_record_of_a_day_that_failed_stands_with_the_fetch_that_failed(book: Book) -> None:
    book.fetch(ORG, USERS, DAY, sha256="a", asked=ASKED)
    book.fetch(ORG, USERS, DAY, "failed", asked=NEXT_DAY)
    key = {"fetch_id": "fetch-0002", "scope": ORG, "report": USERS, "day": DAY}
    book.insert("raw.quarantine", **key, place="line 1", fault=FAULT, payload=PAYLOAD)
    (row,) = quarantined(book)
    assert (row["fetch_id"], row["fetched_at"].date()) == ("fetch-0002", NEXT_DAY)


def test_a_day_of_which_all_is_well_has_no_row(book: Book) -> None:
    leave_out(book)
    assert quarantined(book) == []
    assert book.rows(CHECK.sql) == []


def test_the_newest_day_is_first_and_every_record_is_a_row(book: Book) -> None:
    leave_out(book, "line 2", "line 1")
    leave_out(book, "line 1", "line 1", day=NEXT_DAY)
    leave_out(book, "line 1", report=TEAMS)
    leave_out(book, "line 1 of file 2", scope=LABS)
    assert [(row["day"], row["scope"], row["report"], row["place"]) for row in quarantined(book)] == [
        (NEXT_DAY, ORG, USERS, "line 1"),
        (NEXT_DAY, ORG, USERS, "line 1"),  # of an array every element begins there
        (DAY, LABS, USERS, "line 1 of file 2"),
        (DAY, ORG, TEAMS, "line 1"),
        (DAY, ORG, USERS, "line 1"),
        (DAY, ORG, USERS, "line 2"),
    ]


def test_a_later_fetch_that_changed_nothing_leaves_the_record_with_the_one_that_brought_it(book: Book) -> None:
    leave_out(book, "line 3")
    book.fetch(ORG, USERS, DAY, sha256="a", asked=date(2026, 9, 20))
    (row,) = quarantined(book)
    assert (row["fetch_id"], row["fetched_at"].date()) == ("fetch-0001", ASKED)


def test_the_check_warns_of_each_and_shows_no_text_of_a_record(book: Book) -> None:
    book.expect(ORG, start=DAY, today=NEXT_DAY)
    leave_out(book, "line 3", "line 4")
    quarantined(book)
    assert CHECK.severity == "warn"
    warned = book.rows(CHECK.sql)
    assert [(row["day"], row["place"], row["fault"]) for row in warned] == [
        (DAY, "line 3", FAULT),
        (DAY, "line 4", FAULT),
    ]
    assert not [value for row in warned for value in row.values() if "ann" in str(value)]


@pytest.mark.parametrize("table", ["raw.quarantine", "flat.user_daily"])
def test_the_ui_keeps_no_row_that_may_hold_a_login(book: Book, table: str) -> None:
    columns = [row["column_name"] for row in book.rows(f"describe {table}")]
    assert not names_nobody(f"quality.{table}", columns)
    assert names_nobody(
        f"quality.{table}", [name for name in columns if name not in ("payload", "user_id", "user_login")]
    )
