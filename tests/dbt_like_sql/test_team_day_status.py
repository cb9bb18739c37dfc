"""quality.team_day_status: why a team is not in a report, each reason from a handful of rows laid by hand."""

from datetime import date, timedelta

import pytest

from tests.dbt_like_sql.conftest import MODELS, Book, Row, days

ORG, LABS = "org:octo-org", "org:octo-labs"
TEAMS = "user-teams-1-day"
START, TODAY = date(2026, 9, 1), date(2026, 9, 12)  # with lag 3 the 9th to 11th are provisional
MANY, FEW = range(1, 11), range(1, 6)


def report(book: Book, day: date, teams: dict[int, range], scope: str = ORG) -> None:
    """A report of that day: the people of each team."""
    book.fetch(scope, TEAMS, day, records=sum(map(len, teams.values())))
    for team, people in teams.items():
        for person in people:
            book.insert(
                "flat.user_team_daily", scope=scope, day=day, team_id=team, team_slug=f"team-{team}", user_id=person
            )


def snapshot(book: Book, day: date, people: range, scope: str = ORG) -> None:
    """Who held a seat that day."""
    book.fetch(scope, "copilot-seats", day, headline={"total_seats": len(people)}, asked=day)
    for person in people:
        book.insert("flat.seat", scope=scope, day=day, user_id=person)


def statuses(book: Book, team: int) -> dict[int, str]:
    """Day of September to status."""
    book.build("quality.team_day_status")
    rows = book.rows("select day, status from quality.team_day_status where team_id = ? order by day", team)
    return {row["day"].day: row["status"] for row in rows}


def broken(book: Book, name: str) -> list[Row]:
    """The rows that a check of the table lists."""
    (check,) = (check for model in MODELS for check in model.checks if check.name == name)
    return book.rows(check.sql)


def row_of(book: Book, team: int, day: int) -> Row:
    (row,) = book.rows("select * from quality.team_day_status where team_id = ? and day = ?", team, date(2026, 9, day))
    return row


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=START, today=TODAY)
    return book


def test_a_team_of_every_report_and_of_holes_in_the_reports(org: Book) -> None:
    for day in days(START, date(2026, 9, 11)):
        if day.day == 3:
            org.fetch(ORG, TEAMS, day, "failed")
        elif day.day != 4:
            report(org, day, {7: MANY})
    found = statuses(org, 7)
    assert found == {
        **dict.fromkeys((1, 2, 5, 6, 7, 8), "reported"),
        3: "failed",
        4: "not_requested",
        **dict.fromkeys((9, 10, 11), "provisional"),
    }
    hole = row_of(org, 7, 3)
    assert hole["evidence"].startswith("There is no report about any team. Fetch ")
    assert (hole["coverage"], hole["is_explained"], hole["people"]) == ("missing", False, None)
    there = row_of(org, 7, 2)
    assert (there["evidence"], there["people"], there["coverage"]) == ("10 people in the report.", 10, "reported")


def test_a_team_that_fell_under_five_seats(org: Book) -> None:
    """Five people until the 4th; on the 5th the snapshot shows one seat taken away, and on the 6th nobody looked."""
    for day in days(START, date(2026, 9, 8)):
        report(org, day, {7: FEW, 8: MANY} if day.day <= 4 else {8: MANY})
    snapshot(org, date(2026, 9, 5), range(2, 11))
    found = statuses(org, 7)
    assert [found[day] for day in (4, 5, 6)] == ["reported", "below_threshold", "below_threshold_suspected"]
    row = row_of(org, 7, 5)
    assert row["evidence"] == (
        "GitHub leaves out teams with fewer than 5 seated people. "
        "Of the 5 who were in it on 2026-09-04, 4 held a seat on this day."
    )
    assert (row["people_known"], row["people_seated"], row["coverage"]) == (5, 4, "below_threshold")
    assert "no snapshot of the seats was taken" in row_of(org, 7, 6)["evidence"]


def test_a_small_team_whose_people_keep_their_seats_may_have_lost_one_or_be_gone(org: Book) -> None:
    for day in days(START, date(2026, 9, 8)):
        report(org, day, {7: FEW, 8: MANY} if day.day <= 4 else {8: MANY})
    snapshot(org, date(2026, 9, 5), range(1, 11))
    assert statuses(org, 7)[5] == "below_threshold_suspected"
    assert row_of(org, 7, 5)["evidence"] == (
        "GitHub leaves out teams with fewer than 5 seated people. 5 were in it on 2026-09-04, "
        "and 5 of them held a seat on this day: one may have left the team, or it is gone."
    )


