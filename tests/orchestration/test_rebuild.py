"""Incremental models hold what a build of everything would, row for row, after any history, and so do their checks.

`HISTORIES=500` tries so many. What the tables are filled with is arbitrary, but fixed by the number of the history.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, Final

import duckdb
import polars as pl
import pytest

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS
from copilot_assets.github.scopes import Scope
from copilot_assets.orchestration.rebuild import Offending, QueryRefusedError, deriving, offending_rows, replace_table
from copilot_assets.people.forget import Traces, forget
from copilot_assets.sql_models.files import load_models
from copilot_assets.sql_models.model import SqlModel
from copilot_assets.warehouse.changes import BEGINNING, Known, note_change
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.inputs import Inputs, write_inputs
from copilot_assets.warehouse.landing import land, land_archives, mend_future
from copilot_assets.warehouse.raw import ExpectedReport, note_token_end
from copilot_assets.warehouse.store import Warehouse
from copilot_assets.warehouse.tables import append, delete_days, transaction
from tests.dbt_like_sql.conftest import MODELS, Book, empty_warehouse

HISTORIES: Final = int(os.environ.get("HISTORIES", "3"))
TABLES: Final = [table for table in FLAT_TABLES if any(("flat", table.name) in model.depends_on for model in MODELS)]
# Six weeks with the end of a month and a break of 2026-10-06 among them; four of them are there at the beginning.
MONDAY: Final = date(2026, 9, 7)
DAYS: Final = [MONDAY + timedelta(n) for n in range(42)]
AT_FIRST: Final = 28
SCOPES: Final = ("org:one", "enterprise:all")
VALUES: Final = {
    "feature": ["code_completion", "agent_edit", "copilot_cli"],
    "plan_type": ["business", "enterprise", "unknown"],
    "budget_scope": ["organization", "repository", "cost_center"],
    "sku": ["copilot_ai_credit", "copilot_premium_request"],
    "unit_type": ["ai-credits", "requests"],
    "repository": ["a", "b"],
    "organization": ["one", None],
    "assignee_type": ["User"],
}
# Rows of these are told apart by so many of their columns, as flattening leaves them.
KEYS: Final = {"user_daily": 3, "entity_daily": 2, "user_team_daily": 4, "legacy_daily": 2, "seat": 3}


class History:
    """A warehouse to which things happen at random, and its book."""

    def __init__(self, warehouse: Warehouse, number: int) -> None:
        self.warehouse = warehouse
        self.dice = Random(number)
        self.today = AT_FIRST

    def begin(self) -> None:
        """Most days of both scopes, all people told, asked for when they were final, and no budget yet."""
        with self.warehouse.connect() as connection:
            book = Book(connection)
            expect(book, DAYS[AT_FIRST])
            write_inputs(connection, Inputs.from_env({"COPILOT_MIN_COHORT": "1"}))
            for scope, day in product(SCOPES, DAYS[: AT_FIRST - 2]):
                self._land(book, scope, day, is_settled=True)
            connection.execute("delete from flat.budget")

    def happen(self) -> str:
        """One thing; its name."""
        things: list[tuple[Callable[[Book], None], int]] = [
            (self.days_land, 9),
            (self.night_passes, 4),
            (self.answers_without_rows, 3),
            (self.setting, 1),
        ]
        (thing,) = self.dice.choices([each for each, _ in things], [weight for _, weight in things])
        if self.dice.random() < 0.03:
            person = self.dice.randint(1, 12)
            forget(self.warehouse, Traces((person,), (), (person,)))
            return f"forget {person}"
        with self.warehouse.connect() as connection:
            thing(Book(connection))
        return thing.__name__

    def days_land(self, book: Book) -> None:
        """Days come, come again, or come without a report: the newest ones at times, any otherwise."""
        known = DAYS[: self.today]
        for day in self.dice.sample(known[-9:] if self.dice.random() < 0.8 else known, self.dice.randint(1, 3)):
            scope = self.dice.choice(SCOPES)
            self._land(book, scope, day, is_settled=self.dice.random() < 0.7)

    def night_passes(self, book: Book) -> None:
        """More days are expected."""
        self.today = min(len(DAYS), self.today + self.dice.randint(1, 5))
        expect(book, DAYS[self.today - 1] + timedelta(1))

    def answers_without_rows(self, book: Book) -> None:
        """What is known of a day is another, and no row of it is."""
        for report in (row["report"] for row in book.rows("select distinct report from raw.expected_reports")):
            day, outcome = (
                self.dice.choice(DAYS[: self.today]),
                self.dice.choice(["no_report", "forbidden", "reported"]),
            )
            fetch(book, self.dice.choice(SCOPES), report, day, outcome, asked=DAYS[-1])

    def setting(self, book: Book) -> None:
        """Another size of what may be told, and another age of seats."""
        env = {
            "COPILOT_MIN_COHORT": str(self.dice.choice([1, 1, 2, 5])),
            "COPILOT_SEAT_GRACE_DAYS": str(self.dice.randint(0, 30)),
        }
        write_inputs(book.connection, Inputs.from_env(env))

    def _land(self, book: Book, scope: str, day: date, *, is_settled: bool) -> None:
        reports = book.rows("select report from raw.expected_reports where scope = ?", scope)
        with transaction(book.connection):
            for report in (row["report"] for row in reports):
                outcome = "reported" if is_settled else self.dice.choice(["reported"] * 8 + ["no_report", "failed"])
                asked = day + timedelta(9 if is_settled else self.dice.randint(1, 9))
                fetch(
                    book, scope, report, day, outcome, headline={"daily_active_users": 7, "total_seats": 9}, asked=asked
                )
            tables = [table.name for table in TABLES if self.dice.random() >= 0.25]
            scope_day = pl.DataFrame({"scope": [scope], "day": [day]})
            delete_days(book.connection, scope_day, *(f"flat.{table}" for table in tables))
            append(book.connection, self._rows(tables, scope, day))

    def _rows(self, tables: Sequence[str], scope: str, day: date) -> Iterator[tuple[str, pl.DataFrame]]:
        for table in tables:
            rows = [self._row(table, scope, day) for _ in range(self.dice.randint(0, 15))]
            keyed = {tuple([*row.values()][: KEYS.get(table, len(row))]): row for row in rows}
            if keyed:
                yield f"flat.{table}", pl.DataFrame([*keyed.values()], infer_schema_length=None)

    def _row(self, table: str, scope: str, day: date) -> dict[str, Any]:
        columns = next(each.columns for each in TABLES if each.name == table)
        row = {column.name: self._value(column.name, column.dtype, day) for column in columns} | {
            "scope": scope,
            "day": day,
        }
        return row | ({"team_slug": f"team-{row['team_id']}-{day.month}"} if "team_slug" in row else {})

    def _value(self, name: str, dtype: str, day: date) -> Any:
        dice = self.dice
        if name in VALUES:
            return dice.choice(VALUES[name])
        if name in ("user_id", "team_id", "ai_adoption_phase_number", "phase_number"):
            return dice.randint(1, {"user_id": 12, "team_id": 3}.get(name, 3))
        match dtype:
            case "BIGINT" | "DOUBLE" | "DECIMAL(28, 10)":
                return dice.choice([None, 0, 0, 1, 2, 7])
            case "BOOLEAN":
                return dice.choice([None, False, True])
            case "TIMESTAMP":
                return dice.choice([None, datetime.combine(day, time(1)) - timedelta(dice.randint(0, 40))])
            case "DATE":
                return dice.choice([None, day])
        return dice.choice([f"{name}-1", f"{name}-2"])


def expect(book: Book, today: date) -> None:
    """What an installation asks for, as of a day."""
    book.expect(*SCOPES, start=MONDAY, today=today, lines=True)


def fetch(book: Book, scope: str, report: str, day: date, outcome: str, **more: Any) -> None:
    """A line of the ledger, noted as whoever lands one does."""
    book.fetch(scope, report, day, outcome, **more)
    note_change(book.connection, "raw.fetches", "raw.current_fetches", since=day)


def build(warehouse: Warehouse, *, at_once: bool = True) -> set[str]:
    """Build and check all models, each in a transaction of its own or in one; which checks did not pass."""
    with warehouse.connect() as connection:
        connection.execute("set threads = 1")  # a handful of rows: waking others takes longer than the work
        for models in [MODELS] if at_once else [[model] for model in MODELS]:
            with deriving(connection) as known:
                for model in models:
                    replace_table(connection, model, known)
        with deriving(connection) as known:
            return {
                f"{model.table} {check.name}"
                for model in MODELS
                for check in model.checks
                if offending_rows(connection, model, check, known, most=1).count
            }


def differences(warehouse: Warehouse, red: set[str]) -> dict[str, int]:
    """Rows of tables that are not those of the file run whole, or lack, and checks told wrongly."""
    found = {}
    with warehouse.connect() as connection:
        connection.execute("set threads = 1")
        for model in MODELS:
            connection.execute(f"create or replace temp view whole as {model.sql}")
            both = f"(select *, 1 as side from {model.table} union all select *, -1 as side from whole)"
            unlike = f"(select * exclude (side) from {both} group by all having sum(side) <> 0)"
            ((found[model.table],),) = connection.execute(f"select count(*) from {unlike}").fetchall()
            for check in model.checks:
                name = f"{model.table} {check.name}"
                found[name] = bool(connection.sql(check.sql).fetchall()) is not (name in red)
    return {table: rows for table, rows in found.items() if rows}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("begun") / "copilot.duckdb"
    warehouse = empty_warehouse(path)
    History(warehouse, -1).begin()
    build(warehouse)
    return path.read_bytes()


@pytest.mark.parametrize("number", range(HISTORIES))
def test_after_any_history_the_tables_are_those_of_a_build_from_nothing(
    number: int, tmp_path: Path, begun: bytes
) -> None:
    (tmp_path / "copilot.duckdb").write_bytes(begun)
    history = History(DuckDBFile(tmp_path / "copilot.duckdb"), number)
    happened = []
    for _ in range(4):
        happened += [history.happen() for _ in range(history.dice.randint(1, 3))]
        red = build(history.warehouse, at_once=history.dice.random() < 0.8)
        assert differences(history.warehouse, red) == {}, happened


# --- one model at a time ---------------------------------------------------------------------------------------------

PER_WEEK: Final = """\
/*
description: One row per ISO week.
incremental: week_start
*/
select
  date_trunc('week', day)::date as week_start, -- Monday  #not_null #unique(week_start)
  sum(daily_active_users)::bigint as people -- people  #range(0, 100)
