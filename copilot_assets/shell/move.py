"""`copilot-assets move`: copies everything into another database, a lake or a file, whole or not at all.

What is copied and compared is in `warehouse/move.py`.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import answer, refuse

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Interruptible)
@click.argument("to", metavar="TO")
def move(to: str) -> None:
    """Copy everything that COPILOT_WAREHOUSE holds to TO: ducklake:postgres:…, or the path of a DuckDB file.

    TO must hold nothing yet. Every table is compared, its rows and a hash of them; if one differs, or this is killed,
    TO is as it was. The key of people's pseudonyms goes with it, so that nobody becomes somebody else. What was there
    before stays: remove it yourself once you trust the copy. A lake's files come to be where COPILOT_LAKE_DATA says.
    Dagster's history, exports and reports stay where they are. Needs no token.

    \b
    Example:
      copilot-assets move "ducklake:postgres:dbname=copilot host=db user=copilot"
      copilot-assets move data/back.duckdb
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.people.identities import KEY_SUFFIX
    from copilot_assets.settings import lake_data, lake_folder
    from copilot_assets.shell.runs import alone
    from copilot_assets.warehouse.address import open_warehouse
    from copilot_assets.warehouse.move import move as move_tables
    from copilot_assets.warehouse.store import WarehouseError

    source = Installation().warehouse()
    target = open_warehouse(to, lake_data(), lake_folder())
    key, new_key = source.beside(KEY_SUFFIX), target.beside(KEY_SUFFIX)
    if _is_another(key, new_key):
        refuse(
            f"{new_key} is another key than {key}, so nothing was moved: everybody would be somebody else there. Move "
            "it away if it is of nothing that you keep.",
            code=1,
        )
    try:
        with alone(source, "move"):
            if not source.exists():
                refuse(f"There is no database at {source.name}, so there is nothing to move.", code=1)
            moved = move_tables(source, target)
            if key.exists() and not new_key.exists():
                new_key.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(key, new_key)
    except WarehouseError as problem:
        refuse(problem, code=1)
    rows = sum(each.rows for each in moved)
    answer(
        f"{len(moved)} tables, {rows:,} rows, are in {target.name} now, each with equal rows and an equal hash of them."
    )
    answer(f"Next: set COPILOT_WAREHOUSE to it, and look: copilot-assets status. {source.name} stays as it is.")


def _is_another(key: Path, new_key: Path) -> bool:
    """Whether there is a key at the new place already that is not the old one."""
    return key.exists() and new_key.exists() and key.read_bytes() != new_key.read_bytes()
