/*
description: |
  Warns when more than one in twenty of the people active on the newest reported day hold no seat in the newest
  snapshot of any scope: their seats seem to come from an organisation or enterprise that is not in COPILOT_SCOPES.
  Somebody who lost the seat since is no fault. How many they are is not told: they may be few (docs/privacy.md).
severity: warn
*/
with seated as (
    select distinct user_id
    from flat.seat
    where (scope, day) in (select (scope, max(day)) from quality.seat_snapshot group by scope)
),

newest as (
    select scope, max(day) as day
    from quality.day_status
    where report = 'users-1-day' and status in ('reported', 'provisional')
        and scope in (select scope from quality.seat_snapshot)
    group by scope
)

select u.scope, u.day
from flat.user_daily as u
anti join people.passive_day as p on p.scope = u.scope and p.day = u.day and p.user_id = u.user_id
semi join newest as n on n.scope = u.scope and n.day = u.day
left join seated as s on s.user_id = u.user_id
group by u.scope, u.day
having count(distinct u.user_id) filter (s.user_id is null) > 0.05 * count(distinct u.user_id)
order by u.scope
