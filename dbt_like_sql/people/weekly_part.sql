/*
description: |
  One row per scope, ISO week, breakdown and part of it (a feature, IDE, language, model, team, adoption phase, cohort,
  a model, organisation or cost centre on a bill, or a group of people.group_week): its numbers as they may be told. What
  budgets are for has its row of a month's whole bill in the week with which the month ends. The one place that decides
  what is told of a part of a scope; the rule and what it is for stand in docs/privacy.md.
  Behind a number are the people with a part in it that is not zero. Of fewer than COPILOT_MIN_COHORT it is null, and so
  is every number of a part that so few are behind. Others are rounded: people to multiples of COPILOT_MIN_COHORT,
  amounts to multiples of 1, 2 or 5 times a power of ten, about what one of the people has on average, and at least
  COPILOT_MIN_COHORT (of dollars a tenth). So nothing follows exactly from what is told beside it. With a
  COPILOT_MIN_COHORT of 1 everything is told as it is.
incremental: week_start
*/
-- of an incremental build a week more, against which the first one is held
with scope_days as (
    select distinct scope, day
    from quality.day_status
    where day >= coalesce(getvariable('since'), date '0001-01-08') - 7
),

cohorts as (
    select w.scope, w.week_start, w.user_id, f.day as first_day
    from people.user_week as w
    join people.first_day as f using (scope, user_id)
    where w.week_start >= coalesce(getvariable('since'), date '0001-01-08') - 7
),

-- what the report tells as a flag of the person; some of it is no feature of the breakdown
flagged as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        1 << (isodow(day) - 1)::integer as weekdays,
        user_id,
        unnest(
            if(used_cli, ['copilot_cli'], [])
            || if(used_copilot_app, ['copilot_app'], [])
            || if(used_vscode_agent, ['vscode_agent'], [])
            || if(used_copilot_cloud_agent or used_copilot_coding_agent, ['copilot_cloud_agent'], [])
            || if(used_copilot_code_review_active, ['copilot_code_review_active'], [])
            || if(used_copilot_code_review_passive, ['copilot_code_review_passive'], [])
        ) as part
    from flat.user_daily
    semi join scope_days using (scope, day)
),

-- where the scope's report has numbers of a feature, they are of the people with rows of it, and of no others
counted_features as (
    select distinct scope, date_trunc('week', day)::date as week_start, feature as part
    from flat.entity_feature_daily
    semi join scope_days using (scope, day)
),

