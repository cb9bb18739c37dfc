"""Who comes, stays and goes, and teams, cohorts and phases of them, on a handful of rows.

Every expected number is worked out beside it, by hand. Here belong the tables of schema `people` that have a row a
person and the weekly ones that count them; what is withheld of features, IDEs, languages and models is tested beside
those.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.people.identities import Identities
from copilot_assets.records import EntityDay, UserDay, UserTeamDay
from copilot_assets.settings import IdentityMode
from copilot_assets.warehouse.tables import transaction
from tests.dbt_like_sql.conftest import MODELS, Book, Row, days, empty_warehouse, made_from

ORG, LABS = "org:octo-org", "org:octo-labs"
ENTITY, USERS, TEAMS = "organization-1-day", "users-1-day", "user-teams-1-day"
CORE, WEB, OPS = 1, 2, 3

# Weeks without a break that moves people; on TODAY the first three have closed.
MONDAYS = [date(2026, 9, 7) + timedelta(7 * n) for n in range(5)]
MONDAY, NEXT_MONDAY, THIRD_MONDAY = MONDAYS[:3]
TUESDAY, WEDNESDAY, THURSDAY, SUNDAY = (MONDAY + timedelta(n) for n in (1, 2, 3, 6))
TODAY = date(2026, 10, 1)

DAY_COUNTS = ("days_expected", "days_reported", "days_pending", "days_below_threshold", "days_missing")
COVERAGE = (*DAY_COUNTS, "user_days_reported", "is_closed", "series_break", "is_suppressed")
TEAM_NUMBERS = (
    "active_people",
    "active_share",
    "days_compared",
    "active_people_change",
    "has_shared_people",
    "shared_people",
    "share_of_active_people",
    "days_active",
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_added_sum",
    "loc_deleted_sum",
)
COMINGS = ("new_people", "returning_people", "lapsed_people")


def insert_people(book: Book, table: str, people: Iterable[int], **each: object) -> None:
    """A row for each person, otherwise alike, in one statement."""
    row = ", ".join(f"? as {name}" for name in each)
    book.connection.execute(
        f"insert into {table} by name select {row}, unnest(?) as user_id", [*each.values(), list(people)]
    )


def report(
    book: Book,
    day: date,
    people: Iterable[int] = (),
    teams: Mapping[int, Iterable[int]] | None = None,
    *,
    scope: str = ORG,
    **each: object,
) -> None:
    """A day that GitHub reported: a row for each active person, with the same numbers, and who was in which team."""
    active = list(people)
    with transaction(book.connection):
        book.fetch(scope, ENTITY, day, headline={"daily_active_users": len(active)})
        book.insert("flat.entity_daily", scope=scope, day=day, daily_active_users=len(active))
        book.fetch(scope, USERS, day, records=len(active))
        insert_people(book, "flat.user_daily", active, scope=scope, day=day, **each)
        if teams is not None:
            report_teams(book, day, teams, scope=scope)


def report_teams(
    book: Book, day: date, teams: Mapping[int, Iterable[int]], *, scope: str = ORG, slug: str = "team-{}"
) -> None:
    """A day of the report of teams: the people with a seat in each."""
    book.fetch(scope, TEAMS, day, records=sum(len(list(people)) for people in teams.values()))
    for team, people in teams.items():
        row = {"scope": scope, "day": day, "team_id": team, "team_slug": slug.format(team)}
        insert_people(book, "flat.user_team_daily", people, **row)


def break_on(book: Book, day: date, *tables: str) -> None:
    """Build as if GitHub had changed the meaning of every number on that day, and on no other."""
    book.build(*tables)
    book.connection.execute("delete from quality.series_break where kind <> 'start'")
    book.insert(
        "quality.series_break",
        day=day,
        kind="definition",
        what="new meaning",
        moves_active_users=True,
        moves_activity=True,
        reports="entity-1-day, users-1-day",
        moved_columns="flat.user_daily.user_id, flat.user_feature_daily",
    )
    book.build(*tables, past="quality.series_break")


def min_cohort(book: Book, people: int) -> None:
    book.connection.execute("update raw.settings set min_cohort = ?", [people])


@pytest.fixture
def book(book: Book) -> Book:
    """Everything is told as it is: what is withheld and rounded is tested where it says so."""
    min_cohort(book, 1)
    return book


def week_of(book: Book, week_start: date = MONDAY, scope: str = ORG) -> Row:
    (row,) = book.rows("from weekly.user_trend where scope = ? and week_start = ?", scope, week_start)
    return row


def team_of(book: Book, team: int | None, week_start: date = MONDAY, scope: str = ORG) -> Row:
    """The one row of a team, or of the people without one."""
    (row,) = book.rows(
        "from weekly.team_trend where scope = ? and week_start = ? and team_id is not distinct from ?",
        *(scope, week_start, team),
    )
    return row


def cohort_of(book: Book, cohort_week: date, week_start: date, scope: str = ORG) -> Row:
    (row,) = book.rows(
        "from weekly.cohort_retention where scope = ? and cohort_week = ? and week_start = ?",
        *(scope, cohort_week, week_start),
    )
    return row


def phase_of(book: Book, number: int, week_start: date = MONDAY, scope: str = ORG) -> Row:
    (row,) = book.rows(
        "from weekly.adoption_phase_trend where scope = ? and week_start = ? and phase_number = ?",
        *(scope, week_start, number),
    )
    return row


def some(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


def numbers_of(row: Row, *known: str) -> Row:
    """A row without its keys and coverage, and without what is known in any case."""
    return {name: value for name, value in row.items() if name not in {*COVERAGE, *known}}


def assert_own_assertions_hold(book: Book, table: str) -> None:
    """What a table and those of people promise, beside their columns and in checks of their own."""
    for model in MODELS:
        if model.table in made_from(f"weekly.{table}") and model.schema in ("people", "weekly"):
            for check in model.checks:
                assert book.rows(check.sql) == [], (model.table, check.name)


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=MONDAY, today=TODAY)
    return book


# --- weekly.team_trend: a week ---------------------------------------------------------------------------------------


def test_a_full_closed_week_of_two_teams_that_share_a_person_and_of_people_in_none(org: Book) -> None:
    teams = {CORE: range(1, 8), WEB: range(6, 13)}  # seven people each, 6 and 7 in both
    monday, tuesday = [*range(1, 7), *range(13, 18)], range(6, 13)
    report(
        org,
        MONDAY,
        monday,
        teams,
        user_initiated_interaction_count=10,
        code_generation_activity_count=8,
        code_acceptance_activity_count=2,
        loc_added_sum=30,
        loc_deleted_sum=0,
    )
    report(org, TUESDAY, tuesday, teams, user_initiated_interaction_count=5, loc_added_sum=1)
    for day in days(WEDNESDAY, SUNDAY):
        report(org, day, (), teams)
    org.build("weekly.team_trend", "weekly.user_trend")
    common = {
        "scope": ORG,
        "week_start": MONDAY,
        **dict(zip(DAY_COUNTS, (7, 7, 0, 0, 0), strict=True)),
        "user_days_reported": 7,
        "is_closed": True,
        "series_break": None,
        "is_suppressed": False,
        "days_compared": None,
        "active_people_change": None,
        "scope_share_in_teams": None,
    }
    # core: on Monday six of its seven (1 to 6), on Tuesday 6 and 7.
    assert team_of(org, CORE) == common | {
        "team_id": CORE,
        "team_slug": "team-1",
        "members": 7,
        "active_people": 7,
        "active_share": 1.0,
        "has_shared_people": True,
        "shared_people": 2,
        "share_of_active_people": pytest.approx(7 / 17),
        "days_active": 8,  # 6 + 2
        "user_initiated_interaction_count": 70,  # 6 * 10 + 2 * 5
        "code_generation_activity_count": 48,  # 6 * 8; on Tuesday GitHub told none
        "code_acceptance_activity_count": 12,  # 6 * 2
        "loc_added_sum": 182,  # 6 * 30 + 2 * 1
        "loc_deleted_sum": 0,
    }
    # web: on Monday 6 alone, on Tuesday all seven. Together the two teams have 14 of the 12 people in teams.
    assert team_of(org, WEB) == common | {
        "team_id": WEB,
        "team_slug": "team-2",
        "members": 7,
        "active_people": 7,
        "active_share": 1.0,
        "has_shared_people": True,
        "shared_people": 2,
        "share_of_active_people": pytest.approx(7 / 17),
        "days_active": 8,  # 1 + 7
        "user_initiated_interaction_count": 45,  # 10 + 7 * 5
        "code_generation_activity_count": 8,
        "code_acceptance_activity_count": 2,
        "loc_added_sum": 37,  # 30 + 7
        "loc_deleted_sum": 0,
    }
    # 17 people were active: 1 to 12 in teams, 13 to 17 in none.
    assert team_of(org, None) == common | {
        "scope_share_in_teams": pytest.approx(12 / 17),
        "team_id": None,
        "team_slug": None,
        "members": None,
        "active_people": 5,
        "active_share": None,
        "has_shared_people": None,
        "shared_people": None,
        "share_of_active_people": pytest.approx(5 / 17),
        "days_active": 5,
        "user_initiated_interaction_count": 50,
        "code_generation_activity_count": 40,
        "code_acceptance_activity_count": 10,
        "loc_added_sum": 150,
        "loc_deleted_sum": 0,
    }
    assert week_of(org)["active_people"] == 17, "and not 7 + 7 + 5"
    assert_own_assertions_hold(org, "team_trend")


DOCS_DAY = "2026-05-07"
# GitHub Docs, "Team-level metrics": the input rows of the worked example.
DOCS_USERS = (
    {
        "user_id": 1001,
        "user_login": "alice",
        "day": DOCS_DAY,
        "organization_id": "999",
        "enterprise_id": "13213",
        "user_initiated_interaction_count": 50,
        "code_generation_activity_count": 40,
        "code_acceptance_activity_count": 12,
        "loc_suggested_to_add_sum": 200,
        "loc_added_sum": 88,
        "used_chat": True,
        "used_agent": True,
    },
    {
        "user_id": 1002,
        "user_login": "bob",
        "day": DOCS_DAY,
        "organization_id": "999",
        "enterprise_id": "13213",
        "user_initiated_interaction_count": 30,
        "code_generation_activity_count": 25,
        "code_acceptance_activity_count": 7,
        "loc_suggested_to_add_sum": 80,
        "loc_added_sum": 24,
        "used_chat": True,
        "used_agent": False,
    },
)
DOCS_TEAMS = tuple(
    {"user_id": user_id, "user_login": login, "day": DOCS_DAY, "organization_id": "999", "team_id": team, "slug": slug}
    for user_id, login, team, slug in (
        (1001, "alice", 42, "frontend"),
        (1001, "alice", 43, "backend"),
        (1002, "bob", 42, "frontend"),
    )
)
# The report about the organisation that goes with them: 50 + 30 prompts of two people.
DOCS_ENTITY = {"day": DOCS_DAY, "daily_active_users": 2, "user_initiated_interaction_count": 80}


def test_githubs_own_worked_example_from_the_json_on(tmp_path: Path) -> None:
    day = date.fromisoformat(DOCS_DAY)
    identities = Identities(IdentityMode.LOGIN, tmp_path / "none.key")
    with empty_warehouse(tmp_path / "copilot.duckdb").connect() as connection:
        book = Book(connection)
        min_cohort(book, 1)
        book.expect(ORG, start=date(2026, 5, 4), today=date(2026, 6, 1))
        for name, record, records in (
            (ENTITY, EntityDay, (DOCS_ENTITY,)),
            (USERS, UserDay, DOCS_USERS),
            (TEAMS, UserTeamDay, DOCS_TEAMS),
        ):
            book.fetch(ORG, name, day, records=len(records), sha256=name)
            for seq, each in enumerate(records):
                book.insert(
                    "raw.records", scope=ORG, report=name, day=day, seq=seq, payload=json.dumps(each), fetch_id="x"
                )
            refresh_flat(connection, record, [name], identities)
        book.build("weekly.team_trend", "weekly.user_trend")
        names = (
            *("team_slug", "members", "active_people", "shared_people", "share_of_active_people"),
            *("user_initiated_interaction_count", "code_generation_activity_count"),
            *("code_acceptance_activity_count", "loc_added_sum"),
        )
        week = date(2026, 5, 4)
        # alice and bob: 50 + 30 prompts, 40 + 25 outputs, 12 + 7 accepted, 88 + 24 lines; alice is in both teams.
        assert some(team_of(book, 42, week), *names) == ("frontend", 2, 2, 1, 1.0, 80, 65, 19, 112)
        assert some(team_of(book, 43, week), *names) == ("backend", 1, 1, 1, 0.5, 50, 40, 12, 88)
        assert team_of(book, 42, week)["scope_share_in_teams"] is None, "of the scope, not of the team"
        assert team_of(book, None, week)["scope_share_in_teams"] == 1.0
        assert team_of(book, None, week)["active_people"] is None
        # The scope has two people and 80 prompts, where the teams together would have 3 and 130.
        whole = week_of(book, week)
        assert some(whole, "active_people", "user_initiated_interaction_count") == (2, 80)
        # GitHub began to tell of teams a week later: of this one, the day that is there is all there can be.
        assert team_of(book, 42, week)["days_expected"] == 1
        assert_own_assertions_hold(book, "team_trend")


def test_each_day_counts_for_the_team_that_the_person_was_in_on_it(org: Book) -> None:
    """Person 9 changes from core to web on Thursday; the members of one day would give one team all of them."""
    before, after = {CORE: [1, 9], WEB: [2]}, {CORE: [1], WEB: [2, 9]}
    report(org, MONDAY, [1, 2, 9], before, user_initiated_interaction_count=10)
    report(org, TUESDAY, [9], before, user_initiated_interaction_count=1)
    report(org, WEDNESDAY, [], before)
    report(org, THURSDAY, [2, 9], after, user_initiated_interaction_count=100)
    org.build("weekly.team_trend")
    names = ("members", "active_people", "days_active", "user_initiated_interaction_count", "shared_people")
    assert some(team_of(org, CORE), *names) == (2, 2, 3, 21, 1)  # Monday 1 and 9, Tuesday 9: 20 + 1
    assert some(team_of(org, WEB), *names) == (2, 2, 3, 210, 1)  # Monday 2, Thursday 2 and 9: 10 + 200
    assert team_of(org, None)["active_people"] is None, "everybody was in a team whenever they were active"
    person = org.rows("from people.team_week where user_id = 9 order by team_id")
    told = ("team_id", "days_in_team", "days_active", "last_day", "user_initiated_interaction_count")
    assert [some(row, *told) for row in person] == [
        (CORE, 3, 2, WEDNESDAY, 11),
        (WEB, 1, 1, THURSDAY, 100),
    ]


def test_a_person_who_joins_a_team_in_mid_week_is_in_none_before(org: Book) -> None:
    report(org, MONDAY, [1, 9], {CORE: [1]}, user_initiated_interaction_count=10)
    report(org, TUESDAY, [1, 9], {CORE: [1, 9]}, user_initiated_interaction_count=100)
    org.build("weekly.team_trend")
    names = ("active_people", "user_initiated_interaction_count", "has_shared_people", "shared_people")
    assert some(team_of(org, CORE), *names) == (2, 210, False, 0)
    # Whoever is in no team on Monday may be in one on Tuesday, so nothing is said of sharing.
    assert some(team_of(org, None), *names) == (1, 10, None, None)
    assert team_of(org, None)["scope_share_in_teams"] == 1.0, "9 was in a team on a day of the week"


def test_a_renamed_team_goes_by_its_last_name(org: Book) -> None:
    for day, slug in ((MONDAY, "zeta"), (TUESDAY, "alpha")):
        report(org, day, range(1, 6))
        report_teams(org, day, {CORE: range(1, 6)}, slug=slug)
    org.build("weekly.team_trend")
    assert team_of(org, CORE)["team_slug"] == "alpha"


def test_shared_people_are_told_in_fives_where_they_are_not_few(book: Book) -> None:
    min_cohort(book, 5)
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 6))
    expected = {0: 0, 4: None, 5: 5, 7: 5, 10: 10}  # of core's ten people
    for monday, shared in zip(MONDAYS, expected, strict=True):
        web = range(11 - shared, 21)  # ten more people, and the last ones of core
        report(book, monday, range(1, 31), {CORE: range(1, 11), WEB: web})
    book.build("weekly.team_trend")
    for monday, (shared, told) in zip(MONDAYS, expected.items(), strict=True):
        row = team_of(book, CORE, monday)
        assert some(row, "active_people", "has_shared_people", "shared_people") == (10, shared > 0, told)


def test_people_who_share_a_team_but_were_not_active_are_not_shared_people(org: Book) -> None:
    report(org, MONDAY, [*range(1, 6), *range(11, 21)], {CORE: range(1, 9), WEB: [6, 7, *range(11, 16)]})
    org.build("weekly.team_trend")
    assert some(team_of(org, CORE), "members", "active_people", "has_shared_people") == (8, 5, False)


def test_prompts_nobody_sent_are_zero_and_prompts_nobody_told_are_unknown(org: Book) -> None:
    report(org, MONDAY, range(1, 6), {CORE: range(1, 6)}, user_initiated_interaction_count=0)
    org.build("weekly.team_trend")
    names = ("active_people", "user_initiated_interaction_count", "code_generation_activity_count")
    assert some(team_of(org, CORE), *names) == (5, 0, None)


def test_of_a_team_without_active_people_the_members_are_told_and_nothing_else(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        report(org, day, range(11, 16), {CORE: range(1, 7)})
    org.build("weekly.team_trend")
    row = team_of(org, CORE)
    assert some(row, "days_reported", "members", "is_suppressed") == (7, 6, True)
    assert numbers_of(row, "scope", "week_start", "team_id", "team_slug", "members", "scope_share_in_teams") == (
        dict.fromkeys(TEAM_NUMBERS)
    )
    assert some(team_of(org, None), "active_people", "scope_share_in_teams") == (5, 0.0)


def test_members_are_known_and_activity_is_not_where_the_report_of_people_is_missing(org: Book) -> None:
    org.fetch(ORG, ENTITY, MONDAY, headline={"daily_active_users": 6})
    org.fetch(ORG, USERS, MONDAY, "failed")
    report_teams(org, MONDAY, {CORE: range(1, 7)})
    # On Tuesday it is the other way round: nobody knows in which team they were.
    report(org, TUESDAY, range(1, 7))
    org.build("weekly.team_trend")
    row = team_of(org, CORE)
    assert some(row, "days_reported", "user_days_reported", "members") == (1, 1, 6)
    assert some(row, *TEAM_NUMBERS, "scope_share_in_teams") == (None,) * (len(TEAM_NUMBERS) + 1)
    assert team_of(org, None)["active_people"] is None


def test_sums_of_teams_go_beyond_32_bits(org: Book) -> None:
    for day in (MONDAY, TUESDAY):
        report(
            org, day, range(1, 6), {CORE: range(1, 6)}, user_initiated_interaction_count=2**31, loc_deleted_sum=2**40
        )
    org.build("weekly.team_trend")
    # Ten rows: 10 * 2^31, 10 * 2^40.
    names = ("user_initiated_interaction_count", "loc_deleted_sum")
    assert some(team_of(org, CORE), *names) == (21_474_836_480, 10_995_116_277_760)


def test_a_person_of_two_organisations_is_in_the_teams_of_each_by_itself(book: Book) -> None:
    """The team's id is the same, as the person's: only the scope tells them apart."""
    book.expect(ORG, LABS, start=MONDAY, today=TODAY)
    report(book, MONDAY, [1, 2], {CORE: [1, 2]}, user_initiated_interaction_count=10)
    report(book, MONDAY, [1], {CORE: [1], WEB: [1]}, scope=LABS, user_initiated_interaction_count=3)
    book.build("weekly.team_trend")
    names = ("members", "active_people", "shared_people", "share_of_active_people", "user_initiated_interaction_count")
    assert some(team_of(book, CORE), *names) == (2, 2, 0, 1.0, 20)
    assert some(team_of(book, CORE, scope=LABS), *names) == (1, 1, 1, 1.0, 3)
    assert some(team_of(book, WEB, scope=LABS), *names) == (1, 1, 1, 1.0, 3)
    assert {row["team_id"] for row in book.rows("from weekly.team_trend where scope = ?", ORG)} == {CORE, None}


def test_days_before_the_start_date_do_not_count_in_teams(book: Book) -> None:
    book.expect(ORG, start=TUESDAY, today=TODAY)
    for day in (MONDAY, TUESDAY):
        report(book, day, range(1, 6), {CORE: range(day.day - 6, 7)}, user_initiated_interaction_count=10)
    book.build("weekly.team_trend")
    # On Tuesday 2 to 6 were in the team and 2 to 5 of them active. Monday had a sixth and five active.
    names = ("days_expected", "members", "active_people", "days_active", "user_initiated_interaction_count")
    assert some(team_of(book, CORE), *names) == (6, 5, 4, 4, 40)


# --- weekly.team_trend: coverage -------------------------------------------------------------------------------------


def test_the_days_of_a_team_are_counted_by_what_became_of_them(book: Book) -> None:
    # Today is the Saturday of the week: Monday to Friday have closed, Wednesday to Friday may still come or change.
    book.expect(ORG, start=MONDAY, today=MONDAY + timedelta(5))
    report(book, MONDAY, range(1, 6), {CORE: range(1, 6), WEB: range(11, 21)})
    report(book, TUESDAY, range(1, 6))
    book.fetch(ORG, TEAMS, TUESDAY, "failed")
    report(book, WEDNESDAY, range(1, 6), {WEB: range(11, 21)})  # core, of five people, is left out
    book.fetch(ORG, TEAMS, THURSDAY, "no_report")
    book.build("weekly.team_trend")
    core, web, none = (team_of(book, team) for team in (CORE, WEB, None))
    assert some(core, *DAY_COUNTS) == (5, 1, 2, 1, 1)
    assert some(web, *DAY_COUNTS) == (5, 2, 2, 0, 1)
    assert some(none, *DAY_COUNTS) == (5, 2, 2, 0, 1)
    assert some(core, "user_days_reported", "is_closed") == (3, False)
    # Core's five on Monday, when it was told of; on Wednesday the same five are in no team of the report.
    assert some(core, "active_people", "days_active") == (5, 5)
    assert some(none, "active_people", "days_active") == (5, 5)


def test_a_team_that_github_leaves_out_below_five_seats_is_a_row_without_numbers(org: Book) -> None:
    report(org, MONDAY, range(1, 6), {CORE: range(1, 6), WEB: range(11, 21)})
    for day in days(NEXT_MONDAY, NEXT_MONDAY + timedelta(6)):
        report(org, day, range(1, 6), {WEB: range(11, 21)})
    org.build("weekly.team_trend")
    row = team_of(org, CORE, NEXT_MONDAY)
    assert some(row, "team_slug", *DAY_COUNTS, "is_suppressed") == ("team-1", 7, 0, 0, 7, 0, True)
    assert some(row, "members", *TEAM_NUMBERS) == (None,) * (len(TEAM_NUMBERS) + 1)
    # Its people are active all the same, in no team that the report knows.
    assert some(team_of(org, None, NEXT_MONDAY), "active_people", "scope_share_in_teams") == (5, 0.0)


def test_a_large_team_that_is_gone_has_no_more_rows(org: Book) -> None:
    report(org, MONDAY, range(1, 6), {CORE: range(1, 11), WEB: range(11, 21)})
    for day in days(NEXT_MONDAY, NEXT_MONDAY + timedelta(6)):
        report(org, day, range(1, 6), {WEB: range(11, 21)})
    org.build("weekly.team_trend")
    rows = org.rows("select team_id from weekly.team_trend where week_start = ? order by team_id", NEXT_MONDAY)
    assert [row["team_id"] for row in rows] == [WEB, None]


def test_a_week_without_any_report_of_teams_is_unknown_not_zero(org: Book) -> None:
    report(org, MONDAY, range(1, 7), {CORE: range(1, 7)})
    for day in days(NEXT_MONDAY, NEXT_MONDAY + timedelta(6)):
        report(org, day, range(1, 7))
        org.fetch(ORG, TEAMS, day, "failed")
    org.build("weekly.team_trend")
    for team in (CORE, None):
        row = team_of(org, team, NEXT_MONDAY)
        assert some(row, *DAY_COUNTS, "user_days_reported", "is_suppressed") == (7, 0, 0, 0, 7, 7, True)
        assert some(row, "members", *TEAM_NUMBERS, "scope_share_in_teams") == (None,) * (len(TEAM_NUMBERS) + 2)


def test_where_the_report_of_teams_is_not_there_there_are_no_teams(book: Book) -> None:
    """It begins on Thursday 2026-05-14: four days of its week, none of the week before."""
    book.expect(ORG, start=date(2026, 5, 4), today=date(2026, 6, 1))
    report(book, date(2026, 5, 5), range(1, 6))
    report(book, date(2026, 5, 15), range(1, 6), {CORE: range(1, 6)})
    book.build("weekly.team_trend")
    rows = book.rows("select week_start, days_expected from weekly.team_trend where team_id is null order by 1 limit 2")
    assert [some(row, "week_start", "days_expected") for row in rows] == [
        (date(2026, 5, 11), 4),
        (date(2026, 5, 18), 7),
    ]


# --- weekly.team_trend: change ---------------------------------------------------------------------------------------


def changes(book: Book, team: int | None = CORE) -> dict[date, int | None]:
    rows = book.rows(
        "select week_start, active_people_change from weekly.team_trend where team_id is not distinct from ?",
        team,
    )
    return {row["week_start"]: row["active_people_change"] for row in rows}


def report_weeks(book: Book, sizes: Iterable[int], *, members: int = 12) -> None:
    """On the Monday of each week so many of the team's people, and five in no team; then days without activity."""
    teams = {CORE: range(1, members + 1)}
    for monday, active in zip(MONDAYS, sizes, strict=False):
        report(book, monday, [*range(1, active + 1), *range(101, 106)], teams)
        for day in days(monday + timedelta(1), monday + timedelta(6)):
            report(book, day, (), teams)


