"""What charts and sentences are made from: every question that is put to the published tables, as SQL.

Only `weekly` and `quality` are read, so that nothing shows more than they do; a sum or a share here is of numbers that
they tell. All queries name their columns as `charts.py` calls them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]

# What a chart shows of a history: half a year.
WEEKS: Final = 26

# The last week that is shown when none is named.
ALWAYS: Final = date(9999, 1, 4)


def _shown(table: str, week: str = "week_start") -> str:
    """The condition that a week is shown: `$weeks` of them, the last one `$until` or the table's newest."""
    return f"{week} <= $until and {week} > least($until, (select max({week}) from weekly.{table})) - 7 * $weeks"


_PARTS: Final = """
select
    scope as panel, week_start::varchar as week, {part} as part, {people} as value, is_suppressed, is_closed,
    {days} as days, days_expected, series_break
from weekly.{table}
where {shown}
order by scope, week_start, part
"""


def _parts(table: str, part: str, people: str = "people", days: str = "user_days_reported") -> str:
    return _PARTS.format(table=table, part=part, people=people, days=days, shown=_shown(table))


# By table: the rows of its chart.
CHARTS: Final[Mapping[str, str]] = {
    "weekly.user_trend": f"""
        select
            scope as panel, week_start::varchar as week, active_people as value, user_days_reported as days,
            days_expected, is_closed, series_break is not null as has_break, series_break,
            active_people_change as change, null as seats
        from weekly.user_trend
        where {_shown("user_trend")}
        order by scope, week_start
    """,
    "weekly.feature_trend": _parts("feature_trend", "feature"),
    "weekly.ide_trend": _parts("ide_trend", "ide"),
    "weekly.language_trend": _parts("language_trend", "language"),
    "weekly.model_trend": _parts("model_trend", "model"),
    "weekly.adoption_phase_trend": _parts("adoption_phase_trend", "phase", "active_people"),
    "weekly.team_trend": _parts(
        "team_trend", "if(team_id is null, 'in no team', coalesce(team_slug, team_id::varchar))", "active_people"
    ),
    "weekly.licence_trend": f"""
        with weeks as (
            select *
            from weekly.licence_trend
            where seats is not null and {_shown("licence_trend")}
        )
        select scope as panel, week_start::varchar as week, part, value, true as is_closed
        from (
            select scope, week_start, 1 as place, 'used in 7 days' as part, seats_active_7_days as value from weeks
            union all
            select scope, week_start, 2, 'used in 28 days, not in 7', seats_active_28_days - seats_active_7_days
            from weeks
            union all
            select scope, week_start, 3, 'not used in 28 days',
                if(seats_active_28_days is null, null, greatest(0, seats - seats_active_28_days))
            from weeks
        )
        order by panel, week, place
    """,
    "weekly.bill_trend": f"""
        select
            scope || ', ' || replace(kind, '_', ' ') || ' by ' || replace(breakdown, '_', ' ') as panel,
            week_start::varchar as week, part, gross_amount::double as value, is_closed, false as is_rest
        from weekly.bill_trend
        where {_shown("bill_trend")} and not is_suppressed
        order by panel, week_start, part
    """,
    "weekly.spend_trend": f"""
        with weeks as (
            select *, coalesce(model, 'no model named') as part
            from weekly.spend_trend
            where {_shown("spend_trend")}
        ),
        told as (
            select scope, week_start, kind, part, gross_amount as value, is_closed, false as is_rest
            from weeks
            where not is_suppressed and not is_total
            union all
            -- the total is told where parts of it are not
            select
                scope, week_start, kind, 'withheld or not told',
                -- parts are rounded, and may come to more than the total
                greatest(
                    any_value(gross_amount) filter (is_total)
                    - coalesce(sum(gross_amount) filter (not is_suppressed and not is_total), 0), 0
                ),
                bool_and(is_closed), true
            from weeks
            group by scope, week_start, kind
            having bool_or(is_suppressed)
        )
        select
            scope || if(kind = 'ai_credits', '', ', ' || replace(kind, '_', ' ')) as panel,
            week_start::varchar as week, part, value::double as value, is_closed, is_rest
        from told
        order by kind, scope, week_start, is_rest, part
    """,
    "weekly.pull_request_trend": f"""
        with weeks as (
            select *
            from weekly.pull_request_trend
            where {_shown("pull_request_trend")}
        )
        select scope as panel, week_start::varchar as week, part, value, minutes / 60 as hours, is_closed, days
        from (
            select scope, week_start, 1 as place, 'opened by Copilot' as part, created_by_copilot_share as value,
                avg_daily_median_minutes_to_merge_copilot_authored as minutes, is_closed, days_reported as days
            from weeks
            union all
            select scope, week_start, 2, 'reviewed by Copilot', reviewed_by_copilot_share,
                avg_daily_median_minutes_to_merge_copilot_reviewed, is_closed, days_reported
            from weeks
            union all
            select scope, week_start, 3, 'all', null, avg_daily_median_minutes_to_merge, is_closed, days_reported
            from weeks
        )
        order by panel, week, place
    """,
    "weekly.cohort_retention": f"""
        -- of each cohort's cells those that are told of whole and closed weeks, added up by month
        select
            scope as panel, weeks_since as weeks_since_first_use,
            strftime(date_trunc('month', cohort_week), '%b %Y')
            || if(bool_or(may_have_begun_before), ' or before', '') as part,
            (sum(active_people) / nullif(sum(cohort_people), 0))::double as value, true as is_closed
        from weekly.cohort_retention
        where is_closed and not is_suppressed and cohort_people is not null and days_expected = 7
            and week_start <= $until and {_shown("cohort_retention", "cohort_week")}
        group by scope, date_trunc('month', cohort_week), weeks_since
        order by scope, date_trunc('month', cohort_week), weeks_since
    """,
    "weekly.monthly_cohort_retention": f"""
        select
            scope as panel, weeks_since as weeks_since_month,
            strftime(cohort_month, '%b %Y') || if(may_have_begun_before, ' or before', '') as part,
            retention as value, true as is_closed
        from weekly.monthly_cohort_retention
        where is_closed and not is_suppressed and retention is not null and days_expected = 7
            and week_start <= $until and {_shown("monthly_cohort_retention", "cohort_month")}
        order by scope, cohort_month, weeks_since
    """,
    "weekly.event_effect": """
        select
            strftime(day, '%-d %b') || ' ' || what || ' (' || coalesce(team_slug, scope) || ')' as label,
            strftime(day, '%-d %b') || ' ' || what || coalesce(' (' || team_slug || ')', '') as of_scope,
            scope as panel, day, window_no, active_people_before as before, active_people_after as after, are_closed,
            is_suppressed, series_breaks, user_days_reported_before, user_days_reported_after
        from weekly.event_effect
        where week_start <= $until
        -- of each event the farthest weeks of which both are told
        qualify row_number() over (
            partition by day, scope, team_slug, what
            order by are_closed and before is not null and after is not null desc, window_no desc
        ) = 1
        order by day desc, label
        limit 12
    """,
    "weekly.legacy_user_trend": f"""
        with weeks as (
            select *
            from weekly.legacy_user_trend
            where {_shown("legacy_user_trend")}
        )
        select scope as panel, week_start::varchar as week, part, value, is_closed, days_reported as days
        from (
            select *, 1 as place, 'active a day' as part, avg_active_users as value from weeks
            union all by name
            select *, 2 as place, 'engaged a day' as part, avg_engaged_users as value from weeks
        )
        order by panel, week, place
    """,
    "weekly.last_28_days": """
        select scope as panel, window_no as window, part, value, true as is_closed
        from (
            select *, 1 as place, 'active a day' as part, avg_active_users as value from weekly.last_28_days
            union all by name
            select *, 2 as place, 'engaged a day' as part, avg_engaged_users as value from weekly.last_28_days
        )
        order by panel, window_no, place
    """,
    "quality.day_status": """
        with days as (
            select
                scope, report, day,
                case
                    when status = 'provisional' then 'may be revised'
                    when coverage = 'reported' then 'reported'
                    when coverage = 'pending' then 'not published yet'
                    when coverage = 'below_threshold' then 'below five licences'
                    when is_explained then 'missing, explained'
                    else 'missing, unexplained'
                end as what
            from quality.day_status
            where coverage <> 'not_expected' and day <= $until + 6
                and day > least($until + 6, (select max(day) from quality.day_status)) - 7 * $weeks
        ),
        stretches as (
            select *, day - row_number() over (partition by scope, report, what order by day)::integer as stretch
            from days
        )
        select scope as panel, report, what, min(day) as first, max(day) as last
        from stretches
        group by scope, report, what, stretch
        order by scope, report, first
    """,
}

