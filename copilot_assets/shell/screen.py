"""The screen: the two consoles that every command prints to, and how a command ends that can't go on.

What a command says stands in the command; here is what all of them have in common.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

from rich.console import Console
from rich.markup import escape

from copilot_assets.settings import SettingsError

# Without a terminal there is no width to fit: wide enough for the tables.
_WIDTH: Final = None if sys.stdout.isatty() else 150
out: Final = Console(width=_WIDTH)
err: Final = Console(stderr=True, soft_wrap=True)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Settings and arguments that can't be used end the command with their sentences and code 2."""
    try:
        yield
    except SettingsError as problem:
        refuse(problem)


def answer(sentence: str) -> None:
    """What the command was asked for, to standard output; a sentence may hold any text and be of any length."""
    out.print(sentence, soft_wrap=True, markup=False, highlight=False)


def say(sentence: str) -> None:
    """A sentence about what goes on, which may hold any text: on a terminal it stands above a progress bar."""
    (out if out.is_terminal else err).print(escape(sentence), highlight=False, soft_wrap=True)


class _Says(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


@contextmanager
def says_what_is_logged() -> Iterator[None]:
    """Say on the screen what this project logs inside, such as a wait; Dagster would keep it to a run's log."""
    project, handler = logging.getLogger("copilot_assets"), _Says()
    project.addHandler(handler)
    try:
        yield
    finally:
        project.removeHandler(handler)


def refuse(problem: Exception | str, code: int = 2) -> NoReturn:
    """End the command with a sentence; code 2 where it or a setting can't be used, 1 where the data says no."""
    err.print(f"[red]{escape(str(problem))}[/red]")
    sys.exit(code)


def tell_problems(problems: Sequence[str]) -> None:
    """The sentences of failed steps; reports that share a token share its troubles, so each once."""
    for line in dict.fromkeys(line for problem in problems for line in problem.splitlines()):
        err.print(f"[red]{escape(line)}[/red]")
