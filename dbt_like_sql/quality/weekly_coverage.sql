/*
description: |
  One row per scope, ISO week and kind of report: how many days the numbers of a week rest on, what became of the
  others, and whether the week can be held against the one before. The weekly tables take their coverage from here.
  A change compares like with like: numbers of those weekdays alone that both weeks reported.
*/
with days as (
    select
        s.scope,
        s.day,
        date_trunc('week', s.day)::date as week_start,
        case
            when s.report in ('organization-1-day', 'enterprise-1-day') then 'entity-1-day'
            else s.report
        end as source,
        s.coverage,
        s.was_asked_when_final,
        e.as_of,
        e.lag_days
    from quality.day_status as s
    join raw.expected_reports as e using (scope, report)
),

weeks as (
    select
        scope,
        week_start,
        source,
        count(*) filter (coverage <> 'not_expected') as days_expected,
        count(*) filter (coverage = 'reported') as days_reported,
        count(*) filter (coverage = 'pending') as days_pending,
        count(*) filter (coverage = 'below_threshold') as days_below_threshold,
        count(*) filter (coverage = 'missing') as days_missing,
        -- a bit for each weekday
        coalesce(bit_or(1 << (isodow(day) - 1)::integer) filter (coverage = 'reported'), 0) as weekdays_reported,
        max(as_of) > week_start + 6 + max(lag_days)
        and coalesce(bool_and(was_asked_when_final) filter (coverage <> 'not_expected'), true) as is_closed
    from days
    group by scope, week_start, source
),

-- people are counted from the per-user report, so a week of the others is as open as that one
joined as (
    select
        w.* exclude (is_closed),
        coalesce(u.days_reported, 0) as user_days_reported,
        u.weekdays_reported as user_weekdays_reported,
        w.is_closed
        and (w.source not in ('entity-1-day', 'user-teams-1-day') or coalesce(u.is_closed, true)) as is_closed
    from weeks as w
    left join weeks as u on u.scope = w.scope and u.week_start = w.week_start and u.source = 'users-1-day'
),

-- where people are counted from the per-user report, its breaks are breaks of theirs
breaks as (
    select b.day, b.what, s.source
    from quality.series_break as b
    join (
        select distinct source, unnest(if(source in ('entity-1-day', 'user-teams-1-day'), [source, 'users-1-day'], [source])) as report
        from weeks
    ) as s on contains(b.reports, s.report)
    where b.kind <> 'start'
    group by b.day, b.what, s.source
),

neighbours as (
    select
        *,
        coalesce(
            is_closed and lag(is_closed) over by_week and lag(week_start) over by_week = week_start - 7
            and days_expected = 7 and lag(days_expected) over by_week = 7,
            false
        ) as follows_whole_week,
        if(follows_whole_week, weekdays_reported & lag(weekdays_reported) over by_week, null) as weekdays_compared,
        if(follows_whole_week, user_weekdays_reported & lag(user_weekdays_reported) over by_week, null) as user_weekdays_compared,
        coalesce(
            sum(user_days_reported) over (
                partition by scope, source
                order by week_start
                range between interval 28 days preceding and interval 7 days preceding
            ),
            0
        ) as user_days_reported_28_days_before
    from joined
    window by_week as (partition by scope, source order by week_start)
)

select
    n.scope, -- whom the week is about  #not_null #unique(scope, week_start, source)
    n.week_start, -- Monday of the ISO week, UTC  #not_null
    n.source, -- GitHub's own name of the report; entity-1-day is organization-1-day or enterprise-1-day, whichever the scope has  #not_null
    n.days_expected::bigint as days_expected, -- closed days of the week that GitHub could have reported  #range(0, 7)
    n.days_reported::bigint as days_reported, -- of these, days that GitHub reported  #range(0, 7)
    n.days_pending::bigint as days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    n.days_below_threshold::bigint as days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    n.days_missing::bigint as days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    n.user_days_reported::bigint as user_days_reported, -- days of the week with a per-user report, from which people are counted  #range(0, 7)
    n.user_days_reported_28_days_before::bigint as user_days_reported_28_days_before, -- days with a per-user report in the 28 days before the week: with fewer than all, people first seen in the week may have begun before  #range(0, 28)
    n.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since; of entities and teams, so is the per-user report  #not_null
    n.follows_whole_week, -- whether this week and the one before are both whole (seven days expected) and closed  #not_null
    n.weekdays_compared::bigint as weekdays_compared, -- weekdays that both this week and the one before reported, a bit each: 1 Monday, 2 Tuesday, 4 Wednesday, to 64 Sunday; null unless it follows a whole week  #range(0, 127)
    bit_count(n.weekdays_compared)::bigint as days_compared, -- how many these are  #range(0, 7)
    n.user_weekdays_compared::bigint as user_weekdays_compared, -- the same of the per-user report  #range(0, 127)
    bit_count(n.user_weekdays_compared)::bigint as user_days_compared, -- how many these are  #range(0, 7)
    coalesce(bit_count(n.weekdays_compared) >= 4, false) and not exists (
        select 1
        from breaks as b
        -- a break on the first day of the week before lies before both weeks
        where b.source = n.source and b.day > n.week_start - 7 and b.day <= n.week_start + 6
    ) as is_comparable, -- whether four weekdays at least were reported in both weeks, and no series break of the report lies between: a change of these days compares like with like  #not_null
    (
        select string_agg(b.day || ': ' || b.what, '; ' order by b.day, b.what)
        from breaks as b
        where b.source = n.source and b.day between n.week_start and n.week_start + 6
    ) as series_break -- what GitHub changed, mended or told wrong of the report within the week, if anything; of entities and teams, also of the per-user report
from neighbours as n
order by n.scope, n.week_start, n.source
