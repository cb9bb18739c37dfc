"""Dagster's history on the disk, at a third of its price and in one place: what dagster.yaml names as storage.

For each of the hundreds of events of a run Dagster makes a new SQLAlchemy engine, which compiles every statement anew,
and opens its SQLite files anew; SQLite waits for the disk at every commit and whenever the last connection to a file
closes. Here belongs what spares a run this work, and which folder a relative one hangs on; what is in the history and
when it is written is Dagster's.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, QueuePool, create_engine, event

from copilot_assets.settings import SettingsError, is_for_group
from copilot_assets.warehouse.private import close_folder

# Of events there is a file a run, and one of all assets.
_MOST_FILES: Final = 8
# The UI follows a run by watching its file, which changes at a checkpoint.
_CHECKPOINT_SECONDS: Final = 1.0


class SqliteHistory(DagsterSqliteStorage):
    """Dagster's `storage: sqlite`, of the same files, with one engine a file and a wait for the disk once a second.

    The history stays whole whatever happens; a power failure may take the events of the last moments with it.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._run_storage = _Runs(self._run_storage._conn_string)
        self._event_log_storage = _Events(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """What Dagster calls with the `config` in dagster.yaml: `base_dir`, as of `storage: sqlite`."""
        return cls.from_local(inst_data=inst_data, **_at_home(config_value))


class Artifacts(LocalArtifactStorage):
    """Dagster's own, of a folder that hangs on the instance's."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """What Dagster calls with the `config` in dagster.yaml."""
        return cls(inst_data=inst_data, **_at_home(config_value))


class ComputeLogs(LocalComputeLogManager):
    """Dagster's own, of a folder that hangs on the instance's."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """What Dagster calls with the `config` in dagster.yaml."""
        return cls(inst_data=inst_data, **_at_home(config_value))


def _at_home(config: Mapping[str, Any]) -> dict[str, Any]:
    """A relative `base_dir` hangs on DAGSTER_HOME; without one, on the current folder, whose dagster.yaml it is in.

    The history names teams and scopes: nobody else comes into the folder.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or Path.cwd()).expanduser()
    folder = home / config["base_dir"]
    with suppress(OSError):  # whoever writes there says so
        folder.mkdir(parents=True, exist_ok=True)
    try:
        for_group = is_for_group()
    except SettingsError:
        for_group = False  # a run says so
    close_folder(folder, is_for_group=for_group)
    return {**config, "base_dir": str(folder)}


class _Runs(SqliteRunStorage):
    def __init__(self, conn_string: str) -> None:
        self._file = _File(conn_string)
        super().__init__(conn_string)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._file.engine.begin() as connection:
            yield connection


class _Events(SqliteEventLogStorage):
    def __init__(self, base_dir: str) -> None:
        self._files: OrderedDict[str, _File] = OrderedDict()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if shard not in self._initialized_dbs:
            with super()._connect(shard) as connection:  # which makes the file
                yield connection
            return
        with self._db_lock:
            if shard not in self._files:
                self._files[shard] = _File(self.conn_string_for_shard(shard))
            self._files.move_to_end(shard)
            if len(self._files) > _MOST_FILES:
                self._files.popitem(last=False)[1].close()
            with self._files[shard].engine.begin() as connection:
                yield connection


class _File:
    """One SQLite file: its engine, whose connections stay, so that none of them is the last for long."""

    def __init__(self, url: str) -> None:
        timeout = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        self.engine = create_engine(url, poolclass=QueuePool, connect_args=timeout)
        event.listen(self.engine, "connect", self._connected)
        event.listen(self.engine, "checkout", self._taken)
        self._checkpoint_at = 0.0
        self.close = weakref.finalize(self, self.engine.dispose)  # at the latest when the process ends

    def _connected(self, connection: sqlite3.Connection, _: object) -> None:
        """Called by SQLAlchemy with every new connection; it waits at checkpoints alone, as SQLite advises for WAL."""
        connection.execute("pragma synchronous = normal")

    def _taken(self, connection: sqlite3.Connection, *_: object) -> None:
        """Called by SQLAlchemy whenever a connection is about to be used."""
        if monotonic() >= self._checkpoint_at:
            self._checkpoint_at = monotonic() + _CHECKPOINT_SECONDS
            connection.execute("pragma wal_checkpoint(passive)").fetchall()
