"""Pseudonyms and their key: what the flat tables show of people, worked out here by the standard library alone."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.flat.rows import show_people
from copilot_assets.people.identities import KEY_SUFFIX, Identities, give_up_key, hold_to_key
from copilot_assets.records import Record, Seat, UserDay, UserTeamDay
from copilot_assets.settings import IdentityMode, Settings, SettingsError, identity_mode
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from tests.conftest import pseudonym

DAY = date(2026, 9, 1)


def people(folder: Path, mode: str = "pseudonym") -> Identities:
    return Identities(IdentityMode(mode), folder / "copilot.key")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- The key ---------------------------------------------------------------------------------------------------------


def test_a_pseudonym_is_53_bits_of_an_hmac_under_a_key_that_stays(tmp_path: Path) -> None:
    shown = [people(tmp_path).pseudonym(person) for person in (1, 2, 2**63 - 1)]
    text = (tmp_path / "copilot.key").read_text()
    key = bytes.fromhex(text)
    assert len(key) == 32
    assert shown == [pseudonym(person, key) for person in (1, 2, 2**63 - 1)]
    assert max(shown) < 2**53
    assert [people(tmp_path).pseudonym(person) for person in (1, 2, 2**63 - 1)] == shown, "another run"
    assert (tmp_path / "copilot.key").read_text() == text


def test_another_database_has_other_pseudonyms(tmp_path: Path) -> None:
    assert people(tmp_path).pseudonym(1) != people(tmp_path / "other").pseudonym(1)


def test_the_key_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        people(tmp_path).pseudonym(1)
    finally:
        os.umask(before)
    key = tmp_path / "copilot.key"
    assert mode_of(key) == 0o600
    key.chmod(0o644)  # copied about
    people(tmp_path).pseudonym(1)
    assert mode_of(key) == 0o600


def test_the_key_stands_beside_the_database() -> None:
    assert DuckDBFile(Path("data/copilot.duckdb")).beside(KEY_SUFFIX) == Path("data/copilot.key")
    assert DuckDBFile(Path("my.company.duckdb")).beside(KEY_SUFFIX) == Path("my.company.key")


@pytest.mark.parametrize("text", ["no key", "00" * 31, "00" * 33, "é" * 64])
def test_a_broken_key_is_told_and_never_replaced(tmp_path: Path, text: str) -> None:
    key = tmp_path / "copilot.key"
    key.write_text(text)
    with pytest.raises(SettingsError, match=r"does not hold the key .* Put it back from a backup"):
        people(tmp_path).pseudonym(1)
    assert key.read_text() == text


def test_a_key_that_cannot_be_made_or_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "copilot.key").mkdir()
    for folder in (tmp_path / "file", tmp_path):
        with pytest.raises(SettingsError, match=r"copilot\.key, the key .* can't be read or made: "):
            people(folder).pseudonym(1)


def test_processes_that_begin_at_once_agree_on_a_key(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from copilot_assets.people.identities import Identities; "
        "from copilot_assets.settings import IdentityMode\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(Identities(IdentityMode.PSEUDONYM, Path(sys.argv[1])).pseudonym(7))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "copilot.key")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    told = {process.communicate(timeout=60)[0] for process in started}
    assert told == {f"{people(tmp_path).pseudonym(7)}\n"}


def test_a_process_that_is_killed_while_it_makes_the_key_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(new: Path, path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("copilot_assets.people.identities.put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            people(tmp_path).pseudonym(7)
    assert not (tmp_path / "copilot.key").exists()
    (tmp_path / "copilot.key").touch()  # what versions before left, which wrote in place
    made = people(tmp_path).pseudonym(7)
    assert people(tmp_path).pseudonym(7) == made == pseudonym(7, bytes.fromhex((tmp_path / "copilot.key").read_text()))
    assert [path.name for path in tmp_path.iterdir()] == ["copilot.key"]


# --- The key of a database -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [None, ""])
@pytest.mark.parametrize("made", ["insert into raw.forgotten values (7, now()::timestamp)", "noted"])
def test_a_lost_key_is_told_where_it_is_missed_and_no_other_is_made(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, left: str | None, made: str
) -> None:
    key = tmp_path / "copilot.key"
    if made == "noted":
        hold_to_key(connection, people(tmp_path))
        key.unlink()
    else:
        connection.execute(made)
    if left is not None:
        key.write_text(left)
    with pytest.raises(SettingsError, match=r"is lost, .* Put it back from a backup\. Without one, .* new-key"):
        hold_to_key(connection, people(tmp_path))
    assert not key.exists() or key.read_text() == ""


def test_another_key_than_the_databases_is_told(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    hold_to_key(connection, people(tmp_path))
    hold_to_key(connection, people(tmp_path))
    key = tmp_path / "copilot.key"
    own = key.read_text()
    key.write_text("ab" * 32)
    with pytest.raises(SettingsError, match=r"copilot\.key holds another key than the one .* new-key"):
        hold_to_key(connection, people(tmp_path))
    key.write_text(own)
    hold_to_key(connection, people(tmp_path))
    assert connection.execute("from raw.pseudonym_key").fetchall() == [
        (hashlib.sha256(bytes.fromhex(own)).hexdigest()[:12],)
    ]


@pytest.mark.parametrize("left", [None, "", "no key", "ab" * 32])
def test_one_may_go_on_without_it(connection: duckdb.DuckDBPyConnection, tmp_path: Path, left: str | None) -> None:
    key = tmp_path / "copilot.key"
    hold_to_key(connection, people(tmp_path))
    connection.execute("insert into raw.forgotten values (7, now()::timestamp), (8, now()::timestamp)")
    key.unlink()
    if left is not None:
        key.write_text(left)
    assert give_up_key(connection, people(tmp_path)) == 2
    hold_to_key(connection, people(tmp_path))
    assert connection.execute("from raw.forgotten").fetchall() == []
    if left == "ab" * 32:
        assert key.read_text() == left, "a key that somebody put there is taken"


# --- What is shown ---------------------------------------------------------------------------------------------------


def test_ids_become_pseudonyms_and_logins_null(tmp_path: Path) -> None:
    records = pl.DataFrame(
        {
            "scope": ["a", "a", "b"],
            "record": [{"user_id": each, "user_login": f"l{each}", "n": 0} for each in (1, 2, 1)],
        }
    )
    shown = show_people(records, UserDay, people(tmp_path))
    key = bytes.fromhex((tmp_path / "copilot.key").read_text())
    assert shown.schema == records.schema
    told = shown.rows(named=True)
    assert sorted(told, key=str) == sorted(
        (
            {"scope": scope, "record": {"user_id": pseudonym(person, key), "user_login": None, "n": 0}}
            for scope, person in (("a", 1), ("a", 2), ("b", 1))
        ),
        key=str,
    )
    assert show_people(records, UserDay, people(tmp_path, "off")).equals(shown)
    assert show_people(records, UserDay, people(tmp_path, "login")).equals(records)


@pytest.mark.parametrize("mode", ["pseudonym", "login"])
def test_a_seat_of_a_team_or_an_organisation_is_nobodys(tmp_path: Path, mode: str) -> None:
    holders = [
        {"id": 8, "login": None, "type": None, "slug": "rocket"},
        {"id": 9, "login": "acme", "type": "Organization", "slug": None},
        {"id": 8, "login": "ann", "type": "User", "slug": None},
        {"id": 7, "login": "bob", "type": None, "slug": None},
    ]
    records = pl.DataFrame({"record": [{"assignee": holder} for holder in holders]})
    shown = [row["assignee"] for row in show_people(records, Seat, people(tmp_path, mode))["record"].to_list()]
    rows = {(row["type"], row["slug"]): (row["id"] is not None, row["login"]) for row in shown}
    told = {"ann": "ann", "bob": "bob"} if mode == "login" else {}
    assert rows == {
        (None, "rocket"): (False, None),
        ("Organization", None): (False, None),
        ("User", None): (True, told.get("ann")),
        (None, None): (True, told.get("bob")),
    }


def test_a_seat_without_a_person_stays_one(tmp_path: Path) -> None:
    seats = [
        {"assignee": {"id": 5, "login": "ann", "type": "User", "slug": None}, "plan_type": "business"},
        {"assignee": {"id": None, "login": "bob", "type": None, "slug": None}, "plan_type": ""},
        {"assignee": None, "plan_type": None},
    ]
    shown = show_people(pl.DataFrame({"record": seats}), Seat, people(tmp_path))["record"].to_list()
    assert shown[0] == {
        "assignee": {"id": people(tmp_path).pseudonym(5), "login": None, "type": "User", "slug": None},
        "plan_type": "business",
    }
    assert shown[1] == {"assignee": {"id": None, "login": None, "type": None, "slug": None}, "plan_type": ""}
    assert shown[2]["plan_type"] is None
    assert not any((shown[2]["assignee"] or {}).values())
    nobody = pl.DataFrame({"record": seats}).clear()
    assert show_people(nobody, Seat, people(tmp_path)).height == 0


# --- The setting -----------------------------------------------------------------------------------------------------


def test_the_setting_needs_no_token() -> None:
    modes = {text: identity_mode({"COPILOT_IDENTITIES": text}) for text in ("pseudonym", "login", "off", "OFF")}
    assert modes == {
        "pseudonym": IdentityMode.PSEUDONYM,
        "login": IdentityMode.LOGIN,
        "off": IdentityMode.OFF,
        "OFF": IdentityMode.OFF,
    }
    assert identity_mode({}) is IdentityMode.PSEUDONYM


def test_a_setting_that_cannot_be_used_is_told_with_the_others() -> None:
    with pytest.raises(SettingsError, match=r"COPILOT_IDENTITIES is 'on'\. Write pseudonym .* login .* or off") as told:
        Settings.from_env({"COPILOT_IDENTITIES": "on"})
    assert "GITHUB_TOKEN is not set" in str(told.value)


# --- On the way from raw to flat -------------------------------------------------------------------------------------

PAYLOADS: dict[str, tuple[type[Record], dict[str, Any]]] = {
    "users-1-day": (
        UserDay,
        {
            "user_id": 7,
            "user_login": "ann",
            "used_chat": None,
            "loc_added_sum": 0,
            "totals_by_ide": [{"ide": "vscode", "loc_added_sum": 3}],
        },
    ),
    "user-teams-1-day": (UserTeamDay, {"team_id": 1, "user_id": 7, "user_login": "ann"}),
    "copilot-seats": (Seat, {"created_at": "2026-01-05T09:00:00Z", "assignee": {"id": 7, "login": "ann"}}),
}
TABLES = ("user_daily", "user_ide_daily", "user_team_daily", "seat", "seat_grant")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with a record of one person in each report about people."""
    with DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        for report, (_, payload) in PAYLOADS.items():
            land(connection, report, {"day": str(DAY), **payload})
        yield connection


