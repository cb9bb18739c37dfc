"""COPILOT_KEEP_RAW_DAYS in a run: old days lose their text once the tables have them, and nothing below it moves."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from copilot_assets.definitions import build_defs
from copilot_assets.flat.tables import tables_of
from copilot_assets.records import EntityDay, UserDay
from copilot_assets.standin import Standin
from tests.conftest import TODAY, Company, all_but, new_company

REPORTS = ("organization-1-day", "users-1-day")
# The first that loses its text is 101 days old.
OLD, YOUNG, NEWEST = (TODAY - timedelta(days=age) for age in (101, 100, 2))
FLAT = tuple(f"flat.{table.name}" for record in (EntityDay, UserDay) for table in tables_of(record))
DROPPED = "raw.dropped_text"


@pytest.fixture
def company(standin: Standin, tmp_path: Path) -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        settings = {"COPILOT_KEEP_RAW_DAYS": "100", "COPILOT_SKIP_REPORTS": all_but(*REPORTS)}
        start = OLD - timedelta(days=1)
        yield new_company(standin, tmp_path, instance, scopes="org:octo-org", start=start, **settings)


def load(company: Company, first: date, last: date, *more: str) -> None:
    assert company.load(first, last, *company.raw, *FLAT, DROPPED, *more) == []


def told(company: Company, table: str = DROPPED) -> dict[str, Any]:
    """What its newest materialisation says."""
    event = company.instance.get_latest_materialization_event(dg.AssetKey(table.split(".")))
    assert event
    assert event.asset_materialization
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def days_with_text(company: Company) -> set[tuple[str, date]]:
    return set(company.sql("select distinct report, day from raw.records"))


def test_one_day_and_a_range_lose_their_text_in_the_run_that_flattens_them(company: Company) -> None:
    load(company, NEWEST, NEWEST)
    assert told(company)["dropped"] == "No day older than 100 days had text that may be dropped."
    load(company, OLD, OLD)  # a day
    assert days_with_text(company) == {(report, NEWEST) for report in REPORTS}
    shown = told(company)
    assert (shown["days_dropped"], shown["dagster/row_count"]) == (2, 2)
    ((size,),) = company.sql(f"select sum(bytes)::bigint from raw.fetches where day = '{OLD}'")
    assert shown["bytes_dropped"] == size
    columns = ("report", "days", "first_day", "last_day")
    assert [tuple(row.data[name] for name in columns) for row in shown["dropped"].records] == [
        (report, 1, str(OLD), str(OLD)) for report in REPORTS
    ]

    load(company, OLD - timedelta(days=1), YOUNG, "quality.day_status")  # a range, which brings the text of one again
    assert days_with_text(company) == {(report, day) for report in REPORTS for day in (YOUNG, NEWEST)}
    assert told(company)["days_dropped"] == 4
    assert set(company.sql("select report, day from raw.dropped_text")) == {
        (report, day) for report in REPORTS for day in (OLD - timedelta(days=1), OLD)
    }
    flat = company.sql("select day, count(*) > 0 from flat.user_daily group by day order by day")
    assert flat == [(OLD - timedelta(days=1), True), (OLD, True), (YOUNG, True), (NEWEST, True)]
    status = f"select status from quality.day_status where day = '{OLD}' order by report"
    assert company.sql(status) == [("reported",)] * 2
    before = company.sql("from flat.user_daily order by all")
    load(company, NEWEST, NEWEST)
    assert company.sql("from flat.user_daily order by all") == before
    assert told(company, "flat.user_daily")["days_without_text"] == 2
    assert told(company, "flat.user_daily")["without_text"] == (
        f"2 days, {OLD - timedelta(days=1)} to {OLD}, have no text any more (COPILOT_KEEP_RAW_DAYS)."
    )


def test_unless_it_is_set_all_text_stays(company: Company) -> None:
    del company.env["COPILOT_KEEP_RAW_DAYS"]
    load(company, OLD, OLD)
    load(company, NEWEST, NEWEST)
    assert days_with_text(company) == {(report, day) for report in REPORTS for day in (OLD, NEWEST)}
    shown = told(company)
    assert (shown["days_dropped"], shown["bytes_dropped"], shown["dagster/row_count"]) == (0, 0, 0)
    assert shown["dropped"] == "COPILOT_KEEP_RAW_DAYS is not set: raw keeps all text."


def test_a_model_of_yours_that_reads_records_is_built_after_it(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it tells what is there when the run ends."""
    model = tmp_path / "models/mine/of_text.sql"
    model.parent.mkdir(parents=True)
    model.write_text("/*\ndescription: One row.\n*/\nselect count(*) as records -- that have text\nfrom raw.records\n")
    monkeypatch.setenv("COPILOT_MODELS", str(tmp_path / "models"))
    graph = build_defs(company.installation).resolve_asset_graph()
    key = dg.AssetKey(["mine", "of_text"])
    assert dg.AssetKey(["raw", "dropped_text"]) in graph.get(key).parent_keys
    assert {dg.AssetKey(table.split(".")) for table in FLAT} <= graph.get(dg.AssetKey(DROPPED.split("."))).parent_keys
