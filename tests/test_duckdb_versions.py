"""Both lines of DuckDB, 1.5 and 2.0: the same tables, and files that either of them opens.

The locked line runs here; the other runs in a child process, from a folder that `make test` puts it in.
"""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
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
from tests.conftest import Company
assert duckdb.__version__.startswith("1.5."), duckdb.__version__
env, first, last, today, whole = json.loads(sys.argv[1])
with dg.DagsterInstance.ephemeral() as instance:
    company = Company(env, instance, today=date.fromisoformat(today))
    days = date.fromisoformat(first), date.fromisoformat(last)
    assert (company.run(*days).problems == ()) if whole else (company.load(*days) == [])
    print("TABLES" + json.dumps(company.tables(), default=str))
"""


def with_older(code: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(OLDER), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def run_with_older(env: dict[str, str], first: date, last: date, *, whole: bool) -> dict[str, list[list[object]]]:
    """The tables after a run of these days, with the checks, whose queries the older line must take too, or without."""
    printed = with_older(RUN, json.dumps([env, str(first), str(last), str(TODAY), whole]))
    tables: dict[str, list[list[object]]] = json.loads(printed.partition("TABLES")[2])
    return tables


def test_both_lines_make_the_same_tables_and_open_each_others_files(standin: Standin, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        newer = new_company(standin, tmp_path / "newer", instance, COPILOT_LEGACY_API="on")
        assert newer.load(*DAYS) == []
        made_by_newer = json.loads(json.dumps(newer.tables(), default=str))

        older = new_company(standin, tmp_path / "older", instance, COPILOT_LEGACY_API="on")
        older_file, env = older.env["COPILOT_WAREHOUSE"], older.env
        assert run_with_older(env, *DAYS, whole=True) == made_by_newer

        # A file of the newer line, opened and continued by the older, and the other way round.
        next_day = DAYS[1] + timedelta(days=1)
        continued = run_with_older(newer.env, next_day, next_day, whole=False)
        newer.env["COPILOT_WAREHOUSE"] = older_file
        assert newer.load(next_day, next_day) == []
        assert json.loads(json.dumps(newer.tables(), default=str)) == continued


def test_a_file_that_the_newer_line_wrote_to_opens_in_the_older(tmp_path: Path) -> None:
    assert duckdb.__version__.startswith("2."), "the locked line is the newer"
    from copilot_assets.warehouse import Warehouse

    path = tmp_path / "new.duckdb"
    with Warehouse(path).connect() as connection:
        connection.execute("create table t as select 42 as answer")
    code = "import sys, duckdb; print(duckdb.connect(sys.argv[1]).execute('select answer from t').fetchall())"
    assert with_older(code, str(path)).strip() == "[(42,)]"


def test_the_older_line_writes_a_file_anew_without_a_person() -> None:
    """By the tests of forgetting that need no run; each takes as long here as there."""
    code = "import sys, duckdb, pytest; assert duckdb.__version__ < '2'; sys.exit(pytest.main(sys.argv[1:]))"
    chosen = "nothing_of_a_person and old or views"
    told = with_older(code, "-p", "no:cacheprovider", "tests/test_forget.py", "-k", chosen)
    assert "2 passed" in told
