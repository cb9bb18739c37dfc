"""Report files: three layouts are read, wrappings taken off, faults named by line and JSON path, never by value."""

import gzip
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from copilot_assets.github.files import ARRAY, LINES, OBJECTS, BrokenFileError, inspect_files
from tests.conftest import report_named

USERS = report_named("users-1-day")
ORG_DAY = report_named("organization-1-day")
DAY = date(2026, 9, 1)

# Without the hour in it: pytest names its cases by these bytes, and its workers have to agree on the names.
packed = partial(gzip.compress, mtime=0)


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "part-00000.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_lines(tmp_path: Path) -> None:
    path = write(tmp_path, '{"day":"2026-09-01","user_id":1}\n\n{"day":"2026-09-01","user_id":2}\n')
    contents = inspect_files([path], USERS, DAY)
    assert (contents.records, contents.files[0].layout) == (2, LINES)


def test_one_pretty_printed_object_and_its_headline(tmp_path: Path) -> None:
    path = write(tmp_path, '{\n  "day": "2026-09-01",\n  "daily_active_users": 7\n}\n')
    contents = inspect_files([path], ORG_DAY, DAY)
    assert (contents.records, contents.files[0].layout) == (1, OBJECTS)
    assert contents.headline == {
        "daily_active_users": 7,
        "code_generation_activity_count": None,
        "user_initiated_interaction_count": None,
    }


def test_an_array(tmp_path: Path) -> None:
    path = write(tmp_path, '[\n{"day":"2026-09-01","user_id":1},\n{"day":"2026-09-01","user_id":2}]')
    contents = inspect_files([path], USERS, DAY)
    assert (contents.records, contents.files[0].layout) == (2, ARRAY)


def test_an_array_of_one_is_the_day_itself(tmp_path: Path) -> None:
    contents = inspect_files([write(tmp_path, '[{"day":"2026-09-01","daily_active_users":7}]')], ORG_DAY, DAY)
    assert (contents.records, contents.files[0].layout) == (1, ARRAY)
    assert contents.headline["daily_active_users"] == 7


@pytest.mark.parametrize("text", ["", "\n \r\n", "[]", "[\n]\n", b"\xef\xbb\xbf", packed(b"")])
def test_an_empty_file_holds_no_records(tmp_path: Path, text: str | bytes) -> None:
    contents = inspect_files([write(tmp_path, text)], USERS, DAY)
    assert (contents.records, contents.headline) == (0, {})


RECORDS = b'{"day":"2026-09-01","user_id":1}\r\n\r\n{"day":"2026-09-01","user_id":2}\r\n'
PRETTY = b'\n{\n  "day": "2026-09-01",\n  "user_id": 1\n}\n'


@pytest.mark.parametrize(
    ("came", "plain", "records", "layout"),
    [
        (RECORDS, RECORDS, 2, LINES),
        (b"\xef\xbb\xbf" + RECORDS, RECORDS, 2, LINES),
        (packed(RECORDS), RECORDS, 2, LINES),
        (packed(RECORDS) + packed(RECORDS), RECORDS + RECORDS, 4, LINES),
        (packed(b"\xef\xbb\xbf" + RECORDS), RECORDS, 2, LINES),
        (b"\xef\xbb\xbf" + PRETTY, PRETTY, 1, OBJECTS),
    ],
)
def test_wrappings_are_taken_off_on_disk(tmp_path: Path, came: bytes, plain: bytes, records: int, layout: str) -> None:
    path = write(tmp_path, came)
    contents = inspect_files([path], USERS, DAY)
    assert (contents.records, contents.files[0].layout) == (records, layout)
    assert path.read_bytes() == plain
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (packed(RECORDS)[:-9], "is gzip that breaks off"),
        (packed(RECORDS)[:12], "is gzip that breaks off"),
        (packed(RECORDS) + b"and more", "is gzip that breaks off"),
        (b"\x1f\x8b", "is gzip that breaks off"),
        (RECORDS.decode().encode("utf-16"), "is no UTF-8 text"),
        (RECORDS.decode().encode("utf-16-be"), "is no UTF-8 text"),
        (RECORDS.decode().encode("utf-32"), "is no UTF-8 text"),
        (b"\0" * 9, "is no UTF-8 text"),
        (b"<html>\n<body>proxy</body></html>\n", "is a web page: a proxy or sign-in page"),
        (b"\xef\xbb\xbf\r\n <!DOCTYPE html>", "is a web page"),
        (packed(b"<html>"), "is a web page"),
    ],
)
def test_what_is_no_json_at_all_is_called_what_it_is(tmp_path: Path, body: bytes, words: str) -> None:
    with pytest.raises(BrokenFileError, match=r"^File 1 of the report ") as fault:
        inspect_files([write(tmp_path, body)], USERS, DAY)
    assert words in str(fault.value)


@pytest.mark.parametrize("text", ['"No report available."', "12", "null", "true", "[[]]", "[null]", '[{"day":1}]'])
def test_other_json_is_no_record(tmp_path: Path, text: str) -> None:
    with pytest.raises(BrokenFileError, match="line 1 breaks the contract of users-1-day"):
        inspect_files([write(tmp_path, text)], USERS, DAY)


def test_a_day_of_one_record_has_no_second(tmp_path: Path) -> None:
    record = '{"day":"2026-09-01","daily_active_users":7}\n'
    with pytest.raises(BrokenFileError, match="organization-1-day holds 2 records where GitHub promises one"):
        inspect_files([write(tmp_path, record + record)], ORG_DAY, DAY)
    shards = [tmp_path / "a", tmp_path / "b"]
    for shard in shards:
        shard.write_text(record)
    with pytest.raises(BrokenFileError, match="holds 2 records"):
        inspect_files(shards, ORG_DAY, DAY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"day":"2026-09-01","user_id":1}\n{"day":"2026-09-01","user_\n', "line 2"),
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":"abc"}\n', "$.loc_added_sum"),
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":-1}\n', "$.loc_added_sum"),
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":1.5}\n', "$.loc_added_sum"),
        ('{"day":"2026-09-01","user_id":1,"totals_by_ide":{}}\n', "$.totals_by_ide"),
        ('{"day":"2026-09-01"}\n', "user_id"),
        ('{"day":"2026-09-02","user_id":1}\n', "about 2026-09-02"),
        ('{"day":"2026-09-01","user_id":1,"n":"\x0c"}\n', "line 1"),
        ('\x0c{"day":"2026-09-01","user_id":1}\n', "line 1"),
        ('{"day":"2026-09-01","user_id":1}\n\x0b\n', "line 2"),
        ('{"day":"2026-09-01","user_id":1,"n":NaN}\n', "line 1"),
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":9223372036854775808}\n', "$.loc_added_sum"),
        ('\ufeff{"day":"2026-09-01","user_id":1}\n\ufeff{}\n', "line 2"),
        ("{}\n", "line 1"),
        ('{"day":"2026-09-01","user_id":1}\n\xff\xfe\n'.encode("latin-1"), "line 2"),
    ],
)
def test_a_broken_file_is_named_by_place(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(BrokenFileError) as fault:
        inspect_files([write(tmp_path, text)], USERS, DAY)
    assert words in str(fault.value)
    assert "abc" not in str(fault.value)


def test_the_second_file_is_named(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text('{"day":"2026-09-01","user_id":1}\n')
    second.write_text("nonsense\n")
    with pytest.raises(BrokenFileError, match="line 1 of file 2"):
        inspect_files([first, second], USERS, DAY)
