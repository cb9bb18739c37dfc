"""people.seat_use, people.idle_seat and weekly.licence_trend: who holds a seat, whether it is used, what it costs."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import pytest

from copilot_assets.warehouse.tables import transaction
from tests.dbt_like_sql.conftest import MODELS, Book, Row, days, made_from

ORG, OTHER_ORG, ENTERPRISE = "org:octo-org", "org:octo-labs", "enterprise:octo-corp"
SEATS, USERS, ORG_REPORT = "copilot-seats", "users-1-day", "organization-1-day"

# The snapshot of most tests is taken on the Sunday: its 28 days begin on 2026-08-16, its 7 on 2026-09-06.
MONDAY, NEXT_MONDAY, THIRD_MONDAY = date(2026, 9, 7), date(2026, 9, 14), date(2026, 9, 21)
SUNDAY = date(2026, 9, 13)
START, TODAY = date(2026, 8, 10), date(2026, 10, 1)
LONG_AGO = date(2026, 1, 5)

TABLES = ("weekly.licence_trend", "people.idle_seat")
PRICE, IDLE_PRICE = "list_price_usd_per_month", "idle_list_price_usd_per_month"
OF_SEATS = (
    *("seats_active_7_days", "seats_active_28_days", "seats_active_7_days_by_seats", "seats_active_28_days_by_seats"),
    *("seats_never_used", "seats_pending_cancellation", "seats_without_price", PRICE, IDLE_PRICE),
)
BY_USAGE = (
    *("seats_active_7_days_by_usage", "seats_active_28_days_by_usage"),
    *("seats_active_by_seats_only", "seats_active_by_usage_only"),
)
COVERAGE = ("days_expected", "days_reported", "days_pending", "days_below_threshold", "days_missing", "is_closed")


@pytest.fixture
def book(book: Book) -> Book:
    """Everything is told as it is: what is withheld and rounded is tested where it says so."""
    book.connection.execute("update raw.settings set min_cohort = 1")
    return book


def seat(
    person: int,
    plan: str | None = "business",
    *,
    created: date = LONG_AGO,
    active: date | None = None,
    ends: date | None = None,
) -> Row:
    """A seat as GitHub's list has it, used last at noon of `active`."""
    return {
        "user_id": person,
        "plan_type": plan,
        "created_at": datetime.combine(created, time(12)),
        "last_activity_at": active and datetime.combine(active, time(12)),
        "pending_cancellation_date": ends,
    }


def take(
    book: Book,
    seats: Sequence[Row],
    day: date = SUNDAY,
    *,
    total: int | None = None,
    scope: str = ORG,
    told: bool = True,
) -> None:
    """A snapshot: the total in the ledger (as many as there are seats unless said), a row a person."""
    with transaction(book.connection):
        headline = {"total_seats": len(seats) if total is None else total} if told else {}
        book.fetch(scope, SEATS, day, headline=headline, asked=day)
        for row in seats:
            book.insert("flat.seat_grant", scope=scope, day=day, **row)
        for row in {row["user_id"]: row for row in seats}.values():
            book.insert("flat.seat", scope=scope, day=day, **row)


def report(book: Book, *reported: date, scope: str = ORG, **people: Sequence[date]) -> None:
    """Days that GitHub reported of people, and the days of each: `p1=[…]` are those of user_id 1."""
    with transaction(book.connection):
        for day in reported:
            book.fetch(scope, USERS, day)
        for name, active in people.items():
            for day in active:
                book.insert("flat.user_daily", scope=scope, day=day, user_id=int(name[1:]))


def week_of(book: Book, week_start: date = MONDAY, scope: str = ORG) -> Row:
    (row,) = book.rows("from weekly.licence_trend where scope = ? and week_start = ?", scope, week_start)
    return row


def use_of(book: Book, person: int = 1, day: date = SUNDAY, scope: str = ORG) -> Row:
    (row,) = book.rows("from people.seat_use where scope = ? and day = ? and user_id = ?", scope, day, person)
    return row


def some(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=START, today=TODAY)
    return book


