"""The doctor: asks GitHub one cheap question per scope and report, and says what a run would meet.

Which questions, what the answers mean taken together, and how both are told to people and programs belong here; what
one answer means is in `github/outcomes.py`. Nothing is stored, no report file is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from copilot_assets.github.auth import auth_for
from copilot_assets.github.client import Answer, GitHubClient
from copilot_assets.github.credentials import App
from copilot_assets.github.outcomes import Cause, Outcome, or_leave_out
from copilot_assets.github.reports import Delivery, Report
from copilot_assets.github.scopes import Scope
from copilot_assets.github.transport import Connection
from copilot_assets.orchestration.installation import asked_reports, unasked_about_people
from copilot_assets.settings import Settings

# GitHub publishes a day within three; a report that has none of the last three has none at all.
_NEWEST_DAYS: Final = 3
# An App's assertion is refused when the clock is a minute ahead, and "yesterday" is another day across midnight.
_CLOCK_SKEW_SECONDS: Final = 60
_TOKEN_KINDS: Final = {
    "ghp_": "classic token",
    "github_pat_": "fine-grained token",
    "ghs_": "installation token of a GitHub App",
    "ghu_": "user token of a GitHub App",
    "gho_": "token of an OAuth app",
}


class State(StrEnum):
    """How a line of the diagnosis is to be read."""

    OK = "ok"
    NOTE = "note"  # nothing to mend, something to know
    BAD = "bad"  # a run would fail here; the sentence says what to change


@dataclass(frozen=True)
class Finding:
    """What one question found.

    Attributes:
        about: the scope; None for what holds for all of them.
        question: the report asked for, or what else was looked at.
        first_day: first UTC day that can be had, by GitHub's rules for the report.
        last_day: last UTC day that GitHub has.
        is_policy_on: None when the answer does not tell.
        is_role_sufficient: likewise.
        way_out: the words of the sentence that say how to live without the report; empty where others need it.
    """

    state: State
    about: str | None
    question: str
    sentence: str
    first_day: date | None = None
    last_day: date | None = None
    is_policy_on: bool | None = None
    is_role_sufficient: bool | None = None
    way_out: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings, what GitHub told of the token on the way, and the reports that it was not asked for.

    Attributes:
        skipped: left out by COPILOT_SKIP_REPORTS.
        about_people: left out by COPILOT_IDENTITIES=off.
    """

    findings: tuple[Finding, ...]
    token_kind: str
    token_scopes: tuple[str, ...] | None
    rate_limit_left: int | None
    rate_limit: int | None
    clock_skew_seconds: float | None
    skipped: tuple[str, ...] = ()
    about_people: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether a run would land everything that is asked for."""
        return all(finding.state is not State.BAD for finding in self.findings)


async def examine(settings: Settings, today: date) -> Diagnosis:
    """Ask GitHub; at most three questions per scope and report, and the beginning of one report file.

    Nothing is asked twice, so that trouble is told at once and not waited out. When the first question finds nobody,
    no other is asked: each would wait for its time limit.
    """
    now = datetime.combine(today, time(), UTC)
    async with GitHubClient(settings.api_url, auth_for(settings.credentials), attempts=1, now=lambda: now) as client:
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
        (*_about_connection(connection, settings), *findings),
        _token_kind(settings),
        connection.token_scopes,
        connection.rate_limit_left,
        connection.rate_limit,
        connection.clock_skew_seconds,
        tuple(sorted(settings.skip_reports)),
        tuple(report.name for report in unasked_about_people(settings)),
    )


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
        _state(answer),
        str(scope),
        report.name,
        _sentence(report, answer),
        first_day=_first_day(report, scope, today) if let_in and not report.is_snapshot else None,
        last_day=answer.day if answer.outcome is Outcome.REPORTED else None,
        is_policy_on=False if answer.cause is Cause.POLICY else True if needs_policy and passed_policy else None,
        is_role_sufficient=True if let_in else False if answer.cause in (Cause.ROLE, Cause.PERMISSION) else None,
        way_out=or_leave_out(report) if or_leave_out(report) in answer.evidence else "",
    )


def _state(answer: Answer) -> State:
    if answer.outcome is Outcome.REPORTED:
        return State.OK
    if answer.outcome in (Outcome.NO_REPORT, Outcome.NOT_OFFERED, Outcome.RETIRED):
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


def _about_connection(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """The lines about the way to GitHub, before those about reports."""
    if connection.answered_at is None:
        yield Finding(
            State.BAD,
            None,
            "GitHub",
            f"No answer came from {settings.api_url}. Check the network, HTTPS_PROXY and GITHUB_API_URL.",
        )
        return
    yield Finding(State.OK, None, "GitHub", f"{settings.api_url} answers.")
    skew = connection.clock_skew_seconds
    if skew is not None and abs(skew) > _CLOCK_SKEW_SECONDS:
        yield Finding(
            State.BAD if isinstance(settings.credentials, App) else State.NOTE,
            None,
            "clock",
            f"This machine's clock is {abs(skew):,.0f} seconds {'ahead of' if skew > 0 else 'behind'} GitHub's. "
            "Set it by the network (NTP): a GitHub App is refused otherwise, and days begin at the wrong time.",
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


def _token_kind(settings: Settings) -> str:
    if isinstance(settings.credentials, App):
        return "GitHub App"
    token = settings.credentials.value
    return next((kind for prefix, kind in _TOKEN_KINDS.items() if token.startswith(prefix)), "token of unknown kind")


def as_json(diagnosis: Diagnosis, now: datetime | None = None) -> dict[str, Any]:
    """The diagnosis for programs: the same facts, names and days as text."""
    return {
        "examined_at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "is_healthy": diagnosis.is_healthy,
        "token": {
            "kind": diagnosis.token_kind,
            "scopes": list(diagnosis.token_scopes) if diagnosis.token_scopes is not None else None,
        },
        "rate_limit": {"left": diagnosis.rate_limit_left, "of": diagnosis.rate_limit},
        "clock_skew_seconds": diagnosis.clock_skew_seconds,
        "skipped_reports": list(diagnosis.skipped),
        "reports_about_people_off": list(diagnosis.about_people),
        "findings": [_finding_as_json(finding) for finding in diagnosis.findings],
    }


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    return {
        "state": finding.state.value,
        "scope": finding.about,
        "question": finding.question,
        "first_day": finding.first_day.isoformat() if finding.first_day else None,
        "last_day": finding.last_day.isoformat() if finding.last_day else None,
        "policy_on": finding.is_policy_on,
        "role_sufficient": finding.is_role_sufficient,
        "sentence": finding.sentence,
    }


def as_tables(diagnosis: Diagnosis) -> Iterator[Table | Text | Padding]:
    """The diagnosis for people: the way to GitHub, every report of every scope, and what to do, each reason once.

    A `Text` is a line to be printed without breaks, so that what is to be copied stays whole.
    """
    yield from _way(diagnosis)
    if any(finding.about for finding in diagnosis.findings):
        yield _reports(diagnosis)
    for state, title in ((State.BAD, "To mend, or a run will fail:"), (State.NOTE, "To know:")):
        reasons = list(_reasons(diagnosis, state))
        if reasons:
            yield Text(title, style=f"bold {_STYLES[state]}")
        for about, sentence in reasons:
            if about:
                yield Padding(Text(about, style="bold"), (0, 0, 0, 2))
            yield Padding(Text(sentence), (0, 0, 1, 4 if about else 2))
    if refused := [finding.question for finding in diagnosis.findings if finding.way_out]:
        yield Text("Or do without those that nothing else is built on, with this line in .env:")
        yield Text(f"  COPILOT_SKIP_REPORTS={','.join(dict.fromkeys((*diagnosis.skipped, *refused)))}")
    if diagnosis.is_healthy:
        yield Text("A run would get everything that is asked for. Next: copilot-assets backfill", style="green")


# As the headings of the reasons.
_WORDS: Final = {State.OK: "ok", State.NOTE: "to know", State.BAD: "to mend"}
_STYLES: Final = {State.OK: "green", State.NOTE: "yellow", State.BAD: "red"}
# Stands for the scope in a sentence, so that the same sentence about several is told once.
_SCOPE: Final = "\0"


def _way(diagnosis: Diagnosis) -> Iterator[Text]:
    for finding in diagnosis.findings:
        if not finding.about and finding.sentence and finding.state is State.OK:
            yield Text(finding.sentence)
    scopes = diagnosis.token_scopes
    told = "" if scopes is None else f", which may do: {', '.join(scopes) or 'nothing'}"
    yield Text(f"Credentials: {diagnosis.token_kind}{told}.")
    skew = diagnosis.clock_skew_seconds
    if skew is not None and abs(skew) <= _CLOCK_SKEW_SECONDS:
        yield Text("This machine's clock agrees with GitHub's.")
    if diagnosis.skipped:
        yield Text(f"Not asked for, by COPILOT_SKIP_REPORTS: {', '.join(diagnosis.skipped)}.")
    if diagnosis.about_people:
        yield Text(f"Not asked for, by COPILOT_IDENTITIES=off: {', '.join(diagnosis.about_people)}.")


def _reports(diagnosis: Diagnosis) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("scope and report", "answer", "policy", "role", "GitHub has"):
        table.add_column(name, no_wrap=True)
    for scope, findings in _by_scope(diagnosis.findings).items():
        table.add_row(Text(scope, style="bold"))
        for finding in findings:
            table.add_row(
                f"  {finding.question}",
                Text(_WORDS[finding.state], style=_STYLES[finding.state]),
                _yes_or_no(finding.is_policy_on, "on", "off"),
                _yes_or_no(finding.is_role_sufficient, "enough", "missing"),
                _days(finding),
            )
    return table


def _by_scope(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """The findings about reports, by the scope they are about."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.about:
            found.setdefault(finding.about, []).append(finding)
    return found


