"""The weekly tables by feature, IDE, language, model and bill, and what they withhold, on a handful of rows.

Every expected number is worked out beside it, by hand. Here belong also the rules of people.weekly_part; who withholds
teams, phases and cohorts by them is tested beside those tables. Tests that are not about those rules tell everything.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from copilot_assets.warehouse.tables import transaction
from tests.dbt_like_sql.conftest import Book, Row, days

ORG, OTHER_ORG, ENTERPRISE = "org:octo-org", "org:octo-labs", "enterprise:octo-corp"
ORG_REPORT, USERS, CREDITS = "organization-1-day", "users-1-day", "ai-credit-usage"
CHAT, COMPLETION = "chat_panel_ask_mode", "code_completion"

# Three ISO weeks without a series break.
MONDAY, NEXT_MONDAY, THIRD_MONDAY = date(2026, 9, 7), date(2026, 9, 14), date(2026, 9, 21)
SUNDAY = date(2026, 9, 13)
TODAY = date(2026, 10, 1)

BREAKDOWNS = ("feature", "ide", "language", "model")
# Prompts are not told by language.
WITH_PROMPTS = ("feature", "ide", "model")
FLAT = {"feature": "feature", "ide": "ide", "language": "language_feature", "model": "model_feature"}
MEASURES = (
    *("user_initiated_interaction_count", "code_generation_activity_count", "code_acceptance_activity_count"),
    *("loc_suggested_to_add_sum", "loc_added_sum", "loc_deleted_sum"),
)
PARTS = tuple(f"weekly.{breakdown}_trend" for breakdown in BREAKDOWNS)
DAY_COUNTS = ("days_expected", "days_reported", "days_pending", "days_below_threshold", "days_missing")
COVERAGE = (*DAY_COUNTS, "user_days_reported", "is_closed", "series_break")


def names(breakdown: str, part: str, feature: str = CHAT, spelling: str | None = None) -> Row:
    """The columns that name a part in the flat tables of a breakdown."""
    if breakdown == "feature":
        return {"feature": part}
    named: Row = {breakdown: spelling or part, f"{breakdown}_name": part}
    return named if breakdown == "ide" else named | {"feature": feature}


def used(
    book: Book,
    part: str,
    people: Iterable[int],
    *,
    day: date = MONDAY,
    scope: str = ORG,
    breakdowns: Iterable[str] = BREAKDOWNS,
    feature: str = CHAT,
    spelling: str | None = None,
    **counters: int | None,
) -> None:
    """Rows of the people behind a part; each has one of everything, unless told otherwise."""
    persons = list(people)
    with transaction(book.connection):
        for breakdown in breakdowns:
            measures = MEASURES if breakdown in WITH_PROMPTS else MEASURES[1:]
            numbers = dict.fromkeys(measures, 1) | counters
            row = {"scope": scope, "day": day, **names(breakdown, part, feature, spelling), **numbers}
            columns = ", ".join(f"? as {name}" for name in row)
            rows = f"select {columns}, unnest(?::bigint[]) as user_id"
            table = f"flat.user_{FLAT[breakdown]}_daily"
            book.connection.execute(f"insert into {table} by name {rows}", [*row.values(), persons])


def told(
    book: Book,
    part: str,
    *,
    day: date = MONDAY,
    scope: str = ORG,
    breakdowns: Iterable[str] = BREAKDOWNS,
    feature: str = CHAT,
    spelling: str | None = None,
    **counters: int | None,
) -> None:
    """A row of a part in the report about the scope."""
    with transaction(book.connection):
        for breakdown in breakdowns:
            named = names(breakdown, part, feature, spelling)
            book.insert(f"flat.entity_{FLAT[breakdown]}_daily", scope=scope, day=day, **named, **counters)


def flag(book: Book, people: Iterable[int], *, day: date = MONDAY, scope: str = ORG, **flags: bool | None) -> None:
    """People with flags in the report of people."""
    with transaction(book.connection):
        for person in people:
            book.insert("flat.user_daily", scope=scope, day=day, user_id=person, **flags)


def lay(
    book: Book,
    part: str,
    people: int,
    generations: int | None = 1,
    *,
    day: date = MONDAY,
    scope: str = ORG,
    breakdowns: Iterable[str] = BREAKDOWNS,
) -> None:
    """A part with so many people, user_id 1, 2, 3 …, and outputs."""
    used(book, part, range(1, people + 1), day=day, scope=scope, breakdowns=breakdowns)
    told(book, part, day=day, scope=scope, breakdowns=breakdowns, code_generation_activity_count=generations)


def bill(
    book: Book,
    model: str | None,
    gross: float | None = None,
    *,
    day: date = MONDAY,
    scope: str = ORG,
    kind: str = "ai_credit",
    spelling: str | None = None,
    **amounts: object,
) -> None:
    """A line of a bill; `gross` is its amount in dollars."""
    named = {"model": spelling or model, "model_name": model}
    book.insert(f"flat.{kind}_usage", scope=scope, day=day, **named, gross_amount=gross, **amounts)


def trend(book: Book, breakdown: str, week_start: date = MONDAY, scope: str = ORG) -> dict[str, Row]:
    """The rows of a scope and week, by part."""
    rows = book.rows(f"from weekly.{breakdown}_trend where scope = ? and week_start = ?", scope, week_start)
    found = {row[breakdown]: row for row in rows}
    assert len(found) == len(rows), "a part has one row"
    return found


def spend(book: Book, kind: str = "ai_credits", week_start: date = MONDAY, scope: str = ORG) -> dict[str | None, Row]:
    """The rows of a bill of a scope and week, by model."""
    where = "(scope, week_start, kind) = (?, ?, ?) and not is_total"
    rows = book.rows(f"from weekly.spend_trend where {where}", scope, week_start, kind)
    found = {row["model"]: row for row in rows}
    assert len(found) == len(rows), "a model has one row"
    return found


def billed(book: Book, kind: str = "ai_credits", week_start: date = MONDAY, scope: str = ORG) -> Row:
    """The total of a bill of a scope and week."""
    where = "(scope, week_start, kind) = (?, ?, ?) and is_total"
    (row,) = book.rows(f"from weekly.spend_trend where {where}", scope, week_start, kind)
    return row


def withheld(book: Book, breakdown: str, week_start: date = MONDAY, scope: str = ORG) -> str:
    """The parts that are withheld, in the order of their names; of those, nothing may be told."""
    rows = trend(book, breakdown, week_start, scope)
    about = {"scope", "week_start", breakdown, "is_suppressed", *COVERAGE}
    for part, row in rows.items():
        numbers = {name: value for name, value in row.items() if name not in about}
        if row["is_suppressed"]:
            assert numbers == dict.fromkeys(numbers), part
        else:
            assert row["people"] is not None, part
    return " ".join(sorted(part for part, row in rows.items() if row["is_suppressed"]))


def withheld_alike(
    book: Book, week_start: date = MONDAY, scope: str = ORG, breakdowns: Iterable[str] = BREAKDOWNS
) -> str:
    """The same, of several breakdowns that were laid alike."""
    (parts,) = {withheld(book, breakdown, week_start, scope) for breakdown in breakdowns}
    return parts


def closed_weeks(book: Book, count: int) -> list[date]:
    """The Mondays of a history of so many closed weeks: a case each, so that models are built once for all of them."""
    mondays = [MONDAY + timedelta(weeks=n) for n in range(count)]
    book.expect(ORG, start=MONDAY, today=mondays[-1] + timedelta(days=20))
    return mondays


def tell_everything(book: Book) -> None:
    """Nothing withheld, nothing rounded: for what is not about people."""
    book.connection.execute("update raw.settings set min_cohort = 1")


def some(row: Row, *columns: str) -> tuple[object, ...]:
    return tuple(row[name] for name in columns)


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=MONDAY, today=TODAY)
    return book


# --- A week ----------------------------------------------------------------------------------------------------------


def test_a_full_closed_week(org: Book) -> None:
    tell_everything(org)
    for n, day in enumerate(days(MONDAY, SUNDAY), 1):  # the days' numbers are 1 to 7 times those below: 28 times
        with transaction(org.connection):
            org.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 5})
            org.fetch(ORG, USERS, day, records=5)
        people = range(1, 7 if day == SUNDAY else 6)  # the same five, and a sixth on Sunday
        completions: Row = {
            "code_generation_activity_count": 4 * n,
            "code_acceptance_activity_count": n,
            "loc_suggested_to_add_sum": 8 * n,
            "loc_added_sum": 6 * n,
            "loc_deleted_sum": n,
        }
        chat: Row = {"code_generation_activity_count": n, "code_acceptance_activity_count": 0, "loc_added_sum": 2 * n}
        prompts: Row = {"user_initiated_interaction_count": 10 * n}
        both: Row = {name: completions[name] + chat.get(name, 0) for name in completions}
        told(org, COMPLETION, day=day, breakdowns=["feature"], **prompts, **completions)
        told(org, "vscode", day=day, breakdowns=["ide"], **prompts, **both)
        told(org, "python", day=day, breakdowns=["language"], feature=COMPLETION, **completions)
        told(org, "python", day=day, breakdowns=["language"], **chat)
        told(org, "gpt-5.4", day=day, breakdowns=["model"], feature="chat_inline", **completions)
        told(org, "gpt-5.4", day=day, breakdowns=["model"], **prompts, **chat)
        used(org, COMPLETION, people, day=day, breakdowns=["feature"])
        used(org, "vscode", people, day=day, breakdowns=["ide"])
        used(org, "python", people, day=day, breakdowns=["language"], feature=COMPLETION)
        used(org, "python", people, day=day, breakdowns=["language"])
        used(org, "gpt-5.4", people, day=day, breakdowns=["model"])
        used(org, "gpt-5.4", people, day=day, breakdowns=["model"], feature="chat_inline")
    org.build(*PARTS)
    week = {
        "scope": ORG,
        "week_start": MONDAY,
        "days_expected": 7,
        "days_reported": 7,
        "days_pending": 0,
        "days_below_threshold": 0,
        "days_missing": 0,
        "user_days_reported": 7,
        "is_closed": True,
        "series_break": None,
        "is_suppressed": False,
        "people": 6,
        "days_compared": None,
        "people_change": None,
        "code_acceptance_activity_count": 28,  # 1 * 28
        "loc_suggested_to_add_sum": 224,  # 8 * 28
        "loc_deleted_sum": 28,  # 1 * 28
    }
    of_completions = {"code_generation_activity_count": 112, "loc_added_sum": 168}  # 4 * 28, 6 * 28
    of_both = {"code_generation_activity_count": 140, "loc_added_sum": 224}  # 5 * 28, 8 * 28
    of_prompts = {"user_initiated_interaction_count": 280}  # 10 * 28
    assert trend(org, "feature") == {
        COMPLETION: week
        | of_completions
        | of_prompts
        | {
            "feature": COMPLETION,
            "acceptance_rate": 0.25,  # 28 / 112
            "line_acceptance_rate": 0.75,  # 168 / 224
        }
    }
    assert trend(org, "ide") == {"vscode": week | of_both | of_prompts | {"ide": "vscode"}}
    # The rates are of completions alone, though 140 outputs and 224 lines are told: 28 / 112 and 168 / 224.
    rates = {"completion_acceptance_rate": 0.25, "completion_line_acceptance_rate": 0.75}
    assert trend(org, "language") == {"python": week | of_both | rates | {"language": "python"}}
    assert trend(org, "model") == {"gpt-5.4": week | of_both | of_prompts | {"model": "gpt-5.4"}}


def test_days_are_counted_by_what_became_of_them(book: Book) -> None:
    # Today is the Sunday: six days have closed, and 10 to 12 September are fresh.
    book.expect(ORG, start=MONDAY, today=SUNDAY)
    with transaction(book.connection):
        for report in (ORG_REPORT, CREDITS):
            for day in (MONDAY, date(2026, 9, 9), date(2026, 9, 10)):
                book.fetch(ORG, report, day)
            book.fetch(ORG, report, date(2026, 9, 8), "no_report")
        for day in days(MONDAY, date(2026, 9, 10)):
            book.fetch(ORG, USERS, day)
    lay(book, "a", 5)
    bill(book, "a", 1.0)
    book.build(*PARTS, "weekly.spend_trend")
    # Three reported, 11 and 12 September to come, 8 September missing; of people there are four days.
    for breakdown in BREAKDOWNS:
        row = trend(book, breakdown)["a"]
        assert some(row, *COVERAGE) == (6, 3, 2, 0, 1, 4, False, None)
    assert some(spend(book)["a"], *DAY_COUNTS, "is_closed") == (6, 3, 2, 0, 1, False)
    # None of these reports is left out by the threshold today; where one is, the tables say so.
    book.connection.execute("update quality.weekly_coverage set days_below_threshold = 5, series_break = 'new'")
    book.build(*PARTS, "weekly.spend_trend", past="quality.weekly_coverage")
    for breakdown in BREAKDOWNS:
        assert some(trend(book, breakdown)["a"], *COVERAGE) == (6, 3, 2, 5, 1, 4, False, "new")
    assert spend(book)["a"]["days_below_threshold"] == 5


def test_a_week_without_any_report_has_no_parts(org: Book) -> None:
    lay(org, "a", 5)
    lay(org, "a", 5, day=THIRD_MONDAY)
    org.build(*PARTS)
    for breakdown in BREAKDOWNS:
        weeks = org.rows(f"select week_start from weekly.{breakdown}_trend order by 1")
        assert [row["week_start"] for row in weeks] == [MONDAY, THIRD_MONDAY]


def test_a_week_of_people_alone_knows_no_numbers(org: Book) -> None:
    used(org, "a", range(5))
    org.build(*PARTS)
    for breakdown in BREAKDOWNS:
        row = trend(org, breakdown)["a"]
        assert some(row, "people", "is_suppressed") == (5, False)
        numbers = [name for name in row if name.endswith(("_count", "_sum", "_rate"))]
        assert len(numbers) >= 6
        assert {name: row[name] for name in numbers} == dict.fromkeys(numbers), "unknown, not zero"


def test_a_week_without_people_tells_nothing(org: Book) -> None:
    told(org, "a", code_generation_activity_count=1000)
    org.build(*PARTS)
    assert withheld_alike(org) == "a"


def test_zero_is_zero_and_unknown_is_unknown(org: Book) -> None:
    for day in (MONDAY, SUNDAY):
        lay(org, COMPLETION, 5, 0, day=day, breakdowns=["feature", "ide", "model"])
        used(org, COMPLETION, range(5), day=day, breakdowns=["language"], feature=COMPLETION)
        told(
            org,
            COMPLETION,
            day=day,
            breakdowns=["language"],
            feature=COMPLETION,
            code_generation_activity_count=0,
        )
    org.build(*PARTS)
    for breakdown in BREAKDOWNS:
        row = trend(org, breakdown)[COMPLETION]
        assert some(row, "people", "code_generation_activity_count", "loc_added_sum") == (5, 0, None)
    assert trend(org, "feature")[COMPLETION]["acceptance_rate"] is None  # nothing was shown
    assert trend(org, "language")[COMPLETION]["completion_acceptance_rate"] is None


def test_of_nothing_shown_no_share_was_accepted(org: Book) -> None:
    """GitHub tells a day's acceptances with the day; what was shown the day before is not in it."""
    shown = {"code_generation_activity_count": 0, "loc_suggested_to_add_sum": 0}
    accepted = {"code_acceptance_activity_count": 40, "loc_added_sum": 90}
    used(org, COMPLETION, range(5), feature=COMPLETION)
    told(org, COMPLETION, feature=COMPLETION, **shown, **accepted)
    org.build(*PARTS, "weekly.user_trend")
    (week,) = org.rows("from weekly.user_trend where week_start = ?", MONDAY)
    assert some(week, "completion_acceptance_count", "completion_acceptance_rate") == (40, None)
    assert some(trend(org, "feature")[COMPLETION], "acceptance_rate", "line_acceptance_rate") == (None, None)
    rates = ("completion_acceptance_rate", "completion_line_acceptance_rate")
    assert some(trend(org, "language")[COMPLETION], *rates) == (None, None)


