/*
description: |
  One row per scope, ISO week and adoption phase of GitHub's: how many people are in it and what they do.
  GitHub tells averages of the day's active people of a phase; here they are weighed by those people, never averaged
  again. GitHub tells phases since 2026-05-29, and all people of a phase since 2026-09-17.
  Numbers are rounded, and null where COPILOT_MIN_COHORT people or fewer have any: docs/privacy.md.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, phase, days_reported, is_closed, is_suppressed, active_people, active_people_change,
  users_in_phase_28d]
*/
with phases as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        phase_number,
        arg_max(phase, day) as phase,
        max(day) as last_day,
        sum(total_engaged_users) as days_active,
        sum(total_engaged_users) filter (avg_user_initiated_interactions is not null) as days_with_interactions,
        sum(total_engaged_users) filter (avg_code_generation_activities is not null) as days_with_generations,
        sum(total_engaged_users) filter (avg_code_acceptance_activities is not null) as days_with_acceptances,
        sum(total_engaged_users) filter (avg_loc_added is not null) as days_with_lines_added,
        sum(total_engaged_users) filter (avg_pull_requests_created is not null) as days_with_pull_requests_created
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
    coalesce(p.is_suppressed, true) as is_suppressed, -- whether the numbers are withheld: COPILOT_MIN_COHORT people or fewer are behind them, or nobody knows how many  #not_null
    p.people_shown as active_people, -- distinct people whom the per-user report has in the phase on a day of the week; who changes phase counts in both; to the nearest multiple of COPILOT_MIN_COHORT
    p.days_compared, -- weekdays with a report of people in both this week and the one before; null where there are fewer than four, unless both weeks are whole and closed, and where a series break moves who is active  #range(4, 7)
    if(c.week_start - 7 >= (select max(day) from starts), p.people_change, null) as active_people_change, -- active people of those weekdays more than of the same weekdays of the week before, both as told; null likewise
    h.last_day as last_day_reported, -- last day of the week with the phase, UTC
    p.users_in_phase_28d, -- all people of the phase in the 28 days that end with the last day that tells them, as GitHub counts, to the nearest multiple of COPILOT_MIN_COHORT
    p.days_active, -- the phase's active people, added over the days (person-days, not people), rounded; null where fewer than COPILOT_MIN_COHORT of them had an action of their own
    if(h.days_with_interactions = h.days_active, p.user_initiated_interaction_count / nullif(p.days_active, 0), null)::double as interactions_per_active_day, -- prompts per person and day of activity, of both rounded; null unless every day tells it
    if(h.days_with_generations = h.days_active, p.code_generation_activity_count / nullif(p.days_active, 0), null)::double as generations_per_active_day, -- outputs of Copilot per person and day of activity, likewise
    if(h.days_with_acceptances = h.days_active, p.code_acceptance_activity_count / nullif(p.days_active, 0), null)::double as acceptances_per_active_day, -- outputs accepted per person and day of activity, likewise
    if(h.days_with_lines_added = h.days_active, p.loc_added_sum / nullif(p.days_active, 0), null)::double as loc_added_per_active_day, -- lines added per person and day of activity, likewise
    if(h.days_with_pull_requests_created = h.days_active, p.total_pull_requests_created / nullif(p.days_active, 0), null)::double as pull_requests_created_per_active_day, -- pull requests opened per person and day of activity, likewise; nobody tells whose they are, so they count as everybody's of the phase
    p.total_pull_requests_merged -- pull requests merged, rounded; likewise; since 2026-06-26
from phases as h
join quality.weekly_coverage as c on c.scope = h.scope and c.week_start = h.week_start and c.source = 'entity-1-day'
left join people.weekly_part as p
    on p.scope = h.scope and p.week_start = h.week_start and p.breakdown = 'adoption_phase'
    and p.part = h.phase_number::varchar
where c.days_expected > 0
order by c.scope, c.week_start, h.phase_number
