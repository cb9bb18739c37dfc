"""Ways to prove who asks: a token, or a GitHub App that gets itself a token for every account it is installed on.

How credentials get onto a request, and what it means when GitHub refuses an App, belong here; the credentials are
`credentials.py`, and what the answer to the request itself means is in `outcomes.py`. A secret is sent to GitHub's API
and to nobody else, and never shown.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NoReturn, TypeVar

import httpx
import jwt
import msgspec

from copilot_assets.github.bounds import keep_short
from copilot_assets.github.credentials import App, Token
from copilot_assets.github.outcomes import Outcome, Verdict, message_of, retry_after_seconds
from copilot_assets.github.scopes import Scope, ScopeKind
from copilot_assets.now import now_utc

# GitHub Docs, "Generating a JSON Web Token (JWT) for a GitHub App" (2026-09): issued 60 seconds in the past, and no
# more than 10 minutes into the future; a minute less bears with a clock that is a minute ahead.
_BACKDATED_SECONDS: Final = 60
_ASSERTION_SECONDS: Final = 9 * 60
# An installation token lives for an hour; renewed this early, none expires on its way.
RENEW_SECONDS: Final = 5 * 60
_ACCOUNT: Final = re.compile(r"(?P<root>.*?)/(?P<kind>orgs|organizations|enterprises)/(?P<name>[^/]+)(?:/|$)")
_KEPT_HEADERS: Final = ("User-Agent", "Accept", "X-GitHub-Api-Version")
_NO_SUCH_APP: Final = "Integration not found"
T = TypeVar("T")


class AuthError(Exception):
    """GitHub gave an App no token, so the request was not made. The message is the verdict's sentence.

    Attributes:
        verdict: unauthorized (App ID, key or clock), forbidden (not installed, suspended) or failed; only passing
            trouble has a `retry_after`.
        status: the HTTP status of GitHub's answer to the App.
    """

    def __init__(self, verdict: Verdict, status: int) -> None:
        super().__init__(verdict.evidence)
        self.verdict, self.status = verdict, status


def auth_for(credentials: Token | App) -> httpx.Auth:
    """What puts these credentials on the requests of one `httpx.AsyncClient`."""
    return AppAuth(credentials) if isinstance(credentials, App) else BearerAuth(credentials.value)


class BearerAuth(httpx.Auth):
    """The same token on every request."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "BearerAuth(…)"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the token on a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class _Owner(msgspec.Struct):
    """As much of an installation's account as is needed to know it again."""

    id: int


class _Found(msgspec.Struct):
    """As much of an `installation` as is needed."""

    id: int
    account: _Owner | None = None


class _Granted(msgspec.Struct):
    """As much of an `installation-token` as is needed."""

    token: str
    expires_at: datetime


