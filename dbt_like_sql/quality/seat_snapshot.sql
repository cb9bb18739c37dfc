/*
description: |
  One row per scope and snapshot of seats: does the list that came hold as many people as GitHub says have a seat?
  GitHub counts people; an enterprise's list repeats a person for each organisation or team that grants the seat.
incremental: day
*/
with people as (
    select scope, day, count(*) as people
    from flat.seat
    where day >= coalesce(getvariable('since'), date '0001-01-01')
    group by all
),

grants as (
    select scope, day, count(*) as grants, count(*) filter (user_id is null) as grants_without_person
    from flat.seat_grant
    where day >= coalesce(getvariable('since'), date '0001-01-01')
    group by all
)

select
    f.scope, -- whom the snapshot is about  #not_null #unique(scope, day)
    f.day, -- UTC day on which it was taken  #not_null
    cast(f.headline ->> 'total_seats' as bigint) as total_seats, -- people with a seat, as GitHub says
    coalesce(p.people, 0)::bigint as people, -- different people in the list  #not_null
    coalesce(g.grants, 0)::bigint as grants, -- entries of the list; a person may have several  #not_null
    coalesce(g.grants_without_person, 0)::bigint as grants_without_person, -- entries whose holder is a team or an organisation, or is not named  #not_null
    (coalesce(p.people, 0) - cast(f.headline ->> 'total_seats' as bigint))::bigint as difference -- people less total_seats; null when GitHub told no total
from raw.current_fetches as f
left join people as p on p.scope = f.scope and p.day = f.day
left join grants as g on g.scope = f.scope and g.day = f.day
where f.report = 'copilot-seats' and f.outcome = 'reported' and f.day >= coalesce(getvariable('since'), date '0001-01-01')
order by f.scope, f.day
