"""What tests of the whole pipeline share: a stand-in on a fixed day, an installation that asks it, whole tables.

GitHub alone is faked, behind real sockets; the database and the Dagster instance are real.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import dagster as dg
import duckdb
import pytest
import stamina
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.runs import in_memory as runs_in_memory
from sqlalchemy import Connection, QueuePool

from copilot_assets.definitions import build_defs
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.orchestration.installation import Installation, asked_reports
from copilot_assets.orchestration.partitions import range_tags
from copilot_assets.shell.runs import RangeResult, run_range
from copilot_assets.standin import Standin
from copilot_assets.warehouse import duckdb_file

pytest_plugins = ["tests.listeners", "tests.postgres"]

# The stand-in's current day in tests: a Thursday, late enough for every report, long closed for Dagster's partitions.
TODAY = date(2026, 10, 1)
# The key of people's pseudonyms in every company of the tests.
KEY = bytes(range(32))
_BEGAN = monotonic()
# This machine's time in tests that ask for `fixed_clock`: it stands.
NOW = datetime.combine(TODAY, time(6, 30), UTC)
# Files that are begun first, so that the others run beside them: what is begun last keeps one process busy alone.
LONGEST = [
    "tests/ui/test_browser.py",
    "tests/deploy/test_compose.py",
    "tests/test_pages.py",
    "tests/test_duckdb_versions.py",
    "tests/people/test_forget.py",
    "tests/shell/test_secrets.py",
]
# Dagster prints every event of a run.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called by pytest; it leaves out what is within another of its `testpaths`, so their order can't say this."""
    files = [item.nodeid.partition("::")[0] for item in items]
    first = {file: place for place, file in enumerate(dict.fromkeys([*LONGEST, *files]))}
    items.sort(key=lambda item: first[item.nodeid.partition("::")[0]])


def report_named(name: str) -> Report:
    (report,) = (report for report in REPORTS if report.name == name)
    return report


def all_but(*asked: str) -> str:
    """`COPILOT_SKIP_REPORTS` where these reports alone are asked for: each further one is a fiftieth of a whole run."""
    return ",".join(report.name for report in REPORTS if report.name not in asked)


def pseudonym(person: int | str, key: bytes = KEY) -> int:
    """The first 53 bits of the HMAC, by way of its hexadecimal digits: 13 of them and one bit of the next."""
    digits = hmac.new(key, str(person).encode("ascii"), hashlib.sha256).hexdigest()[:14]
    return int(digits, 16) // 8


@pytest.fixture(scope="session", autouse=True)
def retries_without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3), pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)  # as `make` sets it: no test writes into the checkout's history
        patch.setattr(duckdb_file, "WRITER_PATIENCE_SECONDS", 0.0)
        patch.setattr(duckdb_file, "READER_PATIENCE_SECONDS", 0.0)
        yield


@contextmanager
def connections_stay_open() -> Iterator[None]:
    """Dagster's instances in memory open one anew for each of a run's hundreds of events: an eighth of its price."""

    @contextmanager
    def connected(storage: Any) -> Iterator[Connection]:
        with getattr(storage, "_db_lock", nullcontext()), storage._engine.begin() as connection:
            yield connection

    with pytest.MonkeyPatch.context() as patch:
        for module in (events_in_memory, runs_in_memory):
            patch.setattr(module, "NullPool", QueuePool)
        patch.setattr(events_in_memory.InMemoryEventLogStorage, "_connect", connected)
        patch.setattr(runs_in_memory.InMemoryRunStorage, "connect", connected)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_instances() -> Iterator[None]:
    with connections_stay_open():
        yield


@pytest.fixture
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Lets this machine's clock, and that of stand-ins in this process, stand at `NOW`."""
    monkeypatch.setattr("copilot_assets.now._machine", lambda: NOW)
    return NOW


@pytest.fixture(scope="session")
def github() -> Iterator[Standin]:
    with Standin(today=TODAY, legacy_open=True) as standin:
        yield standin


@pytest.fixture
def standin(github: Standin) -> Iterator[Standin]:
    """The stand-in without faults, and without them again afterwards."""
    github.faults.clear()
    yield github
    github.faults.clear()
    until = monotonic() + 5
    while github.in_flight and monotonic() < until:  # of a process that was killed: else the next test would see it
        sleep(0.01)
    github.clock_ahead = timedelta()


def clock(today: Callable[[], date]) -> Callable[[], datetime]:
    """Hours of a day that go on, so that of two fetches the later one is later: half past six, and what has passed."""
    return lambda: datetime.combine(today(), time(6, 30), UTC) + timedelta(seconds=monotonic() - _BEGAN)


def sentences(result: dg.ExecuteInProcessResult) -> list[str]:
    """What the steps that failed say."""
    failures = [event.step_failure_data for event in result.get_step_failure_events()]
    return [
        failure.user_failure_data.description if failure.user_failure_data else str(failure.error)
        for failure in failures
    ]


