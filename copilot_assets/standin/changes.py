"""The dates on which GitHub's Copilot reports began or changed, as UTC days.

Only dates belong here, each with what happened; who reads them decides what follows. Source of all of them: GitHub's
changelog and data dictionary of the Copilot usage metrics, as of 2026-11.
"""

from datetime import date
from typing import Final

ENTERPRISE_REPORTS: Final = date(2025, 10, 10)
ORGANIZATION_REPORTS: Final = date(2025, 12, 12)
USER_TEAMS_REPORT: Final = date(2026, 5, 14)
REPOS_REPORT: Final = date(2026, 7, 17)

CLI_FIELDS: Final = date(2026, 2, 27)  # `used_cli`, `totals_by_cli`, `pull_requests`
PLAN_MODE: Final = date(2026, 3, 2)  # before, plan mode was `chat_panel_unknown_mode`
AUTO_RESOLVED: Final = date(2026, 3, 20)  # the model `auto` became the model it chose
CODING_AGENT_FLAG: Final = date(2026, 3, 25)
CODE_REVIEW_FLAGS: Final = date(2026, 4, 6)
CLOUD_AGENT_USERS: Final = date(2026, 4, 10)
CLI_IN_TOTALS: Final = date(2026, 4, 10)  # the CLI entered top-level counters and `totals_by_feature`
CODE_REVIEW_USERS: Final = date(2026, 4, 22)
COMMENT_TYPES: Final = date(2026, 5, 8)
ADOPTION_PHASES: Final = date(2026, 5, 29)
SERVER_SIDE_USERS: Final = date(2026, 6, 15)  # people seen only by GitHub's servers count as active
AI_CREDIT_BILLING: Final = date(2026, 6, 1)  # AI credits replaced premium requests on the invoice
AI_CREDITS: Final = date(2026, 6, 19)  # `ai_credits_used` in user rows
PHASE_MERGES: Final = date(2026, 6, 26)
PHASE_REVIEWS: Final = date(2026, 7, 7)
APP_FIELDS: Final = date(2026, 7, 17)  # aggregated app fields exist, null without app activity
APP_IN_TOTALS: Final = date(2026, 7, 28)
AGENT_APPS: Final = date(2026, 8, 7)  # `totals_by_3rd_party_agent`
VSCODE_AGENT: Final = date(2026, 9, 11)
CUSTOMISATIONS: Final = date(2026, 9, 17)  # skills, MCP servers …; `users_in_phase_28d`; feature engagement
REVIEW_TIMES: Final = date(2026, 9, 25)
