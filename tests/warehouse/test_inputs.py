"""What the models read besides GitHub's answers: the file of events with every sentence about it, and the tables."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from copilot_assets.settings import SettingsError
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.inputs import Event, Inputs, read_events, write_inputs

HEADER = "date,scope,what\n"
DAY = date(2026, 9, 7)


def events_of(folder: Path, text: str, encoding: str = "utf-8") -> tuple[Event, ...]:
    """The events of a file with this text, byte for byte."""
    path = folder / "events.csv"
    path.write_bytes(text.encode(encoding))
    return read_events(path)


def sentences_about(folder: Path, text: str) -> list[str]:
    """What is said of a file that can't be used, a line a problem, without the folder's name."""
    with pytest.raises(SettingsError) as problem:
        events_of(folder, text)
    assert problem.value.__cause__ is None
    return str(problem.value).replace(f"{folder}/", "").splitlines()


# --- events.csv ------------------------------------------------------------------------------------------------------


def test_an_event_of_each_kind_of_scope(tmp_path: Path) -> None:
    text = HEADER + (
        "2026-09-07,org:octo-org,Training\n"
        "2026-09-08,enterprise:octo-corp,Policy\n"
        "2026-09-09,team:octo-org/core,Workshop\n"
        "2026-09-10,enterprise-team:octo-corp/core,Workshop\n"
        "2026-09-11,enterprise-team:octo-corp/ent:core,Workshop\n"
    )
    # Reports write an enterprise's team with `ent:` before its slug, and so does GitHub's address of it.
    assert events_of(tmp_path, text) == (
        Event(date(2026, 9, 7), "org:octo-org", "", "Training"),
        Event(date(2026, 9, 8), "enterprise:octo-corp", "", "Policy"),
        Event(date(2026, 9, 9), "org:octo-org", "core", "Workshop"),
        Event(date(2026, 9, 10), "enterprise:octo-corp", "ent:core", "Workshop"),
        Event(date(2026, 9, 11), "enterprise:octo-corp", "ent:core", "Workshop"),
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (HEADER + "2026-09-07,org:octo-org,Café\n", "utf-8-sig"),
        (HEADER.replace("\n", "\r\n") + "2026-09-07,org:octo-org,Café\r\n", "utf-8"),
        (HEADER + "2026-09-07,org:octo-org,Café", "utf-8"),
        (HEADER + "\n2026-09-07,org:octo-org,Café\n\n", "utf-8"),
        (" Date , SCOPE,What\n 2026-09-07 , org:Octo-Org ,  Café \n", "utf-8"),
        ("what,date,scope\nCafé,2026-09-07,org:octo-org\n", "utf-8"),
        ('"date","scope","what"\n"2026-09-07","org:octo-org","Café"\n', "utf-8"),
        (HEADER + "2026-09-07,org:octo-org,Café\n" * 3, "utf-8"),
        (HEADER + "2026-09-07,org:octo-org,Café\n2026-09-07,ORG:OCTO-ORG, Café\n", "utf-8"),
    ],
    ids=[
        "BOM",
        "CRLF",
        "no last newline",
        "blank lines",
        "spaces",
        "other order",
        "quotes",
        "thrice",
        "twice at heart",
    ],
)
def test_ways_to_write_the_same_event(tmp_path: Path, text: str, encoding: str) -> None:
    assert events_of(tmp_path, text, encoding) == (Event(DAY, "org:octo-org", "", "Café"),)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ('"Training, part ""one"""', 'Training, part "one"'),
        ('"Training,\nsecond line"', "Training, second line"),
        ('5" screens', '5" screens'),
        ("Training\u2028and more\x85", "Training and more"),  # separators to Unicode, and no line ends to CSV
    ],
)
def test_what_a_text_may_hold(tmp_path: Path, written: str, what: str) -> None:
    (event,) = events_of(tmp_path, f"{HEADER}2026-09-07,org:octo-org,{written}\n")
    assert event.what == what


