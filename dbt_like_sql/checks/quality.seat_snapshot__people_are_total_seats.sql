/*
description: |
  Warns when the newest snapshot of a scope holds more or fewer people than the total_seats that GitHub told with it.
  The list changes while its pages are read, and GitHub does not name every holder: take the next snapshot, and look
  at grants_without_person. People whom you had forgotten may be missing.
severity: warn
*/
select scope, day, total_seats, people, difference, grants, grants_without_person
from quality.seat_snapshot
qualify day = max(day) over (partition by scope)
    and difference not between -(select count(*) from raw.forgotten) and 0
order by scope
