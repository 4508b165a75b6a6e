"""Amazon EventBridge: S3's own events on the default bus.

Unlike in S3's notifications the key is not encoded. Its batches (Pipes) come as a bare list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from vindrop.domain.arrivals import Arrival, Ignored, Message
from vindrop.triggers.common import (
    Envelope,
    FieldError,
    Fields,
    Filled,
    Size,
    malformed,
    printable,
    read,
    upload,
)
from vindrop.triggers.s3 import version

_CREATED: Final = "Object Created"


class _Object(Fields, frozen=True):
    key: Filled
    size: Size | None = None
    etag: str = ""
    version_id: str | None = msgspec.field(default=None, name="version-id")
    sequencer: str = ""


class _Bucket(Fields, frozen=True):
    name: Filled


class _Detail(Fields, frozen=True):
    bucket: _Bucket
    object: _Object


class _Event(Fields, frozen=True, kw_only=True):
    region: Filled
    time: dt.datetime | None = None
    detail: _Detail


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return what arrived."""
    return [Message(_arrival(payload))]


def _arrival(payload: Mapping[str, Any]) -> Arrival:
    kind = payload["detail-type"]
    if payload["source"] != "aws.s3" or kind != _CREATED:
        what = printable(kind[:80]) if isinstance(kind, str) else "EventBridge"
        return Ignored(what, "no object was created in S3")
    try:
        event = read(payload, _Event)
    except FieldError as error:
        return malformed(payload, error)
    found = event.detail.object
    return upload(
        payload,
        cloud="aws",
        bucket=event.detail.bucket.name,
        region=event.region,
        key=found.key,
        version=version(found.version_id, found.etag, found.sequencer),
        size=found.size,
        uploaded_at=event.time,
    )
