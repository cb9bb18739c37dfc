"""The page about BI tools: its queries and its Polars, as they stand, on exported files of a hand-made history."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from copilot_assets.report.export import export
from tests.dbt_like_sql.conftest import built_warehouse

PAGE = (Path(__file__).parents[1] / "docs" / "bi.md").read_text()
WEEKS = [date(2026, 9, 7), date(2026, 9, 14), date(2026, 9, 21)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/export`: two scopes, two closed weeks and an open one, one number unknown."""
    folder = tmp_path_factory.mktemp("bi")
    warehouse = built_warehouse(folder / "data" / "copilot.duckdb")
    with warehouse.connect() as connection:
        for scope, numbers in (("org:a", [80, 84, 30]), ("org:b", [None, 50, 20])):
            for week, people in zip(WEEKS, numbers, strict=True):
                connection.execute(
                    "insert into weekly.user_trend by name "
                    "select ? as scope, ? as week_start, ?::bigint as active_people, ? as is_closed",
                    [scope, week, people, week != WEEKS[-1]],
                )
            for week, seats in zip(WEEKS, [100, 110, None], strict=True):
                connection.execute(
                    "insert into weekly.licence_trend by name "
                    "select ? as scope, ? as week_start, ?::bigint as seats, 90::bigint as seats_active_28_days",
                    [scope, week, seats],
                )
    export(warehouse.connect(), folder / "data" / "export", "parquet")
    return folder


def blocks(kind: str, section: str) -> list[str]:
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)
    assert found
    return found


def test_the_queries_of_the_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    trend, licences = (duckdb.sql(query).fetchall() for query in blocks("sql", "DuckDB"))
    assert [row[:3] for row in trend] == [
        ("org:a", WEEKS[0], 80),
        ("org:a", WEEKS[1], 84),
        ("org:b", WEEKS[0], None),
        ("org:b", WEEKS[1], 50),
    ]
    assert sorted(row[:4] for row in licences) == [("org:a", WEEKS[1], 110, 90), ("org:b", WEEKS[1], 110, 90)]


def test_the_polars_of_the_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    (code,) = blocks("python", "Polars")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the words of our own page
    assert names["people"].rows() == [(WEEKS[0], 80, None), (WEEKS[1], 84, 50)]
    assert names["people"].columns == ["week_start", "org:a", "org:b"]
