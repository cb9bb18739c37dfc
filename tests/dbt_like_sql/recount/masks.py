"""The promise about people, kept anew: what docs/privacy.md lets be told of a number, in exact arithmetic.

Whose number it is, and how many people are behind it, is counted where the table is.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any


def to_nearest(number: Any, step: Any) -> Fraction:
    """The nearest multiple; of two that are as near the larger one."""
    return floor(Fraction(number) / Fraction(step) + Fraction(1, 2)) * Fraction(step)


def people(
    count: int | None, few: int, at_most: int | None = None, *, is_share: bool = False, is_remainder: bool = False
) -> int | None:
    """People of a part or group: nobody is told, fewer than `few` are not, others to the nearest multiple of it.

    Of a share, which with others makes up a number that is told as it is, `few` are not either; and of a remainder
    nobody is told as few are.
    """
    if count is None or few == 1 or (count == 0 and not is_remainder):
        return count
    if count < (fewest(few) if is_share or is_remainder else few):
        return None
    told = int(to_nearest(count, few))
    return told if at_most is None else min(told, at_most)


def fewest(few: int) -> int:
    """Of how many people is told where they with others make up a number that is told as it is."""
    return few + 1 if few > 1 else few


def amount(value: Any, behind: int | None, few: int, *, dollars: bool = False) -> Any:
    """What people did: to a multiple of 1, 2 or 5 times a power of ten, as much as one of them at most, never none."""
    if value is None or value == 0:
        return value
    if behind is None or behind < few:
        return None
    if few == 1:
        return value
    exact = Fraction(value)
    step = max(_round_below(abs(exact) / behind), Fraction(few, 10 if dollars else 1))
    told = max(to_nearest(abs(exact), step), step)
    return told if exact > 0 else -told


def _round_below(average: Fraction) -> Fraction:
    """The largest of … 0.5, 1, 2, 5, 10 … that is no larger."""
    ten = Fraction(1)
    while ten > average:
        ten /= 10
    while ten * 10 <= average:
        ten *= 10
    return max(each * ten for each in (1, 2, 5) if each * ten <= average)
