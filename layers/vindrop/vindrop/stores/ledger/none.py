"""No ledger: each delivery of an event stands alone.

The weaker promise: nothing is lost, since what cannot end now is raised to the platform, which
redelivers the event; but an event delivered twice is paid twice, attempts are counted by the
platform alone, and an open circuit is known to this instance only.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator

from vindrop.core.ledger import Claim, OpenCircuit, Redriven, Standing, State, Waiting, next_probe
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload


class NoLedger:
    """See `vindrop.core.ledger.Ledger`."""

    durable = False
    database = None

    def __init__(self) -> None:
        self._circuit: tuple[Failure, float, float] | None = None
        self._calls: dict[str, int] = {}
        self._alarmed: set[str] = set()
        self._lock = threading.Lock()

    def claim(
        self,
        upload: Upload,  # noqa: ARG002
        lease: float,  # noqa: ARG002
        *,
        traceparent: str | None = None,
    ) -> Claim | Standing:
        """Grant every claim."""
        return Claim(uuid.uuid4().hex, 1, 0, first_seen=time.time(), traceparent=traceparent)

    def keep(
        self,
        upload_id: str,  # noqa: ARG002
        claim: Claim,
        record: records.Record,  # noqa: ARG002
        *,
        attempts: int,  # noqa: ARG002
        billed: int,  # noqa: ARG002
        lease: float,  # noqa: ARG002
        maybe_billed: int = 0,  # noqa: ARG002
    ) -> Claim | None:
        """Keep nothing; the answer goes directly to its destination."""
        return claim

    def keep_answers(
        self,
        upload_id: str,  # noqa: ARG002
        claim: Claim,  # noqa: ARG002
        answers: str,  # noqa: ARG002
        *,
        billed: int,  # noqa: ARG002
        maybe_billed: int,  # noqa: ARG002
    ) -> bool:
        """Keep nothing: a run that dies is paid for again."""
        return True

    def for_account(self, account: str) -> NoLedger:  # noqa: ARG002
        """Return one with a circuit and calls of its own."""
        return NoLedger()

    def holds(self, upload_id: str, claim: Claim, seconds: float) -> bool:  # noqa: ARG002
        """Return True: nobody else can claim what no ledger knows."""
        return True

    def checkpoint(self, upload_id: str, names: frozenset[str], claim: Claim | None = None) -> None:
        """Do nothing."""

    def delivered(
        self,
        upload_id: str,  # noqa: ARG002
        record: records.Record,  # noqa: ARG002
        claim: Claim | None = None,  # noqa: ARG002
    ) -> bool:
        """Do nothing."""
        return True

    def postpone(self, upload_id: str, claim: Claim, seconds: float) -> None:
        """Do nothing."""

    def schedule_retry(
        self,
        upload_id: str,  # noqa: ARG002
        claim: Claim,  # noqa: ARG002
        failure: Failure,  # noqa: ARG002
        *,
        seconds: float,  # noqa: ARG002
        attempts: int,  # noqa: ARG002
        billed: int,  # noqa: ARG002
        maybe_billed: int = 0,  # noqa: ARG002
        retries: int = 0,  # noqa: ARG002
        failing_after: float | None = None,  # noqa: ARG002
    ) -> bool:
        """Schedule nothing: the caller raises, so that the platform redelivers the event."""
        return True

    def hasten(self, code: str, share: float) -> int:  # noqa: ARG002
        """Return 0: nothing waits here."""
        return 0

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Do nothing."""

    def retryable(self, limit: int, *, answered: bool | None = None) -> list[Upload]:  # noqa: ARG002
        """Return no uploads."""
        return []

    def standing(self, upload_id: str) -> Standing | None:  # noqa: ARG002
        """Return None: every upload is unknown."""
        return None

    def counts(self) -> dict[State, int]:
        """Return no counts."""
        return {}

    def backlog(self) -> dict[State, Waiting]:
        """Return no backlog."""
        return {}

    def redrive(self, letter: records.DeadLetter, *, after: float) -> Redriven:  # noqa: ARG002
        """Refuse: no sweep could find it."""
        return "unknown"

    def dead_letters(self) -> Iterator[records.DeadLetter]:
        """Return no dead letters."""
        return iter(())

    def open_circuit(self, failure: Failure, probe_after: float) -> bool:
        """Stop the calls of this instance."""
        first = self._circuit is None
        now = time.monotonic()
        self._circuit = (failure, now, now + probe_after)
        return first

    def circuit(self, probe_after: float | None) -> OpenCircuit | None:
        """Return the open circuit of this instance."""
        if self._circuit is None:
            return None
        failure, since, probe_at = self._circuit
        now = time.monotonic()
        if now >= probe_at and probe_after is not None:
            self._circuit = (failure, since, now + next_probe(probe_after, now - since))
        return OpenCircuit(failure, max(probe_at - now, 0.0))

    def close_circuit(self) -> bool:
        """Let this instance call again."""
        was_open, self._circuit = self._circuit is not None, None
        return was_open

    def count_call(self, day: str, calls: int, most: int) -> bool:
        """Count the calls of this instance."""
        with self._lock:
            fits = self._calls.get(day, 0) + max(calls, 1) <= most or calls < 0
            if fits and calls:
                self._calls[day] = self._calls.get(day, 0) + calls
            return fits

    def cap_alarm(self, day: str) -> bool:
        """Return True the first time in this instance."""
        with self._lock:
            first = day not in self._alarmed
            self._alarmed.add(day)
            return first

    def calls_of(self, days: str) -> int:
        """Return what this instance has counted."""
        return sum(calls for day, calls in self._calls.items() if day.startswith(days))
