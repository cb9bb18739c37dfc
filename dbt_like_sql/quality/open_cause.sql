/*
description: |
  One row per cause for which somebody should do something now, whatever it is about: what happened, what to do and where.
  What COPILOT_NOTIFY tells of is these, once each, and failing checks, which Dagster knows. A new kind of cause is one
  more branch here.
preview: [kind, title, what, remedy, since]
*/
with today as (
    select max(as_of) as today
    from raw.expected_reports
),

-- what GitHub tells only as of now has no days that could be missing: of it the last answer counts
last_snapshots as (
    select f.scope, f.report, f.day, f.requested_at, f.outcome, f.evidence
    from raw.fetches as f
    anti join raw.expected_reports as e on e.scope = f.scope and e.report = f.report
    qualify row_number() over (partition by f.scope, f.report order by f.entry_number desc, f.requested_at desc) = 1
),

refused as (
    select scope, report, day, evidence
    from quality.day_status
    where needs_a_hand and status = 'forbidden'
    union all
    select s.scope, s.report, s.day, s.evidence
    from last_snapshots as s
    join today as t on s.requested_at::date > t.today - 7 -- what is no longer asked for is no longer refused
    where s.outcome in ('unauthorized', 'forbidden', 'not_found')
),

-- a refusal is one cause however many reports and days it keeps away; its evidence says what to change and where
refusals as (
    select
        evidence,
        if(count(distinct scope) = 1, any_value(scope), null) as scope,
        string_agg(distinct scope, ', ' order by scope) as scopes,
        string_agg(distinct report, ', ' order by report) as reports,
        min(day) as since
    from refused
    group by evidence
),

-- days that need a hand for another reason: a stretch of them is one cause, in however many reports
days_in_need as (
    select
        scope,
        day,
        day - row_number() over (partition by scope order by day)::integer as stretch,
        reports,
        evidence,
        remedy
    from (
        select
            scope,
            day,
            list(report) as reports,
            min_by(evidence, report) as evidence,
            min_by(remedy, report) as remedy
        from quality.day_status
        where needs_a_hand and status <> 'forbidden'
        group by scope, day
    )
),

stretches as (
    select
        scope,
        min(day) as first_day,
        max(day) as last_day,
        array_to_string(list_sort(list_distinct(flatten(list(reports)))), ', ') as reports,
        arg_max(evidence, day) as evidence,
        arg_max(remedy, day) as remedy
    from days_in_need
    group by scope, stretch
),

left_out as (
    select
        report,
        fault,
        string_agg(distinct scope, ', ' order by scope) as scopes,
        min(day) as first_day,
        max(day) as last_day
    from quality.quarantine
    group by report, fault
),

new_fields as (
    select name, string_agg(distinct report, ', ' order by report) as reports, min(first_day) as first_day
    from quality.schema_drift
    where kind = 'field'
    group by name
),

-- what sums a day of a whole scope up, as it stood when it was first asked for after GitHub's time for revisions
final_answers as (
    select f.scope, f.report, f.day, f.sha256, f.headline
    from raw.fetches as f
    join raw.expected_reports as e using (scope, report)
    where
        f.outcome = 'reported' and f.http_status is not null and f.requested_at::date > f.day + e.lag_days
        and f.report in ('organization-1-day', 'enterprise-1-day')
    qualify row_number() over (partition by f.scope, f.report, f.day order by f.entry_number, f.requested_at) = 1
),

compared as (
    select
        a.scope,
        date_trunc('week', a.day)::date as week_start,
        c.requested_at,
        c.sha256 is distinct from a.sha256 as is_changed,
        unnest(['daily_active_users', 'code_generation_activity_count', 'user_initiated_interaction_count']) as number,
        cast(a.headline ->> number as bigint) as before,
        coalesce(cast(c.headline ->> number as bigint), 0) as after
    from final_answers as a
    join raw.current_fetches as c using (scope, report, day)
),

moved as (
    select
        scope,
        week_start,
        number,
        max(requested_at) filter (is_changed) as seen_at
    from compared
    group by scope, week_start, number
    having bool_or(is_changed) and abs(sum(after) - sum(before)) > 0.05 * sum(before)
),

revised_weeks as (
    select
        m.scope,
        m.week_start,
        string_agg(m.number, ', ' order by m.number) as numbers,
        max(m.seen_at)::date as seen_on
    from moved as m
    join quality.weekly_coverage as w
        on w.scope = m.scope and w.week_start = m.week_start and w.source = 'entity-1-day' and w.is_closed
    group by m.scope, m.week_start
),

-- seats of an organisation are seats of its enterprise too: told of the outermost scope that has a list of them
licences as (
    select l.scope, l.idle_list_price_usd_per_month as usd, l.snapshot_day
    from weekly.licence_trend as l
    where l.seats is not null
    qualify row_number() over (partition by l.scope order by l.week_start desc) = 1
),

idle as (
    select l.*, s.idle_cost_limit_usd as most
    from licences as l
    join raw.settings as s on l.usd > s.idle_cost_limit_usd
    left join quality.scope as c on c.scope = l.scope
    where c.contained_in is null or c.contained_in not in (select scope from licences)
),

-- of this month's limits: how far they are used, by the highest mark, and whether the month will go beyond them
limits as (
    select
        b.scope,
        b.month_start,
        b.limit_id,
        b.limit_kind,
        case b.limit_kind
            when 'pool' then 'credits that the plans of ' || b.scope || ' include'
            else 'budget of ' || coalesce(b.limit_name, b.scope)
        end as name,
        if(b.unit = 'usd', '$', '') as dollar,
        if(b.unit = 'usd', '', ' credits') as unit,
        b.limit_amount,
        b.used_amount,
        b.used_share,
        coalesce(b.weekday_forecast, b.straight_line_forecast) as forecast,
        b.is_hard,
        coalesce(b.as_of_day, b.snapshot_day) as as_of_day,
        case when used_share >= 1 then 100 when used_share >= 0.9 then 90 when used_share >= 0.75 then 75 end as mark
    from quality.budget_status as b
    join today as t on b.month_start = date_trunc('month', t.today)
    where not b.is_suppressed
),

