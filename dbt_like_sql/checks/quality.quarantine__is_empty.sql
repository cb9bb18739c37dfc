/*
description: |
  Warns while records of the newest 35 days are left out because they break the contract of their report. The fault says which rule; backfill
  the day again, and when the record comes back the same, tell GitHub Support.
severity: warn
*/
select scope, report, day, place, fault, fetched_at
from quality.quarantine
where day > (select max(as_of) from raw.expected_reports) - 36
order by day desc, scope, report, place
