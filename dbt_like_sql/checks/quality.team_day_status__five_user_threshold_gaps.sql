/*
description: |
  Warns of teams that are missing from the newest 28 days because GitHub leaves out those with fewer than five seated
  people, surely or probably.
severity: warn
*/
select
    scope,
    team_slug,
    status,
    count(*) as days,
    min(day) as first_day,
    max(day) as last_day,
    arg_max(evidence, day) as evidence
from quality.team_day_status
where coverage = 'below_threshold' and day > (select max(as_of) from raw.expected_reports) - 29
group by scope, team_id, team_slug, status
order by last_day desc, scope, team_slug
