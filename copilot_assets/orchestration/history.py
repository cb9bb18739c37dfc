"""Dagster's history: on the disk at a third of its price and in one place, and how long it keeps the logs of runs.

For each of the hundreds of events of a run Dagster makes a new SQLAlchemy engine, which compiles every statement anew,
and opens its SQLite files anew; SQLite waits for the disk at every commit and whenever the last connection to a file
closes. Here belongs what spares a run this work, which folder a relative one hangs on, and how long the logs of runs
stay, wherever they are kept; what is in the history and when it is written is Dagster's.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

from dagster import DagsterEventType, DagsterInstance
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.event_log import SqlEventLogStorage, SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, QueuePool, create_engine, delete, event, or_, select

from copilot_assets.now import now_utc
from copilot_assets.settings import SettingsError, is_for_group, keep_logs_days
from copilot_assets.warehouse.private import close_folder

# Of events there is a file a run, and one of all assets.
_MOST_FILES: Final = 8
# The UI follows a run by watching its file, which changes at a checkpoint.
_CHECKPOINT_SECONDS: Final = 1.0
# What Dagster's SQLite copies into the file of all assets, so that its pages tell of it without the file of the run.
_KEPT: Final = [kind.value for kind in (*ASSET_EVENTS, *ASSET_CHECK_EVENTS, *EVENT_TYPE_TO_PIPELINE_RUN_STATUS)]


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


def drop_old_logs(instance: DagsterInstance) -> None:
    """Drop what the steps of runs said that ended more than COPILOT_KEEP_LOGS_DAYS ago, some 3 MB a run.

    Of these runs stays what Dagster tells of assets, their days and checks, and when each began and ended.
    """
    storage = instance.event_log_storage
    try:
        keep_days = keep_logs_days()
    except SettingsError:
        return  # the run says so, whose settings these are
    until = now_utc() - timedelta(days=keep_days)
    if isinstance(storage, _Events):
        _drop_files(instance, storage, until)
    elif isinstance(storage, SqlEventLogStorage) and not isinstance(storage, SqliteEventLogStorage):
        _drop_rows(instance, storage, until)


def _drop_files(instance: DagsterInstance, storage: _Events, until: datetime) -> None:
    """Of SQLite: a file a run; what stays is in another one."""
    for path in Path(storage.path_for_shard("any")).parent.glob("*.db"):
        run_id = path.stem
        with suppress(OSError):  # it is gone, or another process clears away, too
            if path.stat().st_mtime >= until.timestamp() or run_id == INDEX_SHARD_NAME:
                continue
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                storage.drop(run_id)
                instance.compute_log_manager.delete_logs(prefix=[run_id])


def _drop_rows(instance: DagsterInstance, storage: SqlEventLogStorage, until: datetime) -> None:
    """Of PostgreSQL, where all events of all runs are rows of one table: what its SQLite copies elsewhere stays."""
    events = SqlEventLogStorageTable.c
    # Every run has events of Dagster's engine, and an index finds them: runs that have none left are cleared.
    old = select(events.run_id).distinct().where(events.dagster_event_type == DagsterEventType.ENGINE_EVENT.value)
    with storage.index_connection() as connection:
        run_ids = connection.execute(old.where(events.timestamp < until.replace(tzinfo=None))).scalars().all()
    for run_id in run_ids:
        record = instance.get_run_record_by_id(run_id)
        if record and (not record.dagster_run.is_finished or record.update_timestamp >= until):
            continue
        logs = delete(SqlEventLogStorageTable).where(
            events.run_id == run_id, or_(events.dagster_event_type.is_(None), events.dagster_event_type.not_in(_KEPT))
        )
        with storage.index_transaction() as connection:
            connection.execute(logs)
        instance.compute_log_manager.delete_logs(prefix=[run_id])


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

    def drop(self, run_id: str) -> None:
        """Delete the file of a run; whoever asks for its events finds none.

        Raises:
            OSError: it is not there, or may not be deleted.
        """
        with self._db_lock:
            if run_id in self._files:
                self._files.pop(run_id).close()
            self._initialized_dbs.discard(run_id)
            for ending in ("-wal", "-shm"):
                Path(f"{self.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)
            Path(self.path_for_shard(run_id)).unlink()


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
