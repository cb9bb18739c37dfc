"""Channels: the addresses that messages go to, and what came back. Each address is a secret and never repeated.

Which message goes out, and what it says, is not known here. The library speaks each service's language; asking again
after a failure is here, and silence about addresses: the library's own log lines, exceptions and reprs may hold them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import stamina

if TYPE_CHECKING:
    from apprise import NotifyBase

# As in `github/transport.py`: the library's own line is not for people.
stamina.instrumentation.set_on_retry_hooks([])

ATTEMPTS: Final = 3
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 10.0
_HEARTBEAT_SECONDS: Final = 10.0
# Whoever may log an address or a part of one: the path of a webhook is its password.
_LOGGERS: Final = ("apprise", "requests", "urllib3", "httpx", "httpcore", "asyncio")
_STATUS: Final = re.compile(r"\berror=(\d{3})\b", re.ASCII)


@dataclass(frozen=True)
class Message:
    """One message: plain text for everybody, and for mail also a page whose images are named `cid:FILE`.

    Attributes:
        title: in a few words.
        text: plain text, lines.
        page: HTML for mail; None where the text will do.
        images: files of the page's images.
        files: files to be attached where the service takes any.
    """

    title: str
    text: str
    page: str | None = None
    images: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came of a message at one channel: its number and service, such as `channel 1 (Slack)`; None is well."""

    channel: str
    trouble: str | None


class _NotTakenError(Exception):
    """A channel did not take a message. The text names no address."""


@dataclass(frozen=True)
class Channels:
    """All channels of an installation; an address that can't be used is one that takes no message."""

    urls: Sequence[str] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.urls)

    def send(self, message: Message) -> list[Answer]:
        """Send a message to each channel, again where that fails, and say what came back; raises nothing."""
        with _silence():
            return [self._send(number, url, message) for number, url in enumerate(self.urls, start=1)]

    def _send(self, number: int, url: str, message: Message) -> Answer:
        service = _service(url)
        if service is None:
            trouble = (
                "its address in COPILOT_NOTIFY is none that apprise knows. Look it up in apprise's list of services"
            )
            return Answer(f"channel {number}", trouble)
        name = f"channel {number} ({service.service_name})"
        try:
            for attempt in _retrying(_NotTakenError):
                with attempt:
                    _notify(service, message)
        except _NotTakenError as refused:
            return Answer(name, str(refused))
        return Answer(name, None)


def beat(url: str) -> str | None:
    """Call the address of the heartbeat; a sentence where it does not answer well, also when asked again."""
    import httpx

    try:
        with _silence():
            for attempt in _retrying(httpx.HTTPError):
                with attempt:
                    httpx.get(url, timeout=_HEARTBEAT_SECONDS, follow_redirects=True).raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"COPILOT_HEARTBEAT_URL was called and answered {error.response.status_code}."
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"COPILOT_HEARTBEAT_URL could not be called ({type(error).__name__})."
    return None


def _retrying(on: type[Exception]) -> Any:
    return stamina.retry_context(
        on=on, attempts=ATTEMPTS, timeout=None, wait_initial=_FIRST_PAUSE_SECONDS, wait_max=_LONGEST_PAUSE_SECONDS
    )


def _service(url: str) -> NotifyBase | None:
    import apprise

    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    return service if isinstance(service, apprise.NotifyBase) else None


def _notify(service: NotifyBase, message: Message) -> None:
    """Send once.

    Raises:
        _NotTakenError: the service did not take it.
    """
    import apprise
    from apprise.plugins.email import NotifyEmail

    text, text_format, files = message.text, apprise.NotifyFormat.TEXT, message.files
    if message.page and isinstance(service, NotifyEmail):
        service.inline = True  # images stand where the page names them
        text, text_format, files = message.page, apprise.NotifyFormat.HTML, (*message.images, *files)
    sender = apprise.Apprise()
    sender.add(service)
    result = sender.notify(
        body=text, title=message.title, body_format=text_format, attach=[str(file) for file in files] or None
    )
    if not result:
        status = _STATUS.search(" ".join(entry.message for entry in result.logs()))
        said = f"it answered {status[1]}" if status else "it could not be reached, or did not take the message"
        raise _NotTakenError(f"{said}, {ATTEMPTS} times. Try its address with copilot-assets notify --test")


@contextmanager
def _silence() -> Iterator[None]:
    """Let nobody write addresses into a log that somebody keeps."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(each.propagate, each.handlers[:]) for each in loggers]
    for each in loggers:
        each.propagate, each.handlers = False, [logging.NullHandler()]
    try:
        yield
    finally:
        for each, (propagate, handlers) in zip(loggers, before, strict=True):
            each.propagate, each.handlers = propagate, handlers
