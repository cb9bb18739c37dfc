/*
description: |
  Warns when a total differs from the sum of its parts, or two reports count other people, and nothing that GitHub
  documents accounts for it, in the newest 35 days. Backfill the day: the two may have been fetched while GitHub changed them.
severity: warn
*/
select scope, day, rule, is_first_larger, difference_band
from quality.reconciliation
where kind <> 'order' and not is_explained and day > (select max(as_of) from raw.expected_reports) - 36
order by day desc, scope, rule
