"""The state of a warehouse: strips written by hand for a ledger laid in by hand, and a command that only looks."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from rich.text import Text

from copilot_assets.flat.refresh import version_of
from copilot_assets.people.identities import Identities, hold_to_key
from copilot_assets.records import UserDay
from copilot_assets.settings import IdentityMode
from copilot_assets.shell.cli import main
from copilot_assets.shell.state import Status, read_changes, read_status
from copilot_assets.shell.status import CHANGES_SHOWN, MARKS, as_json, as_parts, changes_as_table
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.lock import one_run
from copilot_assets.warehouse.raw import note_rebuilt
from tests.conftest import TODAY
from tests.dbt_like_sql.conftest import Book, days

ORG, LABS = "org:octo-org", "org:octo-labs"
REPORT, USERS = "organization-1-day", "users-1-day"
UNASKED = ["ai-credit-usage", "premium-request-usage", "repos-1-day", "user-teams-1-day"]


def september(day: int) -> date:
    return date(2026, 9, day)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The history of one organisation since 2026-09-20, as it is known on the morning of 2026-10-01."""
    path = tmp_path_factory.mktemp("status") / "copilot.duckdb"
    with DuckDBFile(path).connect() as connection:
        book = Book(connection)
        book.expect(ORG, start=september(20), today=TODAY)
        book.fetch(ORG, REPORT, september(27), asked=september(29), headline={"daily_active_users": 7})
        connection.execute("update raw.fetches set run_id = 'run-of-the-29th'")
        book.fetch(ORG, REPORT, september(21), headline={"daily_active_users": 7})
        book.fetch(ORG, REPORT, september(22), headline={"daily_active_users": 0})
        book.fetch(ORG, REPORT, september(23), "failed")
        book.fetch(ORG, REPORT, september(24), "forbidden")
        book.fetch(ORG, REPORT, september(25), "no_report")
        book.fetch(ORG, REPORT, september(28), headline={"daily_active_users": 7})
        book.fetch(ORG, REPORT, september(29), "no_report")
        book.fetch(ORG, USERS, september(21))
        book.fetch(ORG, "copilot-seats", TODAY, headline={"total_seats": 1042})
        book.fetch(ORG, USERS, september(22), "no_report")
        connection.execute("update raw.fetches set run_id = 'run-of-the-1st' where run_id is null")
    return path


# Twelve days, the 19th to the 30th of September.
STRIPS = {
    REPORT: " ?█0!x–?▒▒··",
    USERS: " ?█0?????···",
    **dict.fromkeys(UNASKED, " ????????···"),
}


def printed(status: Status, width: int = 100) -> list[str]:
    """The lines that a terminal of that width shows, without any colour."""
    console = Console(file=StringIO(), width=width)
    for part in as_parts(status, width):
        console.print(part, soft_wrap=isinstance(part, Text))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def said(status: Status, width: int = 100) -> str:
    return " ".join(" ".join(printed(status, width)).split())


def test_a_character_for_each_day(path: Path) -> None:
    lines = printed(read_status(DuckDBFile(path), TODAY, 12))
    # The longest name has 21 characters: two before it, two after.
    margin = 25
    first = lines.index(ORG)
    assert lines[first - 2 : first] == [" " * margin + "Sep 2026", " " * margin + "  21     28"]
    shown = {line[:margin].strip(): line[margin:] for line in lines[first + 1 : first + 7]}
    assert shown == STRIPS


def test_the_legend_has_what_occurs_and_how_often(path: Path) -> None:
    status = read_status(DuckDBFile(path), TODAY, 3)
    lines = [re.split(r"\s{2,}", line.strip())[:4] for line in printed(status)]
    assert lines[1] == ["Sep"], "the year would stand beyond the days"
    # All days from the 20th on: 11 of 6 reports, and of them the three that are shown.
    expected = [
        ["█", "reported", "0", "2"],
        ["▒", "provisional", "1", "2"],
        ["0", "zero_activity", "0", "2"],
        ["·", "pending", "17", "17"],
        ["–", "no_report", "0", "1"],
        ["x", "forbidden", "0", "1"],
        ["!", "failed", "0", "1"],
        ["?", "not_requested", "0", "40"],
    ]
    start = lines.index(expected[0])
    assert lines[start : start + 8] == expected
    assert lines[start + 8] == [""]
    assert sum(status.counts.values()) == 6 * 11


