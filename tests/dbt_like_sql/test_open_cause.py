"""quality.open_cause: what needs a hand, each cause once, however many days, reports and scopes it is about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from copilot_assets.warehouse.inputs import Inputs, write_inputs
from copilot_assets.warehouse.raw import note_token_end
from tests.dbt_like_sql.conftest import MODELS, Book, days

# A Thursday. With a lag of three days the week of the 14th closed before it, and that of the 21st is closed on it.
TODAY = date(2026, 10, 1)
START = date(2026, 9, 14)
READ = ("quality.open_cause",)


@pytest.fixture
def told(book: Book) -> Book:
    """Two organisations of which every day is reported."""
    book.connection.execute("delete from raw.token_end")
    book.expect("org:a", "org:b", start=START, today=TODAY)
    return book


def causes(book: Book, *, rest: bool = True) -> list[dict[str, Any]]:
    if rest:
        book.report_the_rest()
    book.build(*READ)
    return book.rows("select * from quality.open_cause order by cause")


def test_nothing_needs_a_hand(told: Book) -> None:
    assert causes(told) == []


def test_days_that_follow_each_other_are_one_cause_in_all_reports(told: Book) -> None:
    for day in days(date(2026, 9, 15), date(2026, 9, 17)):
        told.fetch("org:a", "organization-1-day", day, "failed")
        told.fetch("org:a", "users-1-day", day, "failed")
    last = told.fetch("org:a", "users-1-day", date(2026, 9, 20), "failed")
    first, second = causes(told)
    assert (first["cause"], first["kind"], first["scope"]) == ("missing org:a 2026-09-15", "missing", "org:a")
    assert first["title"] == "Days of org:a are missing"
    assert first["what"].startswith("org:a: 2026-09-15 to 2026-09-17 in organization-1-day, users-1-day. Fetch ")
    assert first["remedy"] == "Backfill the day again, in the Dagster UI or with copilot-assets backfill."
    assert first["since"] == date(2026, 9, 15)
    assert second["what"] == f"org:a: 2026-09-20 in users-1-day. {last}"


def test_a_stretch_that_grows_stays_the_same_cause(told: Book) -> None:
    told.fetch("org:a", "users-1-day", date(2026, 9, 15), "failed")
    (before,) = causes(told)
    told.connection.execute("delete from raw.fetches where day = '2026-09-16' and report = 'users-1-day'")
    told.fetch("org:b", "users-1-day", date(2026, 9, 16))
    told.fetch("org:a", "users-1-day", date(2026, 9, 16), "failed")
    (after,) = causes(told)
    assert after["cause"] == before["cause"]
    assert "2026-09-15 to 2026-09-16" in after["what"]


def test_days_that_nobody_asked_for_and_explained_ones(told: Book) -> None:
    told.fetch("org:a", "repos-1-day", date(2026, 9, 15), "no_report")
    told.report_the_rest()
    told.connection.execute("delete from raw.fetches where scope = 'org:b' and day = '2026-09-16'")
    (cause,) = causes(told, rest=False)
    assert cause["cause"] == "missing org:b 2026-09-16"
    assert cause["what"].endswith("Nobody asked GitHub for this day yet.")


def refuse(book: Book, scope: str, report: str, day: date, evidence: str) -> None:
    fetched = book.fetch(scope, report, day, "forbidden")
    book.connection.execute("update raw.fetches set evidence = ? where evidence = ?", [evidence, fetched])


def test_a_refusal_is_one_cause_wherever_it_is_met(told: Book) -> None:
    for scope in ("org:a", "org:b"):
        for day in days(date(2026, 9, 15), date(2026, 9, 17)):
            refuse(told, scope, "users-1-day", day, "The policy is off. Turn it on.")
    refuse(told, "org:a", "repos-1-day", date(2026, 9, 18), "The token lacks a permission for org:a.")
    by_title = {cause["title"]: cause for cause in causes(told)}
    assert set(by_title) == {"GitHub refuses reports", "GitHub refuses reports of org:a"}
    both = by_title["GitHub refuses reports"]
    assert both["scope"] is None
    assert both["what"] == "The policy is off. Turn it on. It keeps away users-1-day of org:a, org:b."
    assert both["since"] == date(2026, 9, 15)
    assert by_title["GitHub refuses reports of org:a"]["what"].endswith("It keeps away repos-1-day of org:a.")


def test_a_refused_snapshot_is_a_cause_until_it_is_answered_or_no_longer_asked_for(told: Book) -> None:
    refuse(told, "org:a", "copilot-seats", TODAY, "The token may not read seats.")
    (cause,) = causes(told)
    assert cause["what"] == "The token may not read seats. It keeps away copilot-seats of org:a."
    told.fetch("org:a", "copilot-seats", TODAY)
    assert causes(told) == []
    refuse(told, "org:b", "copilot-seats", TODAY, "The token may not read seats.")
    told.connection.execute(
        "update raw.fetches set requested_at = ? where scope = 'org:b' and report = 'copilot-seats'",
        [date(2026, 9, 24)],
    )
    assert causes(told) == []


def test_records_left_out_are_a_cause_by_report_and_fault(told: Book) -> None:
    for scope, day in (("org:a", 15), ("org:b", 17)):
        told.fetch(scope, "users-1-day", date(2026, 9, day))
        (fetch_id,) = told.connection.execute("select max(fetch_id) from raw.fetches").fetchall()[0]
        told.insert(
            "raw.quarantine",
            fetch_id=fetch_id,
            scope=scope,
            report="users-1-day",
            day=date(2026, 9, day),
            place="line 1",
            fault="Expected `int`, got `str` - at `$.n`",
            payload="{}",
        )
    (cause,) = causes(told)
    assert cause["title"] == "Records of users-1-day are left out"
    assert "(org:a, org:b, 2026-09-15 to 2026-09-17)" in cause["what"]
    assert cause["what"].endswith("Expected `int`, got `str` - at `$.n`.")


def test_a_new_field_is_one_cause_in_all_reports(told: Book) -> None:
    for report in ("organization-1-day", "users-1-day"):
        told.insert(
            "raw.unknown_fields",
            fetch_id="f",
            scope="org:a",
            report=report,
            day=date(2026, 9, 15),
            path="$.brand_new",
            json_type="integer",
            records=3,
        )
    (cause,) = causes(told)
    assert cause["cause"] == "unknown_field $.brand_new"
    assert cause["what"].startswith("$.brand_new in organization-1-day, users-1-day, since 2026-09-15.")


def headline(active: int, prompts: int) -> dict[str, int]:
    numbers = {"daily_active_users": active, "code_generation_activity_count": 50}
    return {**numbers, "user_initiated_interaction_count": prompts}


def answer(book: Book, day: int, asked: date, active: int, prompts: int) -> None:
    digest = f"{active}-{prompts}"
    told = headline(active, prompts)
    book.fetch("org:a", "organization-1-day", date(2026, 9, day), headline=told, sha256=digest, asked=asked)


def test_a_closed_week_that_moved_by_more_than_a_twentieth(told: Book) -> None:
    for day in range(14, 21):
        answer(told, day, date(2026, 9, 24), active=20, prompts=1000)
    # 7,000 prompts: 350 is a twentieth, and not more than that; of 140 people 8 is more.
    answer(told, 15, date(2026, 9, 28), active=27, prompts=1350)
    assert causes(told) == []
    answer(told, 15, date(2026, 9, 29), active=28, prompts=1351)
    (cause,) = causes(told)
    assert (cause["cause"], cause["kind"], cause["scope"]) == ("revised org:a 2026-09-14", "revised", "org:a")
    assert "daily_active_users, user_initiated_interaction_count." in cause["what"]
    assert cause["since"] == date(2026, 9, 29)
    assert cause["passes_by_itself"]


def test_a_revision_in_time_and_one_of_long_ago_are_no_cause(told: Book) -> None:
    for day in range(14, 21):
        answer(told, day, date(2026, 9, 24), active=20, prompts=1000)
    # On the second of three days after it closed it may still be revised.
    answer(told, 28, date(2026, 9, 29), active=20, prompts=1000)
    answer(told, 28, date(2026, 9, 30), active=90, prompts=9000)
    assert causes(told) == []
    answer(told, 15, date(2026, 9, 28), active=90, prompts=9000)
    assert len(causes(told)) == 1
    told.expect("org:a", "org:b", start=START, today=date(2026, 10, 26))
    assert not [cause for cause in causes(told) if cause["kind"] == "revised"]


@pytest.mark.parametrize(("ends", "is_told"), [(14, True), (15, False), (0, True), (-3, True)])
def test_a_token_is_told_of_two_weeks_before_it_ends(told: Book, ends: int, is_told: bool) -> None:
    at = datetime.combine(TODAY, datetime.min.time()) + timedelta(days=ends, hours=12)
    note_token_end(told.connection, at)
    found = causes(told)
    assert [cause["kind"] for cause in found] == ["token_end"] * is_told
    if is_told:
        assert found[0]["title"] == f"The token ends on {at.date()}"
        assert f"ends {at:%Y-%m-%d} 12:00 UTC" in found[0]["what"].replace("ends on", "ends")
    note_token_end(told.connection, None)
    assert causes(told) == []


def licences(book: Book, scope: str, idle: float, week: date = START) -> None:
    """A last list of seats; the model that counts them is another test's."""
    book.insert(
        "weekly.licence_trend",
        scope=scope,
        week_start=week,
        snapshot_day=week + timedelta(6),
        seats=100,
        idle_list_price_usd_per_month=idle,
    )


