"""Bringing the flat tables up to date with raw: what is stale, in chunks, each in one transaction.

Here raw text becomes frames (DuckDB parses) and frames become rows (`rows.py` says how). No Dagster.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import duckdb
import polars as pl

from copilot_assets.flat.rows import latest_of_each_key, rows_of, show_people, show_people_by_login, told_logins
from copilot_assets.flat.tables import FLAT_TABLES, FlatTable, tables_of
from copilot_assets.people.identities import Identities, hold_to_key
from copilot_assets.people.logins import ids_of, name_those_known_since, note_logins
from copilot_assets.records import Record
from copilot_assets.records.contract import Column, Docs, duckdb_structure, person_columns
from copilot_assets.records.fields import MAX
from copilot_assets.records.names import NAMES, aliases
from copilot_assets.settings import IdentityMode
from copilot_assets.warehouse.changes import note_change
from copilot_assets.warehouse.comments import comment
from copilot_assets.warehouse.tables import (
    another,
    append,
    bound_memory,
    delete_days,
    ensure_tables,
    frame_of,
    registered,
    row_count,
    transacted,
    transaction,
)

# JSON flattened at a time: half of it takes a tenth more time in all, twice of it twice the memory.
CHUNK_BYTES: Final = 64 * 2**20
# To be raised when the same records come to make other rows without a column changing.
CODE_VERSION: Final = 3

# Which content of which (scope, report, day) the flat rows were made from, by which contract it was read (another one
# lets other records in), and by which version of the tables it was flattened.
SOURCES: Final = (
    Column("scope", "VARCHAR", "Scope"),
    Column("report", "VARCHAR", "GitHub's report"),
    Column("day", "DATE", "UTC day"),
    Column("sha256", "VARCHAR", "Content the rows were made from"),
    Column("contract", "VARCHAR", "Version of the contract they were made by"),
    Column("read_by", "VARCHAR", "Contract that let the records in: `contract` of raw.fetches"),
)
# The values of GitHub's that this version of the project knows; any other is drift.
KNOWN_NAMES: Final = (
    Column("kind", "VARCHAR", "What it is a value of: `feature`, `ide`, `language`, `model`"),
    Column("value", "VARCHAR", "Value as GitHub sends it"),
    Column("name", "VARCHAR", "The one name it goes by"),
)
_DOCS: Final = {
    "flat.sources": Docs.of("One row per (scope, report, day): what its flat rows were made from.", SOURCES),
    "flat.known_names": Docs.of("One row per value of GitHub's that this version knows, and its name.", KNOWN_NAMES),
}


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did to one table: rows written, and rows in it afterwards."""

    rows_written: int
    row_count: int


def refresh_flat(
    connection: duckdb.DuckDBPyConnection,
    record: type[Record],
    reports: Sequence[str],
    identities: Identities,
    *,
    full: bool = False,
) -> tuple[int, dict[str, Refreshed]]:
    """Flatten every (scope, report, day) whose current content the flat tables of a record type don't show yet.

    Args:
        connection: an open connection to the warehouse.
        record: the record type; all its tables are written in the same transactions.
        reports: names of the reports that consist of such records.
        identities: what the tables show of people.
        full: flatten everything again that has its text, by the same code.

    Returns:
        the number of (scope, report, day) flattened, and per table (without schema) what was done to it.

    Raises:
        SettingsError: the key of people's pseudonyms can't be read or made, or is not the database's.
    """
    tables = tables_of(record)
    written = dict.fromkeys((table.name for table in tables), 0)
    bound_memory(connection)
    with transaction(connection):
        make_tables(connection, tables)
        write_known_names(connection)
        if person_columns(record) and (record.is_csv or identities.mode is not IdentityMode.LOGIN):
            hold_to_key(connection, identities)
        stale = _stale(connection, reports, version_of(record, identities), full=full)
    for chunk in chunks(stale):
        for name, rows in _flatten_chunk(connection, record, identities, chunk).items():
            written[name] += rows
    if record.is_csv:
        for table in tables:
            with transaction(connection):
                name_those_known_since(connection, f"flat.{table.name}", identities)
    with transaction(connection):
        counts = {name: Refreshed(rows, row_count(connection, f"flat.{name}")) for name, rows in written.items()}
    return stale.height, counts


