"""Tencent EventBridge: CloudEvents, one or a batch (``EventList``).

What COS puts into ``data`` is documented as "details of the event"; taken are the record or the
records that COS sends to functions. Events of message connectors (``msgBody``) are opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Ignored, Message
from vindrop.tracing import first
from vindrop.triggers.common import Envelope, identity, malformed, mapping, printable


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return what arrived; events of other sources are ignored."""
    events = payload.get("EventList")
    if isinstance(events, list) and events:
        return [_message(mapping(event)) for event in events]
    return [_message(payload)]


def _message(event: Mapping[str, Any]) -> Message | Envelope:
    kind, source = (
        value if isinstance(value := event.get(name), str) else "" for name in ("type", "source")
    )
    data = mapping(event.get("data"))
    trace = first(event.get("traceparent"))
    lasting = ["eventbridge", event.get("id"), event.get("data")]
    if kind.lower().startswith("cos:") or source.startswith("cos."):
        if "created" not in kind.lower():
            return Message(Ignored(printable(kind[:80]), "no object was created"), trace=trace)
        if "cos" in data and "event" in data:
            return Envelope(identity(lasting), {"Records": [data]}, trace=trace)
        if "Records" in data:
            return Envelope(identity(lasting), data, trace=trace)
        return Message(malformed(lasting, "data: holds no record of COS"), trace=trace)
    if isinstance(data.get("msgBody"), str):
        return Envelope(identity(lasting), data["msgBody"], trace=trace)
    what = printable(kind[:80]) or "EventBridge"
    return Message(Ignored(what, "it comes neither from COS nor from a queue"), trace=trace)
