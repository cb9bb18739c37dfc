"""What a run costs in counts that no machine changes: requests, connections, statements, events."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from copilot_assets.github.transport import IN_FLIGHT
from copilot_assets.shell.runs import run_range
from copilot_assets.standin import Standin
from tests.conftest import TODAY, Company, all_but, new_company

SCOPES = ("org:octo-org", "org:octo-labs")
ASKED = ("organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day")
# GitHub has repos-1-day from here on; these days lie on both sides of it.
REPOS_BEGIN = date(2026, 7, 17)
FIRST, LAST = date(2026, 7, 13), date(2026, 7, 22)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def standin() -> Iterator[Standin]:
    """One whose record holds what these tests ask, and nothing else."""
    with Standin(today=TODAY, people=40) as standin:
        yield standin


@pytest.fixture
def company(standin: Standin, tmp_path: Path) -> Iterator[Company]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield new_company(
            standin,
            tmp_path,
            instance,
            scopes=",".join(SCOPES),
            start=FIRST,
            COPILOT_SKIP_REPORTS=all_but(*ASKED),
            COPILOT_REPORT=str(tmp_path / "report"),
        )


def test_a_backfill_asks_for_links_once_and_for_each_file_once(company: Company, standin: Standin) -> None:
    raw = [f"raw.{report.replace('-', '_')}" for report in ASKED]
    assert company.load(FIRST, LAST, *raw) == []
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    links, files = 0, 0
    for scope in SCOPES:
        for name in ASKED:
            for day in days:
                if name == "repos-1-day" and day < REPOS_BEGIN:
                    continue
                links += 1
                report = standin.world.report(scope, name, day, TODAY)
                files += report.parts if report else 0
    asked = [request.host for request in standin.requests if request.path != "/rate_limit"]
    assert len(standin.requests) == len(asked) + 1, "the time, once a run"
    assert (asked.count("api"), asked.count("downloads")) == (links, files)
    assert links == 2 * (3 * 10 + 6)
    assert 1 < standin.most_in_flight <= IN_FLIGHT


@dataclass
class Costs:
    """What a run did to the database, and how many events it left."""

    connections: int = 0
    statements: list[str] = field(default_factory=list)
    steps: int = 0
    events: int = 0

    def writes(self) -> set[str]:
        """The statements that write rows, by their first words; temporary tables are nobody's."""
        words = (" ".join(text.split()[:3]).lower() for text in self.statements)
        kinds = ("insert into", "delete from", "update ", "create or replace table", "create table as")
        return {word for word in words if word.startswith(kinds)} | {
            text for text in self.statements if text.lower().startswith("create or replace table")
        }


class Watched:
    """A connection to DuckDB whose statements are written down."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, costs: Costs) -> None:
        self._connection, self._costs = connection, costs

    def __getattr__(self, name: str) -> Any:
        does = getattr(self._connection, name)
        if name not in ("execute", "executemany", "sql"):
            return does

        def told(query: str, *args: Any, **kwargs: Any) -> Any:
            self._costs.statements.append(query.strip())
            return does(query, *args, **kwargs)

        return told


def night(company: Company, monkeypatch: pytest.MonkeyPatch) -> Costs:
    """Yesterday once more, everything."""
    costs, connect = Costs(), duckdb.connect

    def watched(*args: Any, **kwargs: Any) -> Watched:
        costs.connections += 1
        return Watched(connect(*args, **kwargs), costs)

    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", watched)
        result = run_range(
            company.installation, YESTERDAY, YESTERDAY, instance=company.instance, on_day=lambda *_: None
        )
    assert result.is_success
    (run_id,) = result.run_ids
    logged = [log.dagster_event for log in company.instance.all_logs(run_id) if log.dagster_event]
    costs.steps = sum(event.is_step_success for event in logged)
    costs.events = len(logged)
    return costs


def test_a_night_on_which_nothing_changed(company: Company, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = company.env["COPILOT_REPORT"]
    company.env["COPILOT_REPORT"] = "off"
    assert company.load(YESTERDAY, YESTERDAY) == []
    company.env["COPILOT_REPORT"] = drawn
    night(company, monkeypatch)  # The first one with checks notes that they passed.
    standin.requests.clear()
    after_a_day = night(company, monkeypatch)
    requests = len(standin.requests)
    assert company.load(YESTERDAY - timedelta(days=6), YESTERDAY) == []
    night(company, monkeypatch)
    standin.requests.clear()
    after_a_week = night(company, monkeypatch)

    # It writes down that it asked, that what reads the ledger looked at that, and that the tables tell of it.
    notes = {"insert into raw.fetches", "delete from raw.rebuilt", "insert into raw.rebuilt"}
    notes |= {"update raw.derived set", "delete from raw.derived", "insert into raw.derived"}
    assert after_a_day.writes() == after_a_week.writes() == notes
    assert after_a_day.connections <= after_a_day.steps
    # None of it grows with the history.
    assert len(standin.requests) == requests
    assert after_a_week.connections == after_a_day.connections
    assert len(after_a_week.statements) == len(after_a_day.statements)
    assert after_a_week.events == after_a_day.events


def test_the_definitions_are_loaded_without_what_only_a_run_needs() -> None:
    """Every process of Dagster's loads them; DuckDB, Polars and the client would take half as long as all of them."""
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from copilot_assets.definitions import build_defs; build_defs(); print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "copilot_assets.orchestration.assets.raw" in loaded
    assert not {"duckdb", "jinja2.nodes", "polars", "pyarrow", "httpx", "jwt", "rich", "starlette", "vl_convert"} & set(
        loaded
    )
