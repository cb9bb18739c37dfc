"""The progress of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from copilot_assets.shell.interrupts import at_interrupt
from copilot_assets.shell.screen import out


@contextmanager
def reading() -> Iterator[Callable[[int], None]]:
    """How much has been read of files, on a terminal; elsewhere nothing, as it takes seconds."""
    if not out.is_terminal:
        yield lambda count: None
        return
    columns = (TextColumn("reading"), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress, at_interrupt(progress.stop):
        task = progress.add_task("reading", total=None)
        yield lambda count: progress.update(task, advance=count)
        progress.stop()


@contextmanager
def progress(total: int) -> Iterator[Callable[[str, date], None]]:
    """A bar on a terminal; elsewhere a plain line for each tenth of the way."""
    if not out.is_terminal:
        done = 0

        def plain(report: str, day: date) -> None:
            nonlocal done
            done += 1
            if done * 10 // total > (done - 1) * 10 // total:
                out.print(f"{done} of {total} (report, day) done; {report} at {day}.")

        yield plain
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress, at_interrupt(progress.stop):
        task = progress.add_task("starting", total=total)

        def bar(report: str, day: date) -> None:
            progress.update(task, advance=1, description=f"{report} {day}")
            if progress.finished:
                progress.update(task, description="flattening and rebuilding")

        yield bar
