"""What landing and flattening cost in counts that are the same on every machine: statements, connections, bytes read.

Bounds, not exact numbers: a test here fails when a cost comes to grow with the records, or doubles.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from copilot_assets.flat import refresh
from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.flat.tables import tables_of
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.scopes import Scope
from copilot_assets.people.identities import Identities
from copilot_assets.records import UserDay
from copilot_assets.settings import IdentityMode
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land
from tests.conftest import report_named

DAY = date(2026, 9, 1)
USERS = report_named("users-1-day")
FEATURES = [{"feature": name, "loc_added_sum": 3} for name in ("agent_edit", "code_completion", "copilot_cli")]
IO = Path("/proc/self/io")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        connection.execute("call enable_logging('QueryLog')")
        yield connection


def statements(connection: duckdb.DuckDBPyConnection, work: Callable[[], object]) -> int:
    """Statements that DuckDB says it was given; a block that begins and commits is two of them."""
    connection.execute("call truncate_duckdb_logs()")
    work()
    ((count,),) = connection.execute("select count(*) from duckdb_logs where type = 'QueryLog'").fetchall()
    return int(count) - 1  # this one is in it


def users(path: Path, people: int, day: date = DAY, **more: object) -> Path:
    records = ({"day": str(day), "user_id": n, "totals_by_feature": FEATURES, **more} for n in range(people))
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def fetched(path: Path, day: date = DAY) -> Fetch:
    seen = inspect_files([path], USERS, day)
    return Fetch(
        Scope.parse("org:octo-org"),
        USERS,
        day,
        Outcome.REPORTED if seen.records else Outcome.FAILED,
        "came",
        datetime.fromisoformat("2026-10-01"),
        200,
        seen.records,
        path.stat().st_size,
        f"{path.stat().st_size}",
        files=seen.files,
        broken=seen.broken,
        unknown_fields=seen.unknown_fields,
    )


def flatten(connection: duckdb.DuckDBPyConnection, folder: Path) -> int:
    return refresh_flat(connection, UserDay, ["users-1-day"], Identities(IdentityMode.PSEUDONYM, folder / "a.key"))[0]


def test_landing_takes_as_many_statements_for_many_records_and_days_as_for_one(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    one = statements(connection, lambda: land(connection, [fetched(users(tmp_path / "1.json", 1))], "run"))
    days = [DAY + timedelta(days=n) for n in range(1, 8)]
    many = [fetched(users(tmp_path / f"{day}.json", 300, day), day) for day in days]
    assert statements(connection, lambda: land(connection, many, "run")) == one <= 18
    assert connection.execute("select count(*) from raw.records").fetchall() == [(2101,)]


def test_what_is_noticed_about_records_takes_no_statement_for_each(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def landed(records: int, day: date) -> int:
        good = users(tmp_path / "good.json", records, day, nobody_told=1, nor_that="x")
        spoilt = users(tmp_path / "spoilt.json", records, day, loc_added_sum=-1)
        good.write_text(good.read_text() + spoilt.read_text())
        odd = fetched(good, day)
        assert (odd.records, len(odd.broken), len(odd.unknown_fields)) == (records, records, 2)
        return statements(connection, lambda: land(connection, [odd], "run"))

    assert landed(2, DAY) == landed(90, DAY + timedelta(days=1))
    assert connection.execute("select count(*) from raw.quarantine").fetchall() == [(92,)]


def test_flattening_takes_a_statement_or_two_a_table_however_many_records(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def flattened(people: int, first: date, days: int) -> int:
        asked = [first + timedelta(days=n) for n in range(days)]
        land(connection, [fetched(users(tmp_path / f"{day}.json", people, day), day) for day in asked], "run")
        done: list[int] = []
        count = statements(connection, lambda: done.append(flatten(connection, tmp_path)))
        assert done == [days]
        return count

    flattened(1, DAY, 1)  # makes the tables
    few = flattened(2, DAY + timedelta(days=1), 1)
    assert flattened(300, DAY + timedelta(days=2), 7) == few
    assert few <= 6 * len(tables_of(UserDay)) + 20
    assert statements(connection, lambda: flatten(connection, tmp_path)) < few, "nothing to do"


def test_a_day_of_many_pieces_takes_one_connection_that_parses_each_once_and_one_that_writes(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = users(tmp_path / "a.json", 300)
    land(connection, [fetched(path)], "run")
    monkeypatch.setattr(refresh, "CHUNK_BYTES", path.stat().st_size // 12 + 1)
    connection.execute("call truncate_duckdb_logs()")
    flatten(connection, tmp_path)
    for word, statements_with_it in (("from_json", 12), ("insert into flat.user", 2 * 12)):
        ((connections, count),) = connection.execute(
            "select count(distinct connection_id), count(*) from duckdb_logs "
            "where type = 'QueryLog' and message like '%' || $word || '%'",
            {"word": word},
        ).fetchall()
        assert connections == 1
        assert count == statements_with_it, word


@pytest.mark.skipif(not IO.exists(), reason="only Linux counts the bytes that a process reads")
def test_a_file_is_read_twice_until_it_is_landed(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Once to validate it, once by DuckDB; the client has had its digest while it came."""

    def read() -> int:
        return int(IO.read_text().split()[1])

    path = users(tmp_path / "a.json", 20_000)
    size, began = path.stat().st_size, read()
    fetch = fetched(path)
    validated = read()
    land(connection, [fetch], "run")
    landed = read()
    assert 1 <= (validated - began) / size < 1.1
    assert 1 <= (landed - validated) / size < 1.2