def test_a_person_counts_once_however_many_days_and_features(org: Book) -> None:
    used(org, "a", [1, 2, 3])
    used(org, "a", [1, 2, 3], feature="chat_inline", breakdowns=["language", "model"])
    used(org, "a", [3, 4, 5], day=SUNDAY)
    used(org, "a", [6], day=NEXT_MONDAY)
    told(org, "a", code_generation_activity_count=9)
    org.build(*PARTS)
    for breakdown in BREAKDOWNS:
        # {1, 2, 3} and {3, 4, 5}: five in the week, though no day has so many. 9 outputs are 10 in fives.
        assert some(trend(org, breakdown)["a"], "people", "code_generation_activity_count") == (5, 10)
        assert withheld(org, breakdown, NEXT_MONDAY) == "a"


def test_spellings_add_up_under_one_name_and_their_people_count_once(org: Book) -> None:
    aliased = ("ide", "language", "model")
    for spelling, people, generations in (("c#", [1, 2, 3, 4], 10), ("csharp", [3, 4, 5], 20), ("cs", [5], 3)):
        used(org, "csharp", people, breakdowns=aliased, spelling=spelling)
        told(org, "csharp", breakdowns=aliased, spelling=spelling, code_generation_activity_count=generations)
    org.build(*PARTS)
    for breakdown in aliased:
        found = trend(org, breakdown)
        assert list(found) == ["csharp"]
        # Of four, three and one people: {1, 2, 3, 4, 5}; 10 + 20 + 3 are 35 in fives.
        assert some(found["csharp"], "people", "code_generation_activity_count") == (5, 35)


