"""Ways to bring one users-1-day file to flat tables: this project's, and others that people would take in its place.

`python -m benchmarks.contestants WAY FILE` runs one in a process of its own and prints what it took and what it made.
Each is written as its documentation has it. Only ours validates every record, makes pseudonyms, gives every value the
one name it goes by, keeps a ledger and replaces what was there; what a way leaves out besides is said at it. dlt and
pandas are looked for on the path (`requirements.txt`).
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, Final

import duckdb
import polars as pl

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import Contents, inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS
from copilot_assets.github.scopes import Scope
from copilot_assets.people.identities import Identities
from copilot_assets.records import UserDay
from copilot_assets.records.contract import duckdb_structure
from copilot_assets.settings import IdentityMode
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land

(USERS,) = (report for report in REPORTS if report.name == "users-1-day")
# The day that the file is about.
DAY: Final = date(2026, 10, 28)

# The lists and objects of a record that become tables, each with a counter whose sum must come out alike.
_LISTS: Final = {
    "ide": "code_generation_activity_count",
    "feature": "code_generation_activity_count",
    "language_feature": "code_generation_activity_count",
    "language_model": "code_generation_activity_count",
    "model_feature": "code_generation_activity_count",
    "3rd_party_agent": "user_initiated_interaction_count",
    "skill": "interaction_count",
    "custom_agent": "interaction_count",
    "mcp": "interaction_count",
    "slash_cmd": "interaction_count",
    "plugin": "interaction_count",
}
_OBJECTS: Final = {"cli": "request_count", "copilot_app": "request_count", "vscode_agent": "session_count"}
_MEASURES: Final = {"person": "code_generation_activity_count", **_LISTS, **_OBJECTS}

# Rows and sum of every table, by the name that it has in `_MEASURES`.
Made = dict[str, tuple[int, int]]
# Tells how long a part of a way takes, which ends with the `with` that it is entered by.
Stage = Callable[[str], AbstractContextManager[None]]
# What a way does with a file in an empty folder; it is timed, and what it gives back counts what was made.
Way = Callable[[Path, Path, Stage], Callable[[], Made]]


def ours(file: Path, folder: Path, stage: Stage) -> Callable[[], Made]:
    """What a run does with a file once it is downloaded; the digest, which a run takes on the way, included."""
    with stage("digest"), file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    with stage("validate"):
        contents = inspect_files([file], USERS, DAY)
    warehouse = DuckDBFile(folder / "copilot.duckdb")
    with stage("keep the text"), warehouse.connect() as connection:
        land(connection, [fetch_of(file, contents, digest, DAY)], "benchmark")
    with stage("parse and flatten"), warehouse.connect() as connection:
        refresh_flat(connection, UserDay, [USERS.name], identities(folder))
    return lambda: _made_in(
        warehouse.path, lambda name: f"flat.user_{name.replace('3rd', 'third')}_daily".replace("person_", "")
    )


def fetch_of(file: Path, contents: Contents, digest: str, day: date) -> Fetch:
    """What the client makes of a file that was read."""
    return Fetch(
        Scope.parse("enterprise:octo-corp"),
        USERS,
        day,
        Outcome.REPORTED,
        "Read from a file.",
        datetime(2026, 11, 10),  # noqa: DTZ001  # UTC without zone, as everywhere in the ledger
        records=contents.records,
        bytes=file.stat().st_size,
        sha256=digest,
        files=contents.files,
    )


def identities(folder: Path) -> Identities:
    """People by pseudonyms, as an installation has them unless told otherwise."""
    return Identities(IdentityMode.PSEUDONYM, folder / "copilot.key")


def duckdb_alone(file: Path, folder: Path, stage: Stage) -> Callable[[], Made]:
    """DuckDB's own reader, types found by itself; the records stay as structures, so without their text."""
    path = folder / "alone.duckdb"
    with duckdb.connect(str(path)) as connection:
        with stage("parse"):
            connection.execute("create table raw as from read_json(?, format = 'newline_delimited')", [str(file)])
        with stage("flatten"):
            _unnest(connection, "raw")
    return lambda: _made_in(path, lambda name: f'"{name}"')


def duckdb_with_text(file: Path, folder: Path, stage: Stage) -> Callable[[], Made]:
    """DuckDB alone, each record's text kept as ours is; the structure is given, which it need not look for then."""
    path = folder / "text.duckdb"
    with duckdb.connect(str(path)) as connection:
        with stage("keep the text"):
            connection.execute(
                "create table raw as select json from read_json_objects(?, format = 'newline_delimited')", [str(file)]
            )
        with stage("parse"):
            connection.execute(
                "create temp table parsed as select unnest(from_json(json, ?)), (json ->> 'day')::date as day from raw",
                [duckdb_structure(UserDay)],
            )
        with stage("flatten"):
            _unnest(connection, "parsed")
    return lambda: _made_in(path, lambda name: f'"{name}"')


def _unnest(connection: duckdb.DuckDBPyConnection, records: str) -> None:
    connection.execute(f"create table person as select columns(lambda c: c not like 'totals_by_%') from {records}")
    for name in (*_LISTS, *_OBJECTS):
        connection.execute(
            f'create table "{name}" as select day, user_id, user_login, '
            f"unnest(totals_by_{name}, recursive := true) from {records} where totals_by_{name} is not null"
        )


