"""`make torture`: kills and faults at random, for so many minutes; ends with 1 if anything was lost.

A round takes an installation that is empty, half filled or full, makes one to four troubles in it, and then runs a
backfill that nobody disturbs: every table must be what it is where there was no trouble. A round is told by its seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from copilot_assets.standin import Standin
from torture.scene import Installation, LostError, Tables, assert_as_undisturbed, installation, measured, tables
from torture.troubles import Disturb, permitted

_MOST_TROUBLES: Final = 4


@dataclass
class Figures:
    """What was tried, and what came of it."""

    rounds: int = 0
    kills: int = 0
    faults: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stage:
    """What all rounds have in common."""

    folder: Path
    standin: Standin
    full: Installation
    half: Installation
    reference: Tables
    seconds: float
    choice: dict[Disturb, int]


def main() -> int:
    """Torture for a while and tell the figures; the exit code."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long; the round that has begun is ended")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next has the next number")
    parser.add_argument("--only", help="only troubles of this name")
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    choice = {each: n for each, n in permitted().items() if arguments.only in (None, each.__name__)}
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, Standin(people=30) as standin:
        stage = _stage(Path(folder), standin, choice)
        while time.monotonic() < until or not figures.rounds:
            _round(stage, Random(arguments.seed + figures.rounds), arguments.seed + figures.rounds, figures)
    told = {**vars(figures), "troubles": dict(figures.troubles.most_common()), "seconds_undisturbed": stage.seconds}
    print(json.dumps(told, indent=1))
    return 1 if figures.lost else 0


def _stage(folder: Path, standin: Standin, choice: dict[Disturb, int]) -> Stage:
    full = installation(folder / "full", standin)
    seconds = measured(full)
    half = installation(folder / "half", standin, full.key)
    half.run("backfill", "--start", half.first.isoformat(), "--end", half.first.isoformat())
    return Stage(folder, standin, full, half, tables(full.database), seconds, choice)


def _round(stage: Stage, dice: Random, seed: int, figures: Figures) -> None:
    """One to four troubles, then a run that nobody disturbs."""
    like = dice.choice([None, stage.half, stage.full])
    tried = installation(stage.folder / "tried", stage.standin, stage.full.key, like)
    made: list[str] = []
    faults = 0
    try:
        for disturb in dice.choices(list(stage.choice), [*stage.choice.values()], k=dice.randint(1, _MOST_TROUBLES)):
            trouble = disturb(tried, stage.standin, dice, stage.seconds)
            made.append(f"{disturb.__name__}: {trouble.what}")
            faults += trouble.faults
            figures.kills += trouble.kills
            figures.troubles[disturb.__name__] += 1
        tried.run("backfill")
        assert_as_undisturbed(tried, stage.reference, was_lied_to=faults > 0)
    except LostError as problem:
        figures.lost.append(f"seed {seed}: {'; '.join(made)}: {problem}")
        print("LOST", figures.lost[-1], flush=True)
    figures.rounds += 1
    figures.faults += faults
    print(f"seed {seed}: {'; '.join(made)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
