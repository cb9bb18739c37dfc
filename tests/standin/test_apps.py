"""The GitHub App of the stand-in: who it lets in and with what, held against GitHub's own description."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from githubkit_schemas.ghec_v2026_03_10 import models as ghec

from copilot_assets.standin import Fault, Standin
from tests.conftest import NOW

from .conftest import TODAY

pytestmark = pytest.mark.usefixtures("fixed_clock")

ORG_REPORT = "/orgs/octo-org/copilot/metrics/reports/users-28-day/latest"
LABS_REPORT = "/orgs/octo-labs/copilot/metrics/reports/users-28-day/latest"
CORP_REPORT = "/enterprises/octo-corp/copilot/metrics/reports/users-28-day/latest"
LOOKUPS = ("/orgs/octo-org/installation", "/orgs/octo-labs/installation", "/enterprises/octo-corp/installation")


@pytest.fixture(scope="module")
def running() -> Iterator[Standin]:
    with Standin(today=TODAY) as standin:
        yield standin


@pytest.fixture
def github(running: Standin) -> Iterator[Standin]:
    yield running
    running.apps.suspended_on.clear()
    running.apps.installed_on = {"enterprise:octo-corp", "org:octo-org", "org:octo-labs"}
    running.faults.clear()


def signed(github: Standin, key: str | rsa.RSAPrivateKey | None = None, **claims: object) -> str:
    now = int(NOW.timestamp())
    whole = {"iat": now - 60, "exp": now + 540, "iss": str(github.app_id), **claims}
    return jwt.encode(whole, key or github.app_private_key, algorithm="RS256")


def ask(github: Standin, token: str, path: str, method: str = "GET") -> httpx.Response:
    return httpx.request(method, github.api_url + path, headers={"authorization": f"Bearer {token}"})


def granted(github: Standin, lookup: str) -> str:
    number = ask(github, signed(github), lookup).json()["id"]
    return ask(github, signed(github), f"/app/installations/{number}/access_tokens", "POST").json()["token"]


def test_answers_are_as_github_describes_them(github: Standin) -> None:
    app = ask(github, signed(github), "/app")
    assert ghec.Integration.model_validate(app.json()).id == github.app_id
    assert set(app.json()) <= set(ghec.Integration.model_fields)
    kinds = {}
    for lookup in LOOKUPS:
        answer = ask(github, signed(github), lookup)
        found = ghec.Installation.model_validate(answer.json())
        assert set(answer.json()) <= set(ghec.Installation.model_fields)
        assert found.target_id == found.account.id
        kinds[found.id] = found.target_type
        token = ask(github, signed(github), f"/app/installations/{found.id}/access_tokens", "POST")
        assert token.status_code == 201
        assert ghec.InstallationToken.model_validate(token.json()).token.startswith("ghs_")
        assert set(token.json()) <= set(ghec.InstallationToken.model_fields)
    assert sorted(kinds.values()) == ["Enterprise", "Organization", "Organization"], "one installation for each"


def test_the_client_id_names_the_app_too(github: Standin) -> None:
    client_id = ask(github, signed(github), "/app").json()["client_id"]
    assert ask(github, signed(github, iss=client_id), "/app").status_code == 200


def test_a_token_lives_for_an_hour(github: Standin) -> None:
    number = ask(github, signed(github), LOOKUPS[0]).json()["id"]
    grant = ask(github, signed(github), f"/app/installations/{number}/access_tokens", "POST").json()
    left = datetime.fromisoformat(grant["expires_at"]) - NOW
    assert timedelta(seconds=3595) < left <= timedelta(seconds=3600)


@pytest.mark.parametrize(
    ("claims", "status", "message"),
    [
        ({"exp": -10}, 401, "'Expiration time' claim ('exp') must be a numeric value representing the future time"),
        ({"exp": 660}, 401, "'Expiration time' claim ('exp') is too far in the future"),
        ({"iat": 60}, 401, "'Issued at' claim ('iat') must be an Integer representing the time"),
        ({"iss": "7"}, 404, "Integration not found"),
    ],
)
def test_claims_that_github_refuses(github: Standin, claims: dict[str, object], status: int, message: str) -> None:
    now = int(NOW.timestamp())
    moved = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    answer = ask(github, signed(github, **moved), "/app")
    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)
    assert "date" in answer.headers


@pytest.mark.parametrize("path", ["/app", LOOKUPS[0], LOOKUPS[2]])
def test_nobody_but_the_app_itself_gets_in(github: Standin, path: str) -> None:
    other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (signed(github, other_key), "ghp_classic", granted(github, LOOKUPS[0])):
        answer = ask(github, token, path)
        refused = (answer.status_code, answer.json()["message"])
        assert refused in [
            (401, "A JSON web token could not be decoded"),
            (403, "Resource not accessible by integration"),  # an installation asking about another account
        ]
    assert ask(github, signed(github), ORG_REPORT).status_code == 401, "and the App itself is no token"


def test_a_token_is_for_its_own_account(github: Standin) -> None:
    paths = [ORG_REPORT, LABS_REPORT, CORP_REPORT]
    for own, lookup in zip(paths, LOOKUPS, strict=True):
        token = granted(github, lookup)
        for path in paths:
            answer = ask(github, token, path)
            if path == own:
                assert answer.status_code == 200
            else:
                assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    bill = "/organizations/octo-labs/settings/billing/ai_credit/usage"
    assert ask(github, granted(github, LOOKUPS[1]), bill).status_code == 200
    assert ask(github, granted(github, LOOKUPS[0]), bill).status_code == 403
    assert ask(github, granted(github, LOOKUPS[0]), ORG_REPORT.replace("octo-org", "Octo-Org")).status_code == 200


def test_an_account_may_be_without_it_or_suspend_it(github: Standin) -> None:
    token = granted(github, LOOKUPS[1])
    github.apps.installed_on.remove("org:octo-org")
    assert ask(github, signed(github), LOOKUPS[0]).status_code == 404
    github.apps.suspended_on.add("org:octo-labs")
    suspended = ask(github, signed(github), LOOKUPS[1])
    assert suspended.json()["suspended_at"]
    number = suspended.json()["id"]
    for answer in (
        ask(github, signed(github), f"/app/installations/{number}/access_tokens", "POST"),
        ask(github, token, LABS_REPORT),
    ):
        assert (answer.status_code, answer.json()["message"]) == (403, "This installation has been suspended")
    assert ask(github, signed(github), "/app/installations/1/access_tokens", "POST").status_code == 404
    assert ask(github, signed(github), "/orgs/nope/installation").status_code == 404


def test_tokens_end() -> None:
    with Standin(today=TODAY, app_token_seconds=0, app_installed_on=["org:octo-org"]) as github:
        answer = ask(github, granted(github, LOOKUPS[0]), ORG_REPORT)
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
        assert ask(github, "ghs_invented", ORG_REPORT).status_code == 401
        assert ask(github, signed(github), LOOKUPS[2]).status_code == 404


def test_outages_reach_the_app_and_refusals_of_reports_do_not(github: Standin) -> None:
    github.faults += [Fault("503", report="app", times=1), Fault("policy-off"), Fault("role-missing")]
    assert [ask(github, signed(github), LOOKUPS[0]).status_code for _ in range(2)] == [503, 200]


def test_of_classic_tokens_alone_the_scopes_are_told(github: Standin) -> None:
    classic = ask(github, "ghp_classic", ORG_REPORT)
    assert classic.headers["x-oauth-scopes"] == "read:org, read:enterprise, manage_billing:copilot"
    assert "date" in classic.headers
    for token in ("github_pat_fine", granted(github, LOOKUPS[0])):
        assert "x-oauth-scopes" not in ask(github, token, ORG_REPORT).headers