-- a person's own numbers of a part; a flag of theirs, or being in a cohort, puts them behind it without any. A bit of
-- `weekdays` is a day of the week on which they were
used as (
    select
        scope,
        week_start,
        'feature' as breakdown,
        part,
        user_id,
        bool_or(is_flagged) as is_flagged,
        bit_or(weekdays) as weekdays,
        sum(user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_suggested_to_add_sum) as loc_suggested_to_add_sum,
        sum(loc_added_sum) as loc_added_sum,
        sum(loc_deleted_sum) as loc_deleted_sum,
        null::hugeint as completion_generation_count,
        null::hugeint as completion_acceptance_count,
        null::hugeint as completion_loc_suggested_sum,
        null::hugeint as completion_loc_added_sum,
        null::hugeint as days_active,
        false as is_shared
    from (
        select
            *,
            date_trunc('week', day)::date as week_start,
            feature as part,
            false as is_flagged,
            if(
                greatest(
                    user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
                    loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
                ) > 0,
                1 << (isodow(day) - 1)::integer, 0
            ) as weekdays
        from flat.user_feature_daily
        semi join scope_days using (scope, day)
        union all by name
        select scope, week_start, part, user_id, true as is_flagged, weekdays
        from flagged
        anti join counted_features using (scope, week_start, part)
    )
    group by scope, week_start, part, user_id
    union all by name
    select
        scope, date_trunc('week', day)::date as week_start, 'ide' as breakdown, ide_name as part, user_id, false as is_flagged,
        bit_or(1 << (isodow(day) - 1)::integer) filter (
            greatest(
                user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
                loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
            ) > 0
        ) as weekdays,
        sum(user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_suggested_to_add_sum) as loc_suggested_to_add_sum,
        sum(loc_added_sum) as loc_added_sum,
        sum(loc_deleted_sum) as loc_deleted_sum
    from flat.user_ide_daily
    semi join scope_days using (scope, day)
    group by all
    union all by name
    select
        scope, date_trunc('week', day)::date as week_start, 'language' as breakdown, language_name as part, user_id, false as is_flagged,
        bit_or(1 << (isodow(day) - 1)::integer) filter (
            greatest(
                code_generation_activity_count, code_acceptance_activity_count, loc_suggested_to_add_sum, loc_added_sum,
                loc_deleted_sum
            ) > 0
        ) as weekdays,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_suggested_to_add_sum) as loc_suggested_to_add_sum,
        sum(loc_added_sum) as loc_added_sum,
        sum(loc_deleted_sum) as loc_deleted_sum,
        sum(code_generation_activity_count) filter (feature = 'code_completion') as completion_generation_count,
        sum(code_acceptance_activity_count) filter (feature = 'code_completion') as completion_acceptance_count,
        sum(loc_suggested_to_add_sum) filter (feature = 'code_completion') as completion_loc_suggested_sum,
        sum(loc_added_sum) filter (feature = 'code_completion') as completion_loc_added_sum
    from flat.user_language_feature_daily
    semi join scope_days using (scope, day)
    group by all
    union all by name
    select
        scope, date_trunc('week', day)::date as week_start, 'model' as breakdown, model_name as part, user_id, false as is_flagged,
        bit_or(1 << (isodow(day) - 1)::integer) filter (
            greatest(
                user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
                loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
            ) > 0
        ) as weekdays,
        sum(user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_suggested_to_add_sum) as loc_suggested_to_add_sum,
        sum(loc_added_sum) as loc_added_sum,
        sum(loc_deleted_sum) as loc_deleted_sum
    from flat.user_model_feature_daily
    semi join scope_days using (scope, day)
    group by all
    union all by name
    select
        scope, date_trunc('week', day)::date as week_start, 'adoption_phase' as breakdown,
        ai_adoption_phase_number::varchar as part, user_id, true as is_flagged,
        bit_or(1 << (isodow(day) - 1)::integer) as weekdays,
        count(*) filter ((scope, day, user_id) not in (select (scope, day, user_id) from people.passive_day)) as days_active,
        sum(user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_added_sum) as loc_added_sum
    from flat.user_daily
    semi join scope_days using (scope, day)
    where ai_adoption_phase_number is not null
    group by all
    union all by name
    select
        scope, week_start, 'cohort' as breakdown, date_trunc('week', first_day)::date::varchar as part, user_id,
        true as is_flagged
    from cohorts
    union all by name
    -- of the weeks after a month, those who were first seen in it; and all of them, in the week with which it ends
    select
        scope, week_start, 'month_cohort' as breakdown, date_trunc('month', first_day)::date::varchar as part, user_id,
        true as is_flagged
    from cohorts
    where week_start > last_day(first_day)
    union all by name
    select
        scope, date_trunc('week', last_day(day))::date as week_start, 'month_cohort_people' as breakdown,
        date_trunc('month', day)::date::varchar as part, user_id, true as is_flagged
    from people.first_day
    where last_day(day) >= coalesce(getvariable('since'), date '0001-01-08') - 7
    union all by name
    select
        scope, week_start, 'team' as breakdown, coalesce(team_id::varchar, 'none') as part, user_id, true as is_flagged,
        weekdays_active as weekdays,
        user_initiated_interaction_count,
        code_generation_activity_count,
        code_acceptance_activity_count,
        loc_added_sum,
        loc_deleted_sum,
        days_active,
        team_id is not null and count(team_id) over (partition by scope, week_start, user_id) > 1 as is_shared
    from people.team_week
    where days_active > 0 and week_start >= coalesce(getvariable('since'), date '0001-01-08') - 7
),

