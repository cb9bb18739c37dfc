"""quality.series_break: dates as GitHub's changelog has them, and columns that there are."""

from datetime import date

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.standin import changes
from tests.dbt_like_sql.conftest import Book


def test_every_column_that_moves_is_one_of_a_flat_table(book: Book) -> None:
    book.build("quality.series_break")
    known = {f"flat.{table.name}" for table in FLAT_TABLES}
    known |= {f"flat.{table.name}.{column.name}" for table in FLAT_TABLES for column in table.columns}
    moved = {name for row in book.rows("from quality.series_break") for name in row["moved_columns"].split(", ")}
    assert moved - known == set()


def test_the_breaks_of_active_users_and_of_activity(book: Book) -> None:
    book.build("quality.series_break")
    rows = book.rows("from quality.series_break")
    assert {row["day"] for row in rows if row["moves_active_users"]} == {date(2026, 6, 15), date(2026, 7, 28)}
    assert {row["day"] for row in rows if row["moves_activity"]} == {
        date(2026, 4, 10),
        date(2026, 7, 2),
        date(2026, 7, 28),
        date(2026, 10, 6),
    }


def test_a_break_names_what_it_moves(book: Book) -> None:
    book.build("quality.series_break")
    (row,) = book.rows("from quality.series_break where day = '2026-06-15'")
    assert row["kind"] == "definition"
    assert row["moved_columns"] == (
        "flat.entity_daily.daily_active_users, flat.entity_daily.monthly_active_users, "
        "flat.entity_daily.weekly_active_users, flat.user_daily.user_id"
    )
    assert row["reports"] == "entity-1-day, users-1-day"


def test_a_break_names_the_reports_it_is_about(book: Book) -> None:
    book.build("quality.series_break")
    reports = {str(row["day"]): row["reports"] for row in book.rows("from quality.series_break")}
    assert {day: reports[day] for day in ("2026-05-14", "2026-06-19", "2026-07-17", "2026-09-17", "2026-09-25")} == {
        "2026-05-14": "user-teams-1-day",
        "2026-06-19": "users-1-day",
        "2026-07-17": "entity-1-day, repos-1-day, users-1-day",
        "2026-09-17": "enterprise-28-day, entity-1-day, users-1-day",
        "2026-09-25": "repos-1-day",
    }
    assert not any("legacy" in names for names in reports.values())


def test_every_change_that_the_stand_in_makes_is_listed(book: Book) -> None:
    """All but the invoice, which is no report about usage."""
    book.build("quality.series_break")
    listed = {row["day"] for row in book.rows("from quality.series_break")}
    made = {day for name, day in vars(changes).items() if name.isupper() and name != "AI_CREDIT_BILLING"}
    assert made - listed == set()
