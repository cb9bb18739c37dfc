"""The warehouse: the one DuckDB file, how it is opened, and the only ways to change what is in it.

Short connections, one transaction per replacement, additive schema changes. What the rows mean is not known here,
and neither is Dagster.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import duckdb
import msgspec
import polars as pl

from copilot_assets.contract import Column, fingerprint
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope

if TYPE_CHECKING:
    from copilot_assets.github.client import Fetch
    from copilot_assets.github.files import ReportFile

# What landing and flattening a file of any size needs without waiting for the disk.
_MEMORY: Final = "600MB"
# DuckDB 2.0 writes files that 1.x can't open unless it is told to; people's BI tools bring their own version.
STORAGE_VERSION: Final = "v1.5.0"

# Of the fetches of a (scope, report, day) the newest answer counts; a failure or refusal says nothing of the day.
_COUNTS: Final = """where outcome in ('reported', 'no_report')
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
    {_COUNTS};
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
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _only_for_owner():
                return duckdb.connect(str(self.path), config={"storage_compatibility_version": STORAGE_VERSION})
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(why_not_opened(self.path, error)) from None


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
    for name, frame in frames.items():
        connection.register(name, frame)
    try:
        yield
    finally:
        # A transaction that broke takes nothing any more, and forgets the names with the rest.
        with suppress(duckdb.TransactionException):
            for name in frames:
                connection.unregister(name)


def land(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], run_id: str) -> Sequence[Fetch]:
    """Enter fetches into the ledger and replace what each of them was asked for, in one transaction.

    An answer replaces the records of its (scope, report, day), also by none, and what was noticed about them; a failure
    or refusal leaves them. An answer with the content that is already there changes nothing but the ledger, unless
    another contract read it then. A failure with broken records puts them in the place of those in quarantine.

    Returns:
        the fetches as entered: one whose records DuckDB refuses leaves what was there, and failed.

    Raises:
        duckdb.Error: the file can't be written; of the fetches that were not entered yet, nothing was.
    """
    bound_memory(connection)
    if sum(fetch.bytes or 0 for fetch in fetches) >= _LARGE_BYTES:
        connection.execute("set checkpoint_threshold = '1MB'")
    try:
        with transaction(connection):
            _enter(connection, fetches, run_id)
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        if len(fetches) > 1:  # one of them can't be stored: the others can
            return [entered for fetch in fetches for entered in land(connection, [fetch], run_id)]
        sentence = f"DuckDB could not store the records of this day ({type(error).__name__}). Run this day again."
        fetches = [replace(fetch, outcome=Outcome.FAILED, evidence=sentence, **_NO_RECORDS) for fetch in fetches]
        with transaction(connection):
            _enter(connection, fetches, run_id)
    return fetches


# DuckDB writes a large commit into the file at once, and not into its log first; but it takes every text for 16 bytes
# when it asks itself what is large.
_LARGE_BYTES: Final = 32 * 2**20
_NO_RECORDS: Final[dict[str, Any]] = {
    "records": None,
    "bytes": None,
    "sha256": None,
    "headline": {},
    "files": (),
    "broken": (),
    "unknown_fields": {},
}


def land_archive(
    connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], expected: ExpectedReport, run_id: str
) -> None:
    """Enter archived days of one scope and report, and that these days are expected of it, in one transaction.

    A scope and report that is expected already keeps its row; the row is widened to hold the archived days.

    Raises:
        duckdb.Error: the records can't be stored; nothing was written.
    """
    days = [fetch.day for fetch in fetches]
    key = [expected.scope, expected.report]
    with transaction(connection):
        _enter(connection, fetches, run_id)
        widened = connection.execute(
            "update raw.expected_reports set start_day = least(start_day, ?), as_of = greatest(as_of, ?) "
            "where scope = ? and report = ? returning scope",
            [min(days), max(days) + timedelta(days=1), *key],
        ).fetchall()
        if not widened:
            _insert_expected(connection, expected)


def _enter(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], run_id: str) -> None:
    """Enter fetches into the ledger and replace their records: a statement for all of them, not one for each.

    Inside a transaction; no two fetches are about the same (scope, report, day).
    """
    with registered(connection, arrived=_ledger_rows(fetches, run_id)):
        answers = {fetch_id for (fetch_id,) in connection.execute(_CHANGED).fetchall()}
        changed = [fetch for fetch in fetches if fetch.fetch_id in answers]
        spoilt = [fetch for fetch in fetches if fetch.outcome is Outcome.FAILED and fetch.broken]
        for table, replaced in (("records", changed), ("unknown_fields", changed), ("quarantine", changed + spoilt)):
            if replaced:
                connection.execute(_DELETE_REPLACED.format(table=table), [[fetch.fetch_id for fetch in replaced]])
        _insert_records(connection, changed)
        _insert_remarks(connection, changed + spoilt)
        connection.execute("insert into raw.fetches by name select * from arrived")


