"""`copilot-assets import`: takes in files of GitHub's reports that people kept, and says what became of each day.

How files are read and days join the history is in `warehouse/`, from `kept_files.py` to `archive.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from copilot_assets.github.scopes import Scope
from copilot_assets.now import today_utc
from copilot_assets.report.words import stretches
from copilot_assets.settings import IdentityMode, max_file_mb
from copilot_assets.shell.arguments import SCOPE
from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.progress import reading
from copilot_assets.shell.screen import answer, refuse, tell_problems, usage_errors

if TYPE_CHECKING:
    from copilot_assets.people.identities import Identities
    from copilot_assets.warehouse.archive import Imported
    from copilot_assets.warehouse.kept_days import Archive


@click.command("import", cls=Interruptible)
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--scope",
    type=SCOPE,
    help="Whom records are about that do not name it: org:NAME, enterprise:SLUG or, of the closed metrics API, "
    "team:ORG/SLUG or enterprise-team:ENTERPRISE/SLUG. GitHub's reports never do, and a "
    "bill only where it is of one organisation.",
)
@click.option("--overwrite", is_flag=True, help="Let the files count for days that are there with other content.")
def import_files(files: tuple[Path, ...], scope: Scope | None, overwrite: bool) -> None:
    """Take in reports and bills that you kept as files, and rebuild everything from them.

    FILE is a file, a folder or a zip of them: the reports users, user-teams, repos, organization and enterprise, of one
    day or of 28, and days of the metrics API that GitHub closed on 2026-04-02, such as the copilotMetricsData.json of
    its guide; as one object, an array or newline-delimited JSON, also compressed with gzip. And the usage reports of AI
    credits and premium requests in CSV, as GitHub's billing page exports them. Which it is, the records tell. Where
    several hold the same day, the last one counts, and of reports of 28 days and of bills the newest. A day that is
    there already stays unless --overwrite. Everything is read first: a file that can't be used imports nothing. Needs
    no token.

    \b
    Example:
      copilot-assets import users-28-day/*.ndjson --scope enterprise:octo-corp
      copilot-assets import kept.zip --scope org:octo-org
      copilot-assets import ai-usage-november.csv --scope enterprise:octo-corp
      copilot-assets import copilotMetricsData.json --scope team:octo-org/core --overwrite
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.people.forget import strike
    from copilot_assets.shell.runs import alone, open_instance, rebuild
    from copilot_assets.warehouse.archive import import_archive
    from copilot_assets.warehouse.kept_days import read_archive
    from copilot_assets.warehouse.kept_files import ArchiveError
    from copilot_assets.warehouse.store import WarehouseError

    installation, today, run_id = Installation(), today_utc(), str(uuid4())
    warehouse = installation.warehouse()
    with usage_errors():
        identities, largest_bytes = installation.identities(), max_file_mb() * 2**20
    try:
        # Alone from the start: a run that begins clears away what it finds in `incoming`.
        with (
            alone(warehouse, "import"),
            warehouse.incoming() as incoming,
            reading() as on_bytes,
            read_archive(files, today, scope, on_bytes, incoming, largest_bytes) as archive,
        ):
            _refuse_people(archive, identities)
            instance = open_instance()  # a history that can't be opened is said before anything is imported
            imported = import_archive(
                warehouse,
                archive,
                overwrite=overwrite,
                run_id=run_id,
                today=today,
                keep_out=lambda connection, fetches: strike(connection, fetches, identities),
            )
            for each in imported:
                _tell(each)
            if archive.open_lines:
                answer(f"{archive.open_lines:>6,} lines of a bill left out: of days that have not closed in UTC yet.")
            result = rebuild(installation, instance=instance, run_id=run_id)
    except ArchiveError as problem:
        refuse(f"{problem} Nothing was imported.", code=1)
    except WarehouseError as problem:
        refuse(problem)
    if not result.is_success:
        tell_problems(result.problems)
        refuse("The days are imported, but not everything below raw was rebuilt. Run the same command again.", code=1)
    answer(f"The tables below raw are rebuilt, in run {run_id} of the Dagster UI.")
    query = f"from {_table(imported)} where scope = '{imported[0].scope}'"
    answer(f"Next: {warehouse.by_hand(query)}")


# What it was called when it took files of the closed API alone.
import_legacy = copy(import_files)
import_legacy.hidden = True


def _refuse_people(archive: Archive, identities: Identities) -> None:
    """Files about people, where the settings want none."""
    from copilot_assets.records.contract import person_columns

    reports = {day.report.name: day.report for day in archive.days.values()}
    about_people = sorted(name for name, report in reports.items() if person_columns(report.record))
    if about_people and identities.mode is IdentityMode.OFF:
        refuse(
            f"COPILOT_IDENTITIES is off, so that nothing about people is kept, but here is {', '.join(about_people)}. "
            "Nothing was imported. Leave these files out, or set COPILOT_IDENTITIES=pseudonym."
        )


def _table(imported: Sequence[Imported]) -> str:
    """Where somebody sees what was imported."""
    reports = {each.report.name for each in imported}
    if reports == {"legacy-metrics"}:
        return "weekly.legacy_user_trend"
    return "flat.bill_item" if all(each.report.record.is_csv for each in imported) else "weekly.user_trend"


def _tell(imported: Imported) -> None:
    """A line for each thing that became of days, and which days they were where somebody may want to look."""

    def tell(days: Collection[date], what: str, *, named: bool = True) -> None:
        if days:
            which = f": {', '.join(stretches(sorted(days)))}" if named else ""
            answer(f"{len(days):>6,} {what}{which}.")

    count, span = imported.days, f"{imported.first} to {imported.last}"
    what = f"{count:,} day{'s' if count > 1 else ''} of {imported.report.name} of {imported.scope}"
    answer(f"{what} in the archive, {span}:")
    tell(imported.conflicts, "told differently by two records; the later one counts")
    tell(imported.new, "imported", named=False)
    tell(imported.overwritten, "overwritten")
    tell(imported.same, "there already with the same content, unchanged", named=False)
    tell(imported.kept, "there already with other content, kept (--overwrite takes the archive's)")
    tell(imported.textless, "there already without their text, kept (--overwrite takes the archive's)")
    tell(imported.failed, "broken in every record: quality.quarantine has them")
    if imported.broken:
        answer(f"{imported.broken:>6,} broken records left out: quality.quarantine has them.")
    tell(imported.missing, "missing in between")