-- what a change of a part's people is told of: a break that moves it takes the changes that cross it
moved as (
    select b.day, p.breakdown
    from (
        values
            ('feature', 'flat.user_feature_daily'), ('ide', 'flat.user_ide_daily'),
            ('language', 'flat.user_language_feature_daily'), ('model', 'flat.user_model_feature_daily'),
            ('adoption_phase', 'flat.user_daily.user_id'), ('team', 'flat.user_daily.user_id')
    ) as p (breakdown, people)
    join quality.series_break as b on b.kind <> 'start' and contains(b.moved_columns, p.people)
),

team_weeks as (
    select
        scope,
        team_id::varchar as part,
        date_trunc('week', day)::date as week_start,
        count(*) filter (coverage <> 'not_expected') as days_expected,
        coalesce(bit_or(1 << (isodow(day) - 1)::integer) filter (coverage = 'reported'), 0) as weekdays
    from quality.team_day_status
    where day >= coalesce(getvariable('since'), date '0001-01-08') - 7
    group by scope, team_id, date_trunc('week', day)
),

-- the weekdays by which a week is held against the one before: those that both told of people, of a team also of it
comparable as (
    select c.scope, c.week_start, b.breakdown, b.breakdown as part, c.user_weekdays_compared as weekdays
    from quality.weekly_coverage as c
    cross join (select unnest(['feature', 'ide', 'language', 'model', 'adoption_phase']) as breakdown) as b
    where c.source = 'entity-1-day'
    union all
    select c.scope, c.week_start, 'team' as breakdown, 'none' as part, c.weekdays_compared & c.user_weekdays_compared
    from quality.weekly_coverage as c
    where c.source = 'user-teams-1-day'
    union all
    select c.scope, c.week_start, 'team' as breakdown, t.part, t.weekdays & b.weekdays & c.user_weekdays_compared
    from quality.weekly_coverage as c
    join team_weeks as t on t.scope = c.scope and t.week_start = c.week_start
    join team_weeks as b on b.scope = c.scope and b.week_start = c.week_start - 7 and b.part = t.part
    where c.source = 'user-teams-1-day' and t.days_expected = 7 and b.days_expected = 7
),

comparisons as (
    select c.*
    from comparable as c
    -- a break on the first day of the week before lies before both weeks
    anti join moved as m
        on m.breakdown = c.breakdown and m.day > c.week_start - 7 and m.day <= c.week_start + 6
    where bit_count(c.weekdays) >= 4
),

-- the bill by person
bill_items as (
    select *, if(contains(lower(concat_ws(' ', unit_type, sku)), 'request'), 'premium_requests', 'ai_credits') as kind
    from flat.bill_item
    where day >= date_trunc('month', coalesce(getvariable('since'), date '0001-01-08') - 7)
        and (scope, day) in (select (scope, day) from quality.day_status)
),

-- each of its lines with its organisation and its cost centre; and of a month with the kinds of parts that have budgets
bill_lines as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        user_id,
        kind || '_by_' || unnest(['organization', 'cost_center']) as breakdown,
        coalesce(unnest([organization, cost_center_name]), 'none') as part,
        quantity::decimal(38, 9) as gross_quantity,
        gross_amount::decimal(38, 9) as gross_amount,
        net_amount::decimal(38, 9) as net_amount
    from bill_items
    union all by name
    select
        i.scope,
        date_trunc('week', last_day(i.day))::date as week_start,
        i.user_id,
        'month_by_' || b.budget_scope as breakdown,
        lower(case b.budget_scope when 'organization' then organization when 'repository' then repository else cost_center_name end) as part,
        i.quantity as gross_quantity,
        i.gross_amount,
        i.net_amount
    from bill_items as i
    join (
        select distinct scope, budget_scope, date_trunc('month', day) as month_start
        from flat.budget
        where budget_scope in ('organization', 'repository', 'cost_center')
    ) as b on b.scope = i.scope and b.month_start = date_trunc('month', i.day)
    where i.kind = 'ai_credits' and part is not null
),

billed_people as (
    select
        scope,
        week_start,
        breakdown,
        part,
        user_id,
        coalesce(sum(gross_quantity), 0) as gross_quantity,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(net_amount), 0) as net_amount
    from bill_lines
    where user_id is not null
    group by scope, week_start, breakdown, part, user_id
),

