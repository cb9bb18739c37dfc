"""What the numbers of an enterprise and of its organisations give away together, and what is withheld against it.

Every set of people by hand; that nothing is left to work out is tried on random enterprises, by solving for what they
withhold.
"""

import random
from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

import polars as pl
import pytest

from copilot_assets.warehouse.tables import registered, transaction
from tests.dbt_like_sql.conftest import Book

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
    assert all((row["people"] is None) == row["is_suppressed"] for row in rows)
    assert not any(row["is_suppressed"] and row["prompts"] is not None for row in rows)
    return {row["feature"]: row["people"] for row in rows}


@pytest.fixture
def corp(book: Book) -> Book:
    book.expect(A, B, C, ENTERPRISE, start=MONDAY, today=TODAY)
    return book


def test_another_organisation_hides_with_the_one_that_has_few(corp: Book) -> None:
    in_b = range(11, 21)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9), "z": range(1, 10)},
            B: {"x": in_b, "y": in_b, "z": in_b},
            ENTERPRISE: {"x": (1, 2, 3, *in_b), "y": (*range(1, 9), *in_b), "z": (*range(1, 10), *in_b)},
        },
    )
    corp.build("weekly.feature_trend")
    # Three people of x, and y against the subtraction from a's total.
    assert told(corp, A) == {"x": None, "y": None, "z": 9}
    # The enterprise's 13 less b's ten would be the three: so b, which has fewer than the enterprise, tells neither.
    assert told(corp, B) == {"x": None, "y": None, "z": 10}
    assert told(corp, ENTERPRISE) == {"x": 13, "y": 18, "z": 19}


def test_the_enterprise_hides_what_no_other_organisation_has(corp: Book) -> None:
    in_b = range(11, 31)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 6), "z": range(1, 10)},
            B: {"y": in_b, "z": range(11, 16)},
            ENTERPRISE: {"x": (1, 2, 3), "y": (*range(1, 6), *in_b), "z": (*range(1, 10), *range(11, 16))},
        },
    )
    corp.build("weekly.feature_trend")
    # The smallest other part of the enterprise is z, 14 people: a hides behind it too, though its own y has fewer. With
    # y hidden in a and told by b and the enterprise, 25 - 20 people would be a's y, and its total would leave x.
    assert told(corp, A) == {"x": None, "y": 5, "z": None}
    assert told(corp, B) == {"y": 20, "z": 5}
    assert told(corp, ENTERPRISE) == {"x": None, "y": 25, "z": None}


def test_what_hides_a_part_of_the_enterprise_does_not_follow_from_the_organisations(corp: Book) -> None:
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 10), "z": range(1, 7)},
            B: {"y": range(13, 18), "z": range(13, 25)},
            ENTERPRISE: {
                "x": (1, 2, 3),
                "y": (*range(1, 10), *range(13, 18)),
                "z": (*range(1, 7), *range(13, 25)),
            },
        },
    )
    corp.build("weekly.feature_trend")
    # z is a's smallest other part, y (14 of 18) the enterprise's: a tells z, or y would follow from both.
    assert told(corp, A) == {"x": None, "y": None, "z": 6}
    assert told(corp, B) == {"y": 5, "z": 12}
    assert told(corp, ENTERPRISE) == {"x": None, "y": None, "z": 18}


def test_few_people_outside_of_all_organisations_are_hidden_too(corp: Book) -> None:
    in_a, outside = range(1, 11), range(31, 37)
    lay(
        corp,
        {
            A: {"x": in_a, "y": in_a},
            ENTERPRISE: {"x": (*in_a, 31, 32), "y": (*in_a, *outside)},
        },
    )
    corp.build("weekly.feature_trend")
    # 12 - 10 would be two people who are in no organisation; y hides them, of whom the enterprise less a has six.
    assert told(corp, A) == {"x": None, "y": None}
    assert told(corp, ENTERPRISE) == {"x": 12, "y": 16}


def test_enough_people_outside_hide_those_of_an_organisation(corp: Book) -> None:
    in_b, outside = range(11, 21), range(31, 46)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9)},
            B: {"x": in_b, "y": in_b},
            ENTERPRISE: {"x": (1, 2, 3, *in_b, *outside), "y": (*range(1, 9), *in_b, *outside)},
        },
    )
    corp.build("weekly.feature_trend")
    assert told(corp, A) == {"x": None, "y": None}
    assert told(corp, B) == {"x": 10, "y": 10}
    assert told(corp, ENTERPRISE) == {"x": 28, "y": 33}  # 28 - 10 are 1, 2, 3 and the fifteen


