"""From which day on a table has changed since something was derived from it: so a night looks at what changed alone.

Whoever writes a table that SQL models read says so here, in the transaction that writes it. What is done then, and of
which tables and checks it is remembered, is decided in `orchestration/rebuild.py`. No Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
        reads: the tables, `schema.table`, that it reads.
        stale_since: first UTC day on which one of these has changed since; None while none has.
    """

    code_version: str
    reads: tuple[str, ...]
    stale_since: date | None = None


class Known:
    """What is known by name, while tables are built and checks are run: all of `raw.derived`, and what comes to it.

    Of what has no entry, everything has to be looked at.

    Attributes:
        tables: those that are there, `schema.table`.
        written: of those that were built meanwhile and differ from before, which rows, as a condition.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
        self.tables = set(tables)
        self.written = dict[str, str]()
        rows = connection.execute("select name, code_version, reads, stale_since from raw.derived").fetchall()
        self._there = {name: Derived(version, tuple(reads), since) for name, version, reads, since in rows}
        self._by_now = {**self._there}

    def __getitem__(self, name: str) -> Derived | None:
        return self._by_now.get(name)

    def is_as_it_was(self, name: str, code_version: str) -> bool:
        """Whether something follows from the same as when that was noted."""
        known = self._by_now.get(name)
        return known is not None and known.code_version == code_version and known.stale_since is None

    def note_change(self, table: str, since: date) -> None:
        """Note what `note_change` does."""
        for name, known in self._by_now.items():
            if table in known.reads and (known.stale_since is None or known.stale_since > since):
                self._by_now[name] = replace(known, stale_since=since)

    def note_derived(self, name: str, code_version: str, reads: Iterable[str]) -> None:
        """Note that something follows from what `reads` names, as that is now."""
        self._by_now[name] = Derived(code_version, tuple(reads))

    def write(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Enter what came to it."""
        import polars as pl

        new = [(name, *vars(known).values()) for name, known in self._by_now.items() if self._there.get(name) != known]
        # As a table, and not as parameters: lists of lists take DuckDB 1.5 a millisecond each.
        noted_by_now = pl.DataFrame(
            new,
            schema={"name": pl.String, "code_version": pl.String, "reads": pl.List(pl.String), "stale_since": pl.Date},
            orient="row",
        )
        if not noted_by_now.is_empty():
            connection.register("noted_by_now", noted_by_now)
            connection.execute("delete from raw.derived where name in (select name from noted_by_now)")
            connection.execute("insert into raw.derived by name select * from noted_by_now")
            connection.unregister("noted_by_now")


def note_change(connection: duckdb.DuckDBPyConnection, *tables: str, since: date = BEGINNING) -> None:
    """Note that rows of `schema.table` of a day, or of later ones, were added, changed or deleted."""
    connection.execute(
        "update raw.derived set stale_since = least(stale_since, $since) "
        "where list_has_any(reads, $tables) and (stale_since is null or stale_since > $since)",
        {"tables": list(tables), "since": since},
    )


def note_days(connection: duckdb.DuckDBPyConnection, days: pl.Series, *tables: str) -> None:
    """Note that rows of `schema.table` of some UTC days, or of none, were added, changed or deleted."""
    if isinstance(first := days.min(), date):
        note_change(connection, *tables, since=first)
