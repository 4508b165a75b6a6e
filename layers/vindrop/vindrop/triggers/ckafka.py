"""Tencent CKafka: a batch of one partition, in order.

Documented with ``Partition``, seen with ``partition``: neither is needed. A batch that fails is
delivered again and again (10,000 times by default) and holds up its partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Ignored, Message
from vindrop.triggers.common import Envelope, identity, malformed, mapping, records_of


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the messages, closed."""
    return [_message(mapping(record.get("Ckafka"))) for record in records_of(payload)]


def _message(found: Mapping[str, Any]) -> Message | Envelope:
    body = found.get("msgBody")
    partition = found.get("partition", found.get("Partition"))
    lasting = ["ckafka", found.get("topic"), partition, found.get("offset"), body]
    if body is None or body == "":
        return Message(Ignored("ckafka", "the message is empty"))
    if not isinstance(body, str):
        return Message(malformed(lasting, "Ckafka.msgBody: is not text"))
    return Envelope(identity(lasting), body)
