"""How much time is left before the platform kills the function."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Budget:
    """The time of one invocation."""

    seconds: float
    """What there was when it began."""
    started: float = field(default_factory=time.monotonic)
    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Return the seconds left; negative once the time is over."""
        return self.started + self.seconds - self.clock()
