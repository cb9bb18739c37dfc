/*
description: |
  Fails when a number about a part of a scope is published that rests on fewer than five people: it would tell of
  persons. Counted anew from the per-user report.
*/
select w.scope, w.week_start
from weekly.user_trend as w
left join (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        count(distinct user_id) as people
    from flat.user_feature_daily
    where feature = 'code_completion'
    group by all
) as p using (scope, week_start)
where coalesce(p.people, 0) < 5
    and (
        w.completion_people > 0
        or w.completion_generation_count > 0
        or w.completion_acceptance_count > 0
    )
order by w.week_start desc, w.scope
