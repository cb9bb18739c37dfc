"""The record contract: every field that GitHub publishes about Copilot, once: JSON name, type, bounds, unit, meaning.

All else derives from it: validation of what arrives, the structure DuckDB parses with, the columns, types and docs of
the flat tables. Nothing here reads files, fetches, or flattens.

    fields.py    what a field can say of itself
    usage.py     the usage-metrics reports
    legacy.py    the metrics API that closed on 2026-04-02
    accounts.py  seats, the subscription
    billing.py   what is billed, budgets, cost centres
    names.py     the values that GitHub sends, and the one name each goes by
"""

from copilot_assets.records.accounts import Seat, Subscription
from copilot_assets.records.billing import AiCreditUsage, BilledUsage, BillLine, Budget, CostCenter, PremiumRequestUsage
from copilot_assets.records.fields import Record
from copilot_assets.records.legacy import LegacyDay
from copilot_assets.records.usage import EntityDay, EntityWindow, RepoDay, UserDay, UserTeamDay

__all__ = [
    "AiCreditUsage",
    "BillLine",
    "BilledUsage",
    "Budget",
    "CostCenter",
    "EntityDay",
    "EntityWindow",
    "LegacyDay",
    "PremiumRequestUsage",
    "Record",
    "RepoDay",
    "Seat",
    "Subscription",
    "UserDay",
    "UserTeamDay",
]
