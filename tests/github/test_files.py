"""Report files: three layouts are read, wrappings taken off, broken records left out and named, never by value."""

import gzip
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from copilot_assets.github.files import (
    ARRAY,
    LINES,
    LOOKS,
    OBJECTS,
    BrokenFileError,
    BrokenRecord,
    ReportFile,
    inspect_files,
)
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


@pytest.mark.parametrize("text", ['"No report available."', "12", "null", "true", "[[]]", "[null]", "["])
def test_other_json_is_no_record_and_fails_the_day_beside_good_ones_too(tmp_path: Path, text: str) -> None:
    """Nobody knows how many people such a file stands for."""
    good, other = tmp_path / "part-0.json", write(tmp_path, text)
    good.write_bytes(RECORDS)
    for paths in ([other], [good, other]):
        with pytest.raises(BrokenFileError, match=r"^What stands in (line|element) 1 .*is no record: no JSON object"):
            inspect_files(paths, USERS, DAY)


def test_the_only_record_is_broken(tmp_path: Path) -> None:
    contents = inspect_files([write(tmp_path, '[{"day":1}]')], USERS, DAY)
    assert (contents.records, contents.files[0].records) == (0, 0)
    ((place, fault),) = [(each.place, each.fault) for each in contents.broken]
    assert (place, fault.partition(":")[0]) == ("element 1", "breaks the contract of users-1-day")


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
        ('{"day":"2026-09-01","user_id":1,"n":"\x0c"}\n', "line 1"),
        ('\x0c{"day":"2026-09-01","user_id":1}\n', "line 1"),
        ('{"day":"2026-09-01","user_id":1}\n\x0b\n', "line 2"),
        ('{"day":"2026-09-01","user_id":1,"n":NaN}\n', "line 1"),
        ('\ufeff{"day":"2026-09-01","user_id":1}\n\ufeff{}\n', "line 2"),
        ('{"day":"2026-09-01","user_id":1}\n\xff\xfe\n'.encode("latin-1"), "line 2"),
    ],
)
def test_a_broken_file_is_named_by_place(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(BrokenFileError) as fault:
        inspect_files([write(tmp_path, text)], USERS, DAY)
    assert words in str(fault.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":"abc"}', "$.loc_added_sum"),
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":-1}', "$.loc_added_sum"),
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":1.5}', "$.loc_added_sum"),
        ('{"day":"2026-09-01","user_id":1,"loc_added_sum":9223372036854775808}', "$.loc_added_sum"),
        ('{"day":"2026-09-01","user_id":1,"totals_by_ide":{}}', "$.totals_by_ide"),
        ('{"day":"2026-09-01"}', "user_id"),
        ('{"day":"2026-09-02","user_id":1}', "about 2026-09-02"),
        ("{}", "missing required field"),
    ],
)
def test_a_broken_record_is_named_by_path_and_never_by_value(tmp_path: Path, text: str, words: str) -> None:
    (broken,) = inspect_files([write(tmp_path, f"{text}\n")], USERS, DAY).broken
    assert words in broken.fault
    assert "abc" not in broken.fault
    assert (broken.place, broken.text) == ("line 1", text)


# --- Records that are left out of a report of several ----------------------------------------------------------------

