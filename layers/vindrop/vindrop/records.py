"""What leaves: a Reading or a DeadLetter, as a CloudEvents 1.0 event.

The event's id is the upload's identity, so a consumer that has seen an id has seen the upload.
Type names carry a version; a field may be added under the same version, never changed or removed.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from vindrop.failures import Disposition
from vindrop.upload import Cloud, Upload
from vindrop.vin import ALPHABET, LENGTH, Verdict

READING: Final = "vindrop.reading.v1"
DEAD_LETTER: Final = "vindrop.dead_letter.v1"


class _Model(BaseModel):
    # Built when first used: not while a function starts.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class VinOCRCall(_Model):
    """The call that gave the answer."""

    request_id: str
    """VinOCR's RequestId: what the provider asks for when something must be looked up."""
    endpoint: str
    """Host (and port) that answered."""
    seconds: float = Field(ge=0)
    """From request to answer."""
    billed: int = Field(ge=0)
    """Calls for this upload that the provider bills, this one included."""


class Reading(_Model):
    """A VIN and how sure we are."""

    vin: str = Field(pattern=f"^[{ALPHABET}]{{{LENGTH}}}$")
    as_read: str
    """VinOCR's answer, word for word."""
    verdict: Verdict
    check_digit: Literal["valid", "invalid", "not_required"]
    maker: str | None
    region: str | None
    """World region of the manufacturer (ISO 3780)."""
    model_year: int | None
    upload: Upload
    vinocr: VinOCRCall
    attempts: int = Field(ge=1)
    read_at: dt.datetime
    traceparent: str | None = Field(default=None, exclude=True)
    """W3C trace context, where the upload's trigger carried one: an extension of the event."""

    @property
    def id(self) -> str:
        """The upload's identity."""
        return self.upload.id

    @property
    def time(self) -> dt.datetime:
        """When the record was made."""
        return self.read_at


class DeadLetter(_Model):
    """An upload that ended without a reading, and why. Enough to redrive; nothing secret."""

    code: str
    """VinOCR's error code word for word, or one of ours (``Vindrop.…``)."""
    message: str
    disposition: Disposition
    request_id: str | None
    """VinOCR's RequestId, where a call was made."""
    attempts: int = Field(ge=0)
    billed: int = Field(ge=0)
    """Calls for this upload that the provider bills."""
    first_seen: dt.datetime
    last_seen: dt.datetime
    upload: Upload | None
    """None only where the event was too malformed to name an object."""
    event_id: str | None = None
    """Where ``upload`` is None: sha256 of the malformed record, so that it is counted once."""
    redriven: int = Field(default=0, ge=0)
    """How often the upload was a dead letter before, and was taken up again."""
    traceparent: str | None = Field(default=None, exclude=True)
    """W3C trace context, where the upload's trigger carried one: an extension of the event."""

    @property
    def id(self) -> str:
        """The upload's identity, or the malformed record's."""
        if self.upload is not None:
            return self.upload.id
        return self.event_id or ""

    @property
    def time(self) -> dt.datetime:
        """When the record was made."""
        return self.last_seen


Record = Reading | DeadLetter


def type_of(record: Record) -> str:
    """Return the CloudEvents type of ``record``."""
    return READING if isinstance(record, Reading) else DEAD_LETTER


def cloud_of(record: Record) -> Cloud | None:
    """Return the cloud the upload came from, where it is known."""
    return record.upload.cloud if record.upload is not None else None


def attributes(record: Record) -> dict[str, str]:
    """Return what subscribers filter by: type, cloud, and verdict or code and disposition."""
    found = {"type": type_of(record)}
    cloud = cloud_of(record)
    if cloud is not None:
        found["cloud"] = cloud
    if isinstance(record, Reading):
        found["verdict"] = record.verdict.value
    else:
        found["code"] = record.code
        found["disposition"] = record.disposition.value
    return found


def to_cloudevent(record: Record) -> dict[str, Any]:
    """Return ``record`` as a structured CloudEvents 1.0 event, ready for JSON.

    ``source`` is the bucket, ``subject`` the object key: both percent-encoded where a URI
    reference asks for it, the key in full clear text under ``data.upload.key``.
    """
    upload = record.upload
    source = f"/{upload.cloud}/{upload.region}/{quote(upload.bucket)}" if upload else "/vindrop"
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": record.id,
        "source": source,
        "type": type_of(record),
        "time": record.time.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": record.model_dump(mode="json"),
    }
    if upload is not None:
        event["subject"] = upload.key
    if record.traceparent is not None:
        event["traceparent"] = record.traceparent
    return event


def to_json(record: Record) -> str:
    """Return the structured event as one line of JSON."""
    return json.dumps(to_cloudevent(record), ensure_ascii=False, separators=(",", ":"))


def from_cloudevent(event: dict[str, Any]) -> Record:
    """Return the record inside a structured event.

    :raises ValueError: a type that is not ours, or data that does not fit it.
    """
    kind, data = event.get("type"), event.get("data")
    if isinstance(data, dict) and event.get("traceparent") is not None:
        data = {**data, "traceparent": event["traceparent"]}
    if kind == READING:
        return Reading.model_validate(data)
    if kind == DEAD_LETTER:
        return DeadLetter.model_validate(data)
    raise ValueError(f"{kind!r} is not a type of vindrop's: expected {READING} or {DEAD_LETTER}")


def from_json(text: str | bytes) -> Record:
    """Return the record inside one line of JSON, as `to_json` wrote it."""
    return from_cloudevent(json.loads(text))
