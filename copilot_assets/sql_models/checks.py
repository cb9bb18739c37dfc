"""What must hold of a model's table: the tags beside its columns, and the queries of offending rows made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from copilot_assets.sql_models.model import (
    Assertion,
    ModelCheck,
    ModelColumn,
    SqlModel,
    shown,
)


def assertion_checks(
    path: Path, table: str, columns: Sequence[ModelColumn], incremental: str = ""
) -> Iterator[ModelCheck]:
    """The assertions of a table: a check for each #unique, and one for all of each other tag.

    null breaks only #not_null; in #unique, two nulls are the same value. Of an incremental model each row is judged by
    itself, or beside others of its week or day, so those of before `since` need not be looked at again.
    """
    changed = f"{incremental} >= coalesce(getvariable('since'), date '0001-01-01')"
    found = [(column.name, assertion) for column in columns for assertion in column.assertions]
    for _, assertion in found:
        if assertion.tag == "unique":
            key = ", ".join(f'"{name}"' for name in assertion.arguments)
            is_incremental = incremental in assertion.arguments
            rows = f"{table} where {changed}" if is_incremental else table
            sql = f"select {key}, count(*) as copies from {rows} group by {key} having count(*) > 1"
            name = "_".join(("unique", *assertion.arguments))
            yield ModelCheck(name, str(assertion), sql, "error", path, is_incremental=is_incremental)
    for tag in ("not_null", "accepted", "range"):
        claims = [(column, assertion) for column, assertion in found if assertion.tag == tag]
        if claims:
            breaks = " or ".join(_breaks(*claim) for claim in claims)
            sql = f"select * from {table} where " + (f"{changed} and ({breaks})" if incremental else breaks)
            description = "; ".join(f"{column}: {assertion}" for column, assertion in claims)
            yield ModelCheck(tag, description, sql, "error", path, is_incremental=bool(incremental))


def _breaks(column: str, assertion: Assertion) -> str:
    """The condition under which a row breaks an assertion about one column."""
    match assertion.tag:
        case "not_null":
            return f'"{column}" is null'
        case "accepted":
            values = ", ".join("'" + value.replace("'", "''") + "'" for value in assertion.arguments)
            return f'"{column}" not in ({values})'
        case _:
            # An open end still refuses infinity and NaN, which DuckDB sorts above every number.
            low, high = assertion.arguments
            above = f'"{column}" >= {low}' if low else f"\"{column}\" > '-infinity'::double"
            below = f'"{column}" <= {high}' if high else f"\"{column}\" < 'infinity'::double"
            return f"not ({above} and {below})"


def repeated_checks(models: Iterable[SqlModel]) -> Iterator[str]:
    """A sentence for each check of a model that is there twice."""
    for model in models:
        for column in model.columns:
            tags = [assertion.tag for assertion in column.assertions if assertion.tag != "unique"]
            for tag in sorted({tag for tag in tags if tags.count(tag) > 1}):
                yield f"{shown(model.path)}: has #{tag} twice beside `{column.name}`; keep one."
        names = [check.name for check in model.checks]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{shown(model.path)}: has two checks called `{name}`; remove a tag or rename the test's file."
