"""What an answer of GitHub's means: one outcome and one sentence for every status, header and body it may have.

The only place that tells one 403 about a report from another; those that an App meets when it asks for its token are in
`auth.py`. Asking, waiting and retrying is `client.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from enum import StrEnum
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Final

import msgspec

from copilot_assets.github.reports import Delivery, Report
from copilot_assets.github.scopes import Scope, ScopeKind
from copilot_assets.now import now_utc

if TYPE_CHECKING:
    import httpx


class Outcome(StrEnum):
    """What came of one fetch."""

    REPORTED = "reported"  # records came and are kept
    NO_REPORT = "no_report"  # GitHub answered, and has nothing for that day
    UNAUTHORIZED = "unauthorized"  # the token is bad
    FORBIDDEN = "forbidden"  # policy, role, permission, single sign-on, payment
    NOT_FOUND = "not_found"  # unknown name, or hidden from this token
    NOT_OFFERED = "not_offered"  # the scope exists, and GitHub has this report for others only
    RETIRED = "retired"  # the endpoint was closed
    EXPIRED = "expired"  # GitHub has nothing, for a day older than it keeps: what was fetched in time stays
    FAILED = "failed"  # no answer that means anything
    GIVEN_UP = "given_up"  # nobody was asked: what is left of the day went with the key of its pseudonyms

    @property
    def is_refusal(self) -> bool:
        """Whether it is about the token and the scope, so that asking for another day would end alike."""
        return self in (Outcome.UNAUTHORIZED, Outcome.FORBIDDEN, Outcome.NOT_OFFERED, Outcome.RETIRED)


class Cause(StrEnum):
    """What has to be changed before GitHub answers, where its words tell."""

    TOKEN = "token"  # noqa: S105 - no secret
    TOKEN_KIND = "kind or lifetime of token"  # noqa: S105 - an owner's rule about these, whatever the token may read
    SSO = "single sign-on"
    POLICY = "policy"
    ROLE = "role"  # of the token's owner; where GitHub names it, the policy is on: it looks at that first
    PERMISSION = "permission"  # of an App or a fine-grained token
    PAYMENT = "payment"
    NETWORK = "network"


@dataclass(frozen=True)
class Verdict:
    """An outcome, the sentence that explains it, and for a passing trouble the seconds to wait before asking again.

    `retry_after` is None when asking again is no use, 0 when the usual growing pause will do. `cause` is None unless
    something has to be changed.
    """

    outcome: Outcome
    evidence: str
    retry_after: float | None = None
    cause: Cause | None = None


# Docs, "Rate limits for the REST API": without any header wait at least a minute; a primary limit lasts an hour.
_UNTOLD_RATE_LIMIT_SECONDS: Final = 60.0
LONGEST_LIMIT_SECONDS: Final = 2 * 3600.0
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d+)?", re.ASCII)
_EPOCH: Final = re.compile(r"\d{1,12}", re.ASCII)
# What must not be repeated of an answer, should a proxy echo what it was sent: tokens, signatures.
_CREDENTIAL: Final = re.compile(
    r"\b(gh[a-z]_|github_pat_|eyJ)[\w.-]+|\bsig=[^&\s]+|\b(Bearer|token) [\w.-]{20,}", re.IGNORECASE
)
# Characters.
_QUOTED: Final = 200
_NO_REPORT: Final = re.compile(r"\bno (report|data)\b|\bnot (yet )?(available|ready|generated)\b", re.IGNORECASE)
_POLICY_PLACE: Final = {
    ScopeKind.ENTERPRISE: "in the enterprise under AI controls > Copilot > Copilot usage metrics, 'Enabled everywhere'",
    ScopeKind.ORG: (
        "in the enterprise under AI controls > Copilot > Copilot usage metrics, 'Enabled everywhere', "
        "or for an organisation of its own under Settings > Copilot > Policies"
    ),
}


PROXY_WANTS_MORE: Final = (
    "A proxy between here and GitHub wants a name and a password (407). Put them into HTTPS_PROXY, "
    "as http://NAME:PASSWORD@HOST:PORT."
)


def message_of(body: bytes) -> str:
    """GitHub's own words in an error body, their beginning, without credentials; empty when it has none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    message = decoded.get("message") if isinstance(decoded, dict) else None
    return _quotable(message) if isinstance(message, str) else ""


