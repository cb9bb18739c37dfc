"""The export: tables as files in a folder, for tools that are to read numbers without opening the database.

How the files are written and come to stand in the folder belongs here; what a table says is decided by its model.
No Dagster, and the database is only read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import duckdb

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.now import now_utc
from copilot_assets.records.contract import Column, Docs
from copilot_assets.report.folders import NotWrittenError, next_generation, place_of
from copilot_assets.settings import ExportFormat
from copilot_assets.sql_models.files import load_models
from copilot_assets.sql_models.model import PUBLISHED_SCHEMAS
from copilot_assets.warehouse.tables import transaction

SCHEMAS: Final = PUBLISHED_SCHEMAS
# A row a person.
FLAT: Final = "flat"

# What GitHub sent, logins included, is for those who may open the database.
_KEPT_BACK: Final = frozenset({"payload"})


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

    They change all at once: `folders.py` says how.

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
        NotWrittenError: a schema has no tables yet, another export is at work there, or writing failed.
    """
    place = place_of(folder, "export")
    with _or_nothing(place), next_generation(place, "export") as new:
        for schema in schemas:
            (new / schema).mkdir()
        # Inside as well: what fails is said of the export before the warehouse takes it for trouble of its own.
        with warehouse as connection, _or_nothing(place), transaction(connection):
            connection.execute("set timezone = 'UTC'")
            docs = _docs()
            unsorted = {model.table for model in load_models() if model.incremental}
            tables = tuple(
                _write(connection, new, table, columns, docs[table].table, file_format, is_sorted=table not in unsorted)
                for table, columns in _tables(connection, schemas, docs).items()
            )
            days = _reported_days(connection)
        index = json.dumps(_index(tables, days, now_utc()), indent=1, ensure_ascii=False)
        (new / "tables.json").write_text(index + "\n", encoding="utf-8")
    return Exported(place, tables)


@contextmanager
def _or_nothing(place: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise NotWrittenError(
            f"Nothing was exported to {place}: {str(error).splitlines()[0].rstrip('.')}. "
            "What was exported before is there as it was. Mend that and export again."
        ) from None


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
            raise NotWrittenError(
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
    *,
    is_sorted: bool,
) -> ExportedTable:
    """One table to its file; Parquet holds what it and its columns mean as metadata.

    Rows are in the table's own order, where it is sorted, else in that of their columns.
    """
    file = f"{table.replace('.', '/')}.{file_format}"
    options = {"parquet": "format parquet, compression zstd", "csv": "format csv, header"}[file_format]
    if file_format == "parquet":
        told = {"description": description} | {f"column {column.name}": column.doc for column in columns if column.doc}
        options += f", kv_metadata {{{', '.join(f'{_text(name)}: {_text(doc)}' for name, doc in told.items())}}}"
    texts = _names(column for column in columns if column.dtype == "VARCHAR")
    if file_format == "csv" and texts:
        options += f", force_quote ({texts})"  # so that '' is told from null
    values = ", ".join(_value(column) for column in columns)
    order = "" if is_sorted else " order by all"
    query = f"copy (select {values} from {table}{order}) to {_text(str(folder / file))} ({options})"
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
