"""What must not be lost, and what must not stop the rest: old history, damaged bytes, killed runs, taken files."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
import duckdb
import httpx
import msgspec
import pytest
from msgspec import Meta

from copilot_assets.definitions import build_defs
from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.github.credentials import Token
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.files import DECODERS, BrokenFileError, BrokenRecord, inspect_files
from copilot_assets.github.outcomes import Outcome, message_of, retry_after_seconds
from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope
from copilot_assets.orchestration.installation import Installation
from copilot_assets.people.identities import Identities
from copilot_assets.records import Record, UserDay
from copilot_assets.records.contract import strict
from copilot_assets.records.fields import identity, in_raw_only
from copilot_assets.settings import IdentityMode, Settings, SettingsError
from copilot_assets.shell.runs import run_range
from copilot_assets.sql_models.files import load_models
from copilot_assets.standin import Fault, Standin
from copilot_assets.standin.faults import FAULTS
from copilot_assets.warehouse import landing
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land
from copilot_assets.warehouse.raw import ExpectedReport, expect
from copilot_assets.warehouse.store import WarehouseError
from tests.conftest import TODAY, Company, all_but, report_named, sentences
from tests.github.test_client import CORP, LABS, ORG, fetch

DAY = TODAY - timedelta(days=5)


def test_asking_for_a_day_that_github_no_longer_keeps_deletes_nothing(company: Company, standin: Standin) -> None:
    tables = (*company.raw, "flat.user_daily")
    assert company.load(DAY, DAY, *tables) == []
    before = company.tables()
    # A year and a day later GitHub has nothing any more, which says nothing about the day.
    company.today = DAY + timedelta(days=366)
    standin.faults.append(Fault("204"))
    assert company.load(DAY, DAY, *tables) == []
    after = company.tables()
    # Seats and the like are of the day they were asked for, and have nothing to do with it.
    of_the_day = [[row for row in tables["raw.records"] if row[2] == DAY] for tables in (before, after)]
    assert of_the_day[0] == of_the_day[1] != []
    assert after["flat.user_daily"] == before["flat.user_daily"]
    last = company.sql(
        "select outcome, evidence from raw.fetches where report = 'users-1-day' order by requested_at desc limit 1"
    )
    assert last[0][0] == Outcome.EXPIRED
    assert "It keeps 365 days, and this one is older." in last[0][1]


# Every fault of the stand-in: what comes of a fetch that it strikes, and words that the ledger must hold about it.
ENDINGS = {
    "204": (Outcome.NO_REPORT, "answered 204"),
    "404": (Outcome.NOT_FOUND, "COPILOT_SCOPES"),
    "empty-string": (Outcome.NO_REPORT, "empty text"),
    "no-report-string": (Outcome.NO_REPORT, "No report available"),
    "empty-links": (Outcome.NO_REPORT, "no download links"),
    "empty-file": (Outcome.NO_REPORT, "file for this day is empty"),
    "bad-credentials": (Outcome.UNAUTHORIZED, "GITHUB_TOKEN"),
    "no-token": (Outcome.UNAUTHORIZED, "No token reached GitHub"),
    "sso-required": (Outcome.FORBIDDEN, "Configure SSO"),
    "sso-partial": (Outcome.FORBIDDEN, "read:org"),
    "ip-not-allowed": (Outcome.FORBIDDEN, "IP allow list"),
    "firewall": (Outcome.FORBIDDEN, "proxy or firewall"),
    "classic-token-forbidden": (Outcome.FORBIDDEN, "Use another kind, such as a GitHub App"),
    "token-lives-too-long": (Outcome.FORBIDDEN, "Give the token an earlier end"),
    "no-user-agent": (Outcome.FORBIDDEN, "User-Agent"),
    "policy-off": (Outcome.FORBIDDEN, "'Copilot usage metrics' is off"),
    "legacy-policy-off": (Outcome.FORBIDDEN, "'Copilot Metrics API access' is off"),
    "role-missing": (Outcome.FORBIDDEN, "read:org"),
    "app-permission-missing": (Outcome.FORBIDDEN, "The GitHub App lacks"),
    "token-permission-missing": (Outcome.FORBIDDEN, "The fine-grained token lacks"),
    "payment-problem": (Outcome.FORBIDDEN, "payment method"),
    "billing-elsewhere": (Outcome.NOT_OFFERED, "enterprise:SLUG"),
    "web-page-404": (Outcome.NOT_FOUND, "GITHUB_API_URL"),
    "version-ended": (Outcome.FAILED, "X-GitHub-Api-Version"),
    "not-understood": (Outcome.FAILED, "answered 400"),
    "invalid": (Outcome.FAILED, "answered 422"),
    "proxy-password": (Outcome.FAILED, "HTTPS_PROXY"),
    "rate-limit-primary": (Outcome.FAILED, "rate limit is used up"),
    "rate-limit-secondary": (Outcome.FAILED, "rate limit is used up"),
    "rate-limit-untold": (Outcome.FAILED, "rate limit is used up"),
    "rate-limit-endless": (Outcome.FAILED, "for 27,778 hours"),
    "500": (Outcome.FAILED, "answered 500"),
    "502": (Outcome.FAILED, "answered 502"),
    "503": (Outcome.FAILED, "answered 503"),
    "proxy-page": (Outcome.FAILED, "GITHUB_API_URL"),
    "cut-connection": (Outcome.FAILED, "could not be reached"),
    "expired-link": (Outcome.FAILED, "answered 403 for a report file"),
    "wrong-day": (Outcome.FAILED, "not of "),
    "malformed-line": (Outcome.FAILED, "line "),
    "truncated-file": (Outcome.FAILED, "not JSON"),
    "html-file": (Outcome.FAILED, "is a web page"),
    "json-string-file": (Outcome.FAILED, "What stands in line 1 of the report is no record"),
    "array-file": (Outcome.REPORTED, "1 record"),
    "gzip-file": (Outcome.REPORTED, "1 record"),
    "truncated-gzip": (Outcome.FAILED, "breaks off"),
    "utf-16-file": (Outcome.FAILED, "no UTF-8 text"),
    "two-records": (Outcome.FAILED, "holds 2 records where GitHub promises one"),
    "storage-503": (Outcome.FAILED, "storage answered 503"),
    "cut-file": (Outcome.FAILED, "could not be reached"),
    "wrong-type": (Outcome.FAILED, "$.loc_added_sum"),
    "negative-counter": (Outcome.FAILED, "$.loc_added_sum"),
    "unknown-field": (Outcome.REPORTED, "1 record"),
    "missing-shard": (Outcome.FAILED, "answered 404 for a report file"),
    "pretty-printed": (Outcome.REPORTED, "1 record"),
    "bom": (Outcome.REPORTED, "1 record"),
    "crlf": (Outcome.REPORTED, "1 record"),
}
OF_REPORTS = {
    "legacy-policy-off": "legacy-metrics",
    "payment-problem": "copilot-billing",
    "billing-elsewhere": "ai-credit-usage",
}


def test_the_ending_of_every_fault_is_known() -> None:
    assert set(ENDINGS) == set(FAULTS) - {"slow", "order-refused"}, "the last is of orders, not of days: test_orders.py"


@pytest.mark.parametrize("fault", ENDINGS)
def test_every_no_and_every_odd_body_has_its_outcome(standin: Standin, tmp_path: Path, fault: str) -> None:
    outcome, words = ENDINGS[fault]
    standin.faults.append(Fault(fault))
    (got,) = fetch(standin, tmp_path, report=OF_REPORTS.get(fault, "organization-1-day"), days=[DAY])
    assert (got.outcome, got.records) == (outcome, 1 if outcome is Outcome.REPORTED else None)
    assert words in got.evidence


@pytest.mark.parametrize("fault", ["array-file", "gzip-file", "bom", "crlf"])
def test_the_wrapping_of_a_file_leaves_no_trace_in_the_records(standin: Standin, tmp_path: Path, fault: str) -> None:
    def landed(name: str) -> list[tuple[str, str]]:
        (got,) = fetch(standin, tmp_path, scopes=[CORP], days=[DAY - timedelta(days=2)])  # a working day
        with DuckDBFile(tmp_path / name).connect() as connection:
            assert land(connection, [got], "run")[0].outcome is Outcome.REPORTED
            rows = connection.execute("select scope, payload from raw.records order by seq").fetchall()
        return [(str(scope), str(payload)) for scope, payload in rows]

    plain = landed("plain.duckdb")
    standin.faults.append(Fault(fault))
    assert landed("wrapped.duckdb") == plain
    assert len(plain) > 60, "more than one file"


# --- What is left out, and what nobody announced ----------------------------------------------------------------------

WORKING_DAY = DAY - timedelta(days=2)


class Shelf:
    """A warehouse, open, into which one day of a scope is fetched again and again."""

    def __init__(self, standin: Standin, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.standin, self.folder, self.connection = standin, folder, connection

    def fetch(self, *faults: str, report: str = "users-1-day", scope: Scope = ORG) -> Fetch:
        """Fetch the day while these faults strike."""
        self.standin.faults[:] = [Fault(fault) for fault in faults]
        (fetched,) = fetch(self.standin, self.folder, report=report, scopes=[scope], days=[WORKING_DAY])
        return fetched

    def land(self, fetched: Fetch) -> Fetch:
        (landed,) = land(self.connection, [fetched], "run")
        return landed

    def take(self, *faults: str, report: str = "users-1-day", scope: Scope = ORG) -> Fetch:
        return self.land(self.fetch(*faults, report=report, scope=scope))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def payloads(self) -> list[str]:
        return [payload for (payload,) in self.rows("select payload from raw.records order by report, seq")]

    def content(self) -> tuple[list[tuple[Any, ...]], ...]:
        """Everything but the ledger, whole: records, quarantine, unknown fields."""
        tables = ("records", "quarantine", "unknown_fields")
        return tuple(self.rows(f"from raw.{table} order by all") for table in tables)


@pytest.fixture
def shelf(standin: Standin, tmp_path: Path) -> Iterator[Shelf]:
    with DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        yield Shelf(standin, tmp_path, connection)


def test_the_neighbours_of_a_broken_record_land_as_they_came_and_it_stands_beside_them(shelf: Shelf) -> None:
    shelf.take()
    first, *others = shelf.payloads()
    landed = shelf.take("wrong-type")
    assert shelf.payloads() == others
    assert shelf.rows("select min(seq), max(seq), count(distinct seq) from raw.records") == [
        (1, len(others), len(others))
    ]
    ((fetch_id, *key, place, fault, payload),) = shelf.rows("from raw.quarantine")
    assert (fetch_id, key, place) == (landed.fetch_id, ["org:octo-org", "users-1-day", WORKING_DAY], "line 1")
    assert fault == "breaks the contract of users-1-day: Expected `int | null`, got `str` - at `$.loc_added_sum`"
    assert json.loads(payload) == json.loads(first) | {"loc_added_sum": "abc"}


def test_the_same_broken_answer_again_changes_nothing_but_the_ledger(shelf: Shelf) -> None:
    shelf.take("wrong-type")
    before = shelf.content()
    again = shelf.take("wrong-type")
    assert shelf.content() == before
    assert before[1][0][0] != again.fetch_id, "it is still the first fetch's"
    assert shelf.rows("select count(*), count(distinct sha256) from raw.fetches") == [(2, 1)]
    # Nor does it beside an answer of the same batch that is new.
    batch = [shelf.fetch("wrong-type"), shelf.fetch("wrong-type", scope=LABS)]
    land(shelf.connection, batch, "run")
    quarantined = shelf.content()[1]
    assert [row for row in quarantined if row[1] == "org:octo-org"] == before[1]
    assert [row[0] for row in quarantined if row[1] == "org:octo-labs"] == [batch[1].fetch_id]


def test_another_fault_takes_the_place_of_the_one_before(shelf: Shelf) -> None:
    shelf.take("wrong-type")
    landed = shelf.take("negative-counter")
    ((fetch_id, fault),) = shelf.rows("select fetch_id, fault from raw.quarantine")
    assert (fetch_id, fault.partition(": ")[2]) == (landed.fetch_id, "Expected `int` >= 0 - at `$.loc_added_sum`")


@pytest.mark.parametrize("ending", ["", "204"], ids=["mended", "no report"])
@pytest.mark.parametrize("trouble", ["wrong-type", "unknown-field"])
def test_a_later_answer_clears_what_was_noticed_about_its_day(shelf: Shelf, trouble: str, ending: str) -> None:
    shelf.take()
    whole = shelf.payloads()
    shelf.take(trouble)
    assert [bool(rows) for rows in shelf.content()] == [True, trouble == "wrong-type", trouble == "unknown-field"]
    shelf.take(*filter(None, [ending]))
    assert shelf.content()[1:] == ([], [])
    assert shelf.payloads() == ([] if ending else whole)


@pytest.mark.parametrize("refusal", ["500", "policy-off", "truncated-file"])
def test_a_fetch_that_brings_no_answer_leaves_what_was_noticed(shelf: Shelf, refusal: str) -> None:
    shelf.take("wrong-type")
    before = shelf.content()
    assert len(before[1]) == 1
    shelf.take(refusal)
    assert shelf.content() == before


def test_a_day_whose_only_record_is_broken_fails_and_keeps_what_was_there(shelf: Shelf) -> None:
    shelf.take(report="organization-1-day")
    before = shelf.content()
    failed = shelf.take("negative-counter", report="organization-1-day")
    assert failed.outcome is Outcome.FAILED
    records, ((fetch_id, *_, place, fault, payload),), unknown = shelf.content()
    assert (len(records), records, unknown) == (1, before[0], [])
    assert (fetch_id, place) == (failed.fetch_id, "line 1")
    assert fault == "breaks the contract of organization-1-day: Expected `int` >= 0 - at `$.loc_added_sum`"
    ((_, _, _, _, good, _),) = records
    assert json.loads(payload) == json.loads(good) | {"loc_added_sum": -1}
    assert shelf.rows("select records, sha256 is null from raw.fetches order by requested_at") == [
        (1, False),
        (None, True),
    ]


def test_a_broken_day_stands_in_quarantine_once_until_a_good_answer_comes(shelf: Shelf) -> None:
    def take(*faults: str) -> tuple[str, list[tuple[Any, ...]]]:
        """The fetch, and those whose records stand in quarantine after it."""
        fetch_id = shelf.take(*faults, report="organization-1-day").fetch_id
        return fetch_id, shelf.rows("select fetch_id from raw.quarantine")

    for _ in range(2):
        fetch_id, quarantined = take("wrong-type")
        assert quarantined == [(fetch_id,)], "it does not pile up"
    assert take("500")[1] == take("truncated-file")[1] == quarantined, "a failure of another kind says nothing of it"
    assert take()[1] == []
    fetch_id, quarantined = take("negative-counter")
    assert quarantined == [(fetch_id,)]
    assert take()[1] == [], "nor does the answer that was there before the trouble leave it"
    assert shelf.rows("select count(*) from raw.records") == [(1,)]


def test_what_an_answer_left_out_comes_back_after_a_day_that_was_broken_wholly(shelf: Shelf) -> None:
    shelf.take("wrong-type")
    records, ((_, *in_part),), _ = shelf.content()
    spoilt = replace(shelf.fetch(), outcome=Outcome.FAILED, records=None, sha256=None, files=())
    shelf.land(replace(spoilt, broken=(BrokenRecord("line 1", "is", "{}"), BrokenRecord("line 2", "is", "{}"))))
    assert shelf.rows("select place from raw.quarantine order by 1") == [("line 1",), ("line 2",)]
    assert shelf.content()[0] == records
    again = shelf.take("wrong-type")
    assert shelf.rows("from raw.quarantine") == [(again.fetch_id, *in_part)]
    assert [row[:-1] for row in shelf.content()[0]] == [row[:-1] for row in records]


# --- The same bytes under a newer contract ---------------------------------------------------------------------------

USERS = report_named("users-1-day")
BODY = (
    b'{"day":"%(day)s","user_id":1,"loc_added_sum":3,"used_cli":true}\n{"day":"%(day)s","user_id":2,"loc_added_sum":9}\n'
    % {b"day": str(WORKING_DAY).encode()}
)


class OlderUserDay(Record, kw_only=True):
    """A contract of yesterday: nobody could add more than five lines, and there was no CLI."""

    day: Annotated[date, in_raw_only("Day")]
    user_id: Annotated[int, identity("Person")]
    loc_added_sum: Annotated[int, Meta(ge=0, le=5)] | None = None


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> Report:
    """The report as a version of yesterday read it."""
    decoders = (msgspec.json.Decoder(strict(OlderUserDay)), msgspec.json.Decoder(OlderUserDay))
    monkeypatch.setitem(DECODERS, OlderUserDay, decoders)
    return replace(USERS, record=OlderUserDay)


def take_body(shelf: Shelf, report: Report, sha256: str = "same") -> Fetch:
    """Land the same bytes as a version with this report's contract reads them."""
    path = shelf.folder / "body.json"
    path.write_bytes(BODY)
    seen = inspect_files([path], report, WORKING_DAY)
    at = datetime.fromisoformat("2026-10-01") + timedelta(seconds=len(shelf.rows("from raw.fetches")))
    came = Fetch(ORG, report, WORKING_DAY, Outcome.REPORTED, "came", at, 200, seen.records, len(BODY), sha256)
    return shelf.land(replace(came, files=seen.files, broken=seen.broken, unknown_fields=seen.unknown_fields))


