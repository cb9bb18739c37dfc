"""PostgreSQL that goes and comes back, files that can't be written: a sentence, a red day, nothing lost, and a way on.

No sentence holds the password that the address has.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import dagster as dg
import psycopg2
import pytest

from copilot_assets.github.client import GitHubClient
from copilot_assets.standin import Standin
from copilot_assets.warehouse.landing import _insert_records
from copilot_assets.warehouse.store import WarehouseError
from tests.conftest import TODAY, Company
from tests.lake.lakes import Lake, Worker, new_lake
from tests.lake.test_processes import started
from tests.people.test_forget import Shelf, user
from tests.postgres import PASSWORD, Postgres, a_postgres

FIRST, LAST = TODAY - timedelta(days=6), TODAY - timedelta(days=5)


@dataclass
class Unsteady:
    """A PostgreSQL that can be stopped, and started again with its data and at its port."""

    server: Postgres
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        with closing(psycopg2.connect(self.server.url)) as connection, connection.cursor() as cursor:
            cursor.execute("show data_directory")
            self.data = Path(cursor.fetchall()[0][0])

    @property
    def _number(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        """Send away whoever is connected, at once."""
        number = self._number
        self.command = Path(f"/proc/{number}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        self.env = dict(
            each.split(b"=", 1) for each in Path(f"/proc/{number}/environ").read_bytes().split(b"\0") if each
        )
        os.kill(number, signal.SIGINT)
        until = monotonic() + 30
        while (self.data / "postmaster.pid").exists():
            assert monotonic() < until
            sleep(0.05)

    def start(self) -> None:
        user = "nobody" if os.geteuid() == 0 else None
        self.started.append(subprocess.Popen(self.command, user=user, env=self.env, cwd=self.data))
        until = monotonic() + 30
        while True:
            with suppress(psycopg2.OperationalError), closing(psycopg2.connect(self.server.url)):
                return
            assert monotonic() < until
            sleep(0.05)

    def end(self) -> None:
        for process in self.started:
            process.send_signal(signal.SIGINT)
            process.wait(30)


@pytest.fixture
def unsteady() -> Iterator[Unsteady]:
    with a_postgres() as server:
        unsteady = Unsteady(server)
        yield unsteady
        unsteady.end()


@pytest.fixture
def lake_there(unsteady: Unsteady, tmp_path: Path) -> Lake:
    """A lake in it."""
    lake = new_lake(unsteady.server, tmp_path / "there")
    lake.warehouse.migrate()
    return lake


def test_the_day_that_postgres_was_gone_is_red_alone_and_comes_with_the_next_run(
    unsteady: Unsteady, lake_there: Lake, small_github: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = GitHubClient.fetch_days

    async def by_day(
        client: GitHubClient, report: Any, scopes: Any, days: Sequence[date], folder: Path, deliver: Any
    ) -> None:
        for day in days:
            if day == LAST:
                unsteady.stop()
            await fetched(client, report, scopes, [day], folder, deliver)

    with dg.DagsterInstance.ephemeral() as instance:
        company = Company(lake_there.installed(small_github), instance)
        with monkeypatch.context() as patch:
            patch.setattr(GitHubClient, "fetch_days", by_day)
            (sentence, *more) = company.load(FIRST, LAST, "raw.users_1_day")
        assert more == []
        assert re.match(
            r"The catalogue of ducklake:postgres:host=\S+ port=\d+ dbname=\w+ user=\w+ (went away|can't be reached)",
            sentence,
        ), sentence
        assert "run this again" in sentence.lower()
        assert PASSWORD not in sentence
        assert company.materialized("raw", "users_1_day") == {FIRST}

        with pytest.raises(WarehouseError, match="can't be reached"):
            company.load(LAST, LAST, "raw.users_1_day")
        unsteady.start()
        assert company.load(LAST, LAST, "raw.users_1_day") == [], "in the same process"
        assert company.materialized("raw", "users_1_day") == {FIRST, LAST}
    days = "select day, count(*) > 0 from raw.records group by day order by day"
    assert Worker(company.env).sql(days) == [(FIRST, True), (LAST, True)]


def test_postgres_that_goes_in_the_middle_of_a_landing_takes_nothing_along(
    unsteady: Unsteady, lake_there: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = on_shelf(lake_there)
    shelf.take("users-1-day", [user(1, "ann")])

    with monkeypatch.context() as patch:
        patch.setattr("copilot_assets.warehouse.landing._insert_remarks", lambda *_: unsteady.stop())
        gone = r"(went away in the middle|can't be reached).* What (was not finished|landed before)"
        with pytest.raises(WarehouseError, match=gone) as told:
            shelf.take("users-1-day", [user(2, "bob")])
    assert PASSWORD not in str(told.value)
    with pytest.raises(WarehouseError, match="can't be reached"), lake_there.warehouse.read():
        pass
    assert lake_there.warehouse.size_bytes() == 0
    unsteady.start()
    assert shelf.sql("select payload ->> 'user_login' from raw.records") == [("ann",)]
    shelf.take("users-1-day", [user(2, "bob")])
    assert shelf.sql("select payload ->> 'user_login' from raw.records") == [("bob",)]


@pytest.mark.parametrize(
    "address", ["host=127.0.0.1 port=1 dbname=x user=y password={}", "postgresql://y:{}@127.0.0.1:1/x"]
)
def test_no_postgres_is_a_sentence_without_the_password(tmp_path: Path, address: str) -> None:
    secret = "pass-word'with=signs" if "=x" in address else "pass-word"
    quoted = "'" + secret.replace("'", r"\'") + "'" if "=x" in address else secret
    lake = Lake("", f"ducklake:postgres:{address.format(quoted)}", str(tmp_path / "data"), tmp_path)
    for ask in (lake.warehouse.migrate, lake.warehouse.exists, lambda: lake.warehouse.connect().__enter__()):
        with pytest.raises(WarehouseError, match=r"can't be reached \(.*Connection refused") as told:
            ask()
        assert "pass-word" not in str(told.value)
        assert "with=signs" not in str(told.value)


# --- Files that can't be written -------------------------------------------------------------------------------------

MANY = [user(person, f"person-{person}") for person in range(1, 1_500)]  # more than the catalogue takes


def on_shelf(lake: Lake) -> Shelf:
    shelf = Shelf(lake.here)
    shelf.warehouse = lake.warehouse  # type: ignore[assignment]
    return shelf


def test_a_disk_that_is_full_is_a_sentence_and_the_day_comes_later(lake: Lake) -> None:
    shelf = on_shelf(lake)
    shelf.take("users-1-day", MANY[:1])
    process = started(land_on_a_small_disk, lake)
    process.join(60)
    assert process.exitcode == 0
    assert shelf.sql("select count(*) from raw.records") == [(1,)]
    shelf.take("users-1-day", MANY)
    assert shelf.sql("select count(*) from raw.records") == [(len(MANY),)]


def land_on_a_small_disk(lake: Lake) -> None:
    """In a process of its own: no file may be larger than what a disk has left. It goes on when there is room again."""
    shelf = on_shelf(lake)
    shelf.landed = 10  # so that what comes is other content than what is there
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:

        def starved(*arguments: Any) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
            try:
                _insert_records(*arguments)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

        patch.setattr("copilot_assets.warehouse.landing._insert_records", starved)
        with pytest.raises(WarehouseError, match=r"files of ducklake:.* Look at the disk or the bucket") as told:
            shelf.take("users-1-day", MANY)
    assert PASSWORD not in str(told.value)
    assert shelf.sql("select count(*) from raw.records") == [(1,)]


def test_a_folder_that_cannot_be_written_is_a_sentence(lake: Lake) -> None:
    shelf = on_shelf(lake)
    shelf.take("users-1-day", MANY[:1])
    # Whoever is root may write any folder: a file stands in its place.
    folder = Path(lake.data) / "raw" / "records"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        folder.rmdir()
    folder.write_text("")
    with pytest.raises(WarehouseError, match="Look at the disk or the bucket of COPILOT_LAKE_DATA") as told:
        shelf.take("users-1-day", MANY)
    assert PASSWORD not in str(told.value)
    assert shelf.sql("select count(*) from raw.records") == [(1,)]
    folder.unlink()
    shelf.take("users-1-day", MANY)
    assert shelf.sql("select count(*) from raw.records") == [(len(MANY),)]
