"""How long it takes until something can be done: loading the definitions, and `dagster dev` until the UI answers.

Beside them what Dagster takes for itself: `import dagster` in a process of its own, `dagster dev` with nothing in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

from rich.table import Table

from benchmarks.scene import Home, Spent, environment, settings
from copilot_assets.now import today_utc
from copilot_assets.shell.demo import end_group
from tests.listeners import free_port

_LONGEST_SECONDS: Final = 120
_NOTHING: Final = "import dagster as dg\n\ndefs = dg.Definitions()\n"
_LOAD: Final = "from copilot_assets.definitions import build_defs\n\nbuild_defs()"
# The target is half a second over what takes Dagster about as long itself; a busy machine makes both longer.
BROKEN: Final = 3.0


@dataclass(frozen=True)
class Start:
    """What a start takes; medians of the runs.

    Attributes:
        dagster: `import dagster`.
        definitions: importing the definitions and building them.
        dev_seconds: `dagster dev` until the UI answers.
        empty_dev_seconds: the same with definitions that define nothing.
    """

    dagster: Spent
    definitions: Spent
    dev_seconds: float
    empty_dev_seconds: float


def measure_start(*, runs: int, imports: int) -> Start:
    """Start everything `runs` times, the imports `imports` times as often."""
    alone, loads, devs, empty_devs = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="copilot-bench-") as name:
        nothing = Path(name) / "nothing.py"
        nothing.write_text(_NOTHING)
        # Nobody answers there: a start asks GitHub for nothing.
        start = today_utc() - timedelta(days=365)
        home = Home(Path(name) / "home", settings("http://127.0.0.1:9", ["org:octo-org"], start))
        home.run("-c", _LOAD)  # the files are read from the disk once
        for _ in range(runs):
            for _ in range(imports):
                alone.append(home.run("-c", "import dagster"))
                loads.append(home.run("-c", _LOAD))
            devs.append(_dev(home, "-m", "copilot_assets.definitions"))
            empty_devs.append(_dev(home, "-f", str(nothing)))
    return Start(Spent.median(alone), Spent.median(loads), median(devs), median(empty_devs))


def _dev(home: Home, *which: str) -> float:
    """Seconds from the start of `dagster dev` until its web server answers, by when it has loaded the definitions."""
    port = free_port()
    command = [sys.executable, "-m", "dagster", "dev", *which, "-p", str(port)]
    began = time.perf_counter()
    # A group of its own, ended as a whole: `dagster dev` is five processes.
    process = subprocess.Popen(
        command,
        cwd=home.folder,
        env=environment(home.folder, home.settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - began > _LONGEST_SECONDS:
                raise RuntimeError(f"{' '.join(command)} did not come up.")
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        end_group(process)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def table_start(start: Start) -> Table:
    """A row for each start."""
    table = Table(
        title="Start\nthe definitions are to take at most 0.5 s over `import dagster` on an idle machine",
        title_justify="left",
    )
    for column in ("what", "seconds", "CPU seconds", "MB", "ours : Dagster's"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, spent in (("import dagster", start.dagster), ("load the definitions", start.definitions)):
        ratio = spent.over(start.dagster)
        table.add_row(name, f"{spent.seconds:.2f}", f"{spent.cpu_seconds:.2f}", f"{spent.megabytes:.0f}", f"{ratio}")
    over = start.definitions.seconds - start.dagster.seconds
    over_cpu = start.definitions.cpu_seconds - start.dagster.cpu_seconds
    table.add_row("the definitions over it", f"{over:.2f}", f"{over_cpu:.2f}", "", "")
    table.add_section()
    table.add_row("dagster dev of nothing", f"{start.empty_dev_seconds:.2f}", "", "", "1.00")
    ratio_dev = start.dev_seconds / start.empty_dev_seconds
    table.add_row("dagster dev until the UI answers", f"{start.dev_seconds:.2f}", "", "", f"{ratio_dev:.2f}")
    return table


def broken_start(start: Start) -> list[str]:
    """A sentence for each figure that no machine excuses."""
    ratio = start.definitions.over(start.dagster)
    if ratio.least <= BROKEN:
        return []
    return [f"Loading the definitions takes {ratio} times `import dagster`; more than {BROKEN} is broken."]
