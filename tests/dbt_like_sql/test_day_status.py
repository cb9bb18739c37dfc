"""quality.day_status: for every (scope, report, day) one word, and why; each status from a ledger of a few lines.

The dates are worked out from GitHub's rules: a day is final three full UTC days after it closed (the legacy metrics:
one), 365 days are kept (100), organisations begin on 2025-12-12, the legacy API closed on 2026-04-02.
"""

import re
from datetime import date, datetime, time, timedelta

import pytest

from tests.dbt_like_sql.conftest import MODELS, Book, Row, days

ORG, OTHER_ORG, ENTERPRISE, TEAM = "org:octo-org", "org:octo-labs", "enterprise:octo-corp", "team:octo-org/core"
ORG_REPORT, USERS, LEGACY = "organization-1-day", "users-1-day", "legacy-metrics"
CREDITS = "ai-credit-usage"
# What GitHub tells of organisations and enterprises alike, day by day.
OF_BOTH = (USERS, "user-teams-1-day", "repos-1-day", CREDITS, "premium-request-usage")

# With lag 3 and today the 20th, 17, 18 and 19 September may still come or change; the 16th is the last final day.
TODAY = date(2026, 9, 20)
START = date(2026, 9, 10)
FINAL_DAY, FRESH_DAY = date(2026, 9, 16), date(2026, 9, 17)

# While the legacy API was open. With lag 1 and today the 20th, the 19th alone is fresh.
LEGACY_TODAY = date(2026, 3, 20)
LEGACY_START = date(2026, 3, 1)
LEGACY_DAY = date(2026, 3, 10)

SENTENCE = re.compile(r"[A-Z0-9].{10,}")


def status_of(book: Book, day: date, report: str = ORG_REPORT, scope: str = ORG) -> Row:
    """Build the table and return the one row of a (scope, report, day)."""
    book.build("quality.day_status")
    (row,) = book.rows(
        "select * from quality.day_status where scope = ? and report = ? and day = ?", scope, report, day
    )
    return row


def some(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


@pytest.fixture
def org(book: Book) -> Book:
    book.expect(ORG, start=START, today=TODAY)
    return book


@pytest.fixture
def legacy(book: Book) -> Book:
    """Two organisations and a team, all asked for legacy metrics while GitHub still gave them."""
    book.expect(ORG, OTHER_ORG, TEAM, start=LEGACY_START, today=LEGACY_TODAY, legacy=True)
    return book


# --- Which rows there are --------------------------------------------------------------------------------------------


def test_one_row_for_every_scope_report_and_day_from_the_start_to_yesterday(book: Book) -> None:
    book.expect(ORG, ENTERPRISE, TEAM, start=START, today=TODAY, legacy=True)
    book.build("quality.day_status")
    found = book.rows("select scope, report, day from quality.day_status")
    asked = [
        *((ORG, report) for report in (ORG_REPORT, *OF_BOTH, LEGACY)),
        *((ENTERPRISE, report) for report in ("enterprise-1-day", *OF_BOTH, LEGACY)),
        (TEAM, LEGACY),  # the usage reports know no teams
    ]
    # 15 pairs of scope and report, 10 days, 10 to 19 September: today has not closed. Seats and other snapshots are of
    # the day on which they are taken, and no day of them is expected.
    assert len(found) == 150
    assert {some(row, "scope", "report", "day") for row in found} == {
        (*pair, day) for pair in asked for day in days(date(2026, 9, 10), date(2026, 9, 19))
    }


def test_a_start_date_of_today_expects_nothing_yet(book: Book) -> None:
    book.expect(ORG, start=TODAY, today=TODAY)
    book.build("quality.day_status")
    assert book.rows("select * from quality.day_status") == []


def test_many_fetches_of_a_day_are_one_row(org: Book) -> None:
    for outcome in ("failed", "no_report", "reported", "reported", "failed"):
        org.fetch(ORG, ORG_REPORT, FINAL_DAY, outcome)
    assert status_of(org, FINAL_DAY)["status"] == "reported"  # status_of unpacks exactly one row


def test_a_fetch_of_another_scope_report_or_day_says_nothing(org: Book) -> None:
    org.expect(ORG, ENTERPRISE, start=START, today=TODAY)
    org.fetch(ENTERPRISE, USERS, FINAL_DAY)
    org.fetch(ORG, ORG_REPORT, FINAL_DAY)
    org.fetch(ORG, USERS, FINAL_DAY - timedelta(days=1))
    assert status_of(org, FINAL_DAY, USERS)["status"] == "not_requested"


def test_a_scope_that_is_no_longer_configured_keeps_its_history_and_gets_no_new_days(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, START)
    org.expect(OTHER_ORG, start=START, today=TODAY + timedelta(days=30))
    assert status_of(org, START)["status"] == "reported"
    assert org.rows("select max(day) as last from quality.day_status where scope = ?", ORG) == [
        {"last": TODAY - timedelta(days=1)}
    ]


# --- Reported --------------------------------------------------------------------------------------------------------


def test_reported_says_what_came_and_how_many_people_were_active(org: Book) -> None:
    evidence = org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 12}, records=1)
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "coverage", "is_explained", "remedy") == ("reported", "reported", True, None)
    assert some(row, "evidence", "records", "active_people") == (evidence, 1, 12)
    assert some(row, "last_outcome", "last_http_status") == ("reported", 200)


