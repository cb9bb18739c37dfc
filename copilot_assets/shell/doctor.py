"""`copilot-assets doctor`: the diagnosis, as tables for people and as JSON for programs.

What is asked and what answers mean is in `examination.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import click
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from copilot_assets.github.clock import CLOCK_SKEW_SECONDS
from copilot_assets.now import now_utc, today_utc
from copilot_assets.shell.diagnosis import Diagnosis, Finding, State
from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import out, usage_errors


@click.command(cls=Interruptible)
@click.option("--json", "as_program_text", is_flag=True, help="JSON for programs instead of a table.")
def doctor(as_program_text: bool) -> None:
    """Ask GitHub one cheap question per scope and report, and say what a run would meet.

    Shows which policy is off, which role or permission is missing and where to change it, the days that GitHub has,
    the requests that are left in this hour, when the token ends, the clock, and whether the database can be written.
    Fetches and stores nothing.

    \b
    Example:
      copilot-assets doctor
      copilot-assets doctor --json
    """
    import asyncio

    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.shell.examination import examine, examine_store

    installation = Installation()
    with usage_errors():
        settings = installation.settings()
    diagnosis = asyncio.run(examine(settings, today_utc()))
    diagnosis = replace(diagnosis, findings=(*diagnosis.findings, examine_store(installation.warehouse())))
    if as_program_text:
        click.echo(json.dumps(as_json(diagnosis), indent=2))
    else:
        for part in as_tables(diagnosis):
            out.print(part, soft_wrap=isinstance(part, Text))
    sys.exit(0 if diagnosis.is_healthy else 1)


def as_json(diagnosis: Diagnosis, now: datetime | None = None) -> dict[str, Any]:
    """The diagnosis for programs: the same facts, names and days as text."""
    return {
        "examined_at": (now or now_utc()).isoformat(timespec="seconds"),
        "is_healthy": diagnosis.is_healthy,
        "token": {
            "kind": diagnosis.token_kind,
            "scopes": list(diagnosis.token_scopes) if diagnosis.token_scopes is not None else None,
            "ends_at": ends_at.isoformat(timespec="seconds") if (ends_at := diagnosis.token_ends_at) else None,
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
    if skew is not None and abs(skew) <= CLOCK_SKEW_SECONDS:
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
    """What every sentence of that state is about, and the sentence: once for all scopes and reports it holds for.

    One that is a trouble for some reports and bearable for others is told as a trouble.
    """
    alike: dict[str, list[Finding]] = {}
    for finding in diagnosis.findings:
        if finding.state is not State.OK:
            sentence = finding.sentence.replace(finding.about, _SCOPE) if finding.about else finding.sentence
            alike.setdefault(sentence.replace(finding.way_out, ""), []).append(finding)
    asked = _by_scope(diagnosis.findings)
    for sentence, findings in alike.items():
        if state is not (State.BAD if any(each.state is State.BAD for each in findings) else State.NOTE):
            continue
        scopes = _by_scope(findings)
        about: dict[str, list[str]] = {}
        for scope, found in scopes.items():
            whole = len(found) == len(asked[scope]) > 1
            about.setdefault("every report" if whole else ", ".join(f.question for f in found), []).append(scope)
        yield (
            "; ".join(f"{', '.join(names)}: {questions}" for questions, names in about.items()),
            sentence.replace(_SCOPE, ", ".join(scopes)),
        )
