"""Channels: what reaches a real web server and a real mail server, what is asked again, and that no address is told."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from copilot_assets.notices.channels import Channels, Message, beat
from tests.listeners import SECRET, MailServer, Webhook, free_port

MESSAGE = Message("Copilot data: a day", "It is missing.\n\nWhat to do: backfill it.")


def test_a_webhook_gets_title_and_text(webhook: Webhook) -> None:
    (answer,) = Channels([webhook.address]).send(MESSAGE)
    assert (answer.channel, answer.trouble) == ("channel 1 (JSON)", None)
    (body,) = webhook.posted
    assert (body["title"], body["message"]) == (MESSAGE.title, MESSAGE.text)


def test_what_fails_is_tried_again(webhook: Webhook) -> None:
    webhook.statuses = [503, 500]
    (answer,) = Channels([webhook.address]).send(MESSAGE)
    assert answer.trouble is None
    assert len(webhook.paths) == 3
    assert len(webhook.posted) == 1


def test_a_channel_that_fails_keeps_no_other_from_the_message(webhook: Webhook) -> None:
    closed = f"json://127.0.0.1:{free_port()}/{SECRET}"
    answers = Channels([closed, webhook.address, "slak://x"]).send(MESSAGE)
    assert [answer.channel for answer in answers] == ["channel 1 (JSON)", "channel 2 (JSON)", "channel 3"]
    assert [answer.trouble is None for answer in answers] == [False, True, False]
    assert len(webhook.posted) == 1


def test_a_refusal_says_its_status_and_no_address(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    webhook.statuses = [403] * 9
    user = webhook.address.replace("127.0.0.1", "name:Passw0rd@127.0.0.1")
    channels = Channels([user, f"json://127.0.0.1:{free_port()}/{SECRET}", f"nothing://{SECRET}"])
    answers = channels.send(MESSAGE)
    assert answers[0].trouble is not None
    assert answers[0].trouble.startswith("it answered 403, 3 times.")
    for text in (repr(channels), repr(answers), caplog.text):
        assert SECRET not in text
        assert "Passw0rd" not in text
        assert "127.0.0.1" not in text


def test_mail_has_the_page_with_its_pictures_and_the_file(mail_server: MailServer, tmp_path: Path) -> None:
    image, file = tmp_path / "people.png", tmp_path / "report.html"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 40)
    file.write_text("<p>all of it")
    page = '<p>Eighty-four people</p><img src="cid:people.png" alt="Chart">'
    message = Message("Week of 14 September 2026", "84 people", page, (image,), (file,))
    assert [answer.trouble for answer in Channels([mail_server.address]).send(message)] == [None]
    assert len(mail_server.mails) == 2, "one for each who gets it"
    mail = mail_server.mails[0]
    assert mail["subject"] == "Week of 14 September 2026"
    html = next(part.get_content() for part in mail.walk() if part.get_content_type() == "text/html")
    assert "Eighty-four people" in html
    assert 'src="cid:people.png"' in html
    images = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [part["content-id"] for part in images] == ["<people.png>"]
    assert images[0].get_content() == image.read_bytes()
    assert "report.html" in [part.get_filename() for part in mail.walk()]


def test_a_web_hook_gets_no_pictures_of_a_mail(webhook: Webhook, tmp_path: Path) -> None:
    image, file = tmp_path / "people.png", tmp_path / "report.html"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    file.write_text("<p>all of it")
    Channels([webhook.address]).send(Message("Week", "84 people", "<p>x", (image,), (file,)))
    assert webhook.posted[0]["message"] == "84 people"
    assert [each["filename"] for each in webhook.posted[0]["attachments"]] == ["report.html"]


def test_a_heartbeat_is_called_and_says_what_came_back(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    webhook.statuses = [500]
    assert beat(webhook.url) is None
    assert webhook.paths == [f"/{SECRET}"] * 2
    webhook.statuses = [404] * 3
    assert beat(webhook.url) == "COPILOT_HEARTBEAT_URL was called and answered 404."
    assert (
        beat(f"http://127.0.0.1:{free_port()}/{SECRET}") == "COPILOT_HEARTBEAT_URL could not be called (ConnectError)."
    )
    assert SECRET not in caplog.text
