/*
description: |
  One row per scope, snapshot of seats (the last of its ISO week) and person with a seat: whether the seat is used, by
  the list of seats and by the reports. Of persons, so never published: weekly.licence_trend counts these rows.
  The two are pipelines of their own: the list tells one moment and forgets it after 90 days, the reports tell days.
  Who was given several seats of a scope has one, the dearest: GitHub bills an Enterprise seat alone, not the Business
  seat beside it (GitHub Docs, "GitHub Copilot seat assignment", 2026).
incremental: week_start
*/
with snapshots as (
    select scope, max(day) as day
    from quality.seat_snapshot
    where day >= coalesce(getvariable('since'), date '0001-01-01')
    group by scope, date_trunc('week', day)
),

seats as (
    select
        g.scope,
        g.day,
        g.user_id,
        max(g.user_login) as user_login,
        case
            when bool_or(g.plan_type = 'enterprise') then 'enterprise'
            when bool_or(g.plan_type = 'business') then 'business'
            else max(g.plan_type)
        end as plan_type,
        string_agg(distinct g.granting_team_slug, ', ' order by g.granting_team_slug) as granting_team_slugs,
        min(g.created_at) as created_at,
        max(g.last_activity_at) as last_activity_at,
        -- with the last of them the seat ends
        if(bool_and(g.pending_cancellation_date is not null), max(g.pending_cancellation_date), null) as pending_cancellation_date
    from flat.seat_grant as g
    join snapshots as n using (scope, day)
    where g.user_id is not null
    group by g.scope, g.day, g.user_id
),

-- whichever scope tells of it: a seat of one organisation may be used for another
usage as (
    select user_id, day
    from flat.user_daily
    anti join people.passive_day using (scope, day, user_id)
    where day >= coalesce(getvariable('since'), date '0001-01-01')
    union all
    -- and of what lies before an incremental build the last day
    select user_id, max(day) as day
    from flat.user_daily
    anti join people.passive_day using (scope, day, user_id)
    where day < getvariable('since')
    group by user_id
),

passive as (
    select user_id, day
    from people.passive_day
    where day >= coalesce(getvariable('since'), date '0001-02-01') - 28
)

select
    s.scope, -- organisation or enterprise that has the seats  #not_null #unique(scope, week_start, user_id)
    s.day, -- UTC day of the snapshot  #not_null
    date_trunc('week', s.day)::date as week_start, -- Monday of its ISO week, UTC  #not_null
    s.user_id, -- the person, as in flat.seat  #not_null
    s.user_login, -- login of the person; null unless COPILOT_IDENTITIES=login
    s.plan_type, -- business, enterprise or unknown; of several seats the dearest, which is the one that is billed
    s.granting_team_slugs, -- teams through which the person has the seat; null where it was given to the person alone
    s.created_at, -- when the seat was granted, of several the first, UTC
    s.last_activity_at, -- last use by the list of seats, UTC; null after 90 days without
    u.day as last_usage_day, -- last day before the snapshot with an action of their own in a per-user report of this warehouse, UTC
    greatest(s.last_activity_at::date, u.day) as last_use_day, -- the later of the two, UTC; null where neither knows of any use
    coalesce(s.last_activity_at::date >= s.day - 7, false) as is_active_7_days_by_seats, -- used in the 7 days before the snapshot by the list of seats  #not_null
    coalesce(s.last_activity_at::date >= s.day - 28, false) as is_active_28_days_by_seats, -- the same, 28 days  #not_null
    coalesce(u.day >= s.day - 7, false) as is_active_7_days_by_usage, -- used in the 7 days before the snapshot by the reports  #not_null
    coalesce(u.day >= s.day - 28, false) as is_active_28_days_by_usage, -- the same, 28 days  #not_null
    coalesce(v.day >= s.day - 28, false) as is_seen_passively_28_days, -- whether the reports of these 28 days have the person with a passive code review alone on a day  #not_null
    s.created_at::date > s.day - t.seat_grace_days as is_new, -- whether the seat is younger than COPILOT_SEAT_GRACE_DAYS
    s.pending_cancellation_date, -- UTC day on which the seat ends; it is billed until then
    p.usd_per_month::decimal(18, 2) as usd_per_month -- list price of the seat by COPILOT_PLAN_PRICES (USD per month); null for a plan without a price
from seats as s
asof left join usage as u on u.user_id = s.user_id and s.day > u.day
asof left join passive as v on v.user_id = s.user_id and s.day > v.day
cross join raw.settings as t
left join raw.plan_prices as p on p.plan_type = s.plan_type
