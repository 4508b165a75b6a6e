"""The parts that a function works with; `vindrop.wiring` puts them together."""

from __future__ import annotations

from dataclasses import dataclass

from vindrop.core.delivery import Delivery
from vindrop.core.ledger import Ledger
from vindrop.core.object_store import ObjectStores
from vindrop.core.photo import Photographer
from vindrop.core.pipeline import Pipeline
from vindrop.core.rate_limiter import RateLimiter
from vindrop.core.recognizer import Recognizer
from vindrop.settings import Settings


@dataclass(frozen=True, slots=True)
class App:
    """The parts a function works with."""

    settings: Settings
    ledger: Ledger
    rate_limiter: RateLimiter
    delivery: Delivery
    storage: ObjectStores
    photographer: Photographer
    recognizer: Recognizer
    pipeline: Pipeline
    interactive: Pipeline
    """The same for a caller who waits for the answer: its permits come before those of uploads."""
