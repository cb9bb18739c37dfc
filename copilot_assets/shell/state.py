"""The state of the warehouse: what each day of each scope and report is, what was done last, and what needs a hand.

Which facts these are belongs here; why a day is missing is judged by `quality.day_status` alone, and `status.py` tells
it. The store is only read, and GitHub is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import duckdb

from copilot_assets.github.reports import REPORTS
from copilot_assets.people.identities import Identities, key_trouble
from copilot_assets.settings import IdentityMode, SettingsError
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.layout import bring_forward
from copilot_assets.warehouse.lock import is_at_work
from copilot_assets.warehouse.raw import NEWEST_FIRST
from copilot_assets.warehouse.store import DATABASE, Warehouse

if TYPE_CHECKING:
    from copilot_assets.flat.textless import Textless

Row = dict[str, Any]


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
        behind_since: when the first of what landed was asked for (UTC) that the tables below raw do not show; None
            where they show all, or a run is at work.
        textless: the days whose text was dropped.
        key_trouble: what is wrong with the key of people's pseudonyms, in a sentence; None where nothing is.
    """

    warehouse: str
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
    behind_since: datetime | None
    textless: Textless
    key_trouble: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was fetched, imported or asked for yet."""
        return not self.counts and self.last_run is None

    @property
    def needs_a_hand(self) -> bool:
        """Whether somebody has to do something; an empty warehouse has to be filled. A new field is only news."""
        return self.is_empty or bool(self.chores or self.quarantine or self.behind_since or self.key_trouble)


_KEY: Final = ("pseudonym_key", "forgotten")
_LEDGER: Final = (
    "fetches",
    "expected_reports",
    "quarantine",
    "unknown_fields",
    "dropped_text",
    "rebuilt",
    "rebuild_due",
    *_KEY,
)

# A run notes anew, with its own day, what it is asked for; what still bears an older day has been given up. What is
# known from an archive alone may bear a newer one. Without this, days since the last run would not be seen as holes.
_EXPECT_UNTIL_TODAY: Final = """
update raw.expected_reports set as_of = greatest(as_of, $today)
where as_of >= coalesce(
    (
        select max(e.as_of)
        from raw.expected_reports as e
        semi join raw.fetches as f
            on f.scope = e.scope and f.report = e.report
            and not (f.outcome in ('reported', 'given_up') and f.http_status is null)
    ),
    as_of
)
"""
# A day that was reported without an HTTP answer came out of an archive, and of one that was given up nobody was asked.
_LAST_ASK: Final = f"""
select requested_at, scope, report, day, outcome, evidence
from raw.fetches
where not (outcome in ('reported', 'given_up') and http_status is null)
order by {NEWEST_FIRST}
limit 1
"""
_LAST_RUN: Final = f"""
with newest as (select run_id, requested_at from raw.fetches order by {NEWEST_FIRST} limit 1)
select n.run_id, n.requested_at, f.outcome, count(*)
from newest as n
join raw.fetches as f on f.run_id is not distinct from n.run_id
group by all
order by count(*) desc, f.outcome
"""
_SNAPSHOTS: Final = f"""
with attempts as (
    select *, row_number() over (partition by scope, report order by {NEWEST_FIRST}) as age
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
# When somebody was forgotten, or the first question was asked, that the tables have not been rebuilt after.
_BEHIND: Final = """
select min(since)
from (
    select since from raw.rebuild_due
    union all
    select requested_at from raw.fetches where entry_number > coalesce((select max(entry_number) from raw.rebuilt), 0)
)
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


def read_status(warehouse: Warehouse, today: date, days: int, identities: Identities | None = None) -> Status:
    """The state of a warehouse, with a strip of the last `days` closed days; of the key if there are `identities`.

    Raises:
        WarehouseError: there is none, or it can't be opened; none is made.
    """
    from copilot_assets.flat.textless import textless_days  # it loads what makes tables, which nothing else here needs

    shown = tuple(today - timedelta(days=age) for age in range(days, 0, -1))
    snapshots = [report.name for report in REPORTS if report.is_snapshot]
    with _ledger(warehouse, today) as ledger:
        judged = _rows(ledger, f"select scope, report, day, status, needs_a_hand, remedy from ({_text('day_status')})")
        asks = ledger.execute(_LAST_ASK).fetchall()
        runs = ledger.execute(_LAST_RUN).fetchall()
        return Status(
            warehouse=warehouse.name,
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
            behind_since=None if is_at_work(warehouse) else ledger.execute(_BEHIND).fetchall()[0][0],
            textless=textless_days(ledger, [report.name for report in REPORTS]),
            key_trouble=_key_trouble(ledger, identities) if identities else None,
        )


def _key_trouble(ledger: duckdb.DuckDBPyConnection, identities: Identities) -> str | None:
    if identities.mode is IdentityMode.OFF:
        return None
    try:
        return key_trouble(ledger, identities)
    except SettingsError as problem:
        return str(problem)


def read_changes(warehouse: Warehouse, today: date, limit: int) -> list[Row]:
    """The newest `limit` revisions of days that had been reported: rows of `quality.revisions`, newest first.

    Raises:
        WarehouseError: there is no warehouse, or it can't be opened; none is made.
    """
    with _ledger(warehouse, today) as ledger:
        return _rows(
            ledger,
            f"""
            select day, scope, report, seen_at, old_records, records, numbers_moved, is_late, is_shrinking
            from ({_text("revisions")})
            order by seen_at desc, scope, report, day desc
            limit {limit}
            """,
        )


@contextmanager
def _ledger(warehouse: Warehouse, today: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """The ledger copied into memory, in the shape that this version gives it, as if a run had begun `today`.

    So the file is only read, and given back at once; a table that an older version did not have yet is empty.
    """
    with warehouse.read() as connection:
        there = f"select table_name from duckdb_tables() where database_name = '{DATABASE}' and schema_name = 'raw'"
        present = {name for (name,) in connection.execute(there).fetchall()}
        connection.execute("use memory")
        bring_forward(connection, warehouse.name)
        for table in _LEDGER:
            if table in present:
                connection.execute(f"insert into raw.{table} by name from {DATABASE}.raw.{table}")
        if "rebuilt" not in present:  # an older version did not say
            connection.execute("insert into raw.rebuilt select max(entry_number) from raw.fetches having count(*) > 0")
        connection.execute(f"detach {DATABASE}")
        connection.execute(_EXPECT_UNTIL_TODAY, {"today": today})
        yield connection


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
