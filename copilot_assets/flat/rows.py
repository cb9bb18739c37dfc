"""Records to tidy frames: how the rows of a flat table come out of the nested JSON, and what they show of people.

Which tables there are is in `tables.py`. Nothing here reads a database or knows Dagster; null stays null and 0
stays 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from copilot_assets.flat.tables import AUTO_SELECTED, DAY, SCOPE, FlatTable
from copilot_assets.people.identities import Identities
from copilot_assets.records.contract import Column, person_columns, record_keys
from copilot_assets.records.fields import PERSON_KIND, Person, Record
from copilot_assets.records.names import AUTO, name_of
from copilot_assets.settings import IdentityMode

POLARS_TYPES: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "VARCHAR": pl.String,
    "BIGINT": pl.Int64,
    "DOUBLE": pl.Float64,
    "DECIMAL(28, 10)": pl.Decimal(28, 10),
    "BOOLEAN": pl.Boolean,
    "DATE": pl.Date,
    "TIMESTAMP": pl.Datetime("us"),
}


def rows_of(table: FlatTable, records: pl.DataFrame) -> pl.DataFrame:
    """The rows of a flat table.

    Args:
        table: which table.
        records: columns `scope` (String), `day` (Date), `record` (Struct as `contract.duckdb_structure` says).

    Returns:
        a frame with exactly `table.columns`, types as declared.
    """
    carried = [SCOPE.name, DAY.name]
    rows = records.select(*carried, pl.col("record").alias("node"))
    for step, columns in zip(table.steps, table.levels, strict=False):
        rows = rows.select(*carried, *map(_value, columns), pl.col("node").struct.field(step.name).alias("node"))
        carried += [column.name for column in columns]
        if step.is_list:
            rows = rows.filter(pl.col("node").list.len() > 0).explode("node")
        rows = rows.filter(pl.col("node").is_not_null())
    rows = rows.select(*carried, *map(_value, table.levels[-1]))
    if table.one_per:
        rows = rows.drop_nulls(table.one_per).sort(table.newest_by or DAY.name, nulls_last=False, maintain_order=True)
        rows = rows.unique([SCOPE.name, DAY.name, *table.one_per], keep="last", maintain_order=True)
    names = [_named(rows[column], kind) for column, kind in table.named.items()]
    if table.is_bill:
        names = [name.replace("", None) for name in names]  # a line may be of no model
        names.append(rows["model"].str.to_lowercase().str.starts_with(AUTO).alias(AUTO_SELECTED.name))
    return rows.with_columns(names).select(column.name for column in table.columns)


def _named(values: pl.Series, kind: str) -> pl.Series:
    """The name of each value; there are many rows and few values."""
    names = {value: name_of(kind, value) for value in values.unique().drop_nulls()}
    return values.replace(names).alias(f"{values.name}_name")


def latest_of_each_key(
    records: pl.DataFrame, record: type[Record], later: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """One record per (scope, day, key), the one that comes last where a report repeats a key over its shards.

    Args:
        records: as `rows_of` has them, with their position `seq`; in any order.
        record: what they are records of; of a type without keys all are kept.
        later: the keys of records that come later in the same reports.

    Returns:
        the records, and their keys together with the later ones.
    """
    names = record_keys(record)
    if not names:
        return records, None
    keys = ["scope", "day", *names]
    own = (pl.col("record").struct.field(name).alias(name) for name in names)
    # A frame with a text of the records would keep all of them in memory; a category is a copy.
    positions = records.select("scope", "day", "seq", *own).cast({pl.String: pl.Categorical}).with_row_index("row")
    last = positions.sort("seq").unique(keys, keep="last")
    if later is not None:
        last = last.join(later, on=keys, how="anti", nulls_equal=True)
    kept = records if last.height == records.height else records[last["row"].sort()]
    return kept, pl.concat([last.select(keys)] if later is None else [later, last.select(keys)])


def told_logins(records: pl.DataFrame, record: type[Record]) -> pl.DataFrame:
    """Who went by which login, by records that tell both: columns `login`, lower case, `user_id`, `day`."""
    person = person_columns(record)
    (id_path,), (login_path,) = person["id"].paths, person["login"].paths
    told = records.select(
        _at(pl.col("record"), login_path).str.to_lowercase().alias("login"),
        _at(pl.col("record"), id_path).alias("user_id"),
        "day",
        _is_person(person).alias("is_person"),
    )
    return told.filter("is_person").drop("is_person")


def show_people_by_login(
    records: pl.DataFrame, record: type[Record], identities: Identities, ids: pl.DataFrame
) -> pl.DataFrame:
    """Records that name people by login alone, as the flat tables show them.

    Args:
        records: as `rows_of` has them.
        record: what they are records of.
        identities: what is shown of people.
        ids: who goes by a login on a day, as far as is known: columns `login`, `day`, `user_id`.

    Raises:
        SettingsError: the key file can't be read or made.
    """
    person = person_columns(record)
    (id_path,), (login_path,) = person["id"].paths, person["login"].paths
    records = records.with_columns(_at(pl.col("record"), login_path).str.to_lowercase().alias("login"))
    records = records.join(ids, on=["login", "day"], how="left", maintain_order="left")
    people, logins = records["user_id"].drop_nulls().unique(), records["login"].drop_nulls().unique()
    shown = pl.Series([identities.shown(each) for each in people], dtype=pl.Int64)
    unknown = pl.Series([identities.pseudonym_of_login(each) for each in logins], dtype=pl.Int64)
    number = pl.coalesce(
        pl.col("user_id").replace_strict(people, shown, default=None),
        pl.col("login").replace_strict(logins, unknown, default=None),
    )
    records = records.with_columns(_put(pl.col("record"), id_path, number).alias("record")).drop("login", "user_id")
    if identities.mode is IdentityMode.LOGIN:
        return records
    return records.with_columns(_put(pl.col("record"), login_path, pl.lit(None, pl.String)).alias("record"))


def show_people(records: pl.DataFrame, record: type[Record], identities: Identities) -> pl.DataFrame:
    """The records as flat tables may show them: a pseudonym for each person's id, and no login; null stays null.

    They come out in the order of the pseudonyms: GitHub's file may have them by id, the oldest accounts first.

    Args:
        records: column `record` (Struct as `contract.duckdb_structure` says), others as they are.
        record: what they are records of.
        identities: what is shown of people.

    Raises:
        SettingsError: the key file can't be read or made.
    """
    person = person_columns(record)
    if not person:
        return records
    (id_path,), (login_path,) = person["id"].paths, person["login"].paths
    if "kind" in person:  # a team's id may be a person's, too
        for path in (id_path, login_path):
            persons = pl.when(_is_person(person)).then(_at(pl.col("record"), path))
            records = records.with_columns(_put(pl.col("record"), path, persons).alias("record"))
    if identities.mode is IdentityMode.LOGIN:
        return records
    ids = records.select(_at(pl.col("record"), id_path)).to_series().drop_nulls().unique()
    pseudonyms = pl.Series([identities.pseudonym(each) for each in ids], dtype=pl.Int64)
    shown_id = _at(pl.col("record"), id_path).replace_strict(ids, pseudonyms, default=None)
    no_login = pl.lit(None, pl.String)
    records = records.with_columns(_put(pl.col("record"), id_path, shown_id).alias("record")).with_columns(
        _put(pl.col("record"), login_path, no_login).alias("record")
    )
    return records.sort(_at(pl.col("record"), id_path), nulls_last=True, maintain_order=True)


def _is_person(columns: Mapping[Person, Column]) -> pl.Expr:
    """Whether a record is about a person, by its columns about that."""
    if "kind" not in columns:
        return pl.lit(True)
    kind = pl.coalesce([_at(pl.col("record"), path) for path in columns["kind"].paths])
    return kind.is_null() | (kind == PERSON_KIND)


def _value(column: Column) -> pl.Expr:
    value = pl.coalesce([_at(pl.col("node"), path) for path in column.paths])
    if column.dtype == "TIMESTAMP":
        value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return value.cast(POLARS_TYPES[column.dtype]).alias(column.name)


def _at(node: pl.Expr, path: tuple[str, ...]) -> pl.Expr:
    """What stands at a path inside the object `node`."""
    for name in path:
        node = node.struct.field(name)
    return node


def _put(node: pl.Expr, path: tuple[str, ...], value: pl.Expr) -> pl.Expr:
    """The object `node` with another value at a path inside it."""
    name, *rest = path
    return node.struct.with_fields((_put(node.struct.field(name), tuple(rest), value) if rest else value).alias(name))
