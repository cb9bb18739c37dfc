/*
description: |
  One row per scope, ISO week and team: how many of its people use Copilot, and how much. People who were active while
  the report had them in no team have the row without a team.
  GitHub gives no numbers of teams: these are the members of each day joined with what they did on it ("Team-level
  metrics"). Teams do not add up to the scope: a person of two teams counts in both. A team that GitHub leaves out
  below five seats has a row without numbers.
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
),

team_weeks as (
    select
        *,
        lag(days_expected) over (partition by scope, team_id order by week_start) as days_expected_before
    from team_days
),

of_several as (
    select scope, week_start, user_id
    from people.team_week
    where team_id is not null
    group by scope, week_start, user_id
    having count(*) > 1
),

teams as (
    select
        t.scope,
        t.week_start,
        t.team_id,
        count(*) as members,
        count(*) filter (t.days_active > 0 and s.user_id is not null) as shared_people,
        sum(t.days_active) as days_active,
        sum(t.user_initiated_interaction_count) as user_initiated_interaction_count,
        sum(t.code_generation_activity_count) as code_generation_activity_count,
        sum(t.code_acceptance_activity_count) as code_acceptance_activity_count,
        sum(t.loc_added_sum) as loc_added_sum,
        sum(t.loc_deleted_sum) as loc_deleted_sum
    from people.team_week as t
    left join of_several as s
        on s.scope = t.scope and s.week_start = t.week_start and s.user_id = t.user_id
    group by t.scope, t.week_start, t.team_id
),

-- everybody who was active on the days of which members are told, and those of them who were in a team
scopes as (
    select
        scope,
        week_start,
        count(distinct user_id) as active_people,
        count(distinct user_id) filter (team_id is not null) as people_in_teams
    from people.team_week
    where days_active > 0
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
    coalesce(p.is_suppressed, true) as is_suppressed, -- whether the numbers are withheld: fewer than COPILOT_MIN_COHORT people were active, or in a team that would follow from it, or nothing is known of it  #not_null
    if(d.team_id is null or t.members < s.min_cohort, null, t.members)::bigint as members, -- distinct people with a seat in the team on a day of the week; null without a team
    p.people_shown as active_people, -- of these, distinct people with a row in the per-user report on a day on which they were in the team
    if(d.team_id is null, null, (p.people_shown / nullif(t.members, 0)))::double as active_share, -- active people per member
    if(c.is_comparable and d.days_expected = 7 and d.days_expected_before = 7, p.people_change, null) as active_people_change, -- people more than the week before; null unless both weeks are whole and closed, tell the number, and no series break lies between
    if(p.is_suppressed or d.team_id is null, null, t.shared_people > 0) as has_shared_people, -- whether somebody of the active people is in another team too, and counts there as well; null without a team
    case
        when
            d.team_id is not null and t.shared_people not between 1 and s.min_cohort - 1
            and p.people_shown - t.shared_people not between 1 and s.min_cohort - 1
            then t.shared_people
    end::bigint as shared_people, -- how many of them; null when they, or those who are in no other team, are fewer than COPILOT_MIN_COHORT and not none
    (p.people_shown / nullif(a.active_people, 0))::double as share_of_active_people, -- active people per active person of the scope, on the days of which members are told; the shares of overlapping teams exceed 1 together
    if(n.is_suppressed or a.people_in_teams between 1 and s.min_cohort - 1, null, a.people_in_teams / nullif(a.active_people, 0))::double as scope_share_in_teams, -- of the scope's active people on these days, the share in any team of the report: what the teams together cover; withheld with the row without a team, and where these are too few
    if(p.is_suppressed, null, t.days_active)::bigint as days_active, -- days of activity of all active people (person-days)
    if(p.is_suppressed, null, t.user_initiated_interaction_count)::bigint as user_initiated_interaction_count, -- prompts sent
    if(p.is_suppressed, null, t.code_generation_activity_count)::bigint as code_generation_activity_count, -- outputs of Copilot (events)
    if(p.is_suppressed, null, t.code_acceptance_activity_count)::bigint as code_acceptance_activity_count, -- outputs accepted (events)
    if(p.is_suppressed, null, t.loc_added_sum)::bigint as loc_added_sum, -- lines added
    if(p.is_suppressed, null, t.loc_deleted_sum)::bigint as loc_deleted_sum -- lines deleted
from team_weeks as d
cross join raw.settings as s
join quality.weekly_coverage as c
    on c.scope = d.scope and c.week_start = d.week_start and c.source = 'user-teams-1-day'
left join teams as t
    on t.scope = d.scope and t.week_start = d.week_start and t.team_id is not distinct from d.team_id
left join scopes as a on a.scope = d.scope and a.week_start = d.week_start
left join people.weekly_part as p
    on p.scope = d.scope and p.week_start = d.week_start and p.breakdown = 'team'
    and p.part = coalesce(d.team_id::varchar, 'none')
left join people.weekly_part as n
    on n.scope = d.scope and n.week_start = d.week_start and n.breakdown = 'team' and n.part = 'none'
order by d.scope, d.week_start, d.team_slug, d.team_id