@dataclass
class Company:
    """An installation of its own: settings, database file, Dagster instance."""

    env: dict[str, str]
    instance: dg.DagsterInstance
    today: date = TODAY
    landed: list[tuple[str, date]] = field(default_factory=list)
    failed: list[tuple[str, date]] = field(default_factory=list)

    @property
    def installation(self) -> Installation:
        return Installation(self.env, now=clock(lambda: self.today))

    @contextmanager
    def file_kept_open(self) -> Iterator[None]:
        """Make the opens in between cheap: DuckDB opens a file once for all of a process that have it open.

        A run opens it sixty times, at 25 ms. Runs that find it closed each time are those of the shell's commands.
        """
        with self.installation.warehouse().connect():
            yield

    def run(self, first: date, last: date) -> RangeResult:
        """The whole graph and its checks for a range: seconds, so for what is said of the run or of its checks."""
        with self.file_kept_open():
            return run_range(self.installation, first, last, instance=self.instance, on_day=self._note)

    def load(self, first: date, last: date, *tables: str) -> list[str]:
        """A range without the checks, which write nothing and are half the price: of some assets, or of all.

        What failed is told by its sentence, and what is below it is not built: `rebuild` does that.
        """
        return self._without_checks("everything", tables, range_tags(first, last))

    def rebuild(self) -> list[str]:
        """Everything below raw without the checks."""
        return self._without_checks("rebuild", (), {})

    def _without_checks(self, name: str, tables: Sequence[str], tags: dict[str, str]) -> list[str]:
        job = build_defs(replace(self.installation, on_day=self._note)).resolve_job_def(name)
        named = {dg.AssetKey(table.split(".")) for table in tables} or set(job.asset_layer.executable_asset_keys)
        # A step that makes several tables makes all of them or none.
        graph = job.asset_layer.asset_graph
        keys = {each for key in named for each in graph.get(key).execution_set_asset_keys}
        job = job.get_subset(asset_selection=keys, asset_check_selection=set())
        with self.file_kept_open():
            result = job.execute_in_process(instance=self.instance, tags=tags, run_config=_QUIET, raise_on_error=False)
        return sentences(result)

    @property
    def raw(self) -> list[str]:
        """The raw tables that a run of these settings fetches."""
        return [f"raw.{report.table}" for report in asked_reports(self.installation.settings())]

    def materialize(self, *tables: str, day: date | None = None) -> dg.ExecuteInProcessResult:
        """Some assets alone, or all, with their checks, as a click on them in the UI; those of days for one day."""
        job = build_defs(self.installation).resolve_job_def("everything")
        with self.file_kept_open():
            return job.execute_in_process(
                instance=self.instance,
                asset_selection=[dg.AssetKey(table.split(".")) for table in tables] or None,
                partition_key=day.isoformat() if day else None,
                run_config=_QUIET,
                raise_on_error=False,
            )

    def _note(self, report: str, day: date, has_failed: bool) -> None:
        (self.failed if has_failed else self.landed).append((report, day))

    def copy(self, folder: Path, instance: dg.DagsterInstance) -> Company:
        """The same settings and the same tables, to be changed: cheaper than the run that made them."""
        path = shutil.copy(self.env["COPILOT_WAREHOUSE"], folder / "copy.duckdb")
        (folder / "copy.key").write_text(KEY.hex())
        return replace(self, env={**self.env, "COPILOT_WAREHOUSE": str(path)}, instance=instance, landed=[], failed=[])

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.env["COPILOT_WAREHOUSE"], read_only=True) as connection:
            return connection.execute(query).fetchall()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every table whole, rows in order; without what differs from run to run by nature."""
        with duckdb.connect(self.env["COPILOT_WAREHOUSE"], read_only=True) as connection:
            named = connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables() "
                "where schema_name in ('flat', 'weekly', 'quality') order by 1"
            ).fetchall()
            queries = {name: f"from {name} order by all" for (name,) in named}
            queries["raw.records"] = "select scope, report, day, seq, payload from raw.records order by all"
            return {name: connection.execute(query).fetchall() for name, query in queries.items()}

    def materialized(self, *key: str) -> set[date]:
        return {
            date.fromisoformat(day) for day in self.instance.get_materialized_partitions(asset_key=dg.AssetKey(key))
        }


def new_company(
    standin: Standin,
    folder: Path,
    instance: dg.DagsterInstance,
    *,
    scopes: str = "org:octo-org,org:octo-labs,enterprise:octo-corp",
    start: date = TODAY - timedelta(days=21),
    **env: str,
) -> Company:
    folder.mkdir(exist_ok=True)
    (folder / "copilot.key").write_text(KEY.hex())
    return Company(
        {
            "GITHUB_API_URL": standin.api_url,
            "GITHUB_TOKEN": "secret-of-the-test",
            "COPILOT_SCOPES": scopes,
            "COPILOT_START_DATE": start.isoformat(),
            "COPILOT_WAREHOUSE": str(folder / "copilot.duckdb"),
            "COPILOT_REPORT": "off",  # drawing takes half as long as all the rest of a small run
            **env,
        },
        instance,
    )


@pytest.fixture
def company(standin: Standin, tmp_path: Path) -> Iterator[Company]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield new_company(standin, tmp_path, instance)