def test_the_change_of_a_team_between_closed_neighbours(book: Book) -> None:
    # On 7 October the week of the 28th is open until its Sunday, the 4th, is three full days past.
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 7))
    report_weeks(book, (6, 9, 5, 8))
    book.build("weekly.team_trend")
    assert changes(book) == dict(zip(MONDAYS, (None, 3, -4, None, None), strict=True))
    assert changes(book, None) == dict(zip(MONDAYS, (None, 0, 0, None, None), strict=True))
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 8))
    report_weeks(book, (6, 9, 5, 8))  # once more, now that nothing of it will change
    for table in ("flat.user_daily", "flat.user_team_daily", "flat.entity_daily"):
        book.connection.execute(f"create or replace table {table} as select distinct * from {table}")
    break_on(book, date(2020, 1, 1), "weekly.team_trend")
    assert changes(book)[MONDAYS[3]] == 3, "closed, and 8 - 5"


def test_no_change_of_a_team_over_a_withheld_week_or_one_without_a_report(book: Book) -> None:
    min_cohort(book, 5)
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 19))
    report_weeks(book, (6, 4, 7))  # four are withheld
    report(book, MONDAYS[4], [*range(1, 8), *range(101, 106)], {CORE: range(1, 13)})
    break_on(book, date(2020, 1, 1), "weekly.team_trend")
    assert changes(book) == dict.fromkeys([*MONDAYS, date(2026, 10, 12)])


