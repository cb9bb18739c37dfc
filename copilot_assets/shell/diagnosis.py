"""A diagnosis: what GitHub was asked by the doctor, and what each answer means for a run.

Plain facts, with nothing that asks or prints: `examination.py` makes one, `doctor.py` tells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


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
        token_ends_at: when the token ends, UTC; None of one without an end, and where GitHub did not tell it.
        skipped: left out by COPILOT_SKIP_REPORTS.
        about_people: left out by COPILOT_IDENTITIES=off.
    """

    findings: tuple[Finding, ...]
    token_kind: str
    token_scopes: tuple[str, ...] | None
    rate_limit_left: int | None
    rate_limit: int | None
    clock_skew_seconds: float | None
    token_ends_at: datetime | None = None
    skipped: tuple[str, ...] = ()
    about_people: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether a run would land everything that is asked for."""
        return all(finding.state is not State.BAD for finding in self.findings)
