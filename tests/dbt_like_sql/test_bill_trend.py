"""weekly.bill_trend: what organisations and cost centres used by the bill by person, rounded, and withheld of few."""

from datetime import date
from decimal import Decimal

import pytest

from tests.dbt_like_sql.conftest import Book, Row, days

CORP = "enterprise:octo-corp"
MONDAY, SUNDAY, TODAY = date(2026, 9, 7), date(2026, 9, 13), date(2026, 9, 21)


def line(book: Book, person: int | None, units: float, usd: float = 0, **values: object) -> None:
    told = {"organization": "octo-org", "cost_center_name": "Research", "unit_type": "ai-credits"}
    told |= {"sku": "copilot_ai_credit", "day": MONDAY}
    amounts = {"quantity": units, "gross_amount": units / 100, "net_amount": usd}
    book.insert("flat.bill_item", scope=CORP, user_id=person, **(told | amounts | values))


@pytest.fixture
def corp(book: Book) -> Book:
    """A week of bills, of which the days are all there."""
    book.expect(CORP, start=MONDAY, today=TODAY)
    for report in ("ai-usage-report", "premium-request-report"):
        book.connection.execute(
            "insert into raw.expected_reports by name "
            "select ? as scope, ? as report, ? as start_day, ? as as_of, 1 as lag_days, 730 as history_days",
            [CORP, report, MONDAY, date(2026, 9, 14)],
        )
        for day in days(MONDAY, SUNDAY):
            book.fetch(CORP, report, day)
    return book


def parts(book: Book, breakdown: str, kind: str = "ai_credits") -> dict[str, Row]:
    book.build("weekly.bill_trend")
    rows = book.rows("from weekly.bill_trend where (breakdown, kind) = (?, ?)", breakdown, kind)
    assert {(row["scope"], row["week_start"], row["days_expected"], row["days_reported"]) for row in rows} <= {
        (CORP, MONDAY, 7, 7)
    }
    return {row["part"]: row for row in rows}


def told(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in ("is_suppressed", "people", "gross_quantity", "gross_amount", "net_amount"))


def test_parts_are_rounded_and_those_of_few_withheld(corp: Book) -> None:
    for person, units in enumerate((90, 95, 100, 105, 110, 113)):  # 613 credits of six people
        line(corp, person, units, usd=1)
    for person in range(20, 24):
        line(corp, person, 100, cost_center_name="Few")
    found = parts(corp, "cost_center")
    # Six people are told as five; they have about 100 credits each, so credits are told in hundreds, dollars in ones.
    assert told(found["Research"]) == (False, 5, 600.0, Decimal(6), Decimal(6))
    assert told(found["Few"]) == (True, None, None, None, None)
    assert list(found) == ["Few", "Research"]
    assert told(parts(corp, "organization")["octo-org"]) == (False, 10, 1000.0, Decimal(10), Decimal(6))


def test_a_number_that_few_have_a_part_in_is_withheld_beside_the_others(corp: Book) -> None:
    for person in range(6):
        line(corp, person, 100, usd=1 if person < 4 else 0)
    assert told(parts(corp, "cost_center")["Research"]) == (False, 5, 600.0, Decimal(6), None)


def test_people_count_once_over_days_repositories_and_organisations(corp: Book) -> None:
    for person in range(5):
        line(corp, person, 10)
        line(corp, person, 10, day=SUNDAY, repository="octo-org/tea")
        line(corp, person, 10, organization="octo-labs")
    # 150 credits, of which each has 30: told in twenties.
    assert told(parts(corp, "cost_center")["Research"])[:3] == (False, 5, 160.0)
    assert {part: row["people"] for part, row in parts(corp, "organization").items()} == {"octo-labs": 5, "octo-org": 5}


def test_lines_of_nobody_and_of_no_cost_centre(corp: Book) -> None:
    line(corp, None, 70, cost_center_name=None)
    for person in range(5):
        line(corp, person, 0, cost_center_name="Idle")
    found = parts(corp, "cost_center")
    assert told(found["none"]) == (True, None, None, None, None), "nobody knows who is behind it"
    assert told(found["Idle"]) == (False, 0, 0.0, Decimal(0), Decimal(0)), "nobody did anything, and that is told"


def test_credits_and_requests_are_never_added_up(corp: Book) -> None:
    for person in range(5):
        line(corp, person, 10)
        line(corp, person, 20, unit_type="requests", sku="copilot_premium_request")
    assert parts(corp, "cost_center")["Research"]["gross_quantity"] == 50.0
    assert parts(corp, "cost_center", "premium_requests")["Research"]["gross_quantity"] == 100.0


# --- The daily bill and its lines -------------------------------------------------------------------------------------


def reconciled(book: Book) -> list[tuple[object, ...]]:
    book.build("quality.reconciliation")
    rows = book.rows("from quality.reconciliation where kind = 'bill'")
    return [(row["day"], row["is_first_larger"], row["difference_band"], row["is_explained"]) for row in rows]


def test_a_bill_and_its_lines_that_differ_deserve_a_look(corp: Book) -> None:
    for number, day in enumerate(days(MONDAY, SUNDAY)[:3]):
        corp.insert("flat.ai_credit_usage", scope=CORP, day=day, model="GPT-5.4", gross_quantity=100.2)
        line(corp, 1, 60, day=day)
        line(corp, None, (40, 25, 200)[number], day=day)  # 0.2 apart, 15.2 fewer, 159.8 more
    tuesday, wednesday = days(MONDAY, SUNDAY)[1:3]
    assert reconciled(corp) == [(tuesday, True, "10 to 99", False), (wednesday, False, "100 to 999", False)]


def test_a_day_that_only_one_of_them_tells_is_a_hole_and_no_difference(corp: Book) -> None:
    corp.insert("flat.ai_credit_usage", scope=CORP, day=MONDAY, model="GPT-5.4", gross_quantity=100)
    line(corp, 1, 60, day=SUNDAY)
    assert reconciled(corp) == []


def test_where_somebody_was_forgotten_the_difference_would_be_theirs(corp: Book) -> None:
    corp.insert("flat.ai_credit_usage", scope=CORP, day=MONDAY, model="GPT-5.4", gross_quantity=100)
    line(corp, 1, 60)
    assert len(reconciled(corp)) == 1
    corp.insert("raw.forgotten", person=7, forgotten_at=TODAY)
    try:
        assert reconciled(corp) == []
    finally:
        corp.connection.execute("delete from raw.forgotten")
