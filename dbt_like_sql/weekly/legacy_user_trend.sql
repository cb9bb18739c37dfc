/*
description: |
  One row per scope and ISO week of the metrics API that GitHub closed on 2026-04-02: total and average active and
  engaged users. Its definitions differ from today's reports: never draw the two as one line.
  Of a team they are made from days to the nearest multiple of COPILOT_MIN_COHORT people, and null where a day has fewer.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, days_reported, is_closed, avg_active_users, avg_active_users_change, avg_engaged_users]
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
        avg(total_engaged_users) as avg_engaged_users,
        bool_or(is_suppressed) as is_suppressed
    from people.legacy_day
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

-- every day against the same weekday of the week before, where both are told
changes as (
    select
        c.scope,
        c.week_start,
        count(*) as days_compared,
        if(count(*) >= 4 and not bool_or(l.is_suppressed or b.is_suppressed), avg(l.total_active_users - b.total_active_users), null) as avg_active_users_change,
        if(count(*) >= 4 and not bool_or(l.is_suppressed or b.is_suppressed), avg(l.total_engaged_users - b.total_engaged_users), null) as avg_engaged_users_change
    from coverage as c
    join people.legacy_day as l on l.scope = c.scope and date_trunc('week', l.day) = c.week_start
    join people.legacy_day as b on b.scope = l.scope and b.day = l.day - 7
    where c.follows_whole_week
    group by c.scope, c.week_start
)

select
    c.scope, -- organisation, enterprise or team  #not_null #unique(scope, week_start)
    c.week_start, -- Monday of the ISO week, UTC  #not_null
    c.days_expected, -- closed days of the week since the start date  #range(0, 7)
    c.days_reported, -- of these, days that GitHub reported  #range(0, 7)
    c.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    c.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    c.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    coalesce(t.is_suppressed, false) as is_suppressed, -- whether the numbers of a team are withheld: fewer than COPILOT_MIN_COHORT of its people were active or engaged on a day  #not_null
    if(t.is_suppressed, null, t.active_users)::bigint as active_users, -- total over the reported days of people active that day (person-days, not people)
    if(t.is_suppressed, null, t.engaged_users)::bigint as engaged_users, -- total over the reported days of people engaged that day (person-days, not people)
    if(t.is_suppressed, null, t.avg_active_users)::double as avg_active_users, -- people active per reported day
    if(t.is_suppressed, null, t.avg_engaged_users)::double as avg_engaged_users, -- people engaged per reported day
    if(c.follows_whole_week, coalesce(d.days_compared, 0), null)::bigint as days_compared, -- weekdays that both this week and the one before tell; null unless both are whole and closed  #range(0, 7)
    d.avg_active_users_change::double as avg_active_users_change, -- people active per day of those weekdays, more than the week before; null unless there are four
    d.avg_engaged_users_change::double as avg_engaged_users_change -- people engaged, likewise
from coverage as c
left join totals as t using (scope, week_start)
left join changes as d using (scope, week_start)
order by c.scope, c.week_start
