/*
description: |
  One row per scope, team and UTC day on which the user-teams report has the team: how many people were in it. Of few
  people at times, so never published: quality.team_day_status says why a team is not in the report of a day.
incremental: day
*/
select
    scope, -- organisation or enterprise  #not_null #unique(scope, team_id, day)
    team_id, -- GitHub's id of the team  #not_null
    day, -- UTC day  #not_null
    max(team_slug) as team_slug, -- slug of the team on the day
    count(user_id)::bigint as people -- people in the report of the team  #not_null
from flat.user_team_daily
where team_id is not null and day >= coalesce(getvariable('since'), date '0001-01-01')
group by scope, team_id, day
