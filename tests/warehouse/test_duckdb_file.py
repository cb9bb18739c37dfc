"""How the file is opened, kept and read: whatever its name, whoever made it, by several connections at once."""

import errno
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from copilot_assets.warehouse import duckdb_file
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.store import WarehouseError
from copilot_assets.warehouse.tables import another, bound_memory

ROWS = "select count(*) from raw.forgotten"


def remember(connection: duckdb.DuckDBPyConnection, people: int) -> None:
    connection.execute(f"insert into raw.forgotten select range, now()::timestamp from range({people})")


@pytest.mark.parametrize("name", ["copilot.duckdb", "memory.duckdb", "it's 100 %.duckdb", "warehouse", "temp.db"])
def test_what_is_written_is_in_the_file_whatever_its_name(tmp_path: Path, name: str) -> None:
    with DuckDBFile(tmp_path / name).connect() as connection:
        remember(connection, 40_000)
    with duckdb.connect(str(tmp_path / name), read_only=True) as plain:
        assert plain.execute(ROWS).fetchall() == [(40_000,)]
        groups = plain.execute("select count(distinct row_group_id) from pragma_storage_info('raw.forgotten')")
        assert groups.fetchall() == [(3,)], "of 16,384 rows"
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_what_is_held_in_memory_is_bounded_and_the_rest_goes_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPILOT_MEMORY_MB", "256")
    warehouse = DuckDBFile(tmp_path / "x.duckdb")
    limit = "select current_setting('memory_limit')"
    # Ten million rows of 24 bytes, in order: as much as is allowed, so some of it has to go to the disk.
    heavy = "select max(n) from (select range::hugeint as n, hash(range) as h from range(10_000_000) order by h)"
    with warehouse.connect() as connection:
        assert connection.execute(limit).fetchall() == [("244.1 MiB",)]
        bound_memory(connection)
        assert connection.execute(limit).fetchall() == [("244.1 MiB",)], "and never more than that"
        assert connection.execute(heavy).fetchall() == [(9_999_999,)]
    with warehouse.read() as connection:
        assert connection.execute(limit).fetchall() == [("244.1 MiB",)]
    assert [path.name for path in tmp_path.iterdir()] == ["x.duckdb"], "and nothing of it stays there"


def test_a_file_that_duckdb_itself_made_stays_as_it_is(tmp_path: Path) -> None:
    """DuckDB 2.0 gives it a newer storage version unless told otherwise, and refuses to be told so later."""
    version = "select tags['storage_version'] from duckdb_databases() where not internal"
    with duckdb.connect(str(tmp_path / "a.duckdb")) as plain:
        plain.execute("create table own as select 1 as one")
        before = plain.execute(version).fetchall()
    with DuckDBFile(tmp_path / "a.duckdb").connect() as connection:
        assert connection.execute("from own").fetchall() == [(1,)]
        remember(connection, 1)
    with duckdb.connect(str(tmp_path / "a.duckdb")) as plain:
        assert plain.execute(version).fetchall() == before
        assert plain.execute(ROWS).fetchall() == [(1,)]


def test_connections_of_one_process_share_the_file(tmp_path: Path) -> None:
    first, second = DuckDBFile(tmp_path / "a.duckdb"), DuckDBFile(tmp_path / "a.duckdb")
    with first.connect() as one:
        with second.connect() as two, another(two) as three:
            one.begin()
            remember(one, 2)
            assert [each.execute(ROWS).fetchall() for each in (two, three)] == [[(0,)]] * 2
            one.commit()
            assert [each.execute(ROWS).fetchall() for each in (two, three)] == [[(2,)]] * 2
        remember(one, 1)
    with second.connect() as two:
        assert two.execute(ROWS).fetchall() == [(3,)]


