"""What is tortured: installations in folders of their own, a stand-in for GitHub, and one that nobody disturbed.

Everything is done by the command line, as a person would. What must be true of an installation afterwards is in
`wholeness.py`, how its processes are started in `processes.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from copilot_assets.now import today_utc
from copilot_assets.standin import Standin
from torture.processes import Cold, Process, Warm, end
from torture.wholeness import LostError, Tables, assert_nothing_left, tables

PROJECT: Final = Path(__file__).parent.parent
SCOPE: Final = "org:octo-org"
DAYS: Final = 2
PEOPLE: Final = 12
# Two reports of days, one with a file a person, and two snapshots: every way in which something lands.
_LEFT_OUT: Final = "repos-1-day,premium-request-usage,ai-credit-usage,organization-28-day,budgets,cost-centers"
# Found in anything that somebody wrote, it has leaked.
TOKEN: Final = "ghp_tortureTORTUREtortureTORTUREtorture0"  # noqa: S105
# No run of these few days takes as long on a machine that does much else: one that does hangs.
HANGS_SECONDS: Final = 900.0


@dataclass(frozen=True)
class Installation:
    """An installation in a folder of its own: its database, its history, its temporary files."""

    folder: Path
    api_url: str
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The folder of the database."""
        return self.folder / "data"

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.data / "copilot.duckdb"

    @property
    def key(self) -> Path:
        """The key of its pseudonyms."""
        return self.data / "copilot.key"

    def environment(self, **more: str) -> dict[str, str]:
        """What its processes are started with."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))}
        return {
            **own,
            "GITHUB_API_URL": self.api_url,
            "GITHUB_TOKEN": TOKEN,
            "COPILOT_SCOPES": SCOPE,
            "COPILOT_SKIP_REPORTS": _LEFT_OUT,
            "COPILOT_START_DATE": first_day().isoformat(),
            "COPILOT_WAREHOUSE": str(self.database),
            "DAGSTER_HOME": str(self.folder),
            "POLARS_MAX_THREADS": "2",
            "PYTHONDONTWRITEBYTECODE": "",  # a cold process would compile every module anew
            "PYTHONPATH": str(PROJECT),
            "TMPDIR": str(self.folder / "tmp"),
            **self.env,
            **more,
        }

    def command(self, *arguments: str) -> list[str]:
        """The command line of a command."""
        return [sys.executable, "-m", "copilot_assets", *arguments]

    def warm(self, *arguments: str, said: str = "said.txt", **env: str) -> Process:
        """A command, without the seconds in which Python imports; what it says is in the folder."""
        return Warm(arguments, self.folder, self.environment(**env), self.folder / said)

    def cold(self, command: Sequence[str], said: str = "said.txt", **env: str) -> Process:
        """Any program; what it says is in the folder."""
        return Cold(command, self.folder, self.environment(**env), self.folder / said)

    def said(self) -> str:
        """What its processes said."""
        path = self.folder / "said.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def run(self, *arguments: str, codes: Collection[int] = (0,)) -> float:
        """A command that nobody disturbs; the seconds that it took.

        Raises:
            LostError: it hangs, or ends with another code.
        """
        began = time.monotonic()
        code = ended(self.warm(*arguments), arguments[0])
        if code not in codes:
            raise LostError(f"{self.said()[-2000:]}\n{arguments[0]} ended with {code}")
        return time.monotonic() - began


def ended(process: Process, what: str) -> int:
    """The code that a process ended with by itself.

    Raises:
        LostError: it hangs.
    """
    code = process.wait(HANGS_SECONDS)
    if code is None:
        end(process)
        raise LostError(f"{what} hangs")
    return code


def first_day() -> date:
    """The first day of every history, UTC."""
    return today_utc() - timedelta(days=DAYS)


def installation(folder: Path, api_url: str, key: Path | None = None, like: Installation | None = None) -> Installation:
    """A new one, empty or with the database of another one; pseudonyms are the same where the key is."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    (folder / "data").mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, folder)
    for path in (key, like and like.database):
        if path:
            shutil.copy(path, folder / "data")
    return Installation(folder, api_url)


