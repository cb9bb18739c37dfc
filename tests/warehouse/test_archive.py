"""Archives of the closed metrics API: every layout a file may have, every reason to refuse one, and how days merge."""

from __future__ import annotations

import codecs
import gzip
import json
import zipfile
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.github.scopes import Scope
from copilot_assets.warehouse.archive import Imported, import_archive
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.kept_days import Archive, read_archive
from copilot_assets.warehouse.kept_files import ArchiveError
from copilot_assets.warehouse.kept_records import LEGACY
from copilot_assets.warehouse.raw import ExpectedReport, expect
from copilot_assets.warehouse.store import Warehouse

TODAY = date(2026, 11, 22)
ORG = Scope.parse("org:octo-org")
FIRST, SECOND, THIRD = date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3)


def day(when: date, active: int = 12, engaged: int = 9) -> dict[str, Any]:
    """A day with one editor, and an unknown field that must survive."""
    return {
        "date": when.isoformat(),
        "total_active_users": active,
        "total_engaged_users": engaged,
        "copilot_ide_code_completions": {
            "total_engaged_users": engaged,
            "editors": [{"name": "vscode", "models": [{"name": "default", "is_custom_model": False}]}],
        },
        "copilot_dotcom_pull_requests": {"total_engaged_users": 0},
        "field_of_tomorrow": "café",
    }


