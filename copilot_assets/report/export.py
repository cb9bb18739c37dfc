"""The export: tables as files in a folder, for tools that are to read numbers without opening the database.

How the files are written and come to stand in the folder belongs here; what a table says is decided by its model.
No Dagster, and the database is only read.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import duckdb

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.records.contract import Column
from copilot_assets.settings import ExportFormat, SettingsError, now_utc
from copilot_assets.sql_models.files import load_models
from copilot_assets.sql_models.model import PUBLISHED_SCHEMAS
from copilot_assets.warehouse.comments import Docs
from copilot_assets.warehouse.store import WarehouseError
from copilot_assets.warehouse.tables import transaction

SCHEMAS: Final = PUBLISHED_SCHEMAS
# A row a person.
FLAT: Final = "flat"

# What GitHub sent, logins included, is for those who may open the database.
_KEPT_BACK: Final = frozenset({"payload"})
_GENERATION: Final = re.compile(r"\d{8}T\d{12}Z")


class ExportError(WarehouseError):
    """The tables can't be exported now. The message says why and what to do; what was exported before is whole."""


@dataclass(frozen=True)
class ExportedTable:
    """One table: `weekly.user_trend` in `weekly/user_trend.parquet`, with its size in bytes."""

    table: str
    file: str
    columns: tuple[Column, ...]
    rows: int
    bytes: int


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and where: an absolute path."""

    folder: Path
    tables: tuple[ExportedTable, ...]

    @property
    def bytes(self) -> int:
        """The size of all tables."""
        return sum(table.bytes for table in self.tables)


def export(
    warehouse: AbstractContextManager[duckdb.DuckDBPyConnection],
    folder: Path,
    file_format: ExportFormat,
    schemas: Sequence[str] = SCHEMAS,
) -> Exported:
    """Write every table of some schemas to `folder`, a file each, as they stand at one moment.

    `folder` is a link to a hidden folder beside it. An export fills another one and then turns the link over, so that
    a reader finds all files of one export or all of the next. Where the link pointed before stays until the next
    export, for those who are still reading there; what is older, or was left by an export that was killed, goes.

    `tables.json` names the tables with their files, rows, columns, types and docs, when they were written (UTC), and
    the first and last day that GitHub reported.

    Args:
        warehouse: the database; opened late and closed at once.
        folder: not there yet, empty, or made by an export; folders above it are made.
        file_format: Parquet with zstd, and the docs of table and columns as its metadata; or CSV with a header, ISO
            dates, nothing for null and quotes around all text. Times are in UTC, and say so.
        schemas: `weekly`, `quality`, `flat`.

    Raises:
        SettingsError: the folder is not the export's to write.
        WarehouseError: the database can't be opened.
        ExportError: a schema has no tables yet, another export is at work there, or writing failed.
    """
    place = _place(folder)
    try:
        with _next_generation(place) as new:
            for schema in schemas:
                (new / schema).mkdir()
            with warehouse as connection, transaction(connection):
                connection.execute("set timezone = 'UTC'")
                docs = _docs()
                tables = tuple(
                    _write(connection, new, table, columns, docs[table].table, file_format)
                    for table, columns in _tables(connection, schemas, docs).items()
                )
                days = _reported_days(connection)
            index = json.dumps(_index(tables, days, now_utc()), indent=1, ensure_ascii=False)
            (new / "tables.json").write_text(index + "\n", encoding="utf-8")
    except (duckdb.Error, OSError) as error:
        raise ExportError(
            f"Nothing was exported to {place}: {str(error).splitlines()[0].rstrip('.')}. "
            "What was exported before is there as it was. Mend that and export again."
        ) from None
    return Exported(place, tables)


def _tables(
    connection: duckdb.DuckDBPyConnection, schemas: Sequence[str], docs: Mapping[str, Docs]
) -> dict[str, tuple[Column, ...]]:
    """The tables of some schemas that are there, with the columns that may leave the database.

    Only tables that are still built: one whose model is gone would be passed on for ever as it was.
    """
    tables: dict[str, tuple[Column, ...]] = {}
    for schema in schemas:
        found = connection.execute(_COLUMNS, [schema]).fetchall()
        if not any(table in docs for table, _, _ in found):
            raise ExportError(
                f"The warehouse has no table of {schema} yet, so nothing was exported. "
                "Make them with copilot-assets backfill."
            )
        for table, name, data_type in found:
            if table in docs and name not in _KEPT_BACK:
                column = Column(name, _ZONED.get(data_type, data_type), docs[table].columns.get(name, ""))
                tables[table] = (*tables.get(table, ()), column)
    return tables


_COLUMNS: Final = """
select schema_name || '.' || table_name, column_name, data_type
from duckdb_columns()
where database_name = current_database() and schema_name = ?
order by table_name, column_index
"""


# Times are in UTC; in a file they say so.
_ZONED: Final = {"TIMESTAMP": "TIMESTAMP WITH TIME ZONE"}


def _docs() -> Mapping[str, Docs]:
    """What each table that is built means, and its columns."""
    return {
        **{model.table: model.docs for model in load_models()},
        **{f"{FLAT}.{table.name}": table.docs for table in FLAT_TABLES},
    }


def _write(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    table: str,
    columns: tuple[Column, ...],
    description: str,
    file_format: ExportFormat,
) -> ExportedTable:
    """One table to its file, rows in the table's own order; Parquet holds what it and its columns mean as metadata."""
    file = f"{table.replace('.', '/')}.{file_format}"
    options = {"parquet": "format parquet, compression zstd", "csv": "format csv, header"}[file_format]
    if file_format == "parquet":
        told = {"description": description} | {f"column {column.name}": column.doc for column in columns if column.doc}
        options += f", kv_metadata {{{', '.join(f'{_text(name)}: {_text(doc)}' for name, doc in told.items())}}}"
    texts = _names(column for column in columns if column.dtype == "VARCHAR")
    if file_format == "csv" and texts:
        options += f", force_quote ({texts})"  # so that '' is told from null
    values = ", ".join(_value(column) for column in columns)
    query = f"copy (select {values} from {table}) to {_text(str(folder / file))} ({options})"
    ((rows,),) = connection.execute(query).fetchall()
    return ExportedTable(table, file, columns, rows, (folder / file).stat().st_size)


