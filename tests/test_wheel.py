"""The wheel as a user installs it: everything that is no Python comes with it, and a folder to work in can be made."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.listeners import free_port

ROOT = Path(__file__).parent.parent
DEFINITIONS = """
import copilot_assets, os
from copilot_assets.definitions import build_defs
print(os.path.dirname(copilot_assets.__file__))
print(*sorted(key.to_user_string() for key in build_defs().resolve_all_asset_keys() if key.path[0] == "weekly"))
"""
OWN_MODEL = """/*
description: One row per scope and week.
*/
select scope, week_start, engaged_people from weekly.user_trend
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel was installed into, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = [str(Path(sys.executable).parent / "uv"), "--quiet"]
    made = ["build", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder]
    subprocess.run([*uv, *made, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*uv, "pip", "install", "--offline", "--no-deps", "--target", folder / "site", wheel], check=True)
    return folder / "site"


def env_of(installed: Path) -> dict[str, str]:
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("COPILOT_", "GITHUB_"))}
    return clean | {"PYTHONPATH": str(installed)}


def run(installed: Path, folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env_of(installed), capture_output=True, text=True, check=True
    ).stdout


def test_a_wheel_alone_lays_out_a_folder_and_builds_the_whole_graph(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "-m", "copilot_assets", "init", "work")
    work = tmp_path / "work"
    assert {path.name for path in work.iterdir()} == {".env", ".gitignore", "dagster.yaml", "models", "workspace.yaml"}
    assert (work / ".env").stat().st_mode & 0o777 == 0o600
    told = dotenv_values(work / ".env")
    assert list(told) == [
        "GITHUB_TOKEN", "COPILOT_SCOPES", "COPILOT_START_DATE", "COPILOT_WAREHOUSE", "DAGSTER_HOME",
    ]  # fmt: skip
    assert told["DAGSTER_HOME"] == str(work)
    (work / "models/weekly").mkdir()
    (work / "models/weekly/champions.sql").write_text(OWN_MODEL)
    place, weekly = run(installed, work, "-c", DEFINITIONS).splitlines()
    assert place == str(installed / "copilot_assets")
    shipped = {f"weekly/{path.stem}" for path in (ROOT / "dbt_like_sql/weekly").glob("*.sql")}
    assert set(weekly.split()) == {*shipped, "weekly/champions"}


def test_what_is_there_already_stays(installed: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GITHUB_TOKEN=mine\n")
    said = run(installed, tmp_path, "-m", "copilot_assets", "init", ".")
    assert (tmp_path / ".env").read_text() == "GITHUB_TOKEN=mine\n"
    assert ".env: was there already, and stays as it is\n" in said
    assert "dagster.yaml: made\n" in said


def test_what_the_image_runs_serves_the_ui_is_healthy_and_ends_well(installed: Path, tmp_path: Path) -> None:
    """The words of the Dockerfile as processes, in an empty folder in place of the volume."""
    told = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    entry, command = (json.loads(re.findall(rf"^{word} (\[.*\])$", told, re.M)[0]) for word in ("ENTRYPOINT", "CMD"))
    health = json.loads(re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", told, re.M)[0])
    (ending,) = re.findall(r"^STOPSIGNAL (\w+)$", told, re.M)
    port = str(free_port())
    path = f"{installed / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    # The user of the image has no home.
    env = env_of(installed) | {"PATH": path, "DAGSTER_HOME": str(tmp_path), "HOME": "/dev/null/none"}
    server = subprocess.Popen(
        [*entry, *(word.replace("3000", port).replace("0.0.0.0", "127.0.0.1") for word in command)],  # noqa: S104
        cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        is_healthy = [word.replace("3000", port) for word in health]
        assert subprocess.run(is_healthy, env=env, capture_output=True).returncode == 1, "nobody answers yet"
        assert server.stdout is not None
        assert any(f"Serving dagster-webserver on http://127.0.0.1:{port}" in line for line in server.stdout)
        assert subprocess.run(is_healthy, env=env, capture_output=True).returncode == 0
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / ".dagster").is_dir()
        server.send_signal(getattr(signal, ending))
        server.communicate(timeout=30)
        assert server.returncode == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def test_nothing_of_ones_own_gets_into_the_image() -> None:
    listed = (ROOT / ".dockerignore").read_text().splitlines()
    assert listed[1] == "*"
    let_in = {line.removeprefix("!") for line in listed if line.startswith("!")}
    shipped = {"copilot_assets", "dbt_like_sql", "dagster.yaml", "workspace.yaml", ".env.example"}
    assert let_in == shipped | {"LICENSE", "README.md", "pyproject.toml", "requirements.lock"}
