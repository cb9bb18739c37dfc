"""The SQL models as Dagster assets and asset checks: one step builds them all, then checks them.

Here belongs what Dagster is told about a model. How its table is replaced stands in `orchestration/rebuild.py`, what a
file means is decided in `sql_models/files.py`, what a number means in the SQL itself.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dagster as dg

from copilot_assets.orchestration.metadata import names_nobody, preview, sql_value, table_value
from copilot_assets.orchestration.rebuild import QueryRefusedError, deriving, offending_rows, replace_table
from copilot_assets.orchestration.steps import sentences
from copilot_assets.records.contract import Docs
from copilot_assets.sql_models.lineage import check_references, column_lineage
from copilot_assets.sql_models.model import ModelCheck, ModelColumn, SqlModel, TableName
from copilot_assets.warehouse.changes import Known
from copilot_assets.warehouse.comments import comment
from copilot_assets.warehouse.store import TURNS, Put, Warehouse
from copilot_assets.warehouse.tables import row_count, spilled_bytes, transaction, types_of

if TYPE_CHECKING:
    import duckdb

_OFFENDING_ROWS = 20
# A first build of some million rows; a night of any company stays below.
_MOST_SPILLED_BYTES = 2**30

Writers = Mapping[str, Collection[dg.AssetKey]]
_NO_WRITERS: Writers = MappingProxyType({})
# From a connection and the name of a table that was just built to metadata.
Draw = Callable[["duckdb.DuckDBPyConnection", str], dict[str, Any]]


def _no_picture(connection: "duckdb.DuckDBPyConnection", table: str) -> dict[str, Any]:
    return {}


class RebuildConfig(dg.Config):
    """How much to rebuild and check of incremental models: what changed (the default), or everything."""

    full_refresh: bool = False


def build_sql_assets(
    models: Iterable[SqlModel],
    known_tables: Collection[str],
    written_by: Writers = _NO_WRITERS,
    after: Collection[dg.AssetKey] = (),
    draw: Draw = _no_picture,
    docs: Mapping[str, Docs] = MappingProxyType({}),
) -> dg.AssetsDefinition:
    """An unpartitioned asset a model and a check for each of its assertions and tests, all of them in one step.

    One step, because each would open the file and write its events: 0.1 s a step, a hundred times what a query takes.
    Any part of it runs alone. `models` are built in the order given, which `load_models` makes the right one; then the
    checks run, which block nothing: a table that breaks a rule stays readable, and red. A query that DuckDB refuses
    fails the step once all that does not read its table is built and checked.

    `known_tables` are the tables that Python assets of the same name build (`flat.user_daily`); `written_by` names the
    assets behind a table that has none of its name, such as a view. A model that reads no table waits for `after`, so
    that it is not built where the settings can't be used. `draw` makes what is shown of a table besides its rows, and
    `docs` are those of other tables, whose comments are brought up to date with the models'.

    Raises `ModelError` when a model reads a table that nobody builds.
    """
    models = tuple(models)
    check_references(models, {*known_tables, *written_by})

    @dg.multi_asset(
        name="sql_models",
        specs=_asset_specs(models, written_by, after),
        check_specs=[_check_spec(model, check, written_by) for model in models for check in model.checks],
        can_subset=True,
        # Dagster's command line asks this of every asset it selects for a range of days.
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def sql_models(
        context: dg.AssetExecutionContext, config: RebuildConfig, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        from copilot_assets.warehouse.raw import note_rebuilt

        chosen = [model for model in models if dg.AssetKey(model.key) in context.selected_asset_keys]
        checks = [
            (model, check)
            for model in models
            for check in model.checks
            if dg.AssetCheckKey(dg.AssetKey(model.key), check.name) in context.selected_asset_check_keys
        ]
        read = {*chain.from_iterable(model.depends_on for model in chosen)}
        read |= {*chain.from_iterable((model.key, *check.depends_on) for model, check in checks)}
        written = [*(model.table for model in chosen), "raw.derived"]
        # What lands meanwhile would be noted as looked at.
        with sentences(), warehouse.connect(*TURNS) as connection:
            builder = _Builder(connection, draw, full_refresh=config.full_refresh)
            refused, not_built = list[str](), set[TableName]()
            at_once = None
            if not config.full_refresh:
                with warehouse.near(connection, {*map(".".join, read)}, written) as put:
                    if (at_once := builder.all_at_once(chosen, checks, put)) is not None:
                        yield from at_once
            if at_once is None:
                refused, not_built = yield from builder.build(chosen)
                sound = [(model, each) for model, each in checks if not_built.isdisjoint((model.key, *each.depends_on))]
                refused += yield from builder.check(sound)
            with transaction(connection):
                comment(connection, {**docs, **{model.table: model.docs for model in chosen}})
            if not not_built and all(model in chosen for model in models if model.depends_on):
                note_rebuilt(connection)
        if refused:
            raise dg.Failure("\n".join(refused))

    return sql_models


def _asset_keys(tables: Iterable[TableName], written_by: Writers) -> list[dg.AssetKey]:
    """The assets behind tables, each once."""
    keys = (written_by.get(".".join(table), (dg.AssetKey(table),)) for table in tables)
    return list(dict.fromkeys(chain.from_iterable(keys)))


def _asset_specs(models: Sequence[SqlModel], written_by: Writers, after: Collection[dg.AssetKey]) -> list[dg.AssetSpec]:
    deps = {model.key: _asset_keys(model.depends_on, written_by) or list(after) for model in models}
    # Dagster lets the step wait for what its assets depend on, and for no more than that on behalf of a check.
    waited_for = {*map(dg.AssetKey, deps), *chain.from_iterable(deps.values())}
    for model in models:
        read_by_tests = _asset_keys(chain.from_iterable(check.depends_on for check in model.checks), written_by)
        deps[model.key] += [key for key in read_by_tests if key not in waited_for]
    return [_asset_spec(model, deps[model.key]) for model in models]


def _asset_spec(model: SqlModel, deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        model.key,
        deps=deps,
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
    )


def _check_spec(model: SqlModel, check: ModelCheck, written_by: Writers) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.name,
        asset=dg.AssetKey(model.key),
        description=check.description or None,
        additional_deps=_asset_keys(check.depends_on, written_by),
    )


class _TooMuchError(Exception):
    """More is to be built than one transaction should hold."""


class _Builder:
    """Builds and checks models on a connection, and tells what the UI shows of each."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", draw: Draw, *, full_refresh: bool) -> None:
        self._connection = connection
        self._draw = draw
        self._full_refresh = full_refresh
        self._types: dict[TableName, dict[str, str]] = {}

    def all_at_once(
        self, models: Sequence[SqlModel], checks: Iterable[tuple[SqlModel, ModelCheck]], put: Put
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult] | None:
        """Build and check in one transaction: whoever reads sees all tables of a night or none, and it takes less time.

        None, and nothing is done, if a query is refused, or if what the transaction keeps on the disk until its end
        becomes too much for the disk or for us.
        """
        import duckdb

        from copilot_assets.warehouse.disk import is_disk_trouble

        built: list[tuple[SqlModel, dict[str, Any]]] = []
        try:
            with deriving(self._connection) as known:
                for model in models:
                    built.append((model, self._build(model, known)))
                    if spilled_bytes(self._connection) > _MOST_SPILLED_BYTES:
                        raise _TooMuchError
                checked = [self._check(model, each, known) for model, each in checks]
            put(known.written, known.write)
        except (QueryRefusedError, _TooMuchError):
            return None
        except duckdb.Error as error:
            if is_disk_trouble(error):
                return None
            raise
        return chain((self._built(model, changes) for model, changes in built), checked)

    def build(
        self, models: Sequence[SqlModel]
    ) -> Generator[dg.MaterializeResult[Any], None, tuple[list[str], set[TableName]]]:
        """Build each model that reads no table of those that could not be built, in the order given.

        Returns:
            a sentence for each query that was refused and one for what was not built because of it; what was not.
        """
        refused: list[str] = []
        waiting: list[str] = []
        not_built: set[TableName] = set()
        for model in models:
            if not not_built.isdisjoint(model.depends_on):
                waiting.append(model.table)
                not_built.add(model.key)
                continue
            try:
                with deriving(self._connection) as known:
                    changes = self._build(model, known)
            except QueryRefusedError as error:
                refused.append(str(error))
                not_built.add(model.key)
            else:
                yield self._built(model, changes)
        if waiting:
            refused.append(f"Not built because of that, and with the rows they had: {', '.join(waiting)}.")
        return refused, not_built

    def check(self, checks: Iterable[tuple[SqlModel, ModelCheck]]) -> Generator[dg.AssetCheckResult, None, list[str]]:
        """Run checks; returns a sentence for each query that was refused."""
        refused = []
        left = deque(checks)
        while left:
            # A query that is refused ends the transaction: what passed in it is looked at again the next time.
            try:
                with deriving(self._connection) as known:
                    while left:
                        yield self._check(*left.popleft(), known)
            except QueryRefusedError as error:
                refused.append(str(error))
        return refused

    def _build(self, model: SqlModel, known: Known) -> dict[str, Any]:
        """What changed, as metadata."""
        started = time.perf_counter()
        changes = replace_table(self._connection, model, known, full_refresh=self._full_refresh)
        return {"seconds": round(time.perf_counter() - started, 3), **changes}

    def _built(self, model: SqlModel, changes: Mapping[str, Any]) -> dg.MaterializeResult[Any]:
        """What is told of a table once it is there for good: a picture that fails would end a transaction."""
        drawn = self._draw(self._connection, model.table)
        return dg.MaterializeResult(
            asset_key=dg.AssetKey(model.key), metadata={**changes, **drawn, **self._describe(model)}
        )

    def _describe(self, model: SqlModel) -> dict[str, Any]:
        """What the UI shows of the table that was just built."""
        own = self._types[model.key] = types_of(self._connection, model.table)
        columns = {table: self._types_of(table) for table in model.depends_on}
        metadata: dict[str, Any] = {
            "dagster/row_count": row_count(self._connection, model.table),
            "dagster/column_schema": _table_schema(model, own),
            "dagster/column_lineage": dg.TableColumnLineage(
                {
                    column: [dg.TableColumnDep(dg.AssetKey(table), source) for table, source in sources]
                    for column, sources in column_lineage(model, columns).items()
                }
            ),
        }
        return metadata | preview(self._connection, model.table, own, model.preview)

    def _types_of(self, table: TableName) -> dict[str, str]:
        if table not in self._types:
            self._types[table] = types_of(self._connection, ".".join(table))
        return self._types[table]

    def _check(self, model: SqlModel, check: ModelCheck, known: Known) -> dg.AssetCheckResult:
        full_refresh = self._full_refresh
        found = offending_rows(self._connection, model, check, known, most=_OFFENDING_ROWS, full_refresh=full_refresh)
        count = found.count
        metadata: dict[str, Any] = {"query": sql_value(check.sql), "offending_rows": count}
        if found.looked_from:
            metadata["looked_from"] = found.looked_from
        if count and names_nobody(model.table, found.columns):
            metadata["rows"] = table_value(found.rows)
        return dg.AssetCheckResult(
            asset_key=dg.AssetKey(model.key),
            check_name=check.name,
            passed=count == 0,
            severity=dg.AssetCheckSeverity.WARN if check.severity == "warn" else dg.AssetCheckSeverity.ERROR,
            description=f"Rows that break this rule: {count}. The query shows them all." if count else None,
            metadata=metadata,
        )


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
