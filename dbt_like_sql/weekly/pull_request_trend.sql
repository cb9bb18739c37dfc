/*
description: |
  One row per scope and ISO week: pull requests and reviews, and Copilot's part in them.
  Shares are sums over sums. GitHub tells medians of minutes to merge a day at a time, and a week's median does not follow
  from them: here is their mean, each day weighed by the pull requests merged on it. Pull requests of organisations are
  not deduplicated across organisations: never add them up.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, days_reported, is_closed, total_created, total_created_by_copilot,
  created_by_copilot_share, reviewed_by_copilot_share, total_created_change, avg_daily_median_minutes_to_merge]
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
        sum(total_copilot_applied_suggestions) as total_copilot_applied_suggestions,
        count(*) filter (median_minutes_to_merge is not null and total_merged > 0) as days_with_minutes,
        -- a day without its median or without its merges is in neither sum
        sum(median_minutes_to_merge * total_merged)
        / nullif(sum(total_merged) filter (median_minutes_to_merge is not null), 0) as minutes,
        sum(median_minutes_to_merge_copilot_authored * total_merged_created_by_copilot) / nullif(
            sum(total_merged_created_by_copilot) filter (median_minutes_to_merge_copilot_authored is not null), 0
        ) as minutes_authored,
        sum(median_minutes_to_merge_copilot_reviewed * total_merged_reviewed_by_copilot) / nullif(
            sum(total_merged_reviewed_by_copilot) filter (median_minutes_to_merge_copilot_reviewed is not null), 0
        ) as minutes_reviewed
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
        coalesce(p.days_with_minutes, 0) as days_with_minutes,
        p.* exclude (scope, week_start, days_told, days_with_minutes),
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
    days_with_minutes::bigint as days_with_minutes_to_merge_told, -- days that tell merges and their median minutes from opening to merge; the others have no part in the mean of them  #range(0, 7)
    minutes::double as avg_daily_median_minutes_to_merge, -- minutes from opening to merge: mean of the days' medians, each weighed by the pull requests merged that day; no median of the week; null where no day tells both  #range(0,)
    minutes_authored::double as avg_daily_median_minutes_to_merge_copilot_authored, -- likewise of pull requests that Copilot opened, weighed by these  #range(0,)
    minutes_reviewed::double as avg_daily_median_minutes_to_merge_copilot_reviewed, -- likewise of pull requests that Copilot reviewed, weighed by these  #range(0,)
    total_suggestions::bigint as total_suggestions, -- review suggestions, by anybody
    total_applied_suggestions::bigint as total_applied_suggestions, -- review suggestions applied, by anybody
    total_copilot_suggestions::bigint as total_copilot_suggestions, -- review suggestions by Copilot
    total_copilot_applied_suggestions::bigint as total_copilot_applied_suggestions, -- suggestions by Copilot applied in the week, also those made before: their share may exceed 1
    (total_copilot_applied_suggestions / nullif(total_copilot_suggestions, 0))::double as copilot_suggestions_applied_share -- suggestions by Copilot applied per suggestion made
from compared
order by scope, week_start
