"""The warehouse: the one DuckDB file, how it is opened, what schema `raw` is, and the ways to change a table.

Short connections, one transaction per replacement, additive schema changes. How fetches land is in `landing.py`. No
Dagster. The code location loads this module without DuckDB, which a run needs and the UI's list of assets does not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope
from copilot_assets.records.contract import Column

if TYPE_CHECKING:
    import duckdb
    import polars as pl

# What landing and flattening a file of any size needs without waiting for the disk.
_MEMORY: Final = "600MB"
# What DuckDB calls the file while it is open here.
_DATABASE: Final = "warehouse"
# Rows. A day of a large company fills some row groups of this size, and of DuckDB's own 122,880 none: what is not full,
# DuckDB merges again and again.
_ROW_GROUP: Final = 16_384
# DuckDB 2.0 writes files that 1.x can't open unless it is told to; people's BI tools bring their own version.
_STORAGE_VERSION: Final = "v1.5.0"

# Of the fetches of a (scope, report, day) the newest answer counts; a failure or refusal says nothing of the day.
COUNTS: Final = """where outcome in ('reported', 'no_report')
    qualify row_number() over (partition by scope, report, day order by requested_at desc, fetch_id desc) = 1"""

# raw: what came, and a row for every attempt. `records`, `bytes`, `sha256` and the `contract` that read the answer are
# null unless reported. Of `unknown_fields`, `records` have the field at least: not all are looked at (`Contents`).
# A `person` who was forgotten is a pseudonym, whatever the flat tables show. Left to itself, DuckDB takes longer to
# choose how to compress JSON than to compress it, and comes to a fifth of what zstd does.
_RAW_DDL: Final = f"""
create schema if not exists raw;
create table if not exists raw.records (
    scope varchar not null, report varchar not null, day date not null, seq bigint not null,
    payload json using compression zstd not null, fetch_id varchar not null
);
create table if not exists raw.fetches (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    requested_at timestamp not null, outcome varchar not null, http_status integer, records bigint, bytes bigint,
    sha256 varchar, evidence varchar not null, run_id varchar, headline json
);
alter table raw.fetches add column if not exists contract varchar;
create table if not exists raw.quarantine (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    place varchar not null, fault varchar not null, payload json not null
);
create table if not exists raw.unknown_fields (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    path varchar not null, json_type varchar not null, records bigint not null
);
create table if not exists raw.expected_reports (
    scope varchar not null, report varchar not null, start_day date not null, first_day date, retired_on date,
    lag_days integer not null, history_days integer not null, threshold_people integer, activity varchar,
    as_of date not null
);
create table if not exists raw.settings (min_cohort integer not null, seat_grace_days integer not null);
create table if not exists raw.plan_prices (plan_type varchar not null, usd_per_month double not null);
create table if not exists raw.events (
    day date not null, scope varchar not null, team_slug varchar, what varchar not null
);
create table if not exists raw.forgotten (person bigint not null, forgotten_at timestamp not null);
create or replace view raw.current_fetches as
    select * from raw.fetches
    {COUNTS};
"""


# Days as they stand in `ExpectedReport`.
_EXPECTED_AS_TEXT: Final = """
select
    scope, report, start_day::varchar, first_day::varchar, retired_on::varchar, lag_days, history_days,
    threshold_people, activity, as_of::varchar
from raw.expected_reports
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

    @classmethod
    def of(cls, scope: Scope, report: Report, start_day: date, as_of: date) -> Self:
        """What one scope is asked for from `start_day` on, by the rules that the catalogue has on `as_of`."""
        first_day = report.first_days.get(scope.kind)
        return cls(
            scope=str(scope),
            report=report.name,
            start_day=start_day.isoformat(),
            first_day=first_day.isoformat() if first_day else None,
            retired_on=report.retired_on.isoformat() if report.retired_on else None,
            lag_days=report.lag_days,
            history_days=report.history_days,
            threshold_people=report.threshold_people,
            activity=report.activity,
            as_of=as_of.isoformat(),
        )


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

        The file is its owner's alone (mode 0600), and so is every file that this process makes while it is open.

        Raises:
            WarehouseError: another process holds the file, or it is no DuckDB file, or can't be written.
        """
        connection = self._open()
        make_private(self.path)
        with _only_for_owner():
            try:
                if not self._is_prepared:
                    connection.execute(_RAW_DDL)
                    self._is_prepared = True
                yield connection
            finally:
                connection.close()

    def _open(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _only_for_owner():
                return _attached(self.path)
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(why_not_opened(self.path, error)) from None


def _attached(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection to the file, by way of a database in memory: only ATTACH takes the size of row groups.

    That one has the file's name, so all connections of a process share it.
    """
    import duckdb

    connection = duckdb.connect(f":memory:{path}", config={"temp_directory": f"{path}.tmp"})
    try:
        attach(connection, path, _DATABASE)
        connection.execute(f"use {_DATABASE}")
    except BaseException:
        connection.close()
        raise
    return connection


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a file, made where there is none, under a name, which is quoted already if it has to be."""
    version = "" if path.exists() else f", storage_version '{_STORAGE_VERSION}'"  # a file keeps the one it has
    file = str(path).replace("'", "''")
    connection.execute(f"attach if not exists '{file}' as {name} (row_group_size {_ROW_GROUP}{version})")


@contextmanager
def another(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A second connection to the file that a connection is to: it sees what was committed."""
    with connection.cursor() as second:
        second.execute(f"use {_DATABASE}")
        yield second


