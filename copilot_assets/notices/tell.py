"""Telling: what is due now, sent and noted, so that each thing is told once.

What is told stands in the ledger before anything is sent, and as told once a channel took it: a process that is killed
in between repeats one message at most. The database is left while channels are waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from copilot_assets.notices import ledger
from copilot_assets.notices.channels import Answer, Channels, Message
from copilot_assets.notices.ledger import Cause
from copilot_assets.notices.messages import digest_paragraphs, digest_title, of_causes

if TYPE_CHECKING:
    import duckdb

    from copilot_assets.report.facts import Facts
    from copilot_assets.warehouse.store import Warehouse

# A week is closed on the Thursday after it; whoever fetches older ones is told of none of them.
_NEWS_DAYS: Final = 21


@dataclass
class Telling:
    """What one run told: open causes, titles of messages that were taken, sentences about channels that took none."""

    causes: Sequence[Cause] = ()
    sent: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def deliver(self, channels: Channels, message: Message) -> bool:
        """Send a message; whether any channel took it. Others are not sent it again: that is for their troubles."""
        answers = channels.send(message)
        self.troubles += [_sentence(answer) for answer in answers if answer.trouble]
        is_taken = any(answer.trouble is None for answer in answers)
        if is_taken:
            self.sent.append(message.title)
        return is_taken


def _sentence(answer: Answer) -> str:
    return f"C{answer.channel[1:]} took no message: {answer.trouble}."


def tell(warehouse: Warehouse, channels: Channels, checks: Sequence[Cause], now: Callable[[], datetime]) -> Telling:
    """Note what is open now, and tell of what nobody was told yet; without channels it is noted alone.

    Args:
        warehouse: holds `quality.open_cause` as of now, and the ledger.
        channels: where messages go.
        checks: failing checks, which no table knows.
        now: the time, UTC.

    Raises:
        WarehouseError: the database can't be opened or written. A channel that fails raises nothing.
    """
    telling = Telling()
    with warehouse.connect("tables") as connection:
        ledger.make_view(connection)
        causes = [*_open_causes(connection), *checks]
        ledger.enter(connection, causes, now())
        due = ledger.due(connection)
        scopes, week = _due_digest(connection, now().date()) if channels else ([], date.min)
    telling.causes = causes
    if not channels:
        return telling
    for told in of_causes(due):
        if telling.deliver(channels, told.message):
            with warehouse.connect("tables") as connection:
                ledger.note_sent(connection, told.settles, now())
    if scopes:
        with TemporaryDirectory() as folder:
            digest = _digest(scopes, week, Path(folder), now())
            is_taken = telling.deliver(channels, digest)
        if is_taken:
            with warehouse.connect("tables") as connection:
                ledger.note_digest(connection, week, digest.title, digest.text, now())
    telling.troubles = list(dict.fromkeys(telling.troubles))
    return telling


def _open_causes(connection: duckdb.DuckDBPyConnection) -> list[Cause]:
    found = connection.execute(
        "select cause, kind, title, what, remedy, passes_by_itself from quality.open_cause order by kind, cause"
    ).fetchall()
    return [Cause(*row) for row in found]


def _due_digest(connection: duckdb.DuckDBPyConnection, today: date) -> tuple[list[Facts], date]:
    """The newest closed week, its Monday, if it is news, and the facts of all scopes, those with most people first."""
    import duckdb

    from copilot_assets.report.facts import collect

    week: date | None = None
    with suppress(duckdb.Error):  # a table that somebody changed is told of where it is built
        ((week,),) = connection.execute("select max(week_start) from weekly.user_trend where is_closed").fetchall()
    told = ledger.digested(connection)
    if week is None or (told and told >= week) or week < today - timedelta(days=_NEWS_DAYS):
        return [], date.min

    def people(facts: Facts) -> tuple[bool, int, bool, str]:
        newest = facts.one("newest") or {}
        is_inner = not facts.scope.startswith("enterprise:")
        return facts.week != week, -(newest.get("active_people") or 0), is_inner, facts.scope

    return sorted(collect(connection), key=people), week


def _digest(scopes: Sequence[Facts], week: date, folder: Path, made_at: datetime) -> Message:
    """The digest with its files: the page of the first scope, and the pictures of its mail."""
    from copilot_assets.report.mail import mail
    from copilot_assets.report.page import scope_page

    first = scopes[0]
    page = folder / f"copilot-{first.scope.replace(':', '-')}-{week:%G-W%V}.html"
    page.write_text(scope_page(first, made_at), encoding="utf-8")
    paragraphs = digest_paragraphs(scopes, week)
    html, pictures = mail(first, paragraphs[1:], made_at)
    for name, content in pictures.items():
        (folder / name).write_bytes(content)
    images = tuple(folder / name for name in pictures)
    return Message(digest_title(week), "\n\n".join(paragraphs), html, images, (page,))
