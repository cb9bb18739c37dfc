"""Signed links of the download host: who holds one may read that one file until it expires.

Signing, checking and the layout of a file's path belong here; GitHub's links look like this since 2026-05-20, with the
signature of Azure storage (`st`, `se`, `sig`).
"""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode
from uuid import NAMESPACE_URL, UUID, uuid5

from copilot_assets.now import now_utc

_NOTHING: Final = UUID(int=0)
_PATH: Final = re.compile(
    r"/(?P<report>[a-z0-9-]+)-report/etl_id=green/(?P<kind>org|enterprise)/(?P<name>[\w-]+)"
    r"/day=(?P<day>\d{4}-\d\d-\d\d)/as_of=(?P<as_of>\d{4}-\d\d-\d\d)/part-(?P<part>\d{5})-(?P<uuid>[0-9a-f-]{36})\.c000\.json"
)


class LinkRefused(Exception):  # noqa: N818  (a refusal, as storage calls it)
    """The signature is wrong or has expired; the message says which."""


class File(NamedTuple):
    """A file of a report as it was when its link was made; `empty` for one that holds nothing whatever the report."""

    report: str
    scope: str
    day: date
    as_of: date
    part: int
    empty: bool = False

    @property
    def path(self) -> str:
        """The path on the download host; it begins with the report's name, as GitHub's does."""
        kind, _, name = self.scope.partition(":")
        folder = f"/{self.report}-report/etl_id=green/{kind}/{name}/day={self.day}/as_of={self.as_of}"
        uuid = _NOTHING if self.empty else uuid5(NAMESPACE_URL, f"{folder}/{self.part}")
        return f"{folder}/part-{self.part:05}-{uuid}.c000.json"

    @classmethod
    def at(cls, path: str) -> "File | None":
        """The file a path stands for, or None if it is no report's path."""
        found = _PATH.fullmatch(path)
        if not found:
            return None
        return cls(
            report=found["report"],
            scope=f"{found['kind']}:{found['name']}",
            day=date.fromisoformat(found["day"]),
            as_of=date.fromisoformat(found["as_of"]),
            part=int(found["part"]),
            empty=UUID(found["uuid"]) == _NOTHING,
        )


class Links:
    """Makes and checks signed links under `base_url` that live for `seconds`; the key lives as long as the object."""

    def __init__(self, base_url: str, seconds: int) -> None:
        self._base_url = base_url
        self.seconds = seconds
        self._key = secrets.token_bytes(32)

    def sign(self, path: str, *, expired: bool = False) -> str:
        """The link to a path, valid from a minute ago on; `expired` makes one whose time is over."""
        now = now_utc()
        until = now - timedelta(seconds=5) if expired else now + timedelta(seconds=self.seconds)
        start, end = _stamp(now - timedelta(minutes=1)), _stamp(until)
        query = urlencode({"sp": "r", "st": start, "se": end, "sig": self._signature(path, start, end)})
        return f"{self._base_url}{quote(path, safe='/=')}?{query}"

    def check(self, path: str, query: Mapping[str, str]) -> None:
        """Let a valid link pass.

        Raises:
            LinkRefused: the signature is missing, does not fit or has expired.
        """
        start, end = query.get("st", ""), query.get("se", "")
        if not hmac.compare_digest(self._signature(path, start, end).encode(), query.get("sig", "").encode()):
            raise LinkRefused("Signature did not match. String to sign used was path, st and se.")
        now = _stamp(now_utc())
        if not start <= now < end:
            raise LinkRefused(
                f"Signature not valid in the specified time frame: Start [{start}] - Expiry [{end}] - Current [{now}]"
            )

    def _signature(self, path: str, start: str, end: str) -> str:
        digest = hmac.digest(self._key, f"{path}\n{start}\n{end}".encode(), sha256)
        return base64.b64encode(digest).decode()


def _stamp(moment: datetime) -> str:
    """A time of fixed width, so that texts compare as times do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
