"""When flat tables are made again, on a real warehouse file: new content, an upgrade, names that changed."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.flat import refresh
from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.people.identities import Identities
from copilot_assets.records import EntityDay, RepoDay, Seat, UserDay
from copilot_assets.records.names import NAMES
from copilot_assets.settings import IdentityMode
from copilot_assets.warehouse.duckdb_file import DuckDBFile

DAY = date(2026, 9, 1)
REPORT = "organization-1-day"
IDS = range(1, 13)
# A key file that nobody can make: the tables here are not about people.
NOBODY = Identities(IdentityMode.PSEUDONYM, Path("/dev/null/no.key"))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with one day of one organisation, in a language that nobody has another name for."""
    element = {"language": "quux", "feature": "agent_edit", "loc_added_sum": 3}
    payload = {"day": DAY.isoformat(), "totals_by_language_feature": [element, element | {"language": "c#"}]}
    with DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        land(connection, REPORT, [payload])
        yield connection


def land(connection: duckdb.DuckDBPyConnection, report: str, payloads: list[dict[str, Any]]) -> None:
    """A report of the organisation's day, as fetched."""
    connection.execute(
        "insert into raw.fetches by name select 'f' as fetch_id, 'org:o' as scope, ? as report, ? as day, "
        "now()::timestamp as requested_at, 'reported' as outcome, ? as records, 'x' as sha256, '' as evidence",
        [report, DAY, len(payloads)],
    )
    for seq, payload in enumerate(payloads):
        row = [report, DAY, seq, json.dumps(payload)]
        connection.execute("insert into raw.records values ('org:o', ?, ?, ?, ?, 'f')", row)


def flattened(connection: duckdb.DuckDBPyConnection) -> int:
    """The days that a refresh found to do."""
    return refresh_flat(connection, EntityDay, [REPORT], NOBODY)[0]


def languages(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select language, language_name from flat.entity_language_feature_daily order by 1"
    ).fetchall()