def _quotable(text: str) -> str:
    """A text of GitHub's to be quoted: long ones by their beginning, and every address in them whole."""
    words = _CREDENTIAL.sub("***", " ".join(text.split()))[:2000].split(" ")
    told = takewhile(
        lambda word: word[1] <= _QUOTED, zip(words, accumulate(len(word) + 1 for word in words), strict=True)
    )
    begun = [word for word, _ in told] or [words[0][:_QUOTED]]
    addresses = [word for word in words[len(begun) :] if word.startswith("https://")]
    return " ".join([*begun, *(["…"] if len(begun) < len(words) else []), *addresses])


def judge_text(text: str) -> Verdict:
    """What a JSON string in place of a list of links means, with status 200: no report, if its words are such.

    GitHub has answered with an empty one (2026-03-30) and with "No report available…" (2026-03-25).
    """
    if not text.strip():
        return Verdict(Outcome.NO_REPORT, "GitHub answered 200 with an empty text: no report.")
    if _NO_REPORT.search(text):
        return Verdict(Outcome.NO_REPORT, f'GitHub answered 200 with the text "{_quotable(text)}": no report.')
    return Verdict(
        Outcome.FAILED,
        f'GitHub answered 200 with the text "{_quotable(text)}", which is neither a list of links nor a "no report". '
        "What was stored of this day stays; run it again later.",
    )


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
        return _rate_limited(seconds, quote)
    if status == 408 or status >= 500:
        pause = retry_after_seconds(response.headers) or 0.0
        return Verdict(
            Outcome.FAILED,
            f"GitHub had trouble: it answered {status}. Run this day again later.",
            retry_after=pause if pause <= LONGEST_LIMIT_SECONDS else None,
        )
    refuse = _REFUSALS.get(status, _unexpected)
    return refuse(_No(response, said, quote, report, scope, today))


@dataclass(frozen=True)
class _No:
    """An answer that asking again would not change, and what it answers."""

    response: httpx.Response
    said: str
    quote: str
    report: Report
    scope: Scope
    today: date

    def says(self, *words: str) -> bool:
        """Whether any of these stands in GitHub's own words."""
        return any(word in self.said.lower() for word in words)

    @property
    def is_web_page(self) -> bool:
        """Whether it is HTML: GitHub's API never answers so."""
        return self.response.content.lstrip()[:1] == b"<"


def is_bearable(outcome: Outcome, report: Report) -> bool:
    """Whether it is a refusal that fails no run; 404 is one, because GitHub hides what may not be seen."""
    return report.may_be_refused and outcome in (Outcome.FORBIDDEN, Outcome.NOT_FOUND)


def or_leave_out(report: Report) -> str:
    """How to live without a report, to be put before the full stop; empty where others are built on it."""
    return f", or leave the report out with COPILOT_SKIP_REPORTS={report.name}" if report.is_optional else ""


def _unauthorized(no: _No) -> Verdict:
    if no.says("requires authentication"):
        return Verdict(
            Outcome.UNAUTHORIZED,
            f"No token reached GitHub ({no.quote}). A proxy may have taken the Authorization header away: let it "
            "through; otherwise look at GITHUB_TOKEN.",
            cause=Cause.NETWORK,
        )
    return Verdict(
        Outcome.UNAUTHORIZED,
        f"GitHub does not accept the token ({no.quote}). It may have expired or been cut when copied: "
        "make a new one and put it into GITHUB_TOKEN.",
        cause=Cause.TOKEN,
    )


def _forbidden(no: _No) -> Verdict:
    cause, reason = _why_forbidden(no)
    return Verdict(Outcome.FORBIDDEN, f"{reason}{or_leave_out(no.report)}.", cause=cause)