counted as (
    select
        u.scope,
        u.week_start,
        u.breakdown,
        u.part,
        any_value(bit_count(c.weekdays)) as days_compared,
        count(*) filter ((u.weekdays & c.weekdays) <> 0) as people_compared,
        count(*) filter ((u.weekdays & n.weekdays) <> 0) as people_compared_with_next,
        count(*) filter (
            is_flagged
            or greatest(
                user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
                loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
            ) > 0
        ) as people,
        count(*) filter (user_initiated_interaction_count > 0) as user_initiated_interaction_count,
        count(*) filter (code_generation_activity_count > 0) as code_generation_activity_count,
        count(*) filter (code_acceptance_activity_count > 0) as code_acceptance_activity_count,
        count(*) filter (loc_suggested_to_add_sum > 0) as loc_suggested_to_add_sum,
        count(*) filter (loc_added_sum > 0) as loc_added_sum,
        count(*) filter (loc_deleted_sum > 0) as loc_deleted_sum,
        count(*) filter (days_active > 0) as days_active,
        count(*) filter (completion_generation_count > 0) as completion_generation_count,
        count(*) filter (completion_acceptance_count > 0) as completion_acceptance_count,
        count(*) filter (completion_loc_suggested_sum > 0) as completion_loc_suggested_sum,
        count(*) filter (completion_loc_added_sum > 0) as completion_loc_added_sum,
        count(*) filter (is_shared) as shared_people
    from used as u
    left join comparisons as c
        on c.scope = u.scope and c.week_start = u.week_start and c.breakdown = u.breakdown
        and c.part = if(u.breakdown = 'team', u.part, u.breakdown)
    left join comparisons as n
        on n.scope = u.scope and n.week_start = u.week_start + 7 and n.breakdown = u.breakdown
        and n.part = if(u.breakdown = 'team', u.part, u.breakdown)
    group by u.scope, u.week_start, u.breakdown, u.part
    union all by name
    select scope, week_start, 'people' as breakdown, name as part, people
    from people.group_week
    where week_start >= coalesce(getvariable('since'), date '0001-01-08') - 7
    union all by name
    select scope, week_start, breakdown, part, count(*) filter (gross_quantity <> 0 or gross_amount <> 0 or net_amount <> 0) as people
    from billed_people
    group by scope, week_start, breakdown, part
),

-- how many people are behind a number; behind one that no report tells by person are those of the part
behind as (
    from counted unpivot (
        people_with_any for measure in (
            days_active, user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
            loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum, completion_generation_count,
            completion_acceptance_count, completion_loc_suggested_sum, completion_loc_added_sum
        )
    )
    select scope, week_start, breakdown, part, measure, people_with_any
    union all
    select
        scope, week_start, breakdown, part,
        unnest(['gross_quantity', 'gross_amount', 'net_amount']) as measure,
        unnest([count_if(gross_quantity <> 0), count_if(gross_amount <> 0), count_if(net_amount <> 0)]) as people_with_any
    from billed_people
    group by scope, week_start, breakdown, part
),

