"""Ten thousand damaged reports: each is taken, or refused with a sentence.

Of a report that is taken every record stands in one of two places: among the records, or in quarantine with its fault.

The damage is drawn from a seed; what the database must hold is kept beside it by other code than the project's.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import BrokenFileError, Contents, inspect_files
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.github.scopes import Scope
from copilot_assets.records.contract import duckdb_structure
from copilot_assets.standin import World
from copilot_assets.standin.accounts import Accounts
from copilot_assets.standin.people import OCTO_LABS, ORGANIZATIONS
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land
from tests.conftest import TODAY, report_named

PER_REPORT = 660  # sixteen reports: 10,560 files
KEYS = 60  # (scope, report, day) that are landed on again and again, a whole batch at a time
DAY = date(2026, 9, 22)
BEFORE_AI_CREDITS = date(2026, 5, 20)
LOGIN, TOKEN = "planted-login", "ghp_plantedtoken"  # to be found again where they must not be


# -------------------------------------------------------------------------------------------------- what is damaged


def day_of(report: Report) -> date:
    return BEFORE_AI_CREDITS if report.name == "premium-request-usage" else DAY


@cache
def records_of(name: str) -> list[dict[str, Any]]:
    """A few of the stand-in's records of a report, with a login and a token in each that can be recognised."""
    report = report_named(name)
    world = World(seed=3, people=30, today=TODAY)
    accounts, day = Accounts(world, "https://api.github.com"), day_of(report)
    scope = "enterprise:octo-corp" if report.name.startswith("enterprise") else "org:octo-org"
    if report.name == "copilot-seats":
        rows: list[Any] = [accounts.seat(p, o, with_organization=True) for p, o in accounts.seats(scope)[:4]]
    elif report.name == "copilot-billing":
        rows = [accounts.subscription(ORGANIZATIONS[OCTO_LABS.login])]
    elif report.name.endswith("-usage"):
        kind = report.name.removesuffix("-usage").replace("-", "_")
        rows = [accounts.bill(scope, kind, {"year": day.year, "month": day.month, "day": day.day}, {})]
    elif report.name == "budgets":
        rows = [{**each, "budget_scope": "repository"} for each in accounts.budgets(scope)[:4]]
    elif report.record.is_csv:
        line = {"date": f"{day}", "sku": "copilot_ai_credit", "model": "GPT-5.4", "quantity": "19.5", "username": LOGIN}
        rows = [dict(line) for _ in range(4)]
    elif report.name == "cost-centers":
        rows = accounts.cost_centers()
    elif report.name == "legacy-metrics":
        rows = list(world.legacy(scope, day, day, TODAY))
    else:
        made = world.report(scope, report.name, day, TODAY)
        assert made is not None
        rows = list(made.rows())[:4]
    assert rows
    for row in rows:
        shorten(row)
        row["note"] = f"{TOKEN} é"
        row["user_login"] = LOGIN
        if row.get("assignee"):
            row["assignee"]["login"] = LOGIN
    return rows


def shorten(value: Any) -> None:
    """Two elements of every list are as good as fifty, and faster."""
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, list):
            del inner[2:]
        if isinstance(inner, dict | list):
            shorten(inner)