def _why_forbidden(no: _No) -> tuple[Cause | None, str]:
    """What stands in the way, where GitHub's words tell, and what to do about it, without the full stop."""
    if no.is_web_page:
        return Cause.NETWORK, (
            "A web page came with status 403: a proxy or firewall answered in place of GitHub. "
            "Let requests to GITHUB_API_URL through"
        )
    if b"User-Agent" in no.response.content:
        return Cause.NETWORK, "GitHub wants a User-Agent header and got none: a proxy takes it away. Let it through"
    # "partial-results" in the same header is about lists over several organisations, and no refusal.
    if no.response.headers.get("X-GitHub-SSO", "").startswith("required") or no.says("saml enforcement"):
        return Cause.SSO, (
            f"The token is not authorised for single sign-on of {no.scope}. Open Settings > Developer settings > "
            "Personal access tokens at GitHub, choose 'Configure SSO' beside the token and authorise it"
        )
    if no.says("ip allow list", "ip address is not permitted"):
        return Cause.NETWORK, (
            f"{no.scope} lets in listed addresses only, and this machine's is none of them ({no.quote}). "
            "Add it to the IP allow list, or run this from a machine that is on it"
        )
    if no.says("forbids access via", "token's lifetime"):
        return Cause.TOKEN_KIND, (
            f"{no.scope} does not let in this kind of token, or one that lives so long ({no.quote}). Whether it may "
            f"read this otherwise is not known. {_way_past_the_rule(no)}"
        )
    if no.says("policy", "setting is disabled"):
        return Cause.POLICY, _policy_is_off(no)
    needs = no.report.permissions[no.scope.kind]
    if no.says("not accessible by integration"):
        return Cause.PERMISSION, f"The GitHub App lacks a permission for {no.scope} ({no.quote}). It needs {needs}"
    if no.says("not accessible by personal access token"):
        return Cause.PERMISSION, (
            f"The fine-grained token lacks a permission for {no.scope} ({no.quote}). It must be {needs}"
        )
    if no.says(*_WORDS_ABOUT_ROLES):
        return Cause.ROLE, f"The token may not read this about {no.scope} ({no.quote}). It must be {needs}"
    return None, (
        f"GitHub refuses to tell this about {no.scope} ({no.quote}), and not for a reason that this version knows. "
        f"Do as it says; a token that may read it is {needs}"
    )


# GitHub's sentences about who asks: "Insufficient permissions. This action requires admin, …", "Must be an owner …".
_WORDS_ABOUT_ROLES: Final = (
    "insufficient permissions",
    "requires admin",
    "must be an owner",
    "must have admin",
    "role access",
)


def _way_past_the_rule(no: _No) -> str:
    """What to do about an owner's rule about kinds of token; GitHub Docs, "Setting a personal access token policy"."""
    kind = "enterprise" if no.scope.kind in (ScopeKind.ENTERPRISE, ScopeKind.ENTERPRISE_TEAM) else "organisation"
    place = "Policies" if kind == "enterprise" else "Settings"
    if no.says("lifetime"):
        return (
            "Give the token an earlier end under Settings > Developer settings > Personal access tokens, or have an "
            f"owner of the {kind} change the rule under {place} > Personal access tokens"
        )
    return (
        f"Use another kind, such as a GitHub App, or have an owner of the {kind} change the rule under {place} > "
        "Personal access tokens"
    )


def _policy_is_off(no: _No) -> str:
    if no.report.retired_on:
        return (
            f"The policy 'Copilot Metrics API access' is off for {no.scope} ({no.quote}). "
            "Turn it on in the Copilot policies of the organisation or enterprise"
        )
    place = _POLICY_PLACE.get(no.scope.kind, "in the Copilot policies of the organisation or enterprise")
    return f"The policy 'Copilot usage metrics' is off for {no.scope} ({no.quote}). Turn it on {place}"


def _not_found(no: _No) -> Verdict:
    report, scope = no.report, no.scope
    if report.retired_on and no.today >= report.retired_on:
        return Verdict(
            Outcome.RETIRED,
            f"GitHub closed this API on {report.retired_on} and answers 404. Older days can only come from archives; "
            "set COPILOT_LEGACY_API=off to stop asking.",
        )
    if no.is_web_page:
        return Verdict(
            Outcome.NOT_FOUND,
            "A web page came with status 404, which GitHub's API never sends. Set GITHUB_API_URL to the API's own "
            "address: https://api.github.com, or https://api.SUBDOMAIN.ghe.com.",
        )
    # An enterprise always has the bill: its 404 is an unknown name.
    if report.not_found_means and scope.kind is ScopeKind.ORG:
        return Verdict(Outcome.NOT_OFFERED, f"{report.not_found_means}{or_leave_out(no.report)}.")
    return Verdict(
        Outcome.NOT_FOUND,
        f"GitHub knows no {scope} that this token may see, or no such report ({no.quote}). Check the name in "
        f"COPILOT_SCOPES and that the token is {report.permissions[scope.kind]}.",
    )


