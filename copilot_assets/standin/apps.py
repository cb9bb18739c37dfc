"""The GitHub App of the stand-in: its key, where it is installed, and the tokens of its installations.

How GitHub knows an App and its tokens belongs here; the routes are in `app.py`, and `gate.py` asks of every request.
Source: GitHub Docs, "REST API endpoints for GitHub Apps" and "Generating a JSON Web Token (JWT) for a GitHub App"
(2026-09), and messages seen live.
"""

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.responses import Response

from copilot_assets.now import now_utc
from copilot_assets.standin.accounts import simple_user
from copilot_assets.standin.answers import Instead, error, not_found
from copilot_assets.standin.people import ENTERPRISE, ENTERPRISE_ID, ORGANIZATIONS, Organization
from copilot_assets.standin.rows import Json

APP_ID: Final = 1208
CLIENT_ID: Final = "Iv23liOctoMetrics"
SLUG: Final = "octo-metrics"
TOKEN_SECONDS: Final = 3600
_LONGEST_ASSERTION: Final = 600
_CREATED: Final = "2025-11-03T09:00:00Z"
_ACCOUNT: Final = re.compile(r"/(orgs|organizations|enterprises)/([^/]+)")
_FOR_THE_APP: Final = re.compile(r"/app(/.*)?|/(orgs|enterprises)/[^/]+/installation|/rate_limit|/versions")
_PERMISSIONS: Final = {
    "org": {"organization_copilot_metrics": "read", "organization_copilot_seat_management": "read", "members": "read"},
    "enterprise": {"enterprise_copilot_metrics": "read"},
}


