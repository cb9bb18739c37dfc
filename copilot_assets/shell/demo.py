"""`copilot-assets demo`: a folder of its own, a stand-in for GitHub, and the Dagster UI on what the run left there.

Nothing of the user's is touched: not `.env`, not the history, not the database.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import click

from copilot_assets.now import today_utc
from copilot_assets.settings import SettingsError
from copilot_assets.shell.backfill import run_and_tell, yesterday
from copilot_assets.shell.interrupts import at_interrupt, ends_at_once
from copilot_assets.shell.screen import answer, usage_errors

_MARKER: Final = "made-by-copilot-assets-demo"


@click.command()
@click.option("--serve/--no-serve", default=True, help="Serve the Dagster UI afterwards, or end after the tables.")
@click.option("--days", type=click.IntRange(1, 365), default=120, show_default=True, help="Days to backfill.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the Dagster UI.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo keeps its database and history; made anew each time.",
)
def demo(serve: bool, days: int, port: int, folder: Path) -> None:
    """See it work without a token: stand-in, backfill, tables, Dagster UI.

    \b
    Example:
      copilot-assets demo --no-serve
    """
    with usage_errors(), ExitStack() as before_serving:
        before_serving.enter_context(ends_at_once("Interrupted. Run it again."))
        from copilot_assets.orchestration.installation import Installation

        with demo_environment(folder, days) as env:
            installation = Installation(env)
            settings = installation.settings()
            answer(f"The stand-in for GitHub answers at {settings.api_url}: an invented company, no token needed.")
            is_success = run_and_tell(installation, settings, settings.start_date, yesterday())
            before_serving.close()
            if serve:
                serve_ui(env, port, answer)
    sys.exit(0 if is_success else 1)


@contextmanager
def demo_environment(folder: Path, days: int) -> Iterator[Mapping[str, str]]:
    """Make the folder anew, work in it, and serve the stand-in; yields the settings of an installation there.

    Raises:
        SettingsError: the folder holds something else.
    """
    from copilot_assets.shipped import shipped
    from copilot_assets.standin import CROSSING_TEAM

    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise SettingsError(f"{folder} holds something that no demo made. Name another folder with --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARKER).touch()
    shutil.copy(shipped("dagster.yaml"), folder / "dagster.yaml")
    (folder / "events.csv").write_text(_events(today_utc()), encoding="utf-8")
    home = os.environ.pop("DAGSTER_HOME", None)
    try:
        # The old API is open here as it was at GitHub until April 2026, so that both generations can be seen.
        with chdir(folder), _standin() as api_url:
            yield {
                "GITHUB_API_URL": api_url,
                "GITHUB_TOKEN": "demo",
                # The team has fewer than five licences until mid-history: it shows what the five-user threshold does.
                "COPILOT_SCOPES": f"org:octo-org,org:octo-labs,enterprise:octo-corp,team:octo-org/{CROSSING_TEAM}",
                "COPILOT_START_DATE": (today_utc() - timedelta(days=days)).isoformat(),
                "COPILOT_WAREHOUSE": str(folder / "copilot.duckdb"),
                "COPILOT_LEGACY_API": "on",
                # Of days before 2026-06-01, which are not among these.
                "COPILOT_SKIP_REPORTS": "premium-request-usage",
            }
    finally:
        if home is not None:
            os.environ["DAGSTER_HOME"] = home


# `dagster dev` begins with the advice to take `dg dev`, which is another package and does the same.
_QUIET_DEV: Final = "ignore:Function `dev_command` is superseded"


def _events(today: date) -> str:
    """Two events of the invented company, so that there are weeks before and after something."""
    training, pairing = today - timedelta(weeks=7), today - timedelta(weeks=5)
    return (
        "date,scope,what\n"
        f"{training},org:octo-org,Training for everybody\n"
        f"{pairing},team:octo-org/payments,Pairing with a champion\n"
    )


@contextmanager
def _standin() -> Iterator[str]:
    """Serve the stand-in beside this process, which has enough to do; yields the URL of its API."""
    command = [sys.executable, "-m", "copilot_assets", "standin", "--port", "0", "--legacy", "open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own words
    try:
        with at_interrupt(process.kill):
            said = process.stdout.readline() if process.stdout else b""
            url = re.search(r"http://\S+", said.decode())
            if url is None:
                raise click.ClickException("The stand-in for GitHub did not start; what it said is above.")
            yield url[0]
    finally:
        end_group(process)


def serve_ui(env: Mapping[str, str], port: int, say: Callable[[str], None]) -> None:
    """Serve the Dagster UI on the current folder's history until Ctrl-C; the next free port if `port` is taken."""
    port = _free_port(port)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("COPILOT_", "GITHUB_"))}
    command = [sys.executable, "-m", "dagster", "dev", "-m", "copilot_assets.definitions", "-p", str(port)]
    say(f"The Dagster UI comes up at http://127.0.0.1:{port} (Ctrl-C ends it).")
    # A group of its own, ended as a whole: `dagster dev` is five processes, and one left over would hold the database.
    ours = {"DAGSTER_HOME": str(Path.cwd()), "PYTHONWARNINGS": _QUIET_DEV}
    process = subprocess.Popen(command, env={**own, **env, **ours}, start_new_session=True)  # noqa: S603 - our own words
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        process.wait()
    except KeyboardInterrupt:
        say("Ending the Dagster UI.")
    finally:
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a process group to end, ever more firmly, and wait until it has."""
    for request in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return


def _free_port(first: int) -> int:
    """The first port from `first` on at which nobody listens."""
    return next(port for port in range(first, 65536) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
