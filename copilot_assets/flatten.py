"""Records to tidy frames: which flat tables there are, and how one comes out of the nested JSON.

A table is an entry in `FLAT_TABLES`: its name, its record and the lists to open on the way. Nothing here reads a
database or knows Dagster; null stays null and 0 stays 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from copilot_assets.contract import Column, Field, columns_of, fields_of
from copilot_assets.records import EntityDay, LegacyDay, Record, UserDay

SCOPE: Final = Column("scope", "VARCHAR", "Whom the row is about: `org:NAME`, `enterprise:SLUG`, `team:ORG/SLUG` …")
DAY: Final = Column("day", "DATE", "UTC day that was asked for")

POLARS_TYPES: Final[dict[str, type[pl.DataType]]] = {
    "VARCHAR": pl.String,
    "BIGINT": pl.Int64,
    "DOUBLE": pl.Float64,
    "BOOLEAN": pl.Boolean,
    "DATE": pl.Date,
}


@dataclass(frozen=True)
class FlatTable:
    """One flat table.

    Attributes:
        name: the table's name in schema `flat`.
        record: the record it comes from.
        grain: what one row is.
        path: the fields to follow from the record; a list on the way is opened, one row an element.
    """

    name: str
    record: type[Record]
    grain: str
    path: tuple[str, ...] = ()

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
    def _levels(self) -> tuple[tuple[Column, ...], ...]:
        """The columns that each level of the path gives: keys on the way, everything at the end."""
        records = [self.record, *(step.record for step in self.steps if step.record)]
        taken = {SCOPE.name, DAY.name, *(DAY_FIELDS if len(records) == 1 else ())}
        levels = []
        for depth, record in enumerate(records):
            last = depth == len(records) - 1
            apart = frozenset(table.path[0] for table in FLAT_TABLES if table.record is record and _is_object(table))
            columns = tuple(c for c in columns_of(record, apart) if (last or c.key) and c.name not in taken)
            taken |= {column.name for column in columns}
            levels.append(columns)
        return tuple(levels)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Every column, in the table's order: scope, day, keys, values."""
        return (SCOPE, DAY, *(column for level in self._levels for column in level))

    def frame(self, records: pl.DataFrame) -> pl.DataFrame:
        """The rows of this table.

        Args:
            records: columns `scope` (String), `day` (Date), `record` (Struct as `contract.duckdb_structure` says).

        Returns:
            a frame with exactly `self.columns`, types as declared.
        """
        carried = [SCOPE.name, DAY.name]
        rows = records.select(*carried, pl.col("record").alias("node"))
        for step, columns in zip(self.steps, self._levels, strict=False):
            rows = rows.select(*carried, *map(_value, columns), pl.col("node").struct.field(step.name).alias("node"))
            carried += [column.name for column in columns]
            if step.is_list:
                rows = rows.filter(pl.col("node").list.len() > 0).explode("node")
            rows = rows.filter(pl.col("node").is_not_null())
        return rows.select(*carried, *map(_value, self._levels[-1]))


# The record's own day; the table's `day` is the one that was asked for, and landing holds the two equal.
DAY_FIELDS: Final = frozenset({"day", "date"})


def _is_object(table: FlatTable) -> bool:
    return len(table.path) == 1 and not table.steps[0].is_list


def _value(column: Column) -> pl.Expr:
    value = pl.col("node")
    for name in column.path:
        value = value.struct.field(name)
    return value.cast(POLARS_TYPES[column.dtype]).alias(column.name)


def _activity_tables(prefix: str, record: type[Record], who: str) -> tuple[FlatTable, ...]:
    breakdowns = {
        "ide": "IDE",
        "feature": "feature",
        "language_feature": "language and feature",
        "language_model": "language and model",
        "model_feature": "model and feature",
    }
    return (
        FlatTable(f"{prefix}_daily", record, f"One row per {who} and day."),
        *(
            FlatTable(f"{prefix}_{name}_daily", record, f"One row per {who}, day, {grain}.", (f"totals_by_{name}",))
            for name, grain in breakdowns.items()
        ),
        FlatTable(f"{prefix}_cli_daily", record, f"One row per {who} and day with CLI use.", ("totals_by_cli",)),
    )


FLAT_TABLES: Final[tuple[FlatTable, ...]] = (
    *_activity_tables("entity", EntityDay, "scope (organisation or enterprise)"),
    FlatTable("entity_pull_request_daily", EntityDay, "One row per scope and day.", ("pull_requests",)),
    *_activity_tables("user", UserDay, "scope, person"),
    FlatTable("legacy_daily", LegacyDay, "One row per scope and day of the closed metrics API."),
    FlatTable(
        "legacy_code_completion_daily",
        LegacyDay,
        "One row per scope, day, editor, model and language.",
        ("copilot_ide_code_completions", "editors", "models", "languages"),
    ),
    FlatTable(
        "legacy_ide_chat_daily",
        LegacyDay,
        "One row per scope, day, editor and model.",
        ("copilot_ide_chat", "editors", "models"),
    ),
    FlatTable(
        "legacy_dotcom_chat_daily", LegacyDay, "One row per scope, day and model.", ("copilot_dotcom_chat", "models")
    ),
    FlatTable(
        "legacy_pull_request_daily",
        LegacyDay,
        "One row per scope, day, repository and model.",
        ("copilot_dotcom_pull_requests", "repositories", "models"),
    ),
)


def tables_of(record: type[Record]) -> tuple[FlatTable, ...]:
    """The flat tables that come out of one record type."""
    return tuple(table for table in FLAT_TABLES if table.record is record)


def record_keys(record: type[Record]) -> tuple[str, ...]:
    """What tells two records of one (scope, day) apart: `user_id` for people, nothing for an entity."""
    return tuple(column.name for column in columns_of(record) if column.key and len(column.path) == 1)


def latest_of_each_key(records: pl.DataFrame, record: type[Record]) -> pl.DataFrame:
    """One record per (scope, day, key), the last one where a report repeats a key over its shards."""
    keys = [pl.col("record").struct.field(name).alias(name) for name in record_keys(record)]
    return (
        records.with_columns(*keys)
        .unique(["scope", "day", *record_keys(record)], keep="last", maintain_order=True)
        .select("scope", "day", "record")
    )
