"""What is shown while a run fetches: done and failed, on a terminal and elsewhere."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from copilot_assets.shell import progress as shown
from copilot_assets.shell import screen as consoles
from tests.conftest import TODAY


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> StringIO:
    screen = StringIO()
    console = Console(file=screen, force_terminal=request.param, width=100, color_system=None)
    for module in (shown, consoles):
        monkeypatch.setattr(module, "out", console)
    return screen


@pytest.mark.parametrize("screen", [False], indirect=True)
def test_a_line_for_each_tenth_tells_failures_apart(screen: StringIO) -> None:
    with shown.progress(20) as on_day:
        for number in range(4):
            on_day("users-1-day", TODAY, number == 2)
    assert screen.getvalue() == (
        "2 of 20 (report, day) done; users-1-day at 2026-10-01.\n"
        "4 of 20 (report, day) done, of which 1 failed; users-1-day at 2026-10-01.\n"
    )


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_the_bar_tells_failures_apart(screen: StringIO) -> None:
    with shown.progress(3) as on_day:
        on_day("users-1-day", TODAY, False)
        on_day("users-1-day", TODAY, True)
    assert "2/3 1 failed" in screen.getvalue()
