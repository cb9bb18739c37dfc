"""The export: what is in the files, that they change all at once, and what may and may not be in their place."""

import csv
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from copilot_assets.orchestration.assets.export import build_export_asset
from copilot_assets.orchestration.assets.sql import build_sql_assets
from copilot_assets.orchestration.installation import Installation
from copilot_assets.report.export import FLAT, SCHEMAS, Exported, export
from copilot_assets.report.folders import NotWrittenError
from copilot_assets.settings import ExportFormat, SettingsError, export_format
from copilot_assets.shell.cli import main
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from tests.conftest import TODAY, Company

ROOT = Path(__file__).parents[2]

# Tables of the project's names with columns of their own: an export takes them as it finds them.
TABLES = """
create schema weekly; create schema quality; create schema flat; create schema people;
create table weekly.user_trend as
    select * from (values
        ('org:b', date '2026-09-21', 0, null, null),
        ('org:a', date '2026-09-14', null, '', 0.5),
        ('org:a', date '2026-09-21', 7, 'said "no", twice', 1.0)
    ) as t(scope, week_start, active_people, series_break, rate);
create table weekly.last_28_days (scope varchar, days bigint);
create table weekly.of_a_model_that_is_gone as select 1 as n;
create table quality.day_status as
    select * from (values
        ('org:a', date '2026-09-16', 'pending', null), ('org:a', date '2026-09-12', 'expired', null),
        ('org:a', date '2026-09-14', 'reported', 5), ('org:a', date '2026-09-15', 'zero_activity', 0)
    ) as t(scope, day, status, records);
create table quality.quarantine as
    select 'org:a' as scope, '{"user_login": "mona"}'::json as payload, timestamp '2026-09-15 06:30:00' as fetched_at;
create table flat.user_daily as select 'org:a' as scope, 4711 as user_id;
create table flat.sources as select 1 as n;
create table people.profile as select 'mona' as user_login;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "copilot.duckdb"
    with DuckDBFile(path).connect() as connection:
        connection.execute(TABLES)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that is not there yet, nor is the one above it."""
    return tmp_path / "for" / "out"


def exported(path: Path, folder: Path, file_format: ExportFormat = "parquet", *more: str) -> Exported:
    return export(DuckDBFile(path).read(), folder, file_format, (*SCHEMAS, *more))


def change(path: Path, statement: str) -> None:
    with DuckDBFile(path).connect() as connection:
        connection.execute(statement)


