"""What an answer of GitHub's means: one outcome and one sentence for every status, header and body it may have.

The only place that tells one 403 from another. Asking, waiting and retrying is `client.py`'s.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

import httpx
import msgspec

from copilot_assets.github.reports import Report
from copilot_assets.github.scopes import Scope, ScopeKind


class Outcome(StrEnum):
    """What came of one fetch."""

    REPORTED = "reported"  # records came and are kept
    NO_REPORT = "no_report"  # GitHub answered, and has nothing for that day
    UNAUTHORIZED = "unauthorized"  # the token is bad
    FORBIDDEN = "forbidden"  # policy, role, permission or single sign-on
    NOT_FOUND = "not_found"  # unknown name, or hidden from this token
    RETIRED = "retired"  # the endpoint was closed
    EXPIRED = "expired"  # GitHub has nothing, for a day older than it keeps: what was fetched in time stays
    FAILED = "failed"  # no answer that means anything

    @property
    def is_answer(self) -> bool:
        """Whether it says what the day holds; anything else leaves what was there before as it is."""
        return self in (Outcome.REPORTED, Outcome.NO_REPORT)

    @property
    def is_refusal(self) -> bool:
        """Whether it is about the token and the scope, so that asking for another day would end alike."""
        return self in (Outcome.UNAUTHORIZED, Outcome.FORBIDDEN, Outcome.RETIRED)


@dataclass(frozen=True)
class Verdict:
    """An outcome, the sentence that explains it, and for a passing trouble the seconds to wait before asking again.

    `retry_after` is None when asking again is no use, 0 when the usual growing pause will do.
    """

    outcome: Outcome
    evidence: str
    retry_after: float | None = None


# Docs, "Rate limits for the REST API": without any header wait at least a minute.
_UNTOLD_RATE_LIMIT_SECONDS: Final = 60.0
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d+)?", re.ASCII)
_EPOCH: Final = re.compile(r"\d{1,12}", re.ASCII)
_POLICY_PLACE: Final = {
    ScopeKind.ENTERPRISE: "in the enterprise under AI controls > Copilot > Copilot usage metrics, 'Enabled everywhere'",
    ScopeKind.ORG: (
        "in the enterprise under AI controls > Copilot > Copilot usage metrics, 'Enabled everywhere', "
        "or for an organisation of its own under Settings > Copilot > Policies"
    ),
}


def message_of(body: bytes) -> str:
    """GitHub's own words in an error body, at most 200 characters; empty when it has none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    message = decoded.get("message") if isinstance(decoded, dict) else None
    return " ".join(message.split())[:200] if isinstance(message, str) else ""


def judge(response: httpx.Response, report: Report, scope: Scope, today: date) -> Verdict:
    """What an answer other than 200 means.

    Args:
        response: the answer, its body read.
        report: the report asked for.
        scope: the scope asked about.
        today: the current UTC day, to tell a closed endpoint from an unknown name.
    """
    status, said = response.status_code, message_of(response.content)
    quote = f'GitHub says "{said}"' if said else f"GitHub answered {status} without a word"
    if status == 204:
        return Verdict(Outcome.NO_REPORT, "GitHub answered 204: it has no report for this day.")
    if (seconds := _rate_limit_seconds(response, said)) is not None:
        return Verdict(
            Outcome.FAILED,
            f"The rate limit is used up ({quote}). Nothing is wrong with the token; run this day again later.",
            retry_after=seconds,
        )
    if status == 401:
        return Verdict(
            Outcome.UNAUTHORIZED,
            f"GitHub does not accept the token ({quote}). It may have expired or been cut when copied: "
            "make a new one and put it into GITHUB_TOKEN.",
        )
    if status == 403:
        return Verdict(Outcome.FORBIDDEN, _why_forbidden(response, said, quote, report, scope))
    if status == 422 and "disabled" in said.lower():
        return Verdict(
            Outcome.FORBIDDEN,
            f"The policy 'Copilot Metrics API access' is off for {scope} ({quote}). "
            "Turn it on in the Copilot policies of the organisation or enterprise.",
        )
    if status == 404:
        return _not_found(quote, report, scope, today)
    if status in (408, 429) or status >= 500:
        return Verdict(
            Outcome.FAILED,
            f"GitHub had trouble: it answered {status}. Run this day again later.",
            retry_after=retry_after_seconds(response.headers) or 0.0,
        )
    return Verdict(Outcome.FAILED, f"GitHub answered {status}, which this report never should ({quote}).")


def _not_found(quote: str, report: Report, scope: Scope, today: date) -> Verdict:
    if report.retired_on and today >= report.retired_on:
        return Verdict(
            Outcome.RETIRED,
            f"GitHub closed this API on {report.retired_on} and answers 404. Older days can only come from archives; "
            "set COPILOT_LEGACY_API=off to stop asking.",
        )
    return Verdict(
        Outcome.NOT_FOUND,
        f"GitHub knows no {scope} that this token may see, or no such report ({quote}). Check the name in "
        f"COPILOT_SCOPES and that the token is {report.permissions[scope.kind]}.",
    )


def _why_forbidden(response: httpx.Response, said: str, quote: str, report: Report, scope: Scope) -> str:
    if "X-GitHub-SSO" in response.headers:
        return (
            f"The token is not authorised for single sign-on of {scope}. Open Settings > Developer settings > "
            "Personal access tokens at GitHub, choose 'Configure SSO' beside the token and authorise it."
        )
    if "policy" in said.lower():
        place = _POLICY_PLACE.get(scope.kind, "in the Copilot policies of the organisation or enterprise")
        return f"The policy 'Copilot usage metrics' is off for {scope} ({quote}). Turn it on {place}."
    if "not accessible by integration" in said.lower():
        return f"The GitHub App lacks a permission for {scope} ({quote}). It needs {report.permissions[scope.kind]}."
    return f"The token may not read this about {scope} ({quote}). It must be {report.permissions[scope.kind]}."


def retry_after_seconds(headers: httpx.Headers) -> float | None:
    """What `Retry-After` asks for, in seconds: it holds seconds or an HTTP date. None without it or when unreadable."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _rate_limit_seconds(response: httpx.Response, said: str) -> float | None:
    """Seconds that a rate limit asks to wait, in GitHub's order of precedence; None when it is no rate limit."""
    headers = response.headers
    if response.status_code not in (403, 429):
        return None
    if (seconds := retry_after_seconds(headers)) is not None:
        return seconds
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and _EPOCH.fullmatch(reset):
        return max(0.0, int(reset) - time.time()) + 1.0
    return _UNTOLD_RATE_LIMIT_SECONDS if "rate limit" in said.lower() else None
