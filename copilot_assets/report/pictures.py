"""The picture at a table: its chart and what has to be said beside it, for the page of the table in Dagster's UI.

Which table has which chart belongs here; what a chart looks like stands in `charts.py`, what it asks in `queries.py`.
A picture is kept with every build of its table, so it is small: the scopes with most in them, half a year, 30 KB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from copilot_assets.report import charts
from copilot_assets.report.look import Spec, data_uri, on_paper, sparkline, svg
from copilot_assets.report.queries import CHARTS, CLOSED_WEEKS, MISSING_DAYS, SERIES_BREAKS, Row, ask
from copilot_assets.report.words import compared, some, stretches

if TYPE_CHECKING:
    import duckdb

# Characters of an image with all that is in it.
LARGEST: Final = 30_000
# Scopes and parts that one picture holds; fewer when they come out too large.
_PANELS: Final = (6, 3, 1)
_PARTS: Final = 5
_NOTES: Final = 6
# Characters of Markdown that Dagster shows in place.
_GLANCE: Final = 1000
_SCOPES_IN_NUMBERS: Final = 20

_FAINT: Final = "Solid weeks are closed; a faint one is open, or the history begins in it."
_DOTTED: Final = "Lines are of closed weeks; a faint dot is the open one."
_WITHHELD: Final = "Where a line has a gap nothing was reported, or fewer people are behind it than may be told of."
HOURS: Final = (
    "Hours from opening to merge: mean of the days' medians, weighed by merges, which is no median of the week."
)
_ENTITIES: Final = ("organization-1-day", "enterprise-1-day")


@dataclass(frozen=True)
class Kind:
    """What a table's chart is drawn by, what it says of itself, and whose days its numbers rest on."""

    shows: str
    draw: Callable[[Sequence[Row]], Spec]
    reading: tuple[str, ...] = ()
    reports: tuple[str, ...] = ("users-1-day",)
    breaks: bool = False


def _people(by: str) -> Kind:
    return Kind(
        f"People by {by} and week, the {_PARTS} with most people",
        partial(charts.lines, unit="people"),
        (_DOTTED, _WITHHELD, "People of a part are told to the nearest multiple of COPILOT_MIN_COHORT."),
    )


KINDS: Final[Mapping[str, Kind]] = {
    "weekly.user_trend": Kind(
        "Distinct active people a week",
        charts.people_by_week,
        (_FAINT, "5/7: the number rests on five of seven days.", "Dashed: GitHub changed what is counted."),
        breaks=True,
    ),
    "weekly.feature_trend": _people("feature"),
    "weekly.ide_trend": _people("IDE"),
    "weekly.language_trend": _people("language"),
    "weekly.model_trend": _people("model"),
    "weekly.adoption_phase_trend": _people("adoption phase"),
    "weekly.team_trend": _people("team"),
    "weekly.licence_trend": Kind(
        "Licences by when they were last used, at the week's last snapshot",
        partial(charts.stack, unit="licences", colours=("blue", "pale", "orange")),
        ("A week without a bar had no snapshot: GitHub tells licences only as of now.",),
        (),
    ),
    "weekly.spend_trend": Kind(
        "Price before discounts a week, by model (USD)",
        partial(charts.stack, unit="USD", number="$,.0f"),
        ("A faint week is open.",),
        ("ai-credit-usage", "premium-request-usage"),
    ),
    "weekly.bill_trend": Kind(
        "Price before discounts a week, by organisation and by cost centre (USD)",
        partial(charts.stack, unit="USD", number="$,.0f"),
        ("A faint week is open.", "Parts of few people are withheld, and not drawn."),
        ("ai-usage-report", "premium-request-report"),
    ),
    "weekly.pull_request_trend": Kind(
        "Share of pull requests that Copilot opened and reviewed, and hours to merge",
        charts.pull_requests,
        (_DOTTED, HOURS),
        _ENTITIES,
    ),
    "weekly.cohort_retention": Kind(
        "People who still use Copilot, by month of first use",
        partial(charts.lines, unit="still active", number=".0%", x="weeks_since_first_use"),
        ("Of whole and closed weeks.", "First use is as this warehouse saw it: the first month's people may be older."),
    ),
    "weekly.monthly_cohort_retention": Kind(
        "People who still use Copilot, by month of first use",
        partial(charts.lines, unit="still active", number=".0%", x="weeks_since_month"),
        ("Of whole and closed weeks.", "First use is as this warehouse saw it: the first month's people may be older."),
    ),
    "weekly.event_effect": Kind(
        "Active people before (hollow) and after (filled) each event",
        charts.before_and_after,
        ("The farthest pair of weeks of which both are closed. One thing after another, no claim of a cause.",),
        (),
    ),
    "weekly.legacy_user_trend": Kind(
        "People a day by the legacy metrics, averaged over the reported days",
        partial(charts.lines, unit="people", number=",.0f"),
        (_DOTTED,),
        ("legacy-metrics",),
    ),
    "weekly.last_28_days": Kind(
        "People a day by the legacy metrics, by window of seven entries",
        partial(charts.lines, unit="people", number=",.1f", x="window"),
        (),
        (),
    ),
    "quality.day_status": Kind("What is known of every day, by report", charts.day_strips, (), ()),
}


