"""Whatever happens to a warehouse, in any order: it holds what the newest answers say of whom nobody forgot, no more.

Days that land, are revised, refused or broken, kept files, people who are forgotten, killed processes: Hypothesis puts
them in a row, and a few lines of plain Python say what has to be there. `HISTORIES=500` looks at as many rows of them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from copilot_assets.flat import refresh
from copilot_assets.github.fetches import Fetch, fetch_of_file
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.scopes import Scope
from copilot_assets.people.forget import NobodyError, find, forget, strike
from copilot_assets.people.identities import Identities
from copilot_assets.records import UserDay
from copilot_assets.settings import IdentityMode
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse import duckdb_file, landing
from copilot_assets.warehouse.archive import import_archive
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.kept_days import read_archive
from copilot_assets.warehouse.raw import ExpectedReport, expect
from tests.conftest import KEY, TODAY, pseudonym, report_named
from tests.warehouse.model import (
    DAYS,
    KEYS,
    ORG,
    OTHER_ORG,
    PEOPLE,
    Attempt,
    FlatRow,
    Key,
    Line,
    Model,
    kept_and_broken,
)

HISTORIES = int(os.environ.get("HISTORIES", "12"))
USERS = report_named("users-1-day")


class Killed(BaseException):
    """What nobody catches, as nobody outlives `kill -9`."""


lines = st.builds(
    lambda person, login, lines, kind: Line(
        person, f"{login}-{person - PEOPLE[0]}", lines, kind != "nameless", kind != "broken"
    ),
    st.sampled_from(PEOPLE),
    st.sampled_from(["Ghost", "spook"]),
    st.integers(0, 2),
    st.sampled_from(["whole", "whole", "whole", "broken", "nameless"]),
)
# Of a report: its records, and how many days after the day it was asked for.
reports = st.tuples(st.lists(lines, max_size=4), st.sampled_from([1, 3, 4]))
refusals = st.tuples(st.sampled_from(["no_report", "failed", "forbidden"]), st.sampled_from([1, 3, 4]))
# What came last of the day comes again.
again = st.tuples(st.just("again"), st.sampled_from([1, 3, 4]))
contents = st.one_of(reports, reports, refusals, again)
# At which call of a function the process is killed; at none, most of the time.
deaths = st.sampled_from([0, 0, 0, 0, 1, 2])


@cache
def blank() -> bytes:
    """A database file as a first run leaves it to which nothing came."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBFile(Path(folder) / "copilot.duckdb")
        with warehouse.connect() as connection:
            expect(connection, [ExpectedReport.of(scope, USERS, DAYS[0], TODAY) for scope in (ORG, OTHER_ORG)])
            refresh.refresh_flat(connection, UserDay, [USERS.name], _identities(Path(folder)))
        return warehouse.path.read_bytes()


def _identities(folder: Path) -> Identities:
    (folder / "copilot.key").write_text(KEY.hex())
    return Identities(IdentityMode.PSEUDONYM, folder / "copilot.key")


STATUS = next(model.sql for model in load_models() if model.table == "quality.day_status")


