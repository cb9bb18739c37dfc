/*
description: |
  One row per scope (organisation or enterprise) and ISO week: how many people use Copilot, how often and how much, who
  is new and who left, and the same people as GitHub counts them.
  Active people are distinct people of the per-user report, never sums of days. A week without a report has nulls.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, user_days_reported, is_closed, active_people, active_people_change, new_people,
  lapsed_people, completion_acceptance_rate, series_break]
incremental: week_start
*/
with coverage as (
    select *
    from quality.weekly_coverage
    where source = 'entity-1-day' and days_expected > 0
        and week_start >= coalesce(getvariable('since'), date '0001-01-01')
),

totals as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        sum(daily_active_users) as active_user_days,
        avg(daily_active_users) as avg_daily_active_users,
        avg(daily_active_users) filter (isodow(day) <= 5) as avg_workday_active_users,
        count(*) filter (isodow(day) <= 5) as workdays_reported,
        sum(user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_added_sum) as loc_added_sum,
        sum(loc_deleted_sum) as loc_deleted_sum,
        max(day) as last_day
    from flat.entity_daily
    where day >= coalesce(getvariable('since'), date '0001-01-01')
        and (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day)
),

people as (
    select scope, week_start, count(*) as active_people
    from people.user_week
    where week_start >= coalesce(getvariable('since'), date '0001-01-01')
    group by scope, week_start
),

-- groups of people, rounded or withheld
told as (
    select
        scope,
        week_start,
        bool_or(part = 'of_28_days') as has_people_of_28_days,
        max(people_shown) filter (part = 'active') as active,
        max(people_shown) filter (part = 'engaged') as engaged,
        max(people_shown) filter (part = 'new') as new,
        max(people_shown) filter (part = 'returning') as returning,
        max(people_shown) filter (part = 'lapsed') as lapsed,
        max(people_shown) filter (part = 'active_1_day') as active_1_day,
        max(people_shown) filter (part = 'active_2_days') as active_2_days,
        max(people_shown) filter (part = 'active_3_days') as active_3_days,
        max(people_shown) filter (part = 'active_4_days') as active_4_days,
        max(people_shown) filter (part = 'active_5_days') as active_5_days,
        max(people_shown) filter (part = 'of_7_days') as of_7_days,
        max(people_shown) filter (part = 'of_28_days') as of_28_days,
        max(people_shown) filter (part = 'chat_of_28_days') as chat_of_28_days,
        max(people_shown) filter (part = 'agent_of_28_days') as agent_of_28_days,
        max(people_shown) filter (part = 'weekly_active_users') as weekly_active_users,
        max(people_shown) filter (part = 'monthly_active_users') as monthly_active_users,
        max(people_shown) filter (part = 'monthly_active_chat_users') as monthly_active_chat_users,
        max(people_shown) filter (part = 'monthly_active_agent_users') as monthly_active_agent_users
    from people.weekly_part
    where breakdown = 'people'
    group by scope, week_start
),

-- on a week's only day with people they are those whom GitHub counts that day, but for a few: these would follow
single_days as (
    select u.scope, u.week_start
    from (
        select scope, week_start, max(last_day) as day, count(*) as people
        from people.user_week
        where week_start >= coalesce(getvariable('since'), date '0001-01-01')
        group by scope, week_start
        having bit_count(bit_or(weekdays_active)) = 1
    ) as u
    join flat.entity_daily as e on e.scope = u.scope and e.day = u.day
    where abs(e.daily_active_users - u.people) between 1 and (select min_cohort from raw.settings) - 1
),

trailing_days as (
    select
        e.scope,
        e.week_start,
        count(s.day) filter (s.day > e.last_day - 7) as user_days_reported_7_days,
        count(s.day) as user_days_reported_28_days
    from totals as e
    left join quality.day_status as s
        on s.scope = e.scope and s.day > e.last_day - 28 and s.day <= e.last_day
        and s.report = 'users-1-day' and s.coverage = 'reported'
    group by e.scope, e.week_start
),

