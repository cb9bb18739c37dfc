"""Commands of the shell on a machine whose clock is wrong, as processes that are told another time by the system.

What comes of it in the tables, case by case, is in `tests/orchestration/test_wrong_clock.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from copilot_assets.shipped import shipped
from copilot_assets.standin import Fault, Standin
from tests.conftest import TODAY, all_but

FAKETIME = find_spec("libfaketime")
pytestmark = pytest.mark.skipif(FAKETIME is None, reason="libfaketime is for Linux on x86-64 alone")

DAY = str(TODAY - timedelta(days=6))


@pytest.fixture
def env(standin: Standin, tmp_path: Path) -> dict[str, str]:
    """An installation that asks for one report."""
    (tmp_path / "dagster.yaml").write_bytes(shipped("dagster.yaml").read_bytes())
    return {
        **os.environ,
        "DAGSTER_HOME": str(tmp_path),
        "GITHUB_API_URL": standin.api_url,
        "GITHUB_TOKEN": "secret-of-the-test",
        "COPILOT_SCOPES": "org:octo-org",
        "COPILOT_SKIP_REPORTS": all_but("users-1-day"),
        "COPILOT_START_DATE": DAY,
        "COPILOT_WAREHOUSE": str(tmp_path / "copilot.duckdb"),
        "COPILOT_REPORT": "off",
        "COPILOT_EXPORT": "off",
    }


def at(env: Mapping[str, str], difference: str) -> dict[str, str]:
    """The environment of a process whose clock is wrong by so much; that which only goes on stays right."""
    assert FAKETIME is not None
    assert FAKETIME.origin is not None
    library = Path(FAKETIME.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    return {**env, "LD_PRELOAD": str(library), "FAKETIME": difference, "DONT_FAKE_MONOTONIC": "1"}


# The raw report of a day and its flat tables alone: of a whole run nothing else is about the clock.
LOAD = """
import sys
from datetime import date
import dagster as dg
from copilot_assets.definitions import build_defs
from copilot_assets.orchestration.partitions import range_tags

day = date.fromisoformat(sys.argv[1])
job = build_defs().resolve_job_def("everything")
flat = job.asset_layer.asset_graph.get(dg.AssetKey(["flat", "user_daily"])).execution_set_asset_keys
job = job.get_subset(asset_selection={dg.AssetKey(["raw", "users_1_day"]), *flat}, asset_check_selection=set())
sys.exit(not job.execute_in_process(tags=range_tags(day, day), raise_on_error=False).success)
"""


def run(env: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def people(env: Mapping[str, str]) -> tuple[int, int]:
    """How many raw and flat hold."""
    with duckdb.connect(env["COPILOT_WAREHOUSE"], read_only=True) as connection:
        counts = "select (select count(*) from raw.records), (select count(*) from flat.user_daily)"
        ((raw, flat),) = connection.execute(counts).fetchall()
        return raw, flat


def test_what_comes_once_the_clock_is_right_again_counts_at_once(env: dict[str, str], standin: Standin) -> None:
    standin.faults.append(Fault("wrong-type", report="users-1-day"))
    code, said = run(at(env, "+20h"), "-c", LOAD, DAY)
    assert (code, "This machine's clock is 20 hours ahead of GitHub's." in said) == (0, True), said[-3000:]
    fewer, shown = people(env)
    assert fewer == shown > 0
    standin.faults.clear()
    code, said = run(env, "-c", LOAD, DAY)
    assert (code, "clock is" in said) == (0, False), said[-3000:]
    assert people(env) == (fewer + 1, fewer + 1)


def test_beyond_a_day_nothing_is_fetched(env: dict[str, str]) -> None:
    code, said = run(at(env, "-3d"), "-c", LOAD, DAY)
    assert code == 1
    assert "This machine's clock is 3 days behind GitHub's." in said
    assert "With more than a day between them nothing is fetched." in said
    assert not Path(env["COPILOT_WAREHOUSE"]).exists() or people(env) == (0, 0)
