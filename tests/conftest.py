"""What tests of the whole pipeline share: a stand-in on a fixed day, an installation that asks it, whole tables.

GitHub alone is faked, behind real sockets; the database and the Dagster instance are real.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import stamina

from copilot_assets.definitions import build_defs
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.installation import Installation
from copilot_assets.runs import RangeResult, run_range
from copilot_assets.standin import Standin

# The stand-in's current day in tests: a Thursday, late enough for every report, long closed for Dagster's partitions.
TODAY = date(2026, 10, 1)


def report_named(name: str) -> Report:
    (report,) = (report for report in REPORTS if report.name == name)
    return report


@pytest.fixture(scope="session", autouse=True)
def retries_without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


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


@dataclass
class Company:
    """An installation of its own: settings, database file, Dagster instance."""

    env: dict[str, str]
    instance: dg.DagsterInstance
    today: date = TODAY
    landed: list[tuple[str, date]] = field(default_factory=list)

    @property
    def installation(self) -> Installation:
        return Installation(self.env, today=lambda: self.today)

    def run(self, first: date, last: date) -> RangeResult:
        return run_range(
            self.installation,
            first,
            last,
            instance=self.instance,
            on_day=lambda report, day: self.landed.append((report, day)),
        )

    def materialize(self, *tables: str, day: date | None = None) -> dg.ExecuteInProcessResult:
        """Some assets alone, as a click on them in the UI; those of days for one day."""
        return (
            build_defs(self.installation)
            .resolve_job_def("everything")
            .execute_in_process(
                instance=self.instance,
                asset_selection=[dg.AssetKey(table.split(".")) for table in tables],
                partition_key=day.isoformat() if day else None,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
        )

    def copy(self, folder: Path, instance: dg.DagsterInstance) -> Company:
        """The same settings and the same tables, to be changed: cheaper than the run that made them."""
        path = shutil.copy(self.env["COPILOT_WAREHOUSE"], folder / "copy.duckdb")
        return replace(self, env={**self.env, "COPILOT_WAREHOUSE": str(path)}, instance=instance, landed=[])

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
    return Company(
        {
            "GITHUB_API_URL": standin.api_url,
            "GITHUB_TOKEN": "secret-of-the-test",
            "COPILOT_SCOPES": scopes,
            "COPILOT_START_DATE": start.isoformat(),
            "COPILOT_WAREHOUSE": str(folder / "copilot.duckdb"),
            **env,
        },
        instance,
    )


@pytest.fixture
def company(standin: Standin, tmp_path: Path) -> Iterator[Company]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield new_company(standin, tmp_path, instance)
