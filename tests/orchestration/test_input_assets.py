"""The step that reads settings, prices and events: what changes in the environment is in the weekly tables next run.

GitHub is not asked: its answers are laid into the flat tables by hand.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import dagster as dg
import pytest

from copilot_assets.sql_models.files import load_models
from copilot_assets.standin import Standin
from copilot_assets.warehouse.tables import transaction
from tests.conftest import TODAY, Company, new_company
from tests.dbt_like_sql.conftest import Book, empty_warehouse

ORG = "org:octo-org"
GRANTED, MONDAY, FRIDAY = date(2026, 1, 5), date(2026, 9, 21), date(2026, 9, 25)
INPUTS = ("raw.settings", "raw.plan_prices", "raw.plan_credits", "raw.events")
BELOW = (
    *("people.weekly_part", "weekly.feature_trend"),
    *("people.seat_use", "weekly.licence_trend", "weekly.event_effect"),
)
# Six people with completions, three with chat.
FEATURES = {"code_completion": range(1, 7), "chat_panel_ask_mode": range(1, 4)}


@pytest.fixture(scope="module")
def friday(github: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """One organisation, one reported day, one snapshot of three seats; every model built, and no input read yet."""
    with dg.DagsterInstance.ephemeral() as instance:
        company = new_company(github, tmp_path_factory.mktemp("inputs"), instance, scopes=ORG)
        with empty_warehouse(Path(company.env["COPILOT_WAREHOUSE"])).connect() as connection:
            book = Book(connection)
            book.expect(ORG, start=MONDAY, today=TODAY)
            with transaction(connection):
                connection.execute("delete from raw.settings; delete from raw.plan_prices")
                for report in ("organization-1-day", "users-1-day"):
                    book.fetch(ORG, report, FRIDAY)
                for feature, people in FEATURES.items():
                    counter = (
                        "code_generation_activity_count" if len(people) > 5 else "user_initiated_interaction_count"
                    )
                    book.insert("flat.entity_feature_daily", scope=ORG, day=FRIDAY, feature=feature, **{counter: 10})
                    row = {"scope": ORG, "day": FRIDAY, "feature": feature, counter: 2}
                    for person in people:
                        book.insert("flat.user_feature_daily", **row, user_id=person)
                book.fetch(ORG, "copilot-seats", FRIDAY, headline={"total_seats": 3})
                for person, plan in enumerate(("business", "business", "enterprise"), 1):
                    granted = {"user_id": person, "plan_type": plan, "created_at": datetime.combine(GRANTED, time())}
                    for table in ("flat.seat", "flat.seat_grant"):
                        book.insert(table, scope=ORG, day=FRIDAY, **granted)
            for model in load_models():
                connection.execute(f"create schema if not exists {model.schema}")
                connection.execute(f"create table {model.table} as {model.sql}")
        yield company


@pytest.fixture
def company(friday: Company, tmp_path: Path) -> Iterator[Company]:
    """A copy of it, to be changed."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield friday.copy(tmp_path, instance)


def run(company: Company, *tables: str, **env: str) -> dg.ExecuteInProcessResult:
    """The step and some tables below it, with other settings: what the next run does."""
    return replace(company, env={**company.env, **env}).materialize(*INPUTS, *tables)


def people_of(company: Company) -> dict[str, int | None]:
    return dict(company.sql("select feature, people from weekly.feature_trend"))


def test_the_smallest_cohort_is_that_of_the_next_run(company: Company) -> None:
    assert set(people_of(company).values()) == {None}, "what can't be decided is withheld"
    for env, completion, chat in (
        ({}, 5, None),  # five, when nothing is set: six people are told in fives
        ({"COPILOT_MIN_COHORT": "7"}, None, None),
        ({"COPILOT_MIN_COHORT": "3"}, 6, 3),
    ):
        assert run(company, "people.weekly_part", "weekly.feature_trend", **env).success
        assert people_of(company) == {"code_completion": completion, "chat_panel_ask_mode": chat}


def test_prices_and_grace_are_those_of_the_next_run(company: Company) -> None:
    # Two business seats and one of enterprise, granted 263 days before the snapshot and never used.
    columns = "list_price_usd_per_month, seats_without_price, seats_never_used"
    query = f"select {columns} from weekly.licence_trend where seats > 0"
    for env, cost, without_price, never_used in (
        ({}, 77.0, 0, 3),  # 2 * 19 + 39
        ({"COPILOT_PLAN_PRICES": "business=2.5"}, 5.0, 1, 3),
        ({"COPILOT_SEAT_GRACE_DAYS": "264"}, 77.0, 0, 0),
        ({"COPILOT_MIN_COHORT": "5"}, 77.0, 0, None),  # three are few
    ):
        tables = ("people.seat_use", "people.group_week", "people.weekly_part", "weekly.licence_trend")
        assert run(company, *tables, **{"COPILOT_MIN_COHORT": "1", **env}).success
        assert company.sql(query) == [(cost, without_price, never_used)]


def test_events_are_read_anew_and_shown(company: Company, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("date,scope,what\n2026-09-14,org:octo-org,Training\n2026-09-15,team:octo-org/core,Workshop\n")
    result = run(company, "weekly.event_effect", COPILOT_EVENTS=str(file))
    assert result.success
    shown = {each.asset_key.path[-1]: each for each in result.asset_materializations_for_node("read_inputs")}
    counts = {table: each.metadata["dagster/row_count"].value for table, each in shown.items()}
    assert counts == {"settings": 1, "plan_prices": 2, "plan_credits": 2, "events": 2}
    # The Friday is in the week after that of both; of a team nothing is known.
    nearest = "select what, week_after, days_reported_after from weekly.event_effect where window_no = 1 order by what"
    assert company.sql(nearest) == [("Training", MONDAY, 1), ("Workshop", MONDAY, None)]
    file.write_text("date,scope,what\n")
    assert run(company, "weekly.event_effect", COPILOT_EVENTS=str(file)).success
    assert company.sql("from raw.events") == company.sql("from weekly.event_effect") == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("COPILOT_EVENTS", "broken.csv", "broken.csv:3: 'tomorrow' is not a day. Write it as YYYY-MM-DD"),
        ("COPILOT_EVENTS", "none.csv", "COPILOT_EVENTS is none.csv, and there is no such file."),
        ("COPILOT_MIN_COHORT", "0", "COPILOT_MIN_COHORT is '0'. Write a whole number of people from 1 to 1000."),
    ],
    ids=["a broken file of events", "no file of events", "a cohort of nobody"],
)
def test_what_cannot_be_used_fails_the_step_with_its_sentence_and_the_tables_stay(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.csv").write_text("date,scope,what\n2026-09-14,org:octo-org,Good\ntomorrow,org:octo-org,Training\n")

    def tables() -> dict[str, list[tuple[object, ...]]]:
        return {table: company.sql(f"from {table} order by all") for table in (*INPUTS, *BELOW)}

    before = tables()
    result = run(company, *BELOW, **{name: value})
    assert {event.step_key for event in result.all_events if event.is_step_start} == {"read_inputs"}
    (failure,) = [event.step_failure_data for event in result.get_step_failure_events()]
    assert failure.user_failure_data is not None
    assert (failure.user_failure_data.description or "").startswith(said)
    assert tables() == before