def _value(column: Column) -> str:
    name = _names([column])
    return f"{name} at time zone 'UTC' as {name}" if column.dtype in _ZONED.values() else name


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _names(columns: Iterator[Column] | Sequence[Column]) -> str:
    return ", ".join(f'"{column.name}"' for column in columns)


def _reported_days(connection: duckdb.DuckDBPyConnection) -> tuple[date | None, date | None]:
    """The first and the last day that GitHub reported anything of."""
    query = "select min(day), max(day) from quality.day_status where records is not null"
    ((first, last),) = connection.execute(query).fetchall()
    return first, last


def _index(
    tables: Sequence[ExportedTable], days: tuple[date | None, date | None], written_at: datetime
) -> dict[str, object]:
    first, last = (day.isoformat() if day else None for day in days)
    return {
        "written_at": f"{written_at:%Y-%m-%dT%H:%M:%SZ}",
        "first_day": first,
        "last_day": last,
        "tables": [
            {
                "table": table.table,
                "file": table.file,
                "rows": table.rows,
                "columns": [
                    {"name": column.name, "type": column.dtype, "doc": column.doc or None} for column in table.columns
                ],
            }
            for table in tables
        ],
    }


def _place(folder: Path) -> Path:
    """Where `folder` is, as an absolute path.

    Raises:
        SettingsError: something that no export made is there.
    """
    place = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - the link itself, not what it points to
    try:
        whose = _whose(place)
    except OSError as problem:
        raise _unwritable(place, problem) from None
    if whose:
        raise SettingsError(f"{place} {whose}. Nothing in it was touched: name another folder for the export.")
    return place


def _whose(place: Path) -> str | None:
    """What keeps an export from standing at `place`, if anything does."""
    if place.is_symlink():
        return None if _is_generation(place.readlink(), place) else "is a link that no export made"
    if place == Path.cwd():
        return "is the folder that this command was called in"
    if place.is_dir():
        return "holds something that no export made" if any(place.iterdir()) else None
    return "is a file" if place.exists() else None


def _is_generation(path: Path, place: Path) -> bool:
    """Whether a path, as a link gives it, is a hidden folder of the export at `place`."""
    prefix = f".{place.name}."
    return len(path.parts) == 1 and path.name.startswith(prefix) and bool(_GENERATION.fullmatch(path.name, len(prefix)))


@contextmanager
def _next_generation(place: Path) -> Iterator[Path]:
    """A new folder to be filled, which becomes what `place` is, whole; or goes, when anything fails."""
    with _alone(place) as new:
        try:
            new.mkdir()
        except OSError as problem:
            raise _unwritable(place, problem) from None
        try:
            yield new
            _keep(new)
            before = place.readlink() if place.is_symlink() else None
            _turn(place, new)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        with suppress(OSError):  # the export is done; what can't be cleared away now is left to the next
            _clear_away(place, {before, Path(new.name)})


@contextmanager
def _alone(place: Path) -> Iterator[Path]:
    """Keep other exports from `place`, and name a hidden folder beside it that is not there yet.

    A file is locked, not made: a process that is killed leaves it free. So whatever hidden folder is found meanwhile,
    nobody is writing it.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = place.with_name(f".{place.name}.lock").open("a")
    except OSError as problem:
        raise _unwritable(place, problem) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportError(f"Another export is writing {place}. Try again when it has ended.") from None
        yield place.with_name(f".{place.name}.{now_utc():%Y%m%dT%H%M%S%fZ}")


def _keep(folder: Path) -> None:
    """Let all of a folder reach the disk; who may enter the folder may read what is in it, as of any other folder."""
    readable = folder.stat().st_mode & 0o666
    for path in (*folder.rglob("*"), folder):
        if path.is_file():
            path.chmod(readable)  # an open database keeps the files that are made meanwhile to its owner
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _turn(place: Path, new: Path) -> None:
    """Make `place` a link to `new`, in one step where it is a link already."""
    link = new / "link"
    link.symlink_to(new.name)  # beside each other wherever the folder that holds both is moved to
    if place.is_dir() and not place.is_symlink():
        place.rmdir()
    link.replace(place)


def _clear_away(place: Path, kept: Collection[Path | None]) -> None:
    """Remove the hidden folders of the export at `place`, but for some."""
    for path in place.parent.iterdir():
        name = Path(path.name)
        if _is_generation(name, place) and name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _unwritable(place: Path, problem: OSError) -> SettingsError:
    return SettingsError(f"{place} can't be written: {problem.strerror}. Name a folder of yours for the export.")
