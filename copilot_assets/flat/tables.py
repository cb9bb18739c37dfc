"""The flat tables: which there are, the record each comes from, its columns and what tells its rows apart.

A table is an entry in `FLAT_TABLES`: its name, its record and the lists to open on the way. How rows are made of
records is in `rows.py`; nothing here touches data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from copilot_assets.records import (
    AiCreditUsage,
    BilledUsage,
    BillLine,
    Budget,
    CostCenter,
    EntityDay,
    EntityWindow,
    LegacyDay,
    PremiumRequestUsage,
    Record,
    RepoDay,
    Seat,
    Subscription,
    UserDay,
    UserTeamDay,
)
from copilot_assets.records.contract import Column, Docs, Field, columns_of, fields_of

SCOPE: Final = Column("scope", "VARCHAR", "Whom the row is about: `org:NAME`, `enterprise:SLUG`, `team:ORG/SLUG` …")
AUTO_SELECTED: Final = Column(
    "is_auto_selected",
    "BOOLEAN",
    "Whether GitHub's automatic selection chose the model: `Auto: …` on the bill. Null where the bill names no model",
)
DAY: Final = Column("day", "DATE", "UTC day that the row is about; of a snapshot, the day it was taken")

# Of every table: its rows have a scope.
OVERLAP: Final = "Scopes overlap: never add up rows of several (quality.scope)."

# Columns whose values GitHub writes in several ways, and the kind of names they hold. Beside each is `<column>_name`.
NAMED: Final = {"ide": "ide", "editor": "ide", "language": "language", "model": "model"}


@dataclass(frozen=True)
class FlatTable:
    """One flat table.

    Attributes:
        name: the table's name in schema `flat`.
        record: the record it comes from.
        grain: what one row is.
        path: the fields to follow from the record; a list on the way is opened, one row an element.
        one_per: columns of which a (scope, day) has one row each; rows that don't have them are left out.
        newest_by: the column that says which row that is.
    """

    name: str
    record: type[Record]
    grain: str
    path: tuple[str, ...] = ()
    one_per: tuple[str, ...] = ()
    newest_by: str | None = None

    @cached_property
    def steps(self) -> tuple[Field, ...]:
        """The fields of `path`, resolved."""
        steps, record = [], self.record
        for name in self.path:
            (step,) = (field for field in fields_of(record) if field.name == name)
            steps.append(step)
            record = step.record or record
        return tuple(steps)

    @cached_property
    def levels(self) -> tuple[tuple[Column, ...], ...]:
        """The columns that each level of the path gives: keys and the person on the way, everything at the end."""
        records = [self.record, *(step.record for step in self.steps if step.record)]
        taken = {SCOPE.name, DAY.name}
        levels = []
        for depth, record in enumerate(records):
            last = depth == len(records) - 1
            apart = frozenset(table.path[0] for table in FLAT_TABLES if table.record is record and _is_object(table))
            columns = columns_of(record, apart)
            columns = tuple(c for c in columns if (last or c.key or c.person) and c.name not in taken)
            taken |= {column.name for column in columns}
            levels.append(columns)
        return tuple(levels)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Every column, in the table's order: scope, day, keys, values; a name beside the value it is of."""
        named = (each for level in self.levels for column in level for each in _with_name(column))
        return (SCOPE, DAY, *named, *([AUTO_SELECTED] if self.is_bill else []))

    @property
    def docs(self) -> Docs:
        """What the table and its columns mean."""
        return Docs.of(f"{self.grain} {OVERLAP}", self.columns)

    @property
    def is_bill(self) -> bool:
        """Whether its rows are lines of a bill, which writes of a model how it was chosen."""
        return issubclass(self.record, BilledUsage | BillLine)

    @property
    def named(self) -> dict[str, str]:
        """Of every column with a name beside it, the kind of names it holds."""
        return {column.name: NAMED[column.name] for column in self.columns if column.name in NAMED}

    @property
    def keys(self) -> tuple[str, ...]:
        """What tells the rows apart."""
        own = self.one_per or tuple(column.name for column in self.columns if column.key)
        return (SCOPE.name, DAY.name, *own)

    @property
    def is_of_whole_scopes(self) -> bool:
        """Whether a row is all that a report says of a scope and day, and no part of it."""
        return not self.path and self.keys == (SCOPE.name, DAY.name)


def _with_name(column: Column) -> tuple[Column, ...]:
    """The column, and the one of its names if it has one."""
    if column.name not in NAMED:
        return (column,)
    return (
        column,
        Column(
            f"{column.name}_name",
            "VARCHAR",
            f"`{column.name}` under one name for its other spellings, whose rows share it",
        ),
    )


def _is_object(table: FlatTable) -> bool:
    return len(table.path) == 1 and not table.steps[0].is_list


_BREAKDOWNS: Final = {
    "ide": "IDE",
    "feature": "feature",
    "language_feature": "language and feature",
    "language_model": "language and model",
    "model_feature": "model and feature",
    "3rd_party_agent": "agent app",
    "skill": "skill",
    "custom_agent": "custom agent",
    "mcp": "MCP server",
    "slash_cmd": "slash command",
    "plugin": "plugin",
}
_SURFACES: Final = {"cli": "CLI", "copilot_app": "Copilot app", "vscode_agent": "VS Code Agents window"}