def test_a_large_team_is_gone_without_any_snapshot(org: Book) -> None:
    for day in days(START, date(2026, 9, 8)):
        report(org, day, {7: MANY, 8: MANY} if day.day <= 4 else {8: MANY})
    snapshot(org, date(2026, 9, 6), range(1, 11))
    found = statuses(org, 7)
    assert {found[day] for day in (5, 6, 7, 8)} == {"gone"}
    assert row_of(org, 7, 5)["coverage"] == "not_expected"
    assert row_of(org, 7, 5)["evidence"] == "In no report after 2026-09-04: 10 people were in it then."
    assert row_of(org, 7, 6)["evidence"].endswith("were in it then, and 10 of them held a seat on this day.")


def test_a_team_between_two_days_with_enough_people_was_left_out(org: Book) -> None:
    for day in days(START, date(2026, 9, 8)):
        report(org, day, {8: MANY} if day.day == 5 else {7: MANY, 8: MANY})
    assert statuses(org, 7)[5] == "left_out"
    row = row_of(org, 7, 5)
    assert (row["coverage"], row["is_explained"]) == ("missing", False)
    assert [(row["team_slug"], row["day"].day) for row in broken(org, "no_team_is_left_out")] == [("team-7", 5)]
    assert broken(org, "five_user_threshold_gaps") == []


@pytest.mark.parametrize(("people", "status"), [(MANY, "not_yet_seen"), (FEW, "below_threshold_suspected")])
def test_a_team_that_comes_later(org: Book, people: range, status: str) -> None:
    """Ten at once are a new team; five may have been four before, and who joined them can't be known."""
    for day in days(START, date(2026, 9, 8)):
        report(org, day, {7: people, 8: MANY} if day.day >= 4 else {8: MANY})
    snapshot(org, date(2026, 9, 2), range(1, 11))
    found = statuses(org, 7)
    assert [found[day] for day in (1, 2, 3, 4)] == [status] * 3 + ["reported"]


def test_a_team_whose_fifth_person_had_no_seat_before(org: Book) -> None:
    for day in days(START, date(2026, 9, 8)):
        report(org, day, {7: FEW, 8: MANY} if day.day >= 4 else {8: MANY})
    snapshot(org, date(2026, 9, 3), range(2, 11))
    assert statuses(org, 7)[3] == "below_threshold"


def test_a_seat_may_come_from_another_scope(book: Book) -> None:
    book.expect(ORG, LABS, start=START, today=TODAY)
    for day in days(START, date(2026, 9, 8)):
        report(book, day, {7: FEW, 8: MANY} if day.day <= 4 else {8: MANY})
    snapshot(book, date(2026, 9, 5), range(1, 3))
    snapshot(book, date(2026, 9, 5), range(3, 6), scope=LABS)
    statuses(book, 7)
    assert row_of(book, 7, 5)["people_seated"] == 5


@pytest.mark.parametrize(("scope", "seated"), [(LABS, None), ("enterprise:octo-corp", 0)])
def test_the_snapshot_of_another_organisation_alone_tells_nothing(book: Book, scope: str, seated: int | None) -> None:
    book.expect(ORG, LABS, "enterprise:octo-corp", start=START, today=TODAY)
    for day in days(START, date(2026, 9, 8)):
        report(book, day, {7: FEW, 8: MANY} if day.day <= 4 else {8: MANY})
    snapshot(book, date(2026, 9, 5), range(100, 110), scope=scope)
    statuses(book, 7)
    assert row_of(book, 7, 5)["people_seated"] == seated


def test_threshold_gaps_are_warned_of_team_by_team(org: Book) -> None:
    for day in days(START, date(2026, 9, 8)):
        report(org, day, {7: FEW, 8: MANY} if day.day <= 4 else {8: MANY})
    statuses(org, 7)
    (row,) = broken(org, "five_user_threshold_gaps")
    assert (row["team_slug"], row["days"], row["first_day"].day, row["last_day"].day) == ("team-7", 4, 5, 8)


def test_a_team_of_the_same_id_elsewhere_is_another(book: Book) -> None:
    book.expect(ORG, LABS, start=START, today=TODAY)
    report(book, START, {7: MANY})
    report(book, START, {8: MANY}, scope=LABS)
    book.build("quality.team_day_status")
    teams = book.rows("select distinct scope, team_id from quality.team_day_status order by scope")
    assert teams == [{"scope": LABS, "team_id": 8}, {"scope": ORG, "team_id": 7}]
    assert len(book.rows("from quality.team_day_status")) == 2 * (TODAY - START) // timedelta(days=1)
