"""The state of the warehouse: what each day of each scope and report is, what was done last, and what needs a hand.

Which facts these are, and how both people and programs are told them, belongs here; why a day is missing is judged by
`quality.day_status` alone. The file is only read, and GitHub is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any, Final

import duckdb
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from copilot_assets.github.reports import REPORTS
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.archive import stretches
from copilot_assets.warehouse.store import Warehouse, WarehouseError, why_not_opened

CHANGES_SHOWN: Final = 50
_STRETCHES_SHOWN: Final = 6

Row = dict[str, Any]


@dataclass(frozen=True)
class Mark:
    """How a status looks in a strip: the character alone must do, the colour only helps."""

    character: str
    style: str
    meaning: str


MARKS: Final = {
    "reported": Mark("█", "green", "GitHub reported it"),
    "provisional": Mark("▒", "green", "reported, fetched while GitHub could still revise it"),
    "zero_activity": Mark("0", "cyan", "reported, and nobody was active"),
    "pending": Mark("·", "blue", "not there yet; GitHub takes some days"),
    "below_threshold": Mark("t", "yellow", "left out: fewer than five licensed people"),
    "below_threshold_suspected": Mark("t", "yellow", "left out: probably fewer than five licensed people"),
    "no_report": Mark("–", "yellow", "GitHub answered that it has nothing"),
    "forbidden": Mark("x", "red", "refused: ask copilot-assets doctor which setting to change"),
    "failed": Mark("!", "bold red", "asking failed"),
    "not_requested": Mark("?", "bold magenta", "nobody asked for it in time"),
    "retired": Mark("r", "dim", "GitHub closed this API"),
    "expired": Mark("e", "dim", "older than GitHub keeps, and never fetched: lost"),
    "not_offered": Mark(" ", "", "GitHub has this report for others only"),
    "before_start": Mark(" ", "", "before GitHub began this report"),
}
# For a status that a newer `quality.day_status` has and this screen does not.
_OTHER: Final = Mark("*", "", "see quality.day_status")


@dataclass(frozen=True)
class Series:
    """The status of each shown day of one scope and report; days outside its history are left out."""

    scope: str
    report: str
    days: Mapping[date, str]


@dataclass(frozen=True)
class Ask:
    """The last question to GitHub: when (UTC), what for, and what came of it."""

    asked_at: datetime
    scope: str
    report: str
    day: date
    outcome: str
    evidence: str


@dataclass(frozen=True)
class Run:
    """The last run that the ledger knows: its id, when it last asked (UTC), its fetches by outcome."""

    run_id: str | None
    asked_at: datetime
    outcomes: Mapping[str, int]


@dataclass(frozen=True)
class Snapshot:
    """The newest snapshot of one scope and report; `day` is None while there is none.

    Attributes:
        total_seats: people with a seat, as GitHub counts them; None where the report does not tell.
        last_outcome: what came of the last attempt, which may be a later one.
    """

    report: str
    scope: str
    day: date | None
    total_seats: int | None
    last_outcome: str
    last_asked_at: datetime


@dataclass(frozen=True)
class Chore:
    """Days of one scope with the same status and remedy that need a hand, and the reports of which just these do."""

    status: str
    remedy: str
    scope: str
    reports: tuple[str, ...]
    days: tuple[date, ...]


@dataclass(frozen=True)
class Status:
    """The state of one warehouse on the UTC day `today`.

    Attributes:
        days: the UTC days shown, oldest first; the last is yesterday.
        counts: days of a scope and report by status, over the whole history.
        quarantine: per report and fault, the records left out: report, fault, records, first_day, last_day.
        schema_drift: per report, the fields that no table has: report, paths, first_day, last_day.
    """

    warehouse: Path
    today: date
    days: tuple[date, ...]
    series: tuple[Series, ...]
    counts: Mapping[str, int]
    last_ask: Ask | None
    last_run: Run | None
    snapshots: tuple[Snapshot, ...]
    chores: tuple[Chore, ...]
    quarantine: tuple[Row, ...]
    schema_drift: tuple[Row, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was fetched, imported or asked for yet."""
        return not self.counts and self.last_run is None

    @property
    def needs_a_hand(self) -> bool:
        """Whether somebody has to do something; an empty warehouse has to be filled. A new field is only news."""
        return self.is_empty or bool(self.chores or self.quarantine)


