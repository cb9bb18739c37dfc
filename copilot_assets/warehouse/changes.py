"""From which day on a table has changed since another was built from it: so a night rebuilds what changed alone.

Whoever writes a table that SQL models read says so here, in the transaction that writes it. How a model's table is
rebuilt is decided in `orchestration/rebuild.py`. No Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb
    import polars as pl

# Nothing lies before it: a change from then on is one of everything.
BEGINNING: Final = date.min


@dataclass(frozen=True)
class Build:
    """What is known of a table that was built, `raw.built_models`.

    Attributes:
        code_version: of the query that built it.
        stale_since: first UTC day on which a table that it reads has changed since; None while none has.
    """

    code_version: str
    stale_since: date | None


def note_change(connection: duckdb.DuckDBPyConnection, table: str, since: date = BEGINNING) -> None:
    """Note that rows of `schema.table` of a day, or of later ones, were added, changed or deleted."""
    connection.execute(
        "update raw.built_models set stale_since = least(stale_since, $since) where list_contains(reads, $table)",
        {"table": table, "since": since},
    )


def note_days(connection: duckdb.DuckDBPyConnection, table: str, days: pl.Series) -> None:
    """Note that rows of some UTC days, or of none, were added, changed or deleted."""
    if isinstance(first := days.min(), date):
        note_change(connection, table, first)


def note_build(connection: duckdb.DuckDBPyConnection, table: str, code_version: str, reads: Iterable[str]) -> None:
    """Note that `schema.table` was built from what `reads` names, as that is now."""
    connection.execute("delete from raw.built_models where table_name = ?", [table])
    connection.execute("insert into raw.built_models values (?, ?, ?, null)", [table, code_version, list(reads)])


def last_build(connection: duckdb.DuckDBPyConnection, table: str) -> Build | None:
    """What is known of `schema.table`; None where it has to be built whole."""
    rows = connection.execute(
        "select code_version, stale_since from raw.built_models where table_name = ?", [table]
    ).fetchall()
    return Build(*rows[0]) if rows else None
