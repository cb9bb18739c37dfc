"""The layout of schema raw: a database says which it has, an older one is brought forward, a newer one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.warehouse import layout
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.layout import LAYOUT
from copilot_assets.warehouse.store import WarehouseError

# What version 1 wrote, before databases said which version they are of: its own words, with a row in every table.
VERSION_1 = """
create schema raw;
create table raw.records (
    scope varchar not null, report varchar not null, day date not null, seq bigint not null,
    payload json using compression zstd not null, fetch_id varchar not null
);
create table raw.fetches (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    requested_at timestamp not null, outcome varchar not null, http_status integer, records bigint, bytes bigint,
    sha256 varchar, evidence varchar not null, run_id varchar, headline json
);
alter table raw.fetches add column if not exists contract varchar;
create table raw.quarantine (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    place varchar not null, fault varchar not null, payload json not null
);
create table raw.unknown_fields (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    path varchar not null, json_type varchar not null, records bigint not null
);
create table raw.expected_reports (
    scope varchar not null, report varchar not null, start_day date not null, first_day date, retired_on date,
    lag_days integer not null, history_days integer not null, threshold_people integer, activity varchar,
    as_of date not null
);
create table raw.settings (min_cohort integer not null, seat_grace_days integer not null);
create table raw.plan_prices (plan_type varchar not null, usd_per_month double not null);
create table raw.events (day date not null, scope varchar not null, team_slug varchar, what varchar not null);
create table raw.forgotten (person bigint not null, forgotten_at timestamp not null);
create view raw.current_fetches as select * from raw.fetches
    where outcome in ('reported', 'no_report')
    qualify row_number() over (partition by scope, report, day order by requested_at desc, fetch_id desc) = 1;
create view raw.users_1_day as select * from raw.records where report = 'users-1-day';
create schema flat;
create table flat.user_daily (scope varchar, day date, user_id bigint);

insert into raw.records values ('org:a', 'users-1-day', '2026-09-01', 1, '{"n": 1.50}', 'f1');
insert into raw.fetches values
    ('f0', 'org:a', 'users-1-day', '2026-09-01', '2026-09-02 06:00:00', 'no_report', 204, null, null, null, 'No.', 'r', '{}', null),
    ('f1', 'org:a', 'users-1-day', '2026-09-01', '2026-09-02 07:00:00', 'reported', 200, 1, 11, 'ab', 'One.', 'r', '{}', 'c');
insert into raw.quarantine values ('f1', 'org:a', 'users-1-day', '2026-09-01', '$', 'is odd', '{}');
insert into raw.unknown_fields values ('f1', 'org:a', 'users-1-day', '2026-09-01', '$.x', 'integer', 1);
insert into raw.expected_reports values
    ('org:a', 'users-1-day', '2026-09-01', '2025-10-10', null, 3, 365, null, null, '2026-09-02');
insert into raw.settings values (5, 30);
insert into raw.plan_prices values ('business', 19);
insert into raw.events values ('2026-09-01', 'org:a', null, 'A training');
insert into raw.forgotten values (7, '2026-09-02');
insert into flat.user_daily values ('org:a', '2026-09-01', 3);
"""  # noqa: E501 - a row a line


def made_by_version_1(path: Path) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(VERSION_1)
    return path


def whole(path: Path) -> dict[str, list[Any]]:
    """Every table and view of a file but the one that names the layout; columns by name, as newer ones come last."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = "select schema_name || '.' || {0}_name from duckdb_{0}s() where not internal"
        found = connection.execute(f"{names.format('table')} union all {names.format('view')}").fetchall()
        return {
            name: [
                dict(zip([column[0] for column in result.description], row, strict=True)) for row in result.fetchall()
            ]
            for (name,) in sorted(found)
            if name != "raw.layout" and (result := connection.execute(f"from {name} order by all"))
        }


