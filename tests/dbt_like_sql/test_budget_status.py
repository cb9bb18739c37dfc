"""quality.budget_status: what is used of budgets and of the included credits, and what the month will come to."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.dbt_like_sql.conftest import Book, Row, days

ORG, ENTERPRISE = "org:octo-org", "enterprise:octo-corp"
START, TODAY = date(2026, 10, 19), date(2026, 11, 12)  # a Monday, a Thursday
YESTERDAY = date(2026, 11, 11)
NOVEMBER = date(2026, 11, 1)


def bill(book: Book, day: date, units: float, usd: float, scope: str = ORG) -> None:
    book.fetch(scope, "ai-credit-usage", day)
    for model in ("claude-sonnet-4.6", "gpt-5.4"):  # a day's bill has a line a model
        amounts = {"gross_quantity": units / 2, "net_amount": usd / 2}
        book.insert("flat.ai_credit_usage", scope=scope, day=day, model=model, model_name=model, **amounts)


def budget(book: Book, day: date = YESTERDAY, scope: str = ORG, **values: object) -> None:
    whole = {"budget_scope": "organization", "budget_entity_name": "octo-org"}
    told = {"budget_id": "b-1", "budget_product_sku": "ai_credits", "budget_amount": 20.0, "consumed_amount": 9.5}
    book.insert("flat.budget", scope=scope, day=day, **(whole | told | {"prevent_further_usage": True} | values))


def snapshot(book: Book, day: date = YESTERDAY, scope: str = ORG) -> None:
    book.fetch(scope, "budgets", day)


def seats(book: Book, *plans: str, day: date = YESTERDAY) -> None:
    book.fetch(ORG, "copilot-seats", day, headline={"total_seats": len(plans)})
    for person, plan in enumerate(plans, start=1):
        book.insert("flat.seat", scope=ORG, day=day, user_id=person)
        book.insert("flat.seat_grant", scope=ORG, day=day, user_id=person, plan_type=plan)


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=START, today=TODAY)
    return book


@pytest.fixture
def billed(org: Book) -> Book:
    """Every closed day: in October 50 credits a working day, in November 100 and a dollar; on weekends 10 credits."""
    for day in days(START, YESTERDAY):
        is_november, is_weekend = day >= NOVEMBER, day.isoweekday() > 5
        bill(org, day, 10 if is_weekend else 100 if is_november else 50, float(is_november and not is_weekend))
    return org


def status(book: Book, month: date = NOVEMBER) -> dict[str, Row]:
    book.build("quality.budget_status")
    rows = book.rows("from quality.budget_status where month_start = ?", month)
    return {row["limit_id"]: row for row in rows}


def test_a_budget_of_the_whole_scope(billed: Book) -> None:
    snapshot(billed)
    budget(billed)
    assert status(billed) == {
        "b-1": {
            "scope": ORG,
            "month_start": NOVEMBER,
            "limit_kind": "budget",
            "limit_id": "b-1",
            "budget_scope": "organization",
            "limit_name": "octo-org",
            "unit": "usd",
            "limit_amount": Decimal(20),
            "is_hard": True,
            "snapshot_day": YESTERDAY,
            "is_suppressed": False,
            "used_amount": Decimal("9.5"),  # GitHub's own count, and not the bills' 8
            "used_share": 0.475,
            "billed_amount": Decimal(8),  # 2 to 6, and 9 to 11 November
            "straight_line_forecast": Decimal("21.818182"),  # 8 / 11 * 30
            "days_billed": 11,
            "weekday_forecast": Decimal(21),  # 13 working days are to come
            "weekday_days": 11,  # October had another rule: nothing was to be paid
            "days_missing": 0,
            "as_of_day": YESTERDAY,
        }
    }


def test_the_pool_of_the_seats(billed: Book) -> None:
    seats(billed, "business", "business")
    (pool,) = status(billed).values()
    assert (pool["limit_kind"], pool["unit"], pool["limit_amount"]) == ("pool", "credits", Decimal(3800))
    assert (pool["used_amount"], pool["used_share"]) == (Decimal(830), pytest.approx(830 / 3800))
    assert pool["straight_line_forecast"] == Decimal("2263.636364")  # 830 / 11 * 30
    # Mondays to Wednesdays 75 on average, Thursdays and Fridays 200 / 3, weekends 10: 3, 2, 2, 3, 3, 3, 3 are to come.
    assert pool["weekday_forecast"] == Decimal(830 + 225 + 150 + 150 + 200 + 200 + 30 + 30)
    assert pool["weekday_days"] == 24


def test_a_pool_of_an_unknown_plan_is_not_known(billed: Book) -> None:
    seats(billed, "business", "unknown")
    (pool,) = status(billed).values()
    assert (pool["limit_amount"], pool["used_share"], pool["used_amount"]) == (None, None, Decimal(830))


def test_a_person_with_two_seats_has_the_credits_of_one(billed: Book) -> None:
    seats(billed, "business")
    billed.insert("flat.seat_grant", scope=ORG, day=YESTERDAY, user_id=1, plan_type="enterprise")
    assert status(billed)["pool"]["limit_amount"] == Decimal(3900)


def test_fewer_than_five_days_tell_no_forecast(org: Book) -> None:
    for day in days(date(2026, 11, 8), YESTERDAY):
        bill(org, day, 100, 1)
    snapshot(org)
    budget(org)
    seats(org, "business")
    found = status(org)
    assert {(row["straight_line_forecast"], row["weekday_forecast"]) for row in found.values()} == {(None, None)}
    assert {(row["days_billed"], row["weekday_days"], row["days_missing"]) for row in found.values()} == {(4, 4, 7)}


def test_days_before_the_start_are_missing_of_the_month(book: Book) -> None:
    """GitHub's month begins on the first: what was used before the history does is in no number here."""
    book.expect(ORG, start=date(2026, 11, 6), today=TODAY)
    for day in days(date(2026, 11, 6), YESTERDAY):
        bill(book, day, 100, 1)
    seats(book, "business")
    (pool,) = status(book).values()
    assert (pool["used_amount"], pool["days_billed"], pool["days_missing"]) == (Decimal(600), 6, 5)


