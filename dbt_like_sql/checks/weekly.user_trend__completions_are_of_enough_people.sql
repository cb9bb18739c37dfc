/*
description: |
  Fails when numbers of code completions are published that rest on fewer than COPILOT_MIN_COHORT people: they would
  tell of persons. Counted anew from the per-user report, for the weeks that changed.
*/
select w.scope, w.week_start
from weekly.user_trend as w
cross join raw.settings as s
left join (
    select scope, week_start, count(user_id) as people
    from (
        select distinct
            scope,
            date_trunc('week', day)::date as week_start,
            user_id
        from flat.user_feature_daily
        where feature = 'code_completion' and day >= coalesce(getvariable('since'), date '0001-01-01')
            and greatest(
                user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
                loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
            ) > 0
    )
    group by all
) as p using (scope, week_start)
where w.week_start >= coalesce(getvariable('since'), date '0001-01-01')
    and coalesce(p.people, 0) < s.min_cohort
    and (
        w.completion_people > 0
        or w.completion_generation_count > 0
        or w.completion_acceptance_count > 0
    )
order by w.week_start desc, w.scope
