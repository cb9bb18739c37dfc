/*
description: |
  One row per scope and ISO week since its first snapshot of seats: how many there are, how many are used, and what
  they cost at list price. From the last snapshot of the week; a week without one has nulls, for GitHub keeps no history
  of seats.
  The list of seats and the per-user reports are pipelines of their own: both are told, and where they disagree.
  Prices are list prices: what seats would cost at them in a month, and no bill.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, snapshot_day, seats, seats_active_28_days, seats_never_used, active_share,
  list_price_usd_per_month, idle_list_price_usd_per_month]
incremental: week_start
*/
with snapshots as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        count(*) over by_week as snapshots,
        day as snapshot_day,
        people as seats,
        total_seats,
        -- of no seats every number is 0; of a list that names none of the holders none is known
        if(people = 0 and coalesce(total_seats, 0) = 0, 0, null) as of_no_seats
    from quality.seat_snapshot
    window by_week as (partition by scope, date_trunc('week', day))
    qualify day = max(day) over by_week
),

-- groups of people by the use of their seats, rounded or withheld; one that is rounded up is of all seats at most
groups as (
    select p.scope, p.week_start, p.part, p.people, if(p.people_shown > n.seats, n.seats, p.people_shown) as people_shown
    from people.weekly_part as p
    join snapshots as n using (scope, week_start)
    where p.breakdown = 'people'
),

told as (
    select
        scope,
        week_start,
        max(people_shown) filter (part = 'seat_active_7_days_by_seats') as active_7_days_by_seats,
        max(people_shown) filter (part = 'seat_active_28_days_by_seats') as active_28_days_by_seats,
        max(people_shown) filter (part = 'seat_active_7_days_by_usage') as active_7_days_by_usage,
        max(people_shown) filter (part = 'seat_active_28_days_by_usage') as active_28_days_by_usage,
        max(people_shown) filter (part = 'seat_active_by_seats_only') as active_by_seats_only,
        max(people_shown) filter (part = 'seat_active_by_usage_only') as active_by_usage_only,
        max(people_shown) filter (part = 'seat_active_7_days') as active_7_days,
        max(people_shown) filter (part = 'seat_active_28_days') as active_28_days,
        max(people_shown) filter (part = 'seat_seen_passively') as seen_passively,
        max(people_shown) filter (part = 'seat_idle') as idle,
        max(people_shown) filter (part = 'seat_never_used') as never_used,
        max(people_shown) filter (part = 'seat_pending_cancellation') as pending_cancellation,
        max(people) filter (part = 'seat_idle') as idle_people
    from groups
    group by scope, week_start
),

prices as (
    select
        scope,
        week_start,
        count(*) filter (usd_per_month is null) as without_price,
        sum(usd_per_month) as usd_per_month,
        -- 0 where a seat has a price and none of these is idle
        sum(if(not is_active_28_days_by_seats and not is_active_28_days_by_usage and not is_new, usd_per_month, 0))
            filter (usd_per_month is not null) as idle_usd_per_month
    from people.seat_use
    where week_start >= coalesce(getvariable('since'), date '0001-01-01')
    group by scope, week_start
),

seats as (
    select
        p.*,
        t.* exclude (scope, week_start),
        case
            when s.min_cohort = 1 then p.idle_usd_per_month
            -- as many seats as are told, in tens of dollars: the cents of two prices would tell how many there are
            else round(p.idle_usd_per_month * t.idle / nullif(t.idle_people, 0), -1)
        end as told_idle_usd_per_month
    from prices as p
    left join told as t using (scope, week_start)
    left join raw.settings as s on true
),

usage_days as (
    select
        n.scope,
        n.week_start,
        count(*) filter (d.day >= n.snapshot_day - 7) as days_reported_7,
        count(*) as days_reported_28
    from snapshots as n
    join quality.day_status as d on d.scope = n.scope and d.day >= n.snapshot_day - 28 and d.day < n.snapshot_day
    where d.report = 'users-1-day' and d.coverage = 'reported'
    group by n.scope, n.week_start
),

-- the week of the newest snapshot may have no closed day yet
weeks as (
    select scope, week_start
    from snapshots
    union
    select c.scope, c.week_start
    from quality.weekly_coverage as c
    where
        c.source = 'users-1-day'
        and c.week_start > (select min(n.week_start) from snapshots as n where n.scope = c.scope)
)

