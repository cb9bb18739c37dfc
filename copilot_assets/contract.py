"""What follows from the record contract: decoders, the structure DuckDB parses with, columns with types and docs.

Everything here is derived from `records.py` by reading its Structs; nothing about a particular report stands here.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any, Final

import msgspec

from copilot_assets.records import Record

# How a JSON type of the contract is stored.
_DUCKDB_TYPES: Final[dict[Any, str]] = {
    int: "BIGINT",
    float: "DOUBLE",
    str: "VARCHAR",
    bool: "BOOLEAN",
    date: "DATE",
    datetime: "TIMESTAMP",
}


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, DuckDB type and meaning, and where it stands in its JSON object.

    Attributes:
        paths: the fields to follow inside the object, plain nested objects included; several where GitHub renamed a
            field, the first that is known counts. Empty for a column that does not come from the record.
        key: whether rows further down carry it.
    """

    name: str
    dtype: str
    doc: str
    paths: tuple[tuple[str, ...], ...] = ()
    key: bool = False


@dataclass(frozen=True)
class Field:
    """One field of a record, by its JSON name: a plain value, an object (`record`) or a list of objects (`is_list`)."""

    name: str
    dtype: str | None
    record: type[Record] | None
    is_list: bool
    doc: str
    column: str
    key: bool


@cache
def fields_of(record: type[Record]) -> tuple[Field, ...]:
    """The fields of a record that the flat tables show, its own before those it shares with others."""
    hints = typing.get_type_hints(record, include_extras=True)
    json_names = {field.name: field.encode_name for field in msgspec.structs.fields(record)}
    names = [name for kind in record.__mro__ for name in inspect.get_annotations(kind) if name in json_names]
    fields = (_field(name, json_names[name], hints[name]) for name in names)
    return tuple(field for field in fields if field)


def _field(name: str, json_name: str, hint: Any) -> Field | None:
    doc, column, key = "", name, False
    for part in _parts(hint):
        if isinstance(part, msgspec.Meta):
            extra = part.extra or {}
            if extra.get("in_raw_only"):
                return None
            doc, column, key = part.description or "", extra.get("column") or name, bool(extra.get("key"))
    (kind,) = (part for part in _parts(hint) if not isinstance(part, msgspec.Meta))
    if typing.get_origin(kind) is tuple:
        return Field(json_name, None, typing.get_args(kind)[0], True, doc, column, key)
    if isinstance(kind, type) and issubclass(kind, Record):
        return Field(json_name, None, kind, False, doc, column, key)
    return Field(json_name, _DUCKDB_TYPES[kind], None, False, doc, column, key)


def _parts(hint: Any) -> list[Any]:
    """The type inside `Annotated[T, Meta] | None`, and its Meta."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return [part for arg in typing.get_args(hint) if arg is not types.NoneType for part in _parts(arg)]
    if typing.get_origin(hint) is typing.Annotated:
        inner, *metas = typing.get_args(hint)
        return [*_parts(inner), *metas]
    return [hint]


@cache
def duckdb_structure(record: type[Record]) -> str:
    """The structure argument of DuckDB's `from_json` for a record, as JSON text."""
    return msgspec.json.encode(_structure(record)).decode()


def _structure(record: type[Record]) -> dict[str, Any]:
    structure: dict[str, Any] = {}
    for field in fields_of(record):
        # A time comes with its zone; `flatten.py` stores it as UTC without.
        inner: Any = _structure(field.record) if field.record else str(field.dtype).replace("TIMESTAMP", "TIMESTAMPTZ")
        structure[field.name] = [inner] if field.is_list else inner
    return structure


@cache
def columns_of(record: type[Record], apart: frozenset[str] = frozenset()) -> tuple[Column, ...]:
    """The plain columns of a record, keys first.

    Objects inside the record stand flat beside its own values, except those named in `apart`, which are tables of
    their own; lists of objects always are.
    """
    columns: dict[str, Column] = {}
    for column in _columns(record, (), apart):
        known = columns.get(column.name)
        columns[column.name] = replace(known, paths=known.paths + column.paths) if known else column
    return tuple(sorted(columns.values(), key=lambda column: not column.key))


def _columns(record: type[Record], path: tuple[str, ...], apart: frozenset[str]) -> Iterator[Column]:
    for field in fields_of(record):
        here = (*path, field.name)
        if field.dtype:
            yield Column(field.column, field.dtype, field.doc, (here,), field.key)
        elif field.record and not field.is_list and field.name not in apart:
            yield from _columns(field.record, here, apart)
