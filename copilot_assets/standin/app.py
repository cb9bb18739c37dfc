"""GitHub's API over HTTP: what can be asked, and the order in which it says no.

Routes, parameters and the choice of an answer belong here. What every request passes first is `gate.py`; what is in an
answer comes from `world.py`, `accounts.py` and `apps.py`, how it looks from `answers.py`; the files are `downloads.py`.
"""

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from copilot_assets.standin import faults as named
from copilot_assets.standin.accounts import Accounts
from copilot_assets.standin.answers import (
    Instead,
    bad_request,
    invalid,
    json,
    no_data,
    no_seat,
    not_found,
    page,
    struck,
)
from copilot_assets.standin.apps import Apps
from copilot_assets.standin.faults import Fault, strike
from copilot_assets.standin.gate import VERSIONS, Gate, RateLimits, token_of
from copilot_assets.standin.links import File, Links
from copilot_assets.standin.people import ENTERPRISE, ORGANIZATIONS, Team
from copilot_assets.standin.usage_reports import DAYS_AT_MOST, Ordered, Orders
from copilot_assets.standin.world import LEGACY_DAYS, WINDOW_DAYS, World

SLOW_SECONDS: Final = 1.0

_SHARED: Final = ("users-1-day", "users-28-day/latest", "user-teams-1-day", "repos-1-day")
_REPORTS: Final = {
    "enterprise": ("enterprise-1-day", "enterprise-28-day/latest", *_SHARED),
    "org": ("organization-1-day", "organization-28-day/latest", *_SHARED),
}
_YESTERDAY: Final = timedelta(days=1)