@pytest.fixture
def full(org: Book) -> Book:
    """A Sunday's snapshot of nine people, all of whose days were reported."""
    report(
        org,
        *days(date(2026, 8, 15), SUNDAY),
        p1=[date(2026, 9, 12), date(2026, 9, 1)],
        p3=[date(2026, 9, 6)],
        p4=[date(2026, 8, 15)],
        p5=[date(2026, 8, 16)],
        p9=[date(2026, 8, 10)],
    )
    seats = [
        seat(1, active=date(2026, 9, 12)),
        seat(2, "enterprise", active=date(2026, 9, 6)),  # 7 days before
        seat(3, active=date(2026, 9, 5)),  # 8 days before; by the reports 7
        seat(4, "enterprise", active=date(2026, 8, 16)),  # 28 days before; by the reports 29
        seat(5, active=date(2026, 8, 15)),  # 29 days before; by the reports 28
        seat(6),
        seat(7, "enterprise", created=date(2026, 8, 15)),  # 29 days old, grace 30
        seat(8, "enterprise", created=date(2026, 8, 14)),  # 30 days old
        seat(9, "unknown", active=date(2026, 8, 1), ends=date(2026, 9, 30)),
    ]
    take(org, seats, total=10)  # GitHub does not name the tenth holder
    org.build(*TABLES)
    return org


# --- weekly.licence_trend: a week ------------------------------------------------------------------------------------


def test_a_full_closed_week(full: Book) -> None:
    assert week_of(full) == {
        "scope": ORG,
        "week_start": MONDAY,
        "snapshots": 1,
        "snapshot_day": SUNDAY,
        "days_expected": 7,
        "days_reported": 7,
        "days_pending": 0,
        "days_below_threshold": 0,
        "days_missing": 0,
        "is_closed": True,
        "usage_days_reported_7_days": 7,  # 2026-09-06 to 12
        "usage_days_reported_28_days": 28,  # 2026-08-16 to 2026-09-12
        "seats": 9,
        "total_seats": 10,
        "seats_active_7_days": 3,  # 1, 2, 3
        "seats_active_28_days": 5,  # 1 to 5
        "active_share": pytest.approx(5 / 9),
        "seats_active_7_days_by_seats": 2,  # 1, 2
        "seats_active_28_days_by_seats": 4,  # 1, 2, 3, 4
        "seats_active_7_days_by_usage": 2,  # 1, 3
        "seats_active_28_days_by_usage": 3,  # 1, 3, 5
        "seats_active_by_seats_only": 2,  # 2, 4
        "seats_active_by_usage_only": 1,  # 5
        "seats_seen_passively_28_days": 0,
        "seats_never_used": 2,  # 6 and 8; 7 is young, 9 was used once
        "seats_pending_cancellation": 1,  # 9
        "seats_without_price": 1,  # 9
        PRICE: 232.0,  # business 1, 3, 5, 6: 4 * 19 = 76; enterprise 2, 4, 7, 8: 4 * 39 = 156
        IDLE_PRICE: 58.0,  # 6 and 8: 19 + 39; 7 is young, 9 has no price
    }


def test_a_passive_review_alone_uses_no_seat(org: Book) -> None:
    """Of 14 people with seats and rows four had a review that Copilot was asked for by itself, and nothing else."""
    org.connection.execute("update raw.settings set min_cohort = 2")
    for day in days(date(2026, 8, 16), SUNDAY):
        org.fetch(ORG, USERS, day)
    for person in range(1, 15):
        row = {"scope": ORG, "day": SUNDAY - timedelta(1), "user_id": person}
        own = {"used_chat": True} if person > 4 else {"used_chat": False, "used_agent": False}
        org.insert("flat.user_daily", **row, used_copilot_code_review_passive=person < 6, **own)
    take(org, [seat(person) for person in range(1, 15)])
    org.build(*TABLES)
    row = week_of(org)
    assert some(row, "seats", "seats_active_28_days", "seats_active_28_days_by_usage") == (14, 10, 10)
    assert some(row, "seats_seen_passively_28_days", "seats_never_used") == (4, 4)
    assert row[IDLE_PRICE] == 80  # four Business seats, 76 dollars, in tens
    idle = org.rows("select user_id, is_never_used from people.idle_seat")
    assert idle == [{"user_id": person, "is_never_used": True} for person in range(1, 5)]