FIRST = b'{"day":"2026-09-01",  "user_id":1, "user_login":"ann"}'
LAST = b'{"user_id":3,"day":"2026-09-01","note":"caf\xc3\xa9"}'
# A login and a value in each, to be found again where they must not be.
BROKEN = {
    "wrong type": (
        b'{"day":"2026-09-01","user_id":2,"user_login":"bob","loc_added_sum":"hidden"}',
        "breaks the contract of users-1-day: Expected `int | null`, got `str` - at `$.loc_added_sum`",
    ),
    "negative": (
        b'{"day":"2026-09-01","user_id":2,"user_login":"bob","loc_added_sum":-77}',
        "breaks the contract of users-1-day: Expected `int` >= 0 - at `$.loc_added_sum`",
    ),
    "fraction": (
        b'{"day":"2026-09-01","user_id":2,"user_login":"bob","loc_added_sum":77.5}',
        "breaks the contract of users-1-day: Expected `int | null`, got `float` - at `$.loc_added_sum`",
    ),
    "in a list": (
        b'{"day":"2026-09-01","user_id":2,"user_login":"bob","totals_by_ide":[{"ide":"x"},{"ide":77}]}',
        "breaks the contract of users-1-day: Expected `str`, got `int` - at `$.totals_by_ide[1].ide`",
    ),
    "no key": (
        b'{"day":"2026-09-01","user_login":"bob"}',
        "breaks the contract of users-1-day: Object missing required field `user_id`",
    ),
    "another day": (
        b'{"day":"2026-08-31","user_id":2,"user_login":"bob"}',
        "is about 2026-08-31, not about 2026-09-01 that was asked for",
    ),
    "a second one": (
        b'{"day":"2026-09-01","user_id":1,"user_login":"bob"}',
        "is a second one of the same user_id, with other content",
    ),
    "with an unknown field": (
        b'{"day":"2026-09-01","tomorrow":1,"user_id":2,"user_login":"bob","loc_added_sum":-77}',
        "breaks the contract of users-1-day: Expected `int` >= 0 - at `$.loc_added_sum`",
    ),
}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_record_is_left_out_and_its_neighbours_stay_byte_for_byte(tmp_path: Path, way: str) -> None:
    text, fault = BROKEN[way]
    path = write(tmp_path, b"\r\n".join([FIRST, b"", text, LAST]))
    contents = inspect_files([path], USERS, DAY)
    assert path.read_bytes() == FIRST + b"\n" + LAST + b"\n"
    assert contents.files == (ReportFile(path, LINES, 2, len(FIRST)),)
    assert contents.records == 2
    assert contents.broken == (BrokenRecord("line 3", fault, text.decode()),)
    assert contents.unknown_fields == {("$.note", "string"): 1}, "of the records that stay"
    shown = repr(contents)
    assert not [word for word in ("bob", "hidden", "77") if word in shown], "a text is not shown by accident"


def test_a_file_without_broken_records_is_not_written_again(tmp_path: Path) -> None:
    path = write(tmp_path, RECORDS)
    inspect_files([path], USERS, DAY)
    assert path.read_bytes() == RECORDS


def test_of_an_array_the_broken_elements_are_left_out(tmp_path: Path) -> None:
    negative, late = BROKEN["negative"][0], BROKEN["another day"][0]
    path = write(tmp_path, b"[\n  " + b",\n  ".join([negative, FIRST, late, LAST]) + b"\n]\n")
    contents = inspect_files([path], USERS, DAY)
    assert path.read_bytes() == b"[" + FIRST + b"," + LAST + b"]"
    assert contents.files == (ReportFile(path, ARRAY, 2, len(FIRST)),)
    assert [each.text for each in contents.broken] == [negative.decode(), late.decode()]
    assert [each.place for each in contents.broken] == ["element 1", "element 3"]


def shards(tmp_path: Path, *bodies: bytes) -> list[Path]:
    paths = [tmp_path / f"part-{number}.json" for number in range(len(bodies))]
    for path, body in zip(paths, bodies, strict=True):
        path.write_bytes(body)
    return paths


def test_of_several_files_only_the_one_with_the_broken_record_changes(tmp_path: Path) -> None:
    text, fault = BROKEN["wrong type"]
    third = FIRST.replace(b":1,", b":9,") + b"\r\n"
    paths = shards(tmp_path, FIRST + b"\r\n", LAST + b"\n" + text, third)
    contents = inspect_files(paths, USERS, DAY)
    assert [path.read_bytes() for path in paths] == [FIRST + b"\r\n", LAST + b"\n", third]
    assert [file.records for file in contents.files] == [1, 1, 1]
    assert contents.broken == (BrokenRecord("line 2 of file 2", fault, text.decode()),)


def test_a_key_is_one_of_all_files_and_the_same_text_again_is_no_fault(tmp_path: Path) -> None:
    one, two = shards(tmp_path, FIRST, FIRST + b"\n" + BROKEN["a second one"][0])
    contents = inspect_files([one, two], USERS, DAY)
    assert (one.read_bytes(), two.read_bytes()) == (FIRST, FIRST + b"\n")
    assert [(each.place, each.fault) for each in contents.broken] == [
        ("line 2 of file 2", "is a second one of the same user_id, with other content")
    ]


