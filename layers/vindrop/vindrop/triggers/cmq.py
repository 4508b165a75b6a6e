"""Tencent CMQ topics (TDMQ): one message a call, as a rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Message
from vindrop.triggers.common import Envelope, identity, malformed, mapping, records_of


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the messages, closed."""
    return [_message(mapping(record.get("CMQ"))) for record in records_of(payload)]


def _message(found: Mapping[str, Any]) -> Message | Envelope:
    body = found.get("msgBody")
    lasting = ["cmq", found.get("topicName"), found.get("msgId"), body]
    if not isinstance(body, str):
        return Message(malformed(lasting, "CMQ.msgBody: is not text"))
    return Envelope(identity(lasting), body)
