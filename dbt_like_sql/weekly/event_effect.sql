/*
description: |
  One row per event of yours (events.csv) and distance of one to four weeks: the week that long before the event's week
  and the week that long after it, side by side. Two things that happened one after the other, no claim that one caused
  the other: look at the coverage of both weeks and at what GitHub changed between them.
*/
with events as (
    select
        e.*,
        date_trunc('week', e.day)::date as week_start,
        unnest([1, 2, 3, 4]) as window_no
    from raw.events as e
),

weeks as (
    select
        scope,
        null as team_slug,
        week_start,
        days_expected,
        days_reported,
        user_days_reported,
        is_closed,
        false as is_suppressed,
        active_people,
        user_initiated_interaction_count,
        code_generation_activity_count,
        code_acceptance_activity_count,
        loc_added_sum
    from weekly.user_trend
    union all
    select
        scope,
        team_slug,
        week_start,
        days_expected,
        days_reported,
        user_days_reported,
        is_closed,
        is_suppressed,
        active_people,
        user_initiated_interaction_count,
        code_generation_activity_count,
        code_acceptance_activity_count,
        loc_added_sum
    from weekly.team_trend
    where team_slug is not null
    -- a slug may go over to another team: the week belongs to the one that was told of on more days
    qualify row_number() over (
        partition by scope, team_slug, week_start
        order by days_reported desc, team_id desc
    ) = 1
)

select
    e.day, -- UTC day of the event  #not_null #unique(day, scope, team_slug, what, window_no)
    e.scope, -- whom it was for: organisation or enterprise  #not_null
    e.team_slug, -- the team it was for; null when it was for the whole scope
    e.what, -- what it was, in your words  #not_null
    e.week_start, -- Monday of its ISO week, UTC, which is in neither of the two  #not_null
    e.window_no::bigint as window_no, -- how many weeks before and after  #not_null #range(1, 4)
    (e.week_start - 7 * e.window_no)::date as week_before, -- Monday of the week before, UTC  #not_null
    (e.week_start + 7 * e.window_no)::date as week_after, -- Monday of the week after, UTC  #not_null
    b.days_expected as days_expected_before, -- days of the week before that GitHub could have reported; null where the week is not in the history
    b.days_reported as days_reported_before, -- of these, days that it reported
    a.days_expected as days_expected_after, -- the same of the week after
    a.days_reported as days_reported_after, -- the same of the week after
    b.user_days_reported as user_days_reported_before, -- days of the week before with a report of people, from which people are counted
    a.user_days_reported as user_days_reported_after, -- the same of the week after
    coalesce(b.is_closed and a.is_closed, false) as are_closed, -- whether GitHub's time for revisions is over for both  #not_null
    coalesce(b.is_suppressed or a.is_suppressed, false) as is_suppressed, -- whether numbers of one of the weeks are withheld: too few people, or nothing is known of the team  #not_null
    (
        select string_agg(s.day || ': ' || s.what, '; ' order by s.day, s.what)
        from quality.series_break as s
        -- a break on the first day of the week before lies before both weeks
        where s.kind <> 'start' and s.day > e.week_start - 7 * e.window_no and s.day <= e.week_start + 7 * e.window_no + 6
    ) as series_breaks, -- what GitHub changed, mended or told wrong from one week to the other: a difference may be that alone
    b.active_people as active_people_before, -- distinct people active in the week before
    a.active_people as active_people_after, -- the same in the week after
    b.user_initiated_interaction_count as user_initiated_interaction_count_before, -- prompts sent in the week before
    a.user_initiated_interaction_count as user_initiated_interaction_count_after, -- the same in the week after
    b.code_generation_activity_count as code_generation_activity_count_before, -- outputs of Copilot in the week before (events)
    a.code_generation_activity_count as code_generation_activity_count_after, -- the same in the week after
    b.code_acceptance_activity_count as code_acceptance_activity_count_before, -- outputs accepted in the week before (events)
    a.code_acceptance_activity_count as code_acceptance_activity_count_after, -- the same in the week after
    b.loc_added_sum as loc_added_sum_before, -- lines added in the week before
    a.loc_added_sum as loc_added_sum_after -- the same in the week after
from events as e
left join weeks as b
    on b.scope = e.scope and b.team_slug is not distinct from e.team_slug
    and b.week_start = e.week_start - 7 * e.window_no
left join weeks as a
    on a.scope = e.scope and a.team_slug is not distinct from e.team_slug
    and a.week_start = e.week_start + 7 * e.window_no
order by e.day, e.scope, e.team_slug, e.what, e.window_no
