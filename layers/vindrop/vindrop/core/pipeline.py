"""The one way through: upload ─▶ claim ─▶ photo ─▶ permit ─▶ VinOCR ─▶ record ─▶ destination.

`Pipeline.process` is the only place that knows the order; every function, the command line and
the local stack go through it. It returns an `Outcome`; it raises only `StoreError`, when the
ledger itself is away: the platform must then redeliver the event (at-least-once delivery).

An upload's id is its idempotency key: whoever brings it again finds the first one's claim or answer.
An answer is written ahead: kept in the ledger before it is delivered.
"""

from __future__ import annotations

import contextlib
import functools
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vindrop import tracing
from vindrop.core.attempt import Attempt, Recognized, Result, refusal
from vindrop.core.delivery import Delivery
from vindrop.core.invocation import Budget
from vindrop.core.lease import LEASE_MARGIN
from vindrop.core.ledger import Claim, Ledger, Standing
from vindrop.core.outcome import Outcome, ended, report, standing_of
from vindrop.core.photo import Sent
from vindrop.core.retry import full_jitter
from vindrop.core.store_errors import StoreError
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.settings import Settings
from vindrop.telemetry import bind, log, measuring

if TYPE_CHECKING:
    from vindrop.core.cascade import Cascade

DELIVERY_TRIES: Final = 4
"""Tries in one run to deliver an answer."""


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
        cascade: Cascade | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._attempt = attempt
        self._delivery = delivery
        self._cascade = cascade
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
                    outcome = standing_of(upload, claim)
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

    def _work(self, upload: Upload, claim: Claim, budget: Budget, sent: Sent | None) -> Outcome:
        if claim.record is not None:  # paid for in an earlier run: deliver, never call again
            return self._deliver(upload, claim, claim.record, budget, new=False)
        if upload.cloud == "http" and sent is None:  # its worker died, and the photo with it
            return self._give_back(upload, claim, claim.failure)
        result = self._result(upload, claim, budget, sent)
        claim = result.claim or claim
        upload = replace(upload, reference=upload.reference or result.reference)
        if isinstance(result.outcome, Failure):
            return self._fail(upload, claim, result, result.outcome, budget)
        outcome = self._read(upload, claim, result, result.outcome, budget)
        if result.passed or claim.retries:
            from vindrop.core import retry_schedule  # only after a failure that has passed

            before = {claim.failure.code} if claim.failure is not None else set()
            retry_schedule.hasten(self._ledger, before | result.passed, self._hastened)
        return outcome

    def _result(self, upload: Upload, claim: Claim, budget: Budget, sent: Sent | None) -> Result:
        refused = refusal(self._settings, self._attempt, upload, claim, budget)
        cascade = self._cascade
        if cascade is None:
            if refused is not None:
                return Result(refused, claim.billed, claim.maybe_billed)
            return self._recognize(upload, budget, sent, self._attempt, claim, None)
        if refused is not None:
            return cascade.held(claim, refused)
        ask = functools.partial(self._recognize, upload, budget, sent)
        return cascade.recognize(upload, claim, ask)

    def _read(
        self, upload: Upload, claim: Claim, result: Result, found: Recognized, budget: Budget
    ) -> Outcome:
        reading = self._attempt.reading(
            upload,
            found,
            attempts=claim.attempts,
            billed=result.billed,
            maybe_billed=result.maybe_billed,
        )
        return self._finish(upload, claim, result, reading, budget)

    def _recognize(
        self,
        upload: Upload,
        budget: Budget,
        sent: Sent | None,
        attempt: Attempt,
        claim: Claim,
        most: int | None,
    ) -> Result:
        """Make attempts until one has a VIN, the time is up, or its failure ends the run.

        :param most: tries for what passes, where another recognizer could be asked.
        """
        billed, maybe_billed, tries = claim.billed, claim.maybe_billed, 0
        passed = set[str]()
        fallbacks = attempt.fallbacks(upload, sent)
        while True:
            result = attempt.run(
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
                return Result(
                    failure, billed, maybe_billed, frozenset(passed), reference=fallbacks.reference
                )
            if fallbacks.next_fallback(failure):
                log("fallback", code=failure.code, form=fallbacks.form)
                continue
            from vindrop.core import retry_schedule  # most uploads are read at once

            tries += 1
            wait = retry_schedule.wait_in_run(failure, tries, self._jitter, most)
            if wait is None or budget.left() - wait <= attempt.seconds_needed(budget):
                return Result(
                    failure,
                    billed,
                    maybe_billed,
                    of_photo=result.of_photo,
                    reference=fallbacks.reference,
                )
            log("retry", code=failure.code, request_id=failure.request_id, wait=round(wait, 3))
            passed.add(failure.code)
            self._sleep(wait)

    def _fail(
        self, upload: Upload, claim: Claim, result: Result, failure: Failure, budget: Budget
    ) -> Outcome:
        from vindrop.core import dead_letters, retry_schedule  # most uploads end as readings

        end = retry_schedule.ends_with(failure, claim, self._settings)
        now = end is not None or upload.cloud == "http" or not self._ledger.durable
        if result.held is not None and now:  # doubtful, and paid for: better than none
            return self._read(upload, claim, result, result.held, budget)
        judged = failure.disposition.is_final and failure.request_id is not None
        if upload.cloud == "http" and not judged:  # nothing was paid for that is worth keeping
            return self._give_back(upload, claim, failure)
        if end is not None:
            letter = dead_letters.make(
                end,
                upload=upload,
                attempts=claim.attempts,
                billed=result.billed,
                maybe_billed=result.maybe_billed,
                first_seen=claim.first_seen,
                redriven=claim.redriven,
                recognizers=result.recognizers,
            )
            return self._finish(upload, claim, result, letter, budget)
        retry = retry_schedule.schedule(failure, claim, self._settings, self._jitter)
        least, most = result.retry_within
        seconds = min(max(retry.seconds, least), most)
        scheduled = self._ledger.schedule_retry(
            upload.id,
            claim,
            failure,
            seconds=seconds,
            attempts=retry.attempts,
            billed=result.billed,
            maybe_billed=result.maybe_billed,
            retries=retry.retries,
            failing_after=retry.failing_after,
        )
        if not scheduled:
            return standing_of(upload, self._ledger.standing(upload.id))
        return Outcome(upload, "retry_scheduled", None, failure, retry_in=seconds)

    def _give_back(self, upload: Upload, claim: Claim, failure: Failure | None) -> Outcome:
        """Leave no trace of a photo that only its caller has."""
        self._ledger.forget(upload.id, claim)
        return Outcome(upload, "not_retained", None, failure)

    def _finish(
        self, upload: Upload, claim: Claim, result: Result, record: records.End, budget: Budget
    ) -> Outcome:
        """Keep the answer, then deliver it (write-ahead).

        Two commits even in one database: an answer that was paid for must not be rolled back with
        a delivery that failed. There the delivery and its mark are one transaction that follows at
        once, so its sync is early enough; any other may take seconds, after the answer's own sync.
        """
        kept = self._keep(upload, claim, result, record, budget)
        if kept is not None:
            return self._deliver(upload, kept, record, budget, new=True)
        log("answer_came_late", level="warning", billed=result.billed - claim.billed)
        return standing_of(upload, self._ledger.standing(upload.id))

    def _keep(
        self, upload: Upload, claim: Claim, result: Result, record: records.End, budget: Budget
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
                self._hand_over(
                    upload, claim, record, delivered_to, checkpoint, new=new, seconds=budget.left()
                )
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
        seconds: float,
    ) -> None:
        with self._delivery.together(self._ledger.database, record):
            self._delivery.deliver(
                record,
                delivered_to,
                checkpoint,
                redelivered=not new,
                redriven=claim.was_dead,
                seconds=seconds,
            )
            held = self._ledger.delivered(upload.id, record, claim)
            if not held and isinstance(record, records.DeadLetter):
                raise _TakenOverError

    def _take_back(self, upload: Upload, letter: records.End) -> Outcome:
        """Withdraw a dead letter that was delivered after another worker's reading."""
        standing = self._ledger.standing(upload.id)
        if standing is not None and isinstance(standing.record, records.Reading):
            self._delivery.withdraw(letter.id)
        return standing_of(upload, standing)
