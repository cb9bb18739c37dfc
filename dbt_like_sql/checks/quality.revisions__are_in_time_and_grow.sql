/*
description: |
  Warns when GitHub changed a day after it should have been final, or took records away from one, in the last 30 days.
severity: warn
*/
select scope, report, day, seen_at, is_late, is_shrinking, old_records, records, numbers_moved
from quality.revisions
where seen_at > (select max(as_of) from raw.expected_reports) - interval 30 days and (is_late or is_shrinking)
order by seen_at desc
