"""A record as a message: CloudEvents 1.0, with attributes that subscribers filter by.

Structured: the whole event is the body. Binary (Kafka, AMQP): the event's attributes are headers,
and its data alone is the body.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import Final

from vindrop.domain.records import Reading, Record, attributes, is_review, to_cloudevent, to_json

STRUCTURED: Final = "application/cloudevents+json; charset=UTF-8"
DATA: Final = "application/json"
MODES: Final = ("structured", "binary")
_REMEMBERED: Final = 4096
"""Records of this process whose second copy is marked."""


class MessageDestination(ABC):
    """A destination that cannot drop a second copy: it marks it ``redelivered``.

    At-least-once: a broker that did not confirm may have the message all the same, so a record
    that this process, or an earlier one, has tried to send before may be there twice.
    """

    database = None

    def __init__(self) -> None:
        self._tried: OrderedDict[str, None] = OrderedDict()
        self._tried_lock = threading.Lock()

    def put(self, record: Record, *, redelivered: bool = False) -> None:
        """Send the record; see `vindrop.core.destination.Destination`."""
        self.send(record, redelivered=self._tried_before(record) or redelivered)

    @abstractmethod
    def send(self, record: Record, *, redelivered: bool) -> None:
        """Send one message, and return once the technology has it.

        :param redelivered: this may be a second copy; the message must say so.
        :raises StoreError: it was not taken.
        """

    def _tried_before(self, record: Record) -> bool:
        key = deduplication_key(record)
        with self._tried_lock:
            if key in self._tried:
                return True
            self._tried[key] = None
            if len(self._tried) > _REMEMBERED:
                self._tried.popitem(last=False)
            return False


def deduplication_key(record: Record) -> str:
    """Return what tells this record from every other, in at most 128 plain characters.

    The upload's identity alone is not enough: an upload may end as a dead letter, be redriven, and
    end again.
    """
    if record.upload is None:  # a malformed event has no history, and each copy a time of its own
        return f"{record.id}-malformed"
    if is_review(record):
        return f"{record.upload.id}-review-{record.sequence}"
    kind = "reading" if isinstance(record, Reading) else "dead-letter"
    return f"{record.id}-{kind}-{round(record.time.timestamp() * 1e6)}"


def ordering_key(record: Record) -> str:
    """Return the object's key, or the identity of a record that names no object."""
    return record.upload.key if record.upload is not None else record.id


def headers(record: Record, *, redelivered: bool) -> dict[str, str]:
    """Return what subscribers filter by, and ``redelivered`` where this may be a second copy."""
    found = attributes(record)
    if redelivered:
        found["redelivered"] = "true"
    return found


def encode(
    record: Record, mode: str, prefix: str, *, redelivered: bool
) -> tuple[dict[str, str], bytes, str]:
    """Return a message's headers, body and content type.

    :param mode: one of `MODES`.
    :param prefix: what begins the headers that are attributes of the event (``binary``).
    """
    found = headers(record, redelivered=redelivered)
    if mode == "structured":
        return found, to_json(record).encode(), STRUCTURED
    event = to_cloudevent(record)
    data = event.pop("data")
    event.pop("datacontenttype")  # travels as the message's own content type
    found |= {f"{prefix}{name}": str(value) for name, value in event.items()}
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return found, body.encode(errors="replace"), DATA
