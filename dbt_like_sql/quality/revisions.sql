/*
description: |
  One row per time that GitHub's answer about a day came back with another content than before.
  GitHub revises a day for about three days; a later revision, or one with fewer records, deserves a look.
  By how much a number moved is not told: it may be one person's (docs/privacy.md).
*/
with answers as (
    select
        *,
        lag(outcome) over w as old_outcome,
        lag(requested_at) over w as old_requested_at,
        lag(sha256) over w as old_sha256,
        lag(records) over w as old_records,
        lag(headline) over w as old_headline
    from raw.fetches
    where outcome in ('reported', 'no_report')
    window w as (partition by scope, report, day order by entry_number, requested_at, fetch_id)
),

revised as (
    select a.*, e.lag_days
    from answers as a
    -- a snapshot that differs from the one before is no revision of it: these reports are not among the expected
    join raw.expected_reports as e on e.scope = a.scope and e.report = a.report
    where a.old_outcome = 'reported' and a.sha256 is distinct from a.old_sha256
),

numbers as (
    select
        fetch_id,
        unnest(list_distinct(json_keys(coalesce(headline, '{}')) || json_keys(coalesce(old_headline, '{}')))) as name,
        headline,
        old_headline
    from revised
),

moved as (
    select
        fetch_id,
        string_agg(
            name,
            ', ' order by name
        ) as numbers_moved
    from numbers
    where (headline ->> name) is distinct from (old_headline ->> name)
    group by fetch_id
)

select
    r.scope, -- whom the report is about  #not_null
    r.report, -- GitHub's own name of the report  #not_null
    r.day, -- UTC day  #not_null
    r.requested_at as seen_at, -- when the new content was fetched, UTC  #not_null #unique(scope, report, day, seen_at)
    r.old_requested_at as old_seen_at, -- when the content before it was fetched, UTC  #not_null
    r.requested_at::date > r.day + r.lag_days + 1 and r.old_requested_at::date > r.day + r.lag_days as is_late, -- whether GitHub changed the day after it should have been final; false where that can't be known, because nobody asked in between  #not_null
    coalesce(r.records, 0) < r.old_records as is_shrinking, -- whether there are fewer records than before; they replace the old ones all the same  #not_null
    if(r.report = 'users-1-day', null, r.old_records)::bigint as old_records, -- records before; null of users-1-day, of which they are people
    if(r.report = 'users-1-day', null, r.records)::bigint as records, -- records now; likewise, and null when GitHub answered that it has no report any more
    m.numbers_moved, -- which of the report's headline numbers moved; null when none did, or it has none
    r.old_sha256, -- digest of the content before
    r.sha256 as new_sha256, -- digest of the content now; null when there is no report any more
    r.fetch_id -- the fetch that brought it, in raw.fetches  #not_null
from revised as r
left join moved as m on m.fetch_id = r.fetch_id
order by r.requested_at desc, r.scope, r.report, r.day
