"""What the tables of schema `raw` and their columns mean: the docs of the Dagster UI and the comments in the database.

The tables themselves are made in `layout.py`; inputs are described beside their values, in `inputs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from copilot_assets.records.contract import Column, Docs
from copilot_assets.warehouse.inputs import INPUT_TABLES

_SCOPE: Final = Column("scope", "VARCHAR", "Whom the report is about")
_REPORT: Final = Column("report", "VARCHAR", "GitHub's own name of the report")
_DAY: Final = Column("day", "DATE", "UTC day that was asked for")
_FETCH_ID: Final = Column("fetch_id", "VARCHAR", "The fetch that brought it; the ledger is raw.fetches")

RECORD_COLUMNS: Final = (
    _SCOPE,
    _REPORT,
    _DAY,
    Column("seq", "BIGINT", "Position of the record in the report, from 1"),
    Column("payload", "JSON", "The record's text as GitHub sent it, byte for byte"),
    _FETCH_ID,
)
FETCH_COLUMNS: Final = (
    Column("fetch_id", "VARCHAR", "Id of the attempt"),
    _SCOPE,
    _REPORT,
    _DAY,
    Column("requested_at", "TIMESTAMP", "When it was asked for, UTC"),
    Column("outcome", "VARCHAR", "What came of it: reported, no_report, forbidden, failed …"),
    Column(
        "http_status", "INTEGER", "HTTP status of the last answer; null if none came or the day was not asked alone"
    ),
    Column("records", "BIGINT", "Records that came; null unless reported"),
    Column("bytes", "BIGINT", "Bytes of the report's files; null unless reported"),
    Column("sha256", "VARCHAR", "Digest of the files, whatever their order; null unless reported"),
    Column("evidence", "VARCHAR", "A sentence: what happened, what it means, what to do"),
    Column("run_id", "VARCHAR", "Dagster run that asked"),
    Column("headline", "JSON", "Numbers that sum the day up, for reports of one record"),
    Column("contract", "VARCHAR", "Contract that the answer was read by; null unless reported"),
    Column("entry_number", "BIGINT", "Place of the row in the ledger, from 1: of two the greater one is newer"),
)
EXPECTED_COLUMNS: Final = (
    _SCOPE,
    _REPORT,
    Column("start_day", "DATE", "First UTC day of the history, COPILOT_START_DATE"),
    Column("first_day", "DATE", "First UTC day GitHub has the report for; null without such a date"),
    Column("retired_on", "DATE", "UTC day from which GitHub answers 404; null while it is offered"),
    Column("lag_days", "INTEGER", "Full UTC days after which a day is final"),
    Column("history_days", "INTEGER", "Days that GitHub keeps"),
    Column("threshold_people", "INTEGER", "A day is left out when fewer people held a licence; null without a rule"),
    Column("activity", "VARCHAR", "Field of the report that counts active people; null where it has none"),
    Column("as_of", "DATE", "UTC day on which this was written; the day before it is the last one expected"),
)
NOTICE_COLUMNS: Final = (
    Column("cause", "VARCHAR", "What it is known by from run to run, as in quality.open_cause; of a digest its week"),
    Column("kind", "VARCHAR", "Kind of cause, as in quality.open_cause; check for a failing one, digest for a digest"),
    Column("title", "VARCHAR", "In a few words"),
    Column("what", "VARCHAR", "What happened and what to do, as it was told"),
    Column("passes_by_itself", "BOOLEAN", "Whether nothing is said when it is over"),
    Column("first_seen_at", "TIMESTAMP", "Run that saw it first, UTC"),
    Column("last_seen_at", "TIMESTAMP", "Newest run that saw it, UTC, but for later ones of the same day"),
    Column("sent_at", "TIMESTAMP", "When a channel took the message, UTC; null while none has"),
    Column("solved_at", "TIMESTAMP", "Run that no longer saw it, UTC; null while it is open, and of a digest"),
    Column("solution_sent_at", "TIMESTAMP", "When a channel took the message that it is solved, UTC; null otherwise"),
)
_QUARANTINE_COLUMNS: Final = (
    _FETCH_ID,
    _SCOPE,
    _REPORT,
    _DAY,
    Column("place", "VARCHAR", "Where in the report the record stands"),
    Column("fault", "VARCHAR", "What of the contract it breaks"),
    Column("payload", "JSON", "The record as GitHub sent it"),
)
_UNKNOWN_FIELD_COLUMNS: Final = (
    _FETCH_ID,
    _SCOPE,
    _REPORT,
    _DAY,
    Column("path", "VARCHAR", "Where the field stands in the record"),
    Column("json_type", "VARCHAR", "Type of its value"),
    Column("records", "BIGINT", "Records that have it, at least: not all are looked at"),
)
_PERSON: Final = Column("person", "BIGINT", "Pseudonym of the person, whatever the tables of flat show")
DROPPED_TEXT_COLUMNS: Final = (
    _SCOPE,
    _REPORT,
    Column("day", "DATE", "UTC day whose records have no text any more"),
    Column("flattened_by", "VARCHAR", "Version of the flat tables that its rows were made by, and stay of"),
    Column(
        "identities", "VARCHAR", "What its rows show of people: login, or pseudonym and of which key; null without any"
    ),
    Column("dropped_at", "TIMESTAMP", "When the text was dropped, UTC"),
)


# By `schema.table`, as `comments.comment` takes them.
RAW_DOCS: Final[Mapping[str, Docs]] = {
    "raw.records": Docs.of("One row per record that GitHub sent, as it came. Names people.", RECORD_COLUMNS),
    "raw.fetches": Docs.of(
        "One row per attempt to get one (scope, report, day), also of those that failed: the ledger.", FETCH_COLUMNS
    ),
    "raw.current_fetches": Docs.of(
        "One row per (scope, report, day): of the fetches that GitHub answered the newest.", FETCH_COLUMNS
    ),
    "raw.quarantine": Docs.of(
        "One row per record that breaks the contract of its report and is left out. Names people.", _QUARANTINE_COLUMNS
    ),
    "raw.unknown_fields": Docs.of(
        "One row per fetch and field that the contract does not know.", _UNKNOWN_FIELD_COLUMNS
    ),
    "raw.dropped_text": Docs.of(
        "One row per (scope, report, day) whose text was dropped (COPILOT_KEEP_RAW_DAYS); its flat rows stay.",
        DROPPED_TEXT_COLUMNS,
    ),
    "raw.expected_reports": Docs.of(
        "One row per scope and report: what is asked for, since when, and GitHub's rules for it.", EXPECTED_COLUMNS
    ),
    "raw.settings": Docs.of("One row: settings that SQL models read.", INPUT_TABLES["settings"]),
    "raw.plan_prices": Docs.of("One row per plan: its list price.", INPUT_TABLES["plan_prices"]),
    "raw.plan_credits": Docs.of("One row per plan: what it includes besides the seat.", INPUT_TABLES["plan_credits"]),
    "raw.events": Docs.of("One row per event of yours, from COPILOT_EVENTS.", INPUT_TABLES["events"]),
    "raw.logins": Docs.of(
        "One row per login and person who had it, as reports told it. Names people.",
        (
            Column("login", "VARCHAR", "Login at GitHub, in lower case"),
            Column("user_id", "BIGINT", "GitHub's own id of the person, no pseudonym"),
            Column("first_day", "DATE", "First UTC day on which a report told it"),
            Column("last_day", "DATE", "Last UTC day on which a report told it"),
        ),
    ),
    "raw.forgotten": Docs.of(
        "One row per person who was forgotten: what GitHub sends of them again is left out.",
        (_PERSON, Column("forgotten_at", "TIMESTAMP", "When, UTC")),
    ),
    "raw.pseudonym_key": Docs.of(
        "One row once there are pseudonyms: which key they are made with.",
        (Column("fingerprint", "VARCHAR", "Digest of the key, from which the key does not follow"),),
    ),
    "raw.rebuild_due": Docs.of(
        "One row while somebody was forgotten whom tables below still count, or none.",
        (Column("since", "TIMESTAMP", "When that was, UTC"),),
    ),
    "raw.rebuilt": Docs.of(
        "One row once all tables that SQL models build were built: up to which line of the ledger they tell.",
        (Column("entry_number", "BIGINT", "Number of the newest line of raw.fetches then"),),
    ),
    "raw.derived": Docs.of(
        "One row per incremental table that was built, and per check of one that passed: what that was derived from.",
        (
            Column("name", "VARCHAR", "The table, with its schema; of a check, and then the check's name"),
            Column("code_version", "VARCHAR", "Digest of the query"),
            Column("reads", "VARCHAR[]", "The tables that the query reads"),
            Column("stale_since", "DATE", "First UTC day on which one of these has changed since; null for none"),
        ),
    ),
    "raw.notices": Docs.of("One row per message to people, and whether it was sent and is solved.", NOTICE_COLUMNS),
    "raw.token_end": Docs.of(
        "One row: when the token ends that GitHub accepted last; none for a token without an end.",
        (Column("ends_at", "TIMESTAMP", "When, UTC"),),
    ),
    "raw.layout": Docs.of(
        "One row: which layout schema raw has.", (Column("version", "INTEGER", "Number of the layout, from 1"),)
    ),
}
