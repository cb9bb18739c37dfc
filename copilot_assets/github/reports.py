"""The catalogue: every report this project asks GitHub for, as data.

A report is an entry, not a function: where it is, whom it is about, what a record is, from when to when it exists,
what GitHub leaves out of it. How it is fetched is in `client.py`; what an answer means is in `outcomes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from copilot_assets.github.scopes import Scope, ScopeKind
from copilot_assets.records import (
    AiCreditUsage,
    BillLine,
    Budget,
    CostCenter,
    EntityDay,
    EntityWindow,
    LegacyDay,
    PremiumRequestUsage,
    Record,
    RepoDay,
    Seat,
    Subscription,
    UserDay,
    UserTeamDay,
)

# Unpacked, unless set: ten times a day of the largest companies, for what 50,000 people did has 220 MB.
LARGEST_FILE_MB: Final = 2048


class Delivery(StrEnum):
    """How GitHub hands a report out."""

    LINKS = "links"  # one day a request; the answer lists signed links to the files
    DAYS = "days"  # a span of days a request; the answer is the array of days itself
    PAGES = "pages"  # a list, page by page; each page is an object that holds a part of it
    OBJECT = "object"  # the answer is the record itself
    ORDERS = "orders"  # a CSV file that GitHub writes when it is ordered, or that people export by hand


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes:
        name: GitHub's own name of it, or the end of its path where it has none.
        grain: what one record is.
        record: the contract of a record.
        paths: per kind of scope, the path below the API's root.
        query: its parameters; `{day}` stands for the day asked for.
        is_snapshot: GitHub tells it only as of now, so it is taken once a run and has no days to go back to.
        is_single: a day has one record, never two.
        is_optional: nothing that is built from the reports about activity needs it.
        may_be_refused: a token that may read all the rest may lack the right to it, so that a refusal fails no run.
        first_days: per kind of scope, the first UTC day GitHub has it for; a kind that is missing has no such date.
        headline: fields that sum a day up, kept in the ledger: of the record where there is one, of a page otherwise.
        activity: the headline field whose 0 means a day without any activity.
        delivery: how it is handed out.
        order: for orders, what GitHub calls what is ordered.
        items: for pages, the field that holds the records.
        unkept_fields: of an entry, fields that name people whom nobody needs to know: taken out before it is kept.
        unkept_entries: a field and its value in entries that are about one person: left out altogether.
        retired_on: the day from which GitHub answers 404 for it.
        lag_days: full UTC days after which a day is final ("Reconciling usage metrics": three).
        history_days: days that GitHub keeps.
        threshold_people: GitHub leaves a day out when whom it is about, the scope or a team, has fewer licensed people
            than this on it.
        not_found_means: what 404 says of a scope that exists, where GitHub offers the report for some only.
        permissions: per kind of scope, what a token needs, in GitHub's words.
    """

    name: str
    grain: str
    record: type[Record]
    paths: Mapping[ScopeKind, str]
    permissions: Mapping[ScopeKind, str]
    query: Mapping[str, str] = field(default_factory=dict)
    is_snapshot: bool = False
    is_single: bool = False
    is_optional: bool = False
    may_be_refused: bool = False
    first_days: Mapping[ScopeKind, date] = field(default_factory=dict)
    headline: tuple[str, ...] = ()
    activity: str | None = None
    delivery: Delivery = Delivery.LINKS
    order: str | None = None
    items: str | None = None
    unkept_fields: tuple[tuple[str, ...], ...] = ()
    unkept_entries: tuple[str, str] | None = None
    retired_on: date | None = None
    lag_days: int = 3
    history_days: int = 365
    threshold_people: int | None = None
    not_found_means: str | None = None

    @property
    def table(self) -> str:
        """The name of its asset and of its view in schema `raw`."""
        return self.name.replace("-", "_")

    def covers(self, scope: Scope) -> bool:
        """Whether GitHub has this report about that kind of scope."""
        return scope.kind in self.paths

    def path(self, scope: Scope) -> str:
        """The path for one scope, below the API's root."""
        return self.paths[scope.kind].format(account=scope.account, team=scope.team)

    def params(self, day: date) -> dict[str, str]:
        """The parameters that ask for a day."""
        return {name: text.format(day=day) for name, text in self.query.items()}