class AnyHistory(RuleBasedStateMachine):
    """One warehouse, and the model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.shown: dict[Key, set[FlatRow]] = {key: set() for key in KEYS}
        self.came: dict[Key, Sequence[Line]] = {}
        self.folder = Path(tempfile.mkdtemp())
        self.identities = _identities(self.folder)
        self.path = self.folder / "copilot.duckdb"
        self.path.write_bytes(blank())
        self.opened = ExitStack()
        self.names = count()

    @initialize()
    def open(self) -> None:
        self.warehouse = DuckDBFile(self.path)
        # Held open, so that the opens in between are cheap.
        self.connection = self.opened.enter_context(self.warehouse.connect())
        self.connection.execute("set threads = 1")

    def teardown(self) -> None:
        self.opened.close()
        shutil.rmtree(self.folder)

    # --- What happens ------------------------------------------------------------------------------------------------

    @rule(came=st.dictionaries(st.sampled_from(KEYS), contents, min_size=1), dies=deaths, flattens=st.booleans())
    def land(self, came: dict[Key, tuple[Any, int]], dies: int, flattens: bool) -> None:
        """A run fetches some days, of which each is a report or none, and may go on to the flat tables."""
        fetches, attempts = [], []
        for (scope, day), (content, later) in came.items():
            asked = min(day + timedelta(days=later), TODAY)
            content = self.came.get((scope, day), []) if content == "again" else content
            at = datetime.combine(asked, time(3))
            if isinstance(content, str):
                fetches.append(Fetch(scope, USERS, day, Outcome(content), "As GitHub says.", at))
                attempts.append(((scope, day), Attempt(content, asked), []))
            else:
                self.came[scope, day] = content
                file = self._file(each.text(day) for each in content)
                fetches.append(fetch_of_file(USERS, scope, day, file, at, 2**20))
                kept, broken = kept_and_broken(content)
                outcome = "failed" if broken and not kept else "reported"
                attempts.append(((scope, day), Attempt(outcome, asked, kept), broken))

        def work() -> None:
            landing.land(self.connection, strike(self.connection, fetches, self.identities), "run")

        if self._survives(work, landing, ("_insert_records", "_insert_remarks")[dies - 1], min(dies, 1)):
            for attempt in attempts:
                self.model.land(*attempt)
            if flattens:
                self.flatten(2**20, 0)

    @rule(
        scope=st.sampled_from([ORG, OTHER_ORG]),
        days=st.dictionaries(st.sampled_from(DAYS), st.lists(lines, min_size=1, max_size=3), min_size=1),
        overwrite=st.booleans(),
        dies=deaths,
    )
    def take_kept(self, scope: Scope, days: dict[date, list[Line]], overwrite: bool, dies: int) -> None:
        """Somebody imports a kept file of some days, in which each person stands once, and whole."""
        told = {day: {each.person: each for each in of_day if each.is_kept} for day, of_day in days.items()}
        told = {day: people for day, people in told.items() if people}
        if not told:
            return
        file = self._file(each.text(day) for day, people in told.items() for each in people.values())

        def work() -> None:
            with read_archive([file], TODAY, scope) as archive:
                import_archive(
                    self.warehouse,
                    archive,
                    overwrite=overwrite,
                    run_id="run",
                    today=TODAY,
                    keep_out=lambda connection, fetches: strike(connection, fetches, self.identities),
                )

        if self._survives(work, landing, ("_insert_records", "widen_expected")[dies - 1], min(dies, 1)):
            for day, people in told.items():
                there = self.model.records((scope, day))
                if not there or (overwrite and Counter(there) != Counter(people.values())):
                    self.model.land((scope, day), Attempt("reported", TODAY, [*people.values()], True), [])

    @rule()
    def forget_nobody(self) -> None:
        """A name that nobody in the warehouse goes by."""
        self.opened.close()
        with pytest.raises(NobodyError):
            find(self.warehouse, self.identities, "nobody")
        self.open()

    @precondition(lambda self: self.model.names())
    @rule(data=st.data(), dies=deaths)
    def forget(self, data: st.DataObject, dies: int) -> None:
        """Somebody is forgotten; the file is put in the place of another, so nobody else may have it open."""
        name = data.draw(st.sampled_from(sorted(self.model.names())))
        self.opened.close()
        traces = find(self.warehouse, self.identities, name)

        def work() -> None:
            forget(self.warehouse, traces)

        if self._survives(work, DuckDBFile, "_write_anew", min(dies, 1)):
            assert self.model.forget(name)
            whole = b"".join(path.read_bytes() for path in self.folder.glob("copilot.duckdb*")).lower()
            assert [text for text in self.model.gone if text.encode() in whole] == []
            for key in KEYS:
                people = {pseudonym(each) for each in self.model.ids}
                self.shown[key] = {row for row in self.shown[key] if row[2] not in people}
            self.open()

    @rule(is_killed=st.booleans())
    def restart(self, is_killed: bool) -> None:
        """The process ends and another one opens the file, which may have a log beside it."""
        if is_killed:
            self._keep_disk()
        self._open_again()

    @rule(chunk_bytes=st.sampled_from([100, 400, 2**20]), dies=st.sampled_from([0, 0, 0, 1, 2, 5]))
    def flatten(self, chunk_bytes: int, dies: int) -> None:
        """What raw holds comes into the flat tables, in chunks: a killed process leaves each day as it was or is."""

        def work() -> None:
            refresh.refresh_flat(self.connection, UserDay, [USERS.name], self.identities)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(refresh, "CHUNK_BYTES", chunk_bytes)
            survives = self._survives(work, refresh, "append", dies)
        rows = self.connection.execute("select scope, day, user_id, loc_added_sum from flat.user_daily").fetchall()
        assert len(rows) == len(set(rows))
        now = {key: {row for row in rows if row[:2] == (str(key[0]), key[1])} for key in KEYS}
        assert sum(map(len, now.values())) == len(rows)
        for key in KEYS:
            assert now[key] == self.model.flat(key) or (not survives and now[key] == self.shown[key]), key
        self.shown = now
        if survives:
            self._statuses()
            self._nothing_is_left_of_forgotten()

    # --- What is true ------------------------------------------------------------------------------------------------

    @invariant()
    def raw_holds_the_newest_answers(self) -> None:
        """The texts as they came, in their order, without those of forgotten people; and what was broken."""
        for table, of_key in (("records", self.model.records), ("quarantine", lambda key: self.model.broken[key])):
            rows = self.connection.execute(f"select scope, day, payload::varchar from raw.{table}").fetchall()
            expected = [(str(key[0]), key[1], each.text(key[1])) for key in KEYS for each in of_key(key)]
            assert sorted(rows) == sorted(expected), table
        entered = self.connection.execute("select count(*), max(entry_number) from raw.fetches").fetchone()
        attempts = sum(map(len, self.model.attempts.values()))
        assert entered == (attempts, attempts or None)

    def _statuses(self) -> None:
        told = self.connection.execute(f"select scope, day, status from ({STATUS})").fetchall()
        found = {(scope, day): status for scope, day, status in told if day in DAYS}
        expected = {(str(key[0]), key[1]): self.model.status(key) for key in KEYS}
        for scope in (ORG, OTHER_ORG):  # of what is known by an archive alone, nothing later is expected
            attempts = {key: self.model.attempts[key] for key in KEYS if key[0] == scope}
            every = [each for of_day in attempts.values() for each in of_day]
            if every and all(each.is_archived for each in every):
                last = max(day for (_, day), of_day in attempts.items() if of_day)
                expected = {key: it for key, it in expected.items() if key[0] != str(scope) or key[1] <= last}
        assert found == expected

    def _nothing_is_left_of_forgotten(self) -> None:
        gone = self.model.gone | {str(pseudonym(each)) for each in self.model.ids}
        tables = self.connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('raw', 'flat') and table_name not in ('forgotten', 'known_names')"
        ).fetchall()
        for (table,) in tables if gone else ():
            whole = str(self.connection.execute(f"from {table}").fetchall()).lower()
            assert [text for text in gone if text in whole] == [], table

    # --- How -----------------------------------------------------------------------------------------------------

    def _file(self, texts: Any) -> Path:
        path = self.folder / f"{next(self.names)}.json"
        path.write_text("".join(f"{text}\n" for text in texts))
        return path

    def _survives(self, work: Callable[[], None], owner: Any, function: str, dies: int) -> bool:
        """Do some work, whose process is killed after so many calls of a function; whether it came to its end."""
        calls, real = count(1), getattr(owner, function)

        def called(*args: Any, **named: Any) -> Any:
            result = real(*args, **named)
            if next(calls) == dies:
                self._keep_disk()
                raise Killed
            return result

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, function, called)
            try:
                work()
            except Killed:
                pass
            else:
                return True
        self._open_again()
        return False

    def _keep_disk(self) -> None:
        """Lay aside what is on the disk now, for a process that is killed writes nothing any more."""
        for suffix in ("", ".wal"):
            path = Path(f"{self.path}{suffix}")
            if path.exists():
                shutil.copy(path, self.folder / f"kept{suffix}")

    def _open_again(self) -> None:
        self.opened.close()
        if (self.folder / "kept").exists():
            for suffix in ("", ".wal"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
                if (kept := self.folder / f"kept{suffix}").exists():
                    kept.rename(f"{self.path}{suffix}")
        self.open()


@pytest.mark.usefixtures("fixed_clock")
def test_any_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_file, "_KEPT_TEXT", "json")  # texts that are legible in the file
    run_state_machine_as_test(
        AnyHistory,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=15,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
