"""Report files on disk: are they what the contract says, record by record, and how is the text to be read?

Files that came wrapped (gzip, a byte order mark) are unwrapped in place; nothing is stored here. A fault is named with
its file's line and JSON path, never with a value.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import BufferedIOBase
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import msgspec

from copilot_assets.github.reports import LARGEST_FILE_MB, REPORTS, Report
from copilot_assets.records import Record
from copilot_assets.records.contract import record_keys, strict, unknown_fields

# How DuckDB's read_json_objects has to read a file so that each record's text is kept byte for byte.
LINES: Final = "newline_delimited"
OBJECTS: Final = "unstructured"
ARRAY: Final = "array"

GZIP: Final = b"\x1f\x8b"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_SPACE: Final = b" \t\r\n"  # what JSON calls white space; Python's own idea of it is wider

# Made here, in one thread: two threads that make msgspec decoders of one Struct at once crash the interpreter (0.22).
# The first of each pair refuses fields that the contract does not have, the second passes over them.
DECODERS: Final[dict[type[Record], tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]]] = {
    report.record: (msgspec.json.Decoder(strict(report.record)), msgspec.json.Decoder(report.record))
    for report in REPORTS
}
# Looking at unknown fields takes several times as long as reading, and a field that GitHub adds is in every record.
LOOKS: Final = 100
_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)
_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


LARGEST_FILE_BYTES: Final = LARGEST_FILE_MB * 2**20
RAISE_THE_BOUND: Final = "If a day of yours is really so large, raise COPILOT_MAX_FILE_MB."


class BrokenFileError(ValueError):
    """A file that is not what its report promises. The message is a sentence with line and JSON path, no values."""


def too_large(what: str, most: int, remedy: str) -> BrokenFileError:
    """What is to be raised of something that is larger than `most` bytes once it is unpacked."""
    size = f"{most // 2**20:,} MB" if most >= 2**20 else f"{most // 2**10:,} kB"
    return BrokenFileError(f"{what} is larger than {size} unpacked, and was not read on. {remedy}")


@dataclass(frozen=True)
class ReportFile:
    """One downloaded file: where it is, how to read it, how many records it has, the longest one's bytes."""

    path: Path
    layout: str
    records: int
    longest: int


@dataclass(frozen=True)
class BrokenRecord:
    """A record that was left out: where it stood, which rule it breaks (no values), and its text."""

    place: str
    fault: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Contents:
    """What the files of one report and day hold.

    Attributes:
        files: the files, without the broken records.
        records: records that keep the contract.
        headline: the numbers that sum the day up, where a day is one record.
        broken: the records that don't; when none does, they are all there is, and the day has failed.
        unknown_fields: JSON path and JSON type of fields that the contract does not have, and how many records have
            them at least: only the first `LOOKS` records with such fields are looked at.
    """

    files: tuple[ReportFile, ...]
    records: int
    headline: dict[str, Any] = field(default_factory=dict)
    broken: tuple[BrokenRecord, ...] = ()
    unknown_fields: Mapping[tuple[str, str], int] = field(default_factory=dict)


def inspect_files(
    paths: Sequence[Path], report: Report, day: date, largest_bytes: int = LARGEST_FILE_BYTES
) -> Contents:
    """Validate every record of every file against the contract.

    A file is newline-delimited JSON, or one pretty-printed object, or one array of objects: GitHub's documentation
    shows all three for the same reports. An empty file and an empty array hold no records. A file that is gzip, or
    begins with a byte order mark, is replaced on disk by the plain text in it; one with broken records, by the others.

    Raises:
        BrokenFileError: for a file that is no JSON at all, breaks off or has more than `largest_bytes` unpacked; for a
            second record where a day has one.
    """
    found = _Found(report, day)
    files: list[ReportFile] = []
    for number, path in enumerate(paths, start=1):
        _unwrap(path, f"File {number} of the report", largest_bytes)
        layout = _layout(path)
        before, broken_before = found.records, len(found.broken)
        of_file = f" of file {number}" if len(paths) > 1 else ""
        kept = [found.keeps(text, place + of_file) for place, text in record_texts(path, layout)]
        if len(found.broken) > broken_before:
            keep_only(path, layout, kept)
        files.append(ReportFile(path, layout, found.records - before, found.longest))
    if report.is_single and found.records > 1:
        raise BrokenFileError(
            f"{report.name} holds {found.records} records where GitHub promises one, and which is right can't be told. "
            "Run this day again later."
        )
    return Contents(tuple(files), found.records, found.headline, tuple(found.broken), found.unknown_fields)