def test_a_headline_without_the_number_is_reported_and_the_people_unknown(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": None})
    assert some(status_of(org, FINAL_DAY), "status", "active_people") == ("reported", None)


def test_a_report_without_a_headline_has_no_number_of_people(org: Book) -> None:
    org.fetch(ORG, USERS, FINAL_DAY, records=40)  # people: their number is not told
    assert some(status_of(org, FINAL_DAY, USERS), "status", "records", "active_people") == ("reported", None, None)


@pytest.mark.parametrize("later", ["failed", "forbidden", "unauthorized", "not_found", "not_offered", "retired"])
def test_a_refetch_that_is_no_answer_leaves_the_day_reported(org: Book, later: str) -> None:
    evidence = org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 12})
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, later)
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "evidence", "records", "active_people") == ("reported", evidence, 1, 12)
    assert row["last_outcome"] == later


def test_a_refetch_that_finds_no_report_takes_the_day_back(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 12})
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, "no_report")
    assert some(status_of(org, FINAL_DAY), "status", "records", "active_people") == ("no_report", None, None)


@pytest.mark.parametrize(
    ("day", "status"), [(FINAL_DAY, "reported"), (FRESH_DAY, "provisional"), (date(2026, 9, 19), "provisional")]
)
def test_a_reported_day_is_provisional_until_three_full_days_have_passed(org: Book, day: date, status: str) -> None:
    org.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 0 if status == "provisional" else 1})
    row = status_of(org, day)
    assert some(row, "status", "coverage", "is_explained") == (status, "reported", True)
    if status == "provisional":
        assert row["evidence"] == "GitHub may still revise it until 3 full UTC days after it closed."


# --- Zero activity ---------------------------------------------------------------------------------------------------


def test_zero_activity_by_its_own_headline(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 0})
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "coverage", "is_explained", "active_people") == ("zero_activity", "reported", True, 0)
    assert row["evidence"] == "GitHub reported the day, and nobody was active."


def test_zero_activity_of_the_people_by_the_report_about_the_scope(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 0})
    org.fetch(ORG, USERS, FINAL_DAY, "no_report")
    row = status_of(org, FINAL_DAY, USERS)
    assert some(row, "status", "coverage", "is_explained", "records") == ("zero_activity", "reported", True, None)
    assert row["evidence"] == "No rows, and the report about the whole scope counts nobody active."


def test_people_missing_beside_an_active_scope_is_no_zero(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 1})
    org.fetch(ORG, USERS, FINAL_DAY, "no_report")
    assert status_of(org, FINAL_DAY, USERS)["status"] == "no_report"


def test_a_zero_of_another_scope_is_no_zero_here(org: Book) -> None:
    org.expect(ORG, OTHER_ORG, start=START, today=TODAY)
    org.fetch(OTHER_ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 0})
    org.fetch(ORG, USERS, FINAL_DAY, "no_report")
    assert status_of(org, FINAL_DAY, USERS)["status"] == "no_report"


def test_people_that_nobody_asked_for_are_no_zero(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 0})
    assert status_of(org, FINAL_DAY, USERS)["status"] == "not_requested"


def test_a_zero_of_the_legacy_metrics_does_not_outweigh_todays_report(legacy: Book) -> None:
    legacy.fetch(ORG, ORG_REPORT, LEGACY_DAY, headline={"daily_active_users": 5})
    legacy.fetch(ORG, LEGACY, LEGACY_DAY, headline={"total_active_users": 0})
    legacy.fetch(ORG, USERS, LEGACY_DAY, "no_report")
    assert status_of(legacy, LEGACY_DAY, USERS)["status"] == "no_report"


# --- Pending, and no report ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["no_report", None])
@pytest.mark.parametrize("day", [FRESH_DAY, date(2026, 9, 19)])
def test_pending_while_github_may_still_publish_asked_or_not(org: Book, day: date, outcome: str | None) -> None:
    if outcome:
        org.fetch(ORG, ORG_REPORT, day, outcome)
    row = status_of(org, day)
    assert some(row, "status", "coverage", "is_explained") == ("pending", "pending", True)
    begin = "Not there yet." if outcome else "Nobody asked for it yet."
    assert row["evidence"] == f"{begin} GitHub publishes a day within 3 full UTC days after it closed."
    assert row["remedy"] == "Nothing: the daily run asks again."
    assert row["last_outcome"] == outcome


def test_no_report_once_github_is_late(org: Book) -> None:
    evidence = org.fetch(ORG, ORG_REPORT, FINAL_DAY, "no_report")
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "coverage", "is_explained", "evidence") == ("no_report", "missing", True, evidence)
    assert row["remedy"]
    assert row["records"] is None


def test_an_answer_given_before_the_day_was_due_does_not_explain_the_hole(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, date(2026, 9, 11), "no_report", asked=date(2026, 9, 12))
    row = status_of(org, date(2026, 9, 11))
    assert some(row, "status", "is_explained") == ("not_requested", False)


def test_no_report_that_a_report_has_followed_is_not_the_last_outcome(org: Book) -> None:
    day = org.today - timedelta(days=9)
    org.fetch(ORG, ORG_REPORT, day, "no_report")
    org.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 3})
    assert some(status_of(org, day), "status", "last_outcome") == ("reported", "reported")
    org.fetch(ORG, ORG_REPORT, day, "failed")
    assert some(status_of(org, day), "status", "last_outcome") == ("reported", "failed")


