"""`copilot-assets new-key`: goes on with another key for people's pseudonyms, after the one before was lost.

What the key is for, and what is given up with it, is in `people/identities.py`.
"""

from __future__ import annotations

import click

from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import answer, refuse, usage_errors


@click.command("new-key", cls=Interruptible)
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
def new_key(yes: bool) -> None:
    """Go on with another key for people's pseudonyms, where the one beside the database is lost and in no backup.

    A key that is in the file is taken; otherwise the next run makes one. All pseudonyms change with that run, and who
    was forgotten has to be forgotten again: without the key nobody knows who they were, and what GitHub sends of them
    comes in again. Days whose text was dropped (COPILOT_KEEP_RAW_DAYS) lose what they tell of people. Needs no token.

    \b
    Example:
      copilot-assets new-key
    """
    from copilot_assets.flat.textless import cost_of_new_key
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.people.identities import give_up_key
    from copilot_assets.shell.runs import alone
    from copilot_assets.warehouse.store import TURNS, WarehouseError

    installation = Installation()
    warehouse = installation.warehouse()
    try:
        if not warehouse.exists():
            refuse(f"There is no database at {warehouse.name}, so there are no pseudonyms yet.", code=1)
        with usage_errors():
            identities = installation.identities()
            with warehouse.connect() as connection:
                cost = cost_of_new_key(connection, identities)
        if cost:
            answer(cost)
        if not yes:
            click.confirm("All pseudonyms will change, and who was forgotten is forgotten no more. Go on?", abort=True)
        with usage_errors(), alone(warehouse, "new-key"), warehouse.connect(*TURNS) as connection:
            forgotten = give_up_key(connection, identities)
    except WarehouseError as problem:
        refuse(problem)
    who = f"{forgotten} people had been forgotten. Forget them again" if forgotten else "Nobody had been forgotten"
    answer(f"{who}. Next: copilot-assets backfill")
