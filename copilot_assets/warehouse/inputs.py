"""Inputs: what the SQL models read besides GitHub's answers: a few settings, prices and credits of plans, your events.

Here belong their values and how they become tables of schema `raw`. Environment variables are read in `settings.py`;
what a model makes of the tables stands in the model. Needs neither a token nor scopes. No Dagster.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from copilot_assets.github.scopes import Scope, ScopeError, ScopeKind
from copilot_assets.records.contract import Column
from copilot_assets.settings import (
    SettingsError,
    events_path,
    idle_cost_limit,
    min_cohort,
    plan_credits,
    plan_prices,
    seat_grace_days,
)
from copilot_assets.warehouse.changes import note_change
from copilot_assets.warehouse.tables import transaction

if TYPE_CHECKING:
    import duckdb

# The tables, whose DDL is in `layout.py`.
INPUT_TABLES: Final = {
    "settings": (
        Column("min_cohort", "INTEGER", "COPILOT_MIN_COHORT: fewest people behind a published number"),
        Column("seat_grace_days", "INTEGER", "COPILOT_SEAT_GRACE_DAYS: days that a new seat may stay unused"),
        Column("idle_cost_limit_usd", "DOUBLE", "COPILOT_IDLE_COST_LIMIT: US dollars a month; null when unset"),
    ),
    "plan_prices": (
        Column("plan_type", "VARCHAR", "Plan as GitHub names it: business, enterprise"),
        Column("usd_per_month", "DOUBLE", "COPILOT_PLAN_PRICES: US dollars per seat and month"),
    ),
    "plan_credits": (
        Column("plan_type", "VARCHAR", "Plan as GitHub names it: business, enterprise"),
        Column("credits_per_month", "BIGINT", "COPILOT_PLAN_CREDITS: AI credits that a seat includes in a month"),
    ),
    "events": (
        Column("day", "DATE", "UTC day of the event"),
        Column("scope", "VARCHAR", "Organisation or enterprise it was for"),
        Column("team_slug", "VARCHAR", "Team it was for; null when it was for the whole scope"),
        Column("what", "VARCHAR", "What it was, in your words"),
    ),
}
_EVENT_COLUMNS: Final = ("date", "scope", "what")


@dataclass(frozen=True, order=True)
class Event:
    """Something that happened in the company on a day: a training, a roll-out, a policy.

    Attributes:
        day: UTC day.
        scope: whom it was for, `org:…` or `enterprise:…`.
        team_slug: the team it was for, as `flat.user_team_daily` writes it; empty for the whole scope.
        what: what it was.
    """

    day: date
    scope: str
    team_slug: str
    what: str


@dataclass(frozen=True)
class Inputs:
    """What an installation gives its models.

    Attributes:
        min_cohort: fewest people that a published number about a part of a scope may rest on.
        seat_grace_days: days that a new seat may stay unused.
        plan_prices: US dollars per seat and month, by GitHub's `plan_type`.
        plan_credits: AI credits that a seat includes in a month, by the same.
        events: the company's own events.
        idle_cost_limit_usd: US dollars a month that idle licences of a scope may cost before somebody is told; None
            for any.
    """

    min_cohort: int
    seat_grace_days: int
    plan_prices: Mapping[str, float]
    plan_credits: Mapping[str, int]
    events: tuple[Event, ...]
    idle_cost_limit_usd: float | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read them; without `env`, from the process's environment over `.env` in the current folder.

        Raises:
            SettingsError: a setting or the file of events can't be used.
        """
        path = events_path(env)
        events = read_events(path) if path else ()
        prices, pools = plan_prices(env), plan_credits(env)
        return cls(min_cohort(env), seat_grace_days(env), prices, pools, events, idle_cost_limit(env))

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of each table of `INPUT_TABLES`."""
        return {
            "settings": [(self.min_cohort, self.seat_grace_days, self.idle_cost_limit_usd)],
            "plan_prices": sorted(self.plan_prices.items()),
            "plan_credits": sorted(self.plan_credits.items()),
            "events": [(event.day, event.scope, event.team_slug or None, event.what) for event in self.events],
        }


def write_inputs(connection: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Make the tables what the inputs say; one that says so already is not written."""
    with transaction(connection):
        for table, rows in inputs.rows().items():
            if set(connection.execute(f"from raw.{table}").fetchall()) != set(rows):
                connection.execute(f"delete from raw.{table}")
                if rows:
                    places = ", ".join("?" for _ in INPUT_TABLES[table])
                    connection.executemany(f"insert into raw.{table} values ({places})", rows)
                note_change(connection, f"raw.{table}")


def read_events(path: Path) -> tuple[Event, ...]:
    """The events of a CSV file with the header `date,scope,what`, in the order of their days, each once.

    `scope` is `org:NAME`, `enterprise:SLUG`, `team:ORG/SLUG` or `enterprise-team:ENTERPRISE/SLUG`.

    Raises:
        SettingsError: the file can't be read, or naming every line that can't be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(
            f"{path}, the file of events, can't be read ({type(problem).__name__}). Save it as CSV in UTF-8."
        ) from None
    reader = csv.DictReader(io.StringIO(text), strict=True)
    events, problems, begins = set(), [], 1
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
        if sorted(columns) != sorted(_EVENT_COLUMNS):
            raise SettingsError(
                f"{path}, the file of events, begins with '{','.join(columns)}'. Its first line must be "
                "date,scope,what; then a line each, such as 2026-09-07,org:octo-org,Training for everybody."
            )
        reader.fieldnames = columns
        begins = reader.line_num + 1
        for row in reader:
            try:
                events.add(_event(row))
            except ValueError as problem:
                problems.append(f"{path}:{reader.line_num}: {problem}")
            begins = reader.line_num + 1
    except csv.Error:
        problems.append(
            f"{path}:{begins}: has a quotation mark without its other half, so that nothing after it can be read. "
            'Put one before and one after a text with a comma, and write "" for one within it.'
        )
    if problems:
        raise SettingsError("\n".join(problems))
    return tuple(sorted(events))


def _event(row: Mapping[str | Any, str | Any]) -> Event:
    """One line; raises ValueError with a sentence about what is wrong with it."""
    if None in row or None in row.values():
        raise ValueError("has more or fewer than three values. Write date,scope,what; quote a text with a comma.")
    try:
        day = date.fromisoformat(row["date"].strip())
    except ValueError:
        raise ValueError(f"'{row['date']}' is not a day. Write it as YYYY-MM-DD, for example 2026-09-07.") from None
    try:
        scope = Scope.parse(row["scope"])
    except ScopeError:
        raise ValueError(
            f"'{row['scope']}' is neither a scope nor a team. Write org:NAME, enterprise:SLUG, team:ORG/SLUG or "
            "enterprise-team:ENTERPRISE/SLUG."
        ) from None
    what = " ".join(row["what"].split())
    if not what:
        raise ValueError("does not say what happened. Write it into the third column.")
    kind = ScopeKind.ENTERPRISE if scope.kind in (ScopeKind.ENTERPRISE, ScopeKind.ENTERPRISE_TEAM) else ScopeKind.ORG
    return Event(day, str(Scope(kind, scope.account)), _team_slug(scope), what)


def _team_slug(scope: Scope) -> str:
    """The slug as reports write it: that of an enterprise's team begins with `ent:`."""
    prefix = "ent:" if scope.kind is ScopeKind.ENTERPRISE_TEAM else ""
    return prefix + scope.team.removeprefix(prefix) if scope.team else ""
