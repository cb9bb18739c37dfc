"""Records about licences: seats, an organisation's subscription.

Sources: GitHub's OpenAPI description of 2026-09 (`copilot-seat-details`, `copilot-organization-details`) and GitHub
Docs, "Metrics data properties for GitHub Copilot" for the seats' dates.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from copilot_assets.records.fields import (
    Record,
    count,
    identity,
    in_raw_only,
    instant,
    meta,
    person_id,
    person_kind,
    person_login,
)


class Assignee(Record, kw_only=True):
    """Who holds a seat: a person (`simple-user`); historically also a team or an organisation, with its own id."""

    is_open = True

    id: Annotated[
        int,
        person_id("Who holds the seat: a pseudonym, or GitHub's id with COPILOT_IDENTITIES=login; null when not told"),
    ]
    login: Annotated[str, person_login("Login of the person; null unless COPILOT_IDENTITIES=login")] | None = None
    type: (
        Annotated[str, person_kind("`User`, or what else holds the seat; null for a team", column="assignee_type")]
        | None
    ) = None
    slug: Annotated[str, person_kind("Slug of the team that holds the seat", column="assignee_team_slug")] | None = None


class GrantingOrganization(Record):
    """The organisation through which a seat is held; absent in an organisation's own list."""

    is_open = True

    id: Annotated[int, in_raw_only("GitHub's id of the organisation")] | None = None
    login: (
        Annotated[str, meta("Organisation that grants the seat", column="granting_organization", key=True)] | None
    ) = None


class GrantingTeam(Record):
    """The team through which a seat is held; null for a seat that was given to the person directly."""

    is_open = True

    id: (
        Annotated[
            int,
            identity("GitHub's id of the team that grants the seat; null for direct seats", column="granting_team_id"),
        ]
        | None
    ) = None
    slug: Annotated[str, meta("Slug of that team", column="granting_team_slug")] | None = None


class Seat(Record, kw_only=True):
    """One grant of a Copilot licence, as of the moment of asking. A person may hold several, and pays for one."""

    created_at: Annotated[dt.datetime, instant("When the seat was granted, UTC")]
    assignee: Assignee | None = None
    organization: GrantingOrganization | None = None
    assigning_team: GrantingTeam | None = None
    plan_type: Annotated[str, meta("`business`, `enterprise` or `unknown`")] | None = None
    last_activity_at: (
        Annotated[dt.datetime, instant("Last use, UTC; up to a day late, null after 90 days without use")] | None
    ) = None
    last_activity_editor: Annotated[str, meta("Editor of that use, with versions")] | None = None
    last_authenticated_at: Annotated[dt.datetime, instant("Last sign-in to Copilot, UTC")] | None = None
    pending_cancellation_date: (
        Annotated[dt.date, meta("Day on which the seat ends; it is billed and counted until then")] | None
    ) = None
    updated_at: Annotated[dt.datetime, instant("When the grant last changed, UTC; GitHub is giving it up")] | None = (
        None
    )


class SeatBreakdown(Record):
    """`seat_breakdown` of a subscription; a cycle is a billing month."""

    total: Annotated[int, count("Seats that are billed", column="seats_total")] | None = None
    added_this_cycle: Annotated[int, count("Seats added in this cycle", column="seats_added_this_cycle")] | None = None
    pending_cancellation: (
        Annotated[int, count("Seats that end with this cycle", column="seats_pending_cancellation")] | None
    ) = None
    pending_invitation: (
        Annotated[int, count("Seats of people who have not joined yet", column="seats_pending_invitation")] | None
    ) = None
    active_this_cycle: Annotated[int, count("Seats used in this cycle", column="seats_active_this_cycle")] | None = None
    inactive_this_cycle: (
        Annotated[int, count("Seats not used in this cycle", column="seats_inactive_this_cycle")] | None
    ) = None


class Subscription(Record, kw_only=True):
    """An organisation's Copilot subscription as of the moment of asking: `/orgs/{org}/copilot/billing`."""

    seat_breakdown: SeatBreakdown
    plan_type: Annotated[str, meta("`business`, `enterprise` or `unknown`")] | None = None
    seat_management_setting: (
        Annotated[str, meta("Who gets seats: `assign_all`, `assign_selected`, `disabled`, `unconfigured`")] | None
    ) = None
    public_code_suggestions: (
        Annotated[str, meta("Suggestions that match public code: `allow`, `block`, `unconfigured`")] | None
    ) = None
    ide_chat: Annotated[str, meta("Chat in IDEs: `enabled`, `disabled`, `unconfigured`")] | None = None
    platform_chat: Annotated[str, meta("Chat on github.com: `enabled`, `disabled`, `unconfigured`")] | None = None
    cli: Annotated[str, meta("Copilot CLI: `enabled`, `disabled`, `unconfigured`")] | None = None