# --- Reading ----------------------------------------------------------------------------------------------------------

_LEDGER: Final = ("fetches", "expected_reports", "quarantine", "unknown_fields")

# A run notes anew, with its own day, what it is asked for; what still bears an older day has been given up. What is
# known from an archive alone may bear a newer one. Without this, days since the last run would not be seen as holes.
_EXPECT_UNTIL_TODAY: Final = """
update raw.expected_reports set as_of = greatest(as_of, $today)
where as_of >= coalesce(
    (
        select max(e.as_of)
        from raw.expected_reports as e
        semi join raw.fetches as f
            on f.scope = e.scope and f.report = e.report and not (f.outcome = 'reported' and f.http_status is null)
    ),
    as_of
)
"""
# A day that was reported without an HTTP answer came out of an archive.
_LAST_ASK: Final = """
select requested_at, scope, report, day, outcome, evidence
from raw.fetches
where not (outcome = 'reported' and http_status is null)
order by requested_at desc, fetch_id desc
limit 1
"""
_LAST_RUN: Final = """
with newest as (select run_id, requested_at from raw.fetches order by requested_at desc, fetch_id desc limit 1)
select n.run_id, n.requested_at, f.outcome, count(*)
from newest as n
join raw.fetches as f on f.run_id is not distinct from n.run_id
group by all
order by count(*) desc, f.outcome
"""
_SNAPSHOTS: Final = """
with attempts as (
    select *, row_number() over (partition by scope, report order by requested_at desc, fetch_id desc) as age
    from raw.fetches
    where list_contains($reports, report)
),
taken as (
    select scope, report, day, cast(headline ->> 'total_seats' as bigint) as total_seats
    from attempts
    where outcome = 'reported'
    qualify row_number() over (partition by scope, report order by age) = 1
)
select a.report, a.scope, t.day, t.total_seats, a.outcome, a.requested_at
from attempts as a
left join taken as t on t.scope = a.scope and t.report = a.report
where a.age = 1
order by a.report, t.day desc, a.outcome, a.scope
"""
_QUARANTINE: Final = """
select report, fault, count(*) as records, min(day) as first_day, max(day) as last_day
from raw.quarantine
group by report, fault
order by records desc, report, fault
"""
_SCHEMA_DRIFT: Final = """
select report, list(distinct path order by path) as paths, min(day) as first_day, max(day) as last_day
from raw.unknown_fields
group by report
order by report
"""


def read_status(path: Path, today: date, days: int) -> Status:
    """The state of the warehouse at a path, with a strip of the last `days` closed days.

    Raises:
        WarehouseError: there is none, or it can't be opened; none is made.
    """
    shown = tuple(today - timedelta(days=age) for age in range(days, 0, -1))
    snapshots = [report.name for report in REPORTS if report.is_snapshot]
    with _ledger(path, today) as ledger:
        judged = _rows(ledger, f"select scope, report, day, status, needs_a_hand, remedy from ({_text('day_status')})")
        asks = ledger.execute(_LAST_ASK).fetchall()
        runs = ledger.execute(_LAST_RUN).fetchall()
        return Status(
            warehouse=path,
            today=today,
            days=shown,
            series=tuple(_series(judged, shown[0])),
            counts=Counter(row["status"] for row in judged),
            last_ask=Ask(*asks[0]) if asks else None,
            last_run=Run(runs[0][0], runs[0][1], {outcome: count for *_, outcome, count in runs}) if runs else None,
            snapshots=tuple(Snapshot(*row) for row in ledger.execute(_SNAPSHOTS, {"reports": snapshots}).fetchall()),
            chores=tuple(_chores(judged)),
            quarantine=tuple(_rows(ledger, _QUARANTINE)),
            schema_drift=tuple(_rows(ledger, _SCHEMA_DRIFT)),
        )


