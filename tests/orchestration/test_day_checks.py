"""How grave a missing day is: a history that is not loaded yet is a warning, a hole in it is an error."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from copilot_assets.standin import Standin
from tests.conftest import TODAY, new_company

START = TODAY - timedelta(days=21)  # 2026-09-10
FIRST = date(2026, 9, 20)
LOAD_THEM = (
    "Nobody asked GitHub for the days before 2026-09-20 yet. Fetch them: copilot-assets backfill --end 2026-09-19"
)
ASSETS = ("raw.expected_reports", "raw.organization_1_day")


def test_days_before_the_first_that_was_asked_for_warn_with_the_command_and_a_hole_fails(
    standin: Standin, tmp_path: Path
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(standin, tmp_path, instance, scopes="org:octo-org", start=START)

        def check_of(day: date) -> dg.AssetCheckEvaluation:
            result = company.materialize(*ASSETS, day=day)
            (check,) = (each for each in result.get_asset_check_evaluations() if each.check_name == "missing_days")
            return check

        # Days until TODAY that nobody asked for after the first one are a hole, until they were asked for too.
        hole = check_of(FIRST)
        assert (hole.passed, hole.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert hole.description == (
            f"17 days of a scope and report are missing: 17 not_requested; 17 without explanation. {LOAD_THEM}"
        )
        company.load(FIRST + timedelta(days=1), TODAY - timedelta(days=2), *ASSETS)
        check = check_of(TODAY - timedelta(days=1))
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert check.description == LOAD_THEM
        assert check.metadata["days_unexplained"] == dg.IntMetadataValue(10)
