"""A clock that is wrong: which days are asked for, how fetches are dated, and when nothing is believed any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from copilot_assets.github.auth import BearerAuth
from copilot_assets.github.client import GitHubClient
from copilot_assets.github.clock import Clock, ClockError
from copilot_assets.github.fetches import Fetch
from copilot_assets.standin import Standin
from tests.conftest import NOW, TODAY, report_named
from tests.github.test_client import ORG, a_day

pytestmark = pytest.mark.usefixtures("fixed_clock")

# What this machine's clock shows in these tests.
HERE = datetime(2026, 10, 1, 6, 30, tzinfo=UTC)


def days_delivered(
    standin: Standin, folder: Path, days: Sequence[date], report: str = "organization-1-day"
) -> dict[date, list[Fetch]]:
    delivered: dict[date, list[Fetch]] = {}

    async def deliver(arrived: dict[date, list[Fetch]]) -> None:
        delivered.update(arrived)

    async def run() -> None:
        async with GitHubClient(standin.api_url, BearerAuth("any"), clock=Clock(lambda: HERE)) as client:
            await client.ask_the_time()
            await client.fetch_days(report_named(report), [ORG], days, folder, deliver)

    standin.requests.clear()
    asyncio.run(run())
    return delivered


def days_asked(standin: Standin) -> set[str]:
    return {seen.query.removeprefix("day=") for seen in standin.requests if "/copilot/metrics/reports/" in seen.path}


def test_days_that_have_not_closed_at_github_are_not_asked_for(standin: Standin, tmp_path: Path) -> None:
    """It is 06:30 on 1 October here and 10:30 on 30 September there, so the 30th has not closed."""
    standin.clock_ahead = -timedelta(hours=20)
    days = [TODAY - timedelta(days=2), TODAY - timedelta(days=1)]
    delivered = days_delivered(standin, tmp_path, days)
    assert days_asked(standin) == {"2026-09-29"}
    assert delivered[TODAY - timedelta(days=1)] == []
    (fetch,) = delivered[TODAY - timedelta(days=2)]
    assert abs(fetch.requested_at - datetime.fromisoformat("2026-09-30T10:30:00")) < timedelta(minutes=1), (
        "dated by GitHub's clock"
    )


def test_a_snapshot_is_of_the_day_that_it_is_at_github(standin: Standin, tmp_path: Path) -> None:
    standin.clock_ahead = -timedelta(hours=20)
    delivered = days_delivered(standin, tmp_path, [TODAY], "copilot-seats")
    assert [(day, fetch.day) for day, fetches in delivered.items() for fetch in fetches] == [
        (TODAY - timedelta(days=1), TODAY - timedelta(days=1))
    ]


def test_a_clock_that_is_right_costs_one_question_and_changes_nothing(standin: Standin, tmp_path: Path) -> None:
    (fetch,) = days_delivered(standin, tmp_path, [a_day(standin)])[a_day(standin)]
    assert fetch.requested_at == HERE.replace(tzinfo=None)
    assert [seen.path for seen in standin.requests if seen.host == "api"].count("/rate_limit") == 1


@pytest.mark.parametrize("days_ahead", [-5, 3])
def test_beyond_a_day_nothing_is_fetched(standin: Standin, tmp_path: Path, days_ahead: int) -> None:
    standin.clock_ahead = timedelta(days=days_ahead)
    with pytest.raises(ClockError) as refused:
        days_delivered(standin, tmp_path, [a_day(standin)])
    side = "5 days ahead of" if days_ahead < 0 else "3 days behind"
    assert f"clock is {side} GitHub's. Set it by the network (NTP)" in str(refused.value)
    assert days_asked(standin) == set()


def test_also_when_the_first_question_had_no_answer(standin: Standin, tmp_path: Path) -> None:
    """Whatever answer tells the time: the fetch that it belongs to is not delivered any more."""
    standin.clock_ahead = timedelta(days=-5)

    async def run() -> list[date]:
        delivered: list[date] = []

        async def deliver(arrived: dict[date, list[Fetch]]) -> None:
            delivered.extend(arrived)

        async with GitHubClient(standin.api_url, BearerAuth("any"), clock=Clock(lambda: HERE)) as client:
            with pytest.raises(ClockError):
                await client.fetch_days(report_named("organization-1-day"), [ORG], [a_day(standin)], tmp_path, deliver)
        return delivered

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"date": "yesterday"}, None),
        ({"date": "Thu, 01 Jan 2026 00:00:00 GMT", "age": "12"}, None),
        ({"date": "three hours ago"}, 3 * 3600),
    ],
)
def test_what_tells_the_time(headers: dict[str, str], seconds: int | None) -> None:
    if seconds:  # of this moment, not of that in which tests were collected
        headers = {"date": format_datetime(NOW - timedelta(seconds=seconds), usegmt=True)}
    clock = Clock(lambda: HERE)
    asyncio.run(clock.note(httpx.Response(200, headers=headers)))
    assert clock.skew_seconds == (seconds and pytest.approx(seconds, abs=120))
    assert (clock.sentence() is not None) == (seconds is not None)