def make_tables(connection: duckdb.DuckDBPyConnection, tables: Sequence[FlatTable] = FLAT_TABLES) -> None:
    """Make tables of schema `flat`, and those that all of them need, or the columns they lack; inside a transaction."""
    columns = {f"flat.{table.name}": table.columns for table in tables}
    if ensure_tables(connection, {**columns, "flat.sources": SOURCES, "flat.known_names": KNOWN_NAMES}):
        comment(connection, {f"flat.{table.name}": table.docs for table in tables} | _DOCS)


def write_known_names(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `flat.known_names` what `records/names.py` says, inside a transaction; nothing is done where it says so."""
    known = [(kind, *each) for kind, names in NAMES.items() for each in names.items()]
    if set(connection.execute("select kind, value, name from flat.known_names").fetchall()) == set(known):
        return
    rows = pl.DataFrame(known, schema=[column.name for column in KNOWN_NAMES], orient="row")
    with registered(connection, known=rows):
        connection.execute("delete from flat.known_names")
        connection.execute("insert into flat.known_names by name select * from known")
    note_change(connection, "flat.known_names")


def version_of(record: type[Record], identities: Identities | None = None) -> str:
    """Changes with the tables, their columns, the aliases in them and `CODE_VERSION`: then history is flattened again.

    With `identities`, it changes with what is shown of people where they are about them. A value that is known by
    itself changes no row, so it changes no version either.
    """
    shape = repr(
        [
            CODE_VERSION,
            *(
                (
                    table.name,
                    table.path,
                    table.one_per,
                    table.newest_by,
                    [(c.name, c.dtype, c.paths) for c in table.columns],
                    {column: sorted(aliases(kind).items()) for column, kind in table.named.items()},
                )
                for table in tables_of(record)
            ),
            *([identities.version] if identities and person_columns(record) else []),
        ]
    )
    return hashlib.sha256(shape.encode()).hexdigest()[:12]


def _stale(connection: duckdb.DuckDBPyConnection, reports: Sequence[str], version: str, *, full: bool) -> pl.DataFrame:
    """What has to be flattened, in order of day; never a day without text, of which `textless.py` has the rest.

    Columns scope, report, day, sha256, contract, read_by; `records` and `bytes` of the answer, 0 where it is none;
    `is_shown`, whether the tables hold rows of it.
    """
    return frame_of(
        connection,
        """
        select
            c.scope, c.report, c.day, c.sha256, c.contract as read_by, $version as contract,
            coalesce(c.records, 0) as records, coalesce(c.bytes, 0) as bytes, s.scope is not null as is_shown,
            case
                when t.scope is not null then false
                when s.scope is null then c.outcome = 'reported'
                else
                    $full or s.sha256 is distinct from c.sha256 or s.read_by is distinct from c.contract
                    or s.contract <> $version
            end as is_stale
        from raw.current_fetches as c
        left join flat.sources as s on s.scope = c.scope and s.report = c.report and s.day = c.day
        left join raw.dropped_text as t on t.scope = c.scope and t.report = c.report and t.day = c.day
        where list_contains($reports, c.report)
        -- two reports may tell parts of one day, whose rows are made together
        qualify bool_or(is_stale) over (partition by c.scope, c.day) and (is_stale or is_shown)
        order by c.day, c.scope, c.report
        """,
        reports=list(reports),
        version=version,
        full=full,
    )


def chunks(stale: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Days that are handled together, in one transaction: as many as make up a chunk, or a larger one alone.

    Columns as `_stale` has them; those of who asks, and of each day's scope, day and bytes.
    """
    if stale.is_empty():
        return
    numbered = stale.with_columns(chunk=(pl.col("bytes").cum_sum() - pl.col("bytes")) // CHUNK_BYTES)
    numbered = numbered.with_columns(pl.col("chunk").min().over("scope", "day"))
    yield from numbered.partition_by("chunk", maintain_order=True, include_key=False)


def _pieces(chunk: pl.DataFrame, record: type[Record]) -> Iterator[tuple[int, int]]:
    """Positions of the records that are flattened at a time, from one to before the other; the last records first."""
    whole = any(table.one_per for table in tables_of(record))  # which row that is, only all of them together tell
    count = 1 if whole else max(1, -(-int(chunk["bytes"].sum()) // CHUNK_BYTES))
    size = int(chunk["records"].sum()) // count + 1
    yield from reversed([*pairwise([*range(0, count * size, size), MAX])])


def _flatten_chunk(
    connection: duckdb.DuckDBPyConnection, record: type[Record], identities: Identities, chunk: pl.DataFrame
) -> dict[str, int]:
    with registered(connection, chunk=chunk):
        return transacted(connection, lambda: _replace_days(connection, record, identities, chunk))


def _replace_days(
    connection: duckdb.DuckDBPyConnection, record: type[Record], identities: Identities, chunk: pl.DataFrame
) -> dict[str, int]:
    written: Counter[str] = Counter()
    later: pl.DataFrame | None = None
    if chunk["is_shown"].any():
        delete_days(connection, chunk, *(f"flat.{table.name}" for table in tables_of(record)))
    for parsed in _parsed(connection, record, chunk):
        records, later = latest_of_each_key(parsed, record, later)
        records = _with_people_shown(connection, records, record, identities)
        append(connection, _rows(record, records, written))
    connection.execute(
        "delete from flat.sources as s using chunk as c "
        "where s.scope = c.scope and s.report = c.report and s.day = c.day"
    )
    connection.execute(
        "insert into flat.sources by name "
        "select scope, report, day, sha256, contract, read_by from chunk where sha256 is not null"
    )
    return written


def _rows(record: type[Record], records: pl.DataFrame, written: Counter[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each table that has any, made when they are asked for; how many is added to `written`."""
    for table in tables_of(record):
        rows = rows_of(table, records)
        written[table.name] += rows.height
        if not rows.is_empty():
            yield f"flat.{table.name}", rows


def _with_people_shown(
    connection: duckdb.DuckDBPyConnection, records: pl.DataFrame, record: type[Record], identities: Identities
) -> pl.DataFrame:
    """The records as the flat tables show them; what they tell of logins is noted, for those that tell logins alone."""
    if record.is_csv:
        logins = told_logins(records, record).select("login", "day").drop_nulls()
        return show_people_by_login(records, record, identities, ids_of(connection, logins))
    if person_columns(record):
        note_logins(connection, told_logins(records, record))
    return show_people(records, record, identities)


def _parsed(connection: duckdb.DuckDBPyConnection, record: type[Record], chunk: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The records of the days in `chunk`, piece by piece: each is parsed while rows are made of the one before.

    DuckDB parses outside Python's lock, in a connection of its own: what raw holds was committed before.
    """
    coming: Future[pl.DataFrame] | None = None
    with another(connection) as reader, registered(reader, chunk=chunk), ThreadPoolExecutor(1) as parser:
        for first, end in _pieces(chunk, record):
            came, coming = coming, parser.submit(_parse, reader, record, first, end)
            if came:
                yield came.result()
        if coming:
            yield coming.result()


def _parse(connection: duckdb.DuckDBPyConnection, record: type[Record], first: int, end: int) -> pl.DataFrame:
    """The records of the days in `chunk` at some positions: columns scope, day, seq, record; in any order."""
    return frame_of(
        connection,
        """
        select r.scope, r.day, r.seq, from_json(r.payload, $structure) as record
        from raw.records as r
        semi join chunk as c on c.scope = r.scope and c.report = r.report and c.day = r.day
        where r.seq >= $first and r.seq < $end
        """,
        structure=duckdb_structure(record),
        first=first,
        end=end,
    )
