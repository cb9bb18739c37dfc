/*
description: |
  One row per scope, report and UTC day since the start date: what is known of that day, and of a hole why it is one.
  Days of an imported archive count from its first one on.
  Made from the ledger of fetches and from GitHub's published rules for each report.
preview: [scope, report, day, status, coverage, evidence, remedy]
*/
with archives as (
    -- a day that was reported without an HTTP answer came out of an archive
    select
        scope,
        report,
        min(day) filter (where outcome = 'reported' and http_status is null) as first_day,
        max(day) filter (where outcome = 'reported' and http_status is null) as last_day,
        bool_and(outcome = 'given_up' or (outcome = 'reported' and http_status is null)) as is_all_there_is
    from raw.fetches
    group by scope, report
),

days as (
    select
        e.*,
        -- a scope or report that was taken out of the settings keeps the day it was last asked for
        e.as_of < max(e.as_of) over () as is_given_up,
        a.first_day as archive_start,
        a.last_day as archive_end,
        -- an archive may begin before the start date; of a scope known by it alone, nothing later is expected
        unnest(
            generate_series(
                least(e.start_day, a.first_day),
                case when a.is_all_there_is then least(e.as_of - 1, a.last_day) else e.as_of - 1 end,
                interval 1 day
            )
        )::date as day
    from raw.expected_reports as e
    left join archives as a on a.scope = e.scope and a.report = e.report
),

-- every attempt in the order of entry, from 1
asked as (
    select
        f.*,
        f.requested_at::date > f.day + e.lag_days as is_due,
        row_number() over (
            partition by f.scope, f.report, f.day
            order by f.entry_number, f.requested_at, f.fetch_id
        ) as place
    from raw.fetches as f
    join raw.expected_reports as e on e.scope = f.scope and e.report = f.report
),

-- what weighs of each attempt: "no report", said when the day was due and by no report followed, outweighs a failure or
-- refusal that came later
weighed as (
    select
        *,
        outcome = 'no_report' and is_due and place > coalesce(
            max(place) filter (outcome = 'reported') over (partition by scope, report, day), 0
        ) as is_last_word
    from asked
),

attempts as (
    select * exclude (place, is_last_word)
    from weighed
    qualify row_number() over (partition by scope, report, day order by is_last_word desc, place desc) = 1
),

-- GitHub counts seats as of now alone, so that a snapshot speaks of the day on which it was taken
seats as (
    select
        scope,
        day,
        cast(headline ->> 'total_seats' as bigint) as total_seats
    from raw.current_fetches
    where report = 'copilot-seats' and outcome = 'reported'
),

reported_before as (
    select scope, report, day, max(requested_at)::date as reported_before_on
    from raw.fetches
    where outcome = 'reported'
    group by all
),

known as (
    select
        d.*,
        s.total_seats,
        a.outcome as last_outcome,
        a.requested_at::date as last_asked_on,
        coalesce(a.is_due, false) as is_asked_when_due,
        -- before the day was due, "no report" meant "not yet"
        coalesce(a.is_due or a.outcome not in ('no_report', 'not_found'), false) as is_asked,
        a.http_status as last_http_status,
        a.evidence as last_evidence,
        c.evidence as answer,
        c.requested_at::date as answered_on,
        coalesce(c.outcome = 'reported', false) as is_reported,
        coalesce(d.day between d.archive_start and d.archive_end, false) as is_archived_time,
        b.reported_before_on,
        c.records,
        case when d.activity is not null then cast(c.headline ->> d.activity as bigint) end as active_people
    from days as d
    left join attempts as a on a.scope = d.scope and a.report = d.report and a.day = d.day
    left join raw.current_fetches as c on c.scope = d.scope and c.report = d.report and c.day = d.day
    left join seats as s on s.scope = d.scope and s.day = d.day
    left join reported_before as b on b.scope = d.scope and b.report = d.report and b.day = d.day
),

compared as (
    select
        *,
        -- the most people active on any reported day within a week of this one
        max(active_people) over (
            partition by scope, report
            order by day
            range between interval 7 days preceding and interval 7 days following
        ) as active_people_nearby,
        max(records) over (
            partition by scope, report
            order by day
            range between interval 7 days preceding and interval 7 days following
        ) as records_nearby,
        max(answered_on) filter (is_reported) over (partition by scope, report) as last_reported_on,
        bool_or(is_reported) over (partition by report, day) as is_reported_elsewhere,
        bool_or(is_reported and report <> 'user-teams-1-day') over (partition by scope, day) as is_scope_reported,
        min(active_people) over (partition by scope, day, retired_on) as active_people_by_sibling
    from known
),

