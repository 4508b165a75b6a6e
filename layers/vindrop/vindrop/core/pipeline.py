"""The one way through: upload ─▶ claim ─▶ photo ─▶ permit ─▶ VinOCR ─▶ record ─▶ destination.

`Pipeline.process` is the only place that knows the order; every function, the command line and
the local stack go through it. It returns an `Outcome`; it raises only `StoreError`, when the
ledger itself is away: the platform must then redeliver the event (at-least-once delivery).

An upload's id is its idempotency key: whoever brings it again finds the claim or the answer of the
first one. An answer is written ahead: kept in the ledger before it is delivered.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vindrop import tracing
from vindrop.core.attempt import Attempt, Recognized
from vindrop.core.delivery import Delivery
from vindrop.core.invocation import Budget
from vindrop.core.lease import LEASE_MARGIN
from vindrop.core.ledger import ENDED, Claim, Ledger, Standing, Transactional
from vindrop.core.outcome import Outcome, ended, report
from vindrop.core.photo import Sent, is_allowed
from vindrop.core.retry import full_jitter
from vindrop.core.store_errors import StoreError
from vindrop.domain import error_codes, records
from vindrop.domain.failures import Disposition, Failure
from vindrop.domain.upload import Upload
from vindrop.settings import Settings
from vindrop.telemetry import bind, log, measuring

DELIVERY_RETRY: Final = 60.0
"""Seconds until the next try to deliver an answer that its destination did not take, at least."""
LONGEST_DELIVERY_RETRY: Final = 900.0
"""… and at most; in between a quarter of the upload's age, so that what can never be taken costs
four tries an hour and not sixty."""
LONGEST_RETRY: Final = 3_600.0
"""Seconds until a scheduled retry, at most."""
DELIVERY_TRIES: Final = 4
"""Tries in one run to deliver an answer."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What a run came to, and what the upload has cost in all its runs."""

    outcome: Recognized | Failure
    attempts: int
    billed: int