-- decimals, because a sum of them is the same in every order of the rows
sums as (
    select
        scope, day, 'feature' as breakdown, feature as part,
        user_initiated_interaction_count::decimal(38, 9) as user_initiated_interaction_count,
        code_generation_activity_count::decimal(38, 9) as code_generation_activity_count,
        code_acceptance_activity_count::decimal(38, 9) as code_acceptance_activity_count,
        loc_suggested_to_add_sum::decimal(38, 9) as loc_suggested_to_add_sum,
        loc_added_sum::decimal(38, 9) as loc_added_sum,
        loc_deleted_sum::decimal(38, 9) as loc_deleted_sum,
        null::decimal(38, 9) as completion_generation_count,
        null::decimal(38, 9) as completion_acceptance_count,
        null::decimal(38, 9) as completion_loc_suggested_sum,
        null::decimal(38, 9) as completion_loc_added_sum,
        null::decimal(38, 9) as days_active,
        null::decimal(38, 9) as total_pull_requests_created,
        null::decimal(38, 9) as total_pull_requests_merged,
        null::decimal(38, 9) as gross_quantity,
        null::decimal(38, 9) as gross_amount,
        null::decimal(38, 9) as net_quantity,
        null::decimal(38, 9) as net_amount
    from flat.entity_feature_daily
    union all by name
    select
        scope, day, 'ide' as breakdown, ide_name as part, user_initiated_interaction_count, code_generation_activity_count,
        code_acceptance_activity_count, loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
    from flat.entity_ide_daily
    union all by name
    select
        scope, day, 'language' as breakdown, language_name as part, code_generation_activity_count,
        code_acceptance_activity_count, loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum,
        if(feature = 'code_completion', code_generation_activity_count, null) as completion_generation_count,
        if(feature = 'code_completion', code_acceptance_activity_count, null) as completion_acceptance_count,
        if(feature = 'code_completion', loc_suggested_to_add_sum, null) as completion_loc_suggested_sum,
        if(feature = 'code_completion', loc_added_sum, null) as completion_loc_added_sum
    from flat.entity_language_feature_daily
    union all by name
    select
        scope, day, 'model' as breakdown, model_name as part, user_initiated_interaction_count, code_generation_activity_count,
        code_acceptance_activity_count, loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
    from flat.entity_model_feature_daily
    union all by name
    -- GitHub tells averages of the day's active people of a phase
    select
        scope, day, 'adoption_phase' as breakdown, phase_number::varchar as part,
        avg_user_initiated_interactions * total_engaged_users as user_initiated_interaction_count,
        avg_code_generation_activities * total_engaged_users as code_generation_activity_count,
        avg_code_acceptance_activities * total_engaged_users as code_acceptance_activity_count,
        avg_loc_added * total_engaged_users as loc_added_sum,
        total_engaged_users as days_active,
        avg_pull_requests_created * total_engaged_users as total_pull_requests_created,
        total_pull_requests_merged
    from flat.entity_adoption_phase_daily
    union all by name
    select
        scope, last_day as day, 'team' as breakdown, coalesce(team_id::varchar, 'none') as part, user_initiated_interaction_count,
        code_generation_activity_count, code_acceptance_activity_count, loc_added_sum, loc_deleted_sum, days_active
    from people.team_week
    where days_active > 0 and week_start >= coalesce(getvariable('since'), date '0001-01-08') - 7
    union all by name
    select
        scope, day, 'ai_credits' as breakdown, coalesce(model_name, 'none') as part, gross_quantity, gross_amount, net_quantity,
        net_amount
    from flat.ai_credit_usage
    union all by name
    select
        scope, day, 'premium_requests' as breakdown, coalesce(model_name, 'none') as part, gross_quantity, gross_amount,
        net_quantity, net_amount
    from flat.premium_request_usage
),

amounts as (
    from (
        select scope, week_start, breakdown, part, sum(columns(* exclude (scope, week_start, breakdown, part))::decimal(38, 9))
        from (
            select date_trunc('week', day)::date as week_start, * exclude (day)
            from sums
            semi join scope_days using (scope, day)
            union all by name
            select scope, week_start, breakdown, part, gross_quantity, gross_amount, net_amount
            from bill_lines
        )
        group by scope, week_start, breakdown, part
    )
    unpivot include nulls (amount for measure in (columns(* exclude (scope, week_start, breakdown, part))))
),

keys as (
    select scope, week_start, breakdown, part, bool_or(is_more) as is_more
    from (
        select scope, week_start, breakdown, part, coalesce(amount <> 0, false) as is_more
        from amounts
        union all
        select scope, week_start, breakdown, part, false as is_more
        from counted
    )
    group by scope, week_start, breakdown, part
),

