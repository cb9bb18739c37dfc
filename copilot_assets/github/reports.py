"""The catalogue: every report this project asks GitHub for, as data.

A report is an entry, not a function: where it is, whom it is about, what a record is, from when to when it exists,
what GitHub leaves out of it. How it is fetched is in `client.py`; what an answer means is in `outcomes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from copilot_assets.github.scopes import Scope, ScopeKind
from copilot_assets.records import EntityDay, LegacyDay, Record, UserDay


class Delivery(StrEnum):
    """How GitHub hands a report out."""

    LINKS = "links"  # one day a request; the answer lists signed links to the files
    DAYS = "days"  # a span of days a request; the answer is the array of days itself


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes:
        name: GitHub's own name of it.
        grain: what one record is.
        record: the contract of a record.
        paths: per kind of scope, the path below the API's root.
        first_days: per kind of scope, the first UTC day GitHub has it for; a kind that is missing has no such date.
        headline: the record's fields that sum a day up, kept in the ledger for one-record reports.
        activity: the headline field whose 0 means a day without any activity.
        delivery: how it is handed out.
        retired_on: the day from which GitHub answers 404 for it.
        lag_days: full UTC days after which a day is final ("Reconciling usage metrics": three).
        history_days: days that GitHub keeps.
        threshold_people: GitHub leaves a day out when the scope has fewer licensed people than this on it.
        permissions: per kind of scope, what a token needs, in GitHub's words.
    """

    name: str
    grain: str
    record: type[Record]
    paths: Mapping[ScopeKind, str]
    first_days: Mapping[ScopeKind, date]
    permissions: Mapping[ScopeKind, str]
    headline: tuple[str, ...] = ()
    activity: str | None = None
    delivery: Delivery = Delivery.LINKS
    retired_on: date | None = None
    lag_days: int = 3
    history_days: int = 365
    threshold_people: int | None = None

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

# Docs, "Data available in Copilot usage metrics": enterprise reports from 2025-10-10, organisations from 2025-12-12.
_ENTERPRISE_START: Final = date(2025, 10, 10)
_ORG_START: Final = date(2025, 12, 12)

REPORTS: Final[tuple[Report, ...]] = (
    Report(
        name="organization-1-day",
        grain="one organisation, one day",
        record=EntityDay,
        paths={ScopeKind.ORG: "/orgs/{account}/copilot/metrics/reports/organization-1-day"},
        first_days={ScopeKind.ORG: _ORG_START},
        permissions={ScopeKind.ORG: _ORG_PERMISSION},
        headline=("daily_active_users", "code_generation_activity_count", "user_initiated_interaction_count"),
        activity="daily_active_users",
    ),
    Report(
        name="enterprise-1-day",
        grain="one enterprise, one day",
        record=EntityDay,
        paths={ScopeKind.ENTERPRISE: "/enterprises/{account}/copilot/metrics/reports/enterprise-1-day"},
        first_days={ScopeKind.ENTERPRISE: _ENTERPRISE_START},
        permissions={ScopeKind.ENTERPRISE: _ENTERPRISE_PERMISSION},
        headline=("daily_active_users", "code_generation_activity_count", "user_initiated_interaction_count"),
        activity="daily_active_users",
    ),
    Report(
        name="users-1-day",
        grain="one active person of one organisation or enterprise, one day",
        record=UserDay,
        paths={
            ScopeKind.ORG: "/orgs/{account}/copilot/metrics/reports/users-1-day",
            ScopeKind.ENTERPRISE: "/enterprises/{account}/copilot/metrics/reports/users-1-day",
        },
        first_days={ScopeKind.ORG: _ORG_START, ScopeKind.ENTERPRISE: _ENTERPRISE_START},
        permissions={ScopeKind.ORG: _ORG_PERMISSION, ScopeKind.ENTERPRISE: _ENTERPRISE_PERMISSION},
    ),
    Report(
        name="legacy-metrics",
        grain="one organisation, enterprise or team, one day of the metrics API that closed on 2026-04-02",
        record=LegacyDay,
        paths={
            ScopeKind.ORG: "/orgs/{account}/copilot/metrics",
            ScopeKind.ENTERPRISE: "/enterprises/{account}/copilot/metrics",
            ScopeKind.TEAM: "/orgs/{account}/team/{team}/copilot/metrics",
            ScopeKind.ENTERPRISE_TEAM: "/enterprises/{account}/team/{team}/copilot/metrics",
        },
        first_days={},
        permissions=dict.fromkeys(ScopeKind, _LEGACY_PERMISSION),
        headline=("total_active_users", "total_engaged_users"),
        activity="total_active_users",
        delivery=Delivery.DAYS,
        retired_on=date(2026, 4, 2),
        lag_days=1,
        history_days=100,
        threshold_people=5,
    ),
)