ODD_VALUES: list[Any] = [
    None, "", "abc", LOGIN, [], {}, True, 0, -1, -(2**63), 2**63 - 1, 2**63, 10**30, 1.0, 1.5, -0.5, 1e300, "12",
    [[]], [None], [{}], {"a": {}}, {"": ""}, "2026-09-21", "2026-02-30", "\x00", "\ud83d\ude00", "x" * 5000,
    float("nan"), float("inf"), float("-inf"), 9007199254740993, [1, "2", 3.0],
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, as its container and the key or position in it."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def somewhere(dice: random.Random, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """A place in the rows; near the top more often than its share."""
    row = dice.choice(rows)
    return (row, dice.choice(list(row))) if dice.random() < 0.3 else dice.choice(list(places(row)))


def with_odd_value(dice: random.Random, rows: list[dict[str, Any]]) -> None:
    container, key = somewhere(dice, rows)
    container[key] = dice.choice(ODD_VALUES)


def without_a_field(dice: random.Random, rows: list[dict[str, Any]]) -> None:
    container, key = somewhere(dice, rows)
    del container[key]


def with_unknown_field(dice: random.Random, rows: list[dict[str, Any]]) -> None:
    name = dice.choice(["tomorrow", "", "DAY", "User_Id", "a.b", 'q"\\', "é", "n" * 3000])
    dice.choice(rows)[name] = dice.choice(ODD_VALUES)


def about_another_day(dice: random.Random, rows: list[dict[str, Any]]) -> None:
    row = dice.choice(rows)
    for name in ("day", "date", "report_end_day"):
        if name in row:
            row[name] = dice.choice(
                ["2026-09-21", "2025-09-22", "22.09.2026", "2026-09-22T00:00:00Z", "", None, 20260922]
            )
    if "timePeriod" in row:
        row["timePeriod"][dice.choice(["year", "month", "day"])] = dice.choice([0, -1, 13, 2025, 10**6, 10**12, 10**30])


def nested_deeply(dice: random.Random, rows: list[dict[str, Any]]) -> None:
    """A marker, for what no encoder would write."""
    dice.choice(rows)["deep"] = f"DEEP{dice.choice([20, 300, 5_000, 100_000])}"


def untouched(dice: random.Random, rows: list[dict[str, Any]]) -> None:
    dice.shuffle(rows)


IN_RECORDS = [
    with_odd_value, with_odd_value, with_odd_value, without_a_field, with_unknown_field, about_another_day,
    nested_deeply, untouched, untouched, untouched,
]  # fmt: skip


def encoded(dice: random.Random, rows: list[dict[str, Any]]) -> bytes:
    """The rows in one of the layouts that GitHub's documentation shows, in one of many spellings of JSON."""
    spelling: dict[str, Any] = {
        "ensure_ascii": dice.random() < 0.5,
        "separators": dice.choice([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
    }
    pretty = {"separators": (",\n  ", ": ")}  # what `indent` would do, a hundred times faster
    layout = dice.random()
    if layout < 0.6:
        text = dice.choice(["\n", "\r\n", "\n\n", " \n "]).join(json.dumps(row, **spelling) for row in rows)
    elif layout < 0.8:
        text = "[\n" + json.dumps(rows, **dice.choice([spelling, pretty]))[1:]
    else:
        text = "{\n  " + json.dumps(rows[0], **pretty)[1:]
    text = re.sub(r'"DEEP(\d+)"', lambda found: "[" * int(found[1]) + "]" * int(found[1]), text)
    return text.encode("utf-8", "surrogatepass") + dice.choice([b"", b"\n"])


def cut(dice: random.Random, body: bytes) -> bytes:
    return body[: dice.randrange(len(body))]


def beheaded(dice: random.Random, body: bytes) -> bytes:
    return body[dice.randrange(len(body)) :]


def byte_changed(dice: random.Random, body: bytes) -> bytes:
    damaged = bytearray(body)
    for _ in range(dice.randint(1, 3)):
        damaged[dice.randrange(len(damaged))] = dice.choice(
            [0, 10, 34, 44, 58, 92, 123, 125, 0xFF, dice.randrange(256)]
        )
    return bytes(damaged)


def byte_inserted(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body) + 1)
    return body[:at] + dice.choice([b"\0", b"\n", b"\\", b'"', b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"e5"]) + body[at:]


def key_doubled(dice: random.Random, body: bytes) -> bytes:
    """An object gets one of its own fields a second time, with another value."""
    fields = list(re.finditer(rb'("\w+") ?\s*:\s*(\d+|"[^"\\]*"|null)', body))
    if not fields:
        return body
    found = dice.choice(fields)
    value = dice.choice([b"1", b"-1", b'"x"', b"null", b"[]", found[2]])
    return body[: found.start()] + found[1] + b":" + value + b"," + body[found.start() :]


def number_respelled(dice: random.Random, body: bytes) -> bytes:
    numbers = list(re.finditer(rb":\s*(\d+)", body))
    if not numbers:
        return body
    found = dice.choice(numbers)
    odd = dice.choice(
        [b"-%s", b"%s.0", b"%s.25", b"%se2", b"0%s", b"NaN", b"Infinity", b"-Infinity", b"%s" + b"0" * 400]
    )
    return body[: found.start(1)] + (odd % found[1] if b"%s" in odd else odd) + body[found.end(1) :]


def lines_moved(dice: random.Random, body: bytes) -> bytes:
    lines = body.splitlines(keepends=True)
    line = dice.choice(lines)
    if dice.random() < 0.5:
        lines.remove(line)
    else:
        lines.insert(dice.randrange(len(lines) + 1), line)
    return b"".join(lines)


def line_of_another_kind(dice: random.Random, body: bytes) -> bytes:
    line = dice.choice(
        [
            b"<html>",
            b"null",
            b"[]",
            b"{}",
            b'""',
            b'"No report"',
            b"7",
            b"# note",
            b"\x0c",
            b"\xef\xbb\xbf",
            b",",
            b"\0",
        ]
    )
    at = dice.choice([0, len(body)])
    return body[:at] + b"\n" + line + b"\n" + body[at:] if dice.random() < 0.7 else line


def encoded_otherwise(dice: random.Random, body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode(
        dice.choice(["utf-16", "utf-16-le", "utf-32", "utf-7", "cp037"]), "replace"
    )


def as_latin_1(_: random.Random, body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode("latin-1", "replace")


def wrapped(dice: random.Random, body: bytes) -> bytes:
    packed = gzip.compress(body, compresslevel=1)
    return dice.choice([packed, packed, b"\xef\xbb\xbf" + body, b"\xef\xbb\xbf" + body, packed[:-5], packed + b"more"])


def whole(_: random.Random, body: bytes) -> bytes:
    return body


IN_BYTES: list[Callable[[random.Random, bytes], bytes]] = [
    cut, beheaded, byte_changed, byte_changed, byte_inserted, key_doubled, number_respelled, lines_moved,
    line_of_another_kind, encoded_otherwise, as_latin_1, wrapped, wrapped, *[whole] * 12,
]  # fmt: skip


def damaged_files(dice: random.Random, report: Report) -> list[bytes]:
    """One file, sometimes two, of a report that something has happened to: in its records, in its bytes, or in both."""
    rows = json.loads(json.dumps(records_of(report.name)))
    if report.is_single and dice.random() < 0.05:
        rows *= 2
    dice.choice(IN_RECORDS)(dice, rows)
    split = dice.randrange(1, len(rows)) if len(rows) > 1 and dice.random() < 0.1 else len(rows)
    files = [encoded(dice, part) for part in (rows[:split], rows[split:]) if part]
    at = dice.randrange(len(files))
    files[at] = dice.choice(IN_BYTES)(dice, files[at])
    return files


# ------------------------------------------------------------------------------------------------- what must come of it


def texts_in(body: bytes) -> list[str]:
    """The records of a file that is JSON, cut out by the standard library's parser."""
    text = (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode("utf-8-sig").strip(" \t\r\n")
    found, parse = [], json.JSONDecoder().raw_decode
    is_array = text.startswith("[") and parse(text)[1] == len(text)
    at = int(is_array)
    while (at := len(text) - len(text[at:].lstrip(" \t\r\n,"))) < len(text) - is_array:
        _, end = parse(text, at)
        found.append(text[at:end])
        at = end
    return found


@dataclass
class Model:
    """What the database must hold, by the key's scope; and what has been seen on the way."""

    payloads: dict[str, list[str]] = field(default_factory=dict)
    quarantined: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    sentences: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    came: Counter[str] = field(default_factory=Counter)

    def take(self, scope: str, files: list[bytes], seen: Contents) -> None:
        """Answers replace what was there: the records in order, those that were left out, the unknown fields.

        Where all are left out it is no answer: the records of before stay, with what is known of their fields.
        """
        texts = [text for file in files for text in texts_in(file)]
        left_out = [each.text for each in seen.broken]
        kept = [text for text in texts if text not in left_out]
        assert len(kept) == seen.records, files
        assert sorted([*kept, *left_out]) == sorted(texts), "nothing is lost, nothing made up"
        self.quarantined[scope] = left_out
        self.payloads.setdefault(scope, [])
        if kept or not left_out:
            self.payloads[scope] = kept
            self.unknown[scope] = sum(seen.unknown_fields.values())
        self.faults.update(each.fault for each in seen.broken)

    outcomes: Counter[Outcome] = field(default_factory=Counter)


def examined(files: list[bytes], report: Report, folder: Path, number: int) -> Contents | BrokenFileError:
    """What the client would learn of the files; any other exception is the failure that is looked for."""
    paths = [folder / f"{number}-{part}.json" for part in range(len(files))]
    for path, body in zip(paths, files, strict=True):
        path.write_bytes(body)
    try:
        return inspect_files(paths, report, day_of(report))
    except BrokenFileError as broken:
        return broken


def as_fetch(report: Report, key: int, number: int, files: list[bytes], seen: Contents | BrokenFileError) -> Fetch:
    """What the client makes of it."""
    scope, day = Scope.parse(f"org:m{key}"), day_of(report)
    at = datetime.fromisoformat("2026-10-01") + timedelta(seconds=number)
    if isinstance(seen, BrokenFileError):
        return Fetch(scope, report, day, Outcome.FAILED, str(seen), at, 200)
    if not seen.records:
        outcome = Outcome.FAILED if seen.broken else Outcome.NO_REPORT
        return Fetch(scope, report, day, outcome, "empty", at, 200, broken=seen.broken)
    sha256 = hashlib.sha256(b"".join(files)).hexdigest()
    return Fetch(
        scope, report, day, Outcome.REPORTED, "came", at, 200, seen.records, 1, sha256,
        seen.headline, seen.files, seen.broken, seen.unknown_fields,
    )  # fmt: skip


def held(connection: duckdb.DuckDBPyConnection, table: str, model: Model) -> dict[str, list[str]]:
    """The texts in a table of schema `raw`, by scope."""
    found: dict[str, list[str]] = {scope: [] for scope in model.quarantined}
    for scope, payload in connection.execute(f"select scope, payload from raw.{table}").fetchall():
        found[scope].append(payload)
    return found


@pytest.mark.parametrize("report", REPORTS, ids=[report.name for report in REPORTS])
def test_a_damaged_report_is_taken_or_refused(
    report: Report, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    dice = random.Random(f"mutations of {report.name}")
    warehouse, model = DuckDBFile(tmp_path / "w.duckdb"), Model()
    with warehouse.connect() as connection:
        for first in range(0, PER_REPORT, KEYS):
            batch = []
            for key in range(KEYS):
                files = damaged_files(dice, report)
                seen = examined(files, report, tmp_path, first + key)
                if isinstance(seen, Contents) or dice.random() < 0.2:  # one failure is entered like another
                    batch.append(as_fetch(report, key, first + key, files, seen))
                if isinstance(seen, BrokenFileError):
                    model.came["refused"] += 1
                    model.sentences.add(str(seen))
                else:
                    model.came["wholly" if not seen.broken else "in part" if seen.records else "not"] += 1
                    model.take(f"org:m{key}", files, seen)
            landed = land(connection, batch, "run")
            assert list(landed) == batch, "DuckDB takes whatever the contract lets in"
            model.outcomes.update(fetch.outcome for fetch in batch)
            assert held(connection, "records order by scope, seq", model) == model.payloads
            assert held(connection, "quarantine", model) == model.quarantined
            counted = "select scope, sum(records)::bigint from raw.unknown_fields group by all"
            assert dict(connection.execute(counted).fetchall()) == {k: n for k, n in model.unknown.items() if n}
            parsed = connection.sql(
                "select from_json(payload, $structure) as record from raw.records",
                params={"structure": duckdb_structure(report.record)},
            ).pl()
            assert parsed["record"].null_count() == 0
        ledger = connection.execute("select outcome, count(*) from raw.fetches group by 1").fetchall()
    assert {Outcome(outcome): count for outcome, count in ledger} == model.outcomes
    assert model.came.total() == PER_REPORT
    assert min(model.came["wholly"], model.came["refused"]) > PER_REPORT / 8, "both are tried"
    has_several = len(records_of(report.name)) > 1
    assert (model.came["in part"] > PER_REPORT / 20) == has_several, model.came
    assert min(model.outcomes[Outcome.REPORTED], model.outcomes[Outcome.FAILED]) > PER_REPORT / 20
    said = "\n".join([*model.sentences, *model.faults, caplog.text, *capfd.readouterr()])
    assert "planted" not in said
    assert all(re.fullmatch(r"[^\n]{40,400}\.", sentence) for sentence in model.sentences)
    assert all(re.fullmatch(r"(breaks|is about|is a second one) [^\n]{10,300}[^\n.]", fault) for fault in model.faults)


def test_depth_is_refused_however_deep(tmp_path: Path) -> None:
    report = report_named("users-1-day")
    for depth in (1_000, 100_000, 3_000_000):
        for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
            deep = opened * depth + b"1" + closed * depth
            for body in (deep, b'{"day":"2026-09-22","user_id":1,"x":' + deep + b"}", b"[\n" + deep + b"]"):
                (tmp_path / "deep.json").write_bytes(body)
                with pytest.raises(BrokenFileError):
                    inspect_files([tmp_path / "deep.json"], report, DAY)
