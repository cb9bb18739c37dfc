/*
description: |
  One row per scope and person who was ever active: since when the scope's reports have them. Of persons, so never
  published: the weekly tables count who is new, and cohorts.
*/
select
    scope, -- organisation or enterprise  #not_null #unique(scope, user_id)
    user_id, -- the person, as in flat.user_daily  #not_null
    min(first_day) as day -- first day with a row in the scope's per-user report, UTC  #not_null
from people.user_week
group by scope, user_id
