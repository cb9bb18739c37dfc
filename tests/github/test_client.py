"""The client against a GitHub that has bad days: every outcome over a real socket, with its evidence and its cost."""

import asyncio
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from copilot_assets.github.auth import BearerAuth
from copilot_assets.github.client import GitHubClient
from copilot_assets.github.clock import Clock
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.scopes import Scope
from copilot_assets.standin import Fault, Standin
from tests.conftest import TODAY, clock, report_named

ORG = Scope.parse("org:octo-org")
LABS = Scope.parse("org:octo-labs")
CORP = Scope.parse("enterprise:octo-corp")


def a_day(standin: Standin) -> date:
    """A final day that all scopes have."""
    days = (TODAY - timedelta(days=back) for back in range(6, 30))
    return next(day for day in days if not any(standin.world.is_lost(str(scope), day) for scope in (ORG, LABS, CORP)))


def fetch(
    standin: Standin,
    folder: Path,
    *,
    report: str = "users-1-day",
    scopes: Sequence[Scope] = (ORG,),
    days: Sequence[date] | None = None,
    in_flight: int = 8,
) -> list[Fetch]:
    fetched: list[Fetch] = []

    async def deliver(arrived: dict[date, list[Fetch]]) -> None:
        for fetches in arrived.values():
            fetched.extend(fetches)

    async def run() -> None:
        auth = BearerAuth("any")
        async with GitHubClient(
            standin.api_url, auth, in_flight=in_flight, clock=Clock(clock(lambda: TODAY))
        ) as client:
            await client.fetch_days(report_named(report), scopes, days or [a_day(standin)], folder, deliver)

    asyncio.run(run())
    return fetched


def test_a_good_day_is_on_disk_with_its_sizes(standin: Standin, tmp_path: Path) -> None:
    (got,) = fetch(standin, tmp_path)
    assert (got.outcome, got.http_status) == (Outcome.REPORTED, 200)
    lines = [line for file in got.files for line in file.path.read_bytes().splitlines()]
    assert got.records == len(lines) > 20
    assert got.bytes == sum(file.path.stat().st_size for file in got.files)
    assert got.sha256 is not None
    (again,) = fetch(standin, tmp_path)
    assert again.sha256 == got.sha256
    assert again.fetch_id != got.fetch_id


@pytest.mark.parametrize("shape", ["204", "empty-string", "no-report-string", "empty-links", "empty-file"])
def test_no_data_has_many_shapes_and_one_meaning(standin: Standin, tmp_path: Path, shape: str) -> None:
    standin.faults.append(Fault(shape))
    (got,) = fetch(standin, tmp_path, report="organization-1-day")
    assert got.outcome is Outcome.NO_REPORT
    assert (got.records, got.bytes, got.sha256) == (None, None, None), "no answer is never a zero"
    assert got.evidence.startswith("GitHub")


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        ("404", Outcome.NOT_FOUND, "COPILOT_SCOPES"),
        ("policy-off", Outcome.FORBIDDEN, "'Copilot usage metrics' is off"),
        ("role-missing", Outcome.FORBIDDEN, "read:org"),
        ("app-permission-missing", Outcome.FORBIDDEN, "Organization Copilot metrics"),
        ("sso-required", Outcome.FORBIDDEN, "Configure SSO"),
        ("bad-credentials", Outcome.UNAUTHORIZED, "GITHUB_TOKEN"),
    ],
)
def test_a_refusal_is_final_at_once(standin: Standin, tmp_path: Path, fault: str, outcome: Outcome, words: str) -> None:
    standin.faults.append(Fault(fault))
    standin.requests.clear()
    (got,) = fetch(standin, tmp_path)
    assert got.outcome is outcome
    assert words in got.evidence
    assert len(standin.requests) == 1, "asking again would end alike"


FORTY_DAYS = [TODAY - timedelta(days=back) for back in range(44, 4, -1)]


def asked(standin: Standin) -> int:
    """How many questions the API was put; files come from elsewhere."""
    return sum(request.host == "api" for request in standin.requests)


@pytest.mark.parametrize("in_flight", [1, 8])
def test_days_that_are_refused_do_not_speak_for_the_days_after(
    standin: Standin, tmp_path: Path, in_flight: int
) -> None:
    refused = FORTY_DAYS[5:15]
    standin.faults.extend(Fault("policy-off", day=day) for day in refused)
    standin.requests.clear()
    got = fetch(standin, tmp_path, report="organization-1-day", days=FORTY_DAYS, in_flight=in_flight)
    assert len(got) == 40
    assert sorted(each.day for each in got if each.outcome is Outcome.FORBIDDEN) == refused
    assert {each.http_status for each in got} <= {200, 204, 403}, "every day was asked for by itself"
    assert asked(standin) <= 40 + 2, "each day once, and after three and six refusals in a row the newest one"


