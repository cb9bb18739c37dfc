/*
description: |
  One row per scope, ISO week, team and person: members of the team and what they did on the days on which they were
  in it. People who were active while no team of theirs was in the report have a row without a team. Of persons, so
  never published: the weekly tables count these rows.
  A day's activity goes with that day's members, as GitHub says ("Team-level metrics"): teams change.
incremental: week_start
*/
with team_days as (
    select scope, day
    from quality.day_status
    where report = 'user-teams-1-day' and coverage = 'reported'
        and day >= coalesce(getvariable('since'), date '0001-01-01')
),

members as (
    select m.scope, m.day, m.team_id, m.team_slug, m.user_id
    from flat.user_team_daily as m
    semi join team_days as d using (scope, day)
    where m.team_id is not null and m.user_id is not null
),

active as (
    select u.*
    from flat.user_daily as u
    semi join team_days as d using (scope, day)
),

placed as (
    select
        coalesce(m.scope, a.scope) as scope,
        coalesce(m.day, a.day) as day,
        m.team_id,
        m.team_slug,
        coalesce(m.user_id, a.user_id) as user_id,
        a.user_id is not null as is_active,
        a.user_initiated_interaction_count,
        a.code_generation_activity_count,
        a.code_acceptance_activity_count,
        a.loc_added_sum,
        a.loc_deleted_sum
    from members as m
    full join active as a on a.scope = m.scope and a.day = m.day and a.user_id = m.user_id
)

select
    scope, -- organisation or enterprise  #not_null #unique(scope, week_start, team_id, user_id)
    date_trunc('week', day)::date as week_start, -- Monday of the ISO week, UTC  #not_null
    team_id, -- GitHub's id of the team; null for people whom the report has in no team
    arg_max(team_slug, day) as team_slug, -- slug of the team on the last of these days
    user_id, -- the person, as in flat.user_daily  #not_null
    count(*)::bigint as days_in_team, -- days in the team; without a team, days of activity in none  #range(1, 7)
    count(*) filter (is_active)::bigint as days_active, -- of these, days with a row in the per-user report  #range(0, 7)
    coalesce(bit_or(1 << (isodow(day) - 1)::integer) filter (is_active), 0)::bigint as weekdays_active, -- which weekdays these are, a bit each: 1 Monday, 2 Tuesday, 4 Wednesday, to 64 Sunday  #range(0, 127)
    max(day) as last_day, -- last day in the team, or in none  #not_null
    sum(user_initiated_interaction_count)::bigint as user_initiated_interaction_count, -- prompts sent
    sum(code_generation_activity_count)::bigint as code_generation_activity_count, -- outputs of Copilot (events)
    sum(code_acceptance_activity_count)::bigint as code_acceptance_activity_count, -- outputs accepted (events)
    sum(loc_added_sum)::bigint as loc_added_sum, -- lines added
    sum(loc_deleted_sum)::bigint as loc_deleted_sum -- lines deleted
from placed
group by scope, date_trunc('week', day), team_id, user_id
