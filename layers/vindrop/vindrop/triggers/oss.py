"""Alibaba OSS: object-created events, as Function Compute and event notifications deliver them.

Keys are taken as they stand: the provider documents ``key`` as the object's name, without a word of
an encoding, and its own samples pass it to the client unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vindrop.domain.arrivals import Ignored, Message
from vindrop.domain.redaction import printable
from vindrop.triggers.common import (
    Bucket,
    Fields,
    Filled,
    Loose,
    arrival,
    compact,
    mapping,
    moment,
    region,
    size,
    text,
)

_CREATED: Final = "objectcreated:"
_BEGUN: Final = frozenset({"initiatemultipartupload", "uploadpart", "uploadpartcopy"})
"""Steps of a multipart upload: the object is there after CompleteMultipartUpload."""


class _Object(Fields, frozen=True):
    key: Filled
    size: Loose = None
    eTag: Loose = None
    versionId: Loose = None


class _Oss(Fields, frozen=True):
    bucket: Bucket
    object: _Object


class _Event(Fields, frozen=True, kw_only=True):
    eventName: Loose = None
    region: Loose = None
    eventTime: Loose = None
    oss: _Oss
    responseElements: Loose = None


def oss(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived."""
    return [Message(arrival(event, _Event, _upload)) for event in payload["events"]]


def _upload(event: _Event) -> Ignored | dict[str, Any]:
    name = compact(event.eventName).removeprefix("oss:")
    created = not name or name.startswith(_CREATED)
    if not created or name.removeprefix(_CREATED) in _BEGUN:
        return Ignored(what=printable(text(event.eventName)[:80]), why="no object was created")
    found = event.oss.object
    etag = text(found.eTag).strip('"')
    return {
        "cloud": "alibaba",
        "bucket": event.oss.bucket.name,
        "region": region(event.region, "alibaba").removeprefix("oss-"),
        "key": found.key,
        "version": f"{etag}+{text(mapping(event.responseElements).get('requestId'))}",
        "size": size(found.size),
        "uploaded_at": moment(event.eventTime),
        "version_id": text(found.versionId) or None,
        "etag": etag or None,
    }
