"""Accounts as GitHub describes them: people, organisations, teams, seats, and what is billed.

The JSON of everything that is true *now* belongs here (GitHub keeps no history of it); usage by day is `rows.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from copilot_assets.standin import activity, changes
from copilot_assets.standin.activity import people_in
from copilot_assets.standin.people import (
    ENTERPRISE,
    OCTO_LABS,
    ORGANIZATIONS,
    Organization,
    Person,
    Team,
)
from copilot_assets.standin.rows import Json
from copilot_assets.standin.world import World

ACTIVITY_KEPT_DAYS: Final = 90  # GitHub forgets a seat's last activity after that
# By whom a model was chosen: the person, or GitHub for them.
MODEL_SHARES: Final = {
    "Claude Sonnet 4.6": 0.3,
    "Auto: Claude Sonnet 4.6": 0.2,
    "GPT-5.4": 0.25,
    "Auto: GPT-5.4": 0.1,
    "Gemini 3 Pro": 0.15,
}
COST_CENTERS: Final = ("Platform", "Research", "Former")
_FIRST_TEAMS: Final = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)


def simple_user(api_url: str, login: str, id_: int, node_id: str, type_: str) -> Json:
    """GitHub's `simple-user`: a person, or an organisation as the owner of something."""
    url = f"{api_url}/users/{login}"
    return {
        "login": login,
        "id": id_,
        "node_id": node_id,
        "avatar_url": f"https://avatars.githubusercontent.com/u/{id_}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": type_,
        "site_admin": False,
    }