def picture(connection: duckdb.DuckDBPyConnection, table: str) -> str | None:
    """The Markdown of a table's picture, or None for one that has none.

    Where there is nothing to draw it says so. Raises duckdb.Error when the table has not the columns that are drawn.
    """
    kind = KINDS.get(table)
    if kind is None:
        return None
    rows = ask(connection, CHARTS[table])
    causes, changes = _asides(connection, kind, rows)
    drawable = [row for row in rows if row.get("value", row.get("before", row.get("first"))) is not None]
    if not drawable:
        return f"**{kind.shows}**: nothing to draw, because the table tells of no such number yet."
    ranked = _ranked(drawable)
    address, shown = "", ranked
    for most in _PANELS:
        shown = ranked[:most]
        of_shown = [row for row in rows if row["panel"] in shown]
        address = data_uri(on_paper(svg(kind.draw(main_parts(of_shown)))))
        if len(address) <= LARGEST:
            break
    else:
        return f"**{kind.shows}**: too much to draw here. The weekly report has it."
    # What a scope's bill is of or broken down by stands behind its name.
    scopes = {panel.partition(", ")[0] for panel in shown}
    notes = [*kind.reading, *_left_out(ranked, shown), *_notes([row for row in causes if row["panel"] in scopes])]
    notes += [f"{row['day']}: {row['what']}." for row in changes]
    alternative = f"{kind.shows}: {some(shown, 'scopes', most=6)}"
    return "\n".join([f"**{kind.shows}**", "", f"![{alternative}]({address})", "", *(f"- {note}" for note in notes)])


def closed_weeks(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, int], str]:
    """Of `weekly.user_trend`: the numbers of each scope's newest closed week, and its closed weeks at a glance.

    The numbers are named by scope and column, `org:octo-org active_people`, so that Dagster plots each of them. The
    glance is Markdown of fewer than 1,000 characters, which Dagster 1.13 shows without a click.
    """
    scopes: dict[str, list[Row]] = {}
    for row in ask(connection, CLOSED_WEEKS):
        scopes.setdefault(row["panel"], []).append(row)
    told = {scope: weeks for scope, weeks in scopes.items() if weeks[-1]["value"] is not None}
    largest = sorted(told, key=lambda scope: (-told[scope][-1]["value"], scope))[:_SCOPES_IN_NUMBERS]
    columns = {"active_people": "value", "active_people_change": "change", "user_days_reported": "days"}
    numbers: dict[str, int] = {
        f"{scope} {column}": told[scope][-1][name]
        for scope in largest
        for column, name in columns.items()
        if told[scope][-1][name] is not None
    }
    glance: list[str] = []
    for scope in largest:
        newest = told[scope][-1]
        change = f", {compared(newest['change'])}" if newest["change"] is not None else ""
        address = sparkline([week["value"] for week in told[scope]])
        line = f"{scope}: **{newest['value']:,}** people{change} ![]({address})"
        if sum(map(len, glance)) + 2 * len(glance) + len(line) < _GLANCE:
            glance.append(line)
    return numbers, "\n\n".join(glance) if told else "No week is closed yet."


def _ranked(rows: Sequence[Row]) -> list[str]:
    """Panels, those with most in them first; what has no numbers comes in the order of its rows."""
    newest: dict[str, float] = {}
    for row in rows:
        newest[row["panel"]] = max(newest.get(row["panel"], 0), float(row.get("value") or 0))
    return sorted(newest, key=lambda panel: -newest[panel])


def main_parts(rows: Sequence[Row]) -> Sequence[Row]:
    """Rows of the parts that have most in the newest weeks, in that order; all rows where there are no parts."""
    if not rows or "part" not in rows[0]:
        return rows
    weight: dict[str, float] = {}
    for row in rows:
        weight[row["part"]] = max(weight.get(row["part"], 0), float(row["value"] or 0))
    kept = sorted(weight, key=lambda part: -weight[part])[:_PARTS]
    return rows if len(weight) <= _PARTS else [row for part in kept for row in rows if row["part"] == part]


def _left_out(ranked: Sequence[str], shown: Sequence[str]) -> list[str]:
    rest = [panel for panel in ranked if panel not in shown]
    return [f"Not drawn for want of room: {some(rest, 'scopes', most=6)}."] if rest else []


def _asides(connection: duckdb.DuckDBPyConnection, kind: Kind, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Which days of the weeks that are drawn are missing and why, and what GitHub changed in them."""
    weeks = [date.fromisoformat(row["week"]) for row in rows if "week" in row]
    first, last = min(weeks, default=date.max), max(weeks, default=date.max - timedelta(days=6)) + timedelta(days=6)
    missing = ask(connection, MISSING_DAYS, reports=list(kind.reports), first=first, last=last)
    return missing, ask(connection, SERIES_BREAKS, first=first, last=last) if kind.breaks else []


def _notes(causes: Sequence[Row]) -> list[str]:
    notes = [
        f"{row['panel']}, {some(stretches(row['days']), 'stretches', most=8)}: {row['status']}. {row['evidence']}"
        for row in causes[:_NOTES]
    ]
    more = len(causes) - _NOTES
    return [*notes, f"{more} more reasons of missing days are in quality.day_status."] if more > 0 else notes
