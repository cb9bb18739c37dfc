/*
description: |
  One row per scope, ISO week and adoption phase of GitHub's: how many people are in it and what they do.
  GitHub tells averages of the day's active people of a phase; here they are weighed by those people, never averaged
  again. GitHub tells phases since 2026-05-29, and all people of a phase since 2026-09-17.
*/
-- decimals, because a sum of them is the same in every order of the rows
with phases as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        phase_number,
        arg_max(phase, day) as phase,
        max(day) as last_day,
        arg_max(users_in_phase_28d, day) as users_in_phase_28d,
        sum(total_engaged_users) as days_active,
        sum((avg_user_initiated_interactions * total_engaged_users)::decimal(38, 6)) as interactions,
        sum(total_engaged_users) filter (avg_user_initiated_interactions is not null) as days_with_interactions,
        sum((avg_code_generation_activities * total_engaged_users)::decimal(38, 6)) as generations,
        sum(total_engaged_users) filter (avg_code_generation_activities is not null) as days_with_generations,
        sum((avg_code_acceptance_activities * total_engaged_users)::decimal(38, 6)) as acceptances,
        sum(total_engaged_users) filter (avg_code_acceptance_activities is not null) as days_with_acceptances,
        sum((avg_loc_added * total_engaged_users)::decimal(38, 6)) as lines_added,
        sum(total_engaged_users) filter (avg_loc_added is not null) as days_with_lines_added,
        sum((avg_pull_requests_created * total_engaged_users)::decimal(38, 6)) as pull_requests_created,
        sum(total_engaged_users) filter (avg_pull_requests_created is not null) as days_with_pull_requests_created,
        sum(total_pull_requests_merged) as total_pull_requests_merged
    from flat.entity_adoption_phase_daily
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day), phase_number
),

-- phases began in mid-week: that week tells of a part of it, and nothing can be held against it
starts as (
    select day
    from quality.series_break
    where kind = 'start' and contains(moved_columns, 'flat.user_daily.ai_adoption_phase')
)

select
    c.scope, -- organisation or enterprise  #not_null #unique(scope, week_start, phase_number)
    c.week_start, -- Monday of the ISO week, UTC  #not_null
    h.phase_number, -- GitHub's number of the phase: 0 No Cohort, 1 completions and edits, 2 one agent surface, 3 several  #not_null
    h.phase, -- the phase as GitHub names it; No Cohort is not the same as inactive
    c.days_expected, -- closed days of the week that GitHub could have reported  #range(1, 7)
    c.days_reported, -- of these, days that GitHub reported  #range(0, 7)
    c.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    c.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    c.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    c.user_days_reported, -- days with a report of people  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    c.series_break, -- what GitHub changed, mended or told wrong within the week, if anything
    coalesce(p.is_suppressed, true) as is_suppressed, -- whether the numbers are withheld: fewer than COPILOT_MIN_COHORT people are behind them, or behind a phase that would follow from them  #not_null
    p.people_shown as active_people, -- distinct people whom the per-user report has in the phase on a day of the week; who changes phase counts in both
    if(c.is_comparable and c.week_start - 7 >= (select max(day) from starts), p.people_change, null) as active_people_change, -- people more than the week before; null unless both weeks are whole and closed, tell the number, and no series break lies between
    h.last_day as last_day_reported, -- last day of the week with the phase, UTC
    if(p.is_suppressed is not false, null, h.users_in_phase_28d)::bigint as users_in_phase_28d, -- all people of the phase in the 28 days that end with the last day that tells them, as GitHub counts
    if(p.is_suppressed is not false, null, h.days_active)::bigint as days_active, -- the phase's active people, added over the days (person-days, not people)
    if(p.is_suppressed is not false, null, h.interactions / nullif(h.days_with_interactions, 0))::double as interactions_per_active_day, -- prompts per person and day of activity
    if(p.is_suppressed is not false, null, h.generations / nullif(h.days_with_generations, 0))::double as generations_per_active_day, -- outputs of Copilot per person and day of activity
    if(p.is_suppressed is not false, null, h.acceptances / nullif(h.days_with_acceptances, 0))::double as acceptances_per_active_day, -- outputs accepted per person and day of activity
    if(p.is_suppressed is not false, null, h.lines_added / nullif(h.days_with_lines_added, 0))::double as loc_added_per_active_day, -- lines added per person and day of activity
    if(p.is_suppressed is not false, null, h.pull_requests_created / nullif(h.days_with_pull_requests_created, 0))::double as pull_requests_created_per_active_day, -- pull requests opened per person and day of activity
    if(p.is_suppressed is not false, null, h.total_pull_requests_merged)::bigint as total_pull_requests_merged -- pull requests merged; since 2026-06-26
from phases as h
join quality.weekly_coverage as c on c.scope = h.scope and c.week_start = h.week_start and c.source = 'entity-1-day'
left join people.weekly_part as p
    on p.scope = h.scope and p.week_start = h.week_start and p.breakdown = 'adoption_phase'
    and p.part = h.phase_number::varchar
where c.days_expected > 0
order by c.scope, c.week_start, h.phase_number