def test_organisations_with_few_hide_each_other_when_they_are_enough_together(corp: Book) -> None:
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
    corp.build("weekly.feature_trend")
    assert told(corp, A) == told(corp, B) == {"x": None, "y": None}
    assert told(corp, C) == {"x": 10, "y": 10}
    assert told(corp, ENTERPRISE) == {"x": 15, "y": 19}  # 15 - 10 is of 1 to 5


def test_a_person_of_two_organisations_is_hidden_in_both(corp: Book) -> None:
    in_b = range(3, 13)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3, 4), "y": range(1, 9)},
            B: {"x": in_b, "y": in_b},
            ENTERPRISE: {"x": range(1, 13), "y": range(1, 13)},
        },
    )
    corp.build("weekly.feature_trend")
    # 3 and 4 would be told with b, and the enterprise's 12 less b's ten would be 1 and 2.
    assert told(corp, A) == told(corp, B) == {"x": None, "y": None}
    assert told(corp, ENTERPRISE) == {"x": 12, "y": 12}


def test_an_organisation_of_another_enterprise_is_nothing_to_this_one(corp: Book) -> None:
    in_b = range(11, 21)
    lay(
        corp,
        {
            A: {"x": (1, 2, 3), "y": range(1, 9)},
            B: {"x": in_b, "y": in_b},
            ENTERPRISE: {"x": in_b, "y": in_b},
        },
        enterprise_id={A: "2"},
    )
    corp.build("weekly.feature_trend")
    assert told(corp, A) == {"x": None, "y": None}
    assert told(corp, B) == told(corp, ENTERPRISE) == {"x": 10, "y": 10}


def test_how_many_have_a_flag_does_not_follow_either(corp: Book) -> None:
    in_a, in_b = range(1, 9), range(11, 21)
    people = {A: in_a, B: in_b, ENTERPRISE: (*in_a, *in_b)}
    lay(corp, {scope: {} for scope in people})
    with transaction(corp.connection):
        for scope, persons in people.items():
            for person in persons:
                row = {"scope": scope, "day": MONDAY, "user_id": person, "used_copilot_app": True}
                corp.insert("flat.user_daily", **row, used_cli=person not in range(4, 9))
    corp.build("weekly.feature_trend")
    # The report has no numbers of the CLI, only the people: 13 - 10. They add up to no total that the app would tell.
    assert told(corp, A) == {"copilot_cli": None, "copilot_app": 8}
    assert told(corp, B) == {"copilot_cli": None, "copilot_app": 10}
    assert told(corp, ENTERPRISE) == {"copilot_cli": 13, "copilot_app": 18}


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (
            {
                A: {"opus": (1, 2), "sonnet": range(1, 9)},
                B: {"opus": range(11, 21), "sonnet": range(11, 21)},
                ENTERPRISE: {"opus": (1, 2, *range(11, 21)), "sonnet": (*range(1, 9), *range(11, 21))},
            },
            {A: (None, None), B: (None, None), ENTERPRISE: (12, 18)},
        ),
        (  # two of the enterprise are in no organisation: 12 less 10
            {
                A: {"opus": range(1, 11), "sonnet": range(1, 11)},
                ENTERPRISE: {"opus": (*range(1, 11), 31, 32), "sonnet": (*range(1, 11), *range(31, 37))},
            },
            {A: (None, None), ENTERPRISE: (12, 16)},
        ),
    ],
)
def test_a_bill_does_not_follow_from_the_bills_of_the_others(
    corp: Book, people: dict[str, dict[str, Collection[int]]], expected: dict[str, tuple[int | None, int | None]]
) -> None:
    lay(corp, {scope: {} for scope in people})
    with transaction(corp.connection):
        for scope, models in people.items():
            corp.fetch(scope, "ai-credit-usage", MONDAY)
            for model, persons in models.items():
                row = {"scope": scope, "day": MONDAY, "model_name": model, "model": model}
                corp.insert("flat.ai_credit_usage", **row, gross_amount=len(persons))
                for person in persons:
                    corp.insert("flat.user_model_feature_daily", **row, feature="agent_edit", user_id=person)
    corp.build("weekly.spend_trend")
    rows = corp.rows("select scope, model, gross_amount from weekly.spend_trend")
    amounts = {(row["scope"], row["model"]): row["gross_amount"] for row in rows}
    assert {scope: (amounts[scope, "opus"], amounts[scope, "sonnet"]) for scope in people} == expected