from flat.entity_daily
where day >= coalesce(getvariable('since'), date '0001-01-01')
group by all
"""
SECOND_MONDAY: Final = MONDAY + timedelta(7)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Three people on each of two Mondays."""
    warehouse = empty_warehouse(tmp_path / "copilot.duckdb")
    for day in (MONDAY, SECOND_MONDAY):
        people_come(warehouse, day, 3)
    return warehouse


def people_come(warehouse: Warehouse, day: date, people: int) -> None:
    rows = pl.DataFrame({"scope": ["org:one"], "day": [day], "daily_active_users": [people]})
    with warehouse.connect() as connection, transaction(connection):
        delete_days(connection, rows, "flat.entity_daily")
        append(connection, [("flat.entity_daily", rows)])


def model(folder: Path, text: str) -> SqlModel:
    path = folder / "models" / "weekly" / "people.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return load_models(folder / "models")[0]


def rebuilt(warehouse: Warehouse, model: SqlModel, *, full_refresh: bool = False) -> dict[str, Any]:
    with warehouse.connect() as connection, deriving(connection) as known:
        return replace_table(connection, model, known, full_refresh=full_refresh)


def weeks(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return connection.execute("from weekly.people order by all").fetchall()


def test_a_night_looks_at_the_weeks_that_changed(warehouse: Warehouse, tmp_path: Path) -> None:
    per_week = model(tmp_path, PER_WEEK)
    assert rebuilt(warehouse, per_week) == {"rebuilt_from": "the beginning"}
    assert rebuilt(warehouse, per_week) == {"rows_changed": 0, "weeks_changed": []}
    people_come(warehouse, SECOND_MONDAY + timedelta(2), 4)
    assert rebuilt(warehouse, per_week) == {
        "rows_changed": 1,
        "weeks_changed": [str(SECOND_MONDAY)],
        "rebuilt_from": str(SECOND_MONDAY),
    }
    assert weeks(warehouse) == [(MONDAY, 3), (SECOND_MONDAY, 3 + 4)]
    people_come(warehouse, MONDAY, 5)
    assert rebuilt(warehouse, per_week)["weeks_changed"] == [str(MONDAY)]
    assert weeks(warehouse) == [(MONDAY, 5), (SECOND_MONDAY, 7)]


def test_another_query_a_lost_table_and_the_wish_for_it_build_everything(warehouse: Warehouse, tmp_path: Path) -> None:
    rebuilt(warehouse, model(tmp_path, PER_WEEK))
    twice = model(tmp_path, PER_WEEK.replace("sum(daily_active_users)", "sum(2 * daily_active_users)"))
    assert rebuilt(warehouse, twice)["rebuilt_from"] == "the beginning"
    assert weeks(warehouse) == [(MONDAY, 6), (SECOND_MONDAY, 6)]
    with warehouse.connect() as connection:
        connection.execute("update weekly.people set people = 0")
    assert rebuilt(warehouse, twice)["rows_changed"] == 0  # nobody said so
    assert rebuilt(warehouse, twice, full_refresh=True)["rows_changed"] == 2
    with warehouse.connect() as connection:
        connection.execute("drop table weekly.people")
    assert rebuilt(warehouse, twice) == {"rebuilt_from": "the beginning"}
    assert weeks(warehouse) == [(MONDAY, 6), (SECOND_MONDAY, 6)]


def test_another_setting_builds_what_reads_it(warehouse: Warehouse, tmp_path: Path) -> None:
    text = PER_WEEK.replace("from flat.entity_daily", "from flat.entity_daily cross join raw.settings")
    by_cohort = model(tmp_path, text.replace("sum(daily_active_users)", "sum(daily_active_users * min_cohort)"))
    for cohort in ("5", "2"):
        with warehouse.connect() as connection:
            write_inputs(connection, Inputs.from_env({"COPILOT_MIN_COHORT": cohort}))
        assert rebuilt(warehouse, by_cohort)["rebuilt_from"] == "the beginning"
        assert weeks(warehouse) == [(MONDAY, 3 * int(cohort)), (SECOND_MONDAY, 3 * int(cohort))]
        assert rebuilt(warehouse, by_cohort)["rows_changed"] == 0


def test_rows_of_before_the_week_are_refused_and_the_table_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    for_all = model(tmp_path, PER_WEEK.replace("where day >=", "where day is not null or day >="))
    rebuilt(warehouse, for_all)
    people_come(warehouse, SECOND_MONDAY, 9)
    with pytest.raises(QueryRefusedError, match=f"gives rows of {MONDAY}, where only those from {SECOND_MONDAY} on"):
        rebuilt(warehouse, for_all)
    assert weeks(warehouse) == [(MONDAY, 3), (SECOND_MONDAY, 3)]
    with pytest.raises(QueryRefusedError):  # and is not taken for done
        rebuilt(warehouse, for_all)


def test_a_build_that_breaks_off_is_made_up_for(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    per_week = model(tmp_path, PER_WEEK)
    rebuilt(warehouse, per_week)
    people_come(warehouse, MONDAY, 9)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Known, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            rebuilt(warehouse, per_week)
    assert weeks(warehouse) == [(MONDAY, 3), (SECOND_MONDAY, 3)]
    assert rebuilt(warehouse, per_week)["rebuilt_from"] == str(MONDAY)
    assert weeks(warehouse) == [(MONDAY, 9), (SECOND_MONDAY, 3)]


def checked(warehouse: Warehouse, model: SqlModel, name: str, *, full_refresh: bool = False) -> Offending:
    (check,) = (check for check in model.checks if check.name == name)
    with warehouse.connect() as connection, deriving(connection) as known:
        return offending_rows(connection, model, check, known, most=1, full_refresh=full_refresh)


def test_a_check_looks_at_what_changed_since_it_passed(warehouse: Warehouse, tmp_path: Path) -> None:
    per_week = model(tmp_path, PER_WEEK)
    rebuilt(warehouse, per_week)
    passed = Offending(0, ("week_start", "people"), (), "the beginning")
    assert checked(warehouse, per_week, "range") == passed
    assert checked(warehouse, per_week, "range").looked_from == "no day: nothing has changed since it passed"
    assert checked(warehouse, per_week, "range", full_refresh=True) == passed
    people_come(warehouse, SECOND_MONDAY, 4)
    rebuilt(warehouse, per_week)
    assert checked(warehouse, per_week, "range").looked_from == str(SECOND_MONDAY)
    assert checked(warehouse, per_week, "unique_week_start").looked_from == "the beginning"  # it never passed before


def test_a_check_stays_red_until_nothing_breaks_the_rule(warehouse: Warehouse, tmp_path: Path) -> None:
    per_week = model(tmp_path, PER_WEEK)
    rebuilt(warehouse, per_week)
    checked(warehouse, per_week, "range")
    people_come(warehouse, MONDAY, 101)
    rebuilt(warehouse, per_week)
    red = checked(warehouse, per_week, "range")
    assert (red.count, red.rows) == (1, ({"week_start": MONDAY, "people": 101},))
    people_come(warehouse, SECOND_MONDAY, 4)  # the next night has another week in hand
    rebuilt(warehouse, per_week)
    assert checked(warehouse, per_week, "range").count == 1
    people_come(warehouse, MONDAY, 100)
    rebuilt(warehouse, per_week)
    assert checked(warehouse, per_week, "range").count == 0


def test_another_rule_is_held_against_all_rows(warehouse: Warehouse, tmp_path: Path) -> None:
    per_week = model(tmp_path, PER_WEEK)
    rebuilt(warehouse, per_week)
    assert checked(warehouse, per_week, "range").count == 0
    stricter = model(tmp_path, PER_WEEK.replace("100", "2"))
    assert rebuilt(warehouse, stricter)["rows_changed"] == 0  # a comment is no other query
    assert checked(warehouse, stricter, "range").count == 2


def test_a_query_that_takes_more_memory_than_there_is_says_so_and_the_table_stays(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    per_week = model(tmp_path, PER_WEEK)
    rebuilt(warehouse, per_week)
    everything = "(select len(list(i)) from range(50000000) as r(i))"
    greedy = model(tmp_path, PER_WEEK.replace("sum(daily_active_users)", f"sum(daily_active_users) + {everything}"))
    with warehouse.connect() as connection:
        connection.execute("set memory_limit = '30MB'")
        with (
            pytest.raises(
                QueryRefusedError, match=r"keeps the rows it had: the query of .* takes more memory than the 1400"
            ),
            deriving(connection) as known,
        ):
            replace_table(connection, greedy, known)
    assert weeks(warehouse) == [(MONDAY, 3), (SECOND_MONDAY, 3)]


# --- what is not built or checked again ------------------------------------------------------------------------------

IN_ALL: Final = """\
/*
description: One row.
*/
select
  date '2026-09-07' as week_start, -- Monday
  sum(daily_active_users)::bigint as people -- people
from flat.entity_daily
"""


def test_a_table_is_built_again_once_something_that_it_reads_is_another(warehouse: Warehouse, tmp_path: Path) -> None:
    in_all = model(tmp_path, IN_ALL)
    assert rebuilt(warehouse, in_all) == {}
    with warehouse.connect() as connection:
        connection.execute("update weekly.people set people = 0")
    assert rebuilt(warehouse, in_all) == {"rows_changed": 0, "weeks_changed": []}
    assert weeks(warehouse) == [(MONDAY, 0)]  # nobody said so
    people_come(warehouse, SECOND_MONDAY, 4)
    assert rebuilt(warehouse, in_all) == {"rows_changed": 1, "weeks_changed": [str(MONDAY)]}
    assert weeks(warehouse) == [(MONDAY, 3 + 4)]


@pytest.mark.parametrize(
    "other",
    [
        *("now()::date", "today()", "current_date", "current_timestamp::date", "get_current_timestamp()::date"),
        *("date '2026-09-07' + (10 * random())::integer", "(select max(day) from raw.records)"),
        *("(select max(contract)::date from flat.sources)", "(select count(*) from read_csv('/x.csv'))"),
        *("(select count(*) from glob('/x'))", "getenv('X')", "uuid()"),
    ],
)
def test_a_table_of_what_nobody_notes_is_built_each_time(other: str, tmp_path: Path) -> None:
    assert model(tmp_path, IN_ALL).is_noted
    assert not model(tmp_path, IN_ALL.replace("date '2026-09-07'", other)).is_noted


def test_one_that_counts_on_its_fingers_is_not(tmp_path: Path) -> None:
    text = IN_ALL.replace(
        "from flat.entity_daily", "from flat.entity_daily, range(3), generate_series(1, 2), unnest([1])"
    )
    assert model(tmp_path, text).is_noted


def with_check(folder: Path, text: str, check: str) -> SqlModel:
    path = folder / "models" / "checks" / "weekly.people__are_few.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(check)
    return model(folder, text)


def test_a_check_of_a_file_is_made_again_once_a_table_that_it_reads_is_another(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    few = "select week_start from weekly.people cross join raw.settings where people > 20 * min_cohort"
    per_week = with_check(tmp_path, PER_WEEK, few)
    rebuilt(warehouse, per_week)
    assert checked(warehouse, per_week, "are_few").looked_from is None
    assert checked(warehouse, per_week, "are_few").looked_from == "no day: nothing has changed since it passed"
    with warehouse.connect() as connection:
        write_inputs(connection, Inputs.from_env({"COPILOT_MIN_COHORT": "1"}))
    assert checked(warehouse, per_week, "are_few").looked_from is None
    people_come(warehouse, MONDAY, 21)
    rebuilt(warehouse, per_week)
    assert [checked(warehouse, per_week, "are_few").count for _ in range(2)] == [1, 1]


def test_a_check_of_a_file_that_reads_since_looks_at_what_changed(warehouse: Warehouse, tmp_path: Path) -> None:
    since = "week_start >= coalesce(getvariable('since'), date '0001-01-01')"
    per_week = with_check(tmp_path, PER_WEEK, f"select week_start from weekly.people where people > 20 and {since}")
    rebuilt(warehouse, per_week)
    assert checked(warehouse, per_week, "are_few").looked_from == "the beginning"
    people_come(warehouse, SECOND_MONDAY, 4)
    rebuilt(warehouse, per_week)
    assert checked(warehouse, per_week, "are_few").looked_from == str(SECOND_MONDAY)


def stale(connection: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """From which day on what was derived from each table of schema raw is stale."""
    query = "select reads[1], stale_since from raw.derived where stale_since is not null"
    return dict(connection.execute(query).fetchall())


def test_whoever_writes_what_models_read_of_schema_raw_says_so(warehouse: Warehouse) -> None:
    """By the project's own way in: what is expected, the token's end, a day that lands, a clock that was ahead."""
    read = sorted({".".join(table) for each in MODELS for table in each.depends_on if table[0] == "raw"})
    with warehouse.connect() as connection:

        def changed(work: Callable[[], object]) -> dict[str, date]:
            with deriving(connection) as known:
                for table in read:
                    known.note_derived(f"of {table}", "1", [table])
            work()
            return stale(connection)

        book = Book(connection)
        assert changed(lambda: expect(book, MONDAY)) == {"raw.expected_reports": BEGINNING}
        assert changed(lambda: expect(book, MONDAY)) == {}
        ends_at = datetime(2026, 12, 1, tzinfo=UTC)
        assert changed(lambda: note_token_end(connection, ends_at)) == {"raw.token_end": BEGINNING}
        assert changed(lambda: note_token_end(connection, ends_at)) == {}
        settings = changed(lambda: write_inputs(connection, Inputs.from_env({"COPILOT_MIN_COHORT": "7"})))
        assert settings == {"raw.settings": BEGINNING}
        ledger = ("raw.current_fetches", "raw.fetches", "raw.quarantine", "raw.unknown_fields")
        assert changed(lambda: land(connection, [no_report(MONDAY)], "run")) == dict.fromkeys(ledger, MONDAY)
        report = no_report(MONDAY).report
        asked = ExpectedReport.of(Scope.parse("org:one"), report, MONDAY, MONDAY)
        before = MONDAY - timedelta(1)
        for wider in ({"raw.expected_reports": BEGINNING}, {}):
            archived = changed(lambda: land_archives(connection, [(asked, [no_report(before)])], "run"))
            assert archived == dict.fromkeys(ledger, before) | wider
        behind = datetime(2026, 9, 1, tzinfo=UTC)
        mended = changed(lambda: mend_future(connection, behind))
        assert mended == dict.fromkeys(("raw.current_fetches", "raw.expected_reports", "raw.fetches"), BEGINNING)


def no_report(day: date) -> Fetch:
    (report,) = (report for report in REPORTS if report.name == "users-1-day")
    return Fetch(Scope.parse("org:one"), report, day, Outcome.NO_REPORT, "None.", datetime.combine(DAYS[13], time(3)))
