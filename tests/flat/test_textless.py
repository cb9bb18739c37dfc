"""Days without text, on a real warehouse file: which lose it, what their rows become, and how the text comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_assets.flat import refresh, textless
from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.flat.tables import tables_of
from copilot_assets.flat.textless import cost_of_new_key, drop_text, show_people_anew, textless_days
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS
from copilot_assets.github.scopes import Scope
from copilot_assets.orchestration.rebuild import deriving
from copilot_assets.people.forget import NobodyError, find, forget
from copilot_assets.people.identities import Identities, give_up_key
from copilot_assets.records import EntityDay, Record, UserDay
from copilot_assets.records.contract import person_columns
from copilot_assets.settings import IdentityMode, SettingsError
from copilot_assets.sql_models.files import load_models
from copilot_assets.standin.world import World
from copilot_assets.warehouse import duckdb_file
from copilot_assets.warehouse.changes import Known
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land
from copilot_assets.warehouse.raw import ExpectedReport, expect
from tests.conftest import KEY, pseudonym, report_named

TODAY = date(2026, 10, 1)
NOW = datetime(2026, 10, 1, 6, 30)  # noqa: DTZ001 - the ledger's times have no zone
ORG = Scope.parse("org:o")
RECORDS: dict[str, type[Record]] = {"organization-1-day": EntityDay, "users-1-day": UserDay}
OTHER_KEY = bytes(range(1, 33))


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


# Of the days that tests load, by how old they are: two that may lose their text, and two that may not.
OLDER, OLD, YOUNG, NEWEST = map(ago, (103, 101, 100, 2))


class Shelf:
    """A database in a folder, filled as a run fills it."""

    def __init__(self, folder: Path, mode: str = "pseudonym") -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.warehouse = DuckDBFile(folder / "copilot.duckdb")
        (folder / "copilot.key").write_text(KEY.hex())
        self.show(mode)
        self.landed = 0

    def show(self, mode: str) -> None:
        self.identities = Identities(IdentityMode(mode), self.folder / "copilot.key")

    def take(self, report: str, day: date, records: Sequence[dict[str, Any]], sha256: str = "a") -> None:
        """Land what GitHub says of a day."""
        path = self.folder / "body.json"
        path.write_text("".join(f"{json.dumps(each)}\n" for each in records))
        found = inspect_files([path], report_named(report), day)
        self.landed += 1
        came = {"records": found.records, "bytes": 1_000, "files": found.files, "sha256": sha256}
        at = datetime(2026, 9, 30, 0, self.landed, tzinfo=UTC).replace(tzinfo=None)
        fetch = Fetch(ORG, report_named(report), day, Outcome.REPORTED, "It came.", at, 200, **came)
        with self.warehouse.connect() as connection:
            land(connection, [fetch], "run")
        path.unlink()

    def flatten(self, records: Mapping[str, type[Record]] = RECORDS, *, full: bool = False) -> int:
        """Bring the flat tables up to date as a run does; the days that were flattened."""
        days = 0
        with self.warehouse.connect() as connection:
            for report, record in records.items():
                show_people_anew(connection, record, [report], self.identities, "the run", NOW)
                days += refresh_flat(connection, record, [report], self.identities, full=full)[0]
        return days

    def drop(self, keep_days: int = 100) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return drop_text(connection, keep_days, TODAY, self.identities, NOW).rows()

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return connection.execute(query).fetchall()

    def text(self) -> dict[str, set[date]]:
        """The days of each report that have their text."""
        found = self.sql("select report, list(distinct day) from raw.records group by report")
        return {report: set(days) for report, days in found}

    def textless(self) -> set[tuple[str, date]]:
        return set(self.sql("select report, day from raw.dropped_text"))

    def people(self) -> list[tuple[Any, ...]]:
        return self.sql("select day, user_id, user_login, loc_added_sum from flat.user_daily order by all")

    def status(self, report: str, day: date) -> dict[str, Any]:
        """The row of quality.day_status, from the SELECT as it stands."""
        (model,) = (model for model in load_models() if model.table == "quality.day_status")
        rows = [ExpectedReport.of(ORG, report_named(report), ago(400), TODAY)]
        with self.warehouse.connect() as connection:
            expect(connection, rows)
            found = connection.execute(f"from ({model.sql}\n) where report = ? and day = ?", [report, day])
            names = [column[0] for column in found.description or ()]
            (row,) = found.fetchall()
        return dict(zip(names, row, strict=True))


def user(person: int, login: str | None, day: date, added: int = 0) -> dict[str, Any]:
    ides = [{"ide": "vscode", "loc_added_sum": added}]
    return {"day": str(day), "user_id": person, "user_login": login, "loc_added_sum": added, "totals_by_ide": ides}


def seat(person: int) -> dict[str, Any]:
    return {
        "created_at": "2026-01-05T09:00:00Z",
        "last_activity_at": f"2026-06-0{person + 1}T09:00:00Z",
        "assignee": {"id": person % 5, "login": f"p{person % 5}", "type": "Organization" if person == 7 else "User"},
    }


@pytest.fixture(autouse=True)
def texts_are_legible_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test that finds no login in the bytes has looked where it would be."""
    monkeypatch.setattr(duckdb_file, "_KEPT_TEXT", "json")


