"""What the shell shows after a run: the weekly trend, the missing days with their reasons, the checks.

Reads the warehouse and makes rich tables; nothing is computed that a SQL model should compute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import duckdb
import polars as pl
from dagster import AssetCheckEvaluation, AssetCheckSeverity
from rich import box
from rich.table import Table
from rich.text import Text

WEEKS: Final = 6

_TREND: Final = f"""
    select *
    from weekly.user_trend
    qualify row_number() over (partition by scope order by week_start desc) <= {WEEKS}
    order by scope, week_start
"""

_LEGACY: Final = """
    select * from weekly.last_28_days order by scope, window_no
"""

# One line for each reason: consecutive days as a stretch, reports that miss the same days together.
_MISSING: Final = """
    with missing as (
        select
            *,
            day - row_number() over (partition by scope, report, status, evidence order by day)::integer as stretch
        from quality.day_status
        where coverage in ('missing', 'below_threshold', 'pending')
    ),
    stretches as (
        select scope, report, status, evidence, min(day) as first_day, max(day) as last_day
        from missing
        group by scope, report, status, evidence, stretch
    ),
    reasons as (
        select
            scope, report, status, evidence,
            string_agg(
                case when first_day = last_day then first_day::varchar else first_day || ' to ' || last_day end,
                ', ' order by first_day
            ) as days
        from stretches
        group by scope, report, status, evidence
    )
    select scope, days, status, evidence, string_agg(report, ', ' order by report) as reports
    from reasons
    group by scope, days, status, evidence
    order by scope, reports, days
"""


def tables(connection: duckdb.DuckDBPyConnection, checks: Sequence[AssetCheckEvaluation]) -> Iterator[Table]:
    """The tables to print after a run; those whose models are not built yet are left out."""
    built = {
        f"{schema}.{table}"
        for schema, table in connection.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
    }
    if "weekly.user_trend" in built:
        yield _trend(connection.sql(_TREND).pl())
    if "weekly.last_28_days" in built and not (legacy := connection.sql(_LEGACY).pl()).is_empty():
        yield _last_28_days(legacy)
    if "quality.day_status" in built:
        yield _missing(connection.sql(_MISSING).pl())
    yield _checks(checks)


def _table(title: str, left: Sequence[str], right: Sequence[str] = (), caption: str | None = None) -> Table:
    """An empty table: columns of words that must not break, then columns of numbers."""
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left", box=box.SIMPLE_HEAD)
    table.padding, table.pad_edge = (0, 1), False
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _by_scope(table: Table, rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows; each scope's name is added to the table above the first of its own."""
    above = None
    for row in rows.rows(named=True):
        if row["scope"] != above:
            above = row["scope"]
            table.add_row(Text(above, style="bold"))
        yield row


def _trend(rows: pl.DataFrame) -> Table:
    table = _table(
        f"Weekly adoption trend, last {WEEKS} weeks (weekly.user_trend)",
        ("scope and week", "days"),
        ("people", "change", "Mon-Fri", "prompts", "accept"),
        "days: reported of expected; p pending, t below the threshold, m missing.\n"
        "people: distinct; change: on weekdays reported in both weeks, four at least.\n"
        "Mon-Fri: active per reported day of these; accept: of code completions shown.",
    )
    for row in _by_scope(table, rows):
        table.add_row(
            row["week_start"].strftime("  %G-W%V"),
            _days(row),
            _number(row["active_people"]),
            _number(row["active_people_change"], sign=True),
            _number(row["avg_workday_active_users"], digits=1),
            _number(row["user_initiated_interaction_count"]),
            _percent(row["completion_acceptance_rate"]),
        )
    return table


def _days(row: dict[str, Any]) -> Text:
    notes = {"p": row["days_pending"], "t": row["days_below_threshold"], "m": row["days_missing"]}
    told = "".join(f" {count}{letter}" for letter, count in notes.items() if count)
    return Text(f"{row['days_reported']}/{row['days_expected']}{told}", style="yellow" if told else "")


def _last_28_days(rows: pl.DataFrame) -> Table:
    table = _table(
        "Latest 28 reported days of the legacy metrics (weekly.last_28_days)",
        ("scope and window",),
        ("days", "active", "engaged", "active a day", "engaged a day"),
    )
    for row in _by_scope(table, rows):
        table.add_row(
            f"  {row['window_no']} from {row['first_day']}",
            str(row["days"]),
            _number(row["active_users"]),
            _number(row["engaged_users"]),
            _number(row["avg_active_users"], digits=2),
            _number(row["avg_engaged_users"], digits=2),
        )
    return table


def _missing(rows: pl.DataFrame) -> Table:
    table = _table("Missing days, and why (quality.day_status)", ("scope and reports",))
    table.add_column("days", min_width=24, max_width=24)
    table.add_column("why")
    for row in rows.rows(named=True):
        about = "\n  ".join([row["scope"], *row["reports"].split(", ")])
        table.add_row(about, row["days"], Text.assemble((row["status"], "yellow"), ": ", row["evidence"]))
    if rows.is_empty():
        table.add_row("every scope", "none", "")
    return table


def _checks(checks: Sequence[AssetCheckEvaluation]) -> Table:
    passed = sum(check.passed for check in checks)
    table = _table(f"Asset checks: {passed} passed, {len(checks) - passed} to look at", ("asset", "check", "result"))
    table.add_column("what it found")
    found: dict[tuple[bool, str, str], list[str]] = {}
    for check in sorted(checks, key=lambda check: (check.asset_key, check.check_name)):
        if not check.passed:
            said = check.severity is AssetCheckSeverity.ERROR, check.check_name, check.description or ""
            found.setdefault(said, []).append(".".join(check.asset_key.path))
    for (fails, name, description), assets in found.items():
        others = f" and {len(assets) - 1} more" if assets[1:] else ""
        result = Text("fails", style="red") if fails else Text("warns", style="yellow")
        table.add_row(f"{assets[0]}{others}", name, result, description)
    table.show_header = bool(found)
    return table


def _number(value: float | None, *, digits: int = 0, sign: bool = False) -> str:
    """A number for people; a dash for unknown, which is not 0."""
    return "–" if value is None else f"{value:{'+' if sign else ''},.{digits}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