def test_no_group_of_seats_is_told_as_more_than_there_are(org: Book) -> None:
    org.connection.execute("update raw.settings set min_cohort = 5")
    take(org, [seat(person, active=SUNDAY) for person in range(1, 9)])
    org.build(*TABLES)
    row = week_of(org)  # 8 people, to the nearest multiple of 5: 10
    assert some(row, "seats", "seats_active_7_days", "seats_active_28_days_by_seats", "active_share") == (8, 8, 8, 1)


def test_the_idle_seats_of_it_one_by_one(full: Book) -> None:
    idle = full.rows(
        "select user_id, last_use_day, days_idle, is_never_used, is_new, usd_per_month from people.idle_seat"
    )
    assert [tuple(row.values()) for row in idle] == [
        (6, None, None, True, False, 19.0),
        (7, None, None, True, True, 39.0),
        (8, None, None, True, False, 39.0),
        (
            9,
            date(2026, 8, 10),
            34,
            False,
            False,
            None,
        ),  # by the reports on the 10th, after the list's 1st; 21 + 13 days
    ]


def test_days_of_the_week_are_counted_by_reason(book: Book) -> None:
    # Today is the Saturday of the week: Wednesday to Friday are fresh.
    book.expect(ORG, start=MONDAY, today=date(2026, 9, 12))
    report(book, date(2026, 9, 7))
    book.fetch(ORG, USERS, date(2026, 9, 8), "failed")
    book.fetch(ORG, USERS, date(2026, 9, 9), "no_report")
    take(book, [seat(1)], date(2026, 9, 12))
    book.build(*TABLES)
    # Monday told, Tuesday missing; Wednesday, Thursday and Friday still to come.
    assert some(week_of(book), *COVERAGE) == (5, 1, 3, 0, 1, False)
    assert some(week_of(book), "usage_days_reported_7_days", "usage_days_reported_28_days") == (1, 1)


def test_days_without_activity_were_reported(org: Book) -> None:
    # Nobody has a row of a day on which the scope counts nobody: the answer "no report" is a real zero then.
    for day in days(MONDAY, SUNDAY):
        org.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 0})
        org.fetch(ORG, USERS, day, "no_report")
    take(org, [seat(1)])
    org.build(*TABLES)
    assert some(week_of(org), *COVERAGE) == (7, 7, 0, 0, 0, True)
    assert some(week_of(org), "usage_days_reported_28_days", *BY_USAGE) == (6, 0, 0, 0, 0)  # Monday to Saturday


def test_of_two_snapshots_in_a_week_the_last_one_counts(org: Book) -> None:
    take(org, [seat(1), seat(2), seat(3)], MONDAY)
    take(org, [seat(1, active=SUNDAY)], SUNDAY)
    take(org, [seat(1), seat(2)], NEXT_MONDAY)
    org.build(*TABLES)
    assert some(week_of(org), "snapshots", "snapshot_day", "seats", PRICE) == (2, SUNDAY, 1, 19.0)
    following = some(week_of(org, NEXT_MONDAY), "snapshots", "snapshot_day", "seats", PRICE)
    assert following == (1, NEXT_MONDAY, 2, 38.0)
    weeks = org.rows("select day, week_start from people.seat_use group by all order by day")
    assert [tuple(row.values()) for row in weeks] == [(SUNDAY, MONDAY), (NEXT_MONDAY, NEXT_MONDAY)]


def test_a_total_that_the_last_snapshot_does_not_tell_is_not_that_of_an_earlier_one(org: Book) -> None:
    take(org, [seat(1), seat(2)], MONDAY, total=2)
    take(org, [seat(1)], SUNDAY, told=False)
    org.build(*TABLES)
    assert some(week_of(org), "seats", "total_seats") == (1, None)


def test_a_week_without_a_snapshot_is_unknown_not_zero(org: Book) -> None:
    report(org, *days(MONDAY, date(2026, 9, 27)))
    take(org, [seat(1)], SUNDAY)
    take(org, [seat(1)], THIRD_MONDAY)
    org.build(*TABLES)
    week = week_of(org, NEXT_MONDAY)
    assert some(week, "snapshots", *COVERAGE) == (0, 7, 7, 0, 0, 0, True)
    numbers = [name for name in week if name not in ("scope", "week_start", "snapshots", *COVERAGE)]
    assert {name: week[name] for name in numbers} == dict.fromkeys(numbers)


