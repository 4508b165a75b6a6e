"""What Lambda sends to a function's on-failure destination: the event, and how its last try ended.

Read back, so that an event which exhausted Lambda's own retries is still brought to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Message
from vindrop.triggers.common import Envelope, identity


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the event that failed, closed."""
    event = payload["requestPayload"]
    return [Envelope(identity(["lambda_failure", event]), event)]
