"""The pages word by word: their commands are run as they stand, in a copy of the project; what they name exists."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import httpx
import pytest
from dotenv import dotenv_values

from copilot_assets.github.reports import REPORTS
from copilot_assets.now import today_utc
from copilot_assets.settings import Settings
from copilot_assets.standin import Standin
from tests.dbt_like_sql.conftest import built_warehouse
from tests.listeners import SECRET, Webhook

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MADE = ("endpoints.md", "tables.md")  # from code, and held against it by tests of their own
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "dbt_like_sql/README.md"])
    if path.name not in MADE
}
COMMANDS = [
    line
    for page in PAGES.values()
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    for line in block.splitlines()
]

# Of other programs, or of a page about what is not there yet.
ELSEWHERE = {"COPILOT_SCREENSHOTS"}
# Of the page about a lake: run in tests/lake, with the DuckDB that has the extensions.
RUN_ON_A_LAKE = (
    ".venv/bin/copilot-assets migrate",
    ".venv/bin/copilot-assets doctor",
    '.venv/bin/copilot-assets move "ducklake:postgres:dbname=copilot host=db user=copilot"',
)
RUN_BELOW = {
    "make demo": "test_make_demo",
    "make setup": "test_setup_and_upgrade_are_what_the_makefile_and_git_have",
    "git pull": "test_setup_and_upgrade_are_what_the_makefile_and_git_have",
    "cp .env.example .env": "test_a_backup_is_restored_by_the_page",
    "mkdir -p backup": "test_a_backup_is_restored_by_the_page",
    "cp -p data/copilot.duckdb data/copilot.key backup/": "test_a_backup_is_restored_by_the_page",
    "cp -p backup/copilot.duckdb backup/copilot.key data/": "test_a_backup_is_restored_by_the_page",
    "rm -rf .dagster data/export data/report data/.export.* data/.report.*": "test_backfill",
    "make test": "test_make_test_is_what_runs_this",
    "make dev": "test_make_dev",
    ".venv/bin/copilot-assets doctor": "test_doctor",
    ".venv/bin/copilot-assets backfill": "test_backfill",
    ".venv/bin/copilot-assets status": "test_backfill",
    ".venv/bin/copilot-assets export --format parquet copilot-files": "test_backfill",
    ".venv/bin/copilot-assets forget octocat": "test_backfill",
    ".venv/bin/copilot-assets import copilotMetricsData.json --scope org:octo-org": "test_import",
    ".venv/bin/copilot-assets report --open": "test_backfill",
    ".venv/bin/copilot-assets standin --port 8700": "test_standin",
    ".venv/bin/copilot-assets notify --test": "test_notify",
    "make docs": "test_setup_and_upgrade_are_what_the_makefile_and_git_have",
}


def test_every_command_is_run_below() -> None:
    assert set(COMMANDS) == {*RUN_BELOW, *RUN_ON_A_LAKE}
    assert set(RUN_BELOW.values()) <= set(globals())


def copied(folder: Path) -> Path:
    """A copy of what is in the repository, with the environment that this test runs in."""
    # `make setup` in the copy would make this very environment that of the copy.
    inputs = [(ROOT / name).stat().st_mtime for name in ("pyproject.toml", "requirements.lock")]
    assert (ROOT / ".venv" / "synced").stat().st_mtime > max(inputs), "run `make setup` first"
    git = "git ls-files --cached --others --exclude-standard"
    listed = subprocess.run(git.split(), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy that nothing was done with."""
    return copied(tmp_path)


@contextmanager
def running(command: str, project: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, ended as Ctrl-C ends it."""
    ours = ("COPILOT_", "GITHUB_", "DAGSTER_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = subprocess.Popen(
        command.split(),
        cwd=project,
        env={**own, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def read_until(process: subprocess.Popen[str], pattern: str) -> tuple[str, re.Match[str]]:
    """What the process prints until a line matches."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if match := re.search(pattern, line):
            return printed, match
    raise AssertionError(f"never printed {pattern!r}:\n{printed}")


def get(url: str) -> httpx.Response:
    """The answer, once there is one."""
    for _ in range(300):
        try:
            return httpx.get(url, headers={"User-Agent": "test", "Authorization": "Bearer any"})
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"{url} never answered")


def own_env(standin: Standin) -> dict[str, str]:
    return {
        "GITHUB_API_URL": standin.api_url,
        "GITHUB_TOKEN": "any",
        "COPILOT_SCOPES": "org:octo-org,enterprise:octo-corp",
        "COPILOT_START_DATE": "2026-09-01",
    }