def test_an_alias_that_was_learnt_since_flattens_history_again(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert flattened(connection) == 1
    assert languages(connection) == [("c#", "csharp"), ("quux", "quux")]
    assert flattened(connection) == 0, "nothing changed"
    monkeypatch.setitem(NAMES["language"], "quux", "quuxlang")
    assert flattened(connection) == 1
    assert languages(connection) == [("c#", "csharp"), ("quux", "quuxlang")]
    assert flattened(connection) == 0


def test_a_value_that_is_known_by_itself_changes_no_row(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    flattened(connection)
    monkeypatch.setitem(NAMES["language"], "quux", "quux")
    assert flattened(connection) == 0
    assert ("language", "quux", "quux") in known(connection)


def test_an_answer_that_another_contract_read_is_flattened_again(connection: duckdb.DuckDBPyConnection) -> None:
    """The same content may hold other records then."""
    assert flattened(connection) == 1
    connection.execute("update raw.fetches set contract = 'newer'")
    assert flattened(connection) == 1
    assert flattened(connection) == 0


def test_a_warehouse_that_never_noted_the_contract_is_left_alone(connection: duckdb.DuckDBPyConnection) -> None:
    flattened(connection)
    connection.execute("alter table flat.sources drop column read_by")
    assert flattened(connection) == 0


def test_a_warehouse_from_before_there_were_names_gets_them(connection: duckdb.DuckDBPyConnection) -> None:
    """The columns are added at the end of the old table, and the version that wrote its rows is another one."""
    flattened(connection)
    connection.execute("alter table flat.entity_language_feature_daily drop column language_name")
    connection.execute("update flat.sources set contract = 'of an older version'")
    connection.execute("drop table flat.known_names")
    assert flattened(connection) == 1
    assert languages(connection) == [("c#", "csharp"), ("quux", "quux")]
    assert ("language", "c#", "csharp") in known(connection)


def known(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute("select kind, value, name from flat.known_names order by all").fetchall()


def test_the_known_names_are_in_the_warehouse_and_written_when_they_differ(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_flat(connection, RepoDay, ["repos-1-day"], NOBODY)  # any record type brings them
    first = known(connection)
    assert {("language", "c#", "csharp"), ("ide", "vscode", "vscode")} <= set(first)
    assert len(first) == sum(len(names) for names in NAMES.values())
    monkeypatch.delitem(NAMES["ide"], "zed")
    monkeypatch.setitem(NAMES["model"], "gpt-9", "gpt-9")
    flattened(connection)
    assert set(first) - set(known(connection)) == {("ide", "zed", "zed")}
    assert set(known(connection)) - set(first) == {("model", "gpt-9", "gpt-9")}
    row = "select rowid from flat.known_names where value = 'gpt-9'"
    before = connection.execute(row).fetchall()
    flattened(connection)
    assert connection.execute(row).fetchall() == before, "written once"


def people(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute("select scope, day, user_id, loc_added_sum from flat.user_daily order by all").fetchall()


def test_a_day_that_is_too_large_at_once_makes_the_rows_that_it_makes_whole(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a key comes again far apart: the last record counts, as it does within one piece."""
    days = [DAY, date(2026, 9, 2)]
    connection.execute("delete from raw.records")
    for day, persons in zip(days, ([*range(50), 7, 3], [3, 7]), strict=True):
        connection.execute(
            "insert into raw.fetches by name select $day::varchar as fetch_id, 'org:o' as scope, 'users-1-day' as "
            "report, $day as day, now()::timestamp as requested_at, 'reported' as outcome, $n as records, "
            "$n * 50 as bytes, 'x' as sha256, '' as evidence",
            {"day": day, "n": len(persons)},
        )
        for seq, person in enumerate(persons, start=1):
            payload = json.dumps({"day": str(day), "user_id": person, "loc_added_sum": seq})
            connection.execute(
                "insert into raw.records values ('org:o', 'users-1-day', ?, ?, ?, 'f')", [day, seq, payload]
            )
    identities = Identities(IdentityMode.LOGIN, tmp_path / "no.key")
    expected = sorted(
        [("org:o", DAY, person, person + 1) for person in range(50) if person not in (3, 7)]
        + [("org:o", DAY, 7, 51), ("org:o", DAY, 3, 52), ("org:o", days[1], 3, 1), ("org:o", days[1], 7, 2)]
    )
    for size in (2**20, 2_700, 300, 60):
        monkeypatch.setattr(refresh, "CHUNK_BYTES", size)
        flattened_days, refreshed = refresh_flat(connection, UserDay, ["users-1-day"], identities, full=True)
        assert people(connection) == expected, size
        assert (flattened_days, refreshed["user_daily"].rows_written) == (2, 52)


def test_a_piece_that_can_not_be_parsed_leaves_the_rows_that_were_there(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pieces before it were flattened in the same transaction."""
    connection.execute("update raw.fetches set report = 'users-1-day', records = 3, bytes = 90")
    connection.execute("delete from raw.records")
    for person in (1, 2, 3):
        payload = json.dumps({"day": str(DAY), "user_id": person, "loc_added_sum": 5})
        connection.execute(
            "insert into raw.records values ('org:o', 'users-1-day', ?, ?, ?, 'f')", [DAY, person, payload]
        )
    identities = Identities(IdentityMode.LOGIN, tmp_path / "no.key")
    refresh_flat(connection, UserDay, ["users-1-day"], identities)
    before = people(connection)
    assert [row[2] for row in before] == [1, 2, 3]

    parse, first_parsed = refresh._parse, []

    def breaks_at_the_first_records(*args: Any) -> Any:
        if args[2] == 0:
            raise duckdb.IOException("the disk is gone")
        first_parsed.append(args[2])
        return parse(*args)

    monkeypatch.setattr(refresh, "CHUNK_BYTES", 30)
    monkeypatch.setattr(refresh, "_parse", breaks_at_the_first_records)
    with pytest.raises(duckdb.IOException, match="the disk is gone"):
        refresh_flat(connection, UserDay, ["users-1-day"], identities, full=True)
    assert first_parsed, "others came before it"
    assert people(connection) == before
    monkeypatch.undo()
    refresh_flat(connection, UserDay, ["users-1-day"], identities, full=True)
    assert people(connection) == before


def test_rows_of_people_stand_in_the_order_of_their_pseudonyms(tmp_path: Path) -> None:
    """GitHub's files may be by id: rows in their order would tell which pseudonym is the older account."""
    people = Identities(IdentityMode.PSEUDONYM, tmp_path / "pseudonyms.key")
    of_a_day = [{"user_id": n, "day": f"{DAY}", "totals_by_ide": [{"ide": "vscode"}, {"ide": "xcode"}]} for n in IDS]
    seats = [{"assignee": {"id": n}, "last_activity_at": "2026-08-31T12:00:00Z"} for n in IDS]
    with DuckDBFile(tmp_path / "people.duckdb").connect() as connection:
        for report, record, payloads in (("users-1-day", UserDay, of_a_day), ("copilot-seats", Seat, seats)):
            land(connection, report, payloads)
            refresh_flat(connection, record, [report], people)
        for table in ("user_daily", "user_ide_daily", "seat", "seat_grant"):
            shown = [person for (person,) in connection.execute(f"select user_id from flat.{table}").fetchall()]
            assert sorted(set(shown)) == sorted(map(people.pseudonym, IDS))
            assert shown == sorted(shown), table
