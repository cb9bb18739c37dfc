/*
description: |
  One row per scope, ISO week and team: how many of its people use Copilot, and how much. People who were active while
  the report had them in no team have the row without a team.
  GitHub gives no numbers of teams: these are the members of each day joined with what they did on it ("Team-level
  metrics"). Teams do not add up to the scope: a person of two teams counts in both. A team that GitHub leaves out
  below five seats has a row without numbers. Numbers are rounded, and null where COPILOT_MIN_COHORT people or fewer
  have any: docs/privacy.md.
  Scopes overlap: never add up rows of several (quality.scope).
preview: [scope, week_start, team_slug, days_reported, is_closed, is_suppressed, members, active_people,
  active_share, active_people_change]
incremental: week_start
*/
with team_days as (
    select
        scope,
        date_trunc('week', day)::date as week_start,
        team_id,
        arg_max(team_slug, day) as team_slug,
        count(*) filter (coverage <> 'not_expected') as days_expected,
        count(*) filter (coverage = 'reported') as days_reported,
        count(*) filter (coverage = 'pending') as days_pending,
        count(*) filter (coverage = 'below_threshold') as days_below_threshold,
        count(*) filter (coverage = 'missing') as days_missing
    from quality.team_day_status
    where day >= coalesce(getvariable('since'), date '0001-01-01')
    group by scope, date_trunc('week', day), team_id
    having days_expected > 0
    union all
    -- people without a team are told of on every day of the report
    select
        scope,
        week_start,
        null as team_id,
        null as team_slug,
        days_expected,
        days_reported,
        days_pending,
        days_below_threshold,
        days_missing
    from quality.weekly_coverage
    where source = 'user-teams-1-day' and days_expected > 0
        and week_start >= coalesce(getvariable('since'), date '0001-01-01')
),

teams as (
    select scope, week_start, team_id, count(*) as members
    from people.team_week
    where week_start >= coalesce(getvariable('since'), date '0001-01-01')
    group by scope, week_start, team_id
),

scopes as (
    select
        scope,
        week_start,
        any_value(people_shown) filter (part = 'on_team_days') as active_people,
        any_value(people_shown) filter (part = 'in_teams') as people_in_teams
    from people.weekly_part
    where breakdown = 'people'
    group by scope, week_start
)

select
    d.scope, -- organisation or enterprise  #not_null #unique(scope, week_start, team_id)
    d.week_start, -- Monday of the ISO week, UTC  #not_null
    d.team_id, -- GitHub's id of the team; null for people whom the report has in no team
    d.team_slug, -- slug of the team at the end of the week; enterprise teams begin with `ent:`
    d.days_expected::bigint as days_expected, -- closed days of the week on which the report could have told of the team  #range(1, 7)
    d.days_reported::bigint as days_reported, -- of these, days on which it did  #range(0, 7)
    d.days_pending::bigint as days_pending, -- of these, days that GitHub has not published yet  #range(0, 7)
    d.days_below_threshold::bigint as days_below_threshold, -- of these, days on which the team was left out by the five-user threshold  #range(0, 7)
    d.days_missing::bigint as days_missing, -- of these, days missing for another reason; quality.team_day_status names it  #range(0, 7)
    c.user_days_reported, -- days of the week with a report of people  #range(0, 7)
    c.is_closed, -- whether the whole week is past GitHub's time for revisions, and every expected day of it was asked for since  #not_null
    c.series_break, -- what GitHub changed, mended or told wrong within the week, if anything
    coalesce(p.is_suppressed, true) as is_suppressed, -- whether the numbers are withheld: COPILOT_MIN_COHORT people or fewer were active, or nothing is known of it  #not_null
    if(d.team_id is null or t.members < s.min_cohort, null, t.members)::bigint as members, -- distinct people with a seat in the team on a day of the week; null without a team
    if(d.team_id is not null and p.people_shown > t.members, t.members, p.people_shown)::bigint as active_people, -- of these, distinct people with a row in the per-user report on a day on which they were in the team, to the nearest multiple of COPILOT_MIN_COHORT, and never to more than its members
    if(d.team_id is null, null, if(p.people_shown > t.members, 1, p.people_shown / nullif(t.members, 0)))::double as active_share, -- active people per member, as told
    p.days_compared, -- weekdays with a report of the team and of people in both this week and the one before; null where there are fewer than four, unless both weeks are whole and closed, and where a series break moves who is active  #range(4, 7)
    p.people_change as active_people_change, -- active people of those weekdays more than of the same weekdays of the week before, both as told; null likewise
    if(p.is_suppressed is not false or d.team_id is null, null, p.shared_people is distinct from 0) as has_shared_people, -- whether somebody of the active people is in another team too, and counts there as well; null without a team
    if(d.team_id is null, null, p.shared_people) as shared_people, -- how many of them, to the nearest multiple of COPILOT_MIN_COHORT; null when they are fewer and not none
    (p.people_shown / nullif(a.active_people, 0))::double as share_of_active_people, -- active people per active person of the scope, on the days of which members are told, both rounded; the shares of overlapping teams exceed 1 together
    if(d.team_id is null, a.people_in_teams / nullif(a.active_people, 0), null)::double as scope_share_in_teams, -- of the scope's active people on these days, the share in any team of the report, both rounded: what the teams together cover; null where these are too few; in the row without a team alone
    p.days_active, -- days of activity of all active people (person-days), rounded
    p.user_initiated_interaction_count, -- prompts sent, rounded
    p.code_generation_activity_count, -- outputs of Copilot (events), rounded
    p.code_acceptance_activity_count, -- outputs accepted (events), rounded
    p.loc_added_sum, -- lines added, rounded
    p.loc_deleted_sum -- lines deleted, rounded
from team_days as d
cross join raw.settings as s
join quality.weekly_coverage as c
    on c.scope = d.scope and c.week_start = d.week_start and c.source = 'user-teams-1-day'
left join teams as t
    on t.scope = d.scope and t.week_start = d.week_start and t.team_id is not distinct from d.team_id
left join scopes as a on a.scope = d.scope and a.week_start = d.week_start
left join people.weekly_part as p
    on p.scope = d.scope and p.week_start = d.week_start and p.breakdown = 'team'
    and p.part = coalesce(d.team_id::varchar, 'none')
order by d.scope, d.week_start, d.team_slug, d.team_id
