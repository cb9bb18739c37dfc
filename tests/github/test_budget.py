"""How many requests a range takes, against those that come, and how long that lasts, against sums done by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from copilot_assets.github.budget import forecast, requests_of
from copilot_assets.github.reports import REPORTS, Delivery
from copilot_assets.github.transport import Connection
from copilot_assets.now import now_utc
from copilot_assets.standin import Standin
from tests.conftest import TODAY, report_named
from tests.github.test_client import CORP, LABS, ORG, asked, fetch

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


def days(count: int) -> list[date]:
    return [TODAY - timedelta(days=age) for age in range(1, count + 1)]


def test_a_day_of_an_organisation_and_its_enterprise_takes_twelve() -> None:
    """Six of days each: the whole, people, teams, repositories, two bills; and 28 days, seats, a subscription;
    both's budgets and the enterprise's cost centres.
    """
    reports = [report for report in REPORTS if not report.retired_on and report.delivery is not Delivery.ORDERS]
    assert requests_of(reports, [ORG, CORP], days(1), TODAY) == 12 + 5 + 3
    assert requests_of(reports, [ORG, CORP], days(7), TODAY) == 7 * 12 + 5 + 3


@pytest.mark.parametrize("report", ["repos-1-day", "legacy-metrics", "ai-credit-usage", "organization-28-day"])
def test_it_is_what_comes(standin: Standin, tmp_path: Path, report: str) -> None:
    """Repositories are told since 76 days ago, of the closed API a hundred days come at once."""
    standin.requests.clear()
    counted = requests_of([report_named(report)], [ORG, LABS], days(120), TODAY)
    fetch(standin, tmp_path, report=report, scopes=[ORG, LABS], days=days(120))
    assert counted == asked(standin)


def told(left: int | None, limit: int | None = 5000, minutes: int = 30) -> Connection:
    return Connection(rate_limit_left=left, rate_limit=limit, rate_limit_until=NOW + timedelta(minutes=minutes))


def test_what_the_limit_lets_through_takes_minutes() -> None:
    assert forecast(4380, told(4990), NOW) == (
        "That is 4,380 requests at least; GitHub lets 4,990 more through until 12:30 UTC, then 5,000 an hour: it "
        "takes 5 minutes at best."
    )


def test_what_it_does_not_ends_in_a_later_hour() -> None:
    """Of 12,045 requests 11,045 are left at 12:30, 6,045 at 13:30 and 1,045 at 14:30, which take 70 seconds."""
    assert forecast(12_045, told(1000), NOW) == (
        "That is 12,045 requests at least; GitHub lets 1,000 more through until 12:30 UTC, then 5,000 an hour: it "
        "will wait for the limit, and be done at 2026-10-01 14:31 UTC at best. Interrupted, it keeps what has landed; "
        "run it again."
    )


def test_where_nobody_told_the_limit_it_is_githubs_own() -> None:
    assert "; GitHub lets 5,000 an hour through: it takes 6 minutes at best." in forecast(5000, Connection(), NOW)
    assert "be done at 2026-10-01 13:00 UTC at best" in forecast(5001, Connection(), NOW)


def test_the_standin_tells_it_by_the_way(standin: Standin) -> None:
    from copilot_assets.github.auth import BearerAuth
    from copilot_assets.github.client import GitHubClient

    async def ask() -> Connection:
        async with GitHubClient(standin.api_url, BearerAuth("of-nobody-else")) as client:
            await client.ask_the_time()
            return client.connection

    connection = asyncio.run(ask())
    assert (connection.rate_limit_left, connection.rate_limit) == (5000, 5000)
    assert connection.rate_limit_until is not None
    assert timedelta(0) < connection.rate_limit_until - now_utc() <= timedelta(hours=1)
