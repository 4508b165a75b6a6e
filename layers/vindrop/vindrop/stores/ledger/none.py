"""No ledger: each delivery of an event stands alone.

The weaker promise: nothing is lost, since what cannot end now is raised to the platform, which
delivers the event again; but an event delivered twice is paid twice, attempts are counted by
the platform alone, and a block of the account is known to this instance only.
"""

from __future__ import annotations

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
        self._hold: tuple[Failure, float, float] | None = None

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
        claim: Claim,  # noqa: ARG002
        record: records.Record,  # noqa: ARG002
        *,
        attempts: int,  # noqa: ARG002
        billed: int,  # noqa: ARG002
        lease: float,  # noqa: ARG002
    ) -> bool:
        """Keep nothing; the answer goes straight to its destination."""
        return True

    def checkpoint(self, upload_id: str, names: frozenset[str]) -> None:
        """Remember nothing."""

    def delivered(self, upload_id: str, record: records.Record) -> None:
        """Remember nothing."""

    def postpone(self, upload_id: str, claim: Claim, seconds: float) -> None:
        """Remember nothing."""

    def schedule_retry(
        self,
        upload_id: str,  # noqa: ARG002
        claim: Claim,  # noqa: ARG002
        failure: Failure,  # noqa: ARG002
        *,
        seconds: float,  # noqa: ARG002
        attempts: int,  # noqa: ARG002
        billed: int,  # noqa: ARG002
    ) -> bool:
        """Remember nothing; the caller raises, since nobody would come back for it."""
        return True

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Nothing was kept."""

    def retryable(self, limit: int) -> list[Upload]:  # noqa: ARG002
        """Return nothing: nothing is kept."""
        return []

    def standing(self, upload_id: str) -> Standing | None:  # noqa: ARG002
        """Know nothing."""
        return None

    def counts(self) -> dict[State, int]:
        """Count nothing."""
        return {}

    def backlog(self) -> dict[State, Waiting]:
        """Nothing waits in here."""
        return {}

    def redrive(self, letter: records.DeadLetter, *, after: float) -> Redriven:  # noqa: ARG002
        """Nothing is kept, so nothing would come back for it."""
        return "unknown"

    def dead_letters(self) -> Iterator[records.DeadLetter]:
        """Know none."""
        return iter(())

    def open_circuit(self, failure: Failure, probe_after: float) -> bool:
        """Block this instance."""
        first = self._hold is None
        now = time.monotonic()
        self._hold = (failure, now, now + probe_after)
        return first

    def circuit(self, probe_after: float | None) -> OpenCircuit | None:
        """Return the block of this instance."""
        if self._hold is None:
            return None
        failure, since, probe_at = self._hold
        now = time.monotonic()
        if now >= probe_at and probe_after is not None:
            self._hold = (failure, since, now + next_probe(probe_after, now - since))
        return OpenCircuit(failure, max(probe_at - now, 0.0))

    def close_circuit(self) -> bool:
        """Unblock this instance."""
        was_held, self._hold = self._hold is not None, None
        return was_held
