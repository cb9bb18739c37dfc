"""What messages go to in tests: a webhook and a mail server behind real sockets, which keep what they get."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

# A part of the address that nobody may ever see.
SECRET = "T0pS3cretPath"


def free_port() -> int:
    """A port at which nobody listens, below those that a system gives to connections of its own accord."""
    # Whoever is to listen there starts later: a port of the system's choice may be another's by then.
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


@dataclass
class Webhook:
    """A web server that takes whatever is posted or got, and answers with `statuses`, then with 200."""

    port: int
    paths: list[str] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As COPILOT_NOTIFY has it."""
        return f"json://127.0.0.1:{self.port}/{SECRET}"

    @property
    def url(self) -> str:
        """As a browser has it."""
        return f"http://127.0.0.1:{self.port}/{SECRET}"

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.posted]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = hook.statuses.pop(0) if hook.statuses else 200
            hook.paths.append(self.path)
            if body and status == 200:
                hook.posted.append(json.loads(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook = Webhook(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield hook
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class MailServer:
    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=copilot@example.com&to=a@example.com,b@example.com&mode=insecure"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    kept = MailServer()

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            content = envelope.content
            assert isinstance(content, bytes)
            kept.mails.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
            return "250 OK"

    controller = Controller(Handler(), hostname="127.0.0.1", port=kept.port)
    controller.start()
    yield kept
    controller.stop()
