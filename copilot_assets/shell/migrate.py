"""`copilot-assets migrate`: brings the database to this version's layout, or makes it, before anything runs.

What the layout is stands in `warehouse/layout.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import answer, refuse

if TYPE_CHECKING:
    import duckdb


@click.command(cls=Interruptible)
def migrate() -> None:
    """Bring the database to the layout of this version, or make it: once after an installation or an upgrade.

    A lake (COPILOT_WAREHOUSE=ducklake:postgres:…) needs it, as many processes may work on one: let none be at work
    meanwhile. All its tables are made at once, without rows. A DuckDB file is brought forward by whoever writes it
    first, and this does it now. Needs no token.

    \b
    Example:
      copilot-assets migrate
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.shell.runs import alone
    from copilot_assets.warehouse.layout import LAYOUT
    from copilot_assets.warehouse.store import WarehouseError

    warehouse = Installation().warehouse()
    try:
        with alone(warehouse, "migrate"):
            warehouse.migrate(make_tables)
    except WarehouseError as problem:
        refuse(problem)
    answer(f"{warehouse.name} has layout {LAYOUT}.")


def make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the views of GitHub's reports, the tables of schema `flat` and those of the project's models, without rows.

    What is there stays as it is.

    Inside a transaction.
    """
    from copilot_assets.flat import refresh
    from copilot_assets.github.reports import REPORTS
    from copilot_assets.orchestration import rebuild
    from copilot_assets.shipped import shipped
    from copilot_assets.sql_models.files import load_models
    from copilot_assets.warehouse.raw import make_report_views

    make_report_views(connection, REPORTS)
    refresh.make_tables(connection)
    rebuild.make_tables(connection, load_models(shipped("dbt_like_sql")))