def test_a_person_of_two_scopes_counts_in_each_and_scopes_do_not_mix(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=MONDAY, today=TODAY)
    lay(book, "a", 6, 10)
    lay(book, "a", 5, 30, scope=OTHER_ORG)
    lay(book, "a", 3, scope=ORG, day=NEXT_MONDAY)
    lay(book, "a", 4, scope=OTHER_ORG, day=NEXT_MONDAY)
    book.build(*PARTS)
    for breakdown in BREAKDOWNS:
        numbers = ("people", "code_generation_activity_count")
        assert some(trend(book, breakdown)["a"], *numbers) == (5, 10)  # six people
        assert some(trend(book, breakdown, scope=OTHER_ORG)["a"], *numbers) == (5, 30)
    # Three and four people are never seven.
    assert withheld_alike(book, NEXT_MONDAY) == withheld_alike(book, NEXT_MONDAY, OTHER_ORG) == "a"


def test_sums_go_beyond_32_bits(org: Book) -> None:
    tell_everything(org)
    counters: Row = dict.fromkeys(["code_generation_activity_count", "code_acceptance_activity_count"], 2**40)
    counters |= dict.fromkeys(["loc_suggested_to_add_sum", "loc_added_sum", "loc_deleted_sum"], 2**61)
    for day in (MONDAY, SUNDAY):
        told(org, COMPLETION, day=day, feature=COMPLETION, **counters)
        told(org, COMPLETION, day=day, breakdowns=WITH_PROMPTS, user_initiated_interaction_count=2**61)
    used(org, COMPLETION, range(5), feature=COMPLETION)
    org.build(*PARTS)
    for breakdown in BREAKDOWNS:
        row = trend(org, breakdown)[COMPLETION]
        assert row["code_generation_activity_count"] == 2_199_023_255_552  # 2 * 2^40
        assert some(row, "loc_suggested_to_add_sum", "loc_added_sum", "loc_deleted_sum") == (2**62, 2**62, 2**62)
        assert row.get("user_initiated_interaction_count", 2**62) == 2**62
    assert trend(org, "feature")[COMPLETION]["acceptance_rate"] == 1.0
    assert trend(org, "language")[COMPLETION]["completion_line_acceptance_rate"] == 1.0


