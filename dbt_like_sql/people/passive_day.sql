/*
description: |
  One row per scope, UTC day and person whose only sign in the per-user report is a code review that Copilot was asked
  for automatically: GitHub calls that no active engagement, and counts it in fields of its own. Of persons, so never
  published: who did something themselves is told without these.
incremental: day
*/
select
    scope, -- organisation or enterprise  #not_null #unique(scope, day, user_id)
    day, -- UTC day  #not_null
    user_id -- the person, as in flat.user_daily  #not_null
from flat.user_daily
where
    user_id is not null
    and day >= coalesce(getvariable('since'), date '0001-01-01')
    and used_copilot_code_review_passive
    and (
        used_copilot_code_review_active or used_chat or used_agent or used_cli or used_copilot_app or used_vscode_agent
        or used_copilot_cloud_agent or used_copilot_coding_agent
        or greatest(
            user_initiated_interaction_count, code_generation_activity_count, code_acceptance_activity_count,
            loc_suggested_to_add_sum, loc_suggested_to_delete_sum, loc_added_sum, loc_deleted_sum
        ) > 0
    ) is not true
order by scope, day, user_id