@pytest.mark.parametrize(
    ("day", "without"),
    [
        (NEXT_MONDAY, {MONDAYS[1]}),  # a Monday: the week is new, as is the one after
        (NEXT_MONDAY + timedelta(6), {MONDAYS[1], MONDAYS[2]}),  # a Sunday: one week has both meanings
    ],
)
def test_no_change_of_a_team_across_a_series_break(book: Book, day: date, without: set[date]) -> None:
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 9))
    report_weeks(book, (5, 6, 7, 8))
    break_on(book, day, "weekly.team_trend")
    told = {monday for monday, change in changes(book).items() if change is not None}
    assert told == {*MONDAYS[1:4]} - without
    assert team_of(book, CORE, NEXT_MONDAY)["series_break"] == f"{day}: new meaning"


def test_the_change_of_a_team_is_of_the_weekdays_that_both_weeks_told(book: Book) -> None:
    """Of a week that lacks the weekend of people, and of one that lacks a Wednesday of the team."""
    book.expect(ORG, start=MONDAY, today=TODAY)
    min_cohort(book, 1)
    team, web = range(1, 13), {WEB: range(21, 33)}
    for day in days(MONDAY, SUNDAY):
        report(book, day, range(1, 7) if day.isoweekday() < 6 else (), {CORE: team, **web})
    for day in days(MONDAY + timedelta(5), SUNDAY):
        book.connection.execute("delete from raw.fetches where day = ? and report = ?", [day, USERS])
        book.fetch(ORG, USERS, day, "failed")
    for day in days(NEXT_MONDAY, NEXT_MONDAY + timedelta(6)):
        active = {1: [1, 2, 3], 3: [10, 11]}.get(day.isoweekday(), [8, 9] if day.isoweekday() > 5 else [])
        report(book, day, active, {**web, **({} if day.isoweekday() == 3 else {CORE: team})})
    book.report_the_rest(ENTITY)
    book.build("weekly.team_trend")
    row = team_of(book, CORE, NEXT_MONDAY)
    # 1, 2 and 3 on Monday, 8 and 9 at the weekend; on Wednesday nobody knows who was in the team.
    assert some(row, "days_expected", "days_reported", "active_people") == (7, 6, 5)
    # Monday, Tuesday, Thursday and Friday: 3 against 6. Of whole weeks it would be 5 against 6.
    assert some(row, "days_compared", "active_people_change") == (4, -3)
    # In no team were 10 and 11 on the Wednesday, one of the five days told in both weeks.
    assert some(team_of(book, None, NEXT_MONDAY), "active_people", "days_compared") == (2, 5)