def flatten(connection: duckdb.DuckDBPyConnection, identities: Identities) -> tuple[list[int], set[tuple[Any, ...]]]:
    """Flatten what is stale; tells how many days of each report were, and who is in each table."""
    counts = [refresh_flat(connection, record, [report], identities)[0] for report, (record, _) in PAYLOADS.items()]
    query = " union all ".join(f"select '{name}', user_id, user_login from flat.{name}" for name in TABLES)
    return counts, set(connection.execute(query).fetchall())


def land(connection: duckdb.DuckDBPyConnection, report: str, payload: dict[str, Any]) -> None:
    connection.execute(
        "insert into raw.fetches by name select ? as fetch_id, 'org:o' as scope, ? as report, ? as day, "
        "now()::timestamp as requested_at, 'reported' as outcome, 1 as records, 'x' as sha256, '' as evidence",
        [report, report, DAY],
    )
    connection.execute(
        "insert into raw.records values ('org:o', ?, ?, 1, ?, ?)", [report, DAY, json.dumps(payload), report]
    )


def test_tables_show_who_they_are_told_to_and_follow_a_change(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "copilot.key").write_text("01" * 32)
    hidden = {(name, pseudonym(7, b"\1" * 32), None) for name in TABLES}
    known = {(name, 7, "ann") for name in TABLES}
    assert flatten(connection, people(tmp_path)) == ([1, 1, 1], hidden)
    assert flatten(connection, people(tmp_path)) == ([0, 0, 0], hidden)
    assert flatten(connection, people(tmp_path, "off")) == ([0, 0, 0], hidden), (
        "the same people, whoever is asked for from now on"
    )
    assert flatten(connection, people(tmp_path, "login")) == ([1, 1, 1], known)
    assert flatten(connection, people(tmp_path, "login")) == ([0, 0, 0], known)
    assert flatten(connection, people(tmp_path)) == ([1, 1, 1], hidden)
    (tmp_path / "copilot.key").unlink()
    with pytest.raises(SettingsError, match="is lost"):
        flatten(connection, people(tmp_path))
    give_up_key(connection, people(tmp_path))
    counts, others = flatten(connection, people(tmp_path))
    assert counts == [1, 1, 1]
    key = bytes.fromhex((tmp_path / "copilot.key").read_text())
    assert others == {(name, pseudonym(7, key), None) for name in TABLES}


def test_zero_and_null_stay_what_they_are(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    flatten(connection, people(tmp_path))
    row = "select used_chat, loc_added_sum, loc_deleted_sum from flat.user_daily"
    assert connection.execute(row).fetchall() == [(None, 0, None)]
