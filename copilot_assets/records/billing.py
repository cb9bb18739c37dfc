"""Records about money: what GitHub bills for a day, and by person; budgets, cost centres.

Sources: GitHub's OpenAPI description of 2026-09 (the AI credit and premium request usage reports) and GitHub Docs, REST
API endpoints for budgets and for cost centers (2026-11).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Final

from copilot_assets.records.fields import Record, in_raw_only, meta, number, person_id, person_login


class OneDay(Record, kw_only=True):
    """`timePeriod` of a bill that was asked for one day; GitHub leaves parts out when it answers for more."""

    year: Annotated[int, in_raw_only("Year")]
    month: Annotated[int, in_raw_only("Month")]
    day: Annotated[int, in_raw_only("Day of the month")]

    def __post_init__(self) -> None:
        """Refuse what is no date; msgspec makes a validation error of a ValueError, and of no other."""
        try:
            dt.date(self.year, self.month, self.day)
        except OverflowError:
            raise ValueError("year, month and day are no date") from None


class BilledCostCenter(Record):
    """`costCenter`: only in answers that were asked for one."""

    id: Annotated[str, meta("GitHub's id of the cost centre", column="cost_center_id", key=True)] | None = None
    name: Annotated[str, meta("Cost centre", column="cost_center_name", key=True)] | None = None


class UsageItem(Record, kw_only=True, rename="camel"):
    """One line of a bill: what was used of a model, at list price, discounted and net. Amounts are US dollars."""

    product: Annotated[str, meta("Product (`Copilot`)", key=True)]
    sku: Annotated[str, meta("What is billed (`Copilot AI Credits`, `Copilot Premium Request`)", key=True)]
    model: Annotated[str, meta("Model as the bill names it, not as the reports do", key=True)] | None = None
    unit_type: Annotated[str, meta("Unit of the quantities (`credits`, `requests`)")] | None = None
    price_per_unit: Annotated[float, meta("List price of a unit (USD)")] | None = None
    gross_quantity: Annotated[float, meta("Units used")] | None = None
    gross_amount: Annotated[float, meta("Their price before discounts (USD)")] | None = None
    discount_quantity: Annotated[float, meta("Units included in the plan")] | None = None
    discount_amount: Annotated[float, meta("Discount (USD)")] | None = None
    net_quantity: Annotated[float, meta("Units to be paid")] | None = None
    net_amount: Annotated[float, meta("What is to be paid (USD)")] | None = None


class BilledUsage(Record, kw_only=True, rename="camel"):
    """What GitHub bills a scope for one UTC day. Its own pipeline: near to, and not the same as, the reports."""

    time_period: Annotated[OneDay, in_raw_only("The day, the table's")]
    enterprise: Annotated[str, in_raw_only("Slug of the enterprise, the table's scope")] | None = None
    organization: Annotated[str, in_raw_only("Login of the organisation")] | None = None
    user: Annotated[str, in_raw_only("Login of a person, in answers that were asked for one")] | None = None
    cost_center: BilledCostCenter | None = None
    usage_items: tuple[UsageItem, ...]

    @property
    def about(self) -> dt.date | None:
        """The day it was asked for."""
        return dt.date(self.time_period.year, self.time_period.month, self.time_period.day)


class AiCreditUsage(BilledUsage, kw_only=True, rename="camel"):
    """AI credits, which replaced premium requests on 2026-06-01."""


class PremiumRequestUsage(BilledUsage, kw_only=True, rename="camel"):
    """Premium requests, billed until 2026-05-31."""


# Beyond it a number of ten decimal places is no DECIMAL(28, 10).
_MOST: Final = Decimal(10) ** 17


class BillLine(Record, kw_only=True):
    """A line of a usage report in CSV: what somebody used of a model on a day, where, and what it cost.

    Columns as GitHub Docs, "Billing reports reference" (2026-11), has them, and those that files have had besides.
    """

    is_csv = True

    date: Annotated[str, in_raw_only("The day, the table's")]
    user_id: (
        Annotated[
            int,
            person_id(
                "Whom the line is about: a pseudonym, or GitHub's id with COPILOT_IDENTITIES=login. The file names "
                "logins; below 0 it is the pseudonym of a login that no other report told the id of. Null for a line "
                "of nobody"
            ),
        ]
        | None
    ) = None
    username: Annotated[str, person_login("Login of the person; null unless COPILOT_IDENTITIES=login")] | None = None
    organization: Annotated[str, meta("Organisation that the use was for; null where none is told")] | None = None
    repository: Annotated[str, meta("Repository that the use was for; null where none is told")] | None = None
    cost_center_name: Annotated[str, meta("Cost centre that pays; null for none")] | None = None
    product: Annotated[str, meta("Product (`copilot`)")] | None = None
    sku: Annotated[str, meta("What is billed (`copilot_ai_credit`, `copilot_premium_request`)")]
    model: Annotated[str, meta("Model as the bill names it, not as the reports do")] | None = None
    unit_type: Annotated[str, meta("Unit of the quantity (`ai-credits`, `requests`)")] | None = None
    quantity: Annotated[Decimal, meta("Units used")]
    applied_cost_per_quantity: Annotated[Decimal, meta("Price of a unit (USD)")] | None = None
    gross_amount: Annotated[Decimal, meta("Price before discounts (USD)")] | None = None
    discount_amount: Annotated[Decimal, meta("Discount (USD)")] | None = None
    net_amount: Annotated[Decimal, meta("What is to be paid (USD)")] | None = None
    exceeds_quota: Annotated[str, meta("Whether it was beyond the person's quota, as the file writes it")] | None = None
    total_monthly_quota: Annotated[str, meta("That quota, as the file writes it")] | None = None
    input: Annotated[Decimal, meta("Tokens sent to the model", column="input_tokens")] | None = None
    output: Annotated[Decimal, meta("Tokens that came back", column="output_tokens")] | None = None
    cache_read: Annotated[Decimal, meta("Tokens read from its cache", column="cache_read_tokens")] | None = None
    cache_write: Annotated[Decimal, meta("Tokens written to its cache", column="cache_write_tokens")] | None = None
    aic_quantity: Annotated[str, in_raw_only("Zero from 2026-06-01: `quantity` holds it")] | None = None
    aic_gross_amount: Annotated[str, in_raw_only("Zero from 2026-06-01: `gross_amount` holds it")] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount, or more than a table holds; msgspec makes a validation error of a ValueError."""
        for name in _AMOUNTS:
            amount: Decimal | None = getattr(self, name)
            if amount is not None and not (amount.is_finite() and abs(amount) < _MOST):
                raise ValueError(f"{name} is no amount")