judged as (
    select
        *,
        scope not like 'org:%' and scope not like 'enterprise:%' as is_team,
        case when report = 'user-teams-1-day' then 'days of teams' else 'days' end as threshold_on,
        case
            when is_reported and answered_on <= day + lag_days then 'provisional'
            when is_reported and active_people = 0 then 'zero_activity'
            when is_reported then 'reported'
            when last_outcome = 'given_up' then 'given_up'
            when day < first_day then 'before_start'
            when last_outcome = 'not_offered' then 'not_offered'
            when last_outcome = 'retired' then 'retired'
            when last_outcome in ('unauthorized', 'forbidden') then 'forbidden'
            -- of a scope that answered on the same day or later, 404 is about the day; else the scope is out of sight
            when last_outcome = 'not_found' and coalesce(last_reported_on < last_asked_on, true) then 'forbidden'
            when last_outcome = 'failed' then 'failed'
            when not is_asked and is_archived_time and active_people_nearby < 2 * threshold_people
                then 'below_threshold_suspected'
            when not is_asked and day >= retired_on then 'retired'
            when not is_asked and day < as_of - history_days then 'expired'
            when day >= as_of - lag_days then 'pending'
            when not is_asked then 'not_requested'
            -- without activity nobody has a row; teams, pull requests and bills do not follow from it
            when active_people_by_sibling = 0 and report in ('users-1-day', 'legacy-metrics') then 'zero_activity'
            when total_seats < threshold_people then 'below_threshold'
            -- as many seats as the threshold asks for: it is not the reason
            when total_seats >= threshold_people and report <> 'user-teams-1-day' then 'no_report'
            when report = 'user-teams-1-day' and is_scope_reported
                and coalesce(records_nearby, 0) < 2 * threshold_people
                then 'below_threshold_suspected'
            when active_people_nearby < 2 * threshold_people then 'below_threshold_suspected'
            when report <> 'user-teams-1-day' and threshold_people is not null and active_people_nearby is null
                and is_reported_elsewhere
                then 'below_threshold_suspected'
            when last_outcome = 'expired' then 'expired'
            else 'no_report'
        end as status
    from compared
)

