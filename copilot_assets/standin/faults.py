"""What can be made to go wrong, by name, while the stand-in is running.

The names, what they mean, when they strike and how people write them down belong here; the HTTP answers of refusals
stay in `answers.py`, and the damage to files in `downloads.py`.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

NO_DATA: Final = {
    "204": "204 without a body, GitHub's documented 'no report'",
    "404": "404, as older servers answered for a day without a report",
    "empty-string": '200 with the JSON string ""',
    "no-report-string": "200 with a JSON string that begins 'No report available'",
    "empty-links": "200 with an empty list of links",
    "empty-file": "200 with a link to an empty file",
}
REFUSALS: Final = {
    "bad-credentials": "401, the token is wrong or has expired",
    "no-token": "401, as if a proxy had taken the token away",
    "sso-required": "403 with X-GitHub-SSO: the token is not authorised for the organisation",
    "sso-partial": "403, the role is missing; X-GitHub-SSO says 'partial-results', which is no refusal",
    "ip-not-allowed": "403, the address is not on the organisation's IP allow list",
    "firewall": "403 with a web page",
    "no-user-agent": "403 in plain text, as if a proxy had taken the User-Agent away",
    "policy-off": "403, the 'Copilot usage metrics' policy is off (reports only)",
    "legacy-policy-off": "422, the old metrics policy is off (legacy metrics only)",
    "role-missing": "403, the token's owner lacks the role",
    "classic-token-forbidden": "403, an owner's rule keeps classic tokens out",
    "token-lives-too-long": "403, an owner's rule about the lifetime of tokens",
    "app-permission-missing": "403, the GitHub App lacks the permission",
    "token-permission-missing": "403, the fine-grained token lacks the permission",
    "payment-problem": "422, the payment method does not work (an organisation's subscription only)",
    "order-refused": "422, GitHub takes no order of a usage report (orders alone)",
    "billing-elsewhere": "404, the enterprise gets the bill (organisations' usage only)",
    "web-page-404": "404 with a web page, as of an address that is not the API's",
    "version-ended": "410, the API version is no longer supported",
    "not-understood": "400, as to a question that GitHub does not understand",
    "invalid": "422, a parameter does not pass",
    "proxy-password": "407, a proxy wants a password",
}
LIMITS: Final = {
    "rate-limit-primary": "403 with x-ratelimit-remaining 0 and a reset within a second or so",
    "rate-limit-secondary": "429 with retry-after: 1",
    "rate-limit-untold": "403 that says 'rate limit' and not for how long",
    "rate-limit-endless": "429 with a retry-after of years",
}
OUTAGES: Final = {
    "500": "500 with GitHub's JSON",
    "502": "502 with a gateway's HTML",
    "503": "503 with GitHub's JSON",
    "proxy-page": "200 with a web page in place of GitHub's JSON",
    "cut-connection": "the connection breaks in the middle of the answer",
    "slow": "the answer comes a second later",
}
LINKS: Final = {
    "expired-link": "links that have already expired: 403 from the download host",
    "wrong-day": "the report of the day before",
}
FILES: Final = {
    "malformed-line": "line 3 of the first file (line 1 of a one-object file) is broken JSON",
    "truncated-file": "the last file ends in the middle of its last line",
    "html-file": "the first file is a web page, with status 200",
    "json-string-file": "the first file is a JSON string",
    "array-file": "files are one JSON array each",
    "gzip-file": "files are gzip, and no header says so",
    "truncated-gzip": "the last file is gzip that breaks off",
    "utf-16-file": "the first file is UTF-16",
    "two-records": "the first file holds its first record twice",
    "storage-503": "503 on the first file",
    "cut-file": "the connection breaks in the middle of the first file",
    "wrong-type": "in the first record a number is the string 'abc'",
    "negative-counter": "in the first record a number is -1",
    "unknown-field": "in the first record there is a field nobody has announced",
    "missing-shard": "404 on the last file",
    "pretty-printed": "a one-object file spread over many lines",
    "bom": "files begin with a byte order mark",
    "crlf": "lines end with CR LF",
}
FAULTS: Final = NO_DATA | REFUSALS | LIMITS | OUTAGES | LINKS | FILES
# Refusals that only one kind of endpoint gives; all others pass them over.
OF_ONE_ENDPOINT: Final = frozenset(
    {"policy-off", "legacy-policy-off", "payment-problem", "billing-elsewhere", "order-refused"}
)


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that goes wrong: everywhere, or only for a scope, a report, a day.

    `report` is a report's own name, `legacy-metrics`, `seats`, `billing`, `member`, `teams` or `usage`; with or without
    `/latest`. `times` is how many more requests it strikes, None for all; a fault with 0 left is spent. A fault with a
    day strikes only requests for that day.

    Raises:
        ValueError: the name is not in `FAULTS`.
    """

    name: str
    scope: str | None = None
    report: str | None = None
    day: date | None = None
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"There is no fault called {self.name!r}; choose one of: {', '.join(FAULTS)}.")

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read the command line's spelling, `NAME[:SCOPE[:DAY]]`, as in `policy-off:org:octo-org:2026-05-01`.

        A scope holds colons itself, so the day is whatever stands last and looks like one.
        """
        name, _, rest = text.partition(":")
        scope, _, last = rest.rpartition(":")
        try:
            day = date.fromisoformat(last)
        except ValueError:
            return cls(name, scope=rest or None)
        return cls(name, scope=scope or None, day=day)

    def strikes(self, scope: str | None, report: str, day: date | None) -> bool:
        """Whether it applies to a request for this scope, report and day, and is not spent."""
        return (
            self.times != 0
            and self.scope in (None, scope)
            and (self.report is None or self.report.removesuffix("/latest") == report)
            and self.day in (None, day)
        )

    def spend(self) -> None:
        """Count one request that it has struck."""
        if self.times is not None:
            self.times -= 1


class ScenarioError(ValueError):
    """A scenario that can't be read. The message says what is wrong with it and how to write one."""


def read_scenario(path: Path) -> list[Fault]:
    """The faults of a scenario file: YAML, a list of mappings with the fields of `Fault`, of which only `name` must be.

    Raises:
        ScenarioError: the file is something else.
        OSError: it can't be read.
    """
    try:
        entries = msgspec.yaml.decode(path.read_bytes(), type=list[dict[str, Any]])
        # YAML takes the names 204, 404, 500 … for numbers.
        return msgspec.convert([e | {"name": str(e["name"])} if "name" in e else e for e in entries], list[Fault])
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ScenarioError(
            f"{path} is no scenario: {' '.join(str(problem).split())}. Write a list of faults, each with its name and, "
            "if wanted, scope, report, day and times, as in: - {name: policy-off, scope: 'org:octo-org'}"
        ) from None


def strike(
    faults: Iterable[Fault], names: Iterable[str], scope: str | None, report: str, day: date | None
) -> str | None:
    """The name of the first fault, in the order of `names`, that strikes the request; it counts as spent once."""
    for name in names:
        for fault in faults:
            if fault.name == name and fault.strikes(scope, report, day):
                fault.spend()
                return name
    return None
