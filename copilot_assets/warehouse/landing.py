"""Landing: how fetches come into schema `raw`, records, ledger and all, so that nothing is ever there by half.

What came of a fetch is decided in `github/`; the tables themselves are in `store.py`. Nothing is interpreted here:
a record's text stays as it came, byte for byte. No Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import duckdb
import msgspec
import polars as pl

from copilot_assets.github.outcomes import Outcome
from copilot_assets.records.contract import fingerprint
from copilot_assets.warehouse.changes import note_change
from copilot_assets.warehouse.disk import is_disk_trouble
from copilot_assets.warehouse.raw import COUNTS, ExpectedReport, widen_expected
from copilot_assets.warehouse.tables import bound_memory, registered, transacted, transaction

if TYPE_CHECKING:
    from copilot_assets.github.fetches import Fetch
    from copilot_assets.github.files import ReportFile


def land(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], run_id: str) -> Sequence[Fetch]:
    """Enter fetches into the ledger and replace what each of them was asked for, in one transaction.

    An answer replaces the records of its (scope, report, day), also by none, and what was noticed about them; a failure
    or refusal leaves them. An answer with the content that is already there changes nothing but the ledger, unless
    another contract read it then or its text was dropped. A failure with broken records puts them in the place of those
    in quarantine.

    Returns:
        the fetches as entered: one whose records DuckDB refuses leaves what was there, and failed.

    Raises:
        duckdb.Error: the file can't be written; of the fetches that were not entered yet, nothing was.
    """
    bound_memory(connection)
    try:
        with _straight_into_files(connection):
            transacted(connection, lambda: _enter(connection, fetches, run_id))
    except (duckdb.DataError, duckdb.InvalidInputException, duckdb.OutOfMemoryException) as error:
        if isinstance(error, duckdb.OutOfMemoryException) and is_disk_trouble(error):
            raise
        if len(fetches) > 1:  # one of them can't be stored, or all at once are too much: the others can
            return [entered for fetch in fetches for entered in land(connection, [fetch], run_id)]
        sentence = f"DuckDB could not store the records of this day ({type(error).__name__}). Run this day again."
        failed = [replace(fetch, outcome=Outcome.FAILED, evidence=sentence, **_NO_RECORDS) for fetch in fetches]
        with _straight_into_files(connection):
            transacted(connection, lambda: _enter(connection, failed, run_id))
        return failed
    return fetches


_NO_RECORDS: Final[dict[str, Any]] = {
    "records": None,
    "bytes": None,
    "sha256": None,
    "headline": {},
    "files": (),
    "broken": (),
    "unknown_fields": {},
}


def land_archives(
    connection: duckdb.DuckDBPyConnection, groups: Sequence[tuple[ExpectedReport, Sequence[Fetch]]], run_id: str
) -> None:
    """Enter archived days, and that these days are expected of their scope and report, in one transaction.

    A scope and report that is expected already keeps its row; the row is widened to hold the archived days.

    Raises:
        duckdb.Error: the records can't be stored; nothing was written.
    """
    if not groups:
        return
    bound_memory(connection)

    def enter() -> None:
        _enter(connection, [fetch for _, fetches in groups for fetch in fetches], run_id)
        for expected, fetches in groups:
            days = [fetch.day for fetch in fetches]
            widen_expected(connection, expected, min(days), max(days))

    with _straight_into_files(connection):
        transacted(connection, enter)


def mend_future(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Date anew what was entered by a clock that was ahead: at latest `now`, UTC, and before what was entered later.

    Without it, days that were still to be revised would count as final. The number of fetches that were dated anew.
    """
    today, now = now.date(), now.replace(tzinfo=None)
    ((is_right,),) = connection.execute(_NOTHING_IN_THE_FUTURE, {"today": today, "now": now}).fetchall()
    if is_right:
        return 0
    with transaction(connection):
        connection.execute("update raw.expected_reports set as_of = $today where as_of > $today", {"today": today})
        ((mended,),) = connection.execute(_MEND_FUTURE, {"now": now}).fetchall()
        note_change(connection, "raw.expected_reports", "raw.fetches", "raw.current_fetches")
    return int(mended)


