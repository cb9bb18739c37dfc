"""Metadata as the UI shows it: tables, queries, schemas, and previews of tables that name nobody.

What is told of an asset or check is decided by it; here is how each kind of thing is shown.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from copilot_assets.records.contract import Column

if TYPE_CHECKING:
    import duckdb
    import polars as pl

_PREVIEW_ROWS: Final = 10
_SHOWN_SCHEMAS: Final = frozenset({"flat", "weekly", "quality"})


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Columns as the UI shows them: name, type, meaning."""
    return dg.TableSchema([dg.TableColumn(column.name, column.dtype, column.doc) for column in columns])


def table_value(rows: Iterable[Mapping[str, object]]) -> dg.TableMetadataValue:
    """Rows as a table in the UI; dates and other values that its tables don't take as text."""
    records = [dg.TableRecord({name: _plain(value) for name, value in row.items()}) for row in rows]
    names = list(records[0].data) if records else ["nothing"]
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name) for name in names]))


def sql_value(query: str) -> dg.MarkdownMetadataValue:
    """A query as the UI shows it, to be copied and run."""
    return dg.MetadataValue.md(f"```sql\n{query.strip()}\n```")


def names_nobody(table: str, columns: Collection[str]) -> bool:
    """Whether rows of `schema.table` may be shown in the UI, whose history keeps them: scopes and teams, no people."""
    return table.partition(".")[0] in _SHOWN_SCHEMAS and not {"user_id", "user_login", "payload"} & set(columns)


def preview(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Collection[str], shown: Collection[str] = ()
) -> dict[str, Any]:
    """A few rows for the UI, newest first, of some columns or of all; none of a table about people."""
    if not names_nobody(table, columns):
        return {}
    newest = next((f'"{name}" desc, ' for name in ("week_start", "day") if name in columns), "")
    chosen = ", ".join(f'"{name}"' for name in shown if name in columns) or "*"
    query = f"select {chosen} from (from {table} order by {newest}columns(*) limit {_PREVIEW_ROWS})"
    return {"preview": dg.MetadataValue.md(_markdown(connection.sql(query).pl()))}


def drawn(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    """A table's chart, if it has one; of people a week also numbers, which the UI plots, and a glance at them."""
    from copilot_assets.report.pictures import closed_weeks, picture

    try:
        drawing = picture(connection, table)
        numbers, glance = closed_weeks(connection) if table == "weekly.user_trend" else ({}, None)
    except Exception as error:  # noqa: BLE001 - the rows are as good without, also when their file tells other things now
        said = f"{type(error).__name__}: {error}"
        drawing, numbers, glance = f"There is no picture of this table as its file makes it now. {said}", {}, None
    shown = {"at_a_glance": glance, "picture": drawing}
    return {name: dg.MetadataValue.md(text) for name, text in shown.items() if text} | numbers


def _markdown(frame: pl.DataFrame) -> str:
    import polars as pl

    escaped = frame.with_columns(pl.col(pl.String).str.replace_all("|", r"\|", literal=True))
    with pl.Config(
        tbl_formatting="MARKDOWN",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=-1,
        fmt_str_lengths=200,
    ):
        return str(escaped)


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
