"""A history of flat tables, made by DuckDB alone: a year of thousands of people in seconds.

Here belongs what benchmarks of the models read. Nothing of it is fetched or flattened; the numbers are arbitrary but
fixed, the shapes are those of real companies: who works on which days, with how many features, languages and models.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import duckdb
import polars as pl

from copilot_assets.flat.refresh import make_tables, write_known_names
from copilot_assets.github.credentials import Token
from copilot_assets.github.scopes import Scope
from copilot_assets.orchestration.installation import expected_reports
from copilot_assets.settings import Settings
from copilot_assets.warehouse.inputs import Inputs, write_inputs
from copilot_assets.warehouse.raw import expect
from copilot_assets.warehouse.store import Warehouse
from copilot_assets.warehouse.tables import registered

SCOPES: Final = ("org:octo-org", "enterprise:octo-corp")
# The last day of the history; the days and numbers before it are the same in every run.
LAST_DAY: Final = date(2026, 10, 31)

_FEATURES: Final = ("code_completion", "chat_panel_ask_mode", "chat_panel_agent_mode", "agent_edit", "copilot_cli")
_IDES: Final = ("vscode", "intellij", "visualstudio", "neovim")
_LANGUAGES: Final = ("python", "typescript", "java", "go", "csharp", "sql", "yaml", "markdown", "cpp", "rust", "others")
_MODELS: Final = ("gpt-5.4", "claude-sonnet-4.6", "gemini-3-pro", "claude-opus-4.7", "others")
_COUNTERS: Final = (
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)
_PROMPTS: Final = "user_initiated_interaction_count"


def make_history(warehouse: Warehouse, *, people: int, days: int) -> int:
    """Fill an empty warehouse: both scopes, every report about activity, a snapshot of seats a week.

    Returns:
        rows of people's days and their breakdowns.
    """
    first = LAST_DAY - timedelta(days=days - 1)
    with warehouse.connect() as connection:
        make_tables(connection)
        write_known_names(connection)
        write_inputs(connection, Inputs.from_env({}))
        settings = Settings(credentials=Token("none"), scopes=tuple(map(Scope.parse, SCOPES)), start_date=first)
        expected = expected_reports(settings, LAST_DAY + timedelta(days=10))
        expect(connection, expected)
        _make_people(connection, people, first)
        _make_entities(connection)
        _make_seats(connection, people, first)
        _make_ledger(connection)
        written = connection.execute(
            "select sum(estimated_size)::bigint from duckdb_tables() "
            "where schema_name = 'flat' and table_name like 'user%'"
        ).fetchall()
    return int(written[0][0])


def _make_people(connection: duckdb.DuckDBPyConnection, people: int, first: date) -> None:
    """Who was active on which day, and with what: three of five on a weekday, one of twenty on a weekend."""
    # The last three weeks have everybody, also of a short history.
    begin_within = max(1, min(200, (LAST_DAY - first).days - 20))
    with registered(connection, scopes=pl.DataFrame({"scope": SCOPES})):
        connection.execute(
            f"""
            insert into flat.user_daily by name
            select
                scope, day, user_id, hash(user_id, day, 1) % 20 as {_PROMPTS},
                {", ".join(f"hash(user_id, day, {n}) % 60 as {name}" for n, name in enumerate(_COUNTERS, 2))},
                hash(user_id, day, 9) % 2 = 0 as used_chat, hash(user_id, day, 10) % 3 = 0 as used_agent,
                hash(user_id, 11) % 4 = 0 as used_cli, 1 + hash(user_id, 12) % 3 as ai_adoption_phase_number
            from scopes, range(1, {people + 1}) as p(user_id),
                (select unnest(range(date '{first}', date '{LAST_DAY + timedelta(1)}', interval 1 day))::date as day)
            where hash(user_id, day) % 100 < if(isodow(day) > 5, 5, 60)
                and day >= date '{first}' + (hash(user_id) % {begin_within})::integer
            order by day -- as they land
            """
        )
    _break_down(connection, "ide", _IDES, "ide", 1.3, _PROMPTS)
    _break_down(connection, "feature", _FEATURES, "feature", 3, _PROMPTS)
    _break_down(connection, "language_feature", _LANGUAGES, "language", 4, None)
    _break_down(connection, "model_feature", _MODELS, "model", 3, _PROMPTS)
    connection.execute(
        """
        insert into flat.user_team_daily by name
        select scope, day, 1 + user_id % 200 as team_id, 'team-' || (1 + user_id % 200) as team_slug, user_id
        from (select distinct scope, day from flat.user_daily), (select distinct user_id from flat.user_daily)
        where user_id % 10 > 0
        order by day
        """
    )


def _break_down(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    values: tuple[str, ...],
    column: str,
    each: float,
    prompts: str | None,
) -> None:
    """`each` of the values, on average, for every person and day."""
    names = [*((prompts,) if prompts else ()), *_COUNTERS]
    named = f", value as {column}_name" if column != "feature" else ""
    feature = ", if(hash(value) % 2 = 0, 'code_completion', 'agent_edit') as feature" if "_" in table else ""
    with registered(connection, named_values=pl.DataFrame({"value": values})):
        connection.execute(
            f"""
            insert into flat.user_{table}_daily by name
            select scope, day, user_id, value as {column}{named}{feature},
                {", ".join(f"hash(user_id, day, value, {n}) % 20 as {name}" for n, name in enumerate(names))}
            from flat.user_daily, named_values
            where hash(user_id, value) % {len(values) * 100} < {int(each * 100)}
            """
        )


def _make_entities(connection: duckdb.DuckDBPyConnection) -> None:
    """The sums of people, as an entity's report tells them; phases as averages."""
    sums = ", ".join(f"sum({name})::bigint as {name}" for name in _COUNTERS)
    prompts = f"sum({_PROMPTS})::bigint as {_PROMPTS}"
    connection.execute(
        f"""
        insert into flat.entity_daily by name
        select scope, day, '1' as enterprise_id, count(*) as daily_active_users, {prompts}, {sums}
        from flat.user_daily
        group by all
        """
    )
    for table, keys in (
        ("ide", "ide, ide_name"),
        ("feature", "feature"),
        ("language_feature", "language, language_name, feature"),
        ("model_feature", "model, model_name, feature"),
    ):
        told = sums if table == "language_feature" else f"{prompts}, {sums}"
        connection.execute(
            f"insert into flat.entity_{table}_daily by name "
            f"select scope, day, {keys}, {told} from flat.user_{table}_daily group by all"
        )
    connection.execute(
        f"""
        insert into flat.entity_adoption_phase_daily by name
        select
            scope, day, ai_adoption_phase_number as phase_number, count(*) as total_engaged_users,
            avg({_PROMPTS}) as avg_user_initiated_interactions
        from flat.user_daily
        group by all
        """
    )
    connection.execute(
        """
        insert into flat.ai_credit_usage by name
        select scope, day, 'Copilot' as product, model, model_name, count(*) as gross_quantity,
            count(*) * 0.04 as gross_amount, 0 as net_quantity, 0 as net_amount
        from flat.user_model_feature_daily
        group by all
        """
    )


