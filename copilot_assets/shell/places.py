"""Where this installation's files are on this machine, and how much room they take.

What is in them is known elsewhere; nothing is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from copilot_assets.settings import SettingsError, dagster_home
from copilot_assets.shipped import PACKAGE, shipped

if TYPE_CHECKING:
    from copilot_assets.orchestration.installation import Installation


def history_places(installation: Installation) -> tuple[Path, Path]:
    """The folder that Dagster's history hangs on, and the one that dagster.yaml is in.

    Raises:
        SettingsError: DAGSTER_HOME can't be used.
    """
    if named := dagster_home():
        return named, named
    if Path("dagster.yaml").exists():
        return Path.cwd(), Path.cwd()
    config = shipped("dagster.yaml").parent
    return (installation.warehouse().folder().absolute() if config == PACKAGE else config), config


def bytes_on_disk(installation: Installation) -> Mapping[str, int]:
    """The bytes that what is kept takes: `database`, `history` (Dagster's), `export`, `report`; what is there of them.

    `free_in_database` are those of the database that hold nothing and that it fills before it grows.

    A history in another place than the `.dagster` that the shipped dagster.yaml names is not found.
    """
    places: dict[str, Path] = {}
    with suppress(SettingsError):
        places["history"] = history_places(installation)[0] / ".dagster"
    for name, of in (("export", installation.export_folder), ("report", installation.report_folder)):
        with suppress(SettingsError):
            if folder := of():
                places[name] = folder
    sizes = {name: _bytes(place.resolve()) for name, place in places.items() if place.is_dir()}
    warehouse = installation.warehouse()
    return {"database": warehouse.size_bytes(), "free_in_database": warehouse.free_bytes(), **sizes}


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # a run works there
            total += path.stat().st_size if path.is_file() else 0
    return total
