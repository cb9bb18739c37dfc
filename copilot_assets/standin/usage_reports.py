"""Usage reports in CSV: orders of them, and the files, which tell a bill by person.

How an order is taken and when it is done belongs here; the amounts are those of `accounts.py`, of each active person.
"""

import csv
import io
import re
from datetime import date, timedelta
from itertools import count
from typing import Any, Final, NamedTuple

from copilot_assets.standin import activity, changes
from copilot_assets.standin.accounts import COST_CENTERS, MODEL_SHARES
from copilot_assets.standin.activity import people_in
from copilot_assets.standin.world import World

DAYS_AT_MOST: Final = 31
_PATH: Final = re.compile(
    r"/usage-reports/enterprise/([\w-]+)/(ai_credit|premium_request)/([\d-]{10})/([\d-]{10})\.csv"
)
_COLUMNS: Final = (
    *("date", "product", "sku", "quantity", "unit_type", "applied_cost_per_quantity", "gross_amount"),
    *("discount_amount", "net_amount", "username", "organization", "repository", "cost_center_name", "model"),
    *("input", "output", "cache_read", "cache_write"),
)


class Ordered(NamedTuple):
    """What an order is of: a bill, and its first and last day."""

    scope: str
    report_type: str
    start: date
    end: date

    @property
    def path(self) -> str:
        """Where its file is on the download host."""
        return f"/usage-reports/{self.scope.replace(':', '/')}/{self.report_type}/{self.start}/{self.end}.csv"

    @classmethod
    def at(cls, path: str) -> "Ordered | None":
        """The order whose file is at a path; None where none is."""
        found = _PATH.fullmatch(path)
        if not found:
            return None
        name, report_type, start, end = found.groups()
        return cls(f"enterprise:{name}", report_type, date.fromisoformat(start), date.fromisoformat(end))


class Orders:
    """The orders of a server: one is written at a time, and done when it was looked at once."""

    def __init__(self) -> None:
        self.taken: dict[str, Ordered] = {}
        self.writing: set[str] = set()
        self._numbers = count(1)

    def take(self, ordered: Ordered) -> str | None:
        """The id of a new order; None while another is being written."""
        if self.writing:
            return None
        number = f"export-{next(self._numbers)}"
        self.taken[number] = ordered
        self.writing.add(number)
        return number

    def look(self) -> list[tuple[str, Ordered, bool]]:
        """Every order, and whether it is done; those that are not will be at the next look."""
        told = [(number, ordered, number not in self.writing) for number, ordered in self.taken.items()]
        self.writing.clear()
        return told


def usage_report(world: World, ordered: Ordered) -> bytes:
    """The file of an order."""
    written = io.StringIO()
    writer = csv.DictWriter(written, _COLUMNS, quoting=csv.QUOTE_ALL, restval="")
    writer.writeheader()
    day = ordered.start
    while day <= min(ordered.end, world.today - timedelta(days=1)):
        if (day >= changes.AI_CREDIT_BILLING) == (ordered.report_type == "ai_credit"):
            writer.writerows(_lines(world, ordered, day))
        day += timedelta(days=1)
    return written.getvalue().encode()


def _lines(world: World, ordered: Ordered, day: date) -> list[dict[str, Any]]:
    ai_credits = ordered.report_type == "ai_credit"
    units, price = (12.0, 0.01) if ai_credits else (6.0, 0.04)
    mask = world.activity.mask(day, activity.PRESENT) & world.audience.scope(ordered.scope)
    lines = []
    for person in (world.population.people[number] for number in people_in(mask)):
        for model, share in MODEL_SHARES.items():
            amount = f"{units * share * price:.6f}"
            lines.append(
                {
                    "date": day,
                    "product": "copilot",
                    "sku": f"copilot_{ordered.report_type}",
                    "quantity": f"{units * share:.4f}",
                    "unit_type": "ai-credits" if ai_credits else "requests",
                    "applied_cost_per_quantity": price,
                    "gross_amount": amount,
                    "discount_amount": 0,
                    "net_amount": amount,
                    "username": person.login,
                    "organization": person.organizations[0].login,
                    "cost_center_name": COST_CENTERS[person.number % 2],
                    "model": model,
                }
            )
    return lines