parts as (
    select
        k.*,
        p.people,
        p.shared_people,
        p.days_compared,
        p.people_compared,
        p.people_compared_with_next,
        s.min_cohort,
        -- who with others make up a number that is told as it is: were five told, four would be the most that is withheld,
        -- and would follow where the others leave no fewer
        s.min_cohort > 1 and (
            k.breakdown in ('cohort', 'month_cohort', 'adoption_phase', 'team')
            or k.breakdown = 'people' and k.part in (
                'engaged', 'new', 'returning', 'lapsed', 'active_1_day', 'active_2_days', 'active_3_days', 'active_4_days',
                'active_5_days', 'seat_active_by_seats_only', 'seat_active_by_usage_only', 'seat_seen_passively',
                'seat_never_used', 'seat_active_28_days', 'seat_idle', 'in_teams'
            )
        ) as is_share_of_total,
        s.min_cohort + is_share_of_total::integer as fewest,
        -- also where nothing is set; of those who did nothing there is nothing to hide, of those whom nobody knows there is
        (p.people >= fewest) is not true and (coalesce(p.people, 0) > 0 or k.is_more) as is_suppressed
    from keys as k
    left join raw.settings as s on true
    -- a bill tells of no people: those who used the model are behind it
    left join counted as p
        on p.scope = k.scope and p.week_start = k.week_start and p.part = k.part
        and p.breakdown = if(k.breakdown in ('ai_credits', 'premium_requests'), 'model', k.breakdown)
),

numbers as (
    select scope, week_start, breakdown, part, 'people' as measure, people, people as amount, 0 as average
    from parts
    union all
    select scope, week_start, breakdown, part, 'shared_people' as measure, shared_people, shared_people as amount, 0 as average
    from parts
    union all
    select scope, week_start, breakdown, part, 'people_compared' as measure, people_compared, people_compared as amount, 0 as average
    from parts
    where days_compared > 0
    union all
    select
        scope, week_start, breakdown, part, 'people_compared_with_next' as measure, people_compared_with_next,
        people_compared_with_next as amount, 0 as average
    from parts
    union all
    select
        scope, date_trunc('week', day)::date as week_start, 'adoption_phase' as breakdown, phase_number::varchar as part,
        'users_in_phase_28d' as measure, arg_max(users_in_phase_28d, day) as people, people as amount, 0 as average
    from flat.entity_adoption_phase_daily
    semi join scope_days using (scope, day)
    group by scope, date_trunc('week', day), phase_number
    union all
    select
        a.scope, a.week_start, a.breakdown, a.part, a.measure,
        coalesce(b.people_with_any, p.people) as people, a.amount, abs(a.amount) / nullif(coalesce(b.people_with_any, p.people), 0) as average
    from amounts as a
    join parts as p using (scope, week_start, breakdown, part)
    left join behind as b using (scope, week_start, breakdown, part, measure)
),

told as (
    select
        n.scope,
        n.week_start,
        n.breakdown,
        n.part,
        n.measure,
        pow(10, floor(log10(nullif(n.average, 0)))) as ten,
        greatest(
            if(n.measure in ('gross_amount', 'net_amount'), 0.1, 1) * p.min_cohort,
            case when n.average >= 5 * ten then 5 when n.average >= 2 * ten then 2 else 1 end * ten
        ) as step,
        case
            when p.is_suppressed then null
            -- that they are nobody would tell how many the others are
            when n.amount = 0 and p.breakdown = 'people' and p.is_share_of_total and p.part <> 'in_teams' then null
            when n.amount = 0 then 0
            when (n.people >= p.min_cohort) is not true then null
            when p.min_cohort = 1 then n.amount
            else (sign(n.amount) * greatest(1, round(abs(n.amount) / step)) * step)::decimal(38, 9)
        end as number
    from numbers as n
    join parts as p using (scope, week_start, breakdown, part)
)

