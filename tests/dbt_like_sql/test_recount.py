"""Every column of the weekly tables agrees with a recount that knows nothing of the SQL."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.people.identities import Identities
from copilot_assets.records import AiCreditUsage, EntityDay, Seat, UserDay, UserTeamDay
from copilot_assets.settings import IdentityMode
from tests.dbt_like_sql.conftest import Book, empty_warehouse
from tests.dbt_like_sql.recount.accounts import Accounts
from tests.dbt_like_sql.recount.history import (
    BILL,
    CORP,
    ENTITY,
    ENTITY_REPORT,
    HOLES,
    ORG,
    SEATS,
    START,
    TEAMS,
    TODAY,
    USERS,
    History,
    history,
)
from tests.dbt_like_sql.recount.parts import Parts
from tests.dbt_like_sql.recount.people import People
from tests.dbt_like_sql.recount.teams import Teams

RECORDS = {ENTITY: EntityDay, USERS: UserDay, TEAMS: UserTeamDay, SEATS: Seat, BILL: AiCreditUsage}
TABLES = (
    *("user_trend", "feature_trend", "ide_trend", "language_trend", "model_trend", "team_trend", "cohort_retention"),
    *("monthly_cohort_retention", "event_effect"),
    *("licence_trend", "spend_trend", "pull_request_trend"),
)


# Two weeks after the break; beside the holes of people; where the weeks after have not closed, or not begun.
EVENTS = ((ORG, date(2026, 10, 21)), (CORP, date(2026, 12, 2)), (ORG, date(2026, 12, 31)))


@pytest.fixture(scope="module")
def made() -> History:
    return history()


@pytest.fixture(scope="module")
def book(made: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    folder = tmp_path_factory.mktemp("recount")
    with empty_warehouse(folder / "copilot.duckdb").connect() as connection:
        connection.execute("set threads = 1")
        connection.execute("update raw.settings set min_cohort = 1")
        book = Book(connection)
        book.expect(ORG, CORP, start=START, today=TODAY)
        land(book, made, folder)
        for scope, day in EVENTS:
            book.insert("raw.events", scope=scope, day=day, what="training")
        book.build(*(f"weekly.{table}" for table in TABLES))
        yield book


def land(book: Book, made: History, folder: Path) -> None:
    """The ledger and the records as a fetch of everything today leaves them, and the flat tables made of them."""
    fetches, records = [], []
    asked = {key: (200, "reported", rows) for key, rows in made.records.items()}
    for (scope, report), holes in HOLES.items():
        for day, outcome in holes.items():
            if outcome:
                asked[scope, report, day] = (403 if outcome == "forbidden" else 503, outcome, [])
    for number, ((scope, report, day), (status, outcome, rows)) in enumerate(asked.items()):
        name = ENTITY_REPORT[scope] if report == ENTITY else report
        told = {"daily_active_users": rows[0]["daily_active_users"]} if report == ENTITY and rows else {}
        told |= {"total_seats": len({seat["assignee"]["id"] for seat in rows})} if report == SEATS else {}
        about = {"scope": scope, "report": name, "day": day, "fetch_id": f"fetch-{number}"}
        at = datetime.combine(day if report == SEATS else TODAY, time(3))
        is_report = outcome == "reported"
        fetches.append(
            {**about, "requested_at": at, "outcome": outcome, "http_status": status, "entry_number": number}
            | {"sha256": f"sha-{number}" if is_report else None, "records": len(rows) if is_report else None}
            | {"evidence": "A sentence.", "headline": json.dumps(told)}
        )
        records += [{**about, "seq": seq, "payload": json.dumps(row)} for seq, row in enumerate(rows)]
    for table, frame in (
        ("fetches", pl.DataFrame(fetches, infer_schema_length=None)),
        ("records", pl.DataFrame(records)),
    ):
        book.connection.register("frame", frame)
        book.connection.execute(f"insert into raw.{table} by name select * from frame")
        book.connection.unregister("frame")
    identities = Identities(IdentityMode.LOGIN, folder / "none.key")
    for report, record in RECORDS.items():
        refresh_flat(
            book.connection, record, list(ENTITY_REPORT.values()) if report == ENTITY else [report], identities
        )


def agree(book: Book, table: str, expected: Iterable[dict[str, Any]], *keys: str) -> None:
    """Both have the same rows with the same columns; of a break it is told whether there is one."""
    recounted = {tuple(row[key] for key in keys): row for row in expected}
    found = {tuple(row[key] for key in keys): row for row in book.rows(f"from weekly.{table}")}
    assert sorted(map(str, found)) == sorted(map(str, recounted))
    differences = []
    for key, row in found.items():
        for name in {"series_break", "series_breaks"} & set(row):
            row[name] = row[name] is not None
        assert set(row) == set(recounted[key]), table
        for column, value in row.items():
            other = recounted[key][column]
            if isinstance(value, float) and other is not None:
                other = pytest.approx(float(other))
            if value != other:
                differences.append((key, column, value, other))
    assert differences == []


def test_people_and_activity_of_scopes(book: Book, made: History) -> None:
    rows = [row for scope in (ORG, CORP) for row in People(made, scope).user_trend()]
    agree(book, "user_trend", rows, "scope", "week_start")
    assert sum(row["active_people_change"] is not None for row in rows) > 15
    assert {row["user_days_compared"] for row in rows} >= {None, 0, 2, 5, 6, 7}, "weeks with holes"


@pytest.mark.parametrize(
    ("part", "breakdown"),
    [
        ("ide", "totals_by_ide"),
        ("feature", "totals_by_feature"),
        ("language", "totals_by_language_feature"),
        ("model", "totals_by_model_feature"),
    ],
)
def test_parts_of_scopes(book: Book, made: History, part: str, breakdown: str) -> None:
    rows = [row for scope in (ORG, CORP) for row in Parts(made, scope).part_trend(breakdown, part)]
    agree(book, f"{part}_trend", rows, "scope", "week_start", part)


def test_cohorts(book: Book, made: History) -> None:
    rows = [row for scope in (ORG, CORP) for row in People(made, scope).cohort_retention()]
    agree(book, "cohort_retention", rows, "scope", "cohort_week", "week_start")
    rows = [row for scope in (ORG, CORP) for row in People(made, scope).monthly_cohort_retention()]
    agree(book, "monthly_cohort_retention", rows, "scope", "cohort_month", "week_start")
    assert len({row["cohort_month"] for row in rows}) > 2


def test_teams(book: Book, made: History) -> None:
    rows = list(Teams(made, ORG).team_trend())
    book.connection.execute("delete from weekly.team_trend where scope <> ?", [ORG])
    agree(book, "team_trend", rows, "week_start", "team_id")


def test_licences_and_what_they_cost(book: Book, made: History) -> None:
    everywhere: dict[int, set[date]] = defaultdict(set)
    for scope in (ORG, CORP):
        for day, rows in made.of(scope, USERS).items():
            for row in rows:
                everywhere[row["user_id"]].add(day)
    agree(book, "licence_trend", Accounts(made, CORP).licence_trend(everywhere), "scope", "week_start")


def test_bills(book: Book, made: History) -> None:
    rows = [row for scope in (ORG, CORP) for row in Accounts(made, scope).spend_trend()]
    agree(book, "spend_trend", rows, "scope", "week_start", "is_total", "model")


def test_pull_requests(book: Book, made: History) -> None:
    rows = [row for scope in (ORG, CORP) for row in Accounts(made, scope).pull_request_trend()]
    agree(book, "pull_request_trend", rows, "scope", "week_start")


def test_events(book: Book, made: History) -> None:
    rows = [row for scope, day in EVENTS for row in People(made, scope).event_effect(day, "training")]
    agree(book, "event_effect", rows, "scope", "day", "window_no")
    assert {row["days_compared"] for row in rows} > {0, 7}