def test_no_report_said_when_the_day_was_due_outweighs_a_later_failure(org: Book) -> None:
    evidence = org.fetch(ORG, ORG_REPORT, FINAL_DAY, "no_report", asked=date(2026, 9, 20))
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, "failed", asked=date(2026, 9, 21))
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "is_explained", "evidence") == ("no_report", True, evidence)


def test_404_of_a_scope_that_was_never_reported_is_forbidden(org: Book) -> None:
    evidence = org.fetch(ORG, ORG_REPORT, FINAL_DAY, "not_found")
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "coverage", "is_explained", "evidence") == ("forbidden", "missing", True, evidence)


def test_404_of_a_scope_with_other_reported_days_is_no_report(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, START, headline={"daily_active_users": 12})
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, "not_found")
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "coverage", "last_http_status") == ("no_report", "missing", 404)
    assert row["evidence"] == "GitHub answered 404 for this day, while it reported other days of this scope."


def test_404_of_a_fresh_day_beside_reported_ones_is_pending(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, START, headline={"daily_active_users": 12})
    org.fetch(ORG, ORG_REPORT, FRESH_DAY, "not_found")
    assert status_of(org, FRESH_DAY)["status"] == "pending"


def test_reported_days_of_one_report_do_not_excuse_a_404_of_another(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, START, headline={"daily_active_users": 12})
    org.fetch(ORG, USERS, FINAL_DAY, "not_found")
    assert status_of(org, FINAL_DAY, USERS)["status"] == "forbidden"


# --- Forbidden, failed, not requested --------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "http_status"), [("unauthorized", 401), ("forbidden", 403)])
def test_forbidden_by_401_and_403_also_while_the_day_is_fresh(org: Book, outcome: str, http_status: int) -> None:
    for day in (FINAL_DAY, FRESH_DAY):
        evidence = org.fetch(ORG, ORG_REPORT, day, outcome)
        row = status_of(org, day)
        assert some(row, "status", "coverage", "is_explained") == ("forbidden", "missing", True)
        assert some(row, "evidence", "last_http_status") == (evidence, http_status)
        assert row["remedy"] == "Change the setting that the evidence names, then backfill the day."


def test_failed_is_not_explained_and_says_what_to_do(org: Book) -> None:
    evidence = org.fetch(ORG, ORG_REPORT, FINAL_DAY, "failed")
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "coverage", "is_explained") == ("failed", "missing", False)
    assert some(row, "evidence", "remedy") == (
        evidence,
        "Backfill the day again, in the Dagster UI or with copilot-assets backfill.",
    )


def test_an_answer_after_a_failure_counts(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, "failed")
    evidence = org.fetch(ORG, ORG_REPORT, FINAL_DAY, "no_report")
    assert some(status_of(org, FINAL_DAY), "status", "evidence") == ("no_report", evidence)


def test_not_requested_is_not_explained_and_names_the_command(org: Book) -> None:
    row = status_of(org, FINAL_DAY)
    assert some(row, "status", "coverage", "is_explained") == ("not_requested", "missing", False)
    assert row["evidence"] == "Nobody asked GitHub for this day yet."
    assert row["remedy"] == "Backfill the day, in the Dagster UI or with copilot-assets backfill."
    assert some(row, "records", "active_people", "last_outcome", "last_http_status") == (None, None, None, None)


# --- Below the threshold (legacy metrics alone) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "people", "status"),
    [
        (7, 9, "below_threshold_suspected"),  # nine is fewer than twice the threshold of five
        (-7, 9, "below_threshold_suspected"),
        (1, 0, "below_threshold_suspected"),
        (1, 10, "no_report"),  # ten people cannot have shrunk below five licences unnoticed
        (8, 9, "no_report"),  # too far away to tell
    ],
)
def test_below_threshold_by_the_busiest_day_of_a_week(legacy: Book, distance: int, people: int, status: str) -> None:
    legacy.fetch(ORG, LEGACY, LEGACY_DAY + timedelta(days=distance), headline={"total_active_users": people})
    legacy.fetch(ORG, LEGACY, LEGACY_DAY, "no_report")
    row = status_of(legacy, LEGACY_DAY, LEGACY)
    assert row["status"] == status
    if status != "no_report":
        assert some(row, "coverage", "is_explained") == ("below_threshold", True)
        assert row["evidence"] == (
            "GitHub leaves out days on which fewer than 5 people held a licence. "
            f"At most {people} people were active on any day within a week."
        )
        assert row["remedy"]


def test_the_busiest_of_the_days_near_decides(legacy: Book) -> None:
    legacy.fetch(ORG, LEGACY, LEGACY_DAY - timedelta(days=1), headline={"total_active_users": 4})
    legacy.fetch(ORG, LEGACY, LEGACY_DAY + timedelta(days=6), headline={"total_active_users": 25})
    legacy.fetch(ORG, LEGACY, LEGACY_DAY, "no_report")
    assert status_of(legacy, LEGACY_DAY, LEGACY)["status"] == "no_report"