def version_of(path: Path) -> list[tuple[int]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("from raw.layout").fetchall()


def test_a_new_database_says_which_layout_it_has(tmp_path: Path) -> None:
    with DuckDBFile(tmp_path / "a.duckdb").connect():
        pass
    assert version_of(tmp_path / "a.duckdb") == [(LAYOUT,)]


def test_a_database_of_version_1_opens_without_loss(tmp_path: Path) -> None:
    path = made_by_version_1(tmp_path / "a.duckdb")
    before = whole(path)
    assert before["raw.current_fetches"][0]["fetch_id"] == "f1"
    with DuckDBFile(path).connect() as connection:
        assert connection.execute("select count(*) from raw.records").fetchall() == [(1,)]
    after = whole(path)
    assert version_of(path) == [(LAYOUT,)]
    assert [name for name in after.keys() - before.keys() if after[name]] == [], "what is new is empty"
    for name, rows in before.items():
        assert [{column: row[column] for column in rows[0]} for row in after[name]] == rows, name


@pytest.mark.parametrize("version", range(1, LAYOUT))
def test_a_database_of_every_layout_is_brought_forward_and_other_numbers_are_said_once(
    tmp_path: Path, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Each as its version left it: the tables of version 1, and the steps up to it."""
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(VERSION_1)
        for step in layout._STEPS[1:version]:
            connection.execute(step)
        if version > 1:
            connection.execute("insert into raw.layout values (?)", [version])
    with DuckDBFile(path).connect() as connection:
        assert connection.execute("from raw.layout").fetchall() == [(LAYOUT,)]
        assert connection.execute("select payload::varchar from raw.records").fetchall() == [('{"n": 1.50}',)]
        assert connection.execute("select fetch_id, entry_number from raw.fetches order by all").fetchall() == [
            ("f0", 1), ("f1", 2),
        ]  # fmt: skip
    said = [record.message for record in caplog.records if "Numbers of version" in record.message]
    assert ["weekly.licence_trend" in sentence for sentence in said] == [True] * (version < min(layout._NUMBERS))
    caplog.clear()
    with DuckDBFile(path).connect():
        pass
    with DuckDBFile(tmp_path / "new.duckdb").connect():
        assert not caplog.records, "nothing is said of a new database"


def test_one_of_before_version_1_gets_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(VERSION_1)
        connection.execute("drop view raw.current_fetches")
        connection.execute("alter table raw.fetches drop column contract")
        connection.execute("drop table raw.events")
    with DuckDBFile(path).connect() as connection:
        assert connection.execute("select contract from raw.current_fetches").fetchall() == [(None,)]
        assert connection.execute("from raw.events").fetchall() == []


def test_one_that_is_up_to_date_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with DuckDBFile(path).connect():
        pass
    before = path.read_bytes()
    with DuckDBFile(path).connect():
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("way", ["connect", "read"])
def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path, way: str) -> None:
    path = tmp_path / "a.duckdb"
    with DuckDBFile(path).connect() as connection:
        connection.execute("update raw.layout set version = version + 1")
    before = path.read_bytes()
    with pytest.raises(WarehouseError) as refused, getattr(DuckDBFile(path), way)():
        pass
    assert str(refused.value) == (
        f"{path} was written by a newer version of copilot-assets (layout {LAYOUT + 1}; this version knows {LAYOUT}). "
        "Nothing was changed. Install that version again, or set COPILOT_WAREHOUSE to another database."
    )
    assert path.read_bytes() == before


def test_a_step_that_fails_leaves_the_layout_there_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made_by_version_1(tmp_path / "a.duckdb")
    before = whole(path)
    steps = (*layout._STEPS, "create table raw.more (x integer); select * from raw.nowhere;")
    with monkeypatch.context() as patch:
        patch.setattr(layout, "_STEPS", steps)
        patch.setattr(layout, "LAYOUT", len(steps))
        with pytest.raises(duckdb.CatalogException), DuckDBFile(path).connect():
            pass
    assert whole(path) == before
    with DuckDBFile(path).connect():
        pass
    assert version_of(path) == [(LAYOUT,)]