def _yes_or_no(value: bool | None, yes: str, no: str) -> Text:
    return Text("–") if value is None else Text(yes if value else no, style="" if value else "red")


def _days(finding: Finding) -> str:
    if finding.first_day and finding.last_day:
        return f"{finding.first_day} to {finding.last_day}"
    return f"as of {finding.last_day}" if finding.last_day else "–"


def _reasons(diagnosis: Diagnosis, state: State) -> Iterator[tuple[str, str]]:
    """What every sentence of that state is about, and the sentence: once for all scopes and reports it holds for."""
    alike: dict[str, list[Finding]] = {}
    for finding in diagnosis.findings:
        if finding.state is state:
            sentence = finding.sentence.replace(finding.about, _SCOPE) if finding.about else finding.sentence
            alike.setdefault(sentence.replace(finding.way_out, ""), []).append(finding)
    asked = _by_scope(diagnosis.findings)
    for sentence, findings in alike.items():
        scopes = _by_scope(findings)
        about: dict[str, list[str]] = {}
        for scope, found in scopes.items():
            whole = len(found) == len(asked[scope]) > 1
            about.setdefault("every report" if whole else ", ".join(f.question for f in found), []).append(scope)
        yield (
            "; ".join(f"{', '.join(names)}: {questions}" for questions, names in about.items()),
            sentence.replace(_SCOPE, ", ".join(scopes)),
        )