class Accounts:
    """Seats, teams and bills of a world, as of its `today`; `api_url` is the root of the links in them."""

    def __init__(self, world: World, api_url: str) -> None:
        self._world = world
        self._api = api_url
        self._last_active_days = lru_cache(maxsize=8)(self._find_last_active_days)

    # --------------------------------------------------------------------------------------------------- identities

    def user(self, person: Person) -> Json:
        """A `simple-user`."""
        return simple_user(self._api, person.login, person.id, f"U_{person.id}", "User")

    def organization(self, organization: Organization) -> Json:
        """An `organization-simple`."""
        url = f"{self._api}/orgs/{organization.login}"
        return {
            "login": organization.login,
            "id": organization.id,
            "node_id": f"O_{organization.id}",
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{organization.id}?v=4",
            "description": None,
        }

    def team(self, team: Team) -> Json:
        """A `team`, or for the enterprise an `enterprise-team`."""
        if team.owner == ENTERPRISE:
            return self._enterprise_team(team)
        organization = ORGANIZATIONS[team.owner]
        url = f"{self._api}/organizations/{organization.id}/team/{team.id}"
        return {
            "id": team.id,
            "node_id": f"T_{team.id}",
            "url": url,
            "html_url": f"https://github.com/orgs/{team.owner}/teams/{team.slug}",
            "name": team.name,
            "slug": team.slug,
            "description": None,
            "privacy": "closed",
            "notification_setting": "notifications_enabled",
            "permission": "pull",
            "members_url": f"{url}/members{{/member}}",
            "repositories_url": f"{url}/repos",
            "type": "organization",
            "organization_id": organization.id,
            "parent": None,
        }

    def _enterprise_team(self, team: Team) -> Json:
        url = f"{self._api}/enterprises/{ENTERPRISE}/teams/{team.slug}"
        return {
            "id": team.id,
            "name": team.name,
            "slug": team.slug,
            "description": "",
            "url": url,
            "group_id": None,
            "organization_selection_type": "all",
            "html_url": f"https://github.com/enterprises/{ENTERPRISE}/teams/{team.slug}",
            "members_url": f"{url}/memberships",
            "created_at": _stamp(_FIRST_TEAMS),
            "updated_at": _stamp(_FIRST_TEAMS),
        }

    def team_members(self, team: Team) -> list[Person]:
        """The people in a team today, with or without a seat."""
        today = self._world.today.toordinal()
        return [self._world.population.people[m.person] for m in team.members if m.since <= today]

    # -------------------------------------------------------------------------------------------------------- seats

    def seats(self, scope: str) -> list[tuple[Person, Organization]]:
        """The granted seats, oldest account first: in an enterprise one for each organisation that grants access."""
        organizations = (
            tuple(ORGANIZATIONS.values())
            if scope == f"enterprise:{ENTERPRISE}"
            else (ORGANIZATIONS[scope.partition(":")[2]],)
        )
        people = self._world.population.people
        licensed = (people[i] for i in self._world.population.licensed(scope, self._world.today))
        return [(person, o) for person in licensed for o in organizations if o in person.organizations]

    def seat(self, person: Person, organization: Organization, *, with_organization: bool) -> Json:
        """A `copilot-seat-details`; the enterprise's list says which organisation grants the seat."""
        granted = _at(person.seat_since, 9, person.number % 60)
        last = self._last_active_days(self._world.today).get(person.number)
        active_at = _at(last, 8 + person.number % 10, person.number % 60) if last else None
        leaving = person.number % 61 == 7
        record: Json = {
            "created_at": granted,
            "updated_at": granted,
            "pending_cancellation_date": _next_month(self._world.today) if leaving else None,
            "last_activity_at": active_at,
            "last_activity_editor": f"{person.ide}/1.105.0/copilot-chat/0.35.3" if last else None,
            "last_authenticated_at": active_at,
            "plan_type": "business" if organization == OCTO_LABS else "enterprise",
            "assignee": self.user(person),
            "assigning_team": self._assigning_team(person, organization),
        }
        return record | ({"organization": self.organization(organization)} if with_organization else {})

    def _assigning_team(self, person: Person, organization: Organization) -> Json | None:
        """Every second seat of octo-labs came with team `tooling`; the others were assigned directly."""
        tooling = self._world.population.teams[f"team:{OCTO_LABS.login}/tooling"]
        through_team = organization == OCTO_LABS and any(m.person == person.number for m in tooling.members)
        return self.team(tooling) if through_team else None

    def _find_last_active_days(self, today: date) -> dict[int, int]:
        """For everybody active in the last 90 days the ordinal of their last day of use."""
        found: dict[int, int] = {}
        known = 0
        for back in range(1, ACTIVITY_KEPT_DAYS + 1):
            day = today - timedelta(days=back)
            new = self._world.activity.mask(day, activity.PRESENT) & ~known
            known |= new
            found |= dict.fromkeys(people_in(new), day.toordinal())
        return found

    def subscription(self, organization: Organization) -> Json:
        """The `copilot-organization-details`; a billing cycle is a calendar month."""
        today = self._world.today
        cycle = today.replace(day=1).toordinal()
        people = [person for person, _ in self.seats(f"org:{organization.login}")]
        last_active = self._last_active_days(today)
        active = sum(last_active.get(p.number, 0) >= cycle for p in people)
        return {
            "seat_breakdown": {
                "total": len(people),
                "added_this_cycle": sum(p.seat_since >= cycle for p in people),
                "pending_cancellation": sum(p.number % 61 == 7 for p in people),
                "pending_invitation": 0,
                "active_this_cycle": active,
                "inactive_this_cycle": len(people) - active,
            },
            "public_code_suggestions": "block",
            "ide_chat": "enabled",
            "platform_chat": "enabled",
            "cli": "enabled",
            "seat_management_setting": "assign_selected",
            "plan_type": "business" if organization == OCTO_LABS else "enterprise",
        }

    # ------------------------------------------------------------------------------------------------------- billing

    def bill(self, scope: str, kind: str, period: Mapping[str, int], chosen: Mapping[str, str]) -> Json:
        """An `ai_credit` or `premium_request` usage report for a year, month or day.

        Invoices are their own pipeline: here a flat amount per active person and day, so that the sum is near to, and
        not the same as, `ai_credits_used` in the user rows. AI credits replaced premium requests on 2026-06-01.
        `chosen` holds the filters `user` and `model`, if any.
        """
        ai_credits = kind == "ai_credit"
        price = 0.01 if ai_credits else 0.04
        person_days = sum(
            self._billed_people(scope, kind, d, chosen.get("user")) for d in _days(period, self._world.today)
        )
        items = []
        for model, share in MODEL_SHARES.items():
            quantity = round(person_days * share * (12.0 if ai_credits else 6.0), 2)
            if quantity and chosen.get("model", model) == model:
                amount = round(quantity * price, 4)
                items.append(
                    {
                        "product": "Copilot",
                        "sku": "Copilot AI Credits" if ai_credits else "Copilot Premium Request",
                        "model": model,
                        "unitType": "credits" if ai_credits else "requests",
                        "pricePerUnit": price,
                        "grossQuantity": quantity,
                        "grossAmount": amount,
                        "discountQuantity": 0,
                        "discountAmount": 0,
                        "netQuantity": quantity,
                        "netAmount": amount,
                    }
                )
        kind_of_scope, _, name = scope.partition(":")
        owner = {"enterprise" if kind_of_scope == "enterprise" else "organization": name}
        return {"timePeriod": dict(period), **owner, **chosen, "usageItems": items}

    def budgets(self, scope: str) -> list[Json]:
        """The limits on spending of an organisation or the enterprise: of the whole, of parts, of a person, of others.

        The one of the whole is a round number somewhat above what the month would come to.
        """
        today = self._world.today
        month = {"year": today.year, "month": today.month}
        consumed = round(sum(i["netAmount"] for i in self.bill(scope, "ai_credit", month, {})["usageItems"]), 2)
        kind, _, name = scope.partition(":")
        person = self._world.population.people[0].login
        whole = {"budget_scope": kind.replace("org", "organization"), "budget_entity_name": name}
        parts = [
            *({"budget_scope": "organization", "budget_entity_name": o} for o in ORGANIZATIONS if kind == "enterprise"),
            *(
                {"budget_scope": "cost_center", "budget_entity_name": name}
                for name in COST_CENTERS
                if kind == "enterprise"
            ),
            *({"budget_scope": "repository", "budget_entity_name": f"{name}/repo-{n}"} for n in range(8)),
            {"budget_scope": "user", "budget_entity_name": person, "user": person},
        ]
        return [
            _budget(0, whole, "ai_credits", 2500 if kind == "enterprise" else 1500, consumed, person),
            _budget(1, whole, "actions", 300, 12.5, person),
            *(_budget(n, part, "ai_credits", 400, 0, person) for n, part in enumerate(parts, start=2)),
        ]

    def cost_centers(self) -> list[Json]:
        """The cost centres of the enterprise, one of them without a pool of credits and one given up."""
        person = self._world.population.people[0].login
        return [
            {
                "id": f"cc-{number}",
                "name": name,
                "state": "deleted" if name == COST_CENTERS[-1] else "active",
                "azure_subscription": None,
                "ai_credit_pool_enabled": number == 0,
                "ai_credit_pool_state": {"target_amount": 50000, "current_amount": 1200} if number == 0 else None,
                "resources": [{"type": "Org", "name": OCTO_LABS.login}, {"type": "User", "name": person}],
            }
            for number, name in enumerate(COST_CENTERS)
        ]

    def _billed_people(self, scope: str, kind: str, day: date, login: str | None) -> int:
        if (day >= changes.AI_CREDIT_BILLING) != (kind == "ai_credit"):
            return 0
        active = self._world.activity.mask(day, activity.PRESENT) & self._world.audience.scope(scope)
        if login is None:
            return active.bit_count()
        person = self._world.population.by_login.get(login)
        return active >> person.number & 1 if person else 0


def _budget(number: int, whose: Json, sku: str, amount: float, consumed: float, recipient: str) -> Json:
    return {
        "id": f"budget-{number}",
        "budget_type": "ProductPricing" if sku == "actions" else "BundlePricing",
        "budget_product_sku": sku,
        **whose,
        "budget_amount": amount,
        "prevent_further_usage": number % 2 == 0,
        "consumed_amount": consumed,
        "budget_alerting": {"will_alert": True, "alert_recipients": [recipient]},
        "expires_at": None,
    }


def _days(period: Mapping[str, int], today: date) -> Iterator[date]:
    """The closed days of a year, month or day."""
    year, month, day = period["year"], period.get("month"), period.get("day")
    start = date(year, month or 1, day or 1)
    while start < today and start.year == year and month in (None, start.month) and day in (None, start.day):
        yield start
        start += timedelta(days=1)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _at(ordinal: int, hour: int, minute: int) -> str:
    day = date.fromordinal(ordinal)
    return _stamp(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC))


def _next_month(day: date) -> str:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1).isoformat()