def test_days_before_the_start_date_and_unknown_scopes_do_not_count(book: Book) -> None:
    book.expect(ORG, start=date(2026, 9, 10), today=TODAY)
    before, after = date(2026, 9, 9), date(2026, 9, 10)
    for part, early, late in (("a", 9, 5), ("b", 9, 4)):
        for day, people, generations in ((before, early, 100), (after, late, 1)):
            lay(book, part, people, generations, day=day)
    lay(book, "a", 9, scope=OTHER_ORG)
    lay(book, "a", 9, day=TODAY)  # has not closed
    book.build(*PARTS)
    for breakdown in BREAKDOWNS:
        assert withheld(book, breakdown) == "b"  # nine people came before the start, four since
    tell_everything(book)
    book.build(*PARTS)
    for breakdown in BREAKDOWNS:
        row = trend(book, breakdown)["a"]
        assert some(row, "days_expected", "people", "code_generation_activity_count") == (4, 5, 1)
        assert trend(book, breakdown)["b"]["people"] == 4
        assert len(book.rows(f"from weekly.{breakdown}_trend")) == 2


# --- Change against the week before ----------------------------------------------------------------------------------


def changes(book: Book, part: str = "a", scope: str = ORG) -> dict[date, int]:
    """The weeks that tell a change, alike in all four tables."""
    query = "select week_start, people_change from weekly.{0}_trend where scope = ? and {0} = ? order by week_start"
    tables = [book.rows(query.format(breakdown), scope, part) for breakdown in BREAKDOWNS]
    assert tables == [tables[0]] * len(BREAKDOWNS)
    return {row["week_start"]: row["people_change"] for row in tables[0] if row["people_change"] is not None}


def test_the_change_between_closed_neighbours_that_may_be_told(org: Book) -> None:
    people = {
        "a": (11, 5, 8),  # told as 10, 5, 10
        "gap": (5, None, 9),  # nothing to compare with, twice
        "small_first": (4, 6, 13),  # 5 and 15 in the second and third week alone
        "small_between": (7, 2, 7),
        "steady": (5, 5, 5),
    }
    for part, counts in people.items():
        for monday, count in zip((MONDAY, NEXT_MONDAY, THIRD_MONDAY), counts, strict=True):
            if count:
                used(org, part, range(count), day=monday)
    org.report_the_rest()
    org.build(*PARTS)
    assert {part: changes(org, part) for part in people} == {
        "a": {NEXT_MONDAY: -5, THIRD_MONDAY: 5},
        "gap": {},
        "small_first": {THIRD_MONDAY: 10},
        "small_between": {},
        "steady": {NEXT_MONDAY: 0, THIRD_MONDAY: 0},
    }


@pytest.mark.parametrize(("today", "is_closed"), [(date(2026, 9, 23), False), (date(2026, 9, 24), True)])
def test_an_open_week_has_no_change(book: Book, today: date, is_closed: bool) -> None:
    book.expect(ORG, start=MONDAY, today=today)
    tell_everything(book)
    used(book, "a", range(5))
    used(book, "a", range(7), day=NEXT_MONDAY)
    book.report_the_rest()
    book.build(*PARTS)
    # Its Sunday is the 20th; 21, 22 and 23 September have to pass.
    assert {trend(book, breakdown, NEXT_MONDAY)["a"]["is_closed"] for breakdown in BREAKDOWNS} == {is_closed}
    assert changes(book) == ({NEXT_MONDAY: 2} if is_closed else {})