def test_make_demo(project: Path) -> None:
    before = set(project.iterdir())
    with running("make demo", project, COPILOT_ASSETS_DEMO_DAYS="2", COPILOT_ASSETS_DEMO_PORT="3411") as process:
        printed, match = read_until(process, r"The Dagster UI comes up at (http://127.0.0.1:\d+)")
        assert "Weekly adoption trend" in printed
        assert "Missing days, and why" in printed
        assert "Asset checks:" in printed
        assert get(f"{match[1]}/server_info").json()["dagster_version"]
    assert set(project.iterdir()) - before == {project / ".demo"}, "it keeps to a folder of its own"
    with duckdb.connect(str(project / ".demo" / "copilot.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from weekly.legacy_user_trend").fetchall() == [(True,)]


def test_make_dev(project: Path, standin: Standin) -> None:
    with running("make dev", project, **own_env(standin)) as process:
        printed, match = read_until(process, r"Serving dagster-webserver on (http://127.0.0.1:\d+)")
        assert get(f"{match[1]}/server_info").status_code == 200
        question = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
        answer = httpx.post(f"{match[1]}/graphql", json={"query": question}, timeout=60)
        (node,) = answer.json()["data"]["repositoriesOrError"]["nodes"]
        assert node["location"]["name"] == "copilot_assets", "the name is workspace.yaml's"
        assert "SupersessionWarning" not in printed


def run(command: str, project: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A command, to its end."""
    ours = ("COPILOT_", "GITHUB_", "DAGSTER_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(command.split(), cwd=project, env={**own, **env}, capture_output=True, text=True)


def test_doctor(project: Path) -> None:
    with Standin() as github:
        done = run(".venv/bin/copilot-assets doctor", project, **own_env(github))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "organization-1-day" in done.stdout
    assert "Next: copilot-assets backfill" in done.stdout
    assert done.stderr == ""
    assert not (project / "data").exists(), "it stores nothing"
    assert not (project / ".dagster").exists()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A copy into which a week of an archive was imported, and what the command said."""
    project = copied(tmp_path_factory.mktemp("imported"))
    days = [
        {"date": f"2024-07-0{day}", "total_active_users": 10 + day, "total_engaged_users": day} for day in range(1, 8)
    ]
    (project / "copilotMetricsData.json").write_text(json.dumps(days))
    return project, run(".venv/bin/copilot-assets import copilotMetricsData.json --scope org:octo-org", project)


def test_import(imported: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    project, done = imported
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 days of legacy-metrics of org:octo-org in the archive, 2024-07-01 to 2024-07-07" in done.stdout
    with duckdb.connect(str(project / "data" / "copilot.duckdb"), read_only=True) as connection:
        weeks = connection.execute(
            "select week_start, days_reported, active_users, engaged_users from weekly.legacy_user_trend"
        ).fetchall()
    # 11 to 17 and 1 to 7, Monday to Sunday.
    assert weeks == [(date(2024, 7, 1), 7, 98, 28)]
    assert list(project.glob(".dagster/**/runs.db")), "the run is in the history that the UI shows"


def test_backfill(project: Path) -> None:
    """With the stand-in's real current day, as a user would: from the start date to yesterday, and what comes after."""
    yesterday = today_utc() - timedelta(days=1)
    start = yesterday - timedelta(days=1)
    with Standin() as github:
        env = own_env(github) | {"COPILOT_START_DATE": start.isoformat()}
        done = run(".venv/bin/copilot-assets backfill", project, **env)
    if today_utc() - timedelta(days=1) != yesterday:
        pytest.skip("the UTC day turned while it ran")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Fetching 2 days, {start} to {yesterday}" in done.stdout
    assert (project / ".dagster" / "storage").is_dir(), "the history is where `make dev` finds it"
    assert done.stderr == ""
    with duckdb.connect(str(project / "data" / "copilot.duckdb"), read_only=True) as connection:
        asked = connection.execute("select status, count(*) from quality.day_status group by all").fetchall()
    # Two scopes with six daily reports each: the entity's, people, teams, repositories, and two bills.
    assert sum(count for _, count in asked) == 2 * 2 * 6
    assert "not_requested" not in dict(asked)
    told = run(".venv/bin/copilot-assets status", project)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Nothing needs a hand." in told.stdout
    assert "organization-1-day" in told.stdout

    exported = run(".venv/bin/copilot-assets export --format parquet copilot-files", project)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    for folder in ("copilot-files", "data/export"):  # by hand, and by the run
        assert duckdb.sql(f"select count(*) from '{project}/{folder}/weekly/user_trend.parquet'").fetchall() != [(0,)]
    reported = run(".venv/bin/copilot-assets report --open", project, BROWSER="true")
    assert reported.returncode == 0, reported.stdout + reported.stderr
    assert (project / "data" / "report" / "index.html").exists()
    for file in ("copilot.duckdb", "copilot.key"):
        assert (project / "data" / file).stat().st_mode & 0o777 == 0o600

    rooms = "rm -rf .dagster data/export data/report data/.export.* data/.report.*"
    subprocess.run(rooms, cwd=project, shell=True, check=True)  # noqa: S602
    assert sorted(path.name for path in (project / "data").iterdir() if "export" in path.name) == []
    told = run(".venv/bin/copilot-assets status", project)
    assert (told.returncode, "Nothing needs a hand." in told.stdout) == (0, True)
    assert run(".venv/bin/copilot-assets report --open", project, BROWSER="true").returncode == 0

    # Somebody who is there is forgotten, with the same command, in tests/people/test_forget.py.
    nobody = run(".venv/bin/copilot-assets forget octocat", project)
    assert (nobody.returncode, "Nobody in the database goes by 'octocat'" in nobody.stderr) == (1, True)


def test_notify(project: Path, webhook: Webhook) -> None:
    settings = {"COPILOT_NOTIFY": webhook.address, "COPILOT_HEARTBEAT_URL": webhook.url}
    told = run(".venv/bin/copilot-assets notify --test", project, **settings)
    assert (told.returncode, told.stderr) == (0, "")
    said = ["channel 1 (JSON) took the sample.", "COPILOT_HEARTBEAT_URL was called and answered well."]
    assert told.stdout.splitlines() == said
    assert webhook.titles == ["Copilot data: a test"]
    assert len(webhook.paths) == 2
    webhook.statuses = [404] * 6
    told = run(".venv/bin/copilot-assets notify --test", project, **settings)
    assert told.returncode == 1
    assert "took nothing: it answered 404, 3 times." in told.stdout
    assert SECRET not in told.stdout + told.stderr
    unset = run(".venv/bin/copilot-assets notify --test", project)
    assert unset.returncode == 2
    assert "COPILOT_NOTIFY is not set" in unset.stderr


def test_a_backup_is_restored_by_the_page(imported: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """What an import of days left, lost and put back, with the commands of the page in their order."""
    project, _ = imported
    page = PAGES["docs/operate.md"].split("## Back up, restore, move")[1].split("\n## ")[0]
    backup, restore = (block.splitlines() for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL))
    subprocess.run("cp .env.example .env", cwd=project, shell=True, check=True)  # noqa: S602 (a line of the page)

    def kept() -> tuple[list[tuple[object, ...]], str]:
        with duckdb.connect(str(project / "data" / "copilot.duckdb"), read_only=True) as connection:
            tables = ("flat.legacy_daily", "weekly.legacy_user_trend", "raw.fetches")
            rows = [row for table in tables for row in connection.execute(f"from {table}").fetchall()]
        return rows, (project / "data" / "copilot.key").read_text()

    # Nothing about people came, so no run has made a key yet: this one is somebody's.
    (project / "data" / "copilot.key").write_text("17" * 32)
    before = kept()
    assert len(before[0]) == 7 + 1 + 7
    for line in backup:
        subprocess.run(line, cwd=project, shell=True, check=True)  # noqa: S602
    shutil.rmtree(project / "data")
    (project / "data").mkdir()
    for line in restore[:-1]:
        subprocess.run(line, cwd=project, shell=True, check=True)  # noqa: S602
    told = run(restore[-1], project)
    assert "; 7 reported" in told.stdout, told.stdout + told.stderr
    assert kept() == before


def test_setup_and_upgrade_are_what_the_makefile_and_git_have() -> None:
    """Both were run before any test could be: by `make test` itself, and by whoever brought this commit here."""
    planned = subprocess.run(["make", "-n", "-B", "setup"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "requirements.lock" in planned


def test_setup_trusts_whom_the_machine_trusts_and_says_what_stood_in_the_way(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "system: $UV_SYSTEM_CERTS, pip: $PIP_CERT"\nexit 1\n')
    python.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name not in {"PIP_CERT", "UV_SYSTEM_CERTS"}}
    done = subprocess.run(
        ["make", "--no-print-directory", "setup"],
        cwd=tmp_path,
        env=env | {"SSL_CERT_FILE": "own.pem"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    found, sentence = done.stdout.splitlines()
    assert found == "system: true, pip: own.pem"
    assert sentence.startswith("The packages could not be installed; the lines above say what stood in the way.")
    assert "your company's, in SSL_CERT_FILE" in sentence


def test_standin(project: Path) -> None:
    with running(".venv/bin/copilot-assets standin --port 8700", project) as process:
        read_until(process, r"answers at http://127.0.0.1:8700")
        assert get("http://127.0.0.1:8700/rate_limit").status_code == 200


def test_make_test_is_what_runs_this() -> None:
    planned = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for step in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest"):
        assert step in planned
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_the_unit_for_systemd_names_what_is_there(tmp_path: Path) -> None:
    (unit,) = re.findall(r"```systemd\n(.*?)```", PAGES["docs/operate.md"], re.DOTALL)
    own = unit.replace("/srv/copilot", str(ROOT)).replace("User=copilot", "User=root")
    (tmp_path / "copilot-assets.service").write_text(own)
    (started,) = re.findall(r"^ExecStart=(.*)$", own, re.MULTILINE)
    program, command, *options = started.split()
    known = subprocess.run([program, command, "--help"], capture_output=True, text=True, check=True).stdout
    assert {word for word in options if word.startswith("--")} == {"--host", "--port"}
    assert "--host" in known
    if checker := shutil.which("systemd-analyze"):
        checked = subprocess.run(
            [checker, "verify", tmp_path / "copilot-assets.service"], capture_output=True, text=True
        )
        assert "copilot-assets.service" not in checked.stderr, checked.stderr


def test_the_four_lines_of_env_are_enough() -> None:
    (block,) = re.findall(r"```ini\n(.*?)```", README, re.DOTALL)
    lines = dict(line.split("=", 1) for line in block.splitlines())
    assert len(lines) == 4
    settings = Settings.from_env({**lines, "GITHUB_TOKEN": "ghp_x"})
    assert [str(scope) for scope in settings.scopes] == ["org:octo-org", "enterprise:octo-corp"]
    example = (ROOT / ".env.example").read_text()
    assert list(dotenv_values(stream=StringIO(example)))[:4] == list(lines)


def test_the_example_of_env_has_every_setting() -> None:
    readers = (ROOT / "copilot_assets" / "settings.py", ROOT / "copilot_assets" / "github" / "credentials.py")
    source = "".join(path.read_text() for path in readers)
    settings = set(re.findall(r'"((?:GITHUB|COPILOT)_[A-Z_]+)"', source))
    assert len(settings) > 20, "or the pattern has ceased to find them"
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#?((?:GITHUB|COPILOT)_[A-Z_]+)=", example, re.MULTILINE)) == settings


def test_everything_it_names_is_there() -> None:
    known = set(re.findall(r"\b(?:GITHUB|COPILOT)_[A-Z_]+[A-Z]\b", (ROOT / ".env.example").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, page in PAGES.items():
        settings = set(re.findall(r"\b(?:GITHUB|COPILOT)_[A-Z_]+[A-Z]\b", page)) - ELSEWHERE
        assert settings <= known, f"{name}: {settings - known}"
        for place in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page):
            assert place.startswith("https:") or ((ROOT / name).parent / place).exists(), f"{name}: {place}"
        for place in re.findall(r"`((?:copilot_assets|docs)/[\w/.]*\w)`", page):
            assert (ROOT / place).exists(), f"{name}: {place}"
        assert set(re.findall(r"`?make ([a-z]+)`", page)) <= targets, name


def test_every_permission_that_a_report_needs_is_named() -> None:
    """The words in quotes are GitHub's, and the same that a refusal tells."""
    told = {text for report in REPORTS if not report.retired_on for text in report.permissions.values()}
    quoted = {name for text in told for name in re.findall(r"'([^']+)'", text)}
    assert quoted == set(
        re.findall(r'"([^"]+)"', PAGES["docs/start.md"].split("What the token needs:")[1].split("\n\n")[1])
    )


def test_the_statuses_are_those_there_are() -> None:
    section = PAGES["docs/numbers.md"].split("## A day is missing")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    model = (ROOT / "dbt_like_sql" / "quality" / "day_status.sql").read_text()
    (accepted,) = re.findall(r"one word.*#accepted\((.*?)\)", model)
    assert named == set(accepted.split(", "))


def test_the_pictures_are_there() -> None:
    for name, page in PAGES.items():
        for picture in re.findall(r"!\[.*?\]\((.*?)\)", page):
            assert ((ROOT / name).parent / picture).stat().st_size > 10_000


def test_the_index_has_every_page() -> None:
    listed = set(re.findall(r"\]\(([a-z]+\.md)\)", PAGES["docs/README.md"]))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("page", [name for name, text in PAGES.items() if "```sql\nselect" in text])
def test_every_query_of_a_page_runs(page: str, tmp_path: Path) -> None:
    """On tables without a row: what they name is there."""
    with built_warehouse(tmp_path / "x.duckdb").connect() as connection:
        queries = re.findall(r"^```sql\n(select.*?)```", PAGES[page], re.DOTALL | re.MULTILINE)
        assert queries
        for query in queries:
            connection.execute(query)
