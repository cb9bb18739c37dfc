"""What is tortured: a stand-in for GitHub, installations in folders of their own, and the one that nobody disturbed.

Everything is done by the command line, as a person would, and looked at in real files. What is done to a process is in
`troubles.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from copilot_assets.now import today_utc
from copilot_assets.standin import Standin

PROJECT: Final = Path(__file__).parent.parent
DAYS: Final = 6
# No run of these few days takes as long on a busy machine: one that does hangs.
_HANGS_SECONDS: Final = 300.0
# What stands beside a database that nobody disturbed: links to hidden folders, and the one before.
_FILES: Final = re.compile(r"copilot\.(duckdb|key|lock)|(export|report)|\.(export|report)\.(lock|\d+T\d+Z)")
# What differs from run to run by nature: when something was asked, noted or built, and what attempts before came to.
_TIMES: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_PASSING: Final = frozenset({"fetch_id", "run_id", "evidence", "entry_number"})

Tables = Mapping[str, Sequence[tuple[Any, ...]]]


class LostError(AssertionError):
    """Something was lost, halved, doubled, left behind or stuck. The message says what."""


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

    def environment(self) -> dict[str, str]:
        """What its processes are started with."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))}
        return {
            **own,
            "GITHUB_API_URL": self.api_url,
            "GITHUB_TOKEN": "any",
            "COPILOT_SCOPES": "org:octo-org",
            "COPILOT_START_DATE": self.first.isoformat(),
            "COPILOT_WAREHOUSE": str(self.database),
            "DAGSTER_HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            **self.env,
        }

    @property
    def first(self) -> date:
        """The first day of its history, UTC."""
        return today_utc() - timedelta(days=DAYS)

    def command(self, *arguments: str) -> list[str]:
        """The command line of a command."""
        return [sys.executable, "-m", "copilot_assets", *arguments]

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """A process in a group of its own; what it says is in the folder."""
        with (self.folder / "said.txt").open("a") as said:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=said, stderr=said, text=True,
                start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """What its processes said."""
        return (self.folder / "said.txt").read_text()

    def run(self, *arguments: str, code: int = 0) -> None:
        """A command that nobody disturbs.

        Raises:
            LostError: it hangs, or ends with another code.
        """
        process = self.start(self.command(*arguments))
        try:
            ended = process.wait(_HANGS_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise LostError(f"{arguments[0]} hangs") from None
        if ended != code:
            raise LostError(f"{arguments[0]} ended with {ended}: {self.said()[-2000:]}")


def installation(
    folder: Path, standin: Standin, key: Path | None = None, like: Installation | None = None
) -> Installation:
    """A new one, empty or with the database of another one; pseudonyms are the same where the key is."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    (folder / "data").mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, folder)
    for path in (key, like and like.database):
        if path:
            shutil.copy(path, folder / "data")
    return Installation(folder, standin.api_url)


def tables(database: Path) -> Tables:
    """Every table whole, rows in order, without what differs from run to run by nature.

    Raises:
        LostError: the file can't be opened.
    """
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            named: dict[str, list[str]] = {}
            for name, column, dtype in connection.execute(_COLUMNS).fetchall():
                kept = named.setdefault(name, [])
                if dtype not in _TIMES and column not in _PASSING:
                    kept.append(f'"{column}"')
            return {name: _rows(connection, name, columns) for name, columns in named.items()}
    except duckdb.Error as error:
        raise LostError(f"the database can't be opened: {error}") from None


def _rows(connection: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str]) -> Sequence[tuple[Any, ...]]:
    # Of attempts there are more where a run was disturbed: what each (scope, report, day) came to is compared.
    distinct = "distinct" if name == "raw.fetches" else ""
    what = ", ".join(columns) or "count(*)"
    return connection.execute(f"select {distinct} {what} from {name} order by all").fetchall()


_COLUMNS: Final = """
select schema_name || '.' || table_name, column_name, data_type
from duckdb_columns()
where not internal and database_name = current_database()
order by 1, column_index
"""


# What tells of the past: of attempts that failed, and of days that were other ones before.
_MEMORY: Final = frozenset({"raw.fetches", "quality.revisions"})


def assert_as_undisturbed(tried: Installation, reference: Tables, *, was_lied_to: bool) -> None:
    """Nothing is lost, halved, doubled, left behind or stuck; who was lied to may remember that.

    Raises:
        LostError: something is.
    """
    found = tables(tried.database)
    compared = sorted({*found, *reference} - (_MEMORY if was_lied_to else set()))
    differing = [name for name in compared if found.get(name) != reference.get(name)]
    if differing:
        raise LostError(
            "; ".join(_difference(name, found.get(name, ()), reference.get(name, ())) for name in differing)
        )
    assert_nothing_left(tried)
    if "Traceback" in tried.said():
        raise LostError(f"somebody was shown a trace: {tried.said()[-3000:]}")


def _difference(name: str, found: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> str:
    """How a table differs from an undisturbed run's; everybody in it is invented."""
    more, less = Counter(found) - Counter(expected), Counter(expected) - Counter(found)
    return (
        f"{name}: {more.total()} rows more, such as {list(more)[:1]}, {less.total()} missing, such as {list(less)[:1]}"
    )


def assert_nothing_left(tried: Installation) -> None:
    """No run that goes on, no slot of a pool, no file that is nobody's.

    Raises:
        LostError: there is one.
    """
    history = tried.folder / ".dagster" / "storage" / "history"
    with sqlite3.connect(history / "runs.db") as runs:
        under_way = runs.execute(
            "select status, count(*) from runs where status not in ('SUCCESS', 'FAILURE', 'CANCELED') group by 1"
        ).fetchall()
    if under_way:
        raise LostError(f"runs go on for ever: {under_way}")
    with sqlite3.connect(history / "runs" / "index.db") as index:
        ((slots,),) = index.execute("select count(*) from concurrency_slots where run_id is not null").fetchall()
    if slots:
        raise LostError(f"{slots} slots are held")
    left = [path.name for path in tried.data.iterdir() if not _FILES.fullmatch(path.name)]
    left += [path.name for path in (tried.folder / "tmp").glob("copilot-*")]
    owners = tried.folder / ".dagster" / "owners"
    left += [path.name for path in owners.iterdir()] if owners.exists() else []
    if left:
        raise LostError(f"files are left behind: {', '.join(left)}")


@contextmanager
def notebook(database: Path, seconds: float) -> Iterator[None]:
    """Another process that has the file open for a while, if it gets it."""
    code = (
        "import sys, time, duckdb\n"
        "try:\n    c = duckdb.connect(sys.argv[1], read_only=True)\nexcept duckdb.Error:\n    sys.exit()\n"
        "time.sleep(float(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(database), str(seconds)])
    try:
        yield
    finally:
        process.wait()


def measured(run: Installation) -> float:
    """Seconds that a backfill takes which nobody disturbs."""
    began = time.monotonic()
    run.run("backfill")
    return time.monotonic() - began
