"""A lake for tests, what lies in it, and a worker: what a run does to a store, step by step and without Dagster.

Processes that tests start import this, so it loads neither pytest nor PostgreSQL's client before they are needed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import duckdb

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.orchestration.assets.raw import _fetch_and_land, _Landing
from copilot_assets.orchestration.installation import Installation, asked_reports, expected_reports
from copilot_assets.orchestration.rebuild import deriving, replace_table
from copilot_assets.people.forget import find, forget, strike
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.archive import import_archive
from copilot_assets.warehouse.ducklake import DuckLake
from copilot_assets.warehouse.inputs import write_inputs
from copilot_assets.warehouse.kept_days import read_archive
from copilot_assets.warehouse.raw import expect
from copilot_assets.warehouse.store import TURNS, Warehouse
from tests.conftest import KEY, NOW, TODAY

if TYPE_CHECKING:
    from copilot_assets.standin import Standin
    from tests.postgres import Postgres

SCOPES: Final = "org:octo-org,enterprise:octo-corp"
SCHEMAS: Final = ("raw", "flat", "people", "quality", "weekly")
# Each worker makes its own, and the order in which days arrive is the network's.
_OF_THE_RUN: Final = ("fetch_id", "run_id", "entry_number")


@dataclass(frozen=True)
class Lake:
    """Where a lake is.

    Attributes:
        url: its database, for a client of PostgreSQL's.
        address: as COPILOT_WAREHOUSE has it; it holds the password.
        data: the folder of its files, or a bucket.
        here: this machine's own folder.
    """

    url: str
    address: str
    data: str
    here: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "COPILOT_WAREHOUSE": self.address,
            "COPILOT_LAKE_DATA": self.data,
            "COPILOT_LAKE_FOLDER": str(self.here),
        }

    @property
    def warehouse(self) -> DuckLake:
        return DuckLake.at(self.address, self.data, self.here)

    def installed(self, standin: Standin, **env: str) -> dict[str, str]:
        """The settings of who works on it."""
        return settings(standin, **self.env, **env)

    def files(self) -> list[Path]:
        """All below its folder, whatever the catalogue knows of them."""
        return sorted(path for path in Path(self.data).rglob("*") if path.is_file())

    def catalogue(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every table of the catalogue, by a client that knows nothing of DuckLake; copies of small tables included."""
        import psycopg2

        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select table_schema, table_name from information_schema.tables where table_type = 'BASE "
                "TABLE' and table_schema not in ('pg_catalog', 'information_schema')"
            )
            found = {}
            for schema, table in cursor.fetchall():
                cursor.execute(f'select * from "{schema}"."{table}"')
                found[table] = cursor.fetchall()
            return found

    def telling(self, *words: bytes) -> list[str]:
        """Where one of some words can be read: files byte for byte and as Parquet, and tables of the catalogue."""
        contents = [(path.name, path.read_bytes() + _as_text(path)) for path in self.files()]
        for table, rows in self.catalogue().items():
            values = (value for row in rows for value in row)
            contents.append((table, b"\n".join(_bytes_of(value) for value in values)))
        return sorted(place for place, content in contents if any(word in content for word in words))


