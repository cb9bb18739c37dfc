"""Archives of the metrics API that GitHub closed on 2026-04-02: files that people kept, and how they join the history.

What an archive may look like belongs here, and which of two records of a day counts. How records are stored is
`landing.py`'s, what is printed the shell's.
"""

from __future__ import annotations

import gzip
import json
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import DECODERS, GZIP, OBJECTS, ReportFile
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS
from copilot_assets.github.scopes import Scope
from copilot_assets.records import LegacyDay
from copilot_assets.warehouse.landing import land_archive
from copilot_assets.warehouse.raw import ExpectedReport, make_report_view
from copilot_assets.warehouse.store import Warehouse

(LEGACY,) = (report for report in REPORTS if report.record is LegacyDay)

_, _DECODER = DECODERS[LegacyDay]
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BLANKS: Final = re.compile(r"[ \t\r\n]*")

# What tells records of GitHub's other two APIs, and the answers that lead to them, from a day of this one.
_OLDEST_FIELDS: Final = frozenset({"breakdown", "total_suggestions_count", "total_acceptances_count"})
_OLDEST: Final = (
    "comes from GitHub's Copilot usage API (/copilot/usage), which was closed on 2025-03-01. It counts other things by "
    "similar names and knows no engaged users, so its numbers are not mixed with those of the Copilot metrics API "
    "(/copilot/metrics). Leave the file out"
)
_REPORT_FIELDS: Final = frozenset(
    {"daily_active_users", "day_totals", "download_links", "user_id", "code_generation_activity_count"}
)
_REPORT: Final = (
    "belongs to the Copilot usage metrics reports, the API that GitHub offers today. Fetch those days with "
    "`copilot-assets backfill` and leave the file out"
)


class ArchiveError(ValueError):
    """An archive that can't be imported. The message is a sentence with file, place and reason, and no values."""


@dataclass(frozen=True)
class ArchivedDay:
    """One day of an archive: its record's text as it stands in the file, what sums it up, and the file's name."""

    text: bytes
    headline: Mapping[str, Any]
    source: str


@dataclass(frozen=True)
class Archive:
    """What the files hold: a record for each day, and the days that they told differently."""

    days: Mapping[date, ArchivedDay]
    conflicts: AbstractSet[date]

    @property
    def first(self) -> date:
        """The first day of it."""
        return min(self.days)

    @property
    def last(self) -> date:
        """The last day of it."""
        return max(self.days)


@dataclass(frozen=True)
class Imported:
    """What an import did, in days, each oldest first.

    Attributes:
        new: had no record before.
        overwritten: had another record before.
        same: were there already with the same content, and stay.
        kept: were there already with other content, and stay.
        missing: between the archive's first and last day, and still without a record.
    """

    new: Sequence[date]
    overwritten: Sequence[date]
    same: Sequence[date]
    kept: Sequence[date]
    missing: Sequence[date]


def read_archive(paths: Sequence[Path], today: date) -> Archive:
    """Read and check every record of every file.

    A file holds days, or arrays of days, one after another: the array that the script of GitHub's guide "Analyzing
    usage over time with the Copilot metrics API" (2024-11) saves as copilotMetricsData.json, newline-delimited JSON,
    or a single day; pretty-printed or not, in UTF-8 with or without a byte order mark, also compressed with gzip.
    Of two records of a day the later one counts, in the order of the files and then of the records.

    Args:
        paths: the files.
        today: the first UTC day that has not closed.

    Raises:
        ArchiveError: at the first record that is not a closed day of the Copilot metrics API, or a file without any.
    """
    days: dict[date, ArchivedDay] = {}
    conflicts: set[date] = set()
    for path in paths:
        is_empty = True
        for place, text in _records(path):
            record = _checked(text, place)
            if record.date >= today:
                raise ArchiveError(f"{place} is about {record.date}, a day that has not closed in UTC yet.")
            is_empty = False
            known = days.get(record.date)
            if known is not None and _is_same(known.text, text):
                continue
            if known is not None:
                conflicts.add(record.date)
            headline = {name: getattr(record, name) for name in LEGACY.headline}
            days[record.date] = ArchivedDay(text, headline, path.name)
        if is_empty:
            raise ArchiveError(f"{path} holds no days.")
    return Archive(days, conflicts)


def _records(path: Path) -> Iterator[tuple[str, bytes]]:
    """The text of every record of a file, with the place to name when something is wrong with it."""
    for line, value in _values(path):
        if not value.startswith("["):
            yield f"{path}, line {line},", value.encode()
            continue
        try:
            elements = _ELEMENTS.decode(value)
        except (msgspec.DecodeError, RecursionError) as fault:
            raise ArchiveError(f"{path}: the array in line {line} is not JSON ({_reason(fault)}).") from None
        for number, element in enumerate(elements, start=1):
            yield f"{path}, element {number} of the array in line {line},", bytes(element)