def test_a_change_compares_people_of_the_weekdays_that_both_weeks_told(org: Book) -> None:
    """The weekend of the first week is missing: who came on the one after is no growth."""
    for day in days(MONDAY + timedelta(5), SUNDAY):
        org.fetch(ORG, USERS, day, "forbidden")
    used(org, "a", range(1, 6))
    used(org, "a", range(1, 8), day=NEXT_MONDAY)
    used(org, "a", range(6, 12), day=NEXT_MONDAY + timedelta(5))
    # A row without a number is no use of it.
    for breakdown in BREAKDOWNS:
        nothing = dict.fromkeys(MEASURES if breakdown in WITH_PROMPTS else MEASURES[1:], 0)
        used(org, "a", range(20, 30), day=NEXT_MONDAY + timedelta(1), breakdowns=[breakdown], **nothing)
    tell_everything(org)
    org.report_the_rest()
    org.build(*PARTS)
    for breakdown in BREAKDOWNS:
        row = trend(org, breakdown, NEXT_MONDAY)["a"]
        assert some(row, "people", "days_compared", "people_change") == (11, 5, 2), breakdown  # 7 less 5, not 11 less 5


def test_no_change_of_people_by_fewer_than_four_weekdays(org: Book) -> None:
    for day in days(MONDAY + timedelta(3), SUNDAY):
        org.fetch(ORG, USERS, day, "forbidden")
    used(org, "a", range(5))
    used(org, "a", range(8), day=NEXT_MONDAY)
    org.report_the_rest()
    org.build(*PARTS)
    assert changes(org) == {}
    assert trend(org, "ide", NEXT_MONDAY)["a"]["days_compared"] is None


def test_no_change_against_a_part_of_a_week_or_another_scope(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=date(2026, 9, 8), today=TODAY)  # a Tuesday
    tell_everything(book)
    used(book, "a", range(5), day=SUNDAY)
    used(book, "a", range(6), day=NEXT_MONDAY)
    used(book, "a", range(7), day=NEXT_MONDAY, scope=OTHER_ORG)
    used(book, "a", range(8), day=THIRD_MONDAY)
    book.report_the_rest()
    book.build(*PARTS)
    assert changes(book) == {THIRD_MONDAY: 2}
    assert changes(book, scope=OTHER_ORG) == {}


def test_no_change_across_a_series_break(book: Book) -> None:
    mondays = [date(2026, 6, 8) + timedelta(weeks=n) for n in range(7)]  # to 20 July
    book.expect(ORG, start=mondays[0], today=date(2026, 8, 15))
    tell_everything(book)
    for n, monday in enumerate(mondays, 5):  # five people, then one more each week
        used(book, "a", range(n), day=monday)
    book.report_the_rest()
    book.build(*PARTS)
    # Of 2026-07-02, which lies within 29 June and between that and 6 July, GitHub says that it moves people of IDEs.
    # Nobody says of Monday 15 June that who is active since has a feature, IDE, language or model.
    for breakdown in BREAKDOWNS:
        query = f"select week_start from weekly.{breakdown}_trend where people_change = 1 order by week_start"
        told = [row["week_start"] for row in book.rows(query)]
        crossing = {date(2026, 6, 29), date(2026, 7, 6)} if breakdown == "ide" else set()
        assert told == [monday for monday in mondays[1:] if monday not in crossing], breakdown
    for breakdown in BREAKDOWNS:
        rows = book.rows(f"select week_start, series_break from weekly.{breakdown}_trend")
        noted = {row["week_start"]: row["series_break"][:11] for row in rows if row["series_break"]}
        assert noted == {date(2026, 6, 15): "2026-06-15:", date(2026, 6, 29): "2026-07-02:"}


# --- What is withheld, and how the rest is told ----------------------------------------------------------------------


def test_a_small_part_is_withheld_alone_and_the_others_are_told_in_round_numbers(org: Book) -> None:
    lay(org, "large", 8, 61)  # 7.6 a head: in fives
    lay(org, "medium", 5, 29)
    lay(org, "small", 4, 10)
    org.build(*PARTS)
    assert withheld_alike(org) == "small"
    for breakdown in BREAKDOWNS:
        told_of = {
            part: some(row, "people", "code_generation_activity_count") for part, row in trend(org, breakdown).items()
        }
        # Of 100 outputs 90 are told: between 6 and 14 are left, and whether four people or one had them nobody can say.
        assert told_of == {"large": (10, 60), "medium": (5, 30), "small": (None, None)}
    numbers = "part, people, is_suppressed, people_shown, people_change, code_generation_activity_count"
    assert [
        tuple(row.values()) for row in org.rows(f"select {numbers} from people.weekly_part where breakdown = 'ide'")
    ] == [
        ("large", 8, False, 10, None, 60),
        ("medium", 5, False, 5, None, 30),
        ("small", 4, True, None, None, None),
    ]


def test_an_amount_is_told_about_as_exactly_as_one_of_its_people_counts(book: Book) -> None:
    cases = {
        (7, 123): (5, 120),  # 17.6 a head: in tens
        (8, 1234): (10, 1200),  # 154 a head: in hundreds
        (13, 720): (15, 700),  # 55 a head: in fifties
        (12, 2450): (10, 2400),  # 204 a head: in two hundreds
        (6, 7): (5, 5),  # 1.2 a head: in fives, the least
        (5, 1): (5, 5),  # something is never told as nothing
    }
    weeks = dict(zip(cases, closed_weeks(book, len(cases)), strict=True))
    for (people, generations), monday in weeks.items():
        lay(book, "a", people, generations, day=monday)
    book.build(*PARTS)
    for case, monday in weeks.items():
        for breakdown in BREAKDOWNS:
            row = trend(book, breakdown, monday)["a"]
            assert some(row, "people", "code_generation_activity_count") == cases[case]


def test_people_without_a_number_of_a_part_are_not_behind_it(org: Book) -> None:
    nothing: Row = dict.fromkeys(MEASURES[1:], 0)
    for breakdown in BREAKDOWNS:
        zeros = nothing | ({MEASURES[0]: 0} if breakdown in WITH_PROMPTS else {})
        used(org, "others", [1, 2], breakdowns=[breakdown])
        used(org, "others", range(3, 9), breakdowns=[breakdown], **zeros)
        used(org, "idle", range(14), breakdowns=[breakdown], **zeros)
    told(org, "others", code_generation_activity_count=7)
    told(org, "idle", code_generation_activity_count=0)
    org.build(*PARTS)
    # Seven outputs of eight people were of two; and where nobody did anything there is nothing to hide.
    assert withheld_alike(org) == "others"
    for breakdown in BREAKDOWNS:
        assert some(trend(org, breakdown)["idle"], "people", "code_generation_activity_count") == (0, 0)


