"""What one report knows: all rows of all questions, as they stand at one moment, and what of them is about a scope.

Nothing is drawn or worded here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from copilot_assets.report import queries
from copilot_assets.report.queries import ALWAYS, CHARTS, WEEKS, Row, ask
from copilot_assets.warehouse.tables import transaction

if TYPE_CHECKING:
    import duckdb

# Questions with a row, or some, for each scope.
_QUESTIONS: Final = {
    "newest": queries.NEWEST_WEEKS,
    "licences": queries.LICENCES,
    "teams": queries.TEAMS,
    "pull_requests": queries.PULL_REQUESTS,
    "spend": queries.SPEND,
    "limits": queries.LIMITS,
    "revisions": queries.REVISIONS,
}
_TABLES: Final = {
    "newest": "weekly.user_trend",
    "licences": "weekly.licence_trend",
    "teams": "weekly.team_trend",
    "pull_requests": "weekly.pull_request_trend",
    "spend": "weekly.spend_trend",
    "limits": "quality.budget_status",
    "revisions": "quality.revisions",
}


@dataclass(frozen=True)
class Facts:
    """The rows about one scope, by question and by table of the charts; `week` is its newest closed one, a Monday.

    `unread` are the tables that make other columns than the report reads, or are not there.
    """

    scope: str
    week: date | None
    rows: Mapping[str, Sequence[Row]]
    series_breaks: Sequence[Row]
    unread: tuple[str, ...] = ()

    def one(self, question: str) -> Row | None:
        """The row of a question that has one a scope, if there is an answer."""
        return next(iter(self.rows[question]), None)

    def of_week(self, table: str) -> list[Row]:
        """What a chart's table says of the newest closed week."""
        return [row for row in self.rows[table] if self.week and row["week"] == self.week.isoformat()]

    def missing(self, first: date, last: date) -> list[Row]:
        """The reasons of missing days with the days that lie in a stretch, those with none left out."""
        found = [{**row, "days": [day for day in row["days"] if first <= day <= last]} for row in self.rows["missing"]]
        return [row for row in found if row["days"]]

    @property
    def first_day(self) -> date:
        """The Monday of the first week that the charts show."""
        weeks = [date.fromisoformat(row["week"]) for row in self.rows["weekly.user_trend"]]
        return min(weeks, default=self.week or date.max)


def collect(connection: duckdb.DuckDBPyConnection, until: date = ALWAYS) -> list[Facts]:
    """The facts of every scope that has weeks or licences, up to a week (its Monday), as they stand at one moment.

    A table that somebody changed, or whose file is gone, takes its chart along and nothing else.
    """
    questions = {**CHARTS, **_QUESTIONS}
    unread = {name for name, query in questions.items() if not _is_readable(connection, query)}
    with transaction(connection):
        answers = {
            name: [] if name in unread else ask(connection, query, until=until) for name, query in questions.items()
        }
        weeks = [date.fromisoformat(row["week"]) for row in answers["weekly.user_trend"]]
        last = min(until, max(weeks, default=until)) + timedelta(days=6)
        first = min(weeks, default=last - timedelta(7 * WEEKS))
        answers["missing"] = ask(connection, queries.DAYS_AND_REASONS, first=first, last=last)
        breaks = ask(connection, queries.SERIES_BREAKS, first=first, last=last)
        scopes = ask(connection, queries.SCOPES)
    tables = tuple(sorted({_TABLES.get(name, name) for name in unread}))
    return [_of_scope(scope["panel"], answers, breaks, tables) for scope in scopes]


def _is_readable(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Whether the tables of a question have what it asks for. Not in a transaction, which a refusal would end."""
    import duckdb

    try:
        ask(connection, f"explain {query}")
    except (duckdb.CatalogException, duckdb.BinderException):
        return False
    return True


def _of_scope(
    scope: str, answers: Mapping[str, Sequence[Row]], breaks: Sequence[Row], unread: tuple[str, ...]
) -> Facts:
    # A bill of another kind stands in a panel of its own, behind the scope's name.
    rows = {
        name: [row for row in found if row["panel"] == scope or row["panel"].startswith(f"{scope}, ")]
        for name, found in answers.items()
    }
    week = next((row["week"] for row in rows["newest"]), None)
    return Facts(scope, week, rows, breaks, unread)
