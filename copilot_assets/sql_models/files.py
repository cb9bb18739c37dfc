"""The files of `dbt_like_sql/` and of a folder of one's own, read: what each builds, from which tables, and its claims.

Here belong the file format, its errors and what is read out of one SELECT. What a claim comes to is in `checks.py`, how
models hang together with other tables in `lineage.py`.
"""

import graphlib
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec
import sqlglot
import yaml
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import TokenType

from copilot_assets.settings import models_folder
from copilot_assets.shipped import shipped
from copilot_assets.sql_models.checks import assertion_checks, repeated_checks
from copilot_assets.sql_models.model import (
    PUBLISHED_SCHEMAS,
    Assertion,
    ModelCheck,
    ModelColumn,
    ModelError,
    Severity,
    SqlModel,
    TableName,
    did_you_mean,
    raise_all,
    shown,
)

_PERSON_COLUMNS: Final = frozenset({"user_id", "user_login"})
_CHECKS_FOLDER = "checks"
# Of these tables it is noted when they change; of those who were forgotten, everything is built anew.
_NOTED_OF_RAW: Final = frozenset(
    {
        *("settings", "plan_prices", "plan_credits", "events", "forgotten", "expected_reports", "token_end"),
        *("fetches", "current_fetches", "quarantine", "unknown_fields"),
    }
)
# Table functions that give the same rows each time, `range` among them; any other may read a file.
_PURE: Final = (exp.GenerateSeries, exp.Unnest)
# What tells something else each time, as sqlglot knows it and by DuckDB's other names for it.
_CLOCKS_AND_DICE: Final = (
    exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime, exp.CurrentTimestamp, exp.Localtime, exp.Localtimestamp,
    exp.Rand, exp.Uuid, exp.TableSample,
)  # fmt: skip
_ALSO_CLOCKS_AND_DICE: Final = frozenset(
    {
        *("now", "today", "get_current_time", "get_current_timestamp", "transaction_timestamp", "current_localtime"),
        *("current_localtimestamp", "random", "setseed", "gen_random_uuid", "uuidv4", "uuidv7", "nextval", "currval"),
        *("txid_current", "getenv", "read_text", "read_blob", "glob"),
    }
)
# Forgetting a person empties every schema that models build: theirs may be none of these.
_SCHEMAS_OF_PYTHON: Final = frozenset({"raw", "flat"})
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_TEST_FILE = re.compile(r"([a-z0-9_]+)\.([a-z0-9_]+?)__([a-z0-9_]+)")
_HEADER = re.compile(r"\s*/\*(.*?)\*/", re.DOTALL)
_COMMENT_BESIDE = re.compile(r"[ \t]*,?[ \t]*(?:--(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/)", re.DOTALL)
_TAG = re.compile(r"(?<!\S)#(?P<tag>\w+)(?:\((?P<arguments>[^()]*)\))?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_STRAY_TAG = re.compile(r"--.*(?<!\S)#(not_null|unique|accepted|range)\b")


class _ModelHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: Annotated[str, msgspec.Meta(pattern=r"\S")]
    owners: tuple[Annotated[str, msgspec.Meta(pattern=r"^(team:.+|[^@\s]+@[^@\s]+\.[^@\s]+)$")], ...] = (
        "team:copilot",
    )
    kinds: tuple[Annotated[str, msgspec.Meta(pattern=r"^[\w.-]+$")], ...] = ()
    preview: tuple[str, ...] = ()
    incremental: Literal["week_start", "day"] | None = None


class _TestHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: str = ""
    severity: Severity = "error"


_Header = TypeVar("_Header", _ModelHeader, _TestHeader)


def load_models(folder: Path | None = None) -> tuple[SqlModel, ...]:
    """All models of a folder, each after those it reads; None is `dbt_like_sql/` and, with it, `COPILOT_MODELS`.

    Raises:
        ModelError: with every problem found: in a file, between models (cycles, two of one name), a test of no model.
        SettingsError: the folder that COPILOT_MODELS names is not there.
    """
    if folder:
        return _load(folder)
    own = models_folder()
    return _installed_models(*([own] if own else []))


@cache
def _installed_models(*own: Path) -> tuple[SqlModel, ...]:
    """Read once a process: the files are part of the installation."""
    return _load(shipped("dbt_like_sql"), *own)


def _load(*folders: Path) -> tuple[SqlModel, ...]:
    models: dict[str, SqlModel] = {}
    tests: dict[str, list[ModelCheck]] = {}
    problems: list[str] = []
    for file in _sql_files(folders):
        try:
            if file.parts[:-1] == (_CHECKS_FOLDER,):
                table, test = _read_test(file)
                tests.setdefault(table, []).append(test)
            else:
                model = _read_model(file)
                if model.table in models:
                    taken = shown(models[model.table].path)
                    raise file.error(f"builds {model.table}, which {taken} builds already; give yours another name.")
                models[model.table] = model
        except ModelError as error:
            problems.append(str(error))
    raise_all(problems)
    raise_all(
        f"{shown(test.path)}: tests `{table}`, but no file builds that table{did_you_mean(table, models)}."
        for table, of_table in tests.items()
        if table not in models
        for test in of_table
    )
    for table, of_table in tests.items():
        models[table] = replace(models[table], checks=models[table].checks + tuple(of_table))
    raise_all(repeated_checks(models.values()))
    return tuple(_in_order(models))


def _sql_files(folders: Iterable[Path]) -> Iterator["_File"]:
    for folder in folders:
        if not folder.is_dir():
            raise ModelError(f"{folder}: there is no such folder, so there are no SQL models to load.")
        yield from (_File(path, folder) for path in sorted(folder.rglob("*.sql")))


class _File:
    """A SQL file as it was read, and how an error speaks of it."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.parts = path.relative_to(folder).with_suffix("").parts
        try:
            self.text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise self.error("is not UTF-8 text; save it as UTF-8.") from error

    def error(self, problem: str, line: int | None = None) -> ModelError:
        return ModelError(f"{shown(self.path)}{f':{line}' if line else ''}: {problem}")


def _read_model(file: _File) -> SqlModel:
    if len(file.parts) != 2 or not all(_NAME.fullmatch(part) for part in file.parts):
        raise file.error("does not name a table; a model is <schema>/<table>.sql, in lower case with underscores.")
    schema, name = file.parts
    if schema in _SCHEMAS_OF_PYTHON:
        raise file.error(
            f"builds a table of schema {schema}, which holds what came from GitHub; choose another schema."
        )
    header = _read_header(file, _ModelHeader)
    query = _read_query(file)
    columns = tuple(_read_columns(file, query))
    names = {column.name for column in columns}
    if schema in PUBLISHED_SCHEMAS:
        _refuse_people(file, query, names)
    if schema == "weekly" and not names & {"week_start", "window_no"}:
        raise file.error("has neither `week_start` nor `window_no`; a weekly table says which time a row is about.")
    if strangers := [name for name in header.preview if name not in names]:
        raise file.error(f"has `{strangers[0]}` in `preview:`, and no such column in its final select.")
    depends_on = _read_tables(file, query)
    is_noted = _is_noted(query, depends_on)
    if header.incremental:
        _refuse_to_go_stale(file, header.incremental, names, depends_on, is_noted=is_noted)
    # The last use of the tree: writing it down takes twice as long if it has to stay as it is.
    written = query.sql(dialect="duckdb", comments=False, copy=False)
    return SqlModel(
        schema=schema,
        name=name,
        path=file.path,
        sql=file.text,
        description=header.description.strip(),
        owners=header.owners,
        kinds=header.kinds,
        preview=header.preview,
        incremental=header.incremental or "",
        is_noted=is_noted,
        columns=columns,
        depends_on=depends_on,
        code_version=hashlib.sha256(written.encode()).hexdigest(),
        checks=tuple(assertion_checks(file.path, f"{schema}.{name}", columns, header.incremental or "")),
    )


def _is_noted(query: exp.Query, reads: Iterable[TableName]) -> bool:
    """Whether what a query gives is the same until a change of a table is noted (`warehouse/changes.py`)."""
    functions = [node.name.lower() for node in query.find_all(exp.Anonymous)]
    read_otherwise = [table.this for table in query.find_all(exp.Table) if not isinstance(table.this, exp.Identifier)]
    return (
        not _unnoted(reads)
        and not query.find(*_CLOCKS_AND_DICE)
        and _ALSO_CLOCKS_AND_DICE.isdisjoint(functions)
        and all(isinstance(function, _PURE) for function in read_otherwise)
    )


def _unnoted(reads: Iterable[TableName]) -> list[TableName]:
    return [
        table
        for table in reads
        if table == ("flat", "sources") or (table[0] == "raw" and table[1] not in _NOTED_OF_RAW)
    ]


def _refuse_to_go_stale(
    file: _File, column: str, names: Set[str], reads: Iterable[TableName], *, is_noted: bool
) -> None:
    """Keep a model that could go stale from being incremental."""
    if column not in names:
        raise file.error(f"has `incremental: {column}`, and no such column in its final select.")
    if "getvariable" not in file.text.lower():
        raise file.error(
            f"has `incremental: {column}`, and nothing of it reads getvariable('since'), the day from which it is "
            "rebuilt; dbt_like_sql/README.md says how."
        )
    if unnoted := _unnoted(reads):
        raise file.error(
            f"has `incremental: {column}` and reads `{'.'.join(unnoted[0])}`, of which nobody notes when it changed. "
            f"Of schema raw read {', '.join(sorted(_NOTED_OF_RAW))} alone, or take `incremental` out."
        )
    if not is_noted:
        raise file.error(
            f"has `incremental: {column}` and asks a clock, dice or a file, of which nobody notes when they tell "
            "something else. Take that or `incremental` out."
        )


def _refuse_people(file: _File, query: exp.Query, names: Set[str]) -> None:
    """Keep people out of tables that are shown and exported: as columns, and under another name.

    Counting `user_id` is what these tables are for; a login has no use in them.
    """
    people = names & _PERSON_COLUMNS
    renamed = {
        alias.this.name.lower()
        for alias in query.find_all(exp.Alias)
        if isinstance(alias.this, exp.Column) and alias.this.name.lower() == "user_id" != alias.alias.lower()
    }
    logins = {column.name.lower() for column in query.find_all(exp.Column)} & {"user_login"}
    if found := sorted(people | renamed | logins):
        raise file.error(
            f"takes `{found[0]}` out of a table of people. Tables of {' and '.join(PUBLISHED_SCHEMAS)} are "
            "shown in the UI and exported: count people there, or put a table about persons into another schema."
        )


def _read_test(file: _File) -> tuple[str, ModelCheck]:
    match = _TEST_FILE.fullmatch(file.parts[-1])
    if not match:
        raise file.error("does not say what it tests; a test is checks/<schema>.<table>__<name>.sql.")
    schema, table, name = match.groups()
    header = _read_header(file, _TestHeader)
    query = _read_query(file)
    others = tuple(other for other in _read_tables(file, query) if other != (schema, table))
    return f"{schema}.{table}", ModelCheck(
        name=name,
        description=header.description.strip(),
        sql=_without_semicolon(file.text),
        severity=header.severity,
        path=file.path,
        depends_on=others,
        is_noted=_is_noted(query, others),
        is_incremental="getvariable" in file.text.lower(),
    )


def _read_header(file: _File, kind: type[_Header]) -> _Header:
    match = _HEADER.match(file.text)
    source = match[1] if match else ""
    try:
        loader = yaml.SafeLoader(source)
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            if repeated := sorted({key for key in keys if keys.count(key) > 1}):
                raise file.error(f"its header gives `{repeated[0]}` twice; keep one.")
        return msgspec.convert((loader.construct_document(node) if node else None) or {}, kind)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = file.text[: match.start(1)].count("\n") + mark.line + 1 if match and mark else None
        reason = getattr(error, "problem", None) or str(error)
        raise file.error(f"its header is not YAML ({reason}); text with a colon needs quotes.", line) from error
    except msgspec.ValidationError as error:
        allowed = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(kind))
        raise file.error(
            f"its header, the leading /* … */ comment, does not fit: {error}. It may give {allowed}."
        ) from error


def _read_query(file: _File) -> exp.Query:
    try:
        parsed = sqlglot.parse(file.text, dialect="duckdb")
    except ParseError as error:
        fault = error.errors[0]
        line, column = fault["line"] or 1, fault["col"] or 1
        source = file.text.splitlines()[line - 1]
        raise file.error(
            f"cannot be read as DuckDB SQL: {fault['description']}.\n    {source}\n    {'^':>{column}}", line
        ) from error
    except SqlglotError as error:
        raise file.error(f"cannot be read as DuckDB SQL: {error}.") from error
    statements = [node for node in parsed if node is not None and not isinstance(node, exp.Semicolon)]
    if len(statements) != 1:
        raise file.error(f"holds {len(statements)} statements; a file is exactly one SELECT.")
    if not isinstance(statements[0], exp.Select | exp.SetOperation | exp.Subquery):
        raise file.error(f"is not a SELECT but {statements[0].key.upper()}; the loader itself creates the table.")
    return statements[0]


def _without_semicolon(sql: str) -> str:
    """The text up to the `;` that ends its one statement, so that it can stand in parentheses."""
    tokens = sqlglot.tokenize(sql, dialect="duckdb")
    return sql[: next((token.start for token in tokens if token.token_type is TokenType.SEMICOLON), None)]


def _read_tables(file: _File, query: exp.Query) -> tuple[TableName, ...]:
    """The tables that a query reads, sorted, without its CTEs and table functions."""
    tables = set()
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or (not table.db and _is_cte(table)):
            continue
        if not table.db or table.catalog:
            raise file.error(
                f"reads `{table.sql(dialect='duckdb', comments=False)}`; write <schema>.<table>, for the name says "
                "what must be built first.",
                table.this.meta.get("line"),
            )
        tables.add((table.db.lower(), table.name.lower()))
    return tuple(sorted(tables))


def _is_cte(table: exp.Table) -> bool:
    """Whether a bare name means a CTE: the nearest `with` around it, and of that only what stands before.

    sqlglot's scopes would answer too, but they leave out PIVOT.
    """
    inner: exp.Expr = table
    while outer := inner.parent:
        visible: list[exp.Expr] = []
        if isinstance(outer, exp.With):
            visible = outer.expressions[: (inner.index or 0) + bool(outer.recursive)]
        elif (ctes := outer.args.get("with_")) is not inner and ctes:
            visible = ctes.expressions
        if any(cte.alias.lower() == table.name.lower() for cte in visible):
            return True
        inner = outer
    return False


def _read_columns(file: _File, query: exp.Query) -> Iterator[ModelColumn]:
    """The columns of the final select (of a union: its first branch, which names them), with docs and assertions."""
    branches = list(_branches(query))
    if any(branch.is_star for branch in branches):
        raise file.error("its final select has a `*`; name the columns, so that the table's shape is decided here.")
    names: dict[str, exp.Identifier] = {}
    for projection in branches[0].selects:
        identifier = projection.args["alias"] if isinstance(projection, exp.Alias) else projection.this
        if not isinstance(projection, exp.Alias | exp.Column) or not isinstance(identifier, exp.Identifier):
            shown = projection.sql(dialect="duckdb", comments=False)
            raise file.error(f"the column `{shown}` of its final select has no name; add `as <name>`.")
        if not _NAME.fullmatch(identifier.name) or identifier.name in names:
            raise file.error(
                f"the column name `{identifier.name}` is taken or not lower case with underscores; choose another.",
                identifier.meta["line"],
            )
        names[identifier.name] = identifier
    lines = {identifier.meta["line"] for identifier in names.values()}
    for line, text in enumerate(file.text.splitlines(), 1):
        if line not in lines and (stray := _STRAY_TAG.search(text)):
            raise file.error(
                f"#{stray[1]} stands beside no column; put it after the name of one of the last select.", line
            )
    for name, identifier in names.items():
        beside = _COMMENT_BESIDE.match(file.text, identifier.meta["end"] + 1)
        comment = (beside["line"] or beside["block"] or "") if beside else ""
        yield ModelColumn(
            name=name,
            doc=" ".join(_TAG.sub("", comment).split()),
            assertions=tuple(
                _read_assertion(file, tag["tag"], tag["arguments"], names, identifier.meta["line"])
                for tag in _TAG.finditer(comment)
            ),
        )


def _branches(query: exp.Expr) -> Iterator[exp.Select]:
    if isinstance(query, exp.SetOperation):
        yield from _branches(query.left)
        yield from _branches(query.right)
    elif isinstance(query, exp.Subquery):
        yield from _branches(query.this)
    elif isinstance(query, exp.Select):
        yield query


def _read_assertion(file: _File, tag: str, arguments: str | None, names: Collection[str], line: int) -> Assertion:
    given = tuple(argument.strip() for argument in arguments.split(",")) if arguments is not None else ()
    well_formed = {
        "not_null": arguments is None,
        "unique": all(given) and bool(given),
        "accepted": all(given) and bool(given),
        "range": len(given) == 2 and any(given) and all(_NUMBER.fullmatch(bound) for bound in given if bound),
    }
    if not well_formed.get(tag):
        raise file.error(
            f"#{tag}{f'({arguments})' if arguments is not None else ''} is no assertion; there are #not_null, "
            "#unique(column, …), #accepted(value, …) and #range(low, high), of which one number may be left out.",
            line,
        )
    if tag == "unique" and (unknown := [name for name in given if name not in names]):
        raise file.error(f"#unique names `{unknown[0]}`, which is no column{did_you_mean(unknown[0], names)}.", line)
    return Assertion(tag, given)


def _in_order(models: Mapping[str, SqlModel]) -> Iterator[SqlModel]:
    """The models, each after those it reads. Raises `ModelError` with the path of a cycle."""
    reads = {
        table: [name for name in map(".".join, model.depends_on) if name in models] for table, model in models.items()
    }
    try:
        for table in graphlib.TopologicalSorter(reads).static_order():
            yield models[table]
    except graphlib.CycleError as error:
        cycle: list[str] = error.args[1]
        raise ModelError(
            f"{shown(models[cycle[0]].path)}: reads itself by way of {' → '.join(reversed(cycle))}; "
            "take one of these references out."
        ) from error
