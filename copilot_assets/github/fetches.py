"""A fetch: one attempt to get one (scope, report, day), and what is told of the files that came of it.

Asking is `client.py`'s, reading the files `files.py`'s. Nothing is stored here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from copilot_assets.github.files import BrokenFileError, BrokenRecord, Contents, ReportFile, inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope


@dataclass(frozen=True)
class Fetch:
    """One attempt to get one (scope, report, day).

    Attributes:
        fetch_id: a new id for every attempt.
        requested_at: when the first request of it was sent, UTC without zone.
        http_status: of the last answer; None when none came, or when the day was not asked for by itself.
        records: records kept; None unless reported (0 is never written for "no answer").
        bytes: bytes of the files; None unless reported.
        sha256: of the files' digests in sorted order, so that the order of shards does not matter.
        evidence: a sentence for people.
        headline: the numbers that sum the day up, where the report has such.
        files: where the records are; the caller removes them.
        broken: records that were left out; of a failed fetch, all that came.
        unknown_fields: path and type of fields nobody announced, and how many records have them at least.
    """

    scope: Scope
    report: Report
    day: date
    outcome: Outcome
    evidence: str
    requested_at: datetime
    http_status: int | None = None
    records: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    headline: dict[str, Any] = field(default_factory=dict)
    files: tuple[ReportFile, ...] = ()
    broken: tuple[BrokenRecord, ...] = ()
    unknown_fields: Mapping[tuple[str, str], int] = field(default_factory=dict)
    fetch_id: str = field(default_factory=lambda: uuid4().hex)


def fetch_of_texts(
    report: Report,
    scope: Scope,
    day: date,
    texts: list[bytes],
    headline: dict[str, Any],
    folder: Path,
    requested_at: datetime,
) -> Fetch:
    """A report of records that stood in the API's own answer: from here on as if they had been a file."""
    path = folder / f"{uuid4().hex}.json"
    whole = texts[0] if len(texts) == 1 else b"[" + b",".join(texts) + b"]"
    path.write_bytes(whole if texts else b"")
    try:
        contents = inspect_files([path], report, day)
    except BrokenFileError as broken:
        return Fetch(scope, report, day, Outcome.FAILED, str(broken), requested_at, 200)
    contents = replace(contents, headline=contents.headline | headline)
    return fetch_of(report, scope, day, contents, [hashlib.sha256(whole).hexdigest()], requested_at)


def fetch_of_file(
    report: Report, scope: Scope, day: date, path: Path, requested_at: datetime, largest_bytes: int
) -> Fetch:
    """A report of one day in one file.

    Raises:
        BrokenFileError: it is no file of records.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return fetch_of(report, scope, day, inspect_files([path], report, day, largest_bytes), [digest], requested_at)


def fetch_of(
    report: Report, scope: Scope, day: date, contents: Contents, digests: list[str], requested_at: datetime
) -> Fetch:
    """What came of files that were read: a report, or a failure where every record of it is broken."""
    if contents.broken and not contents.records:
        evidence = _all_broken(contents.broken)
        return Fetch(scope, report, day, Outcome.FAILED, evidence, requested_at, 200, broken=contents.broken)
    return Fetch(
        scope,
        report,
        day,
        Outcome.REPORTED,
        f"{contents.records:,} record{'s' if contents.records != 1 else ''} in "
        f"{len(digests)} file{'s' if len(digests) != 1 else ''}." + _left_out(contents),
        requested_at,
        200,
        contents.records,
        sum(file.path.stat().st_size for file in contents.files),
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
        contents.headline,
        contents.files,
        contents.broken,
        contents.unknown_fields,
    )


def _all_broken(broken: Sequence[BrokenRecord]) -> str:
    """A sentence about a report that is left out as a whole, with the first fault."""
    first, *others = broken
    return (
        f"The record in {first.place} {first.fault}{', and every other one is broken too' if others else ''}. "
        f"raw.quarantine has the text{' of each' if others else ''}. "
        "Run this day again; if it comes back the same, tell GitHub Support."
    )


def _left_out(contents: Contents) -> str:
    """A sentence about broken records; empty when there are none."""
    if not contents.broken:
        return ""
    number = len(contents.broken)
    return (
        f" {number:,} broken one{'s were' if number != 1 else ' was'} left out: quality.quarantine has "
        f"{'them' if number != 1 else 'it'} with the reason."
    )