# GitHub Docs, REST API endpoints for Copilot usage metrics (2026-08): tokens, scopes and permissions.
_ORG_PERMISSION: Final = (
    "a classic token of an organisation owner with read:org, or a fine-grained token or GitHub App "
    "with the organisation permission 'Organization Copilot metrics' (read)"
)
_ENTERPRISE_PERMISSION: Final = (
    "a classic token of an enterprise owner or billing manager with manage_billing:copilot or read:enterprise, "
    "or a GitHub App with the enterprise permission 'Enterprise Copilot metrics' (read)"
)
# GitHub Docs, Copilot metrics (closed): the same scopes, and for fine-grained tokens another permission.
_LEGACY_PERMISSION: Final = (
    "a classic token of an owner with manage_billing:copilot, read:org or read:enterprise, "
    "and the policy 'Copilot Metrics API access'"
)

# GitHub Docs, REST API endpoints for Copilot user management; GitHub Apps of enterprises: changelog of 2026-11-10.
_SEAT_PERMISSIONS: Final = {
    ScopeKind.ORG: (
        "a classic token of an organisation owner with manage_billing:copilot or read:org, or a fine-grained token or "
        "GitHub App with the organisation permission 'GitHub Copilot Business' or 'Administration' (read)"
    ),
    ScopeKind.ENTERPRISE: (
        "a classic token of an enterprise owner or billing manager with manage_billing:copilot or read:enterprise, "
        "or a GitHub App with the enterprise permission 'Enterprise Copilot license management' (read)"
    ),
}
# GitHub Docs, REST API endpoints for billing usage (2026-09).
_BILLING_PERMISSIONS: Final = {
    ScopeKind.ORG: (
        "a classic token of an organisation owner or billing manager, or a fine-grained token or GitHub App with the "
        "organisation permission 'Administration' (read)"
    ),
    ScopeKind.ENTERPRISE: (
        "a classic token of an enterprise owner or billing manager with manage_billing:enterprise, "
        "or a GitHub App of the enterprise with read access to enterprise billing"
    ),
}
# Another bill than that of its enterprise has an organisation only if it pays for itself.
_BILLED_ELSEWHERE: Final = (
    "GitHub bills this organisation through its enterprise, or not on the enhanced billing platform. "
    "Ask for the bill of the enterprise (enterprise:SLUG in COPILOT_SCOPES)"
)
_REPORT_PERMISSIONS: Final = {ScopeKind.ORG: _ORG_PERMISSION, ScopeKind.ENTERPRISE: _ENTERPRISE_PERMISSION}

# Docs, "Data available in Copilot usage metrics": enterprise reports from 2025-10-10, organisations from 2025-12-12.
_STARTS: Final = {ScopeKind.ENTERPRISE: date(2025, 10, 10), ScopeKind.ORG: date(2025, 12, 12)}
# Changelog of these days.
_USER_TEAMS_START: Final = date(2026, 5, 14)
_REPOS_START: Final = date(2026, 7, 17)
_AI_CREDITS_START: Final = date(2026, 6, 1)
# Two years, says the description of the billing endpoints.
_BILLING_HISTORY_DAYS: Final = 730

_ROOTS: Final = {ScopeKind.ORG: "/orgs/{account}", ScopeKind.ENTERPRISE: "/enterprises/{account}"}
_TEAM_ROOTS: Final = {
    ScopeKind.TEAM: "/orgs/{account}/team/{team}",
    ScopeKind.ENTERPRISE_TEAM: "/enterprises/{account}/team/{team}",
}
_ONE_DAY: Final = {"day": "{day}"}
_ENTITY_HEADLINE: Final = (
    "daily_active_users",
    "code_generation_activity_count",
    "user_initiated_interaction_count",
)