def test_a_number_of_few_of_a_parts_people_is_withheld_alone(org: Book) -> None:
    used(org, "a", range(6), loc_deleted_sum=0)
    used(org, "a", range(6, 10))  # these four deleted lines
    told(org, "a", code_generation_activity_count=100, loc_deleted_sum=40)
    org.build(*PARTS)
    for breakdown in BREAKDOWNS:
        row = trend(org, breakdown)["a"]
        assert some(row, "is_suppressed", "people", "code_generation_activity_count", "loc_deleted_sum") == (
            *(False, 10, 100),
            None,
        )


def test_where_all_parts_are_small_all_are_withheld_and_the_scopes_total_stays(org: Book) -> None:
    org.insert("flat.entity_daily", scope=ORG, day=MONDAY, code_generation_activity_count=20)
    for part in ("a", "b", COMPLETION):
        lay(org, part, 4, 5)
    org.build(*PARTS, "weekly.user_trend")
    assert withheld_alike(org) == f"a b {COMPLETION}"
    (total,) = org.rows("from weekly.user_trend where week_start = ?", MONDAY)
    assert some(total, "code_generation_activity_count", "completion_generation_count") == (20, None)


def test_the_fewest_people_are_a_setting(org: Book) -> None:
    for part, people in (("nobody", 0), ("one", 1), ("two", 2), ("six", 6)):
        lay(org, part, people)
    org.build(*PARTS)
    # A part that nobody is known to use is small whatever the setting.
    for min_cohort, parts in ((1, "nobody"), (2, "nobody one"), (3, "nobody one two")):
        org.connection.execute("update raw.settings set min_cohort = ?", [min_cohort])
        org.build(*PARTS)
        assert withheld_alike(org) == parts


def test_without_a_setting_everything_is_withheld(org: Book) -> None:
    org.connection.execute("delete from raw.settings")
    lay(org, "a", 1000)
    bill(org, "a", 1.0)
    org.build(*PARTS, "weekly.spend_trend")
    assert withheld_alike(org) == "a"
    assert some(spend(org)["a"], "is_suppressed", "people", "gross_amount") == (True, None, None)
    assert some(billed(org), "is_suppressed", "model", "people", "gross_amount") == (False, None, None, 1)


def test_where_identities_are_off_the_parts_are_withheld_and_the_scopes_total_stays(org: Book) -> None:
    org.insert("flat.entity_daily", scope=ORG, day=MONDAY, code_generation_activity_count=20, daily_active_users=9)
    for part in ("a", "b"):
        told(org, part, code_generation_activity_count=10)
    bill(org, "a", 1.0)
    org.build(*PARTS, "weekly.spend_trend", "weekly.user_trend")
    assert withheld_alike(org) == "a b"
    assert some(spend(org)["a"], "is_suppressed", "gross_amount") == (True, None)
    assert billed(org)["gross_amount"] == 1
    (total,) = org.rows("from weekly.user_trend where week_start = ?", MONDAY)
    assert some(total, "active_user_days", "code_generation_activity_count") == (9, 20)


def test_what_is_withheld_in_one_week_scope_or_table_is_told_in_another(book: Book) -> None:
    book.expect(ORG, OTHER_ORG, start=MONDAY, today=TODAY)
    for scope, day, people in ((ORG, MONDAY, 4), (ORG, NEXT_MONDAY, 5), (OTHER_ORG, MONDAY, 6)):
        lay(book, "a", people, day=day, scope=scope, breakdowns=["ide"])
        lay(book, "b", 7, day=day, scope=scope)
    lay(book, "a", 5, breakdowns=["model"])
    book.build(*PARTS)
    assert withheld(book, "ide") == "a"
    assert withheld(book, "ide", NEXT_MONDAY) == withheld(book, "ide", MONDAY, OTHER_ORG) == ""
    assert [withheld(book, breakdown) for breakdown in ("feature", "language", "model")] == ["", "", ""]


# --- Features --------------------------------------------------------------------------------------------------------


def test_flags_of_people_are_features_without_numbers(org: Book) -> None:
    tell_everything(org)
    flag(org, range(5), used_copilot_code_review_active=True, used_copilot_code_review_passive=False)
    flag(org, range(5, 11), used_copilot_code_review_passive=True, used_vscode_agent=True, used_chat=True)
    flag(org, range(11, 16), used_copilot_coding_agent=True)  # the name before it was the cloud agent
    flag(org, range(14, 18), used_copilot_cloud_agent=True, used_copilot_coding_agent=False)
    flag(org, range(20, 25), used_copilot_app=True, used_cli=None)
    org.build("weekly.feature_trend")
    found = trend(org, "feature")
    assert {part: row["people"] for part, row in found.items()} == {
        "copilot_code_review_active": 5,
        "copilot_code_review_passive": 6,
        "vscode_agent": 6,
        "copilot_cloud_agent": 7,  # 11 to 17
        "copilot_app": 5,
    }
    for row in found.values():
        numbers = [row[measure] for measure in MEASURES]
        assert numbers == [None] * 6, "unknown, not zero"


def test_a_flag_and_a_row_of_the_same_feature_are_one_person(org: Book) -> None:
    used(org, "copilot_cli", [1, 2, 3, 4], breakdowns=["feature"])
    flag(org, [1, 2, 3, 4], used_cli=True)
    org.build("weekly.feature_trend")
    assert withheld(org, "feature") == "copilot_cli"
    flag(org, [5], used_cli=True)
    org.build("weekly.feature_trend")
    assert trend(org, "feature")["copilot_cli"]["people"] == 5


