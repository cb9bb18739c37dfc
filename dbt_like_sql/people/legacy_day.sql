/*
description: |
  One row per scope and UTC day of the legacy metrics, with its people as they may be told: of an organisation or
  enterprise as GitHub tells them, of a team, which is a part of it, to the nearest multiple of COPILOT_MIN_COHORT and
  null where they are fewer (docs/privacy.md). The weekly tables of the legacy metrics count these rows.
*/
with people as (
    select
        l.scope,
        l.day,
        l.total_active_users,
        l.total_engaged_users,
        s.min_cohort,
        l.scope not like 'org:%' and l.scope not like 'enterprise:%' as is_team
    from flat.legacy_daily as l
    left join raw.settings as s on true
)

select
    scope, -- organisation, enterprise or team  #not_null #unique(scope, day)
    day, -- UTC day  #not_null
    case
        when not is_team or total_active_users = 0 then total_active_users
        when total_active_users >= min_cohort then round(total_active_users / min_cohort) * min_cohort
    end::bigint as total_active_users, -- people active that day; null where they are too few
    case
        when not is_team or total_engaged_users = 0 then total_engaged_users
        when total_engaged_users >= min_cohort then round(total_engaged_users / min_cohort) * min_cohort
    end::bigint as total_engaged_users, -- people engaged that day; likewise
    is_team and (
        (total_active_users > 0 and (total_active_users >= min_cohort) is not true)
        or (total_engaged_users > 0 and (total_engaged_users >= min_cohort) is not true)
    ) is true as is_suppressed -- whether one of the two is withheld: it is of fewer than COPILOT_MIN_COHORT people  #not_null
from people
order by scope, day
