"""Locks on files, which die with the process that holds them: so one run at a time works on a warehouse.

Here belongs how such a lock is taken, told of and waited for. A process id is never asked whether its process lives:
ids come round. DuckDB's own lock of its file is another one: it is held for moments, this one for a whole run.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from copilot_assets.now import now_utc
from copilot_assets.warehouse.store import Warehouse

# Who waits for minutes does not miss half a second.
_PAUSE_SECONDS: Final = 0.5


@contextmanager
def one_run(
    warehouse: Warehouse,
    who: str,
    on_wait: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Be the only run that works on a warehouse, after the one that is at work on it now.

    Nobody is waited for where the store lets several in, nor where no file can be made beside it or none be locked:
    opening the warehouse says why.

    Args:
        warehouse: the lock is the file `.lock` beside it, which stays; folders above it are made.
        who: what others are told that wait for this run.
        on_wait: told in a sentence for whom this run waits and since when that one is at work, once for each of them.
        pause: called with seconds between looks; what it raises ends the waiting.
    """
    if warehouse.is_shared:  # its own turns are enough
        yield
        return
    file = None
    with suppress(OSError):
        path = warehouse.beside(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open_lock(path)
    if file is None:
        yield
        return
    with file:
        told = ""
        while not is_taken(file):
            file.seek(0)
            holder = file.read().decode(errors="replace")
            if holder not in ("", told):
                on_wait(f"Waiting for {holder}: one run at a time works on {warehouse.name}.")
                told = holder
            pause(_PAUSE_SECONDS)
        file.seek(0)
        file.truncate()
        file.write(f"{who}, at work since {now_utc():%Y-%m-%d %H:%M} UTC".encode())
        file.flush()
        yield


def is_at_work(warehouse: Warehouse) -> bool:
    """Whether a run works on a warehouse."""
    try:
        with warehouse.beside(".lock").open("r+b") as file:
            return not is_taken(file)
    except OSError:  # nobody ever did, or nobody is let see
        return False


def open_lock(path: Path) -> BinaryIO:
    """A file to be locked, its owner's alone, made where there is none; it is given back when it is closed."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")


def is_taken(file: BinaryIO) -> bool:
    """Take the lock of an open file, unless another one has it; True where it is this one's now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