def test_a_weekday_that_was_never_seen_tells_no_forecast_by_weekday(org: Book) -> None:
    for day in days(date(2026, 11, 6), YESTERDAY):  # Friday to Wednesday: a Thursday is to come
        bill(org, day, 100, 1)
    seats(org, "business")
    (pool,) = status(org).values()
    assert (pool["straight_line_forecast"], pool["weekday_forecast"]) == (Decimal(3000), None)


def test_missing_days_are_as_the_others(billed: Book) -> None:
    gone = date(2026, 11, 4)
    billed.connection.execute("delete from raw.fetches where day = ? and report = 'ai-credit-usage'", [gone])
    billed.connection.execute("delete from flat.ai_credit_usage where day = ?", [gone])
    seats(billed, "business")
    (pool,) = status(billed).values()
    assert (pool["used_amount"], pool["days_billed"], pool["days_missing"]) == (Decimal(730), 10, 1)
    assert pool["straight_line_forecast"] == Decimal(2190)  # 730 / 10 * 30
    # The Wednesday is one more to come, and three Wednesdays are known: 50, 50, 100.
    assert pool["weekday_forecast"] == Decimal(730 + 225 + 150 + 200 + 200 + 200 + 30 + 30)


def test_a_month_that_is_over_came_to_what_it_came_to(billed: Book) -> None:
    seats(billed, "business", day=date(2026, 10, 30))
    (pool,) = status(billed, date(2026, 10, 1)).values()
    assert (pool["as_of_day"], pool["used_amount"]) == (date(2026, 10, 31), Decimal(10 * 50 + 3 * 10))
    assert pool["snapshot_day"] == date(2026, 10, 30)


def test_a_whole_month_is_its_own_forecast(book: Book) -> None:
    book.expect(ORG, start=date(2026, 10, 1), today=TODAY)
    for day in days(date(2026, 10, 1), YESTERDAY):
        bill(book, day, 100, 1)
    seats(book, "business", day=date(2026, 10, 30))
    (pool,) = status(book, date(2026, 10, 1)).values()
    assert {pool[name] for name in ("used_amount", "straight_line_forecast", "weekday_forecast")} == {Decimal(3100)}


def line(book: Book, person: int, usd: float, day: date = YESTERDAY, **values: object) -> None:
    whose = {"organization": "octo-org", "repository": "octo-org/tea", "cost_center_name": "Research"}
    told = {"sku": "copilot_ai_credit", "quantity": usd * 100, "gross_amount": usd, "net_amount": usd}
    book.insert("flat.bill_item", scope=ORG, day=day, user_id=person, **(whose | told | values))


def bill_by_person(book: Book, first: date = NOVEMBER) -> None:
    expected = {"scope": ORG, "report": "ai-usage-report", "start_day": START, "as_of": TODAY}
    book.insert("raw.expected_reports", **expected, lag_days=1, history_days=730)
    for day in days(first, YESTERDAY):
        book.fetch(ORG, "ai-usage-report", day)


def budgets_of_parts(book: Book) -> None:
    snapshot(book)
    budget(book, budget_id="tea", budget_scope="repository", budget_entity_name="octo-org/tea")
    budget(book, budget_id="research", budget_scope="cost_center", budget_entity_name="cc-1")
    book.insert("flat.cost_center", scope=ORG, day=YESTERDAY, cost_center_id="cc-1", cost_center_name="Research")


def six_people(book: Book) -> None:
    for person, usd in enumerate((1.1, 1.2, 1.3, 1.4, 1.5, 1.6)):  # 8.1 dollars, of which each has about one
        line(book, person, usd, days(NOVEMBER, YESTERDAY)[person])


USED = ("used_amount", "used_share", "billed_amount", "straight_line_forecast", "weekday_forecast")


