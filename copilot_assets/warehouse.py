"""The warehouse: the one DuckDB file, how it is opened, and the only ways to change what is in it.

Short connections, one transaction per replacement, additive schema changes. What the rows mean is not known here,
and neither is Dagster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import polars as pl

from copilot_assets.contract import Column
from copilot_assets.github.client import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import Report

# DuckDB 2.0 writes files that 1.x can't open unless it is told to; people's BI tools bring their own version.
_STORAGE_VERSION: Final = "v1.5.0"

# raw: what came, and a row for every attempt. `records`, `bytes` and `sha256` are null unless reported.
_RAW_DDL: Final = """
create schema if not exists raw;
create table if not exists raw.records (
    scope varchar not null, report varchar not null, day date not null, seq bigint not null,
    payload json not null, fetch_id varchar not null
);
create table if not exists raw.fetches (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    requested_at timestamp not null, outcome varchar not null, http_status integer, records bigint, bytes bigint,
    sha256 varchar, evidence varchar not null, run_id varchar, headline json
);
create table if not exists raw.expected_reports (
    scope varchar not null, report varchar not null, start_day date not null, first_day date, retired_on date,
    lag_days integer not null, history_days integer not null, threshold_people integer, activity varchar,
    as_of date not null
);
create or replace view raw.current_fetches as
    select * from raw.fetches
    where outcome in ('reported', 'no_report')
    qualify row_number() over (partition by scope, report, day order by requested_at desc, fetch_id desc) = 1;
"""


class WarehouseError(Exception):
    """The file can't be opened or written. The message says why and what to do."""


@dataclass(frozen=True)
class ExpectedReport:
    """One row of `raw.expected_reports`: what one scope is asked for, and the rules that GitHub has for it."""

    scope: str
    report: str
    start_day: str
    first_day: str | None
    retired_on: str | None
    lag_days: int
    history_days: int
    threshold_people: int | None
    activity: str | None
    as_of: str


