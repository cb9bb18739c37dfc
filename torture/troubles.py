"""What is done to processes: each trouble is a function that disturbs an installation, and says how.

After a trouble the installation is in any state that a killed process leaves; whether the next undisturbed run makes
it whole is asked in `__main__.py`. What is kept from a process is in `starving.py`, lies of the network in `lies.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from torture.processes import Process, end
from torture.scene import Ending, Installation, Stage, ended, installation
from torture.wholeness import LostError, runs_of, step_under_way

_CONTAINER: Final = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
# What changes of files reach the disk by.
_CALLS: Final = ("pwrite64", "write", "fsync", "fdatasync", "rename", "unlink", "ftruncate", "mkdir", "symlink")
_CALL: Final = re.compile(r"(\d+) +(\w+)\(")
_INTERRUPTS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
_NOTEBOOK_SECONDS: Final = 5


@dataclass(frozen=True)
class Trouble:
    """What was done, and how much of it: only processes count that were alive when they were killed or interrupted.

    Attributes:
        what: told with the seed of a round.
        kills: processes that SIGKILL ended.
        interrupts: processes that were asked to end.
        faults: answers, writes, memory or hours that a process should have had and did not get.
        interrupt_seconds: how long the interrupted process took to end.
        step: of Dagster's, in which a backfill was killed.
    """

    what: str
    kills: int = 0
    interrupts: int = 0
    faults: int = 0
    interrupt_seconds: float = 0.0
    step: str = ""


Disturb = Callable[[Installation, Stage, Ending, Random], Trouble]


@cache
def is_permitted(command: Sequence[str]) -> bool:
    """Whether this user may start a process so."""
    return shutil.which(command[0]) is not None and subprocess.run([*command, "true"], check=False).returncode == 0


def killed(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """A backfill is killed at a random moment."""
    return killed_after(tried, tried.warm("backfill"), dice.uniform(0, stage.seconds))


def killed_cold(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """The same of one that a shell started, so that it may be killed while Python imports."""
    return killed_after(tried, tried.cold(tried.command("backfill")), dice.uniform(0, 1.5 * stage.seconds))


def killed_in_a_container(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """The same of a container's first process, whose id is the same every time."""
    process = tried.cold([*_CONTAINER, *tried.command("backfill")])
    return killed_after(tried, process, dice.uniform(0, 1.5 * stage.seconds))


