"""Seats, teams, members and bills, held against GitHub's own description as githubkit's models read it."""

from collections import Counter
from datetime import timedelta

import pytest
from githubkit_schemas.ghec_v2026_03_10 import models as ghec
from githubkit_schemas.v2026_03_10 import models as github

from .conftest import ORG, TODAY


def all_pages(client, path, **params):
    answers = [client.get(path, **params)]
    while "next" in answers[-1].links:
        answers.append(client.http.get(answers[-1].links["next"]["url"]))
    return answers


def test_seats_of_an_organisation(client, standin):
    answers = all_pages(client, "/orgs/octo-org/copilot/billing/seats")
    pages = [ghec.OrgsOrgCopilotBillingSeatsGetResponse200.model_validate(a.json()) for a in answers]
    licensed = len(standin.world.population.licensed(ORG, TODAY))
    assert {p.total_seats for p in pages} == {licensed}
    assert [len(p.seats) for p in pages] == [50, 50, licensed - 100]
    assert len({s.assignee.id for p in pages for s in p.seats}) == licensed
    described = set(ghec.CopilotSeatDetails.model_fields)
    assert all(set(seat) <= described for a in answers for seat in a.json()["seats"])


def test_seats_of_the_enterprise_repeat_whoever_two_organisations_pay_for(client):
    answers = all_pages(client, "/enterprises/octo-corp/copilot/billing/seats", per_page=100)
    pages = [ghec.EnterprisesEnterpriseCopilotBillingSeatsGetResponse200.model_validate(a.json()) for a in answers]
    seats = [s for p in pages for s in p.seats]
    per_person = Counter(s.assignee.id for s in seats)
    assert pages[0].total_seats == len(per_person) < len(seats)
    assert Counter(per_person.values()) == {1: 130, 2: 20}  # of every 15 people two are in both organisations
    assert {s.organization.login for s in seats} == {"octo-org", "octo-labs"}
    assert {s.plan_type for s in seats} == {"business", "enterprise"}
    assert {s.assigning_team.slug for s in seats if s.assigning_team} == {"tooling"}


def test_pages_are_linked_both_ways(client):
    path = "/orgs/octo-org/copilot/billing/seats"
    assert set(client.get(path, per_page=10).links) == {"next", "last"}
    middle = client.get(path, per_page=10, page=2)
    assert set(middle.links) == {"prev", "next", "last", "first"}
    assert "per_page=10" in middle.links["next"]["url"]
    last = client.http.get(middle.links["last"]["url"])
    assert set(last.links) == {"prev", "first"}
    assert client.get(path, per_page=10, page=99).json()["seats"] == []
    assert len(client.get(path, per_page=1000).json()["seats"]) == 100
    assert len(client.get(path, per_page="many", page=0).json()["seats"]) == 50
    assert "link" not in client.get("/orgs/octo-labs/teams").headers


def test_last_activity_is_the_last_day_with_a_row(client, standin):
    last_rows: dict[str, str] = {}
    for n in range(1, 91):
        day = TODAY - timedelta(days=n)
        for person, surfaces in zip(standin.world.population.people, standin.world.activity.surfaces(day), strict=True):
            if surfaces:
                last_rows.setdefault(person.login, day.isoformat())
    seats = [s for a in all_pages(client, "/orgs/octo-org/copilot/billing/seats") for s in a.json()["seats"]]
    idle = [s for s in seats if s["last_activity_at"] is None]
    assert 5 < len(idle) < 40
    assert {s["last_activity_editor"] for s in idle} == {None}
    for seat in seats:
        found = seat["last_activity_at"]
        assert (found and found[:10]) == last_rows.get(seat["assignee"]["login"])
        assert found is None or found > seat["created_at"]


def test_idle_seats_have_no_user_rows(client):
    seats = [s for a in all_pages(client, "/orgs/octo-org/copilot/billing/seats") for s in a.json()["seats"]]
    idle = {s["assignee"]["login"] for s in seats if s["last_activity_at"] is None}
    active = {row["user_login"] for row in client.rows(ORG, "users-28-day/latest")}
    assert active
    assert not idle & active