# The days that are not there, of one report or several, by reason; the reason of the newest day first.
MISSING_DAYS: Final = """
select scope as panel, status, evidence, list_sort(list(distinct day)) as days
from quality.day_status
where coverage in ('missing', 'below_threshold') and list_contains($reports, report) and day between $first and $last
group by scope, status, evidence
order by max(day) desc, scope
"""

# Each scope's closed weeks, oldest first: what Dagster plots and shows at a glance.
CLOSED_WEEKS: Final = f"""
select scope as panel, active_people as value, active_people_change as change, user_days_reported as days
from weekly.user_trend
where is_closed and {_shown("user_trend")}
order by scope, week_start
"""

SERIES_BREAKS: Final = """
select day, what from quality.series_break where kind <> 'start' and day between $first and $last order by day
"""


# Tables that the report reads.
READ: Final = (*CHARTS, "quality.budget_status", "quality.revisions", "quality.series_break")

# What the report tells of each scope besides its charts.
SCOPES: Final = """
select scope as panel from weekly.user_trend union select scope from weekly.licence_trend order by panel
"""

# A row a scope: the newest closed week up to the one asked for.
NEWEST_WEEKS: Final = """
select
    scope as panel, week_start as week, active_people, active_people_change, new_people, returning_people,
    lapsed_people, user_days_compared, user_days_reported, days_expected, series_break,
    lag(series_break) over by_week as series_break_before, lag(week_start) over by_week as week_before
from weekly.user_trend
where week_start <= $until
window by_week as (partition by scope order by week_start)
qualify is_closed and row_number() over (partition by scope order by is_closed desc, week_start desc) = 1
"""

