"""An object on the wire: headers, ranges, conditions, and what a request says of a new object."""

from __future__ import annotations

import base64
import binascii
import email.utils
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from starlette.responses import Response, StreamingResponse

from vindrop_local.bucket.errors import XML, CosError, invalid
from vindrop_local.bucket.journal import Entry
from vindrop_local.bucket.objects import CHUNK
from vindrop_local.bucket.xml import Node, write

_STORED: Final = (
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Expires",
)
_MAX_META_BYTES: Final = 2048
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OVERRIDES: Final = {f"response-{name.lower()}": name for name in _STORED}
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def respond(status: int, headers: Mapping[str, str], body: bytes = b"") -> Response:
    """Return a response whose header values are UTF-8, as COS sends x-cos-meta-…."""
    response = Response(body, status)
    set_headers(response, headers)
    return response


def respond_xml(
    root: str, content: Mapping[str, Node], headers: Mapping[str, str] | None = None
) -> Response:
    """Return 200 with a document of COS's."""
    return respond(200, {"Content-Type": XML, **(headers or {})}, write(root, content))


def respond_page(
    root: str,
    about: Mapping[str, Node],
    further: Mapping[str, Node],
    encoding: str,
    listed: Mapping[str, Node],
) -> Response:
    """Return a page of a listing; ``further`` says where the next begins, empty on the last."""
    content = {**about, "IsTruncated": "true" if further else "false", **further}
    if encoding:
        content["EncodingType"] = encoding
    return respond_xml(root, {**content, **listed})


def written_headers(entry: Entry) -> dict[str, str]:
    """Return what a client is told of the object it wrote."""
    return {"ETag": f'"{entry.etag}"', "x-cos-request-id": entry.request_id}


def set_headers(response: Response, headers: Mapping[str, str]) -> None:
    """Set headers, values in UTF-8."""
    names = {name.lower().encode() for name in headers}
    response.raw_headers = [
        *((name, value) for name, value in response.raw_headers if name not in names),
        *((name.encode(), value.encode()) for name, value in headers.items()),
    ]


def stored_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what of a request's headers is kept with the object.

    :raises CosError: a name or value that no header can have, or more than COS keeps (2 KB of
        x-cos-meta-…).
    """
    kept = {name: headers[name.lower()] for name in _STORED if name.lower() in headers}
    kept.setdefault("Content-Type", "application/octet-stream")
    meta = {n: v for n, v in headers.items() if n.startswith("x-cos-meta-")}
    if sum(len(n.encode()) + len(v.encode()) for n, v in meta.items()) > _MAX_META_BYTES:
        raise CosError(
            "MetadataTooLarge", f"The x-cos-meta- headers may have {_MAX_META_BYTES} bytes."
        )
    for name, value in (kept | meta).items():
        if not _TOKEN.fullmatch(name) or not value.isprintable() or len(value) > _MAX_META_BYTES:
            raise invalid(
                f"The value of {name[:80]!r} cannot be kept: send up to 2 KB of plain text."
            )
    return kept | meta


def wanted_md5(headers: Mapping[str, str]) -> bytes | None:
    """Return the MD5 that the client announced.

    :raises CosError: InvalidDigest.
    """
    text = headers.get("content-md5")
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise CosError("InvalidDigest", "Content-MD5 must be the base64 of 16 bytes.")
    return digest


def object_headers(entry: Entry) -> dict[str, str]:
    """Return the headers of an object, for GET and HEAD."""
    return {
        **entry.headers,
        "ETag": f'"{entry.etag}"',
        "Last-Modified": email.utils.formatdate(entry.mtime_ns / 1e9, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Length": str(entry.size),
    }


def overrides(query: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a (signed) query replaces: response-content-type and the like.

    :raises CosError: a value that would break out of its header.
    """
    found = {header: query[name] for name, header in _OVERRIDES.items() if name in query}
    if any(ord(c) < 32 for value in found.values() for c in value):
        raise invalid("A response-… parameter holds a control character.")
    return found


def condition(entry: Entry, headers: Mapping[str, str], prefix: str = "") -> int | None:
    """Return 304 or 412 where If-Match and its kin say so, else None (RFC 9110, section 13.2.2)."""
    etag = entry.etag

    def names(header: str) -> list[str] | None:
        value = headers.get(prefix + header)
        if value is None:
            return None
        return [each.strip().removeprefix("W/").strip('"') for each in value.split(",")]

    match, none_match = names("if-match"), names("if-none-match")
    written = entry.mtime_ns // 1_000_000_000
    if match is not None:
        if not {"*", etag} & set(match):
            return 412
    elif (
        unmodified := _time(headers.get(prefix + "if-unmodified-since"))
    ) and written > unmodified:
        return 412
    if none_match is not None:
        return 304 if {"*", etag} & set(none_match) else None
    since = _time(headers.get(prefix + "if-modified-since"))
    return 304 if since and written <= since else None


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return None  # RFC 9110: a date that cannot be read is as if it were not there


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (first, last) of a Range header, or None for the whole object.

    What is no single byte range is passed over, as RFC 9110 (14.2) allows and COS does.

    :raises CosError: InvalidRange.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    begin, end = found.groups()
    first = int(begin) if begin else max(0, size - int(end))
    last = min(size - 1, int(end) if begin and end else size - 1)
    if begin and end and int(end) < int(begin):
        return None
    if first > last:
        raise CosError("InvalidRange", f"The object has {size} bytes: ask for a range within.")
    return first, last


def send(
    entry: Entry, opened: BinaryIO, headers: Mapping[str, str], query: Mapping[str, str]
) -> Response:
    """Return the object, or what of it was asked for; closes ``opened`` in any case.

    :raises CosError: InvalidRange.
    """
    try:
        fields = {**object_headers(entry), **overrides(query)}
        refused = condition(entry, headers)
        if refused is not None:
            opened.close()
            if refused == 412:
                raise CosError("PreconditionFailed", "The object is another.")  # noqa: TRY301 - closed below
            del fields["Content-Length"]
            return respond(304, fields)
        span = byte_range(headers.get("range"), entry.size)
        first, last = span or (0, entry.size - 1)
        if span is not None:
            fields["Content-Range"] = f"bytes {first}-{last}/{entry.size}"
            fields["Content-Length"] = str(last - first + 1)
        opened.seek(first)
        response = StreamingResponse(
            _chunks(opened, last - first + 1), 206 if span is not None else 200
        )
    except BaseException:
        opened.close()
        raise
    set_headers(response, fields)
    return response


def _chunks(opened: BinaryIO, length: int) -> Iterator[bytes]:
    with opened:
        while length > 0:
            data = opened.read(min(CHUNK, length))
            if not data:
                return
            length -= len(data)
            yield data
