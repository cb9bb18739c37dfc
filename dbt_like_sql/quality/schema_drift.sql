/*
description: |
  One row per report and thing in it that this project does not know: a field, or a feature, IDE, language or model.
  Nothing of it is lost. Raw keeps the text of a field, and a newer version of the project can flatten it; a value
  stands in flat as GitHub sends it, and its name is the value itself, of a model by rule. Values are looked for in the
  reports about organisations and enterprises, which have those of all people, on bills and in the legacy metrics.
*/
with entities as (
    select scope, day, 'feature' as kind, feature as value, feature as known_by from flat.entity_feature_daily
    union
    select scope, day, 'ide' as kind, ide as value, ide as known_by from flat.entity_ide_daily
    union
    select scope, day, 'feature' as kind, feature as value, feature as known_by from flat.entity_language_feature_daily
    union
    select scope, day, 'language' as kind, language as value, language as known_by from flat.entity_language_feature_daily
    union
    select scope, day, 'language' as kind, language as value, language as known_by from flat.entity_language_model_daily
    union
    -- a model has its name by rule, so that one that is known may be spelt anew
    select scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by from flat.entity_language_model_daily
    union
    select scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by from flat.entity_model_feature_daily
    union
    select scope, day, 'feature' as kind, feature as value, feature as known_by from flat.entity_model_feature_daily
),

-- a custom model is named by who made it
legacy as (
    select scope, day, 'ide' as kind, editor as value, editor as known_by from flat.legacy_code_completion_editor_daily
    union
    select scope, day, 'ide' as kind, editor as value, editor as known_by from flat.legacy_ide_chat_editor_daily
    union
    select scope, day, 'language' as kind, language as value, language as known_by from flat.legacy_code_completion_language_daily
    union
    select scope, day, 'language' as kind, language as value, language as known_by from flat.legacy_code_completion_daily
    union
    select scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by
    from flat.legacy_code_completion_model_daily
    where is_custom_model is not true
    union
    select scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by
    from flat.legacy_ide_chat_daily
    where is_custom_model is not true
    union
    select scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by
    from flat.legacy_dotcom_chat_daily
    where is_custom_model is not true
    union
    select scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by
    from flat.legacy_pull_request_daily
    where is_custom_model is not true
),

sent as (
    select if(scope like 'enterprise:%', 'enterprise-1-day', 'organization-1-day') as report, * from entities
    union all
    select 'legacy-metrics' as report, * from legacy
    union
    select 'ai-credit-usage' as report, scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by
    from flat.ai_credit_usage
    where model <> ''
    union
    select 'premium-request-usage' as report, scope, day, 'model' as kind, model as value, coalesce(model_name, model) as known_by
    from flat.premium_request_usage
    where model <> ''
    union
    select
        if(contains(lower(unit_type), 'request'), 'premium-request-report', 'ai-usage-report') as report, scope, day,
        'model' as kind, model as value, coalesce(model_name, model) as known_by
    from flat.bill_item
    where model <> ''
),

unknown_values as (
    select s.report, s.day, s.kind, s.value
    from sent as s
    anti join flat.known_names as k on k.kind = s.kind and k.value = s.known_by
)

select
    u.report, -- GitHub's own name of the report  #not_null #unique(report, kind, name, json_type)
    'field' as kind, -- what is not known  #not_null #accepted(field, feature, ide, language, model)
    u.path as name, -- JSON path of a field, where [] stands for the elements of a list; else the value  #not_null
    u.json_type, -- JSON type of what a field holds, never what it holds; null of a value
    min(u.day) as first_day, -- first UTC day it was seen on  #not_null
    max(u.day) as last_day, -- last UTC day it was seen on  #not_null
    count(distinct u.day)::bigint as days, -- days it was seen on  #not_null
    if(u.report = 'users-1-day', null, sum(u.records))::bigint as records -- records that have it, at least: of each fetch only the first 100 with unknown fields are looked at; null of users-1-day, of which they are people; of a value, scopes and days
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
