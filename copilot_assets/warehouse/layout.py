"""The layout of schema `raw`: which tables it has, step by step from the first version to this one.

A step is never edited once it was released: what a newer version needs is a step more. Tables of other schemas are
made by whoever fills them. Which kind of store it is matters to one type alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from copilot_assets.warehouse.comments import comment
from copilot_assets.warehouse.docs import RAW_DOCS
from copilot_assets.warehouse.raw import COUNTS
from copilot_assets.warehouse.store import WarehouseError
from copilot_assets.warehouse.tables import columns_of_all, transaction

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

# raw: what came, and a row for every attempt. `records`, `bytes`, `sha256` and the `contract` that read the answer are
# null unless reported. Of `unknown_fields`, `records` have the field at least: not all are looked at (`Contents`).
# A `person` who was forgotten is a pseudonym, whatever the flat tables show.
_TABLES: Final = """
create schema if not exists raw;
create table if not exists raw.records (
    scope varchar not null, report varchar not null, day date not null, seq bigint not null,
    payload {kept_text} not null, fetch_id varchar not null
);
create table if not exists raw.fetches (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    requested_at timestamp not null, outcome varchar not null, http_status integer, records bigint, bytes bigint,
    sha256 varchar, evidence varchar not null, run_id varchar, headline json
);
alter table raw.fetches add column if not exists contract varchar;
create table if not exists raw.quarantine (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    place varchar not null, fault varchar not null, payload json not null
);
create table if not exists raw.unknown_fields (
    fetch_id varchar not null, scope varchar not null, report varchar not null, day date not null,
    path varchar not null, json_type varchar not null, records bigint not null
);
create table if not exists raw.expected_reports (
    scope varchar not null, report varchar not null, start_day date not null, first_day date, retired_on date,
    lag_days integer not null, history_days integer not null, threshold_people integer, activity varchar,
    as_of date not null
);
create table if not exists raw.settings (min_cohort integer not null, seat_grace_days integer not null);
create table if not exists raw.plan_prices (plan_type varchar not null, usd_per_month double not null);
create table if not exists raw.events (
    day date not null, scope varchar not null, team_slug varchar, what varchar not null
);
create table if not exists raw.forgotten (person bigint not null, forgotten_at timestamp not null);
"""

# Which layout it is: one row.
_VERSION: Final = "create table raw.layout (version integer not null);"

# The rows of the ledger are counted as they are entered, from 1; DuckDB has counted so itself, from 0, until now.
_ENTRY_NUMBER: Final = """
alter table raw.fetches add column if not exists entry_number bigint;
update raw.fetches set entry_number = rowid + 1 where entry_number is null;
"""

# Which key pseudonyms are made with, by a digest of it; and whether somebody was forgotten whom the tables that SQL
# models build have not been rebuilt without: both a row or none.
_PEOPLE: Final = """
create table raw.pseudonym_key (fingerprint varchar not null);
create table raw.rebuild_due (since timestamp not null);
"""

# The newest row of the ledger that all tables of SQL models show: a row, or none before they were first built.
_REBUILT: Final = "create table raw.rebuilt (entry_number bigint not null);"

# What plans include besides the seat.
_PLAN_CREDITS: Final = "create table raw.plan_credits (plan_type varchar not null, credits_per_month bigint not null);"

# Who went by which login from when to when, and what the reports in a database of before have told of that.
_LOGINS: Final = """
create table raw.logins (
    login varchar not null, user_id bigint not null, first_day date not null, last_day date not null
);
insert into raw.logins
select login, user_id, min(day), max(day)
from (
    select
        day,
        lower(coalesce(payload ->> '$.user_login', payload ->> '$.assignee.login')) as login,
        try_cast(coalesce(payload ->> '$.user_id', payload ->> '$.assignee.id') as bigint) as user_id
    from raw.records
    where report in ('users-1-day', 'user-teams-1-day', 'copilot-seats')
        and coalesce(payload ->> '$.assignee.type', payload ->> '$.assignee.slug', 'User') = 'User'
)
where login is not null and user_id is not null
group by login, user_id;
"""

# What people were told and when, by cause: it can't be counted anew. What an answer of GitHub's told of the token's
# end is one row, or none of a token without one.
_NOTICES: Final = """
create table raw.notices (
    cause varchar not null, kind varchar not null, title varchar not null, what varchar not null,
    passes_by_itself boolean not null, first_seen_at timestamp not null, last_seen_at timestamp not null,
    sent_at timestamp, solved_at timestamp, solution_sent_at timestamp
);
create table raw.token_end (ends_at timestamp not null);
alter table raw.settings add column if not exists idle_cost_limit_usd double;
"""

# A release whose published numbers differ from those of the one before is a step too, which changes nothing here.
_OTHER_NUMBERS: Final = "select 1;"

# So is new wording of `docs.py`: comments are written with a layout, so that no other connection has to look at them.
_COMMENTS: Final = "select 1;"

# What follows from tables, and from which day on one of these is another since (`changes.py`).
_DERIVED: Final = """
create table raw.derived (
    name varchar not null, code_version varchar not null, reads varchar[] not null, stale_since date
);
"""

# Which days have no text any more; by which version their flat rows were made, and what these show of people.
_DROPPED_TEXT: Final = """
create table raw.dropped_text (
    scope varchar not null, report varchar not null, day date not null, flattened_by varchar not null,
    identities varchar, dropped_at timestamp not null
);
"""

# What brings a database to version 1, 2 … of its layout. Those of before version 2 do not say which they are, and may
# lack some of version 1: that step takes what it finds.
_STEPS: Final = (
    _TABLES, _VERSION, _ENTRY_NUMBER, _PEOPLE, _REBUILT, _PLAN_CREDITS, _LOGINS, _NOTICES, _OTHER_NUMBERS, _COMMENTS,
    _DERIVED, _DROPPED_TEXT,
)  # fmt: skip
LAYOUT: Final = len(_STEPS)
# What is said once, by the run that brings a database to that version: which numbers are others now, and why.
_NUMBERS: Final = {
    9: (
        "Numbers of version 1.0 differ from those before. weekly.*: a change is of the weekdays that both weeks "
        "reported; numbers of parts and groups are rounded, so that nothing follows about few people; is_closed asks "
        "whether every day was fetched when it was final. weekly.licence_trend: who has two seats is priced once. "
        "quality.reconciliation tells bands. CHANGELOG.md has the whole list; GitHub's numbers in raw and flat stay."
    ),
}
# Views hold nothing: each step makes them anew, so another view is a step too, if an empty one.
_VIEWS: Final = f"create or replace view raw.current_fetches as select * from raw.fetches {COUNTS};"


def bring_forward(connection: duckdb.DuckDBPyConnection, name: str, kept_text: str = "json") -> None:
    """Bring schema `raw` of the database in use to this version's layout, in one transaction; nothing if it is there.

    Args:
        connection: where it is to be written.
        name: what sentences call the store.
        kept_text: the type of what GitHub sent, as the store keeps it best.

    Raises:
        WarehouseError: a newer version of the project wrote it.
    """
    found = layout_of(connection, name)
    if found == LAYOUT:
        return
    is_new = "raw.fetches" not in columns_of_all(connection)
    with transaction(connection):
        for step in _STEPS[found:]:
            connection.execute(step.replace("{kept_text}", kept_text))
        connection.execute(_VIEWS)
        comment(connection, RAW_DOCS)
        connection.execute("delete from raw.layout")
        connection.execute("insert into raw.layout values (?)", [LAYOUT])
    for version, sentence in _NUMBERS.items():
        if found < version and not is_new:
            logger.warning("%s", sentence)


def layout_of(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """The version of the database in use; 0 where it does not say.

    Raises:
        WarehouseError: a newer version of the project wrote it.
    """
    import duckdb

    try:
        ((found,),) = connection.execute("select coalesce(max(version), 0) from raw.layout").fetchall()
    except duckdb.CatalogException:  # to look first whether it is there takes ten times as long
        return 0
    if found > LAYOUT:
        raise WarehouseError(
            f"{name} was written by a newer version of copilot-assets (layout {found}; this version knows {LAYOUT}). "
            "Nothing was changed. Install that version again, or set COPILOT_WAREHOUSE to another database."
        )
    return int(found)
