"""What people were told and when: table `raw.notices`, so that nobody is told twice, whatever happens in between.

Which causes are open is not decided here, nor how they are worded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from copilot_assets.warehouse.comments import comment
from copilot_assets.warehouse.docs import RAW_DOCS
from copilot_assets.warehouse.tables import transaction

if TYPE_CHECKING:
    import duckdb

DIGEST: Final = "digest"

_VIEW: Final = "create view if not exists quality.notice as select * from raw.notices"


@dataclass(frozen=True)
class Cause:
    """Something that needs a hand: `key` is what it is known by, `what` are sentences, `remedy` says what to do."""

    key: str
    kind: str
    title: str
    what: str
    remedy: str
    passes_by_itself: bool = False

    @property
    def text(self) -> str:
        """What happened, and what to do."""
        return f"{self.what}\n\nWhat to do: {self.remedy}"


@dataclass(frozen=True)
class Notice:
    """A line of the ledger that somebody is still to be told of."""

    cause: str
    kind: str
    title: str
    what: str


@dataclass(frozen=True)
class Due:
    """What is to be told now, the oldest first: causes that are new, and those that are solved."""

    new: Sequence[Notice]
    solved: Sequence[Notice]


def make_view(connection: duckdb.DuckDBPyConnection) -> None:
    """`quality.notice`: the ledger among the published tables."""
    connection.execute("create schema if not exists quality")
    connection.execute(_VIEW)
    comment(connection, {"quality.notice": RAW_DOCS["raw.notices"]})


def enter(connection: duckdb.DuckDBPyConnection, causes: Iterable[Cause], now: datetime) -> None:
    """Note which causes are open at `now`, UTC: new ones get a line, those that are gone are solved."""
    at, open_causes = now.replace(tzinfo=None), {cause.key: cause for cause in causes}
    with transaction(connection):
        known = dict(connection.execute(_OPEN).fetchall())
        for key in sorted(known.keys() - open_causes.keys()):
            connection.execute(_SOLVE, {"at": at, "cause": key})
        for key, cause in open_causes.items():
            if key in known and known[key] < at.date():
                connection.execute(_SEE, {"at": at, "cause": key})
            elif key not in known:
                line = [key, cause.kind, cause.title, cause.text, cause.passes_by_itself, at, at]
                connection.execute(_INSERT, line)


# With the day it was last seen on: what a day's first run noted, a later one that changes nothing need not write.
_OPEN: Final = f"select cause, last_seen_at::date from raw.notices where solved_at is null and kind <> '{DIGEST}'"
_SOLVE: Final = f"""
update raw.notices set solved_at = $at where cause = $cause and solved_at is null and kind <> '{DIGEST}'
"""
_SEE: Final = "update raw.notices set last_seen_at = $at where cause = $cause and solved_at is null"
_INSERT: Final = """
insert into raw.notices (cause, kind, title, what, passes_by_itself, first_seen_at, last_seen_at)
values (?, ?, ?, ?, ?, ?, ?)
"""


def due(connection: duckdb.DuckDBPyConnection) -> Due:
    """Of whom nobody was told yet; what was solved before anybody was told needs no message."""
    new, solved = (
        [
            Notice(*row)
            for row in connection.execute(f"{_LINE} where {condition} order by first_seen_at, cause").fetchall()
        ]
        for condition in (
            f"solved_at is null and sent_at is null and kind <> '{DIGEST}'",
            "solved_at is not null and sent_at is not null and solution_sent_at is null and not passes_by_itself",
        )
    )
    return Due(new, solved)


_LINE: Final = "select cause, kind, title, what from raw.notices"


def note_sent(connection: duckdb.DuckDBPyConnection, told: Due, now: datetime) -> None:
    """Note that a channel took the message about these."""
    at = now.replace(tzinfo=None)
    with transaction(connection):
        for notice in told.new:
            connection.execute(_SENT, {"at": at, "cause": notice.cause})
        for notice in told.solved:
            connection.execute(_SOLUTION_SENT, {"at": at, "cause": notice.cause})


_SENT: Final = "update raw.notices set sent_at = $at where cause = $cause and solved_at is null"
_SOLUTION_SENT: Final = """
update raw.notices set solution_sent_at = $at
where cause = $cause and solved_at is not null and sent_at is not null and solution_sent_at is null
"""


def digested(connection: duckdb.DuckDBPyConnection) -> date | None:
    """The newest week, its Monday, whose digest was sent."""
    ((week,),) = connection.execute(f"select max(cause) from raw.notices where kind = '{DIGEST}'").fetchall()
    return date.fromisoformat(week) if week else None


def note_digest(connection: duckdb.DuckDBPyConnection, week: date, title: str, text: str, now: datetime) -> None:
    """Note that a channel took the digest of a week."""
    at = now.replace(tzinfo=None)
    with transaction(connection):
        connection.execute(_INSERT, [week.isoformat(), DIGEST, title, text, True, at, at])
        connection.execute(
            "update raw.notices set sent_at = $at where cause = $week and kind = $kind",
            {"at": at, "week": week.isoformat(), "kind": DIGEST},
        )