select
    w.scope, -- organisation or enterprise that has the seats  #not_null #unique(scope, week_start)
    w.week_start, -- Monday of the ISO week, UTC  #not_null
    coalesce(n.snapshots, 0)::bigint as snapshots, -- snapshots of seats that were taken in the week  #range(0, 7)
    n.snapshot_day, -- UTC day of the last one, which this row is about; null without one
    coalesce(c.days_expected, 0)::bigint as days_expected, -- closed days of the week that the per-user report could have told  #range(0, 7)
    coalesce(c.days_reported, 0)::bigint as days_reported, -- of these, days that GitHub reported  #range(0, 7)
    coalesce(c.days_pending, 0)::bigint as days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    coalesce(c.days_below_threshold, 0)::bigint as days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    coalesce(c.days_missing, 0)::bigint as days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    coalesce(c.is_closed, false) as is_closed, -- whether the week is past GitHub's time for revisions; a snapshot is never revised  #not_null
    if(n.snapshots is null, null, coalesce(d.days_reported_7, 0))::bigint as usage_days_reported_7_days, -- of the 7 days before the snapshot, days with a per-user report: with fewer, use goes unseen  #range(0, 7)
    if(n.snapshots is null, null, coalesce(d.days_reported_28, 0))::bigint as usage_days_reported_28_days, -- the same, 28 days  #range(0, 28)
    n.seats::bigint as seats, -- people with a seat, as the list names them; all the numbers below are of these
    n.total_seats::bigint as total_seats, -- the same as GitHub counts it; null where it told no total
    if(s.scope is null, n.of_no_seats, s.active_7_days)::bigint as seats_active_7_days, -- seats used in the 7 days before the snapshot, by either source, to the nearest multiple of COPILOT_MIN_COHORT, as all groups of seats below, and never to more than there are; null where they are fewer and not none
    if(s.scope is null, n.of_no_seats, s.active_28_days)::bigint as seats_active_28_days, -- seats used in the 28 days before the snapshot, by either source; null where they are none or COPILOT_MIN_COHORT at most, for of the seats, which are told as they are, a 0 would leave the rest
    (s.active_28_days / nullif(n.seats, 0))::double as active_share, -- seats used in 28 days, as told, per seat
    if(s.scope is null, n.of_no_seats, s.active_7_days_by_seats)::bigint as seats_active_7_days_by_seats, -- by the list of seats alone (last_activity_at)
    if(s.scope is null, n.of_no_seats, s.active_28_days_by_seats)::bigint as seats_active_28_days_by_seats, -- likewise
    if(d.days_reported_7 > 0, if(s.scope is null, n.of_no_seats, s.active_7_days_by_usage), null)::bigint as seats_active_7_days_by_usage, -- by the per-user reports alone; null where no day of the 7 was reported
    if(d.days_reported_28 > 0, if(s.scope is null, n.of_no_seats, s.active_28_days_by_usage), null)::bigint as seats_active_28_days_by_usage, -- likewise; null where no day of the 28 was reported
    if(d.days_reported_28 > 0, if(s.scope is null, n.of_no_seats, s.active_by_seats_only), null)::bigint as seats_active_by_seats_only, -- the disagreement: used in 28 days by the list of seats, and not by the reports; null where they are none or COPILOT_MIN_COHORT at most
    if(d.days_reported_28 > 0, if(s.scope is null, n.of_no_seats, s.active_by_usage_only), null)::bigint as seats_active_by_usage_only, -- the disagreement the other way
    if(s.scope is null, n.of_no_seats, s.seen_passively)::bigint as seats_seen_passively_28_days, -- seats that neither source saw used in the 28 days, while a report has the person for a passive code review, which is no use; null where they are none or COPILOT_MIN_COHORT at most
    if(s.scope is null, n.of_no_seats, s.never_used)::bigint as seats_never_used, -- seats older than COPILOT_SEAT_GRACE_DAYS of whose use neither source knows: none in 90 days by the list, none in the reports of this warehouse; null where they are none or COPILOT_MIN_COHORT at most
    if(s.scope is null, n.of_no_seats, s.pending_cancellation)::bigint as seats_pending_cancellation, -- seats that end with the billing month; they are billed until then
    coalesce(s.without_price, n.of_no_seats)::bigint as seats_without_price, -- seats whose plan has no price in COPILOT_PLAN_PRICES: the cost leaves them out
    coalesce(s.usd_per_month, n.of_no_seats)::decimal(18, 2) as list_price_usd_per_month, -- what a month of these seats costs at list price (USD per month), by COPILOT_PLAN_PRICES: a run rate, not GitHub's bill, which knows seats of a part of a month and discounts; null where no seat has a price
    coalesce(s.told_idle_usd_per_month, if(s.scope is null, n.of_no_seats, null))::decimal(18, 2) as idle_list_price_usd_per_month -- of it, the part of seats older than COPILOT_SEAT_GRACE_DAYS that were not used in the 28 days (USD per month): likewise, for as many of them as may be told, and in tens; null where they are none or COPILOT_MIN_COHORT at most
from weeks as w
left join snapshots as n using (scope, week_start)
left join seats as s using (scope, week_start)
left join usage_days as d using (scope, week_start)
left join quality.weekly_coverage as c
    on c.scope = w.scope and c.week_start = w.week_start and c.source = 'users-1-day'
where w.week_start >= coalesce(getvariable('since'), date '0001-01-01')
order by w.scope, w.week_start
