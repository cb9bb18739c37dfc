"""The client: asks GitHub for reports, day by day, and brings the files to disk.

Which questions a report takes, and how many at once, is here; connections, pausing and asking again are in
`transport.py`, how an answer is read in `answers.py`, what it means in `outcomes.py`, what came of it in `fetches.py`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import httpx

from copilot_assets.github.answers import ELEMENTS, LINKS, NUMBER, OBJECT, decoded, elements, goes_on, kept_of
from copilot_assets.github.bill_files import days_of_bills
from copilot_assets.github.clock import Clock
from copilot_assets.github.fetches import Fetch, fetch_of, fetch_of_file, fetch_of_texts
from copilot_assets.github.files import (
    LARGEST_FILE_BYTES,
    BrokenFileError,
    inspect_files,
)
from copilot_assets.github.jobs import LEGACY_DAYS_PER_PAGE, Job, jobs_of, span_of, wanted_of
from copilot_assets.github.orders import ordered_links
from copilot_assets.github.outcomes import (
    Cause,
    Outcome,
    Verdict,
    judge_text,
)
from copilot_assets.github.patience import GivenUpError, Patience
from copilot_assets.github.refusals import Refusals
from copilot_assets.github.reports import Delivery, Report
from copilot_assets.github.scopes import Scope
from copilot_assets.github.transport import (
    ATTEMPTS,
    ENDINGS,
    IN_FLIGHT,
    SILENCES,
    Connection,
    EndedError,
    StaleLinkError,
    Transport,
    is_address,
)
from copilot_assets.records.contract import columns_of, value_at

# Opening the database costs as much as landing a dozen small days: while many are to come, let some arrive first.
GATHERING_SECONDS: Final = 0.2
# How often a list is read that changes meanwhile.
PAGES_READ_AT_MOST: Final = 3


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


Deliver = Callable[[dict[date, list[Fetch]]], Awaitable[None]]
_FetchWay = Callable[[Report, Scope, list[date], Path, datetime], Awaitable[list[Fetch]]]


class GitHubClient:
    """GitHub's Copilot reports over one pool of connections; an async context manager.

    At most `in_flight` requests are under way at any time. Passing trouble (5xx, 408, rate limits, cut connections)
    is asked again, as long as GitHub says or with growing pauses, `attempts` times in all; any other 4xx never is.
    `clock`, set right by every answer, is what fetches are dated by, and what tells how old a day is.
    Where the newest day is refused too (bad token, policy off, API closed), days that are left are not asked for; nor
    are those of whom `patience` says that no answer comes in this run.
    """

    def __init__(
        self,
        api_url: str,
        auth: httpx.Auth,
        *,
        in_flight: int = IN_FLIGHT,
        attempts: int = ATTEMPTS,
        clock: Clock | None = None,
        patience: Patience | None = None,
        largest_file_bytes: int = LARGEST_FILE_BYTES,
    ) -> None:
        self.clock = clock or Clock()
        self._patience = patience or Patience()
        self._transport = Transport(
            api_url,
            auth,
            in_flight=in_flight,
            attempts=attempts,
            clock=self.clock,
            patience=self._patience,
            largest_file_bytes=largest_file_bytes,
        )
        self._largest_file_bytes = largest_file_bytes
        self._in_flight = in_flight
        self._ordering = asyncio.Lock()
        self._refusals: defaultdict[tuple[str, str], Refusals] = defaultdict(Refusals)
        self._fetches: dict[Delivery, _FetchWay] = {
            Delivery.LINKS: self._fetch_links,
            Delivery.DAYS: self._fetch_span,
            Delivery.PAGES: self._fetch_pages,
            Delivery.OBJECT: self._fetch_object,
            Delivery.ORDERS: self._fetch_ordered,
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

    async def ask_the_time(self) -> None:
        """Let GitHub tell its time, where no answer has told it yet.

        Raises:
            ClockError: this machine's clock is not to be believed.
        """
        if self.clock.skew_seconds is None:
            await self._transport.ask_the_time()
        self.clock.check()

    async def probe_file(self, link: str) -> str | None:
        """Whether a report file can be had from where GitHub keeps them; a sentence when it can't."""
        return await self._transport.probe_file(link)

    async def fetch_days(
        self, report: Report, scopes: Iterable[Scope], days: Sequence[date], folder: Path, deliver: Deliver
    ) -> None:
        """Fetch a report for every scope it covers, several days at once.

        Days for which the report did not exist yet, or that have not closed at GitHub, are not asked for and have no
        fetch. A report that GitHub tells as of now is asked for once, whatever the days, and delivered for the day that
        it is at GitHub; its fetches may be about an earlier one.

        Args:
            report: the report.
            scopes: whom to ask about; scopes that the report does not cover are passed over.
            days: the days, in the order wanted.
            folder: where the files go.
            deliver: awaited with the days whose scopes are all done, and their fetches: one day at least, several
                when they came faster than they were taken. Days may come in any order. What it raises ends the
                fetching and comes out of here.

        Raises:
            ClockError: this machine's clock is not to be believed; nothing more is delivered.
        """
        today = self.clock.today()
        if report.is_snapshot:
            days = [today]
        wanted = wanted_of(report, scopes, days, today)
        await deliver({day: [] for day in days if not wanted[day]})
        # Fetched days wait on disk for their turn; the places keep a slow receiver from filling it.
        fetched: asyncio.Queue[dict[date, Fetch] | None] = asyncio.Queue()
        places = asyncio.Semaphore(4 * self._in_flight)
        jobs, newest = jobs_of(report, wanted), max((day for day in days if wanted[day]), default=date.min)
        fetching = asyncio.create_task(self._fetch_all(jobs, report, newest, folder, fetched, places))
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
        newest: date,
        folder: Path,
        fetched: asyncio.Queue[dict[date, Fetch] | None],
        places: asyncio.Semaphore,
    ) -> None:
        """Work the jobs off with as many workers as requests may be in flight: each has one request under way."""

        async def work() -> None:
            for scope, days in jobs:
                await places.acquire()
                fetches = await self._fetch(report, scope, days, newest, folder)
                fetched.put_nowait(dict(zip(days, fetches, strict=True)))

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._in_flight):
                    workers.create_task(work())
        except BaseExceptionGroup as troubles:
            raise troubles.exceptions[0] from None  # the others ran into the same
        finally:
            fetched.put_nowait(None)

    async def _fetch(self, report: Report, scope: Scope, days: list[date], newest: date, folder: Path) -> list[Fetch]:
        refusals = self._refusals[report.name, str(scope)]
        given_up = await refusals.verdict()
        requested_at = self.clock.now().replace(tzinfo=None)
        question = f"{report.name} of {scope}"
        try:
            if given_up:
                raise EndedError(given_up, None)  # without a status: this day itself was not asked for
            self._patience.check(question)
            fetches = await self._fetches[report.delivery](report, scope, days, folder, requested_at)
            self._patience.note(question, failed=False)
        except ENDINGS as ending:
            verdict, status = await self._transport.judged(ending)
            fetches = [self._without_records(report, scope, day, verdict, status, requested_at) for day in days]
            if not isinstance(ending, GivenUpError):
                self._patience.note(question, failed=isinstance(ending, SILENCES))
            if verdict.outcome.is_refusal and status is not None:
                await refusals.refused(verdict, lambda: self._outcome(report, scope, newest))
                return fetches
            if verdict.outcome is Outcome.FAILED or status is None:
                return fetches
        finally:
            self.clock.check()
        refusals.answered()
        return fetches

    async def _outcome(self, report: Report, scope: Scope, day: date) -> Outcome:
        return (await self.probe(report, scope, day)).outcome

    async def probe(self, report: Report, scope: Scope, day: date) -> Answer:
        """What GitHub answers when it is asked for a report: one request, and nothing is taken."""
        try:
            if report.delivery is Delivery.LINKS:
                about, links = await self._list_links(report, scope, day)
                return Answer(Outcome.REPORTED, "", day=about, links=tuple(links))
            if report.delivery is Delivery.DAYS:
                if not elements((await self._transport.ask(report, scope, span_of(day, day, page=1))).content):
                    return Answer(Outcome.NO_REPORT, "GitHub answered with an array of days that is empty.")
            else:
                params = report.params(day) | ({"per_page": "1"} if report.delivery is Delivery.PAGES else {})
                decoded((await self._transport.ask(report, scope, params)).content, OBJECT, "an object")
            return Answer(Outcome.REPORTED, "", day=day)
        except ENDINGS as ending:
            verdict, _ = await self._transport.judged(ending)
            return Answer(verdict.outcome, verdict.evidence, verdict.cause)

    def _without_records(
        self, report: Report, scope: Scope, day: date, verdict: Verdict, status: int | None, requested_at: datetime
    ) -> Fetch:
        if verdict.outcome is Outcome.NO_REPORT and day < self.clock.today() - timedelta(days=report.history_days):
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
        contents = await asyncio.to_thread(inspect_files, paths, report, day, self._largest_file_bytes)
        if not contents.records and not contents.broken:
            raise EndedError(Verdict(Outcome.NO_REPORT, "GitHub's report file for this day is empty."), 200)
        return [fetch_of(report, scope, day, contents, digests, requested_at)]

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
        answer = decoded(response.content, LINKS, "a list of download links")
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
        decoded(text, OBJECT, "an object")
        return [fetch_of_texts(report, scope, day, [text], {}, folder, requested_at)]

    async def _fetch_pages(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """A list over as many pages as GitHub says there are; an empty list is a report without records.

        A list that changes while it is read shifts: an entry at a page's end comes twice, or is never seen. What came
        twice tells, so the list is read again.
        """
        (day,) = days
        texts, headline, twice = await self._read_pages(report, scope, day)
        for _ in range(1, PAGES_READ_AT_MOST):
            if twice:
                texts, headline, twice = await self._read_pages(report, scope, day)
        fetch = fetch_of_texts(report, scope, day, texts, headline, folder, requested_at)
        if not twice:
            return [fetch]
        shifted = (
            f" The list changed while it was read, {PAGES_READ_AT_MOST} times in a row: {twice:,} of its entries came "
            "on two pages, so others may be missing. The next run takes it anew."
        )
        return [replace(fetch, evidence=fetch.evidence + shifted)]

    async def _read_pages(self, report: Report, scope: Scope, day: date) -> tuple[list[bytes], dict[str, Any], int]:
        """The entries of all pages, the numbers that sum the list up, and how many entries stand on two pages."""
        keys = [column.paths for column in columns_of(report.record) if column.key]
        texts: list[bytes] = []
        pages: dict[tuple[Any, ...], set[int]] = {}
        headline: dict[str, Any] = {}
        asked: set[str] = set()
        address: str | None = report.path(scope)
        params = report.params(day)
        while address and f"{address} {params}" not in asked:
            asked.add(f"{address} {params}")
            response = await self._transport.ask(report, scope, params, address)
            page = decoded(response.content, OBJECT, "a page of a list")
            items = decoded(page.get(str(report.items), b"null"), ELEMENTS, f"a list of {report.items}")
            texts += filter(None, (kept_of(item, report) for item in items))
            known = len(pages)
            for item in items:
                key = tuple(value_at(bytes(item), path) for paths in keys for path in paths)
                pages.setdefault(key, set()).add(len(asked))
            headline = {name: decoded(page[name], NUMBER, "a number") for name in report.headline if name in page}
            # The link holds the parameters already, and must stay on the API's host: the token goes with it.
            address, params = self._transport.own_address(response.links.get("next", {}).get("url")), {}
            if not address and goes_on(page) and len(pages) > known:
                address, params = report.path(scope), report.params(day) | {"page": str(len(asked) + 1)}
        return texts, headline, sum(len(on) > 1 for key, on in pages.items() if any(part is not None for part in key))

    async def _fetch_ordered(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """A usage report of a span of days, one order at a time; a day without a line in it is one without use."""
        async with self._ordering:
            links = await ordered_links(self._transport, report, scope, days[0], days[-1])
            paths = [folder / f"{uuid4().hex}.csv" for _ in links]
            for link, path in zip(links, paths, strict=True):
                await self._transport.download(link, path)
        told = await asyncio.to_thread(days_of_bills, paths, report, folder / uuid4().hex, days, self.clock.today())
        return await asyncio.to_thread(
            lambda: [
                fetch_of_file(report, scope, day, told[day], requested_at, self._largest_file_bytes) for day in days
            ]
        )

    async def _fetch_span(
        self, report: Report, scope: Scope, days: list[date], folder: Path, requested_at: datetime
    ) -> list[Fetch]:
        """One request per page for a span of days; a day that is not in the answer has no report."""
        found: dict[date, list[bytes]] = {}
        for page in range(1, len(days) // LEGACY_DAYS_PER_PAGE + 2):
            texts = elements((await self._transport.ask(report, scope, span_of(days[0], days[-1], page))).content)
            for text, day in texts:
                found.setdefault(day, []).append(text)
            if len(texts) < LEGACY_DAYS_PER_PAGE:
                break
        missing = Verdict(Outcome.NO_REPORT, "GitHub answered with an array of days, and this one is not in it.")
        return [
            fetch_of_texts(report, scope, day, found[day][-1:], {}, folder, requested_at)
            if day in found
            else self._without_records(report, scope, day, missing, 200, requested_at)
            for day in days
        ]
