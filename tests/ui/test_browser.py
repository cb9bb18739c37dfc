"""Dagster's own UI in a real Chromium: what a user sees of this project, and a backfill by clicking.

One test, a step a function: the server is dear, and the backfill changes what the steps before it look at. It takes
two minutes, and one of them is waiting: Dagster's daemon looks for backfills and changes every 30 seconds.
COPILOT_SCREENSHOTS=docs shows 60 days of all reports instead of 13 of some and writes the README's pictures into that
folder.
What is clicked is found by the texts and roles of Dagster 1.13.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import duckdb
import httpx
import pytest
from click.testing import CliRunner
from playwright.sync_api import Locator, Page, ViewportSize, expect, sync_playwright

from copilot_assets.definitions import build_defs
from copilot_assets.github.reports import REPORTS
from copilot_assets.now import today_utc
from copilot_assets.shell.cli import main
from copilot_assets.standin import Fault, Standin
from tests.conftest import all_but
from tests.leaks import TOKEN, assert_nothing_told
from tests.listeners import free_port

REPOSITORY = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium and no google-chrome on this machine"),
]

# Whole at once: the test works in another folder.
SCREENSHOTS = (folder := os.environ.get("COPILOT_SCREENSHOTS")) and Path(folder).resolve()
DAYS = 60 if SCREENSHOTS else 13
MISSING = 3
# What is looked at; all where the pictures are taken.
ASKED = ("organization-1-day", "enterprise-1-day", "users-1-day", "copilot-seats", "ai-credit-usage", "legacy-metrics")
UNASKED = "" if SCREENSHOTS else all_but(*ASKED)
ENTITIES = ("org:octo-org", "org:octo-labs", "enterprise:octo-corp")

PATIENCE_SECONDS = 180
# The window of a README's picture; the other arguments keep Chromium from talking to anybody but the test.
WINDOW: ViewportSize = {"width": 1400, "height": 900}
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Project:
    """An installation with three days that nobody asked for, and one whose report arrived cut."""

    folder: Path
    env: Mapping[str, str]
    days: tuple[date, ...]
    standin: Standin

    @property
    def missing(self) -> tuple[date, ...]:
        """Days that nobody asked for: what moving COPILOT_START_DATE to an earlier day leaves."""
        return self.days[:MISSING]

    @property
    def red(self) -> date:
        """The day whose users-1-day of org:octo-labs arrived cut."""
        return next(day for day in reversed(self.days[:-4]) if not self.is_lost("org:octo-labs", day))

    @property
    def told(self) -> date:
        """A day to look at: one that GitHub has not for everybody, if there is one."""
        asked = [day for day in reversed(self.days[-10:]) if day != self.red]
        return next((day for day in asked if self.is_lost("org:octo-labs", day)), asked[0])

    def is_lost(self, scope: str, day: date) -> bool:
        """Whether the stand-in has no reports of this day."""
        return self.standin.world.is_lost(scope, day)

    def outcome(self, scope: str, day: date) -> str:
        """What asking for a scope's report of a day must have come to."""
        return "no_report" if self.is_lost(scope, day) else "reported"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project folder, a stand-in for GitHub, and all days but the missing ones backfilled from the shell."""
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    days = tuple(today_utc() - timedelta(days=ago) for ago in range(DAYS, 0, -1))
    with Standin(legacy_open=True) as standin:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))}
        env = own | {
            "DAGSTER_HOME": str(tmp_path),
            "GITHUB_API_URL": standin.api_url,
            "GITHUB_TOKEN": TOKEN,
            "COPILOT_SCOPES": ",".join((*ENTITIES, f"team:octo-org/{standin.world.crossing_team}")),
            "COPILOT_START_DATE": days[0].isoformat(),
            "COPILOT_WAREHOUSE": str(tmp_path / "copilot.duckdb"),
            "COPILOT_LEGACY_API": "on",
            "COPILOT_SKIP_REPORTS": UNASKED,
        }
        project = Project(tmp_path, env, days, standin)
        standin.faults = [Fault("truncated-file", scope="org:octo-labs", report="users-1-day", day=project.red)]
        first, last = str(days[MISSING]), str(days[-1])
        monkeypatch.chdir(tmp_path)
        for name in set(os.environ) - set(own):
            monkeypatch.delenv(name)
        backfill = CliRunner().invoke(main, ["backfill", "--start", first, "--end", last], env=env)
        assert backfill.exit_code == 1, backfill.output
        assert f"1 of {DAYS - MISSING} days failed" in backfill.stderr
        standin.faults = []
        yield project


@contextmanager
def dagster_dev(project: Project) -> Iterator[str]:
    """`dagster dev` as a user starts it, web server, daemon and code server; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # The tables that the shell filled have their pictures, and nobody looks at those of the runs to come.
    env = project.env if SCREENSHOTS else {**project.env, "COPILOT_REPORT": "off"}
    with (project.folder / "dev.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-p", str(port)],
            cwd=project.folder,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not _answers(url):
            assert server.poll() is None, (project.folder / "dev.log").read_text()
            assert time.monotonic() < give_up, (project.folder / "dev.log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=30)
        # Runs and code servers are of its process group and may outlive it: end them, and wait until they are gone.
        with suppress(ProcessLookupError):
            for _ in range(100):
                os.killpg(server.pid, signal.SIGKILL)
                time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info").is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def requested() -> list[str]:
    """Every address that the browser asked for."""
    return []


@pytest.fixture
def page(requested: list[str]) -> Iterator[Page]:
    """A page of a Chromium with a new, empty profile."""
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport=WINDOW)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        context.on("request", lambda request: requested.append(request.url))
        page = context.new_page()
        page.on("websocket", lambda websocket: requested.append(websocket.url))
        # Dagster greets a new instance with an invitation to its newsletter.
        skip = page.get_by_role("button", name="Skip")
        page.add_locator_handler(skip, lambda: skip.click())
        yield page
        browser.close()