def test_numbers_rest_on_people_with_rows_not_on_flags(org: Book) -> None:
    # The CLI joined the breakdown on 10 April 2026: its numbers of that week are of those who used it since.
    for day in (MONDAY, NEXT_MONDAY):
        flag(org, range(9), day=day, used_cli=True)
    lay(org, "copilot_cli", 1, 77, breakdowns=["feature"])
    lay(org, "large", 9, breakdowns=["feature"])
    org.build("weekly.feature_trend")
    assert withheld(org, "feature") == "copilot_cli"
    assert trend(org, "feature", NEXT_MONDAY)["copilot_cli"]["people"] == 10  # nine


def test_flags_and_numbers_before_the_start_date_do_not_count(book: Book) -> None:
    book.expect(ORG, start=date(2026, 9, 10), today=TODAY)
    flag(book, range(5), day=date(2026, 9, 9), used_cli=True)
    flag(book, range(4), day=date(2026, 9, 10), used_cli=True)
    flag(book, range(5), day=date(2026, 9, 10), used_copilot_app=True)
    told(book, "copilot_app", day=date(2026, 9, 9), breakdowns=["feature"], code_generation_activity_count=7)
    book.build("weekly.feature_trend")
    assert withheld(book, "feature") == "copilot_cli"
    row = trend(book, "feature")["copilot_app"]
    assert some(row, "people", "code_generation_activity_count") == (5, None)


def test_the_rates_of_completions_at_their_edges(book: Book) -> None:
    cases = {
        (0, 0): None,
        (None, None): None,
        (10, None): None,
        (10, 0): 0.0,
        (20, 5): 0.25,
        (10, 15): 1.0,
    }  # the last: more can't be
    weeks = dict(zip(cases, closed_weeks(book, len(cases)), strict=True))
    for (shown, accepted), monday in weeks.items():
        counters: Row = dict.fromkeys(["code_generation_activity_count", "loc_suggested_to_add_sum"], shown)
        counters |= dict.fromkeys(["code_acceptance_activity_count", "loc_added_sum"], accepted)
        used(book, COMPLETION, range(5), day=monday, feature=COMPLETION)
        told(book, COMPLETION, day=monday, feature=COMPLETION, **counters)
    book.build("weekly.feature_trend", "weekly.language_trend")
    for case, monday in weeks.items():
        rates = (cases[case], cases[case])
        row = trend(book, "feature", monday)[COMPLETION]
        assert some(row, "acceptance_rate", "line_acceptance_rate") == rates
        row = trend(book, "language", monday)[COMPLETION]
        assert some(row, "completion_acceptance_rate", "completion_line_acceptance_rate") == rates


def test_rates_are_of_completions_alone_and_sum_by_sum(org: Book) -> None:
    tell_everything(org)
    for day, generations, acceptances in ((MONDAY, 10, 5), (SUNDAY, 90, 9)):  # 0.5 and 0.1 of the days
        counters: Row = {
            "code_generation_activity_count": generations,
            "code_acceptance_activity_count": acceptances,
            "loc_suggested_to_add_sum": 2 * generations,
            "loc_added_sum": acceptances,
        }
        told(org, COMPLETION, day=day, breakdowns=["feature"], **counters)
        told(org, "python", day=day, breakdowns=["language"], feature=COMPLETION, **counters)
        chat: Row = dict.fromkeys(counters, 1000)
        told(org, CHAT, day=day, breakdowns=["feature"], **chat)
        told(org, "python", day=day, breakdowns=["language"], **chat)
    for part, breakdown in ((COMPLETION, "feature"), (CHAT, "feature"), ("python", "language")):
        used(org, part, range(5), breakdowns=[breakdown], feature=COMPLETION)
    org.build("weekly.feature_trend", "weekly.language_trend")
    rates = trend(org, "feature")
    # 14 / 100 and 14 / 200; the mean of the days would be 0.3.
    assert some(rates[COMPLETION], "acceptance_rate", "line_acceptance_rate") == (0.14, 0.07)
    assert some(rates[CHAT], "code_acceptance_activity_count", "acceptance_rate", "line_acceptance_rate") == (
        *(2000, None),
        None,
    )
    python = trend(org, "language")["python"]
    assert some(python, "completion_acceptance_rate", "completion_line_acceptance_rate") == (0.14, 0.07)
    assert python["code_generation_activity_count"] == 2100


# --- Languages -------------------------------------------------------------------------------------------------------


def test_rates_of_a_language_need_enough_people_with_completions(book: Book) -> None:
    weeks = dict(zip((4, 5), closed_weeks(book, 2), strict=True))
    for completing, monday in weeks.items():
        for n, day in enumerate((monday, monday + timedelta(days=3))):  # the same people on both days
            used(book, "go", range(6), day=day, breakdowns=["language"])
            used(book, "go", range(completing), day=day, breakdowns=["language"], feature=COMPLETION)
            told(
                book,
                "go",
                day=day,
                breakdowns=["language"],
                feature=COMPLETION,
                code_generation_activity_count=20,
                code_acceptance_activity_count=10 * n,
                loc_suggested_to_add_sum=20,
                loc_added_sum=20 * n,
            )
    book.build("weekly.language_trend")
    for completing, rates in ((4, (None, None)), (5, (0.25, 0.5))):  # 10 / 40 and 20 / 40
        row = trend(book, "language", weeks[completing])["go"]
        assert some(row, "people", "is_suppressed", "code_generation_activity_count") == (5, False, 40)  # six
        assert some(row, "completion_acceptance_rate", "completion_line_acceptance_rate") == rates


# --- Bills -----------------------------------------------------------------------------------------------------------


def use_model(book: Book, model: str, people: int, day: date = MONDAY, scope: str = ORG) -> None:
    used(book, model, range(people), day=day, scope=scope, breakdowns=["model"])


def hidden_models(book: Book, kind: str = "ai_credits", week_start: date = MONDAY) -> set[str | None]:
    """The models of a bill that are withheld; of those, nothing may be told."""
    rows = spend(book, kind, week_start)
    for row in rows.values():
        own = some(row, "people", "gross_quantity", "gross_amount", "net_quantity", "net_amount")
        assert (own == (None,) * 5) is row["is_suppressed"]
    return {model for model, row in rows.items() if row["is_suppressed"]}