@dataclass
class _Installation:
    """What is known of one installation; whoever holds `lock` asks, and all others wait for the answer."""

    id: int | None
    token: str = field(default="", repr=False)
    renew_at: float = 0.0
    refused: AuthError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class AppAuth(httpx.Auth):
    """A GitHub App, asking as its installation on the account that the path of a request names.

    Each installation is looked up once, and its token is kept and renewed in time; a token that the API refuses all
    the same is renewed once. A request about no account (`/rate_limit`, `/app`) goes as the App itself. For one
    `httpx.AsyncClient` in one event loop. Sources: GitHub Docs, "REST API endpoints for GitHub Apps" (2026-09) and
    changelog "New enterprise installation API" (2026-05-13).

    Raises:
        AuthError: out of the request, when GitHub gives the App no token.
    """

    def __init__(self, app: App, *, now: Callable[[], float] = lambda: now_utc().timestamp()) -> None:
        self._app = app
        self._now = now
        # By account, also by its number, which GitHub puts into links to further pages; or by the id that was given.
        self._installations: defaultdict[Scope | int, _Installation] = defaultdict(
            lambda: _Installation(app.installation_id)
        )

    def __repr__(self) -> str:
        return f"AppAuth({self._app.app_id})"

    def sync_auth_flow(self, request: httpx.Request) -> NoReturn:
        """Refuse: httpx would otherwise send the request without credentials."""
        raise TypeError("AppAuth works with httpx.AsyncClient alone.")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Put the token of the right installation on a request, after the requests that are needed to get it."""
        place = _ACCOUNT.match(request.url.path)
        if place is None:
            request.headers["Authorization"] = f"Bearer {self._assertion()}"
            yield request
            return
        kind = ScopeKind.ENTERPRISE if place["kind"] == "enterprises" else ScopeKind.ORG
        account = Scope(kind, place["name"].lower())
        installation = self._installations[self._app.installation_id or account]
        for _ in ("the token there is", "its successor"):
            async with installation.lock:
                if installation.refused:
                    raise AuthError(installation.refused.verdict, installation.refused.status)
                if installation.id is None:
                    path = f"{place['root']}/{kind}s/{place['name']}/installation"
                    answer = yield self._as_app(request, "GET", path)
                    found = await self._read(answer, _Found, account, installation)
                    installation.id = found.id
                    if found.account:
                        self._installations[Scope(kind, str(found.account.id))] = installation
                if self._now() >= installation.renew_at:
                    path = f"{place['root']}/app/installations/{installation.id}/access_tokens"
                    answer = yield self._as_app(request, "POST", path)
                    granted = await self._read(answer, _Granted, account, installation)
                    installation.token = granted.token
                    installation.renew_at = granted.expires_at.timestamp() - RENEW_SECONDS
                token = installation.token
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != 401:
                return
            if installation.token == token:  # else another request has renewed it meanwhile
                installation.renew_at = 0.0

    def _as_app(self, request: httpx.Request, method: str, path: str) -> httpx.Request:
        """A request of the App's own, on the way to `request`: same host, headers and time limits."""
        headers = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
        headers["Authorization"] = f"Bearer {self._assertion()}"
        url = request.url.copy_with(path=path, query=None)
        return httpx.Request(method, url, headers=headers, extensions=request.extensions)

    def _assertion(self) -> str:
        """The JWT with which the App proves itself, good for some minutes."""
        now = int(self._now())
        claims = {"iss": self._app.app_id, "iat": now - _BACKDATED_SECONDS, "exp": now + _ASSERTION_SECONDS}
        return jwt.encode(claims, self._app.private_key, algorithm="RS256")

    async def _read(self, answer: httpx.Response, type_: type[T], account: Scope, installation: _Installation) -> T:
        """The body of an answer to the App; a refusal is remembered, since asking again would end alike.

        Raises:
            AuthError: it is none.
            BrokenFileError: it is longer than any that GitHub gives an App.
        """
        keep_short(answer)
        body = await answer.aread()
        if not answer.is_success:
            error = AuthError(_refusal(answer, self._app, account, self._now()), answer.status_code)
            if error.verdict.outcome.is_refusal:
                installation.refused = error
            raise error
        try:
            return msgspec.json.decode(body, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            evidence = (
                f"GitHub answered {answer.status_code} to the App, but not in GitHub's words; "
                "a proxy may have answered instead. Check GITHUB_API_URL."
            )
            raise AuthError(Verdict(Outcome.FAILED, evidence), answer.status_code) from None


def _refusal(answer: httpx.Response, app: App, account: Scope, now: float) -> Verdict:
    """What it means that GitHub refuses an App; its messages as seen live, for the Docs have the statuses alone."""
    status, said = answer.status_code, message_of(answer.content)
    quote = f'GitHub says "{said}"' if said else f"GitHub answered {status} without a word"
    pause = retry_after_seconds(answer.headers)
    if status in (408, 429) or status >= 500 or pause is not None or "rate limit" in said.lower():
        evidence = f"GitHub has no token for the App at the moment ({quote}). Run this again later."
        return Verdict(Outcome.FAILED, evidence, retry_after=pause or 0.0)
    if "claim ('iat')" in said or "claim ('exp')" in said:
        return Verdict(
            Outcome.UNAUTHORIZED,
            f"GitHub does not accept the time at which the App signed ({quote}). This machine's clock says "
            f"{datetime.fromtimestamp(now, UTC):%a, %d %b %Y %H:%M:%S} UTC, GitHub's {answer.headers.get('date')}. "
            "Set the clock, best by NTP.",
        )
    if status == 401 or said == _NO_SUCH_APP:
        return Verdict(Outcome.UNAUTHORIZED, _why_unauthorized(said, quote, app))
    if status in (403, 404):
        return Verdict(Outcome.FORBIDDEN, _why_forbidden(status, said, quote, app, account))
    return Verdict(Outcome.FAILED, f"GitHub answered {status}, which it never should to an App ({quote}).")


def _why_unauthorized(said: str, quote: str, app: App) -> str:
    if said == _NO_SUCH_APP:
        return (
            f"GitHub knows no App {app.app_id} ({quote}). Put the App ID or the Client ID from the App's settings page "
            "into GITHUB_APP_ID."
        )
    return (
        f"GitHub does not accept the signature of App {app.app_id} ({quote}): the private key is another App's, or was "
        "deleted. Check GITHUB_APP_ID, or make a new key under 'Private keys' on the App's settings page and set "
        "GITHUB_APP_PRIVATE_KEY_PATH to its file."
    )


def _why_forbidden(status: int, said: str, quote: str, app: App, account: Scope) -> str:
    if "suspended" in said.lower():
        return (
            f"The installation of GitHub App {app.app_id} on {account} is suspended ({quote}). An owner of the account "
            "can lift that under Settings > GitHub Apps > Configure."
        )
    if status == 404 and app.installation_id:
        return (
            f"GitHub App {app.app_id} has no installation {app.installation_id} ({quote}). Correct "
            "GITHUB_APP_INSTALLATION_ID, or take it out to have the installation looked up."
        )
    if status == 404:
        return (
            f"GitHub App {app.app_id} is not installed on {account} ({quote}). Install it there from the App's "
            "settings page, 'Install App'; or correct the name in COPILOT_SCOPES, or take it out."
        )
    return f"GitHub App {app.app_id} gets no token for {account} ({quote}). Ask an owner of the account."
