"""Report files on disk: are they what the contract says, record by record, and how is the text to be read?

Nothing is stored or changed here; a fault is named with its file's line and JSON path, never with a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from copilot_assets.flatten import DAY_FIELDS
from copilot_assets.github.reports import REPORTS, Report

# How DuckDB's read_json_objects has to read a file so that each record's text is kept byte for byte.
LINES: Final = "newline_delimited"
OBJECTS: Final = "unstructured"
ARRAY: Final = "array"

# Made here, in one thread: two threads that make msgspec decoders of one Struct at once crash the interpreter (0.22).
_DECODERS: Final = {report.record: msgspec.json.Decoder(report.record) for report in REPORTS}


class BrokenFileError(ValueError):
    """A file that is not what its report promises. The message is a sentence with line and JSON path, no values."""


@dataclass(frozen=True)
class ReportFile:
    """One downloaded file: where it is, how to read it, how long its longest record is in bytes."""

    path: Path
    layout: str
    longest: int


@dataclass(frozen=True)
class Contents:
    """What the files of one report and day hold."""

    files: tuple[ReportFile, ...]
    records: int
    headline: dict[str, Any] = field(default_factory=dict)


def inspect_files(paths: Sequence[Path], report: Report, day: date) -> Contents:
    """Validate every record of every file against the contract.

    A file is newline-delimited JSON, or one pretty-printed object, or one array of objects: GitHub's documentation
    shows all three for the same reports. An empty file holds no records.

    Raises:
        BrokenFileError: at the first record that breaks the contract or is about another day.
    """
    files: list[ReportFile] = []
    count, headline = 0, {}
    for number, path in enumerate(paths, start=1):
        layout = _layout(path, number)
        longest = 0
        for line, text in _texts(path, layout):
            record = _validated(text, report, day, f"line {line}" + (f" of file {number}" if len(paths) > 1 else ""))
            headline = {name: getattr(record, name) for name in report.headline}
            longest = max(longest, len(text))
            count += 1
        files.append(ReportFile(path, layout, longest))
    return Contents(tuple(files), count, headline if count == 1 else {})


def _layout(path: Path, number: int) -> str:
    """Lines unless the first line is no JSON value by itself: then the whole file is one value."""
    with path.open("rb") as file:
        first = file.readline().strip()
    if not first or _is_json_object(first):
        return LINES
    try:
        whole = msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw] | dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return LINES  # reading it line by line names the line
    if not whole:
        raise BrokenFileError(f"File {number} of the report is an empty JSON value, not records.")
    return ARRAY if isinstance(whole, list) else OBJECTS


def _is_json_object(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _texts(path: Path, layout: str) -> Iterator[tuple[int, bytes]]:
    if layout == LINES:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if text := line.strip():
                    yield number, text
    elif layout == ARRAY:
        for text in msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw]):
            yield 1, bytes(text)
    else:
        yield 1, path.read_bytes()


def _validated(text: bytes, report: Report, day: date, place: str) -> Any:
    try:
        text.decode()  # msgspec does not look at the encoding of fields it does not know; DuckDB does
        record = _DECODERS[report.record].decode(text)
    except msgspec.ValidationError as fault:
        raise BrokenFileError(f"The record in {place} breaks the contract of {report.name}: {fault}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenFileError(f"The text in {place} of the report is not JSON; the file may have been cut.") from None
    (about,) = (getattr(record, name) for name in DAY_FIELDS if hasattr(record, name))
    if about != day:
        raise BrokenFileError(f"The record in {place} is about {about}, not about {day} that was asked for.")
    return record