def _unprocessable(no: _No) -> Verdict:
    if no.says("disabled"):
        return _forbidden(no)
    if no.says("payment"):
        return Verdict(
            Outcome.FORBIDDEN,
            f"GitHub does not answer for {no.scope} until its payment method works ({no.quote}). Mend it under "
            f"Settings > Billing and licensing > Payment information{or_leave_out(no.report)}.",
            cause=Cause.PAYMENT,
        )
    return _misunderstood(no)


def _misunderstood(no: _No) -> Verdict:
    if no.says("version"):
        return _version_ended(no)
    if no.report.delivery is Delivery.ORDERS:
        return Verdict(
            Outcome.FAILED,
            f"GitHub did not take the order of a usage report ({no.quote}). It writes one at a time for an account, of "
            f"31 days at most, and of the last two years. Run these days again later{or_leave_out(no.report)}.",
        )
    return Verdict(
        Outcome.FAILED,
        f"GitHub did not understand what it was asked: it answered {no.response.status_code} ({no.quote}). "
        "It may have changed this report; look for a newer version of this project.",
    )


def _version_ended(no: _No) -> Verdict:
    version = no.response.headers.get("x-github-api-version-selected", "that is asked for")
    return Verdict(
        Outcome.FAILED,
        f"GitHub no longer offers the API version {version} of the header X-GitHub-Api-Version ({no.quote}). "
        "Install a newer version of this project.",
    )


def _proxy_wants_a_password(no: _No) -> Verdict:
    return Verdict(
        Outcome.FAILED,
        PROXY_WANTS_MORE,
        cause=Cause.NETWORK,
    )


def _unexpected(no: _No) -> Verdict:
    return Verdict(
        Outcome.FAILED, f"GitHub answered {no.response.status_code}, which this report never should ({no.quote})."
    )


# By status; whatever has a status of its own here is final.
_REFUSALS: Final[dict[int, Callable[[_No], Verdict]]] = {
    400: _misunderstood,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _misunderstood,
    407: _proxy_wants_a_password,
    410: _version_ended,
    422: _unprocessable,
}


def _rate_limited(seconds: float, quote: str) -> Verdict:
    if seconds > LONGEST_LIMIT_SECONDS:
        return Verdict(
            Outcome.FAILED,
            f"The rate limit is used up ({quote}), for {seconds / 3600:,.0f} hours, longer than any of GitHub's own. "
            "Look for what stands between here and GitHub, and run this day again later.",
        )
    return Verdict(
        Outcome.FAILED,
        f"The rate limit is used up ({quote}). Nothing is wrong with the token; run this day again later.",
        retry_after=seconds,
    )


def retry_after_seconds(headers: httpx.Headers) -> float | None:
    """What `Retry-After` asks for, in seconds: it holds seconds or an HTTP date. None without it or when unreadable."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_utc().timestamp())
    except (ValueError, OverflowError):
        return None


def _rate_limit_seconds(response: httpx.Response, said: str) -> float | None:
    """Seconds that a rate limit asks to wait, in GitHub's order of precedence; None when it is no rate limit."""
    headers = response.headers
    if response.status_code not in (403, 429):
        return None
    if (seconds := retry_after_seconds(headers)) is not None:
        return seconds
    is_used_up = headers.get("x-ratelimit-remaining") == "0"
    reset = headers.get("x-ratelimit-reset", "")
    if is_used_up and _EPOCH.fullmatch(reset):
        return max(0.0, int(reset) - now_utc().timestamp()) + 1.0
    is_limit = is_used_up or response.status_code == 429 or "rate limit" in said.lower()
    return _UNTOLD_RATE_LIMIT_SECONDS if is_limit else None