def test_a_team_that_is_withheld_is_withheld_in_the_whole_enterprise(corp: Book) -> None:
    """Of a's nine people the team has seven; the enterprise has thirty, so there its seven would give nobody away."""
    people = {A: range(1, 10), ENTERPRISE: range(1, 31)}
    lay(corp, {scope: {} for scope in people})
    with transaction(corp.connection):
        for scope, persons in people.items():
            corp.fetch(scope, "user-teams-1-day", MONDAY)
            for person in persons:
                row = {"scope": scope, "day": MONDAY, "user_id": person}
                corp.insert("flat.user_daily", **row, user_initiated_interaction_count=1)
                teams = [team for team, members in {7: range(1, 8), 8: range(5, 31)}.items() if person in members]
                for team in teams:
                    corp.insert("flat.user_team_daily", **row, team_id=team, team_slug=f"team-{team}")
    corp.build("weekly.team_trend")
    rows = corp.rows(
        "select scope, team_id, active_people from weekly.team_trend where (team_id, week_start) = (7, ?)", MONDAY
    )
    assert [(row["scope"], row["active_people"]) for row in rows] == [(ENTERPRISE, None), (A, None)]


# --- Nothing is left to work out -------------------------------------------------------------------------------------

MEASURES = ("user_initiated_interaction_count", "code_generation_activity_count")
COHORT, ENTERPRISES, WEEKS = 5, 20, 10


class Cell(NamedTuple):
    """Who is behind a feature of a scope, and its numbers by measure."""

    people: frozenset[int]
    amounts: dict[str, int]


Enterprise = dict[str, dict[str, Cell]]
OUTSIDE = "outside"


def random_enterprise(number: int, dice: random.Random) -> Enterprise:
    """By scope and feature. Every scope has enough people of one feature: else its total alone would tell of few."""
    scopes = [f"org:e{number % ENTERPRISES}-{name}" for name in "abc"[: dice.randint(1, 3)]]
    parts: Enterprise = {}
    for place, scope in enumerate([*scopes, OUTSIDE][: len(scopes) + dice.randint(0, 1)]):
        pool = [number * 1000 + place * 100 + n for n in range(12)]
        sizes = {"base": dice.randint(5, 12)} | {part: dice.choice([0, 0, 1, 3, 4, 5, 7, 12]) for part in "wxyz"}
        parts[scope] = {
            part: Cell(
                frozenset(dice.sample(pool, size)),
                {name: dice.randint(1, 999) * (part == "base" or dice.random() < 0.8) for name in MEASURES},
            )
            for part, size in sizes.items()
            if size
        }
    whole: dict[str, Cell] = {}
    for cells in parts.values():
        for part, cell in cells.items():
            before = whole.get(part, Cell(frozenset(), dict.fromkeys(MEASURES, 0)))
            amounts = {name: before.amounts[name] + cell.amounts[name] for name in MEASURES}
            whole[part] = Cell(before.people | cell.people, amounts)
    return parts | {f"enterprise:e{number % ENTERPRISES}": whole}


