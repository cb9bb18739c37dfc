"""`copilot-assets import`: from a file, without a token, to the weekly table; and nothing at all on a fault."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result

from copilot_assets.flat.refresh import refresh_flat
from copilot_assets.github.scopes import Scope
from copilot_assets.orchestration.installation import Installation
from copilot_assets.records import LegacyDay
from copilot_assets.shell.cli import main
from copilot_assets.shell.runs import RangeResult
from copilot_assets.shipped import shipped
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.archive import import_archive
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.kept_days import read_archive
from tests.conftest import NOW
from tests.dbt_like_sql.conftest import empty_warehouse

pytestmark = pytest.mark.usefixtures("fixed_clock")

MONDAY, NEXT_MONDAY = date(2024, 7, 1), date(2024, 7, 8)


def day(when: date, active: int, engaged: int) -> dict[str, Any]:
    language = {"name": "python", "total_engaged_users": engaged, "total_code_suggestions": 10 * active}
    return {
        "date": when.isoformat(),
        "total_active_users": active,
        "total_engaged_users": engaged,
        "copilot_ide_code_completions": {
            "total_engaged_users": engaged,
            "editors": [{"name": "vscode", "models": [{"name": "default", "languages": [language]}]}],
        },
    }


# Monday to Friday 10, 12, 14, 16, 18 active people, of whom 5 to 9 engaged; then no weekend, then 20 and 10 for a week.
FIRST_WEEK = [day(MONDAY + timedelta(days=n), 10 + 2 * n, 5 + n) for n in range(5)]
NEXT_WEEK = [day(NEXT_MONDAY + timedelta(days=n), 20, 10) for n in range(7)]


class Shell:
    """The command line in a folder of its own, without any setting but the database's path."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.chdir(folder)
        for name in [name for name in os.environ if name.startswith(("COPILOT_", "GITHUB_", "DAGSTER_"))]:
            patch.delenv(name)
        self._patch = patch
        self.folder = folder
        self.database = folder / "copilot.duckdb"

    def forget_history(self) -> None:
        """Keep the runs to come in memory: bringing a whole run's events to disk takes longer than the run."""
        self._patch.setattr("copilot_assets.shell.runs.open_instance", dg.DagsterInstance.ephemeral)

    def rebuild_without_dagster(self) -> None:
        """Make the same tables by the same functions, and no run of a hundred assets: the README's import is one."""
        self.forget_history()
        self._patch.setattr("copilot_assets.shell.runs.rebuild", _rebuild_tables)

    def save(self, name: str, content: bytes | str) -> str:
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def run(self, *arguments: str, **env: str) -> Result:
        env = {"COPILOT_WAREHOUSE": str(self.database), **env}
        return CliRunner().invoke(main, ["import", *arguments], env=env)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database)) as connection:
            return connection.execute(query).fetchall()

    def raw(self) -> list[list[tuple[Any, ...]]]:
        return [self.sql(f"from raw.{table} order by all") for table in ("records", "fetches", "expected_reports")]


def _rebuild_tables(installation: Installation, *, instance: dg.DagsterInstance, run_id: str) -> RangeResult:
    with empty_warehouse(installation.warehouse().path).connect() as connection:  # with all tables, that is
        refresh_flat(connection, LegacyDay, ["legacy-metrics"], installation.identities())
        for model in load_models():
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create or replace table {model.table} as {model.sql}")
    return RangeResult(problems=(), checks=(), run_ids=(run_id,))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


# --- From files to the weekly table ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What one import said, and what was in the tables after it."""

    result: Result
    weeks: list[tuple[Any, ...]]
    payloads: dict[date, str]
    statuses: dict[date, tuple[str, str]]

    @property
    def lines(self) -> list[str]:
        return self.result.stdout.splitlines()


def step(shell: Shell, *arguments: str) -> Step:
    return Step(
        shell.run(*arguments, "--scope", "org:octo-org"),
        shell.sql("from weekly.legacy_user_trend order by week_start"),
        dict(shell.sql("select day, payload::varchar from raw.records")),
        {
            day: (status, evidence)
            for day, status, evidence in shell.sql("select day, status, evidence from quality.day_status")
        },
    )


PRETTY = json.dumps(FIRST_WEEK, indent=2)
LINES = "\r\n".join(map(json.dumps, NEXT_WEEK))
TUESDAY, SATURDAY = date(2024, 7, 2), date(2024, 7, 6)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Step, Step, Step]:
    """Three imports into one database: two files; a file to merge; the same one with --overwrite."""
    with pytest.MonkeyPatch.context() as patch:
        shell = Shell(tmp_path_factory.mktemp("import"), patch)
        shell.save("copilotMetricsData.json", PRETTY)
        shell.save("week.ndjson.gz", gzip.compress(LINES.encode()))
        # Monday is the same, Tuesday differs, Saturday is new, and two records disagree about it.
        merge = [FIRST_WEEK[0], day(TUESDAY, 30, 9), day(SATURDAY, 5, 5), day(SATURDAY, 4, 4)]
        shell.save("merge.json", json.dumps(merge))
        shell.rebuild_without_dagster()
        first = step(shell, "copilotMetricsData.json", "week.ndjson.gz")
        return first, step(shell, "merge.json"), step(shell, "merge.json", "--overwrite")