def save(folder: Path, content: bytes | str, name: str = "copilotMetricsData.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@dataclass(frozen=True)
class Told:
    """The days of an archive, with the texts of their records, whose file they came from, and the conflicts."""

    texts: dict[date, bytes]
    sources: dict[date, str]
    conflicts: set[date]


def told(archive: Archive) -> Told:
    days = {day: archived for (_, _, day), archived in archive.days.items()}
    return Told(
        {day: archived.path.read_bytes() for day, archived in days.items()},
        {day: archived.source for day, archived in days.items()},
        {day for day, archived in days.items() if archived.is_conflict},
    )


def read_files(*paths: Path) -> Told:
    with read_archive(paths, TODAY, ORG) as archive:
        return told(archive)


def read(folder: Path, content: bytes | str) -> Told:
    return read_files(save(folder, content))


def refusal(folder: Path, content: bytes | str) -> str:
    """The sentence with which a file is refused, without the folder's name."""
    with pytest.raises(ArchiveError) as refused:
        read(folder, content)
    return str(refused.value).replace(f"{folder}/", "")


# --- Layouts ---------------------------------------------------------------------------------------------------------

TEXTS = [json.dumps(day(when), ensure_ascii=False) for when in (FIRST, SECOND)]
PRETTY = json.dumps([day(FIRST), day(SECOND)], ensure_ascii=False, indent=2)

LAYOUTS = {
    "the guide's file": PRETTY,
    "array on one line": f"[{TEXTS[0]}, {TEXTS[1]}]\n",
    "newline-delimited": f"{TEXTS[0]}\n{TEXTS[1]}\n",
    "no last line break": f"{TEXTS[0]}\n{TEXTS[1]}",
    "blank lines": f"\n{TEXTS[0]}\n\n \n{TEXTS[1]}\n\n",
    "CRLF": PRETTY.replace("\n", "\r\n"),
    "newline-delimited with CRLF": f"{TEXTS[0]}\r\n{TEXTS[1]}\r\n",
    "pretty objects after one another": "\n".join(json.dumps(day(when), indent=2) for when in (FIRST, SECOND)),
    "an array a day": f"[{TEXTS[0]}]\n[{TEXTS[1]}]\n",
    "byte order mark": codecs.BOM_UTF8 + PRETTY.encode(),
    "gzip": gzip.compress(PRETTY.encode()),
    "gzip with byte order mark": gzip.compress(codecs.BOM_UTF8 + f"{TEXTS[0]}\r\n{TEXTS[1]}".encode()),
    "gzip in two members": gzip.compress(TEXTS[0].encode()) + gzip.compress(TEXTS[1].encode()),
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_holds_the_same_days(tmp_path: Path, content: bytes | str) -> None:
    archive = read(tmp_path, content)
    assert list(archive.texts) == [FIRST, SECOND]
    assert [json.loads(text) for text in archive.texts.values()] == [day(FIRST), day(SECOND)]
    assert archive.conflicts == set()


@pytest.mark.parametrize("indent", [None, 2])
def test_one_single_day(tmp_path: Path, indent: int | None) -> None:
    text = json.dumps(day(FIRST, active=7, engaged=3), indent=indent)
    archive = read(tmp_path, text)
    assert archive == Told({FIRST: text.encode()}, {FIRST: "copilotMetricsData.json"}, set())


def test_a_records_text_is_kept_byte_for_byte(tmp_path: Path) -> None:
    odd = '{"date" :\t"2024-07-01",\r\n  "total_active_users": 12 , "x": [1.50, 1e3, "\\u00e9", "é", null]}'
    assert read(tmp_path, f"[ {odd} ,\n{TEXTS[1]}]").texts[FIRST] == odd.encode()
    assert read(tmp_path, f"{odd}\n{TEXTS[1]}").texts[FIRST] == odd.encode()


def test_numbers_that_are_absent_or_null_are_unknown(warehouse: Warehouse) -> None:
    land(warehouse, {"date": "2024-07-01", "total_active_users": None, "copilot_ide_chat": None})
    assert rows(warehouse, "select headline from raw.fetches") == [
        ('{"total_active_users":null,"total_engaged_users":null}',)
    ]


# --- Refusals --------------------------------------------------------------------------------------------------------

OLDEST = {"day": "2023-10-15", "total_suggestions_count": 5, "total_active_users": 3, "breakdown": None}
GOOD = TEXTS[0]

REFUSALS = {
    "empty file": ("", "copilotMetricsData.json holds no days."),
    "empty array": ("[]\n", "copilotMetricsData.json holds no days."),
    "text": ("hello", "what begins in line 1 is not JSON (Expecting value: line 1 column 1 (char 0))"),
    "cut array": (PRETTY[:-100], "what begins in line 1 is not JSON ("),
    "cut last line": (f"{GOOD}\n\n{GOOD[:-9]}", "what begins in line 3 is not JSON ("),
    "too deep": ("[" * 100_000, "what begins in line 1 is not JSON (it is nested too deeply)"),
    "NaN": ('[{"date": "2024-07-01", "x": NaN}]', "the array in line 1 is not JSON ("),
    "NaN in a line": (f'{GOOD}\n{{"date": "2024-07-02", "x": NaN}}', "line 2, is not JSON ("),
    "number": ("5", "line 1, is no record: Expected `object`, got `int`."),
    "no object": (
        f"[{GOOD}, 7]",
        "element 2 of the array in line 1, is no record: Expected `object`, got `int`.",
    ),
    "no date": (
        f'{GOOD}\n{{"total_active_users": 3}}',
        "line 2, is of no kind that is known: an object with total_active_users. What is taken: records of the reports",
    ),
    "bad number": (
        f'\n[{GOOD},\n{{"date": "2024-07-02", "copilot_ide_chat": {{"editors": [{{"name": 7}}]}}}}]',
        "element 2 of the array in line 2, is not a day of the Copilot metrics API: Expected `str`, got `int`",
    ),
    "text for a number": ('{"date": "2024-07-01", "total_active_users": "many"}', "- at `$.total_active_users`."),
    "negative": ('{"date": "2024-07-02", "total_active_users": -1}', "`int` >= 0 - at `$.total_active_users`."),
    "no day": ('{"date": "2024-07-32"}', "- at `$.date`."),
    "error answer": (
        '{"message": "Not Found", "status": "404"}',
        "is of no kind that is known: an object with message, status. What is taken",
    ),
    "oldest API": (json.dumps([OLDEST]), "element 1 of the array in line 1, comes from GitHub's Copilot usage API"),
    "oldest API in a line": (f"{GOOD}\n{json.dumps(OLDEST)}", "line 2, comes from GitHub's Copilot usage API"),
    "28 days without days": ('{"report_start_day": "2026-09-01", "day_totals": []}', "holds no days."),
    "28 days of nothing": ('{"report_start_day": "2026-09-01", "day_totals": 7}', "holds no list of days"),
    "a day with nothing known": (
        '{"day": "2026-09-01", "unheard_of": 4}',
        "is of no kind that is known: an object with day",
    ),
    "no day at all": ('{"day": "many", "user_id": 1}', "does not say which day it is about"),
    "links": ('{"download_links": ["https://example.com/?sig=secret"]}', "is GitHub's list of links to report files"),
    "another CSV": ("date,team,prompts\n2026-11-09,core,1\n", "without the columns quantity, model, sku"),
    "half a zip": (b"PK\x03\x04" + b"x" * 99, "is half a zip: its end is missing."),
    "today": (json.dumps(day(TODAY)), f"line 1, is about {TODAY}, a day that has not closed in UTC yet."),
    "future": (json.dumps(day(date(2999, 1, 1))), "is about 2999-01-01, a day that has not closed"),
    "UTF-16": (PRETTY.encode("utf-16"), "copilotMetricsData.json is not text in UTF-8."),
    "Latin-1": (GOOD.encode("latin-1"), "copilotMetricsData.json is not text in UTF-8."),
    "cut gzip": (gzip.compress(PRETTY.encode())[:-12], "is compressed and damaged or cut."),
    "damaged gzip": (b"\x1f\x8b" + b"x" * 50, "is compressed and damaged or cut."),
    "damaged deflate": (gzip.compress(b"")[:10] + b"\xff" * 50, "is compressed and damaged or cut."),
}


@pytest.mark.parametrize(("content", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_anything_else_is_refused_with_file_place_and_reason(tmp_path: Path, content: bytes | str, words: str) -> None:
    sentence = refusal(tmp_path, content)
    assert sentence.startswith("copilotMetricsData.json")
    assert words in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("value", ["many", "octocat", "sig=secret", "café"])
def test_a_refusal_tells_no_values(tmp_path: Path, value: str) -> None:
    assert all(value not in refusal(tmp_path, content) for content, _ in REFUSALS.values())


def test_yesterday_is_taken(tmp_path: Path) -> None:
    assert list(read(tmp_path, json.dumps(day(date(2026, 11, 21)))).texts) == [date(2026, 11, 21)]


def test_a_bad_second_file_is_named(tmp_path: Path) -> None:
    paths = [save(tmp_path, PRETTY), save(tmp_path, "[]", "empty.json")]
    with pytest.raises(ArchiveError, match=r"empty\.json holds no days"):
        read_files(*paths)


# --- The same day more than once -------------------------------------------------------------------------------------


def test_the_same_day_twice_with_the_same_content_is_one_and_no_conflict(tmp_path: Path) -> None:
    other_order = json.dumps(dict(reversed(day(FIRST).items())))
    archive = read_files(save(tmp_path, PRETTY), save(tmp_path, other_order, "b.json"))
    assert (list(archive.texts), archive.conflicts) == ([FIRST, SECOND], set())
    assert archive.sources[FIRST] == "copilotMetricsData.json"


def test_of_two_files_the_later_on_the_command_line_counts(tmp_path: Path) -> None:
    one, two = save(tmp_path, json.dumps(day(FIRST, active=1))), save(tmp_path, json.dumps(day(FIRST, active=2)), "2")
    for paths, active in (([one, two], 2), ([two, one], 1)):
        archive = read_files(*paths)
        assert archive.conflicts == {FIRST}
        assert json.loads(archive.texts[FIRST])["total_active_users"] == active
        assert archive.sources[FIRST] == paths[-1].name


def test_within_a_file_the_later_record_counts(tmp_path: Path) -> None:
    archive = read(tmp_path, json.dumps([day(FIRST, active=n) for n in (1, 2, 2)] + [day(SECOND)]))
    assert archive.conflicts == {FIRST}
    assert json.loads(archive.texts[FIRST])["total_active_users"] == 2


# --- Landing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return DuckDBFile(tmp_path / "copilot.duckdb")


def rows(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return connection.execute(query).fetchall()


def everything(warehouse: Warehouse) -> list[list[tuple[Any, ...]]]:
    return [rows(warehouse, f"from raw.{table} order by all") for table in ("records", "fetches", "expected_reports")]


def land(
    warehouse: Warehouse, *days: dict[str, Any], overwrite: bool = False, today: date = TODAY, scope: Scope = ORG
) -> Imported:
    path = save(warehouse.path.parent, json.dumps(days, indent=2))
    (imported,) = bring_in(warehouse, path, overwrite=overwrite, today=today, scope=scope)
    return imported


def bring_in(
    warehouse: Warehouse, *paths: Path, overwrite: bool = False, today: date = TODAY, scope: Scope | None = ORG
) -> list[Imported]:
    with read_archive(paths, today, scope) as archive:
        return import_archive(
            warehouse, archive, overwrite=overwrite, run_id="run-1", today=today, keep_out=lambda _, fetches: fetches
        )


def test_a_first_import_lands_text_and_ledger(warehouse: Warehouse) -> None:
    text = json.dumps(day(FIRST), indent=4).replace("\n", "\r\n").encode()
    save(warehouse.path.parent, b"[" + text + b"]")
    (told,) = bring_in(warehouse, warehouse.path.parent / "copilotMetricsData.json")
    assert told == Imported(
        ORG,
        LEGACY,
        1,
        FIRST,
        FIRST,
        new=[FIRST],
        overwritten=(),
        same=[],
        kept=[],
        textless=[],
        missing=[],
        conflicts=[],
        failed=[],
    )
    assert rows(
        warehouse,
        "select scope, report, day, outcome, http_status, records, bytes, sha256, evidence, run_id, headline "
        "from raw.fetches",
    ) == [
        (
            "org:octo-org",
            "legacy-metrics",
            FIRST,
            "reported",
            None,
            1,
            len(text),
            sha256(text).hexdigest(),
            "Imported from the archive copilotMetricsData.json.",
            "run-1",
            '{"total_active_users":12,"total_engaged_users":9}',
        )
    ]
    query = "select scope, report, day, seq, payload::varchar, fetch_id from raw.records"
    ((fetch_id,),) = rows(warehouse, "select fetch_id from raw.fetches")
    assert rows(warehouse, query) == [("org:octo-org", "legacy-metrics", FIRST, 1, text.decode(), fetch_id)]
    assert rows(warehouse, "select day from raw.legacy_metrics") == [(FIRST,)]


@pytest.mark.parametrize("scope", ["enterprise:octo-corp", "team:octo-org/core", "enterprise-team:octo-corp/ent:core"])
def test_every_kind_of_scope(warehouse: Warehouse, scope: str) -> None:
    land(warehouse, day(FIRST), scope=Scope.parse(scope))
    assert rows(warehouse, "select scope from raw.records") == [(scope,)]


def test_scopes_do_not_mix(warehouse: Warehouse) -> None:
    land(warehouse, day(FIRST))
    assert land(warehouse, day(FIRST, active=3), scope=Scope.parse("team:octo-org/core")).new == [FIRST]


@pytest.mark.parametrize("name", ["days.json.gz", "days.zip", "days.json.gz in a zip", "an array.json.gz"])
def test_what_unpacks_without_an_end_is_not_read_on(tmp_path: Path, name: str) -> None:
    """Thirty megabytes of blanks have thirty kilobytes packed."""
    content, path = (b"[" if "array" in name else b"") + b" " * (30 * 2**20), tmp_path / name
    if "zip" in name:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("days.json", gzip.compress(content) if "gz" in name else content)
    else:
        path.write_bytes(gzip.compress(content))
    with pytest.raises(ArchiveError) as refused, read_archive([path], TODAY, ORG, largest_bytes=2**20):
        pass
    inside = ", days.json" if "zip" in name else ""
    assert str(refused.value) == (
        f"{path}{inside} is larger than 1 MB unpacked, and was not read on. If a day of yours is really so large, "
        "raise COPILOT_MAX_FILE_MB."
    )
    with read_archive([save(tmp_path, PRETTY)], TODAY, ORG, largest_bytes=1) as archive:
        assert len(archive.days) == 2, "what is not packed is as large as it looks"


def test_a_key_that_is_no_key_and_a_zip_that_is_half_damaged(tmp_path: Path) -> None:
    """What no record of the contract has, and what Python's own reader of zips refuses in other words."""
    record = {"day": "2026-09-01", "user_id": [7], "organization_id": "1"}
    with read_archive([save(tmp_path, f"{json.dumps(record)}\n" * 2, "users.json")], TODAY, ORG) as archive:
        assert len(archive.days) == 1
    zipped = tmp_path / "damaged.zip"
    with zipfile.ZipFile(zipped, "w") as made:
        made.writestr("days.json", TEXTS[0])
    packed = zipped.read_bytes()
    zipped.write_bytes(packed.replace(b"PK\x01\x02", b"PK\x01\x03"))
    with (
        pytest.raises(ArchiveError, match=r"damaged\.zip is compressed and damaged or cut\."),
        read_archive([zipped], TODAY),
    ):
        pass


def test_a_second_import_of_the_same_changes_nothing(warehouse: Warehouse) -> None:
    land(warehouse, day(FIRST), day(SECOND))
    before = everything(warehouse)
    for overwrite in (False, True):
        told = land(warehouse, day(SECOND), day(FIRST), overwrite=overwrite)
        assert (told.same, told.new, list(told.kept), list(told.overwritten)) == ([FIRST, SECOND], [], [], [])
    assert everything(warehouse) == before


def test_a_day_with_other_content_stays_unless_overwritten(warehouse: Warehouse) -> None:
    land(warehouse, day(FIRST, active=1))
    told = land(warehouse, day(FIRST, active=2), day(SECOND))
    assert (told.new, told.overwritten, told.same, told.kept, told.missing) == ([SECOND], (), [], [FIRST], [])
    query = "select (payload ->> 'total_active_users')::integer from raw.records where day = '2024-07-01'"
    assert rows(warehouse, query) == [(1,)]
    told = land(warehouse, day(FIRST, active=2), day(SECOND), overwrite=True)
    assert (told.new, told.overwritten, told.same, told.kept, told.missing) == ([], [FIRST], [SECOND], (), [])
    assert rows(warehouse, query) == [(2,)]
    # The ledger keeps both, the overwritten day as a revision.
    assert rows(warehouse, "select count(*), count(distinct sha256) from raw.fetches where day = '2024-07-01'") == [
        (2, 2)
    ]


def test_a_day_whose_text_was_dropped_stays_unless_overwritten(warehouse: Warehouse) -> None:
    """Nobody can tell whether the archive says the same of it."""
    land(warehouse, day(FIRST, active=1), day(SECOND))
    rows(warehouse, f"delete from raw.records where day = '{FIRST}'")
    rows(warehouse, f"insert into raw.dropped_text values ('{ORG}', '{LEGACY.name}', '{FIRST}', 'v', null, now())")
    told = land(warehouse, day(FIRST, active=2), day(SECOND), day(THIRD))
    assert (told.new, told.same, told.kept, told.textless, told.missing) == ([THIRD], [SECOND], [], [FIRST], [])
    assert rows(warehouse, "select distinct day from raw.records order by day") == [(SECOND,), (THIRD,)]
    told = land(warehouse, day(FIRST, active=2), overwrite=True)
    assert (told.new, told.overwritten, told.textless) == ([], [FIRST], ())
    query = "select (payload ->> 'total_active_users')::integer from raw.records where day = '2024-07-01'"
    assert rows(warehouse, query) == [(2,)]
    assert rows(warehouse, "from raw.dropped_text") == []


def test_missing_are_days_between_first_and_last_that_nobody_has(warehouse: Warehouse) -> None:
    land(warehouse, day(THIRD))
    told = land(warehouse, day(date(2024, 7, 5)), day(FIRST))
    assert told.missing == [SECOND, date(2024, 7, 4)]


def expected(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return rows(
        warehouse, "select scope, start_day, retired_on, lag_days, history_days, as_of from raw.expected_reports"
    )


RULES = (date(2026, 4, 2), 1, 100)


def test_a_scope_that_nobody_knew_is_expected_from_its_first_day(warehouse: Warehouse) -> None:
    land(warehouse, day(SECOND))
    assert expected(warehouse) == [("org:octo-org", SECOND, *RULES, TODAY)]
    land(warehouse, day(FIRST), day(THIRD))
    assert expected(warehouse) == [("org:octo-org", FIRST, *RULES, TODAY)]


def test_a_scope_that_is_asked_live_keeps_its_row_and_is_expected_for_longer(warehouse: Warehouse) -> None:
    live = ExpectedReport.of(ORG, LEGACY, start_day=date(2024, 7, 2), as_of=date(2024, 7, 3))
    with warehouse.connect() as connection:
        expect(connection, [live])
    land(warehouse, day(FIRST), day(date(2024, 7, 9)))
    assert expected(warehouse) == [("org:octo-org", FIRST, *RULES, date(2024, 7, 10))]


def test_an_import_that_fails_in_its_midst_leaves_nothing(warehouse: Warehouse) -> None:
    warehouse.path.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(warehouse.path)) as connection:  # a table that refuses the second of three days
        connection.execute(
            "create schema raw; create table raw.records (scope varchar, report varchar, day date "
            "check (day <> '2024-07-02'), seq bigint, payload json, fetch_id varchar)"
        )
    with pytest.raises(ArchiveError, match=r"DuckDB could not store the records \(ConstraintException\)\."):
        land(warehouse, day(FIRST), day(SECOND), day(THIRD))
    assert everything(warehouse) == [[], [], []]


# --- Words -----------------------------------------------------------------------------------------------------------
