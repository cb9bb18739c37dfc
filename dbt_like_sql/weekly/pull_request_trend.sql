/*
description: |
  One row per scope and ISO week: pull requests and reviews, and Copilot's part in them.
  Shares are sums over sums. GitHub tells medians of minutes to merge a day at a time; a week's median does not follow
  from them, so there is none here (flat.entity_pull_request_daily has the days). Pull requests of organisations are not
  deduplicated across organisations: never add them up.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, days_reported, is_closed, total_created, total_created_by_copilot,
  created_by_copilot_share, reviewed_by_copilot_share, total_created_change]
*/
with pull_requests as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        count(*) as days_told,
        sum(total_created) as total_created,
        sum(total_reviewed) as total_reviewed,
        sum(total_merged) as total_merged,
        sum(total_suggestions) as total_suggestions,
        sum(total_applied_suggestions) as total_applied_suggestions,
        sum(total_created_by_copilot) as total_created_by_copilot,
        sum(total_reviewed_by_copilot) as total_reviewed_by_copilot,
        sum(total_merged_created_by_copilot) as total_merged_created_by_copilot,
        sum(total_merged_reviewed_by_copilot) as total_merged_reviewed_by_copilot,
        sum(total_copilot_suggestions) as total_copilot_suggestions,
        sum(total_copilot_applied_suggestions) as total_copilot_applied_suggestions
    from flat.entity_pull_request_daily
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

-- every day against the same weekday of the week before, where both are told
changes as (
    select
        c.scope,
        c.week_start,
        count(*) as days_compared,
        if(count(*) >= 4, sum(p.total_created - b.total_created), null) as total_created_change,
        if(count(*) >= 4, sum(p.total_merged - b.total_merged), null) as total_merged_change
    from quality.weekly_coverage as c
    join flat.entity_pull_request_daily as p on p.scope = c.scope and date_trunc('week', p.day) = c.week_start
    join flat.entity_pull_request_daily as b on b.scope = p.scope and b.day = p.day - 7
    where c.source = 'entity-1-day' and c.follows_whole_week
    group by c.scope, c.week_start
),

compared as (
    select
        c.*,
        coalesce(p.days_told, 0) as days_told,
        p.* exclude (scope, week_start, days_told),
        if(c.follows_whole_week, coalesce(d.days_compared, 0), null) as days_with_pull_requests_compared,
        d.total_created_change,
        d.total_merged_change
    from quality.weekly_coverage as c
    left join pull_requests as p using (scope, week_start)
    left join changes as d using (scope, week_start)
    where c.source = 'entity-1-day' and c.days_expected > 0
)

select
    scope, -- organisation or enterprise  #not_null #unique(scope, week_start)
    week_start, -- Monday of the ISO week, UTC  #not_null
    days_expected, -- closed days of the week that GitHub could have reported  #range(1, 7)
    days_reported, -- of these, days that GitHub reported  #range(0, 7)
    days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    series_break, -- what GitHub changed, mended or told wrong within the week, if anything
    days_told::bigint as days_with_pull_requests_told, -- days whose report tells of pull requests; the others add nothing  #range(0, 7)
    total_created::bigint as total_created, -- pull requests opened
    days_with_pull_requests_compared::bigint as days_compared, -- weekdays whose reports of both this week and the one before tell of pull requests; null unless both weeks are whole and closed  #range(0, 7)
    total_created_change::bigint as total_created_change, -- opened on those weekdays more than on the same weekdays of the week before; null unless there are four
    total_reviewed::bigint as total_reviewed, -- pull requests reviewed, added over the days: one that is reviewed on several days counts on each
    total_merged::bigint as total_merged, -- pull requests merged
    total_merged_change::bigint as total_merged_change, -- merged, likewise
    total_created_by_copilot::bigint as total_created_by_copilot, -- pull requests that Copilot opened
    (total_created_by_copilot / nullif(total_created, 0))::double as created_by_copilot_share, -- of the pull requests opened, those that Copilot opened
    total_reviewed_by_copilot::bigint as total_reviewed_by_copilot, -- pull requests that Copilot reviewed, added over the days
    (total_reviewed_by_copilot / nullif(total_reviewed, 0))::double as reviewed_by_copilot_share, -- of the pull requests reviewed, those that Copilot reviewed
    total_merged_created_by_copilot::bigint as total_merged_created_by_copilot, -- merged pull requests that Copilot opened
    total_merged_reviewed_by_copilot::bigint as total_merged_reviewed_by_copilot, -- merged pull requests that Copilot reviewed
    (total_merged_created_by_copilot / nullif(total_merged, 0))::double as merged_created_by_copilot_share, -- of the pull requests merged, those that Copilot opened
    total_suggestions::bigint as total_suggestions, -- review suggestions, by anybody
    total_applied_suggestions::bigint as total_applied_suggestions, -- review suggestions applied, by anybody
    total_copilot_suggestions::bigint as total_copilot_suggestions, -- review suggestions by Copilot
    total_copilot_applied_suggestions::bigint as total_copilot_applied_suggestions, -- suggestions by Copilot applied in the week, also those made before: their share may exceed 1
    (total_copilot_applied_suggestions / nullif(total_copilot_suggestions, 0))::double as copilot_suggestions_applied_share -- suggestions by Copilot applied per suggestion made
from compared
order by scope, week_start
