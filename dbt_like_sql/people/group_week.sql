/*
description: |
  One row per scope, ISO week and group of its people that is no part of a breakdown: how many are in it. Groups by what
  they did in the week, by the 7 and 28 days that end with its last reported day (also as GitHub counts them), by their
  teams, and by the use of their seats. Of few people, so never published: people.weekly_part says what may be told.
incremental: week_start
*/
with recent as (
    select scope, user_id, week_start, days_active, days_engaged
    from people.user_week
    where week_start >= coalesce(getvariable('since'), date '0001-01-08') - 7
),

weeks as (
    select
        coalesce(w.scope, b.scope) as scope,
        coalesce(w.week_start, (b.week_start + 7)::date) as week_start,
        w.user_id is not null as is_active,
        w.user_id is not null and b.user_id is null as is_back,
        date_trunc('week', f.day) = w.week_start as is_new,
        w.days_active,
        w.days_engaged
    from recent as w
    -- those of the week before may have stayed away
    full join recent as b on b.scope = w.scope and b.user_id = w.user_id and b.week_start = w.week_start - 7
    left join people.first_day as f on f.scope = w.scope and f.user_id = w.user_id
    where coalesce(w.week_start, b.week_start + 7) >= coalesce(getvariable('since'), date '0001-01-01')
),

active as (
    select
        scope,
        week_start,
        count(*) filter (is_active) as active,
        count(*) filter (days_engaged > 0) as engaged,
        count(*) filter (is_new) as new,
        count(*) filter (is_back and not is_new) as returning,
        count(*) filter (not is_active) as lapsed,
        count(*) filter (days_active = 1) as active_1_day,
        count(*) filter (days_active = 2) as active_2_days,
        count(*) filter (days_active = 3) as active_3_days,
        count(*) filter (days_active = 4) as active_4_days,
        count(*) filter (days_active >= 5) as active_5_days
    from weeks
    group by scope, week_start
),

-- GitHub's own numbers of the last reported day, also where it did not tell one then
last_days as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        max(day) as last_day,
        arg_max_null(weekly_active_users, day) as weekly_active_users,
        arg_max_null(monthly_active_users, day) as monthly_active_users,
        arg_max_null(monthly_active_chat_users, day) as monthly_active_chat_users,
        arg_max_null(monthly_active_agent_users, day) as monthly_active_agent_users
    from flat.entity_daily
    where day >= coalesce(getvariable('since'), date '0001-01-01')
        and (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

ends as (
    select scope, week_start, last_day, unnest([0, 7, 14, 21, 28]) as days_before
    from last_days
),

trailing_users as (
    select
        e.scope,
        e.week_start,
        max(u.day) > any_value(e.last_day) - 7 as is_of_7_days,
        bool_or(u.used_chat) as used_chat,
        bool_or(u.used_agent) as used_agent
    from ends as e
    join flat.user_daily as u
        on u.scope = e.scope and date_trunc('week', u.day) = e.week_start - e.days_before
    where u.day >= coalesce(getvariable('since'), date '0001-02-01') - 27
        and u.day > e.last_day - 28 and u.day <= e.last_day
        and (u.scope, u.day) in (select (scope, day) from quality.day_status)
    group by e.scope, e.week_start, u.user_id
),

trailing_people as (
    select
        scope,
        week_start,
        count(*) filter (is_of_7_days) as of_7_days,
        count(*) as of_28_days,
        if(count(used_chat) > 0, count(*) filter (used_chat), null) as chat_of_28_days,
        if(count(used_agent) > 0, count(*) filter (used_agent), null) as agent_of_28_days
    from trailing_users
    group by scope, week_start
),

-- everybody who was active on a day of which members are told, and those of them who were in a team
in_teams as (
    select
        scope,
        week_start,
        count(*) as on_team_days,
        count(*) filter (is_in_team) as in_teams
    from (
        select scope, week_start, bool_or(team_id is not null) as is_in_team
        from people.team_week
        where days_active > 0 and week_start >= coalesce(getvariable('since'), date '0001-01-01')
        group by scope, week_start, user_id
    )
    group by scope, week_start
),

seats as (
    select
        scope,
        week_start,
        count(*) filter (is_active_7_days_by_seats) as seat_active_7_days_by_seats,
        count(*) filter (is_active_28_days_by_seats) as seat_active_28_days_by_seats,
        count(*) filter (is_active_7_days_by_usage) as seat_active_7_days_by_usage,
        count(*) filter (is_active_28_days_by_usage) as seat_active_28_days_by_usage,
        count(*) filter (is_active_28_days_by_seats and not is_active_28_days_by_usage) as seat_active_by_seats_only,
        count(*) filter (is_active_28_days_by_usage and not is_active_28_days_by_seats) as seat_active_by_usage_only,
        count(*) filter (is_active_7_days_by_seats or is_active_7_days_by_usage) as seat_active_7_days,
        count(*) filter (is_active_28_days_by_seats or is_active_28_days_by_usage) as seat_active_28_days,
        count(*) filter (
            is_seen_passively_28_days and not is_active_28_days_by_seats and not is_active_28_days_by_usage
        ) as seat_seen_passively,
        count(*) filter (
            not is_active_28_days_by_seats and not is_active_28_days_by_usage and not is_new and usd_per_month is not null
        ) as seat_idle,
        count(*) filter (last_use_day is null and not is_new) as seat_never_used,
        count(*) filter (pending_cancellation_date is not null) as seat_pending_cancellation
    from people.seat_use
    where week_start >= coalesce(getvariable('since'), date '0001-01-01')
    group by scope, week_start
),

counted as (
    from active unpivot (people for name in (columns(* exclude (scope, week_start))))
    union all by name
    from (from last_days select * exclude (last_day)) unpivot (people for name in (columns(* exclude (scope, week_start))))
    union all by name
    from trailing_people unpivot (people for name in (columns(* exclude (scope, week_start))))
    union all by name
    from in_teams unpivot (people for name in (columns(* exclude (scope, week_start))))
    union all by name
    from seats unpivot (people for name in (columns(* exclude (scope, week_start))))
)

select
    scope, -- organisation or enterprise  #not_null #unique(scope, week_start, name)
    week_start, -- Monday of the ISO week, UTC  #not_null
    name, -- the group, as the weekly table that tells it calls it  #not_null
    people::bigint as people -- people in it; a group of whom nothing is known has no row  #not_null
from counted
