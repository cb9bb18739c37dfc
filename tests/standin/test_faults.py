"""Every fault by its name, where it strikes, and how often."""

import gzip
import json
import time
from collections.abc import Callable
from datetime import date

import httpx
import pytest
from click.testing import CliRunner

from copilot_assets.shell.cli import main
from copilot_assets.standin import Fault, read_scenario
from copilot_assets.standin.faults import FAULTS, FILES, LIMITS, LINKS, NO_DATA, OUTAGES, REFUSALS, ScenarioError
from tests.conftest import NOW

from .conftest import ENTERPRISE, LABS, ORG

pytestmark = pytest.mark.usefixtures("fixed_clock")

DAY = date(2026, 11, 10)


def ask(client, scope=ORG, day=DAY):
    return client.report(scope, "organization-1-day" if scope != ENTERPRISE else "enterprise-1-day", day)


def first_file(answer: httpx.Response) -> httpx.Response:
    return httpx.get(answer.json()["download_links"][0], verify=False)  # noqa: S501 - no TLS here


# Name → what the answer to the report request must look like.
ANSWERS: dict[str, Callable[[httpx.Response], bool]] = {
    "204": lambda a: (a.status_code, a.content) == (204, b""),
    "404": lambda a: a.status_code == 404 and a.json()["message"] == "Not Found",
    "empty-string": lambda a: (a.status_code, a.content) == (200, b'""'),
    "no-report-string": lambda a: a.status_code == 200 and a.json().startswith("No report available"),
    "empty-links": lambda a: a.json() == {"download_links": [], "report_day": "2026-11-10"},
    "empty-file": lambda a: first_file(a).content == b"",
    "bad-credentials": lambda a: (a.status_code, a.json()["message"]) == (401, "Bad credentials"),
    "sso-required": lambda a: a.status_code == 403 and "/orgs/octo-org/sso" in a.headers["x-github-sso"],
    "no-token": lambda a: (a.status_code, a.json()["message"]) == (401, "Requires authentication"),
    "sso-partial": lambda a: (
        a.status_code == 403
        and a.headers["x-github-sso"].startswith("partial-results; ")
        and "Insufficient permissions" in a.json()["message"]
    ),
    "ip-not-allowed": lambda a: a.status_code == 403 and "`octo-org` has an IP allow list" in a.json()["message"],
    "firewall": lambda a: a.status_code == 403 and a.text.startswith("<!DOCTYPE html>"),
    "no-user-agent": lambda a: a.status_code == 403 and "User-Agent header.\n" in a.text and a.text[0] != "{",
    "token-permission-missing": lambda a: (
        (a.status_code, a.json()["message"]) == (403, "Resource not accessible by personal access token")
    ),
    "classic-token-forbidden": lambda a: (
        a.status_code == 403 and a.json()["message"].startswith("`octo-org` forbids access via a personal access token")
    ),
    "token-lives-too-long": lambda a: (
        a.status_code == 403
        and a.json()["message"].endswith("https://github.com/settings/personal-access-tokens/1234567")
    ),
    "web-page-404": lambda a: a.status_code == 404 and a.text.startswith("<!DOCTYPE html>"),
    "version-ended": lambda a: a.status_code == 410 and "version" in a.json()["message"],
    "not-understood": lambda a: (a.status_code, list(a.json())) == (400, ["message", "documentation_url", "status"]),
    "invalid": lambda a: (a.status_code, a.json()["message"]) == (422, "Validation Failed"),
    "proxy-password": lambda a: a.status_code == 407,
    "rate-limit-untold": lambda a: (
        a.status_code == 403 and "rate limit" in a.json()["message"] and "retry-after" not in a.headers
    ),
    "rate-limit-endless": lambda a: a.status_code == 429 and int(a.headers["retry-after"]) > 365 * 86400,
    "proxy-page": lambda a: a.status_code == 200 and a.text.startswith("<!DOCTYPE html>"),
    "wrong-day": lambda a: a.json()["report_day"] == "2026-11-09",
    "policy-off": lambda a: a.status_code == 403 and "'Copilot usage metrics' policy" in a.json()["message"],
    "role-missing": lambda a: (a.status_code, list(a.json())) == (403, ["message"]),
    "app-permission-missing": lambda a: a.json()["message"] == "Resource not accessible by integration",
    "rate-limit-primary": lambda a: (
        a.status_code == 403
        and a.headers["x-ratelimit-remaining"] == "0"
        and 0 < int(a.headers["x-ratelimit-reset"]) - NOW.timestamp() <= 2.1
        and "retry-after" not in a.headers
    ),
    "rate-limit-secondary": lambda a: (a.status_code, a.headers["retry-after"]) == (429, "1"),
    "500": lambda a: a.status_code == 500,
    "502": lambda a: a.status_code == 502 and a.headers["content-type"].startswith("text/html"),
    "503": lambda a: a.status_code == 503,
    "expired-link": lambda a: first_file(a).status_code == 403,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(client, fault, name):
    fault(name, scope=ORG, report="organization-1-day", day=DAY, times=1)
    assert ANSWERS[name](ask(client))
    assert ask(client).json()["download_links"]  # spent
    assert len(client.files(ask(client))) == 1


def test_every_fault_is_tried_here():
    others = {"slow", "cut-connection", "cut-file", "legacy-policy-off", "order-refused"}
    tried = {*ANSWERS, *FILE_CHECKS, *OF_ACCOUNTS, *others}
    assert tried == set(FAULTS) == {*NO_DATA, *REFUSALS, *LIMITS, *OUTAGES, *LINKS, *FILES}


def test_legacy_policy(client, fault):
    fault("legacy-policy-off")
    answer = client.get("/orgs/octo-org/copilot/metrics")
    assert (answer.status_code, answer.json()["message"][:13]) == (422, "Copilot Usage")
    assert ask(client).status_code == 200


# Name → the one endpoint that it strikes, one that it passes over, the status, the message.
OF_ACCOUNTS = {
    "payment-problem": (
        "/orgs/octo-org/copilot/billing",
        "/orgs/octo-org/copilot/billing/seats",
        422,
        "There is a problem with your account's associated payment method.",
    ),
    "billing-elsewhere": (
        "/organizations/octo-org/settings/billing/ai_credit/usage",
        "/enterprises/octo-corp/settings/billing/ai_credit/usage",
        404,
        "Not Found",
    ),
}


@pytest.mark.parametrize("name", OF_ACCOUNTS)
def test_refusals_of_one_account_endpoint(client, fault, name):
    struck, spared, status, message = OF_ACCOUNTS[name]
    fault(name)
    answer = client.get(struck)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert client.get(spared).status_code == 200
    assert ask(client).status_code == 200


def test_an_order_is_refused_and_what_was_ordered_is_told(client, fault):
    fault("order-refused")
    reports = "/enterprises/octo-corp/settings/billing/reports"
    wish = {"report_type": "ai_credit", "start_date": "2026-11-01", "end_date": "2026-11-07"}
    answer = client.http.post(reports, json=wish)
    assert (answer.status_code, answer.json()["message"][:21]) == (422, "A usage report export")
    assert client.get(reports).json() == {"usage_report_exports": []}


def test_cut_connection(client, fault):
    fault("cut-connection", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    assert ask(client).status_code == 200


def test_slow(client, fault):
    fault("slow", times=1)
    with pytest.raises(httpx.ReadTimeout):
        client.http.get("/orgs/octo-org/teams", timeout=0.2)
    started = time.monotonic()
    assert ask(client).status_code == 200
    assert time.monotonic() - started < 0.9


def test_policy_comes_before_role_and_role_before_the_day(client, fault):
    fault("role-missing")
    fault("policy-off")
    fault("204")
    assert "policy" in ask(client).json()["message"]
    client.standin.faults = [f for f in client.standin.faults if f.name != "policy-off"]
    assert "Insufficient permissions" in ask(client).json()["message"]
    assert "Insufficient permissions" in client.get("/orgs/octo-org/copilot/billing/seats").json()["message"]


def test_policy_is_about_reports_only(client, fault):
    fault("policy-off")
    assert ask(client).status_code == 403
    assert client.get("/orgs/octo-org/copilot/billing/seats").status_code == 200
    assert client.get("/orgs/octo-org/copilot/metrics").status_code == 200


def test_faults_strike_only_where_they_are_meant_to(client, fault):
    fault("500", scope=LABS)
    fault("502", report="seats")
    fault("503", day=date(2026, 11, 9))
    fault("204", report="users-28-day/latest")
    assert ask(client).status_code == 200
    assert ask(client, LABS).status_code == 500
    assert ask(client, ENTERPRISE).status_code == 200
    assert client.get("/orgs/octo-org/copilot/billing/seats").status_code == 502
    assert ask(client, day=date(2026, 11, 9)).status_code == 503
    assert client.report(ORG, "organization-28-day/latest").status_code == 200
    assert client.report(ORG, "users-28-day/latest").status_code == 204


def test_times_counts_requests(client, fault):
    trouble = fault("500", times=2)
    assert [ask(client).status_code for _ in range(3)] == [500, 500, 200]
    assert trouble.times == 0


# -------------------------------------------------------------------------------------------------------------- files


def _breaks(content: bytes) -> bool:
    """Whether some line is no JSON."""
    try:
        for line in content.splitlines():
            json.loads(line)
    except ValueError:
        return True
    return False


def _good_lines(content: bytes) -> list[int]:
    good = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            json.loads(line)
        except ValueError:
            continue
        good.append(number)
    return good


# Name → what must hold for (the two files of users-1-day as they should be, as they are).
FILE_CHECKS: dict[str, Callable[[list[bytes], list[bytes]], bool]] = {
    "malformed-line": lambda good, bad: (
        [n for n in _good_lines(good[0]) if n != 3] == _good_lines(bad[0]) and bad[1] == good[1]
    ),
    "truncated-file": lambda good, bad: good[1].startswith(bad[1]) and _breaks(bad[1]) and bad[0] == good[0],
    "html-file": lambda good, bad: bad[0].startswith(b"<!DOCTYPE html>") and bad[1] == good[1],
    "json-string-file": lambda good, bad: json.loads(bad[0]) == "No report available." and bad[1] == good[1],
    "array-file": lambda good, bad: (
        [json.loads(file) for file in bad] == [[json.loads(line) for line in file.splitlines()] for file in good]
    ),
    "gzip-file": lambda good, bad: [gzip.decompress(file) for file in bad] == good,
    "truncated-gzip": lambda good, bad: gzip.compress(good[1], mtime=0)[10:500] == bad[1][10:500] and bad[0] == good[0],
    "utf-16-file": lambda good, bad: bad[0].decode("utf-16").encode() == good[0] and bad[1] == good[1],
    "two-records": lambda good, bad: bad == [good[0][: good[0].index(b"\n") + 1] + good[0], good[1]],
    "storage-503": lambda good, bad: (bad[0][:5], bad[1]) == (b"<?xml", good[1]),
    "wrong-type": lambda good, bad: json.loads(bad[0].splitlines()[0])["loc_added_sum"] == "abc",
    "negative-counter": lambda good, bad: json.loads(bad[0].splitlines()[0])["loc_added_sum"] == -1,
    "unknown-field": lambda good, bad: json.loads(bad[0].splitlines()[0])["tomorrows_counter"] == 7,
    "missing-shard": lambda good, bad: (bad[0], bad[1][:5]) == (good[0], b"<?xml"),
    "pretty-printed": lambda good, bad: bad == good,  # only one-object files are
    "bom": lambda good, bad: bad == [b"\xef\xbb\xbf" + file for file in good],
    "crlf": lambda good, bad: bad == [file.replace(b"\n", b"\r\n") for file in good],
}


def test_cut_file(client, fault):
    (good,) = client.files(ask(client))
    fault("cut-file")
    (link,) = ask(client).json()["download_links"]
    with pytest.raises(httpx.RemoteProtocolError, match=f"received {len(good) // 2} bytes"):
        client.plain.get(link)


@pytest.mark.parametrize("name", [name for name in FILES if name != "cut-file"])
def test_files(client, fault, name):
    good = client.files(client.report(ENTERPRISE, "users-1-day", DAY))
    assert len(good) == 2
    fault(name, report="users-1-day")
    links = client.report(ENTERPRISE, "users-1-day", DAY).json()["download_links"]
    answers = [client.plain.get(link) for link in links]
    assert FILE_CHECKS[name](good, [a.content for a in answers])
    expected = {"missing-shard": [200, 404], "storage-503": [503, 200]}.get(name, [200, 200])
    assert [a.status_code for a in answers] == expected


def test_files_of_one_object(client, fault):
    (good,) = client.files(ask(client))
    for name in ("malformed-line", "truncated-file"):
        client.standin.faults = [Fault(name)]
        (bad,) = client.files(ask(client))
        assert _breaks(bad)
    client.standin.faults = [Fault("pretty-printed")]
    (pretty,) = client.files(ask(client))
    assert pretty.count(b"\n") > 100
    assert json.loads(pretty) == json.loads(good)
    client.standin.faults = [Fault("wrong-type", report="organization-28-day/latest")]
    (window,) = client.rows(ORG, "organization-28-day/latest")
    assert window["day_totals"][0]["loc_added_sum"] == "abc"
    client.standin.faults = [Fault("negative-counter", report="user-teams-1-day")]
    assert client.rows(ORG, "user-teams-1-day", DAY)[0]["user_id"] == -1


def test_an_empty_file_survives_every_damage(client, standin):
    for name in FILES:
        standin.faults = [Fault("empty-file"), Fault(name)]
        (link,) = ask(client).json()["download_links"]
        assert client.plain.get(link).status_code in (200, 404, 503)
    holiday = date(2026, 1, 1)
    for name in FILES:
        standin.faults = [Fault(name)]
        (link,) = client.report(ORG, "users-1-day", holiday).json()["download_links"]
        assert client.plain.get(link).status_code in (200, 404, 503), name


def test_damage_spends_one_time_for_each_file_it_hits(client, fault):
    trouble = fault("missing-shard", report="users-1-day", times=1)
    links = client.report(ENTERPRISE, "users-1-day", DAY).json()["download_links"]
    assert [client.plain.get(link).status_code for link in (*links, *links)] == [200, 404, 200, 200]
    assert trouble.times == 0


# -------------------------------------------------------------------------------------------------------- spelling


def test_a_scenario_is_a_list_of_faults(tmp_path):
    path = tmp_path / "bad-day.yaml"
    path.write_text(
        "- name: 204\n  report: users-1-day\n- {name: policy-off, scope: 'org:octo-labs', day: 2026-05-01, times: 2}\n"
    )
    assert read_scenario(path) == [
        Fault("204", report="users-1-day"),
        Fault("policy-off", scope="org:octo-labs", day=date(2026, 5, 1), times=2),
    ]
    path.write_text("[]")
    assert read_scenario(path) == []


def test_the_command_refuses_a_bad_scenario_as_wrong_usage(tmp_path):
    path = tmp_path / "bad-day.yaml"
    path.write_text("- {name: nope}")
    result = CliRunner().invoke(main, ["standin", "--port", "8700", "--scenario", str(path)])
    assert result.exit_code == 2
    assert "no fault called" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "array"),
        ("name: policy-off\n", "array"),
        ("- policy-off\n", "object"),
        ("- {scope: 'org:octo-org'}\n", "`name`"),
        ("- {name: nope}\n", "There is no fault called 'nope'"),
        ("- {name: 500, scop: 'org:octo-org'}\n", "`scop`"),
        ("- {name: 500, day: tomorrow}\n", "day"),
        ("- {name: 500, times: 0}\n", "times"),
        ("- {name: [500\n", "expected ',' or ']'"),
        ("\xff\xfe", "no scenario"),
    ],
)
def test_a_bad_scenario_is_refused_with_a_sentence(tmp_path, text, words):
    path = tmp_path / "bad-day.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ScenarioError) as problem:
        read_scenario(path)
    assert words in str(problem.value)
    assert str(problem.value).startswith(f"{path} is no scenario: ")
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("500", Fault("500")),
        ("policy-off:org:octo-org", Fault("policy-off", scope="org:octo-org")),
        ("policy-off:org:octo-org:2026-05-01", Fault("policy-off", scope="org:octo-org", day=date(2026, 5, 1))),
        ("empty-file:2026-05-01", Fault("empty-file", day=date(2026, 5, 1))),
        ("204:enterprise-team:octo-corp/ent:core", Fault("204", scope="enterprise-team:octo-corp/ent:core")),
    ],
)
def test_parse(text, fault):
    assert Fault.parse(text) == fault


@pytest.mark.parametrize("text", ["", "nope", "nope:org:octo-org"])
def test_unknown_names_are_refused_with_the_known_ones(text):
    with pytest.raises(ValueError, match=r"There is no fault called .*policy-off"):
        Fault.parse(text)
