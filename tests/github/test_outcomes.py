"""Each answer of GitHub's is told apart, and each sentence names what to do."""

import json
from datetime import date

import httpx
import pytest

from copilot_assets.github.outcomes import Cause, Outcome, judge, judge_text, message_of, retry_after_seconds
from copilot_assets.github.scopes import Scope
from tests.conftest import NOW, report_named

pytestmark = pytest.mark.usefixtures("fixed_clock")

ORG_DAY = report_named("organization-1-day")
LEGACY = report_named("legacy-metrics")
SEATS = report_named("copilot-seats")
SUBSCRIPTION = report_named("copilot-billing")
BILL = report_named("ai-credit-usage")
SCOPE = Scope.parse("org:octo-org")
CORP = Scope.parse("enterprise:octo-corp")
TODAY = date(2026, 11, 22)

POLICY = {
    "message": "The 'Copilot usage metrics' policy must be enabled to use this API",
    "documentation_url": "https://docs.github.com/copilot/concepts/copilot-metrics",
    "status": "403",
}
PARTIAL = {"X-GitHub-SSO": "partial-results; organizations=21955855"}
TOKEN = {"message": "Resource not accessible by personal access token"}
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
        (httpx.Response(403, text="blocked"), Outcome.FORBIDDEN, "without a word"),
        (httpx.Response(403, text="\n<html>blocked</html>"), Outcome.FORBIDDEN, "proxy or firewall"),
        (httpx.Response(401, json={"message": "Requires authentication"}), Outcome.UNAUTHORIZED, "No token reached"),
        (httpx.Response(403, headers=PARTIAL, json=ROLE), Outcome.FORBIDDEN, "read:org"),
        (httpx.Response(403, json={"message": "Resource protected by SAML enforcement."}), Outcome.FORBIDDEN, "SSO"),
        (httpx.Response(403, json={"message": "an IP allow list is enabled"}), Outcome.FORBIDDEN, "listed addresses"),
        (httpx.Response(403, json=TOKEN), Outcome.FORBIDDEN, "fine-grained token lacks"),
        (
            httpx.Response(403, text="Please make sure your request has a User-Agent header."),
            Outcome.FORBIDDEN,
            "User-Agent header and got none",
        ),
        (httpx.Response(404, text="<html>not here</html>"), Outcome.NOT_FOUND, "GITHUB_API_URL"),
        (httpx.Response(400, json={"message": "Problems parsing"}), Outcome.FAILED, "did not understand"),
        (httpx.Response(407), Outcome.FAILED, "HTTPS_PROXY"),
        (httpx.Response(410, json={"message": "Gone"}), Outcome.FAILED, "X-GitHub-Api-Version"),
        (httpx.Response(400, json={"message": "Version 1 is not supported"}), Outcome.FAILED, "X-GitHub-Api-Version"),
        (httpx.Response(304), Outcome.FAILED, "304, which this report never should"),
        (httpx.Response(422, json={"message": "Invalid day"}), Outcome.FAILED, "422"),
        (httpx.Response(403, content=b'{"message":' + b"[" * 99_999), Outcome.FORBIDDEN, "without a word"),
        (httpx.Response(403, json=["message"]), Outcome.FORBIDDEN, "without a word"),
        (httpx.Response(403, json={"message": None}), Outcome.FORBIDDEN, "without a word"),
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
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 30)}
    seconds = judge(httpx.Response(403, headers=headers, json=ROLE), ORG_DAY, SCOPE, TODAY).retry_after
    assert seconds is not None
    assert 29 <= seconds <= 32


def test_a_limit_without_headers_waits_a_minute() -> None:
    answer = httpx.Response(429, json={"message": "API rate limit exceeded"})
    assert judge(answer, ORG_DAY, SCOPE, TODAY).retry_after == 60.0


def test_a_limit_that_says_nothing_else_waits_a_minute() -> None:
    assert judge(httpx.Response(429), ORG_DAY, SCOPE, TODAY).retry_after == 60.0
    used_up = httpx.Response(403, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, json=ROLE)
    assert judge(used_up, ORG_DAY, SCOPE, TODAY).retry_after == 60.0


@pytest.mark.parametrize(
    "headers", [{"retry-after": "7201"}, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "999999999999"}]
)
def test_nobody_waits_for_a_limit_of_years(headers: dict[str, str]) -> None:
    verdict = judge(httpx.Response(429, headers=headers), ORG_DAY, SCOPE, TODAY)
    assert (verdict.outcome, verdict.retry_after) == (Outcome.FAILED, None)
    assert "longer than any of GitHub's own" in verdict.evidence


def test_nobody_waits_years_for_a_server_that_is_down() -> None:
    assert judge(httpx.Response(503, headers={"retry-after": "30"}), ORG_DAY, SCOPE, TODAY).retry_after == 30.0
    assert judge(httpx.Response(503, headers={"retry-after": "99999999"}), ORG_DAY, SCOPE, TODAY).retry_after is None


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("", Outcome.NO_REPORT),
        (" ", Outcome.NO_REPORT),
        ("No report available for 2026-09-01.", Outcome.NO_REPORT),
        ("The report is not yet available", Outcome.NO_REPORT),
        ("There was no data on that day", Outcome.NO_REPORT),
        ("Internal error", Outcome.FAILED),
        ("notavailable", Outcome.FAILED),
    ],
)
def test_a_text_is_no_report_only_if_it_says_so(text: str, outcome: Outcome) -> None:
    verdict = judge_text(text)
    assert (verdict.outcome, verdict.retry_after) == (outcome, None)
    assert text.strip() in verdict.evidence


