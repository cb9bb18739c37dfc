"""Files that are their owner's alone, and whole or not there: what is kept of people is for nobody else to see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