class Api:
    """The API of a world, as an ASGI app; `limits` holds the budgets of its tokens, `orders` what was ordered.

    `legacy_open` also offers the metrics API that GitHub closed on 2026-04-02. `faults` is read at every request, so it
    may change while the server runs.
    """

    def __init__(
        self,
        world: World,
        links: Links,
        faults: list[Fault],
        apps: Apps,
        api_url: str,
        *,
        legacy_open: bool = False,
        rate_limit: int = 5000,
    ) -> None:
        self._world = world
        self._links = links
        self._faults = faults
        self._apps = apps
        self._accounts = Accounts(world, api_url)
        self._legacy_open = legacy_open
        self.orders = Orders()
        self.limits = RateLimits(rate_limit)
        self.asgi: ASGIApp = Gate(_starlette(list(self._routes())), self.limits, apps)

    def _routes(self) -> Iterator[Route]:
        """Every path there is."""
        yield Route("/versions", self._versions)
        yield Route("/rate_limit", self._rate_limit)
        yield Route("/app", self._app)
        yield Route("/app/installations/{number:int}/access_tokens", self._installation_token, methods=["POST"])
        for kind, root in (("org", "/orgs/{org}"), ("enterprise", "/enterprises/{enterprise}")):
            for report in _REPORTS[kind]:
                yield Route(f"{root}/copilot/metrics/reports/{report}", self._report, name=report)
            yield Route(f"{root}/copilot/metrics", self._legacy)
            yield Route(f"{root}/team/{{team}}/copilot/metrics", self._legacy)
            yield Route(f"{root}/copilot/billing/seats", self._seats)
            yield Route(f"{root}/members/{{username}}/copilot", self._member)
            yield Route(f"{root}/teams", self._teams)
            yield Route(f"{root}/installation", self._installation)
        yield Route("/orgs/{org}/copilot/billing", self._subscription)
        yield Route("/orgs/{org}/teams/{team}/members", self._team_members)
        yield Route("/enterprises/{enterprise}/teams/{team}/memberships", self._team_members)
        for root in ("/organizations/{org}", "/enterprises/{enterprise}"):
            yield Route(f"{root}/settings/billing/{{kind}}/usage", self._bill)
            yield Route(f"{root}/settings/billing/budgets", self._budgets)
        yield Route("/enterprises/{enterprise}/settings/billing/cost-centers", self._cost_centers)
        reports = "/enterprises/{enterprise}/settings/billing/reports"
        yield Route(reports, self._order, methods=["POST"])
        yield Route(reports, self._ordered)
        yield Route(f"{reports}/{{number}}", self._ordered)

    async def _versions(self, _: Request) -> Response:
        return json(VERSIONS)

    async def _rate_limit(self, request: Request) -> Response:
        return json(self.limits.overview(token_of(request.headers)))

    # ------------------------------------------------------------------------------------------------------- reports

    async def _report(self, request: Request) -> Response:
        """Links to the files of a report. The order of refusals: credentials, policy, role, and only then the day."""
        scope = _scope(request)
        report = request.url.path.partition("/reports/")[2].removesuffix("/latest")
        one_day = report.endswith("1-day")
        day = _day(request) if one_day else None
        await self._strike(scope, report, day, own="policy-off")
        if one_day and day is None:
            raise invalid("day", "invalid" if "day" in request.query_params else "missing_field")
        today = self._world.today
        last = day or today - _YESTERDAY
        shape = strike(self._faults, named.NO_DATA, scope, report, day)
        if shape not in (None, "empty-links", "empty-file"):
            return no_data(shape, last)
        files = await run_in_threadpool(self._files, File(report, scope, last, today, 0), shape)
        if not files and shape is None and _documents_204(scope, report):
            return Response(status_code=HTTPStatus.NO_CONTENT)
        trouble = strike(self._faults, named.LINKS, scope, report, day)
        links = [self._links.sign(file.path, expired=trouble == "expired-link") for file in files]
        last -= _YESTERDAY if trouble == "wrong-day" else timedelta()
        if one_day:
            return json({"download_links": links, "report_day": last.isoformat()})
        first = last - timedelta(days=WINDOW_DAYS - 1)
        bounds = {"report_start_day": first.isoformat(), "report_end_day": last.isoformat()}
        return json({"download_links": links, **bounds})

    def _files(self, first: File, shape: str | None) -> list[File]:
        """The files of a report as of today; none where there is no data."""
        if shape:
            return [first._replace(empty=True)] if shape == "empty-file" else []
        report = self._world.report(first.scope, first.report, first.day, first.as_of)
        return [first._replace(part=part) for part in range(report.parts)] if report else []

    async def _legacy(self, request: Request) -> Response:
        """The closed API: 404 for whatever it is asked, unless the stand-in plays the time before."""
        scope = self._team(request).scope if "team" in request.path_params else _scope(request)
        if not self._legacy_open:
            raise not_found()
        await self._strike(scope, "legacy-metrics", own="legacy-policy-off")
        today = self._world.today
        since = _instant(request, "since") or today - timedelta(days=LEGACY_DAYS)
        until = _instant(request, "until") or today - _YESTERDAY
        days = await run_in_threadpool(lambda: list(self._world.legacy(scope, since, until, today)))
        chosen, _ = page(request, days, per_page=100)  # this endpoint never had a Link header
        return json(chosen)

    # ------------------------------------------------------------------------------------------------------ accounts

    async def _seats(self, request: Request) -> Response:
        """A page of seats, with an ETag: whoever has seen it already gets 304, which costs nothing."""
        scope = _scope(request)
        await self._strike(scope, "seats")
        seats = await run_in_threadpool(self._accounts.seats, scope)
        chosen, headers = page(request, seats, per_page=50)
        body = {
            "total_seats": len({person.number for person, _ in seats}),
            "seats": [self._accounts.seat(p, o, with_organization=_is_enterprise(scope)) for p, o in chosen],
        }
        answer = json(body, headers=headers)
        answer.headers["etag"] = etag = f'W/"{sha256(answer.body).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": etag})
        return answer

    async def _member(self, request: Request) -> Response:
        """The seat of a member; in an enterprise all seats of that person."""
        scope = _scope(request)
        await self._strike(scope, "member")
        login = request.path_params["username"].lower()
        whole = _is_enterprise(scope)
        seats = [
            self._accounts.seat(p, o, with_organization=whole)
            for p, o in self._accounts.seats(scope)
            if p.login == login
        ]
        if not seats:
            raise no_seat()
        return json({"total_seats": 1, "seats": seats} if whole else seats[0])

    async def _subscription(self, request: Request) -> Response:
        scope = _scope(request)
        await self._strike(scope, "billing", own="payment-problem")
        return json(await run_in_threadpool(self._accounts.subscription, ORGANIZATIONS[_name(scope)]))

    async def _teams(self, request: Request) -> Response:
        scope = _scope(request)
        await self._strike(scope, "teams")
        chosen, headers = page(request, self._world.population.teams_of(_name(scope)), per_page=30)
        return json([self._accounts.team(team) for team in chosen], headers=headers)

    async def _team_members(self, request: Request) -> Response:
        team = self._team(request)
        await self._strike(_scope(request), "teams")
        chosen, headers = page(request, self._accounts.team_members(team), per_page=30)
        return json([self._accounts.user(person) for person in chosen], headers=headers)

    async def _bill(self, request: Request) -> Response:
        scope, kind = _scope(request), request.path_params["kind"]
        if kind not in ("ai_credit", "premium_request"):
            raise not_found()
        await self._strike(scope, "usage", own=None if _is_enterprise(scope) else "billing-elsewhere")
        period = _period(request, self._world.today)
        chosen = {name: request.query_params[name] for name in ("user", "model") if name in request.query_params}
        return json(await run_in_threadpool(self._accounts.bill, scope, kind, period, chosen))

    async def _budgets(self, request: Request) -> Response:
        """A page of budgets; GitHub says in it whether another follows, and sends no `Link` header."""
        scope = _scope(request)
        await self._strike(scope, "budgets", own=None if _is_enterprise(scope) else "billing-elsewhere")
        budgets = await run_in_threadpool(self._accounts.budgets, scope)
        chosen, headers = page(request, budgets, per_page=10)
        is_followed = 'rel="next"' in headers.get("link", "")
        return json({"budgets": chosen, "has_next_page": is_followed, "total_count": len(budgets)})

    async def _order(self, request: Request) -> Response:
        """Take an order of a usage report; GitHub writes one at a time, of 31 days at most."""
        scope = _scope(request)
        await self._strike(scope, "usage-reports", own="order-refused")
        wish = msgspec.json.decode(await request.body())
        ordered = Ordered(
            scope, wish["report_type"], date.fromisoformat(wish["start_date"]), date.fromisoformat(wish["end_date"])
        )
        if (ordered.end - ordered.start).days >= DAYS_AT_MOST:
            raise bad_request("The date range can't be longer than 31 days.")
        number = self.orders.take(ordered)
        if number is None:
            raise bad_request("A usage report is already being generated.")
        return json(self._told(number, ordered, is_done=False), status=HTTPStatus.ACCEPTED)

    async def _ordered(self, request: Request) -> Response:
        """The orders, or one of them."""
        await self._strike(_scope(request), "usage-reports")
        told = {number: self._told(number, ordered, is_done=done) for number, ordered, done in self.orders.look()}
        if "number" not in request.path_params:
            return json({"usage_report_exports": list(told.values())})
        if request.path_params["number"] not in told:
            raise not_found()
        return json(told[request.path_params["number"]])

    def _told(self, number: str, ordered: Ordered, *, is_done: bool) -> dict[str, object]:
        links = {"download_urls": [self._links.sign(ordered.path)]} if is_done else {}
        return {
            "id": number,
            "report_type": ordered.report_type,
            "start_date": ordered.start.isoformat(),
            "end_date": ordered.end.isoformat(),
            "status": "completed" if is_done else "processing",
            "created_at": f"{self._world.today}T00:00:00Z",
            "actor": "monalisa",
            **links,
        }

    async def _cost_centers(self, request: Request) -> Response:
        scope = _scope(request)
        await self._strike(scope, "cost-centers")
        return json({"costCenters": self._accounts.cost_centers()})

    # ---------------------------------------------------------------------------------------------------- GitHub Apps

    async def _app(self, request: Request) -> Response:
        self._apps.check(token_of(request.headers))
        return json(self._apps.app())

    async def _installation(self, request: Request) -> Response:
        self._apps.check(token_of(request.headers))
        scope = _scope(request)
        await self._trouble(scope, "app")
        return json(self._apps.installation(scope))

    async def _installation_token(self, request: Request) -> Response:
        self._apps.check(token_of(request.headers))
        return json(self._apps.grant(request.path_params["number"]), status=HTTPStatus.CREATED)

    # -------------------------------------------------------------------------------------------------------- checks

    def _team(self, request: Request) -> Team:
        """The team in the path; raises 404 for one that does not exist."""
        owner = _name(_scope(request))
        kind = "enterprise-team" if owner == ENTERPRISE else "team"
        team = self._world.population.teams.get(f"{kind}:{owner}/{request.path_params['team'].lower()}")
        if team is None:
            raise not_found()
        return team

    async def _strike(self, scope: str, report: str, day: date | None = None, *, own: str | None = None) -> None:
        """Let those faults happen that come before the question itself; `own` is the one only this endpoint has."""
        await self._trouble(scope, report, day)
        foreign = named.OF_ONE_ENDPOINT - {own}
        self._refuse([n for n in (*named.REFUSALS, "404") if n not in foreign], scope, report, day)

    async def _trouble(self, scope: str, report: str, day: date | None = None) -> None:
        """Let those faults happen that have nothing to do with who asks for what."""
        if strike(self._faults, ["slow"], scope, report, day):
            await asyncio.sleep(SLOW_SECONDS)
        self._refuse([n for n in (*named.OUTAGES, *named.LIMITS) if n != "slow"], scope, report, day)

    def _refuse(self, names: list[str], scope: str, report: str, day: date | None) -> None:
        """Answer with the first of these faults that strikes."""
        if name := strike(self._faults, names, scope, report, day):
            raise Instead(struck(name, scope))


