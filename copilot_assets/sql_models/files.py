"""SQL models: reads `dbt_like_sql/` and says what each file builds, from which tables, and what must hold of it.

Here belong the file format, its errors and whatever can be read out of a SELECT. Nothing is executed or rewritten,
and no Dagster is known: `orchestration/assets/sql.py` makes assets and checks of what is read here.
"""

import difflib
import graphlib
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec
import sqlglot
import yaml
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.tokenizer_core import TokenType

Severity = Literal["warn", "error"]
TableName = tuple[str, str]

# Their tables are shown in the UI, whose history keeps what it shows, and exported.
PUBLISHED_SCHEMAS: Final = ("weekly", "quality")

_PERSON_COLUMNS: Final = frozenset({"user_id", "user_login"})
_CHECKS_FOLDER = "checks"
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_TEST_FILE = re.compile(r"([a-z0-9_]+)\.([a-z0-9_]+?)__([a-z0-9_]+)")
_HEADER = re.compile(r"\s*/\*(.*?)\*/", re.DOTALL)
_COMMENT_BESIDE = re.compile(r"[ \t]*,?[ \t]*(?:--(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/)", re.DOTALL)
_TAG = re.compile(r"(?<!\S)#(?P<tag>\w+)(?:\((?P<arguments>[^()]*)\))?")
_STRAY_TAG = re.compile(r"--.*(?<!\S)#(not_null|unique|accepted|range)\b")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class ModelError(Exception):
    """SQL models cannot be loaded: one sentence a problem, each beginning with the file and, where known, the line."""


class _ModelHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: Annotated[str, msgspec.Meta(pattern=r"\S")]
    owners: tuple[Annotated[str, msgspec.Meta(pattern=r"^(team:.+|[^@\s]+@[^@\s]+\.[^@\s]+)$")], ...] = (
        "team:copilot",
    )
    kinds: tuple[Annotated[str, msgspec.Meta(pattern=r"^[\w.-]+$")], ...] = ()


class _TestHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: str = ""
    severity: Severity = "error"


_Header = TypeVar("_Header", _ModelHeader, _TestHeader)


@dataclass(frozen=True)
class Assertion:
    """What a tag beside a column claims: `#range(0, 1)` is tag `range` with arguments `("0", "1")`."""

    tag: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.tag}({', '.join(self.arguments)})" if self.arguments else self.tag


@dataclass(frozen=True)
class ModelColumn:
    """A column of the final select, with the comment that stands beside it."""

    name: str
    doc: str
    assertions: tuple[Assertion, ...]


@dataclass(frozen=True)
class ModelCheck:
    """A SELECT of offending rows: it passes when there are none. Made of an assertion or of a file in `checks/`."""

    name: str
    description: str
    sql: str
    severity: Severity
    path: Path
    depends_on: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class SqlModel:
    """One file of `dbt_like_sql/`: the SELECT, verbatim, and everything that was read out of it."""

    schema: str
    name: str
    path: Path
    sql: str
    description: str
    owners: tuple[str, ...]
    kinds: tuple[str, ...]
    columns: tuple[ModelColumn, ...]
    depends_on: tuple[TableName, ...]
    code_version: str
    checks: tuple[ModelCheck, ...]

    @property
    def key(self) -> TableName:
        """`("weekly", "user_trend")`: the parts of the table's name and of the asset's key."""
        return self.schema, self.name

    @property
    def table(self) -> str:
        """`weekly.user_trend`, as SQL writes it."""
        return f"{self.schema}.{self.name}"


def load_models(folder: Path | None = None) -> tuple[SqlModel, ...]:
    """All models of a folder, each after those it reads; None is the project's own `dbt_like_sql/`.

    Raises `ModelError` with every problem found: in a file, between models (cycles), or a test of no model.
    """
    return _load(folder) if folder else _project_models()


@cache
def _project_models() -> tuple[SqlModel, ...]:
    """Read once a process: the files are part of the installation."""
    return _load(_project_folder())


