/*
description: |
  One row per scope, ISO week, breakdown and part of it (a feature, IDE, language, model, team, adoption phase, cohort,
  or a model on a bill): how many people are behind it, and whether it may be told. Of few people, so never published
  itself: the weekly tables withhold what is marked here.
  A part of fewer than COPILOT_MIN_COHORT people is withheld, and what it would follow from: for each number it has, the
  smallest other part of the scope that has it too, which else is its total less the other parts; and the same two parts
  of one more scope of the enterprise, which else tell it as the enterprise less its other organisations.
  A team that has all but a few people of another, or of the scope, is withheld for the sake of those few.
*/
with scope_days as (
    select distinct scope, day
    from quality.day_status
),

-- what the report tells as a flag of the person; some of it is no feature of the breakdown
flagged as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        user_id,
        unnest(
            if(bool_or(used_cli), ['copilot_cli'], [])
            || if(bool_or(used_copilot_app), ['copilot_app'], [])
            || if(bool_or(used_vscode_agent), ['vscode_agent'], [])
            || if(bool_or(used_copilot_cloud_agent or used_copilot_coding_agent), ['copilot_cloud_agent'], [])
            || if(bool_or(used_copilot_code_review_active), ['copilot_code_review_active'], [])
            || if(bool_or(used_copilot_code_review_passive), ['copilot_code_review_passive'], [])
        ) as part
    from flat.user_daily
    semi join scope_days using (scope, day)
    group by scope, date_trunc('week', day), user_id
),

-- where the scope's report has numbers of a feature, they are of the people with rows of it, and of no others
counted_features as (
    select distinct scope, date_trunc('week', day)::date as week_start, feature as part
    from flat.entity_feature_daily
    semi join scope_days using (scope, day)
),

feature_members as (
    select scope, date_trunc('week', day)::date as week_start, user_id, 'feature' as breakdown, feature as part, false as by_completion
    from flat.user_feature_daily
    semi join scope_days using (scope, day)
    union
    select scope, week_start, user_id, 'feature' as breakdown, part, false as by_completion
    from flagged
    anti join counted_features using (scope, week_start, part)
),

-- who is behind a part, a row each
members as (
    select *
    from feature_members
    union all
    select scope, date_trunc('week', day)::date as week_start, user_id, 'ide' as breakdown, ide_name as part, false as by_completion
    from flat.user_ide_daily
    semi join scope_days using (scope, day)
    group by all
    union all
    select scope, date_trunc('week', day)::date as week_start, user_id, 'language' as breakdown, language_name as part, bool_or(feature = 'code_completion') as by_completion
    from flat.user_language_feature_daily
    semi join scope_days using (scope, day)
    group by all
    union all
    select scope, date_trunc('week', day)::date as week_start, user_id, 'model' as breakdown, model_name as part, false as by_completion
    from flat.user_model_feature_daily
    semi join scope_days using (scope, day)
    group by all
    union all
    select scope, date_trunc('week', day)::date as week_start, user_id, 'adoption_phase' as breakdown, ai_adoption_phase_number::varchar as part, false as by_completion
    from flat.user_daily
    semi join scope_days using (scope, day)
    where ai_adoption_phase_number is not null
    group by all
    union all
    select scope, week_start, user_id, 'cohort' as breakdown, first_week::varchar as part, false as by_completion
    from people.user_week
    union all
    select scope, week_start, user_id, 'team' as breakdown, coalesce(team_id::varchar, 'none') as part, false as by_completion
    from people.team_week
    where days_active > 0
),

people as (
    select
        scope,
        week_start,
        breakdown,
        part,
        count(*) as people,
        count(*) filter (by_completion) as completion_people
    from members
    group by scope, week_start, breakdown, part
),

-- what is told of a part and adds up to a total over the parts
amounts as (
    select scope, day, 'feature' as breakdown, feature as part, measure, amount::double as amount
    from flat.entity_feature_daily unpivot include nulls (
        amount for measure in (
            user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
            loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
        )
    )
    union all
    select scope, day, 'ide' as breakdown, ide_name as part, measure, amount::double as amount
    from flat.entity_ide_daily unpivot include nulls (
        amount for measure in (
            user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
            loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
        )
    )
    union all
    select scope, day, 'language' as breakdown, language_name as part, measure, amount::double as amount
    from flat.entity_language_feature_daily unpivot include nulls (
        amount for measure in (
            code_generation_activity_count, code_acceptance_activity_count, loc_suggested_to_add_sum, loc_added_sum,
            loc_deleted_sum
        )
    )
    union all
    select scope, day, 'model' as breakdown, model_name as part, measure, amount::double as amount
    from flat.entity_model_feature_daily unpivot include nulls (
        amount for measure in (
            user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
            loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
        )
    )
    union all
    select scope, day, 'adoption_phase' as breakdown, phase_number::varchar as part, measure, amount::double as amount
    from flat.entity_adoption_phase_daily unpivot include nulls (amount for measure in (total_engaged_users, users_in_phase_28d))
    union all
    select scope, last_day as day, 'cohort' as breakdown, first_week::varchar as part, 'people' as measure, 1::double as amount
    from people.user_week
    union all
    select scope, last_day as day, 'team' as breakdown, coalesce(team_id::varchar, 'none') as part, measure, amount::double as amount
    from people.team_week unpivot include nulls (
        amount for measure in (
            days_active, user_initiated_interaction_count, code_generation_activity_count,
            code_acceptance_activity_count, loc_added_sum, loc_deleted_sum
        )
    )
    union all
    select scope, day, 'ai_credits' as breakdown, coalesce(model_name, 'none') as part, measure, amount
    from flat.ai_credit_usage unpivot include nulls (
        amount for measure in (gross_quantity, gross_amount, net_quantity, net_amount)
    )
    union all
    select scope, day, 'premium_requests' as breakdown, coalesce(model_name, 'none') as part, measure, amount
    from flat.premium_request_usage unpivot include nulls (
        amount for measure in (gross_quantity, gross_amount, net_quantity, net_amount)
    )
),

