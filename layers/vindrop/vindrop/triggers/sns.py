"""Amazon SNS: as it calls a function, and as it puts its notification into a queue.

With raw message delivery a queue gets the message bare, and SNS leaves no sign of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Message
from vindrop.tracing import first
from vindrop.triggers.common import Envelope, identity, malformed, mapping, records_of


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the notifications, closed."""
    if "TopicArn" in payload:
        return [_message(payload)]
    return [_message(mapping(record.get("Sns"))) for record in records_of(payload)]


def _message(notification: Mapping[str, Any]) -> Message | Envelope:
    lasting = [notification.get(name) for name in ("MessageId", "Message")]
    body = notification.get("Message")
    if not isinstance(body, str):
        return Message(malformed(["sns", *lasting], "Sns.Message: is not text"))
    attributes = mapping(notification.get("MessageAttributes"))
    trace = first(mapping(attributes.get("traceparent")).get("Value"))
    return Envelope(identity(["sns", *lasting]), body, trace=trace)
