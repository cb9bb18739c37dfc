"""Every column of the weekly tables agrees with a recount that knows nothing of the SQL."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.people.identities import Identities
from copilot_assets.records import AiCreditUsage, BillLine, EntityDay, LegacyDay, Seat, UserDay, UserTeamDay
from copilot_assets.settings import IdentityMode
from tests.dbt_like_sql.conftest import Book, empty_warehouse
from tests.dbt_like_sql.recount.accounts import Accounts
from tests.dbt_like_sql.recount.history import (
    BILL,
    CORE,
    CORP,
    ENTITY,
    ENTITY_REPORT,
    HOLES,
    LEGACY,
    LINES,
    ORG,
    SEATS,
    START,
    TEAMS,
    TODAY,
    USERS,
    History,
    history,
)
from tests.dbt_like_sql.recount.legacy import Legacy
from tests.dbt_like_sql.recount.parts import Parts
from tests.dbt_like_sql.recount.people import People
from tests.dbt_like_sql.recount.phases import Phases
from tests.dbt_like_sql.recount.scope import is_of_ones_own
from tests.dbt_like_sql.recount.teams import Teams

RECORDS = {ENTITY: EntityDay, USERS: UserDay, TEAMS: UserTeamDay, SEATS: Seat, BILL: AiCreditUsage}
RECORDS |= {LEGACY: LegacyDay, LINES: BillLine}
TABLES = (
    *("user_trend", "feature_trend", "ide_trend", "language_trend", "model_trend", "team_trend", "cohort_retention"),
    *("monthly_cohort_retention", "event_effect", "adoption_phase_trend", "legacy_user_trend", "last_28_days"),
    *("licence_trend", "spend_trend", "bill_trend", "pull_request_trend"),
)


# Two weeks after the break; beside the holes of people; where the weeks after have not closed, or not begun.
EVENTS = ((ORG, date(2026, 10, 21)), (CORP, date(2026, 12, 2)), (ORG, date(2026, 12, 31)))


TEAM_EVENTS = (
    (ORG, date(2026, 11, 4), "team-21"),
    (ORG, date(2026, 12, 9), "team-23"),
    (ORG, date(2026, 10, 1), "nope"),
)
SCOPES = (ORG, CORP)


@dataclass(frozen=True)
class Counted:
    """A history in the warehouse, and how few of its people are not told of."""

    made: History
    few: int
    book: Book


# All of it as it is, of a dozen people; and as it is told to everybody.
@pytest.fixture(scope="module", params=[(12, 1), (40, 5)], ids=["exact", "told"])
def counted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    people, few = request.param
    made = history(people)
    folder = tmp_path_factory.mktemp("recount")
    with empty_warehouse(folder / "copilot.duckdb").connect() as connection:
        connection.execute("set threads = 1")
        connection.execute("update raw.settings set min_cohort = ?", [few])
        book = Book(connection)
        book.expect(ORG, CORP, CORE, start=START, today=TODAY, legacy=True, lines=True)
        land(book, made, folder)
        for scope, day in EVENTS:
            book.insert("raw.events", scope=scope, day=day, what="training")
        for scope, day, slug in TEAM_EVENTS:
            book.insert("raw.events", scope=scope, day=day, what="pairing", team_slug=slug)
        book.build(*(f"weekly.{table}" for table in TABLES))
        yield Counted(made, few, book)


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
        told |= {name: rows[0][name] for name in ("total_active_users", "total_engaged_users") if report == LEGACY}
        told |= {"total_seats": len({seat["assignee"]["id"] for seat in rows})} if report == SEATS else {}
        about = {"scope": scope, "report": name, "day": day, "fetch_id": f"fetch-{number}"}
        at = datetime.combine(day if report == SEATS else TODAY, time(3))
        is_report = outcome == "reported"
        fetches.append(
            {**about, "requested_at": at, "outcome": outcome, "entry_number": number}
            | {"http_status": None if report == LEGACY else status}  # out of an archive
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


def agree(counted: Counted, table: str, expected: Iterable[dict[str, Any]], *keys: str) -> None:
    """Both have the same rows with the same columns; of a break it is told whether there is one."""
    recounted = {tuple(row[key] for key in keys): row for row in expected}
    found = {tuple(row[key] for key in keys): row for row in counted.book.rows(f"from weekly.{table}")}
    assert sorted(map(str, found)) == sorted(map(str, recounted))
    differences = []
    for key, row in found.items():
        for name in {"series_break", "series_breaks"} & set(row):
            row[name] = row[name] is not None
        assert set(row) == set(recounted[key]), table
        for column, value in row.items():
            other = recounted[key][column]
            if isinstance(value, float | Decimal) and other is not None:
                other = pytest.approx(float(other))
                value = float(value)
            if value != other:
                differences.append((key, column, value, other))
    assert differences == []


def test_people_and_activity_of_scopes(counted: Counted) -> None:
    rows = [row for scope in SCOPES for row in People(counted.made, scope, counted.few).user_trend()]
    agree(counted, "user_trend", rows, "scope", "week_start")
    assert sum(row["active_people_change"] is not None for row in rows) > 15
    assert {row["user_days_compared"] for row in rows} >= {None, 0, 2, 5, 6, 7}, "weeks with holes"
    assert any(row["passive_people"] for row in rows)


@pytest.mark.parametrize(
    ("part", "breakdown"),
    [
        ("ide", "totals_by_ide"),
        ("feature", "totals_by_feature"),
        ("language", "totals_by_language_feature"),
        ("model", "totals_by_model_feature"),
    ],
)
def test_parts_of_scopes(counted: Counted, part: str, breakdown: str) -> None:
    rows = [row for scope in SCOPES for row in Parts(counted.made, scope, counted.few).part_trend(breakdown, part)]
    agree(counted, f"{part}_trend", rows, "scope", "week_start", part)


def test_cohorts(counted: Counted) -> None:
    scopes = [People(counted.made, scope, counted.few) for scope in SCOPES]
    rows = [row for scope in scopes for row in scope.cohort_retention()]
    agree(counted, "cohort_retention", rows, "scope", "cohort_week", "week_start")
    rows = [row for scope in scopes for row in scope.monthly_cohort_retention()]
    agree(counted, "monthly_cohort_retention", rows, "scope", "cohort_month", "week_start")
    assert len({row["cohort_month"] for row in rows}) > 2


def test_teams(counted: Counted) -> None:
    rows = list(Teams(counted.made, ORG, counted.few).team_trend())
    counted.book.connection.execute("delete from weekly.team_trend where scope <> ?", [ORG])
    agree(counted, "team_trend", rows, "week_start", "team_id")


def test_adoption_phases(counted: Counted) -> None:
    rows = [row for scope in SCOPES for row in Phases(counted.made, scope, counted.few).adoption_phase_trend()]
    agree(counted, "adoption_phase_trend", rows, "scope", "week_start", "phase_number")


def test_the_archive_of_the_legacy_metrics(counted: Counted) -> None:
    archives = [Legacy(counted.made, scope, counted.few) for scope in (ORG, CORE)]
    rows = [row for archive in archives for row in archive.legacy_user_trend()]
    counted.book.connection.execute("delete from weekly.legacy_user_trend where scope = ?", [CORP])
    agree(counted, "legacy_user_trend", rows, "scope", "week_start")
    assert {row["days_missing"] + row["days_below_threshold"] for row in rows} >= {0, 1, 2}
    windows = [row for archive in archives for row in archive.last_28_days()]
    agree(counted, "last_28_days", windows, "scope", "window_no")


def test_licences_and_what_they_cost(counted: Counted) -> None:
    everywhere: dict[int, set[date]] = defaultdict(set)
    passively: dict[int, set[date]] = defaultdict(set)
    for scope in SCOPES:
        for day, rows in counted.made.of(scope, USERS).items():
            for row in rows:
                (everywhere if is_of_ones_own(row) else passively)[row["user_id"]].add(day)
    trend = list(Accounts(counted.made, CORP, counted.few).licence_trend(everywhere, passively))
    agree(counted, "licence_trend", trend, "scope", "week_start")


def test_bills(counted: Counted) -> None:
    rows = [row for scope in SCOPES for row in Accounts(counted.made, scope, counted.few).spend_trend()]
    agree(counted, "spend_trend", rows, "scope", "week_start", "is_total", "model")


def test_bills_by_person(counted: Counted) -> None:
    rows = list(Accounts(counted.made, CORP, counted.few).bill_trend())
    assert {row["is_suppressed"] for row in rows} == ({False} if counted.few == 1 else {False, True})
    agree(counted, "bill_trend", rows, "scope", "week_start", "breakdown", "part")


def test_pull_requests(counted: Counted) -> None:
    rows = [row for scope in SCOPES for row in Accounts(counted.made, scope, counted.few).pull_request_trend()]
    agree(counted, "pull_request_trend", rows, "scope", "week_start")


def test_events(counted: Counted) -> None:
    rows = [r for scope, day in EVENTS for r in People(counted.made, scope, counted.few).event_effect(day, "training")]
    assert {row["days_compared"] for row in rows} > {0, 7}
    for scope, day, slug in TEAM_EVENTS:
        rows += Teams(counted.made, scope, counted.few).event_effect(day, "pairing", slug)
    agree(counted, "event_effect", rows, "scope", "team_slug", "day", "window_no")
