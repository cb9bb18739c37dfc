"""Both lines of DuckDB, 1.5 and 2.0: the same tables, and files that either of them opens.

The locked line runs here; the other runs in a child process, from a folder that `make test` puts it in.
"""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from copilot_assets.standin import Standin
from tests.conftest import TODAY, new_company

ROOT = Path(__file__).parent.parent
OLDER = ROOT / ".duckdb-1.5"
DAYS = (TODAY - timedelta(days=8), TODAY - timedelta(days=7))

pytestmark = pytest.mark.skipif(
    not (OLDER / "duckdb").is_dir(), reason="DuckDB 1.5 is not there: `make test` puts it into .duckdb-1.5"
)

RUN = """
import json, sys
from datetime import date
from pathlib import Path
import dagster as dg, duckdb, stamina
from tests.conftest import Company, connections_stay_open
assert duckdb.__version__.startswith("1.5."), duckdb.__version__
new, old, first, last, next_day, today = json.loads(sys.argv[1])
first, last, next_day, today = map(date.fromisoformat, (first, last, next_day, today))
with connections_stay_open(), dg.DagsterInstance.ephemeral() as instance:
    # With the checks, whose queries this line must take too.
    company = Company(old, instance, today=today)
    assert company.run(first, last).problems == ()
    made = company.tables()
    continued = Company(new, instance, today=today)
    assert continued.load(next_day, next_day) == []
    print("TABLES" + json.dumps([made, continued.tables()], default=str))
"""

PARSE = """
import time
from datetime import date
import duckdb, msgspec
assert duckdb.__version__ < "2"
from copilot_assets.flat.refresh import _parse
from copilot_assets.records.contract import duckdb_structure
from copilot_assets.github.reports import REPORTS
from copilot_assets.standin import World
from copilot_assets.warehouse.tables import registered
day = date(2026, 9, 8)
(report,) = (report for report in REPORTS if report.name == "users-1-day")
(row, *_) = World(today=date(2026, 9, 28)).report("org:octo-org", report.name, day, date(2026, 9, 28)).rows()
with duckdb.connect() as connection:
    connection.execute("create schema raw")
    connection.execute(
        "create table raw.records as select 'org:octo-org' as scope, $report as report, $day as day, seq, "
        "$payload as payload from range(2000) as t(seq)",
        {"report": report.name, "day": day, "payload": msgspec.json.encode(row).decode()},
    )
    chunk = connection.sql("select scope, report, day from raw.records limit 1").pl()
    began = time.process_time()
    connection.execute(
        "create table parsed as select from_json(payload, $structure) as record from raw.records",
        {"structure": duckdb_structure(report.record)},
    )
    at_least = time.process_time() - began
    with registered(connection, chunk=chunk):
        began = time.process_time()
        assert _parse(connection, report.record, 0, 2000).height == 2000
        print((time.process_time() - began) / at_least)
"""


def with_older(code: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(OLDER), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_both_lines_make_the_same_tables_and_open_each_others_files(standin: Standin, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        newer = new_company(standin, tmp_path / "newer", instance, COPILOT_LEGACY_API="on")
        assert newer.load(*DAYS) == []
        made_by_newer = json.loads(json.dumps(newer.tables(), default=str))

        older = new_company(standin, tmp_path / "older", instance, COPILOT_LEGACY_API="on")
        next_day = DAYS[1] + timedelta(days=1)
        days = map(str, (*DAYS, next_day, TODAY))
        printed = with_older(RUN, json.dumps([newer.env, older.env, *days]))
        made_by_older, continued = json.loads(printed.partition("TABLES")[2])
        assert made_by_older == made_by_newer

        # A file of the newer line was opened and continued by the older; here it is the other way round.
        newer.env["COPILOT_WAREHOUSE"] = older.env["COPILOT_WAREHOUSE"]
        assert newer.load(next_day, next_day) == []
        assert json.loads(json.dumps(newer.tables(), default=str)) == continued


def test_a_file_that_the_newer_line_wrote_to_opens_in_the_older(tmp_path: Path) -> None:
    assert duckdb.__version__.startswith("2."), "the locked line is the newer"
    from copilot_assets.warehouse.duckdb_file import DuckDBFile

    path = tmp_path / "new.duckdb"
    with DuckDBFile(path).connect() as connection:
        connection.execute("create table t as select 42 as answer")
    code = "import sys, duckdb; print(duckdb.connect(sys.argv[1]).execute('select answer from t').fetchall())"
    assert with_older(code, str(path)).strip() == "[(42,)]"


def test_the_older_line_builds_models_and_writes_a_file_anew_without_a_person() -> None:
    """By all tests of the loader of models, and by those of forgetting that need no run."""
    code = "import sys, duckdb, pytest; assert duckdb.__version__ < '2'; sys.exit(pytest.main(sys.argv[1:]))"
    with_older(
        code,
        *("-p", "no:cacheprovider", "tests/sql_models/test_sql_models.py"),
        "tests/people/test_forget.py::test_nothing_of_a_person_is_left_and_nothing_else_is_lost[pseudonym-@old-name]",
        "tests/people/test_forget.py::test_the_views_and_the_types_are_as_they_were",
    )


def test_the_older_line_hands_records_over_as_quickly_as_it_parses_them() -> None:
    """Where the query had parameters, it took ten times as long as the parsing itself."""
    assert float(with_older(PARSE)) < 4
