"""How long `copilot-assets import` takes with a bill in CSV, a month of a company.

Here belong the file, the measuring and the table.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.table import Table

_SPENT: Final = Path(__file__).parent / "spent.py"
_FIRST: Final = date(2026, 10, 1)
_DAYS: Final = 31
_MODELS: Final = ("Claude Sonnet 4.6", "Auto: Claude Sonnet 4.6", "GPT-5.4", "Gemini 3 Pro", "Code Review model")
_COLUMNS: Final = (
    *("date", "product", "sku", "quantity", "unit_type", "applied_cost_per_quantity", "gross_amount"),
    *("discount_amount", "net_amount", "username", "organization", "repository", "cost_center_name", "model"),
    *("input", "output", "cache_read", "cache_write"),
)
# Megabytes that an import may take, whatever its size: the libraries take a half of them.
_MOST_MEGABYTES: Final = 1_500


@dataclass(frozen=True)
class Bill:
    """What importing a bill took, everything below it included.

    Attributes:
        lines: lines of the file.
        file_bytes: bytes of the file.
        seconds: from the command to its end.
        cpu_seconds: seconds of all cores together.
        megabytes: the most memory that the process held.
        stored_bytes: bytes of the database afterwards.
    """

    lines: int
    file_bytes: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    stored_bytes: int


def measure_bill(lines: int) -> Bill:
    """Import a bill of so many lines with the command, into a new database."""
    with TemporaryDirectory(prefix="copilot-bench-") as folder:
        home = Path(folder)
        path, spent, database = home / "bill.csv", home / "spent.json", home / "copilot.duckdb"
        _write(path, lines)
        settings = {"COPILOT_WAREHOUSE": str(database), "DAGSTER_HOME": folder, "COPILOT_EXPORT": "off"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("COPILOT", "GITHUB"))}
        subprocess.run(
            [
                *(sys.executable, _SPENT, spent, Path(sys.executable).with_name("copilot-assets")),
                *("import", path, "--scope", "enterprise:octo-corp"),
            ],
            cwd=home,
            env=environment | settings | {"COPILOT_REPORT": "off"},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return Bill(lines, path.stat().st_size, **json.loads(spent.read_text()), stored_bytes=database.stat().st_size)


def _write(path: Path, lines: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(_COLUMNS)
        for number in range(lines):
            day, of_day = divmod(number, -(-lines // _DAYS))
            person, quantity = of_day % 5_000, 1 + number % 97 / 8
            amounts = (f"{quantity}", "ai-credits", "0.01", f"{quantity / 100}", "0", f"{quantity / 100}")
            writer.writerow(
                (
                    *(_FIRST + timedelta(days=day), "copilot", "copilot_ai_credit", *amounts, f"person-{person}"),
                    *(f"org-{person % 7}", f"org-{person % 7}/repository-{of_day % 311}", f"centre-{person % 11}"),
                    *(_MODELS[of_day // 5_000 % 5], number % 9_973, number % 811, 0, 0),
                )
            )


def table_bill(bills: list[Bill]) -> Table:
    """A row for each file."""
    table = Table(title="Importing a bill in CSV, everything below it rebuilt", title_justify="left")
    for name in ("lines", "file, MB", "seconds", "seconds of CPU", "memory, MB", "database, MB"):
        table.add_column(name, justify="right")
    for bill in bills:
        table.add_row(
            *(f"{bill.lines:,}", f"{bill.file_bytes / 2**20:,.0f}", f"{bill.seconds:.1f}", f"{bill.cpu_seconds:.1f}"),
            *(f"{bill.megabytes:,.0f}", f"{bill.stored_bytes / 2**20:,.0f}"),
        )
    return table


def broken_bill(bills: list[Bill]) -> list[str]:
    """A sentence for each file that took more memory than any may."""
    return [
        f"A bill of {bill.lines:,} lines took {bill.megabytes:,.0f} MB, and no bill may take more than "
        f"{_MOST_MEGABYTES:,}."
        for bill in bills
        if bill.megabytes > _MOST_MEGABYTES
    ]
