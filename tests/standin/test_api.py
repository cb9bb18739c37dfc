"""What GitHub asks of every request, and puts on every answer; and how the servers start, count and stop."""

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from hashlib import sha256

import httpx
import msgspec
import pytest
from githubkit import GitHub
from githubkit.exception import RequestFailed
from githubkit_schemas.ghec_v2026_03_10.models import BasicError, RateLimitOverview

from copilot_assets.standin import Fault, Standin, World
from tests.conftest import NOW

from .conftest import ENTERPRISE, ORG, TODAY, Client

pytestmark = pytest.mark.usefixtures("fixed_clock")

DAY = date(2026, 11, 10)
REPORT = "/orgs/octo-org/copilot/metrics/reports/organization-1-day?day=2026-11-10"


def test_no_token_and_bad_tokens_are_401(standin):
    with httpx.Client(base_url=standin.api_url) as nobody:
        answer = nobody.get(REPORT)
        assert (answer.status_code, answer.json()["message"]) == (401, "Requires authentication")
        for token in ("Bearer bad", "token bad-and-old"):
            answer = nobody.get(REPORT, headers={"authorization": token})
            assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
        assert nobody.get(REPORT, headers={"authorization": "token good"}).status_code == 200
        assert nobody.get("/versions").json() == ["2026-03-10", "2022-11-28"]
    assert [seen.had_authorization for seen in standin.requests] == [False, True, True, True, False]


def test_no_user_agent_is_403(standin):
    with httpx.Client(base_url=standin.api_url, headers={"authorization": "Bearer x"}) as client:
        del client.headers["user-agent"]
        assert client.get(REPORT).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/orgs/nope/copilot/metrics/reports/organization-1-day?day=2026-11-10",
        "/enterprises/nope/copilot/metrics/reports/enterprise-1-day?day=2026-11-10",
        "/orgs/octo-org/copilot/metrics/reports/enterprise-1-day?day=2026-11-10",
        "/enterprises/octo-corp/copilot/metrics/reports/organization-1-day?day=2026-11-10",
        "/orgs/octo-org/copilot/metrics/reports/organization-28-day",
        "/orgs/octo-org/team/nope/copilot/metrics",
        "/orgs/nope/copilot/billing/seats",
        "/orgs/octo-org/copilot/usage",
        "/",
    ],
)
def test_whatever_is_not_there_is_the_general_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert BasicError.model_validate(answer.json()).message == "Not Found"
    assert answer.json()["status"] == "404"
    assert client.http.post(path).status_code == 404


def test_names_ignore_case(client):
    assert client.get(REPORT.replace("octo-org", "Octo-Org")).status_code == 200


def test_headers_of_every_answer(client):
    chosen = client.http.get(REPORT, headers={"x-github-api-version": "2026-03-10"})
    assert chosen.headers["x-github-api-version-selected"] == "2026-03-10"
    for path in (REPORT, "/orgs/nope/teams", "/versions"):
        headers = client.get(path).headers
        assert headers["content-type"] == "application/json; charset=utf-8"
        assert headers["x-github-api-version-selected"] == "2022-11-28"
        assert headers["x-github-request-id"]
        assert headers["x-ratelimit-resource"] == "core"
    assert client.http.get(REPORT, headers={"x-github-api-version": "2020-01-01"}).status_code == 410


def test_rate_limit_is_counted_for_each_token(standin):
    with httpx.Client(base_url=standin.api_url) as client:
        for expected in (1, 2):
            mine = client.get(REPORT, headers={"authorization": "Bearer mine"})
            assert mine.headers["x-ratelimit-used"] == str(expected)
            assert mine.headers["x-ratelimit-remaining"] == str(5000 - expected)
        other = client.get("/rate_limit", headers={"authorization": "Bearer other"})
        overview = RateLimitOverview.model_validate(other.json())
        assert (overview.resources.core.used, overview.resources.core.limit) == (0, 5000)
        assert 3500 < overview.resources.core.reset - NOW.timestamp() <= 3600


def test_a_token_that_used_up_its_hour_is_refused():
    with Standin(today=TODAY, rate_limit=2) as standin:
        client = Client(standin)
        assert [client.get(REPORT).status_code for _ in range(3)] == [200, 200, 403]
        refused = client.get(REPORT)
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert "rate limit" in refused.json()["message"]
        assert client.get("/rate_limit").status_code == 200


