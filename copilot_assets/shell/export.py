"""`copilot-assets export`: writes the published tables to files.

How they are written and put in place is in `report/export.py`.
"""

from __future__ import annotations

from pathlib import Path

import click

from copilot_assets.settings import ExportFormat
from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import answer, refuse, usage_errors


@click.command(cls=Interruptible)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Parquet with zstd; or CSV: a header, nothing for null, quotes around all text.",
)
@click.option(
    "--flat",
    "with_flat",
    is_flag=True,
    help="Also the tables of schema flat. Theirs is one row a person: a pseudonym, unless COPILOT_IDENTITIES=login.",
)
def export(folder: Path, file_format: ExportFormat, with_flat: bool) -> None:
    """Write the weekly and quality tables to files in DIR, for tools that are to leave the database alone.

    All files are replaced at once: DIR becomes a link to a hidden folder beside it, and turns to the next one when
    that is complete, so a reader never sees half. The export before stays there until the next. DIR/tables.json
    says what the tables and columns are. Reads the database alone: needs no token, asks nobody.

    \b
    Example:
      copilot-assets export ~/copilot
      copilot-assets export --format csv --flat ~/copilot-csv
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.report.export import FLAT, SCHEMAS
    from copilot_assets.report.export import export as export_tables
    from copilot_assets.report.folders import NotWrittenError
    from copilot_assets.warehouse.store import WarehouseError

    try:
        with usage_errors():
            schemas = (*SCHEMAS, FLAT) if with_flat else SCHEMAS
            exported = export_tables(Installation().warehouse().read(), folder, file_format, schemas)
    except NotWrittenError as problem:
        refuse(problem, code=1)
    except WarehouseError as problem:
        refuse(problem)
    for table in exported.tables:
        answer(f"{table.rows:>9,} rows  {table.file}")
    answer(f"{len(exported.tables)} tables, {exported.bytes:,} bytes, in {exported.folder}.")
