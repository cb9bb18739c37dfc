/*
description: |
  One row per scope, ISO week, kind of bill and model, and one for the total of all models: what GitHub bills for AI
  credits (since 2026-06-01) and premium requests (until 2026-05-31), before discounts and net. Amounts are US dollars.
  The people behind a model are those who used it by the per-user report, a pipeline of its own; a model that only the
  bill knows is withheld, and always counts in the total, which is told as it is. What is told of a model is
  rounded: docs/privacy.md.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, kind, model, days_reported, is_closed, is_suppressed, gross_amount, net_amount]
*/
-- decimals, because a sum of them is the same in every order of the rows
with bills as (
    select
        'ai_credits' as kind, 'ai-credit-usage' as report, scope, day, model_name, gross_quantity, gross_amount, net_quantity,
        net_amount
    from flat.ai_credit_usage
    union all
    select
        'premium_requests' as kind, 'premium-request-usage' as report, scope, day, model_name, gross_quantity, gross_amount,
        net_quantity, net_amount
    from flat.premium_request_usage
),

amounts as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        kind,
        report,
        model_name,
        grouping(model_name) = 1 as is_total,
        sum(gross_quantity::decimal(38, 9)) as gross_quantity,
        sum(gross_amount::decimal(38, 9)) as gross_amount,
        sum(net_quantity::decimal(38, 9)) as net_quantity,
        sum(net_amount::decimal(38, 9)) as net_amount
    from bills
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by grouping sets (
        (scope, date_trunc('week', day), kind, report, model_name),
        (scope, date_trunc('week', day), kind, report)
    )
)

select
    c.scope, -- organisation or enterprise that the bill is of  #not_null #unique(scope, week_start, kind, is_total, model)
    c.week_start, -- Monday of the ISO week, UTC  #not_null
    m.kind, -- what is billed: ai_credits or premium_requests; never add up their quantities  #not_null #accepted(ai_credits, premium_requests)
    m.is_total, -- whether the row is the scope's total of the week and kind, which holds all its models: add up rows of models, or take this one  #not_null
    m.model_name as model, -- model under its one name; null in a total, and where the bill names none
    c.days_expected, -- closed days of the week that GitHub could have billed  #range(1, 7)
    c.days_reported, -- of these, days with a bill  #range(0, 7)
    c.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    c.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    c.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    not m.is_total and coalesce(p.is_suppressed, true) as is_suppressed, -- whether the model's numbers are withheld: fewer than COPILOT_MIN_COHORT people used it, or nobody knows how many; totals are told  #not_null
    p.people_shown as people, -- distinct people who used the model, by the per-user report, to the nearest multiple of COPILOT_MIN_COHORT; null in a total
    if(m.is_total, m.gross_quantity, p.gross_quantity)::double as gross_quantity, -- units used (credits or requests), of a model rounded
    if(m.is_total, m.gross_amount, p.gross_amount)::decimal(18, 6) as gross_amount, -- their price before discounts (USD), of a model rounded
    if(m.is_total, m.net_quantity, p.net_quantity)::double as net_quantity, -- units to be paid, beyond those that the plan includes, of a model rounded
    if(m.is_total, m.net_amount, p.net_amount)::decimal(18, 6) as net_amount -- what is to be paid (USD), of a model rounded
from amounts as m
join quality.weekly_coverage as c on c.scope = m.scope and c.week_start = m.week_start and c.source = m.report
left join people.weekly_part as p
    on not m.is_total and p.scope = m.scope and p.week_start = m.week_start and p.breakdown = m.kind
    and p.part = coalesce(m.model_name, 'none')
where c.days_expected > 0
order by c.scope, c.week_start, m.kind, m.is_total desc, m.model_name