totals as (
    select
        a.scope,
        date_trunc('week', a.day)::date as week_start,
        a.breakdown,
        a.part,
        a.measure,
        sum(a.amount) as amount
    from amounts as a
    semi join scope_days as d using (scope, day)
    group by a.scope, date_trunc('week', a.day), a.breakdown, a.part, a.measure
),

keys as (
    select scope, week_start, breakdown, part
    from totals
    union
    select scope, week_start, breakdown, part
    from people
),

parts as (
    select
        k.*,
        coalesce(p.people, 0) as people,
        coalesce(p.completion_people, 0) as completion_people,
        -- also where nothing is set: what can't be decided is withheld
        (coalesce(p.people, 0) >= (select min_cohort from raw.settings)) is not true as is_small
    from keys as k
    -- a bill tells of no people: those who used the model are behind it
    left join people as p
        on p.scope = k.scope and p.week_start = k.week_start and p.part = k.part
        and p.breakdown = if(k.breakdown in ('ai_credits', 'premium_requests'), 'model', k.breakdown)
),

-- teams share people: of one that has all but a few of another's activity, or of the scope's, these few would follow
activity as (
    select scope, week_start, coalesce(team_id::varchar, 'none') as part, user_id, days_active
    from people.team_week
    where days_active > 0
    union all
    select scope, week_start, 'all' as part, user_id, days_active
    from people.user_week
),

groups as (
    select
        scope,
        week_start,
        part,
        count(*) as people,
        min(user_id) as somebody
    from activity
    group by scope, week_start, part
),

-- a group that has somebody of the team and is hardly larger: few are left to be looked at person by person
candidates as (
    select
        g.*,
        o.part as other,
        o.people as people_of_other
    from groups as g
    join activity as a
        on a.scope = g.scope and a.week_start = g.week_start and a.user_id = g.somebody and a.part <> g.part
    join groups as o on o.scope = a.scope and o.week_start = a.week_start and o.part = a.part
    where g.part <> 'all' and o.people - g.people between 0 and (select min_cohort from raw.settings) - 1
),

all_but_few as (
    select distinct c.scope, c.week_start, 'team' as breakdown, c.part
    from candidates as c
    join activity as a using (scope, week_start, part)
    join activity as o
        on o.scope = c.scope and o.week_start = c.week_start and o.part = c.other and o.user_id = a.user_id
    group by c.scope, c.week_start, c.part, c.other
    having
        count(*) = any_value(c.people)
        and bool_and(o.days_active >= a.days_active)
        and any_value(c.people_of_other) - count(*) filter (o.days_active = a.days_active)
        between 1 and (select min_cohort from raw.settings) - 1
),

-- an enterprise is told beside its organisations: of what one of them has of a part, the others leave it
families as (
    select d.scope, coalesce(e.scope, d.scope) as family
    from (select distinct scope from scope_days) as d
    left join (
        select distinct o.scope as organisation, e.scope
        from flat.entity_daily as o
        join flat.entity_daily as e on e.enterprise_id = o.enterprise_id and e.day = o.day
        where o.scope like 'org:%' and e.scope like 'enterprise:%'
    ) as e on e.organisation = d.scope
),

-- and so do they of the enterprise's people who are in none of them: as if of one more, that nobody tells
below as (
    select f.family, m.week_start, m.breakdown, m.part, m.user_id
    from members as m
    join families as f using (scope)
    where f.scope <> f.family
),

people_outside as (
    select m.scope, m.week_start, m.breakdown, m.part, count(*) as people
    from members as m
    anti join below as b
        on b.family = m.scope and b.week_start = m.week_start and b.breakdown = m.breakdown and b.part = m.part
        and b.user_id = m.user_id
    where m.scope in (select family from families where scope <> family)
    group by m.scope, m.week_start, m.breakdown, m.part
),

parts_outside as (
    select
        p.scope,
        p.week_start,
        p.breakdown,
        p.part,
        o.people,
        (o.people >= (select min_cohort from raw.settings)) is not true as is_small
    from parts as p
    join people_outside as o
        on o.scope = p.scope and o.week_start = p.week_start and o.part = p.part
        and o.breakdown = if(p.breakdown in ('ai_credits', 'premium_requests'), 'model', p.breakdown)
),