def polars_alone(file: Path, folder: Path, _stage: Stage) -> Callable[[], Made]:
    """Polars' own reader, types found by itself; Parquet files take the place of a database."""
    raw = pl.read_ndjson(file, infer_schema_length=10_000)
    raw.write_parquet(folder / "raw.parquet")
    raw.select(~pl.selectors.starts_with("totals_by_")).write_parquet(folder / "person.parquet")
    for name in (*_LISTS, *_OBJECTS):
        part = raw.select("day", "user_id", "user_login", node=f"totals_by_{name}").filter(pl.col("node").is_not_null())
        if name in _LISTS:
            part = part.filter(pl.col("node").list.len() > 0).explode("node")
        part.unnest("node").write_parquet(folder / f"{name}.parquet")
    return lambda: {
        name: _rows_and_sum(pl.read_parquet(folder / f"{name}.parquet", columns=[measure])[measure].to_list())
        for name, measure in _MEASURES.items()
    }


def pandas_alone(file: Path, _folder: Path, _stage: Stage) -> Callable[[], Made]:
    """The reader of pandas and `explode`; nothing is stored, the tables are gone with the process."""
    pd = import_module("pandas")
    raw = pd.read_json(file, lines=True)
    tables = {"person": raw[[name for name in raw.columns if not name.startswith("totals_by_")]]}
    for name in (*_LISTS, *_OBJECTS):
        part = raw[["day", "user_id", "user_login", f"totals_by_{name}"]].rename(columns={f"totals_by_{name}": "node"})
        part = (part.explode("node") if name in _LISTS else part).dropna(subset="node").reset_index(drop=True)
        tables[name] = part.join(pd.json_normalize(part.pop("node").tolist(), sep="_"))
    return lambda: {name: _rows_and_sum(tables[name][measure]) for name, measure in _MEASURES.items()}


def dlt_alone(file: Path, folder: Path, _stage: Stage, loader_file_format: str | None = None) -> Callable[[], Made]:
    """Into DuckDB by dlt, with INSERT statements unless told otherwise; objects become columns, no text is kept."""
    dlt = import_module("dlt")
    orjson = import_module("orjson")

    def pages() -> Iterator[list[Any]]:
        with file.open("rb") as lines:
            while page := [orjson.loads(line) for line in islice(lines, 1_000)]:
                yield page

    path = folder / "dlt.duckdb"
    pipeline = dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.duckdb(str(path)),
        dataset_name="flat",
        pipelines_dir=str(folder / "pipelines"),
    )
    pipeline.run(pages(), table_name="person", loader_file_format=loader_file_format).raise_on_failed_jobs()

    def where(name: str) -> str:
        if name in _LISTS:
            return f"flat.person__totals_by_{name}"
        column = f"totals_by_{name}__{_MEASURES[name]}"
        return f"(select {column} as {_MEASURES[name]} from flat.person where {column} is not null)"

    return lambda: _made_in(path, lambda name: "flat.person" if name == "person" else where(name))


def _made_in(path: Path, table: Callable[[str], str]) -> Made:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            name: connection.execute(
                f"select count(*), coalesce(sum({measure}), 0)::bigint from {table(name)}"
            ).fetchall()[0]
            for name, measure in _MEASURES.items()
        }


def _rows_and_sum(values: Any) -> tuple[int, int]:
    return len(values), int(sum(values))


WAYS: Final[dict[str, Way]] = {
    "ours": ours,
    "DuckDB alone": duckdb_alone,
    "DuckDB, text kept": duckdb_with_text,
    "Polars alone": polars_alone,
    "pandas": pandas_alone,
    "dlt": dlt_alone,
    "dlt by Parquet": partial(dlt_alone, loader_file_format="parquet"),
}


# What a way needs beyond what this module loads; loading it is no part of its time.
_NEEDS: Final = {
    "ours": ("pyarrow",),
    "pandas": ("pandas",),
    "dlt": ("dlt", "orjson"),
    "dlt by Parquet": ("dlt", "orjson"),
}


def _peak_bytes() -> int:
    """The most memory that this process has held. Linux counts its parent's into `ru_maxrss`, not into `VmHWM`."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS has bytes there


def main(way: str, file: Path) -> None:
    """Run one way and print as JSON: seconds by the clock and of the cores, peak memory, bytes on disk, rows, sums."""
    stages: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        stages[name] = perf_counter() - began

    for library in _NEEDS.get(way, ()):
        import_module(library)
    with TemporaryDirectory(prefix="copilot-bench-", dir=file.parent) as folder:
        began, worked = perf_counter(), process_time()
        made = WAYS[way](file, Path(folder), stage)
        seconds, cpu_seconds = perf_counter() - began, process_time() - worked
        took = {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "peak_bytes": _peak_bytes(),
            "stored_bytes": sum(each.stat().st_size for each in Path(folder).glob("*.*") if each.is_file()),
            "stages": stages,
            "made": made(),
        }
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
