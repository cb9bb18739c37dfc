"""The download host: one signed file of a report after another, as NDJSON.

Checking links, writing files and damaging them on demand belong here. It knows no tokens: the signature is the
credential, and an `Authorization` header is refused, as Azure storage does.
"""

import gzip
from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from copilot_assets.standin import faults as named
from copilot_assets.standin.answers import CutConnection
from copilot_assets.standin.faults import Fault, strike
from copilot_assets.standin.links import File, LinkRefused, Links
from copilot_assets.standin.usage_reports import Ordered, usage_report
from copilot_assets.standin.world import Report, World

_BOM: Final = b"\xef\xbb\xbf"
_WEB_PAGE: Final = b"<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>\n"
_OF_LAST_FILE: Final = ("truncated-file", "missing-shard", "truncated-gzip")
_OF_EVERY_FILE: Final = ("bom", "crlf", "array-file", "gzip-file")


class Downloads:
    """The download host of a world, as an ASGI app; below the folder `kept`, if any, stays each file it wrote."""

    def __init__(self, world: World, links: Links, faults: list[Fault], kept: Path | None = None) -> None:
        self._world = world
        self._links = links
        self._faults = faults
        self._kept = kept
        self._numbers = count(1)
        self.asgi = Starlette(routes=[Route("/{path:path}", self._download)])

    async def _download(self, request: Request) -> Response:
        path = request.url.path
        if "authorization" in request.headers:
            return self._refused("Do not send an Authorization header: the signature in the URL is the credential.")
        try:
            self._links.check(path, request.query_params)
        except LinkRefused as refused:
            return self._refused(str(refused))
        if ordered := Ordered.at(path):
            return Response(await run_in_threadpool(usage_report, self._world, ordered), media_type="text/csv")
        file = File.at(path)
        report = await run_in_threadpool(self._report, file) if file else None
        if file is None or (report is None and not file.empty):
            return self._missing()
        fault = self._fault(file, report.parts if report else 1)
        if fault == "missing-shard":
            return self._missing()
        if fault == "storage-503":
            return self._storage_error(HTTPStatus.SERVICE_UNAVAILABLE, "ServerBusy", "The server is busy.")
        body = await run_in_threadpool(self._content, file, report)
        if fault == "html-file":
            return Response(_WEB_PAGE, media_type="text/html")
        if fault == "cut-file" and body:
            return CutConnection(body[: len(body) // 2])
        if fault and body and report:
            body = _DAMAGES[fault](body, report)
        etag = f'"0x{sha256(body).hexdigest()[:16].upper()}"'
        return Response(body, media_type="application/octet-stream", headers={"etag": etag})

    def _report(self, file: File) -> Report | None:
        return self._world.report(file.scope, file.report, file.day, file.as_of)

    def _content(self, file: File, report: Report | None) -> bytes:
        """The file as it should be, undamaged."""
        if self._kept is None:
            return _written(file, report)
        kept = self._kept / file.path.lstrip("/")
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            half = kept.with_suffix(f".{next(self._numbers)}")
            half.write_bytes(_written(file, report))
            half.rename(kept)
        return kept.read_bytes()

    def _fault(self, file: File, parts: int) -> str | None:
        """The fault that strikes this file, if any: most damage the first file of a report, some the last."""
        names = [
            name
            for name in named.FILES
            if name in _OF_EVERY_FILE or file.part == (parts - 1 if name in _OF_LAST_FILE else 0)
        ]
        day = None if file.report.endswith("28-day") else file.day
        return strike(self._faults, names, file.scope, file.report, day)

    def _refused(self, detail: str) -> Response:
        return self._storage_error(
            HTTPStatus.FORBIDDEN,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the signature is formed correctly.",
            detail,
        )

    def _missing(self) -> Response:
        return self._storage_error(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")

    def _storage_error(self, status: HTTPStatus, code: str, message: str, detail: str = "") -> Response:
        """An error as Azure storage writes it."""
        request_id = f"5afe0000-0000-0000-0000-{next(self._numbers):012}"
        more = f"<AuthenticationErrorDetail>{escape(detail)}</AuthenticationErrorDetail>" if detail else ""
        xml = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{code}</Code><Message>{message}\nRequestId:{request_id}</Message>{more}</Error>"
        )
        headers = {"x-ms-error-code": code, "x-ms-request-id": request_id}
        return Response(xml, status_code=status, media_type="application/xml", headers=headers)


def _written(file: File, report: Report | None) -> bytes:
    """A file: one JSON object a line, every line ended."""
    if file.empty or report is None:
        return b""
    encode = msgspec.json.Encoder().encode
    return b"".join(encode(row) + b"\n" for row in report.rows(file.part))


# -------------------------------------------------------------------------------------------------------------- damage


def _malformed(body: bytes, _: Report) -> bytes:
    lines = body.splitlines(keepends=True)
    position = 2 if len(lines) > 2 else 0
    lines[position] = lines[position][: len(lines[position]) // 2] + b"\n"
    return b"".join(lines)


def _truncated(body: bytes, _: Report) -> bytes:
    last = body.splitlines()[-1]
    return body[: len(body) - len(last) // 2]


def _truncated_gzip(body: bytes, _: Report) -> bytes:
    packed = gzip.compress(body)
    return packed[: len(packed) // 2]


def _in_first_record(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes, Report], bytes]:
    """Damage that changes the first record: of a 28-day object the first of its days."""

    def damage(body: bytes, _: Report) -> bytes:
        lines = body.splitlines(keepends=True)
        record = msgspec.json.decode(lines[0])
        change(record["day_totals"][0] if "day_totals" in record else record)
        return b"".join([msgspec.json.encode(record), b"\n", *lines[1:]])

    return damage


def _set_number(record: dict[str, Any], value: object) -> None:
    """Put a value in the place of a counter, or of the first number of a record that has no counters."""
    name = "loc_added_sum" if "loc_added_sum" in record else next(k for k, v in record.items() if isinstance(v, int))
    record[name] = value


_DAMAGES: Final[Mapping[str, Callable[[bytes, Report], bytes]]] = {
    "malformed-line": _malformed,
    "truncated-file": _truncated,
    "wrong-type": _in_first_record(lambda record: _set_number(record, "abc")),
    "negative-counter": _in_first_record(lambda record: _set_number(record, -1)),
    "unknown-field": _in_first_record(lambda record: record.update(tomorrows_counter=7)),
    "pretty-printed": lambda body, report: msgspec.json.format(body, indent=2) + b"\n" if report.one_object else body,
    "json-string-file": lambda _body, _report: b'"No report available."\n',
    "array-file": lambda body, _report: b"[" + b",\n".join(body.splitlines()) + b"]\n",
    "gzip-file": lambda body, _report: gzip.compress(body),
    "truncated-gzip": _truncated_gzip,
    "utf-16-file": lambda body, _report: body.decode().encode("utf-16"),
    "two-records": lambda body, _report: body.splitlines(keepends=True)[0] + body,
    "bom": lambda body, _report: _BOM + body,
    "crlf": lambda body, _report: body.replace(b"\n", b"\r\n"),
}