@pytest.mark.parametrize(("in_flight", "most"), [(1, 4), (8, 8 + 3)])
def test_a_scope_that_is_refused_altogether_is_given_up(
    standin: Standin, tmp_path: Path, in_flight: int, most: int
) -> None:
    standin.faults.append(Fault("policy-off"))
    standin.requests.clear()
    got = fetch(standin, tmp_path, days=FORTY_DAYS, in_flight=in_flight)
    assert [each.outcome for each in got] == [Outcome.FORBIDDEN] * 40
    assert asked(standin) <= most
    assert sum(each.http_status is None for each in got) >= 40 - most, "days without a status were not asked for"


def test_days_answered_before_the_refusals_do_not_keep_a_scope_from_being_given_up(
    standin: Standin, tmp_path: Path
) -> None:
    standin.faults.extend(Fault("role-missing", day=day) for day in FORTY_DAYS[10:])
    standin.requests.clear()
    got = fetch(standin, tmp_path, report="organization-1-day", days=FORTY_DAYS, in_flight=1)
    assert [each.day for each in got if each.outcome is Outcome.FORBIDDEN] == FORTY_DAYS[10:]
    assert asked(standin) == 10 + 3 + 1, "ten answers, three refusals, and the newest day once more"


def test_one_scope_is_given_up_without_the_others(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("policy-off", scope=str(LABS)))
    got = fetch(standin, tmp_path, report="organization-1-day", scopes=[ORG, LABS], days=FORTY_DAYS)
    assert {each.scope for each in got if each.outcome is Outcome.FORBIDDEN} == {LABS}


@pytest.mark.parametrize("fault", ["500", "502", "503", "rate-limit-primary", "rate-limit-secondary", "cut-connection"])
def test_passing_trouble_is_asked_again(standin: Standin, tmp_path: Path, fault: str) -> None:
    standin.faults.append(Fault(fault, times=2))
    (got,) = fetch(standin, tmp_path)
    assert got.outcome is Outcome.REPORTED


@pytest.mark.parametrize("fault", ["500", "rate-limit-secondary", "cut-connection"])
def test_lasting_trouble_fails_with_a_sentence_after_the_last_attempt(
    standin: Standin, tmp_path: Path, fault: str
) -> None:
    standin.faults.append(Fault(fault))
    standin.requests.clear()
    (got,) = fetch(standin, tmp_path)
    assert got.outcome is Outcome.FAILED
    assert "again" in got.evidence
    assert len(standin.requests) == 3, "three attempts in tests, five otherwise"


def test_an_expired_link_is_listed_again_once(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("expired-link", times=1))
    (got,) = fetch(standin, tmp_path, report="organization-1-day")
    assert got.outcome is Outcome.REPORTED
    standin.faults[:] = [Fault("expired-link")]
    standin.requests.clear()
    (got,) = fetch(standin, tmp_path, report="organization-1-day")
    assert (got.outcome, got.http_status) == (Outcome.FAILED, 403)
    assert [request.host for request in standin.requests] == ["api", "downloads"] * 2


def test_a_report_without_one_of_its_files_is_no_report(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("missing-shard"))
    (got,) = fetch(standin, tmp_path, scopes=[CORP])
    assert (got.outcome, got.http_status, got.files) == (Outcome.FAILED, 404, ())


@pytest.mark.parametrize("fault", ["malformed-line", "truncated-file"])
def test_a_broken_file_fails_with_its_line(standin: Standin, tmp_path: Path, fault: str) -> None:
    standin.faults.append(Fault(fault))
    (got,) = fetch(standin, tmp_path)
    assert (got.outcome, got.records, got.files) == (Outcome.FAILED, None, ())
    assert "line " in got.evidence


@pytest.mark.parametrize("fault", ["wrong-type", "negative-counter"])
def test_a_broken_record_of_several_is_left_out_and_said(standin: Standin, tmp_path: Path, fault: str) -> None:
    (whole,) = fetch(standin, tmp_path)
    assert whole.records is not None
    standin.faults.append(Fault(fault))
    (got,) = fetch(standin, tmp_path)
    left = whole.records - 1
    assert (got.outcome, got.http_status, got.records) == (Outcome.REPORTED, 200, left)
    sentences = "1 broken one was left out: quality.quarantine has it with the reason."
    assert got.evidence == f"{left} records in 1 file. {sentences}"
    (broken,) = got.broken
    assert broken.place == "line 1"
    assert "$.loc_added_sum" in broken.fault
    assert broken.text not in repr(got)
    lines = [line for file in got.files for line in file.path.read_bytes().splitlines()]
    assert lines == whole.files[0].path.read_bytes().splitlines()[1:]
    assert got.bytes == sum(len(line) + 1 for line in lines)
    assert whole.broken == ()
    assert "left out" not in whole.evidence