def test_idle_licences_over_the_limit_of_the_outermost_scope_that_has_them(told: Book) -> None:
    told.report_the_rest()
    told.build(*READ)
    write_inputs(told.connection, Inputs(5, 30, {"business": 19.0}, {}, (), idle_cost_limit_usd=1000))

    def open_now() -> list[dict[str, Any]]:
        (model,) = (model for model in MODELS if model.table == "quality.open_cause")
        return told.rows(model.sql)

    licences(told, "org:a", 1500, START - timedelta(7))
    licences(told, "org:a", 1000)
    assert open_now() == []
    licences(told, "org:b", 1240)
    (cause,) = open_now()
    assert cause["cause"] == "idle_cost org:b"
    assert "cost $1,240 a month at list price, and COPILOT_IDLE_COST_LIMIT is $1,000." in cause["what"]
    told.connection.execute("update quality.scope set contained_in = 'org:a' where scope = 'org:b'")
    assert open_now() == [], "its licences are among those of org:a"
    told.connection.execute("update quality.scope set contained_in = null")
    assert len(open_now()) == 1
    write_inputs(told.connection, Inputs(5, 30, {"business": 19.0}, {}, ()))
    assert open_now() == []


def limit(book: Book, used: float | None, forecast: float | None, **told: Any) -> None:
    """The budget of $500 of this month, used so far; the model that counts it is another test's."""
    row = {
        "scope": "org:a",
        "month_start": date(2026, 10, 1),
        "limit_kind": "budget",
        "limit_id": "b-1",
        "unit": "usd",
        "limit_amount": 500,
        "is_hard": True,
        "is_suppressed": False,
        "used_amount": used,
        "used_share": None if used is None else used / 500,
        "weekday_forecast": forecast,
        "as_of_day": date(2026, 10, 1),
    }
    book.connection.execute("delete from quality.budget_status")
    book.insert("quality.budget_status", **{**row, **told})