def filled(folder: Path, mode: str = "pseudonym") -> Shelf:
    """Two people on four days, and what is told of the whole on each."""
    shelf = Shelf(folder, mode)
    with shelf.warehouse.connect():  # opened once for all that follows
        for day in (OLDER, OLD, YOUNG, NEWEST):
            shelf.take("organization-1-day", day, [{"day": str(day), "daily_active_users": 2}])
            shelf.take("users-1-day", day, [user(41, "ann", day, 3), user(42, "octocat", day, 0)])
        assert shelf.flatten() == 8
    return shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with kept_open(filled(tmp_path)) as shelf:
        yield shelf


@contextmanager
def kept_open(shelf: Shelf) -> Iterator[Shelf]:
    """DuckDB opens a file once for all of a process that have it open: cheaper, and the same."""
    with shelf.warehouse.connect():
        yield shelf


# --- Which days lose their text --------------------------------------------------------------------------------------


def test_old_days_lose_their_text_and_nothing_else(shelf: Shelf) -> None:
    before = {
        table: shelf.sql(f"from {table} order by all")
        for table in ("flat.user_daily", "flat.user_ide_daily", "flat.entity_daily", "flat.sources", "raw.fetches")
    }
    status = shelf.status("users-1-day", OLD)
    assert shelf.drop() == [
        ("organization-1-day", 2, 2, 2_000, OLDER, OLD),
        ("users-1-day", 2, 4, 2_000, OLDER, OLD),
    ]
    assert shelf.text() == {"organization-1-day": {YOUNG, NEWEST}, "users-1-day": {YOUNG, NEWEST}}
    assert shelf.textless() == {(report, day) for report in shelf.text() for day in (OLDER, OLD)}
    assert {table: shelf.sql(f"from {table} order by all") for table in before} == before
    assert shelf.status("users-1-day", OLD) == status
    assert status["status"] == "reported"
    assert shelf.drop() == [], "once"
    assert shelf.flatten() == 0
    assert shelf.flatten(full=True) == 4, "of the days that have their text"
    assert {table: shelf.sql(f"from {table} order by all") for table in before} == before


def test_a_day_that_is_not_in_the_tables_as_this_version_makes_them_keeps_it(shelf: Shelf) -> None:
    """One that came anew since, one that another version flattened, one whose answer another contract read."""
    shelf.take("users-1-day", OLD, [user(41, "ann", OLD, 4)], "b")
    assert shelf.drop() == [
        ("organization-1-day", 2, 2, 2_000, OLDER, OLD),
        ("users-1-day", 1, 2, 1_000, OLDER, OLDER),
    ]
    shelf.flatten()
    shelf.sql("update flat.sources set contract = 'older'")
    assert shelf.drop() == []
    shelf.flatten()
    shelf.sql(f"update raw.fetches set contract = 'newer' where day = '{OLD}'")
    assert shelf.drop() == []
    shelf.flatten()
    assert [row[:2] for row in shelf.drop()] == [("users-1-day", 1)]