def _starlette(routes: list[Route]) -> Starlette:
    async def instead(_: Request, raised: Exception) -> Response:
        return raised.response if isinstance(raised, Instead) else not_found().response

    handled = (Instead, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
    return Starlette(routes=routes, exception_handlers=dict.fromkeys(handled, instead))


# ------------------------------------------------------------------------------------------------------ the question


def _scope(request: Request) -> str:
    """The enterprise or organisation in the path; raises 404 for one that does not exist. Case does not matter."""
    login = request.path_params.get("org", "").lower()
    if login in ORGANIZATIONS:
        return f"org:{login}"
    if request.path_params.get("enterprise", "").lower() == ENTERPRISE:
        return f"enterprise:{ENTERPRISE}"
    raise not_found()


def _name(scope: str) -> str:
    return scope.partition(":")[2]


def _is_enterprise(scope: str) -> bool:
    return scope.startswith("enterprise:")


def _documents_204(scope: str, report: str) -> bool:
    """Whether GitHub documents 204 for 'no report': one-day reports of organisations, and all `repos-1-day`."""
    return report == "repos-1-day" or (report.endswith("1-day") and not _is_enterprise(scope))


def _day(request: Request) -> date | None:
    """The `day` parameter; None if it is missing or no day."""
    try:
        return date.fromisoformat(request.query_params.get("day", ""))
    except ValueError:
        return None


def _instant(request: Request, name: str) -> date | None:
    """The UTC day of `since` or `until`; raises 422 for what is no ISO 8601 time."""
    text = request.query_params.get(name)
    try:
        return datetime.fromisoformat(text).date() if text else None
    except ValueError:
        raise invalid(name, "invalid") from None


def _period(request: Request, today: date) -> dict[str, int]:
    """`year`, `month`, `day` with GitHub's defaults: this year; this month when no year was given."""
    names = ("year", "month", "day")
    try:
        given = {name: int(request.query_params[name]) for name in names if name in request.query_params}
        period = given if "year" in given else {"year": today.year, "month": today.month} | given
        date(period["year"], period.get("month", 1), period.get("day", 1))
    except ValueError:
        raise bad_request("year, month and day must be a date that exists.") from None
    return period
