"""Secrets and logins where they may not be: every byte that runs, commands and servers left in a folder is looked at.

Each file, Dagster's history and what it packed, the database and the exported files row by row. Logins may stand in
schema raw, where GitHub's records and their logins are kept, and nowhere else.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2

TOKEN = "ghp_planted7Qx3sEcReTt0kEn000000000000000"
# What a credential looks like, whoever made it: tokens, an App's assertion, a signature, the header that carries them.
CREDENTIAL = re.compile(
    rb"gh[pousr]_[A-Za-z0-9]{8,}|eyJ[\w-]{10,}\.eyJ|[?&]sig=|Bearer [\w.-]{8,}|BEGIN [A-Z ]*PRIVATE KEY"
)
_MAY_NAME = frozenset({"raw.records", "raw.quarantine", "raw.logins"})


def assert_nothing_told(
    folder: Path,
    database: Path,
    planted: Collection[bytes],
    logins: Collection[str],
    said: Mapping[str, bytes],
    may_name: Collection[str] = (),
) -> None:
    """No secret anywhere, and logins in the records of schema raw alone, and in the files that may name them.

    `planted` are secrets, `said` is what was seen besides what lies in the folder, by a name.
    """
    may = {str(database), *_MAY_NAME, *may_name}
    named = re.compile(rb"\b(" + b"|".join(re.escape(login.encode()) for login in logins) + rb")\b")
    for name, content in [*said.items(), *bytes_of(folder), *rows_of(database), *exported(folder)]:
        found = CREDENTIAL.search(content)
        assert not found, (name, content[max(found.start() - 60, 0) : found.start() + 5])
        assert not any(secret in content for secret in planted), name
        if name not in may and (login := named.search(content)):
            raise AssertionError(f"{name} tells {login[0]!r}")


def bytes_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder by its name; what SQLite holds also value by value, unpacked where it is packed."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.name == ".env":
            continue
        content = path.read_bytes()
        yield str(path), content
        if content.startswith(b"SQLite format 3"):
            yield from ((str(path), value) for value in values_of(path))


def values_of(path: Path) -> Iterator[bytes]:
    with sqlite3.connect(path) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'select * from "{table}"'):
                yield from (content for value in row for content in contents_of(value))


def contents_of(value: object) -> Iterator[bytes]:
    """What a value of a database holds, unpacked where it is packed."""
    if isinstance(value, str):
        yield value.encode()
    elif isinstance(value, (bytes, memoryview)):
        yield (packed := bytes(value))
        if packed.startswith(b"\x78"):
            yield zlib.decompress(packed)


def rows_of_postgres(url: str) -> Iterator[tuple[str, bytes]]:
    """Every table of a history in PostgreSQL, value by value, unpacked where it is packed."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'select * from "{table}"')
            for row in cursor:
                yield from ((table, content) for value in row for content in contents_of(value))


def rows_of(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every table of the database as text."""
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        for (table,) in tables:
            yield table, str(connection.execute(f"from {table}").fetchall()).encode()


def exported(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*.parquet"):
        yield str(path), str(duckdb.sql(f"from '{path}'").fetchall()).encode()
