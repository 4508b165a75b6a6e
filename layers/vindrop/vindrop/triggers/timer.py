"""SCF's timer: its message may hold an event; without one it brings nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Ignored, Message
from vindrop.triggers.common import Envelope, identity


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the event inside the timer's message, closed, or say that there is none."""
    message = payload.get("Message")
    if isinstance(message, str) and message.lstrip().startswith(("{", "[")):
        return [Envelope(identity(["timer", payload.get("Time"), message]), message)]
    return [Message(Ignored("timer", "it brings no upload: set the timer on the function sweep"))]
