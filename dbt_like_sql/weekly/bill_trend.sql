/*
description: |
  One row per scope, ISO week, kind of bill and organisation, and per cost centre: what the bill by person (the usage
  reports in CSV) says that each of them used and is to pay. Amounts are US dollars. All of them are parts of the scope,
  so they are rounded, and withheld where fewer than COPILOT_MIN_COHORT people are behind them: docs/privacy.md. The
  scope's own total is in weekly.spend_trend.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, kind, breakdown, part, days_reported, is_suppressed, people, gross_amount, net_amount]
*/
select
    c.scope, -- organisation or enterprise that the bill is of  #not_null #unique(scope, week_start, kind, breakdown, part)
    c.week_start, -- Monday of the ISO week, UTC  #not_null
    if(c.source = 'ai-usage-report', 'ai_credits', 'premium_requests') as kind, -- what is billed: ai_credits or premium_requests; never add up their quantities  #not_null #accepted(ai_credits, premium_requests)
    split_part(p.breakdown, '_by_', 2) as breakdown, -- what the bill is broken down by; each tells the whole bill, so never add up both  #not_null #accepted(organization, cost_center)
    p.part, -- the organisation or cost centre; none for lines without one  #not_null
    c.days_expected, -- closed days of the week that a bill should tell of  #range(1, 7)
    c.days_reported, -- of these, days with a bill  #range(0, 7)
    c.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    c.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it is there  #not_null
    p.is_suppressed, -- whether the numbers are withheld: too few people are behind them  #not_null
    p.people_shown as people, -- distinct people with a part in it, to the nearest multiple of COPILOT_MIN_COHORT
    p.gross_quantity, -- units used (credits or requests), rounded
    p.gross_amount, -- their price before discounts (USD), rounded
    p.net_amount -- what is to be paid (USD), rounded
from people.weekly_part as p
join quality.weekly_coverage as c
    on c.scope = p.scope and c.week_start = p.week_start
    and c.source = if(p.breakdown like 'ai_credits_by_%', 'ai-usage-report', 'premium-request-report')
where p.breakdown like '%_by_organization' or p.breakdown like '%_by_cost_center'
order by c.scope, c.week_start, c.source, p.breakdown, p.part
