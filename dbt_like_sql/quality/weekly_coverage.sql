/*
description: |
  One row per scope, ISO week and kind of report: how many days the numbers of a week rest on, what became of the
  others, and whether the week can be held against the one before. The weekly tables take their coverage from here.
*/
with days as (
    select
        s.scope,
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
        w.is_closed
        and (w.source not in ('entity-1-day', 'user-teams-1-day') or coalesce(u.is_closed, true)) as is_closed
    from weeks as w
    left join weeks as u on u.scope = w.scope and u.week_start = w.week_start and u.source = 'users-1-day'
),

neighbours as (
    select
        *,
        coalesce(
            is_closed and lag(is_closed) over by_week and lag(week_start) over by_week = week_start - 7
            and days_expected = 7 and lag(days_expected) over by_week = 7,
            false
        ) as follows_whole_week
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
    n.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since; of entities and teams, so is the per-user report  #not_null
    n.follows_whole_week, -- whether this week and the one before are both whole (seven days expected) and closed  #not_null
    n.follows_whole_week and not exists (
        select 1
        from quality.series_break as b
        -- a break on the first day of the week before lies before both weeks
        where b.kind <> 'start' and b.day > n.week_start - 7 and b.day <= n.week_start + 6
    ) as is_comparable, -- the same, and GitHub changed the meaning of no number between them  #not_null
    (
        select string_agg(b.day || ': ' || b.what, '; ' order by b.day, b.what)
        from quality.series_break as b
        where b.kind <> 'start' and b.day between n.week_start and n.week_start + 6
    ) as series_break -- what GitHub changed, mended or told wrong within the week, if anything
from neighbours as n
order by n.scope, n.week_start, n.source
