"""What a night writes into a lake: the rows that changed, and no table anew, for that would stay in the catalogue."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from copilot_assets.flat.refresh import make_tables
from copilot_assets.orchestration.rebuild import deriving, replace_table
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.tables import append, transaction
from tests.lake.lakes import Lake

PER_WEEK: Final = """\
/*
description: One row per ISO week.
incremental: week_start
*/
select
  date_trunc('week', day)::date as week_start, -- Monday
  sum(daily_active_users)::bigint as people -- people
from flat.entity_daily
where day >= coalesce(getvariable('since'), date '0001-01-01')
group by all
"""
MONDAY: Final = date(2026, 9, 7)
SECOND_MONDAY: Final = MONDAY + timedelta(7)
SCHEMAS: Final = "select count(*) from __ducklake_metadata_warehouse.ducklake_schema_versions"


def test_a_night_replaces_the_rows_that_changed_and_no_table(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "models" / "weekly" / "people.sql"
    path.parent.mkdir(parents=True)
    path.write_text(PER_WEEK)
    (per_week,) = load_models(tmp_path / "models")
    with lake.warehouse.connect("tables") as connection:
        make_tables(connection)

        def people_come(day: date, people: int) -> None:
            with transaction(connection):
                append(connection, "flat.entity_daily", pl.DataFrame({"day": [day], "daily_active_users": [people]}))

        def rebuilt() -> dict[str, Any]:
            with deriving(connection) as known:
                return replace_table(connection, per_week, known)

        people_come(MONDAY, 3)
        rebuilt()
        before = connection.execute(SCHEMAS).fetchall()
        assert rebuilt() == {"rows_changed": 0, "weeks_changed": []}
        people_come(SECOND_MONDAY, 4)
        assert rebuilt() == {
            "rows_changed": 1,
            "weeks_changed": [str(SECOND_MONDAY)],
            "rebuilt_from": str(SECOND_MONDAY),
        }
        assert connection.execute(SCHEMAS).fetchall() == before
        assert connection.execute("from weekly.people order by all").fetchall() == [(MONDAY, 3), (SECOND_MONDAY, 4)]
