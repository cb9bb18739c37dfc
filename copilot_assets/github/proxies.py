"""The settings of the network that every HTTP library knows: proxies, and whose certificates are trusted.

Only whether they can be used is looked at here; the library that asks reads them from the process's environment itself.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
NETWORK: Final = (*_PROXIES, "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")


def network_problems(env: Mapping[str, str]) -> list[str]:
    """What keeps them from being used, a sentence each; a proxy's address may hold a password and is not told."""
    problems = [
        f"{name} is no address of an HTTP proxy (SOCKS is not spoken here). Write http://HOST:PORT, or "
        "http://NAME:PASSWORD@HOST:PORT, with what is special in the password as %40 and the like."
        for name in _PROXIES
        if name in env and not _is_proxy(env[name])
    ]
    if path := env.get("SSL_CERT_FILE"):
        try:
            _trust(path, Path(path).stat().st_mtime_ns)
        except OSError as problem:
            reason = "it holds no certificate" if isinstance(problem, ssl.SSLError) else problem.strerror
            problems.append(
                f"SSL_CERT_FILE is {path}, which can't be used: {reason}. Set it to a file of the certificates to "
                "trust (PEM), or take it out."
            )
    return problems


@cache
def _trust(path: str, changed_at: int) -> None:
    """Read the certificates once as long as the file is the same: a system's take 35 ms, in each step of a run."""
    ssl.create_default_context(cafile=path)


def _is_proxy(text: str) -> bool:
    try:
        address = urlsplit(text if "://" in text else f"http://{text}")
        return address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        return False
