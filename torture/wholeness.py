"""What must be true of an installation that was tortured, once a run of it was not disturbed.

Read from real files, past the project's own code: every table, Dagster's history, what lies beside the database, and
every byte that anything wrote.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import duckdb

# What stands beside a database that nobody disturbed: links to hidden folders, and the one before.
_FILES: Final = re.compile(r"copilot\.(duckdb|key|lock)|(export|report)|\.(export|report)\.(lock|\d+T\d+Z)")
# What differs from run to run by nature: when something was asked, noted or built, and what attempts before came to.
_TIMES: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_PASSING: Final = frozenset({"fetch_id", "run_id", "evidence", "entry_number"})
# What tells of the past: of attempts that failed, of days that were other ones before, and of what kept days away.
_MEMORY: Final = frozenset({"raw.fetches", "quality.revisions", "raw.notices", "quality.notice"})
_SIGNATURE: Final = re.compile(rb"[?&]sig=[^&\s\"']{8}")

Tables = Mapping[str, Sequence[tuple[Any, ...]]]


class LostError(AssertionError):
    """Something was lost, halved, doubled, left behind, stuck or told. The message says what."""


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


def assert_as_undisturbed(database: Path, reference: Tables, *, was_lied_to: bool) -> None:
    """Nothing is lost, halved or doubled; who was lied to may remember that.

    Raises:
        LostError: something is.
    """
    found = tables(database)
    if was_lied_to:
        found, reference = _without_memory(found), _without_memory(reference)
    differing = [name for name in sorted({*found, *reference}) if found.get(name) != reference.get(name)]
    if differing:
        raise LostError(
            "; ".join(_difference(name, found.get(name, ()), reference.get(name, ())) for name in differing)
        )


def _without_memory(of: Tables) -> Tables:
    """Tables that don't tell of the past, without what raw.derived says was read of those that do.

    A check that finds something there has not passed since, and stays to be looked at.
    """
    return {
        name: [row for row in rows if not any(isinstance(value, list) and _MEMORY & {*value} for value in row)]
        for name, rows in of.items()
        if name not in _MEMORY
    }


def _difference(name: str, found: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> str:
    """How a table differs from an undisturbed run's; everybody in it is invented."""
    rows = [Counter(repr(row) for row in each) for each in (found, expected)]  # a row may hold a list
    more, less = rows[0] - rows[1], rows[1] - rows[0]
    return (
        f"{name}: {more.total()} rows more, such as {list(more)[:1]}, {less.total()} missing, such as {list(less)[:1]}"
    )


def assert_nothing_left(folder: Path) -> None:
    """No run that goes on, no slot of a pool, no file that is nobody's.

    Raises:
        LostError: there is one.
    """
    history = folder / ".dagster" / "storage" / "history"
    with closing(sqlite3.connect(history / "runs.db")) as runs:
        under_way = runs.execute(_UNDER_WAY).fetchall()
    if under_way:
        raise LostError(f"runs go on for ever: {under_way}")
    with closing(sqlite3.connect(history / "runs" / "index.db")) as index:
        ((slots,),) = index.execute("select count(*) from concurrency_slots where run_id is not null").fetchall()
    if slots:
        raise LostError(f"{slots} slots are held")
    left = [path.name for path in (folder / "data").iterdir() if not _FILES.fullmatch(path.name)]
    left += [path.name for path in (folder / "tmp").glob("copilot-*")]
    owners = folder / ".dagster" / "owners"
    left += [path.name for path in owners.iterdir()] if owners.exists() else []
    if left:
        raise LostError(f"files are left behind: {', '.join(left)}")


# A run that Dagster has made and whose process never came so far as to own it is told from one that is about to by time
# alone: three minutes (`orchestration/owners.py`).
_UNDER_WAY: Final = """
select status, count(*)
from runs
where status not in ('SUCCESS', 'FAILURE', 'CANCELED')
    and not (status in ('NOT_STARTED', 'STARTING') and update_timestamp > datetime('now', '-240 seconds'))
group by 1
"""


def assert_nothing_told(folder: Path, token: str, logins: Iterable[str]) -> None:
    """No token in any file, and no signature or login outside the database, whose raw holds what GitHub sent.

    Raises:
        LostError: there is one; it says which kind and where.
    """
    names = re.compile(rb"(?<![\w-])(" + b"|".join(re.escape(login.encode()) for login in logins) + rb")(?![\w-])")
    for path in folder.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        written = path.read_bytes()
        is_raw = path.name in ("copilot.duckdb", "copilot.duckdb.wal")
        if token.encode() in written:
            raise LostError(f"the token is in {path.relative_to(folder)}")
        if not is_raw and (found := _SIGNATURE.search(written) or names.search(written)):
            what = "a signature" if found.re is _SIGNATURE else f"the login {found[0].decode()}"
            around = written[max(0, found.start() - 150) : found.end() + 50]
            raise LostError(f"{what} is in {path.relative_to(folder)}: {around!r}")


def runs_of(folder: Path) -> set[Path]:
    """The files of runs in Dagster's history."""
    return set((folder / ".dagster" / "storage" / "history" / "runs").glob("*-*.db"))


def step_under_way(folder: Path, before: set[Path]) -> str:
    """The step that had begun and not ended, of the run that is new since, by a copy of its file that nobody mends."""
    files = runs_of(folder) - before
    copies = folder / "copies"
    shutil.rmtree(copies, ignore_errors=True)
    if not files:
        return "before its first step"
    newest = max(files, key=lambda path: path.stat().st_mtime)
    copies.mkdir()
    for path in (newest, newest.with_name(newest.name + "-wal")):
        with suppress(OSError):
            shutil.copy(path, copies)
    try:
        with closing(sqlite3.connect(copies / newest.name)) as events:
            rows = events.execute(
                "select step_key, dagster_event_type from event_logs where dagster_event_type in ('STEP_START', "
                "'STEP_SUCCESS', 'STEP_FAILURE', 'RUN_SUCCESS', 'RUN_FAILURE') order by id"
            ).fetchall()
    except sqlite3.Error:
        return "before its first step"
    finally:
        shutil.rmtree(copies, ignore_errors=True)
    if not rows:
        return "before its first step"
    step, kind = rows[-1]
    if kind == "STEP_START":
        return str(step)
    return "between two steps" if kind.startswith("STEP") else "after its last step"
