"""The page of tables: every table that there is, with every column, as they stand in the database."""

import re
from pathlib import Path

import pytest

from copilot_assets.shell.tables import markdown
from copilot_assets.sql_models.files import load_models
from tests.dbt_like_sql.conftest import built_warehouse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page() -> str:
    return markdown(load_models())


def test_every_table_is_there_with_every_column_and_what_it_means(page: str, tmp_path: Path) -> None:
    with built_warehouse(tmp_path / "x.duckdb").connect() as connection:
        there: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() "
            "where schema_name in ('weekly', 'quality', 'people', 'flat') order by table_oid, column_index"
        ).fetchall():
            there.setdefault(table, []).append(column)
    for bookkeeping in ("flat.sources", "flat.known_names"):
        there.pop(bookkeeping, None)
    told = {}
    for section in page.split("\n### ")[1:]:
        name, _, rest = section.partition("\n")
        told[name] = re.findall(r"^\| `(\w+)` \| .*\S.* \|$", rest.split("\n## ")[0], re.MULTILINE)
    assert told == there


def test_the_list_leads_to_each_table(page: str) -> None:
    """As GitHub makes the anchor of a heading: in lower case, without the points."""
    listed = dict(re.findall(r"^\| \[`([\w.]+)`\]\(#(\w+)\)", page, re.MULTILINE))
    headings = re.findall(r"^### (.*)$", page, re.MULTILINE)
    assert listed == {heading: heading.replace(".", "") for heading in headings}


def test_some_rows_by_hand(page: str) -> None:
    assert "| [`flat.legacy_ide_chat_daily`](#flatlegacy_ide_chat_daily) | scope, day, editor and model |" in page
    assert "\n| `week_start` | Monday of the ISO week, UTC |\n" in page
    assert "#not_null" not in page


def test_the_page_in_docs_is_the_one_that_make_docs_makes(page: str) -> None:
    assert (ROOT / "docs" / "tables.md").read_text() == page, "run make docs"
    assert "copilot-assets tables > docs/tables.md" in (ROOT / "Makefile").read_text()
