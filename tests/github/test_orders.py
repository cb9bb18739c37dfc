"""Usage reports that are ordered: one order at a time, found again after a restart, and explained where refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.standin import Fault, Standin
from copilot_assets.standin.accounts import Accounts
from copilot_assets.standin.usage_reports import Orders
from tests.conftest import TODAY
from tests.github.test_client import CORP, ORG, fetch

PATH = "/enterprises/octo-corp/settings/billing/reports"
REPORT = "ai-usage-report"
YESTERDAY = TODAY - timedelta(days=1)
WEEK = [TODAY - timedelta(days=n) for n in range(7, 0, -1)]


@pytest.fixture(autouse=True)
def no_orders_of_before(standin: Standin) -> Iterator[None]:
    """One stand-in serves all tests, and remembers its orders as GitHub does."""
    standin.orders.taken.clear()
    standin.orders.writing.clear()
    standin.requests.clear()
    yield
    standin.faults.clear()


def ordered(standin: Standin) -> list[dict[str, str]]:
    return [{"start": str(each.start), "end": str(each.end)} for each in standin.orders.taken.values()]


def got(standin: Standin, folder: Path, days: list[date], report: str = REPORT) -> dict[date, Fetch]:
    fetches = fetch(standin, folder, report=report, scopes=[ORG, CORP], days=days)
    assert {str(each.scope) for each in fetches} <= {str(CORP)}, "an organisation has no such report"
    return {each.day: each for each in fetches}


def lines(fetched: Fetch) -> list[dict[str, str]]:
    return [json.loads(line) for file in fetched.files for line in file.path.read_text().splitlines()]


def test_the_days_of_an_order_add_up_to_the_daily_bill(standin: Standin, tmp_path: Path) -> None:
    found = got(standin, tmp_path, WEEK)
    assert list(found) == WEEK
    assert ordered(standin) == [{"start": str(WEEK[0]), "end": str(YESTERDAY)}]
    accounts = Accounts(standin.world, "")
    for day, fetched in found.items():
        period = {"year": day.year, "month": day.month, "day": day.day}
        bill = accounts.bill(str(CORP), "ai_credit", period, {})["usageItems"]
        units = sum(Decimal(line["quantity"]) for line in lines(fetched))
        assert float(units) == pytest.approx(sum(item["grossQuantity"] for item in bill))
        assert (fetched.outcome, fetched.records) == (Outcome.REPORTED, len(lines(fetched)))
        assert {line["date"] for line in lines(fetched)} == {str(day)}


def test_more_than_31_days_are_several_orders(standin: Standin, tmp_path: Path) -> None:
    first = YESTERDAY - timedelta(days=39)
    days = [first + timedelta(days=n) for n in range(40)]
    found = got(standin, tmp_path, days)
    assert [fetched.outcome for fetched in found.values()] == [Outcome.REPORTED] * 40
    assert ordered(standin) == [
        {"start": str(first), "end": str(first + timedelta(days=30))},
        {"start": str(first + timedelta(days=31)), "end": str(YESTERDAY)},
    ]


def test_an_order_of_before_is_found_again(standin: Standin, tmp_path: Path) -> None:
    wish = {"report_type": "ai_credit", "start_date": str(WEEK[0]), "end_date": str(YESTERDAY)}
    headers = {"Authorization": "Bearer any", "User-Agent": "test"}
    assert httpx.post(standin.api_url + PATH, json=wish, headers=headers).status_code == 202
    assert all(fetched.records for fetched in got(standin, tmp_path, WEEK).values())
    assert len(ordered(standin)) == 1


def test_days_without_a_line_are_days_without_use(standin: Standin, tmp_path: Path) -> None:
    found = got(standin, tmp_path, WEEK, report="premium-request-report")  # AI credits replaced them in June
    assert {(fetched.outcome, fetched.records) for fetched in found.values()} == {(Outcome.REPORTED, 0)}


def test_a_refused_order_is_explained(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("order-refused", report="usage-reports"))
    found = got(standin, tmp_path, WEEK)
    assert {fetched.outcome for fetched in found.values()} == {Outcome.FAILED}
    (evidence,) = {fetched.evidence for fetched in found.values()}
    assert "did not take the order" in evidence
    assert "COPILOT_SKIP_REPORTS=ai-usage-report" in evidence


def test_a_missing_role_is_one(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("role-missing", report="usage-reports"))
    assert {fetched.outcome for fetched in got(standin, tmp_path, WEEK).values()} == {Outcome.FORBIDDEN}


def test_a_file_that_is_not_written_in_time_is_there_for_the_next_run(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Orders, "look", lambda self: [(number, each, False) for number, each in self.taken.items()])
        (evidence,) = {fetched.evidence for fetched in got(standin, tmp_path, WEEK).values()}
    assert "GitHub is still writing the usage report" in evidence
    assert all(fetched.records for fetched in got(standin, tmp_path, WEEK).values())
    assert len(ordered(standin)) == 1, "the order is not made twice"
