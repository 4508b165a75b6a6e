"""Amazon S3: object-created notifications, and the test event that S3 sends when one is set up.

Keys are form-encoded: a plus sign is a space (``unquote_plus``), which is the opposite of COS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from pydantic import Field, ValidationError

from vindrop.triggers.common import Arrival, Fields, Ignored, malformed, records_of
from vindrop.upload import Upload

_CREATED: Final = "ObjectCreated:"


class _Object(Fields):
    key: str = Field(min_length=1)
    size: int | None = Field(default=None, ge=0)
    eTag: str = ""
    versionId: str | None = None
    sequencer: str = ""


class _Bucket(Fields):
    name: str = Field(min_length=1)


class _S3(Fields):
    bucket: _Bucket
    object: _Object


class _Record(Fields):
    eventName: str
    awsRegion: str = Field(min_length=1)
    eventTime: dt.datetime | None = None
    s3: _S3


def infer(payload: Mapping[str, Any]) -> bool:
    """Whether every record has the field ``s3``, or the payload is S3's test event."""
    if payload.get("Event") == "s3:TestEvent" and "Bucket" in payload:
        return True
    records = records_of(payload)
    return bool(records) and all(
        isinstance(record, Mapping) and "s3" in record and "eventName" in record
        for record in records
    )


def arrivals(payload: Mapping[str, Any]) -> list[Arrival]:
    """Return what arrived."""
    if payload.get("Event") == "s3:TestEvent":
        return [Ignored(what="s3:TestEvent", why="S3 says that the notification is set up")]
    return [_arrival(record) for record in records_of(payload)]


def _arrival(raw: Any) -> Arrival:
    try:
        record = _Record.model_validate(raw)
    except ValidationError as error:
        return malformed(raw, error)
    if not record.eventName.removeprefix("s3:").startswith(_CREATED):
        return Ignored(what=record.eventName[:80], why="no object was created")
    found = record.s3.object
    key = unquote_plus(found.key)
    if key.endswith("/"):
        return Ignored(what=key, why="a folder marker")
    version = found.versionId if found.versionId and found.versionId != "null" else None
    try:
        return Upload(
            cloud="aws",
            bucket=record.s3.bucket.name,
            region=record.awsRegion,
            key=key,
            version=version or f"{found.eTag}+{found.sequencer}",
            size=found.size,
            uploaded_at=record.eventTime,
        )
    except ValidationError as error:
        return malformed(raw, error)
