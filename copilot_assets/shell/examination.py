"""The examination: one cheap question to GitHub per scope and report, and to the store: what a run would meet.

Which questions, and what the answers mean taken together, belong here; what one answer means is in
`github/outcomes.py`, how the diagnosis is told in `doctor.py`. Nothing is stored, no report file is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from copilot_assets.github.auth import auth_for
from copilot_assets.github.client import Answer, GitHubClient
from copilot_assets.github.clock import Clock
from copilot_assets.github.credentials import App
from copilot_assets.github.outcomes import Cause, Outcome, is_bearable, or_leave_out
from copilot_assets.github.reports import Delivery, Report
from copilot_assets.github.scopes import Scope
from copilot_assets.github.transport import Connection
from copilot_assets.orchestration.installation import asked_reports, unasked_about_people
from copilot_assets.settings import Settings
from copilot_assets.shell.diagnosis import Diagnosis, Finding, State
from copilot_assets.warehouse.store import Warehouse, WarehouseError

# As early as a message tells it (`quality.open_cause`).
_SOON_DAYS: Final = 14
# GitHub publishes a day within three; a report that has none of the last three has none at all.
_NEWEST_DAYS: Final = 3
_TOKEN_KINDS: Final = {
    "ghp_": "classic token",
    "github_pat_": "fine-grained token",
    "ghs_": "installation token of a GitHub App",
    "ghu_": "user token of a GitHub App",
    "gho_": "token of an OAuth app",
}


async def examine(settings: Settings, today: date) -> Diagnosis:
    """Ask GitHub; at most three questions per scope and report, and the beginning of one report file.

    Nothing is asked twice, so that trouble is told at once and not waited out. When the first question finds nobody,
    no other is asked: each would wait for its time limit.
    """
    clock = Clock(lambda: datetime.combine(today, time(), UTC))
    async with GitHubClient(settings.api_url, auth_for(settings.credentials), attempts=1, clock=clock) as client:
        connection = client.connection
        asked = [
            (report, scope) for report in asked_reports(settings) for scope in settings.scopes if report.covers(scope)
        ]
        answers = [await _newest(client, *question, today) for question in asked[:1]]
        findings = []
        if connection.answered_at:
            answers += await asyncio.gather(*(_newest(client, *question, today) for question in asked[1:]))
            findings = [_finding(*question, answer, today) for question, answer in zip(asked, answers, strict=True)]
        link = next((link for answer in answers for link in answer.links), None)
        if link:
            findings.append(_storage(await client.probe_file(link)))
    return Diagnosis(
        (*_about_connection(connection, clock, settings, answers), *findings),
        _token_kind(settings),
        connection.token_scopes,
        connection.rate_limit_left,
        connection.rate_limit,
        clock.skew_seconds,
        connection.token_ends_at,
        tuple(sorted(settings.skip_reports)),
        tuple(report.name for report in unasked_about_people(settings)),
    )


def examine_store(warehouse: Warehouse) -> Finding:
    """Whether the store can be opened and written, which store it is and in which versions."""
    try:
        return Finding(State.OK, None, "database", warehouse.examined())
    except WarehouseError as problem:
        return Finding(State.BAD, None, "database", str(problem))


async def _newest(client: GitHubClient, report: Report, scope: Scope, today: date) -> Answer:
    """The answer for the newest day there is, or the refusal."""
    days = [today] if report.is_snapshot else [today - timedelta(days=age) for age in range(1, _NEWEST_DAYS + 1)]
    answer = await client.probe(report, scope, days[0])
    for day in days[1:]:
        if answer.outcome is not Outcome.NO_REPORT:
            break
        answer = await client.probe(report, scope, day)
    return answer


def _finding(report: Report, scope: Scope, answer: Answer, today: date) -> Finding:
    let_in = answer.outcome in (Outcome.REPORTED, Outcome.NO_REPORT)
    needs_policy = report.delivery in (Delivery.LINKS, Delivery.DAYS)
    passed_policy = let_in or answer.cause is Cause.ROLE
    return Finding(
        _state(report, answer),
        str(scope),
        report.name,
        _sentence(report, answer),
        first_day=_first_day(report, scope, today) if let_in and not report.is_snapshot else None,
        last_day=answer.day if answer.outcome is Outcome.REPORTED else None,
        is_policy_on=False if answer.cause is Cause.POLICY else True if needs_policy and passed_policy else None,
        is_role_sufficient=True if let_in else False if answer.cause in (Cause.ROLE, Cause.PERMISSION) else None,
        way_out=or_leave_out(report) if or_leave_out(report) in answer.evidence else "",
    )


def _state(report: Report, answer: Answer) -> State:
    if answer.outcome is Outcome.REPORTED:
        return State.OK
    is_green = answer.outcome in (Outcome.NO_REPORT, Outcome.NOT_OFFERED, Outcome.RETIRED)
    if is_green or is_bearable(answer.outcome, report):
        return State.NOTE
    return State.BAD


def _sentence(report: Report, answer: Answer) -> str:
    if answer.outcome is Outcome.REPORTED:
        return ""
    if answer.outcome is Outcome.NO_REPORT:
        return (
            f"Access works, and GitHub has none of the last {_NEWEST_DAYS} days. For some days after the policy was "
            "turned on that is normal; later it means that nobody was active on them (for user-teams-1-day: or that no "
            "team has five people with a seat)."
            if not report.is_snapshot
            else f"Access works. {answer.evidence}"
        )
    return answer.evidence


def _first_day(report: Report, scope: Scope, today: date) -> date:
    return max(report.first_days.get(scope.kind, date.min), today - timedelta(days=report.history_days))


def _storage(trouble: str | None) -> Finding:
    return Finding(State.BAD if trouble else State.OK, None, "report files", trouble or "")


def _about_connection(
    connection: Connection, clock: Clock, settings: Settings, answers: Sequence[Answer]
) -> Iterator[Finding]:
    """The lines about the way to GitHub, before those about reports."""
    if connection.answered_at is None:
        yield Finding(
            State.BAD,
            None,
            "GitHub",
            next((answer.evidence for answer in answers if answer.cause is Cause.NETWORK), "")
            or f"No answer came from {settings.api_url}. Check the network, HTTPS_PROXY and GITHUB_API_URL.",
        )
        return
    yield Finding(State.OK, None, "GitHub", f"{settings.api_url} answers.")
    if sentence := clock.sentence():
        yield Finding(
            State.BAD if clock.is_beyond_belief or isinstance(settings.credentials, App) else State.NOTE,
            None,
            "clock",
            sentence,
        )
    if ends_at := connection.token_ends_at:
        days = (ends_at.date() - clock.today()).days
        yield Finding(
            State.NOTE if days <= _SOON_DAYS else State.OK,
            None,
            "token's end",
            f"The token ends on {ends_at:%Y-%m-%d %H:%M} UTC, {_in_days(days)}."
            + (" Make a new one and put it into GITHUB_TOKEN before that; then no day is lost." * (days <= _SOON_DAYS)),
        )
    elif connection.rate_limit_left is not None and not isinstance(settings.credentials, App):
        yield Finding(
            State.OK,
            None,
            "token's end",
            "GitHub tells no date on which the token ends. If it has one, note it: no message will come before.",
        )
    if connection.rate_limit_left is not None and connection.rate_limit:
        few = connection.rate_limit_left < connection.rate_limit / 10
        yield Finding(
            State.NOTE if few else State.OK,
            None,
            "rate limit",
            f"{connection.rate_limit_left:,} of {connection.rate_limit:,} requests left in this hour."
            + (" A run waits for the next hour when they are used up." if few else ""),
        )


def _in_days(days: int) -> str:
    return "today" if days == 0 else f"in {days:,} day{'s' * (days != 1)}"


def _token_kind(settings: Settings) -> str:
    if isinstance(settings.credentials, App):
        return "GitHub App"
    token = settings.credentials.value
    return next((kind for prefix, kind in _TOKEN_KINDS.items() if token.startswith(prefix)), "token of unknown kind")
