/*
description: |
  One row per event of yours (events.csv) and distance of one to four weeks: the week that long before the event's week
  and the week that long after it, side by side. Two things that happened one after the other, no claim that one caused
  the other: look at what GitHub changed between them.
  Numbers are of those weekdays alone that both weeks reported, and null where these are fewer than four. Those of a
  team are told for whole weeks only: they are null unless the two weeks told of the team on the same weekdays.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [day, scope, team_slug, what, window_no, are_closed, is_suppressed, active_people_before,
  active_people_after, series_breaks]
*/
with windows as (
    select
        *,
        date_trunc('week', day)::date as week_start,
        unnest([1, 2, 3, 4]) as window_no,
        (week_start - 7 * window_no)::date as week_before,
        (week_start + 7 * window_no)::date as week_after
    from raw.events
),

weeks as (
    select scope, null as team_slug, null as team_id, week_start, days_expected, days_reported, user_days_reported, is_closed
    from weekly.user_trend
    union all
    select scope, team_slug, team_id, week_start, days_expected, days_reported, user_days_reported, is_closed
    from weekly.team_trend
    where team_slug is not null
    -- a slug may go over to another team: the week belongs to the one that was told of on more days
    qualify row_number() over (
        partition by scope, team_slug, week_start
        order by days_reported desc, team_id desc
    ) = 1
),

pairs as (
    select
        e.*,
        b.team_id as team_before,
        a.team_id as team_after,
        b.days_expected as days_expected_before,
        b.days_reported as days_reported_before,
        a.days_expected as days_expected_after,
        a.days_reported as days_reported_after,
        b.user_days_reported as user_days_reported_before,
        a.user_days_reported as user_days_reported_after,
        coalesce(b.is_closed and a.is_closed, false) as are_closed
    from windows as e
    left join weeks as b
        on b.scope = e.scope and b.team_slug is not distinct from e.team_slug and b.week_start = e.week_before
    left join weeks as a
        on a.scope = e.scope and a.team_slug is not distinct from e.team_slug and a.week_start = e.week_after
),

reported as (
    select scope, day, if(report = 'users-1-day', 'people', 'scope') as kind
    from quality.day_status
    where report in ('organization-1-day', 'enterprise-1-day', 'users-1-day') and coverage = 'reported'
),

-- the days before, each with the same weekday after, where both were reported
days as (
    select p.scope, p.week_start, p.window_no, b.kind, b.day as day_before, a.day as day_after
    from (select distinct scope, week_start, window_no, week_before from pairs) as p
    join reported as b on b.scope = p.scope and b.day between p.week_before and p.week_before + 6
    join reported as a on a.scope = b.scope and a.kind = b.kind and a.day = b.day + 14 * p.window_no
),

-- a number that one of the two days does not tell is left out on both sides
totals as (
    select
        d.scope,
        d.week_start,
        d.window_no,
        count(*) as days_compared,
        sum(b.user_initiated_interaction_count) filter (a.user_initiated_interaction_count is not null) as interactions_before,
        sum(a.user_initiated_interaction_count) filter (b.user_initiated_interaction_count is not null) as interactions_after,
        sum(b.code_generation_activity_count) filter (a.code_generation_activity_count is not null) as generations_before,
        sum(a.code_generation_activity_count) filter (b.code_generation_activity_count is not null) as generations_after,
        sum(b.code_acceptance_activity_count) filter (a.code_acceptance_activity_count is not null) as acceptances_before,
        sum(a.code_acceptance_activity_count) filter (b.code_acceptance_activity_count is not null) as acceptances_after,
        sum(b.loc_added_sum) filter (a.loc_added_sum is not null) as lines_before,
        sum(a.loc_added_sum) filter (b.loc_added_sum is not null) as lines_after
    from days as d
    left join flat.entity_daily as b on b.scope = d.scope and b.day = d.day_before
    left join flat.entity_daily as a on a.scope = d.scope and a.day = d.day_after
    where d.kind = 'scope'
    group by d.scope, d.week_start, d.window_no
),

people as (
    select
        d.scope,
        d.week_start,
        d.window_no,
        count(distinct d.day_before) as days_compared,
        count(distinct u.user_id) filter (u.day = d.day_before) as people_before,
        count(distinct u.user_id) filter (u.day = d.day_after) as people_after
    from days as d
    left join flat.user_daily as u on u.scope = d.scope and u.day in (d.day_before, d.day_after)
    where d.kind = 'people'
    group by d.scope, d.week_start, d.window_no
),

-- the weekdays on which a team and what its members did were both told of
team_days as (
    select
        t.scope,
        t.team_id,
        date_trunc('week', t.day)::date as week_start,
        list(isodow(t.day) order by t.day) as weekdays
    from quality.team_day_status as t
    join reported as r on r.scope = t.scope and r.day = t.day and r.kind = 'people'
    semi join (
        select scope, unnest([team_before, team_after]) as team_id
        from pairs
        where team_slug is not null
    ) as p on p.scope = t.scope and p.team_id = t.team_id
    where t.coverage = 'reported'
    group by t.scope, t.team_id, date_trunc('week', t.day)
),