# -------------------------------------------------------------------------------------------------- GitHub's client


def test_githubs_community_client_cannot_tell_the_difference(standin):
    with GitHub("good", base_url=f"{standin.api_url}/") as github:
        rest = github.rest("ghec-2026-03-10")
        report = rest.copilot.copilot_organization_one_day_usage_metrics("octo-org", day=DAY)
        assert report.parsed_data.report_day.isoformat() == "2026-11-10"
        window = rest.copilot.copilot_enterprise_usage_metrics("octo-corp").parsed_data
        assert window.report_end_day.isoformat() == "2026-11-21"
        seats = list(
            github.rest.paginate(
                rest.copilot.list_copilot_seats, map_func=lambda r: r.parsed_data.seats, org="octo-labs", per_page=25
            )
        )
        assert len(seats) == len(standin.world.population.licensed("org:octo-labs", TODAY))
        assert rest.copilot.get_copilot_organization_details("octo-org").parsed_data.plan_type == "enterprise"
        assert rest.rate_limit.get().parsed_data.resources.core.limit == 5000
        with pytest.raises(RequestFailed) as failed:
            rest.copilot.copilot_organization_usage_metrics("nope")
        assert failed.value.response.status_code == 404


# ------------------------------------------------------------------------------------------------------ the servers


def test_requests_are_recorded_without_signatures(client, standin):
    client.files(client.get(REPORT))
    api, download = standin.requests
    assert (api.method, api.host, api.status, api.had_authorization) == ("GET", "api", 200, True)
    assert f"{api.path}?{api.query}" == REPORT
    assert (download.host, download.status, download.had_authorization, download.query) == ("downloads", 200, False, "")
    assert "sig" not in str(standin.requests)


def test_most_in_flight_is_measured():
    with Standin(today=TODAY) as standin, ThreadPoolExecutor(6) as pool:
        standin.faults = [Fault("slow")]
        client = Client(standin)
        list(pool.map(lambda _: client.get(REPORT), range(6)))
        assert standin.most_in_flight == 6


def test_only_this_machine_is_served(standin):
    assert standin.api_url.startswith("http://127.0.0.1:")


def test_a_taken_port_is_said_plainly():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"Port {port} of this machine is taken"):
            Standin(port=port)


def test_serve_runs_until_interrupted():
    code = "from copilot_assets.standin import serve;serve(port=0, on_ready=lambda url: print(url, flush=True))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        url = process.stdout.readline().decode().strip()
        answer = httpx.get(f"{url}/orgs/octo-org/copilot/billing", headers={"authorization": "Bearer x"})
        assert answer.status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == b""


# ------------------------------------------------------------------------------------------------------- determinism

_DIGEST = """
import datetime, hashlib, msgspec, sys
from copilot_assets.standin import World
world = World(seed=int(sys.argv[1]), today=datetime.date(2026, 11, 22))
day = datetime.date(2026, 11, 10)
digest = hashlib.sha256()
for report in ("users-1-day", "organization-1-day", "user-teams-1-day", "repos-1-day"):
    digest.update(msgspec.json.encode(list(world.report("org:octo-org", report, day, world.today).rows())))
print(digest.hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_in_every_process():
    runs = [
        subprocess.run(
            [sys.executable, "-c", _DIGEST, seed],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed, hash_seed in (("1", "0"), ("1", "77"), ("2", "0"))
    ]
    assert runs[0] == runs[1] != runs[2]


def test_a_day_does_not_depend_on_what_was_asked_before():
    def digest(world):
        rows = list(world.report(ENTERPRISE, "users-1-day", DAY, TODAY).rows())
        return sha256(msgspec.json.encode(rows)).hexdigest()

    fresh, used = World(today=TODAY), World(today=TODAY)
    for report in ("organization-28-day", "users-28-day", "user-teams-1-day"):
        list(used.report(ORG, report, DAY, TODAY).rows())
    assert digest(fresh) == digest(used)


def test_size_is_a_parameter():
    world = World(people=2000, today=TODAY)
    report = world.report(ENTERPRISE, "users-1-day", DAY, TODAY)
    assert len(world.population.by_login) == 2000
    rows = [row for part in range(report.parts) for row in report.rows(part)]
    assert 500 < len(rows) < 2000