totals_outside as (
    select
        f.family as scope,
        t.week_start,
        t.breakdown,
        t.part,
        t.measure,
        sum(if(f.scope = f.family, t.amount, -t.amount)) as amount
    from totals as t
    join families as f using (scope)
    group by f.family, t.week_start, t.breakdown, t.part, t.measure
),

-- a number of a part of a scope: the parts add up to the scope's total, and the scopes to the enterprise's part; people
-- do the second alone, since one may be in several parts
cells as (
    select f.family, t.scope, t.week_start, t.breakdown, t.part, t.measure, p.people, p.is_small
    from totals as t
    join parts as p using (scope, week_start, breakdown, part)
    join families as f using (scope)
    where t.amount <> 0
    union all
    select f.family, p.scope, p.week_start, p.breakdown, p.part, 'behind it' as measure, p.people, p.is_small
    from parts as p
    join families as f using (scope)
    where p.people > 0
    union all
    select p.scope as family, 'outside' as scope, t.week_start, t.breakdown, t.part, t.measure, p.people, p.is_small
    from totals_outside as t
    join parts_outside as p using (scope, week_start, breakdown, part)
    where t.amount <> 0
    union all
    select scope as family, 'outside' as scope, week_start, breakdown, part, 'behind it' as measure, people, is_small
    from parts_outside
),

-- the same order in all scopes of a family, that they hide behind the same parts
ranked as (
    select
        *,
        row_number() over (
            partition by family, scope, week_start, breakdown, measure
            order by is_small, people_of_family, part
        ) as place,
        (select min_cohort from raw.settings) as min_cohort
    from (
        select *, max(people) over (partition by family, week_start, breakdown, measure, part) as people_of_family
        from cells
    )
),

-- beside a small number, the smallest other part of the scope is withheld, which else leaves it of the total; and both
-- parts in the smallest other scope of the family, which else leave them of what the others tell: of the corners of
-- such rectangles, also of several that share some, none follows from the rest
rectangles as (
    select
        c.family,
        c.scope,
        c.week_start,
        c.breakdown,
        c.part,
        any_value(h.part) as hiding_part,
        -- who is outside is told nowhere: where they have both parts, nothing more is withheld
        arg_min(o.scope, (k.scope is null, o.scope <> 'outside', o.people, o.scope)) as hiding_scope
    from ranked as c
    left join ranked as h
        on h.family = c.family and h.scope = c.scope and h.week_start = c.week_start and h.breakdown = c.breakdown
        and h.measure = c.measure and h.place = 1 and c.measure <> 'behind it'
    left join cells as o
        on o.family = c.family and o.scope <> c.scope and o.week_start = c.week_start and o.breakdown = c.breakdown
        and o.measure = c.measure and o.part = c.part
        and (c.people + o.people >= c.min_cohort or o.scope = o.family)
    left join cells as k
        on k.family = c.family and k.scope = o.scope and k.week_start = c.week_start and k.breakdown = c.breakdown
        and k.measure = c.measure and k.part = h.part
    where c.is_small
    group by c.family, c.scope, c.week_start, c.breakdown, c.part, c.measure
),

withheld as (
    select scope, week_start, breakdown, part
    from parts
    where is_small
    union
    select unnest([scope, hiding_scope, hiding_scope]), week_start, breakdown, unnest([hiding_part, part, hiding_part])
    from rectangles
    union
    -- teams do not add up: one is withheld wherever it is told
    select f.scope, a.week_start, a.breakdown, a.part
    from all_but_few as a
    join families as o using (scope)
    join families as f using (family)
),

marked as (
    select p.*, w.scope is not null as is_suppressed
    from parts as p
    left join withheld as w using (scope, week_start, breakdown, part)
)

select
    scope, -- whom the part belongs to  #not_null #unique(scope, week_start, breakdown, part)
    week_start, -- Monday of the ISO week, UTC  #not_null
    breakdown, -- what the scope is broken down by  #not_null #accepted(feature, ide, language, model, team, adoption_phase, cohort, ai_credits, premium_requests)
    part, -- the part: a name, the number of a phase, the id of a team, the first week of a cohort; none for people in no team and for what a bill has under no model
    people::bigint as people, -- distinct people behind it, by the per-user report  #not_null
    completion_people::bigint as completion_people, -- of these, people with code completions, where the part is a language  #not_null
    is_small, -- whether the part itself rests on too few people, or nobody knows on how many  #not_null
    is_suppressed, -- whether its numbers are withheld: it is small, or a small one would follow from it, here or with other scopes of the enterprise  #not_null
    if(is_suppressed, null, people)::bigint as people_shown, -- people, unless withheld
    case
        when
            lag(week_start) over by_week = week_start - 7
            and not is_suppressed and not lag(is_suppressed) over by_week
            then people - lag(people) over by_week
    end::bigint as people_change -- people more than the week before, where both may be told
from marked
window by_week as (partition by scope, breakdown, part order by week_start)
order by scope, week_start, breakdown, part
