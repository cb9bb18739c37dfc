"""Dagster's own UI in a real Chromium: what a user sees of this project, and a backfill by clicking.

One test, a step a function: the server is dear, and the backfill changes what the steps before it look at.
COPILOT_SCREENSHOTS=docs shows 60 days instead of 13 and writes the README's pictures into that folder.
What is clicked is found by the texts and roles of Dagster 1.13.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import httpx
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from copilot_assets.definitions import build_defs
from copilot_assets.settings import today_utc
from copilot_assets.standin import Fault, Standin

REPOSITORY = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium and no google-chrome on this machine"),
]

SCREENSHOTS = os.environ.get("COPILOT_SCREENSHOTS")
DAYS = 60 if SCREENSHOTS else 13
MISSING = 3
ENTITIES = ("org:octo-org", "org:octo-labs", "enterprise:octo-corp")
RAW = ("enterprise_1_day", "legacy_metrics", "organization_1_day", "users_1_day")

PATIENCE_SECONDS = 90  # the daemon looks for backfills, and the sensor for changes, every 30 seconds
# The window of a README's picture; the other arguments keep Chromium from talking to anybody but the test.
WINDOW = {"width": 1400, "height": 900}
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
    """An installation whose first three days nobody asked for, and of whose people one day could not be read."""

    folder: Path
    env: Mapping[str, str]
    days: tuple[date, ...]

    @property
    def missing(self) -> tuple[date, ...]:
        """Days that nobody asked for: what happens when COPILOT_START_DATE is set to an earlier day."""
        return self.days[:MISSING]

    @property
    def red(self) -> date:
        """The day whose users-1-day of org:octo-labs arrives cut."""
        return self.days[-6]

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return Path(self.env["COPILOT_WAREHOUSE"])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project folder, a stand-in for GitHub, and all days but the missing ones backfilled from the shell."""
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    today = today_utc()
    days = tuple(today - timedelta(days=ago) for ago in range(DAYS, 0, -1))
    with Standin(legacy_open=True) as standin:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))}
        env = own | {
            "DAGSTER_HOME": str(tmp_path),
            "GITHUB_API_URL": standin.api_url,
            "GITHUB_TOKEN": "any",
            "COPILOT_SCOPES": ",".join((*ENTITIES, f"team:octo-org/{standin.world.crossing_team}")),
            "COPILOT_START_DATE": days[0].isoformat(),
            "COPILOT_WAREHOUSE": str(tmp_path / "copilot.duckdb"),
            "COPILOT_LEGACY_API": "on",
        }
        project = Project(tmp_path, env, days)
        standin.faults = [Fault("truncated-file", scope="org:octo-labs", report="users-1-day", day=project.red)]
        first, last = str(days[MISSING]), str(days[-1])
        backfill = subprocess.run(
            [sys.executable, "-m", "copilot_assets", "backfill", "--start", first, "--end", last],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert backfill.returncode == 1, backfill.stderr
        assert f"1 of {DAYS - MISSING} days failed" in backfill.stderr
        yield project


@contextmanager
def dagster_dev(project: Project) -> Iterator[str]:
    """`dagster dev` as a user starts it, web server, daemon and code server; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (project.folder / "dev.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-p", str(port)],
            cwd=project.folder,
            env=project.env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not _answers(url):
            assert server.poll() is None, (project.folder / "dev.log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Runs and code servers are of its process group, and may outlive it.
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)


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


def test_a_user_finds_every_table_and_its_reasons_and_fills_missing_days_by_clicking(
    project: Project, page: Page, requested: list[str]
) -> None:
    with dagster_dev(project) as url:
        page.goto(url)
        page.get_by_role("button", name="Hide navigation").click()
        the_graph_shows_every_asset_in_its_group(page, url)
        a_raw_asset_shows_its_days_with_evidence_and_what_is_missing(page, url, project)
        a_failed_day_is_red_alone(page, url, project)
        backfill = the_missing_days_are_launched(page, url)
        a_weekly_table_shows_columns_rows_and_preview(page, url, project)
        the_backfill_ends_in_success(page, backfill)
        the_missing_days_are_there(page, url)
        the_weekly_table_has_followed(page, url, project)
        take_pictures_of_the_end(page, url)
    the_warehouse_holds_the_days(project)
    # `data:` and `blob:` addresses have no host.
    assert {urlsplit(address).hostname for address in requested} - {None} == {"127.0.0.1"}


def the_graph_shows_every_asset_in_its_group(page: Page, url: str) -> None:
    specs = [spec for spec in build_defs().resolve_all_asset_specs()]
    groups = {spec.group_name for spec in specs}
    assert groups == {"raw", "flat", "weekly", "quality"}
    page.goto(f"{url}/asset-groups")
    for group in groups:
        expect(page.locator("svg").get_by_text(group, exact=True)).to_be_visible()
    search = page.get_by_role("textbox", name="Search and filter assets")
    page.set_viewport_size({"width": 1400, "height": 1600})  # the list renders the rows it has room for
    for group in groups:
        search.fill(f"group:{group}")
        search.press("Enter")
        for spec in specs:
            listed = page.get_by_role("button", name=re.compile(rf"\b{spec.key.path[-1]}\b"))
            expect(listed).to_have_count(1 if spec.group_name == group else 0)
    page.set_viewport_size(WINDOW)


def a_raw_asset_shows_its_days_with_evidence_and_what_is_missing(page: Page, url: str, project: Project) -> None:
    page.goto(f"{url}/assets/raw/organization_1_day")
    expect(row(page, "seq")).to_contain_text("Position of the record in the report, from 1")

    page.get_by_role("tab", name="Partitions").click()
    expect(page.get_by_text(f"Materialized ({DAYS - MISSING})")).to_be_visible()
    expect(page.get_by_text(f"Missing ({MISSING})")).to_be_visible()
    page.get_by_text(str(project.days[-7]), exact=True).click()
    for org in ("org:octo-org", "org:octo-labs"):
        expect(row(page, org)).to_contain_text(re.compile("reported.*200"))

    page.get_by_role("tab", name="Checks").click()
    page.get_by_text("missing_days", exact=True).click()
    expect(page.get_by_text("Evaluation result")).to_be_visible()
    for day in project.missing:
        expect(row(page, str(day)).filter(has_text="not_requested").first).to_be_visible()


def a_failed_day_is_red_alone(page: Page, url: str, project: Project) -> None:
    page.goto(f"{url}/assets/raw/users_1_day?view=partitions")
    expect(page.get_by_text("Failed (1)")).to_be_visible()
    expect(page.get_by_text(f"Materialized ({DAYS - MISSING - 1})")).to_be_visible()
    page.get_by_text(str(project.red), exact=True).click()
    expect(page.get_by_text("did not materialize this asset")).to_be_visible()


def the_missing_days_are_launched(page: Page, url: str) -> str:
    """Launch a backfill of every raw table from the graph; the address of its page."""
    page.goto(f"{url}/asset-groups")
    search = page.get_by_role("textbox", name="Search and filter assets")
    search.fill("kind:github")
    search.press("Enter")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"materialize {len(RAW)} assets")
    dialog.get_by_role("button", name="Missing", exact=True).click()
    expect(dialog).to_contain_text(f"{MISSING} partitions")
    dialog.get_by_role("button", name="Launch backfill").click()
    page.get_by_role("button", name="View", exact=True).click()
    expect(page.get_by_text("Partitions targeted")).to_be_visible()
    return page.url


def a_weekly_table_shows_columns_rows_and_preview(page: Page, url: str, project: Project) -> None:
    weeks = {day - timedelta(days=day.weekday()) for day in project.days}
    rows = len(weeks) * len(ENTITIES)
    page.goto(f"{url}/assets/weekly/user_trend")
    expect(page.get_by_text("Row count", exact=True).locator("..")).to_have_text(f"Row count{rows}")
    expect(row(page, "week_start").first).to_contain_text("Monday of the ISO week, UTC")
    picture(page, "weekly")
    page.get_by_text("[Show Markdown]").click()
    preview = page.get_by_role("dialog").get_by_role("row")
    expect(preview.first).to_contain_text("active_people")
    expect(preview).to_have_count(1 + min(rows, 10))

    page.goto(f"{url}/assets/weekly/user_trend?view=checks&checkDetail=missing_days")
    expect(row(page, str(project.red)).filter(has_text="users-1-day")).to_contain_text("failed")
    expect(row(page, str(project.missing[0])).filter(has_text="not_requested").first).to_be_visible()


def the_backfill_ends_in_success(page: Page, backfill: str) -> None:
    page.goto(backfill)
    expect(page.get_by_text("Succeeded", exact=True)).to_have_count(2)  # a column's title and the status


def the_missing_days_are_there(page: Page, url: str) -> None:
    page.goto(f"{url}/assets/raw/organization_1_day?view=partitions")
    expect(page.get_by_text("Missing (0)")).to_be_visible()
    expect(page.get_by_text(f"Materialized ({DAYS})")).to_be_visible()


def the_weekly_table_has_followed(page: Page, url: str, project: Project) -> None:
    page.goto(f"{url}/assets/weekly/user_trend?view=checks&checkDetail=missing_days")
    expect(row(page, str(project.red)).filter(has_text="users-1-day")).to_be_visible()
    expect(page.get_by_text("not_requested")).to_have_count(0)


def take_pictures_of_the_end(page: Page, url: str) -> None:
    pass


def the_warehouse_holds_the_days(project: Project) -> None:
    with duckdb.connect(str(project.warehouse), read_only=True) as warehouse:
        found = warehouse.execute(
            "select report, day from raw.records group by all having list_contains($reports, report)",
            {"reports": [report.replace("_", "-") for report in RAW]},
        ).fetchall()
    assert {(name.replace("_", "-"), day) for name in RAW for day in project.missing} <= set(found)


def row(page: Page, text: str) -> Locator:
    """Rows of a table that hold a text, without the row that a table stands in."""
    return page.get_by_role("row").filter(has_text=text).filter(has_not=page.get_by_role("table"))


def picture(page: Page, name: str) -> None:
    """Write a picture for the README, when asked to."""
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
