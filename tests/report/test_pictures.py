"""The pictures at the tables: what is drawn equals what the tables tell, and what is said beside it is so.

The tables are made by hand, with the columns that are drawn; expected values are read off them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import altair as alt
import dagster as dg
import duckdb
import pytest

from copilot_assets.orchestration.assets.sql import build_sql_assets
from copilot_assets.orchestration.metadata import drawn as drawn_metadata
from copilot_assets.report import charts
from copilot_assets.report.look import DARK, LIGHT, data_uri, in_page, on_paper, svg
from copilot_assets.report.pictures import KINDS, LARGEST, closed_weeks, picture
from copilot_assets.report.queries import CHARTS, ask
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.duckdb_file import DuckDBFile

MONDAY = date(2026, 9, 7)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema weekly; create schema quality")
        connection.execute(
            "create table quality.day_status (scope varchar, report varchar, day date, status varchar, "
            "coverage varchar, is_explained boolean, evidence varchar)"
        )
        connection.execute("create table quality.series_break (day date, kind varchar, what varchar)")
        connection.execute(
            "create table weekly.user_trend (scope varchar, week_start date, active_people bigint, "
            "user_days_reported bigint, days_expected bigint, is_closed boolean, series_break varchar, "
            "active_people_change bigint)"
        )
        yield connection


def week(connection: duckdb.DuckDBPyConnection, scope: str, number: int, people: int | None, **told: Any) -> None:
    """A closed and whole week of a scope, unless told otherwise; `number` counts from the week of 7 September."""
    row = {
        "user_days_reported": 7,
        "days_expected": 7,
        "is_closed": True,
        "series_break": None,
        "active_people_change": None,
        **told,
    }
    monday = MONDAY + timedelta(days=7 * number)
    connection.execute(
        "insert into weekly.user_trend values (?, ?, ?, ?, ?, ?, ?, ?)", [scope, monday, people, *row.values()]
    )


def drawn(markdown: str | None) -> str:
    """The SVG in a picture."""
    found = re.search(r"!\[[^\]]+\]\(data:image/svg\+xml;base64,([^)]+)\)", markdown or "")
    assert found, markdown
    return base64.b64decode(found[1]).decode()


def texts(drawing: str) -> list[str]:
    root = ET.fromstring(drawing)  # noqa: S314 - our own drawing
    return [each.text or "" for each in root.iter() if each.tag.endswith("text")]


# What is drawn.


def test_every_weekly_table_has_a_picture() -> None:
    weekly = {model.table for model in load_models() if model.schema == "weekly"}
    assert set(KINDS) == set(CHARTS) == weekly | {"quality.day_status"}


def test_people_by_week_are_those_of_the_table(warehouse: duckdb.DuckDBPyConnection) -> None:
    week(warehouse, "org:a", 0, 40, days_expected=3, user_days_reported=3)
    week(warehouse, "org:a", 1, 80, user_days_reported=5, series_break="2026-09-15: a new meaning")
    week(warehouse, "org:a", 2, None, user_days_reported=0)
    week(warehouse, "org:a", 3, 84, active_people_change=4)
    week(warehouse, "org:a", 4, 81, is_closed=False, user_days_reported=5)
    spec = charts.people_by_week(ask(warehouse, CHARTS["weekly.user_trend"]))
    columns = ("week", "value", "whole", "number", "days", "break")
    assert [tuple(value[column] for column in columns) for value in spec["data"]["values"]] == [
        ("2026-09-07", 40, False, None, "3/7", False),
        ("2026-09-14", 80, True, None, "5/7", True),
        ("2026-09-21", None, True, None, "0/7", False),
        ("2026-09-28", 84, True, "84", None, False),
        ("2026-10-05", 81, False, None, "5/7", False),
    ]
    said = texts(svg(spec))
    assert [text for text in said if "/" in text or text == "84"] == ["84", "3/7", "5/7", "0/7", "5/7"]


def test_a_week_without_a_row_keeps_its_place(warehouse: duckdb.DuckDBPyConnection) -> None:
    week(warehouse, "org:a", 0, 40)
    week(warehouse, "org:a", 3, 84)
    spec = charts.people_by_week(ask(warehouse, CHARTS["weekly.user_trend"]))
    weeks = spec["layer"][1]["encoding"]["x"]["scale"]["domain"]
    assert weeks[-4:] == ["2026-09-07", "2026-09-14", "2026-09-21", "2026-09-28"]
    assert len(weeks) == 10, "a chart has room for ten weeks at least"


def test_half_a_year_is_drawn(warehouse: duckdb.DuckDBPyConnection) -> None:
    for number in range(60):
        week(warehouse, "org:a", number, number)
    rows = ask(warehouse, CHARTS["weekly.user_trend"])
    assert [row["value"] for row in rows] == list(range(34, 60))


def line(part: str, week: int, value: float | None, *, is_closed: bool = True) -> dict[str, Any]:
    monday = MONDAY + timedelta(days=7 * week)
    return {"panel": "org:a", "week": monday.isoformat(), "part": part, "value": value, "is_closed": is_closed}


def test_a_number_between_two_gaps_is_a_dot_and_so_are_the_last_and_the_open_one() -> None:
    values = [line("a", 0, 7), line("a", 1, None), line("a", 2, 8), line("a", 3, 9), line("a", 4, 5, is_closed=False)]
    spec = charts.lines(values, unit="people")
    assert [value["dot"] for value in spec["data"]["values"]] == [True, False, False, True, True]


def test_series_differ_in_colour_and_in_dash() -> None:
    spec = charts.lines([line(part, 0, 5) for part in "abcde"], unit="people")
    for channel in ("color", "strokeDash"):
        looks = spec["layer"][0]["encoding"][channel]["scale"]["range"]
        assert len({str(look) for look in looks}) == 5


def test_days_are_stretches_of_one_kind(warehouse: duckdb.DuckDBPyConnection) -> None:
    told = [
        ("reported", "reported", True),
        ("zero_activity", "reported", True),
        ("no_report", "missing", True),
        ("failed", "missing", False),
        ("not_requested", "missing", False),
        ("below_threshold", "below_threshold", True),
        ("before_start", "not_expected", True),
        ("provisional", "reported", True),
        ("pending", "pending", True),
    ]
    for number, (status, coverage, is_explained) in enumerate(told):
        warehouse.execute(
            "insert into quality.day_status values ('org:a', 'users-1-day', ?, ?, ?, ?, 'Because.')",
            [MONDAY + timedelta(days=number), status, coverage, is_explained],
        )
    spec = charts.day_strips(ask(warehouse, CHARTS["quality.day_status"]))
    assert [(value["from"], value["to"], value["what"]) for value in spec["data"]["values"]] == [
        ("2026-09-07", "2026-09-09", "reported"),
        ("2026-09-09", "2026-09-10", "missing, explained"),
        ("2026-09-10", "2026-09-12", "missing, unexplained"),
        ("2026-09-12", "2026-09-13", "below five licences"),
        ("2026-09-14", "2026-09-15", "may be revised"),
        ("2026-09-15", "2026-09-16", "not published yet"),
    ]


def test_pull_requests_have_shares_above_and_hours_below(warehouse: duckdb.DuckDBPyConnection) -> None:
    name = "avg_daily_median_minutes_to_merge"
    warehouse.execute(
        f"create table weekly.pull_request_trend as select 'org:a' as scope, date '2026-09-07' as week_start, "
        "true as is_closed, 6 as days_reported, 0.25 as created_by_copilot_share, 0.5 as reviewed_by_copilot_share, "
        f"90.0 as {name}_copilot_authored, null::double as {name}_copilot_reviewed, 240.0 as {name}"
    )
    rows = ask(warehouse, CHARTS["weekly.pull_request_trend"])
    spec = charts.pull_requests(rows)
    above, below = ([(row["part"], row["value"]) for row in chart["data"]["values"]] for chart in spec["vconcat"])
    assert above == [("opened by Copilot", 0.25), ("reviewed by Copilot", 0.5)]
    assert below == [("opened by Copilot", 1.5), ("reviewed by Copilot", None), ("all", 4)]
    titles = [chart["layer"][0]["encoding"]["y"]["title"] for chart in spec["vconcat"]]
    assert titles == ["share", "hours to merge"]
    # Files of early 2026 tell no minutes: there is one chart then.
    of_shares = charts.pull_requests([{**row, "hours": None} for row in rows])
    assert of_shares["data"] == spec["vconcat"][0]["data"]


def test_a_bill_has_a_chart_for_each_breakdown_and_says_which_days_are_missing(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute(
        "create table weekly.bill_trend as select 'org:a' as scope, date '2026-09-07' as week_start, "
        "'ai_credits' as kind, unnest(['organization', 'cost_center', 'cost_center']) as breakdown, "
        "unnest(['a', 'research', 'sales']) as part, unnest([30, 20, null]) as gross_amount, true as is_closed, "
        "part = 'sales' as is_suppressed"
    )
    warehouse.execute(
        "insert into quality.day_status values "
        "('org:a', 'ai-usage-report', date '2026-09-08', 'not_requested', 'missing', true, 'No file has it.')"
    )
    rows = ask(warehouse, CHARTS["weekly.bill_trend"])
    assert [(row["panel"], row["part"], row["value"]) for row in rows] == [
        ("org:a, ai credits by cost center", "research", 20),
        ("org:a, ai credits by organization", "a", 30),
    ]
    told = picture(warehouse, "weekly.bill_trend")
    assert {"org:a, ai credits by cost center", "org:a, ai credits by organization"} <= set(texts(drawn(told)))
    assert "- org:a, 2026-09-08: not_requested. No file has it." in (told or "")


EXAMPLES = {
    "people": charts.people_by_week(
        [
            {
                "panel": panel,
                "week": "2026-09-07",
                "value": 7,
                "seats": 9,
                "days": 6,
                "days_expected": 7,
                "is_closed": True,
                "has_break": True,
            }
            for panel in "ab"
        ]
    ),
    "lines": charts.lines([line("x", 0, 0.5)], unit="share", number=".0%"),
    "pull requests": charts.pull_requests([{**line("opened by Copilot", 0, 0.5), "hours": 4.5}]),
    "stack": charts.stack([line("x", 0, 3), line(charts.REST, 0, 4)], unit="USD"),
    "shares": charts.shares([{"panel": "a", "label": "x", "value": 0.5, "says": "50 %"}]),
    "effect": charts.before_and_after(
        [
            {"label": "x", "before": 3, "after": 5, "window_no": 4},
            {"label": "y", "before": None, "after": 5, "window_no": 4},
        ]
    ),
    "days": charts.day_strips(
        [{"panel": "a", "report": "users-1-day", "first": MONDAY, "last": MONDAY, "what": "reported"}]
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_charts_are_vega_lite_and_small(name: str) -> None:
    alt.Chart.from_dict(EXAMPLES[name])  # raises for what the schema does not know
    drawing = svg(EXAMPLES[name])
    assert texts(drawing)
    assert len(drawing) < 6000
    colours = set(re.findall(r"#[0-9a-f]{6}", drawing))
    assert colours <= set(LIGHT.values()), "each colour has a name, under which the dark has its own"
    assert not re.search(r"#[0-9a-f]{6}", in_page(drawing))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, from its definition of relative luminance."""

    def luminance(colour: str) -> float:
        channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_texts_and_series_stand_out_from_the_ground(palette: dict[str, str]) -> None:
    for name, colour in palette.items():
        if name in ("ground", "line", "pale"):
            continue
        needed = 4.5 if name in ("ink", "quiet") else 3
        assert contrast(colour, palette["ground"]) >= needed, name


