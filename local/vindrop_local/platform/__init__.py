"""A platform that runs the functions in processes of their own, as SCF and Lambda would."""

from __future__ import annotations

from vindrop_local.platform.database import AlreadyRunningError
from vindrop_local.platform.platform import Platform
from vindrop_local.platform.queue import EventTooLargeError, Trigger
from vindrop_local.platform.spec import DeadEvent, FunctionSpec, Identity, LogLine, Result

__all__ = [
    "AlreadyRunningError",
    "DeadEvent",
    "EventTooLargeError",
    "FunctionSpec",
    "Identity",
    "LogLine",
    "Platform",
    "Result",
    "Trigger",
]
