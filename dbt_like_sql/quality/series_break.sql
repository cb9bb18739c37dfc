/*
description: |
  One row per date on which GitHub changed what a number means.
  From GitHub's changelog. Weekly models give no change across a break that moves their totals.
*/
select
    day, -- UTC day from which the new meaning holds  #not_null
    moves_active_users, -- whether daily, weekly and monthly active users jump  #not_null
    moves_activity, -- whether interaction, generation, acceptance and line counters jump  #not_null
    what -- what changed  #not_null
from (
    values
        (date '2026-04-10', false, true, 'CLI activity is included in totals and in the feature breakdown'),
        (date '2026-06-15', true, false, 'people seen only by server-side telemetry count as active'),
        (date '2026-07-02', false, true, 'accuracy fixes: CLI lines, duplicate events, IDE of server-side users'),
        (date '2026-07-28', true, true, 'Copilot app activity is included in active users and totals'),
        (date '2026-10-06', false, true, 'attribution bug in IDE SDKs: agent activity lost, CLI activity inflated')
) as breaks (day, moves_active_users, moves_activity, what)
order by day
