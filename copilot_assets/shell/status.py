"""`copilot-assets status`: the state of the warehouse, as a screen for people and as JSON for programs.

The facts are read in `state.py`; how each looks belongs here.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import click
from rich import box
from rich.filesize import decimal
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from copilot_assets.now import today_utc
from copilot_assets.report.words import stretch, stretches
from copilot_assets.settings import SettingsError
from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.places import bytes_on_disk
from copilot_assets.shell.screen import answer, out, refuse

if TYPE_CHECKING:
    from copilot_assets.shell.state import Row, Snapshot, Status

CHANGES_SHOWN: Final = 50
_STRETCHES_SHOWN: Final = 6


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
    "expired": Mark("e", "dim", "older than GitHub keeps, and never fetched: lost, unless you kept a file"),
    "given_up": Mark("g", "yellow", "removed: nobody knows whose its pseudonyms were"),
    "not_offered": Mark(" ", "", "GitHub has this report for others only"),
    "before_start": Mark(" ", "", "before GitHub began this report"),
}
# For a status that a newer `quality.day_status` has and this screen does not.
_OTHER: Final = Mark("*", "", "see quality.day_status")


@click.command(cls=Interruptible)
@click.option("--changes", is_flag=True, help="The days that GitHub changed after they were fetched, instead.")
@click.option("--json", "as_program_text", is_flag=True, help="JSON for programs instead of a screen.")
@click.option("--days", type=click.IntRange(1, 1000), default=60, show_default=True, help="Closed days to show.")
def status(changes: bool, as_program_text: bool, days: int) -> None:
    """Show the state of the whole warehouse: one character a day, the last run, and what needs a hand.

    Ends with 1 when something does, or nothing is there yet. Reads the database alone: needs no token, asks nobody,
    changes nothing.

    \b
    Example:
      copilot-assets status
      copilot-assets status --days 120
      copilot-assets status --changes
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.shell.state import read_changes, read_status
    from copilot_assets.warehouse.store import WarehouseError

    installation, today = Installation(), today_utc()
    warehouse = installation.warehouse()
    try:
        revised = read_changes(warehouse, today, CHANGES_SHOWN) if changes else []
        state = None if changes else read_status(warehouse, today, days, installation.identities())
    except (SettingsError, WarehouseError) as problem:
        refuse(problem)
    sizes = bytes_on_disk(installation) if state else {}
    if as_program_text:
        told = as_json(state) | {"bytes_on_disk": sizes} if state else changes_as_json(revised)
        click.echo(json.dumps(told, indent=2))
    else:
        for part in as_parts(state, out.width) if state else [changes_as_table(revised)]:
            out.print(part, soft_wrap=isinstance(part, Text), highlight=False)
        if state and not state.is_empty:
            answer(room_taken(sizes))
    sys.exit(1 if state and state.needs_a_hand else 0)


def as_json(status: Status) -> Row:
    """The state for programs: the same facts; days and times (UTC) as text, null for unknown."""
    return {
        "warehouse": status.warehouse,
        "today": _plain(status.today),
        "needs_a_hand": status.needs_a_hand,
        "days_by_status": dict(status.counts),
        "last_asked": _plain(vars(status.last_ask)) if status.last_ask else None,
        "last_run": _plain(vars(status.last_run)) if status.last_run else None,
        "snapshots": [_plain(vars(snapshot)) for snapshot in status.snapshots],
        "to_do": [_plain(vars(chore)) for chore in status.chores],
        "quarantine": _plain(status.quarantine),
        "schema_drift": _plain(status.schema_drift),
        "tables_behind_since": _plain(status.behind_since),
        "key_trouble": status.key_trouble,
        "without_text": _plain(vars(status.textless)),
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


def as_parts(status: Status, width: int) -> Iterator[Text | Table | Padding]:
    """The state for people, on a screen of that many columns.

    A `Text` is a line to be printed without breaks, so that strips and what is to be copied stay whole.
    """
    if status.is_empty:
        yield Text(f"{status.warehouse} holds nothing about Copilot yet. Next: copilot-assets backfill")
        return
    yield Text(
        f"{status.warehouse}: {len(status.days)} days, {stretch(status.days[0], status.days[-1])}, newest right."
    )
    yield from _strips(status, width)
    yield _legend(status)
    yield from _last(status)
    yield from _to_do(status)


def room_taken(sizes: Mapping[str, int]) -> str:
    """How much of the disk what is kept takes, in a line."""
    names = {"database": "the database", "history": "Dagster's history", "export": "the export", "report": "the report"}
    told = {name: f"{names[name]} {decimal(sizes[name])}" for name in names if name in sizes}
    if free := sizes.get("free_in_database"):
        told["database"] += f" ({decimal(free)} of it free for what comes)"
    return f"On the disk: {', '.join(told.values())}."


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
    if status.textless.days:
        table.add_row("without text", str(status.textless))
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
    if status.key_trouble:
        yield Padding(Text.assemble(("key of pseudonyms", "bold"), f": {status.key_trouble}"), (0, 0, 0, 2))
    if status.behind_since:
        advice = (
            f"They do not show what was asked for or changed since {_time(status.behind_since)}: the run after it "
            "failed, or was killed. Run copilot-assets backfill, or the job rebuild in the UI; it says what is in the "
            "way."
        )
        yield Padding(Text.assemble(("tables behind", "bold"), f": {advice}"), (0, 0, 0, 2))
    for (name, remedy), chores in groupby(status.chores, key=lambda chore: (chore.status, chore.remedy)):
        yield Padding(Text.assemble((f"{_mark(name).character} {name}", "bold"), f": {remedy}"), (0, 0, 0, 2))
        for chore in chores:
            yield Padding(Text(f"{chore.scope} {', '.join(chore.reports)}: {_some(chore.days)}"), (0, 0, 0, 4))
    if status.quarantine:
        advice = "They break the contract. Backfill the days; if they come back the same, tell GitHub Support."
        yield Padding(Text.assemble(("records left out", "bold"), f": {advice}"), (0, 0, 0, 2))
    for row in status.quarantine:
        told = f"{row['report']}, {stretch(row['first_day'], row['last_day'])}: {row['records']:,} with {row['fault']}"
        yield Padding(Text(told), (0, 0, 0, 4))
    if status.schema_drift:
        advice = "They are kept in raw, and in no table. Look for a newer version of this project."
        yield Padding(Text.assemble(("unknown fields", "bold"), f": {advice}"), (0, 0, 0, 2))
    for row in status.schema_drift:
        told = f"{row['report']}, {stretch(row['first_day'], row['last_day'])}: {', '.join(row['paths'])}"
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
        counts = ["none" if row[name] is None else f"{row[name]:,}" for name in ("old_records", "records")]
        remarks = [word for word, holds in (("late", row["is_late"]), ("fewer records", row["is_shrinking"])) if holds]
        moved = (row["numbers_moved"] or "").replace(", ", "\n")
        table.add_row(
            str(row["day"]),
            f"{row['scope']}\n  {row['report']}",
            f"{row['seen_at']:%Y-%m-%d %H:%M}",
            "not told" if row["report"] == "users-1-day" else " to ".join(counts),
            Text("\n").join([Text(each, style="yellow") for each in remarks] + [Text(moved)] * bool(moved)),
        )
    return table


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
