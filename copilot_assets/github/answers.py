"""GitHub's answers as text: the envelope of a report, a page of a list, an array of days, decoded or refused.

What an answer's status and words mean is in `outcomes.py`, what a report file holds in `files.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypeVar

import msgspec

from copilot_assets.github.files import BYTE_ORDER_MARK, BrokenFileError
from copilot_assets.github.reports import Report

_T = TypeVar("_T")


class LinkList(msgspec.Struct):
    """The envelope of a report (OpenAPI: copilot-usage-metrics-1-day-report and -28-day-report)."""

    download_links: list[str]
    report_day: date | None = None
    report_end_day: date | None = None


class _Dated(msgspec.Struct):
    """As much of a legacy element as is needed to know its day."""

    date: date


# Made here, in one thread: see `files.py`.
LINKS: Final = msgspec.json.Decoder(LinkList | str)
OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
NUMBER: Final = msgspec.json.Decoder(int)
_DATED: Final = msgspec.json.Decoder(_Dated)


def decoded(body: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T], promised: str) -> _T:
    """An answer of GitHub's API as what its endpoint promises.

    Raises:
        BrokenFileError: it is something else.
    """
    try:
        return decoder.decode(bytes(body).removeprefix(BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenFileError(
            f"GitHub answered 200, but not with {promised}; a proxy may have answered instead. Check GITHUB_API_URL."
        ) from None


def elements(body: bytes) -> list[tuple[bytes, date]]:
    """The elements of a legacy answer as GitHub wrote them, with their days."""
    promised = "an array of days"
    return [(bytes(text), decoded(text, _DATED, promised).date) for text in decoded(body, ELEMENTS, promised)]


def goes_on(page: Mapping[str, msgspec.Raw]) -> bool:
    """Whether a page of a list says in itself that another follows, as the lists of budgets do without any link."""
    return bytes(page.get("has_next_page", b"")) == b"true"


def kept_of(entry: msgspec.Raw, report: Report) -> bytes | None:
    """What is kept of an entry of a list: its text, without what the report says is not kept; None of no part of it."""
    if not report.unkept_fields and not report.unkept_entries:
        return bytes(entry)
    found: Any = msgspec.json.decode(entry)
    if not isinstance(found, dict):
        return bytes(entry)
    if report.unkept_entries:
        name, value = report.unkept_entries
        if found.get(name) == value:
            return None
    for *outer, name in report.unkept_fields:
        inside: Any = found
        for step in outer:
            inside = inside.get(step) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            inside.pop(name, None)
    return msgspec.json.encode(found)