@pytest.mark.parametrize("text", ["Mon, 01 Jan 0001 00:00:00 -0000", "Mon, 01 Jan 0001 00:00:00 +2359", "1e9", "-5"])
def test_an_odd_date_is_no_pause(text: str) -> None:
    assert retry_after_seconds(httpx.Headers({"retry-after": text})) in (None, 0.0)


@pytest.mark.parametrize(
    "wording",
    [
        "The 'Copilot usage metrics' policy must be enabled to use this API",
        "Copilot usage metrics policy is disabled for this enterprise.",
        "Copilot Usage Metrics API setting is disabled at the organization or enterprise level.",
    ],
)
def test_the_policy_is_named_by_the_report(wording: str) -> None:
    answer = httpx.Response(403, json={"message": wording})
    assert "'Copilot usage metrics' is off for enterprise:octo-corp" in judge(answer, ORG_DAY, CORP, TODAY).evidence
    assert "'Copilot Metrics API access' is off" in judge(answer, LEGACY, SCOPE, TODAY).evidence


CLASSIC = (
    "`octo-org` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a "
    "personal access token with fine-grained permissions."
)
LONG_LIVED = (
    "The 'octo-org' organization forbids access via a fine-grained personal access tokens if the token's lifetime is "
    "greater than 366 days. Please adjust your token's lifetime at the following URL: "
    "https://github.com/settings/personal-access-tokens/1234567"
)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (CLASSIC, "Use another kind, such as a GitHub App, or have an owner of the organisation change the rule"),
        (LONG_LIVED, "Give the token an earlier end under Settings > Developer settings > Personal access tokens"),
    ],
)
def test_a_rule_about_kinds_of_token_says_nothing_of_policy_role_or_permission(said: str, remedy: str) -> None:
    verdict = judge(httpx.Response(403, json={"message": said}), ORG_DAY, SCOPE, TODAY)
    assert (verdict.outcome, verdict.cause) == (Outcome.FORBIDDEN, Cause.TOKEN_KIND)
    assert remedy in verdict.evidence
    assert "must be" not in verdict.evidence
    assert "olicy" not in verdict.evidence
    assert LONG_LIVED.rpartition(" ")[2] in verdict.evidence or said == CLASSIC, "the address that mends it, whole"


def test_a_refusal_in_words_nobody_knows_claims_no_cause() -> None:
    verdict = judge(httpx.Response(403, json={"message": "Come back on a Tuesday."}), ORG_DAY, SCOPE, TODAY)
    assert (verdict.outcome, verdict.cause) == (Outcome.FORBIDDEN, None)
    assert "Come back on a Tuesday." in verdict.evidence


def test_a_long_message_is_quoted_by_its_beginning_and_its_addresses_whole() -> None:
    address = "https://github.com/settings/" + "x" * 300
    said = message_of(json.dumps({"message": f"{'word ' * 60}{address} {'more ' * 30}"}).encode())
    assert said == f"{'word ' * 40}… {address}"
    assert message_of(json.dumps({"message": "y" * 500}).encode()) == "y" * 200
    assert message_of(json.dumps({"message": f"{'z' * 199} a"}).encode()) == f"{'z' * 199} …"


def test_what_need_not_be_there_can_be_left_out() -> None:
    for said in (ROLE, APP, POLICY):
        verdict = judge(httpx.Response(403, json=said), SEATS, SCOPE, TODAY)
        assert verdict.evidence.endswith(", or leave the report out with COPILOT_SKIP_REPORTS=copilot-seats.")
        assert "COPILOT_SKIP_REPORTS" not in judge(httpx.Response(403, json=said), ORG_DAY, SCOPE, TODAY).evidence


def test_a_payment_method_that_does_not_work_is_a_refusal() -> None:
    said = {"message": "There is a problem with your account's associated payment method."}
    verdict = judge(httpx.Response(422, json=said), SUBSCRIPTION, SCOPE, TODAY)
    assert verdict.outcome is Outcome.FORBIDDEN
    assert "until its payment method works" in verdict.evidence
    assert "COPILOT_SKIP_REPORTS=copilot-billing." in verdict.evidence


def test_a_bill_that_the_enterprise_gets_is_not_offered_and_no_unknown_name() -> None:
    answer = httpx.Response(404, json={"message": "Not Found"})
    verdict = judge(answer, BILL, SCOPE, TODAY)
    assert verdict.outcome is Outcome.NOT_OFFERED
    assert verdict.outcome.is_refusal
    assert verdict.outcome not in (Outcome.REPORTED, Outcome.NO_REPORT)
    assert "enterprise:SLUG" in verdict.evidence
    assert "COPILOT_SKIP_REPORTS=ai-credit-usage." in verdict.evidence
    assert judge(answer, BILL, CORP, TODAY).outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize(
    "secret",
    ["ghp_" + "a1" * 18, "github_pat_" + "b2" * 20, "Bearer " + "c3" * 20, "sig=d4%2Bd4", "eyJhbGciOi.e5e5e5.f6-f6"],
)
def test_an_echoed_credential_is_not_repeated(secret: str) -> None:
    said = message_of(b'{"message": "Denied: %s for you"}' % secret.encode())
    assert said == "Denied: *** for you"


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
