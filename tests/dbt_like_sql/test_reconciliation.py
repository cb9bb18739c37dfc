"""quality.reconciliation: numbers that ought to agree, the differences GitHub explains, and the two checks."""

from datetime import date

import pytest

from tests.dbt_like_sql.conftest import MODELS, Book, Row

ORG, TEAM = "org:octo-org", "team:octo-org/core"
DAY, TODAY = date(2026, 9, 10), date(2026, 9, 20)

(MODEL,) = (model for model in MODELS if model.table == "quality.reconciliation")
CHECKS = {check.name: check for check in MODEL.checks if check.path != MODEL.path}


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=date(2026, 9, 1), today=TODAY)
    return book


def report(book: Book, *, people: int = 0, day: date = DAY, asked: date = TODAY, **numbers: int) -> None:
    """The report about the scope, and one about that many people."""
    book.fetch(ORG, "organization-1-day", day, asked=asked)
    book.insert("flat.entity_daily", scope=ORG, day=day, **numbers)
    book.fetch(ORG, "users-1-day", day, asked=asked)
    for person in range(people):
        book.insert("flat.user_daily", scope=ORG, day=day, user_id=person)


def found(book: Book) -> list[Row]:
    book.build("quality.reconciliation")
    return book.rows("from quality.reconciliation order by rule")


def warned(book: Book, name: str) -> list[Row]:
    return book.rows(CHECKS[name].sql)


def test_there_are_two_checks_and_what_is_impossible_is_an_error() -> None:
    assert {name: check.severity for name, check in CHECKS.items()} == {
        "differences_are_explained": "warn",
        "nothing_is_impossible": "error",
    }


def test_parts_that_make_the_total_are_no_row(org: Book) -> None:
    report(org, user_initiated_interaction_count=30, code_generation_activity_count=7)
    for feature, prompts in (("agent_edit", 10), ("chat_panel_ask_mode", 20)):
        org.insert(
            "flat.entity_feature_daily", scope=ORG, day=DAY, feature=feature, user_initiated_interaction_count=prompts
        )
    org.insert(
        "flat.entity_language_feature_daily",
        scope=ORG,
        day=DAY,
        language="go",
        feature="agent_edit",
        code_generation_activity_count=7,
    )
    assert found(org) == []


def test_a_breakdown_that_should_make_the_total_and_does_not(org: Book) -> None:
    report(org, code_generation_activity_count=50)
    for feature, events in (("agent_edit", 11), ("code_completion", 31)):
        org.insert(
            "flat.entity_feature_daily", scope=ORG, day=DAY, feature=feature, code_generation_activity_count=events
        )
    assert found(org) == [
        {
            "scope": ORG,
            "day": DAY,
            "kind": "breakdown",
            "rule": "code_generation_activity_count = its sum by feature",
            "is_first_larger": True,
            "difference_band": "1 to 9",
            "is_explained": False,
            "explanation": None,
        }
    ]
    assert len(warned(org, "differences_are_explained")) == 1
    assert warned(org, "nothing_is_impossible") == []


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("entity_ide_daily", {"ide": "vscode"}),
        ("entity_model_feature_daily", {"model": "auto", "feature": "agent_edit"}),
        ("entity_language_model_daily", {"language": "go", "model": "auto"}),
    ],
)
def test_breakdowns_that_github_does_not_promise_to_add_up_are_explained(
    org: Book, table: str, keys: dict[str, str]
) -> None:
    report(org, loc_added_sum=50)
    org.insert("flat.entity_feature_daily", scope=ORG, day=DAY, feature="agent_edit", loc_added_sum=50)
    org.insert(f"flat.{table}", scope=ORG, day=DAY, loc_added_sum=20, **keys)
    # Five people have a CLI and completions: what they did is missing there.
    for person in range(5):
        org.insert("flat.user_daily", scope=ORG, day=DAY, user_id=person, used_cli=True)
        row = {"scope": ORG, "day": DAY, "feature": "code_completion", "user_id": person}
        org.insert("flat.user_feature_daily", **row, code_generation_activity_count=1)
    (row,) = found(org)
    assert (row["difference_band"], row["is_first_larger"], row["is_explained"]) == ("10 to 99", True, True)
    assert warned(org, "differences_are_explained") == []
    # What is missing can't make the sum larger.
    org.insert(f"flat.{table}", scope=ORG, day=DAY, loc_added_sum=31, **keys)
    (row,) = found(org)
    assert (row["difference_band"], row["is_first_larger"], row["is_explained"]) == ("1 to 9", False, False)


def test_a_total_without_any_feature_is_a_difference(org: Book) -> None:
    report(org, loc_added_sum=50)
    (row,) = found(org)
    told = ("loc_added_sum = its sum by feature", "10 to 99", False)
    assert (row["rule"], row["difference_band"], row["is_explained"]) == told


