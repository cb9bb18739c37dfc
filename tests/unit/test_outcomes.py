"""Each answer of GitHub's is told apart, and each sentence names what to do."""

import time
from datetime import date

import httpx
import pytest

from copilot_assets.github.outcomes import Outcome, judge
from copilot_assets.github.scopes import Scope
from tests.conftest import report_named

ORG_DAY = report_named("organization-1-day")
LEGACY = report_named("legacy-metrics")
SCOPE = Scope.parse("org:octo-org")
TODAY = date(2026, 11, 22)

POLICY = {
    "message": "The 'Copilot usage metrics' policy must be enabled to use this API",
    "documentation_url": "https://docs.github.com/copilot/concepts/copilot-metrics",
    "status": "403",
}
APP = {"message": "Resource not accessible by integration"}
SSO = {"X-GitHub-SSO": "required; url=https://x"}
ROLE = {"message": "Insufficient permissions. This action requires admin, or relevant organization role access."}


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (httpx.Response(204), Outcome.NO_REPORT, "204"),
        (httpx.Response(401, json={"message": "Bad credentials"}), Outcome.UNAUTHORIZED, "GITHUB_TOKEN"),
        (httpx.Response(403, json=POLICY), Outcome.FORBIDDEN, "AI controls > Copilot"),
        (httpx.Response(403, json=ROLE), Outcome.FORBIDDEN, "read:org"),
        (
            httpx.Response(403, json=APP),
            Outcome.FORBIDDEN,
            "GitHub App",
        ),
        (
            httpx.Response(403, headers=SSO, json={"message": "Resource protected"}),
            Outcome.FORBIDDEN,
            "Configure SSO",
        ),
        (httpx.Response(404, json={"message": "Not Found", "status": "404"}), Outcome.NOT_FOUND, "COPILOT_SCOPES"),
        (httpx.Response(403, text="<html>blocked</html>"), Outcome.FORBIDDEN, "without a word"),
        (httpx.Response(422, json={"message": "Invalid day"}), Outcome.FAILED, "422"),
    ],
)
def test_final_answers(answer: httpx.Response, outcome: Outcome, words: str) -> None:
    verdict = judge(answer, ORG_DAY, SCOPE, TODAY)
    assert verdict.outcome is outcome
    assert words in verdict.evidence
    assert verdict.retry_after is None, "asking again is no use"


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_passing_trouble_is_asked_again(status: int) -> None:
    verdict = judge(httpx.Response(status), ORG_DAY, SCOPE, TODAY)
    assert (verdict.outcome, verdict.retry_after) == (Outcome.FAILED, 0.0)


def test_a_secondary_limit_waits_as_long_as_it_says() -> None:
    answer = httpx.Response(403, headers={"retry-after": "7"}, json={"message": "secondary rate limit"})
    assert judge(answer, ORG_DAY, SCOPE, TODAY).retry_after == 7.0


def test_a_primary_limit_waits_for_the_reset() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 30)}
    seconds = judge(httpx.Response(403, headers=headers, json=ROLE), ORG_DAY, SCOPE, TODAY).retry_after
    assert seconds is not None
    assert 29 <= seconds <= 32


def test_a_limit_without_headers_waits_a_minute() -> None:
    answer = httpx.Response(429, json={"message": "API rate limit exceeded"})
    assert judge(answer, ORG_DAY, SCOPE, TODAY).retry_after == 60.0


def test_the_closed_api_is_told_from_an_unknown_name() -> None:
    answer = httpx.Response(404, json={"message": "Not Found"})
    assert judge(answer, LEGACY, SCOPE, date(2026, 4, 2)).outcome is Outcome.RETIRED
    assert judge(answer, LEGACY, SCOPE, date(2026, 4, 1)).outcome is Outcome.NOT_FOUND


def test_the_legacy_422_is_a_policy() -> None:
    answer = httpx.Response(
        422, json={"message": "Copilot Usage Metrics API setting is disabled at the organization or enterprise level."}
    )
    verdict = judge(answer, LEGACY, SCOPE, TODAY)
    assert verdict.outcome is Outcome.FORBIDDEN
    assert "Copilot Metrics API access" in verdict.evidence