def test_below_threshold_by_a_sibling_scope_that_was_reported_on_the_day(legacy: Book) -> None:
    legacy.fetch(ORG, LEGACY, LEGACY_DAY, headline={"total_active_users": 80})
    legacy.fetch(TEAM, LEGACY, LEGACY_DAY, "no_report")
    row = status_of(legacy, LEGACY_DAY, LEGACY, TEAM)
    assert some(row, "status", "coverage") == ("below_threshold_suspected", "below_threshold")
    assert row["evidence"] == (
        "GitHub leaves out days on which fewer than 5 people held a licence. "
        "It reported no day of this scope within a week, while it did report another scope on this day."
    )


def test_a_sibling_reported_on_another_day_explains_nothing(legacy: Book) -> None:
    legacy.fetch(ORG, LEGACY, LEGACY_DAY - timedelta(days=1), headline={"total_active_users": 80})
    legacy.fetch(TEAM, LEGACY, LEGACY_DAY, "no_report")
    assert status_of(legacy, LEGACY_DAY, LEGACY, TEAM)["status"] == "no_report"


@pytest.mark.parametrize("reported", [(ORG, FINAL_DAY - timedelta(days=1)), (OTHER_ORG, FINAL_DAY)])
def test_a_report_without_a_threshold_is_never_below_it(org: Book, reported: tuple[str, date]) -> None:
    org.expect(ORG, OTHER_ORG, start=START, today=TODAY)
    scope, day = reported
    org.fetch(scope, ORG_REPORT, day, headline={"daily_active_users": 1})
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, "no_report")
    assert status_of(org, FINAL_DAY)["status"] == "no_report"


def test_a_day_that_nobody_asked_for_is_not_below_the_threshold(legacy: Book) -> None:
    legacy.fetch(ORG, LEGACY, LEGACY_DAY - timedelta(days=1), headline={"total_active_users": 4})
    assert status_of(legacy, LEGACY_DAY, LEGACY)["status"] == "not_requested"


# --- Before the start, retired, expired ------------------------------------------------------------------------------


def test_before_start_is_not_expected_asked_or_not(book: Book) -> None:
    book.expect(ORG, start=date(2025, 12, 1), today=date(2026, 1, 10))
    book.fetch(ORG, ORG_REPORT, date(2025, 12, 10), "no_report")
    book.fetch(ORG, ORG_REPORT, date(2025, 12, 9), "failed")
    for day in (date(2025, 12, 9), date(2025, 12, 10), date(2025, 12, 11)):
        row = status_of(book, day)
        assert some(row, "status", "coverage", "is_explained") == ("before_start", "not_expected", True)
        assert row["evidence"] == "GitHub has this report from 2025-12-12 on."
    assert status_of(book, date(2025, 12, 12))["status"] == "not_requested"


def test_an_enterprise_starts_earlier_than_an_organisation(book: Book) -> None:
    book.expect(ENTERPRISE, start=date(2025, 10, 1), today=date(2026, 1, 10))
    assert status_of(book, date(2025, 10, 9), USERS, ENTERPRISE)["status"] == "before_start"
    assert status_of(book, date(2025, 10, 10), USERS, ENTERPRISE)["status"] == "not_requested"


@pytest.mark.parametrize("day", [FINAL_DAY, FRESH_DAY])
def test_not_offered_is_explained_and_not_expected_whatever_the_day(org: Book, day: date) -> None:
    evidence = org.fetch(ORG, CREDITS, day, "not_offered")
    row = status_of(org, day, CREDITS)
    assert some(row, "status", "coverage", "is_explained") == ("not_offered", "not_expected", True)
    assert some(row, "evidence", "last_http_status", "records") == (evidence, 404, None)
    assert row["remedy"] == "Leave the report out with COPILOT_SKIP_REPORTS, if nobody needs it."


def test_a_report_that_is_not_offered_to_one_scope_is_expected_of_the_others(org: Book) -> None:
    org.expect(ORG, ENTERPRISE, start=START, today=TODAY)
    org.fetch(ORG, CREDITS, FINAL_DAY, "not_offered")
    org.fetch(ENTERPRISE, CREDITS, FINAL_DAY)
    assert status_of(org, FINAL_DAY, CREDITS, ENTERPRISE)["status"] == "reported"
    assert status_of(org, FINAL_DAY, "premium-request-usage")["status"] == "not_requested"
    assert status_of(org, FINAL_DAY - timedelta(days=1), CREDITS)["status"] == "not_requested"


def test_a_report_that_is_offered_later_counts(org: Book) -> None:
    org.fetch(ORG, CREDITS, FINAL_DAY, "not_offered")
    org.fetch(ORG, CREDITS, FINAL_DAY)
    assert some(status_of(org, FINAL_DAY, CREDITS), "status", "coverage") == ("reported", "reported")


def test_before_the_first_day_of_a_report_nothing_was_offered_to_anybody(book: Book) -> None:
    book.expect(ORG, start=date(2026, 5, 30), today=TODAY)
    for day in (date(2026, 5, 31), date(2026, 6, 1)):
        book.fetch(ORG, CREDITS, day, "not_offered")
    assert status_of(book, date(2026, 5, 31), CREDITS)["status"] == "before_start"
    assert status_of(book, date(2026, 6, 1), CREDITS)["status"] == "not_offered"


