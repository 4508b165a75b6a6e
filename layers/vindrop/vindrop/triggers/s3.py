"""Amazon S3: object-created events, by S3's own notifications and by EventBridge's default bus.

Notifications form-encode the key: a plus sign is a space (``unquote_plus``), which is the opposite
of COS. EventBridge does not encode it; its batches (Pipes) come as a bare list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from vindrop.domain.arrivals import Ignored, Message
from vindrop.triggers.common import Bucket, Fields, Filled, Size, arrival, printable, records_of

_NOT_CREATED: Final = "no object was created"


class _Object(Fields, frozen=True):
    key: Filled
    size: Size | None = None
    eTag: str = ""
    versionId: str | None = None
    sequencer: str = ""


class _S3(Fields, frozen=True):
    bucket: Bucket
    object: _Object


class _Record(Fields, frozen=True, kw_only=True):
    eventName: str
    awsRegion: Filled
    eventTime: dt.datetime | None = None
    s3: _S3


def s3(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived, or that S3 has tested a notification that was just set up."""
    if payload.get("Event") == "s3:TestEvent":
        return [Message(Ignored("s3:TestEvent", "S3 says that the notification is set up"))]
    return [Message(arrival(record, _Record, _upload)) for record in records_of(payload)]


def _upload(record: _Record) -> Ignored | dict[str, Any]:
    if not record.eventName.removeprefix("s3:").startswith("ObjectCreated:"):
        return Ignored(what=record.eventName[:80], why=_NOT_CREATED)
    found = record.s3.object
    return {
        "cloud": "aws",
        "bucket": record.s3.bucket.name,
        "region": record.awsRegion,
        "key": unquote_plus(found.key),
        "version": _version(found.versionId, found.eTag, found.sequencer),
        "size": found.size,
        "uploaded_at": record.eventTime,
    }


class _BusObject(Fields, frozen=True):
    key: Filled
    size: Size | None = None
    etag: str = ""
    version_id: str | None = msgspec.field(default=None, name="version-id")
    sequencer: str = ""


class _Detail(Fields, frozen=True):
    bucket: Bucket
    object: _BusObject


class _BusEvent(Fields, frozen=True, kw_only=True):
    region: Filled
    time: dt.datetime | None = None
    detail: _Detail


def eventbridge_aws(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived by EventBridge."""
    kind = payload["detail-type"]
    if payload["source"] != "aws.s3" or kind != "Object Created":
        what = printable(kind[:80]) if isinstance(kind, str) else "EventBridge"
        return [Message(Ignored(what, f"{_NOT_CREATED} in S3"))]
    return [Message(arrival(payload, _BusEvent, _bus_upload))]


def _bus_upload(event: _BusEvent) -> dict[str, Any]:
    found = event.detail.object
    return {
        "cloud": "aws",
        "bucket": event.detail.bucket.name,
        "region": event.region,
        "key": found.key,
        "version": _version(found.version_id, found.etag, found.sequencer),
        "size": found.size,
        "uploaded_at": event.time,
    }


def _version(version_id: str | None, etag: str, sequencer: str) -> str:
    """Return what tells two uploads to one key apart; the same by every way S3 tells of one."""
    if version_id and version_id != "null":
        return version_id
    return f"{etag.strip(chr(34))}+{sequencer}"
