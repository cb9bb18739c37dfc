"""The weekly report as files: a page a scope, and `index.html`, which lists them. They change all at once.

What is in a page is decided by `sentences.py` and `findings.py`. The database is only read, and left before anything is
drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from copilot_assets.now import now_utc
from copilot_assets.report.facts import collect
from copilot_assets.report.folders import NotWrittenError, next_generation, place_of
from copilot_assets.report.page import scope_page, scopes_page
from copilot_assets.report.queries import ALWAYS


@dataclass(frozen=True)
class Written:
    """A report that was written: its folder, an absolute path, and the file of each scope in it."""

    folder: Path
    pages: Mapping[str, Path]
    bytes: int

    @property
    def index(self) -> Path:
        """The page to begin with."""
        return self.folder / "index.html"


def write_report(
    warehouse: AbstractContextManager[duckdb.DuckDBPyConnection], folder: Path, until: date = ALWAYS
) -> Written:
    """Write the report of every scope to `folder`, up to the week that begins on `until`, or to the newest.

    Args:
        warehouse: the database; opened late and closed before the pages are drawn.
        folder: not there yet, empty, or made by a report; folders above it are made.
        until: a Monday.

    Raises:
        SettingsError: the folder is not the report's to write.
        WarehouseError: the database can't be opened.
        NotWrittenError: there are no weekly tables yet, another report is being written there, or writing failed.
    """
    place = place_of(folder, "report")
    try:
        with next_generation(place, "report") as new:
            with warehouse as connection:
                scopes = [(facts, f"{facts.scope.replace(':', '-')}.html") for facts in collect(connection, until)]
            made_at = now_utc()
            for facts, file in scopes:
                (new / file).write_text(scope_page(facts, made_at), encoding="utf-8")
            (new / "index.html").write_text(scopes_page(scopes, made_at), encoding="utf-8")
            size = sum(file.stat().st_size for file in new.iterdir())
    except duckdb.CatalogException as error:
        raise NotWrittenError(
            "The warehouse has not the tables that a report is made from, so none was written. "
            f"Make them with copilot-assets backfill. DuckDB says: {str(error).splitlines()[0]}"
        ) from None
    except (duckdb.Error, OSError) as error:
        raise NotWrittenError(
            f"No report was written to {place}: {str(error).splitlines()[0].rstrip('.')}. "
            "The report before is there as it was. Mend that and try again."
        ) from None
    return Written(place, {facts.scope: place / file for facts, file in scopes}, size)
