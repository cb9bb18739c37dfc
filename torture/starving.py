"""What the machine keeps from a process: room on the disk, memory, a write that succeeds, the right time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Final

from torture.scene import Ending, Installation, Stage, ended
from torture.troubles import Disturb, Trouble, calls, killed_after, traced

# Where these strike somewhere in Dagster or Python itself, a trace is all that there can be.
_SAID: Final = "starved.txt"
_MIB: Final = 2**20
_TMPFS: Final = ("unshare", "--mount", "--map-root-user")
# What a small disk is mounted in place of: a run finds what was there, and what it leaves is brought back.
_ON_A_SMALL_DISK: Final = """
set -e
place=$1; kib=$2; shift 2
mkdir -p "$place" "$place.small"
mount -t tmpfs -o size=${kib}k tmpfs "$place.small"
cp -a "$place/." "$place.small/"
mkdir "$place.large"; mount --bind "$place" "$place.large"; mount --bind "$place.small" "$place"
"$@" || true
find "$place.large" -mindepth 1 -delete
cp -a "$place/." "$place.large/"
"""


def full_disk(tried: Installation, _: Stage, __: Ending, dice: Random) -> Trouble:
    """The disk of the database, or of Dagster's history, is small, and full after some mebibytes."""
    place = tried.folder / dice.choice(["data", "data", ".dagster"])
    place.mkdir(exist_ok=True)
    # In pages, as a tmpfs counts.
    used = 4 * sum(1 + path.lstat().st_size // 4096 for path in [place, *place.rglob("*")])
    kib = used + int(2 ** dice.uniform(4, 13))
    process = tried.cold(
        [*_TMPFS, "sh", "-c", _ON_A_SMALL_DISK, "sh", str(place), str(kib), *tried.command("backfill")], said=_SAID
    )
    code = ended(process, "a backfill on a full disk")
    for left in (f"{place}.small", f"{place}.large"):
        shutil.rmtree(left, ignore_errors=True)
    if code:
        raise RuntimeError(f"no small disk could be made: {code}")  # the torture's own fault
    return Trouble(f"{kib - used} KiB left on the disk of {place.name}", faults=1)


def short_files(tried: Installation, _: Stage, __: Ending, dice: Random) -> Trouble:
    """No file may grow beyond some mebibytes."""
    size = int(2 ** dice.uniform(12, 23))
    command = ["prlimit", f"--fsize={size}", *tried.command("backfill")]
    # Python would write half a module's bytecode into the checkout, and never be able to read it again.
    process = tried.cold(command, said=_SAID, PYTHONDONTWRITEBYTECODE="1")
    ended(process, "a backfill whose files may not grow")
    return Trouble(f"no file beyond {size} bytes", faults=1)


def little_memory(tried: Installation, _: Stage, __: Ending, dice: Random) -> Trouble:
    """No more than some hundred mebibytes of addresses."""
    size = dice.randint(150, 1200)
    process = tried.cold(["prlimit", f"--as={size * _MIB}", *tried.command("backfill")], said=_SAID)
    ended(process, "a backfill with little memory")
    return Trouble(f"{size} MiB of memory", faults=1)


def failing_call(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """A write, or all from then on, fail as on a full or a broken disk."""
    call, number = dice.choice([each for each in calls(stage) if each[0] in _ERRORS])
    error = dice.choice(_ERRORS[call])
    often = dice.choice(["", "+"])
    inject = f"{call}:error={error}:when={number}{often}"
    told = tried.folder / "calls.txt"
    ended(tried.cold(traced(tried.command("backfill"), inject, told), said=_SAID), f"a backfill with {inject}")
    return Trouble(inject, faults=int("(INJECTED)" in told.read_text(errors="replace")))


_ERRORS: Final = {
    "pwrite64": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO",),
    "rename": ("ENOSPC", "EIO"),
    "unlink": ("EIO",),
    "mkdir": ("ENOSPC",),
    "symlink": ("ENOSPC",),
}


def wrong_clock(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """This machine's clock is wrong by hours or days, while GitHub's is right; the run is killed, or not."""
    hours = dice.choice([-400 * 24, -30, -3, 3, 20, 5 * 24, 400 * 24])
    false = {"LD_PRELOAD": str(_false_clock()), "FAKETIME": f"{hours:+}h", "DONT_FAKE_MONOTONIC": "1"}
    process = tried.cold(tried.command("backfill"), **false)
    trouble = killed_after(tried, process, dice.uniform(0, 3 * stage.seconds))
    return Trouble(f"a clock wrong by {hours} hours, {trouble.what}", kills=trouble.kills, faults=1)


def _false_clock() -> Path | None:
    """The library that a process with a false clock is linked to before all others; it is for Linux on x86-64 alone."""
    found = find_spec("libfaketime")
    return Path(str(found.origin)).parent / "vendor/libfaketime/src/libfaketime.so.1" if found else None


STARVING: Final[dict[Disturb, int]] = {
    full_disk: 3,
    short_files: 3,
    little_memory: 3,
    failing_call: 4,
    **({wrong_clock: 4} if _false_clock() else {}),
}
STARVING_NEEDS: Final[dict[Disturb, Sequence[str]]] = {
    full_disk: (*_TMPFS, "sh", "-c", 'mount -t tmpfs tmpfs /mnt && "$@"', "sh"),
    short_files: ("prlimit", "--fsize=100000"),
    little_memory: ("prlimit", "--as=1000000000"),
    failing_call: ("strace", "-f", "-o", "/dev/null"),
}
