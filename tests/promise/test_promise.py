"""The promise about people (docs/privacy.md), attacked on random companies; and that the attack finds what it should.

`PROMISE_COMPANIES=200` looks at more of them. A rule that is switched off, by another text of a model, must be found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.dbt_like_sql.conftest import MODELS, Book, empty_warehouse, made_from
from tests.promise.attack import leaks
from tests.promise.columns import ALIKE, DERIVED, NO_DOINGS, OF_NOBODY, SENTENCES, TABLES, published
from tests.promise.company import Company, company, lay
from tests.promise.ranges import left_alone

COMPANIES = int(os.environ.get("PROMISE_COMPANIES", "12"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Book, list[Company]]]:
    companies = [company(number) for number in range(COMPANIES)]
    with empty_warehouse(tmp_path_factory.mktemp("promise") / "copilot.duckdb").connect() as connection:
        book = Book(connection)
        lay(book, companies)
        book.build()
        yield book, companies


def test_nothing_of_few_people_stands_there_or_follows(world: tuple[Book, list[Company]]) -> None:
    found = published(*world)
    told_numbers = [number for each in found for number in each.numbers if number.told]
    assert {number.column.split(".")[0] for number in told_numbers} >= {
        table.split(".")[1] for table in TABLES if table.startswith("weekly.")
    }, "nothing to attack"
    assert len(told_numbers) > 200 * len(found)
    assert {number.column for number in told_numbers} >= {"budget_status.used_amount", "bill_trend.net_amount"}
    assert {share.column.split(".")[1] for each in found for share in each.shares if share.told is not None} >= SHARES
    assert leaks(found) == set()


def test_between_totals_and_rounded_groups_no_number_of_few_is_left_alone(world: tuple[Book, list[Company]]) -> None:
    assert left_alone(world[0]) == set()


def test_the_ranges_find_zeros_that_are_told(world: tuple[Book, list[Company]]) -> None:
    book, _ = world
    rule = "when n.amount = 0 and p.breakdown = 'people'"
    with undone(book, "people.weekly_part", {rule: "when false and p.breakdown = 'people'"}):
        assert "lapsed_people" in left_alone(book)


def test_every_number_that_is_published_is_attacked_or_of_no_doings(world: tuple[Book, list[Company]]) -> None:
    book, _ = world
    found = published(*world)
    attacked = {each.column for company in found for each in (*company.numbers, *company.shares)}
    attacked = {column.removesuffix(" of a single day") for column in attacked}
    attacked |= {column.removesuffix(" of a team") for column in attacked}
    attacked |= {column.removesuffix(" in total") for column in attacked}
    numeric = book.rows(
        "select table_schema || '.' || table_name as place, table_name || '.' || column_name as column, column_name "
        "from information_schema.columns where table_schema in ('weekly', 'quality') "
        "and data_type not in ('VARCHAR', 'BOOLEAN', 'DATE', 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMP', 'JSON')"
    )
    known = NO_DOINGS | DERIVED | ALIKE
    left = {row["column"] for row in numeric if row["place"] not in OF_NOBODY and row["column_name"] not in known}
    assert left - attacked == set()
    published_tables = {model.table for model in MODELS if model.schema in ("weekly", "quality")}
    assert published_tables == set(TABLES) | OF_NOBODY | SENTENCES


SHARES = {
    *("completion_acceptance_rate", "acceptance_rate", "line_acceptance_rate", "completion_line_acceptance_rate"),
    *("active_share", "retention", "interactions_per_active_day", "pull_requests_created_per_active_day"),
}
ROUNDED = "else (sign(n.amount) * greatest(1, round(abs(n.amount) / step)) * step)::decimal(38, 9)"
OWN_NUMBERS = "coalesce(b.people_with_any, p.people)"
ANY_NUMBER = (
    "or greatest(\n                user_initiated_interaction_count, code_generation_activity_count, "
    "code_acceptance_activity_count,\n                loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum\n"
    "            ) > 0"
)
MUTATIONS = {
    "teams are told as they are, and less the scope they are few": (
        *("people.weekly_part", {ROUNDED: "else n.amount"}, "team_trend.loc_added_sum"),
    ),
    "differences between reports are numbers": (
        "quality.reconciliation",
        {
            "and (not is_of_people or people >= (select min_cohort from raw.settings))": "",
            "    one > other as is_first_larger,": "    one - other as difference, one > other as is_first_larger,",
        },
        "reconciliation.difference",
    ),
    "rows of zeros count as people": (
        "people.weekly_part",
        {ANY_NUMBER: "or true", OWN_NUMBERS: "p.people"},
        "language_trend.people",
    ),
    "people of a part count for each of its numbers": (
        *("people.weekly_part", {OWN_NUMBERS: "p.people"}, "ide_trend.loc_added_sum"),
    ),
    "an exact share stands beside an exact total": (
        "weekly.user_trend",
        {
            "if(generations > 0 and acceptances > generations, 1, acceptances / nullif(generations, 0))::double": (
                "(select sum(f.code_acceptance_activity_count) / nullif(sum(f.code_generation_activity_count), 0) "
                "from flat.entity_feature_daily as f where f.scope = compared.scope and f.feature = 'code_completion' "
                "and date_trunc('week', f.day) = compared.week_start)::double"
            )
        },
        "user_trend.completion_acceptance_rate",
    ),
    "of a phase's days of activity everybody with a row is behind": (
        *("people.weekly_part", {"            days_active, user_initiated": "            user_initiated"}),
        "adoption_phase_trend.days_active",
    ),
    "idle seats are told by their price": (
        "weekly.licence_trend",
        {"else round(p.idle_usd_per_month * t.idle / nullif(t.idle_people, 0), -1)": "else p.idle_usd_per_month"},
        "licence_trend.idle_list_price_usd_per_month",
    ),
    "people of some of a week's days are told beside all of them": (
        "weekly.event_effect",
        {
            "when u.people_after >= g.min_cohort then round(u.people_after / g.min_cohort) * g.min_cohort": (
                "else u.people_after"
            )
        },
        "event_effect.active_people_after",
    ),
    "people with an unknown field are told": (
        *("quality.schema_drift", {"if(u.report = 'users-1-day', null, sum(u.records))": "sum(u.records)"}),
        "schema_drift.records",
    ),
    "revisions of people are told by their records": (
        *("quality.revisions", {"if(r.report = 'users-1-day', null, r.records)": "r.records"}, "revisions.records"),
    ),
    "legacy teams are told whatever their size": (
        "people.legacy_day",
        {
            "total_active_users >= min_cohort then": "true then",
            "total_engaged_users >= min_cohort then": "true then",
            "is_team and (": "false and (",
        },
        *("legacy_user_trend.active_users of a team", "last_28_days.engaged_users of a team"),
    ),
    "legacy teams are told by day": (
        *("quality.day_status", {"if(is_team, null, active_people)": "active_people"}),
        "day_status.active_people of a team",
    ),
    "groups of few are told": (
        "people.weekly_part",
        {
            "(p.people >= fewest) is not true and (coalesce(p.people, 0) > 0 or k.is_more)": "false",
            "when (n.people >= p.min_cohort) is not true then null": "when false then null",
        },
        "user_trend.new_people",
    ),
    "the people of a week's only day are told beside those GitHub counts": (
        *("weekly.user_trend", {"when o.scope is not null then r.active": ""}),
        "user_trend.active_people of a single day",
    ),
    "what GitHub counts of a part is told": (
        "quality.budget_status",
        {"is_whole or m.min_cohort = 1 as tells_all": "true as tells_all"},
        "budget_status.used_amount",
    ),
    "what the bill by person has of a part is told as it is": (
        *("people.weekly_part", {ROUNDED: "else n.amount"}, "budget_status.billed_amount", "bill_trend.net_amount"),
    ),
    "records of people are told beside those GitHub counts": (
        *("quality.day_status", {"if(report = 'users-1-day', null, records)": "records"}, "day_status.records"),
    ),
}


@contextmanager
def undone(book: Book, table: str, texts: dict[str, str]) -> Iterator[None]:
    """All tables as another text of a model makes them."""
    book.connection.execute("begin")
    try:
        for model in MODELS:
            if model.table == table or (table in made_from(model.table) and model.table in made_from(*TABLES)):
                sql = model.sql
                for text, other in texts.items() if model.table == table else ():
                    assert text in sql, "the rule is written differently now"
                    sql = sql.replace(text, other)
                book.connection.execute(f"create or replace table {model.table} as {sql}")
        yield
    finally:
        book.connection.execute("rollback")


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_the_attack_finds_a_rule_that_is_switched_off(
    world: tuple[Book, list[Company]], mutation: tuple[Any, ...]
) -> None:
    book, companies = world
    table, texts, *columns = mutation
    with undone(book, table, texts):
        found = leaks(published(book, companies))
    assert set(columns) <= found, found
