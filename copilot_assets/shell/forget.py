"""`copilot-assets forget`: removes a person, and rebuilds the tables without them.

What is removed is decided in `people/forget.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import click

from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import answer, refuse, tell_problems, usage_errors

if TYPE_CHECKING:
    from copilot_assets.people.forget import Traces
    from copilot_assets.people.identities import Identities
    from copilot_assets.warehouse.store import Warehouse


@click.command(cls=Interruptible)
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
def forget(user: str, yes: bool) -> None:
    """Remove a person from the database, raw included, and rebuild everything below raw without them.

    USER is a login, in capitals or not, or a GitHub id. What GitHub counted of a whole organisation or enterprise
    stays; numbers that then rest on too few people are withheld. What GitHub sends of the person from now on is left
    out as it arrives: their pseudonym stays noted, and is recognised as long as the key file beside the database is
    there. Needs no token, and as much free disk again as the database takes.

    GitHub keeps its own data: take the person's seat away there. Raw holds the logins and ids of everybody else, and
    whoever has the key file can tell who a pseudonym is. Backups, and files that you exported yourself, are not
    touched.

    
    Example:
      copilot-assets forget octocat
      copilot-assets forget 583231 --yes
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.people.forget import ForgetError
    from copilot_assets.people.forget import forget as forget_person
    from copilot_assets.report.folders import drop_earlier
    from copilot_assets.shell.runs import alone, open_instance, rebuild
    from copilot_assets.warehouse.store import WarehouseError

    installation, run_id = Installation(), str(uuid4())
    warehouse = installation.warehouse()
    try:
        with usage_errors():
            traces = _found(warehouse, installation.identities(), user)
        if traces and not yes:
            click.confirm("Remove them for good?", abort=True)
        with alone(warehouse, "forget"):
            if traces:
                forget_person(warehouse, traces)
                answer("They are removed, and what held their rows is written anew.")
            else:
                warehouse.maintain()  # a forgetting that was cut short may have left something
            result = rebuild(installation, instance=open_instance(), run_id=run_id)
            # Held against what is there now, what was there before would tell of the person.
            for noun, folder in (("export", installation.export_folder()), ("report", installation.report_folder())):
                if result.is_success and folder:
                    drop_earlier(folder, noun)
    except ForgetError as problem:
        refuse(problem, code=1)
    except WarehouseError as problem:
        refuse(problem)
    if not result.is_success:
        tell_problems(result.problems)
        refuse(
            "Not everything below raw was rebuilt. Run copilot-assets backfill, or the job rebuild in the UI.", code=1
        )
    answer(f"The tables below raw are rebuilt, in run {run_id} of the Dagster UI. Backups from before still hold them.")


def _found(warehouse: Warehouse, identities: Identities, user: str) -> Traces | None:
    """Who is to be forgotten, told on the screen; None where that is done already, but for the rebuild after it.

    Raises:
        ForgetError: there is nobody by that name.
        SettingsError, WarehouseError: as of `find`.
    """
    from copilot_assets.people.forget import NobodyError, find, is_rebuild_due

    try:
        traces = find(warehouse, identities, user)
    except NobodyError:
        if not is_rebuild_due(warehouse):
            raise
        answer(
            f"Nobody in the database goes by {user}. Somebody was forgotten before, and the tables below raw were not "
            "rebuilt without them: that is done now."
        )
        return None
    answer(
        f"Of {user} there are {traces.records:,} records as GitHub sent them, {traces.quarantined:,} in "
        f"quarantine, and {traces.rows:,} rows in the flat tables."
    )
    if not traces.ids:
        answer(
            "Only the login is known, and no id: a record that comes later with an id and this login may be somebody "
            "else's who took it, so it is let in. Run this again then, if it is theirs."
        )
    if len(traces.ids) > 1:
        answer(f"{len(traces.ids)} people have had this login. Give an id to forget only one of them.")
    return traces
