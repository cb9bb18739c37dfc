"""What people kept: which report a JSON text is a record of, about which day and, where it says so, about whom.

All kinds that are known stand here, with the shapes in which other tools store them; a text of no kind is refused with
what it looks like. How files are read is in `kept_files.py`, how days join the history in `archive.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from copilot_assets.github.files import DECODERS
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.github.scopes import ScopeKind
from copilot_assets.records import LegacyDay
from copilot_assets.warehouse.kept_files import ArchiveError, reason

_BY_NAME: Final = {report.name: report for report in REPORTS}
LEGACY: Final = next(report for report in REPORTS if report.record is LegacyDay)
_, _LEGACY_DECODER = DECODERS[LegacyDay]
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_DAY_AND_TIME: Final = re.compile(rb'"(\d{4}-\d{2}-\d{2})[T ][0-9:.]*(Z|\+00:?00)?"')

_Fields = Mapping[str, msgspec.Raw]
# What other tools put beside GitHub's own fields of a day.
_SCOPE_FIELDS: Final = ("organization", "enterprise", "team")

# What tells records apart, by fields that no other kind has.
_OLDEST_FIELDS: Final = frozenset({"breakdown", "total_suggestions_count", "total_acceptances_count"})
_ENTITY_FIELDS: Final = frozenset({"daily_active_users", "weekly_active_users", "monthly_active_users"})
_OLDEST: Final = (
    "comes from GitHub's Copilot usage API (/copilot/usage), which was closed on 2025-03-01. It counts other things by "
    "similar names and knows no engaged users, so its numbers are not mixed with those of the Copilot metrics API "
    "(/copilot/metrics). Leave the file out"
)
_LINKS: Final = (
    "is GitHub's list of links to report files, not a report: the links ended an hour after it was made. Import the "
    "files that they led to"
)
_TAKEN: Final = (
    "What is taken: records of the reports users, user-teams, repos, organization and enterprise, of 1 day or 28, and "
    "days of the closed metrics API (with a date)"
)


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """One record of a kept file.

    Attributes:
        day: the UTC day it is about.
        text: the record's text as it stands in the file, byte for byte, unless its day was written with a time.
        organization, enterprise, team: names of whom it is about, where it has them beside GitHub's own fields.
        kind: the kind of its scope, where it has GitHub's number of it alone.
        account_id: that number, as text.
        edition: the last day of the 28 that it is one of; `date.max` for a report of one day, which is never older.
    """

    report: Report
    day: date
    text: bytes
    place: str
    source: str
    organization: str | None = None
    enterprise: str | None = None
    team: str | None = None
    kind: ScopeKind | None = None
    account_id: str | None = None
    edition: date = date.max


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text stands: the file's name, and what sentences say."""

    source: str
    words: str

    def error(self, what: str) -> ArchiveError:
        return ArchiveError(f"{self.words} {what}.")


def kept_records(source: str, place: str, text: bytes) -> Iterator[KeptRecord]:
    """The records of one JSON text: itself, or those that stand in it.

    Raises:
        ArchiveError: it is of no kind that is known.
    """
    yield from _records(_Place(source, place), text, {})


def _records(place: _Place, text: bytes, around: _Fields) -> Iterator[KeptRecord]:
    """The records of a text; `around` are fields that stand beside the list it is in, and hold for it too."""
    try:
        fields = _FIELDS.decode(text)
    except msgspec.ValidationError as fault:
        raise place.error(f"is no record: {fault}".rstrip(".")) from None
    except (msgspec.DecodeError, RecursionError) as fault:
        raise place.error(f"is not JSON ({reason(fault)})") from None
    if "download_links" in fields:
        raise place.error(_LINKS)
    if fields.keys() & _OLDEST_FIELDS:
        raise place.error(_OLDEST)
    if "date" in fields:
        yield _legacy(place, text, {**around, **fields})
    elif "day" in fields:
        yield _reported(place, text, fields)
    elif "day_totals" in fields:
        for inside, element in _inside(place, fields, "day_totals"):
            yield _reported(inside, element, {**fields, **_FIELDS.decode(element)})
    else:
        yield from _wrapped(place, fields, around)