weeks as (
    select
        c.*,
        c.days_expected = 7 and c.days_pending = 0 as is_over,
        -- a week whose reported days have no rows had nobody; a week without a reported day is unknown
        case
            when c.user_days_reported = 0 then null
            when p.scope is null then 0
            when o.scope is not null then r.active
            else p.active_people
        end as active_people,
        c.user_days_reported > 0 and p.scope is null as had_nobody,
        if(had_nobody, 0, if(c.user_days_reported > 0, r.engaged, null)) as engaged_people,
        if(had_nobody, 0, if(c.user_days_reported > 0, r.active_1_day, null)) as people_1_day,
        if(had_nobody, 0, if(c.user_days_reported > 0, r.active_2_days, null)) as people_2_days,
        if(had_nobody, 0, if(c.user_days_reported > 0, r.active_3_days, null)) as people_3_days,
        if(had_nobody, 0, if(c.user_days_reported > 0, r.active_4_days, null)) as people_4_days,
        if(had_nobody, 0, if(c.user_days_reported > 0, r.active_5_days, null)) as people_5_days,
        if(had_nobody, 0, r.new) as new_people,
        if(had_nobody, 0, r.returning) as returning_people,
        if(r.scope is null, 0, r.lapsed) as lapsed_people,
        t.* exclude (scope, week_start),
        d.user_days_reported_28_days,
        if(d.user_days_reported_7_days > 0, if(r.has_people_of_28_days, r.of_7_days, 0), null) as people_7_days,
        if(d.user_days_reported_28_days > 0, if(r.has_people_of_28_days, r.of_28_days, 0), null) as people_28_days,
        -- nobody at all, or a flag that the reports did not have yet: the first is zero, the second unknown
        if(d.user_days_reported_28_days > 0 and r.has_people_of_28_days is not true, 0, r.chat_of_28_days) as chat_people_28_days,
        if(d.user_days_reported_28_days > 0 and r.has_people_of_28_days is not true, 0, r.agent_of_28_days) as agent_people_28_days,
        r.weekly_active_users,
        r.monthly_active_users,
        r.monthly_active_chat_users,
        r.monthly_active_agent_users,
        u.is_suppressed as hides_completions,
        u.people_shown as completion_people,
        u.code_generation_activity_count as generations,
        u.code_acceptance_activity_count as acceptances,
        g.min_cohort
    from coverage as c
    left join raw.settings as g on true
    left join totals as t using (scope, week_start)
    left join people as p using (scope, week_start)
    left join told as r using (scope, week_start)
    left join single_days as o using (scope, week_start)
    left join trailing_days as d using (scope, week_start)
    left join people.weekly_part as u
        on u.scope = c.scope and u.week_start = c.week_start and u.breakdown = 'feature' and u.part = 'code_completion'
),

-- every day against the same weekday of the week before, where both are told
day_changes as (
    select
        c.scope,
        c.week_start,
        avg(e.daily_active_users - b.daily_active_users) as avg_daily_active_users_change
    from coverage as c
    join flat.entity_daily as e on e.scope = c.scope and date_trunc('week', e.day) = c.week_start
    join flat.entity_daily as b on b.scope = e.scope and b.day = e.day - 7
    where c.days_compared >= 4
    group by c.scope, c.week_start
    having count(e.daily_active_users - b.daily_active_users) >= 4
),