def test_a_newer_contract_puts_the_same_bytes_right(shelf: Shelf, older: Report) -> None:
    take_body(shelf, older)
    first, second = BODY.decode().splitlines()
    assert shelf.payloads() == [first]
    assert shelf.rows("select payload from raw.quarantine") == [(second,)]
    assert shelf.rows("select path, records from raw.unknown_fields") == [("$.used_cli", 1)]
    before = shelf.content()
    take_body(shelf, older)
    assert shelf.content() == before, "the same contract changes nothing"
    landed = take_body(shelf, USERS)
    assert shelf.payloads() == [first, second]
    assert shelf.content()[1:] == ([], [])
    after = shelf.content()
    take_body(shelf, USERS)
    assert shelf.content() == after
    assert {fetch_id for *_, fetch_id in after[0]} == {landed.fetch_id}


def test_the_flat_tables_follow_a_newer_contract_and_it_is_no_revision(shelf: Shelf, older: Report) -> None:
    people = Identities(IdentityMode.LOGIN, shelf.folder / "no.key")

    def flattened() -> tuple[int, list[tuple[Any, ...]]]:
        count, _ = refresh_flat(shelf.connection, UserDay, [USERS.name], people)
        return count, shelf.rows("select user_id, loc_added_sum from flat.user_daily order by 1")

    (revisions,) = (model for model in load_models() if model.table == "quality.revisions")
    expect(shelf.connection, [ExpectedReport.of(ORG, USERS, WORKING_DAY, TODAY)])
    take_body(shelf, older)
    assert flattened() == (1, [(1, 3)])
    take_body(shelf, older)
    assert flattened() == (0, [(1, 3)])
    take_body(shelf, USERS)
    assert flattened() == (1, [(1, 3), (2, 9)])
    take_body(shelf, USERS)
    assert flattened()[0] == 0
    assert shelf.rows(revisions.sql) == []
    take_body(shelf, USERS, sha256="other")
    assert len(shelf.rows(revisions.sql)) == 1


