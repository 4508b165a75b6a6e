"""Alibaba OSS: object-created events, as Function Compute and event notifications deliver them.

Keys are taken as they stand: the provider documents ``key`` as the object's name, without a word of
an encoding, and its own samples pass it to the client unchanged.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from vindrop.domain.arrivals import Ignored, Message
from vindrop.triggers.common import Bucket, Fields, Filled, Size, arrival

_CREATED: Final = "ObjectCreated:"
_BEGUN: Final = frozenset({"InitiateMultipartUpload", "UploadPart", "UploadPartCopy"})
"""Steps of a multipart upload: the object is there after CompleteMultipartUpload."""


class _Object(Fields, frozen=True):
    key: Filled
    size: Size | None = None
    eTag: str = ""


class _Oss(Fields, frozen=True):
    bucket: Bucket
    object: _Object


class _Response(Fields, frozen=True):
    requestId: str = ""


class _Event(Fields, frozen=True, kw_only=True):
    eventName: str
    region: Filled
    eventTime: dt.datetime | None = None
    oss: _Oss
    responseElements: _Response = msgspec.field(default_factory=_Response)


def oss(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived."""
    return [Message(arrival(event, _Event, _upload)) for event in payload["events"]]


def _upload(event: _Event) -> Ignored | dict[str, Any]:
    name = event.eventName.removeprefix("oss:")
    if not name.startswith(_CREATED) or name.removeprefix(_CREATED) in _BEGUN:
        return Ignored(what=event.eventName[:80], why="no object was created")
    found = event.oss.object
    return {
        "cloud": "alibaba",
        "bucket": event.oss.bucket.name,
        "region": event.region,
        "key": found.key,
        "version": f"{found.eTag.strip(chr(34))}+{event.responseElements.requestId}",
        "size": found.size,
        "uploaded_at": event.eventTime,
    }
