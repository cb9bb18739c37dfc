"""Files that are their owner's alone, and whole or not there: what is kept of people is for nobody else to see."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from copilot_assets.warehouse.store import WarehouseError


def make_private(path: Path) -> None:
    """Take a file from everybody but its owner (mode 0600), where it is there and its file system knows modes."""
    with suppress(OSError):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def close_folder(path: Path, *, is_for_group: bool) -> None:
    """Let nobody into a folder but its owner (mode 0700), and its group to read (0750), whatever is inside."""
    with suppress(OSError):
        path.chmod(0o750 if is_for_group else 0o700)


@contextmanager
def only_for_owner() -> Iterator[None]:
    """Files that this process makes inside are its owner's alone: DuckDB makes its log and its spills when it must."""
    umask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(umask)


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """A new folder for files about to land, its owner's alone and gone at the end, in one that is made if need be.

    Raises:
        WarehouseError: a file can't be written there; also out of what is done inside.
    """
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise WarehouseError(
            f"Files that were about to land could not be written to {parent} ({error.strerror or error}). "
            "What landed before stays. Look at the disk and the rights to that folder, and run this again."
        ) from None


def put_in_place(new: Path, path: Path) -> None:
    """Make a file that is complete what `path` is, in one step and on the disk, whatever happens meanwhile."""
    _reach_disk(new)
    new.replace(path)
    _reach_disk(path.parent)


def _reach_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