def test_retired_by_githubs_answer_also_for_days_before_the_end(book: Book) -> None:
    book.expect(ORG, start=LEGACY_START, today=date(2026, 4, 20), legacy=True)
    evidence = book.fetch(ORG, LEGACY, LEGACY_DAY, "retired")
    row = status_of(book, LEGACY_DAY, LEGACY)
    assert some(row, "status", "coverage", "is_explained", "evidence") == ("retired", "missing", True, evidence)
    assert row["remedy"] == "Import it with copilot-assets import, if you kept a file."


def test_retired_by_date_when_nobody_asked(book: Book) -> None:
    book.expect(ORG, start=LEGACY_START, today=date(2026, 4, 20), legacy=True)
    row = status_of(book, date(2026, 4, 2), LEGACY)
    assert some(row, "status", "coverage", "is_explained") == ("retired", "missing", True)
    assert row["evidence"] == "GitHub closed this API on 2026-04-02."
    assert status_of(book, date(2026, 4, 1), LEGACY)["status"] == "not_requested"


def test_fetched_early_and_never_again_stays_provisional(org: Book) -> None:
    """Asked on the 13th for the 12th, final from the 16th on, and it is the 20th: nobody looked again."""
    day = date(2026, 9, 12)
    org.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 3}, asked=date(2026, 9, 13))
    row = status_of(org, day)
    assert some(row, "status", "coverage") == ("provisional", "reported")
    assert row["evidence"] == "It was fetched on 2026-09-13, when GitHub could still revise it, and not since."
    assert row["remedy"].startswith("Backfill the day")
    org.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 3}, asked=date(2026, 9, 16))
    assert status_of(org, day)["status"] == "reported"


@pytest.mark.parametrize("outcome", ["expired", None])
def test_expired_after_a_year_asked_too_late_or_not_at_all(book: Book, outcome: str | None) -> None:
    book.expect(ORG, start=date(2026, 1, 1), today=date(2027, 3, 1))
    # 365 days before 1 March 2027 is 1 March 2026: still there; the day before is lost.
    if outcome:
        book.fetch(ORG, ORG_REPORT, date(2026, 2, 28), outcome)
    row = status_of(book, date(2026, 2, 28))
    assert some(row, "status", "coverage", "is_explained") == ("expired", "missing", True)
    assert row["evidence"] == ("GitHub keeps 365 days, and the day was never fetched while it was there: it is lost.")
    assert row["remedy"] == "Import it with copilot-assets import, if you kept a file: GitHub no longer has it."
    assert status_of(book, date(2026, 3, 1))["status"] == "not_requested"


def test_the_legacy_metrics_expire_after_a_hundred_days(book: Book) -> None:
    book.expect(ORG, start=date(2025, 12, 1), today=LEGACY_TODAY, legacy=True)
    # 100 days before 20 March 2026: 20 days of March, 28 of February, 31 of January make 79, so 10 December.
    assert status_of(book, date(2025, 12, 9), LEGACY)["status"] == "expired"
    assert status_of(book, date(2025, 12, 10), LEGACY)["status"] == "not_requested"


def test_what_was_fetched_in_time_does_not_expire(book: Book) -> None:
    day = date(2026, 2, 1)
    book.expect(ORG, start=day, today=date(2027, 3, 1))
    book.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 3}, asked=date(2026, 2, 10))
    assert status_of(book, day)["status"] == "reported"


def test_a_day_without_report_that_was_asked_for_in_time_does_not_become_lost(book: Book) -> None:
    day = date(2026, 2, 1)
    book.expect(ORG, start=day, today=date(2027, 3, 1))
    book.fetch(ORG, ORG_REPORT, day, "no_report", asked=date(2026, 2, 10))
    assert status_of(book, day)["status"] == "no_report"


# --- Archives --------------------------------------------------------------------------------------------------------


def import_day(book: Book, day: date, people: int) -> None:
    """A line of the ledger as an import leaves it: reported, and no HTTP answer, because nobody asked."""
    book.insert(
        "raw.fetches",
        fetch_id=f"import-{day}",
        scope=ORG,
        report=LEGACY,
        day=day,
        requested_at=datetime.combine(book.today, time(12)),
        outcome="reported",
        records=1,
        evidence="Imported from the archive copilotMetricsData.json.",
        headline=f'{{"total_active_users": {people}}}',
    )


def legacy_days(book: Book) -> list[tuple[object, ...]]:
    book.build("quality.day_status")
    rows = book.rows("select * from quality.day_status where report = ? and scope = ? order by day", LEGACY, ORG)
    return [some(row, "day", "status", "coverage") for row in rows]


def test_imported_days_before_the_start_date_count_and_so_do_the_holes_up_to_it(book: Book) -> None:
    # Asked live from 1 April 2026 on, imported 29 and 31 March; 100 days before 20 July is 11 April.
    book.expect(ORG, start=date(2026, 4, 1), today=date(2026, 7, 20), legacy=True)
    import_day(book, date(2026, 3, 29), people=20)
    import_day(book, date(2026, 3, 31), people=30)
    book.fetch(ORG, LEGACY, date(2026, 4, 1), "retired")
    found = legacy_days(book)
    assert found[:4] == [
        (date(2026, 3, 29), "reported", "reported"),
        (date(2026, 3, 30), "expired", "missing"),
        (date(2026, 3, 31), "reported", "reported"),
        (date(2026, 4, 1), "retired", "missing"),
    ]
    # 3 days of March, 30 of April, 31 of May, 30 of June, 19 of July: the scope is asked live.
    assert len(found) == 113


