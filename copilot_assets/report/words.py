"""Numbers, days and lists as people write them. Whole sentences are put together where they are said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta


def stretch(first: date, last: date) -> str:
    """`2024-07-03`, or `2024-07-06 to 2024-07-07`."""
    return f"{first}" if first == last else f"{first} to {last}"


def stretches(days: Iterable[date]) -> list[str]:
    """Days, oldest first, with those that follow each other as one."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return [stretch(first, last) for first, last in spans]


def some(names: Sequence[str], what: str, most: int) -> str:
    """A list, or its beginning and how many there are: `a, b and 3 more scopes`."""
    if len(names) <= most:
        return listed(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more {what}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def compared(change: int) -> str:
    """A change against the week before."""
    if change == 0:
        return "as many as the week before"
    return f"{abs(change):,} {'more' if change > 0 else 'fewer'} than the week before"


def day_of(day: date) -> str:
    """`16 November 2026`."""
    return f"{day.day} {day:%B %Y}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 day`, `3 days`, `no days`."""
    return f"{number:,} {one}" if number == 1 else f"{f'{number:,}' if number else 'no'} {many or one + 's'}"


def dollars(amount: float) -> str:
    """`$1,240`, `$3.40`: cents where they count."""
    return f"${amount:,.0f}" if amount >= 100 or amount == int(amount) else f"${amount:,.2f}"


def percent(share: float) -> str:
    """`84 %`."""
    return f"{share * 100:.0f} %"
