"""Files that are made in one step: on the disk before they have their name, and their name after."""

import os
from pathlib import Path

import pytest

from copilot_assets.warehouse.private import put_in_place


def test_a_file_reaches_the_disk_before_it_is_renamed_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, path = tmp_path / "key.new", tmp_path / "key"
    new.write_text("new")
    path.write_text("old")
    file, folder, done = new.stat().st_ino, tmp_path.stat().st_ino, os.fsync
    reached: list[tuple[int, str]] = []

    def noted(descriptor: int) -> None:
        reached.append((os.fstat(descriptor).st_ino, path.read_text()))
        done(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    put_in_place(new, path)
    assert reached == [(file, "old"), (folder, "new")]
    assert not new.exists()
