/*
description: |
  One row per record that GitHub sent and that is left out of every table, because it breaks the contract of its report.
  Its neighbours landed; where every record of a day is broken the day failed, and what was there stays.
  A record that GitHub mended since has gone from here. Its text names people, and stands in raw.quarantine alone.
*/
select
    q.scope, -- whom the report is about  #not_null
    q.report, -- GitHub's own name of the report  #not_null
    q.day, -- UTC day  #not_null
    q.place, -- where in the report it stood  #not_null
    q.fault, -- which rule it breaks, with the JSON path, without values  #not_null
    f.requested_at as fetched_at, -- when it was fetched, UTC
    q.fetch_id -- the fetch that brought it, in raw.fetches  #not_null
from raw.quarantine as q
join raw.fetches as f on f.fetch_id = q.fetch_id
order by q.day desc, q.scope, q.report, q.place