def files(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, links not followed but the folder itself."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def index(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "tables.json").read_text(encoding="utf-8"))
    return told


def rows(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


# What is in the files.


def test_a_file_for_each_table_with_its_rows_in_order_and_its_types(path: Path, out: Path) -> None:
    told = exported(path, out)
    assert set(files(out)) == {
        "tables.json",
        "weekly/user_trend.parquet",
        "weekly/last_28_days.parquet",
        "quality/day_status.parquet",
        "quality/quarantine.parquet",
    }
    assert rows(f"from '{out}/weekly/user_trend.parquet'") == [
        ("org:a", date(2026, 9, 14), None, "", 0.5),
        ("org:a", date(2026, 9, 21), 7, 'said "no", twice', 1.0),
        ("org:b", date(2026, 9, 21), 0, None, None),
    ]
    assert rows(f"select day, status from '{out}/quality/day_status.parquet'") == [
        (date(2026, 9, 16), "pending"),
        (date(2026, 9, 12), "expired"),
        (date(2026, 9, 14), "reported"),
        (date(2026, 9, 15), "zero_activity"),
    ]
    assert rows(f"select column_name, column_type from (describe from '{out}/weekly/last_28_days.parquet')") == [
        ("scope", "VARCHAR"),
        ("days", "BIGINT"),
    ]
    assert rows(f"select distinct compression from parquet_metadata('{out}/weekly/user_trend.parquet')") == [("ZSTD",)]
    assert told.folder == out
    assert {(table.table, table.rows) for table in told.tables} == {
        ("weekly.user_trend", 3),
        ("weekly.last_28_days", 0),
        ("quality.day_status", 4),
        ("quality.quarantine", 1),
    }
    sizes = {name: len(content) for name, content in files(out).items() if name != "tables.json"}
    assert {table.file: table.bytes for table in told.tables} == sizes
    assert told.bytes == sum(sizes.values())


def test_parquet_files_carry_what_they_mean_and_times_their_zone(path: Path, out: Path) -> None:
    exported(path, out)
    read = pyarrow.parquet.read_schema(out / "quality" / "quarantine.parquet")
    assert str(read.field("fetched_at").type) == "timestamp[us, tz=UTC]"
    assert rows(f"select epoch(fetched_at)::bigint from '{out}/quality/quarantine.parquet'") == [(1_789_453_800,)]
    told = {name.decode(): text.decode() for name, text in read.metadata.items()}
    (model,) = (model for model in load_models() if model.table == "quality.quarantine")
    docs = {f"column {column.name}": column.doc for column in model.columns if column.name in ("scope", "fetched_at")}
    assert told == {"description": model.description, **docs}
    assert index(out)["tables"][-1]["columns"][-1]["type"] == "TIMESTAMP WITH TIME ZONE"


def test_csv_tells_null_from_empty_text_and_from_zero(path: Path, out: Path) -> None:
    exported(path, out, "csv")
    assert (out / "weekly" / "user_trend.csv").read_text() == (
        '"scope",week_start,active_people,"series_break",rate\n'
        '"org:a",2026-09-14,,"",0.5\n'
        '"org:a",2026-09-21,7,"said ""no"", twice",1.0\n'
        '"org:b",2026-09-21,0,,\n'
    )
    assert (out / "quality" / "quarantine.csv").read_text() == ('"scope",fetched_at\n"org:a",2026-09-15 06:30:00+00\n')
    assert (out / "weekly" / "last_28_days.csv").read_text() == '"scope",days\n'
    # A reader that is not DuckDB.
    with (out / "weekly" / "user_trend.csv").open(newline="") as file:
        assert [row["series_break"] for row in csv.DictReader(file)] == ["", 'said "no", twice', ""]


@pytest.mark.usefixtures("fixed_clock")
def test_tables_json_says_what_the_tables_are(path: Path, out: Path) -> None:
    exported(path, out, "csv")
    told = index(out)
    assert told["written_at"] == "2026-10-01T06:30:00Z"
    # Days that came, were they without activity; not those that are expected or lost.
    assert (told["first_day"], told["last_day"]) == ("2026-09-14", "2026-09-15")
    assert [table["table"] for table in told["tables"]] == [
        "weekly.last_28_days",
        "weekly.user_trend",
        "quality.day_status",
        "quality.quarantine",
    ]
    trend = told["tables"][1]
    assert (trend["file"], trend["rows"]) == ("weekly/user_trend.csv", 3)
    assert [(column["name"], column["type"]) for column in trend["columns"]] == [
        ("scope", "VARCHAR"),
        ("week_start", "DATE"),
        ("active_people", "INTEGER"),
        ("series_break", "VARCHAR"),
        ("rate", "DECIMAL(2,1)"),
    ]
    docs = {column["name"]: column["doc"] for column in trend["columns"]}
    sql = (ROOT / "dbt_like_sql" / "weekly" / "user_trend.sql").read_text()
    assert docs["series_break"]
    assert f"series_break, -- {docs['series_break']}\n" in sql
    assert docs["rate"] is None, "no column of that name is documented"


def test_people_are_left_out_but_for_flat_on_request(path: Path, out: Path) -> None:
    exported(path, out)
    assert not (out / "flat").exists()
    exported(path, out, "csv", FLAT)
    assert (out / "flat" / "user_daily.csv").read_text() == '"scope",user_id\n"org:a",4711\n'
    assert names(out) == {"weekly", "quality", "flat", "tables.json"}
    assert names(out / "flat") == {"user_daily.csv"}, "how far flattening came is nobody's number"
    assert not any(b"mona" in content for content in files(out).values())
    docs = {column["name"]: column["doc"] for column in index(out)["tables"][-1]["columns"]}
    assert docs["scope"].startswith("Whom the row is about")


def test_of_the_projects_own_tables_none_tells_of_a_person() -> None:
    kept_back = {"payload"}
    for model in load_models():
        if model.schema in SCHEMAS:
            columns = {column.name for column in model.columns} - kept_back
            assert not {"user_id", "user_login", "login", "person"} & columns, model.table


# How they come to stand in the folder.


def test_the_folder_is_a_link_and_the_export_before_stays_for_those_who_read_it(path: Path, out: Path) -> None:
    exported(path, out)
    first, content = out.resolve(), files(out)
    for bystander in (f".{out.name}.notes", f".{out.name}.x.20260901T000000000000Z", ".x.20260901T000000000000Z"):
        (out.parent / bystander).mkdir()
    bystanders = names(out.parent) - {out.name, first.name}
    change(path, "delete from weekly.user_trend")
    exported(path, out)
    second = out.resolve()
    assert files(first) == content
    assert rows(f"from '{out}/weekly/user_trend.parquet'") == []
    exported(path, out)
    assert out.is_symlink()
    assert out.readlink() == Path(out.resolve().name), "relative: the folder above may be moved"
    assert names(out.parent) == {out.name, second.name, out.resolve().name, *bystanders}


READER = """
import json, os, sys
import duckdb
link = sys.argv[1]
connection = duckdb.connect()

def generation(folder, file):
    with open(f"{folder}/{file}", "rb") as opened:
        content = opened.read()
    assert content[:4] == content[-4:] == b"PAR1", file
    ((n, least, count),) = connection.execute(f"select max(n), min(n), count(*) from '{folder}/{file}'").fetchall()
    assert n == least, file
    return n, count

while True:
    folder = os.path.realpath(link)
    with open(f"{folder}/tables.json") as opened:
        tables = {table["file"]: table["rows"] for table in json.load(opened)["tables"]}
    assert len(tables) == 3, tables
    found = {file: generation(folder, file) for file in tables}
    assert {file: count for file, (_, count) in found.items()} == tables
    ((n),) = {n for n, _ in found.values()}
    # Through the link one may come from one export and the next from another: later, never earlier.
    through = [generation(link, file)[0] for file in tables]
    assert through == sorted(through) and through[0] >= n, (n, through)
    for _ in range(300):
        with open(f"{link}/tables.json") as opened:
            assert len(json.load(opened)["tables"]) == 3
    print(n, flush=True)
"""


def test_a_reader_never_sees_a_missing_file_nor_half_a_file_nor_two_exports_mixed(tmp_path: Path) -> None:
    out, exports = tmp_path / "out", 25
    tables = ("weekly.user_trend", "weekly.last_28_days", "quality.day_status")
    warehouse = DuckDBFile(tmp_path / "copilot.duckdb")

    def export_generation(n: int) -> None:
        for table in tables:
            connection.execute(
                f"create or replace table {table} as select {n} as n, md5(range::varchar) as text, "
                f"current_date as day, 1 as records from range(2000 + {n})"
            )
        export(warehouse.connect(), out, "parquet")

    with warehouse.connect() as connection:
        connection.execute("create schema weekly; create schema quality")
        export_generation(0)
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert reader.stdout is not None
        try:
            for n in range(1, exports):
                export_generation(n)
                # An export keeps the one before it: the next may come when whoever began with that one is done.
                for line in reader.stdout:
                    if int(line) == n:
                        break
                else:
                    pytest.fail(reader.communicate()[1])
        finally:
            reader.kill()
            reader.communicate()


def test_an_export_is_of_one_moment(path: Path, out: Path) -> None:
    """Rows that another connection of the process commits meanwhile are in all files or in none."""
    warehouse = DuckDBFile(path)

    @contextmanager
    def disturbed() -> Iterator[duckdb.DuckDBPyConnection]:
        with warehouse.connect() as connection:
            yield Disturbed(connection)  # type: ignore[misc]

    class Disturbed:
        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self.connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self.connection, name)

        def execute(self, query: str, *arguments: Any) -> Any:
            if "quality.day_status" in query:
                with warehouse.connect() as other:
                    other.execute("delete from quality.day_status; delete from weekly.user_trend")
            return self.connection.execute(query, *arguments)

    assert {table.table: table.rows for table in export(disturbed(), out, "parquet").tables} == {
        "weekly.user_trend": 3,
        "weekly.last_28_days": 0,
        "quality.day_status": 4,
        "quality.quarantine": 1,
    }


def test_the_files_are_the_owners_and_by_a_setting_the_groups(
    path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the umask, and also where the open database keeps what is made meanwhile to its owner."""

    @contextmanager
    def private(warehouse: AbstractContextManager[duckdb.DuckDBPyConnection]) -> Iterator[duckdb.DuckDBPyConnection]:
        before = os.umask(0o077)
        try:
            with warehouse as connection:
                yield connection
        finally:
            os.umask(before)

    for readers, umask in product(("", "owner", "group"), (0o000, 0o022, 0o077)):
        monkeypatch.setenv("COPILOT_READERS", readers)
        folder_mode, file_mode = (0o750, 0o640) if readers == "group" else (0o700, 0o600)
        before = os.umask(umask)
        try:
            export(private(DuckDBFile(path).read()), out, "parquet")
        finally:
            os.umask(before)
        inside = [out.resolve(), *out.resolve().rglob("*")]
        assert {each.stat().st_mode & 0o777 for each in inside if each.is_dir()} == {folder_mode}
        assert {each.stat().st_mode & 0o777 for each in inside if each.is_file()} == {file_mode}
        assert out.with_name(f".{out.name}.lock").stat().st_mode & 0o777 == 0o600
        out.with_name(f".{out.name}.lock").unlink()


# What may be in the place already, and how it may be written.


@pytest.mark.parametrize("written", ["for/out", "for/out/", "./for/../for/out", "~/for/out"])
def test_a_folder_may_be_written_in_any_way(
    path: Path, tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for _ in range(2):
        told = exported(path, Path(written))
        assert told.folder == tmp_path / "for" / "out"
        assert (tmp_path / "for" / "out" / "weekly" / "user_trend.parquet").is_file()


def test_an_empty_folder_and_a_link_to_an_export_that_is_gone_are_taken(path: Path, out: Path) -> None:
    out.mkdir(parents=True)
    exported(path, out)
    assert out.is_symlink()
    for file in sorted(out.resolve().rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    out.resolve().rmdir()
    exported(path, out)
    assert (out / "tables.json").is_file()


def folder_with_a_file(out: Path) -> None:
    out.mkdir()
    (out / "mine.txt").write_text("mine")


def file(out: Path) -> None:
    out.write_text("mine")


def link_elsewhere(out: Path) -> None:
    (out.parent / "elsewhere").mkdir()
    out.symlink_to("elsewhere")


def current_folder(out: Path) -> None:
    out.mkdir()
    os.chdir(out)


@pytest.mark.parametrize(
    ("occupy", "words"),
    [
        (folder_with_a_file, "holds something that no export made"),
        (file, "is a file"),
        (link_elsewhere, "is a link that no export made"),
        (current_folder, "is the folder that this command was called in"),
    ],
)
def test_what_no_export_made_is_not_touched(
    path: Path, out: Path, occupy: Callable[[Path], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out.parent.mkdir()
    monkeypatch.chdir(out.parent)  # and back again afterwards
    occupy(out)
    before = {each: each.lstat().st_mtime_ns for each in out.parent.rglob("*")}
    with pytest.raises(SettingsError, match=re.escape(f"{out} {words}. Nothing in it was touched: name another")):
        exported(path, out)
    assert {each: each.lstat().st_mtime_ns for each in out.parent.rglob("*")} == before


@pytest.mark.parametrize("folder", ["/proc/nowhere/out", "/etc/hostname/out"])
def test_a_folder_that_cannot_be_written(path: Path, folder: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{folder} can't be written: .*\. Name a folder of yours for the export"):
        exported(path, Path(folder))


# What may happen on the way.


def test_a_table_that_cannot_be_read_leaves_the_export_before(path: Path, out: Path) -> None:
    exported(path, out)
    before, beside = files(out), names(out.parent)
    change(
        path,
        "set variable mended = true; create or replace table quality.quarantine "
        "(scope varchar, n integer as (case when getvariable('mended') then 1 else error('broken on the way') end));"
        "insert into quality.quarantine values ('org:a'); delete from weekly.user_trend",
    )
    with pytest.raises(
        NotWrittenError, match=r"^Nothing was exported to .*broken on the way.*What was exported before is there"
    ):
        exported(path, out)
    assert files(out) == before
    assert names(out.parent) == beside, "what was begun is gone"


def test_a_full_disk_leaves_the_export_before(path: Path, out: Path) -> None:
    exported(path, out)
    before, beside = files(out), names(out.parent)
    change(path, "create or replace table quality.day_status as select md5(range::varchar) as text from range(50000)")
    code = (
        "import resource, sys; from copilot_assets.shell.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); main(['export', sys.argv[1]])"
    )
    env = {**os.environ, "COPILOT_WAREHOUSE": str(path)}
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True, env=env)
    assert done.returncode == 1, done.stderr
    assert f"Nothing was exported to {out}:" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert files(out) == before
    assert names(out.parent) == beside


SLOW = """
import sys
from contextlib import contextmanager
from pathlib import Path
from copilot_assets.report.export import export
from copilot_assets.warehouse.duckdb_file import DuckDBFile

@contextmanager
def slow(warehouse):
    with warehouse as connection:
        yield connection
    print("every table is written, tables.json is not", flush=True)
    sys.stdin.read()

export(slow(DuckDBFile(Path(sys.argv[1])).read()), Path(sys.argv[2]), "parquet")
"""


def test_an_export_at_work_is_left_alone_and_one_that_was_killed_is_cleared_away(path: Path, out: Path) -> None:
    exported(path, out)
    beside, before = names(out.parent), files(out)
    other = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(path), str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline().startswith(b"every table")
        (unfinished,) = names(out.parent) - beside
        written = files(out.parent / unfinished)
        assert len(written) == 4
        with pytest.raises(NotWrittenError, match=r"Another export is writing .* Try again when it has ended"):
            exported(path, out)
        assert files(out.parent / unfinished) == written
    finally:
        other.kill()
        other.communicate()
    assert files(out) == before
    assert names(out.parent) == beside | {unfinished}
    exported(path, out)
    assert names(out.parent) == beside | {out.resolve().name}, "what was killed is gone, what was before it stays"


def test_two_exports_in_one_process_do_not_meet_either(path: Path, out: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    @contextmanager
    def waiting() -> Iterator[duckdb.DuckDBPyConnection]:
        with DuckDBFile(path).read() as connection:
            inside.set()
            go_on.wait(10)
            yield connection

    first = threading.Thread(target=export, args=(waiting(), out, "parquet"))
    first.start()
    try:
        assert inside.wait(10)
        with pytest.raises(NotWrittenError, match="Another export"):
            exported(path, out)
    finally:
        go_on.set()
        first.join()
    assert (out / "tables.json").is_file()


# The command.


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("COPILOT_", "GITHUB_"))]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["export", *arguments], env={"COPILOT_WAREHOUSE": "copilot.duckdb"})

    return run


def test_the_command_needs_no_token_and_leaves_the_database_as_it_is(path: Path, shell: Callable[..., Result]) -> None:
    before = path.read_bytes()
    result = shell("out")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "        3 rows  weekly/user_trend.parquet" in lines
    assert re.fullmatch(rf"4 tables, [\d,]+ bytes, in {path.parent}/out\.", lines[-1])
    assert path.read_bytes() == before
    assert shell("out", "--format", "csv", "--flat").exit_code == 0
    assert (path.parent / "out" / "flat" / "user_daily.csv").is_file()


def test_the_command_refuses_what_cannot_be_used_with_2(path: Path, shell: Callable[..., Result]) -> None:
    for arguments in (["/proc/nowhere/out"], [str(path)], [], ["out", "--format", "xlsx"]):
        result = shell(*arguments)
        assert result.exit_code == 2, arguments
        assert "Traceback" not in result.output
    assert names(path.parent) == {path.name}


def test_the_command_without_a_warehouse_makes_nothing(shell: Callable[..., Result], tmp_path: Path) -> None:
    result = shell("out")
    assert result.exit_code == 2
    assert result.stderr.startswith("There is no warehouse at copilot.duckdb yet. Make it with copilot-assets backfill")
    assert not names(tmp_path)


def test_the_command_before_anything_was_rebuilt_ends_with_1(shell: Callable[..., Result], tmp_path: Path) -> None:
    with DuckDBFile(tmp_path / "copilot.duckdb").connect():
        pass
    result = shell("out")
    assert result.exit_code == 1
    assert result.stderr.startswith("The warehouse has no table of weekly yet, so nothing was exported.")
    assert not (tmp_path / "out").exists()


def test_the_command_while_another_process_writes(path: Path, shell: Callable[..., Result]) -> None:
    hold = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        result = shell("out")
    finally:
        holder.communicate()
    assert result.exit_code == 2
    assert f"process {holder.pid}" in result.stderr
    assert not (path.parent / "out").exists()


# The settings and the asset.


def test_the_settings_need_no_token() -> None:
    assert Installation({}).export_folder() == Path("data/export")
    assert Installation({"COPILOT_WAREHOUSE": "/srv/x/copilot.duckdb"}).export_folder() == Path("/srv/x/export")
    assert Installation({"COPILOT_EXPORT": "~/bi"}).export_folder() == Path.home() / "bi"
    assert Installation({"COPILOT_EXPORT": "Off"}).export_folder() is None
    assert export_format({}) == "parquet"
    assert export_format({"COPILOT_EXPORT_FORMAT": "CSV"}) == "csv"
    with pytest.raises(SettingsError, match=r"^COPILOT_EXPORT_FORMAT is 'xlsx'. Write parquet or csv\."):
        export_format({"COPILOT_EXPORT_FORMAT": "xlsx"})


def test_a_run_leaves_the_tables_beside_the_database(company: Company, tmp_path: Path) -> None:
    first, last = TODAY - timedelta(days=7), TODAY - timedelta(days=6)
    company.env["COPILOT_SCOPES"] = "org:octo-org"
    assert company.load(first, last) == []
    told, tables = index(tmp_path / "export"), company.tables()
    exported_tables = {table["table"]: table["rows"] for table in told["tables"]}
    assert exported_tables == {name: len(of) for name, of in tables.items() if name.split(".")[0] in SCHEMAS}
    assert (told["first_day"], told["last_day"]) == (str(first), str(last))
    trend = "select scope, week_start, active_people from {}"
    in_file = rows(trend.format(f"'{tmp_path}/export/weekly/user_trend.parquet'"))
    assert in_file == company.sql(trend.format("weekly.user_trend"))
    assert any(people for *_, people in in_file)

    company.env |= {"COPILOT_EXPORT": str(tmp_path / "bi"), "COPILOT_EXPORT_FORMAT": "csv"}
    (event,) = company.materialize("export.files").get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["path"].value == str(tmp_path / "bi")
    assert isinstance(metadata["tables"], dg.TableMetadataValue)
    lines = {record.data["table"]: record.data["rows"] for record in metadata["tables"].records}
    assert lines == exported_tables
    sizes = [len(content) for name, content in files(tmp_path / "bi").items() if name != "tables.json"]
    assert metadata["bytes"].value == sum(sizes)
    assert (tmp_path / "bi" / "weekly" / "user_trend.csv").is_file()

    there = names(tmp_path)
    company.env |= {"COPILOT_EXPORT": "off"}
    (event,) = company.materialize("export.files").get_asset_materialization_events()
    assert event.materialization.metadata["written"].value == "Nothing: COPILOT_EXPORT is off."
    assert names(tmp_path) == there


STATUS = "select date '2026-09-01' as day, 1 as records"


def test_a_model_that_fails_leaves_the_files_of_the_run_before(tmp_path: Path) -> None:
    installation = Installation({"COPILOT_WAREHOUSE": str(tmp_path / "copilot.duckdb")})
    sql = tmp_path / "sql"

    def run(trend: str) -> dg.ExecuteInProcessResult:
        for name, query in (("quality/day_status", STATUS), ("weekly/user_trend", trend)):
            (sql / name).parent.mkdir(parents=True, exist_ok=True)
            (sql / f"{name}.sql").write_text(f"/*\ndescription: One row per nothing.\n*/\n{query}\n")
        models = load_models(sql)
        resources = {"installation": installation, "warehouse": DuckDBFile(installation.warehouse().path)}
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                [build_sql_assets(models, ()), build_export_asset(models)],
                instance=instance,
                resources=resources,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )

    assert run("select date '2026-08-31' as week_start").success
    before = files(tmp_path / "export")
    failed = run("select 'no date'::date as week_start")
    assert not failed.success
    assert "export__files" not in {event.step_key for event in failed.all_events if event.is_step_start}
    assert files(tmp_path / "export") == before