def test_of_a_scope_known_by_an_archive_alone_nothing_after_it_is_expected(book: Book) -> None:
    book.expect(ORG, start=date(2026, 3, 29), today=date(2026, 11, 20), legacy=True)
    import_day(book, date(2026, 3, 29), people=20)
    import_day(book, date(2026, 3, 31), people=0)
    assert legacy_days(book) == [
        (date(2026, 3, 29), "reported", "reported"),
        (date(2026, 3, 30), "expired", "missing"),
        (date(2026, 3, 31), "zero_activity", "reported"),
    ]


@pytest.mark.parametrize(
    ("people", "distance", "status", "coverage"),
    [
        (9, 1, "below_threshold_suspected", "below_threshold"),  # nine are fewer than twice the threshold of five
        (9, 7, "below_threshold_suspected", "below_threshold"),
        (9, 8, "expired", "missing"),  # too far away to tell
        (10, 1, "expired", "missing"),
    ],
)
def test_a_hole_in_an_archive_by_the_busiest_day_of_a_week(
    book: Book, people: int, distance: int, status: str, coverage: str
) -> None:
    book.expect(ORG, start=date(2026, 3, 1), today=date(2026, 11, 20), legacy=True)
    hole = date(2026, 3, 15)
    import_day(book, hole - timedelta(days=distance), people)
    import_day(book, hole + timedelta(days=distance), people=2)
    row = status_of(book, hole, LEGACY)
    assert some(row, "status", "coverage", "is_explained") == (status, coverage, True)
    assert row["evidence"] == {
        "below_threshold_suspected": (
            "GitHub leaves out days on which fewer than 5 people held a licence. "
            "At most 9 people were active on any day within a week."
        ),
        "expired": (
            "The archive does not have it, and GitHub keeps 100 days: it is lost, or GitHub never reported it."
        ),
    }.get(status)


def test_before_and_after_an_archive_nothing_is_suspected_of_days_that_nobody_asked_for(book: Book) -> None:
    # 100 days before 20 July is 11 April; the legacy API had closed on the 2nd.
    book.expect(ORG, start=date(2026, 3, 1), today=date(2026, 7, 20), legacy=True)
    book.fetch(ORG, LEGACY, date(2026, 7, 19), "retired")  # asked live, so that days after the archive are expected
    import_day(book, date(2026, 3, 4), people=3)
    import_day(book, date(2026, 3, 6), people=3)
    found = {day: status for day, status, _ in legacy_days(book)}
    assert [found[date(2026, 3, day)] for day in range(3, 8)] == [
        "expired",
        "reported",
        "below_threshold_suspected",
        "reported",
        "expired",
    ]
    assert status_of(book, date(2026, 3, 7), LEGACY)["evidence"] == (
        "GitHub keeps 100 days, and the day was never fetched while it was there: it is lost."
    )


def test_a_hole_in_an_archive_that_github_still_has_is_to_be_asked_for(book: Book) -> None:
    book.expect(ORG, start=LEGACY_START, today=LEGACY_TODAY, legacy=True)
    import_day(book, LEGACY_DAY - timedelta(days=1), people=30)
    import_day(book, LEGACY_DAY + timedelta(days=1), people=30)
    assert some(status_of(book, LEGACY_DAY, LEGACY), "status", "is_explained") == ("not_requested", False)


def test_what_github_said_of_a_hole_in_an_archive_counts(book: Book) -> None:
    book.expect(ORG, start=LEGACY_START, today=LEGACY_TODAY, legacy=True)
    import_day(book, LEGACY_DAY - timedelta(days=1), people=30)
    import_day(book, LEGACY_DAY + timedelta(days=1), people=30)
    evidence = book.fetch(ORG, LEGACY, LEGACY_DAY, "no_report")
    assert some(status_of(book, LEGACY_DAY, LEGACY), "status", "evidence") == ("no_report", evidence)


def test_days_fetched_before_the_start_date_stay_out(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, START - timedelta(days=1))
    org.build("quality.day_status")
    assert org.rows("select min(day) as first from quality.day_status") == [{"first": START}]


def test_an_archive_of_another_scope_widens_nothing(book: Book) -> None:
    book.expect(ORG, TEAM, start=LEGACY_START, today=LEGACY_TODAY, legacy=True)
    import_day(book, date(2026, 2, 20), people=20)
    book.build("quality.day_status")
    query = "select min(day) as first from quality.day_status where scope = ? and report = ?"
    assert book.rows(query, TEAM, LEGACY) == [{"first": LEGACY_START}]
    assert book.rows(query, ORG, ORG_REPORT) == [{"first": LEGACY_START}]
    assert book.rows(query, ORG, LEGACY) == [{"first": date(2026, 2, 20)}]