def test_of_a_part_the_bill_by_person_tells_rounded(billed: Book) -> None:
    bill_by_person(billed)
    budgets_of_parts(billed)
    six_people(billed)
    line(billed, 7, 30, cost_center_name="Other", repository="octo-org/cup")
    line(billed, 7, 30, day=date(2026, 10, 31))  # of another month
    line(billed, 7, 30, sku="copilot_premium_request", unit_type="requests")
    found = status(billed)
    assert {row["limit_name"] for row in found.values()} == {"octo-org/tea", "Research"}
    for row in found.values():
        assert [row[name] for name in USED] == [
            *(Decimal(8), 0.4, Decimal(8)),  # to the dollar, and not GitHub's 9.5
            Decimal("21.818182"),  # 8 / 11 * 30
            Decimal(21),  # the whole scope has 8 dollars and will have 21
        ]
        assert (row["is_suppressed"], row["days_billed"], row["weekday_days"]) == (False, 11, 11)
        assert (row["days_missing"], row["as_of_day"]) == (0, YESTERDAY)


def test_of_a_part_of_few_people_only_the_limit_is_told(billed: Book) -> None:
    bill_by_person(billed)
    budgets_of_parts(billed)
    for person in range(4):
        line(billed, person, 10, repository="octo-org/cup")
    for row in status(billed).values():  # the repository has no line at all
        assert (row["is_suppressed"], row["limit_amount"]) == (True, Decimal(20))
        assert {row[name] for name in USED} == {None}


def test_without_a_bill_by_person_nobody_knows_how_many_are_behind_a_part(billed: Book) -> None:
    budgets_of_parts(billed)
    for row in status(billed).values():
        assert (row["is_suppressed"], row["days_billed"], row["as_of_day"]) == (True, None, None)
        assert {row[name] for name in USED} == {None}


def test_a_part_of_fewer_than_five_days_has_no_forecast_and_one_of_other_days_none_by_weekday(billed: Book) -> None:
    bill_by_person(billed, date(2026, 11, 8))
    budgets_of_parts(billed)
    for person in range(6):
        line(billed, person, 1)
    assert {tuple(row[name] for name in USED[2:]) for row in status(billed).values()} == {(Decimal(6), None, None)}
    billed.fetch(ORG, "ai-usage-report", date(2026, 11, 7))
    assert {tuple(row[name] for name in USED[3:]) for row in status(billed).values()} == {(Decimal(36), None)}


def test_a_cohort_of_one_tells_parts_as_they_are(billed: Book) -> None:
    billed.connection.execute("update raw.settings set min_cohort = 1")
    budgets_of_parts(billed)
    assert {(row["is_suppressed"], row["used_amount"]) for row in status(billed).values()} == {(False, Decimal("9.5"))}
    bill_by_person(billed)
    line(billed, 1, 1.23)
    billed.connection.execute("update flat.budget set consumed_amount = null")
    assert {row["used_amount"] for row in status(billed).values()} == {Decimal("1.23")}


def test_an_organisation_is_a_part_of_its_enterprise(book: Book) -> None:
    book.expect(ENTERPRISE, start=START, today=TODAY)
    snapshot(book, scope=ENTERPRISE)
    budget(book, scope=ENTERPRISE)
    budget(book, scope=ENTERPRISE, budget_id="b-2", budget_scope="enterprise", budget_entity_name="octo-corp")
    assert {key: row["used_amount"] for key, row in status(book).items()} == {"b-1": None, "b-2": Decimal("9.5")}


def test_limits_of_each_person_and_of_other_products_are_not_here(billed: Book) -> None:
    snapshot(billed)
    budget(billed, budget_scope="multi_user_customer")
    for number, sku in enumerate(("actions", "copilot_premium_request", "git_lfs")):
        budget(billed, budget_id=f"o-{number}", budget_product_sku=sku)
    assert status(billed) == {}
    budget(billed, budget_id="c", budget_product_sku="copilot")
    assert list(status(billed)) == ["c"]


def test_the_last_snapshot_of_the_month_counts(billed: Book) -> None:
    before = YESTERDAY - timedelta(2)
    for day, amount in ((before, 10.0), (YESTERDAY, 30.0)):
        snapshot(billed, day)
        budget(billed, day, budget_amount=amount)
    budget(billed, before, budget_id="given-up")
    assert {key: row["limit_amount"] for key, row in status(billed).items()} == {"b-1": Decimal(30)}


def test_without_bills_github_s_own_count_is_told(org: Book) -> None:
    snapshot(org)
    budget(org)
    (row,) = status(org).values()
    assert (row["used_amount"], row["used_share"], row["billed_amount"]) == (Decimal("9.5"), 0.475, None)
    assert (row["straight_line_forecast"], row["as_of_day"], row["days_billed"]) == (None, None, None)


def test_without_github_s_count_the_bills_tell(billed: Book) -> None:
    snapshot(billed)
    budget(billed, consumed_amount=None, budget_amount=0.0)
    (row,) = status(billed).values()
    assert (row["used_amount"], row["used_share"]) == (Decimal(8), None)
