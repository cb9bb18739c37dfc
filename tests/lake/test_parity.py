"""Another order of what happens makes the same tables, too, in a file and in a lake: see `test_lived_in.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot_assets.standin import Standin
from tests.lake.lakes import Lake
from tests.lake.pairs import new_pair


@pytest.mark.usefixtures("fixed_clock")
def test_an_archive_and_days_of_which_a_person_is_forgotten_before_they_are_revised(
    lake: Lake, small_github: Standin, tmp_path: Path
) -> None:
    pair = new_pair(small_github, tmp_path, lake)
    pair.bring()
    pair.backfill()
    pair.forget()  # before anything was flattened
    pair.assert_equal("raw")
    pair.revise()
    pair.flatten()
    pair.assert_equal("raw", "flat")