class _Found:
    """What has been found so far in the files of one report and day."""

    def __init__(self, report: Report, day: date) -> None:
        self.report, self.day = report, day
        self.records = 0
        self.longest = 0
        self.headline: dict[str, Any] = {}
        self.broken: list[BrokenRecord] = []
        self.unknown_fields: Counter[tuple[str, str]] = Counter()
        self._looks_left = LOOKS
        self._strict, self._lenient = DECODERS[report.record]
        self._keys = record_keys(report.record)
        self._key_of = attrgetter(*self._keys) if self._keys else None
        self._seen: dict[Any, int] = {}

    def keeps(self, text: bytes, place: str) -> bool:
        """Take in one record; False for one that has to be left out.

        Raises:
            BrokenFileError: it is no JSON object, and nobody knows how many records it stands for.
        """
        if not text.startswith(b"{"):
            raise BrokenFileError(
                f"What stands in {place} of the report is no record: no JSON object. Run this day again."
            )
        record: Any = None
        unknown: Collection[tuple[str, str]] = ()
        try:
            text.decode()  # msgspec does not look at the encoding of fields it does not know; DuckDB does
            try:
                record, unknown = self._decoded(text)
                fault = self._fault(record, text)
            except msgspec.ValidationError as error:
                fault = f"breaks the contract of {self.report.name}: {error}"
                _ANY_JSON.decode(text)  # msgspec stopped at the fault: what stands behind it may be no JSON
        except _NO_JSON:
            raise BrokenFileError(
                f"The text in {place} of the report is not JSON; the file may have been cut."
            ) from None
        if fault:
            self.broken.append(BrokenRecord(place, fault, text.decode()))
            return False
        if self.report.is_single:
            self.headline = {name: getattr(record, name) for name in self.report.headline}
        if unknown:  # a Counter takes its time over nothing too, once for every record
            self.unknown_fields.update(unknown)
        self.records += 1
        self.longest = max(self.longest, len(text))
        return True

    def _decoded(self, text: bytes) -> tuple[Any, Collection[tuple[str, str]]]:
        """The record and its unknown fields; the slow look at them is for the first records that have some."""
        if not self._looks_left:
            return self._lenient.decode(text), ()
        try:
            return self._strict.decode(text), ()
        except msgspec.ValidationError:
            record, unknown = self._lenient.decode(text), set(unknown_fields(self.report.record, text))
            self._looks_left -= 1
            return record, unknown

    def _fault(self, record: Any, text: bytes) -> str | None:
        if record.about not in (None, self.day):
            return f"is about {record.about}, not about {self.day} that was asked for"
        if self._key_of:
            digest = hash(text)
            if self._seen.setdefault(self._key_of(record), digest) != digest:
                return f"is a second one of the same {' and '.join(self._keys)}, with other content"
        return None


def keep_only(path: Path, layout: str, kept: Sequence[bool]) -> None:
    """Leave the records that are kept in a file, their texts untouched."""
    texts = [text for (_, text), keep in zip(record_texts(path, layout), kept, strict=True) if keep]
    path.write_bytes(b"[" + b",".join(texts) + b"]" if layout == ARRAY else b"".join(text + b"\n" for text in texts))


def _unwrap(path: Path, name: str, largest_bytes: int) -> None:
    """Leave plain UTF-8 text on disk, or say what is there instead. DuckDB refuses a byte order mark."""
    if _head(path).startswith(GZIP):
        try:
            with gzip.open(path) as unpacked:
                _rewrite(path, _Bounded(unpacked, name, largest_bytes))
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


class _Bounded:
    """A file that refuses to be read beyond so many bytes."""

    def __init__(self, file: BufferedIOBase, name: str, most: int) -> None:
        self._file, self._name, self._most = file, name, most
        self._left = most

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._file.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise too_large(self._name, self._most, RAISE_THE_BOUND)
        return chunk


def _rewrite(path: Path, source: BufferedIOBase | _Bounded) -> None:
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


def record_texts(path: Path, layout: str) -> Iterator[tuple[str, bytes]]:
    """The records' texts, each with the place where it stands in its file."""
    if layout == LINES:
        with path.open("rb", buffering=2**20) as file:
            for number, line in enumerate(file, start=1):
                if text := line.strip(_SPACE):
                    yield f"line {number}", text
    elif layout == ARRAY:
        for number, raw in enumerate(msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw]), start=1):
            yield f"element {number}", bytes(raw)
    else:
        yield "line 1", path.read_bytes().strip(_SPACE)
