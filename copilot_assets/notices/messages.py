"""Messages in words: a cause, its solution, many at once, the digest of a week.

What a digest says of a scope is said by `report/`; who is told, and whether, is decided in `tell.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from copilot_assets.notices.channels import Message
from copilot_assets.notices.ledger import Due, Notice
from copilot_assets.report.facts import Facts
from copilot_assets.report.sentences import five_sentences
from copilot_assets.report.words import counted, day_of

# More at once come as one message.
MOST_AT_ONCE: Final = 5
_OTHER_SCOPES: Final = 10


@dataclass(frozen=True)
class Told:
    """A message, and what is settled once a channel took it."""

    message: Message
    settles: Due


def of_causes(due: Due) -> list[Told]:
    """A message for each cause, or one for all where they are many; those that are solved likewise."""
    messages = [
        Told(Message(f"Copilot data: {notice.title}", notice.what), Due([notice], ()))
        for notice in (due.new if len(due.new) <= MOST_AT_ONCE else ())
    ]
    if len(due.new) > MOST_AT_ONCE:
        messages.append(Told(_many(due.new, "need a hand"), Due(due.new, ())))
    if len(due.solved) > MOST_AT_ONCE:
        return [*messages, Told(_many(due.solved, "are solved"), Due((), due.solved))]
    return messages + [
        Told(Message(f"Solved: {notice.title}", f"It is no longer so:\n\n{_happened(notice)}"), Due((), [notice]))
        for notice in due.solved
    ]


def _many(notices: Sequence[Notice], what: str) -> Message:
    lines = "\n".join(f"- {notice.title}. {_happened(notice)}" for notice in notices)
    return Message(
        f"Copilot data: {counted(len(notices), 'thing')} {what}",
        f"{lines}\n\nWhat to do about each stands in quality.notice, and copilot-assets status shows the days.",
    )


def _happened(notice: Notice) -> str:
    """What happened, without what was to be done about it."""
    return notice.what.partition("\n\n")[0]


def digest_title(week: date) -> str:
    """The title of a week's digest."""
    return f"GitHub Copilot, week of {day_of(week)}"


def digest_paragraphs(scopes: Sequence[Facts], week: date) -> list[str]:
    """The digest: the first scope in five sentences, of each other one how many people there are.

    `scopes` are in the order in which they are told; one whose newest closed week is another one says which.
    """
    first, *others = scopes
    paragraphs = ["\n".join([_named(first, week), *(sentence.text for sentence in five_sentences(first))])]
    for facts in others[:_OTHER_SCOPES]:
        people, change, *_ = five_sentences(facts)
        paragraphs.append(f"{_named(facts, week)}\n{people.text} {change.text}")
    if len(others) > _OTHER_SCOPES:
        paragraphs.append(f"{counted(len(others) - _OTHER_SCOPES, 'more scope')}: copilot-assets report has them.")
    return paragraphs


def _named(facts: Facts, week: date) -> str:
    if facts.week == week:
        return facts.scope
    return f"{facts.scope} ({f'newest closed week: {day_of(facts.week)}' if facts.week else 'no week is closed'})"


def sample(now: datetime) -> Message:
    """What `copilot-assets notify --test` sends."""
    return Message(
        "Copilot data: a test",
        f"Sent by copilot-assets notify --test at {now:%Y-%m-%d %H:%M} UTC. Messages about days that are missing and "
        "the digest of each week will come this way.",
    )
