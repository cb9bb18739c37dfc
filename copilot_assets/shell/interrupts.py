"""Ctrl-C and its like: a command that runs ends at once, whatever its threads are at, and leaves what a kill leaves.

Dagster would let a step go on, DuckDB a query, and Python raise in whatever code happens to run. What lands does so in
transactions, so nothing has to be tidied up. What is called before the end is the caller's.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import Thread
from typing import Any, Final, cast

import click

# A terminal that is closed, Ctrl-C, and what ends a container.
_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# Ends the waiting; nobody else sends it to a thread of this process.
_DONE: Final = signal.SIGUSR2
# A command has to end within two, whatever the disk does.
_LAST_CALLS_SECONDS: Final = 1.0
_LAST_CALLS: Final[list[Callable[[], None]]] = []
_SENTENCES: Final[list[str]] = []


@contextmanager
def at_interrupt(call: Callable[[], None]) -> Iterator[None]:
    """Have something called before an interrupt ends the process inside; it is waited for a second at most."""
    _LAST_CALLS.append(call)
    try:
        yield
    finally:
        _LAST_CALLS.remove(call)


@contextmanager
def ends_at_once(sentence: str) -> Iterator[None]:
    """Let an interrupt end the process inside with a sentence, and 128 plus the signal's number, as shells count.

    A thread waits for the signals, and no other may be given one: Python's handlers run in the main thread, at times
    minutes late or in the midst of a library that takes what they raise for its own trouble. To be entered before
    other threads begin, and again inside with another sentence. A process started inside would heed no interrupt.
    """
    _SENTENCES.append(sentence)
    try:
        with nullcontext() if len(_SENTENCES) > 1 else _a_thread_waits():
            yield
    finally:
        _SENTENCES.pop()


@contextmanager
def _a_thread_waits() -> Iterator[None]:
    # What nohup, or `&` in a script, lets a process ignore Dagster would heed all the same, and fail the run: it stays
    # blocked and nobody waits for it.
    heeded = {number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN}
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {*_SIGNALS, _DONE})

    def wait() -> None:
        number = signal.sigwait({*heeded, _DONE})
        if number != _DONE:
            _end(number, _SENTENCES[-1])

    waiting = Thread(target=wait, daemon=True)
    waiting.start()
    try:
        yield
    finally:
        signal.pthread_kill(cast("int", waiting.ident), _DONE)
        waiting.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)


class Interruptible(click.Command):
    """A command that an interrupt ends at once, also while it only reads, waits or asks; click would say "Aborted!"."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; while it writes, `runs.alone` has a sentence of its own."""
        with ends_at_once("Interrupted. Run it again."):
            return super().invoke(ctx)


def _end(number: int, sentence: str) -> None:
    calls = Thread(target=lambda: [call() for call in reversed(_LAST_CALLS)], daemon=True)
    calls.start()
    calls.join(_LAST_CALLS_SECONDS)
    try:
        print(sentence, file=sys.stderr, flush=True)
    finally:
        os._exit(128 + number)
