/*
description: |
  One row per scope and person whose seat was not used in the 28 days before the newest snapshot, by the list of seats
  and by the reports alike. For whoever may see people: nothing of it is published or exported.
*/
with newest as (
    select scope, max(day) as day
    from quality.seat_snapshot
    group by scope
)

select
    s.scope, -- organisation or enterprise that has the seat  #not_null #unique(scope, user_id)
    s.day as snapshot_day, -- UTC day of the snapshot  #not_null
    s.user_id, -- the person, as in flat.seat  #not_null
    s.user_login, -- login of the person; null unless COPILOT_IDENTITIES=login
    s.plan_type, -- business, enterprise or unknown
    s.granting_team_slugs, -- teams through which the person has the seat; null where it was given to the person alone
    s.created_at, -- when the seat was granted, UTC
    s.last_use_day, -- last day of use that either source knows of, UTC; null for none
    (s.day - s.last_use_day)::bigint as days_idle, -- days from there to the snapshot; null for none  #range(29,)
    s.last_use_day is null as is_never_used, -- neither source knows of any use: none in 90 days by the list of seats, none in the reports of this warehouse  #not_null
    s.is_new, -- whether the seat is younger than COPILOT_SEAT_GRACE_DAYS: give the person time
    s.pending_cancellation_date, -- UTC day on which the seat ends; it is billed until then
    s.usd_per_month -- list price of the seat (USD per month); null for a plan without a price
from people.seat_use as s
join newest as n using (scope, day)
where not s.is_active_28_days_by_seats and not s.is_active_28_days_by_usage
order by s.scope, s.last_use_day nulls first, s.user_id