def _load(folder: Path) -> tuple[SqlModel, ...]:
    if not folder.is_dir():
        raise ModelError(f"{folder}: there is no such folder, so there are no SQL models to load.")
    models: dict[str, SqlModel] = {}
    tests: dict[str, list[ModelCheck]] = {}
    problems: list[str] = []
    for path in sorted(folder.rglob("*.sql")):
        file = _File(path, folder)
        try:
            if file.parts[:-1] == (_CHECKS_FOLDER,):
                table, test = _read_test(file)
                tests.setdefault(table, []).append(test)
            else:
                model = _read_model(file)
                models[model.table] = model
        except ModelError as error:
            problems.append(str(error))
    _raise_all(problems)
    _raise_all(
        f"{_shown(test.path)}: tests `{table}`, but no file builds that table{_did_you_mean(table, models)}."
        for table, of_table in tests.items()
        if table not in models
        for test in of_table
    )
    for table, of_table in tests.items():
        models[table] = replace(models[table], checks=models[table].checks + tuple(of_table))
    _raise_all(_repeated_checks(models.values()))
    return tuple(_in_order(models))


def check_references(models: Collection[SqlModel], known_tables: Collection[str]) -> None:
    """Hold every table that models and their tests read against the models and `known_tables` (`flat.user_daily`).

    Raises `ModelError` for a table nobody builds, and for a model whose table Python already builds.
    """
    tables = {model.table for model in models} | set(known_tables)
    problems = [
        f"{_shown(model.path)}: builds `{model.table}`, which a Python asset builds too; rename the file."
        for model in models
        if model.table in known_tables
    ]
    readers = [(model.path, model.depends_on) for model in models]
    readers += [(check.path, check.depends_on) for model in models for check in model.checks]
    for path, depends_on in readers:
        for reference in depends_on:
            table = ".".join(reference)
            if table not in tables:
                problems.append(
                    f"{_shown(path)}:{_line_of(table, path)}: reads `{table}`, which neither a SQL model nor "
                    f"a Python asset builds{_did_you_mean(table, tables)}."
                )
    _raise_all(problems)


def column_lineage(
    model: SqlModel, upstream: Mapping[TableName, Mapping[str, str]]
) -> dict[str, tuple[tuple[TableName, str], ...]]:
    """Which upstream columns each column comes from, to the tables the model itself reads and no further.

    `upstream` gives those tables' columns and DuckDB types, without which a bare column of a join has no owner.
    Empty where sqlglot cannot follow the query: lineage informs, so it never stops a build.
    """
    known = tuple((table, tuple(columns.items())) for table, columns in upstream.items())
    return {
        column: tuple(sorted((table, name) for table, name in leaves if name in upstream.get(table, ())))
        for column, leaves in _lineage(model.sql, known).items()
    }


@lru_cache(maxsize=64)
def _lineage(
    sql: str, known: tuple[tuple[TableName, tuple[tuple[str, str], ...]], ...]
) -> dict[str, set[tuple[TableName, str]]]:
    """The leaves below each column; following a query takes 0.2 s, and it is the same as long as the tables are."""
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for (schema_name, table), columns in known:
        schema.setdefault(schema_name, {})[table] = dict(columns)
    try:
        query = sqlglot.parse(sql, dialect="duckdb")[0]
        # sqlglot pairs the columns of every union by position.
        if query is None or any(union.args.get("by_name") for union in query.find_all(exp.SetOperation)):
            return {}
        # Trimming is for people who read the nodes; it copies the query for each of them, nine tenths of the time.
        nodes = lineage(None, query, schema=schema, dialect="duckdb", trim_selects=False, copy=False)
    except SqlglotError:
        return {}
    return {column: _leaves(root) for column, root in nodes.items()}


def _leaves(root: Node) -> set[tuple[TableName, str]]:
    return {
        ((node.expression.db, node.expression.name), exp.to_column(node.name).name)
        for node in root.walk()
        if isinstance(node.expression, exp.Table)
    }


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
        return ModelError(f"{_shown(self.path)}{f':{line}' if line else ''}: {problem}")


def _project_folder() -> Path:
    """The repository's folder; in an installed package, the copy that the wheel carries."""
    package = Path(__file__).parents[1]
    beside = package.parent / "dbt_like_sql"
    return beside if beside.is_dir() else package / "dbt_like_sql"


def _read_model(file: _File) -> SqlModel:
    if len(file.parts) != 2 or not all(_NAME.fullmatch(part) for part in file.parts):
        raise file.error("does not name a table; a model is <schema>/<table>.sql, in lower case with underscores.")
    schema, name = file.parts
    header = _read_header(file, _ModelHeader)
    query = _read_query(file)
    columns = tuple(_read_columns(file, query))
    names = {column.name for column in columns}
    if schema in PUBLISHED_SCHEMAS:
        _refuse_people(file, query, names)
    if schema == "weekly" and not names & {"week_start", "window_no"}:
        raise file.error("has neither `week_start` nor `window_no`; a weekly table says which time a row is about.")
    depends_on = _read_tables(file, query)
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
        columns=columns,
        depends_on=depends_on,
        code_version=hashlib.sha256(written.encode()).hexdigest(),
        checks=tuple(_assertion_checks(file.path, f"{schema}.{name}", columns)),
    )


