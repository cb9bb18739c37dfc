"""Thirty days of the daily schedule against a GitHub on which things go wrong: each hole ends with its true cause.

The tables of what is expected are written by hand from what is done to the stand-in, a letter a day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from copilot_assets.definitions import build_defs
from copilot_assets.shell.runs import rebuild
from copilot_assets.standin import Fault, Standin
from tests.conftest import Company, new_company

ORG, LABS, TEAM = "org:octo-org", "org:octo-labs", "team:octo-org/release"
FIRST, LAST = date(2026, 8, 17), date(2026, 9, 15)  # both a Monday and a Tuesday: thirty days
RAW = ("expected_reports", "organization_1_day", "users_1_day", "user_teams_1_day", "legacy_metrics", "copilot_seats")
UNASKED = "organization-28-day,repos-1-day,copilot-billing,ai-credit-usage,premium-request-usage"

# The run of a morning asks for the four days before it. What went wrong, and on the run of which morning:
OUTAGE = [date(2026, 8, day) for day in range(20, 25)]  # GitHub answers 503 about octo-labs
POLICY_OFF = [date(2026, 8, 27), date(2026, 8, 28)]  # in octo-org
LATE, NOT_YET = date(2026, 9, 7), [date(2026, 9, 8), date(2026, 9, 9)]  # GitHub has no users-1-day of octo-org yet
SWITCHED_OFF = [date(2026, 8, 31), *(date(2026, 9, day) for day in range(1, 6))]  # our own machine
# The stand-in itself never has 29 August of octo-org and 4 September of octo-labs, and its team `release` has four
# seated people until 31 August and five from 1 September on.

LETTERS = {
    "R": "reported",
    "P": "provisional",
    "Z": "zero_activity",
    "F": "failed",
    "N": "not_requested",
    "O": "no_report",
    "S": "below_threshold_suspected",
    "T": "retired",
}
# fmt: off
#                                  17 August ... 31   1 September .. 15
EXPECTED = {
    (ORG, "organization-1-day"):  "RRRRRRPPRRPPNNN NRRRRRRRRRRRPPP",
    (ORG, "users-1-day"):         "RRRRRRPPRRPPNNN NRRRRRRRRRRRPPP",
    (ORG, "user-teams-1-day"):    "RRRRRRPPRRPPNNN NRRRRRRRRRRRPPP",
    (ORG, "legacy-metrics"):      "RRRRRRRRRRRRTTT TRRRRRRRRRRRRRP",
    (LABS, "organization-1-day"): "PPFFRRRRRRPPPNN NRRORRRRRRRRPPP",
    (LABS, "users-1-day"):        "PPFFRRRRRRPPPNN NRRORRRRRRRRPPP",
    (LABS, "user-teams-1-day"):   "PPFFRRRRRRPPPNN NRRORRRRRRRRPPP",
    (LABS, "legacy-metrics"):     "RPFFRRRRRRRRPTT TRRORRRRRRRRRRP",
    (TEAM, "legacy-metrics"):     "SSSSSSSSSSSSTTT TRRRZZRRRRRZRRP",
}
RELEASE =                         "SSSSSSSSSSSSNNN NRRRRRRRRRRRPPP"
# fmt: on


def days_of(letters: str) -> dict[date, str]:
    return {FIRST + timedelta(days=n): LETTERS[letter] for n, letter in enumerate(letters.replace(" ", ""))}


class Month:
    """The company, its Dagster instance and code location as of the last start, and the stand-in's clock."""

    def __init__(self, standin: Standin, folder: Path) -> None:
        self.standin, self.folder = standin, folder
        self.instances = ExitStack()
        self.start()

    def start(self) -> None:
        """Everything from the disk: what a start of `dagster dev` finds."""
        instance = self.instances.enter_context(dg.DagsterInstance.ephemeral())
        self.company = new_company(
            self.standin,
            self.folder,
            instance,
            scopes=f"{ORG},{LABS},{TEAM}",
            start=FIRST,
            COPILOT_LEGACY_API="on",
            COPILOT_SKIP_REPORTS=UNASKED,
        )
        defs = build_defs(self.company.installation)
        self.schedule = defs.resolve_schedule_def("refresh_recent_days")
        # Raw alone, without its checks: the rest of the daily job is run at the end.
        self.job = defs.resolve_job_def("everything").get_subset(
            asset_selection={dg.AssetKey(["raw", name]) for name in RAW}, asset_check_selection=set()
        )

    def morning(self, today: date, *faults: Fault) -> None:
        """One tick of the daily schedule: the run that it asks for, as far as raw."""
        self.standin.today = self.company.today = today
        self.standin.faults[:] = faults
        tick = datetime.combine(today, time(6, 30), UTC)
        context = dg.build_schedule_context(self.company.instance, scheduled_execution_time=tick)
        (request,) = self.schedule.evaluate_tick(context).run_requests or ()
        with self.company.file_kept_open():
            self.job.execute_in_process(
                instance=self.company.instance,
                tags=request.tags,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )

    def rebuild(self) -> None:
        """The rest of the daily run: everything below raw, and every check."""
        with self.company.file_kept_open():
            result = rebuild(self.company.installation, instance=self.company.instance, run_id=str(uuid4()))
        assert result.problems == ()

    def status(self, scope: str, report: str, day: date) -> tuple[str, str]:
        """Status and evidence of one day as they are at this moment."""
        self.company.materialize("quality.day_status")
        ((status, evidence),) = self.company.sql(
            "select status, evidence from quality.day_status "
            f"where scope = '{scope}' and report = '{report}' and day = '{day}'"
        )
        return status, evidence


