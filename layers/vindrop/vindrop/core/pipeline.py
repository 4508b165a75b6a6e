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
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from vindrop import tracing
from vindrop.core.attempt import Attempt, Recognized
from vindrop.core.delivery import Delivery
from vindrop.core.invocation import Budget
from vindrop.core.lease import LEASE_MARGIN
from vindrop.core.ledger import ENDED, Claim, Ledger, Standing
from vindrop.core.outcome import Outcome, ended, report
from vindrop.core.photo import Sent, is_allowed
from vindrop.core.retry import full_jitter
from vindrop.core.store_errors import StoreError
from vindrop.domain import error_codes, records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.settings import Settings
from vindrop.telemetry import bind, log, measuring

DELIVERY_TRIES: Final = 4
"""Tries in one run to deliver an answer."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What a run came to, and what the upload has cost in all its runs."""

    outcome: Recognized | Failure
    billed: int
    maybe_billed: int
    passed: AbstractSet[str] = frozenset()
    """Codes of the failures that passed in this run."""
    reference: str | None = None
    """Of the object's metadata, where its bucket was asked."""


class _TakenOverError(Exception):
    """Another worker has the upload: rolls back what this one was about to deliver."""


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
        self._hastened: dict[str, float] = {}

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

    def _explain(self, upload: Upload, standing: Standing | None) -> Outcome:
        """Return where an upload stands that another worker has, or had."""
        if standing is None:
            return Outcome(upload, "in_progress")
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
            result = _Result(refusal, claim.billed, claim.maybe_billed)
        else:
            result = self._recognize(upload, claim, budget, sent)
            upload = replace(upload, reference=upload.reference or result.reference)
        if isinstance(result.outcome, Failure):
            return self._fail(upload, claim, result, result.outcome, budget)
        reading = self._attempt.reading(
            upload,
            result.outcome,
            attempts=claim.attempts,
            billed=result.billed,
            maybe_billed=result.maybe_billed,
        )
        outcome = self._finish(upload, claim, result, reading, budget)
        if result.passed or claim.retries:
            self._hasten(claim, result)
        return outcome

    def _hasten(self, claim: Claim, result: _Result) -> None:
        from vindrop.core import retry_schedule  # only after a failure that has passed

        before = {claim.failure.code} if claim.failure is not None else set()
        retry_schedule.hasten(self._ledger, before | result.passed, self._hastened)

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
        billed, maybe_billed, tries = claim.billed, claim.maybe_billed, 0
        passed = set[str]()
        fallbacks = self._attempt.fallbacks(upload, sent)
        while True:
            result = self._attempt.run(
                upload,
                fallbacks,
                budget,
                sent,
                lambda seconds: self._ledger.holds(upload.id, claim, seconds),
            )
            billed += result.billed
            maybe_billed += result.maybe_billed
            failure = result.outcome
            if not isinstance(failure, Failure):
                return _Result(failure, billed, maybe_billed, passed, fallbacks.reference)
            if fallbacks.next_fallback(failure):
                log("fallback", code=failure.code, form=fallbacks.form)
                continue
            from vindrop.core import retry_schedule  # most uploads are read at once

            tries += 1
            wait = retry_schedule.wait_in_run(failure, tries, self._jitter)
            if wait is None or budget.left() - wait <= self._attempt.seconds_needed(budget):
                return _Result(failure, billed, maybe_billed, reference=fallbacks.reference)
            log("retry", code=failure.code, request_id=failure.request_id, wait=round(wait, 3))
            passed.add(failure.code)
            self._sleep(wait)

    def _fail(
        self, upload: Upload, claim: Claim, result: _Result, failure: Failure, budget: Budget
    ) -> Outcome:
        from vindrop.core import dead_letters, retry_schedule  # most uploads end as readings

        judged = failure.disposition.is_final and failure.request_id is not None
        if upload.cloud == "http" and not judged:  # nothing was paid for that is worth keeping
            return self._give_back(upload, claim, failure)
        end = retry_schedule.ends_with(failure, claim, self._settings)
        if end is not None:
            letter = dead_letters.make(
                end,
                upload=upload,
                attempts=claim.attempts,
                billed=result.billed,
                maybe_billed=result.maybe_billed,
                first_seen=claim.first_seen,
                redriven=claim.redriven,
            )
            return self._finish(upload, claim, result, letter, budget)
        retry = retry_schedule.schedule(failure, claim, self._settings, self._jitter)
        scheduled = self._ledger.schedule_retry(
            upload.id,
            claim,
            failure,
            seconds=retry.seconds,
            attempts=retry.attempts,
            billed=result.billed,
            maybe_billed=result.maybe_billed,
            retries=retry.retries,
            failing_after=retry.failing_after,
        )
        if not scheduled:
            return self._explain(upload, self._ledger.standing(upload.id))
        return Outcome(upload, "retry_scheduled", None, failure, retry_in=retry.seconds)

    def _give_back(self, upload: Upload, claim: Claim, failure: Failure | None) -> Outcome:
        """Leave no trace of a photo that only its caller has: sent again, it begins anew."""
        self._ledger.forget(upload.id, claim)
        return Outcome(upload, "not_retained", None, failure)

    def _finish(
        self, upload: Upload, claim: Claim, result: _Result, record: records.End, budget: Budget
    ) -> Outcome:
        """Keep the answer, then deliver it (write-ahead).

        Two commits even where both are in one database: an answer that was paid for must not be
        rolled back with a delivery that failed, nor wait for it. The delivery and its mark in the
        ledger are one transaction there, see `_deliver`; it follows at once, so that its sync is
        early enough for the answer too. Any other delivery may take seconds: the answer is safe
        from a power cut before it begins.
        """
        kept = self._keep(upload, claim, result, record, budget)
        if kept is not None:
            return self._deliver(upload, kept, record, budget, new=True)
        log("answer_came_late", level="warning", billed=result.billed - claim.billed)
        return self._explain(upload, self._ledger.standing(upload.id))

    def _keep(
        self, upload: Upload, claim: Claim, result: _Result, record: records.End, budget: Budget
    ) -> Claim | None:
        """Keep the answer, trying as long as there is time: it may have been paid for."""
        tries = 0
        while True:
            try:
                with self._delivery.soon_synced(self._ledger.database, record):
                    return self._ledger.keep(
                        upload.id,
                        claim,
                        record,
                        attempts=claim.attempts,
                        billed=result.billed,
                        maybe_billed=result.maybe_billed,
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
        self, upload: Upload, claim: Claim, record: records.End, budget: Budget, *, new: bool
    ) -> Outcome:
        delivered_to = claim.delivered_to

        def checkpoint(names: frozenset[str]) -> None:
            nonlocal delivered_to
            delivered_to = names
            self._ledger.checkpoint(upload.id, names, claim)

        tries = 0
        while True:
            try:
                self._hand_over(upload, claim, record, delivered_to, checkpoint, new=new)
            except _TakenOverError:
                return self._take_back(upload, record)
            except StoreError as error:
                tries += 1
                wait = full_jitter(tries, base=0.2, cap=5.0, random=self._jitter)
                if tries < DELIVERY_TRIES and budget.left() > wait + 1.0:
                    self._sleep(wait)
                    continue
                log("undelivered", level="error", reason=str(error))
                if not self._ledger.durable:
                    raise
                from vindrop.core.retry_schedule import delivery_wait

                wait = delivery_wait(time.time() - claim.first_seen)
                self._ledger.postpone(upload.id, claim, wait)
                return Outcome(upload, "undelivered", record, new=new, retry_in=wait)
            return ended(upload, record, new=new)

    def _hand_over(
        self,
        upload: Upload,
        claim: Claim,
        record: records.End,
        delivered_to: frozenset[str],
        checkpoint: Callable[[frozenset[str]], None],
        *,
        new: bool,
    ) -> None:
        with self._delivery.together(self._ledger.database, record):
            self._delivery.deliver(
                record, delivered_to, checkpoint, redelivered=not new, redriven=claim.was_dead
            )
            held = self._ledger.delivered(upload.id, record, claim)
            if not held and isinstance(record, records.DeadLetter):
                raise _TakenOverError

    def _take_back(self, upload: Upload, letter: records.End) -> Outcome:
        """Withdraw a dead letter that was delivered after another worker's reading."""
        standing = self._ledger.standing(upload.id)
        if standing is not None and isinstance(standing.record, records.Reading):
            self._delivery.withdraw(letter.id)
        return self._explain(upload, standing)
