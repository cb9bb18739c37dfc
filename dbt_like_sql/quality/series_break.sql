/*
description: |
  One row per date on which GitHub changed what a number means, began to tell one, or told it wrong.
  From GitHub's changelog and its data dictionary, as of 2026-11. Weekly models carry what falls into a week of their
  reports, and give no change across a date that moves the columns it is made from.
*/
with breaks (day, kind, what, moved) as (
    values
        (date '2025-10-10', 'start', 'enterprise reports begin', ['entity_daily', 'user_daily']),
        (date '2025-12-12', 'start', 'organisation reports begin', ['entity_daily', 'user_daily']),
        (date '2026-02-27', 'start', 'general availability: CLI and pull request fields', ['user_daily.used_cli', 'entity_cli_daily', 'user_cli_daily', 'entity_pull_request_daily']),
        (date '2026-03-02', 'definition', 'plan mode is a feature of its own; it was chat_panel_unknown_mode before', ['entity_feature_daily.feature', 'user_feature_daily.feature']),
        (date '2026-03-20', 'definition', 'the model auto is told as the model it chose', ['entity_language_model_daily.model', 'entity_model_feature_daily.model', 'user_language_model_daily.model', 'user_model_feature_daily.model']),
        (date '2026-03-25', 'start', 'use of the coding agent per person', ['user_daily.used_copilot_coding_agent']),
        (date '2026-04-06', 'start', 'active and passive code review per person', ['user_daily.used_copilot_code_review_active', 'user_daily.used_copilot_code_review_passive']),
        (date '2026-04-10', 'definition', 'CLI activity is included in totals and in the feature breakdown', ['activity', 'entity_feature_daily', 'user_feature_daily']),
        (date '2026-04-10', 'start', 'people who use the cloud agent', ['entity_daily.daily_active_copilot_cloud_agent_users', 'entity_daily.weekly_active_copilot_cloud_agent_users', 'entity_daily.monthly_active_copilot_cloud_agent_users']),
        (date '2026-04-22', 'start', 'people with active and passive code review', ['entity_daily.daily_active_copilot_code_review_users', 'entity_daily.daily_passive_copilot_code_review_users']),
        (date '2026-05-08', 'start', 'kinds of review comments', ['entity_comment_type_daily']),
        (date '2026-05-14', 'start', 'members of teams', ['user_team_daily']),
        (date '2026-05-29', 'start', 'adoption phases', ['entity_adoption_phase_daily', 'user_daily.ai_adoption_phase']),
        (date '2026-06-15', 'definition', 'people seen only by server-side telemetry count as active', ['active_users']),
        (date '2026-06-19', 'start', 'AI credits per person', ['user_daily.ai_credits_used']),
        (date '2026-06-26', 'start', 'merged pull requests per adoption phase', ['entity_adoption_phase_daily.total_pull_requests_merged']),
        (date '2026-07-02', 'fix', 'accuracy fixes: CLI lines, duplicate events, IDE of server-side users', ['activity', 'entity_ide_daily', 'user_ide_daily', 'user_daily.ai_credits_used']),
        (date '2026-07-07', 'start', 'reviews per adoption phase', ['entity_adoption_phase_daily.avg_pull_requests_minutes_to_review', 'entity_adoption_phase_daily.avg_pull_requests_review_cycles']),
        (date '2026-07-17', 'start', 'repositories, and people who use the Copilot app', ['repo_pull_request_daily', 'entity_daily.daily_active_copilot_app_users', 'entity_copilot_app_daily', 'user_copilot_app_daily']),
        (date '2026-07-28', 'definition', 'Copilot app activity is included in active users and totals', ['active_users', 'activity', 'entity_feature_daily', 'user_feature_daily']),
        (date '2026-08-07', 'start', 'agent apps', ['entity_third_party_agent_daily', 'user_third_party_agent_daily']),
        (date '2026-09-11', 'start', 'the VS Code Agents window, apart from agent mode', ['entity_daily.daily_active_vscode_agent_users', 'entity_vscode_agent_daily', 'user_vscode_agent_daily', 'user_daily.used_vscode_agent']),
        (date '2026-09-17', 'start', 'customisations of the CLI, feature engagement, whole population of phases', ['entity_skill_daily', 'user_skill_daily', 'feature_engagement_28_days', 'entity_adoption_phase_daily.users_in_phase_28d']),
        (date '2026-09-25', 'start', 'stages of reviews', ['repo_review_time_daily']),
        (date '2026-10-06', 'error', 'attribution bug in IDE SDKs: agent activity lost, CLI activity inflated; not put right for the past, fixed in VS Code 1.139.0 and Visual Studio 18.12', ['activity', 'breakdowns', 'entity_cli_daily', 'user_cli_daily'])
),

-- what several breaks move alike
groups (name, columns) as (
    values
        ('active_users', [
            'entity_daily.daily_active_users', 'entity_daily.weekly_active_users', 'entity_daily.monthly_active_users',
            'user_daily.user_id'
        ]),
        ('breakdowns', [
            'entity_ide_daily', 'entity_feature_daily', 'entity_language_feature_daily', 'entity_language_model_daily',
            'entity_model_feature_daily', 'user_ide_daily', 'user_feature_daily', 'user_language_feature_daily',
            'user_language_model_daily', 'user_model_feature_daily'
        ]),
        ('activity', [
            'entity_daily.user_initiated_interaction_count', 'entity_daily.code_generation_activity_count',
            'entity_daily.code_acceptance_activity_count', 'entity_daily.loc_suggested_to_add_sum',
            'entity_daily.loc_suggested_to_delete_sum', 'entity_daily.loc_added_sum', 'entity_daily.loc_deleted_sum',
            'user_daily.user_initiated_interaction_count', 'user_daily.code_generation_activity_count',
            'user_daily.code_acceptance_activity_count', 'user_daily.loc_suggested_to_add_sum',
            'user_daily.loc_suggested_to_delete_sum', 'user_daily.loc_added_sum', 'user_daily.loc_deleted_sum'
        ])
),

named as (
    select
        *,
        unnest(moved) as name
    from breaks
),

columns as (
    select
        n.*,
        unnest(coalesce(g.columns, [n.name])) as moved_column
    from named as n
    left join groups as g on g.name = n.name
),

told as (
    select
        *,
        case
            when moved_column like 'entity_%' then 'entity-1-day'
            when moved_column like 'user_team_%' then 'user-teams-1-day'
            when moved_column like 'user_%' then 'users-1-day'
            when moved_column like 'repo_%' then 'repos-1-day'
            else 'enterprise-28-day'
        end as report
    from columns
)

select
    day, -- UTC day from which the new meaning holds  #not_null #unique(day, what)
    kind, -- definition: a number means something else; start: a number that was not told before; fix: GitHub mended it; error: GitHub told it wrong  #not_null #accepted(definition, start, fix, error)
    what, -- what changed  #not_null
    string_agg(distinct report, ', ' order by report) as reports, -- the reports that it is about, as in `source` of quality.weekly_coverage  #not_null
    bool_or(name = 'active_users') as moves_active_users, -- whether daily, weekly and monthly active users jump  #not_null
    bool_or(name = 'activity') as moves_activity, -- whether interaction, generation, acceptance and line counters jump  #not_null
    string_agg('flat.' || moved_column, ', ' order by moved_column) as moved_columns -- columns that jump or begin; a table stands for all its numbers, flat.user_daily.user_id for who has a row there  #not_null
from told
group by day, kind, what
order by day, what