def test_a_user_finds_tables_and_reasons_and_fills_the_holes_by_clicking(
    project: Project, page: Page, requested: list[str]
) -> None:
    with dagster_dev(project) as url:
        page.goto(url)
        page.get_by_role("button", name="Hide navigation").click()
        a_raw_asset_shows_its_days_and_what_is_missing(page, url, project)
        a_day_that_failed_is_red_and_the_others_have_landed(page, url, project)
        a_weekly_table_shows_columns_rows_preview_and_reasons(page, url, project)
        tables_of_seats_and_bills_explain_themselves(page, url)
        backfill = a_backfill_of_the_missing_days_and_a_run_of_the_failed_one_are_launched(page, url, project)
        the_graph_shows_every_asset_in_its_group(page, url)
        the_backfill_ends_in_success_and_no_day_is_missing(page, url, backfill)
        the_weekly_table_has_followed(page, url)
        if SCREENSHOTS:
            the_pictures_of_a_healthy_project_are_taken(page, url)
            page.goto((project.folder / "report").resolve().joinpath("org-octo-org.html").as_uri())
            picture(page, "report")
    the_warehouse_holds_the_days(project)
    logins = [person.login for person in project.standin.world.population.people]
    assert_nothing_told(project.folder, project.folder / "copilot.duckdb", [TOKEN.encode()], logins, {})
    # `data:` and `blob:` addresses have no host.
    assert {urlsplit(address).hostname for address in requested} - {None} == {"127.0.0.1"}


def a_raw_asset_shows_its_days_and_what_is_missing(page: Page, url: str, project: Project) -> None:
    page.goto(f"{url}/assets/raw/organization_1_day")
    expect(row(page, "Position of the record in the report, from 1")).to_contain_text("seq")

    page.get_by_role("tab", name="Partitions").click()
    expect(page.get_by_text(f"Materialized ({DAYS - MISSING})")).to_be_visible()
    expect(page.get_by_text(f"Missing ({MISSING})")).to_be_visible()
    page.get_by_title(str(project.told)).click()
    for org in ("org:octo-org", "org:octo-labs"):
        expect(row(page, org)).to_contain_text(project.outcome(org, project.told))

    page.get_by_role("tab", name="Checks").click()
    page.get_by_title("missing_days").click()
    expect(page.get_by_text("Evaluation result")).to_be_visible()
    stretch = f"{project.missing[0]} to {project.missing[-1]}"
    expect(row(page, stretch).filter(has_text="not_requested").first).to_be_visible()


def a_day_that_failed_is_red_and_the_others_have_landed(page: Page, url: str, project: Project) -> None:
    page.goto(f"{url}/assets/raw/users_1_day?view=partitions")
    expect(page.get_by_text("Failed (1)")).to_be_visible()
    expect(page.get_by_text(f"Materialized ({DAYS - MISSING - 1})")).to_be_visible()
    page.get_by_title(str(project.red)).click()
    expect(page.get_by_text("did not materialize this asset")).to_be_visible()
    page.get_by_title(str(project.told)).click()
    expect(row(page, "org:octo-labs")).to_contain_text(project.outcome("org:octo-labs", project.told))
    picture(page, "partitions")


