"""What SCF puts into a function's dead-letter queue: the event, and how its last try ended.

Read back, so that an event which exhausted SCF's own retries is still brought to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Message
from vindrop.triggers.common import Envelope, identity, mapping


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the event that failed, closed."""
    event = mapping(payload["Body"])["ClientContext"]
    return [Envelope(identity(["scf_failure", event]), event)]
