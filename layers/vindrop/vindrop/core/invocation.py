"""What a platform tells a function about the call it is in, and how much of its time is left.

SCF passes a dict, Lambda an object.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Platform = Literal["scf", "lambda", "local"]
DEFAULT_SECONDS: Final = 60.0
"""Time taken to be there where a platform says nothing (a test, a script)."""
MARGIN: Final = 0.5
"""Seconds kept back from the platform's limit, for ending in good order."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The time of one invocation."""

    seconds: float
    """What there was when it began."""
    started: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Return the seconds left; negative once the time is over."""
        return self.started + self.seconds - time.monotonic()


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function."""

    platform: Platform
    request_id: str
    function: str
    seconds: float
    """Time until the platform kills it, less a margin."""
    started: float = field(default_factory=time.monotonic)
    memory_mb: float = 0.0
    """Megabytes that the function has; 0: the platform does not say."""

    @property
    def budget(self) -> Budget:
        """The time of this call."""
        return Budget(self.seconds, self.started)


def of(context: Any) -> Invocation:
    """Read ``context``.

    SCF has no remaining-time method: its ``time_limit_in_ms`` counts from now, the call's start.
    """
    if isinstance(context, Mapping):
        limit = context.get("time_limit_in_ms")
        seconds = limit / 1000 if isinstance(limit, (int, float)) and limit > 0 else DEFAULT_SECONDS
        return Invocation(
            "scf",
            str(context.get("request_id") or ""),
            str(context.get("function_name") or ""),
            _less_margin(seconds),
            memory_mb=_megabytes(context.get("memory_limit_in_mb")),
        )
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if callable(remaining):
        return Invocation(
            "lambda",
            str(getattr(context, "aws_request_id", "") or ""),
            str(getattr(context, "function_name", "") or ""),
            _less_margin(remaining() / 1000),
            memory_mb=_megabytes(getattr(context, "memory_limit_in_mb", None)),
        )
    return Invocation("local", "", "", DEFAULT_SECONDS)


def _megabytes(said: object) -> float:
    """Read the memory limit: SCF says a number, Lambda a text."""
    try:
        return max(float(str(said)), 0.0)
    except ValueError:
        return 0.0


def _less_margin(seconds: float) -> float:
    return max(seconds - MARGIN, seconds * 0.8)
