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
from copilot_assets.shell.screen import answer, out


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
def progress(total: int) -> Iterator[Callable[[str, date, bool], None]]:
    """A bar on a terminal; elsewhere a plain line for each tenth of the way. What failed is counted apart."""
    done = failed = 0

    def count(has_failed: bool) -> str:
        nonlocal done, failed
        done, failed = done + 1, failed + has_failed
        return f"{failed:,} failed" if failed else ""

    if not out.is_terminal:

        def plain(report: str, day: date, has_failed: bool) -> None:
            failures = count(has_failed)
            if done * 10 // total > (done - 1) * 10 // total:
                of_these = f", of which {failures}" if failures else ""
                answer(f"{done} of {total} (report, day) done{of_these}; {report} at {day}.")

        yield plain
        return
    failures = TextColumn("{task.fields[failures]}", style="red")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), failures, TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress, at_interrupt(progress.stop):
        task = progress.add_task("starting", total=total, failures="")

        def bar(report: str, day: date, has_failed: bool) -> None:
            progress.update(task, advance=1, description=f"{report} {day}", failures=count(has_failed))
            if progress.finished:
                progress.update(task, description="flattening and rebuilding")

        yield bar