# What is said beside it.


def test_the_picture_says_which_days_are_missing_and_what_changed(warehouse: duckdb.DuckDBPyConnection) -> None:
    week(warehouse, "org:a", 0, 40, user_days_reported=5)
    for day in (8, 9, 12):
        warehouse.execute(
            "insert into quality.day_status values "
            "('org:a', 'users-1-day', ?, 'no_report', 'missing', true, 'It said 204.')",
            [date(2026, 9, day)],
        )
    warehouse.execute(
        "insert into quality.series_break values (date '2026-09-10', 'definition', 'the app counts'), "
        "(date '2026-09-11', 'start', 'teams begin'), (date '2027-01-01', 'definition', 'not yet')"
    )
    told = picture(warehouse, "weekly.user_trend")
    assert told is not None
    assert "- org:a, 2026-09-08 to 2026-09-09 and 2026-09-12: no_report. It said 204." in told
    assert [note for note in told.splitlines() if "2026-09-1" in note or "2027" in note][1:] == [
        "- 2026-09-10: the app counts."
    ]
    assert len(data_uri(on_paper(drawn(told)))) < LARGEST


def test_of_twenty_scopes_those_with_most_people_are_drawn(warehouse: duckdb.DuckDBPyConnection) -> None:
    for scope in range(20):
        for number in range(26):
            week(warehouse, f"org:company-{scope:02}", number, 100 + scope, user_days_reported=6)
    told = picture(warehouse, "weekly.user_trend")
    assert told is not None
    assert len(told) < LARGEST + 2000
    shown = [text for text in texts(drawn(told)) if text.startswith("org:")]
    assert 1 <= len(shown) <= 6
    assert set(shown) == {f"org:company-{scope:02}" for scope in range(20 - len(shown), 20)}
    assert re.search(r"Not drawn for want of room: org:company-\d\d, .* and \d+ more scopes\.", told)