class Apps:
    """The App, which may be installed on every account.

    Attributes:
        installed_on: the accounts, as `org:NAME` or `enterprise:NAME`, that have it; may change while the server runs.
        suspended_on: those of them that have suspended it; may change likewise.
        tokens: the tokens given out, with their account and their end in epoch seconds.
    """

    def __init__(self, api_url: str, installed_on: Iterable[str] | None, token_seconds: int) -> None:
        self._api = api_url
        self._token_seconds = token_seconds
        everywhere = [f"enterprise:{ENTERPRISE}", *(f"org:{name}" for name in ORGANIZATIONS)]
        self._ids = {scope: 5501 + number for number, scope in enumerate(everywhere)}
        self.installed_on = set(everywhere if installed_on is None else installed_on)
        self.suspended_on: set[str] = set()
        self.tokens: dict[str, tuple[str, int]] = {}

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        """Made when it is first needed: that takes a tenth of a second, and most tests use no App."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def private_key(self) -> str:
        """The App's private key as GitHub gives it out: PEM, PKCS #1."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

    # -------------------------------------------------------------------------------------------------- who may pass

    def refusal(self, token: str, path: str) -> Response | None:
        """The answer to an installation token that is not good, or not for this path; None for any other token."""
        if token.startswith("eyJ") and not _FOR_THE_APP.fullmatch(path):
            return error(HTTPStatus.UNAUTHORIZED, "Bad credentials")  # documented nowhere
        if not token.startswith("ghs_"):
            return None
        account, end = self.tokens.get(token, ("", 0))
        if end <= now_utc().timestamp():
            return error(HTTPStatus.UNAUTHORIZED, "Bad credentials")
        if account in self.suspended_on:
            return _suspended()
        asked = _ACCOUNT.match(path)
        kind = "enterprise" if asked and asked[1] == "enterprises" else "org"
        if asked and account != f"{kind}:{asked[2].lower()}":
            return error(HTTPStatus.FORBIDDEN, "Resource not accessible by integration")
        return None

    def check(self, token: str) -> None:
        """Let the App itself pass: a JWT that it signed, of about now.

        Raises:
            Instead: GitHub's 401, or the 404 for an App that does not exist.
        """
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
            if str(claims.get("iss")) not in (str(APP_ID), CLIENT_ID):
                raise Instead(error(HTTPStatus.NOT_FOUND, "Integration not found"))
            jwt.PyJWS().decode(token, self._key.public_key(), algorithms=["RS256"])
        except jwt.InvalidTokenError:
            raise _unauthorized("A JSON web token could not be decoded") from None
        _check_times(claims, now_utc().timestamp())

    # ------------------------------------------------------------------------------------------------------- answers

    def app(self) -> Json:
        """The `integration`."""
        return {
            "id": APP_ID,
            "slug": SLUG,
            "node_id": f"A_{APP_ID}",
            "client_id": CLIENT_ID,
            "owner": self._organization(next(iter(ORGANIZATIONS.values()))),
            "name": "Octo metrics",
            "description": "",
            "external_url": "https://example.com",
            "html_url": f"https://github.com/apps/{SLUG}",
            "created_at": _CREATED,
            "updated_at": _CREATED,
            "permissions": _PERMISSIONS["org"] | _PERMISSIONS["enterprise"],
            "events": [],
            "installations_count": len(self.installed_on),
        }

    def installation(self, scope: str) -> Json:
        """The `installation` on an account.

        Raises:
            Instead: 404 where there is none.
        """
        if scope not in self.installed_on:
            raise not_found()
        kind, _, name = scope.partition(":")
        number = self._ids[scope]
        account = self._enterprise() if kind == "enterprise" else self._organization(ORGANIZATIONS[name])
        place = f"enterprises/{name}" if kind == "enterprise" else f"organizations/{name}"
        return {
            "id": number,
            "client_id": CLIENT_ID,
            "account": account,
            "repository_selection": "all",
            "access_tokens_url": f"{self._api}/app/installations/{number}/access_tokens",
            "repositories_url": f"{self._api}/installation/repositories",
            "html_url": f"https://github.com/{place}/settings/installations/{number}",
            "app_id": APP_ID,
            "app_slug": SLUG,
            "target_id": account["id"],
            "target_type": "Enterprise" if kind == "enterprise" else "Organization",
            "permissions": _PERMISSIONS[kind],
            "events": [],
            "created_at": _CREATED,
            "updated_at": _CREATED,
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_by": None,
            "suspended_at": _CREATED if scope in self.suspended_on else None,
        }

    def grant(self, number: int) -> Json:
        """A new `installation-token` for an installation.

        Raises:
            Instead: 404 for one that does not exist, 403 for one that is suspended.
        """
        scope = next((scope for scope in self.installed_on if self._ids[scope] == number), None)
        if scope is None:
            raise not_found()
        if scope in self.suspended_on:
            raise Instead(_suspended())
        token, end = f"ghs_{secrets.token_hex(18)}", int(now_utc().timestamp()) + self._token_seconds
        self.tokens[token] = scope, end
        return {
            "token": token,
            "expires_at": datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": _PERMISSIONS[scope.partition(":")[0]],
            "repository_selection": "all",
        }

    def _organization(self, organization: Organization) -> Json:
        """An organisation as the owner of something: a `simple-user`."""
        return simple_user(self._api, organization.login, organization.id, f"O_{organization.id}", "Organization")

    def _enterprise(self) -> Json:
        return {
            "id": ENTERPRISE_ID,
            "slug": ENTERPRISE,
            "name": "Octo Corp",
            "node_id": f"E_{ENTERPRISE_ID}",
            "html_url": f"https://github.com/enterprises/{ENTERPRISE}",
            "avatar_url": f"https://avatars.githubusercontent.com/b/{ENTERPRISE_ID}?v=4",
            "description": None,
            "website_url": None,
            "created_at": _CREATED,
            "updated_at": _CREATED,
        }


def _check_times(claims: dict[str, Any], now: float) -> None:
    """GitHub's rules for the two times of a JWT, in its words."""
    expires, issued = claims.get("exp"), claims.get("iat")
    if type(expires) is not int or expires <= now:
        raise _unauthorized(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the "
            "assertion expires"
        )
    if expires > now + _LONGEST_ASSERTION:
        raise _unauthorized("'Expiration time' claim ('exp') is too far in the future")
    if type(issued) is not int or issued > now:
        raise _unauthorized(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        )


def _unauthorized(message: str) -> Instead:
    return Instead(error(HTTPStatus.UNAUTHORIZED, message))


def _suspended() -> Response:
    return error(HTTPStatus.FORBIDDEN, "This installation has been suspended")
