"""What the loopback cloud keeps: what the toolkit asks for again, and what tests look at."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

UIN, APPID = "100000000001", "1250000000"


@dataclass
class State:
    """Whoever changes it holds ``lock``."""

    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Service, action and parameters, in order."""
    refusals: list[str] = field(default_factory=list)
    """What was wrong with a call, its signature included."""
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By bucket and key."""
    rules: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """Configurations by kind (cors, lifecycle, encryption) and bucket."""
    buckets: set[str] = field(default_factory=set)
    kept: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Kind → name → what it was made of."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.kept.setdefault(kind, {})