def test_a_ledger_that_does_not_tell_the_contract_gets_the_day_anew_once(standin: Standin, tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with DuckDBFile(path).connect() as connection:
        take_body(Shelf(standin, tmp_path, connection), USERS)
        # As a version left it that did not say which it was, either.
        connection.execute("drop view raw.current_fetches; drop table raw.layout")
        connection.execute("drop table raw.pseudonym_key; drop table raw.rebuild_due; drop table raw.plan_credits")
        connection.execute("drop table raw.rebuilt")
        connection.execute("drop table raw.logins; drop table raw.notices; drop table raw.token_end")
        connection.execute("drop table raw.derived; drop table raw.dropped_text")
        connection.execute("alter table raw.fetches drop column contract")
    with DuckDBFile(path).connect() as connection:
        shelf = Shelf(standin, tmp_path, connection)
        assert shelf.rows("select contract from raw.current_fetches") == [(None,)]
        (old,) = {row[-1] for row in shelf.content()[0]}
        anew = take_body(shelf, USERS)
        assert {row[-1] for row in shelf.content()[0]} == {anew.fetch_id} != {old}
        take_body(shelf, USERS)
        assert {row[-1] for row in shelf.content()[0]} == {anew.fetch_id}


@pytest.mark.parametrize(("fault", "is_told"), [("", True), ("204", False), ("500", False), ("wrong-type", False)])
def test_only_an_answer_that_was_read_tells_the_contract(shelf: Shelf, fault: str, is_told: bool) -> None:
    shelf.take(*filter(None, [fault]), report="organization-1-day")
    assert shelf.rows("select contract is not null from raw.fetches") == [(is_told,)]


def test_other_reports_and_scopes_keep_their_own(shelf: Shelf) -> None:
    shelf.take("wrong-type")
    shelf.take("unknown-field", report="user-teams-1-day")
    shelf.take("negative-counter", scope=LABS)
    found = "select scope, report from raw.{} order by all"
    assert shelf.rows(found.format("quarantine")) == [("org:octo-labs", "users-1-day"), ("org:octo-org", "users-1-day")]
    shelf.take()
    assert shelf.rows(found.format("quarantine")) == [("org:octo-labs", "users-1-day")]
    assert shelf.rows(found.format("unknown_fields")) == [("org:octo-org", "user-teams-1-day")]


@pytest.mark.parametrize("layout", ["lines", "array", "gzip"])
def test_of_two_shards_the_rest_lands_in_order(shelf: Shelf, tmp_path: Path, layout: str) -> None:
    """First and last records of either shard are broken: what is counted must be what DuckDB finds there."""
    got = shelf.fetch(scope=CORP)
    texts = [line for file in got.files for line in file.path.read_text().splitlines()]
    middle, last = got.files[0].records, len(texts) - 1
    assert 5 < middle < last - 1
    for place, value in {0: "-1", 5: '"abc"', middle - 1: "{}", middle: "1.5", last: "[]"}.items():
        texts[place] = texts[place][:-1] + f',"loc_deleted_sum":{value}}}'
    broken = {texts[place] for place in (0, 5, middle - 1, middle, last)}
    paths = [tmp_path / "one", tmp_path / "two"]
    for path, part in zip(paths, (texts[:middle], texts[middle:]), strict=True):
        body = ("[" + ",\n".join(part) + "]" if layout == "array" else "\r\n".join(part)).encode()
        path.write_bytes(gzip.compress(body) if layout == "gzip" else body)
    seen = inspect_files(paths, report_named("users-1-day"), WORKING_DAY)
    landed = shelf.land(replace(got, files=seen.files, records=seen.records, broken=seen.broken))
    assert landed.outcome is Outcome.REPORTED
    assert shelf.payloads() == [text for text in texts if text not in broken]
    assert {payload for (payload,) in shelf.rows("select payload from raw.quarantine")} == broken


def test_records_quarantine_and_unknown_fields_land_together_or_not_at_all(shelf: Shelf) -> None:
    shelf.take("wrong-type")
    before = shelf.content()
    good = shelf.fetch()
    # A count that the file does not keep is what DuckDB finds out last.
    (file,) = good.files
    landed = shelf.land(
        replace(
            good,
            files=(replace(file, records=file.records + 1),),
            broken=(BrokenRecord("line 9", "is none", "{}"),),
            unknown_fields={("$.x", "null"): 1},
        )
    )
    assert (landed.outcome, landed.broken, landed.unknown_fields) == (Outcome.FAILED, (), {})
    assert shelf.content() == before


def test_days_that_are_too_much_at_once_land_one_by_one(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(connection: duckdb.DuckDBPyConnection, fetches: Sequence[Fetch]) -> None:
        if len(fetches) > 1 or CORP in [each.scope for each in fetches]:
            raise duckdb.OutOfMemoryException(trouble)
        insert(connection, fetches)

    insert, trouble = landing._insert_records, "failed to allocate data of size 128.0 MiB (458.1 MiB/572.2 MiB used)"
    monkeypatch.setattr(landing, "_insert_records", short)
    batch = [shelf.fetch(scope=scope) for scope in (ORG, CORP, LABS)]
    landed = land(shelf.connection, batch, "run")
    assert [each.outcome for each in landed] == [Outcome.REPORTED, Outcome.FAILED, Outcome.REPORTED]
    assert "could not store the records of this day (OutOfMemoryException)" in landed[1].evidence
    assert len(shelf.payloads()) == (batch[0].records or 0) + (batch[2].records or 0)

    # A disk that is full is so for each of them.
    trouble = 'failed to offload data block of size 256.0 KiB: "max_temp_directory_size" is reached'
    with pytest.raises(duckdb.OutOfMemoryException, match="max_temp_directory_size"):
        land(shelf.connection, [shelf.fetch("wrong-type", scope=scope) for scope in (ORG, LABS)], "run")
    assert shelf.rows("select count(*) from raw.fetches") == [(3,)]


def test_the_fields_nobody_announced_are_kept_with_their_counts(shelf: Shelf) -> None:
    landed = shelf.take("unknown-field")
    assert shelf.rows("from raw.unknown_fields") == [
        (landed.fetch_id, "org:octo-org", "users-1-day", WORKING_DAY, "$.tomorrows_counter", "integer", 1)
    ]
    (with_it,) = [payload for payload in shelf.payloads() if "tomorrows_counter" in payload]
    assert json.loads(with_it)["tomorrows_counter"] == 7
    before = shelf.content()
    shelf.take("unknown-field")
    assert shelf.content() == before


def test_bytes_that_are_no_text_fail_their_own_day_alone(tmp_path: Path) -> None:
    users = report_named("users-1-day")
    path = tmp_path / "part.json"
    for damage in (
        b'{"day":"2026-09-01","user_id":1,"note":"\xff"}\n',
        b'{"day":"2026-09-01","user_id":1,"n":' + b"[" * 9999,
    ):
        path.write_bytes(b'{"day":"2026-09-01","user_id":2}\n' + damage)
        with pytest.raises(BrokenFileError, match="line 2"):
            inspect_files([path], users, date(2026, 9, 1))
    assert message_of(b"[" * 99_999) == ""


@pytest.mark.parametrize(
    ("text", "least", "most"), [("7", 7, 7), ("1.5", 1.5, 1.5), ("Thu, 01 Oct 2020 00:00:00 GMT", 0, 0)]
)
def test_retry_after_is_seconds_or_a_date(text: str, least: float, most: float) -> None:
    seconds = retry_after_seconds(httpx.Headers({"retry-after": text}))
    assert seconds is not None
    assert least <= seconds <= most


@pytest.mark.parametrize("text", ["", "soon", "9" * 5000])
def test_an_unreadable_retry_after_is_none(text: str) -> None:
    assert retry_after_seconds(httpx.Headers({"retry-after": text})) is None


def test_a_damaged_file_is_not_called_open_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "blocks" / "lock.duckdb"
    path.parent.mkdir()
    path.write_bytes(b"no database " * 5000)
    with pytest.raises(WarehouseError, match="is not a DuckDB file"), DuckDBFile(path).connect():
        pass


def test_a_team_without_the_legacy_metrics_is_said_to_have_no_report(company: Company) -> None:
    company.env["COPILOT_SCOPES"] = "org:octo-org,team:octo-org/platform"
    with pytest.raises(
        SettingsError, match="team:octo-org/platform, and nothing but the legacy metrics is about teams"
    ):
        Settings.from_env(company.env)
    assert len(Settings.from_env({**company.env, "COPILOT_LEGACY_API": "on"}).scopes) == 2


def test_an_empty_variable_does_not_hide_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("GITHUB_TOKEN=from-file\nCOPILOT_SCOPES=org:a\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", "")
    monkeypatch.delenv("COPILOT_SCOPES", raising=False)
    assert Settings.from_env().credentials == Token("from-file")


def raw_alone(installation: Installation) -> dg.Definitions:
    """The definitions with a job `everything` of users-1-day alone: what holds for a step holds for a hundred."""
    whole = build_defs(installation)
    return dg.Definitions(
        assets=[whole.get_assets_def(dg.AssetKey(["raw", "users_1_day"]))],
        jobs=[dg.define_asset_job("everything")],
        resources=whole.resources,
        executor=whole.executor,
    )


def test_a_killed_run_does_not_hold_the_next_one_up(
    standin: Standin, company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power cut in the middle of a backfill: the run is a failure, and the next one waits for nobody."""
    standin.faults.append(Fault("slow", report="users-1-day"))
    company.env |= {"COPILOT_SCOPES": "org:octo-org", "COPILOT_SKIP_REPORTS": all_but("users-1-day")}
    command = [sys.executable, "-m", "copilot_assets", "backfill", "--start", str(DAY), "--end"]
    repository = Path(__file__).parents[2]
    (tmp_path / "dagster.yaml").write_bytes((repository / "dagster.yaml").read_bytes())
    env = {**os.environ, **company.env, "DAGSTER_HOME": str(tmp_path)}
    victim = subprocess.Popen([*command, str(DAY + timedelta(days=3))], cwd=tmp_path, env=env, stdout=subprocess.PIPE)
    assert victim.stdout is not None
    standin.requests.clear()
    while not any("users-1-day" in request.path for request in standin.requests):
        assert victim.poll() is None
        time.sleep(0.05)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    standin.faults.clear()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # where that history is
    monkeypatch.setattr("copilot_assets.shell.runs.build_defs", raw_alone)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        (victims,) = instance.get_runs()
        done = run_range(company.installation, DAY, DAY, instance=instance, on_day=lambda *_: None)
        assert done.problems == ()
        assert (killed := instance.get_run_by_id(victims.run_id))
        assert killed.status is dg.DagsterRunStatus.FAILURE
    assert company.sql("select outcome from raw.fetches") == [("reported",)]


def test_no_event_of_a_failed_run_shows_a_login_a_token_or_a_signature(company: Company, standin: Standin) -> None:
    standin.faults.append(Fault("wrong-type", report="users-1-day", scope="org:octo-org"))
    standin.faults.append(Fault("expired-link", report="organization-1-day", scope="org:octo-labs"))
    company.env["COPILOT_IDENTITIES"] = "login"  # also the flat tables show logins
    result = company.materialize(day=DAY)
    (problem,) = sentences(result)
    assert "answered 403 for a report file" in problem, "of a broken record the day is not red"
    records = company.instance.get_records_for_run(result.run_id).records
    events = " ".join(str(record.event_log_entry.to_json()) for record in records)
    logins = {
        json.loads(payload)["user_login"]
        for (payload,) in company.sql("select payload from raw.records where report = 'users-1-day'")
    }
    ((payload, fault),) = company.sql("select payload, fault from raw.quarantine")
    broken = json.loads(payload)["user_login"]
    assert broken
    assert len(logins) > 5
    assert "secret-of-the-test" not in events
    assert "sig=" not in events
    assert not [login for login in {*logins, broken} if login in events]
    assert "quality.quarantine has it" in events
    assert broken not in fault
    assert '"abc"' not in events, "nor the value that broke it"