def test_no_change_against_the_week_in_the_middle_of_which_a_team_began(org: Book) -> None:
    """On Friday there are twelve people all at once: a new team, of which four days before were not to be expected."""
    for day in days(MONDAY, MONDAY + timedelta(20)):
        is_there = day >= MONDAY + timedelta(4)
        report(
            org,
            day,
            [*range(1, 8), *range(101, 106)],
            {WEB: range(21, 33)} | ({CORE: range(1, 13)} if is_there else {}),
        )
    org.build("weekly.team_trend")
    assert team_of(org, CORE)["days_expected"] == 3
    assert changes(org) == {MONDAY: None, NEXT_MONDAY: None, THIRD_MONDAY: 0, MONDAYS[3]: None}


# --- weekly.team_trend: what is withheld -----------------------------------------------------------------------------


def shown(book: Book, week_start: date = MONDAY) -> set[int | None]:
    """Teams whose people are told; what is withheld is withheld in every column."""
    rows = book.rows("from weekly.team_trend where week_start = ?", week_start)
    for row in rows:
        assert row["is_suppressed"] is (row["active_people"] is None)
        if row["is_suppressed"]:
            assert some(row, *TEAM_NUMBERS) == (None,) * len(TEAM_NUMBERS)
    return {row["team_id"] for row in rows if not row["is_suppressed"]}


def test_a_small_team_is_withheld_and_the_others_are_told_in_round_numbers(org: Book) -> None:
    min_cohort(org, 5)
    # 4, 6 and 8 active people in teams of seven and more, and 7 in none; each added 11 lines.
    teams = {CORE: [*range(1, 5), 91, 92, 93], WEB: [*range(11, 17), 94], OPS: range(21, 29)}
    report(org, MONDAY, [*range(1, 5), *range(11, 17), *range(21, 29), *range(31, 38)], teams, loc_added_sum=11)
    org.build("weekly.team_trend")
    assert shown(org) == {WEB, OPS, None}
    assert [team_of(org, team)["members"] for team in (CORE, WEB)] == [7, 7], "seats are no activity"
    names = ("active_people", "active_share", "share_of_active_people", "days_active", "loc_added_sum")
    # Of 25: six people are told as five, eight of eight as eight; 66, 88 and 77 lines are in tens.
    assert some(team_of(org, WEB), *names) == (5, pytest.approx(5 / 7), 0.2, 5, 70)
    assert some(team_of(org, OPS), *names) == (8, 1.0, 0.4, 10, 90)  # in fives ten: two more than there are
    assert some(team_of(org, None), *names) == (5, None, 0.2, 5, 80)
    assert team_of(org, None)["scope_share_in_teams"] == 0.8  # 18 of 25: 20 of 25


def test_people_who_are_in_two_teams_do_not_follow_from_the_sum(org: Book) -> None:
    min_cohort(org, 5)
    # 8 and 9 of 16: one is in both. As they are, 80 and 92 lines of 160 would be 12 of one person's.
    for person in range(1, 17):
        lines = 12 if person == 8 else 10 if person < 8 else 9 if person < 10 else 10
        report(org, MONDAY, [person], loc_added_sum=lines)
    report_teams(org, MONDAY, {CORE: range(1, 9), WEB: range(8, 17)})
    org.build("weekly.team_trend", "weekly.user_trend")
    names = ("active_people", "shared_people", "days_active", "loc_added_sum")
    assert some(team_of(org, CORE), *names) == (8, None, 10, 80)  # 82 lines, in tens
    assert some(team_of(org, WEB), *names) == (9, None, 10, 90)  # 91 lines


def test_few_people_without_a_team_are_withheld(org: Book) -> None:
    min_cohort(org, 5)
    report(org, MONDAY, [*range(1, 7), *range(11, 20), 31, 32], {CORE: range(1, 7), WEB: range(11, 20)})
    org.build("weekly.team_trend")
    assert shown(org) == {CORE, WEB}
    assert team_of(org, None)["scope_share_in_teams"] == 1.0, "15 of 17: both are 15 in fives"


def test_few_people_in_teams_are_no_share(org: Book) -> None:
    min_cohort(org, 5)
    report(org, MONDAY, range(1, 21), {CORE: [1, 2], WEB: [2, 3]})
    org.build("weekly.team_trend")
    assert team_of(org, None)["scope_share_in_teams"] is None, "three of twenty people"


def test_a_team_of_fewer_members_than_may_be_told_is_without_their_number(org: Book) -> None:
    min_cohort(org, 8)
    report(org, MONDAY, range(1, 31), {CORE: range(1, 8), WEB: range(11, 19)})
    org.build("weekly.team_trend")
    assert [team_of(org, team)["members"] for team in (CORE, WEB)] == [None, 8]


def test_nothing_is_withheld_where_one_person_is_enough(org: Book) -> None:
    report(org, MONDAY, [1, 2, 3], {CORE: [1], WEB: [1, 2]})
    org.build("weekly.team_trend")
    assert shown(org) == {CORE, WEB, None}


# --- people ----------------------------------------------------------------------------------------------------------


def test_the_weeks_of_a_person(book: Book) -> None:
    """Active on two days of the first week, in none of the second, on one of the third; elsewhere in the second."""
    book.expect(ORG, LABS, start=TUESDAY, today=TODAY)
    for day, phase in ((MONDAY, 3), (TUESDAY, 2), (THURSDAY, 1), (SUNDAY, None), (THIRD_MONDAY, 3)):
        report(book, day, [7], ai_adoption_phase_number=phase)  # Monday lies before the start date
    report(book, NEXT_MONDAY, [7], scope=LABS)
    book.build("weekly.team_trend")
    assert book.rows("from people.user_week order by scope desc, week_start") == [
        {
            "scope": scope,
            "user_id": 7,
            "week_start": week_start,
            "days_active": days_active,
            "days_engaged": days_active,
            "weekdays_active": weekdays,
            "first_day": first_day,
            "last_day": last_day,
            "adoption_phase_number": phase,
        }
        for scope, week_start, days_active, weekdays, first_day, last_day, phase in (
            # 2 + 8 + 64: Tuesday, Thursday, Sunday. On Sunday GitHub told no phase: Thursday's is the last.
            (ORG, MONDAY, 3, 74, TUESDAY, SUNDAY, 1),
            (ORG, THIRD_MONDAY, 1, 1, THIRD_MONDAY, THIRD_MONDAY, 3),
            (LABS, NEXT_MONDAY, 1, 1, NEXT_MONDAY, NEXT_MONDAY, None),
        )
    ]
    assert book.rows("from people.first_day order by scope desc") == [
        {"scope": ORG, "user_id": 7, "day": TUESDAY},
        {"scope": LABS, "user_id": 7, "day": NEXT_MONDAY},
    ]