select
    p.scope, -- whom the part belongs to  #not_null #unique(scope, week_start, breakdown, part)
    p.week_start, -- Monday of the ISO week, UTC  #not_null
    p.breakdown, -- what the scope is broken down by  #not_null #accepted(feature, ide, language, model, team, adoption_phase, cohort, month_cohort, month_cohort_people, people, ai_credits, premium_requests, ai_credits_by_organization, ai_credits_by_cost_center, premium_requests_by_organization, premium_requests_by_cost_center, month_by_organization, month_by_repository, month_by_cost_center)
    p.part, -- the part: a name, the number of a phase, the id of a team, the first week of a cohort or the first day of its month; of a month's AI credits the name in lower case; none for people in no team and for what a bill has under no model, organisation or cost centre
    any_value(p.people)::bigint as people, -- distinct people behind it, by the per-user report; null where that has no row of it
    any_value(p.is_suppressed) as is_suppressed, -- whether its numbers are withheld: too few people are behind it, or nobody knows how many; all the columns below are null then  #not_null
    max(t.number) filter (t.measure = 'people')::bigint as people_shown, -- people, rounded
    any_value(p.days_compared)::bigint as days_compared, -- weekdays by which the people of this week are held against those of the one before; null where they can't be  #range(4, 7)
    case
        when lag(p.week_start) over by_week = p.week_start - 7
            then
                max(t.number) filter (t.measure = 'people_compared')
                - lag(max(t.number) filter (t.measure = 'people_compared_with_next')) over by_week
    end::bigint as people_change, -- people of those weekdays more than of the same weekdays of the week before, of both rounded
    max(t.number) filter (t.measure = 'shared_people')::bigint as shared_people, -- of a team's people, those who were active in another team too
    max(t.number) filter (t.measure = 'users_in_phase_28d')::bigint as users_in_phase_28d, -- people of a phase in the 28 days that end with the last day that tells them, as GitHub counts
    max(t.number) filter (t.measure = 'days_active')::bigint as days_active, -- days of activity of all people (person-days), of a team or a phase
    max(t.number) filter (t.measure = 'user_initiated_interaction_count')::bigint as user_initiated_interaction_count, -- prompts sent
    max(t.number) filter (t.measure = 'code_generation_activity_count')::bigint as code_generation_activity_count, -- outputs of Copilot (events)
    max(t.number) filter (t.measure = 'code_acceptance_activity_count')::bigint as code_acceptance_activity_count, -- outputs accepted (events)
    max(t.number) filter (t.measure = 'loc_suggested_to_add_sum')::bigint as loc_suggested_to_add_sum, -- lines that Copilot suggested to add
    max(t.number) filter (t.measure = 'loc_added_sum')::bigint as loc_added_sum, -- lines added
    max(t.number) filter (t.measure = 'loc_deleted_sum')::bigint as loc_deleted_sum, -- lines deleted
    max(t.number) filter (t.measure = 'completion_generation_count')::bigint as completion_generation_count, -- code completions shown, of a language
    max(t.number) filter (t.measure = 'completion_acceptance_count')::bigint as completion_acceptance_count, -- of these, accepted
    max(t.number) filter (t.measure = 'completion_loc_suggested_sum')::bigint as completion_loc_suggested_sum, -- lines of code completions shown, of a language
    max(t.number) filter (t.measure = 'completion_loc_added_sum')::bigint as completion_loc_added_sum, -- of these, accepted
    max(t.number) filter (t.measure = 'total_pull_requests_created')::bigint as total_pull_requests_created, -- pull requests opened, of a phase
    max(t.number) filter (t.measure = 'total_pull_requests_merged')::bigint as total_pull_requests_merged, -- pull requests merged, of a phase
    max(t.number) filter (t.measure = 'gross_quantity')::double as gross_quantity, -- units billed for a model
    max(t.number) filter (t.measure = 'gross_amount')::decimal(18, 6) as gross_amount, -- their price before discounts (USD)
    max(t.number) filter (t.measure = 'net_quantity')::double as net_quantity, -- units to be paid
    max(t.number) filter (t.measure = 'net_amount')::decimal(18, 6) as net_amount -- what is to be paid (USD)
from parts as p
join told as t using (scope, week_start, breakdown, part)
group by p.scope, p.week_start, p.breakdown, p.part
window by_week as (partition by p.scope, p.breakdown, p.part order by p.week_start)
qualify p.week_start >= coalesce(getvariable('since'), date '0001-01-01')
order by p.scope, p.week_start, p.breakdown, p.part
