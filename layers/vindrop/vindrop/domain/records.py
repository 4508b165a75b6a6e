"""What leaves: a Reading or a DeadLetter, as a CloudEvents 1.0 event.

The event's id is the upload's identity, so a consumer that has seen an id has seen the upload.
Type names carry a version; a field may be added under the same version, never changed or removed.

The models are pydantic's, and loading it takes longer than all else that stands between a cold
start and the call. So they are loaded when the first record is made: who is on the way to the
call imports this module and says ``records.Reading``, all others import the names.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from vindrop.domain.upload import Cloud

if TYPE_CHECKING:
    from vindrop.domain.record_models import DeadLetter, Reading, Record, VinOCRCall

__all__ = [
    "DEAD_LETTER",
    "READING",
    "DeadLetter",
    "Reading",
    "Record",
    "VinOCRCall",
    "attributes",
    "cloud_of",
    "from_cloudevent",
    "from_json",
    "load_meanwhile",
    "to_cloudevent",
    "to_json",
    "type_of",
]

READING: Final = "vindrop.reading.v1"
DEAD_LETTER: Final = "vindrop.dead_letter.v1"
SENT: Final = 0.05
"""Seconds after which a request is surely on its way."""


def __getattr__(name: str) -> Any:
    """Load the models when one is asked for (PEP 562)."""
    if name in {"DeadLetter", "Reading", "Record", "VinOCRCall"}:
        found = globals()[name] = getattr(
            importlib.import_module("vindrop.domain.record_models"), name
        )
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_meanwhile() -> None:
    """Load the models soon, in the background: a first call takes longer to be answered than this.

    Not at once, so that it does not compete with the request that is about to be sent.
    """
    if "vindrop.domain.record_models" not in sys.modules:
        timer = threading.Timer(SENT, importlib.import_module, ["vindrop.domain.record_models"])
        timer.daemon = True
        timer.start()


def type_of(record: Record) -> str:
    """Return the CloudEvents type of ``record``."""
    from vindrop.domain.record_models import Reading

    return READING if isinstance(record, Reading) else DEAD_LETTER


def cloud_of(record: Record) -> Cloud | None:
    """Return the cloud the upload came from, where it is known."""
    return record.upload.cloud if record.upload is not None else None


def attributes(record: Record) -> dict[str, str]:
    """Return what subscribers filter by: type, cloud, and verdict or code and disposition."""
    from vindrop.domain.record_models import Reading

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
    from vindrop.domain.record_models import DeadLetter, Reading

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
