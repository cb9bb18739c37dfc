/*
description: |
  One row per scope, month and ISO week after it: of the people who were first seen in the month, how many are active in
  the week. Cohorts of a week are small, and often withheld; these are the same people by the month.
  First seen is first seen by this warehouse: people of the first month, and of one after a hole, may have used Copilot
  already (may_have_begun_before). Numbers are rounded, and null where COPILOT_MIN_COHORT people or fewer are behind
  them: docs/privacy.md.
  Scopes overlap: never add up rows of several (quality.scope).
*/
with weeks as (
    select *
    from quality.weekly_coverage
    where source = 'users-1-day' and days_expected > 0
),

cohorts as (
    select
        p.scope,
        p.part::date as cohort_month,
        p.part::date + interval 1 month as after_month,
        any_value(p.people_shown) as cohort_people,
        bool_or(w.user_days_reported_28_days_before < 28) as may_have_begun_before
    from people.weekly_part as p
    join weeks as w
        on w.scope = p.scope and w.week_start > p.part::date - 7 and w.week_start < p.part::date + interval 1 month
    where p.breakdown = 'month_cohort_people'
    group by p.scope, p.part
)

select
    c.scope, -- organisation or enterprise  #not_null #unique(scope, cohort_month, week_start)
    c.cohort_month, -- first day of the month in which the cohort's people were first seen, UTC  #not_null
    w.week_start, -- Monday of the ISO week, UTC, of weeks that begin after the month  #not_null
    ((w.week_start - c.after_month::date) // 7)::bigint as weeks_since, -- whole weeks from the end of the month to the week's Monday  #range(0,)
    c.may_have_begun_before, -- whether the 28 days before some week of the month are not all told of people, at the beginning of the history or after a hole: its people may have begun at any time before  #not_null
    w.days_expected, -- closed days of the week that GitHub could have reported of people  #range(1, 7)
    w.days_reported, -- of these, days that GitHub reported  #range(0, 7)
    w.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    w.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    w.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    w.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    w.series_break, -- what GitHub changed, mended or told wrong within the week, if anything
    coalesce(p.is_suppressed, true) as is_suppressed, -- whether the week's numbers are withheld: COPILOT_MIN_COHORT people or fewer of the cohort were active, or nothing is known of them  #not_null
    c.cohort_people, -- people of the cohort, to the nearest multiple of COPILOT_MIN_COHORT; null when they are fewer
    p.people_shown as active_people, -- of these, people active in this week, likewise
    if(p.people_shown > c.cohort_people, 1, p.people_shown / nullif(c.cohort_people, 0))::double as retention -- active people per person of the cohort, both as told
from cohorts as c
join weeks as w on w.scope = c.scope and w.week_start >= c.after_month
left join people.weekly_part as p
    on p.scope = c.scope and p.week_start = w.week_start and p.breakdown = 'month_cohort'
    and p.part = c.cohort_month::varchar
order by c.scope, c.cohort_month, w.week_start
