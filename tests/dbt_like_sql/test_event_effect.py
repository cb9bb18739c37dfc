"""weekly.event_effect: the weeks before and after an event side by side, on rows that a test lays by hand."""

from collections.abc import Collection
from datetime import date, timedelta

import pytest

from copilot_assets.warehouse.tables import transaction
from tests.dbt_like_sql.conftest import MODELS, Book, Row, days

ORG, OTHER_ORG = "org:octo-org", "org:octo-labs"
ORG_REPORT, USERS, TEAMS = "organization-1-day", "users-1-day", "user-teams-1-day"

# Nine ISO weeks without a series break, the event's in their middle; the last one is closed from 2026-10-08 on.
FIRST_MONDAY, EVENT_MONDAY, LAST_MONDAY = date(2026, 8, 3), date(2026, 8, 31), date(2026, 9, 28)
WEEK_BEFORE, WEEK_AFTER = date(2026, 8, 24), date(2026, 9, 7)
WEDNESDAY = date(2026, 9, 2)
TODAY = date(2026, 10, 8)

NUMBERS = (
    *("active_people", "user_initiated_interaction_count", "code_generation_activity_count"),
    *("code_acceptance_activity_count", "loc_added_sum"),
)
BEFORE, AFTER = (tuple(f"{name}_{side}" for name in NUMBERS) for side in ("before", "after"))


@pytest.fixture
def book(book: Book) -> Book:
    """Everything is told as it is: what is withheld and rounded is tested where it says so."""
    book.connection.execute("update raw.settings set min_cohort = 1")
    return book


