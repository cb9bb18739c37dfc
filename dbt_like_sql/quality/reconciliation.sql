/*
description: |
  One row per scope, UTC day and two numbers that ought to agree and do not: parts of a total, people of two reports,
  an order that can't be otherwise. Many differences are GitHub's design and say so; the others deserve a look.
  How large one is stands here in bands, and a difference in people of fewer than COPILOT_MIN_COHORT, or by design of
  what so few did, has no row: it would be the doings of few (docs/privacy.md).
  Sources: GitHub Docs, "Reconciling Copilot usage metrics" and "Data available in Copilot usage metrics" (2026-09).
incremental: day
*/
with totals as (
    select
        scope,
        day,
        unnest([
            'user_initiated_interaction_count', 'code_generation_activity_count', 'code_acceptance_activity_count',
            'loc_added_sum'
        ]) as measure,
        unnest([
            user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
            loc_added_sum
        ]) as total
    from flat.entity_daily
),

sums as (
    select
        scope, day, 'feature' as breakdown,
        sum(user_initiated_interaction_count) as interactions,
        sum(code_generation_activity_count) as generations,
        sum(code_acceptance_activity_count) as acceptances,
        sum(loc_added_sum) as lines_added
    from flat.entity_feature_daily
    group by all
    union all
    -- a total without a single feature is a difference too; other breakdowns GitHub may leave out
    select e.scope, e.day, 'feature', 0, 0, 0, 0
    from flat.entity_daily as e
    anti join flat.entity_feature_daily as f on f.scope = e.scope and f.day = e.day
    union all
    select
        scope, day, 'ide',
        sum(user_initiated_interaction_count),
        sum(code_generation_activity_count),
        sum(code_acceptance_activity_count),
        sum(loc_added_sum)
    from flat.entity_ide_daily
    group by all
    union all
    select
        scope, day, 'model_feature',
        sum(user_initiated_interaction_count),
        sum(code_generation_activity_count),
        sum(code_acceptance_activity_count),
        sum(loc_added_sum)
    from flat.entity_model_feature_daily
    group by all
    union all
    select
        scope, day, 'language_feature',
        null, -- interactions have no language
        sum(code_generation_activity_count),
        sum(code_acceptance_activity_count),
        sum(loc_added_sum)
    from flat.entity_language_feature_daily
    group by all
    union all
    select
        scope, day, 'language_model',
        null,
        sum(code_generation_activity_count),
        sum(code_acceptance_activity_count),
        sum(loc_added_sum)
    from flat.entity_language_model_daily
    group by all
),

parts as (
    select
        scope,
        day,
        breakdown,
        unnest([
            'user_initiated_interaction_count', 'code_generation_activity_count', 'code_acceptance_activity_count',
            'loc_added_sum'
        ]) as measure,
        unnest([interactions, generations, acceptances, lines_added]) as value
    from sums
),

-- those whose activity a breakdown leaves out by design, as far as the per-user reports tell them
left_out as (
    select distinct scope, day, false as is_by_model, user_id
    from flat.user_daily
    where user_id is not null and (used_cli or used_copilot_app or used_copilot_cloud_agent or used_copilot_coding_agent)
    union all
    select distinct scope, day, true as is_by_model, user_id
    from flat.user_feature_daily
    where user_id is not null and feature = 'code_completion'
        and greatest(code_generation_activity_count, code_acceptance_activity_count, loc_added_sum) > 0
),

people_left_out as (
    select scope, day, unnest(if(is_by_model, ['language_model', 'model_feature'], ['ide'])) as breakdown, people
    from (
        select scope, day, is_by_model, count(*) as people
        from left_out
        group by scope, day, is_by_model
    )
),

breakdowns as (
    select
        t.scope,
        t.day,
        'breakdown' as kind,
        t.measure || ' = its sum by ' || p.breakdown as rule,
        t.total::bigint as one,
        p.value::bigint as other,
        case
            -- what has no row makes the sum smaller, never larger
            when p.value > t.total then null
            when p.breakdown = 'ide' then 'CLI, Copilot app and cloud agent have no IDE.'
            when p.breakdown in ('language_model', 'model_feature') then
                'Code completions and activity without a known model have no rows by model.'
        end as explanation,
        explanation is not null as is_of_people,
        l.people
    from totals as t
    join parts as p using (scope, day, measure)
    left join people_left_out as l using (scope, day, breakdown)
),

provisional as (
    select distinct scope, day
    from quality.day_status
    where status = 'provisional' and report in ('organization-1-day', 'enterprise-1-day', 'users-1-day')
),

