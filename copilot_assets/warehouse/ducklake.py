"""The store that is a lake: Parquet files in a folder or bucket, their catalogue in PostgreSQL (DuckLake).

All that is true of a lake and of no other store stands here: its extensions, its address, many processes at once and
whose turn it is, small files, snapshots, how somebody is forgotten in it. What was read of DuckLake 1.0 and tried with
DuckDB 1.5.5 in November 2026. The code location loads this module without DuckDB.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import logging
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import astuple, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from copilot_assets.settings import memory_mb
from copilot_assets.warehouse.layout import LAYOUT, bring_forward, layout_of
from copilot_assets.warehouse.near import copied
from copilot_assets.warehouse.private import new_folder, only_for_owner
from copilot_assets.warehouse.store import (
    DATABASE,
    TURNS,
    Condition,
    Put,
    Turn,
    WarehouseError,
    make_nothing,
    put_nothing,
)
from copilot_assets.warehouse.tables import transaction

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

PREFIX: Final = "ducklake:"
_CATALOGUE: Final = "postgres:"
# Extensions of DuckDB, by the module of the wheel that brings each where nothing can be downloaded.
_EXTENSIONS: Final = {"ducklake": "duckdb_extension_ducklake", "postgres_scanner": "duckdb_extension_postgres_scanner"}
_BUCKETS: Final = {"httpfs": "duckdb_extension_httpfs"}
# PostgreSQL itself, for what only it can do: locks that die with whoever holds them.
_TURNS: Final = "turns"
# Which of all advisory locks of that database are these.
_LOCKS: Final = 1_129_270_348
# Many writes are of few rows: up to so many stand in the catalogue until maintenance writes them out. Of more it takes
# PostgreSQL longer than a file does: 900 records of GitHub's a second, in place of 4 ms.
_INLINED_ROWS: Final = 100
# A file of records is written in groups of so many, each of them whole in memory first; of 122,880 records, DuckDB's
# number, of 4 kB each, that is more than landing has.
_RECORDS_IN_A_GROUP: Final = 10_240
# What is copied in less time than is won, and fits into memory beside what is made of it: of a table that is read, and
# of all that are written together.
_READ_NEAR_ROWS: Final = 100_000
_READ_NEAR_BYTES: Final = 2**24
_WRITTEN_NEAR_ROWS: Final = 1_000_000
_PAUSE_SECONDS: Final = 0.1
_SILENT_SECONDS: Final = 1.0
# DuckLake tries again by itself where two commits only come at the same moment; ten times, its default, is too few.
_COMMITS: Final = 100

logger = logging.getLogger(__name__)


class _NoLakeError(WarehouseError):
    """There is no lake at the address yet."""


@dataclass(frozen=True)
class DuckLake:
    """The lake whose catalogue is at an address: a `Warehouse` that lets many processes in.

    Attributes:
        catalogue: where PostgreSQL is, as libpq takes it (`dbname=… host=…`); it may hold a password.
        data: the folder or bucket of the Parquet files; empty where the catalogue has to say.
        here: the folder of this machine's for all else, such as the key of people's pseudonyms.
    """

    catalogue: str = field(repr=False)
    data: str
    here: Path

    @classmethod
    def at(cls, address: str, data: str, here: Path) -> DuckLake:
        """The lake at `ducklake:postgres:…`."""
        return cls(address.removeprefix(PREFIX).removeprefix(_CATALOGUE), data, here)

    @property
    def name(self) -> str:
        """The address without a password."""
        catalogue = re.sub(r"""\s*password\s*=\s*('(\\.|[^'\\])*'|\S+)""", "", self.catalogue, flags=re.IGNORECASE)
        catalogue = re.sub(r"(://[^:@/]*):[^@/]*@", r"\1@", catalogue).strip()
        return f"{PREFIX}{_CATALOGUE}{catalogue}"

    @property
    def is_shared(self) -> bool:
        """Many processes work on it at once."""
        return True

    def exists(self) -> bool:
        """Whether it was ever migrated.

        Raises:
            WarehouseError: it can't be reached.
        """
        try:
            with self._opened() as connection:
                return layout_of(connection, self.name) > 0
        except _NoLakeError:
            return False

    @contextmanager
    def connect(self, *turns: Turn) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for writing, when it is this process's turn.

        Raises:
            WarehouseError: the catalogue can't be reached, is of another layout or not migrated; also out of what is
                done inside, when catalogue or data are gone.
        """
        with self._opened() as connection, self._taken(turns):
            _hold_to_layout(self)
            yield connection

    def read(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection for reading alone; see `Warehouse.read`."""
        return self._reading()

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        with self._troubles(), duckdb.connect(config=_bounds(self.here)) as connection:
            _load(connection, self.data)
            self._attach(connection, "read_only, create_if_not_exists false")
            connection.execute(f"use {DATABASE}")
            layout_of(connection, self.name)
            yield connection

    def migrate(self, make: Callable[[duckdb.DuckDBPyConnection], None] = make_nothing) -> None:
        """Make the lake where there is none, with all tables at once, and bring it to this version's layout.

        Each version of the schema costs every process a look at the whole catalogue, if rows that stand in the
        catalogue are from then: tables of one transaction are of one version.

        Raises:
            WarehouseError: it can't be reached, or nothing says where its files are to be.
        """
        import duckdb

        with self._made() as connection:
            # Where tables of an older version don't fit a new query, runs make the new tables, one by one.
            with suppress(duckdb.BinderException, duckdb.CatalogException), transaction(connection):
                make(connection)
            _give_statistics(connection)

    @contextmanager
    def _made(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own to the lake, in this version's layout."""
        import duckdb

        if not (self.data or self.exists()):
            raise WarehouseError(
                f"COPILOT_LAKE_DATA is not set, so nobody knows where the files of {self.name} are to be. Set it to a "
                "folder that all workers see, or to a bucket: s3://bucket/prefix"
            )
        with (
            self._troubles(),
            only_for_owner(),
            self._taken(TURNS),
            duckdb.connect(config=_bounds(self.here)) as connection,
        ):
            _load(connection, self.data)
            self._attach(connection, "create_if_not_exists true")
            connection.execute(f"use {DATABASE}")
            if layout_of(connection, self.name) == 0:  # once it has tables, DuckLake of DuckDB 1.5.5 crashes at it
                self._hold_to_own_place(connection)
                connection.execute(f"call {DATABASE}.set_option('parquet_compression', 'zstd')")
                connection.execute(f"call {DATABASE}.set_option('data_inlining_row_limit', {_INLINED_ROWS})")
            bring_forward(connection, self.name)
            connection.execute(
                f"call {DATABASE}.set_option('parquet_row_group_size', {_RECORDS_IN_A_GROUP}, schema => 'raw', "
                "table_name => 'records')"
            )
            yield connection

    def _hold_to_own_place(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Maintenance deletes what the catalogue does not know: another lake's files, too, in the same place."""
        place = f"{self.data.rstrip('/')}/**"
        if connection.execute("select 1 from glob(?) limit 1", [place]).fetchall():
            raise WarehouseError(
                f"There are files in {self.data} already, so no lake was made there: its maintenance would delete them."
                " Set COPILOT_LAKE_DATA to a folder or prefix of its own."
            )

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A new folder in this machine's; see `Warehouse.incoming`."""
        with new_folder(self._incoming) as folder, _locked(folder):
            yield folder

    def maintain(self) -> None:
        """Clear away what killed processes left on this machine, and end a forgetting that was cut short.

        Raises:
            WarehouseError: as of `connect`.
        """
        self._clear_incoming()
        with self.connect() as connection:
            is_due = _is_sweep_due(connection)
        if is_due:
            with self.connect(*TURNS) as connection:
                _sweep(connection)

    def compact(self, keep_days: int) -> Mapping[str, int]:
        """Write small tables out of the catalogue and small files into larger ones; drop what is too old.

        What a killed process wrote and never committed goes after a day.

        Returns:
            `files`, `bytes` of them, `snapshots` and `days_told`, how far back the oldest of these is.
        """
        with self.connect(*TURNS) as connection:
            for call in (
                "ducklake_flush_inlined_data('{}')",
                "ducklake_merge_adjacent_files('{}')",
                "ducklake_rewrite_data_files('{}')",
                "ducklake_expire_snapshots('{}', older_than => now() - interval '{} days')",
                "ducklake_cleanup_old_files('{}', older_than => now() - interval '1 hour')",
                "ducklake_delete_orphaned_files('{}', older_than => now() - interval '1 day')",
            ):
                connection.execute(f"call {call.format(DATABASE, keep_days)}")
            (sizes,) = connection.execute(_SIZES).fetchall()
            return dict(zip(_NAMES, sizes, strict=True))

    def forget(
        self, left_out: Callable[[duckdb.DuckDBPyConnection], Mapping[str, Condition]], noted: Condition
    ) -> None:
        """Delete rows in one transaction, then write anew every file that holds deleted ones, and drop all snapshots.

        Rows that were only deleted stay in files, in the catalogue's copies of small tables and in its statistics of
        columns. Killed in between, the rest is done by the next run, or by forgetting anybody.

        Raises:
            WarehouseError: the lake can't be opened; or rows are deleted, and what held them could not be cleared yet.
            duckdb.Error: nobody was forgotten; everything is as it was.
        """
        import duckdb

        self._clear_incoming()
        with self.connect(*TURNS) as connection:
            with transaction(connection):
                for table, (condition, parameters) in left_out(connection).items():
                    if condition != "false":
                        connection.execute(f"delete from {table} where coalesce({condition}, false)", parameters)
                connection.execute(*noted)
            try:
                _sweep(connection)
            except duckdb.Error as error:
                raise WarehouseError(
                    f"Their rows are deleted, but older files of {self.name} still hold them, for these could not be "
                    f"written anew ({_told(self.name, str(error))}) Run this again: it does what is left, and so does "
                    "the next run."
                ) from None

    def near(
        self, connection: duckdb.DuckDBPyConnection, read: Collection[str], written: Collection[str] = ()
    ) -> AbstractContextManager[Put]:
        """Copies in memory of small tables, unless what is written is large; see `Warehouse.near`."""
        sizes = {table: (rows, size) for table, rows, size in connection.execute(_IN_FILES).fetchall()}
        if sum(sizes[table][0] for table in written if table in sizes) > _WRITTEN_NEAR_ROWS:
            return nullcontext(put_nothing)
        large = {table for table, (rows, size) in sizes.items() if rows > _READ_NEAR_ROWS or size > _READ_NEAR_BYTES}
        return copied(connection, {*read} - large | {*written})

    @contextmanager
    def attached(self, connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[None]:
        """The lake under a name; see `Warehouse.attached`."""
        with self._troubles(), self._taken(TURNS):
            _load(connection, self.data)
            self._attach(connection, "read_only, create_if_not_exists false", name)
            yield

    def fill(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Make the lake, and let all of `work` be one transaction; see `Warehouse.fill`."""
        with self._made() as connection:
            if connection.execute("from raw.fetches limit 1").fetchall():
                raise WarehouseError(f"{self.name} holds something already, so nothing was moved. Name another one.")
            with transaction(connection):
                return work(connection)

    def examined(self) -> str:
        """The lake, its layout and versions, once a table was made and given up again; see `Warehouse.examined`."""
        import duckdb

        with self.connect() as connection:
            connection.begin()
            try:
                connection.execute("create table raw.examined (is_written boolean)")
            finally:
                connection.rollback()
            options = f"select value from {DATABASE}.options() where option_name = ?"
            ((data,),) = connection.execute(options, ["data_path"]).fetchall()
            ((version,),) = connection.execute(options, ["version"]).fetchall()
        if "://" not in data and not os.access(data, os.W_OK):
            raise WarehouseError(f"{data}, where the files of {self.name} are, can't be written by this user.")
        return (
            f"The lake {self.name} lets itself be written: layout {LAYOUT}, DuckLake {version}, DuckDB "
            f"{duckdb.__version__}, its files in {data}"
        )

    def why_not_writable(self) -> str | None:
        """What keeps this user from writing the folder of this machine; whether the lake lets them, opening it says."""
        folder = next((parent for parent in (self.here.absolute() / "x").parents if parent.exists()), Path("/"))
        if not folder.is_dir():
            return f"{folder} is not a folder"
        return None if os.access(folder, os.W_OK) else f"this user may not write {folder}, its folder on this machine"

    def beside(self, suffix: str) -> Path:
        """`data/copilot.key` for `.key`."""
        return self.here / f"copilot{suffix}"

    def size_bytes(self) -> int:
        """The bytes of its Parquet files, those of older snapshots left out; 0 where it can't be reached."""
        try:
            with self._opened() as connection:
                query = f"select coalesce(sum(file_size_bytes), 0)::bigint from ducklake_table_info('{DATABASE}')"
                return int(connection.execute(query).fetchall()[0][0])
        except WarehouseError:
            return 0

    def free_bytes(self) -> int:
        """None: its files hold what they hold, and maintenance removes the rest."""
        return 0

    def folder(self) -> Path:
        """The folder of this machine."""
        return self.here

    def by_hand(self, query: str) -> str:
        """The command line of DuckDB's shell that asks the lake something."""
        attach = f"attach {_quoted(self.name)} as {DATABASE} (read_only); use {DATABASE}"
        return f"duckdb -cmd {shlex.quote(attach)} -c {shlex.quote(query)}"

    @property
    def _incoming(self) -> Path:
        return self.beside(".incoming")

    def _clear_incoming(self) -> None:
        """Remove the folders of processes that are gone; those of others at work are locked."""
        for folder in self._incoming.glob("*"):
            with suppress(OSError), _locked(folder, wait=False):
                shutil.rmtree(folder, ignore_errors=True)

    def _attach(self, connection: duckdb.DuckDBPyConnection, options: str, name: str = DATABASE) -> None:
        where = f", data_path {_quoted(self.data)}" if self.data else ""
        self._attach_at(connection, f"{PREFIX}{_CATALOGUE}{self.catalogue}", name, f"{options}{where}")

    def _attach_at(self, connection: duckdb.DuckDBPyConnection, address: str, name: str, options: str) -> None:
        import duckdb

        try:
            connection.execute(f"attach {_quoted(address)} as {name} ({options})")
        except duckdb.Error as error:
            raise _told(self.name, str(error)) from None

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the lake as this process attached it once: to attach anew takes longer than a small query."""
        with self._troubles(), only_for_owner(), _attached(self).cursor() as connection:
            connection.execute(f"use {DATABASE}")
            yield connection

    @contextmanager
    def _taken(self, turns: Sequence[Turn]) -> Iterator[None]:
        """Be the only process whose turn it is, always in the same order; a killed one's are free at once."""
        with ExitStack() as stack:
            for turn in TURNS:
                if turn in turns:
                    stack.enter_context(self._turn(turn))
            yield

    @contextmanager
    def _turn(self, turn: Turn) -> Iterator[None]:
        with _duckdb_of(self).cursor() as connection:
            connection.begin()
            began, is_told = time.monotonic(), False
            ask = f"select pg_try_advisory_xact_lock({_LOCKS}, {TURNS.index(turn)})"
            while not connection.execute(f"from postgres_query('{_TURNS}', '{ask}')").fetchall()[0][0]:
                if time.monotonic() - began >= _SILENT_SECONDS and not is_told:
                    is_told = True
                    logger.warning("Another process is writing %s of %s. Waiting for it.", turn, self.name)
                time.sleep(_PAUSE_SECONDS)
            try:
                yield
            finally:
                connection.rollback()

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        """Say of a catalogue or data that can't be reached what that means, and nothing of what DuckDB was given."""
        import duckdb

        from copilot_assets.warehouse.disk import is_disk_trouble

        try:
            yield
        except duckdb.Error as error:
            text = str(error)  # a connection that broke is told by any kind of error
            if not (is_disk_trouble(error) or _NO_CONNECTION.search(text) or _GONE.search(text)):
                raise
            raise _told(self.name, text) from None


@cache
def _bounds(here: Path) -> dict[str, str | bool | int | float | list[str]]:
    return {"memory_limit": f"{memory_mb()}MB", "temp_directory": str(here / "copilot.tmp")}


@cache
def _attached(lake: DuckLake) -> duckdb.DuckDBPyConnection:
    """This process's own DuckDB with the lake attached; kept to the end of the process."""
    connection = _duckdb_of(lake)
    lake._attach(connection, "create_if_not_exists false")
    return connection


@cache
def _duckdb_of(lake: DuckLake) -> duckdb.DuckDBPyConnection:
    """The same before there may be a lake, with PostgreSQL attached: to load extensions anew takes half a second."""
    import duckdb

    place = hashlib.sha256(repr(astuple(lake)).encode()).hexdigest()[:16]
    connection = duckdb.connect(f":memory:lake-{place}", config=_bounds(lake.here))
    try:
        _load(connection, lake.data)
        connection.execute(f"set ducklake_max_retry_count = {_COMMITS}")
        lake._attach_at(connection, lake.catalogue, _TURNS, "type postgres")
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def _hold_to_layout(lake: DuckLake) -> None:
    """Look once a process: to list the tables of a lake takes longer than to ask one of them something."""
    with _attached(lake).cursor() as connection:
        connection.execute(f"use {DATABASE}")
        found = layout_of(connection, lake.name)
    if found != LAYOUT:
        raise WarehouseError(
            f"{lake.name} is of an older layout ({found}; this version works with {LAYOUT}). Nothing was changed. "
            "Bring it forward once, while no run is at work: copilot-assets migrate"
        )


def _load(connection: duckdb.DuckDBPyConnection, data: str) -> None:
    """Load DuckDB's extensions: out of wheels, as they are installed, or downloaded.

    Out of wheels first: where nothing can be downloaded, `load` of what is not installed tries for half a second.

    Raises:
        WarehouseError: one is neither installed nor in a wheel, and can't be downloaded.
    """
    import duckdb

    for name, module in {**_EXTENSIONS, **(_BUCKETS if "://" in data or not data else {})}.items():
        for statement in (*_out_of_wheel(name, module), f"load {name}", f"install {name}; load {name}"):
            try:
                connection.execute(statement)
            except duckdb.Error:
                continue
            break
        else:
            if name in _BUCKETS and not data:  # only the catalogue knows whether there is a bucket
                continue
            raise WarehouseError(
                f"DuckDB {duckdb.__version__} has no extension {name}, which a lake needs, and could not download it. "
                f"Let it reach extensions.duckdb.org once, or install the wheel {module.replace('_', '-')} of the same "
                "version as DuckDB's."
            )


def _out_of_wheel(name: str, module: str) -> Iterator[str]:
    found = importlib.util.find_spec(module)
    for folder in (found.submodule_search_locations or ()) if found else ():
        for file in Path(folder).glob(f"extensions/*/{name}.duckdb_extension"):
            yield f"load {_quoted(str(file))}"


def _give_statistics(connection: duckdb.DuckDBPyConnection) -> None:
    """Let each table have had a row: of one that never had, DuckLake asks for statistics column by column.

    That took 0.1 s wherever a query names the table, and half of the tables stay empty where GitHub sends no bill, no
    budget and no seat (DuckLake of DuckDB 1.5.5). To be done while nobody reads; of one that was killed the row goes
    the next time.
    """
    metadata = f"__ducklake_metadata_{DATABASE}"
    with_one_row_at_most = f"""
        select s.schema_name || '.' || t.table_name, coalesce(known.next_row_id, 0)
        from {metadata}.ducklake_table as t
        join {metadata}.ducklake_schema as s using (schema_id)
        left join {metadata}.ducklake_table_stats as known on known.table_id = t.table_id
        where t.end_snapshot is null and coalesce(known.next_row_id, 0) <= 1
    """
    for table, rows_ever in connection.execute(with_one_row_at_most).fetchall():
        columns = connection.execute(f"describe {table}").fetchall()
        row = {name: "null" if null == "YES" else _any_of(data_type) for name, data_type, null, *_ in columns}
        if not rows_ever:
            connection.execute(f"insert into {table} select {', '.join(row.values())}")
        is_it = " and ".join(f'"{name}" is not distinct from {value}' for name, value in row.items())
        connection.execute(f"delete from {table} where {is_it}")


def _any_of(data_type: str) -> str:
    """A value of a type, whatever type it is."""
    texts = ("0", "2000-01-01", "[]")
    return f"coalesce({', '.join(f'try_cast({_quoted(text)} as {data_type})' for text in texts)})"


def _is_sweep_due(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a snapshot is left from before the last forgetting, or a file that was to go with it.

    A file that was given up within a day of it is taken for one: to sweep once more does no harm.
    """
    query = f"""
        with last as (select max(forgotten_at) at time zone 'UTC' as forgotten_at from raw.forgotten)
        select
            (select min(snapshot_time) from ducklake_snapshots('{DATABASE}')) < forgotten_at
            or exists (
                from __ducklake_metadata_{DATABASE}.ducklake_files_scheduled_for_deletion
                where schedule_start between forgotten_at and forgotten_at + interval '1 day'
            )
        from last
    """
    return bool(connection.execute(query).fetchall()[0][0])


def _sweep(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave nothing of deleted rows anywhere: in this order, for each step makes work for the next.

    First goes what killed processes wrote and never committed; nobody else writes meanwhile.
    """
    connection.execute(f"call ducklake_delete_orphaned_files('{DATABASE}', cleanup_all => true)")
    connection.execute(f"call ducklake_flush_inlined_data('{DATABASE}')")
    connection.execute(f"call ducklake_rewrite_data_files('{DATABASE}', delete_threshold => 0)")
    connection.execute(f"call ducklake_expire_snapshots('{DATABASE}', older_than => now())")
    connection.execute(f"call ducklake_cleanup_old_files('{DATABASE}', cleanup_all => true)")


# What of each table is in files, rows and bytes; in the catalogue there is little.
_IN_FILES: Final = f"""
select s.schema_name || '.' || t.table_name, sum(f.record_count)::bigint, sum(f.file_size_bytes)::bigint
from __ducklake_metadata_{DATABASE}.ducklake_table as t
join __ducklake_metadata_{DATABASE}.ducklake_schema as s using (schema_id)
join __ducklake_metadata_{DATABASE}.ducklake_data_file as f using (table_id)
where t.end_snapshot is null
    and s.end_snapshot is null
    and f.end_snapshot is null
group by all
"""

# What maintenance tells of, and the query for it.
_NAMES: Final = ("files", "bytes", "snapshots", "days_told")
_SIZES: Final = f"""
select t.files, t.bytes, s.snapshots, s.days_told
from (
    select
        coalesce(sum(file_count + delete_file_count), 0)::bigint as files,
        coalesce(sum(file_size_bytes + delete_file_size_bytes), 0)::bigint as bytes
    from ducklake_table_info('{DATABASE}')
) as t
cross join (
    select count(*) as snapshots, date_diff('day', min(snapshot_time), now()) as days_told
    from ducklake_snapshots('{DATABASE}')
) as s
"""


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a folder as this process's; raises BlockingIOError where it is another's and is not to be waited for."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_NO_CONNECTION: Final = re.compile(
    r"connection to server [^\n]*?failed: ([^\n]*)|(could not translate host name[^\n]*)"
)
_NO_ADDRESS: Final = re.compile(r'missing "=" after|invalid connection option|invalid URI')
_NO_LAKE: Final = re.compile(r"Existing DuckLake at .* does not exist")
_GONE: Final = re.compile(
    r"server closed the connection|terminating connection|connection (?:was )?lost|no connection to"
)


def _told(name: str, text: str) -> WarehouseError:
    """What is said of trouble with catalogue or data. DuckDB's own words hold the address, with its password."""
    if found := _NO_CONNECTION.search(text):
        reason = (found[1] or found[2]).strip().rstrip(".")
        return WarehouseError(
            f"The catalogue of {name} can't be reached ({reason}). What landed before stays, and this wrote nothing. "
            "Look whether PostgreSQL is up and lets this user in, and run this again."
        )
    if _NO_ADDRESS.search(text):
        return WarehouseError(
            "COPILOT_WAREHOUSE is no address of a lake. Write where PostgreSQL is: ducklake:postgres:dbname=… host=…"
        )
    if _GONE.search(text):
        return WarehouseError(
            f"The catalogue of {name} went away in the middle. What was not finished was not written, and what landed "
            "before stays. Run this again once PostgreSQL is back."
        )
    if _NO_LAKE.search(text):
        return _NoLakeError(f"There is no lake at {name} yet. Make it, once: copilot-assets migrate")
    if "data_path" in text.lower():
        return WarehouseError(
            f"COPILOT_LAKE_DATA names another place than the one that {name} keeps its files in. Nothing was changed. "
            "Set it to that place, or leave it out."
        )
    return WarehouseError(
        f"DuckDB could not go on reading or writing the files of {name}. What was not finished was not written, and "
        "what landed before stays. Look at the disk or the bucket of COPILOT_LAKE_DATA, and run this again."
    )