def killed_at_a_call(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """A backfill is killed at one of the system calls by which files change, each as likely as any other."""
    call, number = dice.choice(calls(stage))
    before = runs_of(tried.folder)
    process = tried.cold(traced(tried.command("backfill"), f"{call}:signal=KILL:when={number}"))
    code = ended(process, "a backfill under strace")
    kills = int(code in (-signal.SIGKILL, 128 + signal.SIGKILL))
    return Trouble(
        f"killed at {call} number {number}", kills=kills, step=step_under_way(tried.folder, before) if kills else ""
    )


def disturbed_at_the_end(tried: Installation, stage: Stage, ending: Ending, dice: Random) -> Trouble:
    """What the round is about, `forget` or `import` where it is one of these, is killed."""
    process = tried.warm(*ending.disturbed)
    return killed_after(tried, process, dice.uniform(0, stage.seconds / 2), ending.disturbed[0])


def export_killed(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """`export` is killed."""
    return killed_after(tried, tried.warm("export"), dice.uniform(0, stage.seconds / 10), "export")


def killed_after(tried: Installation, process: Process, seconds: float, command: str = "backfill") -> Trouble:
    """Kill a process after some seconds, if it lives that long."""
    before = runs_of(tried.folder)
    process.wait(seconds)
    kills = int(end(process))
    step = step_under_way(tried.folder, before) if kills and command == "backfill" else ""
    return Trouble(f"{command} killed after {seconds:.1f} seconds ({step or 'no step'})", kills=kills, step=step)


def interrupted(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """Ctrl-C, a container's end or a closed terminal: over at once, with a code of its own."""
    number, after = dice.choice(list(_INTERRUPTS)), dice.uniform(0, 1.3 * stage.seconds)
    begins = len(tried.said())
    process = tried.cold(tried.command("backfill"))  # `multiprocessing` has its own way with Ctrl-C
    what = f"signal {number} after {after:.1f} seconds"
    if process.wait(after) is not None:
        return Trouble(f"{what}, when it had ended")
    # Python's own ending of a process that is still starting, and of one that has done its work, is as good.
    is_at_work = "Fetching" in tried.said()[begins:]
    os.kill(process.pid, number)
    began = time.monotonic()
    code = ended(process, f"a backfill with signal {number}")
    end(process)
    if is_at_work and code not in (_INTERRUPTS[number], 0, -number):
        raise LostError(f"signal {number} ended a run with {code}: {tried.said()[-1500:]}")
    return Trouble(what, interrupts=1, interrupt_seconds=time.monotonic() - began)


def two_at_once(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """Two backfills begin at once, while somebody looks at the status: both end well, one after the other."""
    both = [tried.warm("backfill") for _ in range(2)]
    time.sleep(dice.uniform(0, stage.seconds))
    looks = tried.warm("status")
    codes = [ended(process, "one of two backfills at once") for process in both]
    ended(looks, "status beside a backfill")
    if codes != [0, 0]:
        raise LostError(f"of two backfills at once these are the codes: {codes}: {tried.said()[-2000:]}")
    return Trouble("two backfills and a status")


def one_of_two_killed(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """One of two backfills is killed, at work or waiting: the other one ends well."""
    killed, other = (tried.warm("backfill") for _ in range(2))
    trouble = killed_after(tried, killed, dice.uniform(0, stage.seconds))
    if code := ended(other, "a backfill that waited for one that was killed"):
        raise LostError(f"a backfill beside one that was killed ended with {code}: {tried.said()[-2000:]}")
    return trouble


def beside_a_notebook(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """Another process has the file open for some seconds of a backfill, which waits for it and ends well."""
    process = tried.warm("backfill")
    process.wait(dice.uniform(0, stage.seconds))
    command = [sys.executable, "-c", _HOLD, str(tried.database), str(_NOTEBOOK_SECONDS)]
    ended(tried.cold(command), "a notebook")
    if code := ended(process, "a backfill beside a notebook"):
        raise LostError(f"beside a notebook a backfill ended with {code}: {tried.said()[-2000:]}")
    return Trouble("a notebook that has the file open")


_HOLD: Final = """
import sys, time, duckdb
try:
    c = duckdb.connect(sys.argv[1], read_only=True)
except duckdb.Error:
    sys.exit()
time.sleep(float(sys.argv[2]))
"""


def ui_killed(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """`dagster dev` is killed with all its processes, or its terminal is closed, while a run of it goes on."""
    number = dice.choice([signal.SIGKILL, signal.SIGHUP])
    dagster = [sys.executable, "-m", "dagster"]
    where = ["-w", str(tried.folder / "workspace.yaml")]
    before = runs_of(tried.folder)
    ui = tried.cold([*dagster, "dev", *where, "-p", str(dice.randint(20_000, 30_000))], said="ui.txt")
    try:
        ended(tried.cold([*dagster, "job", "launch", *where, "-j", "rebuild"], said="ui.txt"), "dagster job launch")
        wait = time.monotonic() + stage.seconds
        while time.monotonic() < wait and step_under_way(tried.folder, before) == "before its first step":
            time.sleep(0.5)
        time.sleep(dice.uniform(0, stage.seconds))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(ui.pid, number)
        ui.wait(5)
        end(ui)
    # What `dagster job launch` started belongs to the group of it, or to that of the server that it asked.
    _kill_all_in(tried.folder)
    return Trouble(f"dagster dev ended by signal {number}", kills=1)


def _kill_all_in(folder: Path) -> None:
    """SIGKILL to what is still at work in a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"DAGSTER_HOME={folder}\0".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def traced(command: Sequence[str], inject: str, told: Path = Path(os.devnull)) -> list[str]:
    """The command line of a command to which something happens at a system call; `told` gets all calls of its name."""
    # With --seccomp-bpf strace would stop at no other call, but send no signal either.
    fast = [] if ":signal=" in inject else ["--seccomp-bpf"]
    trace = ["strace", "-f", "-qq", *fast, "-o", str(told), "-e", f"trace={inject.partition(':')[0]}"]
    return [*trace, "-e", f"inject={inject}", *command]


_KNOWN_CALLS: Final[dict[Path, list[tuple[str, int]]]] = {}


def calls(stage: Stage) -> list[tuple[str, int]]:
    """The system calls of a backfill by which files change: each with its number in its thread, as strace counts."""
    if stage.folder not in _KNOWN_CALLS:
        tried = installation(stage.folder / "calls", stage.standin.api_url, stage.full.key, stage.half)
        told = tried.folder / "calls.txt"
        trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(told), "-e", f"trace={','.join(_CALLS)}"]
        ended(tried.cold([*trace, *tried.command("backfill")]), "a backfill under strace")
        counts: dict[tuple[str, str], int] = {}
        found = []
        for thread, call in _CALL.findall(told.read_text(errors="replace")):
            counts[thread, call] = counts.get((thread, call), 0) + 1
            found.append((call, counts[thread, call]))
        _KNOWN_CALLS[stage.folder] = found
    return _KNOWN_CALLS[stage.folder]


KILLS: Final[dict[Disturb, int]] = {
    killed: 60,
    killed_cold: 3,
    disturbed_at_the_end: 10,
    killed_in_a_container: 8,
    killed_at_a_call: 8,
    export_killed: 4,
    interrupted: 6,
    two_at_once: 1,
    one_of_two_killed: 1,
    beside_a_notebook: 1,
    ui_killed: 1,
}
NEEDS: Final[dict[Disturb, Sequence[str]]] = {
    killed_in_a_container: _CONTAINER,
    killed_at_a_call: ("strace", "-f", "-o", "/dev/null"),
}