def a_weekly_table_shows_columns_rows_preview_and_reasons(page: Page, url: str, project: Project) -> None:
    weeks = {day - timedelta(days=day.weekday()) for day in project.days}
    rows = len(weeks) * len(ENTITIES)
    page.goto(f"{url}/assets/weekly/user_trend")
    expect(page.get_by_text("Row count", exact=True).locator("..")).to_have_text(f"Row count{rows}")
    expect(row(page, "Monday of the ISO week, UTC")).to_contain_text("week_start")
    row(page, "picture").get_by_text("[Show Markdown]").click()
    drawing = page.get_by_role("dialog").get_by_role("img", name="Distinct active people a week")
    expect(drawing).to_be_visible()
    assert drawing.evaluate("image => image.naturalWidth") > 600
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    row(page, "preview").get_by_text("[Show Markdown]").click()
    preview = page.get_by_role("dialog").get_by_role("row")
    expect(preview.first).to_contain_text("active_people")
    expect(preview).to_have_count(1 + min(rows, 10))

    page.goto(f"{url}/assets/weekly/user_trend?view=checks&checkDetail=missing_days")
    expect(row(page, str(project.red)).filter(has_text="users-1-day")).to_contain_text("failed")
    stretch = f"{project.missing[0]} to {project.missing[-1]}"
    expect(row(page, stretch).filter(has_text="not_requested").first).to_be_visible()
    picture(page, "check")


def tables_of_seats_and_bills_explain_themselves(page: Page, url: str) -> None:
    page.goto(f"{url}/assets/flat/seat")
    expect(page.get_by_text("One row per scope, snapshot and person").first).to_be_visible()
    expect(row(page, "null after 90 days without use")).to_contain_text("last_activity_at")
    page.goto(f"{url}/assets/flat/ai_credit_usage")
    expect(page.get_by_text("One row per scope, day, product, SKU and model").first).to_be_visible()
    expect(row(page, "What is to be paid (USD)")).to_contain_text("net_amount")
    page.goto(f"{url}/assets/quality/seat_snapshot")
    expect(row(page, "people with a seat, as GitHub says")).to_contain_text("total_seats")


def a_backfill_of_the_missing_days_and_a_run_of_the_failed_one_are_launched(
    page: Page, url: str, project: Project
) -> str:
    """The address of the backfill's page."""
    page.goto(selection(url, "kind:github"))  # all raw tables that are asked for
    launch(page, "Missing", "Launch backfill", "Created backfill")
    first, *_, last = project.missing
    expect(page.get_by_text(f"{first}...{last}")).to_be_visible()
    backfill = page.url
    page.goto(f"{url}/assets/raw/users_1_day")
    launch(page, "Failed", "Launch 1 run", "Launched run")
    return backfill


def launch(page: Page, days: str, button: str, answer: str) -> None:
    """Materialise these days in Dagster's dialog, and follow it to what it launched."""
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=days, exact=True).click()
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text(answer)).to_be_visible()
    page.get_by_text("View", exact=True).click()


def the_graph_shows_every_asset_in_its_group(page: Page, url: str) -> None:
    specs = build_defs().resolve_all_asset_specs()
    tables: dict[str, list[str]] = {group: [] for group in sorted({str(spec.group_name) for spec in specs})}
    for spec in specs:
        tables[str(spec.group_name)].append(spec.key.path[-1])
    listed = [name for group, names in tables.items() for name in (group, *sorted(names))]
    # The list renders the rows it has room for; one is 32 pixels high.
    page.set_viewport_size({"width": WINDOW["width"], "height": 600 + 32 * len(listed)})
    page.goto(f"{url}/asset-groups")
    for group in tables:
        expect(page.locator("svg").get_by_text(group, exact=True)).to_be_visible()
    rows = page.locator("[data-index]")
    for group in tables:
        rows.filter(has=page.get_by_title(group, exact=True)).get_by_role("img", name="arrow_drop_down").click()
    expect(rows).to_have_count(len(listed))
    expect(rows).to_contain_text(listed)
    page.set_viewport_size(WINDOW)


