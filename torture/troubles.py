"""What is done to processes: each trouble is a function that disturbs an installation, and says how.

After a trouble the installation is in any state that a killed process leaves; whether the next undisturbed run makes
it whole is asked in `__main__.py`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from copilot_assets.standin import Fault, Standin
from copilot_assets.standin.faults import FAULTS
from torture.scene import Installation, LostError, notebook

_CONTAINER: Final = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
# What writes reach the disk by; a process is killed at one of the first so many of them.
_CALLS: Final = ("openat", "pwrite64", "write", "fsync", "fdatasync", "rename", "unlink", "ftruncate")
_MOST_CALLS: Final = 400
_INTERRUPTS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
_INTERRUPT_SECONDS: Final = 2.0
# Faults that strike the same request for ever would only be asked for ever; these are over with the run.
_NO_TROUBLE: Final = frozenset({"rate-limit-endless", "slow"})


@dataclass(frozen=True)
class Trouble:
    """What was done, and how many processes were killed and faults answered by it."""

    what: str
    kills: int = 0
    faults: int = 0


Disturb = Callable[[Installation, Standin, Random, float], Trouble]


def is_permitted(command: Sequence[str]) -> bool:
    """Whether this user may start a process so."""
    return shutil.which(command[0]) is not None and subprocess.run([*command, "true"], check=False).returncode == 0


def killed(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """A backfill is killed at a random moment."""
    return _killed(tried, tried.command("backfill"), dice.uniform(0, seconds))


def killed_in_a_container(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """The same of a container's first process, whose id is the same every time."""
    return _killed(tried, [*_CONTAINER, *tried.command("backfill")], dice.uniform(0, seconds))


def killed_at_a_call(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """A backfill is killed at a system call by which files change."""
    call, number = dice.choice(_CALLS), dice.randint(1, _MOST_CALLS)
    trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}"]
    process = tried.start([*trace, "-e", f"inject={call}:signal=KILL:when={number}", *tried.command("backfill")])
    with suppress(subprocess.TimeoutExpired):
        process.wait(6 * seconds)
    _end(process)
    return Trouble(f"killed at {call} number {number}", kills=1)


def _killed(tried: Installation, command: Sequence[str], after: float) -> Trouble:
    process = tried.start(command)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
    _end(process)
    return Trouble(f"killed after {after:.1f} seconds", kills=1)


def interrupted(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """Ctrl-C, a container's end or a closed terminal: over within two seconds, with a code of its own."""
    number, after = dice.choice(list(_INTERRUPTS)), dice.uniform(0, seconds)
    process = tried.start(tried.command("backfill"))
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        is_at_work = "Fetching" in tried.said().rpartition("Interrupted")[2]
        process.send_signal(number)
        began = time.monotonic()
        try:
            code = process.wait(30)
        finally:
            _end(process)
        took = time.monotonic() - began
        # Python's own ending of a process that is still starting, and of one that has done its work, is as good.
        if is_at_work and code not in (_INTERRUPTS[number], 0, -number):
            raise LostError(f"signal {number} ended a run with {code}") from None
        if took > _INTERRUPT_SECONDS:
            raise LostError(f"signal {number} ended a run after {took:.1f} seconds") from None
    return Trouble(f"signal {number} after {after:.1f} seconds", kills=1)


def forget_killed(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """A person is forgotten, which is killed, until nobody kills it; nobody is there, so nothing is lost by it."""
    return _killed(tried, tried.command("forget", "nobody-at-all", "--yes"), dice.uniform(0, seconds / 2))


def two_at_once(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """Two backfills begin at once, while somebody looks at the status: both end well, one after the other."""
    both = [tried.start(tried.command("backfill")) for _ in range(2)]
    time.sleep(dice.uniform(0, seconds))
    looks = tried.start(tried.command("status"))
    codes = [process.wait(10 * seconds + 60) for process in (*both, looks)]
    if codes[:2] != [0, 0]:
        raise LostError(f"of two backfills at once these are the codes: {codes[:2]}: {tried.said()[-2000:]}")
    return Trouble("two backfills and a status")


def beside_a_notebook(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """A notebook has the file open for some seconds of a backfill."""
    process = tried.start(tried.command("backfill"))
    time.sleep(dice.uniform(0, seconds))
    with notebook(tried.database, 5):
        code = process.wait(10 * seconds + 60)
    if code:
        raise LostError(f"beside a notebook a backfill ended with {code}: {tried.said()[-2000:]}")
    return Trouble("a notebook that has the file open")


def wrong_answers(tried: Installation, standin: Standin, dice: Random, seconds: float) -> Trouble:
    """GitHub answers some requests wrongly, and a process that is at it is killed, or not."""
    names = dice.sample(sorted(FAULTS.keys() - _NO_TROUBLE), 3)
    standin.faults += [Fault(name, times=dice.randint(1, 3)) for name in names]
    try:
        trouble = _killed(tried, tried.command("backfill"), dice.uniform(seconds / 2, 4 * seconds))
    finally:
        standin.faults.clear()
    return Trouble(f"GitHub's {', '.join(names)}, {trouble.what}", kills=1, faults=len(names))


def ui_killed(tried: Installation, _: Standin, dice: Random, seconds: float) -> Trouble:
    """`dagster dev` is killed with all its processes, or its terminal is closed, while a run of it goes on."""
    number = dice.choice([signal.SIGKILL, signal.SIGHUP])
    dagster = [tried.command()[0], "-m", "dagster"]
    port = str(dice.randint(20_000, 40_000))
    ui = tried.start([*dagster, "dev", "-w", str(tried.folder / "workspace.yaml"), "-p", port])
    try:
        time.sleep(seconds)
        launch = [*dagster, "job", "launch", "-w", str(tried.folder / "workspace.yaml"), "-j", "rebuild"]
        tried.start(launch).wait(6 * seconds + 60)
        time.sleep(dice.uniform(0, seconds))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(ui.pid, number)
        time.sleep(1)
        _end(ui)
    return Trouble(f"dagster dev ended by signal {number}", kills=1)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


TROUBLES: Final[dict[Disturb, int]] = {
    killed: 6,
    killed_in_a_container: 4,
    killed_at_a_call: 4,
    interrupted: 3,
    wrong_answers: 4,
    forget_killed: 1,
    two_at_once: 1,
    beside_a_notebook: 1,
    ui_killed: 1,
}


def permitted() -> dict[Disturb, int]:
    """The troubles that this user may make on this machine, and how often each is made beside the others."""
    without: set[Disturb] = set()
    if not is_permitted(_CONTAINER):
        without.add(killed_in_a_container)
    if not is_permitted(("strace", "-f", "-o", "/dev/null")):
        without.add(killed_at_a_call)
    return {trouble: weight for trouble, weight in TROUBLES.items() if trouble not in without}
