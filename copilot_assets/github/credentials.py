"""What proves who asks, as data: a token, or a GitHub App with its key.

How it gets onto a request is in `auth.py`. Nothing that takes time to import belongs here: settings are read by all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
