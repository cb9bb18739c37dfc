"""The stand-in over real sockets, as any client meets it; every test gets it without faults and on the same day."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from copilot_assets.standin import Fault, Standin

TODAY = date(2026, 11, 22)
ENTERPRISE, ORG, LABS = "enterprise:octo-corp", "org:octo-org", "org:octo-labs"


@pytest.fixture(scope="session")
def _running() -> Iterator[Standin]:
    with Standin(today=TODAY, legacy_open=True) as standin:
        yield standin


@pytest.fixture
def standin(_running: Standin) -> Iterator[Standin]:
    _running.requests.clear()
    yield _running
    _running.faults = []
    _running.today = TODAY


class Client:
    """A GitHub client of few words."""

    def __init__(self, standin: Standin) -> None:
        self.standin = standin
        # No TLS here, and the certificates that httpx would load for each client take a tenth of a second.
        self.http = httpx.Client(base_url=standin.api_url, headers={"authorization": "Bearer good"}, verify=False)  # noqa: S501
        self.plain = httpx.Client(verify=False)  # noqa: S501

    def get(self, path: str, **params: object) -> httpx.Response:
        return self.http.get(path, params={k: str(v) for k, v in params.items()} or None)

    def report(self, scope: str, report: str, day: date | None = None) -> httpx.Response:
        root = scope.replace("org:", "/orgs/").replace("enterprise:", "/enterprises/")
        return self.get(f"{root}/copilot/metrics/reports/{report}", **({"day": day} if day else {}))

    def files(self, answer: httpx.Response) -> list[bytes]:
        assert answer.status_code == 200, answer.text
        return [self.plain.get(link).raise_for_status().content for link in answer.json()["download_links"]]

    def rows(self, scope: str, report: str, day: date | None = None) -> list[dict[str, Any]]:
        files = self.files(self.report(scope, report, day))
        return [json.loads(line) for file in files for line in file.splitlines()]


@pytest.fixture(scope="session")
def _connected(_running: Standin) -> Client:
    return Client(_running)


@pytest.fixture
def client(_connected: Client, standin: Standin) -> Client:
    assert _connected.standin is standin
    return _connected


@pytest.fixture
def final_day(standin: Standin) -> Callable[..., date]:
    """A working day that is final and lost for none of the scopes asked about, nor are the days it looks back on."""

    def find(*scopes: str, back: int = 1, before: date = TODAY) -> date:
        day = before - timedelta(days=4)
        while day.weekday() > 4 or any(
            standin.world.is_lost(scope, day - timedelta(days=n)) for scope in scopes for n in range(back)
        ):
            day -= timedelta(days=1)
        return day

    return find


@pytest.fixture
def fault(standin: Standin) -> Callable[..., Fault]:
    """Switch a fault on."""

    def on(name: str, **where: Any) -> Fault:
        standin.faults.append(Fault(name, **where))
        return standin.faults[-1]

    return on
