/*
description: |
  Fails when a number about an IDE is published that rests on fewer than COPILOT_MIN_COHORT people: it would tell of
  persons. Counted anew from the per-user report, for the newest twelve weeks.
*/
select w.scope, w.week_start, w.ide
from weekly.ide_trend as w
cross join raw.settings as s
left join (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        ide_name as ide,
        count(distinct user_id) as people
    from flat.user_ide_daily
    where day > (select max(day) from flat.user_ide_daily) - 84
    group by all
) as p using (scope, week_start, ide)
where w.week_start > (select max(day) from flat.user_ide_daily) - 78
    and coalesce(p.people, 0) < s.min_cohort
    and coalesce(w.people, w.user_initiated_interaction_count, w.code_generation_activity_count, w.code_acceptance_activity_count, w.loc_added_sum, w.loc_deleted_sum) is not null
order by w.week_start desc, w.scope, w.ide