def test_a_first_import_says_what_came_what_is_missing_and_how_to_go_on(steps: tuple[Step, ...]) -> None:
    first, *_ = steps
    assert (first.result.exit_code, first.result.stderr) == (0, "")
    assert first.lines[:3] == [
        "12 days of legacy-metrics of org:octo-org in the archive, 2024-07-01 to 2024-07-14:",
        "    12 imported.",
        "     2 missing in between: 2024-07-06 to 2024-07-07.",
    ]
    assert first.lines[3].startswith("The tables below raw are rebuilt, in run ")
    assert first.lines[4].endswith("copilot.duckdb \"from weekly.legacy_user_trend where scope = 'org:octo-org'\"")
    assert len(first.lines) == 5


def test_the_weekly_table_has_the_numbers_at_once(steps: tuple[Step, ...]) -> None:
    # scope, week, days expected, reported, pending, below the threshold, missing, closed, withheld,
    # active and engaged in total and on average, days compared, and both against the week before.
    assert steps[0].weeks == [
        ("org:octo-org", MONDAY, 7, 5, 0, 0, 2, True, False, 70, 35, 14.0, 7.0, None, None, None),
        ("org:octo-org", NEXT_MONDAY, 7, 7, 0, 0, 0, True, False, 140, 70, 20.0, 10.0, 5, 6.0, 3.0),
    ]


def test_raw_is_what_stood_in_the_files(steps: tuple[Step, ...]) -> None:
    payloads = steps[0].payloads
    assert len(payloads) == 12
    for when, payload in payloads.items():
        assert payload in (PRETTY if when < NEXT_MONDAY else LINES.split("\r\n"))
        assert payload[0] + payload[-1] == "{}"
        assert json.loads(payload)["date"] == when.isoformat()


def test_each_day_has_its_reason(steps: tuple[Step, ...]) -> None:
    statuses = steps[0].statuses
    assert len(statuses) == 14
    assert statuses[MONDAY] == ("reported", "Imported from the archive copilotMetricsData.json.")
    assert statuses[date(2024, 7, 14)] == ("reported", "Imported from the archive week.ndjson.gz.")
    assert statuses[SATURDAY][0] == "expired"


def test_a_merge_keeps_what_was_there(steps: tuple[Step, ...]) -> None:
    _, merged, _ = steps
    assert merged.result.exit_code == 0
    assert merged.lines[:-2] == [
        "3 days of legacy-metrics of org:octo-org in the archive, 2024-07-01 to 2024-07-06:",
        "     1 told differently by two records; the later one counts: 2024-07-06.",
        "     1 imported.",
        "     1 there already with the same content, unchanged.",
        "     1 there already with other content, kept (--overwrite takes the archive's): 2024-07-02.",
    ]
    # Saturday adds the 4 and 4 of the later record to 70 and 35, over six days.
    assert merged.weeks[0][2:11] == (7, 6, 0, 0, 1, True, False, 74, 39)
    assert merged.weeks[0][11:13] == (pytest.approx(74 / 6), 6.5)


def test_overwrite_takes_the_archives_days(steps: tuple[Step, ...]) -> None:
    _, merged, overwritten = steps
    assert overwritten.result.exit_code == 0
    assert overwritten.lines[1:-2] == [
        "     1 told differently by two records; the later one counts: 2024-07-06.",
        "     1 overwritten: 2024-07-02.",
        "     2 there already with the same content, unchanged.",
    ]
    # Tuesday's 30 and 9 in place of 12 and 6: 74 - 12 + 30 and 39 - 6 + 9.
    assert overwritten.weeks[0][9:11] == (92, 42)
    assert overwritten.weeks[1][13:] == (6, pytest.approx(20 - 92 / 6), 3.0)
    changed = {when for when, text in overwritten.payloads.items() if merged.payloads[when] != text}
    assert changed == {TUESDAY}


# --- Faults: nothing is imported -------------------------------------------------------------------------------------

TODAY = NOW.date()
GOOD = json.dumps(day(MONDAY, 12, 9))

FAULTS = {
    "not JSON": ("a,b\n1,2", "bad.json: what begins in line 1 is not JSON"),
    "bad second record": (f'{GOOD}\n{{"date": 7}}', "bad.json, line 2, is not a day of the Copilot metrics API"),
    "oldest API": ('[{"day": "2023-10-15", "breakdown": []}]', "comes from GitHub's Copilot usage API"),
    "list of links": (f'[{GOOD}, {{"download_links": ["https://x.example/?sig=1"]}}]', "GitHub's list of links"),
    "today": (json.dumps(day(TODAY, 12, 9)), "a day that has not closed in UTC yet"),
    "empty": ("", "bad.json holds no days."),
}


