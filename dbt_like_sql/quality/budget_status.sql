/*
description: |
  One row per scope, calendar month and limit on AI credits: how much of it is used, and what the month will come to.
  A limit is a budget of yours, by the last snapshot of the month, or the pool: the credits that the plans of the seats
  include (COPILOT_PLAN_CREDITS), which are used up before anything is to be paid, and begin anew with each month (UTC).
  A budget counts what is to be paid, so before the pool is used up nothing of it is: look at both.
  Budgets for single people are never kept, those that limit each person by itself are no total and not here. Of a
  part of the scope (an organisation of an enterprise, a cost centre, a repository) GitHub counts to the cent and does
  not tell of how many people: what is used of it is told by the bill by person, rounded, and withheld where that is not
  there or too few people are behind it (docs/privacy.md).
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, month_start, limit_kind, budget_scope, limit_name, unit, limit_amount, used_amount, used_share,
  straight_line_forecast, weekday_forecast, as_of_day]
*/
with bill_days as (
    select report, scope, day, date_trunc('month', day)::date as month_start, coverage
    from quality.day_status
    where report in ('ai-credit-usage', 'ai-usage-report')
),

months as (
    select
        report,
        scope,
        month_start,
        max(day) filter (coverage = 'reported') as as_of_day,
        count(*) filter (coverage = 'reported') as days_billed,
        -- also those before the start, which nobody asked for: GitHub counts them in its month
        max(day) - month_start + 1 - count(*) filter (coverage in ('reported', 'pending')) as days_missing
    from bill_days
    group by report, scope, month_start
),

-- a day with a bill on which nothing was used is 0; decimals, because a sum of them is the same in every order
billed as (
    select
        d.scope,
        d.day,
        d.month_start,
        coalesce(sum(b.gross_quantity::decimal(38, 9)), 0) as credits,
        coalesce(sum(b.net_amount::decimal(38, 9)), 0) as usd
    from bill_days as d
    left join flat.ai_credit_usage as b using (scope, day)
    where d.report = 'ai-credit-usage' and d.coverage = 'reported'
    group by d.scope, d.day, d.month_start
),

bills as (
    select m.scope, m.month_start, m.as_of_day, m.days_billed, m.days_missing, sum(b.credits) as credits, sum(b.usd) as usd
    from billed as b
    join months as m on m.scope = b.scope and m.month_start = b.month_start and m.report = 'ai-credit-usage'
    group by m.scope, m.month_start, m.as_of_day, m.days_billed, m.days_missing
),

-- what a day of each weekday came to; what is to be paid changes when the pool is used up, so only this month tells it
weekdays as (
    select
        m.scope,
        m.month_start,
        isodow(b.day) as weekday,
        count(*) as credit_days,
        avg(b.credits) as credits,
        count(*) filter (b.month_start = m.month_start) as usd_days,
        avg(b.usd) filter (b.month_start = m.month_start) as usd
    from bills as m
    join billed as b on b.scope = m.scope and b.day between m.as_of_day - 27 and m.as_of_day
    group by m.scope, m.month_start, isodow(b.day)
),

-- days of the month without a bill: those to come, and those that are missing
open_days as (
    select m.scope, m.month_start, isodow(m.day) as weekday, count(*) as days
    from (
        select scope, month_start, unnest(generate_series(month_start, last_day(month_start), interval 1 day))::date as day
        from bills
    ) as m
    anti join billed as b on b.scope = m.scope and b.day = m.day
    group by m.scope, m.month_start, isodow(m.day)
),

-- null where a weekday that is to come has never been seen
to_come as (
    select
        o.scope,
        o.month_start,
        if(count(w.credits) = count(*), sum(o.days * w.credits), null) as credits,
        if(count(w.usd) = count(*), sum(o.days * w.usd), null) as usd
    from open_days as o
    left join weekdays as w using (scope, month_start, weekday)
    group by o.scope, o.month_start
),

seen_days as (
    select scope, month_start, sum(credit_days) as credit_days, sum(usd_days) as usd_days
    from weekdays
    group by scope, month_start
),

