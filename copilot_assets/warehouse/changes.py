"""From which day on a table has changed since something was derived from it: so a night looks at what changed alone.

Whoever writes a table that SQL models read says so here, in the transaction that writes it. What is done then, and of
which tables and checks it is remembered, is decided in `orchestration/rebuild.py`. No Dagster.
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
class Derived:
    """What is known of a table that was built, or a check that passed: a row of `raw.derived`.

    Attributes:
        code_version: of the query.
        stale_since: first UTC day on which a table that it reads has changed since; None while none has.
    """

    code_version: str
    stale_since: date | None


def note_change(connection: duckdb.DuckDBPyConnection, *tables: str, since: date = BEGINNING) -> None:
    """Note that rows of `schema.table` of a day, or of later ones, were added, changed or deleted."""
    connection.execute(
        "update raw.derived set stale_since = least(stale_since, $since) "
        "where list_has_any(reads, $tables) and (stale_since is null or stale_since > $since)",
        {"tables": list(tables), "since": since},
    )


def note_days(connection: duckdb.DuckDBPyConnection, table: str, days: pl.Series) -> None:
    """Note that rows of some UTC days, or of none, were added, changed or deleted."""
    if isinstance(first := days.min(), date):
        note_change(connection, table, since=first)


def note_derived(connection: duckdb.DuckDBPyConnection, name: str, code_version: str, reads: Iterable[str]) -> None:
    """Note that something follows from what `reads` names, as that is now."""
    connection.execute("delete from raw.derived where name = ?", [name])
    connection.execute("insert into raw.derived values (?, ?, ?, null)", [name, code_version, list(reads)])


def all_derived(connection: duckdb.DuckDBPyConnection) -> dict[str, Derived]:
    """What is known, by name; of what has no entry, everything has to be looked at."""
    rows = connection.execute("select name, code_version, stale_since from raw.derived").fetchall()
    return {name: Derived(*known) for name, *known in rows}
