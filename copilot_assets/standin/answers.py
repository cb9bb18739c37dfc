"""The bodies and headers in which GitHub answers: JSON, pages of a list, and every way of saying no.

How an answer looks belongs here; which one is given is decided in `app.py` and `downloads.py`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from copilot_assets.now import now_utc

_JSON: Final = "application/json; charset=utf-8"
_DOCS: Final = "https://docs.github.com/rest"
_POLICY_DOCS: Final = "https://docs.github.com/copilot/concepts/copilot-metrics#organization-level-metrics"
_LIMIT_DOCS: Final = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
_SEAT_DOCS: Final = (
    "https://docs.github.com/copilot/managing-copilot/managing-github-copilot-in-your-organization/"
    "managing-access-to-github-copilot-for-members-of-your-organization/"
    "granting-access-to-copilot-for-members-of-your-organization"
)
T = TypeVar("T")


class Instead(Exception):  # noqa: N818  (GitHub's no, not a failure of the stand-in)
    """Raised to give another answer than the one that was asked for."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"answered {response.status_code}")
        self.response = response


class CutConnection(Response):
    """An answer that promises more than the `content` it sends, after which the server hangs up."""

    def __init__(self, content: bytes = b"{") -> None:
        super().__init__(content, media_type=_JSON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and the content; leaving the answer open makes uvicorn close the connection."""
        headers = [(b"content-type", _JSON.encode()), (b"content-length", str(len(self.body) + 4096).encode())]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})


def json(body: object, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status_code=status, media_type=_JSON, headers=headers)


def error(
    status: HTTPStatus, message: str, *, docs: str | None = _DOCS, headers: Mapping[str, str] | None = None
) -> Response:
    """GitHub's error object, in which `status` is a string; without `docs` the message stands alone."""
    body = {"message": message}
    if docs:
        body |= {"documentation_url": docs, "status": str(status.value)}
    return json(body, status=status, headers=headers)


# ------------------------------------------------------------------------------------------------------ ways to say no


def not_found() -> Instead:
    """GitHub's answer to whatever does not exist or may not be seen."""
    return Instead(error(HTTPStatus.NOT_FOUND, "Not Found"))


def no_seat() -> Instead:
    """The 404 for a member without a seat (seen live)."""
    message = "No seat found for this user in this organization."
    return Instead(error(HTTPStatus.NOT_FOUND, message, docs=_SEAT_DOCS))


def bad_request(message: str) -> Instead:
    """The 400 of the billing endpoints."""
    return Instead(error(HTTPStatus.BAD_REQUEST, message))


def invalid(field: str, code: str) -> Instead:
    """GitHub's general 422 for a parameter; `code` is `missing_field` or `invalid`.

    What the report endpoints really say to a missing day is documented nowhere.
    """
    errors = [{"resource": "CopilotUsageMetrics", "field": field, "code": code}]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    body = {"message": "Validation Failed", "errors": errors, "documentation_url": _DOCS, "status": str(status.value)}
    return Instead(json(body, status=status))


def user_agent_missing() -> Response:
    """The 403 to a request without a User-Agent; the only one that is no JSON."""
    return PlainTextResponse(
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n",
        HTTPStatus.FORBIDDEN,
    )


def limit_exceeded(reset: int, limit: int) -> Response:
    """The 403 of a token whose hour is used up; `reset` in epoch seconds."""
    headers = {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": str(limit),
        "x-ratelimit-reset": str(reset),
        "x-ratelimit-resource": "core",
    }
    return error(HTTPStatus.FORBIDDEN, "API rate limit exceeded.", docs=_LIMIT_DOCS, headers=headers)


def struck(name: str, scope: str) -> Response:
    """The answer of a fault that comes before the question: a refusal, a limit or an outage of `faults.py`."""
    if name == "rate-limit-primary":
        return limit_exceeded(math.ceil(now_utc().timestamp()) + 1, 5000)
    if name == "cut-connection":
        return CutConnection()
    if name == "no-user-agent":
        return user_agent_missing()
    if name in _WEB_PAGES:
        status = _WEB_PAGES[name]
        return HTMLResponse(f"<!DOCTYPE html>\n<html><body><h1>{status.phrase}</h1></body></html>\n", status)
    status, message, docs, headers = _STRUCK[name]
    account = scope.partition(":")[2]
    return error(status, message.format(account), docs=docs, headers={k: v.format(account) for k, v in headers.items()})


_WEB_PAGES: Final = {
    "502": HTTPStatus.BAD_GATEWAY,
    "firewall": HTTPStatus.FORBIDDEN,
    "proxy-page": HTTPStatus.OK,
    "proxy-password": HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    "web-page-404": HTTPStatus.NOT_FOUND,
}
_ROLE_MISSING: Final = "Insufficient permissions. This action requires admin, or relevant organization role access."
_STRUCK: Final[Mapping[str, tuple[HTTPStatus, str, str | None, Mapping[str, str]]]] = {
    "404": (HTTPStatus.NOT_FOUND, "Not Found", _DOCS, {}),
    "500": (HTTPStatus.INTERNAL_SERVER_ERROR, "Server Error", None, {}),
    "503": (HTTPStatus.SERVICE_UNAVAILABLE, "Service unavailable. Please try again later.", _DOCS, {}),
    "bad-credentials": (HTTPStatus.UNAUTHORIZED, "Bad credentials", _DOCS, {}),
    "no-token": (HTTPStatus.UNAUTHORIZED, "Requires authentication", _DOCS, {}),
    "sso-required": (
        HTTPStatus.FORBIDDEN,
        "Resource protected by organization SAML enforcement. You must grant your token access to this organization.",
        "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/",
        {"x-github-sso": "required; url=https://github.com/orgs/{}/sso?authorization_request=AAAA"},
    ),
    "sso-partial": (
        HTTPStatus.FORBIDDEN,
        _ROLE_MISSING,
        None,
        {"x-github-sso": "partial-results; organizations=21955855,20582480"},
    ),
    "ip-not-allowed": (
        HTTPStatus.FORBIDDEN,
        "`{}` has an IP allow list enabled, and your IP address is not permitted to access this resource.",
        _DOCS,
        {},
    ),
    "policy-off": (
        HTTPStatus.FORBIDDEN,
        "The 'Copilot usage metrics' policy must be enabled to use this API",
        _POLICY_DOCS,
        {},
    ),
    "legacy-policy-off": (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Copilot Usage Merics API setting is disabled at the organization or enterprise level.",  # GitHub's spelling
        _DOCS,
        {},
    ),
    "role-missing": (HTTPStatus.FORBIDDEN, _ROLE_MISSING, None, {}),
    "classic-token-forbidden": (
        HTTPStatus.FORBIDDEN,
        (
            "`{}` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a "
            "personal access token with fine-grained permissions."
        ),
        _DOCS,
        {},
    ),
    "token-lives-too-long": (
        HTTPStatus.FORBIDDEN,
        (
            "The '{}' organization forbids access via a fine-grained personal access tokens if the token's lifetime is "
            "greater than 366 days. Please adjust your token's lifetime at the following URL: "
            "https://github.com/settings/personal-access-tokens/1234567"
        ),
        _DOCS,
        {},
    ),
    "app-permission-missing": (HTTPStatus.FORBIDDEN, "Resource not accessible by integration", _DOCS, {}),
    "token-permission-missing": (
        HTTPStatus.FORBIDDEN,
        "Resource not accessible by personal access token",
        _DOCS,
        {},
    ),
    "payment-problem": (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "There is a problem with your account's associated payment method.",
        _DOCS,
        {},
    ),
    "order-refused": (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A usage report export is already in progress for this account.",
        _DOCS,
        {},
    ),
    "billing-elsewhere": (HTTPStatus.NOT_FOUND, "Not Found", _DOCS, {}),
    "version-ended": (HTTPStatus.GONE, "API version 2026-03-10 is no longer supported.", _DOCS, {}),
    "not-understood": (HTTPStatus.BAD_REQUEST, "Problems parsing the request", _DOCS, {}),
    "invalid": (HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed", _DOCS, {}),
    "rate-limit-secondary": (
        HTTPStatus.TOO_MANY_REQUESTS,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        _LIMIT_DOCS,
        {"retry-after": "1"},
    ),
    "rate-limit-untold": (HTTPStatus.FORBIDDEN, "You have exceeded a secondary rate limit.", _LIMIT_DOCS, {}),
    "rate-limit-endless": (
        HTTPStatus.TOO_MANY_REQUESTS,
        "API rate limit exceeded.",
        _LIMIT_DOCS,
        {"retry-after": "99999999"},
    ),
}


def no_data(shape: str, day: date) -> Response:
    """One of the odder shapes in which GitHub has said that there is no report."""
    if shape == "204":
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return json("" if shape == "empty-string" else f"No report available for {day}.")


# -------------------------------------------------------------------------------------------------------------- pages


def page(request: Request, items: Sequence[T], *, per_page: int, most: int = 100) -> tuple[Sequence[T], dict[str, str]]:
    """The page of a list that the request asks for, and the `Link` header that leads to the others.

    `per_page` is the endpoint's default; a bigger wish than `most` is cut, a senseless one ignored, as GitHub does.
    """
    size = min(most, _positive(request, "per_page", per_page))
    number = _positive(request, "page", 1)
    last = max(1, -(-len(items) // size))
    targets = []
    if number > 1:
        targets.append(("prev", min(number - 1, last)))
    if number < last:
        targets += [("next", number + 1), ("last", last)]
    if number > 1:
        targets.append(("first", 1))
    links = (f'<{request.url.include_query_params(page=target)}>; rel="{rel}"' for rel, target in targets)
    header = {"link": ", ".join(links)} if targets else {}
    return items[(number - 1) * size : number * size], header


def _positive(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return (int(text) or default) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else default
