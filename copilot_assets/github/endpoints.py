"""Every endpoint of GitHub's that tells something about Copilot: those that the catalogue asks, and those left out.

What is left out on purpose stands here with its reason, because nothing else in the project knows of it.
"""

from __future__ import annotations

from typing import Final

from copilot_assets.github.reports import REPORTS, Delivery, Report

_SAME_ROWS: Final = (
    "The records of `users-1-day` once more for the newest 28 days. Those days are asked for one by one and kept, "
    "and unlike this report they can be asked for again."
)
_ONE_SEAT: Final = "One entry of the list of seats, which is taken whole."
_CHANGES_SEATS: Final = "Gives or takes seats. This project changes nothing at GitHub."
_WHOLE_BILL: Final = (
    "The bill of all GitHub products, with what it charges for seats. What is used of Copilot is in the two usage "
    "reports above, by model and day; seats are told at their list price."
)
_ONE_ORDER: Final = "One order of a usage report. The list of all of them, which is asked for, tells the same."
_PROMPTS: Final = "Tasks of agents, with the prompts that people gave them. No number about adoption needs those."
_MODEL_POLICIES: Final = "Which models people may choose: a setting, and no number about their use."
_TEAMS: Final = "Who is in which enterprise team, today. `user-teams-1-day` tells it for each day, as it was."
_OWN_BILL: Final = "The bill of a person who pays for Copilot alone, outside any organisation."
_G0: Final = (
    "The oldest API, closed on 2025-03-01; GitHub answers 404. Its numbers mean something else (no engaged users), "
    "and archives of it are refused by name."
)

# What GitHub offers or offered and this project does not ask for, and why not.
LEFT_OUT: Final[dict[str, str]] = {
    "GET /enterprises/{enterprise}/copilot/metrics/reports/users-28-day/latest": _SAME_ROWS,
    "GET /orgs/{org}/copilot/metrics/reports/users-28-day/latest": _SAME_ROWS,
    "GET /enterprises/{enterprise}/copilot/usage-records": (
        "Prompts and answers of people, word by word. No number about adoption needs them, so they are never asked for."
    ),
    "GET /agents/tasks": _PROMPTS,
    "GET /agents/repos/{owner}/{repo}/tasks": _PROMPTS,
    "GET /agents/automations": _PROMPTS,
    "GET /agents/repos/{owner}/{repo}/automations": _PROMPTS,
    "GET /enterprises/{enterprise}/copilot/model-policies": _MODEL_POLICIES,
    "GET /orgs/{org}/copilot/model-policies": _MODEL_POLICIES,
    "GET /enterprises/{enterprise}/teams": _TEAMS,
    "GET /enterprises/{enterprise}/teams/{enterprise_team}/memberships": _TEAMS,
    "GET /enterprises/{enterprise}/copilot/usage": _G0,
    "GET /enterprises/{enterprise}/team/{team_slug}/copilot/usage": _G0,
    "GET /orgs/{org}/copilot/usage": _G0,
    "GET /orgs/{org}/team/{team_slug}/copilot/usage": _G0,
    "GET /orgs/{org}/members/{username}/copilot": _ONE_SEAT,
    "GET /enterprises/{enterprise}/members/{username}/copilot": _ONE_SEAT,
    "POST, DELETE /orgs/{org}/copilot/billing/selected_teams": _CHANGES_SEATS,
    "POST, DELETE /orgs/{org}/copilot/billing/selected_users": _CHANGES_SEATS,
    "POST, DELETE /enterprises/{enterprise}/copilot/billing/selected_users": _CHANGES_SEATS,
    "POST, DELETE /enterprises/{enterprise}/copilot/billing/selected_enterprise_teams": _CHANGES_SEATS,
    "GET /enterprises/{enterprise}/settings/billing/usage": _WHOLE_BILL,
    "GET /enterprises/{enterprise}/settings/billing/usage/summary": _WHOLE_BILL,
    "GET /organizations/{org}/settings/billing/usage": _WHOLE_BILL,
    "GET /organizations/{org}/settings/billing/usage/summary": _WHOLE_BILL,
    "GET /enterprises/{enterprise}/settings/billing/reports/{report_id}": _ONE_ORDER,
    "GET /users/{username}/settings/billing/ai_credit/usage": _OWN_BILL,
    "GET /users/{username}/settings/billing/premium_request/usage": _OWN_BILL,
    "GET /users/{username}/settings/billing/usage": _OWN_BILL,
    "GET /users/{username}/settings/billing/usage/summary": _OWN_BILL,
}
_ACCOUNTS: Final = {"/orgs": "{org}", "/organizations": "{org}", "/enterprises": "{enterprise}"}


def kept_endpoints() -> dict[str, Report]:
    """Every endpoint that the catalogue asks, in GitHub's spelling, and its report."""
    return {
        endpoint: report for report in REPORTS for path in report.paths.values() for endpoint in _asked(report, path)
    }


def _asked(report: Report, path: str) -> list[str]:
    """What is asked of a path: that is a report, or an order of one and what has become of it."""
    if report.delivery is Delivery.ORDERS:
        return [f"POST, GET {_spelled(path)}"]
    return [f"GET {_spelled(path)}"]


def _spelled(path: str) -> str:
    account = next(name for root, name in _ACCOUNTS.items() if path.startswith(f"{root}/"))
    return path.replace("{account}", account).replace("{team}", "{team_slug}")