def _wrapped(place: _Place, fields: _Fields, around: _Fields) -> Iterator[KeptRecord]:
    """The records in what another tool put around them."""
    if "_source" in fields:  # a line of an Elasticsearch export
        yield from _records(place, bytes(fields["_source"]), around)
        return
    name = next((name for name in ("metrics", "data") if name in fields), None)
    if name is None:
        raise place.error(f"is of no kind that is known: an object with {_names(fields)}. {_TAKEN}")
    beside = {name: value for name, value in fields.items() if name in _SCOPE_FIELDS}
    for inside, element in _inside(place, fields, name):
        yield from _records(inside, element, {**around, **beside})


def _inside(place: _Place, fields: _Fields, name: str) -> Iterator[tuple[_Place, bytes]]:
    """The elements of a list in a field, with their places."""
    try:
        elements = _ELEMENTS.decode(fields[name])
    except msgspec.DecodeError:
        raise place.error("holds no list of days where one belongs") from None
    for number, element in enumerate(elements, start=1):
        yield _Place(place.source, f"{place.words.rstrip(',')}, element {number} of its {name},"), bytes(element)


def _names(fields: _Fields) -> str:
    """Which fields an object has, so that somebody knows it again."""
    names = [name for name in fields if re.fullmatch(r"\w{1,40}", name)][:5]
    return ", ".join(names) + (" …" if len(names) < len(fields) else "") if names else "no fields"


# --- The reports of the usage metrics ---------------------------------------------------------------------------------


def _reported(place: _Place, text: bytes, fields: _Fields) -> KeptRecord:
    organization, enterprise = (_text(fields.get(name)) for name in ("organization_id", "enterprise_id"))
    kind = ScopeKind.ORG if organization else ScopeKind.ENTERPRISE if enterprise else None
    try:
        day = msgspec.json.decode(fields["day"], type=date)
        edition = msgspec.json.decode(fields["report_end_day"], type=date) if "report_end_day" in fields else date.max
    except msgspec.DecodeError as fault:
        raise place.error(f"does not say which day it is about: {fault}".rstrip(".")) from None
    return KeptRecord(
        _report(place, fields, kind),
        day,
        text,
        place.words,
        place.source,
        kind=kind,
        account_id=organization or enterprise,
        edition=edition,
    )


def _report(place: _Place, fields: _Fields, kind: ScopeKind | None) -> Report:
    if "user_id" in fields or "user_login" in fields:
        return _BY_NAME["user-teams-1-day" if "team_id" in fields else "users-1-day"]
    if "repo_id" in fields or "repo_name" in fields:
        return _BY_NAME["repos-1-day"]
    if fields.keys() & _ENTITY_FIELDS:
        # Of neither, the scope that is given decides: see `archive.py`.
        return _BY_NAME["enterprise-1-day" if kind is ScopeKind.ENTERPRISE else "organization-1-day"]
    raise place.error(f"is of no kind that is known: an object with {_names(fields)}. {_TAKEN}")


def _text(value: msgspec.Raw | None) -> str | None:
    """A number or a text as text; None where there is none."""
    found = msgspec.json.decode(value) if value is not None else None
    return str(found) if isinstance(found, str | int) and found != "" else None


# --- Days of the closed metrics API -----------------------------------------------------------------------------------


def _legacy(place: _Place, text: bytes, fields: _Fields) -> KeptRecord:
    if timed := _DAY_AND_TIME.fullmatch(bytes(fields["date"])):
        own = _FIELDS.decode(text)
        text = msgspec.json.encode({**own, "date": timed[1].decode()})
    try:
        day: LegacyDay = _LEGACY_DECODER.decode(text)
    except msgspec.ValidationError as fault:
        raise place.error(f"is not a day of the Copilot metrics API: {fault}".rstrip(".")) from None
    except (msgspec.DecodeError, RecursionError) as fault:
        raise place.error(f"is not JSON ({reason(fault)})") from None
    organization, enterprise, team = (_name(fields.get(name)) for name in _SCOPE_FIELDS)
    return KeptRecord(LEGACY, day.date, text, place.words, place.source, organization, enterprise, team)


def _name(value: msgspec.Raw | None) -> str | None:
    """The name in a field: a text, or an object with a slug or login."""
    found: Any = msgspec.json.decode(value) if value is not None else None
    if isinstance(found, dict):
        found = found.get("slug") or found.get("login") or found.get("name")
    return found if isinstance(found, str) and found else None
