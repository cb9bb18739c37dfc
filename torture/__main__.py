"""`make torture`: kills and faults at random, for so many minutes; ends with 1 if anything was lost.

A round takes an installation that is empty, half filled or full, makes several troubles in it, one after the other, and
then runs what nobody disturbs: every table must be what it is where there was no trouble. A round is told by its seed.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Lock
from typing import Final

from copilot_assets.now import today_utc
from copilot_assets.standin import Standin
from torture.lies import LIES
from torture.scene import PEOPLE, TOKEN, Ending, Installation, Stage, assert_needs_no_hand
from torture.starving import STARVING, STARVING_NEEDS
from torture.troubles import KILLS, NEEDS, Disturb, Trouble, is_permitted
from torture.wholeness import LostError, assert_as_undisturbed, assert_nothing_told

_TROUBLES: Final[dict[Disturb, int]] = KILLS | STARVING | LIES
_NEEDS: Final[dict[Disturb, Sequence[str]]] = {**NEEDS, **STARVING_NEEDS}
_FEWEST_TROUBLES: Final = 5
_MOST_TROUBLES: Final = 12
_TELLING: Final = Lock()


@dataclass
class Figures:
    """What was tried, and what came of it."""

    rounds: int = 0
    kills: int = 0
    interrupts: int = 0
    faults: int = 0
    slowest_interrupt_seconds: float = 0.0
    troubles: Counter[str] = field(default_factory=Counter)
    killed_in_step: Counter[str] = field(default_factory=Counter)
    undisturbed_seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def count(self, name: str, trouble: Trouble) -> None:
        """Add a trouble."""
        with _TELLING:
            self.kills += trouble.kills
            self.interrupts += trouble.interrupts
            self.faults += trouble.faults
            self.slowest_interrupt_seconds = max(self.slowest_interrupt_seconds, trouble.interrupt_seconds)
            self.troubles[name] += 1
            if trouble.step:
                self.killed_in_step[trouble.step] += 1

    def lose(self, what: str) -> None:
        """Add what was lost, and say it at once."""
        with _TELLING:
            self.lost.append(what)
            print("LOST", what, flush=True)

    def told(self) -> str:
        """As JSON, the most frequent first."""
        seconds = sorted(self.undisturbed_seconds)
        return json.dumps(
            {
                **vars(self),
                "troubles": dict(self.troubles.most_common()),
                "killed_in_step": dict(self.killed_in_step.most_common()),
                "undisturbed_seconds": [round(s, 1) for s in (seconds[0], seconds[len(seconds) // 2], seconds[-1])]
                if seconds
                else [],
            },
            indent=1,
        )


@dataclass(frozen=True)
class Plan:
    """What all lanes have in common: until when (of the monotonic clock), what may be done, and what came of it."""

    until: float
    choice: dict[Disturb, int]
    figures: Figures

    @property
    def is_over(self) -> bool:
        """Whether nothing more is begun."""
        return time.monotonic() >= self.until


def main() -> int:
    """Torture for a while and tell the figures; the exit code."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long; the round that has begun is ended")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next has the next number")
    parser.add_argument("--lanes", type=int, default=2, help="rounds at once")
    parser.add_argument("--only", help="only troubles of these names, with commas between them")
    arguments = parser.parse_args()
    choice = {
        each: n for each, n in _permitted().items() if not arguments.only or each.__name__ in arguments.only.split(",")
    }
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # who starts this by nohup or `&` has them ignored, and so would children
    plan = Plan(time.monotonic() + 60 * arguments.minutes, choice, Figures())
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, ThreadPoolExecutor(arguments.lanes) as lanes:
        done = [
            lanes.submit(_lane, plan, Path(folder, str(n)), range(arguments.seed + n, sys.maxsize, arguments.lanes))
            for n in range(arguments.lanes)
        ]
        for lane in done:
            lane.result()
    print(plan.figures.told())
    return 1 if plan.figures.lost else 0


def _permitted() -> dict[Disturb, int]:
    """The troubles that this user may make on this machine, and how often each is made beside the others."""
    return {each: n for each, n in _TROUBLES.items() if each not in _NEEDS or is_permitted(_NEEDS[each])}


def _lane(plan: Plan, folder: Path, seeds: range) -> None:
    """One round after the other."""
    folder.mkdir()
    with Standin(people=PEOPLE, rate_limit=1_000_000) as standin:
        try:
            stage = Stage(folder, standin)
            for seed in seeds:
                if stage.day != today_utc():
                    stage = Stage(folder, standin)
                _round(plan, stage, Random(seed), seed)
                if plan.is_over:
                    return
        except LostError as problem:  # a round counts its own
            plan.figures.lose(f"before any trouble: {problem}")


def _round(plan: Plan, stage: Stage, dice: Random, seed: int) -> None:
    """Several troubles, then a run that nobody disturbs."""
    made: list[str] = []
    lies = 0
    try:
        like = dice.choice([None, stage.half, stage.full])
        ending = stage.plain
        match dice.randint(1, 8):
            case 1:
                like, ending = stage.full, stage.forgotten()
            case 2:
                ending = stage.imported()
        tried = stage.tried(like, {} if dice.randint(1, 4) == 1 else {"COPILOT_REPORT": "off"})
        many = dice.randint(_FEWEST_TROUBLES, _MOST_TROUBLES)
        for disturb in dice.choices(list(plan.choice), [*plan.choice.values()], k=many):
            trouble = disturb(tried, stage, ending, dice)
            made.append(f"{disturb.__name__}: {trouble.what}")
            lies += trouble.faults
            plan.figures.count(disturb.__name__, trouble)
            if plan.is_over:
                break
        _assert_whole(stage, tried, ending, was_lied_to=lies > 0, figures=plan.figures)
    except LostError as problem:
        plan.figures.lose(f"seed {seed}: {'; '.join(made)}: {problem}")
    except Exception:  # noqa: BLE001  (whatever it is, the other rounds go on, and it counts)
        plan.figures.lose(f"seed {seed}: {'; '.join(made)}: {traceback.format_exc()}")
    with _TELLING:
        plan.figures.rounds += 1
        told = plan.figures
        so_far = f"so far {told.kills} kills, {told.interrupts} interrupts, {told.faults} faults"
        print(f"seed {seed} ({so_far}): {'; '.join(made)}", flush=True)


def _assert_whole(stage: Stage, tried: Installation, ending: Ending, *, was_lied_to: bool, figures: Figures) -> None:
    seconds = ending.reach(tried)
    # The machine may have become slower or faster: moments are drawn over what a run takes now.
    stage.seconds = (stage.seconds + seconds) / 2
    figures.undisturbed_seconds.append(seconds)
    assert_as_undisturbed(tried.database, ending.tables, was_lied_to=was_lied_to)
    assert_needs_no_hand(tried)
    # Who is forgotten was named on the command line, and the command's answer names them again.
    assert_nothing_told(tried.folder, TOKEN, set(stage.logins) - set(ending.disturbed))


if __name__ == "__main__":
    sys.exit(main())