def test_a_full_week_of_bills(org: Book) -> None:
    tell_everything(org)
    for day in days(MONDAY, SUNDAY):
        with transaction(org.connection):
            org.fetch(ORG, CREDITS, day)
            amounts: Row = {"gross_quantity": 10.0, "net_quantity": 4.0, "net_amount": 0.25}
            bill(org, "a", 0.5, day=day, sku="one", **amounts)
            bill(org, "a", 0.5, day=day, sku="two", cost_center_id="3", **amounts)
            bill(org, "b", 0.25, day=day, gross_quantity=2.0, net_quantity=0.0, net_amount=0.0)
        use_model(org, "a", 5, day)
    use_model(org, "a", 6, SUNDAY)
    use_model(org, "b", 5)
    org.build("weekly.spend_trend")
    week = {
        "scope": ORG,
        "week_start": MONDAY,
        "kind": "ai_credits",
        "days_expected": 7,
        "days_reported": 7,
        "days_pending": 0,
        "days_below_threshold": 0,
        "days_missing": 0,
        "is_closed": True,
        "is_suppressed": False,
        "is_total": False,
    }
    columns = ("model", "people", "gross_quantity", "gross_amount", "net_quantity", "net_amount")
    assert spend(org) == {
        "a": week | dict(zip(columns, ("a", 6, 140.0, 7.0, 56.0, 3.5), strict=True)),  # 14 lines of 10, 0.5, 4, 0.25
        "b": week | dict(zip(columns, ("b", 5, 14.0, 1.75, 0.0, 0.0), strict=True)),  # a real zero to be paid
    }


def test_a_model_that_nobody_is_known_to_use_is_withheld_and_counts_in_the_total(org: Book) -> None:
    bill(org, "unheard", 4.0)
    bill(org, None, 2.0)
    bill(org, "a", 16.0)
    bill(org, "b", 32.0)
    for model, people in (("a", 5), ("b", 6)):
        use_model(org, model, people)
    org.build("weekly.spend_trend")
    assert hidden_models(org) == {"unheard", None}
    assert billed(org)["gross_amount"] == 54


def test_spellings_of_a_bill_and_of_the_usage_meet_under_one_name(org: Book) -> None:
    bill(org, "claude-sonnet-4.5", 4.0, spelling="Claude Sonnet 4.5")
    bill(org, "claude-sonnet-4.5", 2.0, spelling="claude-4.5-sonnet")
    used(org, "claude-sonnet-4.5", range(3), breakdowns=["model"], spelling="claude-4.5-sonnet")
    used(org, "claude-sonnet-4.5", range(2, 5), breakdowns=["model"])
    org.build("weekly.spend_trend")
    # {0, 1, 2} and {2, 3, 4}; 6 dollars, 1.2 a head: in dollars
    assert some(spend(org)["claude-sonnet-4.5"], "people", "gross_amount") == (5, 6.0)


def test_a_model_of_enough_people_is_told_whatever_is_beside_it(org: Book) -> None:
    for model, people, gross in (("a", 14, 133.3), ("b", 9, -4.2), ("few", 4, 8.0)):
        bill(org, model, gross)
        use_model(org, model, people)
    org.build("weekly.spend_trend")
    assert hidden_models(org) == {"few"}
    # 9.5 a head: in fives; a refund, 0.47 a head: in half dollars, the least
    assert some(spend(org)["a"], "people", "gross_amount") == (15, 135)
    assert str(billed(org)["gross_amount"]) == "137.100000", "money is decimal"
    assert some(spend(org)["b"], "people", "gross_amount") == (10, -4.0)


def test_kinds_scopes_and_weeks_of_bills_do_not_mix(book: Book) -> None:
    tell_everything(book)
    book.expect(ORG, OTHER_ORG, start=date(2026, 9, 8), today=TODAY)
    for scope in (ORG, OTHER_ORG):
        use_model(book, "a", 6, SUNDAY, scope)
        use_model(book, "a", 6, NEXT_MONDAY, scope)
    use_model(book, "b", 9, SUNDAY)
    bill(book, "a", 1.0, day=SUNDAY)
    bill(book, "unheard", 2.0, day=SUNDAY, kind="premium_request")
    bill(book, "a", 4.0, day=SUNDAY, kind="premium_request")
    bill(book, "b", 8.0, day=SUNDAY, kind="premium_request")
    bill(book, "a", 8.0, day=NEXT_MONDAY)
    bill(book, "a", 16.0, day=SUNDAY, scope=OTHER_ORG)
    bill(book, "a", 32.0)  # before the start date
    bill(book, "a", 64.0, day=SUNDAY, scope=ENTERPRISE)  # nobody asks for it
    book.build("weekly.spend_trend")
    assert hidden_models(book) == set()
    assert hidden_models(book, "premium_requests") == {"unheard"}
    totals = book.rows("select scope, week_start, kind, gross_amount from weekly.spend_trend where is_total")
    assert {tuple(row.values()) for row in totals} == {
        (ORG, MONDAY, "ai_credits", 1.0),
        (ORG, MONDAY, "premium_requests", 14.0),
        (ORG, NEXT_MONDAY, "ai_credits", 8.0),
        (OTHER_ORG, MONDAY, "ai_credits", 16.0),
    }
    assert spend(book)["a"]["days_expected"] == 6
    assert some(spend(book, "premium_requests")["b"], "people", "gross_amount") == (9, 8.0)


def test_a_bill_of_another_report_does_not_cover_the_days(org: Book) -> None:
    org.fetch(ORG, CREDITS, MONDAY)
    bill(org, "a", 1.0)
    bill(org, "a", 1.0, kind="premium_request")
    org.build("weekly.spend_trend")
    counts = ("days_expected", "days_reported", "days_missing")
    assert some(spend(org)["a"], *counts) == (7, 1, 6)
    assert some(spend(org, "premium_requests")["a"], *counts) == (7, 0, 7)
