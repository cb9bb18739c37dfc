"""A GitHub App as the way in: which requests it costs, what GitHub may refuse it, and that nothing secret is shown."""

import asyncio
import logging
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from copilot_assets.github.auth import AppAuth, AuthError, auth_for
from copilot_assets.github.client import GitHubClient
from copilot_assets.github.clock import Clock
from copilot_assets.github.credentials import App, Token
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.scopes import Scope
from copilot_assets.standin import Fault, Standin
from tests.conftest import NOW, TODAY, clock, report_named

pytestmark = pytest.mark.usefixtures("fixed_clock")

ORG_REPORT = "/orgs/octo-org/copilot/metrics/reports/users-28-day/latest"
LABS_REPORT = "/orgs/octo-labs/copilot/metrics/reports/users-28-day/latest"
CORP_REPORT = "/enterprises/octo-corp/copilot/metrics/reports/users-28-day/latest"
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def running() -> Iterator[Standin]:
    with Standin(today=TODAY) as standin:
        yield standin


@pytest.fixture
def installed(running: Standin) -> Iterator[Standin]:
    """A stand-in with the App installed everywhere, no tokens given out and no requests seen."""
    running.requests.clear()
    running.apps.tokens.clear()
    yield running
    running.faults.clear()
    running.apps.suspended_on.clear()
    running.apps.installed_on = {"enterprise:octo-corp", "org:octo-org", "org:octo-labs"}


def the_app(
    standin: Standin, *, app_id: str = "", key: RSAPrivateKey | None = None, installation: int | None = None
) -> App:
    if key is None:
        loaded = load_pem_private_key(standin.app_private_key.encode(), password=None)
        assert isinstance(loaded, RSAPrivateKey)
        key = loaded
    return App(app_id or str(standin.app_id), key, installation)


Session = Callable[[httpx.AsyncClient], Awaitable[list[httpx.Response]]]


def talk(standin: Standin, auth: httpx.Auth, session: Session, *, connections: int = 8) -> list[httpx.Response]:
    """What a client with this auth gets; it has few connections, as the project's own has."""

    async def run() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=connections)
        # A pool that runs dry has to fail the test, not hang it.
        timeout = httpx.Timeout(20, pool=5)
        async with httpx.AsyncClient(base_url=standin.api_url, auth=auth, limits=limits, timeout=timeout) as client:
            return await session(client)

    return asyncio.run(run())


def get(standin: Standin, auth: httpx.Auth, *paths: str) -> list[httpx.Response]:
    """The answers, one after the other."""

    async def session(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path) for path in paths]

    return talk(standin, auth, session)


def refusal(standin: Standin, app: App, path: str = ORG_REPORT, now: Callable[[], float] = NOW.timestamp) -> AuthError:
    with pytest.raises(AuthError) as refused:
        get(standin, AppAuth(app, now=now), path)
    return refused.value


