"""Bounds on what is unpacked: a few kilobytes on the wire may stand for gigabytes.

How much is too much belongs here; what an answer or a file holds is `answers.py`'s and `files.py`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx

from copilot_assets.github.files import too_large

# An answer of the API: a page of a hundred seats has 0.2 MB, a hundred days of the legacy metrics some.
LARGEST_ANSWER_BYTES: Final = 64 * 2**20
# What httpx reads by itself, and unpacks a thousandfold at most: an answer that leads elsewhere, and what an App is
# told on its way. Those have a few kilobytes.
LARGEST_WORD_BYTES: Final = 64 * 2**10
# What a packed answer says of how it was packed, and how long it was so.
_OF_THE_PACKED: Final = (b"content-encoding", b"content-length", b"transfer-encoding")


async def whole(response: httpx.Response) -> httpx.Response:
    """A streamed answer of the API with its body, unpacked.

    Raises:
        BrokenFileError: it is larger than any that GitHub's API gives.
    """
    body = bytearray()
    async for chunk in at_most(response, LARGEST_ANSWER_BYTES, "An answer of GitHub's API", "Something else answered."):
        body += chunk
    # As bytes, for they may be no text.
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_PACKED]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)


class _Word(httpx.AsyncByteStream):
    """The bytes of a short answer as they come, packed or not."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LARGEST_WORD_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise too_large("An answer of GitHub's API", LARGEST_WORD_BYTES, "Something else answered.")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def keep_short(response: httpx.Response) -> None:
    """Let reading the body of an answer, which has not begun, end with a BrokenFileError where it is long."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Word(response.stream)


async def at_most(response: httpx.Response, most: int, what: str, remedy: str) -> AsyncIterator[bytes]:
    """The body of a streamed answer, unpacked, piece by piece.

    Raises:
        BrokenFileError: it is larger than `most` bytes; no more of it is read.
    """
    left = most
    async for chunk in response.aiter_bytes():
        left -= len(chunk)
        if left < 0:
            raise too_large(what, most, remedy)
        yield chunk
