"""The way to GitHub: one pool of connections to its API, one to where its report files are.

Credentials, pausing, asking again and streaming to disk belong here. Which questions are asked is `client.py`'s, what
an answer means `outcomes.py`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import ssl
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import stamina

from copilot_assets.github import patience as waits
from copilot_assets.github.auth import AuthError
from copilot_assets.github.bounds import at_most, keep_short, whole
from copilot_assets.github.clock import Clock
from copilot_assets.github.files import RAISE_THE_BOUND, BrokenFileError
from copilot_assets.github.network import told_on, verdict_on
from copilot_assets.github.outcomes import LONGEST_LIMIT_SECONDS, Outcome, Verdict, judge, retry_after_seconds
from copilot_assets.github.patience import DeadlineError, GivenUpError, Patience
from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope
from copilot_assets.now import now_utc

# httpx logs whole URLs at INFO, and those of the second hop are credentials.
logging.getLogger("httpx").setLevel(logging.WARNING)

# The library's own line would print arguments and go to standard output; what is waited for is said by `Patience`.
stamina.instrumentation.set_on_retry_hooks([])

_LONG_PAUSE_SECONDS: Final = 5
_COUNT: Final = re.compile(r"\d{1,10}", re.ASCII)
# Of tokens with an end (GitHub changelog "Expiration options for personal access tokens", 2021-07-26).
_ENDS_AT: Final = "github-authentication-token-expiration"
API_VERSION: Final = "2026-03-10"
USER_AGENT: Final = "copilot-assets"
# GitHub's secondary limit is 100 requests at once for everything a token does; eight leave room for others.
IN_FLIGHT: Final = 8
ATTEMPTS: Final = 5
TIMEOUT_SECONDS: Final = 30.0  # without a byte
GREETING_SECONDS: Final = 10.0
LONGEST_PAUSE_SECONDS: Final = 60.0  # of those that GitHub does not set itself


@dataclass
class Connection:
    """What the headers of GitHub's answers told of the way there; None where none told it.

    Attributes:
        rate_limit_left: requests left in this hour, the least that any answer told.
        rate_limit_until: when this hour is over.
        token_scopes: what a classic token may do; other kinds of token are not told theirs.
        is_accepted: whether GitHub has answered with what it was asked for.
        token_ends_at: when the token ends, UTC, as such an answer told; None of one without an end.
    """

    answered_at: datetime | None = None
    token_scopes: tuple[str, ...] | None = None
    rate_limit_left: int | None = None
    rate_limit: int | None = None
    rate_limit_until: datetime | None = None
    is_accepted: bool = False
    token_ends_at: datetime | None = None

    async def note(self, response: httpx.Response) -> None:
        """Read the headers of an answer."""
        headers = response.headers
        self.answered_at = now_utc()
        if "x-oauth-scopes" in headers:
            self.token_scopes = tuple(scope.strip() for scope in headers["x-oauth-scopes"].split(",") if scope.strip())
        if _COUNT.fullmatch(left := headers.get("x-ratelimit-remaining", "")):
            # Answers overtake each other, and requests are not given back.
            self.rate_limit_left = min(int(left), int(left) if self.rate_limit_left is None else self.rate_limit_left)
        if _COUNT.fullmatch(limit := headers.get("x-ratelimit-limit", "")):
            self.rate_limit = int(limit)
        if _COUNT.fullmatch(reset := headers.get("x-ratelimit-reset", "")):
            self.rate_limit_until = datetime.fromtimestamp(int(reset), UTC)
        if response.is_success:
            self.is_accepted, self.token_ends_at = True, _time_of(headers.get(_ENDS_AT, ""))


def _time_of(text: str) -> datetime | None:
    """`2026-12-01 20:53:43 UTC`, or with `+0200` in place of `UTC`; None where that is not what it says."""
    with suppress(ValueError):
        return datetime.strptime(text.replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    return None


class EndedError(Exception):
    """A fetch that ended with something else than records."""

    def __init__(self, verdict: Verdict, status: int | None) -> None:
        super().__init__(verdict.evidence)
        self.verdict, self.status = verdict, status


class StaleLinkError(Exception):
    """A signed link that is refused: links live for about an hour, so the list has to be asked for again."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The storage answered {status} for a report file.")
        self.status = status


