"""A file and a lake to which the same things happen, through the same sockets and by the same steps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from copilot_assets.github.reports import REPORTS as ALL_REPORTS
from copilot_assets.standin import Standin
from copilot_assets.warehouse.raw import make_report_views
from copilot_assets.warehouse.tables import transaction
from tests.conftest import KEY, TODAY
from tests.lake.lakes import Lake, Worker, differences, settings

# A report of every kind: a lake pays for each table, and what one of them goes through they all do.
REPORTS = (
    *("users-1-day", "user-teams-1-day", "organization-1-day", "enterprise-1-day", "ai-credit-usage"),
    *("copilot-seats", "budgets", "organization-28-day"),
)
# Fetched while GitHub may still revise it, and again when it no longer does.
FIRST, LAST = TODAY - timedelta(days=2), TODAY - timedelta(days=1)
MONTH = date(2024, 7, 1)


@dataclass
class Pair:
    """A file and a lake to which the same things happen."""

    github: Standin
    folder: Path
    file: Worker
    lake: Worker

    @property
    def both(self) -> tuple[Worker, Worker]:
        return self.file, self.lake

    def backfill(self) -> None:
        for worker in self.both:
            assert worker.fetch(FIRST, LAST, *REPORTS) == []

    def revise(self) -> None:
        """A week later people were seen of whom nothing was known on the day after."""
        before = self._reports()
        self.github.today = TODAY + timedelta(days=7)
        for worker in self.both:
            worker.today = TODAY + timedelta(days=7)
            assert worker.fetch(FIRST, LAST, "users-1-day", "organization-1-day", "user-teams-1-day") == []
        assert self._reports() != before

    def forget(self) -> None:
        """The person who was the most active, also on a day that is revised later."""
        ((login,), *_) = self.file.sql(
            "select payload ->> 'user_login' from raw.records where report = 'users-1-day' "
            "group by 1 order by sum((payload ->> 'user_initiated_interaction_count')::int) desc, 1"
        )
        for worker in self.both:
            worker.forget(login)
        assert not self.file.sql(f"from raw.records where payload::varchar like '%\"{login}\"%'")

    def bring(self) -> None:
        days = [{"date": str(MONTH + timedelta(n)), "total_active_users": 20 + n} for n in range(9)]
        kept = self.folder / "kept.json"
        kept.write_text(json.dumps(days))
        for worker in self.both:
            worker.bring(kept, "org:octo-labs")

    def flatten(self) -> None:
        for worker in self.both:
            worker.flatten()

    def build(self) -> None:
        for worker in self.both:
            worker.build()

    def assert_equal(self, *schemas: str) -> None:
        file, lake = (worker.tables(*schemas) for worker in self.both)
        assert list(differences(file, lake)) == []
        assert sum(map(len, file.values())) > 300
        numbers = "select list(entry_number order by entry_number) = range(1, count(*) + 1) from raw.fetches"
        assert [worker.sql(numbers) for worker in self.both] == [[(True,)], [(True,)]]

    def _reports(self) -> list[tuple[object, ...]]:
        return self.lake.sql(f"select payload::varchar from raw.records where day = '{FIRST}' order by all")


def new_pair(github: Standin, folder: Path, lake: Lake) -> Pair:
    """Nothing has happened to them yet."""
    path = folder / "file" / "copilot.duckdb"
    path.parent.mkdir()
    (path.parent / "copilot.key").write_text(KEY.hex())
    file = Worker(settings(github, COPILOT_WAREHOUSE=str(path)))
    with file.warehouse.connect() as connection, transaction(connection):  # as a run of all raw assets does
        make_report_views(connection, ALL_REPORTS)
    return Pair(github, folder, file, Worker(lake.installed(github)))
