"""Who goes by which login: what the reports that tell ids and logins have told, for the bill, which names logins alone.

It is kept in `raw.logins`, beside what GitHub sent, because it names people; what flat tables show of a person is said
in `identities.py`. A login may pass from one person to another: each holds it from the first day to the last on which
a report told so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from copilot_assets.people.identities import Identities
from copilot_assets.warehouse.changes import note_days
from copilot_assets.warehouse.tables import registered

if TYPE_CHECKING:
    import duckdb


def note_logins(connection: duckdb.DuckDBPyConnection, told: pl.DataFrame) -> None:
    """Note who went by which login on a day: columns `login`, lower case, `user_id`, `day`. Inside a transaction."""
    stretches = (
        told.drop_nulls()
        .group_by("login", "user_id")
        .agg(pl.col("day").min().alias("first_day"), pl.col("day").max().alias("last_day"))
    )
    if stretches.is_empty():
        return
    with registered(connection, told_logins=stretches):
        connection.execute(
            "update raw.logins as l set first_day = least(l.first_day, t.first_day), "
            "last_day = greatest(l.last_day, t.last_day) from told_logins as t "
            "where t.login = l.login and t.user_id = l.user_id "
            "and (t.first_day < l.first_day or t.last_day > l.last_day)"
        )
        connection.execute(
            "insert into raw.logins by name from told_logins as t anti join raw.logins as l using (login, user_id)"
        )


def ids_of(connection: duckdb.DuckDBPyConnection, asked: pl.DataFrame) -> pl.DataFrame:
    """Who went by a login on a day, or on the day nearest to it that is known; no row where nobody is known to.

    Args:
        connection: an open connection to the warehouse.
        asked: columns `login`, lower case, and `day`.

    Returns:
        columns `login`, `day`, `user_id`: GitHub's id.
    """
    with registered(connection, asked_logins=asked):
        found: pl.DataFrame = connection.sql(
            """
            select
                a.login,
                a.day,
                -- of two that are as near, who has it later
                arg_min(
                    l.user_id,
                    (greatest(l.first_day - a.day, a.day - l.last_day, 0), -datediff('day', a.day, l.last_day))
                )
                    as user_id
            from (select distinct login, day from asked_logins) as a
            join raw.logins as l using (login)
            group by a.login, a.day
            """
        ).pl()
    return found


def name_those_known_since(connection: duckdb.DuckDBPyConnection, table: str, identities: Identities) -> None:
    """Show people by their id in a table of schema `flat` where only their login was known when rows were made."""
    unknown = {
        person for (person,) in connection.execute(f"select distinct user_id from {table} where user_id < 0").fetchall()
    }
    if not unknown:
        return
    logins = [login for (login,) in connection.execute("select distinct login from raw.logins").fetchall()]
    named = {number: login for login in logins if (number := identities.pseudonym_of_login(login)) in unknown}
    if not named:
        return
    pseudonyms = pl.DataFrame(
        {"shown": [*named], "login": [*named.values()]}, schema={"shown": pl.Int64, "login": pl.String}
    )
    with registered(connection, named_logins=pseudonyms):
        asked = connection.sql(
            f"select distinct n.login, t.day from {table} as t join named_logins as n on n.shown = t.user_id"
        ).pl()
    known = ids_of(connection, asked).join(pseudonyms, on="login")
    people = known["user_id"].unique()
    shown = pl.DataFrame(
        {"user_id": people, "now_shown": [identities.shown(person) for person in people]},
        schema={"user_id": pl.Int64, "now_shown": pl.Int64},
    )
    with registered(connection, known_people=known.join(shown, on="user_id").select("shown", "day", "now_shown")):
        connection.execute(
            f"update {table} as t set user_id = k.now_shown from known_people as k "
            "where k.shown = t.user_id and k.day = t.day"
        )
    note_days(connection, known["day"], table)
