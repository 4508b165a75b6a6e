"""The parts that a function works with; `vindrop.wiring` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vindrop.core.delivery import Delivery
from vindrop.core.ledger import Ledger
from vindrop.core.object_store import ObjectStores
from vindrop.core.photo import Photographer
from vindrop.core.pipeline import Pipeline
from vindrop.core.rate_limiter import RateLimiter
from vindrop.core.recognizer import Recognizer
from vindrop.settings import Settings

if TYPE_CHECKING:
    from vindrop.core.review import Reviewer, StoredConsole


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
    console: Callable[[], tuple[StoredConsole, Reviewer]]
    """What the ledger shows people, and who takes their decisions; opened when first asked for.

    Raises `ConsoleUnavailableError` where there is no ledger, `StoreError` while it is away.
    """