# Answers with another content than the one that counts now, or read by another contract, or after a failure whose
# records stand in quarantine. Only the same days of the ledger are looked at.
_CHANGED: Final = f"""
with current as (
    select f.*
    from raw.fetches as f
    semi join arrived as a on a.scope = f.scope and a.report = f.report and a.day = f.day
    {_COUNTS}
),
spoilt as (
    select distinct q.scope, q.report, q.day
    from raw.quarantine as q
    join raw.fetches as f on f.fetch_id = q.fetch_id
    where f.outcome = 'failed'
)
select a.fetch_id
from arrived as a
left join current as c on c.scope = a.scope and c.report = a.report and c.day = a.day
left join spoilt as s on s.scope = a.scope and s.report = a.report and s.day = a.day
where a.outcome in ('reported', 'no_report')
    and (
        c.outcome is distinct from a.outcome
        or c.sha256 is distinct from a.sha256
        or c.contract is distinct from a.contract
        or s.day is not null
    )
"""
_DELETE_REPLACED: Final = """
delete from raw.{table} as old using arrived as a
where old.scope = a.scope and old.report = a.report and old.day = a.day and list_contains(?, a.fetch_id)
"""
_LEDGER_TYPES: Final[dict[str, Any]] = {
    "fetch_id": pl.String,
    "scope": pl.String,
    "report": pl.String,
    "day": pl.Date,
    "requested_at": pl.Datetime("us"),
    "outcome": pl.String,
    "http_status": pl.Int32,
    "records": pl.Int64,
    "bytes": pl.Int64,
    "sha256": pl.String,
    "evidence": pl.String,
    "run_id": pl.String,
    "headline": pl.String,
    "contract": pl.String,
}


def _ledger_rows(fetches: Sequence[Fetch], run_id: str) -> pl.DataFrame:
    rows = [
        {
            **vars(fetch),
            "scope": str(fetch.scope),
            "report": fetch.report.name,
            "outcome": fetch.outcome.value,
            "run_id": run_id,
            "headline": msgspec.json.encode(fetch.headline).decode(),
            "contract": fingerprint(fetch.report.record) if fetch.outcome is Outcome.REPORTED else None,
        }
        for fetch in fetches
    ]
    return pl.DataFrame([{name: row[name] for name in _LEDGER_TYPES} for row in rows], schema=_LEDGER_TYPES)


def _insert_records(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch]) -> None:
    """The records of files, in the order in which they stand there.

    Raises:
        duckdb.DataError: DuckDB found more or fewer records in a file than had been counted.
    """
    placed: dict[str, list[tuple[ReportFile, dict[str, Any]]]] = {}
    for fetch in fetches:
        before = 0
        for file in fetch.files:
            key = {"fetch_id": fetch.fetch_id, "scope": str(fetch.scope), "report": fetch.report.name, "day": fetch.day}
            place = {**key, "filename": str(file.path), "records": file.records, "before": before}
            placed.setdefault(file.layout, []).append((file, place))
            before += file.records
    for layout, files in placed.items():
        _insert_files(connection, layout, files)


def _insert_remarks(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch]) -> None:
    """What was noticed about the records of some fetches: those that were left out, fields that nobody announced."""
    keyed = [((fetch.fetch_id, str(fetch.scope), fetch.report.name, fetch.day), fetch) for fetch in fetches]
    broken = [(*key, each.place, each.fault, each.text) for key, fetch in keyed for each in fetch.broken]
    fields = [(*key, *each, count) for key, fetch in keyed for each, count in fetch.unknown_fields.items()]
    for table, rows in (("quarantine", broken), ("unknown_fields", fields)):
        if rows:
            with registered(connection, remarks=pl.DataFrame(rows, orient="row")):
                connection.execute(f"insert into raw.{table} select * from remarks")


def _insert_files(
    connection: duckdb.DuckDBPyConnection, layout: str, files: Sequence[tuple[ReportFile, dict[str, Any]]]
) -> None:
    # The n-th row that DuckDB reads is the (n - start)-th of its file.
    starts = accumulate((file.records for file, _ in files), initial=0)
    places = pl.DataFrame([{**place, "start": start} for (_, place), start in zip(files, starts, strict=False)])
    # The limit is on one record, 16 MB unless raised.
    longest = max(max(file.longest for file, _ in files) + 1, 2**24)
    with registered(connection, places=places), _one_thread(connection):
        read = connection.execute(
            f"""
            insert into raw.records by name
            select p.scope, p.report, p.day, r.number - p.start + p.before as seq, r.json as payload, p.fetch_id
            from (
                select json, filename, row_number() over () as number
                from read_json_objects($paths, format = '{layout}', maximum_object_size = {longest}, filename = true)
            ) as r
            join places as p on p.filename = r.filename and r.number between p.start + 1 and p.start + p.records
            """,
            {"paths": places["filename"].to_list()},
        ).fetchall()
    counted = sum(file.records for file, _ in files)
    if read[0][0] != counted:
        raise duckdb.DataError(f"DuckDB read {read[0][0]} records where {counted} had been counted.")


@contextmanager
def _one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """For an INSERT that has to keep an order: several threads read no faster, and copy what they read once more."""
    connection.execute("set threads = 1")
    try:
        yield
    finally:
        connection.execute("reset threads")


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
    if isinstance(error, OSError) or "No such file" in text or "Permission" in text or "directory" in text.lower():
        return f"{path} can't be written. Set COPILOT_WAREHOUSE to a file in a folder of yours."
    return (
        f"{path} is not a DuckDB file that this version opens ({text.splitlines()[0][:150]}). "
        "Move it away or set COPILOT_WAREHOUSE to another file; nothing in it was changed."
    )