def test_events_come_in_the_order_of_their_days(tmp_path: Path) -> None:
    text = HEADER + "2026-09-08,org:a,b\n2026-09-07,org:b,a\n2026-09-07,org:a,c\n2026-09-07,org:a,b\n"
    found = [(event.day.day, event.scope, event.what) for event in events_of(tmp_path, text)]
    assert found == [(7, "org:a", "b"), (7, "org:a", "c"), (7, "org:b", "a"), (8, "org:a", "b")]


def test_a_file_without_events_has_none(tmp_path: Path) -> None:
    assert events_of(tmp_path, HEADER) == ()


@pytest.mark.parametrize(
    ("first_line", "shown"),
    [
        ("", "''"),
        ("date,scope", "'date,scope'"),
        ("date,scope,what,who", "'date,scope,what,who'"),
        ("date,scope,what,what", "'date,scope,what,what'"),
        ("Datum,Wer,Was", "'datum,wer,was'"),
        ("date;scope;what", "'date;scope;what'"),
        ("2026-09-07,org:octo-org,Training", "'2026-09-07,org:octo-org,training'"),
    ],
    ids=["empty", "too few", "too many", "twice", "other names", "semicolons", "no header"],
)
def test_a_header_that_is_another(tmp_path: Path, first_line: str, shown: str) -> None:
    (said,) = sentences_about(tmp_path, first_line and f"{first_line}\n2026-09-07,org:octo-org,Training\n")
    assert said.startswith(f"events.csv, the file of events, begins with {shown}. ")
    assert "Its first line must be date,scope,what; " in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-09-07,org:octo-org", "has more or fewer than three values. Write date,scope,what; quote a text with"),
        ("2026-09-07", "has more or fewer than three values."),
        ("2026-09-07,org:octo-org,Training, again", "has more or fewer than three values."),
        ("7.9.2026,org:octo-org,Training", "'7.9.2026' is not a day. Write it as YYYY-MM-DD, for example 2026-09-07."),
        ("2026-02-30,org:octo-org,Training", "'2026-02-30' is not a day."),
        (",org:octo-org,Training", "'' is not a day."),
        ("2026-09-07,octo-org,Training", "'octo-org' is neither a scope nor a team. Write org:NAME, enterprise:SLUG, "),
        ("2026-09-07,,Training", "'' is neither a scope nor a team."),
        ("2026-09-07,team:octo-org,Training", "'team:octo-org' is neither a scope nor a team."),
        ("2026-09-07,org:octo-org/core,Training", "'org:octo-org/core' is neither a scope nor a team."),
        ("2026-09-07,org:octo-org,", "does not say what happened. Write it into the third column."),
        ("2026-09-07,org:octo-org,  ", "does not say what happened."),
        ('2026-09-07,org:octo-org,"Training', "has a quotation mark without its other half, so that nothing after it"),
        ('2026-09-07,org:octo-org,"Training" again', "has a quotation mark without its other half"),
    ],
)
def test_a_line_that_cannot_be_used(tmp_path: Path, line: str, said: str) -> None:
    (sentence,) = sentences_about(tmp_path, f"{HEADER}2026-09-06,org:octo-org,Good\n{line}\n")
    assert sentence.startswith(f"events.csv:3: {said}")


def test_every_line_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    text = HEADER + (
        'today,org:octo-org,"Training\nin two lines"\n'  # lines 2 and 3
        "2026-09-07,org:octo-org,Good\n"
        "\n"
        "2026-09-07,octo-org,Training\n"  # line 6
        '2026-09-08,org:octo-org,"open\n'
        "2026-09-09,org:octo-org,swallowed\n"
    )
    said = [sentence.split(": ")[0] for sentence in sentences_about(tmp_path, text)]
    assert said == ["events.csv:3", "events.csv:6", "events.csv:7"]


@pytest.mark.parametrize(
    ("text", "line"),
    [('date,scope,"what\n2026-09-07,org:a,b\n', 1), (HEADER + '2026-09-07,org:a,"b\n2026-09-08,org:a,b\n', 2)],
)
def test_half_a_quotation_is_told_where_it_begins(tmp_path: Path, text: str, line: int) -> None:
    (said,) = sentences_about(tmp_path, text)
    assert said.startswith(f"events.csv:{line}: has a quotation mark without its other half")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as problem:
        events_of(tmp_path, HEADER + "2026-09-07,org:octo-org,Café\n", "cp1252")
    shown = f"{tmp_path}/events.csv, the file of events, can't be read"
    assert str(problem.value) == f"{shown} (UnicodeDecodeError). Save it as CSV in UTF-8."
    with pytest.raises(SettingsError, match=r"the file of events, can't be read \(IsADirectoryError\)"):
        read_events(tmp_path)


