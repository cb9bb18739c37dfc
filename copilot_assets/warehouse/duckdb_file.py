"""The store that is one DuckDB file: how it is opened, by whom, and how somebody is forgotten in it.

All that is true of a file and of no other store stands here: its path, the one process that it lets in, mode 0600, row
groups, the version of its storage, compression, writing it anew. The code location loads this module without DuckDB,
which a run needs and the UI's list of assets does not.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from copilot_assets.settings import memory_mb
from copilot_assets.warehouse.layout import bring_forward, layout_of
from copilot_assets.warehouse.private import make_private, new_folder, only_for_owner, put_in_place
from copilot_assets.warehouse.store import DATABASE, Condition, Put, Turn, WarehouseError, make_nothing, put_nothing

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

# Rows. A day of a large company fills some row groups of this size, and of DuckDB's own 122,880 none: what is not full,
# DuckDB merges again and again.
_ROW_GROUP: Final = 16_384
# DuckDB 2.0 writes files that 1.x can't open unless it is told to; people's BI tools bring their own version.
_STORAGE_VERSION: Final = "v1.5.0"
# Left to itself, DuckDB takes longer to choose how to compress JSON than to compress it, and comes to a fifth of zstd.
_KEPT_TEXT: Final = "json using compression zstd"
_ANEW: Final = '"the database anew"'
# How long another process may have the file open before it is an error: for who writes, a run with days that have come;
# for who reads, somebody in front of a screen.
WRITER_PATIENCE_SECONDS: Final = 30.0
READER_PATIENCE_SECONDS: Final = 5.0
# Steps of runs and readers of a moment get past each other without a word.
_SILENT_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class DuckDBFile:
    """The DuckDB file at a path, made at first use: a `Warehouse` that lets one process in at a time.

    Every file that this process makes while it is open is its owner's alone, as the database itself is (mode 0600).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_prepared = False

    @property
    def name(self) -> str:
        """The path, as it was given."""
        return str(self.path)

    @property
    def is_shared(self) -> bool:
        """One process at a time."""
        return False

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    @contextmanager
    def connect(self, *turns: Turn) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for writing, in the current layout; all connections of one process share the file.

        Raises:
            WarehouseError: another process holds the file, it is no DuckDB file or a newer version's, or it can't be
                written; also out of what is done inside, when the disk is full or the file damaged.
        """
        connection = self._opened()
        make_private(self.path)
        with only_for_owner(), self._disk_troubles():
            try:
                if not self._is_prepared:
                    bring_forward(connection, self.name, _KEPT_TEXT)
                    self._is_prepared = True
                yield connection
            finally:
                connection.close()

    def migrate(self, make: Callable[[duckdb.DuckDBPyConnection], None] = make_nothing) -> None:
        """Bring the file to this version's layout, as whoever writes it does first; other tables make themselves."""
        with self.connect():
            pass

    @contextmanager
    def _disk_troubles(self) -> Iterator[None]:
        import duckdb

        from copilot_assets.warehouse.disk import about_the_disk, is_disk_trouble

        try:
            yield
        except duckdb.Error as error:
            if not is_disk_trouble(error):
                raise
            raise WarehouseError(about_the_disk(self.name, error)) from None

    def read(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection for reading alone; see `Warehouse.read`.

        Raises:
            WarehouseError: there is no file; when it is entered, that it can't be opened, or is a newer version's.
        """
        if not self.exists():
            raise WarehouseError(
                f"There is no warehouse at {self.path} yet. Make it with copilot-assets backfill, "
                "or set COPILOT_WAREHOUSE to where it is."
            )
        return self._reading()

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        with duckdb.connect(config=_bounds(self.path)) as connection:
            attach = f"attach {_quoted(self.path)} as {DATABASE} (read_only)"
            try:
                _patiently(self.path, lambda: connection.execute(attach), READER_PATIENCE_SECONDS)
            except duckdb.Error as error:
                raise WarehouseError(_why_not_opened(self.path, error)) from None
            with self._disk_troubles():
                connection.execute(f"use {DATABASE}")
                layout_of(connection, self.name)
                yield connection

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A new folder beside the file; see `Warehouse.incoming`."""
        try:
            with new_folder(self._incoming) as folder:
                yield folder
        finally:
            with suppress(OSError):  # others have folders there
                self._incoming.rmdir()

    @property
    def _incoming(self) -> Path:
        return self.beside(".incoming")

    def maintain(self) -> None:
        """Clear away what killed processes left beside the file: spills, files to land, a file half written anew.

        Raises:
            WarehouseError: as of `connect`.
        """
        with self.connect():  # so nobody else is at work here
            _remove(self._anew)
            _remove(self._first)
            shutil.rmtree(f"{self.path}.tmp", ignore_errors=True)
            shutil.rmtree(self._incoming, ignore_errors=True)

    def compact(self, keep_days: int) -> Mapping[str, int]:
        """Nothing: it is one file, which DuckDB keeps in order, and it tells nothing of before."""
        return {}

    def forget(
        self, left_out: Callable[[duckdb.DuckDBPyConnection], Mapping[str, Condition]], noted: Condition
    ) -> None:
        """Write the file anew without some rows, and put it in the place of the old; see `Warehouse.forget`.

        Rows that were only deleted would stay legible in the file's free blocks. The old file is read alone, and is
        whole until the new one takes its place. It takes as much free disk again as the file has.

        Raises:
            WarehouseError: the database can't be opened.
            OSError, duckdb.Error: the new file can't be written; the old one is as it was.
        """
        import duckdb

        with self.connect() as connection:
            _remove(self._anew)  # what a killed attempt left
            shutil.rmtree(self._incoming, ignore_errors=True)
            try:
                self._write_anew(connection, left_out(connection), noted)
                put_in_place(self._anew, self.path)
            except (duckdb.Error, OSError):
                with suppress(duckdb.Error):
                    connection.execute(f"detach {_ANEW}")
                _remove(self._anew)
                raise

    def near(
        self, connection: duckdb.DuckDBPyConnection, read: Collection[str], written: Collection[str] = ()
    ) -> AbstractContextManager[Put]:
        """The file is near: it is asked and written itself; see `Warehouse.near`."""
        return nullcontext(put_nothing)

    @contextmanager
    def attached(self, connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[None]:
        """The file under a name; see `Warehouse.attached`. While it is read, no process can write it."""
        import duckdb

        try:
            connection.execute(f"attach {_quoted(self.path)} as {name} (read_only)")
        except duckdb.Error as error:
            raise WarehouseError(_why_not_opened(self.path, error)) from None
        yield

    def fill(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Write a new file, and put it in its place when it is complete; see `Warehouse.fill`."""
        import duckdb

        if self.exists():
            raise WarehouseError(f"There is a file at {self.path} already, so nothing was moved. Name another place.")
        with only_for_owner(), self._disk_troubles():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _remove(self._anew)
            try:
                with duckdb.connect(config=_bounds(self.path)) as connection:
                    _attach(connection, self._anew, DATABASE)
                    connection.execute(f"use {DATABASE}")
                    bring_forward(connection, self.name, _KEPT_TEXT)
                    done = work(connection)
                    connection.execute("use memory")
                    connection.execute(f"detach {DATABASE}")
                put_in_place(self._anew, self.path)
            finally:
                _remove(self._anew)
        return done

    def examined(self) -> str:
        """The file, its layout and DuckDB's version; or that there is none yet. See `Warehouse.examined`."""
        import duckdb

        if why_not := self.why_not_writable():
            raise WarehouseError(f"{self.path} can't be written: {why_not}. Set COPILOT_WAREHOUSE to a file of yours.")
        if not self.exists():
            return f"There is no database at {self.path} yet: the first run makes it, with DuckDB {duckdb.__version__}."
        with self.read() as connection:
            layout = layout_of(connection, self.name)
        return f"The database {self.path} has layout {layout}, and is opened with DuckDB {duckdb.__version__}."

    def why_not_writable(self) -> str | None:
        """What keeps this user from writing the file; folders above it are made when it is opened."""
        if self.path.is_dir():
            return "it is a folder"
        folder = next((parent for parent in self.path.absolute().parents if parent.exists()), Path("/"))
        if not folder.is_dir():
            return f"{folder} is not a folder"
        # DuckDB makes a log beside the file: one that can be written in a folder that can't is of no use.
        targets = [self.path, folder] if self.path.exists() else [folder]
        return next((f"this user may not write {target}" for target in targets if not os.access(target, os.W_OK)), None)

    def beside(self, suffix: str) -> Path:
        """`data/copilot.key` for `.key`, beside `data/copilot.duckdb`."""
        return self.path.with_suffix(suffix)

    def size_bytes(self) -> int:
        """The bytes of the file and of the log beside it; 0 while there is none."""
        return sum(path.stat().st_size for path in (self.path, _log_of(self.path)) if path.exists())

    def free_bytes(self) -> int:
        """The bytes of the file's blocks that hold nothing; DuckDB gives back to the disk only those at its end.

        Raises:
            WarehouseError: as of `read`.
        """
        with self.read() as connection:
            query = "select block_size, free_blocks from pragma_database_size() where database_name = ?"
            ((block_size, free_blocks),) = connection.execute(query, [DATABASE]).fetchall()
        return int(block_size) * int(free_blocks)

    def folder(self) -> Path:
        """The folder that the file is in."""
        return self.path.parent

    def by_hand(self, query: str) -> str:
        """The command line of DuckDB's shell that asks the file something."""
        return f'duckdb -readonly {shlex.quote(str(self.path))} "{query}"'

    @property
    def _anew(self) -> Path:
        return self.path.with_name(f"{self.path.name}.anew")

    @property
    def _first(self) -> Path:
        return self.path.with_name(f"{self.path.name}.first")

    def _opened(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with only_for_owner():
                if not self.exists():
                    self._make()
                return _patiently(self.path, lambda: _attached(self.path), WRITER_PATIENCE_SECONDS)
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(_why_not_opened(self.path, error)) from None

    def _make(self) -> None:
        """An empty database, whole from the first moment: a process that is killed meanwhile leaves none."""
        import duckdb

        _remove(self._first)
        with duckdb.connect() as connection:
            _attach(connection, self._first, _ANEW)
            connection.execute(f"detach {_ANEW}")
        put_in_place(self._first, self.path)

    def _write_anew(
        self, connection: duckdb.DuckDBPyConnection, left_out: Mapping[str, Condition], noted: Condition
    ) -> None:
        """Everything in the database into a new file, but for some rows of its tables."""
        connection.execute("checkpoint")  # nothing of the old file may be left to write once the new one is there
        _attach(connection, self._anew, _ANEW)
        connection.execute(f"copy from database {DATABASE} to {_ANEW} (schema)")
        for (table,) in connection.execute(_TABLES, [DATABASE]).fetchall():
            condition, parameters = left_out.get(table, ("false", {}))
            keep = f"not coalesce({condition}, false)"
            connection.execute(f"insert into {_ANEW}.{table} from {table} where {keep}", parameters)
        connection.execute(f"use {_ANEW}")
        try:
            connection.execute(*noted)
        finally:
            connection.execute(f"use {DATABASE}")
        connection.execute(f"detach {_ANEW}")


# Of one database, each as SQL takes its name.
_TABLES: Final = """
select '"' || schema_name || '"."' || table_name || '"'
from duckdb_tables()
where database_name = ? and not temporary
order by all
"""


def _patiently(path: Path, opened: Callable[[], T], seconds: float) -> T:
    """Open the file, once no other process has it any more; DuckDB lets nobody wait for it.

    Raises:
        duckdb.Error: it can't be opened, or another process still has it after that many seconds.
    """
    import duckdb

    began, is_told = time.monotonic(), False
    while True:
        try:
            return opened()
        except duckdb.IOException as error:
            waited = time.monotonic() - began
            if not _is_held(error) or waited >= seconds:
                raise
            if waited >= _SILENT_SECONDS and not is_told:
                is_told = True
                logger.warning("%s is open in %s. Waiting for it, %.0f seconds at most.", path, _who(error), seconds)
        time.sleep(0.1)


def _is_held(error: Exception) -> bool:
    return "Could not set lock" in str(error) or "Conflicting lock" in str(error)


def _who(error: Exception) -> str:
    """Which other process has the file, as far as DuckDB tells."""
    holder = re.search(r"held in (.+?) \(PID (\d+)\)", str(error))
    return f"{Path(holder[1]).name}, process {holder[2]}" if holder else "another process"


@cache
def _bounds(path: Path) -> dict[str, str | bool | int | float | list[str]]:
    """What DuckDB may hold in memory, and where the rest goes. How many threads it takes it reads from the cgroup.

    Read once a process: a run opens the file some sixty times, and all its connections have to be configured alike.
    """
    return {"memory_limit": f"{memory_mb()}MB", "temp_directory": f"{path}.tmp"}


def _attached(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection to the file, by way of a database in memory: only ATTACH takes the size of row groups.

    That one has the file's name, so all connections of a process share it.
    """
    import duckdb

    connection = duckdb.connect(f":memory:{path}", config=_bounds(path))
    try:
        _attach(connection, path, DATABASE)
        connection.execute(f"use {DATABASE}")
    except BaseException:
        connection.close()
        raise
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a file, made where there is none, under a name, which is quoted already if it has to be."""
    version = "" if path.exists() else f", storage_version '{_STORAGE_VERSION}'"  # a file keeps the one it has
    connection.execute(f"attach if not exists {_quoted(path)} as {name} (row_group_size {_ROW_GROUP}{version})")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")


def _remove(database: Path) -> None:
    for path in (database, _log_of(database)):
        path.unlink(missing_ok=True)


def _why_not_opened(path: Path, error: Exception) -> str:
    """The sentence for a file that DuckDB does not open."""
    text = str(error)
    if _is_held(error):
        return (
            f"{path} is open in {_who(error)}, and DuckDB lets one process in at a time. "
            "Close it there (a notebook, a BI tool, a DuckDB shell or another run), then try again."
        )
    if "already attached" in text:
        return f"{path} is open in this process already, by a connection of its own. Close that, then try again."
    if isinstance(error, OSError) or "No such file" in text or "Permission" in text or "directory" in text.lower():
        return f"{path} can't be written. Set COPILOT_WAREHOUSE to a file in a folder of yours."
    return (
        f"{path} is not a DuckDB file that this version opens ({text.splitlines()[0][:150]}). "
        "Move it away or set COPILOT_WAREHOUSE to another file; nothing in it was changed."
    )
