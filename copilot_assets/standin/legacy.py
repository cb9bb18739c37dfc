"""The closed Copilot metrics API (`…/copilot/metrics`): its records, written from the same people's days.

Only the shape and the counting rules of that API belong here: engaged people are a part of the active ones, and the
engaged counts of parts overlap. GitHub closed it on 2026-04-02.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any, Final

from copilot_assets.standin.activity import Cell, PersonDay
from copilot_assets.standin.chance import dice_by_number
from copilot_assets.standin.people import Person

Json = dict[str, Any]

_SUGGESTIONS: Final = (
    "total_code_suggestions",
    "total_code_acceptances",
    "total_code_lines_suggested",
    "total_code_lines_accepted",
)
_CHATS: Final = ("total_chats", "total_chat_insertion_events", "total_chat_copy_events")
_DEFAULT_MODEL: Final = {"name": "default", "is_custom_model": False, "custom_model_training_date": None}
_REPOSITORIES: Final = ("octo-org/harbour", "octo-org/lighthouse", "octo-labs/sonar-kit")


class _Tally:
    """Some counters, and the distinct people who are engaged by what was counted."""

    def __init__(self) -> None:
        self.people: set[int] = set()
        self.sums: list[int] = [0, 0, 0, 0]

    def add(self, person: int, counts: Sequence[int], *, engaged: bool) -> None:
        for position, count in enumerate(counts):
            self.sums[position] += count
        if engaged:
            self.people.add(person)

    def record(self, names: Sequence[str]) -> Json:
        return {"total_engaged_users": len(self.people), **dict(zip(names, self.sums, strict=False))}


def legacy_record(day: date, present: Iterable[tuple[Person, PersonDay]], seed: int) -> Json:
    """The record of a scope for a day, from those of its licensed members who were present.

    Active is whoever was present; engaged whoever accepted a completion, prompted a chat or had a pull request
    summarised. A block that engaged nobody is null.
    """
    active = 0
    completions: dict[tuple[str, str], _Tally] = defaultdict(_Tally)  # by editor and language
    chats: dict[str, _Tally] = defaultdict(_Tally)  # by editor
    dotcom_chat = _Tally()
    summaries: dict[str, _Tally] = defaultdict(_Tally)  # by repository
    for person, did in present:
        active += 1
        for cell in did.cells:
            _count_cell(person.number, cell, completions, chats)
        _count_github(person, day, seed, dotcom_chat, summaries)
    parts = [*completions.values(), *chats.values(), dotcom_chat, *summaries.values()]
    return {
        "date": day.isoformat(),
        "total_active_users": active,
        "total_engaged_users": _engaged(parts),
        "copilot_ide_code_completions": _completions_block(completions),
        "copilot_ide_chat": _chat_block(chats),
        "copilot_dotcom_chat": _dotcom_chat_block(dotcom_chat),
        "copilot_dotcom_pull_requests": _pull_requests_block(summaries),
    }


def _count_cell(person: int, cell: Cell, completions: dict[tuple[str, str], _Tally], chats: dict[str, _Tally]) -> None:
    if cell.ide is None:
        return
    if cell.feature == "code_completion":
        counts = (cell.generated, cell.accepted, cell.suggested_to_add, cell.added)
        completions[cell.ide, cell.language].add(person, counts, engaged=cell.accepted > 0)
    elif cell.feature.startswith("chat_"):
        copied = cell.accepted // 2
        counts_of_chat = (cell.interactions, cell.accepted - copied, copied)
        chats[cell.ide].add(person, counts_of_chat, engaged=cell.interactions > 0)


def _count_github(person: Person, day: date, seed: int, dotcom_chat: _Tally, summaries: dict[str, _Tally]) -> None:
    """What the person did on github.com, which no current report shows: a fifth chat, a tenth have summaries made."""
    rng = dice_by_number((seed * 1_000_003 + day.toordinal()) * 1_000_003 + person.number + 500_009)
    if rng.random() < 0.2:
        dotcom_chat.add(person.number, (rng.randint(1, 6),), engaged=True)
    if rng.random() < 0.1:
        repository = _REPOSITORIES[person.number % len(_REPOSITORIES)]
        summaries[repository].add(person.number, (rng.randint(1, 3),), engaged=True)


def _engaged(tallies: Iterable[_Tally]) -> int:
    return len(set(chain.from_iterable(t.people for t in tallies)))


def _completions_block(tallies: Mapping[tuple[str, str], _Tally]) -> Json | None:
    if not _engaged(tallies.values()):
        return None
    by_editor: dict[str, dict[str, _Tally]] = defaultdict(dict)
    by_language: dict[str, list[_Tally]] = defaultdict(list)
    for (editor, language), tally in sorted(tallies.items()):
        by_editor[editor][language] = tally
        by_language[language].append(tally)
    return {
        "total_engaged_users": _engaged(tallies.values()),
        "languages": [
            {"name": name, "total_engaged_users": _engaged(parts)} for name, parts in sorted(by_language.items())
        ],
        "editors": [_editor(name, parts) for name, parts in by_editor.items()],
    }


def _editor(name: str, by_language: Mapping[str, _Tally]) -> Json:
    engaged = _engaged(by_language.values())
    languages = [{"name": language, **t.record(_SUGGESTIONS)} for language, t in sorted(by_language.items())]
    model = {**_DEFAULT_MODEL, "total_engaged_users": engaged, "languages": languages}
    return {"name": name, "total_engaged_users": engaged, "models": [model]}


def _chat_block(tallies: Mapping[str, _Tally]) -> Json | None:
    if not _engaged(tallies.values()):
        return None
    return {
        "total_engaged_users": _engaged(tallies.values()),
        "editors": [
            {
                "name": name,
                "total_engaged_users": len(tally.people),
                "models": [{**_DEFAULT_MODEL, **tally.record(_CHATS)}],
            }
            for name, tally in sorted(tallies.items())
        ],
    }


def _dotcom_chat_block(tally: _Tally) -> Json | None:
    if not tally.people:
        return None
    model = {**_DEFAULT_MODEL, **tally.record(_CHATS[:1])}
    return {"total_engaged_users": len(tally.people), "models": [model]}


def _pull_requests_block(tallies: Mapping[str, _Tally]) -> Json | None:
    if not tallies:
        return None
    return {
        "total_engaged_users": _engaged(tallies.values()),
        "repositories": [
            {
                "name": name,
                "total_engaged_users": len(tally.people),
                "models": [{**_DEFAULT_MODEL, **tally.record(("total_pr_summaries_created",))}],
            }
            for name, tally in sorted(tallies.items())
        ],
    }