_AMOUNTS: Final = tuple(name for name, kind in BillLine.__annotations__.items() if "Decimal" in kind)


class BudgetAlerting(Record):
    """`budget_alerting` of a budget. GitHub also names who is told; that is never kept."""

    will_alert: Annotated[bool, meta("Whether GitHub tells somebody at 75, 90 and 100 percent of it")] | None = None


class Budget(Record, kw_only=True):
    """A limit on spending in a calendar month, as of the moment of asking. Amounts are US dollars."""

    id: Annotated[str, meta("GitHub's id of the budget", column="budget_id", key=True)]
    budget_type: (
        Annotated[str, meta("What it is a limit on: `ProductPricing`, `SkuPricing` or `BundlePricing`")] | None
    ) = None
    budget_product_sku: Annotated[str, meta("Product, SKU or bundle that it limits (`ai_credits`)")] | None = None
    budget_scope: (
        Annotated[
            str, meta("Whose spending: `enterprise`, `organization`, `repository`, `cost_center`, `multi_user_…`")
        ]
        | None
    ) = None
    budget_entity_name: Annotated[str, meta("The organisation, repository or cost centre (its name or id)")] | None = (
        None
    )
    budget_amount: Annotated[float, number("The limit (USD a month)")] | None = None
    consumed_amount: Annotated[float, meta("Used of it in this month, as GitHub counts (USD)")] | None = None
    prevent_further_usage: Annotated[bool, meta("Whether use ends where the budget does")] | None = None
    expires_at: Annotated[str, meta("When it ends, as GitHub writes it")] | None = None
    budget_alerting: BudgetAlerting | None = None


class CreditPool(Record):
    """`ai_credit_pool_state` of a cost centre: its part of the credits that the plan includes."""

    target_amount: Annotated[float, meta("Credits that the cost centre may use", column="pool_target")] | None = None
    current_amount: Annotated[float, meta("Of these, used in this month", column="pool_used")] | None = None


class CostCenter(Record, kw_only=True):
    """A cost centre of an enterprise, as of the moment of asking. Who and what is in it is never kept."""

    id: Annotated[str, meta("GitHub's id of the cost centre", column="cost_center_id", key=True)]
    name: Annotated[str, meta("Cost centre", column="cost_center_name")] | None = None
    state: Annotated[str, meta("`active` or `deleted`")] | None = None
    azure_subscription: Annotated[str, meta("Azure subscription that pays for it")] | None = None
    ai_credit_pool_enabled: Annotated[bool, meta("Whether it has a part of the included credits of its own")] | None = (
        None
    )
    ai_credit_pool_state: CreditPool | None = None
