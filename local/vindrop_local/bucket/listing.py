"""GET Bucket (List Objects, version 1): prefix, delimiter, marker, max-keys, encoding-type.

https://cloud.tencent.com/document/product/436/7734
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from vindrop_local.bucket.call import Call
from vindrop_local.bucket.errors import invalid
from vindrop_local.bucket.journal import Entry
from vindrop_local.bucket.responses import respond_page
from vindrop_local.bucket.xml import Node, encoded, time_text

MAX_KEYS: Final = 1000
_BEYOND: Final = b"\xff"
"""A prefix with this is beyond every key that begins with the prefix: no UTF-8 holds it."""

Fetch = Callable[[bytes, bool, int], "list[Entry]"]
"""(key, inclusive, limit) → entries from there on, in the order of UTF-8 bytes."""


@dataclass(frozen=True)
class Page:
    """One answer to a list request."""

    entries: list[Entry]
    prefixes: list[str]
    next_marker: str | None
    """Where the next page begins (not included); None on the last page."""


def page(
    fetch: Fetch,
    exists: Callable[[Entry], bool],
    *,
    prefix: str = "",
    delimiter: str = "",
    marker: str = "",
    max_keys: int = MAX_KEYS,
) -> Page:
    """Return up to ``max_keys`` keys and common prefixes, together, after ``marker``.

    A common prefix is passed in one step however many keys it stands for.
    """
    entries: list[Entry] = []
    prefixes: list[str] = []
    last = ""
    start, inclusive = prefix.encode(), True
    if marker and marker.encode() >= start:
        start, inclusive = marker.encode(), False
    if delimiter and marker.startswith(prefix):
        # A marker that is a common prefix stands for all of it.
        group = _group(marker, prefix, delimiter)
        if group is not None and group == marker:
            start, inclusive = group.encode() + _BEYOND, True
    while True:
        batch = fetch(start, inclusive, max(1, min(max_keys, MAX_KEYS)) + 1)
        for entry in batch:
            if not entry.key.startswith(prefix):
                return Page(entries, prefixes, None)
            if not exists(entry):
                continue
            if len(entries) + len(prefixes) >= max_keys:
                return Page(entries, prefixes, last if max_keys else None)
            group = _group(entry.key, prefix, delimiter)
            if group is not None:
                prefixes.append(group)
                last = group
                start, inclusive = group.encode() + _BEYOND, True
                break
            entries.append(entry)
            last = entry.key
        else:
            if not batch:
                return Page(entries, prefixes, None)
            start, inclusive = batch[-1].key.encode(), False


def _group(key: str, prefix: str, delimiter: str) -> str | None:
    """Return the common prefix that ``key`` is shown as, or None if it is shown itself."""
    if not delimiter:
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


def list_objects(call: Call) -> Response:
    """GET Bucket (List Objects).

    :raises CosError: InvalidArgument.
    """
    objects, bucket, query = call.objects, call.objects.bucket, call.query
    encoding = encoding_type(query)
    max_keys = number(query, "max-keys", MAX_KEYS, MAX_KEYS)
    prefix, marker = query.get("prefix", ""), query.get("marker", "")
    delimiter = query.get("delimiter", "")

    def fetch(key: bytes, inclusive: bool, limit: int) -> list[Entry]:  # noqa: FBT001 - Fetch
        return objects.journal.after(bucket.name, key, limit, inclusive=inclusive)

    found = page(
        fetch, objects.exists, prefix=prefix, delimiter=delimiter, marker=marker, max_keys=max_keys
    )
    content: dict[str, Node] = {
        "Name": bucket.name,
        "Prefix": encoded(prefix, encoding),
        "Marker": encoded(marker, encoding),
        "MaxKeys": max_keys,
    }
    if delimiter:
        content["Delimiter"] = encoded(delimiter, encoding)
    further = {}
    if found.next_marker is not None:
        further = {"NextMarker": encoded(found.next_marker, encoding)}
    prefixes: list[Node] = [{"Prefix": encoded(each, encoding)} for each in found.prefixes]
    items: list[Node] = [
        {
            "Key": encoded(entry.key, encoding),
            "LastModified": time_text(entry.mtime_ns / 1e9),
            "ETag": f'"{entry.etag}"',
            "Size": entry.size,
            "Owner": {"ID": bucket.appid, "DisplayName": bucket.appid},
            "StorageClass": "STANDARD",
        }
        for entry in found.entries
    ]
    listed = {"CommonPrefixes": prefixes, "Contents": items}
    return respond_page("ListBucketResult", content, further, encoding, listed)


def encoding_type(query: Mapping[str, str]) -> str:
    """Return ``url`` or nothing.

    :raises CosError: anything else.
    """
    value = query.get("encoding-type", "")
    if value not in ("", "url"):
        raise invalid("encoding-type can only be url: write that, or leave it out.")
    return value


def number(query: Mapping[str, str], name: str, default: int, most: int, least: int = 0) -> int:
    """Return a whole number of the query, cut to ``most``.

    :raises CosError: not a whole number, or under ``least``.
    """
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or int(text) < least:
        raise invalid(f"{name} must be a whole number from {least} to {most}.")
    return min(int(text), most)
