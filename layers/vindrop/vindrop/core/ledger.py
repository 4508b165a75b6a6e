"""The ledger: the state of every upload, and the circuit breaker of the account.

The state machine of an upload, one row or item whose key is the upload's id:

    (new) ──claim──▶ claimed ──keep a reading──────▶ answered ──delivered──▶ delivered (end)
                      │  ▲ └───keep a dead letter──▶ failed ────delivered──▶ dead (end)
       schedule_retry │  │ claim, once the retry is due                       │ redrive
                      ▼  │                                                    │
                     parked ◀─────────────────────────────────────────────────┘

    A reading replaces a dead letter, kept or delivered: failed, dead ──keep a reading──▶ answered

- **Idempotency key**: the upload's id. Events are delivered at least once; however often one comes,
  it is the same row, so at-least-once delivery has the effect of exactly one paid call.
- **Lease**: ``due_at`` is the moment from which anyone may claim a row that has not ended. For a
  claim or a delivery under way it is the end of the lease, so that another worker follows one that
  died (`vindrop.core.lease`); for a parked upload it is the time of its retry. The sweep asks for what is due (`retryable`).
- **Fencing token**: the claim's ``owner``. A worker whose lease ended cannot schedule a retry,
  postpone or forget what another holds now, end its delivery, or keep a dead letter. Only for a
  reading does `keep` accept a late worker: it was paid for. Right before its call a worker asks
  whether it still holds the upload (`holds`), so that one that was frozen does not call.
- **Conditional write**: each step is one write whose condition names the state it starts from,
  timed by the store's own clock. Two workers can never both succeed.
- **Write-ahead**: an answer is kept before it is delivered. From then on nothing calls VinOCR for this
  upload again; a delivery that fails is repeated from what was kept. Of several recognizers, what one
  said is kept before the next is asked (`keep_answers`); a redrive forgets it.

    worker A   claim ✔ ── calls VinOCR ── † (killed)
    worker B        claim ✘ claimed    lease ends ▸ claim ✔ (attempt 2) ── keep ✔ ── delivered ✔
    worker C                                              claim ✘ claimed         claim ✘ delivered

The circuit breaker: *closed*, calls are made; *open* after an answer that says the account is
blocked (`open_circuit`): no instance calls; *half-open* when a probe is due: `circuit` lets exactly one
caller through, and its success closes the circuit (`close_circuit`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final, Literal, Protocol

import msgspec

from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload

State = Literal["claimed", "parked", "answered", "failed", "delivered", "dead"]
ENDED: tuple[State, ...] = ("delivered", "dead")
LONGEST_PROBE: Final = 900.0
"""Seconds between two probes of a blocked account, at most."""
Redriven = Literal["redriven", "under_way", "answered", "unknown"]
"""What a redrive found: it was dead, and has a retry scheduled now; it is under way already; it has a
reading, so that its dead letter is out of date; or this ledger cannot follow it."""


class Claim(msgspec.Struct, frozen=True):
    """A lease: this worker holds the upload until it ends."""

    owner: str
    """The fencing token: names the claim in every later write."""
    attempts: int
    """Attempts so far, this one included."""
    billed: int
    """Calls so far that the provider bills; those that nobody can know are in ``maybe_billed``."""
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
    age: float = 0.0
    """Seconds since it was first seen, by the store's clock."""
    retries: int = 0
    """Retries scheduled so far for a passing failure: each waits longer than the one before."""
    failing_after: float | None = None
    """Age at which the first of these failures came; None: there was none. A redrive begins anew."""
    maybe_billed: int = 0
    """Calls so far whose answer never came or made no sense: the provider may bill them."""
    was_dead: bool = False
    """Whether it has been a dead letter: a reading withdraws that."""
    answers: str | None = None
    """What the recognizers of a cascade said so far: see `vindrop.core.cascade`."""


class Standing(msgspec.Struct, frozen=True):
    """Where an upload stands that cannot be claimed now."""

    state: State
    retry_in: float | None
    """Seconds until it can be claimed; None where it never can again."""
    record: records.Record | None
    """The answer, where there is one."""
    failure: Failure | None = None


class OpenCircuit(msgspec.Struct, frozen=True):
    """The circuit breaker is open: the account is blocked, no calls until a probe succeeds."""

    failure: Failure
    probe_in: float
    """Seconds until the next probe; 0: half-open, and the caller makes the probe now."""


