"""Records of the legacy metrics, the API that the GitHub guide describes and that closed on 2026-04-02.

Source: GitHub's OpenAPI component `copilot-usage-metrics-day` and those it is made of (until June 2026).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import Meta

from copilot_assets.records.fields import Record, count, in_raw_only, meta


def _engaged(who: str, *, column: str | None = None) -> Meta:
    return count(f"People who {who}; nested counts overlap and add up to nothing", column=column)


class LegacyModel(Record):
    """A model of any legacy block."""

    name: Annotated[str, meta("Model (`default`, or the name of a custom one)", column="model", key=True)]
    is_custom_model: Annotated[bool, meta("Whether it is a custom model", key=True)] | None = None
    custom_model_training_date: Annotated[dt.date, meta("Day the custom model was trained", key=True)] | None = None


class LegacyLanguage(Record):
    """One language of one model of one editor."""

    name: Annotated[str, meta("Language", column="language", key=True)]
    total_engaged_users: Annotated[int, _engaged("accepted a completion in it")] | None = None
    total_code_suggestions: Annotated[int, count("Completions shown")] | None = None
    total_code_acceptances: Annotated[int, count("Completions accepted, wholly or in part")] | None = None
    total_code_lines_suggested: Annotated[int, count("Lines of the completions shown")] | None = None
    total_code_lines_accepted: Annotated[int, count("Lines of the completions accepted")] | None = None


class LegacyCompletionModel(LegacyModel):
    """A model of the completions block."""

    total_engaged_users: Annotated[int, _engaged("accepted a completion of it")] | None = None
    languages: tuple[LegacyLanguage, ...] | None = None


class LegacyCompletionEditor(Record):
    """An editor of the completions block."""

    name: Annotated[str, meta("Editor", column="editor", key=True)]
    total_engaged_users: Annotated[int, _engaged("accepted a completion in it")] | None = None
    models: tuple[LegacyCompletionModel, ...] | None = None


class LegacyEngagedLanguage(Record):
    """One language of all editors of the completions block."""

    name: Annotated[str, meta("Language", column="language", key=True)]
    total_engaged_users: Annotated[int, _engaged("accepted a completion in it, in any editor")] | None = None


class LegacyCompletions(Record):
    """`copilot_ide_code_completions`."""

    total_engaged_users: (
        Annotated[int, _engaged("accepted a completion", column="code_completion_engaged_users")] | None
    ) = None
    languages: tuple[LegacyEngagedLanguage, ...] | None = None
    editors: tuple[LegacyCompletionEditor, ...] | None = None


class LegacyChatModel(LegacyModel):
    """A model of the IDE chat block."""

    total_engaged_users: Annotated[int, _engaged("prompted it")] | None = None
    total_chats: Annotated[int, count("Chats begun in the IDE")] | None = None
    total_chat_insertion_events: Annotated[int, count("Answers inserted into code (events)")] | None = None
    total_chat_copy_events: Annotated[int, count("Answers copied (events)")] | None = None


class LegacyChatEditor(Record):
    """An editor of the IDE chat block."""

    name: Annotated[str, meta("Editor", column="editor", key=True)]
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
    total_chats: Annotated[int, count("Chats begun on github.com")] | None = None


class LegacyDotcomChat(Record):
    """`copilot_dotcom_chat`."""

    total_engaged_users: (
        Annotated[int, _engaged("prompted chat on github.com", column="dotcom_chat_engaged_users")] | None
    ) = None
    models: tuple[LegacyDotcomModel, ...] | None = None


class LegacyPullRequestModel(LegacyModel):
    """A model of the pull request block."""

    total_engaged_users: Annotated[int, _engaged("had a summary made by it")] | None = None
    total_pr_summaries_created: Annotated[int, count("Pull request summaries made")] | None = None


class LegacyRepository(Record):
    """A repository of the pull request block."""

    name: Annotated[str, meta("Repository", column="repository", key=True)]
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

    date: Annotated[dt.date, in_raw_only("UTC day")]
    total_active_users: (
        Annotated[int, count("People active with any Copilot feature, also passively (a suggestion was shown)")] | None
    ) = None
    total_engaged_users: (
        Annotated[
            int, count("People who accepted a suggestion, prompted chat or had a summary made; part of the active")
        ]
        | None
    ) = None
    copilot_ide_code_completions: LegacyCompletions | None = None
    copilot_ide_chat: LegacyIdeChat | None = None
    copilot_dotcom_chat: LegacyDotcomChat | None = None
    copilot_dotcom_pull_requests: LegacyPullRequests | None = None

    @property
    def about(self) -> dt.date | None:
        """The record's day."""
        return self.date