def test_weeks_begin_with_the_first_snapshot(org: Book) -> None:
    report(org, *days(MONDAY, SUNDAY))
    take(org, [seat(1)], NEXT_MONDAY)
    org.build(*TABLES)
    weeks = [row["week_start"] for row in org.rows("from weekly.licence_trend order by week_start")]
    assert weeks == [NEXT_MONDAY, THIRD_MONDAY, date(2026, 9, 28)]  # to the one that has not ended


def test_a_snapshot_of_a_week_without_a_closed_day_has_its_row(book: Book) -> None:
    book.expect(ORG, start=MONDAY, today=NEXT_MONDAY)  # a Monday: no day of its week has closed
    report(book, *days(MONDAY, date(2026, 9, 9)), p1=[MONDAY])
    take(book, [seat(1)], NEXT_MONDAY)
    book.build(*TABLES)
    week = week_of(book, NEXT_MONDAY)
    assert some(week, *COVERAGE) == (0, 0, 0, 0, 0, False)
    assert some(week, "usage_days_reported_7_days", "seats", "seats_active_7_days_by_usage") == (3, 1, 1)


def test_without_any_snapshot_there_is_nothing(org: Book) -> None:
    report(org, MONDAY, p1=[MONDAY])
    org.fetch(ORG, SEATS, SUNDAY, "forbidden")
    org.build(*TABLES)
    for table in ("weekly.licence_trend", "people.seat_use", "people.idle_seat"):
        assert org.rows(f"from {table}") == []


def test_an_account_without_seats_is_a_real_zero(org: Book) -> None:
    report(org, *days(MONDAY, SUNDAY))
    take(org, [])
    org.build(*TABLES)
    week = week_of(org)
    assert some(week, "seats", "total_seats", *OF_SEATS) == (0,) * (2 + len(OF_SEATS))
    assert some(week, *BY_USAGE) == (0, 0, 0, 0)
    assert week["active_share"] is None


def test_of_seats_whose_holders_github_does_not_name_nothing_is_known(org: Book) -> None:
    report(org, *days(MONDAY, SUNDAY))
    take(org, [], total=5)
    org.insert("flat.seat_grant", scope=ORG, day=SUNDAY, user_id=None)
    org.build(*TABLES)
    week = week_of(org)
    assert some(week, "seats", "total_seats") == (0, 5)
    assert some(week, *OF_SEATS, *BY_USAGE, "active_share") == (None,) * (len(OF_SEATS) + len(BY_USAGE) + 1)


def test_without_settings_nothing_is_told_of_seats(org: Book) -> None:
    take(org, [seat(1)])
    org.connection.execute("delete from raw.settings")
    org.build(*TABLES)
    week = week_of(org)
    assert some(week, "seats", *OF_SEATS) == (1, *(None,) * len(OF_SEATS))


# --- by the list of seats, by the reports ----------------------------------------------------------------------------


def test_what_the_reports_never_told_is_unknown(org: Book) -> None:
    for day in days(date(2026, 8, 16), SUNDAY):
        org.fetch(ORG, USERS, day, "forbidden")
    take(org, [seat(1, active=SUNDAY), seat(2)])
    org.build(*TABLES)
    week = week_of(org)
    assert some(week, "usage_days_reported_7_days", "usage_days_reported_28_days", *BY_USAGE) == (0, 0, *(None,) * 4)
    assert some(week, "seats_active_7_days", "seats_active_28_days", "seats_never_used") == (1, 1, 1)


def test_seven_days_without_a_report_are_unknown_though_others_of_the_28_were_reported(org: Book) -> None:
    report(org, date(2026, 9, 5), p1=[date(2026, 9, 5)])  # eight days before the snapshot
    take(org, [seat(1), seat(2)])
    org.build(*TABLES)
    week = week_of(org)
    assert some(week, "usage_days_reported_7_days", "usage_days_reported_28_days") == (0, 1)
    assert some(week, "seats_active_7_days_by_usage", "seats_active_28_days_by_usage") == (None, 1)


