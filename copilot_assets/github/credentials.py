"""What proves who asks, as data: a token, or a GitHub App with its key, and how settings tell it.

How it gets onto a request is in `auth.py`. Nothing that takes time to import belongs here: settings are read by all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass(frozen=True)
class Token:
    """A personal access token, or any other token that GitHub takes as a bearer."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class App:
    """A GitHub App.

    Attributes:
        app_id: its App ID or its client ID; GitHub takes either.
        private_key: a key made in the App's settings.
        installation_id: the installation to use for every account; None to look it up for each.
    """

    app_id: str
    private_key: RSAPrivateKey = field(repr=False)
    installation_id: int | None = None


class CredentialsError(ValueError):
    """Credentials that can't be used. The message is a sentence: what is wrong, and what to do."""


_TOKEN_NAMES: Final = ("GITHUB_TOKEN", "GITHUB_TOKEN_PATH")
_APP_NAMES: Final = (
    "GITHUB_APP_ID",
    "GITHUB_APP_PRIVATE_KEY",
    "GITHUB_APP_PRIVATE_KEY_PATH",
    "GITHUB_APP_INSTALLATION_ID",
)


def read_credentials(env: Mapping[str, str]) -> Token | App:
    """What proves who asks, out of the settings `GITHUB_TOKEN`, `GITHUB_TOKEN_PATH` and `GITHUB_APP_…`.

    Raises:
        CredentialsError: there are none, two kinds of them, or they can't be used; no secret stands in the message.
    """
    token, app = ([name for name in names if env.get(name)] for names in (_TOKEN_NAMES, _APP_NAMES))
    if token and app:
        raise CredentialsError(
            f"{token[0]} is set, and so is {' and '.join(app)}: it is unclear who is to ask. Take {token[0]} "
            "out to ask as the GitHub App, or every GITHUB_APP_… to ask with the token."
        )
    return _app(env) if app else _token(env)


def _token(env: Mapping[str, str]) -> Token:
    text, path = (env.get(name) for name in _TOKEN_NAMES)
    if text and path:
        raise CredentialsError(
            "GITHUB_TOKEN and GITHUB_TOKEN_PATH are both set: it is unclear which token to use. Take one of them out."
        )
    if text:
        return _checked(text, "GITHUB_TOKEN holds")
    if path:
        return _checked(_token_in(path), f"GITHUB_TOKEN_PATH is {path}, which holds")
    raise CredentialsError(
        "GITHUB_TOKEN is not set, so GitHub can't be asked for anything. Put a token into .env "
        "(docs/start.md says which permission it needs), or its file into GITHUB_TOKEN_PATH, or GITHUB_APP_ID and "
        "GITHUB_APP_PRIVATE_KEY_PATH of a GitHub App, or run `copilot-assets demo` to try without one."
    )


def _token_in(path: str) -> str:
    """The text of the file, without the line break that editors and secret stores end it with."""
    remedy = "Set it to a file that holds the token alone."
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise CredentialsError(
            f"GITHUB_TOKEN_PATH is {path}, which can't be read: {problem.strerror}. {remedy}"
        ) from None
    except UnicodeDecodeError:
        raise CredentialsError(f"GITHUB_TOKEN_PATH is {path}, which is no text. {remedy}") from None
    if not text:
        raise CredentialsError(f"GITHUB_TOKEN_PATH is {path}, which is empty. {remedy}")
    return text


def _checked(token: str, which_holds: str) -> Token:
    if not token.isascii() or any(character.isspace() for character in token):
        raise CredentialsError(
            f"{which_holds} a character that no token has (a space, a line break or a letter outside ASCII). "
            "Copy the token again."
        )
    return Token(token)


def _app(env: Mapping[str, str]) -> App:
    app_id, installation_id = env.get("GITHUB_APP_ID", ""), env.get("GITHUB_APP_INSTALLATION_ID", "")
    if not app_id:
        given = " and ".join(name for name in _APP_NAMES if env.get(name))
        raise CredentialsError(
            f"{given} is set without GITHUB_APP_ID, so it is unknown which GitHub App this is. "
            "Set GITHUB_APP_ID to the App ID or the Client ID from the App's settings page."
        )
    if not re.fullmatch(r"[A-Za-z0-9.]+", app_id, re.ASCII):
        raise CredentialsError(
            f"GITHUB_APP_ID is '{app_id}'. Write the App ID or the Client ID from the App's settings page, "
            "for example 1234567 or Iv23liAbCdEfGhIjKlMn."
        )
    if installation_id and not re.fullmatch(r"[1-9][0-9]{0,17}", installation_id, re.ASCII):
        raise CredentialsError(
            f"GITHUB_APP_INSTALLATION_ID is '{installation_id}'. Write the number at the end of the address of the "
            "installation's page, or take it out to have it looked up."
        )
    return App(app_id, _private_key(env), int(installation_id) if installation_id else None)


def _private_key(env: Mapping[str, str]) -> RSAPrivateKey:
    """The App's key; a text may be one line with `\\n` in it, as `.env` and secret stores hold it."""
    text, path = env.get("GITHUB_APP_PRIVATE_KEY"), env.get("GITHUB_APP_PRIVATE_KEY_PATH")
    if bool(text) == bool(path):
        both = "GITHUB_APP_PRIVATE_KEY and GITHUB_APP_PRIVATE_KEY_PATH are both set: it is unclear which key to use."
        raise CredentialsError(
            f"{both if text else 'GITHUB_APP_ID is set without a private key of the App.'} Set "
            "GITHUB_APP_PRIVATE_KEY_PATH to the .pem file that GitHub gave out with the key, or GITHUB_APP_PRIVATE_KEY "
            "to its text."
        )
    if text:
        return _rsa_key(text.replace("\\n", "\n").encode(), "GITHUB_APP_PRIVATE_KEY")
    try:
        return _rsa_key(Path(str(path)).expanduser().read_bytes(), f"GITHUB_APP_PRIVATE_KEY_PATH: {path}")
    except OSError as problem:
        raise CredentialsError(
            f"GITHUB_APP_PRIVATE_KEY_PATH is {path}, which can't be read: {problem.strerror}. "
            "Set it to the .pem file that GitHub gave out with the key."
        ) from None


def _rsa_key(pem: bytes, source: str) -> RSAPrivateKey:
    # Imported here, for whoever has a token: it takes a tenth of a second.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise CredentialsError(
            f"{source} holds no RSA private key that can be read. Take the .pem file that GitHub gave out with the "
            "key, whole and without a password."
        )
    return key
