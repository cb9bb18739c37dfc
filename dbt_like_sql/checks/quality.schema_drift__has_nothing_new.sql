/*
description: |
  Warns while GitHub sends fields that no table of this project shows, and for 28 days of data after a feature, IDE,
  language or model was first seen that the project does not know: a new model every month is no fault. Look for a newer
  version of the project, or add a field to copilot_assets/records and a value to copilot_assets/records/names.py.
severity: warn
*/
select report, kind, name, json_type, first_day, last_day, records
from quality.schema_drift
where kind = 'field' or first_day > (select max(day) from flat.entity_daily) - 28
order by last_day desc, report, kind, name, json_type
