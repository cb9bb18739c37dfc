"""deploy/compose as it stands: what each service runs, with its files and environment, as processes on a PostgreSQL.

Docker is not needed, so what only Docker does (users, read-only file systems, networks) is held to the schema alone.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import yaml

from copilot_assets.standin import Standin
from tests.conftest import TODAY, all_but
from tests.leaks import TOKEN, assert_nothing_told, rows_of_postgres
from tests.listeners import free_port
from tests.postgres import Postgres

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
PROGRAMS = Path(sys.executable).parent
DAYS = [TODAY - timedelta(days=ago) for ago in (7, 6, 5, 4)]
PATIENCE_SECONDS = 60
LAUNCH = """mutation ($days: [String!], $assets: [AssetKeyInput!]) {
  launchPartitionBackfill(backfillParams: {partitionNames: $days, assetSelection: $assets}) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
RUNS = """query ($id: String!) {
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
    ... on Runs { results { status tags { key value } assetMaterializations { assetKey { path } partition } } }
  }
}"""
FOLLOWS = """{
  workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}"""


@dataclass
class Composed:
    """The services as processes on this machine.

    Attributes:
        home: what is /srv/copilot to all of them.
        secrets: what is /run/secrets.
        settings: what .env says.
        here: what words of the compose file are here, such as a port.
    """

    home: Path
    secrets: Path
    settings: Mapping[str, str]
    here: Mapping[str, str]
    postgres: Postgres
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def words(self, words: list[str]) -> list[str]:
        """Words of a service as Docker would hand them over, and as they are here."""
        return [self._here(word.replace("$$", "$")) for word in words]

    def _here(self, text: str) -> str:
        return re.sub("|".join(map(re.escape, self.here)), lambda word: self.here[word[0]], text)

    def env(self, service: str) -> dict[str, str]:
        """What a service has in its environment, and nothing that this test has, besides where programs are."""
        told = {name: self._here(text) for name, text in SERVICES[service]["environment"].items()}
        for name in ("DAGSTER_POSTGRES_", "PG"):  # PostgreSQL's own programs go by the latter
            told |= {f"{name}HOST": self.postgres.host, f"{name}PORT": str(self.postgres.port)}
        settings = self.settings if "env_file" in SERVICES[service] else {}
        path = f"{PROGRAMS}:{self.postgres.programs}:{os.environ['PATH']}"
        return {**settings, **told, "PATH": path, "TMPDIR": str(self.home.parent / "tmp")}

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """Start what a service runs, in a process group of its own."""
        words = self.words(SERVICES[service]["entrypoint"]) + self.words(SERVICES[service]["command"])
        with self.log(service).open("wb") as log:
            self.processes[service] = subprocess.Popen(
                words, cwd=self.home, env=self.env(service), stdout=log, stderr=log, start_new_session=True
            )
        return self.processes[service]

    def log(self, service: str) -> Path:
        return self.home.parent / f"{service}.log"

    def is_healthy(self, service: str) -> bool:
        """What the health check of a service says now; it does not go through the entry point."""
        how, *words = self.words(SERVICES[service]["healthcheck"]["test"])
        words = ["sh", "-c", *words] if how == "CMD-SHELL" else words
        return subprocess.run(words, cwd=self.home, env=self.env(service), capture_output=True).returncode == 0

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            ended = [name for name, process in self.processes.items() if process.poll() not in (None, 0)]
            assert not ended, self.log(ended[0]).read_text()[-3000:]
            assert time.monotonic() < until, [what, *(self.log(name).read_text()[-1500:] for name in self.processes)]
            time.sleep(0.3)

    def stop(self) -> dict[str, int]:
        """As `docker compose stop` does; the exit codes of what had not ended."""
        at_work = {name: process for name, process in self.processes.items() if process.poll() is None}
        for process in at_work.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(30) for name, process in at_work.items()}

    def kill_all(self) -> None:
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def ask(self, query: str, **variables: object) -> Any:
        """What the UI answers."""
        url = f"http://127.0.0.1:{self.here['3000']}/graphql"
        answer = httpx.post(url, json={"query": query, "variables": variables}, timeout=30).json()
        assert "errors" not in answer, answer
        return answer["data"]