def _bytes_of(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def _as_text(path: Path) -> bytes:
    if path.suffix != ".parquet":
        return b""
    with duckdb.connect() as connection:
        whole = [connection.execute(f"from {each}").fetchall() for each in (f"'{path}'", f"parquet_metadata('{path}')")]
    return str(whole).encode()


def new_lake(server: Postgres, folder: Path, data: str = "") -> Lake:
    """An empty database for one, and its folders: this machine's holds the key of the tests alone."""
    name = f"lake_{uuid4().hex[:12]}"
    _ask(server.url, f"create database {name}")
    return _lake_in(server, name, folder, data)


def copy_of(lake: Lake, server: Postgres, folder: Path) -> Lake:
    """The same lake again, to be changed: cheaper than to fill it. Nobody can work on the first one any more."""
    name, template = f"lake_{uuid4().hex[:12]}", lake.url.rpartition("/")[2]
    _ask(server.url, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{template}'")
    _ask(server.url, f"create database {name} template {template}")
    copy = _lake_in(server, name, folder)
    if Path(lake.data).exists():
        shutil.copytree(lake.data, copy.data)
    _ask(copy.url, f"update ducklake_metadata set value = '{copy.data}/' where key = 'data_path'")
    return copy


def _lake_in(server: Postgres, name: str, folder: Path, data: str = "") -> Lake:
    here = folder / "here"
    here.mkdir(parents=True)
    (here / "copilot.key").write_text(KEY.hex())
    catalogue = f"host={server.host} port={server.port} dbname={name} user={server.user} password={server.password}"
    url = replace(server, database=name).url
    return Lake(url, f"ducklake:postgres:{catalogue}", data or str(folder / "data"), here)


def _ask(url: str, statement: str) -> None:
    import psycopg2

    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def settings(standin: Standin, **env: str) -> dict[str, str]:
    """The settings of an installation that asks the stand-in."""
    return {
        "GITHUB_API_URL": standin.api_url,
        "GITHUB_TOKEN": "secret-of-the-test",
        "COPILOT_SCOPES": SCOPES,
        "COPILOT_START_DATE": str(TODAY - timedelta(days=21)),
        "COPILOT_REPORT": "off",
        **env,
    }


@dataclass
class Worker:
    """Who does to a store what the steps of a run do, one after another."""

    env: dict[str, str]
    today: date = TODAY

    @property
    def installation(self) -> Installation:
        """One whose clock stands, so that two stores may be held against each other."""
        return Installation(self.env, now=lambda: NOW + (self.today - TODAY))

    @property
    def warehouse(self) -> Warehouse:
        return self.installation.warehouse()

    def fetch(self, first: date, last: date, *reports: str) -> list[str]:
        """Fetch and land days of these reports, or of all; the sentences of those that failed."""
        installation = self.installation
        wanted = installation.settings()
        asked = [report for report in asked_reports(wanted) if not reports or report.name in reports]
        with installation.warehouse().connect("landing") as connection:
            expect(connection, expected_reports(wanted, installation.today()))
        problems = []
        for report in asked:
            landing = _Landing()
            _fetch_and_land(landing, report, _days(report, first, last, self.today), wanted, installation,
                            installation.warehouse(), "run")  # fmt: skip
            problems += [fetch.evidence for fetch in landing.problems]
        return problems

    def flatten(self, *reports: str) -> None:
        """Bring the flat tables of these reports up to date, or all."""
        identities = self.installation.identities()
        for record in dict.fromkeys(report.record for report in REPORTS if not reports or report.name in reports):
            names = [report.name for report in REPORTS if report.record is record]
            with self.warehouse.connect("tables") as connection:
                refresh_flat(connection, record, names, identities)

    def build(self) -> None:
        """Build the tables of all SQL models."""
        models = load_models()
        with self.warehouse.connect(*TURNS) as connection:
            write_inputs(connection, self.installation.inputs())
            read = {".".join(table) for model in models for table in model.depends_on}
            written = [*(model.table for model in models), "raw.derived"]  # as the step in assets/sql.py has it
            with self.warehouse.near(connection, read, written) as put:
                with deriving(connection) as known:
                    for model in models:
                        replace_table(connection, model, known)
                put(known.written, known.write)

    def forget(self, name: str) -> None:
        """Remove a person."""
        forget(self.warehouse, find(self.warehouse, self.installation.identities(), name))

    def bring(self, path: Path, scope: str) -> None:
        """Import an archive; what it says counts."""
        from copilot_assets.github.scopes import Scope

        identities = self.installation.identities()
        with self.warehouse.incoming() as incoming, read_archive([path], self.today, Scope.parse(scope),
                                                                 incoming=incoming) as archive:  # fmt: skip
            import_archive(
                self.warehouse,
                archive,
                overwrite=True,
                run_id="import",
                today=self.today,
                keep_out=lambda connection, fetches: strike(connection, fetches, identities),
            )

    def tables(self, *schemas: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every table of these schemas whole, but for what each run makes anew; rows in order."""
        with self.warehouse.read() as connection:
            columns = connection.execute(
                "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
                "where database_name = current_database() and not internal "
                "and list_contains($schemas, schema_name) order by table_name, column_index",
                {"schemas": schemas or SCHEMAS},
            ).fetchall()
            queries: dict[str, list[str]] = {}
            for table, column, dtype in columns:
                if column not in _OF_THE_RUN:
                    queries.setdefault(table, []).append(f'"{column}"{"::varchar" if dtype == "JSON" else ""}')
            return {
                table: connection.execute(f"select {', '.join(names)} from {table} order by all").fetchall()
                for table, names in sorted(queries.items())
            }

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as connection:
            return connection.execute(query).fetchall()


def _days(report: Report, first: date, last: date, today: date) -> list[date]:
    if report.is_snapshot:
        return [today]
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def differences(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> Iterator[tuple[str, object, object]]:
    """Tables that are not alike, with the first rows that only one of both has."""
    for table in sorted(one.keys() | other.keys()):
        rows, others = one.get(table), other.get(table)
        if rows != others:
            alone = [row for row in rows or () if row not in (others or ())]
            yield table, alone[:1] or rows, [row for row in others or () if row not in (rows or ())][:1]