def test_the_edges_by_the_list_of_seats(org: Book) -> None:
    take(org, [seat(before + 1, active=SUNDAY - timedelta(days=before)) for before in (0, 7, 8, 28, 29)])
    org.build(*TABLES)
    rows = org.rows("from people.seat_use order by user_id")
    by_seats = [some(row, "user_id", "is_active_7_days_by_seats", "is_active_28_days_by_seats") for row in rows]
    # The list tells of its own day too, as far as that has gone.
    assert by_seats == [(1, True, True), (8, True, True), (9, False, True), (29, False, True), (30, False, False)]
    assert not any(row["is_active_7_days_by_usage"] or row["is_active_28_days_by_usage"] for row in rows)
    assert [row["last_use_day"] for row in rows] == [SUNDAY - timedelta(days=n) for n in (0, 7, 8, 28, 29)]


def test_the_edges_by_the_reports(org: Book) -> None:
    edges = (0, 1, 7, 8, 28, 29)
    used: Row = {f"p{before + 1}": [SUNDAY - timedelta(days=before)] for before in edges}
    report(org, **used)
    take(org, [seat(before + 1) for before in edges])
    org.build(*TABLES)
    rows = org.rows("from people.seat_use order by user_id")
    by_usage = [some(row, "is_active_7_days_by_usage", "is_active_28_days_by_usage") for row in rows]
    # A report tells of a whole day, so that of the snapshot's own day is not before it.
    nothing, week, month = (False, False), (True, True), (False, True)
    assert by_usage == [nothing, week, week, month, month, nothing]
    assert not any(row["is_active_7_days_by_seats"] or row["is_active_28_days_by_seats"] for row in rows)
    assert [row["last_usage_day"] for row in rows] == [None, *(SUNDAY - timedelta(days=n) for n in edges[1:])]
    assert [row["last_use_day"] for row in rows] == [row["last_usage_day"] for row in rows]


def test_the_last_use_is_the_later_of_the_two(org: Book) -> None:
    report(org, p1=[MONDAY], p2=[SUNDAY - timedelta(days=1), MONDAY], p3=[MONDAY])
    take(org, [seat(1, active=date(2026, 9, 9)), seat(2, active=MONDAY), seat(3), seat(4, active=MONDAY)])
    org.build(*TABLES)
    rows = org.rows("select user_id, last_usage_day, last_use_day from people.seat_use order by user_id")
    assert [tuple(row.values()) for row in rows] == [
        (1, MONDAY, date(2026, 9, 9)),
        (2, date(2026, 9, 12), date(2026, 9, 12)),
        (3, MONDAY, MONDAY),
        (4, None, MONDAY),
    ]


def test_a_seat_is_new_until_its_grace_is_over(org: Book) -> None:
    org.connection.execute("update raw.settings set seat_grace_days = 3")
    take(org, [seat(n, created=SUNDAY - timedelta(days=n)) for n in (1, 2, 3, 4)])
    org.build(*TABLES)
    rows = org.rows("select user_id from people.seat_use where is_new order by user_id")
    assert [row["user_id"] for row in rows] == [1, 2]
    assert some(week_of(org), "seats_never_used", PRICE, IDLE_PRICE) == (2, 76.0, 38.0)


def test_without_grace_no_seat_is_new(org: Book) -> None:
    org.connection.execute("update raw.settings set seat_grace_days = 0")
    take(org, [seat(1, created=SUNDAY)])
    org.build(*TABLES)
    assert week_of(org)["seats_never_used"] == 1


# --- scopes ----------------------------------------------------------------------------------------------------------


def test_use_in_another_scope_counts_for_the_seat_and_seats_do_not_mix(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=START, today=TODAY)
    report(book, MONDAY, scope=ORG)
    report(book, MONDAY, scope=OTHER_ORG, p1=[MONDAY])
    saturday = SUNDAY - timedelta(days=1)
    take(book, [seat(1), seat(2), seat(4)], saturday, scope=ORG)  # not the last of its week; of the other scope's it is
    take(book, [seat(1), seat(2)], SUNDAY, scope=ORG)
    take(book, [seat(1, "enterprise"), seat(3)], saturday, scope=OTHER_ORG)
    book.build(*TABLES)
    names = ("seats", "usage_days_reported_28_days", "seats_active_28_days_by_usage", PRICE)
    assert some(week_of(book), *names) == (2, 1, 1, 38.0)
    assert some(week_of(book, scope=OTHER_ORG), *names) == (2, 1, 1, 58.0)  # 39 + 19
    idle = book.rows("select scope, user_id from people.idle_seat")
    assert [tuple(row.values()) for row in idle] == [(OTHER_ORG, 3), (ORG, 2)]


