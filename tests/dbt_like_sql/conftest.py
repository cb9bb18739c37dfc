"""What tests of the project's own models share: a real warehouse file, rows laid into it by hand, the models as built.

Tables come from the project's own DDL, rules of the reports from its catalogue; no Dagster, no network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.flat.refresh import make_tables, write_known_names
from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.github.credentials import Token
from copilot_assets.github.scopes import Scope
from copilot_assets.orchestration.installation import expected_reports
from copilot_assets.settings import Settings
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.inputs import Inputs, write_inputs
from copilot_assets.warehouse.raw import expect
from copilot_assets.warehouse.store import Warehouse
from copilot_assets.warehouse.tables import transaction

STATUS_CODES = {
    "reported": 200,
    "no_report": 204,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "not_offered": 404,
    "retired": 404,
    "expired": 204,
    "failed": 503,
    "given_up": None,
}
# In the order in which they are built, each after those it reads.
MODELS = load_models()
Row = dict[str, Any]


def made_from(*tables: str) -> set[str]:
    """These models, and all that they are made from."""
    reads = [".".join(table) for model in MODELS if model.table in tables for table in model.depends_on]
    return {model.table for model in MODELS if model.table in tables} | (made_from(*reads) if reads else set())


class Book:
    """A warehouse that a test fills row by row; `today` is the first day that has not closed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.today = date.min
        self._fetches = 0

    def expect(self, *scopes: str, start: date, today: date, legacy: bool = False, lines: bool = False) -> None:
        """Configure the scopes as an installation would on `today`: the rules are those of the real catalogue."""
        self.today = today
        settings = Settings(
            credentials=Token("none"),
            scopes=tuple(map(Scope.parse, scopes)),
            start_date=start,
            legacy_api=legacy,
            bill_reports=lines,
        )
        expect(self.connection, expected_reports(settings, today))

    def fetch(
        self,
        scope: str,
        report: str,
        day: date,
        outcome: str = "reported",
        *,
        headline: Row | None = None,
        records: int = 1,
        sha256: str | None = None,
        asked: date | None = None,
    ) -> str:
        """A line of the ledger, later than all before it of the same `asked` (today); returns its evidence."""
        self._fetches += 1
        evidence = f"Fetch {self._fetches} ended with {outcome}."
        self.insert(
            "raw.fetches",
            fetch_id=f"fetch-{self._fetches:04}",
            scope=scope,
            report=report,
            day=day,
            requested_at=datetime.combine(asked or self.today, time(3)) + timedelta(seconds=self._fetches),
            outcome=outcome,
            http_status=STATUS_CODES[outcome],
            records=records if outcome == "reported" else None,
            sha256=sha256,
            evidence=evidence,
            headline=json.dumps(headline or {}),
        )
        return evidence

    def report_the_rest(self, *reports: str) -> None:
        """A report in which nobody was active, of every expected day not asked for; of these reports, or of all."""
        self.connection.execute(
            """
            insert into raw.fetches by name
            select
                'rest-' || row_number() over () as fetch_id, e.scope, e.report, e.day,
                $requested_at::timestamp as requested_at, 'reported' as outcome, 200 as http_status, 1 as records,
                'A day without activity.' as evidence,
                if(e.activity is null, '{}', json_object(e.activity, 0)) as headline
            from (
                select
                    *,
                    unnest(generate_series(greatest(start_day, first_day), as_of - 1, interval 1 day))::date as day
                from raw.expected_reports
                where len($reports) = 0 or list_contains($reports, report)
            ) as e
            anti join raw.fetches as f on f.scope = e.scope and f.report = e.report and f.day = e.day
            """,
            {"requested_at": datetime.combine(self.today, time(2)), "reports": list(reports)},
        )
        self.connection.execute(
            """
            insert into flat.entity_daily by name
            select
                scope, day, 0 as daily_active_users, 0 as user_initiated_interaction_count,
                0 as code_generation_activity_count, 0 as code_acceptance_activity_count, 0 as loc_added_sum
            from raw.fetches
            where fetch_id like 'rest-%' and report in ('organization-1-day', 'enterprise-1-day')
            """
        )

    def insert(self, table: str, **values: object) -> None:
        """One row; columns that are not named are null."""
        row = ", ".join(f"? as {name}" for name in values)
        self.connection.execute(f"insert into {table} by name select {row}", list(values.values()))

    def build(self, *tables: str, past: str | None = None) -> None:
        """These models as tables, after those that they are made from; without any, all there are.

        `past` is one that a test has written to: it and what it is made from stay as they are.
        """
        wanted = made_from(*tables or (model.table for model in MODELS)) - made_from(*filter(None, [past]))
        with transaction(self.connection):
            for model in (model for model in MODELS if model.table in wanted):
                self.connection.execute(f"create schema if not exists {model.schema}")
                self.connection.execute(f"create or replace table {model.table} as {model.sql}")

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """The rows of a query, by column name."""
        result = self.connection.execute(query, list(parameters))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def days(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def empty_warehouse(path: Path) -> Warehouse:
    """A new file with all raw and flat tables, as a first run leaves it when nothing is set and nothing came."""
    warehouse = DuckDBFile(path)
    with warehouse.connect() as connection:
        write_inputs(connection, Inputs.from_env({}))
        make_tables(connection)
        write_known_names(connection)
    return warehouse


def built_warehouse(path: Path) -> Warehouse:
    """The same with all tables that SQL models build, and no row but of those that need none."""
    warehouse = empty_warehouse(path)
    with warehouse.connect() as connection:
        for model in MODELS:
            connection.execute(f"create schema if not exists {model.schema}; create table {model.table} as {model.sql}")
    return warehouse


@pytest.fixture(scope="module")
def shared_connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_warehouse(tmp_path_factory.mktemp("models") / "copilot.duckdb").connect() as connection:
        connection.execute("set threads = 1")  # a handful of rows: waking others takes longer than the work
        yield connection


@pytest.fixture
def book(shared_connection: duckdb.DuckDBPyConnection) -> Book:
    """Blank tables and no models: one file serves all tests of a module."""
    with transaction(shared_connection):
        for schema in {model.schema for model in MODELS}:
            shared_connection.execute(f"drop schema if exists {schema} cascade")
        blank = {"raw.expected_reports", "raw.fetches", "raw.quarantine", "raw.unknown_fields"}
        blank |= {f"flat.{table.name}" for table in FLAT_TABLES}
        # A test fills a few of them, and each delete is 0.4 ms, also of nothing.
        sizes = "select schema_name || '.' || table_name, estimated_size from duckdb_tables()"
        for table, size in shared_connection.execute(sizes).fetchall():
            if size and table in blank:
                shared_connection.execute(f"delete from {table}")
    write_inputs(shared_connection, Inputs.from_env({}))
    return Book(shared_connection)