def test_the_newest_day_of_a_report_keeps_it_whatever_its_age(tmp_path: Path) -> None:
    """By it, an archive of another account is known; of who is asked no more, all days get old."""
    shelf = Shelf(tmp_path)
    for day in (OLDER, OLD):
        shelf.take("organization-1-day", day, [{"day": str(day)}])
    shelf.flatten()
    shelf.drop()
    assert shelf.text() == {"organization-1-day": {OLD}}


def test_a_bill_keeps_it_whose_days_are_made_of_two_reports() -> None:
    """Who makes rows of one day of two reports more has to keep their text as well."""
    droppable: dict[Any, list[str]] = {}
    for report in textless._DROPPABLE:
        for kind in report.paths:
            droppable.setdefault((report.record, kind), []).append(report.name)
    assert max(map(len, droppable.values())) == 1
    assert {report.name for report in REPORTS} - {report.name for report in textless._DROPPABLE} == {
        "ai-usage-report",
        "premium-request-report",
    }


def test_a_process_that_is_killed_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    shelf = filled(tmp_path)
    before = shelf.sql("from raw.records order by all")
    child = (
        "import os, sys; from pathlib import Path; from copilot_assets.flat import textless; "
        "from tests.flat.test_textless import Shelf; "
        "textless.note_days = lambda *_: os._exit(9); Shelf(Path(sys.argv[1])).drop()"
    )
    assert subprocess.run([sys.executable, "-c", child, str(tmp_path)], check=False).returncode == 9
    assert shelf.sql("from raw.records order by all") == before
    assert shelf.textless() == set()
    assert len(shelf.drop()) == 2


def test_what_follows_from_records_is_stale_then_and_what_follows_from_rows_is_not(shelf: Shelf) -> None:
    with shelf.warehouse.connect() as connection:
        with deriving(connection) as known:
            known.note_derived("mine.of_text", "v", ["raw.records"])
            known.note_derived("mine.of_rows", "v", ["flat.user_daily"])
        shelf.drop()
        of_text, of_rows = (Known(connection, ())[name] for name in ("mine.of_text", "mine.of_rows"))
    assert of_text
    assert of_text.stale_since == OLDER
    assert of_rows
    assert of_rows.stale_since is None


# --- A new version of the tables -------------------------------------------------------------------------------------


