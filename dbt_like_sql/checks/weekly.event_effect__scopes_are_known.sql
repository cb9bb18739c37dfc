/*
description: |
  Warns when an event of yours is for a scope that nothing was ever asked about: its name may be misspelt in events.csv.
severity: warn
*/
select day, scope, team_slug, what
from raw.events
where scope not in (select scope from raw.expected_reports)
order by day, scope