@pytest.mark.parametrize("fault", ["wrong-type", "negative-counter"])
def test_a_broken_record_that_is_the_whole_day_fails_it(standin: Standin, tmp_path: Path, fault: str) -> None:
    standin.faults.append(Fault(fault))
    (got,) = fetch(standin, tmp_path, report="organization-1-day")
    assert (got.outcome, got.http_status, got.records, got.sha256, got.files) == (Outcome.FAILED, 200, None, None, ())
    (broken,) = got.broken
    told, advice = got.evidence.split(". ", 1)
    assert told == f"The record in line 1 {broken.fault}"
    assert broken.fault.startswith("breaks the contract of organization-1-day: ")
    assert "$.loc_added_sum" in broken.fault
    assert advice == (
        "raw.quarantine has the text. Run this day again; if it comes back the same, tell GitHub Support."
    )
    assert json.loads(broken.text)["loc_added_sum"] in ("abc", -1)
    assert "abc" not in got.evidence
    assert broken.text not in repr(got)


def test_a_field_nobody_announced_is_told_with_the_records_that_have_it(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("unknown-field"))
    (got,) = fetch(standin, tmp_path)
    assert (got.outcome, got.broken) == (Outcome.REPORTED, ())
    assert got.unknown_fields == {("$.tomorrows_counter", "integer"): 1}
    standin.faults.clear()
    (got,) = fetch(standin, tmp_path)
    assert got.unknown_fields == {}


def test_a_web_page_in_place_of_a_file_is_called_one(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("html-file"))
    (got,) = fetch(standin, tmp_path)
    assert (got.outcome, got.records, got.files) == (Outcome.FAILED, None, ())
    assert got.evidence.startswith("File 1 of the report is a web page: a proxy or sign-in page answered")
    assert "line " not in got.evidence, "it has no line to be corrected"


def test_a_pretty_printed_object_and_crlf_are_read(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("pretty-printed"))
    (got,) = fetch(standin, tmp_path, report="organization-1-day")
    assert (got.outcome, got.records) == (Outcome.REPORTED, 1)
    standin.faults[:] = [Fault("crlf")]
    (got,) = fetch(standin, tmp_path)
    assert got.outcome is Outcome.REPORTED


def test_at_most_so_many_requests_are_in_flight(tmp_path: Path) -> None:
    days = [TODAY - timedelta(days=back) for back in range(5, 25)]
    with Standin(today=TODAY, faults=[Fault("slow", times=6)]) as watched:
        got = fetch(watched, tmp_path, days=days, in_flight=3)
        assert len(got) == 20
        assert watched.most_in_flight == 3


def test_two_requests_a_scope_and_day_and_none_before_the_report_existed(standin: Standin, tmp_path: Path) -> None:
    standin.requests.clear()
    day, too_early = a_day(standin), date(2025, 12, 11)
    got = fetch(standin, tmp_path, report="organization-1-day", scopes=[ORG, LABS, CORP], days=[day, too_early])
    assert {str(each.scope) for each in got} == {"org:octo-org", "org:octo-labs"}, "an enterprise has another report"
    assert {each.day for each in got} == {day}
    assert len(standin.requests) == 4


def test_the_legacy_metrics_come_as_a_span(standin: Standin, tmp_path: Path) -> None:
    days = [TODAY - timedelta(days=back) for back in range(30, 2, -1)]
    standin.requests.clear()
    got = fetch(standin, tmp_path, report="legacy-metrics", days=days)
    assert len(standin.requests) == 1
    assert [each.day for each in got] == days
    assert {each.outcome for each in got} <= {Outcome.REPORTED, Outcome.NO_REPORT}
    reported = [each for each in got if each.outcome is Outcome.REPORTED]
    assert len(reported) >= 25
    assert all(set(each.headline) == {"total_active_users", "total_engaged_users"} for each in reported)


def test_a_span_longer_than_github_gives_is_asked_for_in_parts(standin: Standin, tmp_path: Path) -> None:
    days = [TODAY - timedelta(days=back) for back in range(130, 0, -1)]
    standin.requests.clear()
    got = fetch(standin, tmp_path, report="legacy-metrics", days=days)
    assert len(got) == 130
    assert len({each.day for each in got}) == 130
    assert len(standin.requests) <= 3


def test_the_closed_api_is_retired(tmp_path: Path) -> None:
    with Standin(today=TODAY) as closed:
        got = fetch(closed, tmp_path, report="legacy-metrics", days=[TODAY - timedelta(days=5)])
        assert [each.outcome for each in got] == [Outcome.RETIRED]
        assert "COPILOT_LEGACY_API=off" in got[0].evidence


def test_nobody_there_is_a_sentence_without_an_address(tmp_path: Path) -> None:
    with Standin(today=TODAY) as gone:
        pass
    (got,) = fetch(gone, tmp_path, days=[TODAY - timedelta(days=5)])
    assert (got.outcome, got.http_status) == (Outcome.FAILED, None)
    assert "could not be reached" in got.evidence
    assert "http" not in got.evidence.lower().replace("httpx", "")
