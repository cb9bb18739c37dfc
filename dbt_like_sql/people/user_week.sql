/*
description: |
  One row per scope, person and ISO week with activity: how often, and when last. Of persons, so never published: the
  weekly tables count these rows.
incremental: week_start
*/
select
    u.scope, -- organisation or enterprise  #not_null #unique(scope, user_id, week_start)
    u.user_id, -- the person, as in flat.user_daily  #not_null
    date_trunc('week', u.day)::date as week_start, -- Monday of the ISO week, UTC  #not_null
    count(*)::bigint as days_active, -- days of the week with a row in the per-user report  #range(1, 7)
    count(*) filter (p.user_id is null)::bigint as days_engaged, -- of these, days with an action of their own, and not a passive code review alone  #range(0, 7)
    bit_or(1 << (isodow(u.day) - 1)::integer)::bigint as weekdays_active, -- which weekdays these are, a bit each: 1 Monday, 2 Tuesday, 4 Wednesday, to 64 Sunday  #range(1, 127)
    min(u.day) as first_day, -- first of these days, UTC  #not_null
    max(u.day) as last_day, -- last of these days, UTC  #not_null
    arg_max(u.ai_adoption_phase_number, u.day)::bigint as adoption_phase_number -- GitHub's adoption phase of the person on the last day that tells it
from flat.user_daily as u
left join people.passive_day as p on p.scope = u.scope and p.day = u.day and p.user_id = u.user_id
where u.user_id is not null and u.day >= coalesce(getvariable('since'), date '0001-01-01')
    and (u.scope, u.day) in (select (scope, day) from quality.day_status)
group by u.scope, u.user_id, date_trunc('week', u.day)
