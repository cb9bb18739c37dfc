"""Bombs: what a few kilobytes unpack to is bounded, in memory and on disk."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType

import httpx
import pytest

from copilot_assets.github import bounds
from copilot_assets.github.auth import AppAuth, BearerAuth
from copilot_assets.github.client import GitHubClient
from copilot_assets.github.clock import Clock
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.scopes import Scope
from copilot_assets.standin import Standin
from tests.conftest import TODAY, clock, report_named
from tests.github.test_auth import the_app

DAY = date(2026, 9, 22)
MB = 2**20


def packed_blanks(megabytes: int, kind: int = 31) -> bytes:
    """So many megabytes of blanks: a thousandth of it. Kind 31 is gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, kind)
    return b"".join([*(packer.compress(b" " * MB) for _ in range(megabytes)), packer.flush()])


@contextmanager
def serving(
    bodies: dict[str, tuple[bytes, str | None]], leads_to: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, list[str]]]:
    """A server: a body for each path, with how it says that it is packed, and where it leads; and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked.append(path)
            body, packing = bodies[path]
            self.send_response(302 if path in leads_to else 200)
            if path in leads_to:
                self.send_header("Location", leads_to[path])
            if packing:
                self.send_header("Content-Encoding", packing)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def fetched(url: str, folder: Path, largest_mb: int, auth: httpx.Auth | None = None) -> Fetch:
    delivered: list[Fetch] = []

    async def deliver(arrived: dict[date, list[Fetch]]) -> None:
        delivered.extend(fetch for fetches in arrived.values() for fetch in fetches)

    async def run() -> None:
        now = Clock(clock(lambda: TODAY))
        async with GitHubClient(
            url, auth or BearerAuth("any"), clock=now, largest_file_bytes=largest_mb * MB
        ) as client:
            scopes = [Scope.parse("org:octo-org")]
            await client.fetch_days(report_named("organization-1-day"), scopes, [DAY], folder, deliver)

    asyncio.run(run())
    (fetch,) = delivered
    return fetch


LIST = "/orgs/octo-org/copilot/metrics/reports/organization-1-day"


def test_an_answer_that_unpacks_without_an_end_is_not_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LARGEST_ANSWER_BYTES", 4 * MB)
    with serving({LIST: (packed_blanks(64), "gzip")}) as (url, asked):
        fetch = fetched(url, tmp_path, 1)
    assert fetch.outcome is Outcome.FAILED
    assert fetch.evidence == (
        "An answer of GitHub's API is larger than 4 MB unpacked, and was not read on. Something else answered."
    )
    assert asked == [LIST], "asking again would end alike"


@pytest.mark.parametrize("packing", ["gzip", None], ids=["packed on the way", "a packed file"])
def test_a_file_that_unpacks_without_an_end_fails_its_day_and_takes_no_more_disk(
    tmp_path: Path, packing: str | None
) -> None:
    bodies: dict[str, tuple[bytes, str | None]] = {"/file": (packed_blanks(64), packing)}
    with serving(bodies) as (url, asked):
        bodies[LIST] = json.dumps({"download_links": [f"{url}/file"], "report_day": str(DAY)}).encode(), None
        fetch = fetched(url, tmp_path, 2)
    assert (fetch.outcome, asked) == (Outcome.FAILED, [LIST, "/file"])
    assert "is larger than 2 MB unpacked, and was not read on." in fetch.evidence
    assert "raise COPILOT_MAX_FILE_MB" in fetch.evidence
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4 * MB


LONG = "An answer of GitHub's API is larger than 64 kB unpacked, and was not read on. Something else answered."


def test_an_answer_that_leads_elsewhere_is_not_read_on_either(tmp_path: Path) -> None:
    """httpx reads the whole of it before it follows."""
    bodies: dict[str, tuple[bytes, str | None]] = {LIST: (packed_blanks(80), "gzip")}
    with serving(bodies, {LIST: "/elsewhere"}) as (url, asked):
        fetch = fetched(url, tmp_path, 1)
    assert (fetch.outcome, fetch.evidence, asked) == (Outcome.FAILED, LONG, [LIST])
    bodies = {"/file": (packed_blanks(80), "gzip")}
    with serving(bodies, {"/file": "/elsewhere"}) as (url, asked):
        bodies[LIST] = json.dumps({"download_links": [f"{url}/file"], "report_day": str(DAY)}).encode(), None
        fetch = fetched(url, tmp_path, 1)
    assert (fetch.outcome, fetch.evidence, asked) == (Outcome.FAILED, LONG, [LIST, "/file"])


@pytest.mark.parametrize("path", ["/orgs/octo-org/installation", "/app/installations/5/access_tokens"])
def test_nor_is_what_an_app_is_told_on_its_way(standin: Standin, tmp_path: Path, path: str) -> None:
    bodies: dict[str, tuple[bytes, str | None]] = {
        "/orgs/octo-org/installation": (b'{"id": 5}', None),
        path: (packed_blanks(80), "gzip"),
    }
    with serving(bodies) as (url, asked):
        fetch = fetched(url, tmp_path, 1, AppAuth(the_app(standin)))
    assert (fetch.outcome, fetch.evidence) == (Outcome.FAILED, LONG)
    assert asked[-1] == path, "asking again would end alike"
    assert asked.count(path) == 1


def test_what_is_below_the_bound_lands_packed_or_not(tmp_path: Path) -> None:
    record = json.dumps({"organization_id": "7001", "day": str(DAY), "daily_active_users": 7}).encode()
    bodies: dict[str, tuple[bytes, str | None]] = {"/file": (gzip.compress(record), None)}
    with serving(bodies) as (url, _):
        told = json.dumps({"download_links": [f"{url}/file"], "report_day": str(DAY)}).encode()
        bodies[LIST] = gzip.compress(told), "gzip"
        fetch = fetched(url, tmp_path, 1)
    assert (fetch.outcome, fetch.records) == (Outcome.REPORTED, 1), fetch.evidence


def test_where_an_answer_leads_to_no_address_is_said(tmp_path: Path) -> None:
    """A port beyond the last one crashes the connection."""
    with serving({LIST: (b"", None)}, {LIST: "http://127.0.0.1:99999/"}) as (url, asked):
        fetch = fetched(url, tmp_path, 1)
    assert fetch.evidence == "What answered in GitHub's place leads to no web address. Run this again later."
    assert (fetch.outcome, asked) == (Outcome.FAILED, [LIST])
