"""`copilot-assets forget`: nothing of a person is left in the file, nothing of others is lost, nobody comes back."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.scopes import Scope
from copilot_assets.people.forget import ForgetError, find, forget, strike
from copilot_assets.people.identities import Identities
from copilot_assets.records import Seat, UserDay, UserTeamDay
from copilot_assets.settings import IdentityMode, SettingsError
from copilot_assets.shell.cli import main
from copilot_assets.standin import Standin
from copilot_assets.warehouse import duckdb_file
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land
from tests.conftest import KEY, TODAY, Company, new_company, pseudonym, report_named

DAY = date(2026, 9, 1)
ORG = Scope.parse("org:o")
LOGIN = "Unmistakable-Octocat"
PERSON, OTHER = 4242, 17
RECORDS = {"users-1-day": UserDay, "user-teams-1-day": UserTeamDay, "copilot-seats": Seat}


def user(person: int, login: str | None, day: date = DAY, **more: Any) -> dict[str, Any]:
    return {"day": str(day), "user_id": person, "user_login": login, "loc_added_sum": 0, **more}


def seat(person: int | None, login: str) -> dict[str, Any]:
    return {"created_at": "2026-01-05T09:00:00Z", "assignee": person and {"id": person, "login": login}, "notes": login}


class Shelf:
    """A database in a folder, filled by landing files as a run does."""

    def __init__(self, folder: Path, mode: str = "pseudonym") -> None:
        self.folder = folder
        self.warehouse = DuckDBFile(folder / "copilot.duckdb")
        (folder / "copilot.key").write_text(KEY.hex())
        self.identities = Identities(IdentityMode(mode), folder / "copilot.key")
        self.landed = 0

    def take(self, report: str, records: Sequence[dict[str, Any]], day: date = DAY, text: str | None = None) -> Fetch:
        """Land a day of a report, less those who were forgotten."""
        path = self.folder / "body.json"
        path.write_text("".join(f"{json.dumps(each)}\n" for each in records) if text is None else text)
        found = inspect_files([path], report_named(report), day)
        self.landed += 1
        fetch = Fetch(
            ORG,
            report_named(report),
            day,
            Outcome.REPORTED,
            "came",
            datetime(2026, 10, 1, 0, self.landed, tzinfo=UTC).replace(tzinfo=None),
            records=found.records,
            sha256=str(self.landed),
            files=found.files,
            broken=found.broken,
            unknown_fields=found.unknown_fields,
        )
        with self.warehouse.connect() as connection:
            (landed,) = land(connection, strike(connection, [fetch], self.identities), "run")
        path.unlink()
        return landed

    def flatten(self) -> None:
        with self.warehouse.connect() as connection:
            for report, record in RECORDS.items():
                refresh_flat(connection, record, [report], self.identities)

    def forget(self, name: str) -> tuple[int, int, int]:
        """What was found and is gone: records, broken records, flat rows."""
        traces = find(self.warehouse, self.identities, name)
        forget(self.warehouse, traces)
        return traces.records, traces.quarantined, traces.rows

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return connection.execute(query).fetchall()

    def whole(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, in the order of the file."""
        with self.warehouse.connect():
            names = self.sql("select schema_name || '.' || table_name from duckdb_tables() order by 1")
            return {name: self.sql(f"from {name}") for (name,) in names}

    def bytes(self) -> bytes:
        """Everything that is in the folder, but the key."""
        return b"".join(path.read_bytes() for path in self.folder.iterdir() if path.suffix != ".key")


