/*
description: |
  One row per scope, team and UTC day that the user-teams report covers: was the team in it, and if not, why.
  GitHub leaves teams with fewer than five seated people out of a day without a word (GitHub Docs, "Team-level metrics").
  Of a team it never told of, nothing is known. Seats are looked up in the snapshots of the same day.
incremental: day
*/
with days as (
    select scope, day, status, coverage, is_explained, evidence, remedy
    from quality.day_status
    where report = 'user-teams-1-day' and day >= coalesce(getvariable('since'), date '0001-01-01')
),

-- the day that tells who was in the team: the day itself, the last one before it, or the first one ever
placed as (
    select
        d.*,
        t.team_id,
        t.team_slug,
        t.people,
        t.people as people_known,
        t.day as known_on,
        null as place,
        null as threshold_people,
        false as is_absent
    from days as d
    join people.team_day as t on t.scope = d.scope and t.day = d.day
    where t.day >= coalesce(getvariable('since'), date '0001-01-01')
    union all by name
    select
        d.*,
        a.team_id,
        a.team_slug,
        null as people,
        a.people as people_known,
        a.known_on,
        a.place,
        a.threshold_people,
        d.coverage = 'reported' as is_absent
    from days as d
    join people.team_absence as a on a.scope = d.scope and d.day between a.day and coalesce(a.last_day, 'infinity')
),

absent as (
    select *
    from placed
    where is_absent
),

seats as (
    select scope, day, user_id
    from flat.seat
    where day in (select day from absent)
),

-- a snapshot of another organisation says nothing of who holds a seat here; the enterprise's tells of all
snapshots as (
    select distinct scope, day
    from seats
),

-- how many of those who were last in the team held a seat on the day itself; no row where nobody took a snapshot
seated as (
    select
        a.scope,
        a.team_id,
        a.day,
        count(distinct h.user_id) as people_seated
    from absent as a
    semi join snapshots as n on n.day = a.day and (n.scope = a.scope or n.scope like 'enterprise:%')
    join flat.user_team_daily as m on m.scope = a.scope and m.team_id = a.team_id and m.day = a.known_on
    left join seats as h on h.day = a.day and h.user_id = m.user_id
    group by a.scope, a.team_id, a.day
),

known as (
    select p.*, h.people_seated
    from placed as p
    left join seated as h on h.scope = p.scope and h.team_id = p.team_id and h.day = p.day
),

judged as (
    select
        *,
        case
            when not is_absent then status
            when people_seated < threshold_people then 'below_threshold'
            -- who left or joined a small team since can't be known, whatever seats its people hold
            when people_known < 2 * threshold_people then 'below_threshold_suspected'
            when place = 'before' then 'not_yet_seen'
            when place = 'after' then 'gone'
            else 'left_out'
        end as team_status
    from known
)

select
    scope, -- organisation or enterprise  #not_null #unique(scope, team_id, day)
    team_id, -- GitHub's id of the team  #not_null
    team_slug, -- slug the team had when it was last in a report  #not_null
    day, -- UTC day  #not_null
    team_status as status, -- what is known of the team on the day, one word: that of the whole report where there is none; gone is deleted, renamed to another team or emptied; left_out is missing between two days  #not_null #accepted(reported, provisional, zero_activity, pending, below_threshold, below_threshold_suspected, not_yet_seen, gone, left_out, no_report, before_start, not_offered, retired, expired, given_up, forbidden, failed, not_requested)
    case
        when not is_absent then coverage
        when team_status in ('below_threshold', 'below_threshold_suspected') then 'below_threshold'
        when team_status = 'left_out' then 'missing'
        else 'not_expected'
    end as coverage, -- how weeks count the day  #not_null #accepted(reported, pending, below_threshold, missing, not_expected)
    is_explained and team_status <> 'left_out' as is_explained, -- whether an answer of GitHub, one of its published rules or copilot-assets new-key accounts for the day  #not_null
    case
        when people is not null then people || ' people in the report.'
        when not is_absent then 'There is no report about any team. ' || evidence
        when team_status = 'below_threshold' then
            'GitHub leaves out teams with fewer than ' || threshold_people || ' seated people. Of the ' || people_known
            || ' who were in it on ' || known_on || ', ' || people_seated || ' held a seat on this day.'
        when team_status = 'below_threshold_suspected' then
            'GitHub leaves out teams with fewer than ' || threshold_people || ' seated people. ' || people_known
            || ' were in it on ' || known_on || coalesce(
                ', and ' || people_seated || ' of them held a seat on this day: one may have left the team, or it is gone.',
                '; no snapshot of the seats was taken on this day.'
            )
        when team_status = 'not_yet_seen' then
            'In no report before ' || known_on || ': ' || people_known || ' people were in it then.'
        when team_status = 'gone' then
            'In no report after ' || known_on || ': ' || people_known || ' people were in it then'
            || coalesce(', and ' || people_seated || ' of them held a seat on this day', '') || '.'
        else
            'In reports before and after. ' || people_known || ' people were in it on ' || known_on
            || coalesce(', and ' || people_seated || ' of them held a seat on this day', '') || '.'
    end as evidence, -- what the status rests on, a sentence  #not_null
    case
        when people is not null then null
        when not is_absent then remedy
        when team_status = 'below_threshold' then 'Nothing: GitHub does not tell of so few people.'
        when team_status = 'below_threshold_suspected' then
            'Nothing for this day. Daily snapshots of the seats (copilot-seats) let more be told of the next one.'
        when team_status = 'not_yet_seen' then 'Nothing: the team is likely to be younger.'
        when team_status = 'gone' then 'Look whether the team was deleted or has no members any more.'
        else 'Backfill the day; if it stays away, look who was in the team, or ask GitHub Support.'
    end as remedy, -- what can be done, if anything can
    people, -- people in the report of the day; null where the team is not in one
    people_known, -- people in the team on the nearest day that tells: the last one before, else the first one  #not_null
    people_seated -- how many of those held a seat on this day; null where the team is in the report, or no snapshot was taken
from judged
order by scope, team_id, day
