"""Archives: how days that people kept as files join the history.

What becomes of days that are there already, and what keeps an archive out, belong here. Files are read in
`kept_files.py`, `kept_records.py` and `kept_days.py`; how records are stored is `landing.py`'s, what is printed the
shell's.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import duckdb
import msgspec

from copilot_assets.github.fetches import Fetch, fetch_of
from copilot_assets.github.files import BrokenFileError, inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.github.scopes import Scope
from copilot_assets.now import now_utc
from copilot_assets.warehouse.kept_days import Archive, ArchivedDay
from copilot_assets.warehouse.kept_files import ArchiveError
from copilot_assets.warehouse.kept_records import LEGACY
from copilot_assets.warehouse.landing import land_archives
from copilot_assets.warehouse.raw import ExpectedReport, make_report_views
from copilot_assets.warehouse.store import Warehouse
from copilot_assets.warehouse.tables import transaction

# Fields that a record of 28 days has and the same record of one day has not.
_WINDOW_FIELDS: Final = ("report_start_day", "report_end_day")
_REPORTS: Final = {report.name: report for report in REPORTS}
KeepOut = Callable[[duckdb.DuckDBPyConnection, Sequence[Fetch]], Sequence[Fetch]]


@dataclass(frozen=True)
class Imported:
    """What an import did with the days of one scope and report, each oldest first.

    Attributes:
        new: had no record before.
        overwritten: had other records before.
        same: were there already with the same content, and stay.
        kept: were there already with other content, and stay.
        textless: were there already, without a text that the archive's could be held against, and stay.
        missing: between the archive's first and last day, and still without a record.
        conflicts: of which two records told the same thing differently.
        failed: every record of them breaks the contract, and is in quarantine.
        broken: records that were left out, and are in quarantine.
    """

    scope: Scope
    report: Report
    days: int
    first: date
    last: date
    new: Sequence[date] = ()
    overwritten: Sequence[date] = ()
    same: Sequence[date] = ()
    kept: Sequence[date] = ()
    textless: Sequence[date] = ()
    missing: Sequence[date] = ()
    conflicts: Sequence[date] = ()
    failed: Sequence[date] = ()
    broken: int = 0


def import_archive(
    warehouse: Warehouse, archive: Archive, *, overwrite: bool, run_id: str, today: date, keep_out: KeepOut
) -> list[Imported]:
    """Land the days of an archive in one transaction: all of them or, when anything goes wrong, none.

    Args:
        warehouse: where to.
        archive: what to land.
        overwrite: whether the archive counts for days that have records with other content.
        run_id: what the ledger names as the run of these days.
        today: the current UTC day.
        keep_out: takes the records out of whom was forgotten.

    Raises:
        ArchiveError: an archive of another scope than is there under its name, or DuckDB does not take the records.
        WarehouseError: the database can't be opened.
    """
    groups: dict[tuple[Scope, str], dict[date, ArchivedDay]] = defaultdict(dict)
    for (scope, report, day), archived in archive.days.items():
        groups[scope, report][day] = archived
    told: list[Imported] = []
    landing: list[tuple[ExpectedReport, Sequence[Fetch]]] = []
    with warehouse.connect("landing") as connection:
        _refuse_another_account(connection, archive)
        for (scope, name), days in groups.items():
            imported, fetches = _sorted_out(connection, scope, _REPORTS[name], days, overwrite=overwrite)
            if fetches:
                # What nobody asks for ends with the archive; the closed API is told to be closed until today.
                as_of = today if name == LEGACY.name else imported.last + timedelta(days=1)
                expected = ExpectedReport.of(scope, _REPORTS[name], min(fetch.day for fetch in fetches), as_of)
                landing.append((expected, keep_out(connection, fetches)))
            told.append(imported)
        try:
            land_archives(connection, landing, run_id)
        except duckdb.Error as error:
            raise ArchiveError(f"DuckDB could not store the records ({type(error).__name__}).") from None
        with transaction(connection):
            make_report_views(connection, [_REPORTS[name] for name in dict.fromkeys(name for _, name in groups)])
    return told


def _sorted_out(
    connection: duckdb.DuckDBPyConnection,
    scope: Scope,
    report: Report,
    days: Mapping[date, ArchivedDay],
    *,
    overwrite: bool,
) -> tuple[Imported, list[Fetch]]:
    """What is to become of the days of one scope and report, and the fetches to land."""
    first, last = min(days), max(days)
    there = _there(connection, scope, report, first, last)
    textless = sorted(_textless(connection, scope, report, first, last).intersection(days))
    known = {day: _content(_texts(connection, scope, report, day)) for day in days if day in there}
    same = [day for day in known if known[day] == _content(days[day].texts())]
    differing = [day for day in known if day not in same]
    there.update(textless)
    new = [day for day in days if day not in there]
    landing = new + differing + textless if overwrite else new
    fetches = [_fetch(scope, report, day, days[day]) for day in sorted(landing)]
    failed = {fetch.day for fetch in fetches if fetch.outcome is Outcome.FAILED}
    span = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return (
        Imported(
            scope,
            report,
            len(days),
            first,
            last,
            new=sorted(set(new) - failed),
            overwritten=sorted({*differing, *textless} - failed) if overwrite else (),
            same=sorted(same),
            kept=() if overwrite else sorted(differing),
            textless=() if overwrite else textless,
            missing=[day for day in span if day not in days and day not in there],
            conflicts=[day for day in days if days[day].is_conflict],
            failed=sorted(failed),
            broken=sum(len(fetch.broken) for fetch in fetches),
        ),
        fetches,
    )


def _there(connection: duckdb.DuckDBPyConnection, scope: Scope, report: Report, first: date, last: date) -> set[date]:
    """The days of a scope and report that have records."""
    rows = connection.execute(
        "select distinct day from raw.records where scope = ? and report = ? and day between ? and ?",
        [str(scope), report.name, first, last],
    ).fetchall()
    return {day for (day,) in rows}


def _textless(
    connection: duckdb.DuckDBPyConnection, scope: Scope, report: Report, first: date, last: date
) -> set[date]:
    """The days of a scope and report whose text was dropped: nobody can tell whether an archive says the same."""
    rows = connection.execute(
        "select day from raw.dropped_text where scope = ? and report = ? and day between ? and ?",
        [str(scope), report.name, first, last],
    ).fetchall()
    return {day for (day,) in rows}


def _texts(connection: duckdb.DuckDBPyConnection, scope: Scope, report: Report, day: date) -> list[bytes]:
    rows = connection.execute(
        "select payload::varchar from raw.records where scope = ? and report = ? and day = ?",
        [str(scope), report.name, day],
    ).fetchall()
    return [payload.encode() for (payload,) in rows]


def _content(texts: Sequence[bytes]) -> Counter[bytes]:
    """What records say, whatever their order and layout, and whether they come from a report of 1 day or of 28."""
    digests: Counter[bytes] = Counter()
    for text in texts:
        record = msgspec.json.decode(text)
        for name in _WINDOW_FIELDS:
            record.pop(name, None)
        digests[hashlib.sha256(msgspec.json.encode(record, order="deterministic")).digest()] += 1
    return digests


def _fetch(scope: Scope, report: Report, day: date, archived: ArchivedDay) -> Fetch:
    """The ledger's line of an archived day. GitHub was not asked: there is no HTTP status.

    Raises:
        ArchiveError: the file of the day is no file of records.
    """
    whole = archived.path.read_bytes()
    try:
        contents = inspect_files([archived.path], report, day)
    except BrokenFileError as broken:
        raise ArchiveError(f"{archived.source}, {report.name} of {day}: {broken}") from None
    fetch = fetch_of(report, scope, day, contents, [hashlib.sha256(whole).hexdigest()], now_utc().replace(tzinfo=None))
    left_out = f" {len(contents.broken):,} broken ones were left out." if contents.broken and contents.records else ""
    evidence = f"Imported from the archive {archived.source}.{left_out}"
    if fetch.outcome is Outcome.FAILED:
        evidence = f"{fetch.evidence} It came from the archive {archived.source}."
    return replace(fetch, http_status=None, evidence=evidence)


def _refuse_another_account(connection: duckdb.DuckDBPyConnection, archive: Archive) -> None:
    """GitHub's number of a scope tells the archive of another one from what is there under its name.

    Raises:
        ArchiveError: one scope would hold records of two accounts.
    """
    rows = connection.execute(
        "select distinct scope, coalesce(payload ->> '$.organization_id', payload ->> '$.enterprise_id') "
        "from raw.records where report in ('organization-1-day', 'enterprise-1-day')"
    ).fetchall()
    known = dict(rows)
    for scope, number in archive.accounts.items():
        if known.get(str(scope)) not in (None, number):
            raise ArchiveError(
                f"The archive is about another account than {scope}: GitHub's number of it is not that of the records "
                "which are there. Check --scope."
            )