def test_what_was_done_last(path: Path) -> None:
    text = said(read_status(DuckDBFile(path), TODAY, 12))
    assert (
        "last asked 2026-10-01 03:00 UTC, today; users-1-day of 2026-09-22 about org:octo-org: no_report "
        "last run 2026-10-01 03:00 UTC, run-of-the-1st; 5 reported, 3 no_report, 1 failed, 1 forbidden "
        "copilot-seats 2026-10-01: org:octo-org 1,042 seats"
    ) in text


def test_what_needs_a_hand_is_told_once_for_each_remedy(path: Path) -> None:
    status = read_status(DuckDBFile(path), TODAY, 12)
    assert status.needs_a_hand
    lines = [line.strip() for line in printed(status)]
    start = lines.index("Needs a hand:")
    assert lines[start + 1].startswith("! failed: Backfill the day again")
    assert f"{ORG} {REPORT}: 2026-09-23" in lines[start:]
    text = " ".join(lines[start:])
    assert text.count("? not_requested: Backfill the day,") == 1
    early = "▒ provisional: Backfill the day, in the Dagster UI or with copilot-assets backfill."
    assert f"{early} {ORG} {REPORT}: 2026-09-27" in text
    assert f"{ORG} {REPORT}: 2026-09-26, 2026-09-20" in text
    assert f"{ORG} {USERS}: 2026-09-23 to 2026-09-27, 2026-09-20" in text
    assert f"{ORG} {', '.join(UNASKED)}: 2026-09-20 to 2026-09-27" in text
    assert (
        f"x forbidden: Change the setting that the evidence names, then backfill the day. {ORG} {REPORT}: 2026-09-24"
        in text
    )


def test_days_since_the_last_run_are_holes_too(path: Path) -> None:
    """Four days later: a day is due when three more have closed, so the first of October is, and the second is not."""
    status = read_status(DuckDBFile(path), TODAY + timedelta(days=4), 5)
    (users,) = (series for series in status.series if series.report == USERS)
    assert list(users.days) == days(september(30), date(2026, 10, 4))
    assert "".join(MARKS[each].character for each in users.days.values()) == "??···"
    assert "last asked 2026-10-01 03:00 UTC, 4 days ago" in said(status)


def test_only_what_is_still_asked_for_has_new_holes(tmp_path: Path) -> None:
    """One organisation was given up in mid-September; an archive of a team came two days after the last run."""
    path, team = tmp_path / "copilot.duckdb", "team:octo-org/core"
    with DuckDBFile(path).connect() as connection:
        book = Book(connection)
        book.expect(LABS, start=september(10), today=september(12))
        book.fetch(LABS, REPORT, september(10))
        book.expect(ORG, start=september(20), today=TODAY)
        book.fetch(ORG, REPORT, september(20))
        book.expect(team, start=date(2026, 3, 1), today=TODAY + timedelta(days=2), legacy=True)
        book.fetch(team, "legacy-metrics", date(2026, 3, 1))
        connection.execute("update raw.fetches set http_status = null where scope = ?", [team])
    status = read_status(DuckDBFile(path), TODAY + timedelta(days=4), 5)
    assert {chore.scope for chore in status.chores} == {ORG}
    assert all(chore.days[-1] == TODAY for chore in status.chores), "the newest day that is due"
    assert status.last_ask is not None
    assert status.last_ask.scope == ORG, "an archive is no answer of GitHub's"
    assert status.last_run is not None
    assert status.last_run.outcomes == {"reported": 3}


def test_records_left_out_and_unknown_fields_need_a_hand(tmp_path: Path) -> None:
    path = tmp_path / "copilot.duckdb"
    key = {"fetch_id": "fetch-0001", "scope": ORG, "report": USERS}
    with DuckDBFile(path).connect() as connection:
        book = Book(connection)
        book.fetch(ORG, USERS, september(20), asked=TODAY)
    quiet = read_status(DuckDBFile(path), TODAY, 12)
    assert not quiet.needs_a_hand
    assert printed(quiet)[-1] == "Nothing needs a hand."
    with DuckDBFile(path).connect() as connection:
        book = Book(connection)
        for day, fault in ((3, "$.day: too long"), (5, "$.day: too long"), (4, "$.user_id: missing")):
            book.insert(
                "raw.quarantine", **key, day=september(day), place="line 1", fault=fault, payload='{"login":"ada"}'
            )
        for field in ("$.b", "$.a", "$.a"):
            drift = {"path": field, "json_type": "number", "records": 3}
            book.insert("raw.unknown_fields", **key, day=september(6), **drift)
    status = read_status(DuckDBFile(path), TODAY, 12)
    assert status.needs_a_hand
    text = said(status)
    assert "users-1-day, 2026-09-03 to 2026-09-05: 2 with $.day: too long" in text
    assert "users-1-day, 2026-09-04: 1 with $.user_id: missing" in text
    assert "users-1-day, 2026-09-06: $.a, $.b" in text
    assert "ada" not in text + json.dumps(as_json(status)), "what GitHub sent stays in the file"