def test_a_person_of_an_enterprise_holds_one_seat_however_many_scopes_tell_of_the_use(book: Book) -> None:
    book.expect(ENTERPRISE, ORG, start=START, today=TODAY)
    for scope in (ENTERPRISE, ORG):
        report(book, MONDAY, date(2026, 9, 8), scope=scope, p1=[MONDAY, date(2026, 9, 8)])
    take(book, [seat(1, "enterprise")] * 2, scope=ENTERPRISE, total=1)
    book.build(*TABLES)
    week = week_of(book, scope=ENTERPRISE)
    assert some(week, "seats", "total_seats", "seats_active_28_days", PRICE) == (1, 1, 1, 39.0)
    assert book.rows("select scope, user_id from people.seat_use") == [{"scope": ENTERPRISE, "user_id": 1}]


def test_of_a_business_and_an_enterprise_seat_the_enterprise_seat_alone_is_billed(book: Book) -> None:
    book.expect(ENTERPRISE, start=START, today=TODAY)
    grants = [
        # Person 1 used the Business seat last, 2 the Enterprise seat; 3 has two Business seats, 4 an unknown one too.
        *(seat(1, "enterprise"), seat(1, "business", active=SUNDAY)),
        *(seat(2, "business"), seat(2, "enterprise", active=SUNDAY)),
        *(seat(3, "business"), seat(3, "business")),
        *(seat(4, "unknown", active=SUNDAY), seat(4, "business")),
    ]
    take(book, grants, scope=ENTERPRISE, total=4)
    book.build(*TABLES)
    week = week_of(book, scope=ENTERPRISE)
    assert some(week, "seats", "seats_without_price", "seats_active_28_days") == (4, 0, 3)
    assert week[PRICE] == 116.0  # 39 + 39 + 19 + 19, and not 19 + 39 + 19 + 0 by the seat used last
    assert week[IDLE_PRICE] == 19.0  # 3


def test_several_seats_of_a_person_are_as_old_as_the_first_and_end_with_the_last(book: Book) -> None:
    book.expect(ENTERPRISE, start=START, today=TODAY)
    young, ends = SUNDAY - timedelta(days=2), date(2026, 9, 30)
    grants = [
        *(seat(1, created=young) | {"granting_team_slug": "web"}, seat(1, ends=ends) | {"granting_team_slug": "core"}),
        *(seat(2, ends=ends), seat(2, ends=ends)),
    ]
    take(book, grants, scope=ENTERPRISE, total=2)
    book.build(*TABLES)
    assert week_of(book, scope=ENTERPRISE)["seats_pending_cancellation"] == 1
    rows = book.rows("select user_id, is_new, pending_cancellation_date, granting_team_slugs from people.idle_seat")
    assert [tuple(row.values()) for row in rows] == [(1, False, None, "core, web"), (2, False, ends, None)]


def test_use_before_the_start_of_the_history_is_use_all_the_same(book: Book) -> None:
    # The start date came later than the rows: their days are not counted as reported, and nobody's seat becomes idle.
    book.expect(ORG, start=MONDAY, today=TODAY)
    report(book, date(2026, 9, 6), MONDAY, p1=[date(2026, 9, 6)])
    take(book, [seat(1)])
    book.build(*TABLES)
    week = week_of(book)
    assert some(week, "days_expected", "usage_days_reported_28_days") == (7, 1)
    assert some(week, "seats_active_7_days_by_usage", "seats_never_used") == (1, 0)
    assert book.rows("from people.idle_seat") == []


# --- money -----------------------------------------------------------------------------------------------------------


def test_prices_are_those_of_the_settings(org: Book) -> None:
    org.connection.execute("update raw.plan_prices set usd_per_month = 12.5 where plan_type = 'business'")
    take(org, [seat(1), seat(2), seat(3, "enterprise", active=SUNDAY)])
    org.build(*TABLES)
    assert some(week_of(org), PRICE, IDLE_PRICE) == (64.0, 25.0)  # 2 * 12.5 + 39; 2 * 12.5