def test_the_key_of_a_membership_is_team_and_person(tmp_path: Path) -> None:
    lines = [f'{{"day":"2026-09-01","team_id":{team},"user_id":{user}}}' for team, user in ((1, 1), (1, 2), (2, 1))]
    again = '{"day":"2026-09-01","team_id":2,"user_id":1,"slug":"b"}'
    contents = inspect_files([write(tmp_path, "\n".join([*lines, again]))], report_named("user-teams-1-day"), DAY)
    assert contents.records == 3
    assert [each.fault for each in contents.broken] == [
        "is a second one of the same team_id and user_id, with other content"
    ]


def test_seats_have_no_key_and_may_repeat_a_person(tmp_path: Path) -> None:
    seats = [f'{{"created_at":"2026-09-0{day}T00:00:00Z","assignee":{{"id":1}}}}' for day in (1, 2)]
    contents = inspect_files([write(tmp_path, f"[{','.join(seats)}]")], report_named("copilot-seats"), DAY)
    assert (contents.records, contents.broken) == (2, ())


def test_a_file_of_which_nothing_is_left_is_empty_beside_another(tmp_path: Path) -> None:
    one, two, three = shards(tmp_path, BROKEN["negative"][0], FIRST, b"[" + BROKEN["no key"][0] + b"]")
    contents = inspect_files([one, two, three], USERS, DAY)
    assert [(file.layout, file.records) for file in contents.files] == [(LINES, 0), (LINES, 1), (ARRAY, 0)]
    assert (one.read_bytes(), three.read_bytes()) == (b"", b"[]")
    assert [each.place for each in contents.broken] == ["line 1 of file 1", "element 1 of file 3"]


def test_a_pretty_printed_record_beside_others_is_left_out_without_the_space_around_it(tmp_path: Path) -> None:
    pretty = b'{\n  "day": "2026-09-01",\n  "user_id": -1\n}'
    one, two = shards(tmp_path, b"\n " + pretty + b"\n\n", FIRST)
    contents = inspect_files([one, two], USERS, DAY)
    assert (contents.files[0].layout, contents.files[0].records, one.read_bytes()) == (OBJECTS, 0, b"")
    assert [each.text for each in contents.broken] == [pretty.decode()]


@pytest.mark.parametrize("way", [way for way in BROKEN if way != "a second one"])
def test_of_a_day_whose_records_are_all_broken_nothing_is_left_but_them(tmp_path: Path, way: str) -> None:
    text, fault = BROKEN[way]
    negative, second_fault = BROKEN["negative"]
    path = write(tmp_path, text + b"\n" + negative)
    contents = inspect_files([path], USERS, DAY)
    assert (contents.records, contents.headline, contents.unknown_fields, path.read_bytes()) == (0, {}, {}, b"")
    assert contents.broken == (
        BrokenRecord("line 1", fault, text.decode()),
        BrokenRecord("line 2", second_fault, negative.decode()),
    )


def test_the_one_record_of_a_day_is_left_out_alone_or_beside_a_good_one(tmp_path: Path) -> None:
    broken, good = '{"day":"2026-09-01","daily_active_users":-1}', '{"day":"2026-09-01","daily_active_users":7}'
    contents = inspect_files([write(tmp_path, broken)], ORG_DAY, DAY)
    assert (contents.records, contents.headline, len(contents.broken)) == (0, {}, 1)
    contents = inspect_files([write(tmp_path, f"{good}\n{broken}\n")], ORG_DAY, DAY)
    assert (contents.records, contents.headline["daily_active_users"], len(contents.broken)) == (1, 7, 1)