def _activity_tables(prefix: str, record: type[Record], who: str) -> tuple[FlatTable, ...]:
    return (
        FlatTable(f"{prefix}_daily", record, f"One row per {who} and day."),
        *(
            FlatTable(
                # A name must not begin a word with a digit, so that SQL needs no quotes around parts of it.
                f"{prefix}_{name.replace('3rd', 'third')}_daily",
                record,
                f"One row per {who}, day, {grain}.",
                (f"totals_by_{name}",),
            )
            for name, grain in _BREAKDOWNS.items()
        ),
        *(
            FlatTable(
                f"{prefix}_{name}_daily", record, f"One row per {who} and day with {use} use.", (f"totals_by_{name}",)
            )
            for name, use in _SURFACES.items()
        ),
    )


FLAT_TABLES: Final[tuple[FlatTable, ...]] = (
    *_activity_tables("entity", EntityDay, "scope (organisation or enterprise)"),
    FlatTable(
        "entity_adoption_phase_daily",
        EntityDay,
        "One row per scope, day and adoption phase with active people.",
        ("totals_by_ai_adoption_phase",),
    ),
    FlatTable("entity_pull_request_daily", EntityDay, "One row per scope and day.", ("pull_requests",)),
    FlatTable(
        "entity_comment_type_daily",
        EntityDay,
        "One row per scope, day and kind of review comment by Copilot.",
        ("pull_requests", "copilot_suggestions_by_comment_type"),
    ),
    *_activity_tables("user", UserDay, "scope, person"),
    FlatTable("user_team_daily", UserTeamDay, "One row per scope, day, team and person with a seat in it."),
    FlatTable("repo_pull_request_daily", RepoDay, "One row per scope, day and repository with activity."),
    FlatTable(
        "repo_review_time_daily",
        RepoDay,
        "One row per scope, day, repository, who opened the pull requests and who reviewed them.",
        ("pull_request_review_times",),
    ),
    FlatTable("engagement_28_days", EntityWindow, "One row per scope and window of 28 days; `day` is its last."),
    FlatTable(
        "feature_engagement_28_days",
        EntityWindow,
        "One row per scope, window of 28 days and feature; `day` is the window's last.",
        ("copilot_feature_engagement", "totals_by_feature"),
    ),
    FlatTable(
        "seat",
        Seat,
        "One row per scope, snapshot and person: of several grants the one with the newest activity.",
        one_per=("user_id",),
        newest_by="last_activity_at",
    ),
    FlatTable("seat_grant", Seat, "One row per scope, snapshot and grant of a seat; a person may have several."),
    FlatTable("subscription", Subscription, "One row per organisation and snapshot."),
    FlatTable(
        "ai_credit_usage",
        AiCreditUsage,
        "One row per scope, day, product, SKU and model, as GitHub bills it.",
        ("usageItems",),
    ),
    FlatTable(
        "premium_request_usage",
        PremiumRequestUsage,
        "One row per scope, day, product, SKU and model, as GitHub billed it until AI credits came.",
        ("usageItems",),
    ),
    FlatTable(
        "bill_item",
        BillLine,
        "One row per line of a bill by person: scope, day, person, organisation, repository, cost centre and model.",
    ),
    FlatTable("budget", Budget, "One row per scope, snapshot and limit on spending; none of a single person."),
    FlatTable("cost_center", CostCenter, "One row per enterprise, snapshot and cost centre."),
    FlatTable("legacy_daily", LegacyDay, "One row per scope and day of the closed metrics API."),
    *(
        FlatTable(f"legacy_{name}_daily", LegacyDay, f"One row per scope, day{grain}.", path)
        for name, grain, path in (
            (
                "code_completion",
                ", editor, model and language",
                ("copilot_ide_code_completions", "editors", "models", "languages"),
            ),
            ("code_completion_model", ", editor and model", ("copilot_ide_code_completions", "editors", "models")),
            ("code_completion_editor", " and editor", ("copilot_ide_code_completions", "editors")),
            ("code_completion_language", " and language", ("copilot_ide_code_completions", "languages")),
            ("ide_chat", ", editor and model", ("copilot_ide_chat", "editors", "models")),
            ("ide_chat_editor", " and editor", ("copilot_ide_chat", "editors")),
            ("dotcom_chat", " and model", ("copilot_dotcom_chat", "models")),
            ("pull_request", ", repository and model", ("copilot_dotcom_pull_requests", "repositories", "models")),
            ("pull_request_repository", " and repository", ("copilot_dotcom_pull_requests", "repositories")),
        )
    ),
)


# The record types that have flat tables.
RECORDS: Final = tuple(dict.fromkeys(table.record for table in FLAT_TABLES))


def tables_of(record: type[Record]) -> tuple[FlatTable, ...]:
    """The flat tables that come out of one record type."""
    return tuple(table for table in FLAT_TABLES if table.record is record)