def report(
    book: Book,
    day: date,
    people: Collection[int] = (),
    *,
    scope: str = ORG,
    prompts: int = 0,
    outputs: int = 0,
    accepted: int = 0,
    lines: int = 0,
    teams: dict[int, str] | None = None,
    members: Collection[int] | None = None,
) -> None:
    """A day of a scope; its numbers its people made alike. In the teams are its people, or the members."""
    counters = {
        "user_initiated_interaction_count": prompts,
        "code_generation_activity_count": outputs,
        "code_acceptance_activity_count": accepted,
        "loc_added_sum": lines,
    }
    with transaction(book.connection):
        book.fetch(scope, ORG_REPORT, day, headline={"daily_active_users": len(people)})
        book.insert("flat.entity_daily", scope=scope, day=day, daily_active_users=len(people), **counters)
        book.fetch(scope, USERS, day)
        for number, person in enumerate(people):
            made = {name: made // len(people) + (number < made % len(people)) for name, made in counters.items()}
            book.insert("flat.user_daily", scope=scope, day=day, user_id=person, **made)
        if teams is not None:
            book.fetch(scope, TEAMS, day)
        for team, slug in (teams or {}).items():
            for person in people if members is None else members:
                row = {"team_id": team, "team_slug": slug, "user_id": person}
                book.insert("flat.user_team_daily", scope=scope, day=day, **row)


def report_week(book: Book, monday: date, people: Collection[int], *, teams: dict[int, str], **numbers: int) -> None:
    """A Monday of a team, and days on which nobody of it was active."""
    report(book, monday, people, teams=teams, **numbers)
    for day in days(monday + timedelta(days=1), monday + timedelta(days=6)):
        report(book, day, teams=teams, members=people)


def happened(
    book: Book, day: date = WEDNESDAY, scope: str = ORG, team: str | None = None, what: str = "training"
) -> None:
    book.insert("raw.events", day=day, scope=scope, team_slug=team, what=what)


def windows(book: Book) -> list[Row]:
    """The rows of the one event, by distance; of all days that no test laid, nobody was active."""
    book.report_the_rest()
    book.build("weekly.event_effect")
    rows = book.rows("from weekly.event_effect order by window_no")
    assert [row["window_no"] for row in rows] == [1, 2, 3, 4]
    return rows


def some(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=FIRST_MONDAY, today=TODAY)
    return book


def test_the_weeks_before_and_after_side_by_side(org: Book) -> None:
    report(org, WEEK_BEFORE, (1, 2), prompts=10, outputs=5, accepted=1, lines=100)
    report(org, WEEK_BEFORE + timedelta(days=6), (2, 3), prompts=20, outputs=6, accepted=2, lines=200)
    report(org, EVENT_MONDAY, (1, 2, 3, 4, 5, 6), prompts=1000, outputs=1000, accepted=1000, lines=1000)
    report(org, WEDNESDAY, (7, 8), prompts=1000, outputs=1000, accepted=1000, lines=1000)
    report(org, WEEK_AFTER, (1, 2, 3, 4), prompts=50, outputs=20, accepted=8, lines=900)
    happened(org)
    assert windows(org)[0] == {
        "day": WEDNESDAY,
        "scope": ORG,
        "team_slug": None,
        "what": "training",
        "week_start": EVENT_MONDAY,
        "window_no": 1,
        "week_before": WEEK_BEFORE,
        "week_after": WEEK_AFTER,
        "days_expected_before": 7,
        "days_reported_before": 7,
        "days_expected_after": 7,
        "days_reported_after": 7,
        "user_days_reported_before": 7,
        "user_days_reported_after": 7,
        "days_compared": 7,
        "user_days_compared": 7,
        "are_closed": True,
        "is_suppressed": False,
        "series_breaks": None,
        "active_people_before": 3,  # {1, 2, 3}
        "active_people_after": 4,
        "user_initiated_interaction_count_before": 30,  # 10 + 20
        "user_initiated_interaction_count_after": 50,
        "code_generation_activity_count_before": 11,  # 5 + 6
        "code_generation_activity_count_after": 20,
        "code_acceptance_activity_count_before": 3,  # 1 + 2
        "code_acceptance_activity_count_after": 8,
        "loc_added_sum_before": 300,  # 100 + 200
        "loc_added_sum_after": 900,
    }


def test_one_to_four_weeks_each_way(org: Book) -> None:
    for number, monday in enumerate(days(FIRST_MONDAY, LAST_MONDAY)[::7], 1):
        report(org, monday, (1,), prompts=number)
    happened(org)
    names = ("week_before", "user_initiated_interaction_count_before", "week_after")
    assert [some(row, *names, "user_initiated_interaction_count_after") for row in windows(org)] == [
        (date(2026, 8, 24), 4, date(2026, 9, 7), 6),  # the event's is the fifth
        (date(2026, 8, 17), 3, date(2026, 9, 14), 7),
        (date(2026, 8, 10), 2, date(2026, 9, 21), 8),
        (date(2026, 8, 3), 1, date(2026, 9, 28), 9),
    ]


def test_the_week_of_the_event_is_the_one_its_day_is_in(org: Book) -> None:
    for day in (EVENT_MONDAY, date(2026, 9, 6), WEEK_AFTER):  # Monday, Sunday, and the Monday after
        happened(org, day)
    org.build("weekly.event_effect")
    rows = org.rows("select day, week_before, week_start, week_after from weekly.event_effect where window_no = 1")
    assert [tuple(row.values()) for row in rows] == [
        (EVENT_MONDAY, WEEK_BEFORE, EVENT_MONDAY, WEEK_AFTER),
        (date(2026, 9, 6), WEEK_BEFORE, EVENT_MONDAY, WEEK_AFTER),
        (WEEK_AFTER, EVENT_MONDAY, WEEK_AFTER, date(2026, 9, 14)),
    ]


def test_a_week_without_a_report_is_unknown_and_one_without_activity_is_zero(org: Book) -> None:
    for day in days(WEEK_BEFORE, WEEK_BEFORE + timedelta(days=6)):
        for name in (ORG_REPORT, USERS):
            org.fetch(ORG, name, day, "no_report")
    happened(org)
    nearest, quiet, *_ = windows(org)
    assert some(nearest, "days_expected_before", "days_reported_before", "user_days_reported_before") == (7, 0, 0)
    assert some(nearest, "days_reported_after", "days_compared", "user_days_compared") == (7, 0, 0)
    assert some(nearest, *BEFORE, *AFTER) == (None,) * 10
    assert some(quiet, "days_compared", "user_days_compared", *BEFORE, *AFTER) == (7, 7, *(0,) * 10)


def test_weeks_are_compared_by_the_weekdays_that_both_reported(org: Book) -> None:
    # Two weeks of 10 a day from Monday to Friday, and of 8 a day with 6 more on the weekend: 52 against 50, which
    # would be 4 % more, are 40 against 50, 20 % less.
    for day in days(WEEK_BEFORE, WEEK_BEFORE + timedelta(days=4)):
        report(org, day, (1, 2), prompts=10)
    for day in days(WEEK_BEFORE + timedelta(days=5), WEEK_BEFORE + timedelta(days=6)):
        for name in (ORG_REPORT, USERS):
            org.fetch(ORG, name, day, "forbidden")
    for day in days(WEEK_AFTER, WEEK_AFTER + timedelta(days=4)):
        report(org, day, (1, 3), prompts=8)
    for day in days(WEEK_AFTER + timedelta(days=5), WEEK_AFTER + timedelta(days=6)):
        report(org, day, (7, 8, 9), prompts=6)
    happened(org)
    row = windows(org)[0]
    assert some(row, "days_reported_before", "days_reported_after", "days_compared") == (5, 7, 5)
    assert some(row, BEFORE[1], AFTER[1]) == (50, 40)
    assert some(row, "user_days_compared", BEFORE[0], AFTER[0]) == (5, 2, 2)  # 7, 8 and 9 came on the weekend alone


def test_a_number_that_one_of_two_days_does_not_tell_is_left_out_on_both_sides(org: Book) -> None:
    report(org, WEEK_BEFORE, (1,), prompts=10, lines=3)
    report(org, WEEK_BEFORE + timedelta(days=1), (1,), prompts=20, lines=4)
    report(org, WEEK_AFTER, (1,), prompts=40, lines=5)
    org.connection.execute("update flat.entity_daily set loc_added_sum = null where day = ?", [WEEK_AFTER])
    happened(org)
    row = windows(org)[0]
    assert some(row, BEFORE[1], AFTER[1]) == (30, 40)
    assert some(row, BEFORE[4], AFTER[4]) == (4, 0)  # Tuesday's 4, and none


def test_people_of_a_week_with_fewer_reports_of_people_than_of_the_scope(org: Book) -> None:
    report(org, WEEK_BEFORE, (1,), prompts=5)
    report(org, WEEK_BEFORE + timedelta(days=1), (2, 3), prompts=5)  # of the same weekday after, people are not told
    report(org, WEEK_AFTER, (1,), prompts=5)
    for monday, number in ((WEEK_BEFORE, 2), (WEEK_AFTER, 1)):
        for unlucky in days(monday + timedelta(days=number), monday + timedelta(days=3)):
            org.fetch(ORG, ORG_REPORT, unlucky, headline={"daily_active_users": 9})
            org.fetch(ORG, USERS, unlucky, "failed")
    happened(org)
    row = windows(org)[0]
    assert some(row, "days_reported_before", "user_days_reported_before", "active_people_before") == (7, 5, 1)
    assert some(row, "days_reported_after", "user_days_reported_after", "active_people_after") == (7, 4, 1)
    assert some(row, "days_compared", "user_days_compared") == (7, 4)


def test_weeks_outside_the_history_are_unknown(book: Book) -> None:
    # The history begins on the Tuesday of the week before, and ends on the Friday after the event's week.
    book.expect(ORG, start=WEEK_BEFORE + timedelta(days=1), today=WEEK_AFTER + timedelta(days=5))
    report(book, WEEK_BEFORE, (1, 2), prompts=100)  # before the start: it has rows and does not count
    report(book, WEEK_BEFORE + timedelta(days=1), (1,), prompts=7)
    report(book, WEEK_AFTER, (1,), prompts=8)
    report(book, WEEK_AFTER + timedelta(days=1), (1,), prompts=9)
    happened(book)
    nearest, *others = windows(book)
    assert some(nearest, "days_expected_before", "days_reported_before", *BEFORE[:2]) == (6, 6, 1, 7)
    # Of Monday to Friday after, Monday has no day before it that counts.
    assert some(nearest, "days_expected_after", "days_reported_after", "days_compared") == (5, 5, 4)
    assert some(nearest, *AFTER[:2]) == (1, 9)
    assert nearest["are_closed"] is False, "the week after goes on"
    coverage = [f"{name}_{side}" for name in ("days_expected", "days_reported") for side in ("before", "after")]
    for row in others:
        assert some(row, *coverage, *BEFORE, *AFTER) == (None,) * 14
        assert some(row, "are_closed", "is_suppressed") == (False, False)


@pytest.mark.parametrize(("today", "closed"), [(date(2026, 9, 16), False), (date(2026, 9, 17), True)])
def test_both_weeks_are_closed_when_the_one_after_is(book: Book, today: date, closed: bool) -> None:
    # It ends on Sunday 2026-09-13; Monday to Wednesday are GitHub's three days.
    book.expect(ORG, start=FIRST_MONDAY, today=today)
    happened(book)
    assert [row["are_closed"] for row in windows(book)] == [closed, False, False, False]


def test_a_week_before_that_was_fetched_too_early_is_open(org: Book) -> None:
    # Its Sunday, 2026-08-30, was told on Monday, and GitHub revised it until Wednesday.
    org.fetch(ORG, USERS, date(2026, 8, 30), asked=EVENT_MONDAY)
    happened(org)
    assert [row["are_closed"] for row in windows(org)] == [False, True, True, True]


def test_scopes_do_not_mix_and_one_that_nobody_asks_about_is_unknown(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=FIRST_MONDAY, today=TODAY)
    report(book, WEEK_BEFORE, (1, 2), prompts=5)
    report(book, WEEK_BEFORE, (1,), prompts=7, scope=OTHER_ORG)
    for scope in (ORG, OTHER_ORG, "org:elsewhere"):
        happened(book, scope=scope)
    book.report_the_rest()
    book.build("weekly.event_effect")
    rows = book.rows("from weekly.event_effect where window_no = 1 order by scope")
    names = ("scope", "days_expected_before", "active_people_before", "user_initiated_interaction_count_before")
    assert [some(row, *names) for row in rows] == [
        ("org:elsewhere", None, None, None),
        (OTHER_ORG, 7, 1, 7),
        (ORG, 7, 2, 5),
    ]


def test_what_github_changed_from_one_week_to_the_other(book: Book) -> None:
    # Definitions and fixes of 2026-06-15 (a Monday), 07-02 and 07-28; numbers that began on 06-19, 06-26, 07-07 and
    # 07-17 move nothing that was told before.
    book.expect(ORG, start=date(2026, 6, 1), today=date(2026, 8, 10))
    happened(book, date(2026, 7, 1))  # its week is 2026-06-29
    found = [row["series_breaks"] for row in windows(book)]
    assert [[text[:10] for text in breaks.split("; ")] for breaks in found] == [
        ["2026-07-02"],  # after 2026-06-22, to 2026-07-12
        ["2026-07-02"],  # after 2026-06-15, on which the week before begins, so that it lies before both
        ["2026-06-15", "2026-07-02"],  # to 2026-07-26
        ["2026-06-15", "2026-07-02", "2026-07-28"],  # to 2026-08-02
    ]
    assert "people seen only by server-side telemetry count as active; 2026-07-02: accuracy fixes" in found[2]


def test_an_event_of_a_team_tells_of_the_team(org: Book) -> None:
    core = {7: "core"}
    report_week(org, WEEK_BEFORE, (1, 2, 3, 4, 5), prompts=10, outputs=4, accepted=2, lines=30, teams=core)
    for person in (6, 7, 8, 9, 10):
        org.insert("flat.user_daily", scope=ORG, day=WEEK_BEFORE, user_id=person, user_initiated_interaction_count=90)
        org.insert("flat.user_team_daily", scope=ORG, day=WEEK_BEFORE, team_id=8, team_slug="edge", user_id=person)
    report_week(org, WEEK_AFTER, (1, 2, 3, 4, 5, 6), prompts=12, outputs=5, accepted=3, lines=40, teams=core)
    happened(org, team="core")
    row = windows(org)[0]
    assert some(row, "team_slug", "is_suppressed", "days_compared") == ("core", False, 7)
    assert some(row, "days_expected_before", "days_reported_before", "user_days_reported_before") == (7, 7, 7)
    assert some(row, *BEFORE) == (5, 10, 4, 2, 30)
    assert some(row, *AFTER) == (6, 12, 5, 3, 40)


def test_numbers_of_a_team_that_are_withheld_stay_so(org: Book) -> None:
    org.connection.execute("update raw.settings set min_cohort = 5")
    report_week(org, WEEK_BEFORE, (1, 2, 3, 4, 5, 6), prompts=10, teams={7: "core"})
    report_week(org, WEEK_AFTER, (1, 2, 3, 4), prompts=9, outputs=8, accepted=7, lines=6, teams={7: "core"})
    report_week(org, WEEK_BEFORE - timedelta(days=7), (1, 2, 3), prompts=8, teams={7: "core"})
    report_week(org, WEEK_AFTER + timedelta(days=7), (1, 2, 3, 4, 5, 6), prompts=7, teams={7: "core"})
    happened(org, team="core")
    nearest, next_one, *_ = windows(org)
    assert some(nearest, "is_suppressed", *BEFORE) == (True, 5, 10, 0, 0, 0)
    assert some(nearest, "days_reported_after", *AFTER) == (7, *(None,) * 5)
    assert some(next_one, "is_suppressed", *BEFORE) == (True, *(None,) * 5)
    assert some(next_one, *AFTER) == (5, 5, 0, 0, 0)  # seven prompts, in fives


def test_a_team_is_held_against_itself_on_the_same_weekdays_or_not_at_all(org: Book) -> None:
    # On the weekend before, the team's people were not told of: who of them was there then, nobody knows.
    report_week(org, WEEK_BEFORE, (1, 2, 3, 4, 5), prompts=10, teams={7: "core"})
    report_week(org, WEEK_AFTER, (1, 2, 3, 4, 5), prompts=12, teams={7: "core"})
    saturday = WEEK_BEFORE + timedelta(days=5)
    org.connection.execute(
        "delete from raw.fetches where report = ? and day between ? and ?", [USERS, saturday, EVENT_MONDAY]
    )
    for day in days(saturday, saturday + timedelta(days=1)):
        org.fetch(ORG, USERS, day, "failed")
    happened(org, team="core")
    row = windows(org)[0]
    assert some(row, "is_suppressed", "days_compared", "user_days_compared") == (False, 0, 0)
    assert some(row, *BEFORE, *AFTER) == (None,) * 10


def test_of_a_team_that_no_report_knows_nothing_is_told(org: Book) -> None:
    report(org, WEEK_BEFORE, range(1, 8), prompts=10, teams={})
    happened(org, team="core")
    happened(org, what="for everybody")
    org.report_the_rest(ORG_REPORT, USERS)
    org.build("weekly.event_effect")
    rows = org.rows("from weekly.event_effect where window_no = 1 order by team_slug nulls last")
    assert [some(row, "team_slug", "days_expected_before", "is_suppressed", *BEFORE[:2]) for row in rows] == [
        ("core", None, True, None, None),
        (None, 7, False, 7, 10),
    ]


def test_a_slug_that_went_over_to_another_team_gives_one_row(org: Book) -> None:
    # The old team is gone or below five seats, which nobody can tell: it keeps its rows beside the new one's.
    report_week(org, WEEK_BEFORE, (1, 2, 3, 4, 5), prompts=10, teams={7: "core"})
    report_week(org, WEEK_AFTER, (1, 2, 3, 4, 5, 6), prompts=12, teams={8: "core"})
    happened(org, team="core")
    row = windows(org)[0]
    assert some(row, *BEFORE[:2], *AFTER[:2]) == (5, 10, 6, 12)


def test_two_events_of_a_day_are_told_apart(org: Book) -> None:
    happened(org, what="training")
    happened(org, what="roll-out")
    org.build("weekly.event_effect")
    rows = org.rows("from weekly.event_effect order by what, window_no")
    assert [row["what"] for row in rows] == ["roll-out"] * 4 + ["training"] * 4


def test_sums_go_beyond_32_bits(org: Book) -> None:
    report(org, WEEK_BEFORE, (1,), prompts=2**31, outputs=2**31, accepted=2**31, lines=2**31)
    report(org, WEEK_BEFORE + timedelta(days=1), (1,), prompts=2**31, outputs=2**31, accepted=2**31, lines=2**31)
    happened(org)
    assert some(windows(org)[0], *BEFORE[1:]) == (4_294_967_296,) * 4  # 2 * 2^31 = 2^32


def test_without_events_there_is_nothing_and_the_models_own_assertions_hold(org: Book) -> None:
    (model,) = (model for model in MODELS if model.table == "weekly.event_effect")
    org.build("weekly.event_effect")
    assert org.rows("from weekly.event_effect") == []
    happened(org)
    happened(org, team="core")
    org.build("weekly.event_effect")
    assert model.checks
    assert [check.name for check in model.checks if org.rows(check.sql)] == []
