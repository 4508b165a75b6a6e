"""Amazon S3: object-created events, by S3's own notifications and by EventBridge's default bus.

Notifications form-encode the key: a plus sign is a space (``unquote_plus``), which is the opposite
of COS. EventBridge does not encode it; its batches (Pipes) come as a bare list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from vindrop.domain.arrivals import Arrival, Ignored, Message
from vindrop.domain.redaction import printable
from vindrop.triggers.common import (
    Bucket,
    Fields,
    Filled,
    Loose,
    arrival,
    compact,
    malformed,
    mapping,
    moment,
    records_of,
    region,
    size,
    text,
)

_CREATED: Final = r"objectcreated(:|$)"
_NOT_CREATED: Final = "no object was created"
_DEFAULT_REGION: Final = "us-east-1"
"""What stores compatible with S3 take where nobody says another: MinIO's events name no region."""
_CLOUDTRAIL: Final = "AWS API Call via CloudTrail"
_WRITES: Final = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload", "PostObject"})


class _Object(Fields, frozen=True):
    key: Filled
    size: Loose = None
    eTag: Loose = None
    versionId: Loose = None
    sequencer: Loose = None


class _S3(Fields, frozen=True):
    bucket: Bucket
    object: _Object


class _Record(Fields, frozen=True, kw_only=True):
    eventName: Loose = None
    awsRegion: Loose = None
    eventTime: Loose = None
    s3: _S3


def s3(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived, or that S3 has tested a notification that was just set up."""
    if payload.get("Event") == "s3:TestEvent":
        return [Message(Ignored("s3:TestEvent", "S3 says that the notification is set up"))]
    return [Message(arrival(record, _Record, _upload)) for record in records_of(payload)]


def _upload(record: _Record) -> Ignored | dict[str, Any]:
    name = compact(record.eventName).removeprefix("s3:")
    if name and not re.match(_CREATED, name):
        return Ignored(what=printable(text(record.eventName)[:80]), why=_NOT_CREATED)
    found = record.s3.object
    return {
        "cloud": "aws",
        "bucket": record.s3.bucket.name,
        "region": region(record.awsRegion, "aws", _DEFAULT_REGION),
        "key": unquote_plus(found.key),
        "size": size(found.size),
        "uploaded_at": moment(record.eventTime),
        **_version(found.versionId, found.eTag, found.sequencer),
    }


class _BusObject(Fields, frozen=True):
    key: Filled
    size: Loose = None
    etag: Loose = None
    version_id: Loose = msgspec.field(default=None, name="version-id")
    sequencer: Loose = None


class _Detail(Fields, frozen=True):
    bucket: Bucket
    object: _BusObject


class _BusEvent(Fields, frozen=True, kw_only=True):
    region: Loose = None
    time: Loose = None
    detail: _Detail


def eventbridge_aws(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived by EventBridge."""
    kind = payload["detail-type"]
    if kind == _CLOUDTRAIL:
        return [Message(_call(payload))]
    if payload["source"] != "aws.s3" or compact(kind) != "objectcreated":
        what = printable(kind[:80]) if isinstance(kind, str) else "EventBridge"
        return [Message(Ignored(what, f"{_NOT_CREATED} in S3"))]
    return [Message(arrival(payload, _BusEvent, _bus_upload))]


def _call(payload: Mapping[str, Any]) -> Arrival:
    """CloudTrail tells of API calls, not of objects: of those that failed as well, and late."""
    name = text(mapping(payload["detail"]).get("eventName"))[:80]
    if name not in _WRITES or payload["source"] != "aws.s3":
        return Ignored(name or _CLOUDTRAIL, "CloudTrail's record of a call that writes no object")
    return malformed(
        payload,
        f"it is CloudTrail's record of a call ({name}), not S3's own event: turn on EventBridge in the "
        'bucket\'s properties, and let the rule match the detail-type "Object Created"',
    )


def _bus_upload(event: _BusEvent) -> dict[str, Any]:
    found = event.detail.object
    return {
        "cloud": "aws",
        "bucket": event.detail.bucket.name,
        "region": region(event.region, "aws", _DEFAULT_REGION),
        "key": found.key,
        "size": size(found.size),
        "uploaded_at": moment(event.time),
        **_version(found.version_id, found.etag, found.sequencer),
    }


def _version(version_id: Loose, etag: Loose, sequencer: Loose) -> dict[str, str | None]:
    """Return what tells two uploads to one key apart, the same by every way S3 tells of one."""
    named, tag = text(version_id), text(etag).strip('"')
    return {
        "version": named if named not in ("", "null") else f"{tag}+{text(sequencer)}",
        "version_id": named or None,
        "etag": tag or None,
    }
