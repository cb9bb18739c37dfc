"""SQL models as Dagster assets and asset checks.

Here belongs what Dagster is told about a model and how its table is replaced. What a file means is decided in
`sql_models.py`, what a number means in the SQL itself.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

import dagster as dg
import duckdb

from copilot_assets.assets import FOLLOWS_UPSTREAM, POOL, names_nobody, preview, sentences, sql_value, table_value
from copilot_assets.sql_models import ModelCheck, ModelColumn, SqlModel, TableName, check_references, column_lineage
from copilot_assets.warehouse import Warehouse, row_count, transaction

_OFFENDING_ROWS = 20

Writers = Mapping[str, Collection[dg.AssetKey]]
_NO_WRITERS: Writers = MappingProxyType({})


def build_sql_assets(
    models: Iterable[SqlModel],
    known_tables: Collection[str],
    written_by: Writers = _NO_WRITERS,
    after: Collection[dg.AssetKey] = (),
) -> list[dg.AssetsDefinition]:
    """An unpartitioned asset a model.

    `known_tables` are the tables that Python assets of the same name build (`flat.user_daily`); `written_by` names the
    assets behind a table that has none of its name, such as a view. A model that reads no table waits for `after`, so
    that it is not built where the settings can't be used.

    Raises `ModelError` when a model reads a table that nobody builds.
    """
    models = tuple(models)
    check_references(models, {*known_tables, *written_by})
    return [_asset(model, written_by, after) for model in models]


def build_sql_checks(models: Iterable[SqlModel], written_by: Writers = _NO_WRITERS) -> list[dg.AssetChecksDefinition]:
    """One definition a model, with all its assertions and singular tests; none for a model that has neither.

    They do not block what is downstream: a table that breaks a rule stays readable, and red.
    """
    return [_checks(model, written_by) for model in models if model.checks]


def _asset_keys(tables: Iterable[TableName], written_by: Writers) -> list[dg.AssetKey]:
    """The assets behind tables, each once."""
    keys = (written_by.get(".".join(table), (dg.AssetKey(table),)) for table in tables)
    return list(dict.fromkeys(chain.from_iterable(keys)))


def _asset(model: SqlModel, written_by: Writers, after: Collection[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=list(model.key),
        deps=_asset_keys(model.depends_on, written_by) or list(after),
        group_name=model.schema,
        description=model.description,
        owners=list(model.owners),
        kinds={"duckdb", "sql", *model.kinds},
        code_version=model.code_version,
        metadata={
            "dagster/table_name": model.table,
            "dagster/column_schema": _table_schema(model),
            "dagster/code_references": dg.CodeReferencesMetadataValue(
                code_references=[dg.LocalFileCodeReference(file_path=str(model.path), line_number=1)]
            ),
        },
        pool=POOL,
        # Dagster's command line asks this of every asset it selects for a range of days.
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=FOLLOWS_UPSTREAM,
    )
    def sql_model(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult[Any]:
        started = time.perf_counter()
        with sentences(), warehouse.connect() as connection:
            changes = _replace_table(connection, model)
            seconds = round(time.perf_counter() - started, 3)
            return dg.MaterializeResult(metadata={"seconds": seconds, **changes, **_describe(connection, model)})

    return sql_model


def _replace_table(connection: duckdb.DuckDBPyConnection, model: SqlModel) -> dict[str, Any]:
    """Replace the whole table in one transaction: a reader sees all of the old rows or all of the new ones.

    A table that would come out as it is, is not written.

    Returns:
        what changed, as metadata: `rows_changed` (new, gone or replaced), and `weeks_changed` of a weekly table.
    """
    try:
        with transaction(connection):
            connection.execute(f"create schema if not exists {model.schema}")
            # On one line with the text, so that DuckDB's "LINE 12" is line 12 of the file.
            connection.execute(f"create or replace temp table built as {model.sql}")
            changes = _changes(connection, model)
            if changes.get("rows_changed") != 0:
                connection.execute(f"create or replace table {model.table} as from built")
            return changes
    except duckdb.Error as error:
        raise dg.Failure(
            f"{model.table} was not rebuilt and keeps the rows it had: DuckDB refuses the query of {model.path}. "
            f"Correct the file and materialise the asset again. {error}"
        ) from error


def _changes(connection: duckdb.DuckDBPyConnection, model: SqlModel) -> dict[str, Any]:
    """How the table `built` differs from the one that is there; empty where there is none of its columns to compare."""
    names = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    if (model.table,) not in names:
        return {}
    columns, built = (connection.execute(f"describe {table}").fetchall() for table in (model.table, "built"))
    if columns != built:
        return {}
    new = connection.sql(f"from built except all from {model.table}")
    gone = connection.sql(f"from {model.table} except all from built")
    changes: dict[str, Any] = {"rows_changed": max(len(new), len(gone))}
    if "week_start" in new.columns:
        weeks = new.union(gone).project("week_start::varchar").distinct().fetchall()
        changes["weeks_changed"] = sorted((week for (week,) in weeks), reverse=True)
    return changes


def _describe(connection: duckdb.DuckDBPyConnection, model: SqlModel) -> dict[str, Any]:
    """What the UI shows of the table that was just built."""
    columns = _columns(connection, (model.key, *model.depends_on))
    own = columns.pop(model.key)
    metadata: dict[str, Any] = {
        "dagster/row_count": row_count(connection, model.table),
        "dagster/column_schema": _table_schema(model, own),
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(dg.AssetKey(table), source) for table, source in sources]
                for column, sources in column_lineage(model, columns).items()
            }
        ),
    }
    return metadata | preview(connection, model.table, own)


def _columns(connection: duckdb.DuckDBPyConnection, tables: Iterable[TableName]) -> dict[TableName, dict[str, str]]:
    """Columns and DuckDB types of tables, as they are in the file now."""
    columns: dict[TableName, dict[str, str]] = {table: {} for table in tables}
    found = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() order by schema_name, table_name, column_index"
    ).fetchall()
    for schema, table, column, data_type in found:
        if (schema, table) in columns:
            columns[schema, table][column] = data_type
    return columns


def _table_schema(model: SqlModel, types: Mapping[str, str] | None = None) -> dg.TableSchema:
    """The columns of the built table, or of the file before it is built, with the file's docs and assertions."""
    documented = {column.name: column for column in model.columns}
    types = types or dict.fromkeys(documented, "unknown")
    return dg.TableSchema([_table_column(name, data_type, documented.get(name)) for name, data_type in types.items()])


