"""What people kept of the reports gives the same tables as the reports themselves."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.flat.tables import tables_of
from copilot_assets.github.scopes import Scope
from copilot_assets.records import EntityDay, UserDay
from copilot_assets.warehouse.archive import import_archive
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.kept_days import read_archive
from tests.conftest import TODAY, Company

ORG = Scope.parse("org:octo-org")
FIRST, LAST = TODAY - timedelta(days=38), TODAY - timedelta(days=2)


def windows(by_day: dict[date, list[dict[str, Any]]]) -> dict[date, list[dict[str, Any]]]:
    """By its last day, the rows of each report of 28 days that was kept once a week: overlapping, newest first.

    All but the newest of a day tell other numbers, and one person more, as GitHub tells before it revises a day.
    """
    made = {}
    for last in sorted({*(LAST - timedelta(days=7 * n) for n in range(6))}, reverse=True):
        span = {"report_start_day": str(last - timedelta(days=27)), "report_end_day": str(last)}
        rows = []
        for day in (day for day in by_day if last - timedelta(days=28) < day <= last):
            is_newest = not any(last < later and day > later - timedelta(days=28) for later in made)
            told = (
                by_day[day]
                if is_newest
                else [
                    {**by_day[day][0], "user_id": 99_999, "user_login": "gone"},
                    *({**row, "user_initiated_interaction_count": 1} for row in by_day[day]),
                ]
            )
            rows += [span | row for row in told]
        made[last] = rows
    return made


def whole(warehouse: DuckDBFile, record: type, company: Company) -> dict[str, list[tuple[Any, ...]]]:
    with warehouse.connect() as connection:
        reports = ["users-1-day"] if record is UserDay else ["organization-1-day"]
        refresh_flat(connection, record, reports, company.installation.identities(), full=True)
        return {
            table.name: connection.execute(
                f"from flat.{table.name} where scope = '{ORG}' and day between '{FIRST}' and '{LAST}' order by all"
            ).fetchall()
            for table in tables_of(record)
        }


def test_kept_reports_of_28_days_give_the_tables_of_a_backfill(company: Company, tmp_path: Path) -> None:
    company.env["COPILOT_SCOPES"] = str(ORG)
    company.env["COPILOT_START_DATE"] = str(FIRST)
    assert company.load(FIRST, LAST, "raw.users_1_day", "raw.organization_1_day") == []
    backfilled = DuckDBFile(Path(company.env["COPILOT_WAREHOUSE"]))
    by_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
    with backfilled.connect() as connection:
        for day, payload in connection.execute(
            "select day, payload::varchar from raw.users_1_day order by day, seq"
        ).fetchall():
            by_day[day].append(json.loads(payload))
        entities = [
            json.loads(payload)
            for (payload,) in connection.execute("select payload::varchar from raw.organization_1_day").fetchall()
        ]
    kept = tmp_path / "kept"
    kept.mkdir()
    for last, rows in windows(by_day).items():
        (kept / f"users-{last}.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    totals = {
        "report_start_day": str(FIRST),
        "report_end_day": str(LAST),
        "organization_id": "7",
        "day_totals": entities,
    }
    (kept / "organization-28-day.json").write_text(json.dumps(totals, indent=1))

    anew = DuckDBFile(tmp_path / "anew.duckdb")
    with read_archive([kept], TODAY, ORG) as archive:
        told = import_archive(
            anew, archive, overwrite=False, run_id="run", today=TODAY, keep_out=lambda _, fetches: fetches
        )
    assert {each.report.name: (each.failed, each.broken) for each in told} == {
        "users-1-day": ([], 0),
        "organization-1-day": ([], 0),
    }
    for record in (UserDay, EntityDay):
        tables = whole(backfilled, record, company)
        assert sum(map(len, tables.values())) > 100
        assert whole(anew, record, company) == tables