class Pipeline:
    """Everything wired together; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        attempt: Attempt,
        delivery: Delivery,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._attempt = attempt
        self._delivery = delivery
        self._sleep = sleep
        self._jitter = random.Random()  # noqa: S311  # spreads retries, guards nothing

    def process(
        self,
        upload: Upload,
        budget: Budget,
        sent: Sent | None = None,
        *,
        lease: float | None = None,
    ) -> Outcome:
        """Bring ``upload`` as far as it gets in the time of ``budget``.

        :param sent: the photo, where it came with a request: no retry is scheduled for it, since
            nobody but the caller has the photo.
        :param lease: seconds that the worker may live, where the function outlasts ``budget``.
        :raises StoreError: the ledger is away, so nothing could be claimed or kept.
        """
        with contextlib.ExitStack() as context:
            context.enter_context(bind(upload=upload.id[:16]))
            measures = context.enter_context(measuring())
            started = time.monotonic()
            try:
                claim = self._ledger.claim(
                    upload,
                    max(budget.left() if lease is None else lease, 0.0) + LEASE_MARGIN,
                    traceparent=tracing.current(),
                )
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
            return ended(upload, standing.record, new=False)
        if standing.state == "parked":
            return Outcome(
                upload, "retry_scheduled", None, standing.failure, retry_in=standing.retry_in
            )
        return Outcome(upload, "in_progress", standing.record, retry_in=standing.retry_in)

    def _work(self, upload: Upload, claim: Claim, budget: Budget, sent: Sent | None) -> Outcome:
        if claim.record is not None:  # paid for in an earlier run: deliver, never call again
            return self._deliver(upload, claim, claim.record, budget, new=False)
        if upload.cloud == "http" and sent is None:  # its worker died, and the photo with it
            return self._give_back(upload, claim, claim.failure)
        refusal = self._refusal(upload, claim, budget)
        if refusal is not None:
            result = _Result(refusal, claim.attempts, claim.billed)
        else:
            result = self._recognize(upload, claim, budget, sent)
        if isinstance(result.outcome, Failure):
            return self._fail(upload, claim, result, result.outcome, budget)
        reading = self._attempt.reading(
            upload, result.outcome, attempts=result.attempts, billed=result.billed
        )
        return self._finish(upload, claim, result, reading, budget)

    def _refusal(self, upload: Upload, claim: Claim, budget: Budget) -> Failure | None:
        """Return why no attempt is made at all, or None: go ahead."""
        place = upload.bucket, upload.region, upload.key
        if upload.cloud != "http" and not is_allowed(self._settings, *place):
            return Failure(
                error_codes.BUCKET_NOT_ALLOWED,
                f"the bucket {upload.bucket} in {upload.region} is not among VINDROP_ALLOWED_BUCKETS",
            )
        if claim.attempts > self._settings.max_attempts:  # a poison message
            if claim.failure is not None and claim.failure.rule.uses_attempt:
                return claim.failure
            return Failure(
                error_codes.ABANDONED,
                f"the function died {claim.attempts - 1} times while it had this photo: give it more "
                "memory or time",
            )
        if budget.left() < self._attempt.seconds_needed(budget):  # the photo need not be fetched
            return Failure(error_codes.OUT_OF_TIME, "too little time was left for a call")
        return None

    def _recognize(
        self, upload: Upload, claim: Claim, budget: Budget, sent: Sent | None
    ) -> _Result:
        """Make attempts until one has a VIN, the time is up, or its failure ends the run."""
        attempts, billed, retries = claim.attempts, claim.billed, 0
        fallbacks = self._attempt.fallbacks(upload, sent)
        while True:
            result = self._attempt.run(upload, fallbacks, budget, sent)
            billed += result.billed
            failure = result.outcome
            if not isinstance(failure, Failure):
                return _Result(failure, attempts, billed)
            if fallbacks.next_fallback(failure):
                log("fallback", code=failure.code, form=fallbacks.form)
                continue
            retries += 1
            wait = full_jitter(retries, base=0.5, cap=8.0, random=self._jitter)
            time_left = budget.left() - wait > self._attempt.seconds_needed(budget)
            if not time_left or not self._retry_now(failure, attempts):
                return _Result(failure, attempts, billed)
            log("retry", code=failure.code, request_id=failure.request_id, wait=round(wait, 3))
            if failure.rule.uses_attempt:
                attempts += 1
            self._sleep(wait)

    def _retry_now(self, failure: Failure, attempts: int) -> bool:
        """Whether another attempt in this run can help."""
        return (
            failure.disposition in {Disposition.RETRY, Disposition.UNKNOWN}
            and failure.rule.retry_in_run
            and not self._exhausted(failure, attempts)
        )

    def _exhausted(self, failure: Failure, attempts: int) -> bool:
        return failure.rule.uses_attempt and attempts >= self._settings.max_attempts

    def _fail(
        self, upload: Upload, claim: Claim, result: _Result, failure: Failure, budget: Budget
    ) -> Outcome:
        ends = failure.disposition in {Disposition.DEAD_LETTER, Disposition.FALLBACK}
        judged = ends and failure.request_id is not None
        if upload.cloud == "http" and not judged:  # nothing was paid for that is worth keeping
            return self._give_back(upload, claim, failure)
        if ends or self._exhausted(failure, result.attempts):
            from vindrop.core import dead_letters  # most uploads end as readings

            letter = dead_letters.make(
                failure,
                upload=upload,
                attempts=result.attempts,
                billed=result.billed,
                first_seen=claim.first_seen,
                redriven=claim.redriven,
            )
            return self._finish(upload, claim, result, letter, budget)
        seconds = self._retry_seconds(failure, result.attempts)
        scheduled = self._ledger.schedule_retry(
            upload.id,
            claim,
            failure,
            seconds=seconds,
            # The next claim counts itself; a refusal that says nothing of the photo counts for nothing.
            attempts=result.attempts if failure.rule.uses_attempt else result.attempts - 1,
            billed=result.billed,
        )
        return Outcome(
            upload,
            "retry_scheduled" if scheduled else "in_progress",
            None,
            failure,
            retry_in=seconds,
        )

    def _give_back(self, upload: Upload, claim: Claim, failure: Failure | None) -> Outcome:
        """Leave no trace of a photo that only its caller has: sent again, it begins anew."""
        self._ledger.forget(upload.id, claim)
        return Outcome(upload, "not_retained", None, failure)

    def _retry_seconds(self, failure: Failure, attempts: int) -> float:
        """Return the seconds until a scheduled retry: exponential backoff, at least half of it."""
        if failure.disposition is Disposition.OPEN_CIRCUIT:
            return self._settings.probe_seconds
        if not failure.rule.retry_in_run:
            return self._jitter.uniform(1.0, self._settings.retry_seconds)
        longest = min(LONGEST_RETRY, self._settings.retry_seconds * 2 ** max(attempts - 1, 0))
        return self._jitter.uniform(longest / 2, longest)

    def _finish(
        self, upload: Upload, claim: Claim, result: _Result, record: records.Record, budget: Budget
    ) -> Outcome:
        """Keep the answer, then deliver it (write-ahead).

        Two commits even where both are in one database: an answer that was paid for must not be
        rolled back with a delivery that failed, nor wait for it. The delivery and its mark in the
        ledger are one transaction there, see `_deliver`; it follows at once, so that its sync is
        early enough for the answer too. Any other delivery may take seconds: the answer is safe
        from a power cut before it begins.
        """
        if self._keep(upload, claim, result, record, budget):
            return self._deliver(upload, claim, record, budget, new=True)
        standing = self._ledger.standing(upload.id)  # another worker's answer was there first
        if standing is None:
            return Outcome(upload, "in_progress")
        return self._explain(upload, standing)

    def _keep(
        self, upload: Upload, claim: Claim, result: _Result, record: records.Record, budget: Budget
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
                        attempts=result.attempts,
                        billed=result.billed,
                        lease=max(budget.left(), 0.0) + LEASE_MARGIN,
                    )
            except StoreError as error:
                tries += 1
                wait = full_jitter(tries, base=0.1, cap=2.0, random=self._jitter)
                if budget.left() < wait + 1.0:
                    log("answer_not_kept", level="error", reason=str(error))
                    raise
                self._sleep(wait)

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
                    self._ledger.delivered(upload.id, record)
            except StoreError as error:
                tries += 1
                wait = full_jitter(tries, base=0.2, cap=5.0, random=self._jitter)
                if tries < DELIVERY_TRIES and budget.left() > wait + 1.0:
                    self._sleep(wait)
                    continue
                log("undelivered", level="error", reason=str(error))
                if not self._ledger.durable:
                    raise
                wait = delivery_wait(time.time() - claim.first_seen)
                self._ledger.postpone(upload.id, claim, wait)
                return Outcome(upload, "undelivered", record, new=new, retry_in=wait)
            return ended(upload, record, new=new)

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
    """Return the seconds until the next try to deliver an answer to a destination that failed.

    :param age: seconds since the upload was first seen.
    """
    return min(max(age / 4, DELIVERY_RETRY), LONGEST_DELIVERY_RETRY)
