"""Trouble that DuckDB has with a disk, told from trouble with what it was asked: full, damaged, gone.

How the store is opened, and what is said when it can't be, is `duckdb_file.py`'s.
"""

from __future__ import annotations

import re
from typing import Final

import duckdb

_FULL: Final = re.compile(r"no space left|quota|max_temp_directory_size", re.IGNORECASE)
# DuckDB 2.0 raises its plain `Error` for a block whose checksum is wrong.
_DAMAGED: Final = re.compile(r"checksum|corrupt", re.IGNORECASE)


def is_disk_trouble(error: duckdb.Error) -> bool:
    """Whether it would have come of any other query as well."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return bool(_FULL.search(str(error)))
    return isinstance(error, duckdb.IOException | duckdb.FatalException) or bool(_DAMAGED.search(str(error)))


def about_the_disk(store: str, error: duckdb.Error) -> str:
    """The sentence for such trouble with a store; DuckDB's own words name files and places, no values."""
    first = str(error).splitlines()[0][:150].rstrip(".")
    if _FULL.search(str(error)):
        return (
            f"The disk of {store} is full, so the last step wrote nothing and what was there stays ({first}). "
            "Free some space there and run this again."
        )
    if _DAMAGED.search(str(error)):
        return (
            f"{store} is damaged: blocks of it are not as DuckDB wrote them ({first}). Put it back from a backup, "
            "together with its .key; without one, move it away and backfill: days that GitHub no longer keeps are lost."
        )
    return f"DuckDB could not go on reading or writing {store} ({first}). Look at its disk, and run this again."