def test_money_is_decimal(org: Book) -> None:
    org.connection.execute("update raw.plan_prices set usd_per_month = 0.1 where plan_type = 'business'")
    take(org, [seat(1), seat(2), seat(3)])
    org.build(*TABLES)
    assert str(week_of(org)[PRICE]) == "0.30", "as doubles 0.1 + 0.1 + 0.1 is 0.30000000000000004"


@pytest.mark.parametrize("plan", ["unknown", None])
def test_seats_of_which_none_has_a_price_cost_nobody_knows_what(org: Book, plan: str | None) -> None:
    take(org, [seat(1, plan), seat(2, plan, active=SUNDAY)])
    org.build(*TABLES)
    assert some(week_of(org), "seats_without_price", PRICE, IDLE_PRICE) == (2, None, None)


def test_seats_that_are_all_used_leave_no_idle_cost(org: Book) -> None:
    take(org, [seat(1, active=SUNDAY), seat(2, "unknown", active=SUNDAY)])
    org.build(*TABLES)
    week = some(week_of(org), "seats_without_price", PRICE, IDLE_PRICE, "active_share")
    assert week == (1, 19.0, 0.0, 1.0)


def test_a_seat_that_ends_is_billed_until_then(org: Book) -> None:
    take(org, [seat(1, ends=date(2026, 9, 30)), seat(2)])
    org.build(*TABLES)
    assert some(week_of(org), "seats", "seats_pending_cancellation", PRICE) == (2, 1, 38.0)
    ends = org.rows("select user_id, pending_cancellation_date as day from people.idle_seat order by user_id")
    assert ends == [{"user_id": 1, "day": date(2026, 9, 30)}, {"user_id": 2, "day": None}]


def test_totals_go_beyond_32_bits(org: Book) -> None:
    org.connection.execute("update raw.plan_prices set usd_per_month = 3e9")
    take(org, [seat(2**40), seat(2**52)], total=3_000_000_000)
    org.build(*TABLES)
    assert some(week_of(org), "total_seats", PRICE) == (3_000_000_000, 6e9)
    assert [row["user_id"] for row in org.rows("from people.idle_seat order by user_id")] == [2**40, 2**52]


# --- people.idle_seat ------------------------------------------------------------------------------------------------


def test_idle_seats_are_those_of_the_newest_snapshot(org: Book) -> None:
    take(org, [seat(1), seat(2)], SUNDAY)
    take(org, [seat(2, active=NEXT_MONDAY), seat(3)], NEXT_MONDAY)
    take(org, [seat(4)], SUNDAY, scope=OTHER_ORG)  # whose newest is older
    org.build(*TABLES)
    idle = org.rows("select scope, snapshot_day, user_id from people.idle_seat")
    assert [tuple(row.values()) for row in idle] == [(OTHER_ORG, SUNDAY, 4), (ORG, NEXT_MONDAY, 3)]


def test_nobody_is_idle_in_a_newest_snapshot_without_seats(org: Book) -> None:
    take(org, [seat(1)], SUNDAY)
    take(org, [], NEXT_MONDAY)
    org.build(*TABLES)
    assert org.rows("from people.idle_seat") == []


def test_idle_begins_on_the_twenty_ninth_day(org: Book) -> None:
    take(org, [seat(1, active=SUNDAY - timedelta(days=28)), seat(2, active=SUNDAY - timedelta(days=29))])
    org.build(*TABLES)
    assert org.rows("select user_id, days_idle from people.idle_seat") == [{"user_id": 2, "days_idle": 29}]


def test_a_seat_that_one_source_alone_knows_to_be_used_is_not_idle(org: Book) -> None:
    report(org, MONDAY, p1=[MONDAY])
    take(org, [seat(1), seat(2, active=MONDAY)])
    org.build(*TABLES)
    assert org.rows("from people.idle_seat") == []
    assert some(week_of(org), "seats_active_by_seats_only", "seats_active_by_usage_only") == (1, 1)


def test_the_models_own_assertions_hold(full: Book) -> None:
    checks = [
        check
        for model in MODELS
        if model.schema != "quality" and model.table in made_from(*TABLES)
        for check in model.checks
    ]
    assert len(checks) >= 6
    assert [check.name for check in checks if full.rows(check.sql)] == []
