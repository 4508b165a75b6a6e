"""What keeps an account from calls in vain: its circuit breaker, and how many run at once.

The circuit breaker: no calls while the VinOCR account itself refuses them.

Arrears, a used-up package or refused keys fail every photo alike. The state is in the ledger, so
all instances share it:

    closed      calls go through.
    open        a failure with the disposition OPEN_CIRCUIT opened it. No call starts, and every
                upload is scheduled for a retry. The alarm is raised once.
    half-open   the probe interval is over: exactly one call, the probe, goes through. If VinOCR
                judges its photo the circuit closes; otherwise it stays open, and the next probe
                comes later (`vindrop.core.ledger.next_probe`).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from vindrop.core.ledger import Ledger, OpenCircuit
from vindrop.domain import error_codes
from vindrop.domain.failures import Disposition, Failure, FailureError
from vindrop.telemetry import log

MOST_AT_ONCE: Final = 32
"""Calls at once of a process whose service has never been busy."""


class Concurrency:
    """How many calls this process makes at once (AIMD: additive increase, multiplicative decrease).

    A service that says it is busy, or does not answer in time, gets half as many calls at once from
    here; each round of answers lets one more be made. Threads share it.
    """

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most, self._limit, self._running = most, float(most), 0
        self._free = threading.Condition()

    @property
    def limit(self) -> int:
        """Calls that may be made at once now."""
        return max(int(self._limit), 1)

    @contextlib.contextmanager
    def place(self, seconds: float) -> Iterator[None]:
        """Wait until one more call may be made, at most ``seconds``.

        :raises FailureError: none may.
        """
        with self._free:
            if not self._free.wait_for(lambda: self._running < self.limit, max(seconds, 0.0)):
                raise FailureError(
                    error_codes.RATE_LIMITED,
                    "VinOCR is busy, and every call that may be made at once is under way for longer "
                    "than the function may run",
                )
            self._running += 1
        try:
            yield
        finally:
            with self._free:
                self._running -= 1
                self._free.notify_all()

    def answered(self) -> None:
        """Note an answer: with as many as the limit, one more call may be made at once."""
        with self._free:
            self._limit = min(self._limit + 1.0 / max(self._limit, 1.0), float(self._most))

    def congested(self) -> None:
        """Note that the service has too much to do."""
        with self._free:
            self._limit = max(min(self._limit, float(self._running)) / 2.0, 1.0)


class CircuitBreaker:
    """The circuit of one VinOCR account."""

    def __init__(self, ledger: Ledger, probe_seconds: float) -> None:
        self.ledger = self._ledger = ledger
        """Where its state is."""
        self._probe_seconds = probe_seconds

    def check(self) -> None:
        """Give up early, before the photo is fetched, where no call could follow.

        :raises FailureError: the circuit is open, and no probe is due.
        """
        _pass(self._ledger.circuit(None))

    def admit(self) -> bool:
        """Ask to make a call; return whether it is the probe.

        Asked last of all, after the rate limiter: the circuit may have opened while this call
        waited, and whoever is chosen for the probe must really call.

        :raises FailureError: the circuit is open, and another call is the probe.
        """
        return _pass(self._ledger.circuit(self._probe_seconds))

    def succeeded(self, *, probe: bool) -> None:
        """Record an answer: a successful probe closes the circuit."""
        if probe and self._ledger.close_circuit():
            log("circuit_closed", alarm=False)

    def failed(self, failure: Failure, *, probe: bool) -> None:
        """Record a failure: it may open the circuit, or show that the account is in order."""
        rule = failure.rule
        if rule.disposition is not Disposition.OPEN_CIRCUIT:
            # Unknown cost: nobody knows whether VinOCR was reached. Otherwise it judged the photo.
            judged = rule.billed is not None and not rule.rate_refusal
            self.succeeded(probe=probe and judged)
        elif self._ledger.open_circuit(failure, self._probe_seconds):
            log(
                "circuit_opened",
                level="error",
                alarm=True,
                code=failure.code,
                reason=failure.message,
                vinocr_request_id=failure.request_id,
                todo="no calls are made and every upload waits until this is mended",
            )


def _pass(circuit: OpenCircuit | None) -> bool:
    """Return False where the circuit is closed, True where it is half-open for this caller.

    :raises FailureError: it is open.
    """
    if circuit is None:
        return False
    if circuit.probe_in > 0:
        failure = circuit.failure
        raise FailureError(failure.code, failure.message, failure.request_id)
    return True
