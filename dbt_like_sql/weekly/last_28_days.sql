/*
description: |
  One row per scope and window: the table of GitHub's guide "Analyzing usage over time with the Copilot metrics API".
  Four windows of seven entries, counted from the first of the latest 28 reported days of the legacy metrics. Days that
  are missing have no entry, so a window may span more than a calendar week and the last one may hold fewer entries.
  Of a team, days are to the nearest multiple of COPILOT_MIN_COHORT people, and a window with a day of fewer is null.
  Scopes overlap: never add up rows of several (quality.scope).
*/
with latest as (
    select
        scope,
        day,
        total_active_users,
        total_engaged_users,
        is_suppressed
    from people.legacy_day
    qualify row_number() over (partition by scope order by day desc) <= 28
),

numbered as (
    select
        *,
        (row_number() over (partition by scope order by day) - 1) // 7 + 1 as window_no
    from latest
)

select
    scope, -- organisation, enterprise or team  #not_null #unique(scope, window_no)
    window_no::bigint as window_no, -- 1 is the oldest of the four windows  #range(1, 4)
    count(*)::bigint as days, -- entries in the window  #range(1, 7)
    if(bool_or(is_suppressed), null, sum(total_active_users))::bigint as active_users, -- total active users over the entries
    if(bool_or(is_suppressed), null, sum(total_engaged_users))::bigint as engaged_users, -- total engaged users over the entries
    if(bool_or(is_suppressed), null, round(sum(total_active_users) / nullif(count(*), 0), 2))::double as avg_active_users, -- total active users per entry, two decimals
    if(bool_or(is_suppressed), null, round(sum(total_engaged_users) / nullif(count(*), 0), 2))::double as avg_engaged_users, -- total engaged users per entry, two decimals
    min(day) as first_day, -- first entry of the window
    max(day) as last_day -- last entry of the window
from numbered
group by scope, window_no
order by scope, window_no
