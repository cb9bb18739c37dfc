"""What a night writes into a lake: the rows that changed, and no table anew, for that would stay in the catalogue."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import duckdb
import polars as pl
import pytest

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.orchestration.assets.sql import build_sql_assets
from copilot_assets.orchestration.rebuild import deriving, replace_table
from copilot_assets.shell.migrate import make_tables
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse import ducklake
from copilot_assets.warehouse.store import TURNS
from copilot_assets.warehouse.tables import append, transaction
from tests.conftest import TODAY
from tests.lake.lakes import Lake, Worker, new_lake

if TYPE_CHECKING:
    from tests.postgres import Postgres

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


OF_ALL: Final = """\
/*
description: One row.
*/
select
  date '2026-09-07' as week_start, -- Monday  #not_null
  sum(people)::bigint as people -- people
from weekly.people
"""


def written(folder: Path, **files: str) -> Path:
    """A folder of models of schema weekly."""
    for name, text in files.items():
        path = folder / "models" / "weekly" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "models"


def people_come(lake: Lake, day: date, people: int) -> None:
    with lake.warehouse.connect("tables") as connection, transaction(connection):
        append(connection, [("flat.entity_daily", pl.DataFrame({"day": [day], "daily_active_users": [people]}))])


def night(lake: Lake, folder: Path) -> dg.ExecuteInProcessResult:
    """A run of the models as Dagster runs them."""
    assets = build_sql_assets(load_models(folder), ["flat.entity_daily"])
    return dg.materialize([assets], resources={"warehouse": lake.warehouse}, raise_on_error=False)


def told(lake: Lake) -> list[tuple[int, int]]:
    """What both tables held, one after another: the people of all weeks, by week and in all."""
    with lake.warehouse.connect() as connection:
        versions = connection.execute("select snapshot_id from ducklake_snapshots('warehouse') order by 1").fetchall()
        seen = []
        for (version,) in versions:
            with suppress(duckdb.CatalogException):  # from before the tables were made
                query = f"""
                    select (select sum(people) from weekly.people at (version => {version}))::int,
                        (select sum(people) from weekly.total at (version => {version}))::int
                """
                seen += connection.execute(query).fetchall()
    return [*dict.fromkeys(seen)]


@pytest.mark.parametrize("most_spilled", [2**30, -1])
def test_who_reads_meanwhile_sees_all_tables_of_a_night_or_none(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_spilled: int
) -> None:
    """Unless too much is to be built for one transaction: then one comes after another, and the same in the end."""
    monkeypatch.setattr("copilot_assets.orchestration.assets.sql._MOST_SPILLED_BYTES", most_spilled)
    folder = written(tmp_path, people=PER_WEEK, total=OF_ALL)
    people_come(lake, MONDAY, 3)
    assert night(lake, folder).success
    people_come(lake, SECOND_MONDAY, 4)
    assert night(lake, folder).success
    at_once = [(3, 3), (7, 7)]
    assert told(lake) == (at_once if most_spilled > 0 else [(3, 3), (7, 3), (7, 7)])


def test_nobody_lands_or_builds_while_a_night_is_built(lake: Lake, tmp_path: Path) -> None:
    """What they note to have changed would be taken for looked at."""
    held = []

    def draw(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
        asked = "select count(*) from pg_locks where locktype = ''advisory'' and granted"
        held.append(connection.execute(f"from postgres_query('turns', '{asked}')").fetchall())
        return {}

    people_come(lake, MONDAY, 3)
    assets = build_sql_assets(load_models(written(tmp_path, people=PER_WEEK)), ["flat.entity_daily"], draw=draw)
    assert dg.materialize([assets], resources={"warehouse": lake.warehouse}).success
    assert held == [[(len(TURNS),)]]


def test_a_query_that_is_refused_keeps_no_other_table_from_being_built(lake: Lake, tmp_path: Path) -> None:
    folder = written(tmp_path, people=PER_WEEK, total=OF_ALL, wrong=OF_ALL.replace("sum(people)", "error('no')"))
    people_come(lake, MONDAY, 3)
    result = night(lake, folder)
    assert {event.asset_key.path[1] for event in result.get_asset_materialization_events()} == {"people", "total"}
    (failure,) = result.get_step_failure_events()
    assert "weekly.wrong was not rebuilt" in str(failure.step_failure_data.user_failure_data.description)
    assert told(lake)[-1] == (3, 3)


def test_a_night_replaces_the_rows_that_changed_and_no_table(lake: Lake, tmp_path: Path) -> None:
    (per_week,) = load_models(written(tmp_path, people=PER_WEEK))

    def rebuilt() -> dict[str, Any]:
        with lake.warehouse.connect(*TURNS) as connection, deriving(connection) as known:
            return replace_table(connection, per_week, known)

    def schemas() -> list[tuple[int]]:
        with lake.warehouse.connect() as connection:
            return connection.execute(SCHEMAS).fetchall()

    people_come(lake, MONDAY, 3)
    rebuilt()
    before = schemas()
    assert rebuilt() == {"rows_changed": 0, "weeks_changed": []}
    people_come(lake, SECOND_MONDAY, 4)
    assert rebuilt() == {
        "rows_changed": 1,
        "weeks_changed": [str(SECOND_MONDAY)],
        "rebuilt_from": str(SECOND_MONDAY),
    }
    assert schemas() == before
    with lake.warehouse.connect() as connection:
        assert connection.execute("from weekly.people order by all").fetchall() == [(MONDAY, 3), (SECOND_MONDAY, 4)]


METADATA: Final = "__ducklake_metadata_warehouse"


def test_all_tables_are_made_at_once_and_have_statistics(lake: Lake) -> None:
    """Tables of another version of the schema, and those without statistics, take long to ask."""
    with lake.warehouse.connect() as connection:
        versions = f"select count(distinct schema_version) from {METADATA}.ducklake_inlined_data_tables"
        known = f"select table_id from {METADATA}.ducklake_table_stats"
        without = f"select count(*) from {METADATA}.ducklake_table where table_id not in ({known})"
        rows = {name: connection.execute(f"select count(*) from {name}").fetchall() for name in tables(connection)}
        assert connection.execute(versions).fetchall() == [(2,)]  # schema raw, and all others
        assert connection.execute(without).fetchall() == [(0,)]
        newest = connection.execute("select max(day) from raw.fetches").fetchall()
    assert {model.table for model in load_models()} | {f"flat.{table.name}" for table in FLAT_TABLES} <= rows.keys()
    assert {name for name, found in rows.items() if found != [(0,)]} == {"raw.layout"}
    assert newest == [(None,)]


def test_the_first_days_make_no_table_and_no_view(worker: Worker) -> None:
    before = worker.sql(SCHEMAS)
    day = TODAY - timedelta(days=3)
    assert worker.fetch(day, day, "users-1-day", "organization-1-day") == []
    worker.flatten("users-1-day", "organization-1-day")
    worker.build()
    assert worker.sql("select count(*) > 0 from raw.users_1_day, weekly.user_trend") == [(True,)]
    assert worker.sql(SCHEMAS) == before


def test_whoever_is_killed_while_they_are_made_leaves_no_row(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = new_lake(server, tmp_path / "new")
    with monkeypatch.context() as patch:
        patch.setattr(ducklake, "_any_of", lambda data_type: f"(select error('killed')::{data_type})")
        with pytest.raises(duckdb.Error, match="killed"):
            new.warehouse.migrate(make_tables)
    with new.warehouse.connect() as connection:
        connection.execute("insert into raw.events select '2000-01-01', '0', null, '0'")
        connection.execute("insert into weekly.bill_trend default values")
    new.warehouse.migrate(make_tables)
    with new.warehouse.connect() as connection:
        assert connection.execute("from raw.events").fetchall() == []
        assert connection.execute("from weekly.bill_trend").fetchall() == []


def test_a_table_that_an_older_version_cannot_fill_is_left_to_its_run(lake: Lake) -> None:
    """And the command that brings the lake forward goes on."""
    with lake.warehouse.connect(*TURNS) as connection:
        connection.execute("drop table weekly.user_trend")
        connection.execute("drop table quality.weekly_coverage")
        connection.execute("create table quality.weekly_coverage as select 1 as of_an_older_version")
    lake.warehouse.migrate(make_tables)
    with lake.warehouse.connect() as connection:
        assert "weekly.user_trend" not in tables(connection)
        connection.execute("drop table quality.weekly_coverage")
    lake.warehouse.migrate(make_tables)
    with lake.warehouse.connect() as connection:
        assert {"weekly.user_trend", "quality.weekly_coverage"} <= tables(connection)


def tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    query = "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'warehouse'"
    return {name for (name,) in connection.execute(query).fetchall()}


@pytest.mark.parametrize("is_of_before", [False, True])
def test_a_day_of_a_large_company_is_written_in_less_memory_than_it_takes(lake: Lake, is_of_before: bool) -> None:
    """A file of Parquet is written group by group, each of them whole in memory: DuckDB's own are of 122,880 rows."""
    if is_of_before:  # made by a version that left it to DuckDB, and migrated since
        with lake.warehouse.connect() as connection:
            connection.execute(
                "delete from __ducklake_metadata_warehouse.ducklake_metadata where key = 'parquet_row_group_size'"
            )
        lake.warehouse.migrate(make_tables)
    with lake.warehouse.connect() as connection:
        connection.execute("set memory_limit = '200MB'")
        connection.execute(
            "insert into raw.records by name select 'org:octo-org' as scope, 'users-1-day' as report, "
            "date '2026-09-07' as day, seq, json_object('text', repeat(md5(seq::varchar), 125)) as payload, "
            "'f' as fetch_id from range(100_000) as t(seq)"
        )
        assert connection.execute("select count(*), sum(length(payload)) from raw.records").fetchall() == [
            (100_000, 100_000 * (32 * 125 + len('{"text":""}')))
        ]
