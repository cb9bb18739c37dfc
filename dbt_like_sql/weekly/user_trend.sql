/*
description: |
  One row per scope (organisation or enterprise) and ISO week: how many people use Copilot, and how much.
  Active people are distinct people of the per-user report, never sums of days. A week without a report has nulls.
*/
with coverage as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        count(*) filter (where report <> 'users-1-day' and coverage <> 'not_expected') as days_expected,
        count(*) filter (where report <> 'users-1-day' and coverage = 'reported') as days_reported,
        count(*) filter (where report <> 'users-1-day' and coverage = 'pending') as days_pending,
        count(*) filter (where report <> 'users-1-day' and coverage = 'below_threshold') as days_below_threshold,
        count(*) filter (where report <> 'users-1-day' and coverage = 'missing') as days_missing,
        count(*) filter (where report = 'users-1-day' and coverage = 'reported') as user_days_reported,
        max(e.as_of) > date_trunc('week', day)::date + 6 + max(e.lag_days)
        and not bool_or(status = 'provisional') as is_closed
    from quality.day_status
    join raw.expected_reports as e using (scope, report)
    where report in ('organization-1-day', 'enterprise-1-day', 'users-1-day')
    group by scope, date_trunc('week', day)
    having days_expected > 0
),

totals as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        sum(daily_active_users) as daily_active_users,
        avg(daily_active_users) as avg_daily_active_users,
        sum(user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_added_sum) as loc_added_sum,
        sum(loc_deleted_sum) as loc_deleted_sum
    from flat.entity_daily
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

completions as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        sum(code_generation_activity_count) as generations,
        sum(code_acceptance_activity_count) as acceptances
    from flat.entity_feature_daily
    where feature = 'code_completion' and (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

completion_people as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        count(distinct user_id) as completion_people
    from flat.user_feature_daily
    where feature = 'code_completion' and (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

people as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        count(distinct user_id) as active_people
    from flat.user_daily
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

weeks as (
    select
        c.*,
        -- a week whose reported days have no rows had nobody; a week without a reported day is unknown
        case when c.user_days_reported > 0 then coalesce(p.active_people, 0) end as active_people,
        t.daily_active_users,
        t.avg_daily_active_users,
        t.user_initiated_interaction_count,
        t.code_generation_activity_count,
        t.code_acceptance_activity_count,
        t.loc_added_sum,
        t.loc_deleted_sum,
        -- of nobody there is nothing to hide; numbers of people that nobody knows are hidden
        coalesce(u.completion_people, 0) < 5
        and (u.completion_people > 0 or coalesce(f.generations, 0) + coalesce(f.acceptances, 0) > 0) as is_suppressed,
        case when is_suppressed is not true then u.completion_people end as completion_people,
        case when is_suppressed is not true then f.generations end as generations,
        case when is_suppressed is not true then f.acceptances end as acceptances
    from coverage as c
    left join totals as t using (scope, week_start)
    left join completions as f using (scope, week_start)
    left join completion_people as u using (scope, week_start)
    left join people as p using (scope, week_start)
),

compared as (
    select
        w.*,
        (
            select string_agg(b.day || ': ' || b.what, '; ' order by b.day)
            from quality.series_break as b
            where b.day between w.week_start and w.week_start + 6 and (b.moves_active_users or b.moves_activity)
        ) as series_break,
        w.is_closed and lag(w.is_closed) over by_week and lag(w.week_start) over by_week = w.week_start - 7
        and w.days_expected = 7 and lag(w.days_expected) over by_week = 7
        -- a break on the first day of the week before lies before both weeks
        and not exists (
            select 1
            from quality.series_break as b
            where b.moves_active_users and b.day > w.week_start - 7 and b.day <= w.week_start + 6
        ) as is_comparable,
        lag(w.active_people) over by_week as active_people_before,
        lag(w.avg_daily_active_users) over by_week as avg_daily_active_users_before
    from weeks as w
    window by_week as (partition by w.scope order by w.week_start)
)

select
    scope, -- organisation or enterprise  #not_null #unique(scope, week_start)
    week_start, -- Monday of the ISO week, UTC  #not_null
    days_expected::bigint as days_expected, -- closed days of the week that GitHub could have reported  #range(1, 7)
    days_reported::bigint as days_reported, -- of these, days with a report about the scope  #range(0, 7)
    days_pending::bigint as days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    days_below_threshold::bigint as days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    days_missing::bigint as days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    is_closed, -- whether the whole week is past GitHub's time for revisions, and was fetched since  #not_null
    user_days_reported::bigint as user_days_reported, -- days with a report of people  #range(0, 7)
    active_people::bigint as active_people, -- distinct people with a row in the per-user report; null when no day of it was reported
    daily_active_users::bigint as daily_active_users, -- sum of daily active users over the reported days (person-days, not people)
    avg_daily_active_users::double as avg_daily_active_users, -- daily active users per reported day
    user_initiated_interaction_count::bigint as user_initiated_interaction_count, -- prompts sent
    code_generation_activity_count::bigint as code_generation_activity_count, -- outputs of Copilot (events)
    code_acceptance_activity_count::bigint as code_acceptance_activity_count, -- outputs accepted (events)
    loc_added_sum::bigint as loc_added_sum, -- lines added
    loc_deleted_sum::bigint as loc_deleted_sum, -- lines deleted
    coalesce(is_suppressed, false) as is_suppressed, -- whether completion_* are withheld: fewer than five people are behind them, or nobody knows how many  #not_null
    completion_people::bigint as completion_people, -- distinct people with code completions in the per-user report
    generations::bigint as completion_generation_count, -- code completions shown (feature code_completion)
    acceptances::bigint as completion_acceptance_count, -- code completions accepted
    (acceptances / nullif(generations, 0))::double as completion_acceptance_rate, -- accepted per shown, code completions alone: agents would dilute it; null without completions
    series_break, -- what GitHub changed within the week that moves active users or activity, if anything
    case when is_comparable then active_people - active_people_before end::bigint as active_people_change, -- people more than the week before; null unless both weeks are whole and closed and no break moves them
    case when is_comparable then avg_daily_active_users - avg_daily_active_users_before end::double as avg_daily_active_users_change -- daily active users more than the week before, per reported day; null likewise
from compared
order by scope, week_start
