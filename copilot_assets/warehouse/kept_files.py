"""Files that people kept: JSON in whatever wrapping, as texts one after another, each with the place it stands in.

A folder, a zip, gzip, a byte order mark, an array, lines or pretty-printed objects: what holds JSON belongs here, and
that CSV is something else. What a text is about is decided in `kept_records.py`. Lines are read one by one: a file of
any size takes little memory.
"""

from __future__ import annotations

import gzip
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from copilot_assets.github.bill_files import columns_in
from copilot_assets.github.files import BYTE_ORDER_MARK, GZIP, LARGEST_FILE_BYTES, RAISE_THE_BOUND, too_large

_SUFFIXES: Final = (".json", ".ndjson", ".jsonl", ".csv", ".gz", ".txt")
# Bytes. The longest record of GitHub's known is some hundred kilobytes; a line beyond this is no line of records.
_LONGEST_LINE: Final = 512 * 2**20
_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_NO_JSON: Final = (msgspec.DecodeError, RecursionError)
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_SPACE: Final = b" \t\r\n"


class ArchiveError(ValueError):
    """An archive that can't be imported. The message is a sentence with file, place and reason, and no values."""


def kept_texts(
    paths: Sequence[Path],
    on_bytes: Callable[[int], None] = lambda count: None,
    largest_bytes: int = LARGEST_FILE_BYTES,
    on_csv: Callable[[str, str, BufferedReader], None] | None = None,
) -> Iterator[tuple[str, str, bytes]]:
    """The JSON texts of files, in their order: the file's name, the place to name when one is wrong, the text.

    Args:
        paths: files; folders, of which all files are taken that are called as JSON files are; and zips of such files.
        on_bytes: told how many bytes more have been read.
        largest_bytes: what a packed file may have unpacked.
        on_csv: given the files that are no JSON but CSV, in their turn: name, how sentences call it, what is in it.

    Raises:
        ArchiveError: a file can't be read as that; nobody knows what else it would have held.
    """
    for path in paths:
        for name, shown, open_file in _files(path):
            empty = True
            with _unwrapped(shown, open_file, largest_bytes) as file:
                if on_csv and columns_in(file.peek()):
                    on_csv(name, shown, file)
                    continue
                for line, text in _values(shown, file, on_bytes):
                    for place, element in _elements(shown, line, text):
                        empty = False
                        yield name, place, element
            if empty and shown == str(path):  # in a folder or zip it may be a day of nobody
                raise ArchiveError(f"{shown} holds no days.")


_Opener = Callable[[], Any]


def _files(path: Path) -> Iterator[tuple[str, str, _Opener]]:
    """The files at a path: name, how sentences call it, and how to open it."""
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file() and _is_called_json(each.relative_to(path)))
        if not inside:
            raise ArchiveError(f"{path} is a folder without any file that ends in {', '.join(_SUFFIXES)}.")
        for each in inside:
            yield from _files(each)
    elif zipfile.is_zipfile(path):
        yield from _zipped(path)
    elif _begins_as_zip(path):
        raise ArchiveError(f"{path} is half a zip: its end is missing. Copy it again from where it came.")
    else:
        yield path.name, str(path), partial(path.open, "rb")


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _zipped(path: Path) -> Iterator[tuple[str, str, _Opener]]:
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError):
        raise _damaged(str(path)) from None
    with opened as archive:
        inside = [
            each for each in archive.infolist() if not each.is_dir() and _is_called_json(PurePosixPath(each.filename))
        ]
        if not inside:
            raise ArchiveError(f"{path} is a zip without any file that ends in {', '.join(_SUFFIXES)}.")
        for each in inside:
            if each.flag_bits & 1:
                raise ArchiveError(f"{path} needs a password. Unpack it, and import the files.")
            yield PurePosixPath(each.filename).name, f"{path}, {each.filename}", partial(archive.open, each)


