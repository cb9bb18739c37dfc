"""Comments in the database: what is written, and that nothing is where it stands already."""

from pathlib import Path

import duckdb
import pytest

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.notices.ledger import make_view
from copilot_assets.orchestration.rebuild import deriving, replace_table
from copilot_assets.records.contract import Docs
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.comments import comment
from copilot_assets.warehouse.docs import EXPECTED_COLUMNS, FETCH_COLUMNS, NOTICE_COLUMNS, RAW_DOCS, RECORD_COLUMNS
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.inputs import INPUT_TABLES
from tests.dbt_like_sql.conftest import Book, empty_warehouse


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create schema weekly; create table weekly.t as select 1 as a, 2 as b; create table weekly.u (a int)"
    )
    return connection


def comments(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[str | None, dict[str, str | None]]:
    """What the database says of a table, and of its columns."""
    of_table = "select comment from duckdb_tables() where schema_name || '.' || table_name = ?"
    of_columns = "select column_name, comment from duckdb_columns() where schema_name || '.' || table_name = ?"
    ((text,),) = connection.execute(of_table, [table]).fetchall()
    return text, dict(connection.execute(of_columns, [table]).fetchall())


def test_docs_become_comments_of_what_is_there(connection: duckdb.DuckDBPyConnection) -> None:
    comment(connection, {"weekly.t": Docs("It's a table.", {"a": "One", "c": "Gone"}), "weekly.v": Docs("Gone", {})})
    assert comments(connection, "weekly.t") == ("It's a table.", {"a": "One", "b": None})
    assert comments(connection, "weekly.u") == (None, {"a": None})
    comment(connection, {"weekly.t": Docs("Another", {"a": "", "b": "Two"})})
    assert comments(connection, "weekly.t") == ("Another", {"a": "One", "b": "Two"})


def test_nothing_is_written_where_the_docs_stand_already(connection: duckdb.DuckDBPyConnection) -> None:
    docs = {"weekly.t": Docs("A table", {"a": "One", "b": "Two"})}
    comment(connection, docs)
    connection.execute("begin transaction read only")
    comment(connection, docs)


def test_every_column_of_a_table_that_is_built_has_its_doc(tmp_path: Path) -> None:
    with empty_warehouse(tmp_path / "copilot.duckdb").connect() as connection:
        Book(connection).build("weekly.last_28_days")
        (model,) = (model for model in load_models() if model.table == "weekly.last_28_days")
        with deriving(connection) as known:
            replace_table(connection, model, known)
        flat = FLAT_TABLES[0]
        comment(connection, {model.table: model.docs, f"flat.{flat.name}": flat.docs})
        for table, docs in ((model.table, model.docs), (f"flat.{flat.name}", flat.docs)):
            text, columns = comments(connection, table)
            assert (text, columns) == (docs.table, docs.columns)
            assert all(columns.values()), table


def test_every_table_of_raw_and_each_of_its_columns_says_what_it_is(tmp_path: Path) -> None:
    with empty_warehouse(tmp_path / "copilot.duckdb").connect() as connection:
        make_view(connection)
        told = connection.execute(
            "select schema_name || '.' || table_name as name, comment from duckdb_tables() where schema_name = 'raw' "
            "union all select schema_name || '.' || view_name, comment from duckdb_views() "
            "where view_name in ('current_fetches', 'notice')"
        ).fetchall()
        columns = connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type, comment from duckdb_columns() "
            "where schema_name || '.' || table_name in (select unnest($1))",
            [[name for name, _ in told]],
        ).fetchall()
    assert [name for name, text in told if not text] == []
    assert [f"{table}.{column}" for table, column, _, text in columns if not text] == []
    assert {(table, column) for table, column, *_ in columns if table != "quality.notice"} == {
        (table, column) for table, docs in RAW_DOCS.items() for column in docs.columns
    }, "and nothing is described that is not there"
    types = {(table, column): data_type for table, column, data_type, _ in columns}
    for table, described in (
        ("raw.records", RECORD_COLUMNS),
        ("raw.fetches", FETCH_COLUMNS),
        ("raw.expected_reports", EXPECTED_COLUMNS),
        ("raw.notices", NOTICE_COLUMNS),
        *((f"raw.{table}", described) for table, described in INPUT_TABLES.items()),
    ):
        assert {column.name: column.dtype for column in described} == {
            column: data_type for (name, column), data_type in types.items() if name == table
        }


def test_what_raw_says_outlives_a_person_who_is_forgotten_and_a_layout_that_is_older(tmp_path: Path) -> None:
    path = tmp_path / "copilot.duckdb"
    with DuckDBFile(path).connect() as connection:
        connection.execute(
            "comment on table raw.records is null; drop table raw.dropped_text; "
            "update raw.layout set version = version - 1"
        )
    DuckDBFile(path).forget(lambda _: {}, ("select 1", {}))
    with DuckDBFile(path).connect() as connection:
        assert comments(connection, "raw.records") == (RAW_DOCS["raw.records"].table, RAW_DOCS["raw.records"].columns)
