"""Dagster's history on the disk, at a third of its price.

For each of the hundreds of events of a run Dagster makes a new SQLAlchemy engine, which compiles every statement anew,
and opens its SQLite files anew; SQLite waits for the disk at every commit and whenever the last connection to a file
closes. Here belongs what spares a run this work; what is in the history, and when it is written, is Dagster's.
"""

from __future__ import annotations

import atexit
import sqlite3
from collections import OrderedDict
from time import monotonic
from typing import Any, Final

# Those of one instance and of a few runs.
_MOST_FILES: Final = 8
# The UI follows a run by watching its file, which changes at a checkpoint.
_CHECKPOINT_SECONDS: Final = 1.0

_files: OrderedDict[str, _File] = OrderedDict()


def make_cheap() -> None:
    """From now on, let Dagster's SQLite storage in this process keep its engines and wait for the disk once a second.

    The history stays whole whatever happens; a power failure may take the events of the last moments with it. Where a
    Dagster does not have what is replaced here, it does as it does by itself.
    """
    # Imported late: what only loads the definitions has no use for SQLAlchemy.
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage

    for module in (sqlite_event_log, sqlite_run_storage):
        vars(module)["create_engine"] = _create_engine


def _create_engine(url: str, **options: Any) -> Any:
    """SQLAlchemy's function of this name, the same engine for the same file."""
    if url not in _files:
        _files[url] = _File(url, options)
        if len(_files) > _MOST_FILES:
            _files.popitem(last=False)[1].close()
    _files.move_to_end(url)
    return _files[url].engine


class _File:
    """One SQLite file: its engine, and a connection that is there as long as the process, so that none is the last."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        from sqlalchemy import create_engine, event

        self.engine = create_engine(url, **options)
        event.listen(self.engine, "connect", self._connected)
        self._path = url.removeprefix("sqlite:///")
        self._kept: sqlite3.Connection | None = None
        self._checkpoint_at = 0.0

    def _connected(self, connection: sqlite3.Connection, _: object) -> None:
        """Called by SQLAlchemy with every new connection; one waits at checkpoints alone, as SQLite advises."""
        connection.execute("pragma synchronous = normal")
        if self._kept is None:
            if connection.execute("pragma journal_mode").fetchall() != [("wal",)]:
                return  # Dagster is about to make it so
            self._kept = sqlite3.connect(self._path, check_same_thread=False)
        if monotonic() >= self._checkpoint_at:
            self._kept.execute("pragma wal_checkpoint(passive)").fetchall()
            self._checkpoint_at = monotonic() + _CHECKPOINT_SECONDS

    def close(self) -> None:
        """Let the next connection be the last again."""
        if self._kept:
            self._kept.close()
            self._kept = None


@atexit.register
def _close() -> None:
    for file in _files.values():
        file.close()
