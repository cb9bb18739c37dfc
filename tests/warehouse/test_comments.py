"""Comments in the database: what is written, and that nothing is where it stands already."""

from pathlib import Path

import duckdb
import pytest

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.orchestration.assets.sql import replace_table
from copilot_assets.records.contract import Docs
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.comments import comment
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
        replace_table(connection, model)
        flat = FLAT_TABLES[0]
        comment(connection, {model.table: model.docs, f"flat.{flat.name}": flat.docs})
        for table, docs in ((model.table, model.docs), (f"flat.{flat.name}", flat.docs)):
            text, columns = comments(connection, table)
            assert (text, columns) == (docs.table, docs.columns)
            assert all(columns.values()), table
