"""Many processes at once: nothing is lost or doubled, readers see days whole, and whoever is killed holds up nobody.

`KILLS=20` is the long form: four workers backfill 120 days of two scopes, one of them is killed at random so many
times, and a reader looks on all the while. What is killed when is arbitrary, but fixed by the number of the kill.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from multiprocessing.process import BaseProcess
from random import Random
from time import monotonic, sleep
from types import ModuleType
from typing import Any, Final

import dagster as dg
import pytest

from copilot_assets.flat import refresh
from copilot_assets.flat.refresh import make_tables
from copilot_assets.standin import Fault, Standin
from copilot_assets.warehouse import landing
from tests.conftest import KEY, TODAY, Company
from tests.lake.lakes import Lake, Worker, differences, settings

KILLS: Final = int(os.environ.get("KILLS", "0"))
WORKERS, DAYS = (4, 120) if KILLS else (2, 4)
LEDGER: Final = ("raw", "fetches")
FLAT: Final = ("flat", "user_daily")
REPORTS: Final = ("users-1-day", "organization-1-day")
LAST: Final = TODAY - timedelta(days=5)
# A killed process is gone for PostgreSQL as soon as its connection is.
FREE_SECONDS: Final = 5.0

# Processes that begin with everything loaded, and with none of this one's threads.
PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.lake.lakes"])


def started(work: Callable[..., None], *arguments: Any) -> BaseProcess:
    process = PROCESSES.Process(target=work, args=arguments)
    process.start()
    return process


def backfill(env: dict[str, str], first: date, last: date) -> None:
    """What a worker does: land its days a few at a time, and flatten what landed."""
    worker = Worker(env)
    for day in range(0, (last - first).days + 1, 10):
        begin = first + timedelta(days=day)
        assert worker.fetch(begin, min(last, begin + timedelta(days=9)), *REPORTS) == []
    worker.flatten(*REPORTS)


def look(env: dict[str, str], whole: dict[tuple[Any, ...], int], until: Any, looks: Any) -> None:
    """What a reader does: look at all days again and again, and end with an error at one that is there by half."""
    while not until.is_set():
        found = Worker(env).sql(COUNTS)
        odd = [row for row in found if whole.get(row[:3]) != row[3]]
        assert not odd, odd
        looks.value += 1


# Records by scope, report and day. Who reads while a day is replaced must not see it twice, or gone.
COUNTS: Final = "select scope, report, day, count(*) from raw.records group by all"


@pytest.fixture(scope="module")
def github() -> Iterator[Standin]:
    with Standin(today=TODAY, people=40) as standin:
        yield standin


@pytest.fixture(scope="module")
def alone(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """The same days, landed and flattened by one process in a file, which has all tables as a lake has."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "copilot.key").write_text(KEY.hex())
    worker = Worker(settings(github, COPILOT_WAREHOUSE=str(folder / "copilot.duckdb")))
    first = LAST - timedelta(days=DAYS - 1)
    backfill(worker.env, first, LAST)
    with worker.warehouse.connect() as connection:
        make_tables(connection)
    return worker


@pytest.fixture
def reader(lake: Lake, github: Standin, alone: Worker) -> Iterator[Any]:
    """Looks at the lake as long as the test goes on; how often it has."""
    whole = {row[:3]: row[3] for row in alone.sql(COUNTS)}
    until, looks = PROCESSES.Event(), PROCESSES.Value("i", 0)
    process = started(look, lake.installed(github), whole, until, looks)
    yield looks
    until.set()
    process.join(60)
    assert process.exitcode == 0
    assert looks.value > 0


def parts() -> list[tuple[date, date]]:
    """The days of each worker."""
    size = DAYS // WORKERS
    first = LAST - timedelta(days=DAYS - 1)
    return [(first + timedelta(n * size), first + timedelta((n + 1) * size - 1)) for n in range(WORKERS)]


def assert_nothing_is_lost_or_doubled(lake: Worker, alone: Worker) -> None:
    records = "select scope, report, day, seq, payload::varchar from raw.records order by all"
    assert lake.sql(records) == alone.sql(records)
    assert list(differences(alone.tables("flat"), lake.tables("flat"))) == []
    counted = "select scope, report, day, outcome, records, sha256 from raw.current_fetches order by all"
    assert lake.sql(counted) == alone.sql(counted)
    numbers = "select list(entry_number order by entry_number) = range(1, count(*) + 1) from raw.fetches"
    assert lake.sql(numbers) == [(True,)]


