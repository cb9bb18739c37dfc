"""Dagster's history on the disk, without a wait for the disk at every event.

Dagster opens its SQLite files anew for each of the hundreds of events of a run, and SQLite waits for the disk when an
event is committed and again when the last connection to a file closes. Here belongs what spares a run these waits; what
is in the history, and how it is written, is Dagster's.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

# What all runs write to. The file of a run stays as Dagster has it: the UI watches it for changes while the run is on,
# and it changes when its last connection closes.
_SHARED: Final = frozenset({"index.db", "runs.db"})
_kept_open: dict[str, tuple[str, sqlite3.Connection]] = {}


def spare_waits() -> None:
    """From now on, let this process write to SQLite as its documentation advises for a write-ahead log.

    The history stays whole whatever happens; a power failure may take the events of the last moments with it.
    """
    from sqlalchemy import Engine, event  # what loads definitions only has no use for it

    if not event.contains(Engine, "connect", _connected):
        event.listen(Engine, "connect", _connected)


def _connected(connection: Any, _: object) -> None:
    """Called by SQLAlchemy with every new connection."""
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.execute("pragma synchronous = normal")
    ((mode,),) = connection.execute("pragma journal_mode").fetchall()
    ((_, _, path),) = connection.execute("pragma database_list").fetchall()
    if mode == "wal" and Path(path).name in _SHARED:
        _keep_open(path)


def _keep_open(path: str) -> None:
    """Hold one connection more to a file, so that none of Dagster's is the last; of files of one name, the newest."""
    name = Path(path).name
    held, kept = _kept_open.get(name, (None, None))
    if held == path:
        return
    if kept:
        kept.close()
    kept = sqlite3.connect(path, check_same_thread=False)
    kept.execute("select count(*) from sqlite_master").fetchall()  # opened at the first use
    _kept_open[name] = path, kept