def _make_seats(connection: duckdb.DuckDBPyConnection, people: int, first: date) -> None:
    """A seat for everybody and a tenth more, in a snapshot a week."""
    with registered(connection, scopes=pl.DataFrame({"scope": SCOPES})):
        for table in ("seat", "seat_grant"):
            connection.execute(
                f"""
                insert into flat.{table} by name
                select
                    scope, day, user_id, 'business' as plan_type, timestamp '2025-01-01' as created_at,
                    if(user_id > {people}, null,
                        day - (hash(user_id, day) % 60)::integer)::timestamp as last_activity_at
                from scopes, range(1, {people * 11 // 10 + 1}) as p(user_id),
                    (select unnest(range(date '{first}', date '{LAST_DAY}', interval 7 day))::date as day)
                """
            )


def _make_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Every day of every report that is expected was fetched, late enough to be final."""
    connection.execute(
        """
        insert into raw.fetches by name
        select
            scope || report || day as fetch_id, scope, report, day, as_of::timestamp as requested_at,
            'reported' as outcome, 200 as http_status, 1 as records, 'Reported.' as evidence, '{}'::json as headline
        from raw.expected_reports,
            (select distinct day from flat.entity_daily)
        union all
        select
            scope || day, scope, 'copilot-seats', day, day::timestamp, 'reported', 200, 1, 'Reported.',
            json_object('total_seats', count(*))
        from flat.seat
        group by scope, day
        """
    )
