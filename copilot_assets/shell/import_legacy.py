"""`copilot-assets import-legacy`: takes in files of the closed metrics API, and says what became of each day.

How an archive is read and joins the history is in `warehouse/archive.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from copilot_assets.github.scopes import Scope
from copilot_assets.report.words import stretches
from copilot_assets.settings import today_utc
from copilot_assets.shell.arguments import SCOPE
from copilot_assets.shell.screen import err, out, refuse, tell_problems

if TYPE_CHECKING:
    from copilot_assets.warehouse.archive import Archive, Imported


@click.command("import-legacy")
@click.argument(
    "files", metavar="FILE…", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--scope",
    required=True,
    type=SCOPE,
    help="Whom the numbers are about: org:NAME, enterprise:SLUG, team:ORG/SLUG or enterprise-team:ENTERPRISE/SLUG.",
)
@click.option("--overwrite", is_flag=True, help="Let the archive count for days that are there with other content.")
def import_legacy(files: tuple[Path, ...], scope: Scope, overwrite: bool) -> None:
    """Take in an archive of the metrics API that GitHub closed on 2026-04-02, and rebuild everything from it.

    FILE is the copilotMetricsData.json of GitHub's guide, or its days as an array, as newline-delimited JSON or one
    by one; gzip is read too. Where several hold the same day, the last one counts. Everything is checked first: a
    file that can't be used imports nothing. Needs no token.

    \b
    Example:
      copilot-assets import-legacy copilotMetricsData.json --scope org:octo-org
      copilot-assets import-legacy archive/*.json.gz --scope team:octo-org/core --overwrite
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.shell.runs import alone, open_instance, rebuild
    from copilot_assets.warehouse.archive import ArchiveError, import_archive, read_archive
    from copilot_assets.warehouse.store import WarehouseError

    installation, today, run_id = Installation(), today_utc(), str(uuid4())
    warehouse = installation.warehouse()
    try:
        archive = read_archive(files, today)
        with alone(warehouse, "import-legacy"):
            imported = import_archive(warehouse, archive, scope, overwrite=overwrite, run_id=run_id, today=today)
            _tell_import(archive, imported, scope)
            result = rebuild(installation, instance=open_instance(), run_id=run_id)
    except ArchiveError as problem:
        refuse(f"{problem} Nothing was imported.", code=1)
    except WarehouseError as problem:
        refuse(problem)
    if not result.is_success:
        tell_problems(result)
        err.print("The days are imported, but not everything below raw was rebuilt. Run the same command again.")
        sys.exit(1)
    out.print(f"The tables below raw are rebuilt, in run {run_id} of the Dagster UI.")
    query = f"from weekly.legacy_user_trend where scope = '{scope}'"
    out.print(f"Next: {warehouse.by_hand(query)}", soft_wrap=True, markup=False, highlight=False)


def _tell_import(archive: Archive, imported: Imported, scope: Scope) -> None:
    """A line for each thing that became of days, and which days they were where somebody may want to look."""

    def tell(days: Collection[date], what: str, *, named: bool = True) -> None:
        if days:
            which = f": {', '.join(stretches(sorted(days)))}" if named else ""
            out.print(f"{len(days):>6,} {what}{which}.", soft_wrap=True, highlight=False)

    count, span = len(archive.days), f"{archive.first} to {archive.last}"
    out.print(f"{count:,} day{'s' if count > 1 else ''} of {scope} in the archive, {span}:", highlight=False)
    tell(archive.conflicts, "told differently by two records; the later one counts")
    tell(imported.new, "imported", named=False)
    tell(imported.overwritten, "overwritten")
    tell(imported.same, "there already with the same content, unchanged", named=False)
    tell(imported.kept, "there already with other content, kept (--overwrite takes the archive's)")
    tell(imported.missing, "missing in between")