def test_seats_answer_304_to_their_etag_and_that_is_free(client, standin):
    path = "/orgs/octo-org/copilot/billing/seats"
    first = client.get(path)
    used = int(first.headers["x-ratelimit-used"])
    again = client.http.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert int(again.headers["x-ratelimit-used"]) == used
    assert client.get(path, page=2).headers["etag"] != first.headers["etag"]
    standin.today = TODAY + timedelta(days=2)
    assert client.http.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_seat_of_one_member(client):
    seat = client.get("/orgs/octo-org/members/mona-ash/copilot")
    ghec.CopilotSeatDetails.model_validate(seat.json())
    assert seat.json()["assignee"]["login"] == "mona-ash"
    both = client.get("/enterprises/octo-corp/members/mona-ash/copilot").json()
    assert (both["total_seats"], len(both["seats"])) == (1, 1)
    nobody = client.get("/orgs/octo-org/members/nobody/copilot")
    assert nobody.status_code == 404
    assert nobody.json()["message"] == "No seat found for this user in this organization."


def test_subscription_adds_up(client, standin):
    details = ghec.CopilotOrganizationDetails.model_validate(client.get("/orgs/octo-org/copilot/billing").json())
    seats = details.seat_breakdown
    assert seats.active_this_cycle + seats.inactive_this_cycle == seats.total
    assert seats.total == len(standin.world.population.licensed(ORG, TODAY))


def test_teams_and_their_members(client):
    teams = [t for path in ("/orgs/octo-org/teams", "/orgs/octo-labs/teams") for t in client.get(path).json()]
    assert len({ghec.Team.model_validate(t).slug for t in teams}) == 12
    enterprise_teams = [
        ghec.EnterpriseTeam.model_validate(t) for t in client.get("/enterprises/octo-corp/teams").json()
    ]
    assert {t.slug for t in enterprise_teams} == {"ent:core", "ent:python-guild", "ent:architects"}
    members = all_pages(client, "/orgs/octo-org/teams/mobile/members", per_page=10)
    people = [ghec.SimpleUser.model_validate(u) for a in members for u in a.json()]
    assert len(people) == len({p.id for p in people}) > 20
    assert len(client.get("/orgs/octo-org/teams/release/members").json()) == 5
    assert client.get("/enterprises/octo-corp/teams/ent:architects/memberships").json()
    assert client.get("/orgs/octo-org/teams/nope/members").status_code == 404


@pytest.mark.parametrize(("kind", "month"), [("ai_credit", 10), ("premium_request", 5)])
def test_bills(client, kind, month):
    name = {"ai_credit": "AiCredit", "premium_request": "PremiumRequest"}[kind]
    path = f"octo-corp/settings/billing/{kind}/usage"
    whole = client.get(f"/enterprises/{path}", year=2026, month=month)
    model = getattr(ghec, f"Billing{name}UsageReportGhe").model_validate(whole.json())
    assert (model.time_period.year, model.time_period.month, model.enterprise) == (2026, month, "octo-corp")
    org = client.get(f"/organizations/octo-org/settings/billing/{kind}/usage", year=2026, month=month)
    part = getattr(github, f"Billing{name}UsageReportOrg").model_validate(org.json())
    assert part.organization == "octo-org"
    for item in model.usage_items:
        assert item.net_amount == pytest.approx(item.net_quantity * item.price_per_unit)
    quantity = sum(i.net_quantity for i in model.usage_items)
    assert 0 < sum(i.net_quantity for i in part.usage_items) < quantity
    days = [client.get(f"/enterprises/{path}", year=2026, month=month, day=d).json() for d in range(1, 31)]
    daily = sum(i["netQuantity"] for d in days for i in d["usageItems"])
    assert daily == pytest.approx(quantity, rel=0.07)  # the 31st is not in it
    assert {"GPT-5.4", "Auto: GPT-5.4"} < {i.model for i in model.usage_items}
    one = client.get(f"/enterprises/{path}", year=2026, month=month, user="juno-ash", model="GPT-5.4").json()
    assert {i["model"] for i in one["usageItems"]} <= {"GPT-5.4"}
    assert (one["user"], one["model"]) == ("juno-ash", "GPT-5.4")


def test_credits_replaced_premium_requests_on_1_june(client):
    path = "/enterprises/octo-corp/settings/billing"
    assert client.get(f"{path}/ai_credit/usage", year=2026, month=5).json()["usageItems"] == []
    assert client.get(f"{path}/premium_request/usage", year=2026, month=6).json()["usageItems"] == []
    this_month = client.get(f"{path}/ai_credit/usage").json()
    assert this_month["timePeriod"] == {"year": 2026, "month": 11}
    assert client.get(f"{path}/ai_credit/usage", year=2026, month=13).status_code == 400
    assert client.get(f"{path}/tea/usage").status_code == 404


def test_logins_are_invented_and_distinct(standin):
    people = standin.world.population.people
    assert len({p.login for p in people}) == len(people) == 150
    assert all(p.login.count("-") == 1 for p in people)
