"""A record as a message: CloudEvents 1.0, with attributes that subscribers filter by.

Structured: the whole event is the body. Binary (Kafka, AMQP): the event's attributes are headers,
and its data alone is the body.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Final

from vindrop.domain.records import Reading, Record, attributes, to_cloudevent, to_json

STRUCTURED: Final = "application/cloudevents+json; charset=UTF-8"
DATA: Final = "application/json"
MODES: Final = ("structured", "binary")
_REMEMBERED: Final = 4096


def key_of(record: Record) -> str:
    """Return what tells this record from every other, in at most 128 plain characters.

    The upload's identity alone is not enough: an upload may end as a dead letter, be redriven, and
    end again.
    """
    if record.upload is None:  # a malformed event has no history, and each copy a time of its own
        return f"{record.id}-malformed"
    kind = "reading" if isinstance(record, Reading) else "dead-letter"
    return f"{record.id}-{kind}-{round(record.time.timestamp() * 1e6)}"


def place_of(record: Record) -> str:
    """Return the object's key, or the identity of a record that names no object: what orders messages."""
    return record.upload.key if record.upload is not None else record.id


def headers(record: Record, *, redelivered: bool) -> dict[str, str]:
    """Return what subscribers filter by, and ``redelivered`` where this may be a second copy."""
    found = attributes(record)
    if redelivered:
        found["redelivered"] = "true"
    return found


def structured(record: Record) -> bytes:
    """Return the whole event, as a body."""
    return to_json(record).encode()


def binary(record: Record, prefix: str) -> tuple[dict[str, str], bytes]:
    """Return the event's attributes under ``prefix``, and its data as a body."""
    event = to_cloudevent(record)
    data = event.pop("data")
    event.pop("datacontenttype")  # travels as the message's own content type
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return {f"{prefix}{name}": str(value) for name, value in event.items()}, body


class Tried:
    """Records that this process has handed over, or tried to.

    A broker that did not confirm may have the message all the same. The next copy says so, since
    only the reader can drop it.
    """

    def __init__(self) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def again(self, record: Record) -> bool:
        """Whether ``record`` was tried before; from now on it was."""
        key = key_of(record)
        with self._lock:
            if key in self._keys:
                return True
            self._keys[key] = None
            if len(self._keys) > _REMEMBERED:
                self._keys.popitem(last=False)
            return False
