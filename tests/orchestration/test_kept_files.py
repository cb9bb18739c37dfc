"""What people kept of the reports gives the same tables as the reports themselves."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.flat.tables import tables_of
from copilot_assets.github.auth import BearerAuth
from copilot_assets.github.client import GitHubClient
from copilot_assets.github.clock import Clock
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.scopes import Scope
from copilot_assets.people.identities import Identities
from copilot_assets.records import EntityDay, UserDay
from copilot_assets.settings import IdentityMode
from copilot_assets.standin import Standin
from copilot_assets.warehouse.archive import import_archive
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.kept_days import read_archive
from copilot_assets.warehouse.landing import land
from tests.conftest import KEY, TODAY, clock, report_named
from tests.dbt_like_sql.conftest import Book, days, empty_warehouse

ENTERPRISE = Scope.parse("enterprise:octo-corp")
# All days of the per-user report that there are: the first that GitHub has of enterprises, and the last that is final.
FIRST, LAST = date(2025, 10, 10), TODAY - timedelta(days=3)
NEWEST = LAST - timedelta(days=27)
MODELS = ("people.user_week", "weekly.user_trend", "weekly.feature_trend", "weekly.cohort_retention")

pytestmark = pytest.mark.usefixtures("fixed_clock")


def backfill(standin: Standin, warehouse: DuckDBFile, report: str, first: date) -> None:
    """Fetch and land the days from the first on, as a run does, without Dagster's 355 partitions of it."""
    folder = warehouse.path.parent / report
    folder.mkdir()

    async def run() -> None:
        fetches: list[Fetch] = []

        async def deliver(arrived: dict[date, list[Fetch]]) -> None:
            fetches.extend(fetch for each in arrived.values() for fetch in each)

        async with GitHubClient(standin.api_url, BearerAuth("any"), clock=Clock(clock(lambda: TODAY))) as client:
            await client.fetch_days(report_named(report), [ENTERPRISE], days(first, LAST), folder, deliver)
        with warehouse.connect() as connection:
            land(connection, fetches, "run")

    asyncio.run(run())


def payloads(warehouse: DuckDBFile, report: str) -> dict[date, list[dict[str, Any]]]:
    by_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
    with warehouse.connect() as connection:
        for day, payload in connection.execute(
            "select day, payload::varchar from raw.records where report = ? order by day, seq", [report]
        ).fetchall():
            by_day[day].append(json.loads(payload))
    return by_day


def windows(by_day: dict[date, list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """The rows of each report of 28 days that was kept once a week: overlapping, newest first.

    All but the newest of a day tell other numbers, and one person more, as GitHub tells before it revises a day.
    """
    made = []
    told: set[date] = set()
    for last in (LAST - timedelta(days=7 * n) for n in range(51)):
        rows = []
        for day in (day for day in days(last - timedelta(days=27), last) if day in by_day):
            if day in told:
                rows.append({**by_day[day][0], "user_id": 99_999, "user_login": "gone"})
                rows += [{**row, "user_initiated_interaction_count": 1} for row in by_day[day]]
            else:
                rows += by_day[day]
        told.update(days(last - timedelta(days=27), last))
        span = {"report_start_day": str(last - timedelta(days=27)), "report_end_day": str(last)}
        made.append([span | row for row in rows])
    assert set(by_day) <= told
    return made


def whole(warehouse: DuckDBFile, key: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every flat table of people and of the enterprise, and what the models make of them."""
    with warehouse.connect() as connection:
        tables = []
        for record, report in ((UserDay, "users-1-day"), (EntityDay, "enterprise-1-day")):
            refresh_flat(connection, record, [report], Identities(IdentityMode.PSEUDONYM, key), full=True)
            tables += [f"flat.{table.name}" for table in tables_of(record)]
        book = Book(connection)
        book.expect(str(ENTERPRISE), start=FIRST, today=LAST + timedelta(days=1))
        book.build(*MODELS)
        return {name: connection.execute(f"from {name} order by all").fetchall() for name in (*tables, *MODELS)}


def test_a_year_of_kept_reports_of_28_days_gives_the_tables_of_a_backfill(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY.hex())
    backfilled, anew = (empty_warehouse(tmp_path / f"{name}.duckdb") for name in ("backfilled", "anew"))
    # Somebody worked on each of the last 28 days: that nobody did is told by GitHub's empty answer, by no kept file.
    with Standin(people=20, seed=10, today=TODAY) as standin:
        backfill(standin, backfilled, "users-1-day", FIRST)
        backfill(standin, backfilled, "enterprise-1-day", NEWEST)
    by_day, kept = payloads(backfilled, "users-1-day"), tmp_path / "kept"
    assert len(by_day) > 240, "nearly every working day"
    kept.mkdir()
    for number, rows in enumerate(windows(by_day)):
        name = f"{'even' if number % 2 == 0 else 'odd'}-{99 - number}.ndjson"  # read in this order, which is of no day
        (kept / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    totals = {
        "report_start_day": str(NEWEST),
        "report_end_day": str(LAST),
        "enterprise_id": "7",
        "day_totals": [row for rows in payloads(backfilled, "enterprise-1-day").values() for row in rows],
    }
    (kept / "enterprise-28-day.json").write_text(json.dumps(totals, indent=1))

    with read_archive([kept], TODAY, ENTERPRISE) as archive:
        told = import_archive(
            anew, archive, overwrite=False, run_id="run", today=TODAY, keep_out=lambda _, fetches: fetches
        )
    assert {each.report.name: (each.failed, each.broken) for each in told} == {
        "users-1-day": ([], 0),
        "enterprise-1-day": ([], 0),
    }
    tables = whole(backfilled, tmp_path / "key")
    assert all(len(tables[name]) > 20 for name in ("flat.user_daily", "flat.entity_daily", *MODELS))
    again = whole(anew, tmp_path / "key")
    for name, rows in tables.items():
        assert again[name] == rows, name