@pytest.fixture(autouse=True)
def texts_are_legible_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test that finds no login in the bytes has looked where it would be; zstd hides those that are there."""
    assert duckdb_file._KEPT_TEXT == "json using compression zstd"
    monkeypatch.setattr(duckdb_file, "_KEPT_TEXT", "json")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def fill(shelf: Shelf) -> None:
    """Two people in every report, on several days; the one under several logins, and in records that are broken."""
    content, shelf.landed = _filled(shelf.identities.mode)
    shelf.warehouse.path.write_bytes(content)


@cache
def _filled(mode: str) -> tuple[bytes, int]:
    """The file, and how often something landed in it; made once, for it takes longer than what a test does with it."""
    with TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder), mode)
        with shelf.warehouse.connect():  # opened once for all that follows
            land_everything(shelf)
        return shelf.warehouse.path.read_bytes(), shelf.landed


def land_everything(shelf: Shelf) -> None:
    for number in range(5):
        day = DAY + timedelta(days=number)
        ides = [{"ide": "vscode", "loc_added_sum": 3}, {"ide": "zed", "loc_added_sum": 0}]
        login = [LOGIN, LOGIN.lower(), "old-name"][number % 3]
        shelf.take("users-1-day", [user(PERSON, login, day, totals_by_ide=ides), user(OTHER, "ann", day)], day)
        shelf.take("user-teams-1-day", [{"day": str(day), "team_id": 1, "user_id": PERSON, "user_login": LOGIN}], day)
    shelf.take("copilot-seats", [seat(PERSON, LOGIN), seat(OTHER, "ann"), seat(None, "nobody")])
    broken = [user(PERSON, LOGIN, loc_deleted_sum=-1), {"day": str(DAY), "user_login": LOGIN.upper()}]
    shelf.take("users-1-day", [*broken, user(OTHER, "ann"), user(18, "bob", loc_deleted_sum=-1)], DAY)
    shelf.flatten()


# --- What goes, and what stays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "name"),
    [("pseudonym", LOGIN), ("login", LOGIN.upper()), ("pseudonym", "@old-name"), ("pseudonym", str(PERSON))],
)
def test_nothing_of_a_person_is_left_and_nothing_else_is_lost(tmp_path: Path, name: str, mode: str) -> None:
    shelf = Shelf(tmp_path, mode)
    fill(shelf)
    shown = PERSON if mode == "login" else pseudonym(PERSON)
    before = shelf.whole()
    assert LOGIN.encode() in shelf.bytes()
    # 4 good days and 5 of teams and a seat; 2 broken; 4 of user_daily, 8 of IDEs, 5 of teams, 2 of the seat.
    assert shelf.forget(name) == (10, 2, 19)
    after = shelf.whole()
    names = [-1 - pseudonym(f"login {each}") for each in ("old-name", LOGIN.lower())]
    noted = after.pop("raw.forgotten")
    assert {person for person, _ in noted} == {pseudonym(PERSON), *names}, "for the bill, which names logins alone"
    assert len({at for _, at in noted}) == 1
    assert after.pop("raw.rebuild_due") == [(noted[0][1],)]
    assert len(after.pop("raw.pseudonym_key")) == 1, "also where only logins were shown until now"
    del before["raw.forgotten"], before["raw.rebuild_due"], before["raw.pseudonym_key"]
    assert {login for login, *_ in before.pop("raw.logins")} == {"old-name", LOGIN.lower(), "ann"}
    assert {login for login, *_ in after.pop("raw.logins")} == {"ann"}
    assert set(after) == set(before)
    for table, rows in before.items():
        theirs = [row for row in rows if shown in row or any(of_them(value) for value in row)]
        assert after[table] == [row for row in rows if row not in theirs], table
    lost = {table: len(rows) - len(after[table]) for table, rows in before.items() if len(rows) > len(after[table])}
    assert sum(lost.pop(table) for table in ("raw.records", "raw.quarantine")) == 12
    assert sum(lost.values()) == 19
    text = shelf.bytes().lower()
    assert not [word for word in (LOGIN.lower().encode(), b"old-name") if word in text]
    assert b'"ann"' in text
    assert not list(tmp_path.glob("*.anew*"))


def of_them(value: Any) -> bool:
    """Whether a record's text is about the person; the shelf's own are small enough to be read as a whole."""
    if not isinstance(value, str) or not value.startswith("{"):
        return False
    return LOGIN.lower() in value.lower() or "old-name" in value


def test_the_views_and_the_types_are_as_they_were(shelf: Shelf) -> None:
    fill(shelf)
    with shelf.warehouse.connect() as connection:
        connection.execute("create schema mine; create table mine.notes (n integer not null default 3, t varchar)")
        connection.execute("insert into mine.notes (t) values ('kept')")
        connection.execute("create view mine.of_people as select scope, user_id from flat.user_daily")
    described = "select schema_name, table_name, column_name, data_type, is_nullable, column_default "
    described += "from duckdb_columns() where not internal order by all"
    before = shelf.sql(described)
    shelf.forget(LOGIN)
    assert shelf.sql(described) == before
    assert shelf.sql("from mine.notes") == [(3, "kept")]
    assert shelf.sql("select distinct user_id from mine.of_people") == [(pseudonym(OTHER),)]
    assert shelf.sql("select count(*) from raw.current_fetches") == [(11,)]
    with duckdb.connect(str(shelf.warehouse.path), read_only=True) as connection:
        told = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()
    assert told[0][0].startswith("v1.5.0"), "the older line opens it"


def test_what_models_build_is_left_for_the_rebuild(shelf: Shelf) -> None:
    fill(shelf)
    with shelf.warehouse.connect() as connection:
        connection.execute("create schema quality; create table quality.quarantine as select * from raw.quarantine")
        connection.execute("create schema weekly; create table weekly.user_trend as select 1 as active_people")
    shelf.forget(LOGIN)
    assert shelf.sql("from quality.quarantine") == shelf.sql("from weekly.user_trend") == []


def test_a_table_whose_model_is_gone_keeps_nobody_either(shelf: Shelf) -> None:
    fill(shelf)
    with shelf.warehouse.connect() as connection:
        connection.execute("create schema weekly; create table weekly.once as select 7 as who")
    shelf.forget(LOGIN)
    assert shelf.sql("from weekly.once") == []


def test_a_login_that_went_from_one_person_to_another(shelf: Shelf) -> None:
    shelf.take("users-1-day", [user(1, "octocat")], DAY)
    next_day = DAY + timedelta(days=1)
    people = [user(person, login, next_day) for person, login in ((1, "renamed"), (2, "octocat"), (3, "ann"))]
    shelf.take("users-1-day", people, next_day)
    assert len(find(shelf.warehouse, shelf.identities, "octocat").ids) == 2
    assert shelf.forget("1") == (2, 0, 0)
    assert shelf.sql("select payload ->> 'user_id' from raw.records order by 1") == [("2",), ("3",)]
    assert shelf.forget("octocat") == (1, 0, 0)
    assert shelf.sql("select payload ->> 'user_id' from raw.records") == [("3",)]


def test_a_number_is_an_id_before_it_is_a_login(shelf: Shelf) -> None:
    shelf.take("users-1-day", [user(1, "5"), user(5, "ann"), user(7, "9"), user(8, None)])
    assert shelf.forget("5") == (1, 0, 0)
    assert shelf.forget("9") == (1, 0, 0)
    assert shelf.sql("select payload ->> 'user_id' from raw.records order by 1") == [("1",), ("8",)]


def test_somebody_called_none_is_not_everybody_without_a_name(shelf: Shelf) -> None:
    shelf.take("copilot-seats", [seat(None, "x"), seat(1, "None"), {"created_at": "2026-01-05T09:00:00Z"}])
    assert shelf.forget("none") == (1, 0, 0)
    assert len(shelf.sql("from raw.records")) == 2


def test_somebody_of_whom_there_are_only_broken_records_without_an_id(shelf: Shelf) -> None:
    shelf.take("users-1-day", [{"day": str(DAY), "user_login": LOGIN}, user(OTHER, "ann")])
    assert shelf.forget(LOGIN) == (0, 1, 0)
    assert shelf.sql("from raw.quarantine") == []
    assert shelf.sql("select person from raw.forgotten") == [(-1 - pseudonym(f"login {LOGIN.lower()}"),)]


@pytest.mark.parametrize("name", ["nobody-here", "99", "", "o'clock", "%", "None"])
def test_an_unknown_name_changes_nothing(shelf: Shelf, name: str) -> None:
    fill(shelf)
    before = shelf.warehouse.path.read_bytes()
    with pytest.raises(ForgetError, match=r"Nobody in the database goes by '.*', so nothing was changed"):
        find(shelf.warehouse, shelf.identities, name)
    assert shelf.warehouse.path.read_bytes() == before


def test_a_file_that_cannot_be_written_leaves_the_old_one(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(shelf)
    before = shelf.whole()
    traces = find(shelf.warehouse, shelf.identities, LOGIN)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(ForgetError, match=r"nobody was forgotten and .* is as it was .*No space left"):
            forget(shelf.warehouse, traces)
    assert shelf.whole() == before
    assert not list(shelf.folder.glob("*.anew*"))
    # In the middle of copying, after another attempt was killed there.
    shelf.folder.joinpath("copilot.duckdb.anew").write_bytes(b"half")
    with monkeypatch.context() as patch:
        patch.setattr("copilot_assets.people.forget._condition", lambda columns, traces: ("no_such_column", {}))
        with pytest.raises(ForgetError, match="nobody was forgotten"):
            forget(shelf.warehouse, traces)
    assert shelf.whole() == before
    assert not list(shelf.folder.glob("*.anew*"))
    assert shelf.forget(LOGIN)[0] == 10


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        shelf = Shelf(tmp_path)
        land_everything(shelf)
        assert mode_of(shelf.warehouse.path) == 0o600
        with shelf.warehouse.connect() as connection:
            connection.execute("create table main.t as select 1 as x")
            assert mode_of(tmp_path / "copilot.duckdb.wal") == 0o600
        assert os.umask(0) == 0, "as it was"
        shelf.warehouse.path.chmod(0o644)  # as versions before this one left it
        shelf.sql("from main.t")
        assert mode_of(shelf.warehouse.path) == 0o600
        shelf.forget(LOGIN)
        assert mode_of(shelf.warehouse.path) == 0o600
    finally:
        os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- Who was forgotten stays away ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["lines", "array", "pretty"])
def test_who_was_forgotten_does_not_come_back(shelf: Shelf, layout: str) -> None:
    fill(shelf)
    shelf.forget(LOGIN)
    day = DAY + timedelta(days=9)
    records = [user(PERSON, "new-login", day), user(OTHER, "ann", day), user(PERSON + 1, "bob", day)]
    text = {"array": json.dumps(records, indent=1), "pretty": json.dumps(records[0], indent=1)}.get(layout)
    landed = shelf.take("users-1-day", records, day, text)
    kept = [] if layout == "pretty" else [OTHER, PERSON + 1]
    rows = shelf.sql(f"select payload ->> 'user_id' from raw.records where day = '{day}' order by seq")
    assert [int(person) for (person,) in rows] == kept
    assert landed.records == (1 if layout == "pretty" else 3), "the ledger says what GitHub sent"
    shelf.flatten()
    assert {person for (person,) in shelf.sql(f"select user_id from flat.user_daily where day = '{day}'")} == set(
        map(pseudonym, kept)
    )
    assert b"new-login" not in shelf.bytes()


def test_nor_in_other_reports_nor_among_broken_records(shelf: Shelf) -> None:
    fill(shelf)
    shelf.forget(LOGIN)
    day = DAY + timedelta(days=9)
    shelf.take("copilot-seats", [seat(PERSON, "new-login"), seat(OTHER, "ann"), seat(None, "x")], day)
    shelf.take("user-teams-1-day", [{"day": str(day), "team_id": 1, "user_id": PERSON, "user_login": "new-login"}], day)
    shelf.take("users-1-day", [user(PERSON, "new-login", day, loc_deleted_sum=-1), user(OTHER, "ann", day)], day)
    assert shelf.sql(f"select report, count(*) from raw.records where day = '{day}' group by 1 order by 1") == [
        ("copilot-seats", 2),
        ("users-1-day", 1),
    ]
    assert shelf.sql(f"from raw.quarantine where day = '{day}'") == []
    assert b"new-login" not in shelf.bytes()


TEAM = {"id": PERSON, "slug": "rocket", "name": "Rocket"}
ORGANISATION = {"id": PERSON, "login": LOGIN, "type": "Organization"}


def test_a_team_or_organisation_of_the_same_number_or_name_is_somebody_else(shelf: Shelf) -> None:
    granted = [{"created_at": "2026-01-05T09:00:00Z", "assignee": who} for who in (TEAM, ORGANISATION)]
    shelf.take("copilot-seats", [*granted, seat(PERSON, LOGIN), seat(OTHER, "ann")])
    shelf.flatten()
    assert shelf.sql("select count(*), count(user_id) from flat.seat_grant") == [(4, 2)]
    assert shelf.sql("select count(*) from flat.seat") == [(2,)]
    assert shelf.forget(str(PERSON)) == (1, 0, 2)
    shelf.take("copilot-seats", [*granted, seat(PERSON, LOGIN), seat(OTHER, "ann")], DAY + timedelta(days=1))
    assert shelf.sql("select day, count(*) from raw.records group by 1 order by 1") == [
        (DAY, 3),
        (DAY + timedelta(days=1), 3),
    ]
    with pytest.raises(ForgetError, match="Nobody in the database goes by"):
        find(shelf.warehouse, shelf.identities, LOGIN)


def test_without_anybody_forgotten_files_land_as_they_came(shelf: Shelf) -> None:
    text = '{"day":"2026-09-01",  "user_id":4242,"user_login":"ann"}'
    landed = shelf.take("users-1-day", [], DAY, f"{text}\n")
    assert shelf.sql("select seq, payload from raw.records") == [(1, text)]
    with shelf.warehouse.connect() as connection:
        assert strike(connection, [landed], replace(shelf.identities, key_file=Path("/dev/null/x"))) == [landed]


# --- The command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A folder without any setting but the database's path, and no report; runs are kept in memory; no token."""
    monkeypatch.chdir(shelf.folder)
    for name in [name for name in os.environ if name.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COPILOT_WAREHOUSE", str(shelf.warehouse.path))
    monkeypatch.setenv("COPILOT_REPORT", "off")
    monkeypatch.setattr("copilot_assets.shell.runs.open_instance", dg.DagsterInstance.ephemeral)
    return shelf


def command(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["forget", *arguments], input=answer)


def test_the_command_asks_first(shell: Shelf) -> None:
    fill(shell)
    before = shell.whole()
    result = command(LOGIN, answer="n\n")
    assert result.exit_code == 1
    assert f"Of {LOGIN} there are 10 records as GitHub sent them, 2 in quarantine, and 19 rows" in result.output
    assert "old-name" not in result.output
    assert str(PERSON) not in result.output
    assert shell.whole() == before


def test_of_somebody_known_by_login_alone_it_says_what_may_still_come(shell: Shelf) -> None:
    nameless = {"day": str(DAY), "user_login": LOGIN}
    shell.take("users-1-day", [nameless, user(OTHER, "ann")])
    assert "Only the login is known, and no id" in command(LOGIN, answer="n\n").output
    assert "Only the login is known" not in command("ann", answer="n\n").output


def test_an_unknown_name_ends_with_1(shell: Shelf) -> None:
    fill(shell)
    result = command("nobody", "--yes")
    assert result.exit_code == 1
    assert "Nobody in the database goes by 'nobody', so nothing was changed." in result.stderr


def test_no_database_ends_with_1_and_makes_none(shell: Shelf) -> None:
    result = command(LOGIN, "--yes")
    assert result.exit_code == 1
    assert "There is no database at" in result.stderr
    assert not shell.warehouse.path.exists()


def test_a_database_that_another_process_holds_ends_with_2(shell: Shelf) -> None:
    fill(shell)
    hold = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(shell.warehouse.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        result = command(LOGIN, "--yes")
    finally:
        holder.communicate()
    assert result.exit_code == 2
    assert "DuckDB lets one process in at a time" in result.stderr


def test_a_broken_key_ends_with_2(shell: Shelf) -> None:
    fill(shell)
    (shell.folder / "copilot.key").write_text("broken")
    result = command(LOGIN, "--yes")
    assert result.exit_code == 2
    assert "copilot.key does not hold the key" in result.stderr


def test_a_command_that_was_killed_before_its_rebuild_goes_on_where_it_stopped(
    shell: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shell)

    def killed(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("copilot_assets.shell.runs.rebuild", killed)
        assert isinstance(command(LOGIN, "--yes").exception, RuntimeError)
    assert shell.sql("select count(*) from raw.rebuild_due") == [(1,)]
    result = command(LOGIN, "--yes")
    assert result.exit_code == 0, result.output
    assert f"Nobody in the database goes by {LOGIN}. Somebody was forgotten before" in result.output
    assert "The tables below raw are rebuilt" in result.output
    assert shell.sql("select count(*) > 0 from quality.series_break") == [(True,)]
    result = command(LOGIN, "--yes")
    assert result.exit_code == 1, "it is done"
    assert f"Nobody in the database goes by '{LOGIN}', so nothing was changed." in result.stderr


def test_without_the_key_that_knows_who_was_forgotten_nothing_of_people_is_taken_in(shelf: Shelf) -> None:
    fill(shelf)
    shelf.forget(LOGIN)
    key = shelf.folder / "copilot.key"
    own = key.read_text()
    key.unlink()
    with pytest.raises(SettingsError, match="is lost, and without it nobody knows who was forgotten"):
        shelf.take("users-1-day", [user(PERSON, LOGIN, DAY - timedelta(days=9))], DAY - timedelta(days=9))
    assert not key.exists()
    key.write_text(own)
    shelf.take("users-1-day", [user(PERSON, LOGIN, DAY - timedelta(days=9))], DAY - timedelta(days=9))
    assert shelf.sql(f"select count(*) from raw.records where payload::varchar like '%{LOGIN}%'") == [(0,)]


def test_new_key_goes_on_without_it(shell: Shelf) -> None:
    fill(shell)
    shell.forget(LOGIN)
    (shell.folder / "copilot.key").unlink()
    result = CliRunner().invoke(main, ["new-key"], input="n\n")
    assert result.exit_code == 1
    assert shell.sql("select count(*) from raw.forgotten where person > 0") == [(1,)]
    result = CliRunner().invoke(main, ["new-key", "--yes"])
    assert result.exit_code == 0, result.output
    assert "1 people had been forgotten. Forget them again. Next: copilot-assets backfill" in result.output
    assert shell.sql("select count(*) from raw.forgotten") == [(0,)]


def test_new_key_says_first_what_days_without_text_lose_by_it(shell: Shelf) -> None:
    fill(shell)
    shell.sql(
        "insert into raw.dropped_text select 'org:o', 'users-1-day', day, 'v', 'pseudonym of another', now() "
        f"from (values (date '{DAY}'), (date '{DAY + timedelta(days=1)}')) as days (day)"
    )
    result = CliRunner().invoke(main, ["new-key"], input="n\n")
    assert result.exit_code == 1
    assert (
        f"2 days of reports about people have no text any more (COPILOT_KEEP_RAW_DAYS), {DAY} to "
        f"{DAY + timedelta(days=1)}, and without the key nobody knows whose their rows are. The next run removes these "
        "rows, and the days are given_up in quality.day_status."
    ) in " ".join(result.output.split())
    assert len(shell.sql("from raw.pseudonym_key")) == 1, "nothing was given up"


def test_the_help_says_what_stays_elsewhere() -> None:
    told = " ".join(command("--help").output.split())
    assert "GitHub keeps its own data" in told
    assert "whoever has the key file can tell who a pseudonym is" in told


# --- A whole company -------------------------------------------------------------------------------------------------

FIRST, LAST = TODAY - timedelta(days=10), TODAY - timedelta(days=4)  # 2026-09-21, a Monday, to 2026-09-27, a Sunday


@pytest.fixture
def octo_org(standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr("copilot_assets.shell.runs.open_instance", lambda: instance)
        yield new_company(standin, tmp_path, instance, scopes="org:octo-org")


def test_a_range_without_one_of_its_people(octo_org: Company) -> None:
    assert octo_org.load(FIRST, LAST) == []
    person, login = busiest(octo_org)
    before = octo_org.tables()
    people = f"select active_people from weekly.user_trend where week_start = '{FIRST}'"
    ((active,),) = octo_org.sql(people)
    forget_with_the_command(octo_org, login.upper(), answer="y\n")
    after = octo_org.tables()
    assert_that_one_is_gone(before, after, person, login, shown=pseudonym(person))
    assert after["quality.day_status"] == before["quality.day_status"]
    # GitHub's totals still count them: a difference of one on each of their days would be their calendar.
    assert set(after["quality.reconciliation"]) <= set(before["quality.reconciliation"])
    assert octo_org.sql(people) == [(active - 1,)]
    beside = Path(octo_org.env["COPILOT_WAREHOUSE"]).parent
    earlier = {path.name for path in beside.glob(".export.*Z")} - {(beside / "export").readlink().name}
    assert earlier == set(), "held against what is there now, it would tell of the person"


def assert_that_one_is_gone(
    before: dict[str, list[tuple[Any, ...]]],
    after: dict[str, list[tuple[Any, ...]]],
    person: int,
    login: str,
    shown: int,
) -> None:
    """Everything about the person, who is `shown` in flat tables, and nothing about anybody else."""
    assert set(after) == set(before)
    for table in (table for table in before if table.startswith("flat.")):
        assert after[table] == [row for row in before[table] if shown not in row], table
    assert len(after["flat.user_daily"]) < len(before["flat.user_daily"])
    assert after["flat.entity_daily"] == before["flat.entity_daily"]
    gone = set(before["raw.records"]) - set(after["raw.records"])
    assert {about(json.loads(payload)) for *_, payload in gone} == {(person, login)}
    assert {report for _, report, *_ in gone} == {"users-1-day", "user-teams-1-day", "copilot-seats"}


def test_a_day_without_one_of_its_people_and_the_next_run_brings_nobody_back(octo_org: Company) -> None:
    """Where logins are shown; and no event names the person."""
    octo_org.env["COPILOT_IDENTITIES"] = "login"
    assert octo_org.load(LAST, LAST) == []
    person, login = busiest(octo_org)
    assert octo_org.sql(f"select count(*) > 0 from flat.user_daily where user_login = '{login}'") == [(True,)]
    before = octo_org.tables()
    forget_with_the_command(octo_org, login, "--yes")
    assert_that_one_is_gone(before, octo_org.tables(), person, login, shown=person)
    octo_org.today = TODAY + timedelta(days=1)
    assert octo_org.load(LAST, LAST, "raw.users_1_day", "raw.copilot_seats") == []
    assert octo_org.sql("select distinct day from raw.copilot_seats order by 1") == [(TODAY,), (octo_org.today,)]
    assert octo_org.sql(f"select count(*) from raw.records where payload::varchar like '%{person}%'") == [(0,)]
    assert login.encode() not in Path(octo_org.env["COPILOT_WAREHOUSE"]).read_bytes()
    events = " ".join(
        str(record.event_log_entry.to_json())
        for run in octo_org.instance.get_runs()
        for record in octo_org.instance.get_records_for_run(run.run_id).records
    )
    assert "flat" in events
    assert login not in events


def busiest(company: Company) -> tuple[int, str]:
    """Id and login of somebody with a seat, a team and the most active days."""
    (found,) = company.sql(
        "select (payload ->> 'user_id')::bigint, payload ->> 'user_login' from raw.records "
        "where report like 'user%' group by all order by count(distinct report) desc, count(*) desc, 1 limit 1"
    )
    return found[0], found[1]


def forget_with_the_command(company: Company, *arguments: str, answer: str = "") -> None:
    """Without a token, as GitHub is not asked."""
    env = {name: value for name, value in company.env.items() if name != "GITHUB_TOKEN"}
    result = CliRunner().invoke(main, ["forget", *arguments], env=env, input=answer)
    assert result.exit_code == 0, result.output


def about(record: dict[str, Any]) -> tuple[int, str]:
    who = record.get("assignee") or {"id": record.get("user_id"), "login": record.get("user_login")}
    return who["id"], who["login"]
