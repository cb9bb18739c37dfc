"""The page that shows newcomers the house names rooms and files that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.conftest import LONGEST

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_every_path_on_the_page_is_there() -> None:
    named = set(re.findall(r"`([\w./]+(?:\.py|\.sql|\.md|\.toml|/))`", PAGE))
    roots = [ROOT, ROOT / "copilot_assets", ROOT / "dbt_like_sql", *(ROOT / "copilot_assets").iterdir()]
    assert len(named) > 30
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


def test_the_files_that_are_begun_first_are_there() -> None:
    assert [path for path in LONGEST if not (ROOT / path).is_file()] == []


def test_every_room_is_on_the_page_and_says_what_belongs_there() -> None:
    for room in (path for path in (ROOT / "copilot_assets").iterdir() if (path / "__init__.py").exists()):
        assert f"{room.name}/" in PAGE
        first, blank, *more = (room / "__init__.py").read_text().split('"""')[1].strip().splitlines()
        assert first.endswith("."), room.name
        assert not blank, room.name
        assert len(" ".join(more)) > 80, f"{room.name} does not say what belongs there and what stays out"


def test_the_page_has_the_floors_that_are_held() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    floors = [layer for layer in layers if layer != "__main__"]
    told = " ".join(PAGE.split("A room knows only rooms before it: `")[1].split("`")[0].split())
    assert told.replace(", ", " | ").split(" > ") == [*floors[:-2], "records", floors[-1]]