@pytest.mark.parametrize(
    "text",
    [
        b'{"day":"2026-09-01","user_id":2,"loc_add',
        b'{"day":"2026-09-01","user_id":"2","loc_add',
        b'{"day":"2026-09-01","user_id":"2"}}',
        b'{"day":"2026-09-01","user_id":"2","n":NaN}',
        b'{"day":"2026-09-01","user_id":"2","n":"\\ud800"}',
        b'{"day":"2026-09-01","user_id":"2","n":"\xff"}',
        b'{"day":"2026-09-01","user_id":"2","n":' + b"[" * 99_999 + b"]" * 99_999 + b"}",
        b'{"day":"2026-09-01","tomorrow":1,"user_id":2',
    ],
)
def test_text_that_is_no_json_fails_the_day_also_behind_another_fault(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(BrokenFileError, match=r"^The text in line 2 of the report is not JSON"):
        inspect_files([write(tmp_path, FIRST + b"\n" + text + b"\n" + LAST)], USERS, DAY)


# --- Fields nobody announced -----------------------------------------------------------------------------------------


def test_an_unknown_field_of_one_record_in_fifty_is_counted_and_kept(tmp_path: Path) -> None:
    lines = [f'{{"day":"2026-09-01","user_id":{n}}}' for n in range(49)]
    lines.insert(20, '{"day":"2026-09-01","user_id":99,"tomorrow":"hidden","totals_by_ide":[{"ide":"a","x":1.5}]}')
    path = write(tmp_path, "\n".join(lines))
    contents = inspect_files([path], USERS, DAY)
    assert (contents.records, contents.broken) == (50, ())
    assert contents.unknown_fields == {("$.tomorrow", "string"): 1, ("$.totals_by_ide[].x", "number"): 1}
    assert path.read_text().splitlines() == lines


def test_records_are_counted_by_field_and_type_and_not_its_places_in_one_of_them(tmp_path: Path) -> None:
    ides = '[{"ide":"a","x":1},{"ide":"b","x":2}]'
    one, two = shards(
        tmp_path,
        f'{{"day":"2026-09-01","user_id":1,"totals_by_ide":{ides}}}\n{{"day":"2026-09-01","user_id":2}}'.encode(),
        f'{{"day":"2026-09-01","user_id":3,"totals_by_ide":{ides},"n":null}}\n'.encode()
        + b'{"day":"2026-09-01","user_id":4,"n":0}',
    )
    contents = inspect_files([one, two], USERS, DAY)
    assert contents.unknown_fields == {
        ("$.totals_by_ide[].x", "integer"): 2,
        ("$.n", "null"): 1,
        ("$.n", "integer"): 1,
    }


def test_the_fields_of_records_that_are_left_out_are_not_counted(tmp_path: Path) -> None:
    odd = [
        b'{"day":"2026-08-31","user_id":2,"tomorrow":1}',
        b'{"day":"2026-09-01","user_id":1,"tomorrow":1}',
        b'{"day":"2026-09-01","user_id":2,"tomorrow":1,"loc_added_sum":-1}',
    ]
    contents = inspect_files([write(tmp_path, b"\n".join([FIRST, *odd]))], USERS, DAY)
    assert (contents.records, len(contents.broken), contents.unknown_fields) == (1, 3, {})


def test_only_the_first_records_with_unknown_fields_are_looked_at_and_the_others_are_read_all_the_same(
    tmp_path: Path,
) -> None:
    known = [f'{{"day":"2026-09-01","user_id":{n}}}' for n in range(LOOKS)]
    new = [f'{{"day":"2026-09-01","user_id":{n},"tomorrow":1}}' for n in range(LOOKS, 2 * LOOKS)]
    later = [
        '{"day":"2026-09-01","user_id":901,"tomorrow":1,"overmorrow":2}',
        '{"day":"2026-09-01","user_id":902,"tomorrow":1,"loc_added_sum":-1}',
    ]
    one, two = shards(tmp_path, "\n".join([*known, *new[:-1]]).encode(), "\n".join([new[-1], *later]).encode())
    contents = inspect_files([one, two], USERS, DAY)
    assert contents.unknown_fields == {("$.tomorrow", "integer"): LOOKS}
    assert contents.records == 2 * LOOKS + 1
    assert two.read_text().splitlines() == [new[-1], later[0]]
    assert [(each.place, each.text) for each in contents.broken] == [("line 3 of file 2", later[1])]


def test_a_new_field_with_a_number_beyond_python_breaks_nothing(tmp_path: Path) -> None:
    record = b'{"day":"2026-09-01","user_id":1,"tomorrow":1e999,"more":' + b"9" * 5000 + b"}"
    contents = inspect_files([write(tmp_path, record)], USERS, DAY)
    assert (contents.records, contents.broken) == (1, ())
    assert contents.unknown_fields == {("$.tomorrow", "number"): 1, ("$.more", "integer"): 1}


def test_the_second_file_is_named(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text('{"day":"2026-09-01","user_id":1}\n')
    second.write_text("nonsense\n")
    with pytest.raises(BrokenFileError, match="line 1 of file 2"):
        inspect_files([first, second], USERS, DAY)