@contextmanager
def composed(folder: Path, postgres: Postgres, settings: Mapping[str, str]) -> Iterator[Composed]:
    home, secrets = folder / "srv", folder / "secrets"
    for each in (home, secrets, home / "data", home / ".dagster", folder / "tmp"):
        each.mkdir()
    (secrets / "github").write_text(f"{TOKEN}\n")
    (secrets / "postgres_password").write_text(f"{postgres.password}\n")
    here = {
        "/srv/copilot": str(home),
        "/run/secrets": str(secrets),
        "0.0.0.0": "127.0.0.1",  # noqa: S104
        "3000": str(free_port()),
        "4000": str(free_port()),
    }
    (home / "dagster.yaml").write_bytes((FOLDER / "dagster.yaml").read_bytes())
    workspace = (FOLDER / "workspace.yaml").read_text()
    assert "host: code\n      port: 4000\n" in workspace
    workspace = workspace.replace("host: code", "host: 127.0.0.1").replace("4000", here["4000"])
    (home / "workspace.yaml").write_text(workspace)
    own = {name: text.replace("/run/secrets", str(secrets)) for name, text in settings.items()}
    services = Composed(home, secrets, own, here, postgres)
    try:
        yield services
    finally:
        services.kill_all()


def test_the_services_start_in_order_are_healthy_and_a_backfill_in_several_runs_lands_all_days(
    standin: Standin, postgres: Postgres, tmp_path: Path
) -> None:
    settings = {
        "GITHUB_TOKEN_PATH": "/run/secrets/github",
        "GITHUB_API_URL": standin.api_url,
        "COPILOT_SCOPES": "org:octo-org",
        "COPILOT_START_DATE": str(DAYS[0]),
        "COPILOT_SKIP_REPORTS": all_but("organization-1-day", "users-1-day"),
        "COPILOT_DAYS_PER_RUN": "2",
        "COPILOT_REPORT": "off",
    }
    with composed(tmp_path, postgres, settings) as services:
        assert services.is_healthy("postgres")
        assert services.start("init").wait(PATIENCE_SECONDS) == 0, services.log("init").read_text()
        assert not services.is_healthy("code"), "nobody answers yet"
        services.start("code")
        services.wait(lambda: services.is_healthy("code"), "the code server is healthy")
        services.start("webserver")
        services.wait(lambda: services.is_healthy("webserver"), "the UI is healthy")

        # Before the daemon begins, which looks for backfills then and every half minute.
        tables = [["raw", "organization_1_day"], ["raw", "users_1_day"]]
        assets = [{"path": path} for path in tables]
        launched = services.ask(LAUNCH, days=[str(day) for day in DAYS], assets=assets)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        services.start("daemon")

        def runs() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = services.ask(RUNS, id=launched["backfillId"])["runsOrError"]["results"]
            return found

        services.wait(lambda: [run["status"] for run in runs()] == ["SUCCESS"] * 2, "two runs of two days")
        services.wait(lambda: services.is_healthy("daemon"), "the daemon is healthy")
        ranges = {
            tag["value"] for run in runs() for tag in run["tags"] if tag["key"] == "dagster/asset_partition_range_start"
        }
        assert ranges == {str(DAYS[0]), str(DAYS[2])}
        told = services.ask(FOLLOWS)
        (location,) = told["workspaceOrError"]["locationEntries"]
        assert location == {"name": "copilot_assets", "loadStatus": "LOADED"}

        assert services.stop() == {"code": 0, "webserver": 0, "daemon": 0}

    database = services.home / "data" / "copilot.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        query = "select report, day from raw.fetches where outcome = 'reported' order by all"
        landed = connection.execute(query).fetchall()
    assert landed == [(report, day) for report in ("organization-1-day", "users-1-day") for day in DAYS]
    assert not list((services.home / ".dagster").rglob("*.db")), "the history is in PostgreSQL"
    assert list((services.home / ".dagster" / "storage").rglob("*.out")), "where the UI finds what runs printed"

    logins = [person.login for person in standin.world.population.people]
    said = {name: services.log(name).read_bytes() for name in services.processes}
    history = list(rows_of_postgres(postgres.url))
    assert any(b"ASSET_MATERIALIZATION" in content for _, content in history)
    said |= {f"{table} {number}": content for number, (table, content) in enumerate(history)}
    secret = [TOKEN.encode(), postgres.password.encode()]
    assert_nothing_told(services.home, database, secret, logins, said)
    assert list((tmp_path / "tmp").iterdir()) == []