forecasts as (
    select
        b.*,
        if(b.days_billed >= 5, b.credits / b.days_billed * day(last_day(b.month_start)), null) as straight_credits,
        if(b.days_billed >= 5, b.usd / b.days_billed * day(last_day(b.month_start)), null) as straight_usd,
        if(s.credit_days >= 5, b.credits + if(t.scope is null, 0, t.credits), null) as weekday_credits,
        if(s.usd_days >= 5, b.usd + if(t.scope is null, 0, t.usd), null) as weekday_usd,
        s.credit_days,
        s.usd_days
    from bills as b
    join seen_days as s using (scope, month_start)
    left join to_come as t using (scope, month_start)
),

snapshots as (
    select scope, date_trunc('month', day)::date as month_start, max(day) as snapshot_day
    from raw.current_fetches
    where report = 'budgets' and outcome = 'reported'
    group by scope, date_trunc('month', day)
),

budgets as (
    select
        b.scope,
        s.month_start,
        s.snapshot_day,
        b.budget_id,
        b.budget_scope,
        b.budget_entity_name,
        coalesce(c.cost_center_name, b.budget_entity_name) as part,
        b.budget_amount,
        b.consumed_amount,
        b.prevent_further_usage,
        case
            when b.budget_scope = 'enterprise' then b.scope like 'enterprise:%'
            when b.budget_scope = 'organization'
                then b.scope like 'org:%' and lower(coalesce(nullif(b.budget_entity_name, ''), b.scope[5:])) = b.scope[5:]
            else false
        end as is_whole,
        is_whole or m.min_cohort = 1 as tells_all
    from flat.budget as b
    cross join raw.settings as m
    join snapshots as s on s.scope = b.scope and s.snapshot_day = b.day
    -- a budget may name the cost centre by its id
    left join (
        select scope, cost_center_id, arg_max(cost_center_name, day) as cost_center_name
        from flat.cost_center
        group by scope, cost_center_id
    ) as c on b.budget_scope = 'cost_center' and c.scope = b.scope and c.cost_center_id = b.budget_entity_name
    where b.budget_scope in ('enterprise', 'organization', 'repository', 'cost_center')
        and regexp_matches(lower(b.budget_product_sku), 'copilot|ai.?credit')
        and not contains(lower(b.budget_product_sku), 'premium')
),

-- what the bill by person has of a part, as it may be told; a forecast is made from that and what is known of the whole
parts as (
    select
        b.scope,
        b.month_start,
        b.budget_id,
        p.is_suppressed,
        p.net_amount as usd,
        m.days_billed,
        m.days_missing,
        m.as_of_day,
        if(m.days_billed >= 5, p.net_amount / m.days_billed * day(last_day(b.month_start)), null) as straight_usd,
        if(m.as_of_day = f.as_of_day and m.days_billed = f.days_billed, p.net_amount * f.weekday_usd / nullif(f.usd, 0), null) as weekday_usd,
        f.usd_days
    from budgets as b
    join months as m on m.scope = b.scope and m.month_start = b.month_start and m.report = 'ai-usage-report'
    left join people.weekly_part as p
        on p.scope = b.scope and p.week_start = date_trunc('week', last_day(b.month_start))
        and p.breakdown = 'month_by_' || b.budget_scope and p.part = lower(b.part)
    left join forecasts as f on f.scope = b.scope and f.month_start = b.month_start
    where not b.is_whole and m.days_billed > 0
),

-- credits that the seats of the month's last snapshot include; not known where a seat has another plan
pools as (
    select
        u.scope,
        date_trunc('month', u.day)::date as month_start,
        u.day as snapshot_day,
        if(count(c.credits_per_month) = count(*), sum(c.credits_per_month), null) as credits
    from people.seat_use as u
    left join raw.plan_credits as c using (plan_type)
    group by u.scope, u.day
    qualify u.day = max(u.day) over (partition by u.scope, date_trunc('month', u.day))
),