def the_backfill_ends_in_success_and_no_day_is_missing(page: Page, url: str, backfill: str) -> None:
    rest_until(page, lambda: ask(url, BACKFILL, id=backfill.rpartition("/")[2])["status"] != "REQUESTED")
    page.goto(backfill)
    # A column's title, the backfill's status, and one of each asset without days.
    snapshots = [report for report in REPORTS if report.is_snapshot and report.name not in UNASKED.split(",")]
    expect(page.get_by_text("Succeeded", exact=True)).to_have_count(2 + len(snapshots))
    for table in ("organization_1_day", "users_1_day"):
        page.goto(f"{url}/assets/raw/{table}?view=partitions")
        expect(page.get_by_text(f"Materialized ({DAYS})")).to_be_visible()


def the_weekly_table_has_followed(page: Page, url: str) -> None:
    rest_until(page, lambda: not re.search("not_requested|failed", str(ask(url, CHECK))))
    page.goto(f"{url}/assets/weekly/user_trend?view=checks&checkDetail=missing_days")
    expect(page.get_by_text("Evaluation result")).to_be_visible()
    for status in ("not_requested", "failed"):
        expect(page.get_by_role("cell", name=status, exact=True)).to_have_count(0)
    page.goto(f"{url}/runs")
    expect(page.get_by_text("Queued (0)")).to_be_visible()
    expect(page.get_by_text("In progress (0)")).to_be_visible()


def the_pictures_of_a_healthy_project_are_taken(page: Page, url: str) -> None:
    page.goto(f"{url}/assets/weekly/user_trend")
    expect(page.get_by_text("Latest check results")).to_be_visible()
    page.get_by_placeholder("Filter columns").fill("active")
    expect(row(page, "Monday of the ISO week, UTC")).to_have_count(0)
    picture(page, "weekly")

    groups = [f"global@global:{group}" for group in ("raw", "flat", "quality", "people", "weekly")]
    opened = {"expanded": ",".join(groups)} | {f"open-nodes[{place}]": group for place, group in enumerate(groups)}
    # Everything above a weekly table would be all raw tables: the reasons of missing days come from each of them.
    way = " or ".join(f'1+key:"{table}"' for table in ("weekly/user_trend", "flat/entity_daily", "flat/user_daily"))
    page.goto(selection(url, way) + "?" + urlencode(opened))
    for _ in range(4):
        page.get_by_role("button", name="zoom_out").click()
    page.mouse.move(1250, 200)
    page.mouse.down()
    page.mouse.move(1190, 250)
    page.mouse.up()
    picture(page, "graph")


def the_warehouse_holds_the_days(project: Project) -> None:
    with duckdb.connect(project.env["COPILOT_WAREHOUSE"], read_only=True) as warehouse:
        found = warehouse.execute(
            "select distinct scope, day from raw.records "
            "where report in ('organization-1-day', 'enterprise-1-day') and list_contains($missing, day)",
            {"missing": list(project.missing)},
        ).fetchall()
    # A report about a whole organisation or enterprise is one record, also on a day without anybody.
    had = {(scope, day) for scope in ENTITIES for day in project.missing if not project.is_lost(scope, day)}
    assert set(found) == had


BACKFILL = """
query ($id: String!) { answer: partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""
CHECK = """
{
  answer: assetCheckExecutions(assetKey: {path: ["weekly", "user_trend"]}, checkName: "missing_days", limit: 1) {
    status
    evaluation { metadataEntries { ... on TableMetadataEntry { table { records } } } }
  }
}
"""


def ask(url: str, query: str, **variables: str) -> Any:
    """What the pages are made of, by the question that they ask."""
    answer = httpx.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=PATIENCE_SECONDS)
    return answer.raise_for_status().json()["data"]["answer"]


def rest_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait in front of an empty page: one that follows runs keeps Chromium as busy as they keep Dagster."""
    page.goto("about:blank")
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up, "Dagster has not come to it"
        time.sleep(1)


def selection(url: str, query: str) -> str:
    """The graph of the assets that a query selects."""
    return f"{url}/asset-groups~{quote(query, safe='')}/"


def row(page: Page, text: str) -> Locator:
    """Rows of a table that hold a text, without the row that a table stands in."""
    return page.get_by_role("row").filter(has_text=text).filter(has_not=page.get_by_role("table"))


def picture(page: Page, name: str) -> None:
    """Write a picture for the README, when asked to."""
    if SCREENSHOTS:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=SCREENSHOTS / f"{name}.png")