def test_a_budget_is_told_of_at_three_marks_and_by_its_forecast(told: Book) -> None:
    told.report_the_rest()
    told.build(*READ)
    (model,) = (model for model in MODELS if model.table == "quality.open_cause")

    def levels(used: float | None, forecast: float | None = None, **other: Any) -> list[str]:
        limit(told, used, forecast, **other)
        rows = told.rows(model.sql)
        assert all(row["passes_by_itself"] for row in rows)
        return [row["cause"].removeprefix("budget org:a b-1 2026-10-01 ") for row in rows]

    assert levels(374.99) == []
    assert levels(375) == ["75"]
    assert levels(449.99) == ["75"]
    assert levels(450) == ["90"]
    assert levels(500, 900) == ["100"], "that the month goes beyond it is no news any more"
    assert levels(380, 501) == ["75", "forecast"]
    assert levels(380, 500) == ["75"]
    assert levels(None) == []
    assert levels(None, None, is_suppressed=True) == []
    assert levels(600, month_start=date(2026, 9, 1)) == []
    pool = {"limit_kind": "pool", "unit": "credits", "is_hard": False}
    assert levels(480, **pool) == []
    assert levels(480, 510, **pool) == ["forecast"]
    (row,) = told.rows(model.sql)
    assert row["title"] == "The credits that the plans of org:a include will not last for the month"
    assert row["what"] == (
        "Of 500 credits (credits that the plans of org:a include), 480 credits was used by 2026-10-01; "
        "the month will come to about 510 credits."
    )
    assert levels(1240, **{**pool, "limit_amount": 1000, "used_share": 1.24}) == ["100"]
    limit(told, 460, 620)
    by_level = {row["cause"].split()[-1]: row for row in told.rows(model.sql)}
    assert by_level["90"]["title"] == "90 % of the budget of org:a is used"
    assert by_level["90"]["what"] == (
        "Of $500 (budget of org:a), $460 was used by 2026-10-01; the month will come to about $620."
    )
