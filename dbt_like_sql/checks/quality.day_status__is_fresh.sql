/*
description: |
  Warns when the newest reported day of a scope and report lies more than three days behind the newest one that GitHub
  should have published by its own delay. Looks at days of data, not at when a run was; of a report that never came,
  missing_days tells. A day below the five-user threshold counts as told.
severity: warn
*/
with days as (
    select
        s.*,
        e.as_of - e.lag_days - 1 as newest_due_day
    from quality.day_status as s
    join raw.expected_reports as e using (scope, report)
    where s.coverage <> 'not_expected' and s.status <> 'retired'
)

select
    scope,
    report,
    max(day) filter (coverage in ('reported', 'below_threshold')) as newest_reported_day,
    any_value(newest_due_day) as newest_due_day,
    arg_max(status, day) filter (day = newest_due_day) as status_of_that_day,
    arg_max(evidence, day) filter (day = newest_due_day) as evidence
from days
group by scope, report
having max(day) >= any_value(newest_due_day) and newest_reported_day < any_value(newest_due_day) - 3
order by scope, report
