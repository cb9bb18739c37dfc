"""What tables and columns mean, as comments in the database: whoever opens it finds the docs that Dagster's UI shows.

Writing comments belongs here; the texts stand with the tables, in `docs.py`, `flat/tables.py`, the records and the SQL
models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from copilot_assets.records.contract import Docs

if TYPE_CHECKING:
    import duckdb


_THERE: Final = """
select 'table' as kind, schema_name || '.' || table_name, null as column_name, comment
from duckdb_tables()
where database_name = current_database()
union all
select 'view', schema_name || '.' || view_name, null, comment
from duckdb_views()
where database_name = current_database()
union all
select 'column', schema_name || '.' || table_name, column_name, comment
from duckdb_columns()
where database_name = current_database()
    -- DuckLake has no comments on columns of views
    and (
        table_oid not in (select view_oid from duckdb_views() where database_name = current_database())
        or (select type from duckdb_databases() where database_name = current_database()) <> 'ducklake'
    )
"""


def comment(connection: duckdb.DuckDBPyConnection, docs: Mapping[str, Docs]) -> None:
    """Make docs the comments of tables and views, by `schema.table`, and of their columns.

    Nothing is written where they stand already; what is not there is passed over.
    """
    for kind, table, column, there in connection.execute(_THERE).fetchall():
        if table not in docs:
            continue
        text = docs[table].table if column is None else docs[table].columns.get(column, "")
        if text and text != there:
            place = table if column is None else f'{table}."{column}"'
            quoted = text.replace("'", "''")
            connection.execute(f"comment on {kind} {place} is '{quoted}'")