def test_a_number_that_is_unknown_differs_from_nothing(org: Book) -> None:
    report(org, code_generation_activity_count=50)
    org.insert("flat.entity_feature_daily", scope=ORG, day=DAY, feature="agent_edit")
    assert found(org) == []


@pytest.mark.parametrize(
    ("active", "people", "is_explained"),
    [
        (100, 95, True),  # one in twenty, as in GitHub's example
        (100, 94, False),
        (95, 100, False),  # more rows than active people: nothing GitHub says accounts for that
        (5, 0, False),
    ],
)
def test_people_of_the_two_reports(org: Book, active: int, people: int, is_explained: bool) -> None:
    report(org, daily_active_users=active, people=people)
    (row,) = found(org)
    told = ("people", active > people, "1 to 9", is_explained)
    assert (row["kind"], row["is_first_larger"], row["difference_band"], row["is_explained"]) == told


@pytest.mark.parametrize("cohort", [5, 3])
def test_a_difference_of_few_people_is_no_row_whoever_they_are(org: Book, cohort: int) -> None:
    """Of somebody who was forgotten, and whom GitHub still counts, it would be the calendar."""
    org.connection.execute("update raw.settings set min_cohort = ?", [cohort])
    days = [date(2026, 9, number) for number in range(5, 5 + cohort)]
    for missing, day in enumerate(days, 1):  # the last day differs by as many as may be told
        report(org, daily_active_users=40, people=40 - missing, day=day)
    assert [row["day"] for row in found(org)] == days[-1:]


def test_what_few_people_did_where_a_breakdown_leaves_them_out_is_no_row(org: Book) -> None:
    report(org, loc_added_sum=50)
    org.insert("flat.entity_feature_daily", scope=ORG, day=DAY, feature="agent_edit", loc_added_sum=50)
    org.insert("flat.entity_ide_daily", scope=ORG, day=DAY, ide="vscode", loc_added_sum=20)
    for person in range(4):
        org.insert("flat.user_daily", scope=ORG, day=DAY, user_id=person, used_cli=True)
    assert found(org) == []


def test_people_who_were_seen_passively_alone_are_not_active_as_github_counts(org: Book) -> None:
    report(org, daily_active_users=10, people=10)
    for person in range(10, 17):
        org.insert("flat.user_daily", scope=ORG, day=DAY, user_id=person, used_copilot_code_review_passive=True)
    assert found(org) == []


def test_as_many_people_as_active_users_are_no_row(org: Book) -> None:
    report(org, daily_active_users=3, people=3)
    assert found(org) == []


def test_a_day_without_the_report_of_people_is_a_hole_and_no_difference(org: Book) -> None:
    org.fetch(ORG, "organization-1-day", DAY)
    org.insert("flat.entity_daily", scope=ORG, day=DAY, daily_active_users=40)
    org.fetch(ORG, "users-1-day", DAY, "no_report")
    assert found(org) == []


def test_a_day_that_github_still_revises_explains_a_difference(org: Book) -> None:
    report(org, daily_active_users=40, people=2, day=date(2026, 9, 18))
    (row,) = found(org)
    assert row["explanation"].startswith("GitHub still revised the day when it was fetched")


@pytest.mark.parametrize(
    ("numbers", "rule"),
    [
        ({"daily_active_users": 6, "weekly_active_users": 5}, "daily_active_users <= weekly_active_users"),
        ({"weekly_active_users": 6, "monthly_active_users": 5}, "weekly_active_users <= monthly_active_users"),
        (
            {"monthly_active_chat_users": 6, "monthly_active_users": 5},
            "monthly_active_chat_users <= monthly_active_users",
        ),
        (
            {"monthly_active_agent_users": 6, "monthly_active_users": 5},
            "monthly_active_agent_users <= monthly_active_users",
        ),
    ],
)
def test_what_can_not_be(org: Book, numbers: dict[str, int], rule: str) -> None:
    report(org, people=numbers.get("daily_active_users", 0), **numbers)
    (row,) = found(org)
    assert (row["kind"], row["rule"], row["is_explained"]) == ("order", rule, False)
    assert warned(org, "nothing_is_impossible") == [
        {"scope": ORG, "day": DAY, "rule": rule, "difference_band": "1 to 9"}
    ]
    assert warned(org, "differences_are_explained") == []


def test_legacy_people_can_not_be_engaged_without_being_active(org: Book) -> None:
    org.insert("flat.legacy_daily", scope=TEAM, day=DAY, total_active_users=5, total_engaged_users=6)
    (row,) = found(org)
    assert (row["scope"], row["rule"]) == (TEAM, "total_engaged_users <= total_active_users")
