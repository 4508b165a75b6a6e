"""Amazon MSK and self-managed Kafka on Lambda: batches of several partitions, values in Base64."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Ignored, Message
from vindrop.tracing import first
from vindrop.triggers.common import Envelope, identity, malformed, mapping


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the messages of all partitions, closed."""
    return [
        _message(mapping(record))
        for records in mapping(payload.get("records")).values()
        for record in (records if isinstance(records, list) else [records])
    ]


def _message(record: Mapping[str, Any]) -> Message | Envelope:
    value = record.get("value")
    lasting = ["msk", record.get("topic"), record.get("partition"), record.get("offset"), value]
    if value is None or value == "":
        return Message(Ignored("msk", "the message is empty"))
    try:
        body = base64.b64decode(value if isinstance(value, str) else "?", validate=True).decode()
    except (binascii.Error, ValueError):
        return Message(malformed(lasting, "records.value: is not text in Base64"))
    return Envelope(identity(lasting), body, trace=_trace(record.get("headers")))


def _trace(headers: object) -> str | None:
    """Headers are a list of objects, each name → its bytes as numbers."""
    for header in headers if isinstance(headers, list) else []:
        value = mapping(header).get("traceparent")
        if isinstance(value, list) and all(isinstance(n, int) and 0 <= n < 128 for n in value):
            return first(bytes(value).decode())
    return None