def faults_of(today: date) -> Iterator[Fault]:
    if today in OUTAGE:
        yield Fault("503", scope=LABS)
    if today in POLICY_OFF:
        yield Fault("policy-off", scope=ORG)
    if today in NOT_YET:
        yield Fault("204", scope=ORG, report="users-1-day", day=LATE)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    # Made in November: the stand-in's small team gets its fifth person on the first of the month before the last.
    with Standin(today=date(2026, 11, 1), legacy_open=True) as standin:
        month = Month(standin, tmp_path_factory.mktemp("month"))
        with month.instances:
            for today in (FIRST + timedelta(days=n) for n in range(1, 31)):
                if today == SWITCHED_OFF[0]:
                    # What was built before the machine went off is built upon when it is back.
                    assert month.company.rebuild() == []
                if today in SWITCHED_OFF:
                    continue
                if today - timedelta(days=1) in SWITCHED_OFF:
                    month.start()
                month.morning(today, *faults_of(today))
                if today == POLICY_OFF[-1]:
                    status, evidence = month.status(ORG, "organization-1-day", date(2026, 8, 26))
                    assert status == "forbidden"
                    assert "Copilot usage metrics" in evidence
                if today == NOT_YET[-1]:
                    assert month.status(ORG, "users-1-day", LATE)[0] == "pending"
                    assert month.status(ORG, "organization-1-day", LATE)[0] == "provisional"
            month.rebuild()
            yield month


@pytest.fixture(scope="module")
def company(month: Month) -> Company:
    return month.company


@pytest.mark.parametrize(("scope", "report"), EXPECTED)
def test_every_hole_has_its_true_cause(company: Company, scope: str, report: str) -> None:
    found = company.sql(
        f"select day, status from quality.day_status where scope = '{scope}' and report = '{report}' order by day"
    )
    assert dict(found) == days_of(EXPECTED[scope, report])


def test_nothing_else_is_expected(company: Company) -> None:
    assert set(company.sql("select distinct scope, report from quality.day_status")) == set(EXPECTED)


def test_a_team_that_reached_five(company: Company) -> None:
    found = company.sql("select day, status from quality.team_day_status where team_slug = 'release' order by day")
    assert dict(found) == days_of(RELEASE)


@pytest.mark.parametrize(
    ("scope", "report", "day", "words"),
    [
        (LABS, "users-1-day", date(2026, 8, 19), "503"),
        (LABS, "users-1-day", date(2026, 8, 17), "It was fetched on 2026-08-19, when GitHub could still revise it"),
        (ORG, "users-1-day", date(2026, 8, 29), "GitHub had nothing yet when it was last asked, on 2026-08-30"),
        (ORG, "users-1-day", date(2026, 8, 31), "Nobody asked GitHub for this day yet."),
        (LABS, "organization-1-day", date(2026, 9, 4), "no report"),
        (TEAM, "legacy-metrics", date(2026, 8, 18), "fewer than 5 people held a licence"),
    ],
)
def test_the_evidence_says_so(company: Company, scope: str, report: str, day: date, words: str) -> None:
    ((evidence,),) = company.sql(
        f"select evidence from quality.day_status where scope = '{scope}' and report = '{report}' and day = '{day}'"
    )
    assert words in evidence


def test_the_weeks_say_what_they_rest_on(company: Company) -> None:
    weeks = company.sql(
        f"select week_start, days_expected, days_reported, days_missing from weekly.user_trend where scope = '{ORG}'"
    )
    assert sorted(weeks) == [
        (date(2026, 8, 17), 7, 7, 0),
        (date(2026, 8, 24), 7, 5, 2),
        (date(2026, 8, 31), 7, 5, 2),
        (date(2026, 9, 7), 7, 7, 0),
        (date(2026, 9, 14), 2, 2, 0),
    ]


def test_every_change_left_a_revision(month: Month) -> None:
    """Which mornings brought another content than the morning before, by the stand-in's own records."""
    expected = set()
    for day in (FIRST + timedelta(days=n) for n in range(30)):
        asked = [day + timedelta(days=n) for n in range(1, 5)]
        before = None
        for today in asked:
            if today in SWITCHED_OFF or today in POLICY_OFF or today > LAST + timedelta(days=1):
                continue
            report = month.standin.world.report(ORG, "organization-1-day", day, today)
            now = json.dumps(list(report.rows())) if report else None
            if before is not None and now != before:
                expected.add((day, today))
            before = now
    found = month.company.sql(
        f"select day, seen_at::date from quality.revisions where scope = '{ORG}' and report = 'organization-1-day'"
    )
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert len(expected) > 20


def test_revisions_say_which_numbers_moved(month: Month) -> None:
    """18 August of octo-org, as it was on the 20th and on the 21st."""
    day = date(2026, 8, 18)
    counts = []
    for today in (date(2026, 8, 19), date(2026, 8, 20)):
        report = month.standin.world.report(ORG, "organization-1-day", day, today)
        assert report
        counts.append(next(iter(report.rows()))["user_initiated_interaction_count"])
    assert counts[0] != counts[1]
    ((moved, is_late, is_shrinking),) = month.company.sql(
        "select numbers_moved, is_late, is_shrinking from quality.revisions "
        f"where scope = '{ORG}' and report = 'organization-1-day' and day = '{day}' and seen_at::date = '2026-08-20'"
    )
    assert counts[0] != counts[1]
    assert "user_initiated_interaction_count" in moved
    assert (is_late, is_shrinking) == (False, False)