people_changes as (
    select
        c.scope,
        c.week_start,
        count(u.user_id) filter (c.days_before = 0) as people,
        count(u.user_id) filter (c.days_before = 7) as people_before,
        any_value(g.min_cohort) as multiple,
        case when people = 0 or people >= multiple then round(people / multiple) * multiple end as told,
        case when people_before = 0 or people_before >= multiple then round(people_before / multiple) * multiple end as told_before,
        -- beside the people of whole weeks, those of some of their days would tell of the few who came on the others
        if(
            any_value(c.user_days_compared) = 7,
            people - people_before,
            told - told_before
        ) as active_people_change
    from (select *, unnest([0, 7]) as days_before from coverage where user_days_compared >= 4) as c
    left join raw.settings as g on true
    left join people.user_week as u
        on u.scope = c.scope and u.week_start = c.week_start - c.days_before
        and u.week_start >= coalesce(getvariable('since'), date '0001-01-08') - 7
        and (u.weekdays_active & c.user_weekdays_compared) <> 0
    group by c.scope, c.week_start
),

compared as (
    select
        w.*,
        d.avg_daily_active_users_change,
        p.active_people_change,
        (
            select string_agg(b.day || ': ' || b.what, '; ' order by b.day)
            from quality.series_break as b
            where b.day between w.week_start and w.week_start + 6 and (b.moves_active_users or b.moves_activity)
        ) as breaks,
        -- a break on the first day of the week before lies before both weeks
        not exists (
            select 1
            from quality.series_break as b
            where b.moves_active_users and b.day > w.week_start - 7 and b.day <= w.week_start + 6
        ) as has_same_meaning,
        -- somebody who was there on a missing day alone would be told as new, back or gone
        coalesce(w.user_days_compared = 7, false) as is_told_of_all_days
    from weeks as w
    left join day_changes as d using (scope, week_start)
    left join people_changes as p using (scope, week_start)
)