# --- The five-user threshold, by the seats of the day -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("seats", "status"), [(4, "below_threshold"), (5, "no_report"), (None, "below_threshold_suspected")]
)
def test_the_seats_of_the_day_settle_it(legacy: Book, seats: int | None, status: str) -> None:
    legacy.fetch(ORG, LEGACY, LEGACY_DAY - timedelta(days=1), headline={"total_active_users": 6})
    legacy.fetch(ORG, LEGACY, LEGACY_DAY, "no_report")
    if seats:
        legacy.fetch(ORG, "copilot-seats", LEGACY_DAY, headline={"total_seats": seats}, asked=LEGACY_DAY)
        legacy.fetch(ORG, "copilot-seats", LEGACY_DAY + timedelta(days=1), headline={"total_seats": 9 - seats})
    row = status_of(legacy, LEGACY_DAY, LEGACY)
    assert row["status"] == status
    if status == "below_threshold":
        assert row["evidence"].endswith("Its list of seats, taken on this day, counts 4.")
        assert (row["coverage"], row["is_explained"]) == ("below_threshold", True)


def test_a_scope_that_was_reported_without_any_team_has_no_team_of_five(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 9})
    org.fetch(ORG, "user-teams-1-day", FINAL_DAY, "no_report")
    row = status_of(org, FINAL_DAY, "user-teams-1-day")
    assert row["status"] == "below_threshold_suspected"
    assert row["evidence"].endswith("It reported the scope on this day, and no team.")


def test_a_scope_with_teams_on_the_days_around_has_a_hole_that_the_threshold_does_not_explain(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 9})
    org.fetch(ORG, "user-teams-1-day", FINAL_DAY - timedelta(days=1), records=10)
    org.fetch(ORG, "user-teams-1-day", FINAL_DAY, "no_report")
    assert status_of(org, FINAL_DAY, "user-teams-1-day")["status"] == "no_report"


# --- A scope that is out of sight, or given up -----------------------------------------------------------------------


def test_404_after_the_last_report_is_lost_sight_and_not_a_missing_day(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, START, asked=FINAL_DAY)
    for day in (FINAL_DAY, FRESH_DAY):
        org.fetch(ORG, ORG_REPORT, day, "not_found", asked=FINAL_DAY + timedelta(days=4))
    assert [status_of(org, day)["status"] for day in (FINAL_DAY, FRESH_DAY)] == ["forbidden", "forbidden"]
    org.fetch(ORG, ORG_REPORT, date(2026, 9, 19), asked=FINAL_DAY + timedelta(days=4))
    assert status_of(org, FINAL_DAY)["status"] == "no_report", "another day came on the same day of asking"


def test_days_of_a_scope_that_was_given_up_promise_no_daily_run(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, date(2026, 9, 18))
    org.fetch(ORG, ORG_REPORT, date(2026, 9, 19), "no_report")
    org.expect(OTHER_ORG, start=START, today=TODAY + timedelta(days=30))
    fresh, pending = status_of(org, date(2026, 9, 18)), status_of(org, date(2026, 9, 19))
    assert some(fresh, "status", "remedy", "needs_a_hand") == ("provisional", None, False)
    assert fresh["evidence"].endswith("since then it is no longer asked for.")
    assert some(pending, "status", "remedy") == ("pending", None)
    assert "no longer asked for" in pending["evidence"]


def test_a_report_that_is_gone_says_that_there_was_one(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, asked=FRESH_DAY)
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, "no_report", asked=TODAY)
    row = status_of(org, FINAL_DAY)
    assert row["status"] == "no_report"
    assert row["evidence"].endswith(" When it was asked on 2026-09-17 it had a report.")


def test_a_day_that_was_fetched_too_early_and_never_again_needs_a_hand(org: Book) -> None:
    (check,) = (check for model in MODELS for check in model.checks if check.name == "days_were_asked_again")
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, asked=FINAL_DAY + timedelta(days=1))
    org.fetch(ORG, ORG_REPORT, FRESH_DAY, asked=FRESH_DAY + timedelta(days=1))
    assert some(status_of(org, FINAL_DAY), "status", "needs_a_hand") == ("provisional", True)
    assert some(status_of(org, FRESH_DAY), "status", "needs_a_hand") == ("provisional", False)
    assert [row["day"] for row in org.rows(check.sql)] == [FINAL_DAY]


def test_teams_do_not_follow_from_a_day_without_activity(org: Book) -> None:
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, headline={"daily_active_users": 0})
    for report in (USERS, "repos-1-day", CREDITS):
        org.fetch(ORG, report, FINAL_DAY, "no_report")
    found = [status_of(org, FINAL_DAY, report)["status"] for report in (USERS, "repos-1-day", CREDITS)]
    assert found == ["zero_activity", "no_report", "no_report"]


# --- Freshness by the day of the data --------------------------------------------------------------------------------


@pytest.mark.parametrize(("newest", "is_stale"), [(13, False), (12, True)])
def test_the_newest_day_may_be_three_days_behind_the_newest_that_is_due(org: Book, newest: int, is_stale: bool) -> None:
    """The 16th is due; an old day that is backfilled, or one that somebody asked for today, makes nothing fresh."""
    (check,) = (check for model in MODELS for check in model.checks if check.name == "is_fresh")
    org.fetch(ORG, ORG_REPORT, START)
    org.fetch(ORG, ORG_REPORT, date(2026, 9, newest))
    org.fetch(ORG, ORG_REPORT, FINAL_DAY, "no_report")
    org.build("quality.day_status")
    stale = [(row["report"], row["newest_reported_day"], row["status_of_that_day"]) for row in org.rows(check.sql)]
    assert stale == ([(ORG_REPORT, date(2026, 9, newest), "no_report")] if is_stale else [])


