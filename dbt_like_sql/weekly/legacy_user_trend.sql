/*
description: |
  One row per scope and ISO week of the metrics API that GitHub closed on 2026-04-02: total and average active and
  engaged users. Its definitions differ from today's reports: never draw the two as one line.
*/
with coverage as (
    select *
    from quality.weekly_coverage
    where source = 'legacy-metrics'
),

totals as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        sum(total_active_users) as active_users,
        sum(total_engaged_users) as engaged_users,
        avg(total_active_users) as avg_active_users,
        avg(total_engaged_users) as avg_engaged_users
    from flat.legacy_daily
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

weeks as (
    select
        c.*,
        t.active_users,
        t.engaged_users,
        t.avg_active_users,
        t.avg_engaged_users
    from coverage as c
    left join totals as t using (scope, week_start)
),

compared as (
    select
        *,
        is_closed and lag(is_closed) over by_week and lag(week_start) over by_week = week_start - 7
        and days_expected = 7 and lag(days_expected) over by_week = 7 as is_comparable,
        lag(avg_active_users) over by_week as avg_active_users_before,
        lag(avg_engaged_users) over by_week as avg_engaged_users_before
    from weeks
    window by_week as (partition by scope order by week_start)
)

select
    scope, -- organisation, enterprise or team  #not_null #unique(scope, week_start)
    week_start, -- Monday of the ISO week, UTC  #not_null
    days_expected::bigint as days_expected, -- closed days of the week since the start date  #range(0, 7)
    days_reported::bigint as days_reported, -- of these, days that GitHub reported  #range(0, 7)
    days_pending::bigint as days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    days_below_threshold::bigint as days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    days_missing::bigint as days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    active_users::bigint as active_users, -- total over the reported days of people active that day (person-days, not people)
    engaged_users::bigint as engaged_users, -- total over the reported days of people engaged that day (person-days, not people)
    avg_active_users::double as avg_active_users, -- people active per reported day
    avg_engaged_users::double as avg_engaged_users, -- people engaged per reported day
    case when is_comparable then avg_active_users - avg_active_users_before end::double as avg_active_users_change, -- against the week before; null unless both are closed
    case when is_comparable then avg_engaged_users - avg_engaged_users_before end::double as avg_engaged_users_change -- against the week before; null unless both are closed
from compared
order by scope, week_start
