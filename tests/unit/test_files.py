"""Report files: three layouts are read, faults are named by line and JSON path, never by value."""

from datetime import date
from pathlib import Path

import pytest

from copilot_assets.github.files import ARRAY, LINES, OBJECTS, BrokenFileError, inspect_files
from tests.conftest import report_named

USERS = report_named("users-1-day")
ORG_DAY = report_named("organization-1-day")
DAY = date(2026, 9, 1)


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


def test_an_empty_file_holds_no_records(tmp_path: Path) -> None:
    assert inspect_files([write(tmp_path, "")], USERS, DAY).records == 0


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
        ("<html>\n<body>proxy</body></html>\n", "line 1"),
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
