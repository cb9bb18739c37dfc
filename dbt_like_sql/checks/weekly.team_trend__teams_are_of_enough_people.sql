/*
description: |
  Fails when a number about a team is published that rests on fewer than COPILOT_MIN_COHORT active people: it would tell
  of persons. Counted anew from the reports of teams and people, for the weeks that changed.
*/
select w.scope, w.week_start, w.team_slug
from weekly.team_trend as w
cross join raw.settings as s
left join (
    select scope, week_start, team_id, count(user_id) as people
    from (
        select distinct
            m.scope,
            date_trunc('week', m.day)::date as week_start,
            m.team_id,
            m.user_id
        from flat.user_team_daily as m
        join flat.user_daily as u on u.scope = m.scope and u.day = m.day and u.user_id = m.user_id
        where m.day >= coalesce(getvariable('since'), date '0001-01-01')
    )
    group by all
) as p using (scope, week_start, team_id)
where w.team_id is not null
    and w.week_start >= coalesce(getvariable('since'), date '0001-01-01')
    and coalesce(p.people, 0) < s.min_cohort
    and coalesce(w.active_people, w.days_active, w.user_initiated_interaction_count, w.loc_added_sum) is not null
order by w.week_start desc, w.scope, w.team_slug
