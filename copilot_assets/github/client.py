"""The client: asks GitHub for reports, day by day, and brings the files to disk.

Which questions a report takes, and how many at once, is here; connections, pausing and asking again are in
`transport.py`, what an answer means in `outcomes.py`, what a file holds in `files.py`. Nothing is stored here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from uuid import uuid4

import httpx
import msgspec

from copilot_assets.github.files import (
    BYTE_ORDER_MARK,
    BrokenFileError,
    BrokenRecord,
    Contents,
    ReportFile,
    inspect_files,
)
from copilot_assets.github.outcomes import (
    Cause,
    Outcome,
    Verdict,
    judge_text,
)
from copilot_assets.github.reports import Delivery, Report
from copilot_assets.github.scopes import Scope
from copilot_assets.github.transport import (
    ATTEMPTS,
    ENDINGS,
    IN_FLIGHT,
    Connection,
    EndedError,
    StaleLinkError,
    Transport,
    is_address,
)

_T = TypeVar("_T")


# Opening the database costs as much as landing a dozen small days: while many are to come, let some arrive first.
GATHERING_SECONDS: Final = 0.2
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
        headline: the numbers that sum the day up, where the report has such.
        files: where the records are; the caller removes them.
        broken: records that were left out; of a failed fetch, all that came.
        unknown_fields: path and type of fields nobody announced, and how many records have them at least.
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
    broken: tuple[BrokenRecord, ...] = ()
    unknown_fields: Mapping[tuple[str, str], int] = field(default_factory=dict)
    fetch_id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class Answer:
    """What a probe was answered.

    Attributes:
        cause: what stands in the way, when it is something that can be changed.
        day: the UTC day that GitHub has a report of; None when it has none.
        links: signed links to its files; credentials, not to be shown.
    """

    outcome: Outcome
    evidence: str
    cause: Cause | None = None
    day: date | None = None
    links: tuple[str, ...] = field(default=(), repr=False)


# What one worker does at a time: a scope, and one day or a span of days of it.
Job = tuple[Scope, list[date]]
Deliver = Callable[[dict[date, list[Fetch]]], Awaitable[None]]
_FetchWay = Callable[[Report, Scope, list[date], Path, datetime], Awaitable[list[Fetch]]]


class _LinkList(msgspec.Struct):
    """The envelope of a report (OpenAPI: copilot-usage-metrics-1-day-report and -28-day-report)."""

    download_links: list[str]
    report_day: date | None = None
    report_end_day: date | None = None


class GitHubClient:
    """GitHub's Copilot reports over one pool of connections; an async context manager.

    At most `in_flight` requests are under way at any time. Passing trouble (5xx, 408, rate limits, cut connections)
    is asked again, as long as GitHub says or with growing pauses, `attempts` times in all; any other 4xx never is.
    `now` is the time in UTC: what fetches are dated by, and what tells how old a day is.
    A refusal of a scope (bad token, policy off, API closed) holds for its other days, which are not asked for.
    """

    def __init__(
        self,
        api_url: str,
        auth: httpx.Auth,
        *,
        in_flight: int = IN_FLIGHT,
        attempts: int = ATTEMPTS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = Transport(api_url, auth, in_flight=in_flight, attempts=attempts, today=lambda: now().date())
        self._in_flight = in_flight
        self._now = now
        self._refusals: dict[tuple[str, str], EndedError] = {}
        self._fetches: dict[Delivery, _FetchWay] = {
            Delivery.LINKS: self._fetch_links,
            Delivery.DAYS: self._fetch_span,
            Delivery.PAGES: self._fetch_pages,
            Delivery.OBJECT: self._fetch_object,
        }

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    @property
    def connection(self) -> Connection:
        """What GitHub's newest answer told of the token and the way there."""
        return self._transport.connection

    async def probe_file(self, link: str) -> str | None:
        """Whether a report file can be had from where GitHub keeps them; a sentence when it can't."""
        return await self._transport.probe_file(link)

    async def fetch_days(
        self, report: Report, scopes: Iterable[Scope], days: Sequence[date], folder: Path, deliver: Deliver
    ) -> None:
        """Fetch a report for every scope it covers, several days at once.

        Days for which the report did not exist yet are not asked for and have no fetch. Of a report that GitHub tells
        as of now, `days` is the current day alone; its fetches may be about an earlier one.

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
        fetched: asyncio.Queue[dict[date, Fetch] | None] = asyncio.Queue()
        places = asyncio.Semaphore(4 * self._in_flight)
        fetching = asyncio.create_task(self._fetch_all(_jobs(report, wanted), report, folder, fetched, places))
        try:
            done: dict[date, list[Fetch]] = {day: [] for day in days}
            is_over = False
            while not is_over:
                arrived = [await fetched.get()]
                if len(done) > self._in_flight:
                    await asyncio.sleep(GATHERING_SECONDS)
                while not fetched.empty():
                    arrived.append(fetched.get_nowait())
                is_over = None in arrived
                for day, fetch in (asked for fetches in arrived if fetches for asked in fetches.items()):
                    done[day].append(fetch)
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
        fetched: asyncio.Queue[dict[date, Fetch] | None],
        places: asyncio.Semaphore,
    ) -> None:
        """Work the jobs off with as many workers as requests may be in flight: each has one request under way."""

        async def work() -> None:
            for scope, days in jobs:
                await places.acquire()
                fetched.put_nowait(dict(zip(days, await self._fetch(report, scope, days, folder), strict=True)))

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._in_flight):
                    workers.create_task(work())
        finally:
            fetched.put_nowait(None)

    async def _fetch(self, report: Report, scope: Scope, days: list[date], folder: Path) -> list[Fetch]:
        requested_at = self._now().replace(tzinfo=None)
        try:
            if refusal := self._refusals.get((report.name, str(scope))):
                raise EndedError(refusal.verdict, None)  # without a status: this day itself was not asked for
            return await self._fetches[report.delivery](report, scope, days, folder, requested_at)
        except ENDINGS as ending:
            verdict, status = self._transport.judged(ending)
            if verdict.outcome.is_refusal and status is not None:
                self._refusals[report.name, str(scope)] = EndedError(verdict, status)
        return [self._without_records(report, scope, day, verdict, status, requested_at) for day in days]

    async def probe(self, report: Report, scope: Scope, day: date) -> Answer:
        """What GitHub answers when it is asked for a report: one request, and nothing is taken."""
        try:
            if report.delivery is Delivery.LINKS:
                about, links = await self._list_links(report, scope, day)
                return Answer(Outcome.REPORTED, "", day=about, links=tuple(links))
            if report.delivery is Delivery.DAYS:
                if not _elements((await self._transport.ask(report, scope, _span(day, day, page=1))).content):
                    return Answer(Outcome.NO_REPORT, "GitHub answered with an array of days that is empty.")
            else:
                params = report.params(day) | ({"per_page": "1"} if report.delivery is Delivery.PAGES else {})
                _decoded((await self._transport.ask(report, scope, params)).content, _OBJECT, "an object")
            return Answer(Outcome.REPORTED, "", day=day)
        except ENDINGS as ending:
            verdict, _ = self._transport.judged(ending)
            return Answer(verdict.outcome, verdict.evidence, verdict.cause)

    def _without_records(
        self, report: Report, scope: Scope, day: date, verdict: Verdict, status: int | None, requested_at: datetime
    ) -> Fetch:
        if verdict.outcome is Outcome.NO_REPORT and day < self._now().date() - timedelta(days=report.history_days):
            # Not an answer about the day: it would delete what was fetched while GitHub still had it.
            evidence = f"{verdict.evidence} It keeps {report.history_days} days, and this one is older."
            verdict = Verdict(Outcome.EXPIRED, evidence)
        return Fetch(scope, report, day, verdict.outcome, verdict.evidence, requested_at, status)

    async def _fetch_links(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """The two hops of a usage-metrics report: list the links, download every one without credentials."""
        (asked,) = days
        try:
            day, paths, digests = await self._download_listed(report, scope, asked, folder)
        except StaleLinkError:
            day, paths, digests = await self._download_listed(report, scope, asked, folder)
        contents = await asyncio.to_thread(inspect_files, paths, report, day)
        if not contents.records and not contents.broken:
            raise EndedError(Verdict(Outcome.NO_REPORT, "GitHub's report file for this day is empty."), 200)
        return [_read(report, scope, day, contents, digests, requested_at)]

    async def _download_listed(
        self, report: Report, scope: Scope, asked: date, folder: Path
    ) -> tuple[date, list[Path], list[str]]:
        name = uuid4().hex
        paths, digests = [], []
        day, links = await self._list_links(report, scope, asked)
        for number, link in enumerate(links):
            paths.append(folder / f"{name}-{number}.json")
            digests.append(await self._transport.download(link, paths[-1]))
        return day, paths, digests

    async def _list_links(self, report: Report, scope: Scope, asked: date) -> tuple[date, list[str]]:
        """The day that the report is about, and the links to its files."""
        response = await self._transport.ask(report, scope, report.params(asked))
        answer = _decoded(response.content, _LINKS, "a list of download links")
        if isinstance(answer, str):
            raise EndedError(judge_text(answer), 200)
        if not all(map(is_address, answer.download_links)):
            raise BrokenFileError("GitHub listed a download link that is no web address. Run this day again later.")
        if not answer.download_links:
            raise EndedError(Verdict(Outcome.NO_REPORT, "GitHub answered 200 with no download links: no report."), 200)
        if report.is_snapshot:
            if answer.report_end_day is None:
                raise EndedError(
                    Verdict(Outcome.FAILED, "GitHub's answer does not say which 28 days it is about."), 200
                )
            return answer.report_end_day, answer.download_links
        if answer.report_day not in (None, asked):
            raise EndedError(
                Verdict(Outcome.FAILED, f"GitHub answered with the report of {answer.report_day}, not of {asked}."), 200
            )
        return asked, answer.download_links

    async def _fetch_object(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """One request, whose answer is the record."""
        (day,) = days
        text = (await self._transport.ask(report, scope, report.params(day))).content
        _decoded(text, _OBJECT, "an object")
        return [_from_texts(report, scope, day, [text], {}, folder, requested_at)]

    async def _fetch_pages(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """A list over as many pages as GitHub's `Link` headers lead to; an empty list is a report without records."""
        (day,) = days
        texts: list[bytes] = []
        headline: dict[str, Any] = {}
        seen: set[str] = set()
        next_page: str | None = report.path(scope)
        params = report.params(day)
        while next_page and next_page not in seen:
            seen.add(next_page)
            response = await self._transport.ask(report, scope, params, next_page)
            page = _decoded(response.content, _OBJECT, "a page of a list")
            items = _decoded(page.get(str(report.items), b"null"), _ELEMENTS, f"a list of {report.items}")
            texts += [bytes(item) for item in items]
            headline = {name: _decoded(page[name], _NUMBER, "a number") for name in report.headline if name in page}
            # The link holds the parameters already, and must stay on the API's host: the token goes with it.
            next_page, params = self._transport.own_address(response.links.get("next", {}).get("url")), {}
        return [_from_texts(report, scope, day, texts, headline, folder, requested_at)]

    async def _fetch_span(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """One request per page for a span of days; a day that is not in the answer has no report."""
        found: dict[date, list[bytes]] = {}
        for page in range(1, len(days) // LEGACY_DAYS_PER_PAGE + 2):
            texts = _elements((await self._transport.ask(report, scope, _span(days[0], days[-1], page))).content)
            for text, day in texts:
                found.setdefault(day, []).append(text)
            if len(texts) < LEGACY_DAYS_PER_PAGE:
                break
        missing = Verdict(Outcome.NO_REPORT, "GitHub answered with an array of days, and this one is not in it.")
        return [
            _from_texts(report, scope, day, found[day][-1:], {}, folder, requested_at)
            if day in found
            else self._without_records(report, scope, day, missing, 200, requested_at)
            for day in days
        ]


def _span(first: date, last: date, page: int) -> dict[str, str]:
    """The parameters that ask the legacy API for a page of days."""
    return {
        "since": f"{first}T00:00:00Z",
        "until": f"{last}T23:59:59Z",
        "page": str(page),
        "per_page": str(LEGACY_DAYS_PER_PAGE),
    }


def _jobs(report: Report, wanted: dict[date, list[Scope]]) -> Iterator[Job]:
    """What one request sequence gets: a day of a scope, or a span of days. An iterator that workers share."""
    if report.delivery is not Delivery.DAYS:
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


# Made here, in one thread: see `files.py`.
_LINKS: Final = msgspec.json.Decoder(_LinkList | str)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_NUMBER: Final = msgspec.json.Decoder(int)
_DATED: Final = msgspec.json.Decoder(_Dated)


def _decoded(body: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T], promised: str) -> _T:
    """An answer of GitHub's API as what its endpoint promises.

    Raises:
        BrokenFileError: it is something else.
    """
    try:
        return decoder.decode(bytes(body).removeprefix(BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenFileError(
            f"GitHub answered 200, but not with {promised}; a proxy may have answered instead. Check GITHUB_API_URL."
        ) from None


def _elements(body: bytes) -> list[tuple[bytes, date]]:
    """The elements of a legacy answer as GitHub wrote them, with their days."""
    promised = "an array of days"
    return [(bytes(text), _decoded(text, _DATED, promised).date) for text in _decoded(body, _ELEMENTS, promised)]


def _from_texts(
    report: Report,
    scope: Scope,
    day: date,
    texts: list[bytes],
    headline: dict[str, Any],
    folder: Path,
    requested_at: datetime,
) -> Fetch:
    """A report of records that stood in the API's own answer: from here on as if they had been a file."""
    path = folder / f"{uuid4().hex}.json"
    whole = texts[0] if len(texts) == 1 else b"[" + b",".join(texts) + b"]"
    path.write_bytes(whole if texts else b"")
    try:
        contents = inspect_files([path], report, day)
    except BrokenFileError as broken:
        return Fetch(scope, report, day, Outcome.FAILED, str(broken), requested_at, 200)
    contents = replace(contents, headline=contents.headline | headline)
    return _read(report, scope, day, contents, [hashlib.sha256(whole).hexdigest()], requested_at)


def _read(
    report: Report, scope: Scope, day: date, contents: Contents, digests: list[str], requested_at: datetime
) -> Fetch:
    """What came of files that were read: a report, or a failure where every record of it is broken."""
    if contents.broken and not contents.records:
        evidence = _all_broken(contents.broken)
        return Fetch(scope, report, day, Outcome.FAILED, evidence, requested_at, 200, broken=contents.broken)
    return Fetch(
        scope,
        report,
        day,
        Outcome.REPORTED,
        f"{contents.records:,} record{'s' if contents.records != 1 else ''} in "
        f"{len(digests)} file{'s' if len(digests) != 1 else ''}." + _left_out(contents),
        requested_at,
        200,
        contents.records,
        sum(file.path.stat().st_size for file in contents.files),
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
        contents.headline,
        contents.files,
        contents.broken,
        contents.unknown_fields,
    )


def _all_broken(broken: Sequence[BrokenRecord]) -> str:
    """A sentence about a report that is left out as a whole, with the first fault."""
    first, *others = broken
    return (
        f"The record in {first.place} {first.fault}{', and every other one is broken too' if others else ''}. "
        f"quality.quarantine has the text{' of each' if others else ''}. "
        "Run this day again; if it comes back the same, tell GitHub Support."
    )


def _left_out(contents: Contents) -> str:
    """A sentence about broken records; empty when there are none."""
    if not contents.broken:
        return ""
    number = len(contents.broken)
    return (
        f" {number:,} broken one{'s were' if number != 1 else ' was'} left out: quality.quarantine has "
        f"{'them' if number != 1 else 'it'} with the reason."
    )
