"""The gate of the API: what GitHub asks of every request before it looks at the path, and puts on every answer.

User agent, credentials, API version, hourly limit and GitHub's headers belong here; nothing about Copilot does.
"""

import itertools
import re
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from copilot_assets.now import now_utc
from copilot_assets.standin.answers import error, limit_exceeded, user_agent_missing
from copilot_assets.standin.apps import Apps

VERSIONS: Final = ("2026-03-10", "2022-11-28")
_DEFAULT_VERSION: Final = "2022-11-28"
_OPEN_TO_ALL: Final = ("/versions", "/rate_limit")
_HOUR: Final = 3600
# Of classic tokens alone does GitHub say in a header what they may do (Docs, "Scopes for OAuth apps").
_CLASSIC_SCOPES: Final = {"x-oauth-scopes": "read:org, read:enterprise, manage_billing:copilot"}
# Of a token with an end GitHub says when it is; here its last words are `_until_2026-12-01`.
_ENDS_AT: Final = "github-authentication-token-expiration"
_UNTIL: Final = re.compile(r"_until_(\d{4}-\d\d-\d\d)$", re.ASCII)


class RateLimits:
    """The hourly budget of every token: `limit` requests from its first one on."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._budgets: dict[str, list[int]] = {}

    def _budget(self, token: str) -> list[int]:
        """The token's end of the hour (epoch seconds) and its requests so far."""
        now = int(now_utc().timestamp())
        budget = self._budgets.setdefault(token, [now + _HOUR, 0])
        if budget[0] <= now:
            budget[:] = [now + _HOUR, 0]
        return budget

    def refusal(self, token: str) -> Response | None:
        """The answer to a token that has used up its hour."""
        reset, used = self._budget(token)
        return limit_exceeded(reset, self.limit) if used >= self.limit else None

    def count(self, token: str) -> None:
        """Count one request."""
        self._budget(token)[1] += 1

    def overview(self, token: str) -> dict[str, Any]:
        """The answer of `GET /rate_limit`, in which nothing but `core` ever moves."""
        reset, used = self._budget(token)
        core = {"limit": self.limit, "remaining": max(0, self.limit - used), "reset": reset, "used": used}
        idle = {"limit": 30, "remaining": 30, "reset": reset, "used": 0}
        return {"resources": {"core": core, "search": idle}, "rate": core}

    def headers(self, token: str) -> dict[str, str]:
        """The five headers of every answer."""
        core = self.overview(token)["resources"]["core"]
        return {f"x-ratelimit-{name}": str(value) for name, value in core.items()} | {"x-ratelimit-resource": "core"}


class Gate:
    """Lets through who GitHub would let through to `app`, and puts GitHub's headers on every answer."""

    def __init__(self, app: ASGIApp, limits: RateLimits, apps: Apps) -> None:
        self._app = app
        self._limits = limits
        self._apps = apps
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        token = token_of(headers)
        version = headers.get("x-github-api-version", _DEFAULT_VERSION)
        costs = token != "" and scope["path"] not in _OPEN_TO_ALL
        refusal = (
            _refusal(scope, headers, token, version)
            or self._apps.refusal(token, scope["path"])
            or (self._limits.refusal(token) if costs else None)
        )
        marks = {
            "x-github-request-id": f"5AFE:{next(self._numbers):06X}",
            "x-github-media-type": "github.v3; format=json",
            "x-github-api-version-selected": version,
            **(_CLASSIC_SCOPES if token.startswith("ghp_") else {}),
            **({_ENDS_AT: f"{end[1]} 12:00:00 UTC"} if (end := _UNTIL.search(token)) else {}),
        }

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                if costs and not refusal and message["status"] != HTTPStatus.NOT_MODIFIED:
                    self._limits.count(token)
                answer = MutableHeaders(scope=message)
                for name, value in (marks | self._limits.headers(token)).items():
                    answer.setdefault(name, value)
            await send(message)

        await (refusal or self._app)(scope, receive, marked)


def token_of(headers: Headers) -> str:
    """The token of an `Authorization: Bearer …` or `token …` header; empty without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") else ""


def _refusal(scope: Scope, headers: Headers, token: str, version: str) -> Response | None:
    """The answer to a request that GitHub would not look at."""
    if not headers.get("user-agent"):
        return user_agent_missing()
    if token.startswith("bad"):
        return error(HTTPStatus.UNAUTHORIZED, "Bad credentials")
    if not token and scope["path"] not in _OPEN_TO_ALL:
        return error(HTTPStatus.UNAUTHORIZED, "Requires authentication")
    if version not in VERSIONS:
        return error(HTTPStatus.GONE, f"API version {version} is not supported.")
    return None