select
    scope, -- organisation or enterprise  #not_null #unique(scope, week_start)
    week_start, -- Monday of the ISO week, UTC  #not_null
    days_expected, -- closed days of the week that GitHub could have reported  #range(1, 7)
    days_reported, -- of these, days with a report about the scope  #range(0, 7)
    days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    user_days_reported, -- days with a report of people  #range(0, 7)
    active_people::bigint as active_people, -- distinct people with a row in the per-user report; null when no day of it was reported, and told as the groups below are where a single day has people, fewer than COPILOT_MIN_COHORT more or less than GitHub counts that day
    if(engaged_people > active_people, active_people, engaged_people)::bigint as engaged_people, -- of these, people with an action of their own on a day, to the nearest multiple of COPILOT_MIN_COHORT, as all groups of people below, and of the active ones never to more than these; null where they are fewer, or none: it would follow how many the others are
    case
        when had_nobody then 0
        when min_cohort = 1 or active_people - engaged_people >= min_cohort then active_people - engaged_people
    end::bigint as passive_people, -- of the active people, those who are in the report for a passive code review alone, which GitHub calls no active engagement: active less engaged people, both as told; null where that is less than COPILOT_MIN_COHORT
    if(has_same_meaning and is_told_of_all_days, if(new_people > active_people, active_people, new_people), null)::bigint as new_people, -- of the active people, people in no earlier report of this warehouse; null unless this week and the one before are closed and have a report of people for all their seven days, and no break moves them
    if(has_same_meaning and is_told_of_all_days, if(returning_people > active_people, active_people, returning_people), null)::bigint as returning_people, -- of the active people, people who were away the week before, and active earlier; null likewise
    if(has_same_meaning and is_told_of_all_days, lapsed_people, null)::bigint as lapsed_people, -- people active the week before and not in this one; null likewise
    user_days_reported_28_days_before < 28 as may_have_begun_before, -- whether the 28 days before the week are not all told of people, at the beginning of the history or after a hole: people told as new may have begun before  #not_null
    if(people_1_day > active_people, active_people, people_1_day)::bigint as people_active_1_day, -- of the active people, people with rows on one day of the week
    if(people_2_days > active_people, active_people, people_2_days)::bigint as people_active_2_days, -- on two days
    if(people_3_days > active_people, active_people, people_3_days)::bigint as people_active_3_days, -- on three days
    if(people_4_days > active_people, active_people, people_4_days)::bigint as people_active_4_days, -- on four days
    if(people_5_days > active_people, active_people, people_5_days)::bigint as people_active_5_or_more_days, -- on five days or more
    active_user_days::bigint as active_user_days, -- daily active users, added over the reported days (person-days, not people)
    if(is_over, avg_daily_active_users, null)::double as avg_daily_active_users, -- daily active users per reported day; null while days of the week are to come, or where the history begins within it, because weekdays differ
    coalesce(workdays_reported, 0)::bigint as workdays_reported, -- reported days from Monday to Friday  #range(0, 5)
    if(is_over, avg_workday_active_users, null)::double as avg_workday_active_users, -- daily active users per reported day from Monday to Friday: to be held against other weeks where days are missing; null likewise
    user_initiated_interaction_count::bigint as user_initiated_interaction_count, -- prompts sent
    code_generation_activity_count::bigint as code_generation_activity_count, -- outputs of Copilot (events)
    code_acceptance_activity_count::bigint as code_acceptance_activity_count, -- outputs accepted (events)
    loc_added_sum::bigint as loc_added_sum, -- lines added
    loc_deleted_sum::bigint as loc_deleted_sum, -- lines deleted
    last_day as last_day_reported, -- last day with a report about the scope, UTC: with it end the 7 and 28 days of the next columns
    user_days_reported_28_days::bigint as user_days_reported_28_days, -- of those 28 days, days with a report of people: with fewer, people are missing that GitHub counts  #range(0, 28)
    people_7_days::bigint as people_7_days, -- distinct people in the per-user reports of those 7 days; null when none of them was reported
    weekly_active_users::bigint as weekly_active_users, -- the same as GitHub counts it, told likewise
    people_28_days::bigint as people_28_days, -- distinct people in the per-user reports of those 28 days; null likewise
    monthly_active_users::bigint as monthly_active_users, -- the same as GitHub counts it; its month is 28 days
    chat_people_28_days::bigint as chat_people_28_days, -- of the people of 28 days, people flagged with IDE chat; null where the flag is told of nobody
    monthly_active_chat_users::bigint as monthly_active_chat_users, -- the same as GitHub counts it
    agent_people_28_days::bigint as agent_people_28_days, -- of the people of 28 days, people flagged with IDE agent mode; null likewise
    monthly_active_agent_users::bigint as monthly_active_agent_users, -- the same as GitHub counts it
    coalesce(hides_completions, false) as is_suppressed, -- whether completion_* are withheld: fewer than COPILOT_MIN_COHORT people are behind them, or nobody knows how many  #not_null
    if(completion_people > active_people, active_people, completion_people)::bigint as completion_people, -- distinct people with code completions in the per-user report, to the nearest multiple of COPILOT_MIN_COHORT
    generations::bigint as completion_generation_count, -- code completions shown (feature code_completion), rounded
    acceptances::bigint as completion_acceptance_count, -- code completions accepted, rounded
    if(generations > 0 and acceptances > generations, 1, acceptances / nullif(generations, 0))::double as completion_acceptance_rate, -- accepted per shown, both as told, code completions alone: agents would dilute it; null without completions
    breaks as series_break, -- what GitHub changed within the week that moves active users or activity, if anything
    user_days_compared, -- weekdays with a report of people in both this week and the one before; null unless both are whole and closed  #range(0, 7)
    if(has_same_meaning, active_people_change, null)::bigint as active_people_change, -- people active on those weekdays more than on the same weekdays of the week before, of fewer than seven weekdays in multiples of COPILOT_MIN_COHORT; null unless there are four, where on these fewer people were active and not none, and where a break moves them
    days_compared, -- weekdays with a report about the scope in both weeks; null likewise  #range(0, 7)
    if(has_same_meaning, avg_daily_active_users_change, null)::double as avg_daily_active_users_change -- daily active users more than the week before, per day of those weekdays; null likewise
from compared
order by scope, week_start
