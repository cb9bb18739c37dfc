"""Secrets: whatever runs and commands write and say on bad days holds no token, key, signature or login.

What is printed, what the system shows of processes, and every byte in the folder (`tests/leaks.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from copilot_assets.shell.cli import main
from copilot_assets.shell.runs import RangeResult
from copilot_assets.shipped import shipped
from copilot_assets.standin import Fault, Standin
from copilot_assets.standin.links import Links
from tests.conftest import TODAY
from tests.leaks import TOKEN, assert_nothing_told

DAYS = [TODAY - timedelta(days=5), TODAY - timedelta(days=4)]
# A day's file that is rubbish, one with a broken record, a link that has expired, a refusal and an outage.
FAULTS = [
    Fault("malformed-line", report="users-1-day", day=DAYS[0]),
    Fault("wrong-type", report="users-1-day", day=DAYS[1]),
    Fault("expired-link", report="organization-1-day", day=DAYS[0]),
    Fault("role-missing", report="billing"),
    Fault("502", report="user-teams-1-day", day=DAYS[1]),
    Fault("cut-file", report="repos-1-day", day=DAYS[0]),
]


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The signatures of all links that the stand-in gives out from now on."""
    given: set[str] = set()
    made = Links._signature

    def noted(links: Links, path: str, start: str, end: str) -> str:
        given.add(signature := made(links, path, start, end))
        return signature

    monkeypatch.setattr(Links, "_signature", noted)
    return given


def processes(parent: int) -> Iterator[int]:
    """A process that goes on, and all that came of it."""
    yield parent
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes(int(child))


def watched(
    command: list[str], folder: Path, env: dict[str, str], shown: Collection[str]
) -> tuple[int, bytes, set[bytes]]:
    """Run a command to its end: its code, what it printed, and what the system shows of each of its processes."""
    seen: set[bytes] = set()
    with (folder / "printed").open("w+b") as printed:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=printed, stderr=printed)
        while process.poll() is None:
            with suppress(OSError):  # one of them is over
                for number in processes(process.pid):
                    seen |= {Path(f"/proc/{number}/{what}").read_bytes() for what in shown}
            time.sleep(0.1)
        printed.seek(0)
        return process.returncode, printed.read(), seen


RANGE = '{{"dagster/asset_partition_range_start": "{0}", "dagster/asset_partition_range_end": "{1}"}}'
SHELL = [sys.executable, "-m", "copilot_assets", "backfill", "--start", str(DAYS[0]), "--end", str(DAYS[1])]
# As the UI and the schedule run it: Dagster's own command line, with compute logs.
DAGSTER = [sys.executable, "-m", "dagster", "job", "execute", "-m", "copilot_assets.definitions", "-j", "everything",
           "--tags", RANGE.format(*DAYS)]  # fmt: skip


@dataclass
class Scene:
    """An installation in a folder, what must not be found of it, and what was seen of its processes."""

    folder: Path
    planted: list[bytes]
    logins: list[str]
    said: dict[str, bytes]

    def assert_clean(self) -> None:
        """Nothing is told, and nothing is left among the temporary files."""
        database, kept = self.folder / "data" / "copilot.duckdb", self.folder / "kept.json"
        assert_nothing_told(self.folder, database, self.planted, self.logins, self.said, {str(kept)})
        assert list((self.folder / "tmp").iterdir()) == []


@pytest.fixture
def scene(standin: Standin, tmp_path: Path, signatures: set[str], request: pytest.FixtureRequest) -> Scene:
    """Two bad days, fetched with a token by the shell, or with an App's key by Dagster's own command line."""
    standin.faults[:] = FAULTS
    command, secrets = SHELL, {"GITHUB_TOKEN": TOKEN}
    if request.param == "app":
        one_line = standin.app_private_key.replace("\n", "\\n")
        command = DAGSTER
        secrets = {"GITHUB_APP_ID": str(standin.app_id), "GITHUB_APP_PRIVATE_KEY": f'"{one_line}"'}
    settings = {
        **secrets,
        "GITHUB_API_URL": standin.api_url,
        "COPILOT_SCOPES": "org:octo-org",
        "COPILOT_START_DATE": str(DAYS[0]),
        "COPILOT_WAREHOUSE": "data/copilot.duckdb",
        "COPILOT_REPORT": "off",
    }
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "dagster.yaml").write_bytes(shipped("dagster.yaml").read_bytes())
    own = {name: text for name, text in os.environ.items() if not name.startswith(("GITHUB_", "COPILOT_", "DAGSTER_"))}
    env = {**own, "TMPDIR": str(tmp_path / "tmp"), "DAGSTER_HOME": str(tmp_path)}
    # Dagster puts what .env says into the environment of its processes, which their owner alone may read.
    shown = ("cmdline",) if command is DAGSTER else ("cmdline", "environ")
    code, printed, seen = watched(command, tmp_path, env, shown)
    assert code == 1, printed.decode()[-3000:]
    assert len(signatures) > 5
    assert any(command[-1].encode() in each for each in seen), "the command lines were seen"
    pem_lines = standin.app_private_key.encode().splitlines()[1:-1]
    return Scene(
        tmp_path,
        [TOKEN.encode(), *pem_lines, *(signature.encode() for signature in signatures)],
        [person.login for person in standin.world.population.people],
        {"printed": printed, **{f"process {number}": each for number, each in enumerate(seen)}},
    )


@pytest.mark.parametrize("scene", ["app"], indirect=True)
def test_a_run_of_dagsters_own_command_line_tells_nothing_secret(scene: Scene) -> None:
    logs = [path for path in (scene.folder / ".dagster").rglob("*") if path.suffix in (".out", ".err")]
    assert logs, "what its steps print is kept"
    scene.assert_clean()


@pytest.mark.parametrize("scene", ["token"], indirect=True)
def test_no_command_writes_or_says_anything_secret(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect(str(scene.folder / "data" / "copilot.duckdb"), read_only=True) as connection:
        people = "from raw.records where report = 'users-1-day' order by day, seq"
        (forgotten, _), *kept = connection.execute(f"select payload ->> 'user_login', payload {people}").fetchall()

    monkeypatch.chdir(scene.folder)
    monkeypatch.setenv("TMPDIR", str(scene.folder / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    # What comes after is what the backfill did.
    monkeypatch.setattr("copilot_assets.shell.runs.rebuild", lambda *_, **__: RangeResult((), (), ()))
    changed = [payload.replace(f'"{login}"', f'"{login}", "unknown": 1') for login, payload in kept]
    (scene.folder / "kept.json").write_text("\n".join([*changed, *(text + "}" for text in changed[:1])]))
    for command, code in {
        "doctor": 1,
        "doctor --json": 1,
        "status --json": 1,
        "export --flat export-by-hand": 0,
        "report": 0,
        "import kept.json --scope org:octo-org --overwrite": 1,
        f"forget {forgotten} --yes": 0,
        "export --format csv export-by-hand": 0,
    }.items():
        result = CliRunner().invoke(main, command.split())
        assert result.exit_code == code, (command, result.output, result.exception)
        # Who is to be forgotten was typed by whoever reads it.
        scene.said[command] = result.output.replace(forgotten, "").encode()
        if command in ("report", "export --format csv export-by-hand"):  # before somebody is forgotten, and in the end
            scene.assert_clean()
