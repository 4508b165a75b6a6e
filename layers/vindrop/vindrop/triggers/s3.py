"""Amazon S3: object-created notifications, and the test event that S3 sends when one is set up.

Keys are form-encoded: a plus sign is a space (``unquote_plus``), which is the opposite of COS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from vindrop.domain.arrivals import Arrival, Ignored, Message
from vindrop.triggers.common import (
    Envelope,
    FieldError,
    Fields,
    Filled,
    Size,
    malformed,
    read,
    records_of,
    upload,
)

_CREATED: Final = "ObjectCreated:"


class _Object(Fields, frozen=True):
    key: Filled
    size: Size | None = None
    eTag: str = ""
    versionId: str | None = None
    sequencer: str = ""


class _Bucket(Fields, frozen=True):
    name: Filled


class _S3(Fields, frozen=True):
    bucket: _Bucket
    object: _Object


class _Record(Fields, frozen=True, kw_only=True):
    eventName: str
    awsRegion: Filled
    eventTime: dt.datetime | None = None
    s3: _S3


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return what arrived."""
    if payload.get("Event") == "s3:TestEvent":
        return [Message(Ignored("s3:TestEvent", "S3 says that the notification is set up"))]
    return [Message(_arrival(record)) for record in records_of(payload)]


def _arrival(raw: Any) -> Arrival:
    try:
        record = read(raw, _Record)
    except FieldError as error:
        return malformed(raw, error)
    if not record.eventName.removeprefix("s3:").startswith(_CREATED):
        return Ignored(what=record.eventName[:80], why="no object was created")
    found = record.s3.object
    return upload(
        raw,
        cloud="aws",
        bucket=record.s3.bucket.name,
        region=record.awsRegion,
        key=unquote_plus(found.key),
        version=version(found.versionId, found.eTag, found.sequencer),
        size=found.size,
        uploaded_at=record.eventTime,
    )


def version(version_id: str | None, etag: str, sequencer: str) -> str:
    """Return what tells two uploads to one key apart; the same by every way S3 tells of one."""
    if version_id and version_id != "null":
        return version_id
    return f"{etag.strip(chr(34))}+{sequencer}"
