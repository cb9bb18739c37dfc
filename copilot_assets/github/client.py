"""The client: asks GitHub for reports, day by day, and brings the files to disk.

Connections, concurrency, pausing and asking again are here; what an answer means is in `outcomes.py`, what a file
holds in `files.py`. Nothing is stored here and no Dagster is known.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import httpx
import msgspec
import stamina
from stamina.instrumentation import RetryDetails

from copilot_assets.github.files import BrokenFileError, Contents, ReportFile, inspect_files
from copilot_assets.github.outcomes import Outcome, Verdict, judge, retry_after_seconds
from copilot_assets.github.reports import Delivery, Report
from copilot_assets.github.scopes import Scope

# httpx logs whole URLs at INFO, and those of the second hop are credentials.
logging.getLogger("httpx").setLevel(logging.WARNING)

logger = logging.getLogger(__name__)


def _tell_long_pause(details: RetryDetails) -> None:
    """Say why nothing moves; the library's own line would print arguments and go to standard output."""
    if details.wait_for >= _LONG_PAUSE_SECONDS and isinstance(details.caused_by, _EndedError):
        logger.warning("%s Asking again in %.0f seconds.", details.caused_by, details.wait_for)


stamina.instrumentation.set_on_retry_hooks([_tell_long_pause])

_LONG_PAUSE_SECONDS: Final = 5
API_VERSION: Final = "2026-03-10"
USER_AGENT: Final = "copilot-assets"
# GitHub's secondary limit is 100 requests at once for everything a token does; eight leave room for others.
IN_FLIGHT: Final = 8
ATTEMPTS: Final = 5
TIMEOUT_SECONDS: Final = 60.0
LONGEST_PAUSE_SECONDS: Final = 60.0  # of those that GitHub does not set itself
LEGACY_DAYS_PER_PAGE: Final = 100


@dataclass(frozen=True)
class Fetch:
    """One attempt to get one (scope, report, day).

    Attributes:
        fetch_id: a new id for every attempt.
        requested_at: when the first request of it was sent, UTC without zone.
        http_status: of the last answer; None when none came, or when the day was not asked for by itself.
        records: records kept; None unless reported (0 is never written for "no answer").
        bytes: bytes of the files; None unless reported.
        sha256: of the files' digests in sorted order, so that the order of shards does not matter.
        evidence: a sentence for people.
        headline: the numbers that sum the day up, for one-record reports.
        files: where the records are; the caller removes them.
    """

    scope: Scope
    report: Report
    day: date
    outcome: Outcome
    evidence: str
    requested_at: datetime
    http_status: int | None = None
    records: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    headline: dict[str, Any] = field(default_factory=dict)
    files: tuple[ReportFile, ...] = ()
    fetch_id: str = field(default_factory=lambda: uuid4().hex)


# What one worker does at a time: a scope, and one day or a span of days of it.
Job = tuple[Scope, list[date]]
Deliver = Callable[[dict[date, list[Fetch]]], Awaitable[None]]


class _LinkList(msgspec.Struct):
    """The envelope of a 1-day report (OpenAPI: copilot-usage-metrics-1-day-report)."""

    download_links: list[str]
    report_day: date | None = None


class _EndedError(Exception):
    """A fetch that ended with something else than records."""

    def __init__(self, verdict: Verdict, status: int | None) -> None:
        super().__init__(verdict.evidence)
        self.verdict, self.status = verdict, status


class _StaleLinkError(Exception):
    """A signed link that is refused: links live for about an hour, so the list has to be asked for again."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The storage answered {status} for a report file.")
        self.status = status


def _pause(error: Exception) -> bool | float:
    """Stamina's question after a failed attempt: False, True (the usual growing pause), or seconds to wait."""
    if isinstance(error, _EndedError):
        return False if error.verdict.retry_after is None else error.verdict.retry_after or True
    return isinstance(error, httpx.TransportError)


