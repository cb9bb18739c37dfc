"""How commands are started, waited for and ended: cold, as by a shell, or warm, forked from what has imported already.

What is done to them is in `troubles.py`. A process leads a group of its own, so that its children end with it.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["torture.warm"])
# How a process ended can be read once, and multiprocessing asks all others when it starts one: were another lane
# reading it at that moment, one of the two would be told 255.
_ASKING: Final = Lock()


class Process(Protocol):
    """A process under way."""

    pid: int

    def wait(self, seconds: float) -> int | None:
        """How it ended (minus the signal's number, if by one), or None if it has not within so many seconds."""


def end(process: Process) -> bool:
    """SIGKILL to it and all its children, and wait for it; whether it was still alive."""
    lives = process.wait(0) is None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if lives:
        with suppress(ProcessLookupError):  # one that has just been forked leads no group yet
            os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
    return lives


class Cold:
    """A program, started as a shell does."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str], said: Path) -> None:
        with said.open("a") as file:
            self._process = subprocess.Popen(
                command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        self.pid = self._process.pid

    def wait(self, seconds: float) -> int | None:
        """As of `Process`."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None


class Warm:
    """A command of the command line, forked from a process that has imported everything and done nothing."""

    def __init__(self, arguments: Sequence[str], folder: Path, env: Mapping[str, str], said: Path) -> None:
        self._process = _FORKS.Process(target=_run, args=(list(arguments), folder, dict(env), said))
        with _ASKING:
            self._process.start()
        self.pid = self._process.pid or 0

    def wait(self, seconds: float) -> int | None:
        """As of `Process`."""
        connection.wait([self._process.sentinel], seconds)
        with _ASKING:
            return self._process.exitcode


def _run(arguments: list[str], folder: Path, env: dict[str, str], said: Path) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None
    file = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    faulthandler.enable(file=2)  # a process that a library crashes says where it was
    from copilot_assets.shell.cli import main

    sys.argv = ["copilot-assets", *arguments]
    main()
