/*
description: |
  Fails when a number about an IDE is published and fewer than COPILOT_MIN_COHORT people have any of it: it would
  tell of persons. Counted anew from the per-user report, for the weeks that changed.
*/
select w.scope, w.week_start, w.ide
from weekly.ide_trend as w
cross join raw.settings as s
left join (
    select scope, week_start, ide, count(user_id) as people
    from (
        select distinct
            scope,
            date_trunc('week', day)::date as week_start,
            ide_name as ide,
            user_id
        from flat.user_ide_daily
        where day >= coalesce(getvariable('since'), date '0001-01-01')
            and greatest(
                user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
                loc_suggested_to_add_sum, loc_added_sum, loc_deleted_sum
            ) > 0
    )
    group by all
) as p using (scope, week_start, ide)
where w.week_start >= coalesce(getvariable('since'), date '0001-01-01')
    and coalesce(p.people, 0) < s.min_cohort
    and greatest(w.people, w.user_initiated_interaction_count, w.code_generation_activity_count, w.code_acceptance_activity_count, w.loc_added_sum, w.loc_deleted_sum) > 0
order by w.week_start desc, w.scope, w.ide
