"""`copilot-assets init`: lays out a folder to work in, for who has the package and no checkout.

What is in the files is decided by those that come with the package; here is which of them go where.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from copilot_assets.shell.screen import answer, refuse
from copilot_assets.shipped import shipped

# What git has to leave alone: secrets, data about people, Dagster's history.
_IGNORED: Final = ".env\nevents.csv\n/data/\n/.dagster/\n"
# Without it `dagster dev` keeps its history in a folder that it removes, and the commands keep theirs elsewhere.
_HOME: Final = """
# Where Dagster keeps its history: this folder. Write its new place here when you move it.
DAGSTER_HOME={folder}
"""
_MODELS: Final = """\
# SQL models of your own

A file `<schema>/<table>.sql` here is a table, built after every run with those that come with the package, and stays
yours when that is upgraded. How it is written: dbt_like_sql/README.md of the project.
"""


@click.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Lay out FOLDER to work in: .env to fill in, Dagster's configuration, a place for SQL models of your own.

    What is there already stays as it is. Nothing is asked of GitHub.

    \b
    Example:
      copilot-assets init copilot
    """
    example = shipped(".env.example").read_text(encoding="utf-8")
    private = {".env": f"{example}{_HOME.format(folder=folder.absolute())}"}
    plain = {
        "dagster.yaml": shipped("dagster.yaml").read_text(encoding="utf-8"),
        "workspace.yaml": shipped("workspace.yaml").read_text(encoding="utf-8"),
        "models/README.md": _MODELS,
        ".gitignore": _IGNORED,
    }
    try:
        for name, text in (private | plain).items():
            made = _write_new(folder / name, text, mode=0o600 if name in private else 0o666)
            said = "made" if made else "was there already, and stays as it is"
            answer(f"{folder / name}: {said}")
    except OSError as problem:
        refuse(f"{folder} can't be laid out: {problem.strerror}. Name a folder that you may write to.")
    answer(
        f"\nFill in the first four lines of {folder / '.env'}. Then, in that folder:\n"
        "  copilot-assets doctor      whether GitHub lets your token read the reports\n"
        "  copilot-assets backfill    fetch every day and build the tables\n"
        "  dagster dev                the same in the Dagster UI, with its daily schedule"
    )


def _write_new(path: Path, text: str, mode: int) -> bool:
    """A file that was not there; whether it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True