# --- from the environment --------------------------------------------------------------------------------------------


def test_without_a_setting_it_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # GitHub's list prices, its own threshold for teams, a month of grace.
    assert Inputs.from_env({}) == Inputs(
        5, 30, {"business": 19.0, "enterprise": 39.0}, {"business": 1900, "enterprise": 3900}, ()
    )


def test_every_setting(tmp_path: Path) -> None:
    path = tmp_path / "what happened.csv"
    path.write_text(HEADER + "2026-09-07,org:octo-org,Training\n")
    env = {
        "COPILOT_MIN_COHORT": "1",
        "COPILOT_SEAT_GRACE_DAYS": "0",
        "COPILOT_PLAN_PRICES": "Business = 16.50 , enterprise=0",
        "COPILOT_PLAN_CREDITS": "business=300",
        "COPILOT_EVENTS": str(path),
    }
    expected = Inputs(
        1, 0, {"business": 16.5, "enterprise": 0.0}, {"business": 300}, (Event(DAY, "org:octo-org", "", "Training"),)
    )
    assert Inputs.from_env(env) == expected


def test_events_csv_of_the_current_folder_is_read_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.csv").write_text(HEADER + "2026-09-07,org:octo-org,Usual\n")
    (tmp_path / "other.csv").write_text(HEADER + "2026-09-07,org:octo-org,Other\n")
    assert [event.what for event in Inputs.from_env({}).events] == ["Usual"]
    assert [event.what for event in Inputs.from_env({"COPILOT_EVENTS": "other.csv"}).events] == ["Other"]


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.csv").write_text(HEADER)
    assert Inputs.from_env({"COPILOT_EVENTS": "~/mine.csv"}).events == ()


# --- the tables ------------------------------------------------------------------------------------------------------


@pytest.fixture
def connection(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    with DuckDBFile(tmp_path / "copilot.duckdb").connect():
        pass  # the project's own tables
    return duckdb.connect(str(tmp_path / "copilot.duckdb"))


INPUTS = Inputs(
    5,
    30,
    {"business": 19.0},
    {"business": 1900},
    (Event(DAY, "org:a", "core", "Workshop"), Event(DAY, "org:a", "", "Training")),
)


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    return {name: connection.execute(f"from raw.{name} order by all").fetchall() for name in INPUTS.rows()}


def test_the_tables_are_what_the_inputs_say_now(connection: duckdb.DuckDBPyConnection) -> None:
    for _ in range(2):
        write_inputs(connection, INPUTS)
        assert tables(connection) == {
            "settings": [(5, 30, None)],
            "plan_prices": [("business", 19.0)],
            "plan_credits": [("business", 1900)],
            "events": [(DAY, "org:a", "core", "Workshop"), (DAY, "org:a", None, "Training")],
        }
    write_inputs(connection, Inputs(2, 0, {"enterprise": 39.0, "business": 20.0}, {}, (), 500.0))
    assert tables(connection) == {
        "settings": [(2, 0, 500.0)],
        "plan_prices": [("business", 20.0), ("enterprise", 39.0)],
        "plan_credits": [],
        "events": [],
    }


def test_what_is_said_already_is_not_written(connection: duckdb.DuckDBPyConnection) -> None:
    def rowids(table: str) -> list[tuple[int]]:
        return connection.execute(f"select rowid from raw.{table} order by rowid").fetchall()

    write_inputs(connection, INPUTS)
    before = {name: rowids(name) for name in INPUTS.rows()}
    write_inputs(connection, Inputs(5, 30, {"business": 21.0}, INPUTS.plan_credits, INPUTS.events))
    after = {name: rowids(name) for name in INPUTS.rows()}
    assert {name for name in before if before[name] != after[name]} == {"plan_prices"}