-- the included credits are there to be used: of them it is told that they are, and that they will be
marks as (
    select *, mark::varchar as level, mark || ' % of the ' || name || ' is used' as title
    from limits
    where mark = 100 or (limit_kind = 'budget' and mark is not null)
    union all
    select *, 'forecast' as level, 'The ' || name || ' will not last for the month' as title
    from limits
    where forecast > limit_amount and coalesce(mark, 0) < 100
),

causes as (
    select
        'refused ' || md5(evidence) as cause,
        'refused' as kind,
        scope,
        'GitHub refuses ' || coalesce('reports of ' || scope, 'reports') as title,
        evidence || ' It keeps away ' || reports || ' of ' || scopes || '.' as what,
        'Do as it says, then backfill the days: copilot-assets doctor tells whether it worked, copilot-assets status '
        || 'which days are left.' as remedy,
        since,
        false as passes_by_itself
    from refusals
    union all
    select
        'missing ' || scope || ' ' || first_day,
        'missing',
        scope,
        'Days of ' || scope || ' are missing',
        scope || ': ' || if(first_day = last_day, first_day::varchar, first_day || ' to ' || last_day) || ' in '
        || reports || '. ' || evidence,
        remedy,
        first_day,
        false
    from stretches
    union all
    select
        'quarantine ' || report || ' ' || md5(fault),
        'quarantine',
        null,
        'Records of ' || report || ' are left out',
        'Records of ' || report || ' (' || scopes || ', '
        || if(first_day = last_day, first_day::varchar, first_day || ' to ' || last_day)
        || ') break its contract and are in no number: ' || fault || '.',
        'Backfill these days; if the records come back the same, tell GitHub Support and look for a newer version of '
        || 'this project. They are kept in raw.quarantine.',
        first_day,
        false
    from left_out
    union all
    select
        'unknown_field ' || name,
        'unknown_field',
        null,
        'GitHub sends a field that is not known here',
        name || ' in ' || reports || ', since ' || first_day || '. Raw keeps it, and no table has it.',
        'Look for a newer version of this project; it flattens the field of all days that are kept.',
        first_day,
        false
    from new_fields
    union all
    select
        'revised ' || r.scope || ' ' || r.week_start,
        'revised',
        r.scope,
        'GitHub changed a closed week of ' || r.scope,
        'The week of ' || r.week_start || ' moved by more than 5 % after it should have been final: ' || r.numbers
        || '. The tables have what GitHub says now.',
        'Who was told the numbers of that week should be told again; quality.revisions has the days.',
        r.seen_on,
        true
    from revised_weeks as r
    join today as t on r.seen_on > t.today - 28
    union all
    select
        'idle_cost ' || scope,
        'idle_cost',
        scope,
        'Idle licences of ' || scope || ' cost more than the limit',
        'Licences that nobody used in the 28 days before ' || snapshot_day || ' cost $'
        || format('{:,}', round(usd)::bigint) || ' a month at list price, and COPILOT_IDLE_COST_LIMIT is $'
        || format('{:,}', round(most)::bigint) || '.',
        'people.idle_seat names them to who may read it: give them to others or take them back, or raise the limit.',
        snapshot_day,
        false
    from idle
    union all
    select
        'token_end ' || e.ends_at::date,
        'token_end',
        null,
        'The token ends on ' || e.ends_at::date,
        'GitHub says that the token in GITHUB_TOKEN ends on ' || strftime(e.ends_at, '%Y-%m-%d %H:%M') || ' UTC.',
        'Make a new one at GitHub under Settings > Developer settings > Personal access tokens, and put it into '
        || 'GITHUB_TOKEN before that day; then no day is lost.',
        t.today,
        false
    from raw.token_end as e
    join today as t on e.ends_at::date <= t.today + 14
    union all
    select
        'budget ' || scope || ' ' || limit_id || ' ' || month_start || ' ' || level,
        'budget',
        scope,
        title,
        'Of ' || dollar || format('{:,}', round(limit_amount)::bigint) || unit || ' (' || name || '), '
        || coalesce(dollar || format('{:,}', round(used_amount)::bigint) || unit, 'an unknown part')
        || ' was used by ' || as_of_day
        || coalesce('; the month will come to about ' || dollar || format('{:,}', round(forecast)::bigint) || unit, '')
        || '.',
        case
            when limit_kind = 'pool' then 'Once they are used up, use is to be paid: set a budget at GitHub, or raise it.'
            when is_hard then 'Copilot stops where the budget ends: raise it at GitHub, or tell people.'
            else 'Use goes on beyond it and is to be paid: look at weekly.spend_trend for the models that cost most.'
        end,
        as_of_day,
        true
    from marks
)

select
    cause, -- what it is known by from run to run  #not_null #unique(cause)
    kind, -- what kind of cause it is  #not_null #accepted(refused, missing, quarantine, unknown_field, revised, idle_cost, token_end, budget)
    scope, -- whom it is about; null where it is about several, or about none
    title, -- in a few words  #not_null
    what, -- what happened and what it means, in sentences  #not_null
    remedy, -- what to do, and where  #not_null
    since, -- UTC day from which it holds, as far as is known  #not_null
    passes_by_itself -- whether nobody can put it right, and nothing is said when it is no longer told  #not_null
from causes
order by kind, cause