def test_the_teams_of_people(org: Book) -> None:
    report(org, MONDAY, [1, 2], {CORE: [1, 3], WEB: [1]}, user_initiated_interaction_count=4, loc_added_sum=0)
    report(org, TUESDAY, [1], {CORE: [1]}, user_initiated_interaction_count=5)
    report(org, WEDNESDAY, [1, 2], user_initiated_interaction_count=900)  # a day without a report of teams
    org.build("weekly.team_trend")
    told = (
        *("team_id", "team_slug", "user_id", "days_in_team", "days_active", "last_day"),
        *("user_initiated_interaction_count", "loc_added_sum", "loc_deleted_sum"),
    )
    assert [some(row, *told) for row in org.rows("from people.team_week order by team_id nulls last, user_id")] == [
        (CORE, "team-1", 1, 2, 2, TUESDAY, 9, 0, None),  # 4 + 5
        (CORE, "team-1", 3, 1, 0, MONDAY, None, None, None),  # in it, and not active
        (WEB, "team-2", 1, 1, 1, MONDAY, 4, 0, None),
        (None, None, 2, 1, 1, MONDAY, 4, 0, None),
    ]


# --- weekly.cohort_retention -----------------------------------------------------------------------------------------


@pytest.fixture
def cohorts(book: Book) -> Book:
    """Seven people in the first week; then six new ones beside five of them; then six and five."""
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 2))
    report(book, MONDAY, range(1, 8))
    report(book, NEXT_MONDAY, [*range(1, 6), *range(11, 17)])
    report(book, NEXT_MONDAY + timedelta(1), [1, 11])  # the same people once more
    report(book, THIRD_MONDAY, [*range(2, 8), *range(11, 16)])
    return book


def test_cohorts_week_by_week(cohorts: Book) -> None:
    cohorts.report_the_rest()
    cohorts.build("weekly.cohort_retention")
    first = cohort_of(cohorts, MONDAY, THIRD_MONDAY)
    assert first == {
        "scope": ORG,
        "cohort_week": MONDAY,
        "week_start": THIRD_MONDAY,
        "weeks_since": 2,
        "may_have_begun_before": True,
        **dict(zip(DAY_COUNTS, (7, 7, 0, 0, 0), strict=True)),
        "is_closed": True,
        "series_break": None,
        "is_suppressed": False,
        "cohort_people": 7,
        "active_people": 6,  # 2 to 7
        "retention": pytest.approx(6 / 7),
    }
    names = ("weeks_since", "cohort_people", "active_people", "retention")
    assert some(cohort_of(cohorts, MONDAY, MONDAY), *names) == (0, 7, 7, 1.0)
    assert some(cohort_of(cohorts, MONDAY, NEXT_MONDAY), *names) == (1, 7, 5, pytest.approx(5 / 7))
    assert some(cohort_of(cohorts, NEXT_MONDAY, NEXT_MONDAY), *names) == (0, 6, 6, 1.0)
    assert some(cohort_of(cohorts, NEXT_MONDAY, THIRD_MONDAY), *names) == (1, 6, 5, pytest.approx(5 / 6))
    # On 2 October Monday to Thursday of the fourth week have closed; GitHub may still revise them.
    open_week = cohort_of(cohorts, MONDAY, MONDAYS[3])
    assert some(open_week, "days_expected", "days_reported", "is_closed", "is_suppressed") == (4, 4, False, True)
    assert some(open_week, "cohort_people", "active_people", "retention") == (7, None, None)
    assert {(row["cohort_week"], row["week_start"]) for row in cohorts.rows("from weekly.cohort_retention")} == {
        *((MONDAY, monday) for monday in MONDAYS[:4]),
        *((NEXT_MONDAY, monday) for monday in MONDAYS[1:4]),
    }
    assert_own_assertions_hold(cohorts, "cohort_retention")


def test_cohorts_of_a_month_are_of_those_first_seen_in_it_and_told_after_it(book: Book) -> None:
    """Three a week are never told by the week; the six of September, rounded to 5, are, from 5 October on."""
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 30))
    min_cohort(book, 5)
    report(book, MONDAY, [1, 2, 3])
    report(book, date(2026, 9, 30), [4, 5, 6])  # a Wednesday: its week goes on into October
    report(book, date(2026, 10, 1), [7, 8, 9])  # and so do these, who are October's
    report(book, date(2026, 10, 5), [*range(1, 7), 7])
    report(book, date(2026, 10, 12), [1, 2, 7, 8, 9])
    book.report_the_rest(ENTITY, USERS)
    book.build("weekly.monthly_cohort_retention", "weekly.cohort_retention")
    assert {row["cohort_people"] for row in book.rows("from weekly.cohort_retention")} == {None, 5}
    rows = book.rows("from weekly.monthly_cohort_retention order by cohort_month, week_start")
    names = (
        "cohort_month",
        "week_start",
        "weeks_since",
        "is_suppressed",
        "cohort_people",
        "active_people",
        "retention",
    )
    september = date(2026, 9, 1)
    assert [some(row, *names) for row in rows] == [
        (september, date(2026, 10, 5), 0, False, 5, 5, 1.0),  # six of six
        (september, date(2026, 10, 12), 1, True, 5, None, None),  # two
        (september, date(2026, 10, 19), 2, True, 5, None, None),
        (september, date(2026, 10, 26), 3, True, 5, None, None),
    ]
    assert {row["may_have_begun_before"] for row in rows} == {True}
    assert_own_assertions_hold(book, "monthly_cohort_retention")


def test_the_cohorts_of_a_week_add_up_to_its_active_people(cohorts: Book) -> None:
    cohorts.build("weekly.cohort_retention", "weekly.user_trend")
    sums = cohorts.rows("select week_start, sum(active_people) as n from weekly.cohort_retention group by 1 order by 1")
    assert [row["n"] for row in sums] == [7, 11, 11, None]  # 7; 5 + 6; 6 + 5
    assert [week_of(cohorts, monday)["active_people"] for monday in MONDAYS[:3]] == [7, 11, 11]


def test_a_small_cohort_is_withheld_and_the_others_are_told_in_round_numbers(book: Book) -> None:
    min_cohort(book, 5)
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 2))
    report(book, MONDAY, range(1, 10))
    report(book, NEXT_MONDAY, [*range(1, 10), *range(11, 18)])
    report(book, THIRD_MONDAY, [*range(1, 7), *range(11, 18), *range(21, 24)])  # three new ones
    book.build("weekly.cohort_retention")
    third = {
        row["cohort_week"]: some(row, "is_suppressed", "cohort_people", "active_people", "retention")
        for row in book.rows("from weekly.cohort_retention where week_start = ?", THIRD_MONDAY)
    }
    assert third == {
        MONDAY: (False, 10, 5, 0.5),  # six of nine
        NEXT_MONDAY: (False, 5, 5, 1.0),  # seven of seven
        THIRD_MONDAY: (True, None, None, None),
    }


def test_a_cohort_without_a_report_is_unknown_and_one_that_stayed_away_is_withheld(book: Book) -> None:
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 2))
    report(book, MONDAY, range(1, 6))
    for day in days(NEXT_MONDAY, NEXT_MONDAY + timedelta(6)):
        book.fetch(ORG, ENTITY, day)  # the scope is told of, its people are not
        book.fetch(ORG, USERS, day, "failed")
    report(book, THIRD_MONDAY, range(11, 16))
    book.build("weekly.cohort_retention")
    names = ("days_reported", "days_missing", "is_suppressed", "active_people", "retention")
    assert some(cohort_of(book, MONDAY, NEXT_MONDAY), *names) == (0, 7, True, None, None)
    assert some(cohort_of(book, MONDAY, THIRD_MONDAY), *names) == (1, 6, True, None, None)


def test_in_the_first_four_weeks_of_a_scopes_history_people_may_have_begun_before(book: Book) -> None:
    book.expect(ORG, LABS, start=MONDAY, today=date(2026, 10, 20))
    for n, monday in enumerate(MONDAYS):
        report(book, monday, [*range(1, 6), *range(10 * n, 10 * n + 6)])
    for day in days(MONDAY, MONDAYS[4] - timedelta(1)):
        for name in (ENTITY, USERS):
            book.fetch(LABS, name, day, "no_report")
    report(book, MONDAYS[4], range(1, 6), scope=LABS)  # its first
    book.report_the_rest(ENTITY, USERS)
    book.build("weekly.cohort_retention", "weekly.user_trend")
    query = "from weekly.cohort_retention where scope = ?"
    found = {row["cohort_week"]: row["may_have_begun_before"] for row in book.rows(query, ORG)}
    assert found == dict(zip(MONDAYS, (True, True, True, True, False), strict=True))
    assert {row["may_have_begun_before"] for row in book.rows(query, LABS)} == {True}
    # And so it is with those who are told as new: 16 in the second week who may all have been there for years.
    assert [week_of(book, monday)["may_have_begun_before"] for monday in MONDAYS] == [True, True, True, True, False]


