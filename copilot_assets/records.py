"""The record contract: every field of GitHub's reports once, with JSON name, type, bounds, unit and meaning.

All else derives from it: validation of what arrives, the structure DuckDB parses with, the columns, types and docs of
the flat tables. Nothing here reads files, fetches, or flattens.

Sources: GitHub Docs, "Data available in Copilot usage metrics" and its "Example schema" (June 2026), the changelog of
2026-02 to 2026-10 for later fields, and for the legacy metrics the OpenAPI component `copilot-usage-metrics-day`.

Two marks stand in a field's `Meta(extra=…)`: `column` renames it in the flat tables, and `key` makes it a key that
every row below it carries. A field that is absent and one that is null are both unknown: `None`, never 0.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import msgspec
from msgspec import Meta

# DuckDB's and Polars' BIGINT.
_MAX: Final = 2**63 - 1


def _meta(text: str, *, column: str | None = None, key: bool = False) -> Meta:
    return Meta(description=text, extra={"column": column, "key": key})


def _count(text: str, *, column: str | None = None) -> Meta:
    return Meta(ge=0, le=_MAX, description=text, extra={"column": column, "key": False})


def _number(text: str, *, column: str | None = None) -> Meta:
    return Meta(ge=0, description=text, extra={"column": column, "key": False})


class Record(msgspec.Struct):
    """Any object of the contract. Unknown fields pass: the raw text keeps them."""


class CodeActivity(Record):
    """The six code-activity counters that every breakdown carries (GitHub's data dictionary)."""

    code_generation_activity_count: (
        Annotated[int, _count("Outputs of Copilot (events); each code block of an answer counts")] | None
    ) = None
    code_acceptance_activity_count: (
        Annotated[int, _count("Outputs accepted (events): applied, inserted, or taken with the Copy button")] | None
    ) = None
    loc_suggested_to_add_sum: (
        Annotated[int, _count("Lines that Copilot suggested to add; agent edits are not suggestions")] | None
    ) = None
    loc_suggested_to_delete_sum: (
        Annotated[int, _count("Lines that Copilot suggested to delete; mostly 0 so far")] | None
    ) = None
    loc_added_sum: (
        Annotated[int, _count("Lines really added: accepted completions, applied blocks, agent and edit mode")] | None
    ) = None
    loc_deleted_sum: Annotated[int, _count("Lines really deleted, so far by agent edits")] | None = None


class Activity(CodeActivity):
    """The six counters and the prompts: all seven."""

    user_initiated_interaction_count: (
        Annotated[int, _count("Prompts that a person sent (events); opening a panel or switching a mode is none")]
        | None
    ) = None


class IdeVersion(Record):
    """The newest IDE version seen of a person that day."""

    ide_version: Annotated[str, _meta("Newest IDE version seen")] | None = None
    sampled_at: (
        Annotated[str, _meta("When that version was seen, ISO 8601 UTC", column="ide_version_sampled_at")] | None
    ) = None


class PluginVersion(Record):
    """The newest Copilot plugin seen of a person that day."""

    plugin: Annotated[str, _meta("Copilot plugin; may be empty")] | None = None
    plugin_version: Annotated[str, _meta("Newest plugin version seen; may be empty")] | None = None
    sampled_at: (
        Annotated[str, _meta("When that version was seen, ISO 8601 UTC", column="plugin_version_sampled_at")] | None
    ) = None


class Ide(Activity, kw_only=True):
    """One element of `totals_by_ide` of an entity."""

    ide: Annotated[str, _meta("IDE as GitHub names it (`vscode`, `intellij` …; `others` for the rest)", key=True)]


class UserIde(Ide):
    """One element of `totals_by_ide` of a person: versions beside the counters, absent for `others`."""

    last_known_ide_version: IdeVersion | None = None
    last_known_plugin_version: PluginVersion | None = None


class Feature(Activity, kw_only=True):
    """One element of `totals_by_feature`."""

    feature: Annotated[str, _meta("Feature (`code_completion`, `chat_panel_ask_mode`, `copilot_cli` …)", key=True)]


class LanguageFeature(CodeActivity, kw_only=True):
    """One element of `totals_by_language_feature`; it has no prompts."""

    language: Annotated[str, _meta("Language id as GitHub gives it, aliases included", key=True)]
    feature: Annotated[str, _meta("Feature, as in the feature table", key=True)]


class LanguageModel(CodeActivity, kw_only=True):
    """One element of `totals_by_language_model`; it has no prompts."""

    language: Annotated[str, _meta("Language id as GitHub gives it, aliases included", key=True)]
    model: Annotated[str, _meta("Model as GitHub names it (`auto`, `unknown` and `others` occur)", key=True)]


class ModelFeature(Activity, kw_only=True):
    """One element of `totals_by_model_feature`."""

    model: Annotated[str, _meta("Model as GitHub names it (`auto`, `unknown` and `others` occur)", key=True)]
    feature: Annotated[str, _meta("Feature, as in the feature table", key=True)]


class TokenUsage(Record):
    """Tokens of one surface and day."""

    output_tokens_sum: Annotated[int, _count("Tokens that models wrote")] | None = None
    prompt_tokens_sum: Annotated[int, _count("Tokens sent to models")] | None = None
    avg_tokens_per_request: (
        Annotated[float, _number("(output + prompt tokens) / requests; null when there were no requests")] | None
    ) = None


class CliVersion(Record):
    """The newest Copilot CLI seen of a person that day."""

    cli_version: Annotated[str, _meta("Newest CLI version seen (`unknown` when not told)")] | None = None
    sampled_at: (
        Annotated[str, _meta("When that version was seen, ISO 8601 UTC", column="cli_version_sampled_at")] | None
    ) = None


class Cli(Record):
    """`totals_by_cli` of an entity; absent on a day without CLI use."""

    session_count: Annotated[int, _count("CLI sessions")] | None = None
    request_count: Annotated[int, _count("Requests to models: prompts and the agent's own follow-ups")] | None = None
    prompt_count: Annotated[int, _count("Prompts that people sent")] | None = None
    token_usage: TokenUsage | None = None


class UserCli(Cli):
    """`totals_by_cli` of a person, with the version seen."""

    last_known_cli_version: CliVersion | None = None


class PullRequests(Record):
    """`pull_requests` of an entity or a repository.

    Created and merged count once, on their day; reviewed counts once a day and pull request, on several days maybe.
    Numbers of organisations are not deduplicated across organisations.
    """

    total_created: Annotated[int, _count("Pull requests opened that day")] | None = None
    total_reviewed: Annotated[int, _count("Pull requests reviewed that day")] | None = None
    total_merged: Annotated[int, _count("Pull requests merged that day")] | None = None
    total_suggestions: Annotated[int, _count("Review suggestions, by anybody")] | None = None
    total_applied_suggestions: Annotated[int, _count("Review suggestions applied, by anybody")] | None = None
    total_created_by_copilot: Annotated[int, _count("Pull requests that Copilot opened")] | None = None
    total_reviewed_by_copilot: Annotated[int, _count("Pull requests that Copilot reviewed")] | None = None
    total_merged_created_by_copilot: Annotated[int, _count("Merged pull requests that Copilot opened")] | None = None
    total_merged_reviewed_by_copilot: Annotated[int, _count("Merged pull requests that Copilot reviewed")] | None = None
    total_copilot_suggestions: Annotated[int, _count("Review suggestions by Copilot")] | None = None
    total_copilot_applied_suggestions: (
        Annotated[int, _count("Suggestions by Copilot applied that day, also those made on earlier days")] | None
    ) = None
    median_minutes_to_merge: (
        Annotated[float, _number("Median minutes from opening to merge; null without merges")] | None
    ) = None
    median_minutes_to_merge_copilot_authored: (
        Annotated[float, _number("The same of pull requests that Copilot opened, minutes")] | None
    ) = None
    median_minutes_to_merge_copilot_reviewed: (
        Annotated[float, _number("The same of pull requests that Copilot reviewed, minutes")] | None
    ) = None


class EntityDay(Activity, kw_only=True):
    """One organisation or enterprise on one day: `organization-1-day`, `enterprise-1-day`."""

    day: Annotated[dt.date, _meta("UTC day")]
    enterprise_id: Annotated[str, _meta("GitHub's id of the enterprise")] | None = None
    organization_id: Annotated[str, _meta("GitHub's id of the organisation; null for an enterprise")] | None = None
    daily_active_users: (
        Annotated[
            int, _count("People active that day; server-side-only users since 2026-06-15, app users since 2026-07-28")
        ]
        | None
    ) = None
    weekly_active_users: Annotated[int, _count("People active in the 7 days that end with this one")] | None = None
    monthly_active_users: Annotated[int, _count("People active in the 28 days that end with this one")] | None = None
    monthly_active_chat_users: Annotated[int, _count("People with IDE chat in those 28 days")] | None = None
    monthly_active_agent_users: Annotated[int, _count("People with IDE agent mode in those 28 days")] | None = None
    daily_active_cli_users: Annotated[int, _count("People with CLI use that day; absent without any")] | None = None
    daily_active_copilot_app_users: Annotated[int, _count("People with Copilot app use that day")] | None = None
    daily_active_vscode_agent_users: (
        Annotated[int, _count("People who used the VS Code Agents window that day; absent without any")] | None
    ) = None
    daily_active_copilot_cloud_agent_users: Annotated[int, _count("People with the cloud agent that day")] | None = None
    weekly_active_copilot_cloud_agent_users: Annotated[int, _count("The same over 7 days")] | None = None
    monthly_active_copilot_cloud_agent_users: Annotated[int, _count("The same over 28 days")] | None = None
    daily_active_copilot_code_review_users: (
        Annotated[int, _count("People who asked Copilot for a review or applied a suggestion that day")] | None
    ) = None
    weekly_active_copilot_code_review_users: Annotated[int, _count("The same over 7 days")] | None = None
    monthly_active_copilot_code_review_users: Annotated[int, _count("The same over 28 days")] | None = None
    daily_passive_copilot_code_review_users: (
        Annotated[int, _count("People with nothing but automatically assigned reviews that day")] | None
    ) = None
    weekly_passive_copilot_code_review_users: Annotated[int, _count("The same over 7 days")] | None = None
    monthly_passive_copilot_code_review_users: Annotated[int, _count("The same over 28 days")] | None = None
    totals_by_ide: tuple[Ide, ...] | None = None
    totals_by_feature: tuple[Feature, ...] | None = None
    totals_by_language_feature: tuple[LanguageFeature, ...] | None = None
    totals_by_language_model: tuple[LanguageModel, ...] | None = None
    totals_by_model_feature: tuple[ModelFeature, ...] | None = None
    totals_by_cli: Cli | None = None
    pull_requests: PullRequests | None = None


class UserDay(Activity, kw_only=True):
    """One person in one scope on one day: `users-1-day`. A person without activity has no record."""

    day: Annotated[dt.date, _meta("UTC day")]
    user_id: Annotated[int, Meta(ge=0, le=_MAX, description="GitHub's id of the person", extra={"key": True})]
    # Logins stay in raw: they change, and a table of numbers has no need of names.
    enterprise_id: Annotated[str, _meta("GitHub's id of the enterprise")] | None = None
    organization_id: Annotated[str, _meta("GitHub's id of the organisation; null for an enterprise")] | None = None
    used_agent: Annotated[bool, _meta("Used IDE agent mode")] | None = None
    used_chat: Annotated[bool, _meta("Used IDE chat")] | None = None
    used_cli: Annotated[bool, _meta("Used the Copilot CLI")] | None = None
    used_copilot_coding_agent: Annotated[bool, _meta("Older name of used_copilot_cloud_agent")] | None = None
    used_copilot_cloud_agent: Annotated[bool, _meta("Used the cloud agent")] | None = None
    used_copilot_code_review_active: (
        Annotated[bool, _meta("Asked Copilot for a review or applied its suggestion; null without a signal")] | None
    ) = None
    used_copilot_code_review_passive: (
        Annotated[bool, _meta("Had an automatically assigned review; null without a signal")] | None
    ) = None
    used_copilot_app: Annotated[bool, _meta("Used the Copilot app")] | None = None
    used_vscode_agent: Annotated[bool, _meta("Used the VS Code Agents window")] | None = None
    ai_credits_used: (
        Annotated[float, _number("AI credits attributed to the person (credits), not what is billed; since 2026-06-19")]
        | None
    ) = None
    totals_by_ide: tuple[UserIde, ...] | None = None
    totals_by_feature: tuple[Feature, ...] | None = None
    totals_by_language_feature: tuple[LanguageFeature, ...] | None = None
    totals_by_language_model: tuple[LanguageModel, ...] | None = None
    totals_by_model_feature: tuple[ModelFeature, ...] | None = None
    totals_by_cli: UserCli | None = None


# --- The legacy metrics: what GitHub offered until 2026-04-02 ---------------------------------------------------


def _engaged(who: str, *, column: str | None = None) -> Meta:
    return _count(f"People who {who}; nested counts overlap and add up to nothing", column=column)


class LegacyModel(Record):
    """A model of any legacy block."""

    name: Annotated[str, _meta("Model (`default`, or the name of a custom one)", column="model", key=True)]
    is_custom_model: Annotated[bool, _meta("Whether it is a custom model", key=True)] | None = None
    custom_model_training_date: Annotated[dt.date, _meta("Day the custom model was trained", key=True)] | None = None


class LegacyLanguage(Record):
    """One language of one model of one editor."""

    name: Annotated[str, _meta("Language", column="language", key=True)]
    total_engaged_users: Annotated[int, _engaged("accepted a completion in it")] | None = None
    total_code_suggestions: Annotated[int, _count("Completions shown")] | None = None
    total_code_acceptances: Annotated[int, _count("Completions accepted, wholly or in part")] | None = None
    total_code_lines_suggested: Annotated[int, _count("Lines of the completions shown")] | None = None
    total_code_lines_accepted: Annotated[int, _count("Lines of the completions accepted")] | None = None


class LegacyCompletionModel(LegacyModel):
    """A model of the completions block."""

    total_engaged_users: Annotated[int, _engaged("accepted a completion of it")] | None = None
    languages: tuple[LegacyLanguage, ...] | None = None


class LegacyCompletionEditor(Record):
    """An editor of the completions block."""

    name: Annotated[str, _meta("Editor", column="editor", key=True)]
    total_engaged_users: Annotated[int, _engaged("accepted a completion in it")] | None = None
    models: tuple[LegacyCompletionModel, ...] | None = None


class LegacyCompletions(Record):
    """`copilot_ide_code_completions`."""

    total_engaged_users: (
        Annotated[int, _engaged("accepted a completion", column="code_completion_engaged_users")] | None
    ) = None
    editors: tuple[LegacyCompletionEditor, ...] | None = None


class LegacyChatModel(LegacyModel):
    """A model of the IDE chat block."""

    total_engaged_users: Annotated[int, _engaged("prompted it")] | None = None
    total_chats: Annotated[int, _count("Chats begun in the IDE")] | None = None
    total_chat_insertion_events: Annotated[int, _count("Answers inserted into code (events)")] | None = None
    total_chat_copy_events: Annotated[int, _count("Answers copied (events)")] | None = None


class LegacyChatEditor(Record):
    """An editor of the IDE chat block."""

    name: Annotated[str, _meta("Editor", column="editor", key=True)]
    total_engaged_users: Annotated[int, _engaged("prompted chat in it")] | None = None
    models: tuple[LegacyChatModel, ...] | None = None


class LegacyIdeChat(Record):
    """`copilot_ide_chat`."""

    total_engaged_users: Annotated[int, _engaged("prompted chat in an IDE", column="ide_chat_engaged_users")] | None = (
        None
    )
    editors: tuple[LegacyChatEditor, ...] | None = None


class LegacyDotcomModel(LegacyModel):
    """A model of the github.com chat block."""

    total_engaged_users: Annotated[int, _engaged("prompted it on github.com")] | None = None
    total_chats: Annotated[int, _count("Chats begun on github.com")] | None = None


class LegacyDotcomChat(Record):
    """`copilot_dotcom_chat`."""

    total_engaged_users: (
        Annotated[int, _engaged("prompted chat on github.com", column="dotcom_chat_engaged_users")] | None
    ) = None
    models: tuple[LegacyDotcomModel, ...] | None = None


class LegacyPullRequestModel(LegacyModel):
    """A model of the pull request block."""

    total_engaged_users: Annotated[int, _engaged("had a summary made by it")] | None = None
    total_pr_summaries_created: Annotated[int, _count("Pull request summaries made")] | None = None


class LegacyRepository(Record):
    """A repository of the pull request block."""

    name: Annotated[str, _meta("Repository", column="repository", key=True)]
    total_engaged_users: Annotated[int, _engaged("had a summary made in it")] | None = None
    models: tuple[LegacyPullRequestModel, ...] | None = None


class LegacyPullRequests(Record):
    """`copilot_dotcom_pull_requests`."""

    total_engaged_users: (
        Annotated[int, _engaged("had a pull request summary made", column="pull_request_engaged_users")] | None
    ) = None
    repositories: tuple[LegacyRepository, ...] | None = None


class LegacyDay(Record):
    """One scope on one day, as the closed metrics API told it."""

    date: Annotated[dt.date, _meta("UTC day")]
    total_active_users: (
        Annotated[int, _count("People active with any Copilot feature, also passively (a suggestion was shown)")] | None
    ) = None
    total_engaged_users: (
        Annotated[
            int, _count("People who accepted a suggestion, prompted chat or had a summary made; part of the active")
        ]
        | None
    ) = None
    copilot_ide_code_completions: LegacyCompletions | None = None
    copilot_ide_chat: LegacyIdeChat | None = None
    copilot_dotcom_chat: LegacyDotcomChat | None = None
    copilot_dotcom_pull_requests: LegacyPullRequests | None = None
