"""`python -m benchmarks`: runs the benchmarks and prints their figures with the machine they are of.

What is measured is in the other modules; how it is shown is here.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.rebuild import Rebuild, measure_rebuild


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the people, one run: whether it still works, no figures.")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too.")
def main(*, quick: bool, path: Path | None) -> None:
    """Measure how long things take on this machine."""
    out = Console()
    out.print(", ".join(f"{name} {value}" for name, value in _machine().items()), highlight=False)
    rebuild = measure_rebuild(people=500 if quick else 5_000, days=365, runs=1 if quick else 3)
    out.print(_table(rebuild))
    if path:
        path.write_text(json.dumps({"machine": _machine(), "rebuild": asdict(rebuild)}, indent=2) + "\n")


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("duckdb", "polars", "dagster")},
    }


def _table(rebuild: Rebuild) -> Table:
    table = Table(
        title=f"Full rebuild of all SQL models\n{rebuild.days} days, {rebuild.scopes} scopes of {rebuild.people:,} "
        f"people, {rebuild.rows:,} rows",
        title_justify="left",
    )
    for name in ("model", "seconds", "of the rebuild"):
        table.add_column(name, justify="left" if name == "model" else "right")
    slowest = sorted(rebuild.model_seconds.items(), key=lambda each: -each[1])
    for model, seconds in slowest[:8]:
        table.add_row(model, f"{seconds:.2f}", f"{seconds / rebuild.rebuild_seconds:.0%}")
    table.add_section()
    table.add_row("all models", f"{rebuild.rebuild_seconds:.2f}", "100%")
    table.add_row(
        "distinct people a week, once a table",
        f"{rebuild.scan_seconds:.2f}",
        f"1 : {rebuild.rebuild_seconds / rebuild.scan_seconds:.1f}",
    )
    return table


main()