class GitHubClient:
    """GitHub's Copilot reports over one pool of connections; an async context manager.

    At most `in_flight` requests are under way at any time. Passing trouble (5xx, 408, rate limits, cut connections)
    is asked again, as long as GitHub says or with growing pauses, `attempts` times in all; any other 4xx never is.
    A refusal of a scope (bad token, policy off, API closed) holds for its other days, which are not asked for.
    """

    def __init__(
        self,
        api_url: str,
        auth: httpx.Auth,
        *,
        in_flight: int = IN_FLIGHT,
        attempts: int = ATTEMPTS,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        timeout = httpx.Timeout(TIMEOUT_SECONDS, pool=None)
        agent = {"User-Agent": USER_AGENT}
        self._api = httpx.AsyncClient(
            base_url=api_url,
            auth=auth,
            headers={**agent, "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION},
            limits=limits,
            timeout=timeout,
            follow_redirects=True,
        )
        # The signature in a link is its credential: the token must not travel to that host.
        self._storage = httpx.AsyncClient(headers=agent, limits=limits, timeout=timeout, follow_redirects=True)
        self._in_flight = in_flight
        self._attempts = attempts
        self._today = today
        self._refusals: dict[tuple[str, str], _EndedError] = {}

    async def __aenter__(self) -> Self:
        self._stack = await AsyncExitStack().__aenter__()
        await self._stack.enter_async_context(self._api)
        await self._stack.enter_async_context(self._storage)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def fetch_days(
        self, report: Report, scopes: Iterable[Scope], days: Sequence[date], folder: Path, deliver: Deliver
    ) -> None:
        """Fetch a report for every scope it covers, several days at once.

        Days for which the report did not exist yet are not asked for and have no fetch.

        Args:
            report: the report.
            scopes: whom to ask about; scopes that the report does not cover are passed over.
            days: the days, in the order wanted.
            folder: where the files go.
            deliver: awaited with the days whose scopes are all done, and their fetches: one day at least, several
                when they came faster than they were taken. Days may come in any order. What it raises ends the
                fetching and comes out of here.
        """
        covered = [scope for scope in scopes if report.covers(scope)]
        wanted = {
            day: [scope for scope in covered if day >= report.first_days.get(scope.kind, date.min)] for day in days
        }
        await deliver({day: [] for day in days if not wanted[day]})
        # Fetched days wait on disk for their turn; the places keep a slow receiver from filling it.
        fetched: asyncio.Queue[list[Fetch] | None] = asyncio.Queue()
        places = asyncio.Semaphore(2 * self._in_flight)
        fetching = asyncio.create_task(self._fetch_all(_jobs(report, wanted), report, folder, fetched, places))
        try:
            done: dict[date, list[Fetch]] = {day: [] for day in days}
            is_over = False
            while not is_over:
                arrived = [await fetched.get()]
                while not fetched.empty():
                    arrived.append(fetched.get_nowait())
                is_over = None in arrived
                for fetch in (fetch for fetches in arrived for fetch in fetches or ()):
                    done[fetch.day].append(fetch)
                complete = [day for day, fetches in done.items() if fetches and len(fetches) == len(wanted[day])]
                await deliver({day: done.pop(day) for day in complete})
                for _ in arrived:
                    places.release()
        finally:
            fetching.cancel()
            await asyncio.wait([fetching])
        fetching.result()

    async def _fetch_all(
        self,
        jobs: Iterator[Job],
        report: Report,
        folder: Path,
        fetched: asyncio.Queue[list[Fetch] | None],
        places: asyncio.Semaphore,
    ) -> None:
        """Work the jobs off with as many workers as requests may be in flight: each has one request under way."""

        async def work() -> None:
            for scope, days in jobs:
                await places.acquire()
                fetched.put_nowait(await self._fetch(report, scope, days, folder))

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._in_flight):
                    workers.create_task(work())
        finally:
            fetched.put_nowait(None)

    async def _fetch(self, report: Report, scope: Scope, days: list[date], folder: Path) -> list[Fetch]:
        requested_at = datetime.now(UTC).replace(tzinfo=None)
        try:
            if refusal := self._refusals.get((report.name, str(scope))):
                raise _EndedError(refusal.verdict, None)  # without a status: this day itself was not asked for
            fetch = self._fetch_links if report.delivery is Delivery.LINKS else self._fetch_span
            return await fetch(report, scope, days, folder, requested_at)
        except _EndedError as ended:
            verdict, status = ended.verdict, ended.status
            if verdict.outcome.is_refusal and status is not None:
                self._refusals[report.name, str(scope)] = ended
        except _StaleLinkError as stale:
            sentence = f"{stale} It did so for a fresh link too. Run this day again later."
            verdict, status = Verdict(Outcome.FAILED, sentence), stale.status
        except BrokenFileError as broken:
            verdict, status = Verdict(Outcome.FAILED, str(broken)), 200
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            verdict, status = Verdict(Outcome.FAILED, _connection_sentence(trouble, self._api.base_url.host)), None
        return [self._without_records(report, scope, day, verdict, status, requested_at) for day in days]

    def _without_records(
        self, report: Report, scope: Scope, day: date, verdict: Verdict, status: int | None, requested_at: datetime
    ) -> Fetch:
        if verdict.outcome is Outcome.NO_REPORT and day < self._today() - timedelta(days=report.history_days):
            # Not an answer about the day: it would delete what was fetched while GitHub still had it.
            evidence = f"{verdict.evidence} It keeps {report.history_days} days, and this one is older."
            verdict = Verdict(Outcome.EXPIRED, evidence)
        return Fetch(scope, report, day, verdict.outcome, verdict.evidence, requested_at, status)

    async def _fetch_links(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """The two hops of a usage-metrics report: list the links, download every one without credentials."""
        (day,) = days
        try:
            paths, digests = await self._download_listed(report, scope, day, folder)
        except _StaleLinkError:
            paths, digests = await self._download_listed(report, scope, day, folder)
        contents = await asyncio.to_thread(inspect_files, paths, report, day)
        if not contents.records:
            raise _EndedError(Verdict(Outcome.NO_REPORT, "GitHub's report file for this day is empty."), 200)
        return [_reported(report, scope, day, contents, digests, requested_at)]

    async def _download_listed(
        self, report: Report, scope: Scope, day: date, folder: Path
    ) -> tuple[list[Path], list[str]]:
        name = uuid4().hex
        paths, digests = [], []
        for number, link in enumerate(await self._list_links(report, scope, day)):
            paths.append(folder / f"{name}-{number}.json")
            digests.append(await self._download(link, paths[-1]))
        return paths, digests

    async def _list_links(self, report: Report, scope: Scope, day: date) -> list[str]:
        response = await self._ask(report, scope, {"day": day.isoformat()})
        try:
            answer = msgspec.json.decode(response.content, type=_LinkList | str, strict=True)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _EndedError(
                Verdict(
                    Outcome.FAILED,
                    "GitHub answered 200, but not with a list of download links; a proxy may have answered instead. "
                    "Check GITHUB_API_URL.",
                ),
                200,
            ) from None
        if isinstance(answer, str):
            said = f'with the text "{answer[:80]}"' if answer else "with an empty text"
            raise _EndedError(Verdict(Outcome.NO_REPORT, f"GitHub answered 200 {said}: no report."), 200)
        if not answer.download_links:
            raise _EndedError(Verdict(Outcome.NO_REPORT, "GitHub answered 200 with no download links: no report."), 200)
        if answer.report_day not in (None, day):
            raise _EndedError(
                Verdict(Outcome.FAILED, f"GitHub answered with the report of {answer.report_day}, not of {day}."), 200
            )
        return answer.download_links

    async def _ask(self, report: Report, scope: Scope, params: dict[str, str]) -> httpx.Response:
        async for attempt in self._retrying():
            with attempt:
                response = await self._api.get(report.path(scope), params=params)
                if response.status_code != 200:
                    raise _EndedError(judge(response, report, scope, self._today()), response.status_code)
                return response
        raise AssertionError("unreachable: the last attempt raises")

    async def _download(self, link: str, path: Path) -> str:
        """Stream one file to disk; the digest of its bytes."""
        async for attempt in self._retrying():
            with attempt:
                async with self._storage.stream("GET", link) as response:
                    if response.status_code in (401, 403, 404, 410):
                        raise _StaleLinkError(response.status_code)
                    if response.status_code != 200:
                        trouble = f"The storage answered {response.status_code} for a report file. Run this day again."
                        is_passing = response.status_code in (408, 429) or response.status_code >= 500
                        passing = retry_after_seconds(response.headers) or 0.0 if is_passing else None
                        raise _EndedError(Verdict(Outcome.FAILED, trouble, passing), response.status_code)
                    digest = hashlib.sha256()
                    with path.open("wb") as file:
                        async for chunk in response.aiter_bytes():
                            file.write(chunk)
                            digest.update(chunk)
                    return digest.hexdigest()
        raise AssertionError("unreachable: the last attempt raises")

    def _retrying(self) -> Any:
        return stamina.retry_context(
            on=_pause, attempts=self._attempts, timeout=None, wait_initial=0.5, wait_max=LONGEST_PAUSE_SECONDS
        )

    async def _fetch_span(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """One request per page for a span of days; a day that is not in the answer has no report."""
        found: dict[date, list[bytes]] = {}
        for page in range(1, len(days) // LEGACY_DAYS_PER_PAGE + 2):
            params = {
                "since": f"{days[0]}T00:00:00Z",
                "until": f"{days[-1]}T23:59:59Z",
                "page": str(page),
                "per_page": str(LEGACY_DAYS_PER_PAGE),
            }
            texts = _elements((await self._ask(report, scope, params)).content)
            for text, day in texts:
                found.setdefault(day, []).append(text)
            if len(texts) < LEGACY_DAYS_PER_PAGE:
                break
        missing = Verdict(Outcome.NO_REPORT, "GitHub answered with an array of days, and this one is not in it.")
        return [
            _from_element(report, scope, day, found[day][-1], folder, requested_at)
            if day in found
            else self._without_records(report, scope, day, missing, 200, requested_at)
            for day in days
        ]


def _jobs(report: Report, wanted: dict[date, list[Scope]]) -> Iterator[Job]:
    """What one request sequence gets: a day of a scope, or a span of days. An iterator that workers share."""
    if report.delivery is Delivery.LINKS:
        return iter([(scope, [day]) for day, scopes in wanted.items() for scope in scopes])
    spans: list[Job] = []
    for scope in sorted({scope for scopes in wanted.values() for scope in scopes}):
        days = sorted(day for day, scopes in wanted.items() if scope in scopes)
        span: list[date] = []
        for day in days:
            if span and day - span[0] >= timedelta(days=LEGACY_DAYS_PER_PAGE):
                spans.append((scope, span))
                span = []
            span.append(day)
        spans.append((scope, span))
    return iter(spans)


class _Dated(msgspec.Struct):
    """As much of a legacy element as is needed to know its day."""

    date: date


def _elements(body: bytes) -> list[tuple[bytes, date]]:
    """The elements of a legacy answer as GitHub wrote them, with their days."""
    try:
        texts = [bytes(text) for text in msgspec.json.decode(body, type=list[msgspec.Raw])]
        return [(text, msgspec.json.decode(text, type=_Dated).date) for text in texts]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenFileError(
            "GitHub answered 200, but not with an array of days; a proxy may have answered. Check GITHUB_API_URL."
        ) from None


def _from_element(report: Report, scope: Scope, day: date, text: bytes, folder: Path, requested_at: datetime) -> Fetch:
    path = folder / f"{uuid4().hex}.json"
    path.write_bytes(text)
    try:
        contents = inspect_files([path], report, day)
    except BrokenFileError as broken:
        return Fetch(scope, report, day, Outcome.FAILED, str(broken), requested_at, 200)
    return _reported(report, scope, day, contents, [hashlib.sha256(text).hexdigest()], requested_at)


def _reported(
    report: Report, scope: Scope, day: date, contents: Contents, digests: list[str], requested_at: datetime
) -> Fetch:
    return Fetch(
        scope,
        report,
        day,
        Outcome.REPORTED,
        f"{contents.records:,} record{'s' if contents.records != 1 else ''} in "
        f"{len(digests)} file{'s' if len(digests) != 1 else ''}.",
        requested_at,
        200,
        contents.records,
        sum(file.path.stat().st_size for file in contents.files),
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
        contents.headline,
        contents.files,
    )


def _connection_sentence(trouble: Exception, host: str) -> str:
    """What broke, in words; the library's own text may hold a signed address and is left out."""
    kind = "took too long to answer" if isinstance(trouble, httpx.TimeoutException) else "could not be reached"
    return f"{host or 'GitHub'} or its storage {kind} ({type(trouble).__name__}). Check the network and run this again."