@pytest.mark.parametrize(("content", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_in_any_file_imports_nothing(shell: Shell, content: str, words: str) -> None:
    shell.save("good.json", GOOD)
    shell.save("bad.json", content)
    result = shell.run("good.json", "bad.json", "--scope", "org:octo-org")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert result.stderr.endswith("Nothing was imported.\n")
    assert not shell.database.exists()


def test_a_fault_leaves_a_database_as_it_was(shell: Shell) -> None:
    with read_archive([Path(shell.save("good.json", GOOD))], TODAY, Scope.parse("org:octo-org")) as archive:
        import_archive(
            DuckDBFile(shell.database),
            archive,
            overwrite=False,
            run_id="run-1",
            today=TODAY,
            keep_out=lambda _, fetches: fetches,
        )
    before = shell.raw()
    shell.save("new.json", json.dumps([day(MONDAY, 1, 1), day(TUESDAY, 1, 1), {"date": "yesterday"}]))
    assert shell.run("new.json", "--scope", "org:octo-org", "--overwrite").exit_code == 1
    assert shell.raw() == before


def test_tables_that_cannot_be_rebuilt_are_said_and_the_days_stay(shell: Shell) -> None:
    shell.forget_history()
    shell.sql("create schema weekly; create view weekly.legacy_user_trend as select 1 as one")
    shell.save("good.json", GOOD)
    result = shell.run("good.json", "--scope", "org:octo-org", COPILOT_REPORT="off")
    assert result.exit_code == 1
    assert "     1 imported." in result.stdout
    assert "weekly.legacy_user_trend was not rebuilt" in result.stderr
    assert "The days are imported, but not everything below raw was rebuilt." in result.stderr
    assert shell.sql("select day from raw.records") == [(MONDAY,)]


# --- Wrong usage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument 'FILE"),
        (("--scope", "org:octo-org"), "Missing argument 'FILE"),
        (("nowhere.json", "--scope", "org:octo-org"), "does not exist"),
        (("good.json", "--scope", "octo-org"), "'octo-org' is not a scope"),
        (("good.json", "--scope", "repo:octo-org/core"), "is not a scope"),
        (("good.json", "--scope", "team:octo-org"), "Write it as team:ACCOUNT/TEAM-SLUG"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    shell.save("good.json", GOOD)
    result = shell.run(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert not shell.database.exists()


def test_a_database_that_cannot_be_opened_ends_with_2(shell: Shell) -> None:
    shell.save("good.json", GOOD)
    result = shell.run("good.json", "--scope", "org:octo-org", COPILOT_WAREHOUSE=str(shell.folder))
    assert result.exit_code == 2
    assert "Set COPILOT_WAREHOUSE to" in result.stderr


def test_help_has_examples_and_the_group_lists_the_command() -> None:
    told = CliRunner().invoke(main, ["import", "--help"]).output
    assert "copilot-assets import copilotMetricsData.json --scope team:octo-org/core" in told
    assert "--overwrite" in told
    whole = CliRunner().invoke(main, ["--help"]).output
    assert "\n  import " in whole
    assert "import-legacy" not in whole


def test_its_older_name_still_works(shell: Shell) -> None:
    shell.save("letter.json", '"Dear friend"')
    older = CliRunner().invoke(main, ["import-legacy", "letter.json", "--scope", "org:octo-org"])
    assert (older.exit_code, older.stderr) == (1, shell.run("letter.json", "--scope", "org:octo-org").stderr)


def test_people_are_not_taken_in_where_they_are_off(shell: Shell) -> None:
    shell.save("kept.json", '{"day": "2026-09-01", "user_id": 1}')
    result = shell.run("kept.json", "--scope", "org:octo-org", COPILOT_IDENTITIES="off")
    assert result.exit_code == 2
    assert "COPILOT_IDENTITIES is off" in result.stderr
    assert "users-1-day" in result.stderr
    assert not shell.database.exists()


def test_a_dagster_yaml_of_an_earlier_version_is_told_from_a_broken_one(shell: Shell) -> None:
    """Somebody's own copy names the storage class where it was before."""
    ours = shipped("dagster.yaml").read_text()
    assert "copilot_assets.orchestration.history" in ours
    shell.save("dagster.yaml", ours.replace("copilot_assets.orchestration.history", "copilot_assets.history"))
    shell.save("good.json", GOOD)
    result = shell.run("good.json", "--scope", "org:octo-org")
    assert result.exit_code == 2
    assert "names copilot_assets.history as storage" in result.stderr
    assert "Write copilot_assets.orchestration.history in its place" in result.stderr
    assert not shell.database.exists()