def test_a_table_without_numbers_says_so(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert picture(warehouse, "weekly.user_trend") == (
        "**Distinct active people a week**: nothing to draw, because the table tells of no such number yet."
    )
    week(warehouse, "org:a", 0, None, user_days_reported=0)
    assert "nothing to draw" in (picture(warehouse, "weekly.user_trend") or "")
    assert picture(warehouse, "quality.quarantine") is None
    assert picture(warehouse, "weekly.a_table_of_yours") is None


def test_the_newest_closed_week_in_numbers_and_at_a_glance(warehouse: duckdb.DuckDBPyConnection) -> None:
    week(warehouse, "org:a", 0, 40)
    week(warehouse, "org:a", 1, None, user_days_reported=0)
    week(warehouse, "org:a", 2, 80, user_days_reported=6)
    week(warehouse, "org:a", 3, 90, is_closed=False)
    week(warehouse, "org:b", 0, 9)
    week(warehouse, "org:b", 1, 8, active_people_change=-1)
    week(warehouse, "org:c", 0, 7, is_closed=False)
    numbers, glance = closed_weeks(warehouse)
    assert numbers == {
        "org:a active_people": 80,
        "org:a user_days_reported": 6,
        "org:b active_people": 8,
        "org:b active_people_change": -1,
        "org:b user_days_reported": 7,
    }
    assert glance.startswith("org:a: **80** people ![]")
    assert "org:b: **8** people, 1 fewer than the week before ![]" in glance
    # A hill of 40 of 80, a gap, and 80 of 80 with nothing beside it: x in steps of 8, y from 32 up to 1.
    assert "d='M0,16V32H0zM16,1V32H16z'" in unquote(glance)


def test_a_glance_is_below_what_dagster_shows_in_place(warehouse: duckdb.DuckDBPyConnection) -> None:
    for scope in range(20):
        for number in range(26):
            week(warehouse, f"enterprise:company-{scope:02}", number, 1000 + number)
    numbers, glance = closed_weeks(warehouse)
    assert len(numbers) == 40
    assert glance.count("data:") >= 2
    assert len(glance) < 1000


def test_no_week_is_closed(warehouse: duckdb.DuckDBPyConnection) -> None:
    week(warehouse, "org:a", 0, 40, is_closed=False)
    assert closed_weeks(warehouse) == ({}, "No week is closed yet.")


def test_what_is_asked_is_published() -> None:
    source = (Path(charts.__file__).parent / "queries.py").read_text()
    schemas = re.findall(r"\b(?:from|join|in) +(raw|flat|people|weekly|quality)\.", source)
    assert set(schemas) == {"weekly", "quality"}


# In Dagster.


def test_a_run_shows_the_picture_and_a_file_that_tells_other_things_has_none(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    for name, sql in {
        "weekly/user_trend": "select 'org:a' as scope, date '2026-09-07' as week_start, 7 as people",
        "quality/day_status": "select 'org:a' as scope, 'users-1-day' as report, date '2026-09-07' as day, "
        "'reported' as status, 'reported' as coverage, true as is_explained, 'It came.' as evidence",
    }.items():
        path = folder / f"{name}.sql"
        path.parent.mkdir(parents=True)
        path.write_text(f"/*\ndescription: A table.\n*/\n{sql}\n")
    asset = build_sql_assets(load_models(folder), [], draw=drawn_metadata)
    result = dg.materialize(
        [asset],
        resources={"warehouse": DuckDBFile(tmp_path / "copilot.duckdb")},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    told = {
        event.materialization.asset_key.path[-1]: event.materialization.metadata
        for event in result.get_asset_materialization_events()
        for event in [event.step_materialization_data]
    }
    assert set(texts(drawn(str(told["day_status"]["picture"].value)))) >= {"users-1-day", "reported"}
    assert str(told["user_trend"]["picture"].value).startswith("There is no picture of this table as its file makes")
    assert "preview" in told["user_trend"]
