/*
description: |
  One row per scope, ISO week and IDE: how many people used it, and how much.
  Acceptance is not told: GitHub does not say which of an IDE's outputs are completions. The CLI and the Copilot app
  have no IDE, so this adds up to less than the scope.
*/
with activity as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        ide_name as part,
        sum(user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(code_generation_activity_count) as code_generation_activity_count,
        sum(code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(loc_suggested_to_add_sum) as loc_suggested_to_add_sum,
        sum(loc_added_sum) as loc_added_sum,
        sum(loc_deleted_sum) as loc_deleted_sum
    from flat.entity_ide_daily
    where (scope, day) in (select (scope, day) from quality.day_status)
    group by scope, date_trunc('week', day), ide_name
)

select
    c.scope, -- organisation or enterprise  #not_null #unique(scope, week_start, ide)
    c.week_start, -- Monday of the ISO week, UTC  #not_null
    p.part as ide, -- IDE under its one name (`vscode`, `intellij` …; `others` for the rest)  #not_null
    c.days_expected, -- closed days of the week that GitHub could have reported  #range(1, 7)
    c.days_reported, -- of these, days that GitHub reported  #range(0, 7)
    c.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    c.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    c.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    c.user_days_reported, -- days with a report of people  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    c.series_break, -- what GitHub changed, mended or told wrong within the week, if anything
    p.is_suppressed, -- whether the numbers are withheld: fewer than COPILOT_MIN_COHORT people are behind them, or behind an IDE that would follow from them  #not_null
    p.people_shown as people, -- distinct people who used it, by the per-user report; people of several IDEs count in each
    if(c.is_comparable, p.people_change, null) as people_change, -- people more than the week before; null unless both weeks are whole and closed, tell the number, and no series break lies between
    if(p.is_suppressed, null, a.user_initiated_interaction_count)::bigint as user_initiated_interaction_count, -- prompts sent
    if(p.is_suppressed, null, a.code_generation_activity_count)::bigint as code_generation_activity_count, -- outputs of Copilot (events)
    if(p.is_suppressed, null, a.code_acceptance_activity_count)::bigint as code_acceptance_activity_count, -- outputs accepted (events)
    if(p.is_suppressed, null, a.loc_suggested_to_add_sum)::bigint as loc_suggested_to_add_sum, -- lines that Copilot suggested to add; agent edits are not suggestions
    if(p.is_suppressed, null, a.loc_added_sum)::bigint as loc_added_sum, -- lines really added
    if(p.is_suppressed, null, a.loc_deleted_sum)::bigint as loc_deleted_sum -- lines really deleted
from people.weekly_part as p
join quality.weekly_coverage as c on c.scope = p.scope and c.week_start = p.week_start and c.source = 'entity-1-day'
left join activity as a on a.scope = p.scope and a.week_start = p.week_start and a.part = p.part
where p.breakdown = 'ide' and c.days_expected > 0
order by c.scope, c.week_start, p.part
