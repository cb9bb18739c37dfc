/*
description: |
  Fails when a team of ten people or more is in reports before and after a day and not in the one of that day: neither
  the threshold nor a deletion explains it. Looks at the newest 35 days.
*/
select scope, team_slug, day, evidence, remedy
from quality.team_day_status
where status = 'left_out' and day > (select max(as_of) from raw.expected_reports) - 36
order by day desc, scope, team_slug