def test_two_processes_land_the_same_days_at_once(lake: Lake, github: Standin, alone: Worker, reader: Any) -> None:
    (first, _), (_, last) = parts()[0], parts()[-1]
    last = min(last, first + timedelta(days=3))
    both = [started(backfill, lake.installed(github), first, last) for _ in range(2)]
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    worker = Worker(lake.installed(github))
    of_both = f"select count(*) from raw.fetches where day between '{first}' and '{last}'"
    assert worker.sql(of_both)[0][0] == 2 * alone.sql(of_both)[0][0]
    if not KILLS:  # else there are more days
        assert_nothing_is_lost_or_doubled(worker, alone)


def test_whoever_is_killed_takes_nothing_along(
    lake: Lake, github: Standin, alone: Worker, reader: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    env = lake.installed(github)
    began, waits, ends = monotonic(), [], 0
    at_work = [(part, started(backfill, env, *part)) for part in parts()]
    for number in range(KILLS or 2):
        dice = Random(number)
        sleep(dice.uniform(0.2, 6.0 if KILLS else 2.5))
        place = dice.randrange(len(at_work))
        part, process = at_work[place]
        if process.is_alive():
            ends += 1
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        waits.append(seconds_for_a_turn(lake))
        at_work[place] = part, started(backfill, env, *part)
    for _, process in at_work:
        process.join(600)
        assert process.exitcode == 0
    if KILLS:
        with capsys.disabled():
            print(
                f"\n{WORKERS} workers, {DAYS} days: {ends} of {KILLS} killed at work, {reader.value} looks, "
                f"{monotonic() - began:.0f} s; a turn came after {max(waits):.1f} s at most"
            )
    assert_nothing_is_lost_or_doubled(Worker(env), alone)


def seconds_for_a_turn(lake: Lake) -> float:
    """How long it takes to be let land, while others are at work too."""
    began = monotonic()
    with lake.warehouse.connect("landing"):
        return monotonic() - began


def test_the_turn_of_whoever_is_killed_is_free_at_once(lake: Lake) -> None:
    taken = PROCESSES.Event()
    process = started(hold, lake, taken)
    assert taken.wait(30)
    os.kill(process.pid or 0, signal.SIGKILL)
    assert seconds_for_a_turn(lake) < FREE_SECONDS


def hold(lake: Lake, taken: Any) -> None:
    with lake.warehouse.connect("landing", "tables") as connection:
        connection.begin()
        connection.execute("delete from raw.expected_reports")
        taken.set()
        sleep(600)


def test_what_somebody_got_in_the_way_of_is_done_anew_and_counted(
    lake: Lake, small_github: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a `delete` by hand, which waits for no turn."""

    def once_in_the_middle_of(module: ModuleType, name: str, statement: str) -> None:
        work, statements = getattr(module, name), [statement]

        def disturbed(*arguments: Any) -> None:
            if statements:
                with lake.warehouse._opened() as another:
                    another.execute(statements.pop())
            work(*arguments)

        monkeypatch.setattr(module, name, disturbed)

    tables = ("raw.users_1_day", "flat.user_daily")
    with dg.DagsterInstance.ephemeral() as instance:
        company = Company(lake.installed(small_github), instance)
        assert company.load(LAST, LAST, *tables) == []
        before = Worker(company.env).tables("flat")
        small_github.faults = [Fault("unknown-field")]  # another content, which takes the place of that
        once_in_the_middle_of(landing, "_insert_remarks", "delete from raw.records")
        once_in_the_middle_of(refresh, "append", "delete from flat.user_daily")
        assert company.load(LAST, LAST, *tables) == []
        found = [instance.get_latest_materialization_event(dg.AssetKey(each)) for each in (LEDGER, FLAT)]
    told = [event.asset_materialization for event in found if event]
    assert [each.metadata["transactions_begun_anew"].value for each in told if each] == [1, 1]
    after = Worker(company.env).tables("flat")
    assert [name for name, _, _ in differences(before, after)] == ["flat.sources"], "whose content is another"
