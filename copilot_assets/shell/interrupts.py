"""Ctrl-C and its like: a command that runs ends at once, whatever its threads are at, and leaves what a kill leaves.

Dagster would let a step go on, DuckDB a query, and Python raise in whatever code happens to run. What lands does so in
transactions, so nothing has to be tidied up. What is called before the end is the caller's.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Final

import click

# A terminal that is closed, Ctrl-C, and what ends a container.
_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# A command has to end within two, whatever the disk does.
_LAST_CALLS_SECONDS: Final = 1.0
_LAST_CALLS: Final[list[Callable[[], None]]] = []


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

    What nohup, or `&` in a script, lets a process ignore is ignored.
    """
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    reads, writes = os.pipe()
    os.set_blocking(writes, False)

    def end() -> None:
        while number := os.read(reads, 1):
            if number[0] in heeded:
                _end(number[0], sentence)

    # Python's handlers run in the main thread, between two lines of Python; this is written to at once.
    before = {number: signal.signal(number, lambda *_: None) for number in heeded}
    waked = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    watcher = Thread(target=end, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(waked)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writes)
        watcher.join()
        os.close(reads)


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
