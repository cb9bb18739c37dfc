"""Whatever a record of the contract holds: its text is kept byte for byte, and flattening loses no known number.

Records are made from msgspec's own view of the contract, and their numbers collected by walking the JSON; neither uses
the project's reading of the contract.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from copilot_assets.flat.rows import rows_of
from copilot_assets.flat.tables import tables_of
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.github.scopes import Scope
from copilot_assets.records import Record, RepoDay
from copilot_assets.records.contract import duckdb_structure
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land
from tests.conftest import NOW

DAY = date(2026, 9, 1)
ORG = Scope.parse("org:octo-org")
# What no table shows, because it has it already, or because it is GitHub's housekeeping.
IN_RAW_ONLY = {
    ("timePeriod",),
    ("day_totals",),
    ("etl_id",),
    ("day_partition",),
    ("entity_id_partition",),
    ("organization", "id"),
}
# Of a repository GitHub tells no kinds of comments; of an organisation they are a table.
OF_REPOSITORIES_IN_RAW_ONLY = {("pull_requests", "copilot_suggestions_by_comment_type")}
DAYS = {"day": DAY.isoformat(), "date": DAY.isoformat(), "report_end_day": DAY.isoformat()}
UNKNOWN = st.dictionaries(
    st.text("xyz", min_size=3, max_size=5).map(lambda name: f"unknown_{name}"),
    st.none() | st.integers() | st.text() | st.lists(st.integers(), max_size=2),
    max_size=2,
)


PLAIN = {
    inspect.FloatType: st.floats(0, 1e15, allow_nan=False) | st.integers(0, 2**53),
    inspect.DecimalType: st.integers(0, 10**16),
    inspect.StrType: st.text(max_size=8),
    inspect.BoolType: st.booleans(),
    inspect.DateType: st.just(DAY.isoformat()),
    inspect.DateTimeType: st.sampled_from(["2026-08-03T18:00:00-06:00", "2026-09-01T00:00:00Z"]),
    inspect.AnyType: st.none() | st.integers() | st.text(),
    inspect.NoneType: st.none(),
}


def value(kind: Any) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata():
            return value(kind.type)
        case inspect.UnionType():
            return st.one_of(*(value(part) for part in kind.types))
        case inspect.IntType():
            return st.integers(kind.ge or 0, 2**63 - 1 if kind.le is None else kind.le)
        case inspect.VarTupleType():
            return st.lists(value(kind.item_type), max_size=3)
        case inspect.StructType():
            return struct(kind)
    return PLAIN[type(kind)]


@cache
def made(record: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    kind = inspect.type_info(record)
    assert isinstance(kind, inspect.StructType)
    return struct(kind)


def struct(kind: inspect.StructType) -> st.SearchStrategy[dict[str, Any]]:
    if kind.cls.__name__ == "OneDay":
        return st.just({"year": DAY.year, "month": DAY.month, "day": DAY.day})
    names = {field.encode_name: field for field in kind.fields}
    # GitHub renamed a field; a record has either name.
    renamed = {"interaction_count", "user_initiated_interaction_count"} <= names.keys() and "day" not in names
    if renamed:
        names.pop("user_initiated_interaction_count")
    required = {name: field_value(name, field) for name, field in names.items() if field.required}
    optional = {name: field_value(name, field) for name, field in names.items() if not field.required}
    any_name = st.tuples(st.fixed_dictionaries(required, optional=optional), UNKNOWN).map(
        lambda both: both[1] | both[0]
    )
    if not renamed:
        return any_name
    older = any_name.map(
        lambda record: {
            {"interaction_count": "user_initiated_interaction_count"}.get(name, name): each
            for name, each in record.items()
        }
    )
    return any_name | older


def field_value(name: str, field: inspect.Field) -> st.SearchStrategy[Any]:
    if name == "day_totals":
        return st.just([])  # whole days of the 1-day report, which is a case of its own
    return st.just(DAYS[name]) if name in DAYS and field.required else value(field.type)


def numbers(
    node: Any, hidden: Collection[tuple[str, ...]], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every number in a JSON value with its path, in which lists leave no trace; none below a hidden path."""
    if isinstance(node, dict):
        for name, each in node.items():
            if not name.startswith("unknown_") and (*path, name) not in hidden:
                yield from numbers(each, hidden, (*path, name))
    elif isinstance(node, list):
        for each in node:
            yield from numbers(each, hidden, path)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path, node


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with DuckDBFile(tmp_path_factory.mktemp("warehouse") / "c.duckdb").connect() as connection:
        yield connection


@pytest.mark.parametrize("report", {report.record: report for report in REPORTS}.values(), ids=lambda r: r.name)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_text_is_kept_and_every_known_number_stands_in_a_table(
    report: Report, data: st.DataObject, connection: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    record = data.draw(made(report.record))
    style = data.draw(
        st.sampled_from([{"separators": (",", ":")}, {"ensure_ascii": False}, {"separators": (" ,  ", ": ")}])
    )
    text = json.dumps(record, **style)
    stored = keep(connection, report, text, tmp_path_factory.getbasetemp() / f"{report.table}.json")
    assert stored == text

    wanted: dict[tuple[str, ...], list[float]] = defaultdict(list)
    hidden = IN_RAW_ONLY | (OF_REPOSITORIES_IN_RAW_ONLY if report.record is RepoDay else set())
    for path, number in numbers(record, hidden):
        wanted[path].append(number)
    frame = connection.sql(
        "select scope, day, from_json(payload, $structure) as record from raw.records where report = $report",
        params={"structure": duckdb_structure(report.record), "report": report.name},
    ).pl()
    seen = set()
    for table in tables_of(report.record):
        if table.one_per:
            continue  # leaves out what its sister table shows
        rows = rows_of(table, frame)
        for column in table.columns:
            paths = [(*table.path, *path) for path in column.paths]
            expected = sorted(number for path in paths for number in wanted.get(path, ()))
            if expected:
                assert sorted(rows[column.name].drop_nulls()) == expected, f"{table.name}.{column.name}"
            seen.update(paths)
    assert wanted.keys() <= seen


def keep(connection: duckdb.DuckDBPyConnection, report: Report, text: str, path: Path) -> str:
    path.write_text(text, encoding="utf-8")
    contents = inspect_files([path], report, DAY)
    assert contents.records == 1
    now = NOW.replace(tzinfo=None)
    fetch = Fetch(ORG, report, DAY, Outcome.REPORTED, "made up", now, 200, 1, 1, str(hash(text)), {}, contents.files)
    (landed,) = land(connection, [fetch], "run")
    assert landed.outcome is Outcome.REPORTED, landed.evidence
    rows = connection.execute("select payload from raw.records where report = ?", [report.name]).fetchall()
    assert len(rows) == 1
    return str(rows[0][0])
