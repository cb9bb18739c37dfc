/*
description: |
  One row per scope, person and ISO week with activity: how often, and since when. Of persons, so never published:
  the weekly tables count these rows.
*/
with weeks as (
    select
        u.scope,
        u.user_id,
        date_trunc('week', u.day)::date as week_start,
        count(*) as days_active,
        count(*) filter (p.user_id is null) as days_engaged,
        bit_or(1 << (isodow(u.day) - 1)::integer) as weekdays_active,
        min(u.day) as first_day,
        max(u.day) as last_day,
        arg_max(u.ai_adoption_phase_number, u.day) as adoption_phase_number
    from flat.user_daily as u
    left join people.passive_day as p on p.scope = u.scope and p.day = u.day and p.user_id = u.user_id
    where u.user_id is not null and (u.scope, u.day) in (select (scope, day) from quality.day_status)
    group by u.scope, u.user_id, date_trunc('week', u.day)
)

select
    scope, -- organisation or enterprise  #not_null #unique(scope, user_id, week_start)
    user_id, -- the person, as in flat.user_daily  #not_null
    week_start, -- Monday of the ISO week, UTC  #not_null
    days_active::bigint as days_active, -- days of the week with a row in the per-user report  #range(1, 7)
    days_engaged::bigint as days_engaged, -- of these, days with an action of their own, and not a passive code review alone  #range(0, 7)
    weekdays_active::bigint as weekdays_active, -- which weekdays these are, a bit each: 1 Monday, 2 Tuesday, 4 Wednesday, to 64 Sunday  #range(1, 127)
    last_day, -- last of these days, UTC  #not_null
    adoption_phase_number::bigint as adoption_phase_number, -- GitHub's adoption phase of the person on the last day that tells it
    min(week_start) over (partition by scope, user_id) as first_week, -- Monday of the first week in which the scope's reports have the person  #not_null
    date_trunc('month', min(first_day) over (partition by scope, user_id))::date as first_month, -- first day of the month in which the scope's reports first have the person, UTC  #not_null
    lag(week_start) over (partition by scope, user_id order by week_start) as week_before -- Monday of the week of activity before this one; null in the first
from weeks