def _of_both(path: str) -> dict[ScopeKind, str]:
    """A path that organisations and enterprises have alike."""
    return {kind: f"{root}/{path}" for kind, root in _ROOTS.items()}


def _billed(path: str) -> dict[ScopeKind, str]:
    """A path of the billing endpoints."""
    return {
        ScopeKind.ORG: f"/organizations/{{account}}/settings/billing/{path}",
        ScopeKind.ENTERPRISE: f"/enterprises/{{account}}/settings/billing/{path}",
    }


def _entity_reports(kind: ScopeKind, name: str) -> tuple[Report, Report]:
    """The reports about an organisation or enterprise as a whole: a day, and the newest 28."""
    path = f"{_ROOTS[kind]}/copilot/metrics/reports"
    return (
        Report(
            name=f"{name}-1-day",
            grain=f"one {name}, one day",
            record=EntityDay,
            paths={kind: f"{path}/{name}-1-day"},
            permissions={kind: _REPORT_PERMISSIONS[kind]},
            query=_ONE_DAY,
            is_single=True,
            first_days={kind: _STARTS[kind]},
            headline=_ENTITY_HEADLINE,
            activity="daily_active_users",
        ),
        Report(
            name=f"{name}-28-day",
            grain=f"one {name}, the newest 28 days",
            record=EntityWindow,
            paths={kind: f"{path}/{name}-28-day/latest"},
            permissions={kind: _REPORT_PERMISSIONS[kind]},
            is_snapshot=True,
            is_single=True,
        ),
    )


def _billed_usage(name: str, record: type[Record], first_days: Mapping[ScopeKind, date]) -> Report:
    """What GitHub bills for a day; it answers for whole months and years too, which nobody asks it here."""
    kind = name.removesuffix("-usage").replace("-", "_")
    return Report(
        name=name,
        grain="one bill, one day",
        record=record,
        paths=_billed(f"{kind}/usage"),
        permissions=_BILLING_PERMISSIONS,
        query={"year": "{day.year}", "month": "{day.month}", "day": "{day.day}"},
        is_single=True,
        is_optional=True,
        first_days=first_days,
        delivery=Delivery.OBJECT,
        history_days=_BILLING_HISTORY_DAYS,
        not_found_means=_BILLED_ELSEWHERE,
    )


def _usage_report(name: str, of_what: str, order: str, first_days: Mapping[ScopeKind, date]) -> Report:
    """The bill by person, which GitHub writes as a CSV file."""
    return Report(
        name=name,
        grain=f"one line of the bill of {of_what}: a day, person, model and repository",
        record=BillLine,
        paths={ScopeKind.ENTERPRISE: "/enterprises/{account}/settings/billing/reports"},
        permissions={ScopeKind.ENTERPRISE: _BILLING_PERMISSIONS[ScopeKind.ENTERPRISE]},
        is_optional=True,
        first_days=first_days,
        delivery=Delivery.ORDERS,
        order=order,
        lag_days=1,
        history_days=_BILLING_HISTORY_DAYS,
    )


