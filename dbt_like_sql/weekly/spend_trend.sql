/*
description: |
  One row per scope, ISO week, kind of bill and model: what GitHub bills for AI credits (since 2026-06-01) and premium
  requests (until 2026-05-31), before discounts and net. Amounts are US dollars.
  The people behind a model are those who used it by the per-user report, a pipeline of its own; a model that only the
  bill knows is withheld, and always counts in the scope's total, which is told as it is. What is told of a model is
  rounded: docs/privacy.md.
*/
-- decimals, because a sum of them is the same in every order of the rows
with bills as (
    select 'ai_credits' as kind, 'ai-credit-usage' as report, scope, day, model_name, gross_amount, net_amount
    from flat.ai_credit_usage
    union all
    select 'premium_requests' as kind, 'premium-request-usage' as report, scope, day, model_name, gross_amount, net_amount
    from flat.premium_request_usage
),

models as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        kind,
        report,
        model_name,
        sum(gross_amount::decimal(38, 9)) as gross_amount,
        sum(net_amount::decimal(38, 9)) as net_amount
    from bills
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day), kind, report, model_name
)

select
    c.scope, -- organisation or enterprise that the bill is of  #not_null #unique(scope, week_start, kind, model)
    c.week_start, -- Monday of the ISO week, UTC  #not_null
    m.kind, -- what is billed: ai_credits or premium_requests; never add up their quantities  #not_null #accepted(ai_credits, premium_requests)
    m.model_name as model, -- model under its one name; null where the bill names none
    c.days_expected, -- closed days of the week that GitHub could have billed  #range(1, 7)
    c.days_reported, -- of these, days with a bill  #range(0, 7)
    c.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    c.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    c.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    coalesce(p.is_suppressed, true) as is_suppressed, -- whether the model's numbers are withheld: fewer than COPILOT_MIN_COHORT people used it, or nobody knows how many  #not_null
    p.people_shown as people, -- distinct people who used the model, by the per-user report, to the nearest multiple of COPILOT_MIN_COHORT
    p.gross_quantity, -- units used (credits or requests), rounded
    p.gross_amount, -- their price before discounts (USD), rounded
    p.net_quantity, -- units to be paid, beyond those that the plan includes, rounded
    p.net_amount, -- what is to be paid (USD), rounded
    (sum(m.gross_amount) over of_all)::double as scope_gross_amount, -- price before discounts of all models of the week and kind (USD): the scope's total, the same in each of its rows
    (sum(m.net_amount) over of_all)::double as scope_net_amount -- what is to be paid for all models of the week and kind (USD): the scope's total, the same in each of its rows
from models as m
join quality.weekly_coverage as c on c.scope = m.scope and c.week_start = m.week_start and c.source = m.report
left join people.weekly_part as p
    on p.scope = m.scope and p.week_start = m.week_start and p.breakdown = m.kind
    and p.part = coalesce(m.model_name, 'none')
where c.days_expected > 0
window of_all as (partition by m.scope, m.week_start, m.kind)
order by c.scope, c.week_start, m.kind, m.model_name