def test_tables_that_do_not_show_what_landed_need_a_hand(tmp_path: Path) -> None:
    warehouse = DuckDBFile(tmp_path / "copilot.duckdb")

    def numbered(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("update raw.fetches set entry_number = rowid + 1")

    def status() -> Status:
        return read_status(warehouse, TODAY, 12)

    with warehouse.connect() as connection:
        book = Book(connection)
        book.fetch(ORG, USERS, september(20), asked=september(23))
        numbered(connection)
    assert said(status()).endswith(
        "tables behind: They do not show what was asked for or changed since 2026-09-23 03:00 UTC: the run after it "
        "failed, or was killed. Run copilot-assets backfill, or the job rebuild in the UI; it says what is in the way."
    ), "they were never built"
    assert as_json(status())["tables_behind_since"] == "2026-09-23T03:00:01Z"
    with warehouse.connect() as connection:
        note_rebuilt(connection)
    assert not status().needs_a_hand
    with warehouse.connect() as connection:
        book = Book(connection)
        book.fetch(ORG, USERS, september(20), "failed", asked=september(24))
        book.fetch(ORG, USERS, september(20), asked=september(25))
        numbered(connection)
    assert status().behind_since == datetime.fromisoformat("2026-09-24T03:00:01")
    with one_run(warehouse, "a run", lambda _: None):
        assert status().behind_since is None, "it will be rebuilt when the run is over"
    with warehouse.connect() as connection:
        note_rebuilt(connection)
        connection.execute("insert into raw.rebuild_due values ('2026-09-26 08:00')")
    assert status().behind_since == datetime.fromisoformat("2026-09-26T08:00"), "somebody was forgotten"
    with warehouse.connect() as connection:
        note_rebuilt(connection)
    assert not status().needs_a_hand
    with warehouse.connect() as connection:
        connection.execute("drop table raw.rebuilt")
    assert not status().needs_a_hand, "a file of an older version does not say"


@pytest.mark.parametrize(("width", "count"), [(100, 60), (100, 365), (80, 60), (60, 61)])
def test_it_fits_the_screen(path: Path, width: int, count: int) -> None:
    status = read_status(DuckDBFile(path), TODAY, count)
    lines = printed(status, width)
    # What may be cut by nobody, such as the path, is printed whole.
    assert max(map(len, lines[1:])) <= width
    strips = [line[25:] for line in lines if line.startswith(f"  {USERS} ")]
    whole = "".join(strips)
    assert len(whole) == count
    assert whole.lstrip() == STRIPS[USERS].lstrip()


def test_every_status_has_a_character() -> None:
    (model,) = (model for model in load_models() if model.table == "quality.day_status")
    (column,) = (column for column in model.columns if column.name == "status")
    (accepted,) = (assertion for assertion in column.assertions if assertion.tag == "accepted")
    assert set(accepted.arguments) | {"below_threshold", "below_threshold_suspected"} == set(MARKS)
    characters = [mark.character for name, mark in MARKS.items() if not name.endswith("_suspected")]
    assert len(characters) - len(set(characters)) == 1, "the two that are not expected share the blank"


def test_a_status_that_nobody_told_this_screen_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(MARKS, "not_requested")
    monkeypatch.delitem(MARKS, "pending")
    lines = printed(read_status(DuckDBFile(path), TODAY, 12))
    assert any(line.endswith(" *█0********") for line in lines)
    assert any(line.startswith("*  not_requested") for line in lines)


# --- Changes ----------------------------------------------------------------------------------------------------------


def test_the_days_that_github_changed(tmp_path: Path) -> None:
    path = tmp_path / "copilot.duckdb"
    with DuckDBFile(path).connect() as connection:
        book = Book(connection)
        book.expect(ORG, start=september(1), today=TODAY)
        # A day is final three full days after it closed: what came on the 20th about the 10th is late.
        book.fetch(ORG, REPORT, september(10), asked=september(14), headline={"daily_active_users": 4})
        book.fetch(ORG, REPORT, september(10), asked=september(20), headline={"daily_active_users": 5})
        book.fetch(ORG, USERS, september(18), asked=september(19), records=1200)
        book.fetch(ORG, USERS, september(18), asked=september(21), records=1199)
        connection.execute("update raw.fetches set sha256 = fetch_id")
    changes = read_changes(DuckDBFile(path), TODAY, CHANGES_SHOWN)
    console = Console(file=StringIO(), width=100)
    console.print(changes_as_table(changes))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[4:]]
    assert rows[:4] == [
        ["2026-09-18", ORG, "2026-09-21 03:00", "not told", "fewer records"],
        [USERS],
        ["2026-09-10", ORG, "2026-09-20 03:00", "1 to 1", "late"],
        [REPORT, "daily_active_users"],
    ]


