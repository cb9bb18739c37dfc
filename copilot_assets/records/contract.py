"""What follows from the record contract: decoders, the structure DuckDB parses with, columns with types and docs.

Everything here is derived from the Structs of this package; nothing about a particular report stands here.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import operator
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from copilot_assets.records.fields import Person, Record

# How a JSON type of the contract is stored.
_DUCKDB_TYPES: Final[dict[Any, str]] = {
    int: "BIGINT",
    float: "DOUBLE",
    Decimal: "DECIMAL(28, 10)",
    str: "VARCHAR",
    bool: "BOOLEAN",
    date: "DATE",
    datetime: "TIMESTAMP",
}
# To be raised when the same record comes to be judged otherwise without a field changing.
READING_VERSION: Final = 1


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, DuckDB type and meaning, and where it stands in its JSON object.

    Attributes:
        paths: the fields to follow inside the object, plain nested objects included; several where GitHub renamed a
            field, the first that is known counts. Empty for a column that does not come from the record.
        key: whether rows further down carry it.
        person: what it tells of the person that the record is about; rows further down carry that too.
    """

    name: str
    dtype: str
    doc: str
    paths: tuple[tuple[str, ...], ...] = ()
    key: bool = False
    person: Person | None = None


@dataclass(frozen=True)
class Docs:
    """What a table and each of its columns mean; by the column's name, empty for nothing to say."""

    table: str
    columns: Mapping[str, str]

    @classmethod
    def of(cls, table: str, columns: Iterable[Column]) -> Docs:
        """Docs of a table with these columns."""
        return cls(table, {column.name: column.doc for column in columns})


@dataclass(frozen=True)
class Field:
    """One field of a record, by its JSON name: a plain value, an object (`record`) or a list of objects (`is_list`)."""

    name: str
    dtype: str | None
    record: type[Record] | None
    is_list: bool
    doc: str
    column: str
    key: bool = False
    person: Person | None = None


@functools.cache
def fields_of(record: type[Record]) -> tuple[Field, ...]:
    """The fields of a record that the flat tables show, its own before those it shares with others."""
    hints = typing.get_type_hints(record, include_extras=True)
    json_names = {field.name: field.encode_name for field in msgspec.structs.fields(record)}
    names = [name for kind in record.__mro__ for name in inspect.get_annotations(kind) if name in json_names]
    fields = (_field(name, json_names[name], hints[name]) for name in names)
    return tuple(field for field in fields if field)


def _field(name: str, json_name: str, hint: Any) -> Field | None:
    doc, column = "", name
    extra: dict[str, Any] = {}
    for part in _parts(hint):
        if isinstance(part, msgspec.Meta):
            extra = part.extra or {}
            if extra.get("in_raw_only"):
                return None
            doc, column = part.description or "", extra.get("column") or name
    (kind,) = (part for part in _parts(hint) if not isinstance(part, msgspec.Meta))
    if typing.get_origin(kind) is tuple:
        return Field(json_name, None, typing.get_args(kind)[0], True, doc, column)
    if isinstance(kind, type) and issubclass(kind, Record):
        return Field(json_name, None, kind, False, doc, column)
    return Field(json_name, _DUCKDB_TYPES[kind], None, False, doc, column, bool(extra.get("key")), extra.get("person"))


def _parts(hint: Any) -> list[Any]:
    """The type inside `Annotated[T, Meta] | None`, and its Meta."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return [part for arg in typing.get_args(hint) if arg is not types.NoneType for part in _parts(arg)]
    if typing.get_origin(hint) is typing.Annotated:
        inner, *metas = typing.get_args(hint)
        return [*_parts(inner), *metas]
    return [hint]


@functools.cache
def duckdb_structure(record: type[Record]) -> str:
    """The structure argument of DuckDB's `from_json` for a record, as JSON text."""
    return msgspec.json.encode(_structure(record)).decode()


def _structure(record: type[Record]) -> dict[str, Any]:
    structure: dict[str, Any] = {}
    for field in fields_of(record):
        # A time comes with its zone; `flat/rows.py` stores it as UTC without.
        inner: Any = _structure(field.record) if field.record else str(field.dtype).replace("TIMESTAMP", "TIMESTAMPTZ")
        structure[field.name] = [inner] if field.is_list else inner
    return structure


@functools.cache
def columns_of(record: type[Record], apart: frozenset[str] = frozenset()) -> tuple[Column, ...]:
    """The plain columns of a record, keys first, then a person's login.

    Objects inside the record stand flat beside its own values, except those named in `apart`, which are tables of
    their own; lists of objects always are.
    """
    columns: dict[str, Column] = {}
    for column in _columns(record, (), apart):
        known = columns.get(column.name)
        columns[column.name] = replace(known, paths=known.paths + column.paths) if known else column
    return tuple(sorted(columns.values(), key=lambda column: (not column.key, column.person != "login")))


