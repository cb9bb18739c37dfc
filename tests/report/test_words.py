"""What commands say alike."""

from __future__ import annotations

from datetime import date

from copilot_assets.report.words import stretches


def test_stretches() -> None:
    july = [date(2024, 7, n) for n in (1, 3, 4, 5, 8, 9)]
    assert stretches(july) == ["2024-07-01", "2024-07-03 to 2024-07-05", "2024-07-08 to 2024-07-09"]
    assert stretches([date(2024, 6, 30), date(2024, 7, 1)]) == ["2024-06-30 to 2024-07-01"]
    assert stretches([]) == []