def test_no_change_is_said(path: Path) -> None:
    assert "changed no day" in str(changes_as_table(read_changes(DuckDBFile(path), TODAY, CHANGES_SHOWN)))


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder without any setting, on the day of the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("copilot_assets.shell.status.today_utc", lambda: TODAY)
    for name in [name for name in os.environ if name.startswith(("COPILOT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def invoke(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["status", *arguments], env={"COPILOT_WAREHOUSE": str(path)})


def test_the_command_looks_and_changes_nothing(asked: Path, path: Path) -> None:
    before, changed_at = path.read_bytes(), path.stat().st_mtime_ns
    result = invoke(path, "--days", "12")
    assert result.exit_code == 1, result.output
    assert STRIPS[REPORT] in result.stdout
    assert "Needs a hand:" in result.stdout
    assert "\x1b" not in result.stdout
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, changed_at)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert not list(asked.iterdir())


def test_the_same_facts_for_programs(asked: Path, path: Path) -> None:
    result = invoke(path, "--days", "12", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["needs_a_hand"], told["first_day"], told["last_day"]) == (True, "2026-09-19", "2026-09-30")
    (users,) = (series for series in told["reports"] if series["report"] == USERS)
    assert users["scope"] == ORG
    assert users["days"]["2026-09-22"] == "zero_activity"
    assert "2026-09-19" not in users["days"]
    assert told["days_by_status"]["not_requested"] == 40
    assert told["last_run"] == {
        "run_id": "run-of-the-1st",
        "asked_at": "2026-10-01T03:00:11Z",
        "outcomes": {"reported": 5, "no_report": 3, "failed": 1, "forbidden": 1},
    }
    assert told["snapshots"][0]["total_seats"] == 1042
    assert told["to_do"][0]["days"] == ["2026-09-23"]
    assert (told["quarantine"], told["schema_drift"]) == ([], [])
    assert told["bytes_on_disk"]["database"] == path.stat().st_size

    result = invoke(path, "--changes", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"changes": []})


def test_a_key_that_is_lost_or_another_one_needs_a_hand(asked: Path) -> None:
    path = asked / "copilot.duckdb"
    key = path.with_suffix(".key")
    with DuckDBFile(path).connect() as connection:
        Book(connection).fetch(ORG, REPORT, september(28), headline={"daily_active_users": 7})
        hold_to_key(connection, Identities(IdentityMode.PSEUDONYM, key))
    kept = key.read_text()
    assert json.loads(invoke(path, "--json").stdout)["key_trouble"] is None
    key.unlink()
    result = invoke(path)
    assert result.exit_code == 1
    told = " ".join(result.stdout.split())
    assert f"key of pseudonyms: {key}, the key that people's pseudonyms are made with, is lost" in told
    assert not key.exists()
    key.write_text(kept[::-1])
    assert "holds another key than the one that" in " ".join(invoke(path).stdout.split())
    key.write_text("no key")
    assert "does not hold the key" in " ".join(invoke(path).stdout.split())


def test_how_much_of_the_disk_everything_takes(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = asked / "copilot.duckdb"
    with DuckDBFile(path).connect() as connection:
        Book(connection).expect(ORG, start=september(20), today=TODAY)
    monkeypatch.setenv("DAGSTER_HOME", str(asked))
    for name, size in ((".dagster/storage/runs.db", 1_500_000), ("export/weekly/a.parquet", 20_000), ("now/b", 300)):
        (asked / name).parent.mkdir(parents=True)
        (asked / name).write_bytes(bytes(size))
    (asked / "report").symlink_to("now")  # as its generations are
    result = invoke(path, "--days", "12")
    kib = path.stat().st_size / 1000
    assert result.stdout.splitlines()[-1] == (
        f"On the disk: the database {kib:.1f} kB, Dagster's history 1.5 MB, the export 20.0 kB, the report 300 bytes."
    )


def test_days_without_text_and_the_room_that_they_left_are_told(asked: Path) -> None:
    path = asked / "copilot.duckdb"
    with DuckDBFile(path).connect() as connection:
        book = Book(connection)
        book.expect(ORG, start=september(1), today=TODAY)
        for day in (1, 2, 3):
            book.fetch(ORG, "users-1-day", september(day))
            version = version_of(UserDay) if day == 1 else "of before"
            connection.execute(
                "insert into raw.dropped_text values (?, 'users-1-day', ?, ?, 'login', now())",
                [ORG, september(day), version],
            )
        connection.execute("create table raw.much as select random() as x from range(500_000)")
        connection.execute("checkpoint")
        connection.execute("drop table raw.much")
        connection.execute("checkpoint")
    result = invoke(path, "--days", "12")
    said = " ".join(result.stdout.split())
    assert (
        "without text 3 days, 2026-09-01 to 2026-09-03, have no text any more (COPILOT_KEEP_RAW_DAYS). The flat tables "
        "have changed since and keep the rows that they had of these: 2 of version of before."
    ) in said
    assert re.search(r"the database [\d.]+ MB \([\d.]+ MB of it free for what comes\)", said)
    told = json.loads(invoke(path, "--json").stdout)
    assert told["without_text"] == {
        "days": 3, "bytes": 0, "older": [["of before", 2]], "first": "2026-09-01", "last": "2026-09-03",
    }  # fmt: skip
    assert told["bytes_on_disk"]["free_in_database"] > 3_500_000, "eight bytes a number"


def test_a_warehouse_that_is_not_there_is_not_made(asked: Path) -> None:
    for arguments in ([], ["--changes"], ["--json"]):
        result = invoke(asked / "data" / "copilot.duckdb", *arguments)
        assert result.exit_code == 2
        assert "There is no warehouse at" in result.stderr
        assert result.stdout == ""
    assert not list(asked.iterdir())


def test_an_empty_one_says_what_to_do(asked: Path) -> None:
    with DuckDBFile(asked / "new.duckdb").connect():
        pass
    duckdb.connect(str(asked / "somebody's.duckdb")).close()
    for name in ("new.duckdb", "somebody's.duckdb"):
        result = invoke(asked / name)
        assert result.exit_code == 1
        assert result.stdout.strip().endswith("holds nothing about Copilot yet. Next: copilot-assets backfill")


@contextmanager
def held(path: Path, *, read_only: bool) -> Iterator[int]:
    """The file open in another process; its id."""
    hold = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'True'); "
        "print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(path), str(read_only)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"open\n"
            yield holder.pid
        finally:
            holder.communicate()


def test_one_that_is_no_database_or_open_elsewhere(asked: Path) -> None:
    (asked / "letter.txt").write_text("Dear friend")
    result = invoke(asked / "letter.txt")
    assert result.exit_code == 2
    assert "is not a DuckDB file" in result.stderr

    path = asked / "copilot.duckdb"
    duckdb.connect(str(path)).close()
    with held(path, read_only=False) as pid:
        result = invoke(path)
    assert result.exit_code == 2
    assert f"process {pid}" in result.stderr
    with held(path, read_only=True):
        assert "holds nothing" in invoke(path).stdout, "several may look at once"


def test_a_warehouse_of_an_older_version(asked: Path) -> None:
    path = asked / "old.duckdb"
    with DuckDBFile(path).connect() as connection:
        Book(connection).expect(ORG, start=september(28), today=TODAY)
        for table in ("quarantine", "unknown_fields"):
            connection.execute(f"drop table raw.{table}")
    assert invoke(path).exit_code == 0, "three days that may still come"
