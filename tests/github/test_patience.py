"""Waiting: every wait has an end, is said, and is not made again and again."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_assets.github import patience
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.patience import FEW
from copilot_assets.standin import Fault, Standin
from tests.conftest import TODAY
from tests.github.test_client import LABS, ORG, a_day, fetch
from tests.github.test_pages import Lists

DRIP = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
DAYS = [TODAY - timedelta(days=age) for age in range(8, 38)]


class Deaf:
    """A server that takes connections and never answers, or a byte at a time and never ends."""

    def __init__(self, drip: bytes = b"") -> None:
        self.connections = 0
        self._drip = drip

    @contextmanager
    def serving(self) -> Iterator[Any]:
        listener = socket.create_server(("127.0.0.1", 0))
        self.api_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                self.connections += 1
                held.append(connection)
                if self._drip:
                    threading.Thread(target=self._answer, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield self
        finally:
            listener.close()
            for connection in held:
                connection.close()

    def _answer(self, connection: socket.socket) -> None:
        try:
            connection.sendall(self._drip)
            while True:
                time.sleep(0.01)
                connection.sendall(b" ")
        except OSError:
            return


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits as in life, but for one: a tenth of a second stands for minutes."""
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 0.1)
    monkeypatch.setattr(patience, "FILE_SECONDS", 0.1)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("drip", [b"", DRIP], ids=["never answers", "one byte a second"])
def test_a_server_without_an_end_is_cut_off_said_and_given_up(
    drip: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Deaf(drip).serving() as server, caplog.at_level(logging.WARNING, "copilot_assets"):
        began = time.monotonic()
        got = fetch(server, tmp_path, report="organization-1-day", scopes=[ORG], days=DAYS)
        took = time.monotonic() - began
    assert {each.outcome for each in got} == {Outcome.FAILED}
    assert len(got) == len(DAYS), "every day says what came of it"
    assert server.connections < 8 + FEW, "those that were under way when the first few had ended"
    assert took < 2
    evidence = {each.evidence for each in got}
    assert "127.0.0.1 gave no whole answer within 0 seconds, with all retries." in " ".join(evidence)
    assert sum("is given up for this run" in each.evidence for each in got) == len(DAYS) - server.connections
    assert sum("127.0.0.1 gave nothing 3 times in a row" in said for said in caplog.messages) == 1
    assert (
        sum(said.startswith("Waiting for 127.0.0.1, which has not answered yet: until ") for said in caplog.messages)
        == 1
    )


@pytest.mark.usefixtures("short")
def test_a_storage_that_drips_ends_its_files_and_the_api_goes_on(tmp_path: Path) -> None:
    paths = {day: f"/orgs/octo-org/copilot/metrics/reports/organization-1-day?day={day}" for day in DAYS[:6]}
    with Deaf(DRIP).serving() as storage:
        body = {"download_links": [f"{storage.api_url}/file?sig=SECRET"]}
        api = Lists({path: {**body, "report_day": str(day)} for day, path in paths.items()})
        with api.serving():
            got = fetch(api, tmp_path, report="organization-1-day", days=DAYS[:6], in_flight=1)  # type: ignore[arg-type]
    assert {each.outcome for each in got} == {Outcome.FAILED}
    evidence = [each.evidence for each in got]
    assert sum("127.0.0.1, where GitHub keeps report files, gave no whole answer" in each for each in evidence) == FEW
    assert len(api.asked) == storage.connections == FEW
    assert "SECRET" not in str(got)


def test_a_scope_that_gives_no_answer_is_given_up_and_others_go_on(standin: Standin, tmp_path: Path) -> None:
    standin.faults.append(Fault("cut-connection", scope="org:octo-labs"))
    standin.requests.clear()
    got = fetch(standin, tmp_path, report="organization-1-day", scopes=[ORG, LABS], days=DAYS, in_flight=1)
    of_labs = [each for each in got if each.scope == LABS]
    assert {each.outcome for each in of_labs} == {Outcome.FAILED}
    assert sum("organization-1-day of org:octo-labs gave nothing 3 times in a row" in e.evidence for e in of_labs) == (
        len(DAYS) - FEW
    )
    assert Outcome.FAILED not in {each.outcome for each in got if each.scope == ORG}


def test_bad_days_that_are_answered_give_up_nothing(standin: Standin, tmp_path: Path) -> None:
    bad = DAYS[1:6]
    standin.faults.extend(Fault("500", day=day) for day in bad)
    got = fetch(standin, tmp_path, report="organization-1-day", days=DAYS[:8], in_flight=1)
    assert [each.day for each in got if each.outcome is Outcome.FAILED] == bad


def test_a_wait_that_github_asks_for_is_said_once_with_its_end_and_is_not_cut_off(
    standin: Standin, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 5)
    standin.faults.append(Fault("rate-limit-untold", times=8))
    days: list[date] = [a_day(standin) - timedelta(days=back) for back in range(8)]
    with caplog.at_level(logging.WARNING, "copilot_assets"):
        got = fetch(standin, tmp_path, report="organization-1-day", days=days)
    assert Outcome.FAILED not in {each.outcome for each in got}
    (said,) = caplog.messages
    assert "The rate limit is used up" in said
    assert " UTC at the latest, in 60 seconds." in said