limits as (
    select
        coalesce(b.scope, f.scope) as scope,
        coalesce(b.month_start, f.month_start) as month_start,
        'budget' as limit_kind,
        b.budget_id as limit_id,
        b.budget_scope,
        b.part as limit_name,
        'usd' as unit,
        b.budget_amount::decimal(18, 6) as limit_amount,
        b.prevent_further_usage as is_hard,
        b.snapshot_day,
        not b.tells_all and coalesce(p.is_suppressed, true) as is_suppressed,
        if(b.tells_all, b.consumed_amount, null)::decimal(18, 6) as consumed_amount,
        if(b.is_whole, f.usd, p.usd) as billed_amount,
        if(b.is_whole, f.straight_usd, p.straight_usd) as straight_line_forecast,
        if(b.is_whole, f.weekday_usd, p.weekday_usd) as weekday_forecast,
        if(b.is_whole, f.usd_days, p.usd_days) as weekday_days,
        if(b.is_whole, f.days_billed, p.days_billed) as days_billed,
        if(b.is_whole, f.days_missing, p.days_missing) as days_missing,
        if(b.is_whole, f.as_of_day, p.as_of_day) as as_of_day
    from budgets as b
    left join forecasts as f using (scope, month_start)
    left join parts as p on p.scope = b.scope and p.month_start = b.month_start and p.budget_id = b.budget_id
    union all
    select
        f.scope,
        f.month_start,
        'pool' as limit_kind,
        'pool' as limit_id,
        null as budget_scope,
        null as limit_name,
        'credits' as unit,
        p.credits as limit_amount,
        false as is_hard,
        p.snapshot_day,
        false as is_suppressed,
        null as consumed_amount,
        f.credits as billed_amount,
        f.straight_credits as straight_line_forecast,
        f.weekday_credits as weekday_forecast,
        f.credit_days as weekday_days,
        f.days_billed,
        f.days_missing,
        f.as_of_day
    from forecasts as f
    join pools as p using (scope, month_start)
)

select
    l.scope, -- organisation or enterprise whose limit it is  #not_null #unique(scope, month_start, limit_id)
    l.month_start, -- first day of the calendar month, UTC  #not_null
    l.limit_kind, -- budget: a limit of yours; pool: the credits that the plans include  #not_null #accepted(budget, pool)
    l.limit_id, -- GitHub's id of the budget, or pool  #not_null
    l.budget_scope, -- whose spending a budget limits: enterprise, organization, cost_center or repository; null of the pool
    l.limit_name, -- the organisation, cost centre or repository, as GitHub names it; null of the pool
    l.unit, -- what the amounts are in: usd (US dollars to be paid) or credits (used, before any price)  #not_null #accepted(usd, credits)
    l.limit_amount::decimal(18, 6) as limit_amount, -- the limit for the month; null of a pool of seats of a plan without a number of credits
    l.is_hard, -- whether use ends where the budget does; false of the pool, after which use is paid
    l.snapshot_day, -- UTC day on which GitHub last told of the limit (of the seats, of the pool) in this month  #not_null
    l.is_suppressed, -- whether it is of a part of the scope and nothing is told but the limit: too few people are behind it, or no bill by person of the month names it and nobody knows how many  #not_null
    coalesce(l.consumed_amount, l.billed_amount)::decimal(18, 6) as used_amount, -- used of it in the month: of a budget of the whole scope as GitHub counts on snapshot_day, of the rest and where GitHub does not tell by the bills up to as_of_day; of a part rounded
    (used_amount / nullif(limit_amount, 0))::double as used_share, -- used_amount / limit_amount; null of a limit of 0
    l.billed_amount::decimal(18, 6) as billed_amount, -- the same by the bills alone: of the whole scope by the daily ones, of a part by the lines of the bill by person, rounded
    l.straight_line_forecast::decimal(18, 6) as straight_line_forecast, -- what the whole month will come to if each day without a bill is like the average of those with one; null where these are fewer than five
    l.days_billed, -- days of the month with a bill, on which straight_line_forecast rests  #range(1, 31)
    l.weekday_forecast::decimal(18, 6) as weekday_forecast, -- the same if each day is like the average of the same weekday in the 28 days up to as_of_day (of dollars, in this month); of a part if its days are as those of the whole scope; null where the days are fewer than five or lack a weekday that is to come, and of a part where the two bills tell other days
    l.weekday_days::bigint as weekday_days, -- days on which weekday_forecast rests  #range(0, 28)
    l.days_missing, -- days of the month so far without a bill, also those before COPILOT_START_DATE, but for those that GitHub has not published yet; what was used on them is in no number here
    l.as_of_day -- last day of the month with a bill, UTC; null where the month has none
from limits as l
order by l.scope, l.month_start, l.limit_kind, l.limit_id
