"""The parts that a function works with; `vindrop.wiring` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vindrop.core.delivery import Delivery
from vindrop.core.ledger import Ledger, OpenCircuit
from vindrop.core.object_store import ObjectStores
from vindrop.core.photo import Photographer
from vindrop.core.pipeline import Pipeline
from vindrop.core.rate_limiter import RateLimiter
from vindrop.core.recognizer import Recognizer
from vindrop.settings import Settings

if TYPE_CHECKING:
    from vindrop.core.review import Reviewer, StoredConsole


@dataclass(frozen=True, slots=True)
class Engine:
    """One of several recognizers, and what guards it."""

    name: str
    settings: Settings
    """The general ones with its own options in their place."""
    recognizer: Recognizer
    rate_limiter: RateLimiter
    ledger: Ledger
    """With its own circuit and calls."""
    unconfirmed: bool = False
    """See `vindrop.core.cascade.Member`."""


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
    engines: tuple[Engine, ...] = ()
    """The recognizers of ``VINDROP_RECOGNIZERS``, in order; empty where there is only `recognizer`."""

    def blocked(self) -> OpenCircuit | None:
        """Return the open circuit that keeps every upload waiting, or None: calls may be made.

        Of several recognizers, the one that is probed next, where all of them are blocked.
        """
        circuits = self._circuits()
        found = [circuit for circuit in circuits if circuit is not None]
        if len(found) < len(circuits):
            return None
        return min(found, key=lambda circuit: circuit.probe_in)

    def open_circuits(self) -> int:
        """Return how many recognizers refuse their account: each of them raises the alarm."""
        return sum(circuit is not None for circuit in self._circuits())

    def _circuits(self) -> list[OpenCircuit | None]:
        ledgers = [engine.ledger for engine in self.engines] or [self.ledger]
        return [ledger.circuit(None) for ledger in ledgers]
