/*
description: |
  One row per scope, cohort and ISO week: of the people who were first seen in the cohort's week, how many are active in
  this one. The weeks of a cohort go on to the newest week of which people can be reported.
  First seen is first seen by this warehouse: the first cohorts, and those after a hole, are people who may have used
  Copilot already (may_have_begun_before).
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, cohort_week, week_start, weeks_since, is_closed, is_suppressed, cohort_people, active_people,
  retention]
*/
with cohorts as (
    select
        scope,
        week_start as cohort_week,
        people_shown as cohort_people
    from people.weekly_part
    where breakdown = 'cohort' and part = week_start::varchar
),

weeks as (
    select *
    from quality.weekly_coverage
    where source = 'users-1-day' and days_expected > 0
),

told as (
    select
        c.*,
        w.* exclude (scope),
        b.user_days_reported_28_days_before < 28 as may_have_begun_before,
        p.is_suppressed,
        p.people_shown
    from cohorts as c
    join weeks as w on w.scope = c.scope and w.week_start >= c.cohort_week
    join weeks as b on b.scope = c.scope and b.week_start = c.cohort_week
    left join people.weekly_part as p
        on p.scope = c.scope and p.week_start = w.week_start and p.breakdown = 'cohort'
        and p.part = c.cohort_week::varchar
)

select
    t.scope, -- organisation or enterprise  #not_null #unique(scope, cohort_week, week_start)
    t.cohort_week, -- Monday of the week in which the cohort's people were first seen, UTC  #not_null
    t.week_start, -- Monday of the ISO week, UTC  #not_null
    ((t.week_start - t.cohort_week) // 7)::bigint as weeks_since, -- weeks since the cohort's week; 0 in it  #range(0,)
    t.may_have_begun_before, -- whether the 28 days before the cohort's week are not all told of people, at the beginning of the history or after a hole: its people may have begun at any time before  #not_null
    t.days_expected, -- closed days of the week that GitHub could have reported of people  #range(1, 7)
    t.days_reported, -- of these, days that GitHub reported  #range(0, 7)
    t.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    t.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    t.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    t.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    t.series_break, -- what GitHub changed, mended or told wrong within the week, if anything
    coalesce(t.is_suppressed, true) as is_suppressed, -- whether the week's numbers are withheld: COPILOT_MIN_COHORT people or fewer of the cohort were active, or nothing is known of them  #not_null
    t.cohort_people, -- people of the cohort, to the nearest multiple of COPILOT_MIN_COHORT; null when they are withheld in its first week
    t.people_shown as active_people, -- of these, people active in this week, likewise
    (t.people_shown / nullif(t.cohort_people, 0))::double as retention -- active people per person of the cohort, both as told
from told as t
order by t.scope, t.cohort_week, t.week_start