class Waiting(msgspec.Struct, frozen=True):
    """Uploads in one state that has not ended."""

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

        :param traceparent: of the event that came first: kept, for whoever claims it later.
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
        maybe_billed: int = 0,
    ) -> Claim | None:
        """Keep an answer before it is delivered. None: another answer was there first.

        A dead letter is kept under a claim that still holds, and under no other. A reading was paid
        for: a late claim may bring it too, and it replaces a dead letter, delivered or not; whoever
        comes first with a reading wins. What the calls cost is added up, whoever made them.

        :returns: the claim under which the record is to be delivered.
        """

    def keep_answers(
        self, upload_id: str, claim: Claim, answers: str, *, billed: int, maybe_billed: int
    ) -> bool:
        """Keep what a cascade's recognizers said before another one is asked (write-ahead).

        False: the claim had passed to another. What the calls cost is added up all the same, so a
        later write under this claim counts from ``billed`` and ``maybe_billed``.
        """

    def for_account(self, account: str) -> Ledger:
        """Return this ledger with the circuit and the calls of another account: of a recognizer."""

    def holds(self, upload_id: str, claim: Claim, seconds: float) -> bool:
        """Whether ``claim`` still holds; its lease is renewed where it ends within ``seconds``."""

    def checkpoint(self, upload_id: str, names: frozenset[str], claim: Claim | None = None) -> None:
        """Of several destinations, ``names`` have the record: they are not to get it again.

        :param claim: of whoever delivered; one that no longer holds changes nothing.
        """

    def delivered(self, upload_id: str, record: records.Record, claim: Claim | None = None) -> bool:
        """``record`` has arrived at its destination: the end, if it is still the kept answer.

        :param claim: of whoever delivered; one that no longer holds changes nothing.
        :returns: False where another answer, or another claim, has taken its place.
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
        maybe_billed: int = 0,
        retries: int = 0,
        failing_after: float | None = None,
    ) -> bool:
        """End the claim; a retry is due after ``seconds``. False: the claim had passed to another.

        :param retries: see `Claim`, as is ``failing_after``: what the next claim is told.
        """

    def hasten(self, code: str, share: float) -> int:
        """Make retries due now that wait for a passing failure with ``code``; return how many.

        :param share: of its wait that an upload must have waited already, from 0 to 1. With 0 its
            waits begin anew, too.
        """

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Drop an upload that has no answer, if it is still this claim's.

        For a photo that came with a request: its caller is told, and nobody could come back for it.
        """

    def retryable(self, limit: int, *, answered: bool | None = None) -> list[Upload]:
        """Return uploads that anyone may claim now, longest due first.

        :param answered: True: only those whose answer waits for its delivery; False: only the
            others; None: all.
        """

    def standing(self, upload_id: str) -> Standing | None:
        """Return where an upload stands, or None if it was never seen."""

    def counts(self) -> dict[State, int]:
        """Return how many uploads stand where."""

    def backlog(self) -> dict[State, Waiting]:
        """Return what has not ended, by state; cheap enough for every sweep."""

    def redrive(self, letter: records.DeadLetter, *, after: float) -> Redriven:
        """Schedule a retry of a dead upload, ``after`` seconds from now.

        Attempts begin anew; what was billed, when it was first seen and the dead letter itself
        are kept. Done twice it does nothing: only what is dead can be redriven. An upload that
        this ledger never saw is restored from its dead letter.
        """

    def dead_letters(self) -> Iterator[records.DeadLetter]:
        """Yield the dead letters of uploads that have no reading yet, redriven ones included."""

    def open_circuit(self, failure: Failure, probe_after: float) -> bool:
        """Stop the calls of all instances. True for the one that did it: raise the alarm once."""

    def circuit(self, probe_after: float | None) -> OpenCircuit | None:
        """Return the open circuit, or None where it is closed: calls may be made.

        When a probe is due, exactly one caller gets ``probe_in`` 0 and makes the probing call. The
        next is due after `next_probe` seconds: the longer the account has been blocked, the less
        often it is probed.

        :param probe_after: seconds from the opening to the first probe. None: only look; everyone
            who looks gets 0 when a probe is due.
        """

    def close_circuit(self) -> bool:
        """Let calls be made again. True for the one that did it."""

    def count_call(self, day: str, calls: int, most: int) -> bool:
        """Add to the calls of a day, for a cap. False: ``most`` are counted, and nothing was added.

        :param day: of UTC, as ``2026-11-26``.
        :param calls: 1 before a call, -1 once its answer says that it is not billed; 0 only looks.
        """

    def cap_alarm(self, day: str) -> bool:
        """Return True once a day: for the one that raises the alarm of the cap."""

    def calls_of(self, days: str) -> int:
        """Return the calls counted for a day (``2026-11-26``) or for a month (``2026-11``)."""


class Seen(msgspec.Struct, frozen=True):
    """An upload of one object, as the ledger knows it."""

    version: str
    at: float
    """Unix time in seconds: when its event says it was written or when it was first seen, the later."""
    size: int | None = None
    """Bytes, where its event named them."""


class Catalogue(Protocol):
    """A ledger that can be asked by place: for a backfill, and for an object named without a version."""

    def seen(self, places: Sequence[str]) -> dict[str, list[Seen]]:
        """Return place → its uploads; see `vindrop.domain.upload.Upload.object_id`."""


def next_probe(probe_after: float, blocked: float) -> float:
    """Return the seconds until the next probe of an account blocked for ``blocked`` seconds.

    Each wait is twice the one before, up to `LONGEST_PROBE`: ten minutes of arrears cost three
    probes at the default of 60 s, and the account is found open within as long as it was blocked.
    """
    return min(probe_after + max(blocked, 0.0), max(probe_after, LONGEST_PROBE))