@functools.cache
def person_columns(record: type[Record]) -> dict[Person, Column]:
    """The columns that say which person a record is about, by what they tell; none where it is about no person.

    Of several that tell the same, the paths of all of them, in order: the first that is there counts.
    """
    found: dict[Person, Column] = {}
    for column in columns_of(record):
        if column.person:
            known = found.get(column.person)
            found[column.person] = replace(known, paths=known.paths + column.paths) if known else column
    return found


def record_keys(record: type[Record]) -> tuple[str, ...]:
    """The fields that tell two records of one (scope, day) apart: `user_id` for people, nothing for an entity."""
    if record.is_csv:
        return ()
    return tuple(column.paths[0][0] for column in columns_of(record) if column.key and len(column.paths[0]) == 1)


def _columns(record: type[Record], path: tuple[str, ...], apart: frozenset[str]) -> Iterator[Column]:
    for field in fields_of(record):
        here = (*path, field.name)
        if field.dtype:
            yield Column(field.column, field.dtype, field.doc, (here,), field.key, field.person)
        elif field.record and not field.is_list and field.name not in apart:
            yield from _columns(field.record, here, apart)


@functools.cache
def strict(record: type[Record]) -> type[Record]:
    """The same contract, which refuses fields that it does not have, wherever they stand but in open objects."""
    hints = typing.get_type_hints(record, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (field.name, _strict_hint(hints[field.name]), *(() if field.required else (field.default,)))
        for field in msgspec.structs.fields(record)
    ]
    made = msgspec.defstruct(record.__name__, fields, bases=(record,), forbid_unknown_fields=True, kw_only=True)
    return typing.cast("type[Record]", made)


def _strict_hint(hint: Any) -> Any:
    """The hint with every record in it replaced by its strict self."""
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint if hint.is_open else strict(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return types.GenericAlias(tuple, (_strict_hint(args[0]), ...))
    if origin is typing.Annotated:
        return operator.getitem(typing.Annotated, (_strict_hint(args[0]), *args[1:]))
    if origin in (types.UnionType, typing.Union):
        return functools.reduce(operator.or_, map(_strict_hint, args))
    return hint


@functools.cache
def fingerprint(record: type[Record]) -> str:
    """12 hex digits that change with what a record may hold (names, types, bounds, keys), and not with a description.

    An answer that was read by another contract is to be read again: it may keep this one where it broke that one.
    """
    keys = [column.paths for column in columns_of(record) if column.key]
    shape = [READING_VERSION, keys, _without_descriptions(msgspec.json.schema(strict(record)))]
    return hashlib.sha256(msgspec.json.encode(shape, order="deterministic")).hexdigest()[:12]


def _without_descriptions(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_descriptions(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # A field of that name would be an object among the properties, no text.
    is_text = {name for name in ("title", "description") if isinstance(schema.get(name), str)}
    return {name: _without_descriptions(each) for name, each in schema.items() if name not in is_text}


# Made here, in one thread: see `github/files.py`.
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def unknown_fields(record: type[Record], text: bytes | msgspec.Raw, path: str = "$") -> Iterator[tuple[str, str]]:
    """JSON path and JSON type of every field that the contract does not have, in a text that keeps it.

    Lists leave `[]` in the path; what stands below an unknown field is part of it, and is not read: it may hold numbers
    that Python can't.
    """
    known = _records_in(record)
    for name, raw in _FIELDS.decode(text).items():
        if name not in known:
            yield f"{path}.{name}", _json_type(bytes(raw))
        elif inner := known[name]:
            if bytes(raw).startswith(b"{"):
                yield from unknown_fields(inner, raw, f"{path}.{name}")
            elif bytes(raw).startswith(b"["):
                for element in _ELEMENTS.decode(raw):
                    yield from unknown_fields(inner, element, f"{path}.{name}[]")


def value_at(text: bytes, path: tuple[str, ...]) -> Any:
    """What stands at a path of an object's text; None where nothing does, its text where it is a list or an object."""
    try:
        there = functools.reduce(lambda inner, name: bytes(_FIELDS.decode(inner)[name]), path, text)
        value = msgspec.json.decode(there)
        return there.decode() if isinstance(value, list | dict) else value
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@functools.cache
def _records_in(record: type[Record]) -> dict[str, type[Record] | None]:
    """By JSON name, the record in each field, alone or in a list; None where there is none, or an open one."""
    found: dict[str, type[Record] | None] = {}
    for field in msgspec.structs.fields(record):
        (kind,) = (part for part in _parts(field.type) if not isinstance(part, msgspec.Meta))
        inner = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind
        is_closed = isinstance(inner, type) and issubclass(inner, Record) and not inner.is_open
        found[field.encode_name] = inner if is_closed else None
    return found


_JSON_TYPES: Final = {b"{": "object", b"[": "array", b'"': "string", b"t": "boolean", b"f": "boolean", b"n": "null"}


def _json_type(text: bytes) -> str:
    """The JSON type of a value's text, in JSON Schema's words."""
    number = "number" if set(text) & set(b".eE") else "integer"
    return _JSON_TYPES.get(text[:1], number)
