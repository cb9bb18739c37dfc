"""Kept records, put together by scope, report and day, and which of several of one thing counts.

Whom a record is about is settled here, with what is given beside the files. What a text is stands in `kept_records.py`;
what becomes of days that are in the history already, in `archive.py`. Records wait on the disk, not in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from copilot_assets.github.bill_files import BillFile, read_bill
from copilot_assets.github.files import DECODERS, LARGEST_FILE_BYTES, BrokenFileError
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.github.scopes import Scope, ScopeError, ScopeKind
from copilot_assets.records.contract import record_keys, value_at
from copilot_assets.warehouse.kept_files import ArchiveError, kept_texts
from copilot_assets.warehouse.kept_records import LEGACY, KeptRecord, kept_records

# Bytes of records that are held before they are written to the disk.
_HELD: Final = 64 * 2**20
_CHUNK: Final = 2**20
_ENTITIES: Final = {
    kind: report
    for report in REPORTS
    for kind in report.paths
    if report.name in ("organization-1-day", "enterprise-1-day")
}

# Which day of whom: scope, the report's name, day.
Key = tuple[Scope, str, date]


@dataclass
class ArchivedDay:
    """The records of one scope, report and day, in a file of their own; of a newer edition alone, if there are several.

    Attributes:
        source: the name of the file that the newest of them came from.
        edition: see `KeptRecord`.
        is_conflict: whether two records told the same thing differently; the later counts.
    """

    path: Path
    report: Report
    source: str
    edition: date
    is_conflict: bool = False
    held: list[bytes] = field(default_factory=list, repr=False)

    @property
    def is_single(self) -> bool:
        """Whether it is one record, whose text stays as it is laid out."""
        return self.report.is_single or self.report is LEGACY

    def texts(self) -> list[bytes]:
        """The texts of its records."""
        whole = self.path.read_bytes()
        return [whole] if self.is_single else whole.splitlines()


@dataclass(frozen=True)
class Archive:
    """What the files hold, in a folder that is there as long as the archive is open.

    Attributes:
        days: by scope, report and day, in that order.
        accounts: GitHub's number of each scope whose records tell it.
        open_lines: lines of bills that are about days which have not closed, and were left out.
    """

    days: Mapping[Key, ArchivedDay]
    accounts: Mapping[Scope, str]
    open_lines: int = 0


@contextmanager
def read_archive(
    paths: Sequence[Path],
    today: date,
    given: Scope | None = None,
    on_bytes: Callable[[int], None] = lambda _: None,
    incoming: Path | None = None,
    largest_bytes: int = LARGEST_FILE_BYTES,
) -> Iterator[Archive]:
    """Read every record of every file, and put those of one scope, report and day together.

    Of two records of the same thing the later one counts, in the order of the files and then of the records; but days
    that come out of reports of 28 days or of bills are those of the one with the latest end, whole.

    Args:
        paths: as `kept_texts` takes them.
        today: the first UTC day that has not closed.
        given: whom records are about that do not say so; None where all of them do.
        on_bytes: told how many bytes more have been read.
        incoming: where the days are put together, `Warehouse.incoming`; the system's own place where None.
        largest_bytes: what a packed file may have unpacked.

    Raises:
        ArchiveError: at the first record that is of no known kind, about somebody else than `given`, or about a day
            that has not closed; or a file without any.
    """
    with tempfile.TemporaryDirectory(prefix="copilot-", dir=incoming) as folder:
        staging = _Staging(Path(folder))

        def take_bill(source: str, shown: str, file: BufferedReader) -> None:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                copied = Path(own) / "bill.csv"
                with copied.open("wb") as copy:
                    while chunk := file.read(_CHUNK):
                        on_bytes(copy.write(chunk))
                try:
                    bill = read_bill(copied, Path(own), today)
                except BrokenFileError as broken:
                    raise ArchiveError(f"{shown} {broken}") from None
                if not bill.days and not bill.open_lines:
                    raise ArchiveError(f"{shown} is a bill without a line: it has a header, and nothing below.")
                staging.take_bill(bill, source, _scope_of_bill(bill, shown, given))

        for source, place, text in kept_texts(paths, on_bytes, largest_bytes, take_bill):
            for record in kept_records(source, place, text):
                if record.day >= today:
                    raise ArchiveError(f"{record.place} is about {record.day}, a day that has not closed in UTC yet.")
                staging.take(record, scope_of(record, given))
        archive = staging.finished()
        if not archive.days:
            raise ArchiveError(f"{paths[0]} holds no days.")
        yield archive


def scope_of(record: KeptRecord, given: Scope | None) -> Scope:
    """Whom a record is about: by its own words, or by what is given with the command, which must not contradict them.

    Raises:
        ArchiveError: neither tells, or they contradict each other.
    """
    if record.organization or record.enterprise or record.team:
        return _named_scope(record, given)
    if given is None:
        raise ArchiveError(
            f"{record.place} does not name whom it is about. Say it with --scope, for example --scope org:octo-org."
        )
    if record.kind and given.kind is not record.kind:
        kind = "an enterprise" if record.kind is ScopeKind.ENTERPRISE else "an organisation"
        raise ArchiveError(f"{record.place} is a record of {kind}, and --scope says {given}.")
    if given.kind.is_team and record.report is not LEGACY:
        raise ArchiveError(f"{record.place} is a record of {record.report.name}, and no such report is about a team.")
    return given


def _scope_of_bill(bill: BillFile, shown: str, given: Scope | None) -> Scope:
    """Whose bill it is: what is given with the command, or the one organisation that all its lines name."""
    if given is None:
        if len(bill.organizations) != 1 or not bill.is_told_of_all:
            raise ArchiveError(
                f"{shown} has lines of several organisations, or of none. Say whose bill it is with --scope, for "
                "example --scope enterprise:octo-corp."
            )
        return _parsed(f"org:{bill.organizations[0]}", shown)
    if given.kind.is_team:
        raise ArchiveError(f"{shown} is a bill, and no bill is of a team. Say whose it is with --scope.")
    if given.kind is ScopeKind.ORG and any(name != given.account for name in bill.organizations):
        raise ArchiveError(f"{shown} has lines of other organisations than {given}, which --scope says it is of.")
    return given


def _parsed(name: str, place: str) -> Scope:
    try:
        return Scope.parse(name)
    except ScopeError:
        raise ArchiveError(f"{place} names somebody whom GitHub would not let be called so.") from None


def _named_scope(record: KeptRecord, given: Scope | None) -> Scope:
    of_enterprise = given is not None and given.kind in (ScopeKind.ENTERPRISE, ScopeKind.ENTERPRISE_TEAM)
    kind = "org" if record.organization else "enterprise" if record.enterprise or of_enterprise else "org"
    account = record.organization or record.enterprise or (given.account if given else None)
    if account is None:
        raise ArchiveError(f"{record.place} names a team and not whose it is. Say it with --scope, as org:octo-org.")
    prefix = {"org": "team", "enterprise": "enterprise-team"}[kind] if record.team else kind
    named = _parsed(f"{prefix}:{account}/{record.team}" if record.team else f"{prefix}:{account}", record.place)
    if given and named != given:
        whole = ScopeKind.ENTERPRISE if named.kind is ScopeKind.ENTERPRISE_TEAM else ScopeKind.ORG
        if not (named.kind.is_team and given == Scope(whole, named.account)):
            raise ArchiveError(f"{record.place} is about {named}, and --scope says {given}.")
    return named


class _Staging:
    """Records on their way, a file for each scope, report and day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._days: dict[Key, ArchivedDay] = {}
        self._accounts: dict[Scope, str] = {}
        self._held = 0
        self._open_lines = 0
        self._numbers = count()

    def take(self, record: KeptRecord, scope: Scope) -> None:
        """Put a record with those of its day; a newer edition takes the place of an older one.

        Raises:
            ArchiveError: GitHub's number of the scope is another than in the records before it.
        """
        if record.account_id and self._accounts.setdefault(scope, record.account_id) != record.account_id:
            raise ArchiveError(
                f"{record.place} is about another account than the records before it, and all of them are to be about "
                f"{scope}. Import the files of each account by themselves."
            )
        report = record.report if record.report not in _ENTITIES.values() else _ENTITIES[scope.kind]
        key = (scope, report.name, record.day)
        day = self._days.get(key)
        if day is None or day.edition < record.edition:
            path = self._folder / f"{next(self._numbers)}.json"
            self._days[key] = day = ArchivedDay(path, report, record.source, record.edition)
        elif day.edition > record.edition:
            return
        if not day.is_single:
            # A record is a line: a line break can only stand between its texts, where any other blank is as good.
            day.held.append(record.text.replace(b"\n", b" ").replace(b"\r", b" "))
            self._held += len(record.text)
        elif not day.held or not _is_same(day.held[0], record.text):
            day.is_conflict = bool(day.held)
            day.held, day.source = [record.text], record.source
        if self._held > _HELD:
            self._write()

    def take_bill(self, bill: BillFile, source: str, scope: Scope) -> None:
        """Put the days of a bill in the place of those of a bill that ends no later: two are never added up."""
        self._open_lines += bill.open_lines
        edition = max((day.day for day in bill.days), default=date.min)
        for told in bill.days:
            key = (scope, told.report.name, told.day)
            before = self._days.get(key)
            if before and before.edition > edition:
                continue
            path = told.path.rename(self._folder / f"{next(self._numbers)}.json")
            is_conflict = before is not None and sorted(before.texts()) != sorted(path.read_bytes().splitlines())
            self._days[key] = ArchivedDay(path, told.report, source, edition, is_conflict)

    def finished(self) -> Archive:
        """All days, their records on the disk."""
        self._write()
        for day in self._days.values():
            if keys := record_keys(day.report.record):
                _leave_last_of_each(day, keys)
        return Archive(dict(sorted(self._days.items())), self._accounts, self._open_lines)

    def _write(self) -> None:
        for day in self._days.values():
            if day.is_single:  # stays held, for the next record of the day to be compared with
                day.path.write_bytes(day.held[0])
            elif day.held:
                with day.path.open("ab") as file:
                    file.writelines(text + b"\n" for text in day.held)
                day.held = []
        self._held = 0


def _leave_last_of_each(day: ArchivedDay, keys: tuple[str, ...]) -> None:
    """Leave the last record of each key that keeps the contract, where a day was told in several files.

    A later one that breaks it stays beside it, for the quarantine: it says nothing that could count instead.
    """
    texts = day.texts()
    by_key: dict[tuple[Any, ...], list[bytes]] = {}
    for text in texts:
        by_key.setdefault(tuple(value_at(text, (key,)) for key in keys), []).append(text)
    if len(by_key) < len(texts):
        _, decoder = DECODERS[day.report.record]
        left = (text for told in by_key.values() for text in _from_last_whole(told, decoder))
        day.path.write_bytes(b"".join(text + b"\n" for text in left))


def _from_last_whole(told: Sequence[bytes], decoder: msgspec.json.Decoder[Any]) -> Sequence[bytes]:
    """The last text that keeps the contract, and those after it; of texts that all break it the last."""
    if len(told) == 1:
        return told
    for index in reversed(range(len(told))):
        with suppress(msgspec.ValidationError):
            decoder.decode(told[index])
            return told[index:]
    return told[-1:]


def _is_same(one: bytes, other: bytes) -> bool:
    """Whether two texts say the same, however they are laid out."""
    return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
