"""Usage reports in CSV: a bill by person, read by the names of its columns and laid out as a file of records a day.

Which columns there must be and what a line is about belong here; what a line may hold is said in `records/billing.py`.
DuckDB reads the CSV. It holds a part of it in memory, so that a file of any size takes little.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from copilot_assets.github.files import BYTE_ORDER_MARK, BrokenFileError
from copilot_assets.github.reports import REPORTS, Delivery, Report

if TYPE_CHECKING:
    import duckdb

# Without these a line is no line of a bill.
REQUIRED: Final = ("date", "quantity", "model", "sku")
# In GitHub's files, and in those that a spreadsheet has written anew.
_DATES: Final = ("%Y-%m-%d", "%m/%d/%y", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S")
_DELIMITERS: Final = (",", ";", "\t")
_NAME: Final = re.compile(r"[a-z][\w -]*")
_LINE: Final = re.compile(r"CSV Error on Line: (\d+)")
_MEMORY: Final = "400MB"
_LONGEST_HEADER: Final = 2**16
_CREDITS, _REQUESTS = (report for report in REPORTS if report.delivery is Delivery.ORDERS)


@dataclass(frozen=True)
class BillDay:
    """What a file tells of a day of one kind of bill: a file with a record a line, empty where nothing was billed."""

    report: Report
    day: date
    path: Path


@dataclass(frozen=True)
class BillFile:
    """What a file holds.

    Attributes:
        days: every day from its first to its last of each kind of bill that it has lines of, in order.
        organizations: whom its lines name as the organisation, lower case.
        is_told_of_all: whether every line names one.
        open_lines: lines of days that have not closed, which are left out.
    """

    days: Sequence[BillDay]
    organizations: Sequence[str]
    is_told_of_all: bool
    open_lines: int


def columns_in(head: bytes) -> list[str]:
    """The columns that a CSV file names in its first line, in lower case; none where it does not begin as one does."""
    line = head.removeprefix(BYTE_ORDER_MARK).splitlines()[:1]
    try:
        text = line[0].decode() if line else ""
    except UnicodeDecodeError:
        return []
    if text.lstrip().startswith(("{", "[", "<")):
        return []
    names = [name.strip().lower() for name in next(csv.reader([text], delimiter=_delimiter(text)), [])]
    return names if len(names) > 2 and all(map(_NAME.fullmatch, names)) else []


def read_bill(path: Path, folder: Path, today: date) -> BillFile:
    """Lay the lines of a CSV file out by day, each as a JSON object of its cells, texts as they stand.

    Args:
        path: the file, unpacked.
        folder: where the days go; it must be empty.
        today: the first UTC day that has not closed.

    Raises:
        BrokenFileError: it is no such file, or has a line that is none.
    """
    import duckdb

    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    columns = columns_in(head)
    _refuse_columns(columns)
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{_MEMORY}'")
        connection.execute("set temp_directory = ?", [str(folder / "spilled")])
        connection.execute("set threads = 1")  # several would write lines in another order, and a file each
        try:
            return _laid_out(connection, path, columns, _delimiter(head.decode(errors="replace")), folder, today)
        except duckdb.Error as error:
            raise BrokenFileError(_fault(str(error))) from None


def days_of_bills(
    paths: Sequence[Path], report: Report, folder: Path, days: Sequence[date], today: date
) -> dict[date, Path]:
    """Files of records of one kind of bill, one for each of some days, out of the files of an order, which are removed.

    Args:
        paths: the files of the order.
        report: which kind of bill.
        folder: a name beside which the files are put.
        days: days that were ordered; one without a line has a file without a record.
        today: the first UTC day that has not closed.

    Raises:
        BrokenFileError: as of `read_bill`.
    """
    found = {day: folder.with_name(f"{folder.name}-{day}.json") for day in days}
    for path in found.values():
        path.touch()
    for path in paths:
        own = folder.with_name(f"{path.name}.days")
        own.mkdir()
        try:
            bill = read_bill(path, own, today)
        except BrokenFileError as broken:
            raise BrokenFileError(f"The usage report {broken}") from None
        for told in (each for each in bill.days if each.report is report and each.day in found):
            with told.path.open("rb") as source, found[told.day].open("ab") as whole:
                shutil.copyfileobj(source, whole)
        path.unlink()
        shutil.rmtree(own)
    return found


def _refuse_columns(columns: Sequence[str]) -> None:
    if missing := [name for name in REQUIRED if name not in columns]:
        raise BrokenFileError(
            f"is a CSV file without the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}, so it is no "
            "usage report of AI credits or premium requests. Those are taken as GitHub's billing page exports them."
        )
    if len(set(columns)) < len(columns):
        raise BrokenFileError("is a CSV file that has a column twice. Export it again.")


def _laid_out(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str], delimiter: str, folder: Path, today: date
) -> BillFile:
    connection.execute(
        f"""
        create temp view lines as
        select
            if(regexp_matches(lower({_text(columns, "unit_type")} || ' ' || sku), 'request'), '{_REQUESTS.name}',
                '{_CREDITS.name}') as _report,
            try_strptime(trim("date"), {list(_DATES)})::date as _day,
            lower({_text(columns, "organization")}) as _organization,
            *
        from read_csv(
            {_quoted(str(path))}, auto_detect = false, header = true, delim = {_quoted(delimiter)}, quote = '"',
            escape = '"', columns = {dict.fromkeys(columns, "VARCHAR")}
        )
        """
    )
    organizations, is_told_of_all, open_lines = _about(connection, today)
    names = ", ".join(f'"{name}"' for name in columns)
    days = folder / "days"
    connection.execute(
        f"""
        copy (select _report, _day, {names} from lines where _day < date '{today}')
        to {_quoted(str(days))} (format json, partition_by (_report, _day))
        """
    )
    return BillFile(list(_days(days)), organizations, is_told_of_all, open_lines)


def _about(connection: duckdb.DuckDBPyConnection, today: date) -> tuple[list[str], bool, int]:
    """Whose lines a file has, and whether all say so; how many are of open days.

    Raises:
        BrokenFileError: a line is of no day.
    """
    ((lines, undated, organizations, untold, open_lines),) = connection.execute(
        f"""
        select
            count(*),
            count(*) filter (_day is null),
            list(distinct _organization) filter (_organization <> ''),
            count(*) filter (_organization = ''),
            count(*) filter (_day >= date '{today}')
        from lines
        """
    ).fetchall()
    if undated:
        raise BrokenFileError(
            f"has {undated:,} of {lines:,} lines whose date can't be read. Dates are taken as 2026-11-09 or 11/9/26."
        )
    return sorted(organizations or []), not untold, open_lines


def _days(folder: Path) -> Iterator[BillDay]:
    """The files that DuckDB has written, one for each day; days between without a line are empty."""
    for report in (_CREDITS, _REQUESTS):
        written = (folder / f"_report={report.name}").glob("_day=*")
        found = {date.fromisoformat(each.name.removeprefix("_day=")): each for each in written}
        first, last = min(found, default=None), max(found, default=None)
        if first is None or last is None:
            continue
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
            path = folder / f"{report.name}-{day}.json"
            with path.open("wb") as whole:
                for part in _in_order(found.get(day)):
                    with part.open("rb") as file:
                        shutil.copyfileobj(file, whole)
                    part.unlink()
            yield BillDay(report, day, path)


def _in_order(folder: Path | None) -> list[Path]:
    """The parts of a day's file, as they were written: data_0.json is the first."""
    return sorted(folder.iterdir(), key=lambda part: (len(part.name), part.name)) if folder else []


def _text(columns: Sequence[str], name: str) -> str:
    """SQL for a cell as text, empty where the file has no such column."""
    return f"coalesce(trim(\"{name}\"), '')" if name in columns else "''"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _delimiter(head: str) -> str:
    line = head.split("\n", 1)[0]
    return max(_DELIMITERS, key=line.count)


def _fault(said: str) -> str:
    """What is wrong with a line, without the line itself, which names people."""
    where = f"line {found[1]} " if (found := _LINE.search(said)) else "a line "
    if "unterminated quote" in said:
        return f"{where}begins a quotation that does not end: the file may have been cut."
    if "Expected Number of Columns" in said:
        return f"{where}has more or fewer cells than the header has columns: the file may have been cut."
    if "not utf-8" in said:
        return f"{where}is not text in UTF-8. Save the file as CSV in UTF-8."
    return f"{where}can't be read as CSV."