def test_people_first_seen_within_four_weeks_of_a_hole_may_have_begun_in_it(book: Book) -> None:
    mondays = [MONDAY + timedelta(7 * n) for n in range(10)]
    hole = mondays[4] + timedelta(2)  # a Wednesday
    book.expect(ORG, start=MONDAY, today=date(2026, 12, 1))
    for n, monday in enumerate(mondays):
        report(book, monday, [*range(1, 6), *range(10 * n, 10 * n + 6)])
    for name in (ENTITY, USERS):
        book.fetch(ORG, name, hole, "forbidden")
    book.report_the_rest(ENTITY, USERS)
    book.build("weekly.cohort_retention", "weekly.user_trend")
    after = [mondays[n] for n in range(4, 10)]
    told = [False, True, True, True, True, False]  # the week of the hole itself comes after four whole ones
    rows = book.rows("from weekly.cohort_retention where cohort_week = week_start and week_start >= ?", after[0])
    assert [row["may_have_begun_before"] for row in rows] == told
    assert [week_of(book, monday)["may_have_begun_before"] for monday in after] == told
    assert [week_of(book, monday)["new_people"] for monday in after] == [None, None, 6, 6, 6, 6]


def test_a_person_is_first_seen_by_each_organisation_for_itself_and_not_before_the_start_date(book: Book) -> None:
    book.expect(ORG, LABS, start=TUESDAY, today=TODAY)
    report(book, MONDAY, [1, 2])  # before the start date
    report(book, TUESDAY, [1])
    report(book, NEXT_MONDAY, [1, 2])
    report(book, NEXT_MONDAY, [1], scope=LABS)
    book.build("weekly.cohort_retention")
    rows = book.rows("from weekly.cohort_retention where week_start = ? order by scope desc, cohort_week", NEXT_MONDAY)
    assert [some(row, "scope", "cohort_week", "cohort_people", "active_people", "days_reported") for row in rows] == [
        (ORG, MONDAY, 1, 1, 1),
        (ORG, NEXT_MONDAY, 1, 1, 1),
        (LABS, NEXT_MONDAY, 1, 1, 1),
    ]


def test_a_break_within_a_week_is_told_beside_its_cohorts(cohorts: Book) -> None:
    break_on(cohorts, NEXT_MONDAY + timedelta(2), "weekly.cohort_retention")
    told = {row["week_start"]: row["series_break"] for row in cohorts.rows("from weekly.cohort_retention")}
    assert told == dict.fromkeys(MONDAYS[:4]) | {NEXT_MONDAY: "2026-09-16: new meaning"}


# --- weekly.adoption_phase_trend -------------------------------------------------------------------------------------


def report_phase(
    book: Book, day: date, number: int, people: Iterable[int], *, scope: str = ORG, **told: float | None
) -> None:
    """A phase as the report about the scope tells it, and the people whom the report of people has in it."""
    with transaction(book.connection):
        counters = ("user_initiated_interaction", "code_generation_activity", "code_acceptance_activity")
        some_of_each = dict.fromkeys([*(f"{name}_count" for name in counters), "loc_added_sum"], 1)
        insert_people(
            book, "flat.user_daily", people, scope=scope, day=day, ai_adoption_phase_number=number, **some_of_each
        )
        name = f"Phase {number}" if number else "No Cohort"
        book.insert("flat.entity_adoption_phase_daily", scope=scope, day=day, phase_number=number, phase=name, **told)


def test_a_week_of_a_phase_weighs_githubs_averages_by_its_people(org: Book) -> None:
    for day in days(MONDAY, SUNDAY):
        report(org, day)
    report_phase(
        org,
        MONDAY,
        1,
        range(1, 7),
        total_engaged_users=6,
        users_in_phase_28d=9,
        avg_user_initiated_interactions=10.0,
        avg_code_generation_activities=5.0,
        avg_code_acceptance_activities=2.0,
        avg_loc_added=3.5,
        total_pull_requests_merged=4,
    )
    report_phase(
        org,
        TUESDAY,
        1,
        range(1, 3),
        total_engaged_users=2,
        avg_user_initiated_interactions=4.0,
        avg_code_acceptance_activities=1.0,
        avg_loc_added=0.0,
        avg_pull_requests_created=0.5,
        total_pull_requests_merged=0,
    )
    report_phase(
        org, MONDAY, 0, range(11, 16), total_engaged_users=5, users_in_phase_28d=8, avg_user_initiated_interactions=0.0
    )
    org.build("weekly.adoption_phase_trend")
    common = {
        "scope": ORG,
        "week_start": MONDAY,
        **dict(zip(DAY_COUNTS, (7, 7, 0, 0, 0), strict=True)),
        "user_days_reported": 7,
        "is_closed": True,
        "series_break": None,
        "is_suppressed": False,
        "days_compared": None,
        "active_people_change": None,
    }
    assert phase_of(org, 1) == common | {
        "phase_number": 1,
        "phase": "Phase 1",
        "active_people": 6,
        "last_day_reported": TUESDAY,
        "users_in_phase_28d": 9,  # Monday's: on Tuesday GitHub told none
        "days_active": 8,  # 6 + 2
        "interactions_per_active_day": 8.5,  # (6 * 10 + 2 * 4) / 8; the mean of the days would be 7
        "generations_per_active_day": None,  # Tuesday does not tell it
        "acceptances_per_active_day": 1.75,  # (6 * 2 + 2 * 1) / 8
        "loc_added_per_active_day": 2.625,  # 6 * 3.5 / 8
        "pull_requests_created_per_active_day": None,  # nor Monday these
        "total_pull_requests_merged": 4,
    }
    assert phase_of(org, 0) == common | {
        "phase_number": 0,
        "phase": "No Cohort",
        "active_people": 5,
        "last_day_reported": MONDAY,
        "users_in_phase_28d": 8,
        "days_active": 5,
        "interactions_per_active_day": 0.0,
        "generations_per_active_day": None,
        "acceptances_per_active_day": None,
        "loc_added_per_active_day": None,
        "pull_requests_created_per_active_day": None,
        "total_pull_requests_merged": None,
    }
    assert_own_assertions_hold(org, "adoption_phase_trend")


def test_who_changes_phase_counts_in_both_and_once_in_each(org: Book) -> None:
    report_phase(org, MONDAY, 1, range(1, 7), total_engaged_users=6, users_in_phase_28d=20)
    report_phase(org, TUESDAY, 1, range(1, 6), total_engaged_users=5, users_in_phase_28d=18)
    report_phase(org, TUESDAY, 2, range(6, 11), total_engaged_users=5, users_in_phase_28d=6)
    report_phase(org, WEDNESDAY, 1, (), total_engaged_users=0, users_in_phase_28d=19)
    org.build("weekly.adoption_phase_trend")
    names = ("active_people", "days_active", "users_in_phase_28d", "last_day_reported")
    assert some(phase_of(org, 1), *names) == (6, 11, 19, WEDNESDAY)  # the newest 28 days, no sum and no extreme
    assert some(phase_of(org, 2), *names) == (5, 5, 6, TUESDAY)


@pytest.mark.parametrize(("few", "told"), [(2, {1, 2}), (5, {1, 2}), (6, {1, 2, 3}), (0, {1, 2})])
def test_a_small_phase_is_withheld(org: Book, few: int, told: set[int]) -> None:
    """Of nobody in the report of people, GitHub tells two engaged all the same: nobody knows who they are."""
    min_cohort(org, 5)
    for number, people in ((1, range(1, 7)), (2, range(11, 18)), (3, range(21, 21 + few))):
        report_phase(
            org,
            MONDAY,
            number,
            people,
            total_engaged_users=len(people) or 2,
            users_in_phase_28d=30,
            total_pull_requests_merged=3,
            **dict.fromkeys(
                (
                    "avg_user_initiated_interactions",
                    "avg_code_generation_activities",
                    "avg_code_acceptance_activities",
                    "avg_loc_added",
                    "avg_pull_requests_created",
                ),
                1.5,
            ),
        )
    org.build("weekly.adoption_phase_trend")
    rows = org.rows("from weekly.adoption_phase_trend")
    assert {row["phase_number"] for row in rows if not row["is_suppressed"]} == told
    for row in rows:
        numbers = numbers_of(row, "scope", "week_start", "phase_number", "phase", "last_day_reported")
        del numbers["active_people_change"], numbers["days_compared"]
        assert {value is None for value in numbers.values()} == {row["is_suppressed"]}, row


def test_a_week_without_a_report_has_no_phases(org: Book) -> None:
    report_phase(org, MONDAY, 1, range(1, 6), total_engaged_users=5)
    org.build("weekly.adoption_phase_trend")
    assert [row["week_start"] for row in org.rows("from weekly.adoption_phase_trend")] == [MONDAY]


def test_the_days_of_a_phase_are_those_of_the_scope(book: Book) -> None:
    book.expect(ORG, start=TUESDAY, today=MONDAY + timedelta(5))
    report(book, TUESDAY)
    book.fetch(ORG, ENTITY, WEDNESDAY, "failed")
    report_phase(book, MONDAY, 1, range(1, 7), total_engaged_users=6)  # before the start date
    report_phase(book, TUESDAY, 1, range(1, 6), total_engaged_users=5)
    book.build("weekly.adoption_phase_trend")
    row = phase_of(book, 1)
    # Tuesday to Friday have closed: told, failed, and two to come.
    assert some(row, *DAY_COUNTS, "user_days_reported", "is_closed") == (4, 1, 2, 0, 1, 1, False)
    assert some(row, "active_people", "days_active") == (5, 5)