def _table_column(name: str, data_type: str, column: ModelColumn | None) -> dg.TableColumn:
    claims = {str(assertion) for assertion in column.assertions} if column else set()
    return dg.TableColumn(
        name,
        data_type,
        column.doc if column and column.doc else None,
        dg.TableColumnConstraints(
            nullable="not_null" not in claims,
            unique=f"unique({name})" in claims,
            other=sorted(claims - {"not_null", f"unique({name})"}),
        ),
    )


def _checks(model: SqlModel, written_by: Writers) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(model.key)

    @dg.multi_asset_check(
        name=f"{model.schema}__{model.name}__checks",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=key,
                description=check.description or None,
                additional_deps=_asset_keys(check.depends_on, written_by),
            )
            for check in model.checks
        ],
        can_subset=True,
        pool=POOL,
    )
    def sql_checks(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {check_key.name for check_key in context.selected_asset_check_keys}
        with sentences(), warehouse.connect() as connection:
            results = [_run(connection, model, check) for check in model.checks if check.name in selected]
        yield from results

    return sql_checks


def _run(connection: duckdb.DuckDBPyConnection, model: SqlModel, check: ModelCheck) -> dg.AssetCheckResult:
    offending = connection.sql(check.sql)
    count = offending.aggregate("count(*) as n").pl().item()
    metadata: dict[str, Any] = {
        "offending_rows": count,
        "query": sql_value(check.sql),
    }
    if count and names_nobody(model.table, offending.columns):
        metadata["rows"] = table_value(offending.limit(_OFFENDING_ROWS).pl().rows(named=True))
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(model.key),
        check_name=check.name,
        passed=count == 0,
        severity=dg.AssetCheckSeverity.WARN if check.severity == "warn" else dg.AssetCheckSeverity.ERROR,
        description=f"Rows that break this rule: {count}. The query shows them all." if count else None,
        metadata=metadata,
    )