@contextmanager
def _only_for_owner() -> Iterator[None]:
    """Files that this process makes inside are its owner's alone: DuckDB makes its log and its spills when it must."""
    umask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(umask)


def bound_memory(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB hold no more than a part of a large file in memory from now on: what is more it writes to disk."""
    connection.execute(f"set memory_limit = '{_MEMORY}'")


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


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, **frames: pl.DataFrame) -> Iterator[None]:
    """Frames that statements inside can name as tables."""
    import duckdb

    for name, frame in frames.items():
        connection.register(name, frame)
    try:
        yield
    finally:
        # A transaction that broke takes nothing any more, and forgets the names with the rest.
        with suppress(duckdb.TransactionException):
            for name in frames:
                connection.unregister(name)


def expect(connection: duckdb.DuckDBPyConnection, expected: Iterable[ExpectedReport]) -> None:
    """Note which reports each scope is asked for, so that a day nobody asked for is a hole too.

    Scopes that are no longer configured keep their rows: their history is still explained.
    """
    known = set(connection.execute(_EXPECTED_AS_TEXT).fetchall())
    changed = [row for row in expected if tuple(vars(row).values()) not in known]
    if not changed:
        return
    with transaction(connection):
        for row in changed:
            connection.execute(
                "delete from raw.expected_reports where scope = ? and report = ?", [row.scope, row.report]
            )
            _insert_expected(connection, row)


def widen_expected(connection: duckdb.DuckDBPyConnection, expected: ExpectedReport, first: date, last: date) -> None:
    """Let what is expected of a scope and report hold the days `first` to `last`; it is `expected` if nothing was."""
    widened = connection.execute(
        "update raw.expected_reports set start_day = least(start_day, ?), as_of = greatest(as_of, ?) "
        "where scope = ? and report = ? returning scope",
        [first, last + timedelta(days=1), expected.scope, expected.report],
    ).fetchall()
    if not widened:
        _insert_expected(connection, expected)


def _insert_expected(connection: duckdb.DuckDBPyConnection, row: ExpectedReport) -> None:
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
    there = {name for name, *_ in connection.execute(f"describe {schema}.{table}").fetchall()}
    for column in columns:
        if column.name not in there:
            connection.execute(f'alter table {schema}.{table} add column "{column.name}" {column.dtype}')


def delete_days(connection: duckdb.DuckDBPyConnection, table: str, keys: pl.DataFrame) -> None:
    """Delete the rows of some (scope, day), columns of `keys`, from `schema.table`, which has such columns too."""
    with registered(connection, deleted_keys=keys.select("scope", "day").unique()):
        connection.execute(
            f"delete from {table} as old using deleted_keys as k where old.scope = k.scope and old.day = k.day"
        )


def append(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """Add rows to `schema.table`, columns by name."""
    # DuckDB finds `rows` here by itself: what is registered in a transaction, it would hold until the end of that.
    connection.execute(f"insert into {table} by name select * from rows")


def row_count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a table."""
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


def make_private(path: Path) -> None:
    """Take a file from everybody but its owner (mode 0600), where it is there and its file system knows modes."""
    with suppress(OSError):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def why_not_opened(path: Path, error: Exception) -> str:
    """The sentence for a file that DuckDB does not open."""
    text = str(error)
    if "Could not set lock" in text or "Conflicting lock" in text:
        holder = re.search(r"held in (.+?) \(PID (\d+)\)", text)
        who = f"{Path(holder[1]).name}, process {holder[2]}" if holder else "another process"
        return (
            f"{path} is open in {who}, and DuckDB lets one process in at a time. "
            "Close it there (a notebook, a BI tool, a DuckDB shell or another run), then try again."
        )
    if "already attached" in text:
        return f"{path} is open in this process already, by a connection of its own. Close that, then try again."
    if isinstance(error, OSError) or "No such file" in text or "Permission" in text or "directory" in text.lower():
        return f"{path} can't be written. Set COPILOT_WAREHOUSE to a file in a folder of yours."
    return (
        f"{path} is not a DuckDB file that this version opens ({text.splitlines()[0][:150]}). "
        "Move it away or set COPILOT_WAREHOUSE to another file; nothing in it was changed."
    )