@dataclass(frozen=True)
class Ending:
    """What somebody wants in the end, whatever happened before: commands, and tables as they are without any trouble.

    Attributes:
        commands: each with the codes that it may end with.
        disturbed: the command of them that is tortured.
        tables: what the last of them leaves.
    """

    commands: Sequence[tuple[Sequence[str], Collection[int]]]
    disturbed: Sequence[str]
    tables: Tables

    def reach(self, tried: Installation) -> float:
        """Go there undisturbed; the seconds that the last command took."""
        seconds = 0.0
        for arguments, codes in self.commands:
            seconds = tried.run(*arguments, codes=codes)
        return seconds


class Stage:
    """What all rounds of one lane have in common. It is of one UTC day.

    Attributes:
        full: all days, and nobody disturbed it.
        half: the first of two days.
        seconds: what a backfill takes that nobody disturbs.
        plain: all days.
    """

    def __init__(self, folder: Path, standin: Standin) -> None:
        self.folder = folder
        self.standin = standin
        self.day = today_utc()
        self.logins = [person.login for person in standin.world.population.people]
        self.full = installation(folder / "full", standin.api_url)
        self.seconds = self.full.run("backfill")
        self.half = installation(folder / "half", standin.api_url, self.full.key)
        self.half.run("backfill", "--start", first_day().isoformat(), "--end", first_day().isoformat())
        self.plain = Ending([(["backfill"], [0])], ["backfill"], tables(self.full.database))
        self._forgotten: Ending | None = None
        self._imported: Ending | None = None

    def forgotten(self) -> Ending:
        """All days, without somebody; who is forgotten already can't be found again, which is code 1."""
        if self._forgotten is None:
            forget = ["forget", json.loads(next(self._kept()))["user_login"], "--yes"]
            self._forgotten = self._ending([(forget, [0, 1]), (["backfill"], [0])], forget)
        return self._forgotten

    def imported(self) -> Ending:
        """All days, and one before them that came from a file that somebody kept."""
        if self._imported is None:
            kept = self.folder / "kept.ndjson"
            kept.write_text("".join(self._kept()))
            take = ["import", str(kept), "--scope", SCOPE]
            self._imported = self._ending([(take, [0]), (["backfill"], [0])], take)
        return self._imported

    def tried(self, like: Installation | None, env: Mapping[str, str]) -> Installation:
        """The installation of a round: empty, or like another one."""
        made = installation(self.folder / "tried", self.standin.api_url, self.full.key, like)
        return Installation(made.folder, made.api_url, env)

    def _ending(self, commands: Sequence[tuple[Sequence[str], Collection[int]]], disturbed: Sequence[str]) -> Ending:
        made = installation(self.folder / "ending", self.standin.api_url, self.full.key, self.full)
        for arguments, _ in commands:
            made.run(*arguments)
        return Ending(commands, disturbed, tables(made.database))

    def _kept(self) -> Iterator[str]:
        """The lines of a report about people, of a day before the history."""
        path = f"/orgs/octo-org/copilot/metrics/reports/users-1-day?day={first_day() - timedelta(days=1)}"
        for link in self._ask(self.standin.api_url + path, TOKEN)["download_links"]:
            with urlopen(link) as file:  # noqa: S310
                yield from (line.decode() for line in file)

    def _ask(self, url: str, token: str) -> Any:
        with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"})) as answer:  # noqa: S310
            return json.load(answer)


def assert_needs_no_hand(tried: Installation) -> None:
    """`status` finds nothing to mend, and nothing is left behind, in the folder or in Dagster's history.

    Raises:
        LostError: something is.
    """
    tried.run("status")
    assert_nothing_left(tried.folder)
    if "Traceback" in tried.said():
        raise LostError(f"somebody was shown a trace: {tried.said()[-3000:]}")