def _values(path: Path) -> Iterator[tuple[int, str]]:
    """The JSON values of a file, one after another, with the line in which each begins."""
    text = _text(path)
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    start = _end_of_blanks(text, 0)
    while start < len(text):
        line, counted = line + text.count("\n", counted, start), start
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as fault:
            raise ArchiveError(
                f"{path}: what begins in line {line} is not JSON ({_reason(fault)}); the file may have been cut."
            ) from None
        yield line, text[start:end]
        start = _end_of_blanks(text, end)


def _end_of_blanks(text: str, start: int) -> int:
    found = _BLANKS.match(text, start)
    return found.end() if found else start


def _reason(fault: Exception) -> str:
    """Why a text is not JSON; parsers name what they expected and where, never what they read."""
    return "it is nested too deeply" if isinstance(fault, RecursionError) else str(fault)


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        if content.startswith(GZIP):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error):
        raise ArchiveError(f"{path} is compressed and damaged or cut. Copy it again from where it came.") from None
    except UnicodeDecodeError:
        raise ArchiveError(f"{path} is not text in UTF-8. Save it as UTF-8 and import it again.") from None


def _checked(text: bytes, place: str) -> LegacyDay:
    try:
        fields = frozenset(_FIELDS.decode(text))
    except (msgspec.DecodeError, RecursionError):
        fields = frozenset()  # the next decoder says what is wrong with it
    if fields & _OLDEST_FIELDS:
        raise ArchiveError(f"{place} {_OLDEST}.")
    if fields & _REPORT_FIELDS:
        raise ArchiveError(f"{place} {_REPORT}.")
    try:
        day: LegacyDay = _DECODER.decode(text)
    except msgspec.ValidationError as fault:
        raise ArchiveError(f"{place} is not a day of the Copilot metrics API: {fault}.") from None
    except (msgspec.DecodeError, RecursionError) as fault:
        raise ArchiveError(f"{place} is not JSON ({_reason(fault)}).") from None
    return day


def _is_same(one: bytes, other: bytes) -> bool:
    """Whether two texts say the same, however they are laid out."""
    return bool(msgspec.json.decode(one) == msgspec.json.decode(other))


def import_archive(
    warehouse: Warehouse, archive: Archive, scope: Scope, *, overwrite: bool, run_id: str, today: date
) -> Imported:
    """Land the days of an archive in one transaction: all of them or, when anything goes wrong, none.

    Args:
        warehouse: where to.
        archive: what to land.
        scope: whom its numbers are about.
        overwrite: whether the archive counts for days that have a record with other content.
        run_id: what the ledger names as the run of these days.
        today: the current UTC day.

    Raises:
        ArchiveError: DuckDB does not take the records.
        WarehouseError: the database file can't be opened.
    """
    with warehouse.connect() as connection, tempfile.TemporaryDirectory(prefix="copilot-") as folder:
        there = _reported(connection, scope)
        same = [day for day in archive.days if day in there and _is_same(there[day], archive.days[day].text)]
        differing = [day for day in archive.days if day in there and day not in same]
        new = [day for day in archive.days if day not in there]
        landing = new + differing if overwrite else new
        fetches = [_fetch(scope, day, archive.days[day], Path(folder)) for day in sorted(landing)]
        if fetches:
            try:
                land_archive(connection, fetches, ExpectedReport.of(scope, LEGACY, fetches[0].day, today), run_id)
            except duckdb.Error as error:
                raise ArchiveError(f"DuckDB could not store the records ({type(error).__name__}).") from None
        make_report_view(connection, LEGACY)
    span = (archive.first + timedelta(days=n) for n in range((archive.last - archive.first).days + 1))
    return Imported(
        new=sorted(new),
        overwritten=sorted(differing) if overwrite else (),
        same=sorted(same),
        kept=() if overwrite else sorted(differing),
        missing=[day for day in span if day not in archive.days and day not in there],
    )


def _reported(connection: duckdb.DuckDBPyConnection, scope: Scope) -> dict[date, bytes]:
    """The days of a scope that have a record, with its text."""
    rows = connection.execute(
        "select day, payload from raw.records where scope = ? and report = ?", [str(scope), LEGACY.name]
    ).fetchall()
    return {day: payload.encode() for day, payload in rows}


def _fetch(scope: Scope, day: date, archived: ArchivedDay, folder: Path) -> Fetch:
    """The ledger's line of an archived day. GitHub was not asked: there is no HTTP status."""
    path = folder / f"{day}.json"
    path.write_bytes(archived.text)
    return Fetch(
        scope,
        LEGACY,
        day,
        Outcome.REPORTED,
        f"Imported from the archive {archived.source}.",
        datetime.now(UTC).replace(tzinfo=None),
        records=1,
        bytes=len(archived.text),
        sha256=sha256(archived.text).hexdigest(),
        headline=dict(archived.headline),
        files=(ReportFile(path, OBJECTS, 1, len(archived.text)),),
    )
