"""Days without text: what GitHub sent of them is dropped from raw, and the flat rows made of it are all that is left.

Here belongs which days may lose their text, and what becomes of their rows when others are made otherwise: a new
version of the tables does not reach them; what is shown of people does, where it follows from the rows. How days that
have their text are flattened is `refresh.py`'s. No Dagster.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from copilot_assets.flat.refresh import chunks, version_of
from copilot_assets.flat.tables import tables_of
from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.github.reports import REPORTS
from copilot_assets.github.scopes import Scope
from copilot_assets.people.identities import Identities, hold_to_key
from copilot_assets.records import Record
from copilot_assets.records.contract import person_columns
from copilot_assets.settings import IdentityMode, SettingsError
from copilot_assets.warehouse.changes import note_days
from copilot_assets.warehouse.landing import land
from copilot_assets.warehouse.tables import append, delete_days, frame_of, registered, transacted

if TYPE_CHECKING:
    import duckdb

_REPORTS: Final = {report.name: report for report in REPORTS}
# Rows of a bill's day are made of two reports together, so that each needs the text of the other.
_DROPPABLE: Final = tuple(report for report in REPORTS if not report.record.is_csv)


@dataclass(frozen=True)
class Textless:
    """Days of a scope and report that have no text any more.

    Attributes:
        days: how many.
        bytes: of GitHub's files that they were.
        older: of how many the rows are of an older version of the tables, by that version.
        first: the earliest of them, UTC; None of none.
        last: the latest.
    """

    days: int = 0
    bytes: int = 0
    older: tuple[tuple[str, int], ...] = ()
    first: date | None = None
    last: date | None = None

    def __str__(self) -> str:
        """In a sentence or two."""
        told = f"{self.days:,} days, {self.first} to {self.last}, have no text any more (COPILOT_KEEP_RAW_DAYS)."
        kept = ", ".join(f"{days:,} of version {version}" for version, days in self.older)
        if kept:
            told += f" The flat tables have changed since and keep the rows that they had of these: {kept}."
        return told


def textless_days(connection: duckdb.DuckDBPyConnection, reports: Sequence[str]) -> Textless:
    """What is without text of some reports; a (scope, report, day) is a day."""
    if not connection.execute("from raw.dropped_text limit 1").fetchall():  # as nearly everywhere
        return Textless()
    versions = {report.record: version_of(report.record) for report in REPORTS if report.name in reports}
    found = connection.execute(
        """
        select t.report, t.flattened_by, count(*), coalesce(sum(c.bytes), 0)::bigint, min(t.day), max(t.day)
        from raw.dropped_text as t
        left join raw.current_fetches as c on c.scope = t.scope and c.report = t.report and c.day = t.day
        where list_contains($reports, t.report)
        group by t.report, t.flattened_by
        order by all
        """,
        {"reports": list(reports)},
    ).fetchall()
    if not found:
        return Textless()
    older: dict[str, int] = {}
    for report, version, days, *_ in found:
        if version != versions[_REPORTS[report].record]:
            older[version] = older.get(version, 0) + days
    _, _, days, sizes, firsts, lasts = zip(*found, strict=True)
    return Textless(sum(days), sum(sizes), tuple(sorted(older.items())), min(firsts), max(lasts))


def drop_text(
    connection: duckdb.DuckDBPyConnection, keep_days: int, today: date, identities: Identities, now: datetime
) -> pl.DataFrame:
    """Drop the text of days that are older than that and in the flat tables as this version makes them: all or none.

    The newest day of a scope and report stays, by whose text an archive of another account is known, and so does what
    broke the contract (raw.quarantine).

    Args:
        connection: an open connection to the warehouse.
        keep_days: UTC days before `today` that keep their text.
        today: the current UTC day.
        identities: what the tables show of people.
        now: the current time, UTC without zone.

    Returns:
        a row a report: report, days, records, bytes (of GitHub's files), first_day, last_day.

    Raises:
        SettingsError: the key of people's pseudonyms can't be read or made, or is not the database's.
    """
    if identities.mode is not IdentityMode.LOGIN:
        hold_to_key(connection, identities)
    versions = [
        (
            report.name,
            version_of(report.record, identities),
            version_of(report.record),
            identities.version if person_columns(report.record) else None,
        )
        for report in _DROPPABLE
    ]
    made = pl.DataFrame(versions, ["report", "contract", "flattened_by", "identities"], orient="row")
    with registered(connection, made_by=made):
        return transacted(connection, lambda: _drop(connection, today - timedelta(days=keep_days), now))


def _drop(connection: duckdb.DuckDBPyConnection, before: date, now: datetime) -> pl.DataFrame:
    connection.execute(_CHOOSE, {"before": before})
    connection.execute(
        "delete from raw.records as r using chosen as c "
        "where r.scope = c.scope and r.report = c.report and r.day = c.day"
    )
    connection.execute(
        "insert into raw.dropped_text by name "
        "select scope, report, day, flattened_by, identities, $now as dropped_at from chosen",
        {"now": now},
    )
    dropped: pl.DataFrame = connection.sql(
        "select report, count(*) as days, sum(records)::bigint as records, sum(bytes)::bigint as bytes, "
        "min(day) as first_day, max(day) as last_day from chosen group by report order by report"
    ).pl()
    connection.execute("drop table chosen")
    note_days(connection, dropped["first_day"], "raw.records")
    return dropped


# As `refresh.py` tells what is stale, but of days that are not: of the newest answer, by this version and this showing.
_CHOOSE: Final = """
create or replace temp table chosen as
select c.scope, c.report, c.day, c.records, c.bytes, m.flattened_by, m.identities
from (
    select *, day = max(day) over (partition by scope, report) as is_newest
    from raw.current_fetches
    where outcome = 'reported'
) as c
join flat.sources as s
    on s.scope = c.scope and s.report = c.report and s.day = c.day
    and s.sha256 is not distinct from c.sha256 and s.read_by is not distinct from c.contract
join made_by as m on m.report = c.report and m.contract = s.contract
anti join raw.dropped_text as t on t.scope = c.scope and t.report = c.report and t.day = c.day
where c.day < $before and not c.is_newest and c.records > 0
"""


def is_shown_otherwise(
    connection: duckdb.DuckDBPyConnection, record: type[Record], reports: Sequence[str], identities: Identities
) -> bool:
    """Whether days without text show something else of people than all others do, so that `show_people_anew` is due.

    Raises:
        SettingsError: the key of people's pseudonyms can't be read or made.
    """
    return bool(person_columns(record)) and not _shown_otherwise(connection, reports, identities.version).is_empty()


def show_people_anew(
    connection: duckdb.DuckDBPyConnection,
    record: type[Record],
    reports: Sequence[str],
    identities: Identities,
    run_id: str,
    now: datetime,
) -> int:
    """Let the rows of days without text show of people what all others do, before `refresh_flat` makes these.

    Logins and ids become pseudonyms. Pseudonyms of a key that was given up become nothing else any more: these days are
    entered into the ledger as given up, so that their rows go and no week takes them for idle.

    Args:
        connection: an open connection to the warehouse.
        record: the record type, of whose tables the rows are.
        reports: names of the reports that consist of such records.
        identities: what the tables show of people.
        run_id: what the ledger names as the run of days that are given up.
        now: the current time, UTC without zone.

    Returns:
        the number of (scope, report, day) that were shown anew or given up.

    Raises:
        SettingsError: ids and logins are to be shown, and pseudonyms do not tell them; nothing was changed. Or the key
            can't be read or made, or is not the database's.
    """
    others = _shown_otherwise(connection, reports, identities.version)
    if others.is_empty():
        return 0
    by_key = others.filter(pl.col("identities") != _LOGIN)
    if identities.mode is IdentityMode.LOGIN:
        names, span = ", ".join(sorted(set(by_key["report"]))), _span(by_key)
        raise SettingsError(
            f"COPILOT_IDENTITIES is login, and {by_key.height:,} days of {names} have no text any more "
            f"(COPILOT_KEEP_RAW_DAYS), {span}: of their people only pseudonyms are left, which do not tell who they "
            "are. Nothing was changed. Set COPILOT_IDENTITIES=pseudonym, or bring these days back first: with "
            "copilot-assets backfill as far as GitHub keeps them, else with copilot-assets import --overwrite from "
            "files of yours."
        )
    hold_to_key(connection, identities)
    if not by_key.is_empty():
        land(connection, [_given_up(day, now) for day in by_key.iter_rows(named=True)], run_id)
    for chunk in chunks(others.filter(pl.col("identities") == _LOGIN)):
        _give_pseudonyms(connection, record, identities, chunk)
    return others.height


_LOGIN: Final = IdentityMode.LOGIN.value


def cost_of_new_key(connection: duckdb.DuckDBPyConnection, identities: Identities) -> str | None:
    """What becomes of days without text that show pseudonyms of another key than the file's, in sentences; or None."""
    shown = _LOGIN
    if identities.has_key:
        with suppress(SettingsError):  # what is no key is none
            shown = f"pseudonym {identities.fingerprint}"
    lost = _shown_otherwise(connection, list(_REPORTS), shown).filter(pl.col("identities") != _LOGIN)
    if lost.is_empty():
        return None
    return (
        f"{lost.height:,} days of reports about people have no text any more (COPILOT_KEEP_RAW_DAYS), {_span(lost)}, "
        "and without the key nobody knows whose their rows are. The next run removes these rows, and the days are "
        "given_up in quality.day_status. What GitHub still has, copilot-assets backfill brings back; the rest, only "
        "copilot-assets import from files of yours."
    )


def _shown_otherwise(connection: duckdb.DuckDBPyConnection, reports: Sequence[str], shown: str) -> pl.DataFrame:
    """The days without text whose rows show something else of people: scope, report, day, identities, bytes."""
    return frame_of(
        connection,
        """
        select t.scope, t.report, t.day, t.identities, coalesce(c.bytes, 0) as bytes
        from raw.dropped_text as t
        left join raw.current_fetches as c on c.scope = t.scope and c.report = t.report and c.day = t.day
        where list_contains($reports, t.report) and t.identities <> $shown
        order by t.day, t.scope, t.report
        """,
        reports=list(reports),
        shown=shown,
    )


def _span(days: pl.DataFrame) -> str:
    first, last = days.select(pl.col("day").min().alias("first"), pl.col("day").max().alias("last")).row(0)
    return f"{first} to {last}"


def _given_up(day: dict[str, str | date], now: datetime) -> Fetch:
    return Fetch(
        Scope.parse(str(day["scope"])),
        _REPORTS[str(day["report"])],
        day["day"],  # type: ignore[arg-type]
        Outcome.GIVEN_UP,
        "Its text had been dropped (COPILOT_KEEP_RAW_DAYS) when the key of its pseudonyms was given up, so that nobody "
        "knows whose its rows were: they were removed.",
        now,
    )


def _give_pseudonyms(
    connection: duckdb.DuckDBPyConnection, record: type[Record], identities: Identities, chunk: pl.DataFrame
) -> None:
    """Show pseudonyms of the ids that rows show, and no login, in the order of the pseudonyms, as `rows.py` does."""

    def give() -> None:
        for table in tables_of(record):
            name = f"flat.{table.name}"
            rows: pl.DataFrame = connection.sql(
                f"select t.* from {name} as t semi join chunk as c on c.scope = t.scope and c.day = t.day"
            ).pl()
            people = rows["user_id"].drop_nulls().unique()
            shown = pl.Series([identities.pseudonym(person) for person in people], dtype=pl.Int64)
            rows = rows.with_columns(pl.col("user_id").replace_strict(people, shown, default=None))
            if "user_login" in rows.columns:
                rows = rows.with_columns(user_login=pl.lit(None, pl.String))
            delete_days(connection, chunk, name)
            append(connection, [(name, rows.sort("user_id", nulls_last=True, maintain_order=True))])
        connection.execute(
            "update raw.dropped_text as t set identities = $shown from chunk as c "
            "where t.scope = c.scope and t.report = c.report and t.day = c.day",
            {"shown": identities.version},
        )
        # Should the text come back, no version takes these rows for its own.
        connection.execute(
            "update flat.sources as s set contract = 'shown anew' from chunk as c "
            "where s.scope = c.scope and s.report = c.report and s.day = c.day"
        )

    with registered(connection, chunk=chunk):
        transacted(connection, give)
