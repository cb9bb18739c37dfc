"""Schema `raw` as code uses it: which answer counts, which reports are expected, a view for each report.

How fetches land is in `landing.py`, which tables there are in `layout.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope
from copilot_assets.records.contract import Docs
from copilot_assets.warehouse.changes import note_change
from copilot_assets.warehouse.comments import comment
from copilot_assets.warehouse.docs import RAW_DOCS
from copilot_assets.warehouse.tables import transaction

if TYPE_CHECKING:
    import duckdb

# The newest first, by the order of entry: a clock may have been wrong. The rest is for rows that were not landed.
NEWEST_FIRST: Final = "entry_number desc, requested_at desc, fetch_id desc"
# Of the fetches of a (scope, report, day) the newest answer counts, or that it was given up; a failure or refusal says
# nothing of the day.
COUNTS: Final = f"""where outcome in ('reported', 'no_report', 'given_up')
    qualify row_number() over (partition by scope, report, day order by {NEWEST_FIRST}) = 1"""

# Days as they stand in `ExpectedReport`.
_EXPECTED_AS_TEXT: Final = """
select
    scope, report, start_day::varchar, first_day::varchar, retired_on::varchar, lag_days, history_days,
    threshold_people, activity, as_of::varchar
from raw.expected_reports
"""


@dataclass(frozen=True)
class ExpectedReport:
    """One row of `raw.expected_reports`: what one scope is asked for, and the rules that GitHub has for it."""

    scope: str
    report: str
    start_day: str
    first_day: str | None
    retired_on: str | None
    lag_days: int
    history_days: int
    threshold_people: int | None
    activity: str | None
    as_of: str

    @classmethod
    def of(cls, scope: Scope, report: Report, start_day: date, as_of: date) -> Self:
        """What one scope is asked for from `start_day` on, by the rules that the catalogue has on `as_of`."""
        first_day = report.first_days.get(scope.kind)
        return cls(
            scope=str(scope),
            report=report.name,
            start_day=start_day.isoformat(),
            first_day=first_day.isoformat() if first_day else None,
            retired_on=report.retired_on.isoformat() if report.retired_on else None,
            lag_days=report.lag_days,
            history_days=report.history_days,
            threshold_people=report.threshold_people,
            activity=report.activity,
            as_of=as_of.isoformat(),
        )


def expect(connection: duckdb.DuckDBPyConnection, expected: Iterable[ExpectedReport]) -> None:
    """Note which reports each scope is asked for, so that a day nobody asked for is a hole too.

    Scopes that are no longer configured keep their rows: their history is still explained.
    """
    known = set(connection.execute(_EXPECTED_AS_TEXT).fetchall())
    changed = [row for row in expected if tuple(vars(row).values()) not in known]
    if not changed:
        return
    with transaction(connection):
        for row in changed:
            connection.execute(
                "delete from raw.expected_reports where scope = ? and report = ?", [row.scope, row.report]
            )
            _insert_expected(connection, row)
        note_change(connection, "raw.expected_reports")


def note_token_end(connection: duckdb.DuckDBPyConnection, ends_at: datetime | None) -> None:
    """Note when the token ends (UTC) that GitHub accepted; None for never. Nothing is written where it is known."""
    rows = [] if ends_at is None else [(ends_at.replace(tzinfo=None),)]
    if connection.execute("from raw.token_end").fetchall() == rows:
        return
    with transaction(connection):
        connection.execute("delete from raw.token_end")
        if rows:
            connection.execute("insert into raw.token_end values (?)", [*rows[0]])
        note_change(connection, "raw.token_end")


def widen_expected(connection: duckdb.DuckDBPyConnection, expected: ExpectedReport, first: date, last: date) -> None:
    """Let what is expected of a scope and report hold the days `first` to `last`; it is `expected` if nothing was."""
    of = "from raw.expected_reports where scope = ? and report = ?"
    if is_new := not connection.execute(of, [expected.scope, expected.report]).fetchall():
        _insert_expected(connection, expected)
    widened = connection.execute(
        "update raw.expected_reports set start_day = least(start_day, $first), as_of = greatest(as_of, $until) "
        "where scope = $scope and report = $report and (start_day > $first or as_of < $until)",
        {"scope": expected.scope, "report": expected.report, "first": first, "until": last + timedelta(days=1)},
    ).fetchall()
    if is_new or widened != [(0,)]:
        note_change(connection, "raw.expected_reports")


def _insert_expected(connection: duckdb.DuckDBPyConnection, row: ExpectedReport) -> None:
    connection.execute(
        "insert into raw.expected_reports values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", list(vars(row).values())
    )


def note_rebuilt(connection: duckdb.DuckDBPyConnection) -> None:
    """Note that all tables of SQL models show what has landed by now, and nobody who was forgotten."""
    newest = connection.execute("select max(entry_number) from raw.fetches having max(entry_number) > 0").fetchall()
    noted = connection.execute("from raw.rebuilt").fetchall()
    if connection.execute("from raw.rebuild_due").fetchall():
        connection.execute("delete from raw.rebuild_due")
    if newest != noted:
        with transaction(connection):
            connection.execute("delete from raw.rebuilt")
            connection.executemany("insert into raw.rebuilt values (?)", newest)


def make_report_views(connection: duckdb.DuckDBPyConnection, reports: Collection[Report]) -> None:
    """`raw.<report>` for each: the records of one report, so that an asset's key is a table's name.

    One that says what it is stays as it is. A layout that changes raw.records has to drop them. Inside a transaction.
    """
    names = {f"raw.{report.table}": report.name for report in reports}
    docs = {
        f"raw.{report.table}": Docs(
            f"One row per record of GitHub's report {report.name}: {report.grain}. Names people, if it is about them.",
            RAW_DOCS["raw.records"].columns,
        )
        for report in reports
    }
    query = (
        "select schema_name || '.' || view_name, comment from duckdb_views() where database_name = current_database()"
    )
    there = dict(connection.execute(query).fetchall())
    wanted = {view: each for view, each in docs.items() if there.get(view) != each.table}
    for view in wanted:
        connection.execute(f"create or replace view {view} as select * from raw.records where report = '{names[view]}'")
    if wanted:
        comment(connection, wanted)
