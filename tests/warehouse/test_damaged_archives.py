"""Hundreds of damaged files that somebody kept: each is taken as it is, or refused with a sentence, and then wholly.

How they are damaged is in `tests/orchestration/test_mutations.py`.
"""

from __future__ import annotations

import json
import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from copilot_assets.github.scopes import Scope
from copilot_assets.warehouse.kept_days import read_archive
from copilot_assets.warehouse.kept_files import ArchiveError
from tests.conftest import TODAY, report_named
from tests.orchestration.test_mutations import damaged_files

ORG = Scope.parse("org:octo-org")
COUNT = 120


def kept(dice: random.Random, folder: Path, name: str, number: int) -> Path:
    """A file of a damaged report, by itself, in a zip, or in a zip that is damaged too."""
    (body, *_) = damaged_files(dice, report_named(name))
    path = folder / f"{number}.json"
    path.write_bytes(body)
    if dice.random() > 0.2:
        return path
    with zipfile.ZipFile(path.with_suffix(".zip"), "w", dice.choice([0, 8, 12, 14])) as archive:
        archive.writestr("kept.json", body)
    if dice.random() < 0.5:
        packed = bytearray(path.with_suffix(".zip").read_bytes())
        packed[dice.randrange(len(packed))] ^= 1 << dice.randrange(8)
        path.with_suffix(".zip").write_bytes(packed)
    return path.with_suffix(".zip")


@pytest.mark.parametrize(
    "name", ["users-1-day", "organization-1-day", "repos-1-day", "legacy-metrics", "copilot-seats"]
)
def test_a_damaged_file_is_taken_or_refused(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(f"damaged archives of {name}")
    came: Counter[str] = Counter()
    said = []
    for number in range(COUNT):
        path = kept(dice, tmp_path, name, number)
        try:
            with read_archive([path], TODAY, ORG) as archive:
                came["taken"] += 1
                assert all(json.loads(text) for day in archive.days.values() for text in day.texts())
        except ArchiveError as refused:
            came["refused"] += 1
            said.append(str(refused))
    assert came["refused"] > COUNT / 10, came
    assert (came["taken"] > COUNT / 10) == (name != "copilot-seats"), "of which no snapshot of the past is taken"
    assert "planted" not in "\n".join([*said, *capfd.readouterr()])
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in said)