def test_phases_of_two_organisations_do_not_mix_and_go_beyond_32_bits(book: Book) -> None:
    book.expect(ORG, LABS, start=MONDAY, today=TODAY)
    report_phase(book, MONDAY, 1, range(1, 6), total_engaged_users=2**32, total_pull_requests_merged=2**40)
    report_phase(book, TUESDAY, 1, range(1, 6), total_engaged_users=2**32, total_pull_requests_merged=2**40)
    report_phase(book, MONDAY, 1, range(1, 8), scope=LABS, total_engaged_users=7, total_pull_requests_merged=1)
    book.build("weekly.adoption_phase_trend")
    names = ("active_people", "days_active", "total_pull_requests_merged")
    assert some(phase_of(book, 1), *names) == (5, 8_589_934_592, 2_199_023_255_552)  # 2^33, 2^41
    assert some(phase_of(book, 1, scope=LABS), *names) == (7, 7, 1)


def phase_changes(book: Book) -> list[int | None]:
    rows = book.rows("select active_people_change from weekly.adoption_phase_trend order by week_start")
    return [row["active_people_change"] for row in rows]


def test_the_change_of_a_phase(book: Book) -> None:
    book.expect(ORG, start=MONDAY, today=TODAY)  # the fourth week is open
    for monday, people in zip(MONDAYS, (5, 8, 6, 7), strict=False):
        report_phase(book, monday, 1, range(people), total_engaged_users=people)
    book.report_the_rest()
    book.build("weekly.adoption_phase_trend")
    assert phase_changes(book) == [None, 3, -2, None]
    break_on(book, NEXT_MONDAY, "weekly.adoption_phase_trend")
    assert phase_changes(book) == [None, None, -2, None]


def test_no_change_against_the_three_days_with_which_phases_began(book: Book) -> None:
    """GitHub tells them from Friday 2026-05-29 on; the scope was reported on all seven days of that week."""
    book.expect(ORG, start=date(2026, 5, 18), today=date(2026, 6, 30))
    for day, people in ((date(2026, 5, 29), 5), (date(2026, 6, 1), 8), (date(2026, 6, 8), 9)):
        report_phase(book, day, 1, range(people), total_engaged_users=people)
    book.report_the_rest()
    book.build("weekly.adoption_phase_trend")
    assert phase_changes(book) == [None, None, 1]


# --- weekly.user_trend: who is new, back or gone ---------------------------------------------------------------------


def comings(book: Book, mondays: Iterable[date] = MONDAYS[:3]) -> list[tuple[object, ...]]:
    """New, returning and lapsed people, week by week."""
    return [some(week_of(book, monday), *COMINGS) for monday in mondays]


def test_who_is_new_back_and_gone(org: Book) -> None:
    for monday, people in zip(MONDAYS, ([1, 2, 3], [1, 4], [1, 2, 5]), strict=False):
        report(org, monday, people)
        report(org, monday + timedelta(3), people)  # on a second day nobody counts again
    org.report_the_rest()
    org.build("weekly.user_trend")
    assert comings(org) == [
        (None, None, None),  # the first week: nobody knows who was there before
        (1, 0, 2),  # 4 is new; 2 and 3 stayed away
        (1, 1, 1),  # 5 is new, 2 is back, 4 stayed away
    ]
    # New and back less gone is the change: 2 - 3 = 1 + 0 - 2, 3 - 2 = 1 + 1 - 1.
    assert [week_of(org, monday)["active_people_change"] for monday in MONDAYS[1:3]] == [-1, 1]
    assert_own_assertions_hold(org, "user_trend")


def test_over_a_week_without_reports_nobody_is_new_back_or_gone(book: Book) -> None:
    book.expect(ORG, start=MONDAY, today=date(2026, 10, 20))
    for day in days(NEXT_MONDAY, NEXT_MONDAY + timedelta(6)):
        book.fetch(ORG, ENTITY, day, "no_report")
        book.fetch(ORG, USERS, day, "no_report")
    for monday, people in zip((MONDAY, *MONDAYS[2:4]), ([1, 2], [1, 3], [2, 3, 4]), strict=True):
        report(book, monday, people)
    book.report_the_rest()
    book.build("weekly.user_trend")
    assert comings(book, MONDAYS[:4]) == [
        (None, None, None),
        (None, None, None),  # no report
        (None, None, None),  # nothing is known of the week before
        (1, 1, 1),  # 4 is new, 2 is back after two weeks, 1 stayed away
    ]


def test_a_week_in_which_nobody_was_active_has_zeros_and_everybody_is_gone(org: Book) -> None:
    report(org, MONDAY, [1, 2])
    report(org, NEXT_MONDAY, [])
    report(org, THIRD_MONDAY, [1])
    org.report_the_rest()
    org.build("weekly.user_trend")
    assert comings(org) == [(None, None, None), (0, 0, 2), (0, 1, 0)]
    assert some(week_of(org, NEXT_MONDAY), "active_people", "people_active_1_day") == (0, 0)


def test_after_a_week_in_which_nobody_was_active_everybody_is_new(org: Book) -> None:
    for monday, people in zip(MONDAYS, ([], [], [1, 2]), strict=False):
        report(org, monday, people)
    org.report_the_rest()
    org.build("weekly.user_trend")
    assert comings(org) == [(None, None, None), (0, 0, 0), (2, 0, 0)]


def test_who_is_new_cannot_be_told_of_a_week_that_is_open_or_follows_one_that_is_cut(book: Book) -> None:
    # From Tuesday on: the first week has six days. On 24 September that of the 14th has closed, that of the 21st not.
    book.expect(ORG, start=TUESDAY, today=date(2026, 9, 24))
    for day, people in ((TUESDAY, [1]), (NEXT_MONDAY, [1, 2]), (THIRD_MONDAY, [1, 3])):
        report(book, day, people)
    book.report_the_rest()
    book.build("weekly.user_trend")
    assert comings(book) == [(None, None, None)] * 3
    book.expect(ORG, start=TUESDAY, today=TODAY)
    for day in days(NEXT_MONDAY, THIRD_MONDAY + timedelta(6)):  # once more, now that nothing of it will change
        for name in (ENTITY, USERS):
            book.fetch(ORG, name, day)
    book.build("weekly.user_trend")
    assert comings(book) == [(None, None, None), (None, None, None), (1, 0, 1)]


@pytest.mark.parametrize(
    ("day", "told"), [(NEXT_MONDAY, [THIRD_MONDAY]), (NEXT_MONDAY + timedelta(1), []), (MONDAY, MONDAYS[1:3])]
)
def test_who_was_not_counted_before_is_not_new(org: Book, day: date, told: list[date]) -> None:
    """Since 2026-06-15 GitHub counts people whom it did not before; they did not come that week."""
    for monday in MONDAYS[:3]:
        report(org, monday, [1, monday.day])
    org.report_the_rest()
    break_on(org, day, "weekly.user_trend")
    assert [monday for monday in MONDAYS[:3] if week_of(org, monday)["new_people"] is not None] == told
    for monday in MONDAYS[:3]:
        assert len({value is None for value in some(week_of(org, monday), *COMINGS, "active_people_change")}) == 1


def test_who_is_new_in_one_organisation_may_be_known_in_another(book: Book) -> None:
    book.expect(ORG, LABS, start=MONDAY, today=TODAY)
    report(book, MONDAY, [1, 9])
    report(book, MONDAY, [2], scope=LABS)
    report(book, NEXT_MONDAY, [1])
    report(book, NEXT_MONDAY, [2, 9], scope=LABS)
    for scope in (ORG, LABS):
        report(book, THIRD_MONDAY, [1, 2, 9], scope=scope)
    book.report_the_rest()
    book.build("weekly.user_trend")
    assert some(week_of(book, NEXT_MONDAY), *COMINGS) == (0, 0, 1)  # 9 has gone, to the other one
    assert some(week_of(book, NEXT_MONDAY, LABS), *COMINGS) == (1, 0, 0)
    assert some(week_of(book, THIRD_MONDAY), *COMINGS) == (1, 1, 0)  # 2 is new, 9 is back
    assert some(week_of(book, THIRD_MONDAY, LABS), *COMINGS) == (1, 0, 0)  # 1 is new


def test_people_with_an_action_of_their_own_are_told_beside_those_of_a_passive_review_alone(org: Book) -> None:
    """13 people: six did something, on one day at least; seven were in the report for a passive review alone."""
    report(org, MONDAY, range(1, 7), user_initiated_interaction_count=1, used_copilot_code_review_passive=True)
    report(org, TUESDAY, range(1, 14), user_initiated_interaction_count=0, used_copilot_code_review_passive=True)
    org.build("weekly.user_trend")
    row = week_of(org)
    assert (row["active_people"], row["engaged_people"], row["passive_people"]) == (13, 6, 7)
    min_cohort(org, 5)
    org.build("weekly.user_trend")
    row = week_of(org)
    # The seven are what is left of 13 by the six as they are told: more of them would tell how many the others are.
    assert (row["active_people"], row["engaged_people"], row["passive_people"]) == (13, 5, 8)