def read_changes(path: Path, today: date) -> list[Row]:
    """The newest revisions of days that had been reported: rows of `quality.revisions`, newest first.

    Raises:
        WarehouseError: there is no warehouse, or it can't be opened; none is made.
    """
    with _ledger(path, today) as ledger:
        return _rows(
            ledger,
            f"""
            select day, scope, report, seen_at, old_records, records, numbers_moved, is_late, is_shrinking
            from ({_text("revisions")})
            order by seen_at desc, scope, report, day desc
            limit {CHANGES_SHOWN}
            """,
        )


@contextmanager
def _ledger(path: Path, today: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """The ledger copied into memory, in the shape that this version gives it, as if a run had begun `today`.

    So the file is only read, and given back at once; a table that an older version did not have yet is empty.
    """
    if not path.exists():
        raise WarehouseError(
            f"There is no warehouse at {path} yet. Make it with copilot-assets backfill, "
            "or set COPILOT_WAREHOUSE to where it is."
        )
    with Warehouse(Path(":memory:")).connect() as connection:
        try:
            connection.execute(f"attach {_quoted(path)} as file (read_only)")
        except duckdb.Error as error:
            raise WarehouseError(why_not_opened(path, error)) from None
        there = "select table_name from duckdb_tables() where database_name = 'file' and schema_name = 'raw'"
        present = {name for (name,) in connection.execute(there).fetchall()}
        for table in _LEDGER:
            if table in present:
                connection.execute(f"insert into raw.{table} by name from file.raw.{table}")
        connection.execute("detach file")
        connection.execute(_EXPECT_UNTIL_TODAY, {"today": today})
        yield connection


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _text(name: str) -> str:
    """The SELECT of a model of schema `quality`."""
    (model,) = (model for model in load_models() if model.table == f"quality.{name}")
    return f"\n{model.sql}\n"


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    result = connection.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _series(judged: Iterable[Row], first: date) -> Iterator[Series]:
    """The strips, by scope and report; one that expects nothing in the days shown is there all the same, empty."""
    for (scope, report), rows in groupby(
        sorted(judged, key=lambda row: (row["scope"], row["report"])), key=lambda row: (row["scope"], row["report"])
    ):
        yield Series(scope, report, {row["day"]: row["status"] for row in rows if row["day"] >= first})


def _chores(judged: Iterable[Row]) -> Iterator[Chore]:
    """What is to be done about days that need a hand; reports that lack the same days are told together."""
    lacking: dict[tuple[str, str, str, str], list[date]] = {}
    for row in judged:
        if row["needs_a_hand"]:
            key = (row["status"], row["remedy"] or "", row["scope"], row["report"])
            lacking.setdefault(key, []).append(row["day"])
    alike: dict[tuple[str, str, str, tuple[date, ...]], list[str]] = {}
    for (status, remedy, scope, report), days in sorted(lacking.items()):
        alike.setdefault((status, remedy, scope, tuple(sorted(days))), []).append(report)
    for (status, remedy, scope, lacked), reports in alike.items():
        yield Chore(status, remedy, scope, tuple(reports), lacked)


# --- For programs -----------------------------------------------------------------------------------------------------


def as_json(status: Status) -> Row:
    """The state for programs: the same facts; days and times (UTC) as text, null for unknown."""
    return {
        "warehouse": str(status.warehouse),
        "today": _plain(status.today),
        "needs_a_hand": status.needs_a_hand,
        "days_by_status": dict(status.counts),
        "last_asked": _plain(vars(status.last_ask)) if status.last_ask else None,
        "last_run": _plain(vars(status.last_run)) if status.last_run else None,
        "snapshots": [_plain(vars(snapshot)) for snapshot in status.snapshots],
        "to_do": [_plain(vars(chore)) for chore in status.chores],
        "quarantine": _plain(status.quarantine),
        "schema_drift": _plain(status.schema_drift),
        "first_day": _plain(status.days[0]),
        "last_day": _plain(status.days[-1]),
        "reports": [_plain(vars(series)) for series in status.series],
    }


def changes_as_json(changes: Sequence[Row]) -> Row:
    """The revisions for programs."""
    return {"changes": _plain(changes)}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='seconds')}Z"
    return value.isoformat() if isinstance(value, date) else value


