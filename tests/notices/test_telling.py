"""Telling: each cause once, its solution once, many as one, a digest a week; whatever fails or is killed in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_assets.notices.channels import Channels
from copilot_assets.notices.ledger import Cause
from copilot_assets.notices.messages import digest_paragraphs
from copilot_assets.notices.tell import Telling, tell
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.store import Warehouse
from tests.dbt_like_sql.conftest import MODELS, empty_warehouse
from tests.listeners import MailServer, Webhook, free_port
from tests.report.test_sentences import LICENCES, NEWEST, WEEK, facts

NIGHT = datetime(2026, 9, 24, 6, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty tables of all models."""
    path = tmp_path_factory.mktemp("empty") / "copilot.duckdb"
    with empty_warehouse(path).connect() as connection:
        for model in MODELS:
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create table {model.table} as {model.sql}")
    return path


@pytest.fixture
def warehouse(empty: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A copy of them, kept open: opening it takes longest."""
    copied = DuckDBFile(Path(shutil.copy(empty, tmp_path)))
    with copied.connect():
        yield copied


def missing(day: int, **told: Any) -> Cause:
    cause = {
        "key": f"missing org:a 2026-09-{day:02}",
        "kind": "missing",
        "title": "Days of org:a are missing",
        "what": f"org:a: 2026-09-{day:02} in users-1-day. It broke.",
        "remedy": "Backfill the day.",
    }
    return Cause(**{**cause, **told})


def open_causes(warehouse: Warehouse, *causes: Cause) -> None:
    """Make these all that `quality.open_cause` has."""
    with warehouse.connect() as connection:
        connection.execute("delete from quality.open_cause")
        for cause in causes:
            connection.execute(
                "insert into quality.open_cause by name select ? as cause, ? as kind, ? as title, ? as what, "
                "? as remedy, ? as passes_by_itself, date '2026-09-01' as since",
                list(vars(cause).values()),
            )


def told_at(warehouse: Warehouse, hook: Webhook | None, nights: int = 0, *checks: Cause) -> Telling:
    at = NIGHT + timedelta(days=nights)
    return tell(warehouse, Channels([hook.address] if hook else []), checks, lambda: at)


def notices(warehouse: Warehouse, columns: str) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return connection.execute(f"select {columns} from quality.notice order by first_seen_at, cause").fetchall()


def test_a_cause_is_told_once_and_its_solution_once(warehouse: Warehouse, webhook: Webhook) -> None:
    open_causes(warehouse, missing(3))
    assert told_at(warehouse, webhook).sent == ["Copilot data: Days of org:a are missing"]
    assert (
        webhook.posted[0]["message"] == "org:a: 2026-09-03 in users-1-day. It broke.\n\nWhat to do: Backfill the day."
    )
    assert told_at(warehouse, webhook, 0).sent == []
    assert told_at(warehouse, webhook, 1).sent == []
    open_causes(warehouse)
    assert told_at(warehouse, webhook, 2).sent == ["Solved: Days of org:a are missing"]
    assert webhook.posted[1]["message"] == "It is no longer so:\n\norg:a: 2026-09-03 in users-1-day. It broke."
    assert told_at(warehouse, webhook, 3).sent == []
    first, last, sent, solved, solution_sent = (NIGHT.replace(tzinfo=None) + timedelta(days=n) for n in (0, 1, 0, 2, 2))
    times = "first_seen_at, last_seen_at, sent_at, solved_at, solution_sent_at"
    assert notices(warehouse, times) == [(first, last, sent, solved, solution_sent)]


def test_what_comes_back_is_told_again(warehouse: Warehouse, webhook: Webhook) -> None:
    for night, causes in enumerate(([missing(3)], [], [missing(3)])):
        open_causes(warehouse, *causes)
        told_at(warehouse, webhook, night)
    assert [title.partition(":")[0] for title in webhook.titles] == ["Copilot data", "Solved", "Copilot data"]
    assert len(notices(warehouse, "cause")) == 2


def test_many_come_as_one(warehouse: Warehouse, webhook: Webhook) -> None:
    open_causes(warehouse, *(missing(day) for day in range(1, 7)))
    assert told_at(warehouse, webhook).sent == ["Copilot data: 6 things need a hand"]
    assert all(f"2026-09-{day:02}" in webhook.posted[0]["message"] for day in range(1, 7))
    open_causes(warehouse, *(missing(day) for day in range(1, 12)))
    assert len(told_at(warehouse, webhook, 1).sent) == 5, "as many as come alone"
    open_causes(warehouse)
    assert told_at(warehouse, webhook, 2).sent == ["Copilot data: 11 things are solved"]
    assert told_at(warehouse, webhook, 3).sent == []


def test_a_failing_check_is_a_cause(warehouse: Warehouse, webhook: Webhook) -> None:
    check = missing(3, key="check weekly.user_trend range", kind="check", title="weekly.user_trend breaks a rule")
    assert told_at(warehouse, webhook, 0, check).causes == [check]
    assert told_at(warehouse, webhook, 1, check).sent == []
    assert told_at(warehouse, webhook, 2).sent == ["Solved: weekly.user_trend breaks a rule"]


def test_news_that_nobody_can_put_right_is_not_solved(warehouse: Warehouse, webhook: Webhook) -> None:
    open_causes(warehouse, missing(3, kind="revised", passes_by_itself=True))
    assert len(told_at(warehouse, webhook).sent) == 1
    open_causes(warehouse)
    assert told_at(warehouse, webhook, 1).sent == []


def test_a_channel_that_fails_gets_it_the_next_time(warehouse: Warehouse, webhook: Webhook) -> None:
    open_causes(warehouse, missing(3))
    webhook.statuses = [500] * 3
    told = told_at(warehouse, webhook)
    assert told.sent == []
    assert [trouble.partition(":")[0] for trouble in told.troubles] == ["Channel 1 (JSON) took no message"]
    assert notices(warehouse, "sent_at") == [(None,)]
    assert len(told_at(warehouse, webhook, 1).sent) == 1
    assert told_at(warehouse, webhook, 2).sent == []


def test_one_channel_of_two_is_enough(warehouse: Warehouse, webhook: Webhook) -> None:
    open_causes(warehouse, missing(3))
    channels = Channels([f"json://127.0.0.1:{free_port()}/", webhook.address])
    for _ in range(2):
        told = tell(warehouse, channels, (), lambda: NIGHT)
    assert told.sent == []
    assert len(webhook.posted) == 1


def test_without_a_channel_it_is_noted_and_told_when_there_is_one(warehouse: Warehouse, webhook: Webhook) -> None:
    open_causes(warehouse, missing(3), missing(5))
    assert told_at(warehouse, None).sent == []
    assert notices(warehouse, "sent_at") == [(None,), (None,)]
    open_causes(warehouse, missing(5))
    assert told_at(warehouse, webhook, 1).sent == ["Copilot data: Days of org:a are missing"], "and no solution"


def test_who_is_killed_after_a_message_has_noted_those_before(
    warehouse: Warehouse, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_causes(warehouse, missing(3), missing(5))
    send, count = Channels.send, iter(range(9))

    def killed(channels: Channels, message: Any) -> Any:
        if next(count):
            raise KeyboardInterrupt
        return send(channels, message)

    with monkeypatch.context() as patch:
        patch.setattr(Channels, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            told_at(warehouse, webhook)
    told_at(warehouse, webhook, 1)
    assert [body["message"][:17] for body in webhook.posted] == ["org:a: 2026-09-03", "org:a: 2026-09-05"]


def week(warehouse: Warehouse, monday: date, people: int, scope: str = "org:a") -> None:
    """A closed week in which so many used Copilot."""
    with warehouse.connect() as connection:
        connection.execute(
            "insert into weekly.user_trend by name select ? as scope, ? as week_start, ?::bigint as active_people, "
            "7::bigint as user_days_reported, 7::bigint as days_expected, true as is_closed",
            [scope, monday, people],
        )


def test_a_digest_comes_once_a_week(warehouse: Warehouse, webhook: Webhook) -> None:
    week(warehouse, WEEK, 84)
    assert told_at(warehouse, webhook).sent == ["GitHub Copilot, week of 14 September 2026"]
    assert webhook.posted[0]["message"].startswith("org:a\n84 people used Copilot in the week of 14 September 2026.\n")
    (file,) = webhook.posted[0]["attachments"]
    assert file["filename"] == "copilot-org-a-2026-W38.html"
    assert told_at(warehouse, webhook, 1).sent == []
    week(warehouse, WEEK + timedelta(7), 90)
    assert told_at(warehouse, webhook, 7).sent == ["GitHub Copilot, week of 21 September 2026"]
    assert told_at(warehouse, webhook, 8).sent == []
    assert [row[0] for row in notices(warehouse, "cause")] == ["2026-09-14", "2026-09-21"]


def test_weeks_long_past_have_no_digest(warehouse: Warehouse, webhook: Webhook) -> None:
    week(warehouse, NIGHT.date() - timedelta(days=24), 84)
    assert told_at(warehouse, webhook).sent == []


def test_a_digest_that_nobody_took_comes_the_next_time(warehouse: Warehouse, webhook: Webhook) -> None:
    week(warehouse, WEEK, 84)
    webhook.statuses = [500] * 3
    assert told_at(warehouse, webhook).sent == []
    assert len(told_at(warehouse, webhook, 1).sent) == 1


def test_the_digest_of_a_mail_has_its_charts(warehouse: Warehouse, mail_server: MailServer) -> None:
    week(warehouse, WEEK - timedelta(7), 81)
    week(warehouse, WEEK, 84)
    tell(warehouse, Channels([mail_server.address]), (), lambda: NIGHT)
    mail = mail_server.mails[0]
    page = next(part.get_content() for part in mail.walk() if part.get_content_type() == "text/html")
    assert "84 people used Copilot in the week of 14 September 2026." in page
    assert 'alt="Chart: 84 people used Copilot' in page
    pictures = {
        part["content-id"]: part.get_content() for part in mail.walk() if part.get_content_type() == "image/png"
    }
    assert "<people.png>" in pictures
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())


def test_a_digest_of_twenty_scopes_tells_ten_of_the_others() -> None:
    scopes = [facts(newest=[{**NEWEST, "active_people": 84 - n}], licences=[LICENCES]) for n in range(20)]
    paragraphs = digest_paragraphs(scopes, WEEK)
    assert len(paragraphs) == 12
    assert len(paragraphs[0].splitlines()) == 6
    assert paragraphs[1] == (
        "org:a\n83 people used Copilot in the week of 14 September 2026, and 150 held a licence. "
        "That is 3 more than the week before, counted on all seven days (5 new, 2 came back and 4 stayed away)."
    )
    assert paragraphs[-1] == "9 more scopes: copilot-assets report has them."


def test_a_digest_says_which_scope_is_behind() -> None:
    behind = facts(WEEK - timedelta(7), newest=[{**NEWEST, "week": WEEK - timedelta(7)}])
    first, second, third = digest_paragraphs([facts(newest=[NEWEST]), behind, facts(None)], WEEK)
    assert first.startswith("org:a\n84 people")
    assert second.startswith(
        "org:a (newest closed week: 7 September 2026)\n84 people used Copilot in the week of 7 Sep"
    )
    assert third.startswith("org:a (no week is closed)\nNo week is closed yet")


def test_a_digest_of_one_scope_with_holes_and_a_break() -> None:
    hole = {"status": "no_report", "evidence": "GitHub answered 204.", "reports": ["users-1-day"], "days": [WEEK]}
    newest = {**NEWEST, "active_people_change": None, "user_days_reported": 6, "user_days_compared": 6}
    (told,) = digest_paragraphs([facts(newest=[newest], missing=[hole])], WEEK)
    _, people, change, licences, _, lacking = told.splitlines()
    assert people.endswith("Only 6 days of seven were reported: there may have been more.")
    assert "GitHub changed what counts as active between them" in change
    assert licences.startswith("How many licences there are is not known")
    assert lacking.startswith("Missing: 2026-09-14 in users-1-day (GitHub answered 204).")