people as (
    select
        e.scope,
        e.day,
        'people' as kind,
        'daily_active_users = people in users-1-day with an action of their own' as rule,
        e.daily_active_users as one,
        coalesce(any_value(u.people), 0) as other,
        case
            when any_value(p.day) is not null then 'GitHub still revised the day when it was fetched; the two reports may differ in age.'
            when e.day >= date '2026-06-15'
                and e.daily_active_users - other between 1 and ceil(0.05 * e.daily_active_users) then
                'Since 2026-06-15 people count as active whom only GitHub''s servers saw, one in twenty in its own example.'
            when e.daily_active_users - other between 1 and (select count(*) from raw.forgotten where person >= 0) then
                'People were forgotten here at your word; GitHub still counts them.'
        end as explanation,
        true as is_of_people,
        abs(one - other) as people
    from flat.entity_daily as e
    -- a day without the report of people is a hole, not a difference
    join quality.day_status as s
        on s.scope = e.scope and s.day = e.day and s.report = 'users-1-day' and s.coverage = 'reported'
    left join (
        select scope, day, count(*) as people
        from (
            select distinct scope, day, user_id
            from flat.user_daily
            anti join people.passive_day using (scope, day, user_id)
            where user_id is not null
        )
        group by scope, day
    ) as u on u.scope = e.scope and u.day = e.day
    left join provisional as p on p.scope = e.scope and p.day = e.day
    where e.daily_active_users is not null
    group by e.scope, e.day, e.daily_active_users
),

-- the bill of a day and the lines of the bill by person; who was forgotten is in the one and not in the other
bills as (
    select
        d.scope,
        d.day,
        'bill' as kind,
        d.report || ' = lines of ' || l.report || ' (units)' as rule,
        d.units as one,
        l.units as other,
        null as explanation,
        exists (from raw.forgotten) as is_of_people,
        0 as people
    from (
        select scope, day, 'ai-credit-usage' as report, sum(gross_quantity::decimal(38, 9)) as units
        from flat.ai_credit_usage
        group by scope, day
        union all
        select scope, day, 'premium-request-usage' as report, sum(gross_quantity::decimal(38, 9)) as units
        from flat.premium_request_usage
        group by scope, day
    ) as d
    join (
        select
            scope, day,
            if(contains(lower(concat_ws(' ', unit_type, sku)), 'request'), 'premium-request-report', 'ai-usage-report') as report,
            sum(quantity::decimal(38, 9)) as units
        from flat.bill_item
        group by all
    ) as l
        on l.scope = d.scope and l.day = d.day
        and l.report = if(d.report = 'ai-credit-usage', 'ai-usage-report', 'premium-request-report')
    -- what GitHub rounds differently is no difference
    where abs(d.units - l.units) >= 0.5
),

orders as (
    select
        scope,
        day,
        unnest([
            'daily_active_users <= weekly_active_users', 'weekly_active_users <= monthly_active_users',
            'monthly_active_chat_users <= monthly_active_users', 'monthly_active_agent_users <= monthly_active_users'
        ]) as rule,
        unnest([daily_active_users, weekly_active_users, monthly_active_chat_users, monthly_active_agent_users]) as one,
        unnest([weekly_active_users, monthly_active_users, monthly_active_users, monthly_active_users]) as other
    from flat.entity_daily
    union all
    select scope, day, 'total_engaged_users <= total_active_users', total_engaged_users, total_active_users
    from flat.legacy_daily
),

compared as (
    select * from breakdowns where one <> other
    union all
    select * from people where one <> other
    union all
    select * from bills
    union all
    select scope, day, 'order', rule, one, other, null, false, null from orders where one > other
)

select
    scope, -- whom the numbers are about  #not_null #unique(scope, day, rule)
    day, -- UTC day  #not_null
    kind, -- breakdown: a total and the sum of its parts; people: two reports count people; bill: the bill of the day and its lines by person; order: one can't exceed the other  #not_null #accepted(breakdown, people, bill, order)
    rule, -- what ought to hold  #not_null
    one > other as is_first_larger, -- whether the first number of the rule is the larger one  #not_null
    case
        when abs(one - other) < 10 then '1 to 9'
        when abs(one - other) < 100 then '10 to 99'
        when abs(one - other) < 1000 then '100 to 999'
        else '1000 or more'
    end as difference_band, -- by how much the two differ: its digits and no more  #not_null #accepted(1 to 9, 10 to 99, 100 to 999, 1000 or more)
    explanation is not null as is_explained, -- whether GitHub's documentation accounts for it  #not_null
    explanation -- why they differ, as GitHub says; null when nothing it says accounts for it
from compared
where day >= coalesce(getvariable('since'), date '0001-01-01')
    and (not is_of_people or people >= (select min_cohort from raw.settings))
order by scope, day, rule