def week_of(number: int) -> date:
    return MONDAY + timedelta(weeks=number // ENTERPRISES)


def lay_enterprises(book: Book, enterprises: list[Enterprise]) -> None:
    whole, parts, people = [], [], []
    for number, enterprise in enumerate(enterprises):
        for scope in enterprise.keys() - {OUTSIDE}:
            day = week_of(number)
            whole.append({"scope": scope, "day": day, "enterprise_id": str(number % ENTERPRISES)})
            for part, cell in enterprise[scope].items():
                row = {"scope": scope, "day": day, "feature": part}
                parts.append(row | cell.amounts)
                people += [row | {"user_id": person} for person in cell.people]
    book.expect(*{row["scope"] for row in whole}, start=MONDAY, today=week_of(ENTERPRISES * WEEKS))
    tables = {"entity_daily": whole, "entity_feature_daily": parts, "user_feature_daily": people}
    for table, rows in tables.items():
        with registered(book.connection, laid=pl.DataFrame(rows)):
            book.connection.execute(f"insert into flat.{table} by name from laid")


def determined(equations: list[dict[tuple[str, str], int]]) -> set[tuple[str, str]]:
    """The unknowns that have one solution, by elimination; right-hand sides are known and need not be."""
    solved: dict[tuple[str, str], dict[tuple[str, str], Fraction]] = {}
    for equation in equations:
        row = {name: Fraction(factor) for name, factor in equation.items()}
        for pivot, other in solved.items():
            if factor := row.get(pivot):
                row = {n: v for n in row | other if (v := row.get(n, Fraction()) - factor * other.get(n, Fraction()))}
        if not row:
            continue
        pivot = next(iter(row))
        row = {name: factor / row[pivot] for name, factor in row.items()}
        for known, other in solved.items():
            if factor := other.get(pivot):
                solved[known] = {
                    n: v for n in other | row if (v := other.get(n, Fraction()) - factor * row.get(n, Fraction()))
                }
        solved[pivot] = row
    return {pivot for pivot, row in solved.items() if len(row) == 1}


def worked_out(enterprise: Enterprise, withheld: set[tuple[str, str]], measure: str) -> set[tuple[str, str]]:
    """What follows from the totals of the scopes and from all that is told, where the scopes share nobody."""
    unknown = {
        (scope, part)
        for scope, cells in enterprise.items()
        for part, cell in cells.items()
        if cell.amounts[measure] and (scope == OUTSIDE or (scope, part) in withheld)
    }
    by_scope: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    by_part: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for scope, part in sorted(unknown):
        by_scope[scope][scope, part] = 1
        by_part[part][scope, part] = -1 if scope.startswith("enterprise") else 1
    return determined([*by_scope.values(), *by_part.values()])


def test_elimination_finds_what_is_determined() -> None:
    a, b, c, d = (("scope", name) for name in "abcd")
    assert determined([{a: 1, b: 1}, {b: 1, c: 1}]) == set()
    assert determined([{a: 1, b: 1}, {b: 1, c: 1}, {a: 1, c: 1}]) == {a, b, c}
    assert determined([{a: 1, b: 1}, {a: 1, b: 1, c: 1}, {c: 1, d: 1}]) == {c, d}


def test_nothing_that_is_withheld_for_its_people_can_be_worked_out(book: Book) -> None:
    dice = random.Random(20260907)
    enterprises = [random_enterprise(number, dice) for number in range(ENTERPRISES * WEEKS)]
    lay_enterprises(book, enterprises)
    book.build("weekly.feature_trend")
    rows = book.rows("select scope, feature, week_start from weekly.feature_trend where is_suppressed")
    withheld = {(row["week_start"], row["scope"], row["feature"]) for row in rows}
    tried = 0
    for number, enterprise in enumerate(enterprises):
        few = {
            (scope, part)
            for scope, cells in enterprise.items()
            for part, cell in cells.items()
            if len(cell.people) < COHORT
        }
        here = {(scope, part) for week, scope, part in withheld if week == week_of(number) and scope in enterprise}
        assert bool(here) == bool(few), "nothing is withheld for nothing"
        assert {(scope, part) for scope, part in few if scope != OUTSIDE} <= here
        for measure in MEASURES:
            assert not worked_out(enterprise, here, measure) & few
            for scope, cells in enterprise.items():
                left = [cells[part].people for name, part in here if name == scope and cells[part].amounts[measure]]
                assert not left or len(frozenset().union(*left)) >= COHORT, "what the total leaves is of few people"
            tried += len(few)
        for part, cell in next(cells for scope, cells in enterprise.items() if scope.startswith("ent")).items():
            told_people = {
                person
                for scope, cells in enterprise.items()
                if scope.startswith("org") and part in cells and (scope, part) not in here
                for person in cells[part].people
            }
            is_told = not any(scope.startswith("ent") and name == part for scope, name in here)
            assert not is_told or len(cell.people - told_people) not in range(1, COHORT)
    assert tried > 1000
