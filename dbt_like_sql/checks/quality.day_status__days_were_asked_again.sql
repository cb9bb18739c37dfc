/*
description: |
  Warns of days that were fetched while GitHub could still revise them and never again: their numbers may be too low.
  Backfill them.
severity: warn
*/
select scope, report, day, evidence, remedy
from quality.day_status
where status = 'provisional' and needs_a_hand
order by day desc, scope, report
