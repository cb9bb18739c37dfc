/*
description: |
  One row per scope, team and stretch of UTC days on which no user-teams report has it: before the first that has it,
  between two, and after the last. Of few people at times, so never published: quality.team_day_status says why.
  Who was in the team then is told by the last report before, or the first one ever.
*/
with first_days as (
    select *, row_number() over (partition by scope, team_id order by day) as stretch
    from people.team_day as t
    anti join people.team_day as b on b.scope = t.scope and b.team_id = t.team_id and b.day = t.day - 1
),

last_days as (
    select *, row_number() over (partition by scope, team_id order by day) as stretch
    from people.team_day as t
    anti join people.team_day as a on a.scope = t.scope and a.team_id = t.team_id and a.day = t.day + 1
),

absences as (
    select 'before' as place, date '0001-01-01' as day, f.day - 1 as last_day, f.* exclude (day, stretch), f.day as known_on
    from first_days as f
    where f.stretch = 1
    union all by name
    select
        if(n.day is null, 'after', 'between') as place,
        l.day + 1 as day,
        n.day - 1 as last_day,
        l.* exclude (day, stretch),
        l.day as known_on
    from last_days as l
    left join first_days as n on n.scope = l.scope and n.team_id = l.team_id and n.stretch = l.stretch + 1
)

select
    a.scope, -- organisation or enterprise  #not_null #unique(scope, team_id, day)
    a.team_id, -- GitHub's id of the team  #not_null
    a.day::date as day, -- first UTC day of the stretch; of the one before the first report 0001-01-01  #not_null
    a.last_day::date as last_day, -- last UTC day of the stretch; null while it lasts
    a.place, -- where it lies: before the first report that has the team, between two, or after the last  #not_null #accepted(before, between, after)
    a.known_on, -- UTC day of the report that tells who was in the team  #not_null
    a.team_slug, -- slug of the team on that day
    a.people, -- people in the team on that day  #not_null
    e.threshold_people::bigint as threshold_people -- how many seated people a team needs for GitHub to report it
from absences as a
join raw.expected_reports as e on e.scope = a.scope and e.report = 'user-teams-1-day'