REPORTS: Final[tuple[Report, ...]] = (
    *_entity_reports(ScopeKind.ORG, "organization"),
    *_entity_reports(ScopeKind.ENTERPRISE, "enterprise"),
    Report(
        name="users-1-day",
        grain="one active person of one organisation or enterprise, one day",
        record=UserDay,
        paths=_of_both("copilot/metrics/reports/users-1-day"),
        permissions=_REPORT_PERMISSIONS,
        query=_ONE_DAY,
        first_days=_STARTS,
    ),
    Report(
        name="user-teams-1-day",
        grain="one person in one team of five seated people at least, one day",
        record=UserTeamDay,
        paths=_of_both("copilot/metrics/reports/user-teams-1-day"),
        permissions=_REPORT_PERMISSIONS,
        query=_ONE_DAY,
        first_days=dict.fromkeys(_STARTS, _USER_TEAMS_START),
        threshold_people=5,
    ),
    Report(
        name="repos-1-day",
        grain="one repository with pull request activity, one day",
        record=RepoDay,
        paths=_of_both("copilot/metrics/reports/repos-1-day"),
        permissions=_REPORT_PERMISSIONS,
        query=_ONE_DAY,
        first_days=dict.fromkeys(_STARTS, _REPOS_START),
    ),
    Report(
        name="copilot-seats",
        grain="one grant of a seat, as of now",
        record=Seat,
        paths=_of_both("copilot/billing/seats"),
        permissions=_SEAT_PERMISSIONS,
        query={"per_page": "100"},
        is_snapshot=True,
        is_optional=True,
        headline=("total_seats",),
        delivery=Delivery.PAGES,
        items="seats",
    ),
    Report(
        name="copilot-billing",
        grain="one organisation's subscription, as of now",
        record=Subscription,
        paths={ScopeKind.ORG: "/orgs/{account}/copilot/billing"},
        permissions={ScopeKind.ORG: _SEAT_PERMISSIONS[ScopeKind.ORG]},
        is_snapshot=True,
        is_single=True,
        is_optional=True,
        delivery=Delivery.OBJECT,
    ),
    _billed_usage("ai-credit-usage", AiCreditUsage, dict.fromkeys(_ROOTS, _AI_CREDITS_START)),
    _billed_usage("premium-request-usage", PremiumRequestUsage, {}),
    _usage_report("ai-usage-report", "AI credits", "ai_credit", {ScopeKind.ENTERPRISE: _AI_CREDITS_START}),
    _usage_report("premium-request-report", "premium requests", "premium_request", {}),
    # GitHub Docs, REST API endpoints for budgets and for cost centers (2026-11): for long no App and no fine-grained
    # token could read them, and classic ones must be of somebody who may see the bill.
    Report(
        name="budgets",
        grain="one limit on spending, as of now; none of a single person",
        record=Budget,
        paths=_billed("budgets"),
        permissions=_BILLING_PERMISSIONS,
        query={"per_page": "100"},
        is_snapshot=True,
        is_optional=True,
        may_be_refused=True,
        delivery=Delivery.PAGES,
        items="budgets",
        unkept_fields=(("budget_alerting", "alert_recipients"), ("user",)),
        unkept_entries=("budget_scope", "user"),
        not_found_means=_BILLED_ELSEWHERE,
    ),
    Report(
        name="cost-centers",
        grain="one cost centre, as of now",
        record=CostCenter,
        paths={ScopeKind.ENTERPRISE: "/enterprises/{account}/settings/billing/cost-centers"},
        permissions={ScopeKind.ENTERPRISE: _BILLING_PERMISSIONS[ScopeKind.ENTERPRISE]},
        is_snapshot=True,
        is_optional=True,
        may_be_refused=True,
        delivery=Delivery.PAGES,
        items="costCenters",
        unkept_fields=(("resources",),),
    ),
    Report(
        name="legacy-metrics",
        grain="one organisation, enterprise or team, one day of the metrics API that closed on 2026-04-02",
        record=LegacyDay,
        paths={kind: f"{root}/copilot/metrics" for kind, root in (_ROOTS | _TEAM_ROOTS).items()},
        permissions=dict.fromkeys(ScopeKind, _LEGACY_PERMISSION),
        is_single=True,
        headline=("total_active_users", "total_engaged_users"),
        activity="total_active_users",
        delivery=Delivery.DAYS,
        retired_on=date(2026, 4, 2),
        lag_days=1,
        history_days=100,
        threshold_people=5,
    ),
)
