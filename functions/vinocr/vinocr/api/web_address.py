"""Web addresses as RFC 3986 has them: what ImageUrl may be, and what of it goes on the wire.

`urllib.parse.urlparse` and httpcore.URL take ``;`` for the beginning of parameters (RFC 1808) and
lose them; here every character of path and query stays as it was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from vinocr.api.codes import ApiError

MAX_URL: Final = 8192
_PARTS: Final = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?P<query>\?[^#]*)?"
)
"""RFC 3986, appendix B, without the fragment."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An http or https URL, taken apart."""

    scheme: str
    host: str
    """Lower case, without the brackets of an IPv6 address."""
    port: int | None
    """None: the scheme's own."""
    authority: str
    """Host and port as they were given: the Host header."""
    target: str
    """Path and query as they were given: the request's target."""


def parse(url: str) -> WebAddress:
    """Take ImageUrl apart, before anything is resolved.

    :raises ApiError: InvalidParameterValue.InvalidParameterValueLimit.
    """
    if len(url) > MAX_URL:
        raise _bad("ImageUrl is longer than {limit} characters", limit=MAX_URL)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _bad("ImageUrl is not a URL") from None
    if parts.scheme.lower() not in {"http", "https"}:
        raise _bad("ImageUrl must begin with http:// or https://")
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or port == 0 or not is_plain:
        raise _bad("ImageUrl must name a host and be percent-encoded")
    if "@" in parts.netloc:
        raise _bad("ImageUrl must not carry a user name")
    _, authority, path, query = _split(url)
    target = (path if path.startswith("/") else f"/{path}") + query
    return WebAddress(parts.scheme.lower(), host, port, authority or "", target)


def join(base: str, location: bytes) -> str:
    """Return where a redirect from ``base`` leads (RFC 3986, section 5.2).

    Bytes beyond ASCII and blanks, which some servers send as they are, are percent-encoded.
    """
    given = "".join(chr(b) if 0x20 < b < 0x7F else f"%{b:02X}" for b in location)
    scheme, authority, path, query = _split(base)
    new_scheme, new_authority, new_path, new_query = _split(given)
    if new_scheme is not None:
        return given
    if new_authority is not None:
        return f"{scheme}:{given}"
    if not new_path:
        return f"{scheme}://{authority}{path}{new_query or query}"
    if not new_path.startswith("/"):
        new_path = (path.rpartition("/")[0] if path else "") + "/" + new_path
    return f"{scheme}://{authority}{_without_dots(new_path)}{new_query}"


def _split(url: str) -> tuple[str | None, str | None, str, str]:
    found = _PARTS.match(url)
    assert found is not None  # noqa: S101 - every text matches
    return found["scheme"], found["authority"], found["path"], found["query"] or ""


def _without_dots(path: str) -> str:
    """Return an absolute path without its ``.`` and ``..`` segments (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _bad(why: str, **about: object) -> ApiError:
    return ApiError(
        "InvalidParameterValue.InvalidParameterValueLimit", None, retry_after=None, why=why, **about
    )
