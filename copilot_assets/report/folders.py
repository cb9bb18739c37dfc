"""A folder whose files change all at once, and which a killed process leaves as it was: for the export and the report.

`folder` is a link to a hidden folder beside it. A writer fills another one and then turns the link over, so that a
reader finds all files of one time or all of the next. Where the link pointed before stays until the next time, for
those who are still reading there; what is older, or was left by a process that was killed, goes. Sentences call what
is written by a `noun`: export, report.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from copilot_assets.now import now_utc
from copilot_assets.settings import SettingsError, is_for_group
from copilot_assets.warehouse.lock import open_lock
from copilot_assets.warehouse.private import close_folder
from copilot_assets.warehouse.store import WarehouseError

_GENERATION: Final = re.compile(r"\d{8}T\d{12}Z")


class NotWrittenError(WarehouseError):
    """Files can't be written now. The message says why and what to do; what was written before is whole."""


def place_of(folder: Path, noun: str) -> Path:
    """Where `folder` is, as an absolute path.

    Raises:
        SettingsError: something that this project did not make is there.
    """
    place = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - the link itself, not what it points to
    try:
        whose = _whose(place, noun)
    except OSError as problem:
        raise _unwritable(place, problem, noun) from None
    if whose:
        raise SettingsError(f"{place} {whose}. Nothing in it was touched: name another folder for the {noun}.")
    return place


def _whose(place: Path, noun: str) -> str | None:
    """What keeps a folder of this kind from standing at `place`, if anything does."""
    if place.is_symlink():
        return None if _is_generation(place.readlink(), place) else f"is a link that no {noun} made"
    if place == Path.cwd():
        return "is the folder that this command was called in"
    if place.is_dir():
        return f"holds something that no {noun} made" if any(place.iterdir()) else None
    return "is a file" if place.exists() else None


def _is_generation(path: Path, place: Path) -> bool:
    """Whether a path, as a link gives it, is a hidden folder made for `place`."""
    prefix = f".{place.name}."
    return len(path.parts) == 1 and path.name.startswith(prefix) and bool(_GENERATION.fullmatch(path.name, len(prefix)))


@contextmanager
def next_generation(place: Path, noun: str) -> Iterator[Path]:
    """A new folder to be filled, which becomes what `place` is, whole; or goes, when anything fails."""
    with _alone(place, noun) as new:
        try:
            new.mkdir(mode=0o700)
            close_folder(new, is_for_group=is_for_group())
        except OSError as problem:
            raise _unwritable(place, problem, noun) from None
        try:
            yield new
            _keep(new)
            before = place.readlink() if place.is_symlink() else None
            _turn(place, new)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        with suppress(OSError):  # the files are there; what can't be cleared away now is left to the next
            _clear_away(place, {before, Path(new.name)})


@contextmanager
def _alone(place: Path, noun: str) -> Iterator[Path]:
    """Keep other processes from `place`, and name a hidden folder beside it that is not there yet.

    A file is locked, not made: a process that is killed leaves it free. So whatever hidden folder is found meanwhile,
    nobody is writing it.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = open_lock(place.with_name(f".{place.name}.lock"))
    except OSError as problem:
        raise _unwritable(place, problem, noun) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotWrittenError(f"Another {noun} is writing {place}. Try again when it has ended.") from None
        yield place.with_name(f".{place.name}.{now_utc():%Y%m%dT%H%M%S%fZ}")


def _keep(folder: Path) -> None:
    """Let all of a folder reach the disk; who may enter the folder may read what is in it, and nobody else."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    for path in (*folder.rglob("*"), folder):
        path.chmod(mode & 0o666 if path.is_file() else mode)  # the umask may say more or less
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _turn(place: Path, new: Path) -> None:
    """Make `place` a link to `new`, in one step where it is a link already."""
    link = new / "link"
    link.symlink_to(new.name)  # beside each other wherever the folder that holds both is moved to
    if place.is_dir() and not place.is_symlink():
        place.rmdir()
    link.replace(place)


def drop_earlier(place: Path, noun: str) -> None:
    """Remove what `place` was before, which stays for a while for those who read it: a person may be in that.

    Raises:
        NotWrittenError: another process is writing it.
        SettingsError: it can't be written.
    """
    if place.is_symlink():
        with _alone(place, noun):
            _clear_away(place, {place.readlink()})


def _clear_away(place: Path, kept: Collection[Path | None]) -> None:
    """Remove the hidden folders made for `place`, but for some."""
    for path in place.parent.iterdir():
        name = Path(path.name)
        if _is_generation(name, place) and name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _unwritable(place: Path, problem: OSError, noun: str) -> SettingsError:
    return SettingsError(f"{place} can't be written: {problem.strerror}. Name a folder of yours for the {noun}.")