def _refuse_people(file: _File, query: exp.Query, names: Set[str]) -> None:
    """Keep people out of tables that are shown and exported: as columns, and under another name.

    Counting `user_id` is what these tables are for; a login has no use in them.
    """
    shown = names & _PERSON_COLUMNS
    renamed = {
        alias.this.name.lower()
        for alias in query.find_all(exp.Alias)
        if isinstance(alias.this, exp.Column) and alias.this.name.lower() == "user_id" != alias.alias.lower()
    }
    logins = {column.name.lower() for column in query.find_all(exp.Column)} & {"user_login"}
    if found := sorted(shown | renamed | logins):
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
    others = tuple(other for other in _read_tables(file, _read_query(file)) if other != (schema, table))
    return f"{schema}.{table}", ModelCheck(
        name=name,
        description=header.description.strip(),
        sql=_without_semicolon(file.text),
        severity=header.severity,
        path=file.path,
        depends_on=others,
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
        raise file.error(f"#unique names `{unknown[0]}`, which is no column{_did_you_mean(unknown[0], names)}.", line)
    return Assertion(tag, given)


def _assertion_checks(path: Path, table: str, columns: Sequence[ModelColumn]) -> Iterator[ModelCheck]:
    """The assertions of a table: a check for each #unique, and one for all of each other tag.

    null breaks only #not_null; in #unique, two nulls are the same value.
    """
    found = [(column.name, assertion) for column in columns for assertion in column.assertions]
    for _, assertion in found:
        if assertion.tag == "unique":
            key = ", ".join(f'"{name}"' for name in assertion.arguments)
            sql = f"select {key}, count(*) as copies from {table} group by {key} having count(*) > 1"
            yield ModelCheck("_".join(("unique", *assertion.arguments)), str(assertion), sql, "error", path)
    for tag in ("not_null", "accepted", "range"):
        claims = [(column, assertion) for column, assertion in found if assertion.tag == tag]
        if claims:
            sql = f"select * from {table} where " + " or ".join(_breaks(*claim) for claim in claims)
            description = "; ".join(f"{column}: {assertion}" for column, assertion in claims)
            yield ModelCheck(tag, description, sql, "error", path)


def _breaks(column: str, assertion: Assertion) -> str:
    """The condition under which a row breaks an assertion about one column."""
    match assertion.tag:
        case "not_null":
            return f'"{column}" is null'
        case "accepted":
            values = ", ".join("'" + value.replace("'", "''") + "'" for value in assertion.arguments)
            return f'"{column}" not in ({values})'
        case _:
            # An open end still refuses infinity and NaN, which DuckDB sorts above every number.
            low, high = assertion.arguments
            above = f'"{column}" >= {low}' if low else f"\"{column}\" > '-infinity'::double"
            below = f'"{column}" <= {high}' if high else f"\"{column}\" < 'infinity'::double"
            return f"not ({above} and {below})"


def _repeated_checks(models: Iterable[SqlModel]) -> Iterator[str]:
    for model in models:
        for column in model.columns:
            tags = [assertion.tag for assertion in column.assertions if assertion.tag != "unique"]
            for tag in sorted({tag for tag in tags if tags.count(tag) > 1}):
                yield f"{_shown(model.path)}: has #{tag} twice beside `{column.name}`; keep one."
        names = [check.name for check in model.checks]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{_shown(model.path)}: has two checks called `{name}`; remove a tag or rename the test's file."


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
            f"{_shown(models[cycle[0]].path)}: reads itself by way of {' → '.join(reversed(cycle))}; "
            "take one of these references out."
        ) from error


def _shown(path: Path) -> str:
    """`dbt_like_sql/weekly/user_trend.sql`, wherever the folder lies."""
    return "/".join(path.parts[-3:])


def _raise_all(problems: Iterable[str]) -> None:
    if found := list(problems):
        raise ModelError("\n".join(found))


def _did_you_mean(name: str, candidates: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(candidates), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def _line_of(table: str, path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    mention = re.compile(rf"(?<![\w.]){re.escape(table)}\b", re.IGNORECASE)
    return next((number for number, line in enumerate(lines, 1) if mention.search(line)), 1)
