/*
description: |
  One row per scope: what kind it is, and which other scope contains it. Numbers of a scope count in the one that contains
  it, and a person of two organisations counts in both: never add up rows of several scopes. To speak of the whole
  company take its enterprise; without one, organisations side by side.
*/
with scopes as (
    select
        scope,
        split_part(scope, ':', 1) as kind,
        split_part(split_part(scope, ':', 2), '/', 1) as owner,
        max(as_of) as as_of
    from raw.expected_reports
    group by scope
),

-- GitHub tells with every day which enterprise an organisation is of: the last word counts
enterprises as (
    select scope, arg_max(enterprise_id, day) as enterprise_id
    from flat.entity_daily
    group by scope
)

select
    s.scope, -- organisation, enterprise or team, as in all tables  #not_null #unique(scope)
    s.kind, -- what it is  #not_null #accepted(org, enterprise, team, enterprise-team)
    coalesce(o.scope, e.scope) as contained_in, -- the scope of this warehouse that contains it: a team's organisation or enterprise, an organisation's enterprise; null where none is known, though there may be one
    contained_in is null as is_outermost, -- whether no scope of this warehouse contains it  #not_null
    i.enterprise_id, -- GitHub's id of the enterprise that it is or is of; null where no report told
    s.as_of as last_asked_day -- UTC day as of which it was last asked about  #not_null
from scopes as s
left join enterprises as i on i.scope = s.scope
left join scopes as o
    on s.kind in ('team', 'enterprise-team') and o.owner = s.owner
    and o.kind = if(s.kind = 'team', 'org', 'enterprise')
left join enterprises as p on s.kind = 'org' and p.enterprise_id = i.enterprise_id and p.scope like 'enterprise:%'
left join scopes as e on e.scope = p.scope
order by s.scope