def test_a_connection_of_somebody_elses_in_the_same_process_is_named(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb")) as plain:
        plain.execute("create table own as select 1 as one")
        with pytest.raises(WarehouseError, match=r"a\.duckdb is open in this process already"):
            DuckDBFile(tmp_path / "a.duckdb").connect().__enter__()
        assert plain.execute("from own").fetchall() == [(1,)]
    with DuckDBFile(tmp_path / "a.duckdb").connect() as connection:
        assert connection.execute("from own").fetchall() == [(1,)]


def test_what_killed_processes_left_is_cleared_away(tmp_path: Path) -> None:
    warehouse = DuckDBFile(tmp_path / "a.duckdb")
    with warehouse.connect() as connection:
        remember(connection, 1)
    (tmp_path / "a.duckdb.anew").write_bytes(b"half")
    (tmp_path / "a.duckdb.anew.wal").write_bytes(b"half")
    (tmp_path / "a.duckdb.first").write_bytes(b"half")
    (tmp_path / "a.duckdb.tmp").mkdir()
    (tmp_path / "a.duckdb.tmp" / "duckdb_temp_storage-0.tmp").write_bytes(b"spilt")
    (tmp_path / "a.csv").write_bytes(b"somebody's")
    warehouse.maintain()
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.duckdb"}
    with warehouse.connect() as connection:
        assert connection.execute(ROWS).fetchall() == [(1,)]


def test_reading_writes_nothing_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"There is no warehouse at .*a\.duckdb yet"):
        DuckDBFile(tmp_path / "a.duckdb").read().__enter__()
    with DuckDBFile(tmp_path / "a.duckdb").connect() as connection:
        remember(connection, 2)
    before = (tmp_path / "a.duckdb").read_bytes()
    with DuckDBFile(tmp_path / "a.duckdb").read() as connection:
        assert connection.execute(ROWS).fetchall() == [(2,)]
        connection.execute("create table memory.own as select 1 as one")
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            remember(connection, 1)
    assert (tmp_path / "a.duckdb").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.duckdb"]


def test_the_command_that_asks_it_by_hand_can_be_pasted(tmp_path: Path) -> None:
    assert DuckDBFile(Path("data/copilot.duckdb")).by_hand("from x") == 'duckdb -readonly data/copilot.duckdb "from x"'
    assert DuckDBFile(Path("it's mine.duckdb")).by_hand("from x").startswith("duckdb -readonly 'it'\"'\"'s mine")


def test_a_process_that_is_killed_while_it_makes_the_file_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB's first writes make a file of 4,096 bytes, which no DuckDB opens."""

    def killed(new: Path, path: Path) -> None:
        assert new.stat().st_size > 4096, "it is whole by then"
        assert not new.with_name(f"{new.name}.wal").exists()
        new.write_bytes(b"half")
        raise KeyboardInterrupt

    warehouse = DuckDBFile(tmp_path / "a.duckdb")
    with monkeypatch.context() as patch:
        patch.setattr(duckdb_file, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt), warehouse.connect():
            pass
    assert not warehouse.exists()
    with warehouse.connect() as connection:
        assert connection.execute(ROWS).fetchall() == [(0,)]
    warehouse.maintain()
    assert [path.name for path in tmp_path.iterdir()] == ["a.duckdb"]