def _is_called_json(path: Path | PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.lower() in _SUFFIXES


@contextmanager
def _unwrapped(shown: str, open_file: _Opener, largest_bytes: int) -> Iterator[BufferedReader]:
    """A file's text, without gzip and byte order mark.

    Raises:
        ArchiveError: it is damaged, cut or too large unpacked, here or while it is read inside.
    """
    try:
        with ExitStack() as stack:
            opened = stack.enter_context(open_file())
            packed = isinstance(opened, zipfile.ZipExtFile)
            file = BufferedReader(_AtMost(opened, shown, largest_bytes) if packed else opened)
            if file.peek(2).startswith(GZIP):
                unpacked = stack.enter_context(gzip.open(file))
                file = BufferedReader(_AtMost(unpacked, shown, largest_bytes))
            if file.peek(3).startswith(BYTE_ORDER_MARK):
                file.read(3)
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile):
        raise _damaged(shown) from None
    except UnicodeDecodeError:
        raise ArchiveError(f"{shown} is not text in UTF-8. Save it as UTF-8 and import it again.") from None
    except RuntimeError:
        raise ArchiveError(
            f"{shown} is compressed or encrypted in a way that is not known here. Unpack it, and import the files."
        ) from None
    except OSError as problem:
        raise ArchiveError(f"{shown} can't be read: {problem.strerror or problem}.") from None


def _damaged(shown: str) -> ArchiveError:
    return ArchiveError(f"{shown} is compressed and damaged or cut. Copy it again from where it came.")


class _AtMost(RawIOBase):
    """What is unpacked, up to so many bytes: a few kilobytes may stand for gigabytes."""

    def __init__(self, file: Any, shown: str, most: int) -> None:
        self._file, self._shown, self._most = file, shown, most
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count: int = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise ArchiveError(str(too_large(self._shown, self._most, RAISE_THE_BOUND)))
        return count


def _values(shown: str, file: BufferedReader, on_bytes: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """The JSON values of a file, one after another, with the line in which each begins.

    As long as each line is a value by itself, lines are all that is held in memory; then the rest is read as one text.
    """
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        on_bytes(len(line))
        text = line.strip(_SPACE)
        if not text:
            continue
        if not _is_json(text):
            rest = file.read()
            on_bytes(len(rest))
            yield from _values_of(shown, number, (line + rest).decode())
            return
        text.decode()
        yield number, text


def _is_json(text: bytes) -> bool:
    try:
        _ANY_JSON.decode(text)
    except _NO_JSON:
        return False
    return True


def _values_of(shown: str, line: int, text: str) -> Iterator[tuple[int, bytes]]:
    """The JSON values of a text that begins in a line of a file, however they are laid out."""
    decoder = json.JSONDecoder()
    counted, start = 0, _end_of_blanks(text, 0)
    while start < len(text):
        line, counted = line + text.count("\n", counted, start), start
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as fault:
            raise ArchiveError(
                f"{shown}: what begins in line {line} is not JSON ({reason(fault)}); the file may have been cut."
            ) from None
        yield line, text[start:end].encode()
        start = _end_of_blanks(text, end)


def _elements(shown: str, line: int, text: bytes) -> Iterator[tuple[str, bytes]]:
    """A value, or the elements of an array, each with the place to name when something is wrong with it."""
    if not text.startswith(b"["):
        yield f"{shown}, line {line},", text
        return
    try:
        elements = _ELEMENTS.decode(text)
    except _NO_JSON as fault:
        raise ArchiveError(f"{shown}: the array in line {line} is not JSON ({reason(fault)}).") from None
    for number, element in enumerate(elements, start=1):
        yield f"{shown}, element {number} of the array in line {line},", bytes(element)


def _end_of_blanks(text: str, start: int) -> int:
    found = _BLANKS.match(text, start)
    return found.end() if found else start


def reason(fault: Exception) -> str:
    """Why a text is not JSON; parsers name what they expected and where, never what they read."""
    return "it is nested too deeply" if isinstance(fault, RecursionError) else str(fault)