# --- What holds of every row -----------------------------------------------------------------------------------------


def test_a_day_that_was_given_up_is_no_idle_one_and_can_be_brought_back(book: Book) -> None:
    """copilot-assets new-key: GitHub keeps a year, after which a file alone can bring it back."""
    book.expect(ORG, start=date(2025, 12, 1), today=date(2027, 1, 20))
    old, new = date(2026, 1, 5), date(2027, 1, 5)
    for day in (old, new):
        book.fetch(ORG, ORG_REPORT, day, headline={"daily_active_users": 0})
        evidence = book.fetch(ORG, ORG_REPORT, day, "given_up")
    asked = ("status", "coverage", "needs_a_hand", "records")
    row = status_of(book, old)
    assert some(row, *asked) == ("given_up", "missing", False, None)
    assert row["remedy"] == "Import it with copilot-assets import, if you kept a file: GitHub no longer has it."
    row = status_of(book, new)
    assert some(row, *asked) == ("given_up", "missing", True, None)
    assert some(row, "evidence", "remedy") == (
        evidence,
        "Backfill the day, in the Dagster UI or with copilot-assets backfill.",
    )
    book.fetch(ORG, ORG_REPORT, new, headline={"daily_active_users": 7})
    assert status_of(book, new)["status"] == "reported"


@pytest.fixture
def every_status(book: Book) -> Book:
    """A ledger in which each status occurs: legacy metrics of two scopes after the end, reports of a year and more."""
    book.expect(ORG, ENTERPRISE, TEAM, start=date(2025, 12, 1), today=date(2027, 1, 20), legacy=True)
    for day, outcome, people in (
        (date(2027, 1, 1), "reported", 7),
        (date(2027, 1, 2), "reported", 0),
        (date(2027, 1, 3), "no_report", None),
        (date(2027, 1, 4), "not_found", None),
        (date(2027, 1, 5), "forbidden", None),
        (date(2027, 1, 6), "failed", None),
        (date(2027, 1, 17), "reported", 7),
        (date(2027, 1, 18), "no_report", None),
        (date(2025, 12, 20), "no_report", None),
        (date(2027, 1, 7), "given_up", None),
    ):
        book.fetch(ORG, ORG_REPORT, day, outcome, headline={"daily_active_users": people} if people is not None else {})
    book.fetch(ORG, LEGACY, LEGACY_DAY, headline={"total_active_users": 6})
    book.fetch(ORG, LEGACY, LEGACY_DAY + timedelta(days=1), "no_report")
    book.fetch(ORG, LEGACY, LEGACY_DAY + timedelta(days=2), "retired")
    book.fetch(TEAM, LEGACY, LEGACY_DAY, "no_report")
    book.fetch(ORG, CREDITS, date(2027, 1, 1), "not_offered")
    book.fetch(ORG, LEGACY, LEGACY_DAY + timedelta(days=3), "no_report")
    book.fetch(ORG, "copilot-seats", LEGACY_DAY + timedelta(days=3), headline={"total_seats": 4})
    book.build("quality.day_status")
    return book


STATUSES = {
    # status: (coverage, is explained, something can be done)
    "reported": ("reported", True, False),
    "provisional": ("reported", True, True),
    "zero_activity": ("reported", True, False),
    "pending": ("pending", True, True),
    "below_threshold": ("below_threshold", True, True),
    "below_threshold_suspected": ("below_threshold", True, True),
    "no_report": ("missing", True, True),
    "before_start": ("not_expected", True, False),
    "not_offered": ("not_expected", True, True),
    "retired": ("missing", True, True),
    "expired": ("missing", True, True),
    "given_up": ("missing", True, True),
    "forbidden": ("missing", True, True),
    "failed": ("missing", False, True),
    "not_requested": ("missing", False, True),
}


def test_each_status_has_one_coverage_and_only_asking_again_is_left_unexplained(every_status: Book) -> None:
    found = every_status.rows(
        "select distinct status, coverage, is_explained, remedy is not null as has_remedy from quality.day_status"
    )
    assert {row["status"]: some(row, "coverage", "is_explained", "has_remedy") for row in found} == STATUSES
    assert len(found) == len(STATUSES)


def test_evidence_and_remedy_are_sentences(every_status: Book) -> None:
    rows = every_status.rows("select distinct status, evidence, remedy from quality.day_status")
    for row in rows:
        assert SENTENCE.fullmatch(row["evidence"]), row
        assert row["evidence"].endswith("."), row
        if row["remedy"] is not None:
            assert SENTENCE.fullmatch(row["remedy"]), row
            assert row["remedy"].endswith("."), row


def test_the_order_in_which_the_ledger_was_written_does_not_matter(every_status: Book) -> None:
    before = every_status.rows("from quality.day_status order by all")
    every_status.connection.execute(
        "create or replace temp table shuffled as select * from raw.fetches order by hash(fetch_id)"
    )
    every_status.connection.execute("delete from raw.fetches")
    every_status.connection.execute("insert into raw.fetches select * from shuffled")
    every_status.build("quality.day_status")
    assert every_status.rows("from quality.day_status order by all") == before
