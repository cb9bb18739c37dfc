"""Messages of whole runs: a digest and one message a real cause, none the second time, and no address anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from copilot_assets.standin import Fault, Standin
from tests.conftest import TODAY, Company, all_but, new_company
from tests.listeners import SECRET, Webhook

ASKED = ("organization-1-day", "users-1-day", "copilot-seats")
# From a Monday on: two whole weeks that are closed, and one that is open.
FIRST, LAST = TODAY - timedelta(days=17), TODAY - timedelta(days=1)
BROKEN = date(2026, 9, 22)


def octo_org(standin: Standin, folder: Path, instance: dg.DagsterInstance) -> Company:
    company = new_company(
        standin, folder, instance, scopes="org:octo-org", start=FIRST, COPILOT_SKIP_REPORTS=all_but(*ASKED)
    )
    company.env["GITHUB_TOKEN"] = f"ghp_secret_until_{TODAY + timedelta(days=9)}"
    return company


def with_channels(company: Company, webhook: Webhook) -> Company:
    company.env |= {"COPILOT_NOTIFY": webhook.address, "COPILOT_HEARTBEAT_URL": webhook.url}
    return company


@pytest.fixture
def company(standin: Standin, tmp_path: Path, webhook: Webhook) -> Iterator[Company]:
    """One that nothing has come to yet."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield with_channels(octo_org(standin, tmp_path, instance), webhook)


@pytest.fixture(scope="module")
def untold(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """All days and tables, and nobody to tell of them."""
    github.faults.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        company = octo_org(github, tmp_path_factory.mktemp("untold"), instance)
        assert company.load(FIRST, LAST) == []
        yield company


@pytest.fixture
def filled(untold: Company, standin: Standin, tmp_path: Path, webhook: Webhook) -> Iterator[Company]:
    """A copy of it that has somebody: the last step of a run alone is left."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield with_channels(untold.copy(tmp_path, instance), webhook)


def heartbeats(webhook: Webhook) -> int:
    return len(webhook.paths) - len(webhook.posted)


def test_each_thing_is_told_once(company: Company, standin: Standin, webhook: Webhook) -> None:
    standin.faults[:] = [
        Fault("role-missing", report="seats"),
        Fault("502", report="users-1-day", day=BROKEN),
    ]
    assert len(company.load(FIRST, LAST, *company.raw)) == 2
    assert company.rebuild() == []
    told = sorted(webhook.titles)
    assert told == [
        "Copilot data: Days of org:octo-org are missing",
        "Copilot data: GitHub refuses reports of org:octo-org",
        "Copilot data: The token ends on 2026-10-10",
        "GitHub Copilot, week of 21 September 2026",
    ]
    texts = {body["title"]: body["message"] for body in webhook.posted}
    assert "What to do: Backfill the day again" in texts["Copilot data: Days of org:octo-org are missing"]
    assert "It keeps away copilot-seats" in texts["Copilot data: GitHub refuses reports of org:octo-org"]
    assert heartbeats(webhook) == 0, "days failed"

    company.materialize("quality.notice")
    assert len(webhook.posted) == 4

    standin.faults.clear()
    before = heartbeats(webhook)
    assert company.load(FIRST, LAST) == []
    assert sorted(webhook.titles[4:]) == [
        "Solved: Days of org:octo-org are missing",
        "Solved: GitHub refuses reports of org:octo-org",
    ]
    assert heartbeats(webhook) == before + 1
    company.materialize("quality.notice")
    assert len(webhook.posted) == 6
    for run in company.instance.get_runs():
        for entry in company.instance.all_logs(run.run_id):
            assert SECRET not in str(entry)


def test_an_address_that_answers_nothing_fails_nothing_and_is_told_of(filled: Company, webhook: Webhook) -> None:
    webhook.statuses = [500] * 99
    assert filled.load(FIRST, LAST, "quality.notice") == []
    (event,) = filled.instance.fetch_materializations(dg.AssetKey(["quality", "notice"]), limit=1).records
    assert event.asset_materialization
    told = str(event.asset_materialization.metadata["channels"].value)
    assert "- Channel 1 (JSON) took no message: it answered 500, 3 times." in told
    assert "- COPILOT_HEARTBEAT_URL was called and answered 500." in told
    assert SECRET not in told
    assert filled.sql("select count(*) from quality.notice where sent_at is not null") == [(0,)]


def test_a_failing_check_is_told_though_its_run_is_none_that_failed(filled: Company, webhook: Webhook) -> None:
    assert filled.load(FIRST, LAST, "quality.notice") == []
    webhook.posted.clear()
    key = dg.AssetCheckKey(dg.AssetKey(["weekly", "user_trend"]), "range")
    filled.instance.report_dagster_event(
        dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
            event_specific_data=dg.AssetCheckEvaluation(
                asset_key=key.asset_key, check_name=key.name, passed=False, metadata={}
            ),
            job_name="everything",
        ),
        run_id=filled.instance.get_runs()[0].run_id,
    )
    filled.materialize("quality.notice")
    assert webhook.titles == ["Copilot data: weekly.user_trend breaks a rule"]
    assert "The check range of weekly.user_trend fails" in webhook.posted[0]["message"]
