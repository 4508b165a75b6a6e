"""The one way through: upload ─▶ claim ─▶ slot ─▶ photo ─▶ VinOCR ─▶ record ─▶ destination.

`Pipeline.process` is the only place that knows the order; every function, the command line and
the local stack go through it. It returns an `Outcome`; it raises only `StoreError`, when the
ledger itself is away: the platform must then bring the event again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vindrop import tracing
from vindrop.core.attempt import Attempt
from vindrop.core.budget import Budget
from vindrop.core.delivery import Delivery
from vindrop.core.ledger import ENDED, Claim, Ledger, Standing, Transactional
from vindrop.core.outcome import End, Outcome, report
from vindrop.core.photo import Sent
from vindrop.core.store_errors import StoreError
from vindrop.domain import failures, records
from vindrop.domain.failures import Disposition, Failure, FailureError
from vindrop.domain.upload import Upload
from vindrop.settings import Settings
from vindrop.telemetry import bind, log, measuring

STEPS: Final = ("claimed", "photo", "slot", "called", "answered", "kept", "delivering", "delivered")
"""Named points of the way, in order: where the chaos bench kills."""

LEASE_MARGIN: Final = 5.0
"""Seconds that a lease outlives the time limit after which the platform kills the function."""
DELIVERY_RETRY: Final = 60.0
"""Seconds until the next try to deliver an answer that its destination did not take, at least."""
LONGEST_DELIVERY_RETRY: Final = 900.0
"""… and at most; in between a quarter of the upload's age, so that what can never be taken costs
four tries an hour and not sixty."""
LONGEST_RETRY: Final = 3_600.0


class Pipeline:
    """Everything wired together; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        attempt: Attempt,
        delivery: Delivery,
        *,
        step: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._attempt = attempt
        self._delivery = delivery
        self._step = step
        self._sleep = sleep
        self._jitter = jitter or random.Random()  # noqa: S311  # spreads retries, guards nothing

    def process(
        self,
        upload: Upload,
        budget: Budget,
        sent: Sent | None = None,
        *,
        lease: float | None = None,
    ) -> Outcome:
        """Bring ``upload`` as far as it gets in the time of ``budget``.

        :param sent: the photo, where it came with a request: it is never parked, since nobody
            could come back for it.
        :param lease: seconds that the claim is held, where the function lives on after ``budget``.
        :raises StoreError: the ledger is away, so nothing could be claimed or kept.
        """
        with contextlib.ExitStack() as context:
            context.enter_context(bind(upload=upload.id[:16]))
            measures = context.enter_context(measuring())
            started = time.monotonic()
            try:
                claim = self._ledger.claim(
                    upload,
                    (budget.left() if lease is None else lease) + LEASE_MARGIN,
                    traceparent=tracing.current(),
                )
                self._step("claimed")
                if isinstance(claim, Standing):
                    outcome = self._explain(upload, claim)
                else:
                    if tracing.current() is None:  # the sweep goes on in the trace of the event
                        context.enter_context(tracing.follow(claim.traceparent))
                    outcome = self._work(upload, claim, budget, sent)
            except StoreError as error:
                log("upload_failed", level="error", metrics=measures, reason=str(error))
                raise
            measures["seconds"] = round(time.monotonic() - started, 3)
            report(outcome, measures)
            return outcome

    def _explain(self, upload: Upload, standing: Standing) -> Outcome:
        if standing.state in ENDED and standing.record is not None:
            end: End = "reading" if isinstance(standing.record, records.Reading) else "dead_letter"
            return Outcome(upload, end, standing.record)
        if standing.state == "parked":
            return Outcome(
                upload, "retry_scheduled", None, standing.failure, retry_in=standing.retry_in
            )
        return Outcome(upload, "in_progress", standing.record, retry_in=standing.retry_in)

    def _work(self, upload: Upload, claim: Claim, budget: Budget, sent: Sent | None) -> Outcome:
        if claim.record is not None:  # paid for in an earlier life: deliver, never call again
            return self._deliver(upload, claim, claim.record, budget, new=False)
        if upload.cloud == "http" and sent is None:  # its worker died, and the photo with it
            return self._give_back(upload, claim, claim.failure)
        tally = Tally(claim.attempts, claim.billed)
        try:
            self._admit(upload, claim)
            reading = self._read(upload, tally, budget, sent)
        except FailureError as error:
            return self._fail(upload, claim, tally, error.failure, budget)
        return self._finish(upload, claim, tally, reading, budget)

    def _admit(self, upload: Upload, claim: Claim) -> None:
        allowed = self._settings.allowed_buckets
        if allowed and upload.cloud != "http" and upload.bucket not in allowed:
            raise FailureError(
                failures.BUCKET_NOT_ALLOWED,
                f"the bucket {upload.bucket} is not among VINDROP_ALLOWED_BUCKETS",
            )
        if claim.attempts > self._settings.max_attempts:
            if claim.failure is not None and claim.failure.rule.uses_attempt:
                raise FailureError(
                    claim.failure.code, claim.failure.message, claim.failure.request_id
                )
            raise FailureError(
                failures.ABANDONED,
                f"the function died {claim.attempts - 1} times while it had this photo: give it more "
                "memory or time",
            )

    def _read(
        self, upload: Upload, tally: Tally, budget: Budget, sent: Sent | None
    ) -> records.Reading:
        """Call until there is an answer, the time is up, or the failure is one that ends it."""
        if budget.left() < self._attempt.seconds_needed(budget):  # the photo need not be fetched
            raise FailureError(failures.OUT_OF_TIME, "too little time was left for a call")
        ways = self._attempt.ways(upload, sent)
        while True:
            try:
                return self._attempt.read(upload, ways, tally, budget, self._step, sent)
            except FailureError as error:
                failure = error.failure
                if failure.rule.billed:
                    tally.billed += 1
                if failure.disposition is Disposition.FALLBACK and ways.turn(failure.code):
                    log("fallback", code=failure.code, way=ways.way)
                    continue
                wait = self._wait_here(failure, tally, budget)
                if wait is None:
                    raise
                log("retry", code=failure.code, request_id=failure.request_id, wait=round(wait, 3))
                if failure.rule.uses_attempt:
                    tally.attempts += 1
                self._sleep(wait)

    def _wait_here(self, failure: Failure, tally: Tally, budget: Budget) -> float | None:
        """Seconds to wait before another try in this run, or None: not in this run."""
        if failure.disposition not in {Disposition.RETRY, Disposition.UNKNOWN}:
            return None
        if failure.code in failures.NOT_IN_THIS_RUN:
            return None
        if failure.rule.uses_attempt and tally.attempts >= self._settings.max_attempts:
            return None
        tally.tries += 1
        wait = self._jitter.uniform(0, min(8.0, 0.5 * 2**tally.tries))
        return wait if budget.left() - wait > self._attempt.seconds_needed(budget) else None

    def _fail(
        self, upload: Upload, claim: Claim, tally: Tally, failure: Failure, budget: Budget
    ) -> Outcome:
        ends = failure.disposition in {Disposition.DEAD_LETTER, Disposition.FALLBACK}
        judged = ends and failure.request_id is not None
        if upload.cloud == "http" and not judged:  # nothing was paid for that is worth keeping
            return self._give_back(upload, claim, failure)
        exhausted = failure.rule.uses_attempt and tally.attempts >= self._settings.max_attempts
        if ends or exhausted:
            letter = records.DeadLetter(
                code=failure.code,
                message=failure.message,
                disposition=failure.disposition,
                request_id=failure.request_id,
                attempts=tally.attempts,
                billed=tally.billed,
                first_seen=dt.datetime.fromtimestamp(claim.first_seen, dt.timezone.utc),
                last_seen=dt.datetime.now(dt.timezone.utc),
                upload=upload,
                redriven=claim.redriven,
                traceparent=tracing.current(),
            )
            return self._finish(upload, claim, tally, letter, budget)
        seconds = self._retry_seconds(failure, tally)
        parked = self._ledger.schedule_retry(
            upload.id,
            claim,
            failure,
            seconds=seconds,
            # The next claim counts itself; a refusal that says nothing of the photo counts for nothing.
            attempts=tally.attempts if failure.rule.uses_attempt else tally.attempts - 1,
            billed=tally.billed,
        )
        end: End = "retry_scheduled" if parked else "in_progress"
        return Outcome(upload, end, None, failure, retry_in=seconds)

    def _give_back(self, upload: Upload, claim: Claim, failure: Failure | None) -> Outcome:
        """Leave no trace of a photo that only its caller has: sent again, it begins anew."""
        self._ledger.forget(upload.id, claim)
        return Outcome(upload, "not_retained", None, failure)

    def _retry_seconds(self, failure: Failure, tally: Tally) -> float:
        if failure.disposition is Disposition.OPEN_CIRCUIT:
            return self._settings.probe_seconds
        if failure.code in failures.NOT_IN_THIS_RUN:
            return self._jitter.uniform(1.0, self._settings.retry_seconds)
        longest = min(LONGEST_RETRY, self._settings.retry_seconds * 2 ** max(tally.attempts - 1, 0))
        return self._jitter.uniform(longest / 2, longest)

    def _finish(
        self, upload: Upload, claim: Claim, tally: Tally, record: records.Record, budget: Budget
    ) -> Outcome:
        """Keep the answer, then deliver it.

        Two commits even where both are in one database: an answer that was paid for must not be
        rolled back with a delivery that failed, nor wait for it. The delivery and its mark in the
        ledger are one transaction there, see `_deliver`; it follows at once, so that its sync is
        early enough for the answer too. Any other delivery may take seconds: the answer is safe
        from a power cut before it begins.
        """
        if not self._keep(upload, claim, tally, record, budget):
            return self._superseded(upload)
        self._step("kept")
        return self._deliver(upload, claim, record, budget, new=True)

    def _keep(
        self, upload: Upload, claim: Claim, tally: Tally, record: records.Record, budget: Budget
    ) -> bool:
        """Keep the answer, trying as long as there is time: it may have been paid for."""
        tries = 0
        while True:
            try:
                with self._soon_synced(record):
                    return self._ledger.keep(
                        upload.id,
                        claim,
                        record,
                        attempts=tally.attempts,
                        billed=tally.billed,
                        lease=max(budget.left(), 0.0) + LEASE_MARGIN,
                    )
            except StoreError as error:
                tries += 1
                wait = self._jitter.uniform(0.05, min(2.0, 0.1 * 2**tries))
                if budget.left() < wait + 1.0:
                    log("answer_not_kept", level="error", reason=str(error))
                    raise
                self._sleep(wait)

    def _superseded(self, upload: Upload) -> Outcome:
        standing = self._ledger.standing(upload.id)
        if standing is None:
            return Outcome(upload, "in_progress")
        return self._explain(upload, standing)

    def _deliver(
        self, upload: Upload, claim: Claim, record: records.Record, budget: Budget, *, new: bool
    ) -> Outcome:
        delivered_to = claim.delivered_to

        def checkpoint(names: frozenset[str]) -> None:
            nonlocal delivered_to
            delivered_to = names
            self._ledger.checkpoint(upload.id, names)

        tries = 0
        while True:
            try:
                with self._together(record):
                    self._delivery.deliver(
                        record,
                        delivered_to,
                        checkpoint,
                        redelivered=not new,
                        redriven=claim.redriven > 0,
                    )
                    self._step("delivering")
                    self._ledger.delivered(upload.id, record)
            except StoreError as error:
                tries += 1
                wait = self._jitter.uniform(0.05, min(5.0, 0.2 * 2**tries))
                if tries < 4 and budget.left() > wait + 1.0:
                    self._sleep(wait)
                    continue
                log("undelivered", level="error", reason=str(error))
                if not self._ledger.durable:
                    raise
                wait = delivery_wait(time.time() - claim.first_seen)
                self._ledger.postpone(upload.id, claim, wait)
                return Outcome(upload, "undelivered", record, new=new, retry_in=wait)
            self._step("delivered")
            return _ended(upload, record, new=new)

    def _soon_synced(self, record: records.Record) -> contextlib.AbstractContextManager[None]:
        database = self._shared(record)
        return contextlib.nullcontext() if database is None else database.relaxed()

    def _together(self, record: records.Record) -> contextlib.AbstractContextManager[None]:
        database = self._shared(record)
        return contextlib.nullcontext() if database is None else database.transaction()

    def _shared(self, record: records.Record) -> Transactional | None:
        """Return the database that both the ledger and all of the record's destinations are in."""
        database = self._ledger.database
        return database if self._delivery.is_in(database, record) else None


def delivery_wait(age: float) -> float:
    """Return the seconds until an answer is brought again to a destination that did not take it.

    :param age: seconds since the upload was first seen.
    """
    return min(max(age / 4, DELIVERY_RETRY), LONGEST_DELIVERY_RETRY)


@dataclass(slots=True)
class Tally:
    """What an upload has cost so far."""

    attempts: int
    billed: int
    tries: int = 0
    """Waits in this run, for the back-off."""


def _ended(upload: Upload, record: records.Record, *, new: bool) -> Outcome:
    return Outcome(
        upload, "reading" if isinstance(record, records.Reading) else "dead_letter", record, new=new
    )
