"""Records of the usage-metrics reports: an entity's day, a person's, a team membership, a repository's, 28 days.

Sources: GitHub Docs, "Data available in Copilot usage metrics" and its "Example schema" (June 2026), and the changelog
of 2026-02 to 2026-10 for later fields. Where a sentence holds for all records of a kind, it stands at the class.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from copilot_assets.records.fields import Record, count, identity, in_raw_only, meta, number, person_id, person_login

# The fields that every record begins and ends with.
Day = Annotated[dt.date, in_raw_only("UTC day")]
EnterpriseId = Annotated[str, meta("GitHub's id of the enterprise")] | None
OrganizationId = Annotated[str, meta("GitHub's id of the organisation; null for an enterprise")] | None
Housekeeping = Annotated[Any, in_raw_only("GitHub's own processing")]


class CodeActivity(Record):
    """The six code-activity counters that every breakdown carries (GitHub's data dictionary)."""

    code_generation_activity_count: (
        Annotated[int, count("Outputs of Copilot (events); each code block of an answer counts")] | None
    ) = None
    code_acceptance_activity_count: (
        Annotated[int, count("Outputs accepted (events): applied, inserted, or taken with the Copy button")] | None
    ) = None
    loc_suggested_to_add_sum: (
        Annotated[int, count("Lines that Copilot suggested to add; agent edits are not suggestions")] | None
    ) = None
    loc_suggested_to_delete_sum: (
        Annotated[int, count("Lines that Copilot suggested to delete; mostly 0 so far")] | None
    ) = None
    loc_added_sum: (
        Annotated[int, count("Lines really added: accepted completions, applied blocks, agent and edit mode")] | None
    ) = None
    loc_deleted_sum: Annotated[int, count("Lines really deleted, so far by agent edits")] | None = None


class Activity(CodeActivity):
    """The six counters and the prompts: all seven."""

    user_initiated_interaction_count: (
        Annotated[int, count("Prompts that a person sent (events); opening a panel or switching a mode is none")] | None
    ) = None


class IdeVersion(Record):
    """The newest IDE version seen of a person that day."""

    ide_version: Annotated[str, meta("Newest IDE version seen")] | None = None
    sampled_at: (
        Annotated[str, meta("When that version was seen, ISO 8601 UTC", column="ide_version_sampled_at")] | None
    ) = None


class PluginVersion(Record):
    """The newest Copilot plugin seen of a person that day."""

    plugin: Annotated[str, meta("Copilot plugin; may be empty")] | None = None
    plugin_version: Annotated[str, meta("Newest plugin version seen; may be empty")] | None = None
    sampled_at: (
        Annotated[str, meta("When that version was seen, ISO 8601 UTC", column="plugin_version_sampled_at")] | None
    ) = None


class Ide(Activity, kw_only=True):
    """One element of `totals_by_ide` of an entity."""

    ide: Annotated[str, meta("IDE as GitHub names it (`vscode`, `intellij` …; `others` for the rest)", key=True)]


class UserIde(Ide):
    """One element of `totals_by_ide` of a person: versions beside the counters, absent for `others`."""

    last_known_ide_version: IdeVersion | None = None
    last_known_plugin_version: PluginVersion | None = None


class Feature(Activity, kw_only=True):
    """One element of `totals_by_feature`."""

    feature: Annotated[str, meta("Feature (`code_completion`, `chat_panel_ask_mode`, `copilot_cli` …)", key=True)]


class LanguageFeature(CodeActivity, kw_only=True):
    """One element of `totals_by_language_feature`; it has no prompts."""

    language: Annotated[str, meta("Language id as GitHub gives it, aliases included", key=True)]
    feature: Annotated[str, meta("Feature, as in the feature table", key=True)]


class LanguageModel(CodeActivity, kw_only=True):
    """One element of `totals_by_language_model`; it has no prompts."""

    language: Annotated[str, meta("Language id as GitHub gives it, aliases included", key=True)]
    model: Annotated[str, meta("Model as GitHub names it (`auto`, `unknown` and `others` occur)", key=True)]


class ModelFeature(Activity, kw_only=True):
    """One element of `totals_by_model_feature`."""

    model: Annotated[str, meta("Model as GitHub names it (`auto`, `unknown` and `others` occur)", key=True)]
    feature: Annotated[str, meta("Feature, as in the feature table", key=True)]


class TokenUsage(Record):
    """Tokens of one surface and day."""

    output_tokens_sum: Annotated[int, count("Tokens that models wrote")] | None = None
    prompt_tokens_sum: Annotated[int, count("Tokens sent to models")] | None = None
    avg_tokens_per_request: (
        Annotated[float, number("(output + prompt tokens) / requests; null when there were no requests")] | None
    ) = None


class CliVersion(Record):
    """The newest Copilot CLI seen of a person that day."""

    cli_version: Annotated[str, meta("Newest CLI version seen (`unknown` when not told)")] | None = None
    sampled_at: (
        Annotated[str, meta("When that version was seen, ISO 8601 UTC", column="cli_version_sampled_at")] | None
    ) = None


class Sessions(Record):
    """`totals_by_cli` and `totals_by_copilot_app`; absent or null on a day without use."""

    session_count: Annotated[int, count("Sessions")] | None = None
    request_count: Annotated[int, count("Requests to models: prompts and the agent's own follow-ups")] | None = None
    prompt_count: Annotated[int, count("Prompts that people sent")] | None = None
    token_usage: TokenUsage | None = None


class UserCli(Sessions):
    """`totals_by_cli` of a person, with the version seen."""

    last_known_cli_version: CliVersion | None = None


class VscodeAgent(Record):
    """`totals_by_vscode_agent`: the dedicated Agents window of VS Code, never part of other totals (2026-09-11)."""

    session_count: Annotated[int, count("Sessions in the Agents window")] | None = None
    total_user_messages: Annotated[int, count("Messages that people sent in it")] | None = None


class ThirdPartyAgent(Record, kw_only=True):
    """One element of `totals_by_3rd_party_agent` (2026-08-07); not to be added to the counters of the day."""

    agent_id: Annotated[str, meta("GitHub's id of the agent app; group by it, names may repeat", key=True)]
    agent_name: Annotated[str, meta("Agent app (Claude, Codex …)")] | None = None
    user_initiated_interaction_count: Annotated[int, count("Prompts that people sent to it (events)")] | None = None
    session_count: Annotated[int, count("Sessions; GitHub tells them for entities, not for people")] | None = None


class Customization(Record):
    """Use of one CLI customisation that day (2026-09-17): the five most used, the company's own under `other`."""

    interaction_count: (
        Annotated[int, count("Uses; for an MCP server attempts to connect, failed ones included")] | None
    ) = None
    # What GitHub called it in its first files; whichever comes is shown.
    user_initiated_interaction_count: (
        Annotated[int, count("Older name of interaction_count", column="interaction_count")] | None
    ) = None


class Skill(Customization, kw_only=True):
    """One element of `totals_by_skill`."""

    skill: Annotated[str, meta("Skill; `other` for the company's own", key=True)]


class CustomAgent(Customization, kw_only=True):
    """One element of `totals_by_custom_agent`."""

    custom_agent: Annotated[str, meta("Custom agent; `other` for the company's own", key=True)]


class Mcp(Customization, kw_only=True):
    """One element of `totals_by_mcp`."""

    mcp: Annotated[str, meta("MCP server; `other` for the company's own", key=True)]


class SlashCmd(Customization, kw_only=True):
    """One element of `totals_by_slash_cmd`."""

    slash_cmd: Annotated[str, meta("Slash command; `custom` for the company's own", key=True)]


class Plugin(Customization, kw_only=True):
    """One element of `totals_by_plugin`; its uses are part of the skills' already."""

    plugin: Annotated[str, meta("Plugin; `other` for the company's own", key=True)]


class ActivityDay(Activity, kw_only=True):
    """What the day of an entity and the day of a person have in common."""

    day: Day
    enterprise_id: EnterpriseId = None
    organization_id: OrganizationId = None
    etl_id: Housekeeping = None
    day_partition: Housekeeping = None
    entity_id_partition: Housekeeping = None
    ai_credits_used: (
        Annotated[
            float,
            number("AI credits attributed (credits), not what is billed; of people since 2026-06-19, of entities rare"),
        ]
        | None
    ) = None
    distinct_skill_use_count: Annotated[int, count("Different skills used in the CLI")] | None = None
    distinct_custom_agent_use_count: Annotated[int, count("Different custom agents used in the CLI")] | None = None
    distinct_mcp_use_count: Annotated[int, count("Different MCP servers used in the CLI")] | None = None
    distinct_slash_cmd_use_count: Annotated[int, count("Different slash commands used in the CLI")] | None = None
    distinct_plugin_use_count: Annotated[int, count("Different plugins used in the CLI")] | None = None
    totals_by_feature: tuple[Feature, ...] | None = None
    totals_by_language_feature: tuple[LanguageFeature, ...] | None = None
    totals_by_language_model: tuple[LanguageModel, ...] | None = None
    totals_by_model_feature: tuple[ModelFeature, ...] | None = None
    totals_by_copilot_app: Sessions | None = None
    totals_by_vscode_agent: VscodeAgent | None = None
    totals_by_3rd_party_agent: tuple[ThirdPartyAgent, ...] | None = None
    totals_by_skill: tuple[Skill, ...] | None = None
    totals_by_custom_agent: tuple[CustomAgent, ...] | None = None
    totals_by_mcp: tuple[Mcp, ...] | None = None
    totals_by_slash_cmd: tuple[SlashCmd, ...] | None = None
    totals_by_plugin: tuple[Plugin, ...] | None = None


class AdoptionPhase(Record, kw_only=True):
    """One element of `totals_by_ai_adoption_phase` (2026-05-29): people by how they use Copilot over 28 days."""

    phase_number: Annotated[int, identity("0 No Cohort, 1 completions and edits, 2 one agent surface, 3 several")]
    phase: Annotated[str, meta("Phase as GitHub names it (`No Cohort`, `Phase 1` …)", key=True)] | None = None
    total_engaged_users: Annotated[int, count("People of the phase who were active that day")] | None = None
    users_in_phase_28d: Annotated[int, count("All people of the phase, 28 days; since 2026-09-17")] | None = None
    avg_user_initiated_interactions: Annotated[float, number("Prompts a person (events)")] | None = None
    avg_code_generation_activities: Annotated[float, number("Outputs a person (events)")] | None = None
    avg_code_acceptance_activities: Annotated[float, number("Outputs accepted a person (events)")] | None = None
    avg_loc_added: Annotated[float, number("Lines added a person")] | None = None
    avg_loc_deleted: Annotated[float, number("Lines deleted a person")] | None = None
    avg_pull_requests_reviewed: Annotated[float, number("Pull requests reviewed a person")] | None = None
    avg_pull_requests_created: Annotated[float, number("Pull requests opened a person")] | None = None
    avg_pull_requests_merged: Annotated[float, number("Pull requests merged a person")] | None = None
    avg_pull_requests_median_minutes_to_merge: (
        Annotated[float, number("Minutes to merge: a person's median, averaged over people")] | None
    ) = None
    total_pull_requests_merged: Annotated[int, count("Pull requests merged; since 2026-06-26")] | None = None
    avg_pull_requests_minutes_to_review: (
        Annotated[float, number("Median minutes to the first review, whatever the name says; since 2026-07-07")] | None
    ) = None
    avg_pull_requests_review_cycles: (
        Annotated[float, number("Median rounds of review, whatever the name says; since 2026-07-07")] | None
    ) = None


class PullRequests(Record):
    """`pull_requests` of an entity or a repository.

    Created and merged count once, on their day; reviewed counts once a day and pull request, on several days maybe.
    Numbers of organisations are not deduplicated across organisations.
    """

    total_created: Annotated[int, count("Pull requests opened that day")] | None = None
    total_reviewed: Annotated[int, count("Pull requests reviewed that day")] | None = None
    total_merged: Annotated[int, count("Pull requests merged that day")] | None = None
    total_suggestions: Annotated[int, count("Review suggestions, by anybody")] | None = None
    total_applied_suggestions: Annotated[int, count("Review suggestions applied, by anybody")] | None = None
    total_created_by_copilot: Annotated[int, count("Pull requests that Copilot opened")] | None = None
    total_reviewed_by_copilot: Annotated[int, count("Pull requests that Copilot reviewed")] | None = None
    total_merged_created_by_copilot: Annotated[int, count("Merged pull requests that Copilot opened")] | None = None
    total_merged_reviewed_by_copilot: Annotated[int, count("Merged pull requests that Copilot reviewed")] | None = None
    total_copilot_suggestions: Annotated[int, count("Review suggestions by Copilot")] | None = None
    total_copilot_applied_suggestions: (
        Annotated[int, count("Suggestions by Copilot applied that day, also those made on earlier days")] | None
    ) = None
    median_minutes_to_merge: (
        Annotated[float, number("Median minutes from opening to merge; null without merges")] | None
    ) = None
    median_minutes_to_merge_copilot_authored: (
        Annotated[float, number("The same of pull requests that Copilot opened, minutes")] | None
    ) = None
    median_minutes_to_merge_copilot_reviewed: (
        Annotated[float, number("The same of pull requests that Copilot reviewed, minutes")] | None
    ) = None


class CommentType(Record, kw_only=True):
    """One element of `copilot_suggestions_by_comment_type` (2026-05-08)."""

    comment_type: Annotated[str, meta("Kind of review comment (`security`, `bug_risk` …)", key=True)]
    total_copilot_suggestions: Annotated[int, count("Review suggestions by Copilot")] | None = None
    total_copilot_applied_suggestions: (
        Annotated[int, count("Suggestions by Copilot applied that day, also those made on earlier days")] | None
    ) = None


class EntityPullRequests(PullRequests):
    """`pull_requests` of an entity: with the kinds of comments, which GitHub does not tell of a repository."""

    copilot_suggestions_by_comment_type: tuple[CommentType, ...] | None = None


class EntityDay(ActivityDay, kw_only=True):
    """One organisation or enterprise on one day: `organization-1-day`, `enterprise-1-day`."""

    daily_active_users: (
        Annotated[
            int, count("People active that day; server-side-only users since 2026-06-15, app users since 2026-07-28")
        ]
        | None
    ) = None
    weekly_active_users: Annotated[int, count("People active in the 7 days that end with this one")] | None = None
    monthly_active_users: Annotated[int, count("People active in the 28 days that end with this one")] | None = None
    monthly_active_chat_users: Annotated[int, count("People with IDE chat in those 28 days")] | None = None
    monthly_active_agent_users: Annotated[int, count("People with IDE agent mode in those 28 days")] | None = None
    daily_active_cli_users: Annotated[int, count("People with CLI use that day; absent without any")] | None = None
    daily_active_copilot_app_users: Annotated[int, count("People with Copilot app use that day")] | None = None
    daily_active_vscode_agent_users: (
        Annotated[int, count("People who used the VS Code Agents window that day; absent without any")] | None
    ) = None
    daily_active_copilot_cloud_agent_users: Annotated[int, count("People with the cloud agent that day")] | None = None
    weekly_active_copilot_cloud_agent_users: Annotated[int, count("The same over 7 days")] | None = None
    monthly_active_copilot_cloud_agent_users: Annotated[int, count("The same over 28 days")] | None = None
    daily_active_copilot_code_review_users: (
        Annotated[int, count("People who asked Copilot for a review or applied a suggestion that day")] | None
    ) = None
    weekly_active_copilot_code_review_users: Annotated[int, count("The same over 7 days")] | None = None
    monthly_active_copilot_code_review_users: Annotated[int, count("The same over 28 days")] | None = None
    daily_passive_copilot_code_review_users: (
        Annotated[int, count("People with nothing but automatically assigned reviews that day")] | None
    ) = None
    weekly_passive_copilot_code_review_users: Annotated[int, count("The same over 7 days")] | None = None
    monthly_passive_copilot_code_review_users: Annotated[int, count("The same over 28 days")] | None = None
    weekly_active_vscode_agent_users: (
        Annotated[int, count("The same as daily_active_vscode_agent_users over 7 days; rare")] | None
    ) = None
    monthly_active_vscode_agent_users: Annotated[int, count("The same over 28 days; rare")] | None = None
    totals_by_ide: tuple[Ide, ...] | None = None
    totals_by_cli: Sessions | None = None
    totals_by_ai_adoption_phase: tuple[AdoptionPhase, ...] | None = None
    pull_requests: EntityPullRequests | None = None


class UserPhase(Record):
    """`ai_adoption_phase` of a person."""

    phase_number: (
        Annotated[
            int,
            count(
                "Adoption phase: 0 No Cohort, 1 completions and edits, 2 one agent surface, 3 several",
                column="ai_adoption_phase_number",
            ),
        ]
        | None
    ) = None
    phase: Annotated[str, meta("Adoption phase as GitHub names it", column="ai_adoption_phase")] | None = None
    version: (
        Annotated[str, meta("Version of GitHub's definition of phases", column="ai_adoption_phase_version")] | None
    ) = None


class UserDay(ActivityDay, kw_only=True):
    """One person in one scope on one day: `users-1-day`. A person without activity has no record."""

    user_id: Annotated[int, person_id("The person: a pseudonym, or GitHub's id with COPILOT_IDENTITIES=login")]
    user_login: Annotated[str, person_login("Login of the person; null unless COPILOT_IDENTITIES=login")] | None = None
    report_start_day: (
        Annotated[dt.date, in_raw_only("First UTC day of the 28 that a row of users-28-day is of")] | None
    ) = None
    report_end_day: Annotated[dt.date, in_raw_only("Last UTC day of these 28")] | None = None
    used_agent: Annotated[bool, meta("Used IDE agent mode")] | None = None
    used_chat: Annotated[bool, meta("Used IDE chat")] | None = None
    used_cli: Annotated[bool, meta("Used the Copilot CLI")] | None = None
    used_copilot_coding_agent: Annotated[bool, meta("Older name of used_copilot_cloud_agent")] | None = None
    used_copilot_cloud_agent: Annotated[bool, meta("Used the cloud agent")] | None = None
    used_copilot_code_review_active: (
        Annotated[bool, meta("Asked Copilot for a review or applied its suggestion; null without a signal")] | None
    ) = None
    used_copilot_code_review_passive: (
        Annotated[bool, meta("Had an automatically assigned review; null without a signal")] | None
    ) = None
    used_copilot_app: Annotated[bool, meta("Used the Copilot app; since 2026-07-28")] | None = None
    used_vscode_agent: Annotated[bool, meta("Used the VS Code Agents window; since 2026-09-11")] | None = None
    ai_adoption_phase: UserPhase | None = None
    totals_by_ide: tuple[UserIde, ...] | None = None
    totals_by_cli: UserCli | None = None


class UserTeamDay(Record, kw_only=True):
    """One person in one team on one day: `user-teams-1-day` (2026-05-14).

    An organisation's report has organisation teams, an enterprise's has enterprise and business teams; teams with
    fewer than five seated people that day are left out (GitHub Docs, "Team-level metrics").
    """

    day: Day
    enterprise_id: EnterpriseId = None
    organization_id: OrganizationId = None
    etl_id: Housekeeping = None
    day_partition: Housekeeping = None
    entity_id_partition: Housekeeping = None
    team_id: Annotated[int, identity("GitHub's id of the team")]
    user_id: Annotated[int, person_id("The person: a pseudonym, or GitHub's id with COPILOT_IDENTITIES=login")]
    slug: Annotated[str, meta("Slug of the team; enterprise teams begin with `ent:`", column="team_slug")] | None = None
    user_login: Annotated[str, person_login("Login of the person; null unless COPILOT_IDENTITIES=login")] | None = None


class ReviewTime(Record, kw_only=True):
    """One element of `pull_request_review_times` (2026-09-25): pull requests that people opened and people reviewed."""

    authored_by: Annotated[str, meta("Who opened the pull requests (`human`)", key=True)]
    reviewed_by: Annotated[str, meta("Who reviewed them (`human`)", key=True)]
    total_merged: Annotated[int, count("Pull requests merged that day")] | None = None
    median_minutes_ready_to_first_review: Annotated[float, number("Median minutes, ready to first review")] | None = (
        None
    )
    p90_minutes_ready_to_first_review: Annotated[float, number("The same, 90th percentile")] | None = None
    median_minutes_first_to_final_review: (
        Annotated[float, number("Median minutes, first to final review; 0 with a single one")] | None
    ) = None
    p90_minutes_first_to_final_review: Annotated[float, number("The same, 90th percentile")] | None = None
    median_minutes_final_review_to_merge: Annotated[float, number("Median minutes, final review to merge")] | None = (
        None
    )
    p90_minutes_final_review_to_merge: Annotated[float, number("The same, 90th percentile")] | None = None


class RepoPullRequests(PullRequests):
    """`pull_requests` of a repository."""

    copilot_suggestions_by_comment_type: Annotated[Any, in_raw_only("Not told of a repository; an empty list")] = None


class RepoDay(Record, kw_only=True):
    """One repository on one day: `repos-1-day` (2026-07-17). A repository without activity has no record."""

    day: Day
    enterprise_id: EnterpriseId = None
    organization_id: OrganizationId = None
    etl_id: Housekeeping = None
    day_partition: Housekeeping = None
    entity_id_partition: Housekeeping = None
    repo_id: Annotated[int, identity("GitHub's id of the repository")]
    repo_owner_name: Annotated[str, meta("Organisation that owns it")] | None = None
    repo_name: Annotated[str, meta("Repository")] | None = None
    repo_visibility: Annotated[str, meta("`INTERNAL`, `PRIVATE` or `PUBLIC`")] | None = None
    pull_requests: RepoPullRequests | None = None
    pull_request_review_times: tuple[ReviewTime, ...] | None = None


class EngagedFeature(Record, kw_only=True):
    """One element of `copilot_feature_engagement.totals_by_feature`."""

    feature: Annotated[str, meta("Feature, in the words of this report", key=True)]
    engaged_user_count: Annotated[int, count("People who used it on two of the 28 days at least")] | None = None


class FeatureEngagement(Record):
    """`copilot_feature_engagement` (2026-09-17)."""

    active_user_count: Annotated[int, count("People active in the 28 days")] | None = None
    totals_by_feature: tuple[EngagedFeature, ...] | None = None


class EntityWindow(Record, kw_only=True):
    """The newest 28 days of an organisation or enterprise: `organization-28-day`, `enterprise-28-day`.

    Its days are those of the 1-day report, in any order; what only this report has is who is engaged with a feature.
    """

    report_start_day: Annotated[dt.date, meta("First UTC day of the 28")]
    report_end_day: Annotated[dt.date, in_raw_only("Last UTC day of the 28, the table's day")]
    created_at: Annotated[str, meta("When GitHub made it, ISO 8601 UTC")] | None = None
    enterprise_id: EnterpriseId = None
    organization_id: OrganizationId = None
    day_totals: (
        Annotated[tuple[EntityDay, ...], in_raw_only("The 1-day reports of the window, in any order")] | None
    ) = None
    copilot_feature_engagement: FeatureEngagement | None = None
    etl_id: Housekeeping = None
    day_partition: Housekeeping = None
    entity_id_partition: Housekeeping = None

    @property
    def about(self) -> dt.date | None:
        """The last day of the window."""
        return self.report_end_day
