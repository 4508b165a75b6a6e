"""The ledger: which upload is claimed, answered, delivered, or waits for a retry.

The state machine of an upload, one row each (states as they are stored):

    (new) ──claim──▶ claimed ──keep──▶ answered ──delivered──▶ delivered
                      │  ▲             (a reading, kept)
      schedule_retry  │  │ claim, once its retry is due
                      ▼  │
                     parked
                      │
                      └──keep──▶ failed ──delivered──▶ dead ──redrive──▶ parked, attempts anew
                                 (a dead letter, kept)

Each row that is not at its end carries ``due_at``: the moment from which anyone may claim it. For a
claim or a delivery under way that is the end of its lease (`vindrop.core.lease`), so that a worker
that died is followed by another; for a parked upload it is the time of its retry. ``sweep`` asks for
what is due. Every step is one conditional write, timed by the store's own clock:

    worker A   claim ✔ ── calls VinOCR ── † (killed)
    worker B        claim ✘ busy      lease ends ▸ claim ✔ (attempt 2) ── keep ✔ ── deliver ✔
    worker C                                              claim ✘ busy          claim ✘ delivered

Two words that hold it together: an upload's id is the idempotency key, so an event that is delivered
at least once is worked on once. A claim's ``owner`` is the fencing token: a late worker's
``schedule_retry``, ``postpone`` and ``forget`` are refused once another has claimed the upload.
The ledger is write-ahead: an answer that was paid for is kept before it is delivered, whoever has it
first; from then on nothing calls VinOCR for this upload again.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, Literal, Protocol

import msgspec

from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload

State = Literal["claimed", "parked", "answered", "failed", "delivered", "dead"]
ENDED: tuple[State, ...] = ("delivered", "dead")
LONGEST_PROBE: Final = 900.0
"""Seconds between two probes while the circuit is open, at most."""
Redriven = Literal["redriven", "under_way", "answered", "unknown"]
"""What a redrive found: it was dead, and its retry is scheduled; it is on its way already; it has a reading,
so that its dead letter is out of date; nothing that this ledger could follow."""


class Claim(msgspec.Struct, frozen=True):
    """This worker holds the upload until its lease ends."""

    owner: str
    """Fencing token: names the claim in every later step."""
    attempts: int
    """Attempts so far, this one included."""
    billed: int
    """Calls so far that the provider bills."""
    first_seen: float
    """Seconds since 1970."""
    record: records.Record | None = None
    """An answer that is kept and not yet delivered: deliver it, do not call."""
    failure: Failure | None = None
    """What the last attempt ended with, where it ended with something."""
    delivered_to: frozenset[str] = frozenset()
    """Destinations (by name) that have the record already."""
    redriven: int = 0
    """How often it was dead and redriven."""
    traceparent: str | None = None
    """The trace in which the upload was first claimed."""


class Standing(msgspec.Struct, frozen=True):
    """Where an upload stands that cannot be claimed now."""

    state: State
    retry_in: float | None
    """Seconds until it can be claimed; None where it never can again."""
    record: records.Record | None
    """The answer, where there is one."""
    failure: Failure | None = None


class OpenCircuit(msgspec.Struct, frozen=True):
    """The circuit is open: no calls until a probe succeeds. See `vindrop.core.circuit_breaker`."""

    failure: Failure
    probe_in: float
    """Seconds until one call may try again; 0: the caller is the one that may try now."""


class Waiting(msgspec.Struct, frozen=True):
    """Uploads in one state that is not an end."""

    uploads: int
    oldest: float
    """Seconds since the oldest of them was first seen."""


class Transactional(Protocol):
    """A database in which a ledger and destinations can commit together."""

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """Commit what is written in the block at its end, all of it or nothing."""

    def relaxed(self) -> contextlib.AbstractContextManager[None]:
        """Leave out the sync of commits in the block: a power cut may take them back."""


class Ledger(Protocol):
    """What the pipeline asks of a ledger. All methods raise `StoreError` when the store is away."""

    @property
    def durable(self) -> bool:
        """Whether it outlives this process: only then may a retry be left to the sweep."""

    @property
    def database(self) -> Transactional | None:
        """Its SQL database, so that a destination in the same one commits together with it."""

    def claim(
        self, upload: Upload, lease: float, *, traceparent: str | None = None
    ) -> Claim | Standing:
        """Take ``upload`` for ``lease`` seconds, or learn where it stands.

        :param traceparent: of whatever brought it first: kept, for whoever takes it up later.
        """

    def keep(
        self,
        upload_id: str,
        claim: Claim,
        record: records.Record,
        *,
        attempts: int,
        billed: int,
        lease: float,
    ) -> bool:
        """Keep an answer before it is delivered. False: another answer was there first.

        A late claim may keep it too: whoever comes first with an answer wins, except that a
        reading replaces a dead letter that has not been delivered.
        """

    def checkpoint(self, upload_id: str, names: frozenset[str]) -> None:
        """Of several destinations, ``names`` have the record: they are not to get it again."""

    def delivered(self, upload_id: str, record: records.Record) -> None:
        """``record`` has arrived at its destination: the end, if it is still the kept answer.

        A reading may meanwhile have taken the place of the dead letter that was on its way.
        """

    def postpone(self, upload_id: str, claim: Claim, seconds: float) -> None:
        """Delivery failed: let the next one try after ``seconds``."""

    def schedule_retry(
        self,
        upload_id: str,
        claim: Claim,
        failure: Failure,
        *,
        seconds: float,
        attempts: int,
        billed: int,
    ) -> bool:
        """Put the upload down for ``seconds``. False: the claim had passed to another."""

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Drop an upload that has no answer, if it is still this claim's.

        For a photo that came with a request: its caller is told, and nobody else has it.
        """

    def retryable(self, limit: int) -> list[Upload]:
        """Return uploads that anyone may claim now, longest due first."""

    def standing(self, upload_id: str) -> Standing | None:
        """Return where an upload stands, or None if it was never seen."""

    def counts(self) -> dict[State, int]:
        """Return how many uploads stand where."""

    def backlog(self) -> dict[State, Waiting]:
        """Return what has not ended, by state; cheap enough for every sweep."""

    def redrive(self, letter: records.DeadLetter, *, after: float) -> Redriven:
        """Schedule a retry of a dead upload, due ``after`` seconds from now.

        Attempts begin anew; what was billed, when it was first seen and the dead letter itself
        are kept. Done twice it does nothing: only what is dead can be redriven. An upload that
        this ledger never saw is taken from its dead letter.
        """

    def dead_letters(self) -> Iterator[records.DeadLetter]:
        """Yield the dead letters of uploads that have no reading yet, redriven ones included."""

    def open_circuit(self, failure: Failure, probe_after: float) -> bool:
        """Open the circuit for all instances. True for the one that did it: raise the alarm once."""

    def circuit(self, probe_after: float | None) -> OpenCircuit | None:
        """Return the open circuit, or None: it is closed.

        When a probe is due (half-open), exactly one caller gets ``probe_in`` 0 and makes the probe.
        The next is due after `next_probe` seconds: the longer the circuit has been open, the less
        often it is probed.

        :param probe_after: seconds from the opening to the first probe. None: only look; every
            caller that looks gets 0 when a probe is due.
        """

    def close_circuit(self) -> bool:
        """Close the circuit. True for the one that did it."""


class Seen(msgspec.Struct, frozen=True):
    """An upload of some place, as the ledger knows it."""

    version: str
    at: float
    """Unix time in seconds: when it was written by its event's word or first seen, the later."""
    size: int | None = None
    """Bytes, where its event said it."""


class Catalogue(Protocol):
    """A ledger that can also be asked by place: what a backfill needs, and an object named plainly."""

    def seen(self, places: Sequence[str]) -> dict[str, list[Seen]]:
        """Return place → the uploads that came from there; see `vindrop.core.ledger.place`."""


def next_probe(probe_after: float, blocked: float) -> float:
    """Return the seconds until the next probe of a circuit that has been open ``blocked`` seconds.

    Each wait is twice the one before, up to `LONGEST_PROBE`: ten minutes of arrears cost three
    probes at the default of 60 s, and the account is found open within as long as it was blocked.
    """
    return min(probe_after + max(blocked, 0.0), max(probe_after, LONGEST_PROBE))


def place(cloud: str, bucket: str, key: str) -> str:
    """Return a fixed-length name of an object's place, whatever its version: what listings look up."""
    return hashlib.sha256(f"{cloud}\n{bucket}\n{key}".encode()).hexdigest()