# A row a scope: its last list of licences up to the week asked for, or else the first one after it.
LICENCES: Final = """
select
    scope as panel, snapshot_day, seats, seats_active_7_days, seats_active_28_days, seats_never_used,
    seats_without_price, list_price_usd_per_month::double as list_price_usd_per_month,
    idle_list_price_usd_per_month::double as idle_list_price_usd_per_month, usage_days_reported_28_days
from weekly.licence_trend
where seats is not null and week_start <= $until + 7
qualify row_number() over (partition by scope order by week_start desc) = 1
"""

TEAMS: Final = """
select
    scope as panel, week_start as week, coalesce(team_slug, team_id::varchar) as team, members, active_people,
    active_share, active_people_change, is_suppressed, days_reported, days_expected
from weekly.team_trend
where team_id is not null and is_closed and week_start <= $until
qualify rank() over (partition by scope order by week_start desc) = 1
order by scope, active_share desc nulls last, members desc nulls last, team
"""

PULL_REQUESTS: Final = """
select
    scope as panel, week_start as week, total_created, total_created_by_copilot, created_by_copilot_share,
    total_reviewed, total_reviewed_by_copilot, reviewed_by_copilot_share, days_reported,
    avg_daily_median_minutes_to_merge / 60 as hours
from weekly.pull_request_trend
where is_closed and week_start <= $until
qualify row_number() over (partition by scope order by week_start desc) = 1
"""

SPEND: Final = """
select
    scope as panel, week_start as week, kind, gross_amount::double as gross, net_amount::double as net,
    days_reported as days
from weekly.spend_trend
where is_total and is_closed and week_start <= $until
qualify rank() over (partition by scope order by week_start desc) = 1
order by scope, kind
"""

# The limits of the newest month, the included credits first.
LIMITS: Final = """
select
    scope as panel, limit_kind as kind, coalesce(limit_name, scope) as name, unit, limit_amount::double as most,
    used_amount::double as used, coalesce(weekday_forecast, straight_line_forecast)::double as forecast,
    coalesce(as_of_day, snapshot_day) as day, coalesce(days_missing, 0) as missing
from quality.budget_status
where month_start <= $until + 6 and limit_amount is not null and used_amount is not null
qualify rank() over (partition by scope order by month_start desc) = 1
order by scope, limit_kind desc, name
"""

# Answers that came back changed within a week after the week asked for had ended.
REVISIONS: Final = """
select
    r.scope as panel, count(distinct (r.report, r.day)) as reports,
    count(distinct (r.report, r.day)) filter (r.is_late) as late,
    count(distinct (r.report, r.day)) filter (r.day between w.week and w.week + 6) as of_the_week
from quality.revisions as r
join (
    select scope, max(week_start) as week from weekly.user_trend where is_closed and week_start <= $until group by scope
) as w on w.scope = r.scope
where r.seen_at >= w.week + 7 and r.seen_at < w.week + 14
group by r.scope
"""

# The days that are not there, by reason: which reports lack them.
DAYS_AND_REASONS: Final = """
with days as (
    select scope, day, status, evidence, list_sort(list(report)) as reports
    from quality.day_status
    where coverage in ('missing', 'below_threshold') and day between $first and $last
    group by scope, day, status, evidence
)
select scope as panel, status, evidence, reports, list_sort(list(day)) as days
from days
group by scope, status, evidence, reports
order by max(day) desc, scope
"""


def ask(connection: duckdb.DuckDBPyConnection, query: str, **parameters: object) -> list[Row]:
    """The rows of a query, by column name; of half a year up to the newest week, unless told otherwise."""
    parameters = {"weeks": WEEKS, "until": ALWAYS, **parameters}
    named = {name: value for name, value in parameters.items() if f"${name}" in query}
    result = connection.execute(query, named or None)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
