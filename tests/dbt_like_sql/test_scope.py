"""quality.scope: what contains what, so that nobody adds up what is in both."""

from datetime import date

from copilot_assets.flat.tables import FLAT_TABLES
from tests.dbt_like_sql.conftest import MODELS, Book

ORG, LABS, ALONE, CORP = "org:octo-org", "org:octo-labs", "org:elsewhere", "enterprise:octo-corp"
TEAM, ENTERPRISE_TEAM = "team:octo-org/core", "enterprise-team:octo-corp/core"
DAY = date(2026, 9, 7)


def scopes(book: Book) -> dict[str, tuple[object, ...]]:
    book.build("quality.scope")
    rows = book.rows("from quality.scope order by scope")
    return {row["scope"]: (row["kind"], row["contained_in"], row["is_outermost"], row["enterprise_id"]) for row in rows}


def test_an_organisation_is_in_the_enterprise_that_its_report_names(book: Book) -> None:
    book.expect(ORG, LABS, ALONE, CORP, start=DAY, today=date(2026, 10, 1))
    for scope, enterprise in ((ORG, "7"), (CORP, "7"), (ALONE, "8")):
        book.insert("flat.entity_daily", scope=scope, day=DAY, enterprise_id=enterprise)
    assert scopes(book) == {
        CORP: ("enterprise", None, True, "7"),
        ALONE: ("org", None, True, "8"),
        LABS: ("org", None, True, None),  # no report of it told yet
        ORG: ("org", CORP, False, "7"),
    }


def test_an_organisation_that_moved_is_where_it_was_last(book: Book) -> None:
    book.expect(ORG, CORP, start=DAY, today=date(2026, 10, 1))
    for scope, day, enterprise in ((ORG, DAY, "8"), (ORG, date(2026, 9, 8), "7"), (CORP, DAY, "7")):
        book.insert("flat.entity_daily", scope=scope, day=day, enterprise_id=enterprise)
    assert scopes(book)[ORG] == ("org", CORP, False, "7")


def test_a_team_is_in_its_organisation_or_enterprise(book: Book) -> None:
    teams = (TEAM, ENTERPRISE_TEAM, "team:elsewhere/core")
    book.expect(ORG, CORP, *teams, start=date(2026, 3, 2), today=date(2026, 4, 1), legacy=True)
    found = scopes(book)
    assert [found[team][:3] for team in teams] == [
        ("team", ORG, False),
        ("enterprise-team", CORP, False),
        ("team", None, True),
    ]


def test_what_the_model_claims_holds(book: Book) -> None:
    book.expect(ORG, LABS, CORP, TEAM, start=DAY, today=date(2026, 10, 1), legacy=True)
    scopes(book)
    (model,) = (model for model in MODELS if model.table == "quality.scope")
    assert model.checks
    assert [check.name for check in model.checks if book.rows(check.sql)] == []


def test_every_table_warns_of_adding_up_scopes() -> None:
    warning = "Scopes overlap: never add up rows of several (quality.scope)."
    tables = {model.table: model.docs for model in MODELS if model.schema == "weekly"}
    tables |= {table.name: table.docs for table in FLAT_TABLES}
    assert [name for name, docs in tables.items() if warning not in docs.table] == []