# GitHub tells the time in whole seconds: that much two readings of its clock differ, and no clock was wrong.
_SLACK: Final = "interval 1 minute"
_NOTHING_IN_THE_FUTURE: Final = f"""
select
    not exists (from raw.fetches where requested_at > $now + {_SLACK})
    and not exists (from raw.expected_reports where as_of > $today)
"""
_MEND_FUTURE: Final = f"""
update raw.fetches as f set requested_at = least($now, l.before)
from (
    select
        fetch_id,
        min(requested_at) over (order by entry_number rows between 1 following and unbounded following) as before
    from raw.fetches
) as l
where l.fetch_id = f.fetch_id and f.requested_at > $now + {_SLACK}
"""


@contextmanager
def _straight_into_files(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let what is done inside be done by one thread, and written into the file instead of into its log first."""
    # Where an order is to be kept, several threads read no faster than one, and copy what they read once more.
    connection.execute("set threads = 1")
    # Less than this goes into the log; but DuckDB takes every text for 16 bytes when it asks itself how much there is.
    connection.execute("set checkpoint_threshold = '16KB'")
    try:
        yield
    finally:
        connection.execute("reset threads")
        connection.execute("reset checkpoint_threshold")


def _enter(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch], run_id: str) -> None:
    """Enter fetches into the ledger and replace their records: a statement for all of them, not one for each.

    Inside a transaction; no two fetches are about the same (scope, report, day).
    """
    with registered(connection, arrived=_ledger_rows(fetches, run_id)):
        known = dict(connection.execute(_CHANGED).fetchall())
        changed = [fetch for fetch in fetches if fetch.fetch_id in known]
        spoilt = [fetch for fetch in fetches if fetch.outcome is Outcome.FAILED and fetch.broken]
        replaced_by = {
            "records": changed,
            "dropped_text": changed,
            "unknown_fields": changed,
            "quarantine": changed + spoilt,
        }
        for table, replaced in replaced_by.items():
            # Of a day that comes for the first time there is nothing to delete, and a lake takes long to find out.
            if ids := [fetch.fetch_id for fetch in replaced if known.get(fetch.fetch_id, True)]:
                connection.execute(_DELETE_REPLACED.format(table=table), [ids])
        _insert_records(connection, changed)
        _insert_remarks(connection, changed + spoilt)
        connection.execute(_INSERT_FETCHES)
    note_change(connection, *_ENTERED, since=min(fetch.day for fetch in fetches))


# What is written with a fetch, of what SQL models may read.
_ENTERED: Final = ("raw.fetches", "raw.current_fetches", "raw.quarantine", "raw.unknown_fields")
# Answers with another content than the one that counts now, or read by another contract, or of a day without text, or
# after a failure whose records stand in quarantine; and whether their day is in the ledger already. Only the same days
# of the ledger are looked at.
_CHANGED: Final = f"""
with same_days as (
    select f.*
    from raw.fetches as f
    semi join arrived as a on a.scope = f.scope and a.report = f.report and a.day = f.day
),
current as (select * from same_days as f {COUNTS}),
spoilt as (
    select distinct q.scope, q.report, q.day
    from raw.quarantine as q
    join raw.fetches as f on f.fetch_id = q.fetch_id
    where f.outcome = 'failed'
)
select
    a.fetch_id,
    exists (from same_days as f where f.scope = a.scope and f.report = a.report and f.day = a.day) as is_known
from arrived as a
left join current as c on c.scope = a.scope and c.report = a.report and c.day = a.day
left join spoilt as s on s.scope = a.scope and s.report = a.report and s.day = a.day
left join raw.dropped_text as d on d.scope = a.scope and d.report = a.report and d.day = a.day
where a.outcome in ('reported', 'no_report', 'given_up')
    and (
        c.outcome is distinct from a.outcome
        or c.sha256 is distinct from a.sha256
        or c.contract is distinct from a.contract
        or s.day is not null
        or d.day is not null
    )
"""
_INSERT_FETCHES: Final = """
insert into raw.fetches by name
select *, row_number() over () + (select coalesce(max(entry_number), 0) from raw.fetches) as entry_number
from arrived
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
    with registered(connection, places=places):
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