@pytest.mark.parametrize(("left", "told"), [(4, None), (5, None), (6, 5)])
def test_what_a_total_leaves_over_is_never_the_most_that_is_withheld(org: Book, left: int, told: int | None) -> None:
    """16 people, and fewer a week later, nobody new or back: that so many are gone follows, and may be five."""
    min_cohort(org, 5)
    for monday, people in ((MONDAY, 16), (NEXT_MONDAY, 16 - left)):
        for day in days(monday, monday + timedelta(6)):
            report(org, day, range(people))
    org.build("weekly.user_trend")
    assert some(week_of(org, NEXT_MONDAY), "active_people", *COMINGS) == (16 - left, None, None, told)


def test_of_groups_that_make_up_all_of_the_people_none_is_told_as_nobody(org: Book) -> None:
    """With nobody new or back, those who stayed away would be what is missing of the week before: 1 of 12."""
    min_cohort(org, 5)
    for monday, people in ((MONDAY, range(12)), (NEXT_MONDAY, range(11))):
        for day in days(monday, monday + timedelta(6)):
            report(org, day, people, user_initiated_interaction_count=1)
    org.build("weekly.user_trend")
    row = week_of(org, NEXT_MONDAY)
    assert (row["active_people"], row["active_people_change"]) == (11, -1)
    assert some(row, *COMINGS, "passive_people", "people_active_1_day") == (None,) * 5
    min_cohort(org, 1)
    org.build("weekly.user_trend")
    assert some(week_of(org, NEXT_MONDAY), *COMINGS, "passive_people", "people_active_1_day") == (0, 0, 1, 0, 0)


def test_a_group_is_never_told_as_more_people_than_all_of_them(org: Book) -> None:
    min_cohort(org, 5)
    for monday in MONDAYS[:2]:
        for day in days(monday, monday + timedelta(6)):
            everybody = range(13) if monday == NEXT_MONDAY else range(100, 113)
            report(org, day, everybody, {CORE: everybody}, user_initiated_interaction_count=1)
    org.build("weekly.user_trend", "weekly.team_trend")
    row = week_of(org, NEXT_MONDAY)  # 13 people, to the nearest multiple of 5: 15
    groups = ("active_people", "engaged_people", "new_people", "people_active_5_or_more_days")
    assert [row[name] for name in groups] == [13] * 4
    team = team_of(org, CORE, NEXT_MONDAY)
    assert (team["members"], team["active_people"], team["active_share"]) == (13, 13, 1)


def test_people_by_the_days_on_which_they_were_active(org: Book) -> None:
    # Person n is active on the first n days of the week: on the first all seven, on the seventh one.
    for n, day in enumerate(days(MONDAY, SUNDAY)):
        report(org, day, range(n + 1, 8))
    org.build("weekly.user_trend")
    names = [f"people_active_{n}" for n in ("1_day", "2_days", "3_days", "4_days", "5_or_more_days")]
    assert some(week_of(org), "active_people", *names) == (7, 1, 1, 1, 1, 3)
    assert some(week_of(org, NEXT_MONDAY), "active_people", *names) == (None,) * 6  # no report


# --- weekly.user_trend: 7 and 28 days beside GitHub's own ------------------------------------------------------------

TRAILING = ("last_day_reported", "user_days_reported_28_days", "people_7_days", "people_28_days")


def test_the_turn_of_a_window_of_28_and_of_7_days(book: Book) -> None:
    ends = {ORG: SUNDAY, LABS: THURSDAY, "org:octo-third": MONDAY}
    book.expect(*ends, start=date(2026, 8, 1), today=TODAY)
    for scope, last in ends.items():
        for person, before in enumerate((28, 27, 7, 6, 0), 1):  # day 29, 28, 8, 7 and 1, counted back from the last
            report(book, last - timedelta(before), [person], scope=scope)
    book.build("weekly.user_trend")
    for scope, last in ends.items():
        # 2 to 5 are within 28 days, 4 and 5 within 7; four of the five days of reports are.
        assert some(week_of(book, scope=scope), *TRAILING) == (last, 4, 2, 4)


def test_the_same_person_on_many_days_counts_once(org: Book) -> None:
    for day in days(MONDAY, MONDAY + timedelta(13)):
        report(org, day, [1, 2])
    org.build("weekly.user_trend")
    assert some(week_of(org), *TRAILING) == (SUNDAY, 7, 2, 2)
    assert some(week_of(org, NEXT_MONDAY), *TRAILING) == (NEXT_MONDAY + timedelta(6), 14, 2, 2)


def test_githubs_own_numbers_are_those_of_the_last_day_or_unknown(org: Book) -> None:
    report(org, MONDAY, [1, 2, 3, 4], used_chat=True, used_agent=False)
    report(org, TUESDAY, [3, 5], used_chat=False, used_agent=True)
    report(org, NEXT_MONDAY, [6], used_chat=False, used_agent=False)
    for column, monday, tuesday in (
        ("weekly_active_users", 43, 41),
        ("monthly_active_users", 50, 52),
        ("monthly_active_chat_users", 30, None),
        ("monthly_active_agent_users", 20, 0),
    ):
        for day, value in ((MONDAY, monday), (TUESDAY, tuesday)):
            org.connection.execute(f"update flat.entity_daily set {column} = ? where day = ?", [value, day])
    org.build("weekly.user_trend")
    names = (
        *("people_7_days", "weekly_active_users", "people_28_days", "monthly_active_users"),
        *("chat_people_28_days", "monthly_active_chat_users", "agent_people_28_days", "monthly_active_agent_users"),
    )
    # Chat: 1 to 4, on one day of 3 alone; agent: 3 and 5. On Tuesday GitHub told no chat users.
    assert some(week_of(org), *names) == (5, 41, 5, 52, 4, None, 2, 0)
    # The seven days to Monday the 14th have 3, 5 and 6, the 28 days all of them; GitHub told nothing that day.
    assert some(week_of(org, NEXT_MONDAY), *names) == (3, None, 6, None, 4, None, 2, None)


def test_the_days_of_people_may_be_fewer_than_those_of_the_scope(org: Book) -> None:
    report(org, MONDAY, [1, 2])
    # A week later the scope alone is reported: nobody knows who was active on these seven days.
    org.fetch(ORG, ENTITY, NEXT_MONDAY, headline={"daily_active_users": 9})
    org.insert("flat.entity_daily", scope=ORG, day=NEXT_MONDAY, daily_active_users=9, weekly_active_users=9)
    org.build("weekly.user_trend")
    # Monday the 14th looks back on the 8th to the 14th, and on 28 days with the 7th in them.
    assert some(week_of(org, NEXT_MONDAY), *TRAILING) == (NEXT_MONDAY, 1, None, 2)
    assert some(week_of(org, THIRD_MONDAY), *TRAILING) == (None, None, None, None)


def test_without_any_report_of_people_their_days_are_none_and_their_number_is_unknown(org: Book) -> None:
    org.fetch(ORG, ENTITY, MONDAY, headline={"daily_active_users": 9})
    org.insert("flat.entity_daily", scope=ORG, day=MONDAY, daily_active_users=9)
    org.build("weekly.user_trend")
    row = week_of(org)
    assert some(row, *TRAILING) == (MONDAY, 0, None, None)
    assert some(row, "chat_people_28_days", "agent_people_28_days") == (None, None)


def test_a_reported_day_without_people_is_a_real_zero_of_28_days(org: Book) -> None:
    report(org, MONDAY, [])
    org.build("weekly.user_trend")
    names = ("chat_people_28_days", "agent_people_28_days")
    assert some(week_of(org), *TRAILING, *names) == (MONDAY, 1, 0, 0, 0, 0)


def test_flags_that_the_reports_have_of_nobody_are_unknown(org: Book) -> None:
    org.fetch(ORG, ENTITY, MONDAY, headline={"daily_active_users": 2})
    org.fetch(ORG, USERS, MONDAY)
    org.insert("flat.entity_daily", scope=ORG, day=MONDAY, daily_active_users=2)
    org.insert("flat.user_daily", scope=ORG, day=MONDAY, user_id=1, used_agent=False)
    org.insert("flat.user_daily", scope=ORG, day=MONDAY, user_id=2)
    org.build("weekly.user_trend")
    assert some(week_of(org), "people_28_days", "chat_people_28_days", "agent_people_28_days") == (2, None, 0)


def test_windows_of_28_days_begin_with_the_history_and_end_with_the_scope(book: Book) -> None:
    book.expect(ORG, LABS, start=MONDAY, today=TODAY)
    report(book, MONDAY - timedelta(1), [1])  # before the start date
    report(book, MONDAY, [2])
    report(book, MONDAY, [3, 4, 5], scope=LABS)
    report(book, TUESDAY, [6], scope=LABS)
    book.fetch(LABS, USERS, WEDNESDAY)
    insert_people(book, "flat.user_daily", [7], scope=LABS, day=WEDNESDAY)  # of this day the scope is not told
    book.build("weekly.user_trend")
    assert some(week_of(book), *TRAILING) == (MONDAY, 1, 1, 1)
    assert some(week_of(book, scope=LABS), *TRAILING) == (TUESDAY, 2, 4, 4)
