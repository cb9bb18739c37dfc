/*
description: |
  Fails when GitHub reports what can't be, such as more people active on a day than in the week around it. Looks at the
  newest 35 days.
  Backfill the day; if it comes back the same, tell GitHub Support.
*/
select scope, day, rule, difference_band
from quality.reconciliation
where kind = 'order' and day > (select max(as_of) from raw.expected_reports) - 36
order by day desc, scope, rule
