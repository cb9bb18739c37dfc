"""Hundreds of damaged answers of the API, their bodies, headers and status: each ends in one outcome, with a sentence.

How they are damaged, and what becomes of damaged report files, is in `tests/orchestration/test_mutations.py`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from copilot_assets.github.auth import AppAuth, BearerAuth
from copilot_assets.github.client import GitHubClient
from copilot_assets.github.clock import Clock
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.scopes import Scope
from copilot_assets.standin import Standin
from tests.conftest import TODAY, clock, report_named
from tests.github.test_auth import the_app
from tests.orchestration.test_mutations import DAY, IN_BYTES, IN_RECORDS, TOKEN, records_of

ORG = Scope.parse("org:o")


@dataclass
class Answer:
    """One answer to every question but those for files."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it would delay every answer by 40 ms
    answer = Answer(b"")

    def do_GET(self) -> None:
        is_file = self.path.startswith("/file")
        answer = Answer(b'{"day":"2026-09-22","user_id":1}\n') if is_file else type(self).answer
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.status not in (204, 304):
            self.wfile.write(answer.body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def answering() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


ODD_LINKS: list[Any] = [
    "", "/relative", "no address", "http://", "http://[", "http://127.0.0.1:99999/x", "http://127.0.0.1:x/", "ftp://a/b",
    "http://" + "a" * 300 + "/", "http://127.0.0.1:1/closed", "http://127.0.0.1:9999999999999/",
    "http://a..b/", "http://127.0.0.1:-1/", "https://", "javascript:alert(1)", "http://\x00/", "http://127.0.0.1/ \n",
    "x" * 99_999,
    "http://user:pass@127.0.0.1:1/", "http://127.1:1/", "http://256.1.1.1:1/",
    "file:///etc/passwd",
]  # fmt: skip
ODD_STATUS = [*range(201, 209), *range(301, 309), *range(400, 412), 418, 422, 429, 451, 500, 503, 599]
ODD_NUMBERS = ["", "-1", "0", "x", "1e9", "9" * 30, "NaN", "0x10", "1.5", "²"]
ODD_HEADERS = {
    "Link": ["", "<", '<>; rel="next"', '<http://[>; rel="next"', '<http://a..b/>; rel="next"', "<x>;;rel=next",
             '<http://127.0.0.1:99999/>; rel="next"', '</again>; rel="next"', "<" * 5000,
             f'<https://example.invalid/{TOKEN}>; rel="next"'],
    "Location": ["", "http://[", "/elsewhere", "http://127.0.0.1:1/", "ftp://a", "http://127.0.0.1:99999/", "x" * 9000],
    "Retry-After": [*ODD_NUMBERS, "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Xxx 2026", "Mon, 01 Jan 0001"],
    "X-RateLimit-Remaining": ODD_NUMBERS,
    "X-RateLimit-Limit": ODD_NUMBERS,
    "X-RateLimit-Reset": ODD_NUMBERS,
    "Date": ["", "yesterday", "Thu, 99 Xxx 2026 00:00:00 GMT", "Thu, 01 Oct 2026 99:99:99 GMT", "0", "9" * 40],
    "Content-Encoding": ["gzip", "deflate", "br", "zstd", "x", "gzip, gzip", ",", ""],
    "Content-Type": ["", "text/html; charset=utf-99", "application/json; charset=utf-16", ";;;"],
    "Age": ["x", "-1"],
    "X-GitHub-SSO": ["", "required", "partial-results; organizations=1", "required; url=https://example.invalid/x"],
    "X-OAuth-Scopes": ["", ",,,", "read:org, " * 500],
    "X-GitHub-Api-Version-Selected": ["", "never"],
    "ETag": ["", 'W/"'],
}  # fmt: skip


def damaged(dice: random.Random, body: Any) -> bytes:
    """A body that something has happened to: in its values, in its bytes, or in neither."""
    rows = [json.loads(json.dumps(body))]
    if isinstance(body, dict) and dice.random() < 0.4:
        dice.choice(IN_RECORDS)(dice, rows)
    text = json.dumps(rows[0]).encode("utf-8", "surrogatepass")
    return dice.choice(IN_BYTES)(dice, text) if dice.random() < 0.5 else text


def good_body(dice: random.Random, kind: str, url: str) -> Any:
    """What GitHub would answer: a list of links, a page of seats, a bill, days, or what an App is told."""
    if kind == "users-1-day":
        links = dice.choices([f"{url}/file?sig={TOKEN}", *ODD_LINKS], k=dice.randint(0, 2))
        return {"download_links": links if dice.random() < 0.5 else [f"{url}/file"], "report_day": str(DAY)}
    if kind == "app":
        return {"id": 5, "token": TOKEN, "expires_at": "2030-01-01T00:00:00Z", "account": {"id": 7}}
    rows = records_of(kind)
    if kind == "copilot-seats":
        return {"total_seats": len(rows), "seats": rows}
    return rows if kind == "legacy-metrics" else rows[0]


def damaged_answer(dice: random.Random, kind: str, url: str) -> Answer:
    if dice.random() < 0.1:
        words = [b'""', b'"No report available."', b"null", b"7", b"[]", b"{}", b"", b"<html>", b"\xff\xfe", b"[{}]"]
        return Answer(dice.choice(words))
    answer = Answer(damaged(dice, good_body(dice, kind, url)))
    if dice.random() < 0.35:
        names = dice.sample(sorted(ODD_HEADERS), k=dice.randint(1, 3))
        answer.headers = {name: dice.choice(ODD_HEADERS[name]).encode().decode("latin-1") for name in names}
    if dice.random() < 0.25:
        answer.status = dice.choice(ODD_STATUS)
    if answer.status >= 400 and dice.random() < 0.7:
        answer.body = damaged(dice, {"message": f"Bad things. {TOKEN} https://docs.github.com/x", "status": 5})
    return answer


@pytest.mark.parametrize("kind", ["users-1-day", "copilot-seats", "ai-credit-usage", "legacy-metrics", "app"])
def test_a_damaged_answer_ends_in_one_outcome(
    standin: Standin, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG, "copilot_assets")
    dice = random.Random(f"damaged answers of {kind}")
    app = the_app(standin)  # reading a key takes a tenth of a second
    report = report_named("users-1-day" if kind == "app" else kind)
    outcomes: Counter[Outcome] = Counter()
    said: list[str] = []
    count = 120

    async def deliver(arrived: dict[date, list[Fetch]]) -> None:
        for fetch in (fetch for fetches in arrived.values() for fetch in fetches):
            outcomes[fetch.outcome] += 1
            said.append(fetch.evidence)

    async def run(url: str) -> None:
        for _ in range(count):
            Answering.answer = damaged_answer(dice, kind, url)
            auth: httpx.Auth = AppAuth(app) if kind == "app" else BearerAuth(TOKEN)
            async with GitHubClient(url, auth, clock=Clock(clock(lambda: TODAY))) as client:
                await client.fetch_days(report, [ORG], [TODAY if report.is_snapshot else DAY], tmp_path, deliver)

    with answering() as url:
        asyncio.run(run(url))
    assert outcomes.total() == count
    assert outcomes[Outcome.FAILED] > 10, outcomes
    assert kind == "app" or outcomes[Outcome.REPORTED] > 10, outcomes
    assert "planted" not in "\n".join([*said, caplog.text])
    assert all(sentence.endswith((".", ")", "*")) or "https://" in sentence for sentence in said), said