select
    scope, -- whom the report is about  #not_null #unique(scope, report, day)
    report, -- GitHub's own name of the report  #not_null
    day, -- UTC day  #not_null
    status, -- what is known of the day, one word  #not_null #accepted(reported, provisional, zero_activity, pending, below_threshold, below_threshold_suspected, no_report, before_start, not_offered, retired, expired, given_up, forbidden, failed, not_requested)
    case status
        when 'reported' then 'reported'
        when 'provisional' then 'reported'
        when 'zero_activity' then 'reported'
        when 'pending' then 'pending'
        when 'below_threshold' then 'below_threshold'
        when 'below_threshold_suspected' then 'below_threshold'
        when 'before_start' then 'not_expected'
        when 'not_offered' then 'not_expected'
        else 'missing'
    end as coverage, -- how weeks count the day  #not_null #accepted(reported, pending, below_threshold, missing, not_expected)
    status <> 'provisional' and (is_asked_when_due or is_archived_time) as was_asked_when_final, -- whether it was asked for, or came out of an archive, after GitHub's time for revisions: a week is closed when all its days were; what was reported before and never again is not  #not_null
    status not in ('failed', 'not_requested') as is_explained, -- whether an answer of GitHub, one of its published rules or copilot-assets new-key accounts for the day  #not_null
    not is_given_up
    and (
        status in ('forbidden', 'failed', 'not_requested')
        or (status = 'provisional' and day < as_of - lag_days)
        or (status = 'given_up' and day >= as_of - history_days)
    ) as needs_a_hand, -- whether somebody should do as the remedy says: GitHub refused, asking failed, nobody asked in time, it was fetched too early and never again, or given up while GitHub has it  #not_null
    case status
        when 'reported' then if(report = 'users-1-day', 'GitHub reported the people of the day.', answer)
        when 'provisional' then
            case
                when is_given_up then
                    'It was fetched on ' || answered_on || ', when GitHub could still revise it; since then it is no longer asked for.'
                when day >= as_of - lag_days then
                    'GitHub may still revise it until ' || lag_days || ' full UTC days after it closed.'
                else 'It was fetched on ' || answered_on || ', when GitHub could still revise it, and not since.'
            end
        when 'zero_activity' then
            case
                when is_reported then 'GitHub reported the day, and nobody was active.'
                else 'No rows, and the report about the whole scope counts nobody active.'
            end
        when 'pending' then
            case
                when is_given_up then 'Not there when it was last asked for; since then it is no longer asked for. '
                when last_outcome is null then 'Nobody asked for it yet. '
                else 'Not there yet. '
            end || 'GitHub publishes a day within ' || lag_days || ' full UTC days after it closed.'
        when 'below_threshold' then
            'GitHub leaves out ' || threshold_on || ' on which fewer than ' || threshold_people
            || ' people held a licence. Its list of seats, taken on this day, counts ' || total_seats || '.'
        when 'below_threshold_suspected' then
            'GitHub leaves out ' || threshold_on || ' on which fewer than ' || threshold_people
            || ' people held a licence. '
            || case
                when report = 'user-teams-1-day' then 'It reported the scope on this day, and no team.'
                when active_people_nearby is null then
                    'It reported no day of this scope within a week, while it did report another scope on this day.'
                when is_team then 'Few people were active on any day within a week.'
                else
                    'At most ' || active_people_nearby || ' people were active on any day within a week.'
            end
        when 'no_report' then
            case
                when last_outcome = 'not_found' then
                    'GitHub answered 404 for this day, while it reported other days of this scope.'
                else last_evidence
            end || coalesce(' When it was asked on ' || reported_before_on || ' it had a report.', '')
        when 'before_start' then 'GitHub has this report from ' || first_day || ' on.'
        when 'retired' then coalesce(last_evidence, 'GitHub closed this API on ' || retired_on || '.')
        when 'expired' then
            case
                when is_archived_time then
                    'The archive does not have it, and GitHub keeps ' || history_days || ' days: it is lost, or GitHub never reported it.'
                else
                    'GitHub keeps ' || history_days || ' days, and the day was never fetched while it was there: it is lost.'
            end
        when 'not_requested' then
            case
                when last_outcome is null then 'Nobody asked GitHub for this day yet.'
                else 'GitHub had nothing yet when it was last asked, on ' || last_asked_on || ', and nobody asked since.'
            end
        else last_evidence
    end as evidence, -- what the status rests on, a sentence  #not_null
    case
        when day < as_of - history_days and status in ('provisional', 'expired', 'given_up', 'failed', 'forbidden') then
            'Import it with copilot-assets import, if you kept a file: GitHub no longer has it.'
        when status = 'provisional' then
            case
                when is_given_up then null
                when day >= as_of - lag_days then 'Nothing: the daily run asks again.'
                else 'Backfill the day, in the Dagster UI or with copilot-assets backfill.'
            end
        when status = 'pending' then case when not is_given_up then 'Nothing: the daily run asks again.' end
        when status = 'below_threshold' then 'Nothing: GitHub does not tell of so few people.'
        when status = 'below_threshold_suspected' then 'Nothing, unless five people held a licence that day: then ask GitHub Support.'
        when status = 'no_report' then 'If people worked that day, ask GitHub Support; otherwise nothing.'
        when status = 'not_offered' then 'Leave the report out with COPILOT_SKIP_REPORTS, if nobody needs it.'
        when status = 'retired' then 'Import it with copilot-assets import, if you kept a file.'
        when status = 'forbidden' then 'Change the setting that the evidence names, then backfill the day.'
        when status = 'failed' then 'Backfill the day again, in the Dagster UI or with copilot-assets backfill.'
        when status in ('given_up', 'not_requested') then 'Backfill the day, in the Dagster UI or with copilot-assets backfill.'
    end as remedy, -- what can be done, if anything can
    if(report = 'users-1-day', null, records)::bigint as records, -- records kept of the day; null unless reported, and of users-1-day, of which they are people (docs/privacy.md)
    if(is_team, null, active_people)::bigint as active_people, -- people active by the report's own headline; null where it has none, and of a team, which may be small
    last_outcome, -- outcome of the last fetch; null if there was none
    last_http_status -- HTTP status of the last fetch; null if none came
from judged
order by scope, report, day
