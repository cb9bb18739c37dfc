"""The stand-in as two running servers: the API and its download host, on this machine only.

Sockets, threads and the record of requests belong here; what is served is `app.py` and `downloads.py`.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import uvicorn
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from copilot_assets.now import now_utc
from copilot_assets.standin.app import Api
from copilot_assets.standin.apps import APP_ID, TOKEN_SECONDS, Apps
from copilot_assets.standin.downloads import Downloads
from copilot_assets.standin.faults import Fault
from copilot_assets.standin.links import Links
from copilot_assets.standin.world import World

LOOPBACK: Final = "127.0.0.1"
LINK_SECONDS: Final = 3600

logger = logging.getLogger(__name__)


class Seen(NamedTuple):
    """A request that was answered; `host` is `api` or `downloads`. A link's signature is not kept."""

    method: str
    host: str
    path: str
    status: int
    had_authorization: bool
    query: str


class Record:
    """What the servers saw: all requests, how many are in flight, and were at once; each waits `latency` seconds first.

    Their clock is `clock_ahead` ahead of this machine's.
    """

    def __init__(self, latency: float = 0) -> None:
        self.requests: list[Seen] = []
        self.clock_ahead = timedelta()
        self.most_in_flight = 0
        self.in_flight = 0
        self._latency = latency

    def watch(self, app: ASGIApp, host: str) -> ASGIApp:
        """The app, with its requests written down; a bug in it is logged and answered with a bare 500."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                # Written down before the client can see the answer, so that no test has to wait for the record.
                if message["type"] == "http.response.start":
                    now = now_utc() + self.clock_ahead
                    MutableHeaders(scope=message)["date"] = format_datetime(now, usegmt=True)
                    self._write_down(scope, host, message["status"])
                await send(message)

            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            try:
                await asyncio.sleep(self._latency)
                await app(scope, receive, sent)
            except Exception:
                logger.exception("The stand-in could not answer %s %s: that is a bug in it.", host, scope["path"])
                raise
            finally:
                self.in_flight -= 1

        return watched

    def _write_down(self, scope: Scope, host: str, status: int) -> None:
        query = scope["query_string"].decode() if host == "api" else ""
        has_authorization = "authorization" in Headers(scope=scope)
        self.requests.append(Seen(scope["method"], host, scope["path"], status, has_authorization, query))


class Standin:
    """GitHub's two hosts in a background thread, from `with` to the end of its block; for tests and the demo.

    `port` 0 takes any free one; the download host takes `download_port`, by default any free one. `today` None follows
    the clock. `people` is the size of the enterprise, `link_seconds` the life of a download link, `rate_limit` the
    number of requests an hour for each token, `latency` the seconds that every answer takes at least. A GitHub App,
    `app_id` with `app_private_key`, is installed on the accounts `app_installed_on` (`org:NAME`, `enterprise:NAME`), by
    default on all; its tokens live `app_token_seconds`. Each file of a report is written once where there is a folder
    `kept`, and read from there the next time.

    Raises:
        OSError: a port is taken.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        download_port: int = 0,
        today: date | None = None,
        seed: int = 1,
        people: int = 150,
        legacy_open: bool = False,
        faults: Iterable[Fault] = (),
        link_seconds: int = LINK_SECONDS,
        rate_limit: int = 5000,
        latency: float = 0,
        app_installed_on: Iterable[str] | None = None,
        app_token_seconds: int = TOKEN_SECONDS,
        kept: Path | None = None,
    ) -> None:
        self.world = World(seed=seed, people=people, today=today)
        self._faults = list(faults)
        self.record = Record(latency)
        self._sockets = [_listen(port), _listen(download_port)]
        self.api_url, self.downloads_url = (f"http://{LOOPBACK}:{s.getsockname()[1]}" for s in self._sockets)
        links = Links(self.downloads_url, link_seconds)
        self.apps = Apps(self.api_url, app_installed_on, app_token_seconds)
        api = Api(
            self.world,
            links,
            self._faults,
            self.apps,
            self.api_url,
            legacy_open=legacy_open,
            rate_limit=rate_limit,
        )
        self.rate_limits = api.limits
        self.orders = api.orders
        apps = ((api.asgi, "api"), (Downloads(self.world, links, self._faults, kept).asgi, "downloads"))
        self._servers = [_server(self.record.watch(app, host)) for app, host in apps]
        self._thread = threading.Thread(target=self._run, name="standin", daemon=True)

    @property
    def faults(self) -> list[Fault]:
        """The faults, to be changed in place or replaced while the stand-in runs."""
        return self._faults

    @faults.setter
    def faults(self, faults: Iterable[Fault]) -> None:
        self._faults[:] = faults

    @property
    def requests(self) -> list[Seen]:
        """The requests answered so far, on both hosts."""
        return self.record.requests

    @property
    def clock_ahead(self) -> timedelta:
        """How far the `Date` of its answers is ahead of this machine's clock; may be set while it runs."""
        return self.record.clock_ahead

    @clock_ahead.setter
    def clock_ahead(self, ahead: timedelta) -> None:
        self.record.clock_ahead = ahead

    @property
    def app_id(self) -> int:
        """The number of the GitHub App."""
        return APP_ID

    @property
    def app_private_key(self) -> str:
        """The private key of the GitHub App, PEM."""
        return self.apps.private_key

    @property
    def in_flight(self) -> int:
        """The number of requests that are being answered, also of those who have gone away meanwhile."""
        return self.record.in_flight

    @property
    def most_in_flight(self) -> int:
        """The greatest number of requests that were in flight at once."""
        return self.record.most_in_flight

    @property
    def today(self) -> date:
        """The current UTC day of the stand-in's world; may be set while it runs."""
        return self.world.today

    @today.setter
    def today(self, day: date | None) -> None:
        self.world.today = day

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        """Serve both hosts until told to stop. Their sockets listen already, so nobody need wait for this."""

        async def both() -> None:
            pairs = zip(self._servers, self._sockets, strict=True)
            await asyncio.gather(*(server.serve(sockets=[socket]) for server, socket in pairs))

        asyncio.run(both())


def serve(
    *,
    port: int,
    today: date | None = None,
    seed: int = 1,
    people: int = 150,
    legacy_open: bool = False,
    faults: Iterable[Fault] = (),
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve in the foreground until Ctrl-C: the API on `port`, downloads on the next one; `port` 0 takes any free two.

    `on_ready` is told the URL of the API.

    Raises:
        OSError: a port is taken.
    """
    standin = Standin(
        port=port,
        download_port=port + 1 if port else 0,
        today=today,
        seed=seed,
        people=people,
        legacy_open=legacy_open,
        faults=faults,
    )
    with standin:
        if on_ready:
            on_ready(standin.api_url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _listen(port: int) -> socket.socket:
    """A listening socket on this machine only."""
    # With the protocol named, asyncio turns Nagle's algorithm off: it would delay every answer by 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        reason = f"Port {port} of this machine is taken, so the stand-in cannot start; name another."
        raise OSError(error.errno, reason) from None
    listener.listen(2048)
    return listener


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
    )
    return uvicorn.Server(config)
