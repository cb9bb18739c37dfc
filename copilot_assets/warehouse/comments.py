"""What tables and columns mean, as comments in the database: whoever opens it finds the docs that Dagster's UI shows.

Writing comments belongs here; the texts stand with the tables, in `flat/tables.py`, the records and the SQL models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from copilot_assets.records.contract import Docs

if TYPE_CHECKING:
    import duckdb


_THERE: Final = """
select schema_name || '.' || table_name, null as column_name, comment
from duckdb_tables()
where database_name = current_database()
union all
select schema_name || '.' || table_name, column_name, comment
from duckdb_columns()
where database_name = current_database()
"""


def comment(connection: duckdb.DuckDBPyConnection, docs: Mapping[str, Docs]) -> None:
    """Make docs the comments of tables, by `schema.table`, and of their columns.

    Nothing is written where they stand already; tables and columns that are not there are passed over.
    """
    for table, column, there in connection.execute(_THERE).fetchall():
        if table not in docs:
            continue
        text = docs[table].table if column is None else docs[table].columns.get(column, "")
        if text and text != there:
            place = f"table {table}" if column is None else f'column {table}."{column}"'
            quoted = text.replace("'", "''")
            connection.execute(f"comment on {place} is '{quoted}'")