# --- For people -------------------------------------------------------------------------------------------------------


def as_parts(status: Status, width: int) -> Iterator[Text | Table | Padding]:
    """The state for people, on a screen of that many columns.

    A `Text` is a line to be printed without breaks, so that strips and what is to be copied stay whole.
    """
    if status.is_empty:
        yield Text(f"{status.warehouse} holds nothing about Copilot yet. Next: copilot-assets backfill")
        return
    yield Text(f"{status.warehouse}: {len(status.days)} days, {_span(status.days[0], status.days[-1])}, newest right.")
    yield from _strips(status, width)
    yield _legend(status)
    yield from _last(status)
    yield from _to_do(status)


def _strips(status: Status, width: int) -> Iterator[Text]:
    """One character a day, in as few and as equal blocks as the width asks for, the oldest first."""
    margin = max((len(series.report) for series in status.series), default=0) + 4
    room = max(width - margin - 1, 7)
    size = ceil(len(status.days) / ceil(len(status.days) / room))
    for start in range(0, len(status.days), size):
        days = status.days[start : start + size]
        for line in _ruler(days):
            yield Text(" " * margin + line, style="dim")
        for scope, reports in groupby(status.series, key=lambda series: series.scope):
            yield Text(scope, style="bold")
            for series in reports:
                marks = (_mark(series.days.get(day, "before_start")) for day in days)
                strip = Text.assemble(*((mark.character, mark.style) for mark in marks))
                yield Text(f"  {series.report}".ljust(margin)) + strip
        yield Text()


def _mark(status: str) -> Mark:
    return MARKS.get(status, _OTHER)


def _ruler(days: Sequence[date]) -> Iterator[str]:
    """Two lines above a strip: months where they begin, and the day of the month of every Monday."""
    months: list[tuple[int, str]] = [
        (index, f"{day:%b %Y}" if not index or day.month == 1 else f"{day:%b}")
        for index, day in enumerate(days)
        if not index or day.day == 1
    ]
    yield _placed(months, len(days))
    yield _placed([(index, f"{day.day}") for index, day in enumerate(days) if not day.weekday()], len(days))


def _placed(labels: Sequence[tuple[int, str]], width: int) -> str:
    """Each label at its column; one that would run into the next is shortened to a word, or left out."""
    line = ""
    ends = [*(column for column, _ in labels[1:]), width + 2]
    for (column, label), following in zip(labels, ends, strict=False):  # without labels there is an end too many
        short = next((text for text in (label, label.split()[0]) if column + len(text) < following), "")
        line = line.ljust(column) + short
    return line


def _legend(status: Status) -> Table:
    """The statuses that occur, with their counts."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("status", no_wrap=True)
    table.add_column("shown", justify="right")
    table.add_column("ever", justify="right")
    table.add_column("meaning")
    shown = Counter(each for series in status.series for each in series.days.values())
    order = list(MARKS)
    for name in sorted(status.counts, key=lambda name: order.index(name) if name in MARKS else len(order)):
        mark = _mark(name)
        counts = (f"{count:,}" for count in (shown[name], status.counts[name]))
        sign = Text("blank" if mark.character == " " else mark.character, style=mark.style)
        table.add_row(sign, name, *counts, mark.meaning)
    return table


def _last(status: Status) -> Iterator[Text | Table]:
    """What was done last: the question, the run, the snapshots."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    ask, run = status.last_ask, status.last_run
    if ask:
        told = f"{ask.report} of {ask.day} about {ask.scope}: {ask.outcome}"
        table.add_row("last asked", f"{_time(ask.asked_at)}, {_ago(ask.asked_at, status.today)}; {told}")
    else:
        table.add_row("last asked", "GitHub was never asked: all there is comes from archives")
    if run:
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in run.outcomes.items())
        table.add_row("last run", f"{_time(run.asked_at)}, {run.run_id or 'without an id'}; {outcomes}")
    for report, snapshots in groupby(status.snapshots, key=lambda snapshot: snapshot.report):
        table.add_row(report, "\n".join(_snapshots(list(snapshots))))
    yield Text()
    yield table


