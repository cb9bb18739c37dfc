/*
description: |
  One row per scope, ISO week and language: how many people used it, and how much.
  Prompts are not told by language. Some of GitHub's languages are none, such as `chatagent` or `prompt`.
  Numbers are rounded, and null where fewer than COPILOT_MIN_COHORT people have any: docs/privacy.md.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, language, user_days_reported, is_closed, is_suppressed, people, people_change,
  completion_acceptance_rate]
*/
select
    c.scope, -- organisation or enterprise  #not_null #unique(scope, week_start, language)
    c.week_start, -- Monday of the ISO week, UTC  #not_null
    p.part as language, -- language under its one name (`others` and `unknown` are GitHub's)  #not_null
    c.days_expected, -- closed days of the week that GitHub could have reported  #range(1, 7)
    c.days_reported, -- of these, days that GitHub reported  #range(0, 7)
    c.days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    c.days_below_threshold, -- of these, days left out by the five-user threshold  #range(0, 7)
    c.days_missing, -- of these, days missing for another reason; quality.day_status names it  #range(0, 7)
    c.user_days_reported, -- days with a report of people  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    c.series_break, -- what GitHub changed, mended or told wrong within the week, if anything
    p.is_suppressed, -- whether the numbers are withheld: fewer than COPILOT_MIN_COHORT people are behind them, or nobody knows how many  #not_null
    p.people_shown as people, -- distinct people with a number of it that is not zero, by the per-user report, to the nearest multiple of COPILOT_MIN_COHORT; people of several languages count in each
    p.days_compared, -- weekdays with a report of people in both this week and the one before; null where there are fewer than four, unless both weeks are whole and closed, and where a series break moves people of this breakdown  #range(4, 7)
    p.people_change, -- people of those weekdays more than of the same weekdays of the week before, both as told; null likewise
    p.code_generation_activity_count, -- outputs of Copilot (events), rounded
    p.code_acceptance_activity_count, -- outputs accepted (events), rounded
    p.loc_suggested_to_add_sum, -- lines that Copilot suggested to add, rounded; agent edits are not suggestions
    p.loc_added_sum, -- lines really added, rounded
    p.loc_deleted_sum, -- lines really deleted, rounded
    if(p.completion_generation_count > 0 and p.completion_acceptance_count > p.completion_generation_count, 1, p.completion_acceptance_count / nullif(p.completion_generation_count, 0))::double as completion_acceptance_rate, -- code completions accepted per shown, of both rounded; of completions alone, because chat and agents offer nothing to accept; null where too few people have completions in it
    if(p.completion_loc_suggested_sum > 0 and p.completion_loc_added_sum > p.completion_loc_suggested_sum, 1, p.completion_loc_added_sum / nullif(p.completion_loc_suggested_sum, 0))::double as completion_line_acceptance_rate -- lines of code completions accepted per line shown; likewise
from people.weekly_part as p
join quality.weekly_coverage as c on c.scope = p.scope and c.week_start = p.week_start and c.source = 'entity-1-day'
where p.breakdown = 'language' and c.days_expected > 0
order by c.scope, c.week_start, p.part
