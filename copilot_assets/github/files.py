"""Report files on disk: are they what the contract says, record by record, and how is the text to be read?

Files that came wrapped (gzip, a byte order mark) are unwrapped in place; nothing is stored here. A fault is named with
its file's line and JSON path, never with a value.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Final

import msgspec

from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.records import Record

# How DuckDB's read_json_objects has to read a file so that each record's text is kept byte for byte.
LINES: Final = "newline_delimited"
OBJECTS: Final = "unstructured"
ARRAY: Final = "array"

GZIP: Final = b"\x1f\x8b"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_SPACE: Final = b" \t\r\n"  # what JSON calls white space; Python's own idea of it is wider

# Made here, in one thread: two threads that make msgspec decoders of one Struct at once crash the interpreter (0.22).
DECODERS: Final[dict[type[Record], msgspec.json.Decoder[Any]]] = {
    report.record: msgspec.json.Decoder(report.record) for report in REPORTS
}
_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class BrokenFileError(ValueError):
    """A file that is not what its report promises. The message is a sentence with line and JSON path, no values."""


@dataclass(frozen=True)
class ReportFile:
    """One downloaded file: where it is, how to read it, how many records it has, the longest one's bytes."""

    path: Path
    layout: str
    records: int
    longest: int


@dataclass(frozen=True)
class Contents:
    """What the files of one report and day hold; `headline` only where a day is one record."""

    files: tuple[ReportFile, ...]
    records: int
    headline: dict[str, Any] = field(default_factory=dict)


def inspect_files(paths: Sequence[Path], report: Report, day: date) -> Contents:
    """Validate every record of every file against the contract.

    A file is newline-delimited JSON, or one pretty-printed object, or one array of objects: GitHub's documentation
    shows all three for the same reports. An empty file and an empty array hold no records. A file that is gzip, or
    begins with a byte order mark, is replaced on disk by the plain text in it.

    Raises:
        BrokenFileError: at the first record that breaks the contract or is about another day; for a file that is no
            JSON at all; for a second record where a day has one.
    """
    files: list[ReportFile] = []
    count, headline = 0, {}
    for number, path in enumerate(paths, start=1):
        _unwrap(path, f"File {number} of the report")
        layout = _layout(path)
        longest, before = 0, count
        for line, text in _texts(path, layout):
            record = _validated(text, report, day, f"line {line}" + (f" of file {number}" if len(paths) > 1 else ""))
            if report.is_single:
                headline = {name: getattr(record, name) for name in report.headline}
            longest = max(longest, len(text))
            count += 1
        files.append(ReportFile(path, layout, count - before, longest))
    if report.is_single and count > 1:
        raise BrokenFileError(
            f"{report.name} holds {count} records where GitHub promises one, and which is right can't be told. "
            "Run this day again later."
        )
    return Contents(tuple(files), count, headline)


def _unwrap(path: Path, name: str) -> None:
    """Leave plain UTF-8 text on disk, or say what is there instead. DuckDB refuses a byte order mark."""
    if _head(path).startswith(GZIP):
        try:
            with gzip.open(path) as unpacked:
                _rewrite(path, unpacked)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise BrokenFileError(f"{name} is gzip that breaks off or is damaged. Run this day again.") from None
    if _head(path).startswith(BYTE_ORDER_MARK):
        with path.open("rb") as file:
            file.seek(len(BYTE_ORDER_MARK))
            _rewrite(path, file)
    head = _head(path)
    if head.startswith(_UTF_16) or b"\0" in head:
        raise BrokenFileError(
            f"{name} is no UTF-8 text: it begins as UTF-16, UTF-32 or binary data does. Something on the way changed "
            "it; let the storage's answers through as they are, and run this day again."
        )
    if head.lstrip(_SPACE).startswith(b"<"):
        raise BrokenFileError(
            f"{name} is a web page: a proxy or sign-in page answered in place of GitHub. Let this through to "
            "api.github.com and copilot-reports.github.com (for GHE.com to api.SUBDOMAIN.ghe.com and "
            "copilot-reports.SUBDOMAIN.ghe.com), and run this day again."
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _rewrite(path: Path, source: BufferedIOBase) -> None:
    """Put what is left of `source`, which may be the file itself, in the place of a file."""
    plain = path.with_name(f"{path.name}.plain")
    with plain.open("wb") as target:
        shutil.copyfileobj(source, target)
    plain.replace(path)


def _layout(path: Path) -> str:
    """Lines unless the first one is no JSON object by itself: then the whole file may be one value."""
    with path.open("rb") as file:
        first = next((text for line in file if (text := line.strip(_SPACE))), b"")
    if not first or _is_json(first, dict[str, msgspec.Raw]):
        return LINES
    body = path.read_bytes()
    if _is_json(body, list[msgspec.Raw]):
        return ARRAY
    return OBJECTS if _is_json(body, dict[str, msgspec.Raw]) else LINES  # reading it line by line names the line


def _is_json(text: bytes, kind: Any) -> bool:
    try:
        msgspec.json.decode(text, type=kind)
    except _NO_JSON:
        return False
    return True


def _texts(path: Path, layout: str) -> Iterator[tuple[int, bytes]]:
    """The records' texts, each with the line it begins on; of an array always 1."""
    if layout == LINES:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if text := line.strip(_SPACE):
                    yield number, text
    elif layout == ARRAY:
        for text in msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw]):
            yield 1, bytes(text)
    else:
        yield 1, path.read_bytes()


def _validated(text: bytes, report: Report, day: date, place: str) -> Any:
    try:
        text.decode()  # msgspec does not look at the encoding of fields it does not know; DuckDB does
        record = DECODERS[report.record].decode(text)
    except msgspec.ValidationError as fault:
        raise BrokenFileError(f"The record in {place} breaks the contract of {report.name}: {fault}.") from None
    except _NO_JSON:
        raise BrokenFileError(f"The text in {place} of the report is not JSON; the file may have been cut.") from None
    if record.about not in (None, day):
        raise BrokenFileError(f"The record in {place} is about {record.about}, not about {day} that was asked for.")
    return record