def test_a_new_version_does_not_reach_them_and_it_is_said(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.drop()
    before = shelf.people()
    reports = list(RECORDS)
    with shelf.warehouse.connect() as connection:
        assert textless_days(connection, reports).older == ()
        old_version = refresh.version_of(UserDay)
    monkeypatch.setattr(refresh, "CODE_VERSION", refresh.CODE_VERSION + 1)
    assert shelf.flatten() == 4, "of 8"
    assert shelf.people() == before
    with shelf.warehouse.connect() as connection:
        told = textless_days(connection, ["users-1-day"])
        assert textless_days(connection, ["repos-1-day"]).days == 0
    assert str(told) == (
        f"2 days, {OLDER} to {OLD}, have no text any more (COPILOT_KEEP_RAW_DAYS). The flat tables have changed since "
        f"and keep the rows that they had of these: 2 of version {old_version}."
    )


# --- What is shown of people -----------------------------------------------------------------------------------------


def test_logins_become_pseudonyms_without_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kept_open(filled(tmp_path, "login")) as shelf:
        shelf.sql("update flat.user_daily set user_id = null, user_login = null where loc_added_sum = 3")
        shelf.drop()
        assert (OLD, 42, "octocat", 0) in shelf.people()
        shelf.show("pseudonym")
        monkeypatch.setattr(refresh, "CHUNK_BYTES", 1_000)  # a day at a time
        assert shelf.flatten() == 2, "people's of the days that have their text"
        ann, octocat = pseudonym(41), pseudonym(42)
        told = [
            *((day, None, None, 3) for day in (OLDER, OLD)),
            *((day, octocat, None, 0) for day in (OLDER, OLD, YOUNG, NEWEST)),
            *((day, ann, None, 3) for day in (YOUNG, NEWEST)),
        ]
        assert sorted(shelf.people(), key=str) == sorted(told, key=str)
        ides = shelf.sql("select day, user_id from flat.user_ide_daily order by all")
        assert ides == sorted((day, person) for day in (OLDER, OLD, YOUNG, NEWEST) for person in (ann, octocat))
        shown = shelf.sql("select distinct report, identities like 'pseudonym %' from raw.dropped_text order by all")
        assert shown == [("organization-1-day", None), ("users-1-day", True)]
        assert shelf.flatten() == 0


def test_rows_shown_anew_are_those_that_the_text_would_make(tmp_path: Path) -> None:
    """Of every report about people that may lose its text, as the stand-in tells it."""
    world = World(people=60, today=TODAY)
    records = {report.name: report.record for report in textless._DROPPABLE if person_columns(report.record)}
    rows: list[dict[str, list[tuple[Any, ...]]]] = []
    for mode in ("login", "pseudonym"):
        shelf = Shelf(tmp_path / mode, mode)
        with kept_open(shelf):
            for name in records:
                for day in (OLD, NEWEST):
                    told = world.report("org:octo-org", name, day, TODAY)
                    assert told
                    is_report = name != "copilot-seats"  # which is an answer, and no file
                    shelf.take(name, day, list(told.rows()) if is_report else [seat(n) for n in range(9)])
            shelf.flatten(records)
            assert {row[0] for row in shelf.drop()} == set(records)
            shelf.show("pseudonym")
            shelf.flatten(records)
            tables = [table.name for record in records.values() for table in tables_of(record)]
            rows.append({name: shelf.sql(f"from flat.{name} where day = '{OLD}' order by all") for name in tables})
    assert sum(map(bool, rows[0].values())) >= 10
    assert rows[0] == rows[1]


def test_rows_shown_anew_stand_in_the_order_of_the_pseudonyms(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "login")
    for day in (OLD, NEWEST):
        shelf.take("users-1-day", day, [user(person, f"p{person}", day) for person in range(12)])
    shelf.flatten()
    shelf.drop()
    shelf.show("pseudonym")
    shelf.flatten()
    shown = [person for (person,) in shelf.sql(f"select user_id from flat.user_daily where day = '{OLD}'")]
    assert shown == sorted(map(pseudonym, range(12))), "GitHub's order is that of the accounts"


def test_what_was_shown_anew_is_flattened_when_its_text_comes_back(tmp_path: Path) -> None:
    """Also with logins again, the version of before, for which the rows may not be taken."""
    with kept_open(filled(tmp_path, "login")) as shelf:
        shelf.drop()
        shelf.show("pseudonym")
        shelf.flatten()
        for day in (OLDER, OLD):
            shelf.take("users-1-day", day, [user(41, "ann", day, 3), user(42, "octocat", day, 0)])
        shelf.show("login")
        assert shelf.flatten() == 4
        assert (OLD, 42, "octocat", 0) in shelf.people()


def test_pseudonyms_do_not_become_logins_and_that_is_refused(shelf: Shelf) -> None:
    shelf.drop()
    before = shelf.people()
    shelf.show("login")
    with pytest.raises(SettingsError) as refused:
        shelf.flatten()
    assert str(refused.value) == (
        "COPILOT_IDENTITIES is login, and 2 days of users-1-day have no text any more (COPILOT_KEEP_RAW_DAYS), "
        f"{OLDER} to {OLD}: of their people only pseudonyms are left, which do not tell who they are. Nothing was "
        "changed. Set COPILOT_IDENTITIES=pseudonym, or bring these days back first: with copilot-assets backfill as "
        "far as GitHub keeps them, else with copilot-assets import --overwrite from files of yours."
    )
    assert shelf.people() == before


def test_another_key_gives_their_people_up_and_no_week_takes_them_for_idle(shelf: Shelf) -> None:
    shelf.drop()
    with shelf.warehouse.connect() as connection:
        assert cost_of_new_key(connection, shelf.identities) is None
        (shelf.folder / "copilot.key").write_text(OTHER_KEY.hex())
        shelf.show("pseudonym")
        told = cost_of_new_key(connection, shelf.identities) or ""
        assert told.startswith("2 days of reports about people have no text any more"), told
        give_up_key(connection, shelf.identities)
    assert shelf.flatten() == 4, "two of people are removed, two made anew"
    assert {row[:2] for row in shelf.people()} == {
        (day, pseudonym(person, OTHER_KEY)) for day in (YOUNG, NEWEST) for person in (41, 42)
    }
    assert shelf.sql("select distinct day from flat.user_ide_daily order by 1") == [(YOUNG,), (NEWEST,)]
    assert shelf.textless() == {("organization-1-day", day) for day in (OLDER, OLD)}, "nobody is in that"
    row = shelf.status("users-1-day", OLD)
    assert (row["status"], row["coverage"], row["needs_a_hand"]) == ("given_up", "missing", True)
    assert row["remedy"] == "Backfill the day, in the Dagster UI or with copilot-assets backfill."
    assert shelf.flatten() == 0
    shelf.take("users-1-day", OLD, [user(41, "ann", OLD, 3), user(42, "octocat", OLD)])
    assert shelf.flatten() == 1
    assert shelf.status("users-1-day", OLD)["status"] == "reported"
    assert (OLD, pseudonym(41, OTHER_KEY), None, 3) in shelf.people()


# --- Text that comes back --------------------------------------------------------------------------------------------


def test_text_that_comes_back_replaces_the_day_wholly(shelf: Shelf) -> None:
    shelf.drop()
    shelf.take("users-1-day", OLD, [user(41, "ann", OLD, 7)], "b")
    assert shelf.text()["users-1-day"] == {OLD, YOUNG, NEWEST}
    assert ("users-1-day", OLD) not in shelf.textless()
    assert shelf.flatten() == 1
    assert [row[1:] for row in shelf.people() if row[0] == OLD] == [(pseudonym(41), None, 7)]
    assert [row[:2] for row in shelf.drop()] == [("users-1-day", 1)], "it is old still"


def test_the_same_text_comes_back_too_and_a_new_version_reaches_it_then(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shelf.people()
    shelf.drop()
    shelf.take("users-1-day", OLD, [user(41, "ann", OLD, 3), user(42, "octocat", OLD, 0)])
    assert shelf.text()["users-1-day"] == {OLD, YOUNG, NEWEST}
    assert shelf.flatten() == 0
    monkeypatch.setattr(refresh, "CODE_VERSION", refresh.CODE_VERSION + 1)
    assert shelf.flatten() == 5
    assert shelf.people() == before
    with shelf.warehouse.connect() as connection:
        assert [days for _, days in textless_days(connection, ["users-1-day"]).older] == [1]


def test_a_day_that_github_no_longer_reports_goes_as_any_other(shelf: Shelf) -> None:
    shelf.drop()
    at = datetime(2026, 9, 30, 5)  # noqa: DTZ001
    fetch = Fetch(ORG, report_named("users-1-day"), OLD, Outcome.NO_REPORT, "There is none.", at, 204)
    with shelf.warehouse.connect() as connection:
        land(connection, [fetch], "run")
    assert ("users-1-day", OLD) not in shelf.textless()
    assert shelf.flatten() == 1
    assert OLD not in {row[0] for row in shelf.people()}


# --- Forgetting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["pseudonym", "login"])
@pytest.mark.parametrize("name", ["Unmistakable-Octocat", "77"])
def test_who_is_in_days_without_text_alone_is_forgotten(tmp_path: Path, mode: str, name: str) -> None:
    with kept_open(Shelf(tmp_path, mode)) as shelf:
        login = "Unmistakable-Octocat" if name != "77" else None
        for day in (OLDER, OLD):
            shelf.take("users-1-day", day, [user(77, login, day, 5), user(41, "ann", day, 3)])
        shelf.take("users-1-day", NEWEST, [user(41, "ann", NEWEST, 3)])
        shelf.flatten()
        shelf.drop()
        with pytest.raises(NobodyError):
            find(shelf.warehouse, shelf.identities, "78")
        traces = find(shelf.warehouse, shelf.identities, name)
        assert (traces.ids, traces.records, traces.rows) == ((77,), 0, 4)
    forget(shelf.warehouse, traces)
    assert [row[3] for row in shelf.people()] == [3, 3, 3]
    assert shelf.sql("select count(*) from flat.user_ide_daily") == [(3,)]
    assert b"octocat" not in shelf.warehouse.path.read_bytes().lower()
    assert shelf.textless() == {("users-1-day", OLDER), ("users-1-day", OLD)}
    with pytest.raises(NobodyError):
        find(shelf.warehouse, shelf.identities, name)
