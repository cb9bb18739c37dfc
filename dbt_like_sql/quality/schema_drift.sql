/*
description: |
  One row per report and thing in it that this project does not know: a field, or a feature, IDE, language or model.
  Nothing of it is lost. Raw keeps the text of a field, and a newer version of the project can flatten it; a value
  stands in flat as GitHub sends it, and its name is the value itself. Values are looked for in the reports about
  organisations and enterprises, which have those of all people.
*/
with sent as (
    select scope, day, 'feature' as kind, feature as value from flat.entity_feature_daily
    union
    select scope, day, 'ide' as kind, ide as value from flat.entity_ide_daily
    union
    select scope, day, 'feature' as kind, feature as value from flat.entity_language_feature_daily
    union
    select scope, day, 'language' as kind, language as value from flat.entity_language_feature_daily
    union
    select scope, day, 'language' as kind, language as value from flat.entity_language_model_daily
    union
    select scope, day, 'model' as kind, model as value from flat.entity_language_model_daily
    union
    select scope, day, 'model' as kind, model as value from flat.entity_model_feature_daily
    union
    select scope, day, 'feature' as kind, feature as value from flat.entity_model_feature_daily
),
unknown_values as (
    select
        if(s.scope like 'enterprise:%', 'enterprise-1-day', 'organization-1-day') as report,
        s.day,
        s.kind,
        s.value
    from sent as s
    anti join flat.known_names as k on k.kind = s.kind and k.value = s.value
)
select
    u.report, -- GitHub's own name of the report  #not_null #unique(report, kind, name, json_type)
    'field' as kind, -- what is not known  #not_null #accepted(field, feature, ide, language, model)
    u.path as name, -- JSON path of a field, where [] stands for the elements of a list; else the value  #not_null
    u.json_type, -- JSON type of what a field holds, never what it holds; null of a value
    min(u.day) as first_day, -- first UTC day it was seen on  #not_null
    max(u.day) as last_day, -- last UTC day it was seen on  #not_null
    count(distinct u.day)::bigint as days, -- days it was seen on  #not_null
    sum(u.records)::bigint as records -- records that have it, at least: of each fetch only the first 100 with unknown fields are looked at; of a value, scopes and days  #not_null
from raw.unknown_fields as u
group by u.report, u.path, u.json_type
union all
select
    v.report,
    v.kind,
    v.value as name,
    null as json_type,
    min(v.day) as first_day,
    max(v.day) as last_day,
    count(distinct v.day)::bigint as days,
    count(*)::bigint as records
from unknown_values as v
group by v.report, v.kind, v.value
order by report, kind, name, json_type
