"""Runs on a machine whose clock is wrong, or was: nothing is frozen, nothing counts as final too early.

Which days are asked for, and what is refused, is in `tests/github/test_clock.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from copilot_assets.standin import Fault, Standin
from copilot_assets.warehouse.layout import _ENTRY_NUMBER
from tests.conftest import TODAY, Company, new_company

DAY = TODAY - timedelta(days=4)
TABLES = ("raw.users_1_day", "flat.user_daily")


@pytest.fixture(scope="module")
def right(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A day that no clock disturbed."""
    github.faults.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(github, tmp_path_factory.mktemp("right"), instance, scopes="org:octo-org")
        assert company.load(DAY, DAY, *TABLES) == []
        yield company


@pytest.fixture
def ahead(standin: Standin, tmp_path: Path) -> Iterator[Company]:
    """A day that was fetched, without its first record, while the clock was five days ahead and nobody noticed."""
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(standin, tmp_path, instance, scopes="org:octo-org")
        company.today = TODAY + timedelta(days=5)
        standin.faults.append(Fault("wrong-type", report="users-1-day"))
        assert company.load(DAY, DAY, *TABLES) == []
        standin.faults.clear()
        company.today = TODAY
        yield company


def flat(company: Company) -> list[tuple[object, ...]]:
    return company.sql("from flat.user_daily order by all")


def test_what_is_fetched_after_the_clock_was_set_right_counts_at_once(ahead: Company, right: Company) -> None:
    assert len(flat(ahead)) == len(flat(right)) - 1
    assert ahead.load(DAY, DAY, *TABLES) == []
    assert flat(ahead) == flat(right)
    revised = ahead.load(DAY, DAY, "quality.revisions")
    assert revised == []
    assert ahead.sql("select day, report, is_shrinking from quality.revisions") == [(DAY, "users-1-day", False)]


def test_a_file_that_was_frozen_by_an_older_version_goes_on(ahead: Company, right: Company) -> None:
    """An older version dated by the clock alone and numbered nothing; it put the new records into raw."""
    frozen = flat(ahead)
    assert ahead.load(DAY, DAY, "raw.users_1_day") == []
    with duckdb.connect(ahead.env["COPILOT_WAREHOUSE"]) as connection:
        connection.execute("update raw.fetches set entry_number = null")
        connection.execute(_ENTRY_NUMBER)  # as the file is brought forward
        connection.execute(
            "update raw.fetches set requested_at = requested_at + interval 5 days where evidence like '% broken %'"
        )
    assert flat(ahead) == frozen != flat(right)
    assert ahead.load(DAY, DAY, "flat.user_daily") == []
    assert flat(ahead) == flat(right)
    assert ahead.sql("select entry_number from raw.fetches order by rowid") == [(1,), (2,)]


def test_nothing_that_was_dated_in_the_future_counts_as_final(ahead: Company, caplog: pytest.LogCaptureFixture) -> None:
    """Fetched on the day after it, dated five days later: a day that GitHub still revises."""
    ahead.today = TODAY + timedelta(days=5)
    early = TODAY - timedelta(days=1)
    assert ahead.load(early, early, "raw.users_1_day", "raw.expected_reports") == []
    ahead.today = TODAY
    with caplog.at_level(logging.WARNING, "copilot_assets"):
        assert ahead.load(DAY, DAY, "raw.users_1_day", "quality.day_status") == []
    assert "A clock that was ahead had dated 2 fetches in the future" in caplog.text
    assert ahead.sql(f"select status from quality.day_status where report = 'users-1-day' and day = '{early}'") == [
        ("provisional",)
    ]
    tomorrow = datetime.combine(TODAY + timedelta(days=1), datetime.min.time())
    assert ahead.sql("select max(requested_at), max(day) from raw.fetches")[0] < (tomorrow, TODAY)
    assert ahead.sql("select distinct as_of from raw.expected_reports") == [(TODAY,)]


def test_beyond_a_day_a_run_fails_with_the_sentence_and_writes_nothing(company: Company, standin: Standin) -> None:
    standin.clock_ahead = timedelta(days=-5)
    (problem, *_) = company.load(DAY, DAY, "raw.users_1_day")
    assert problem.startswith("This machine's clock is 5 days ahead of GitHub's.")
    assert company.sql("select count(*) from duckdb_tables() where table_name = 'fetches'") in ([(0,)], [(1,)])


def test_every_run_says_that_the_clock_is_wrong(
    company: Company, standin: Standin, caplog: pytest.LogCaptureFixture
) -> None:
    standin.clock_ahead = timedelta(hours=3)
    with caplog.at_level(logging.WARNING, "copilot_assets"):
        assert company.load(DAY, DAY, "raw.users_1_day", "raw.organization_1_day") == []
        assert company.load(DAY, DAY, "raw.users_1_day") == []
    said = [record.message for record in caplog.records if "clock" in record.message]
    assert len(said) == 2, "once a run, whatever it fetches"
    assert said[0].startswith("This machine's clock is 3 hours behind GitHub's. Set it by the network (NTP)")
    assert said[0] == said[1]
