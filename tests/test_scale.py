"""docs/scale.md: every figure says whether it was measured or computed, and what was computed comes out again."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "scale.md").read_text()
ROWS = {
    label.strip(): [cell.strip() for cell in cells.split("|")]
    for label, cells in re.findall(r"^\| ([^|]+)\| (.+) \|$", PAGE, re.MULTILINE)
}
PEOPLE, SCOPES = (1_000, 50_000, 1_000_000), (1, 30, 500)
# As the page says under "What was computed, and how".
BYTES_A_DAY, DAYS, REQUESTS_A_DAY, SNAPSHOTS = 3_600, 365, 6, 6
KEPT_BYTES = (500, 800)
SECONDS_A_ROW = 9.0 / 17_700_000
ROWS_A_YEAR = 17_700_000 / 10_000
REQUESTS_AN_HOUR = 5_000
PIECE_DAYS = 30


def test_every_figure_of_a_table_is_marked() -> None:
    assert len(ROWS) > 10
    unmarked = [
        (label, cell)
        for label, cells in ROWS.items()
        for cell in cells
        if re.search(r"[0-9]", cell) and not re.search(r" \*\*[mc]\*\*", cell)
    ]
    assert unmarked == []


UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "s": 1, "minute": 60, "minutes": 60, "hours": 3600, "": 1}


def figures(label: str, place: int) -> list[float]:
    """The numbers of a cell in bytes, seconds or counts."""
    cell = ROWS[label][place].split(" **")[0].replace(",", "")
    unit = UNITS[re.sub(r".*[0-9] ?", "", cell)]
    return [float(number) * unit for number in re.findall(r"[0-9.]+", cell)]


def rebuild_seconds(people: int, years: int) -> float:
    return people * ROWS_A_YEAR * years * SECONDS_A_ROW


@pytest.mark.parametrize(
    ("label", "place", "computed"),
    [
        ("a day's file of `users-1-day`, unpacked", 2, [PEOPLE[2] * BYTES_A_DAY]),
        ("land and flatten a day", 2, [23.6 * PEOPLE[2] / 560_000]),
        *(
            ("the database, a year", place, [people * DAYS * kept for kept in KEPT_BYTES])
            for place, people in enumerate(PEOPLE)
        ),
        *(
            (label, place, [rebuild_seconds(PEOPLE[place], years)])
            for label, years in (
                ("rebuild of all tables after a year, as after an upgrade", 1),
                ("the same after three years", 3),
            )
            for place in (1, 2)
        ),
        *(
            ("downloaded each night, four days again", place, [4 * people * BYTES_A_DAY])
            for place, people in enumerate(PEOPLE)
        ),
        *(
            ("requests a night (four days)", place, [(4 * REQUESTS_A_DAY + SNAPSHOTS) * scopes])
            for place, scopes in enumerate(SCOPES)
        ),
        *(("requests of a first year", place, [DAYS * REQUESTS_A_DAY * scopes]) for place, scopes in enumerate(SCOPES)),
        *(
            ("hours of one token for it", place, [DAYS * REQUESTS_A_DAY * scopes / REQUESTS_AN_HOUR])
            for place, scopes in enumerate(SCOPES)
            if place
        ),
        *(
            ("hours without a limit, 150 ms an answer, eight at once", place, [107.7 / 2 * scopes])
            for place, scopes in enumerate(SCOPES)
        ),
    ],
)
def test_what_is_computed_comes_out_again(label: str, place: int, computed: list[float]) -> None:
    """To the digits that the page gives: a fifth of a figure of one digit, less of more."""
    told = figures(label, place)
    assert told == pytest.approx(computed, rel=0.2)


def test_pieces_of_a_history() -> None:
    runs, one, many = re.search(
        r"first\s+year is ([0-9]+) runs \*\*c\*\*,\s+and a kill costs the requests of one at most: "
        r"([0-9,]+) of one organisation, ([0-9,]+) of 500 \*\*c\*\*",
        PAGE,
    ).groups()  # type: ignore[union-attr]
    assert int(runs) == math.ceil(DAYS / PIECE_DAYS)
    assert int(one) == PIECE_DAYS * REQUESTS_A_DAY
    assert int(many.replace(",", "")) == 500 * PIECE_DAYS * REQUESTS_A_DAY