def _snapshots(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """A line for the scopes of one report whose snapshots are of the same day and ended alike."""
    for (day, outcome), alike in groupby(snapshots, key=lambda each: (each.day, each.last_outcome)):
        found = list(alike)
        names = ", ".join(
            each.scope + (f" {each.total_seats:,} seats" if each.total_seats is not None else "") for each in found
        )
        asked = max(each.last_asked_at for each in found).date()
        later = "" if outcome == "reported" else f"; {outcome} when last asked, on {asked}"
        yield f"{day or 'none yet'}: {names}{later}"


def _to_do(status: Status) -> Iterator[Text | Padding]:
    """What needs a hand, each remedy once."""
    yield Text()
    if status.needs_a_hand:
        yield Text("Needs a hand:", style="bold red")
    else:
        yield Text("Nothing needs a hand.", style="green")
    for (name, remedy), chores in groupby(status.chores, key=lambda chore: (chore.status, chore.remedy)):
        yield Padding(Text.assemble((f"{_mark(name).character} {name}", "bold"), f": {remedy}"), (0, 0, 0, 2))
        for chore in chores:
            yield Padding(Text(f"{chore.scope} {', '.join(chore.reports)}: {_some(chore.days)}"), (0, 0, 0, 4))
    if status.quarantine:
        advice = "They break the contract. Backfill the days; if they come back the same, tell GitHub Support."
        yield Padding(Text.assemble(("records left out", "bold"), f": {advice}"), (0, 0, 0, 2))
    for row in status.quarantine:
        told = f"{row['report']}, {_span(row['first_day'], row['last_day'])}: {row['records']:,} with {row['fault']}"
        yield Padding(Text(told), (0, 0, 0, 4))
    if status.schema_drift:
        advice = "They are kept in raw, and in no table. Look for a newer version of this project."
        yield Padding(Text.assemble(("unknown fields", "bold"), f": {advice}"), (0, 0, 0, 2))
    for row in status.schema_drift:
        told = f"{row['report']}, {_span(row['first_day'], row['last_day'])}: {', '.join(row['paths'])}"
        yield Padding(Text(told), (0, 0, 0, 4))


def changes_as_table(changes: Sequence[Row]) -> Table | Text:
    """The revisions for people."""
    if not changes:
        return Text("GitHub has changed no day since it was first fetched.")
    more = f", the newest {CHANGES_SHOWN}" if len(changes) == CHANGES_SHOWN else ""
    table = Table(
        title=f"Days that GitHub changed after they were fetched{more} (quality.revisions)",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("day", no_wrap=True)
    table.add_column("scope and report", no_wrap=True)
    table.add_column("seen (UTC)", no_wrap=True)
    table.add_column("records", no_wrap=True)
    table.add_column("what moved")
    for row in changes:
        records = "none" if row["records"] is None else f"{row['records']:,}"
        remarks = [word for word, holds in (("late", row["is_late"]), ("fewer records", row["is_shrinking"])) if holds]
        moved = (row["numbers_moved"] or "").replace(", ", "\n")
        table.add_row(
            str(row["day"]),
            f"{row['scope']}\n  {row['report']}",
            f"{row['seen_at']:%Y-%m-%d %H:%M}",
            f"{row['old_records']:,} to {records}",
            Text("\n").join([Text(each, style="yellow") for each in remarks] + [Text(moved)] * bool(moved)),
        )
    return table


def _span(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _some(days: Sequence[date]) -> str:
    """Days as stretches, the newest; how many days there are when that is not all."""
    found = stretches(days)
    more = f" … in all {len(days):,} days" if len(found) > _STRETCHES_SHOWN else ""
    return ", ".join(reversed(found[-_STRETCHES_SHOWN:])) + more


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _ago(at: datetime, today: date) -> str:
    days = (today - at.date()).days
    return "today" if days <= 0 else "yesterday" if days == 1 else f"{days} days ago"
