"""What a field of the record contract can say of itself: type and bounds, meaning, column, key.

The marks and the base of all records belong here; the fields themselves are in the other modules of this package.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final, Literal

import msgspec
from msgspec import Meta

# DuckDB's and Polars' BIGINT.
MAX: Final = 2**63 - 1

# What a field tells of the person a record is about. `people/identities.py` says what the flat tables show of it.
Person = Literal["id", "login", "kind"]
# What a `kind` says where the record is about a person; it is about one where nothing says what it is about, too.
PERSON_KIND: Final = "User"


def meta(text: str, *, column: str | None = None, key: bool = False) -> Meta:
    """A text, a flag or a date. `column` renames it in the flat tables; a `key` is carried by every row below it."""
    return Meta(description=text, extra={"column": column, "key": key})


def identity(text: str, *, column: str | None = None) -> Meta:
    """A number that names something: a key, never to be added up."""
    return Meta(ge=0, le=MAX, description=text, extra={"column": column, "key": True})


def person_id(text: str) -> Meta:
    """GitHub's id of the person whom the whole record is about: the key `user_id`, in the flat tables a pseudonym."""
    return Meta(ge=0, le=MAX, description=text, extra={"column": "user_id", "key": True, "person": "id"})


def person_login(text: str) -> Meta:
    """That person's login, `user_login`: null in the flat tables unless logins are wanted, and never a key."""
    return Meta(description=text, extra={"column": "user_login", "person": "login"})


def person_kind(text: str, *, column: str) -> Meta:
    """What the record is about where it may be no person: unless it is `PERSON_KIND`, id and login are nobody's."""
    return Meta(description=text, extra={"column": column, "person": "kind"})


def count(text: str, *, column: str | None = None) -> Meta:
    """A whole number from 0 to the end of BIGINT."""
    return Meta(ge=0, le=MAX, description=text, extra={"column": column})


def number(text: str, *, column: str | None = None) -> Meta:
    """A number from 0 on, fractions allowed."""
    return Meta(ge=0, description=text, extra={"column": column})


def instant(text: str) -> Meta:
    """A time with its zone; the flat tables hold it in UTC."""
    return Meta(tz=True, description=text)


def in_raw_only(text: str) -> Meta:
    """A field that no flat table shows: what the table has already, GitHub's housekeeping."""
    return Meta(description=text, extra={"in_raw_only": True})


class Record(msgspec.Struct):
    """Any object of the contract. Unknown fields pass: the raw text keeps them.

    A field that is absent and one that is null are both unknown: `None`, never 0.

    Attributes:
        is_open: whether it is one of GitHub's general objects, such as a person, of whose many fields few matter here:
            one more is no news.
        is_csv: whether it is a line of a CSV file: every value is a text, and two lines may be the same. It names
            people by login alone.
    """

    is_open: ClassVar[bool] = False
    is_csv: ClassVar[bool] = False

    @property
    def about(self) -> dt.date | None:
        """The UTC day that a whole record says it is about; None where it has none of its own, as a seat."""
        return getattr(self, "day", None)