@contextmanager
def answering(body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything with the same, and what it was asked."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def httpx_get(auth: httpx.Auth, url: str) -> None:
    async def run() -> None:
        async with httpx.AsyncClient(auth=auth) as client:
            await client.get(url)

    asyncio.run(run())


def asked(standin: Standin) -> list[str]:
    """The requests seen so far, without the host."""
    return [f"{seen.method} {seen.path} {seen.status}" for seen in standin.requests]


def test_one_client_asks_as_three_installations(installed: Standin, tmp_path: Path) -> None:
    """Two organisations and the enterprise, twenty days each, eight at a time, through the project's own client."""
    scopes = [Scope.parse(text) for text in ("org:octo-org", "org:octo-labs", "enterprise:octo-corp")]
    days = [TODAY - timedelta(days=back) for back in range(5, 25)]
    fetched: list[Fetch] = []

    async def deliver(arrived: dict[date, list[Fetch]]) -> None:
        fetched.extend(fetch for fetches in arrived.values() for fetch in fetches)

    async def run() -> None:
        async with GitHubClient(
            installed.api_url, auth_for(the_app(installed)), clock=Clock(clock(lambda: TODAY))
        ) as client:
            await client.fetch_days(report_named("users-1-day"), scopes, days, tmp_path, deliver)

    asyncio.run(run())
    assert len(fetched) == 60
    assert {fetch.outcome for fetch in fetched} <= {Outcome.REPORTED, Outcome.NO_REPORT}
    assert Counter(fetch.scope for fetch in fetched if fetch.outcome is Outcome.REPORTED).keys() == set(scopes)
    own = [line for line in asked(installed) if "installation" in line]
    assert sorted(line for line in own if line.startswith("GET")) == [
        "GET /enterprises/octo-corp/installation 200",
        "GET /orgs/octo-labs/installation 200",
        "GET /orgs/octo-org/installation 200",
    ]
    assert len([line for line in own if line.startswith("POST")]) == len(own) - 3 == 3
    assert not [seen for seen in installed.requests if seen.host == "downloads" and seen.had_authorization]


def test_eight_at_once_look_one_account_up_once(installed: Standin) -> None:
    async def session(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(client.get(ORG_REPORT) for _ in range(8)))

    answers = talk(installed, AppAuth(the_app(installed)), session)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(installed.requests) == 2 + 8


def test_an_account_without_the_app_is_asked_about_once(installed: Standin) -> None:
    installed.apps.installed_on.clear()

    async def session(client: httpx.AsyncClient) -> list[httpx.Response]:
        ends = await asyncio.gather(*(client.get(ORG_REPORT) for _ in range(8)), return_exceptions=True)
        assert [type(end) for end in ends] == [AuthError] * 8
        return []

    talk(installed, AppAuth(the_app(installed)), session)
    assert asked(installed) == ["GET /orgs/octo-org/installation 404"]


def test_the_account_is_known_by_case_and_number_and_by_its_bills_too(installed: Standin) -> None:
    bill = "/organizations/octo-org/settings/billing/ai_credit/usage"
    answers = get(installed, AppAuth(the_app(installed)), ORG_REPORT, ORG_REPORT.replace("octo-org", "Octo-Org"), bill)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(installed.requests) == 2 + 3
    # GitHub's links to further pages name an organisation by its number; the stand-in knows no such path.
    installed.requests.clear()
    get(installed, AppAuth(the_app(installed)), ORG_REPORT, "/organizations/7001/copilot/billing/seats?page=2")
    assert [seen.path for seen in installed.requests][2:] == [ORG_REPORT, "/organizations/7001/copilot/billing/seats"]


def test_a_given_installation_is_not_looked_up(installed: Standin) -> None:
    number = installed.apps.installation("org:octo-labs")["id"]
    auth = AppAuth(the_app(installed, installation=number))
    answers = get(installed, auth, LABS_REPORT, LABS_REPORT, ORG_REPORT)
    assert [answer.status_code for answer in answers] == [200, 200, 403], "the API says no about another account"
    assert len(installed.requests) == 1 + 3


def test_what_is_about_no_account_goes_as_the_app_itself(installed: Standin) -> None:
    answers = get(installed, AppAuth(the_app(installed)), "/app", "/rate_limit")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"] == installed.app_id
    assert len(installed.requests) == 2


def test_an_api_below_a_path_is_asked_below_it() -> None:
    """GHE.com has been seen to answer at /api/v3 as well."""
    granted = b'{"id": 5, "token": "ghs_x", "expires_at": "2126-01-01T00:00:00Z"}'
    with answering(granted) as (url, seen):
        auth = AppAuth(App("1", OTHER_KEY))
        httpx_get(auth, f"{url}/api/v3/orgs/octo/copilot/billing?page=2")
    assert seen == [
        "GET /api/v3/orgs/octo/installation",
        "POST /api/v3/app/installations/5/access_tokens",
        "GET /api/v3/orgs/octo/copilot/billing?page=2",
    ]


# ----------------------------------------------------------------------------------------------------------- renewal


def test_a_token_is_renewed_before_it_ends() -> None:
    """The clock goes from seven minutes ago to now; a token of a hundred seconds then has less than five left."""
    clock = {"offset": -420.0}
    with Standin(today=TODAY, app_token_seconds=100) as standin:

        async def session(client: httpx.AsyncClient) -> list[httpx.Response]:
            early = [await client.get(ORG_REPORT), await client.get(ORG_REPORT)]
            clock["offset"] = 0.0
            return [*early, await client.get(ORG_REPORT)]

        auth = AppAuth(the_app(standin), now=lambda: NOW.timestamp() + clock["offset"])
        answers = talk(standin, auth, session)
        used = [answer.request.headers["authorization"] for answer in answers]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert used[0] == used[1] != used[2]
        assert [seen.status for seen in standin.requests] == [200, 201, 200, 200, 201, 200], "nothing was refused"


def test_a_token_that_is_refused_all_the_same_is_renewed_once(installed: Standin) -> None:
    async def session(client: httpx.AsyncClient) -> list[httpx.Response]:
        first = await client.get(ORG_REPORT)
        installed.apps.tokens.clear()
        return [first, await client.get(ORG_REPORT)]

    answers = talk(installed, AppAuth(the_app(installed)), session)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [seen.status for seen in installed.requests] == [200, 201, 200, 401, 201, 200]


def test_eight_refused_at_once_renew_once_and_need_no_ninth_connection(installed: Standin) -> None:
    async def session(client: httpx.AsyncClient) -> list[httpx.Response]:
        await client.get(ORG_REPORT)
        installed.apps.tokens.clear()
        return await asyncio.gather(*(client.get(ORG_REPORT) for _ in range(8)))

    answers = talk(installed, AppAuth(the_app(installed)), session)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert [seen.status for seen in installed.requests].count(201) == 2


def test_a_second_refusal_is_the_answer(installed: Standin) -> None:
    installed.faults.append(Fault("bad-credentials"))
    (answer,) = get(installed, AppAuth(the_app(installed)), ORG_REPORT)
    assert answer.status_code == 401
    assert [seen.status for seen in installed.requests] == [200, 201, 401, 201, 401]


# ---------------------------------------------------------------------------------------------------------- refusals


def test_not_installed(installed: Standin) -> None:
    installed.apps.installed_on = {"org:octo-labs"}
    refused = refusal(installed, the_app(installed))
    assert (refused.verdict.outcome, refused.status) == (Outcome.FORBIDDEN, 404)
    assert f"GitHub App {installed.app_id} is not installed on org:octo-org" in str(refused)
    assert "Install it there" in str(refused)
    assert "enterprise:octo-corp" in str(refusal(installed, the_app(installed), CORP_REPORT))
    assert get(installed, AppAuth(the_app(installed)), LABS_REPORT)[0].status_code == 200, "the others go on"


def test_an_installation_that_is_not_there(installed: Standin) -> None:
    refused = refusal(installed, the_app(installed, installation=77))
    assert (refused.verdict.outcome, refused.status) == (Outcome.FORBIDDEN, 404)
    assert "has no installation 77" in str(refused)
    assert "GITHUB_APP_INSTALLATION_ID" in str(refused)


def test_suspended(installed: Standin) -> None:
    installed.apps.suspended_on.add("org:octo-org")
    refused = refusal(installed, the_app(installed))
    assert (refused.verdict.outcome, refused.status) == (Outcome.FORBIDDEN, 403)
    assert "on org:octo-org is suspended" in str(refused)


def test_a_key_of_another_app(installed: Standin) -> None:
    refused = refusal(installed, the_app(installed, key=OTHER_KEY))
    assert (refused.verdict.outcome, refused.status) == (Outcome.UNAUTHORIZED, 401)
    assert "the private key is another App's" in str(refused)
    assert "A JSON web token could not be decoded" in str(refused)


def test_an_app_id_that_does_not_exist(installed: Standin) -> None:
    refused = refusal(installed, the_app(installed, app_id="42"))
    assert (refused.verdict.outcome, refused.status) == (Outcome.UNAUTHORIZED, 404)
    assert "GitHub knows no App 42" in str(refused)


@pytest.mark.parametrize(("offset", "claim"), [(-1200, "'exp'"), (1200, "'exp'"), (65, "'exp'|'iat'")])
def test_a_clock_that_is_wrong(installed: Standin, offset: float, claim: str) -> None:
    refused = refusal(installed, the_app(installed), now=lambda: NOW.timestamp() + offset)
    assert (refused.verdict.outcome, refused.status) == (Outcome.UNAUTHORIZED, 401)
    assert any(part in str(refused) for part in claim.split("|"))
    assert "Set the clock" in str(refused)
    said = str(refused).partition("GitHub's ")[2]
    assert "Thu, 01 Oct 2026 06:30" in said


@pytest.mark.parametrize("offset", [-500, 50])
def test_a_clock_that_is_wrong_by_little(installed: Standin, offset: float) -> None:
    (answer,) = get(installed, AppAuth(the_app(installed), now=lambda: NOW.timestamp() + offset), ORG_REPORT)
    assert answer.status_code == 200


def test_passing_trouble_is_said_to_pass_and_is_not_kept(installed: Standin) -> None:
    auth = AppAuth(the_app(installed))
    for fault, pause in (("503", 0.0), ("rate-limit-secondary", 1.0)):
        installed.faults[:] = [Fault(fault, report="app", times=1)]

        async def session(client: httpx.AsyncClient, pause: float = pause) -> list[httpx.Response]:
            with pytest.raises(AuthError, match="Run this again later") as trouble:
                await client.get(ORG_REPORT)
            assert (trouble.value.verdict.outcome, trouble.value.verdict.retry_after) == (Outcome.FAILED, pause)
            return [await client.get(ORG_REPORT)]

        (answer,) = talk(installed, AppAuth(the_app(installed)), session)
        assert answer.status_code == 200
    installed.faults[:] = [Fault("cut-connection", report="app", times=1)]
    with pytest.raises(httpx.TransportError):
        get(installed, auth, ORG_REPORT)
    assert get(installed, auth, ORG_REPORT)[0].status_code == 200


def test_a_missing_permission_is_the_apis_own_answer(installed: Standin) -> None:
    installed.faults.append(Fault("app-permission-missing"))
    (answer,) = get(installed, AppAuth(the_app(installed)), ORG_REPORT)
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")


def test_the_apps_own_requests_keep_the_clients_time_limits() -> None:
    async def run(port: int) -> None:
        async with httpx.AsyncClient(auth=AppAuth(App("1", OTHER_KEY)), timeout=0.1) as client, asyncio.timeout(3):
            await client.get(f"http://127.0.0.1:{port}/orgs/octo/teams")

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(httpx.ReadTimeout):
        asyncio.run(run(silent.getsockname()[1]))


def test_an_answer_of_a_proxy_is_a_sentence() -> None:
    with (
        answering(b"<h1>Welcome</h1>") as (url, seen),
        pytest.raises(AuthError, match="a proxy may have answered instead") as refused,
    ):
        httpx_get(AppAuth(App("1", OTHER_KEY)), f"{url}/orgs/octo/teams")
    assert (refused.value.verdict.outcome, refused.value.__cause__) == (Outcome.FAILED, None)
    assert len(seen) == 1


# ----------------------------------------------------------------------------------------------------------- secrets


def test_nothing_secret_is_shown(installed: Standin, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = the_app(installed)
    auth = AppAuth(app)
    (answer,) = get(installed, auth, ORG_REPORT)
    token = answer.request.headers["authorization"].removeprefix("Bearer ")
    installed.apps.suspended_on.add("org:octo-org")
    failures = [refusal(installed, app), refusal(installed, the_app(installed, key=OTHER_KEY))]
    shown = [repr(auth), repr(app), repr(Token("ghp_secret")), repr(auth_for(Token("ghp_secret"))), caplog.text]
    shown += [repr(auth._installations)]
    shown += [text for failure in failures for text in (str(failure), repr(failure), repr(failure.verdict))]
    assert token in installed.apps.tokens
    pem = installed.app_private_key.splitlines()
    for text in shown:
        assert token not in text
        assert "ghp_secret" not in text
        assert "eyJ" not in text
        assert not [line for line in pem if line in text]


def test_a_client_that_is_not_asynchronous_is_refused() -> None:
    """It would send the request without credentials."""
    with httpx.Client(auth=AppAuth(App("1", OTHER_KEY))) as client, pytest.raises(TypeError, match="AsyncClient"):
        client.get("http://localhost/orgs/octo/teams")