class Warehouse:
    """The DuckDB file at a path, made at first use.

    DuckDB lets one process in at a time, so connect late and leave at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_prepared = False

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the schema `raw` in place, closed at the end whatever happens.

        Raises:
            WarehouseError: another process holds the file, or it is no DuckDB file, or can't be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = duckdb.connect(str(self.path), config={"storage_compatibility_version": _STORAGE_VERSION})
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(_why_not_opened(self.path, error)) from None
        try:
            if not self._is_prepared:
                connection.execute(_RAW_DDL)
                self._is_prepared = True
            yield connection
        finally:
            connection.close()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing of what is done inside."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def land(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], run_id: str) -> Sequence[Fetch]:
    """Enter the fetches of one day into the ledger and replace what each of them was asked for, in one transaction.

    An answer replaces the records of its (scope, report, day), also by none; a failure or refusal leaves them.
    An answer with the content that is already there changes nothing but the ledger.

    Returns:
        the fetches as entered: when DuckDB refuses the records of the day, none of them is written, and they failed.

    Raises:
        duckdb.Error: the file can't be written; nothing of it was.
    """
    try:
        _land(connection, fetches, run_id)
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        sentence = f"DuckDB could not store the records of this day ({type(error).__name__}). Run this day again."
        fetches = [
            replace(
                fetch, outcome=Outcome.FAILED, evidence=sentence, records=None, bytes=None, sha256=None, headline={}
            )
            if fetch.outcome is Outcome.REPORTED
            else fetch
            for fetch in fetches
        ]
        _land(connection, fetches, run_id)
    return fetches


def _land(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], run_id: str) -> None:
    with transaction(connection):
        for fetch in fetches:
            key = [str(fetch.scope), fetch.report.name, fetch.day]
            if fetch.outcome.is_answer and not _is_unchanged(connection, key, fetch):
                connection.execute("delete from raw.records where scope = ? and report = ? and day = ?", key)
                _insert_records(connection, key, fetch)
            _insert_fetch(connection, key, fetch, run_id)


def _is_unchanged(connection: duckdb.DuckDBPyConnection, key: list[object], fetch: Fetch) -> bool:
    current = connection.execute(
        "select outcome, sha256 from raw.current_fetches where scope = ? and report = ? and day = ?", key
    ).fetchall()
    return current == [(fetch.outcome.value, fetch.sha256)]


def _insert_records(connection: duckdb.DuckDBPyConnection, key: list[object], fetch: Fetch) -> None:
    before = 0
    for file in fetch.files:
        # The layout is known, so DuckDB need not guess it; the limit is on one record, 16 MB unless raised.
        rows = connection.execute(
            f"""
            insert into raw.records by name
            select ? as scope, ? as report, ?::date as day, row_number() over () + ? as seq, json as payload,
                ? as fetch_id
            from read_json_objects(?, format = '{file.layout}', maximum_object_size = {max(file.longest + 1, 2**24)})
            """,
            [*key, before, fetch.fetch_id, str(file.path)],
        ).fetchall()
        before += rows[0][0]
    if fetch.outcome is Outcome.REPORTED and before != fetch.records:
        raise duckdb.DataError(f"DuckDB read {before} records where {fetch.records} had been counted.")


def _insert_fetch(connection: duckdb.DuckDBPyConnection, key: list[object], fetch: Fetch, run_id: str) -> None:
    connection.execute(
        "insert into raw.fetches values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            fetch.fetch_id,
            *key,
            fetch.requested_at,
            fetch.outcome.value,
            fetch.http_status,
            fetch.records,
            fetch.bytes,
            fetch.sha256,
            fetch.evidence,
            run_id,
            msgspec.json.encode(fetch.headline).decode(),
        ],
    )


def expect(connection: duckdb.DuckDBPyConnection, expected: Iterable[ExpectedReport]) -> None:
    """Note which reports each scope is asked for, so that a day nobody asked for is a hole too.

    Scopes that are no longer configured keep their rows: their history is still explained.
    """
    with transaction(connection):
        for row in expected:
            connection.execute(
                "delete from raw.expected_reports where scope = ? and report = ?", [row.scope, row.report]
            )
            connection.execute(
                "insert into raw.expected_reports values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", list(vars(row).values())
            )


def make_report_view(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """`raw.<report>`: the records of one report, so that an asset's key is a table's name."""
    connection.execute(
        f"create or replace view raw.{report.table} as select * from raw.records where report = '{report.name}'"
    )


def ensure_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str, columns: Sequence[Column]) -> None:
    """Create a table, or add the columns it lacks; nothing is ever dropped or retyped."""
    connection.execute(f"create schema if not exists {schema}")
    definition = ", ".join(f'"{column.name}" {column.dtype}' for column in columns)
    connection.execute(f"create table if not exists {schema}.{table} ({definition})")
    for column in columns:
        connection.execute(f'alter table {schema}.{table} add column if not exists "{column.name}" {column.dtype}')


def replace_days(connection: duckdb.DuckDBPyConnection, table: str, keys: pl.DataFrame, rows: pl.DataFrame) -> None:
    """Replace the rows of some (scope, day) by others; days without new rows end empty. Inside a transaction.

    Args:
        connection: the connection.
        table: `schema.table`, with columns `scope` and `day`.
        keys: columns `scope`, `day`: what is replaced.
        rows: the new rows; columns by name.
    """
    connection.register("replaced_keys", keys.select("scope", "day").unique())
    connection.register("new_rows", rows)
    try:
        connection.execute(
            f"delete from {table} as old using replaced_keys as k where old.scope = k.scope and old.day = k.day"
        )
        connection.execute(f"insert into {table} by name select * from new_rows")
    finally:
        connection.unregister("replaced_keys")
        connection.unregister("new_rows")


def row_count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a table."""
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


def _why_not_opened(path: Path, error: Exception) -> str:
    text = str(error)
    if "Could not set lock" in text or "Conflicting lock" in text:
        holder = re.search(r"held in (.+?) \(PID (\d+)\)", text)
        who = f"{Path(holder[1]).name}, process {holder[2]}" if holder else "another process"
        return (
            f"{path} is open in {who}, and DuckDB lets one process in at a time. "
            "Close it there (a notebook, a BI tool, a DuckDB shell or another run), then try again."
        )
    if isinstance(error, OSError) or "No such file" in text or "Permission" in text or "directory" in text.lower():
        return f"{path} can't be written. Set COPILOT_WAREHOUSE to a file in a folder of yours."
    return (
        f"{path} is not a DuckDB file that this version opens ({text.splitlines()[0][:150]}). "
        "Move it away or set COPILOT_WAREHOUSE to another file; nothing in it was changed."
    )