HOLD = """
import sys, time, duckdb
with duckdb.connect(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.readline()
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held(path: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open: a notebook, for so long after it is told to close it."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.communicate()


def test_a_file_that_another_process_has_open_is_waited_for_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(duckdb_file, "WRITER_PATIENCE_SECONDS", 30.0)
    monkeypatch.setattr(duckdb_file, "READER_PATIENCE_SECONDS", 20.0)
    path = tmp_path / "a.duckdb"
    warehouse = DuckDBFile(path)
    with warehouse.connect() as connection:
        remember(connection, 2)
    for opened, seconds in ((warehouse.connect, 30), (warehouse.read, 20)):
        with held(path, 2) as other:
            assert other.stdin is not None
            other.stdin.write("\n")
            other.stdin.flush()
            began = time.monotonic()
            with opened() as connection:
                assert time.monotonic() - began > 1
                assert connection.execute(ROWS).fetchall() == [(2,)]
        (told,) = caplog.messages
        assert told.startswith(f"{path} is open in python")
        assert told.endswith(f", process {other.pid}. Waiting for it, {seconds} seconds at most.")
        caplog.clear()


def test_the_waiting_has_an_end_and_is_silent_where_it_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(duckdb_file, "WRITER_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(duckdb_file, "READER_PATIENCE_SECONDS", 0.5)
    path = tmp_path / "a.duckdb"
    warehouse = DuckDBFile(path)
    with warehouse.connect():
        pass
    with held(path, 0) as other:
        for opened in (warehouse.connect, warehouse.read):
            began = time.monotonic()
            with pytest.raises(WarehouseError, match=f"process {other.pid}, and DuckDB lets one"), opened():
                pass
            assert 0.5 <= time.monotonic() - began < 5
    assert caplog.messages == []


FILL = """
import resource, signal, sys
from pathlib import Path
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.store import WarehouseError
store = DuckDBFile(Path(sys.argv[1]))
try:
    with store.connect() as connection:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
        connection.execute("create table big as select md5(range::varchar) as text from range(200000)")
except WarehouseError as problem:
    print(problem)
"""


def test_a_disk_that_takes_no_more_is_said_of_the_file_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with DuckDBFile(path).connect() as connection:
        remember(connection, 3)
    done = subprocess.run([sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"DuckDB could not go on reading or writing {path} (")
    with duckdb.connect(str(path), read_only=True) as plain:
        assert plain.execute(ROWS).fetchall() == [(3,)]


def test_blocks_that_are_damaged_are_the_files_fault_and_nothing_elses(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with DuckDBFile(path).connect() as connection:
        connection.execute("create table big as select md5(range::varchar) as text from range(100000)")
    content = bytearray(path.read_bytes())
    for place in range(600_000, len(content) - 300_000, 50_000):
        content[place] ^= 0xFF
    path.write_bytes(content)
    for opened in (DuckDBFile(path).connect, DuckDBFile(path).read):
        with (
            pytest.raises(WarehouseError, match="is damaged: blocks of it are not as DuckDB wrote them"),
            opened() as found,
        ):
            found.execute("select max(text) from big").fetchall()


def test_a_full_disk_is_told_from_other_trouble(tmp_path: Path) -> None:
    with (
        pytest.raises(WarehouseError, match=r"The disk of .* is full, so the last step wrote nothing"),
        DuckDBFile(tmp_path / "a.duckdb").connect(),
    ):
        raise duckdb.IOException("IO Error: Could not write file: No space left on device")


def test_files_that_are_about_to_land_are_the_owners_alone_and_go(tmp_path: Path) -> None:
    store = DuckDBFile(tmp_path / "data" / "a.duckdb")
    with store.incoming() as folder:
        (folder / "1.json").write_text("{}")
        assert folder.parent == tmp_path / "data" / "a.incoming"
        assert [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent, folder)] == [0o700, 0o700]
        with store.incoming() as another_folder:
            assert another_folder != folder
        assert (folder / "1.json").exists()
    assert not (tmp_path / "data" / "a.incoming").exists()


@pytest.mark.parametrize("way", ["maintain", "forget"])
def test_what_a_killed_process_left_to_land_is_cleared_away(tmp_path: Path, way: str) -> None:
    store = DuckDBFile(tmp_path / "a.duckdb")
    with store.connect():
        pass
    left = tmp_path / "a.incoming" / "killed"
    left.mkdir(parents=True)
    (left / "1.json").write_text('{"user_login": "octocat"}')
    if way == "maintain":
        store.maintain()
    else:
        store.forget(lambda connection: {}, ("select 1", {}))
    assert {path.name for path in tmp_path.iterdir()} == {"a.duckdb"}


def test_files_that_cannot_be_written_are_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(WarehouseError, match=r"a\.incoming \(No space left on device\)\. What landed before stays"),
        DuckDBFile(tmp_path / "a.duckdb").incoming(),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