told as (
    select
        p.*,
        s.days_compared,
        u.days_compared as user_days_compared,
        false as is_suppressed,
        -- beside the people of the whole week, those of some of its days would tell of the few who came on the others
        case
            when u.days_compared = p.user_days_reported_before or u.people_before = 0 then u.people_before
            when u.people_before >= g.min_cohort then round(u.people_before / g.min_cohort) * g.min_cohort
        end as people_before,
        case
            when u.days_compared = p.user_days_reported_after or u.people_after = 0 then u.people_after
            when u.people_after >= g.min_cohort then round(u.people_after / g.min_cohort) * g.min_cohort
        end as people_after,
        s.* exclude (scope, week_start, window_no, days_compared)
    from pairs as p
    left join totals as s using (scope, week_start, window_no)
    left join people as u using (scope, week_start, window_no)
    left join raw.settings as g on true
    where p.team_slug is null
    union all by name
    select
        p.*,
        if(d.weekdays = f.weekdays, len(d.weekdays), 0) as days_compared,
        if(d.weekdays = f.weekdays, len(d.weekdays), 0) as user_days_compared,
        coalesce(b.is_suppressed or a.is_suppressed, true) as is_suppressed,
        b.active_people as people_before,
        a.active_people as people_after,
        b.user_initiated_interaction_count as interactions_before,
        a.user_initiated_interaction_count as interactions_after,
        b.code_generation_activity_count as generations_before,
        a.code_generation_activity_count as generations_after,
        b.code_acceptance_activity_count as acceptances_before,
        a.code_acceptance_activity_count as acceptances_after,
        b.loc_added_sum as lines_before,
        a.loc_added_sum as lines_after
    from pairs as p
    left join weekly.team_trend as b
        on b.scope = p.scope and b.team_id = p.team_before and b.week_start = p.week_before
    left join weekly.team_trend as a
        on a.scope = p.scope and a.team_id = p.team_after and a.week_start = p.week_after
    left join team_days as d on d.scope = p.scope and d.team_id = p.team_before and d.week_start = p.week_before
    left join team_days as f on f.scope = p.scope and f.team_id = p.team_after and f.week_start = p.week_after
    where p.team_slug is not null
)

select
    day, -- UTC day of the event  #not_null #unique(day, scope, team_slug, what, window_no)
    scope, -- whom it was for: organisation or enterprise  #not_null
    team_slug, -- the team it was for; null when it was for the whole scope
    what, -- what it was, in your words  #not_null
    week_start, -- Monday of its ISO week, UTC, which is in neither of the two  #not_null
    window_no::bigint as window_no, -- how many weeks before and after  #not_null #range(1, 4)
    week_before, -- Monday of the week before, UTC  #not_null
    week_after, -- Monday of the week after, UTC  #not_null
    days_expected_before, -- days of the week before that GitHub could have reported; null where the week is not in the history
    days_reported_before, -- of these, days that it reported
    days_expected_after, -- the same of the week after
    days_reported_after, -- the same of the week after
    user_days_reported_before, -- days of the week before with a report of people, from which people are counted
    user_days_reported_after, -- the same of the week after
    coalesce(days_compared, 0)::bigint as days_compared, -- weekdays that both weeks reported: the numbers below are of these days alone  #not_null #range(0, 7)
    coalesce(user_days_compared, 0)::bigint as user_days_compared, -- weekdays of which both weeks have a report of people: active people are of these  #not_null #range(0, 7)
    are_closed, -- whether GitHub's time for revisions is over for both, and all their days were asked for since  #not_null
    is_suppressed, -- whether numbers of one of the weeks are withheld: too few people, or nothing is known of the team  #not_null
    (
        select string_agg(s.day || ': ' || s.what, '; ' order by s.day, s.what)
        from quality.series_break as s
        -- a break on the first day of the week before lies before both weeks
        where s.kind <> 'start' and s.day > t.week_before and s.day <= t.week_after + 6
            and (s.moves_active_users or s.moves_activity)
    ) as series_breaks, -- what GitHub changed, mended or told wrong of these numbers from one week to the other: a difference may be that alone
    if(user_days_compared >= 4, people_before, null)::bigint as active_people_before, -- distinct people active on those days of the week before; to the nearest multiple of COPILOT_MIN_COHORT where it has others too, and null where they are fewer; of a team as its trend tells them
    if(user_days_compared >= 4, people_after, null)::bigint as active_people_after, -- the same of the week after
    if(days_compared >= 4, interactions_before, null)::bigint as user_initiated_interaction_count_before, -- prompts sent on those days of the week before
    if(days_compared >= 4, interactions_after, null)::bigint as user_initiated_interaction_count_after, -- the same of the week after
    if(days_compared >= 4, generations_before, null)::bigint as code_generation_activity_count_before, -- outputs of Copilot on those days of the week before (events)
    if(days_compared >= 4, generations_after, null)::bigint as code_generation_activity_count_after, -- the same of the week after
    if(days_compared >= 4, acceptances_before, null)::bigint as code_acceptance_activity_count_before, -- outputs accepted on those days of the week before (events)
    if(days_compared >= 4, acceptances_after, null)::bigint as code_acceptance_activity_count_after, -- the same of the week after
    if(days_compared >= 4, lines_before, null)::bigint as loc_added_sum_before, -- lines added on those days of the week before
    if(days_compared >= 4, lines_after, null)::bigint as loc_added_sum_after -- the same of the week after
from told as t
order by day, scope, team_slug, what, window_no
