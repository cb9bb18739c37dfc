"""Dice that always fall the same way: chance seeded by words.

Only the seeding of random numbers belongs here; what they decide stays with the module that rolls them.
"""

from random import Random

BYTE = 256


def dice(*words: object) -> Random:
    """Dice that fall the same way for the same words, in every process and on every machine."""
    return Random(":".join(map(str, words)))  # noqa: S311  (invented data, no secret)


def dice_by_number(number: int) -> Random:
    """Like `dice`, three times as fast: for what is rolled once per person and day."""
    return Random(number)  # noqa: S311  (invented data, no secret)