@cache
def _trusted() -> ssl.SSLContext:
    """Whom to trust; reading the certificates takes 45 ms, so once a process."""
    return httpx.create_ssl_context()


# Everything that an attempt may end with besides records.
ENDINGS: Final = (
    EndedError,
    StaleLinkError,
    BrokenFileError,
    DeadlineError,
    GivenUpError,
    httpx.HTTPError,
    httpx.InvalidURL,
)
# Those in which no answer came at all.
SILENCES: Final = (DeadlineError, httpx.TransportError)


def _pause(error: Exception) -> bool | float:
    """Stamina's question after a failed attempt: False, True (the usual growing pause), or seconds to wait."""
    if isinstance(error, EndedError):
        seconds = error.verdict.retry_after
        # Longer than any limit of GitHub's: something between here and there says so, and nobody would wait for it.
        return False if seconds is None or seconds > LONGEST_LIMIT_SECONDS else seconds or True
    # A file whose compression ends too early was cut on its way, too.
    return isinstance(error, httpx.TransportError | httpx.DecodingError) and verdict_on(error, "").cause is None


class Transport:
    """Both pools, open between `async with` and its end; at most `in_flight` requests are under way in each.

    Passing trouble is asked again, as long as GitHub says or with growing pauses, `attempts` times in all.
    """

    def __init__(
        self,
        api_url: str,
        auth: httpx.Auth,
        *,
        in_flight: int,
        attempts: int,
        clock: Clock,
        patience: Patience,
        largest_file_bytes: int,
    ) -> None:
        limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        timeout = httpx.Timeout(TIMEOUT_SECONDS, pool=None)
        # Of a kind of compression with a bound of its own: a thousandfold.
        agent = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"}
        self.connection = Connection()
        self._api = httpx.AsyncClient(
            base_url=api_url,
            auth=auth,
            headers={**agent, "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION},
            limits=limits,
            timeout=timeout,
            follow_redirects=True,
            event_hooks={"response": [self.connection.note, clock.note, _look_where_it_leads]},
            verify=_trusted(),
        )
        # The signature in a link is its credential: the token must not travel to that host.
        self._storage = httpx.AsyncClient(
            headers=agent,
            limits=limits,
            timeout=timeout,
            follow_redirects=True,
            event_hooks={"response": [_look_where_it_leads]},
            verify=_trusted(),
        )
        self._attempts = attempts
        self._clock = clock
        self._patience = patience
        self._largest_file_bytes = largest_file_bytes

    async def __aenter__(self) -> Self:
        self._stack = await AsyncExitStack().__aenter__()
        await self._stack.enter_async_context(self._api)
        await self._stack.enter_async_context(self._storage)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def ask(
        self,
        report: Report,
        scope: Scope,
        params: dict[str, str],
        url: str | None = None,
        order: dict[str, str] | None = None,
    ) -> httpx.Response:
        """GitHub's answer 200 about a report; `url` is the next page of a list, `order` is what is ordered, with 202.

        Raises:
            EndedError: it answered something else, and went on doing so where that may pass.
            DeadlineError, GivenUpError: it did not answer in time, with all retries, or not to the last few.
            httpx.HTTPError: it did not answer.
        """
        async with self._patience.hearing(self._api.base_url.host, waits.REQUEST_SECONDS) as deadline:
            async for attempt in self._retrying(deadline):
                with attempt:
                    try:
                        async with self._api.stream(
                            "POST" if order else "GET", url or report.path(scope), params=params or None, json=order
                        ) as streamed:
                            response = await whole(streamed)
                    except AuthError as refused:
                        raise EndedError(refused.verdict, refused.status) from None
                    if response.status_code not in ((200, 201, 202) if order else (200,)):
                        raise EndedError(judge(response, report, scope, self._clock.today()), response.status_code)
                    return response
        raise AssertionError("unreachable: the last attempt raises")

    async def ask_the_time(self) -> None:
        """Let GitHub tell its time with an answer that costs none of the requests of an hour; silence tells nothing."""
        with suppress(*ENDINGS, AuthError):
            async with self._api.stream("GET", "/rate_limit", timeout=GREETING_SECONDS):
                pass  # its headers are read

    async def download(self, link: str, path: Path) -> str:
        """Stream one file to disk; the digest of its bytes."""
        host = f"{httpx.URL(link).host}, where GitHub keeps report files,"
        async with self._patience.hearing(host, waits.FILE_SECONDS) as deadline:
            async for attempt in self._retrying(deadline):
                with attempt:
                    async with self._storage.stream("GET", link) as response:
                        return await _saved(response, path, self._largest_file_bytes)
        raise AssertionError("unreachable: the last attempt raises")

    def _retrying(self, deadline: asyncio.Timeout) -> Any:
        def pause(error: Exception) -> bool | float:
            seconds = _pause(error)
            if not isinstance(seconds, bool) and self._attempts > 1:
                when = deadline.when()
                if when is not None:  # what GitHub asks for itself is not counted
                    deadline.reschedule(when + seconds)
                if seconds >= _LONG_PAUSE_SECONDS:
                    self._patience.say(f"{error} Asking again after the wait that GitHub asks for", seconds)
            return seconds

        return stamina.retry_context(
            on=pause, attempts=self._attempts, timeout=None, wait_initial=0.5, wait_max=LONGEST_PAUSE_SECONDS
        )

    def own_address(self, url: str | None) -> str | None:
        """The address of a next page, if it is one of this API."""
        if url is None:
            return None
        own, there = self._api.base_url, httpx.URL(url)
        if (there.scheme, there.host, there.port) != (own.scheme, own.host, own.port):
            raise BrokenFileError("GitHub's list goes on at another address than GITHUB_API_URL; it was not followed.")
        return url

    async def judged(self, ending: Exception) -> tuple[Verdict, int | None]:
        """What an attempt that brought no records came to, and the HTTP status of its last answer."""
        match ending:
            case EndedError():
                return ending.verdict, ending.status
            case StaleLinkError():
                sentence = f"{ending} It did so for a fresh link too. Run this day again later."
                return Verdict(Outcome.FAILED, sentence), ending.status
            case BrokenFileError():
                return Verdict(Outcome.FAILED, str(ending)), 200
            case DeadlineError() | GivenUpError():
                return Verdict(Outcome.FAILED, str(ending)), None
        return await told_on(ending, self._api.base_url.host), None

    async def probe_file(self, link: str) -> str | None:
        """Whether a report file can be had from where GitHub keeps them; a sentence when it can't."""
        try:
            async with self._storage.stream("GET", link) as response:
                head = await anext(response.aiter_bytes(1024), b"")
        except BrokenFileError as trouble:
            return str(trouble)
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            return (await told_on(trouble, httpx.URL(link).host)).evidence
        is_web_page = head.lstrip().startswith(b"<") and not head.lstrip().startswith(b"<?xml")  # the storage's own no
        if response.status_code != 200 or is_web_page:
            return (
                f"{httpx.URL(link).host}, where GitHub keeps report files, answered {response.status_code}"
                f"{' with a web page' if is_web_page else ''}: a proxy or firewall may stand between. "
                "Let HTTPS requests to that host through."
            )
        return None


async def _saved(response: httpx.Response, path: Path, largest_bytes: int) -> str:
    """Write a file's answer to disk as it comes; the digest of its bytes.

    Raises:
        StaleLinkError, EndedError: it is no file.
        BrokenFileError: it is larger than `largest_bytes`.
    """
    if response.status_code in (401, 403, 404, 410):
        raise StaleLinkError(response.status_code)
    if response.status_code != 200:
        trouble = f"The storage answered {response.status_code} for a report file. Run this day again."
        is_passing = response.status_code in (408, 429) or response.status_code >= 500
        passing = retry_after_seconds(response.headers) or 0.0 if is_passing else None
        raise EndedError(Verdict(Outcome.FAILED, trouble, passing), response.status_code)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        async for chunk in at_most(response, largest_bytes, "A report file", RAISE_THE_BOUND):
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


async def _look_where_it_leads(response: httpx.Response) -> None:
    """What httpx calls with every answer before it follows one that leads elsewhere, which it reads whole.

    Raises:
        BrokenFileError: that is no address.
    """
    if response.has_redirect_location:
        keep_short(response)
        if not is_address(str(response.url.join(response.headers["location"]))):
            raise BrokenFileError("What answered in GitHub's place leads to no web address. Run this again later.")


def is_address(link: str) -> bool:
    """Whether it can be asked at all; a port beyond the last one would crash the connection."""
    try:
        url = httpx.URL(link)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and 0 <= (url.port or 0) < 2**16
