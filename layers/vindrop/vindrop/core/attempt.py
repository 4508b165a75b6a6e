"""One attempt: check the circuit, take the photo, wait for a permit, call, judge the answer.

An attempt makes at most one call and returns what it gave and what it cost; the pipeline adds up.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from vindrop import tracing
from vindrop.core.circuit_breaker import CircuitBreaker, Concurrency
from vindrop.core.invocation import Budget, deadline, seconds_covered
from vindrop.core.ledger import Claim
from vindrop.core.photo import Fallbacks, Photo, Photographer, Sent, explained, is_allowed
from vindrop.core.rate_limiter import LATE, RateLimited, RateLimiter, limit_named
from vindrop.core.recognizer import Answer, Recognizer
from vindrop.domain import error_codes, records
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.upload import Upload
from vindrop.domain.vin import NotAVinError, Vin, parse
from vindrop.settings import Settings
from vindrop.telemetry import count

if TYPE_CHECKING:
    from vindrop.core.daily_cap import DailyCap

AFTER_CALL: Final = 1.0
"""Seconds kept back for keeping and delivering the answer."""
MISSED_PERMITS: Final = 3
"""Permits in a row that may be missed; then the call is made late: a slow machine must not starve."""
STALLED: Final = 0.5
"""Seconds that a store may take between a permit and its call; else another permit is reserved."""
LARGEST_SHARE: Final = 0.8
"""A function whose time limit is shorter than a call may take still tries, with this part of it."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """An answer that is a VIN."""

    vin: Vin
    answer: Answer
    endpoint: str
    """Host and port that answered."""
    call: records.VinOCRCall | None = None
    """The deciding call, where several recognizers were asked."""
    recognizers: tuple[RecognizerCall, ...] = ()
    """All of them, in order, where there are several."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What one attempt gave and what it cost."""

    outcome: Recognized | Failure
    billed: int
    """Calls that the provider bills: 0 or 1."""
    maybe_billed: int = 0
    """Calls that it may bill, and nobody can know: 0 or 1."""
    of_photo: bool = False
    """Whether the photo could not be had: no recognizer is at fault."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to, and what the upload has cost in all its runs."""

    outcome: Recognized | Failure
    billed: int
    maybe_billed: int
    passed: frozenset[str] = frozenset()
    """Codes of the failures that passed in this run."""
    of_photo: bool = False
    """See `AttemptResult`."""
    claim: Claim | None = None
    """Under which the upload goes on, where the run has changed it."""
    recognizers: tuple[RecognizerCall, ...] = ()
    """Those that were asked, where there are several."""
    held: Recognized | None = None
    """Beside a failure: an answer that is not sure, for where nothing better comes."""
    retry_within: tuple[float, float] = (0.0, math.inf)
    """Seconds: least and most until a retry."""
    reference: str | None = None
    """Of the object's metadata, where its bucket was asked."""


class Attempt:
    """Makes attempts; threads share it.

    :param interactive: a caller waits for the answer, so its permits may be reserved further ahead
        than those of uploads.
    """

    def __init__(
        self,
        settings: Settings,
        breaker: CircuitBreaker,
        rate_limiter: RateLimiter,
        photographer: Photographer,
        recognizer: Recognizer,
        *,
        interactive: bool = False,
    ) -> None:
        self._settings = settings
        self._breaker = breaker
        self._rate_limiter = rate_limiter
        self._photographer = photographer
        self._recognizer = recognizer
        self._interactive = interactive
        self._concurrency = Concurrency()
        self._cap: DailyCap | None = None
        if settings.daily_calls:
            from vindrop.core.daily_cap import DailyCap  # few accounts have one

            self._cap = DailyCap(breaker.ledger, settings.daily_calls)

    def fallbacks(self, upload: Upload, sent: Sent | None = None) -> Fallbacks:
        """Return the forms of a photo, at the first of them."""
        if sent is not None and sent.url is not None:
            # Only VinOCR fetches a stranger's URL: from in here it could reach what is ours.
            return Fallbacks("url", tried={"bytes", "reencoded"})
        if sent is not None:
            return Fallbacks("bytes")
        return Fallbacks(self._photographer.first_form(upload, self._settings.image))

    def seconds_needed(self, budget: Budget) -> float:
        """Return the seconds that must be left for a call to be started at all."""
        return min(self._settings.vinocr_timeout + AFTER_CALL, budget.seconds * LARGEST_SHARE)

    def run(
        self,
        upload: Upload,
        fallbacks: Fallbacks,
        budget: Budget,
        sent: Sent | None = None,
        holds: Callable[[float], bool] = lambda _: True,
    ) -> AttemptResult:
        """Make one attempt.

        :param sent: the photo, where it came with a request.
        :param holds: tells whether the claim holds, and will for so many seconds: asked right before
            the call.
        :raises StoreError: the ledger is away.
        """
        try:
            found = self._recognize(upload, fallbacks, budget, sent, holds)
        except FailureError as error:
            rule = error.failure.rule
            maybe = rule.billed is None and not rule.disposition.is_final
            result = AttemptResult(
                error.failure, int(rule.billed or 0), int(maybe), of_photo=error.of_photo
            )
        else:
            result = AttemptResult(found, billed=int(self._recognizer.bills))
        if result.billed:
            count("billed")
        if result.maybe_billed:
            count("maybe_billed")
        return result

    def reading(
        self, upload: Upload, found: Recognized, *, attempts: int, billed: int, maybe_billed: int
    ) -> records.Reading:
        """Make the reading of ``upload``.

        :param attempts: of all runs for this upload.
        :param billed: calls of all runs that the provider bills; ``maybe_billed``: that it may bill.
        """
        answer = found.answer
        call = found.call or records.VinOCRCall(
            request_id=answer.request_id,
            endpoint=found.endpoint,
            seconds=round(answer.seconds, 3),
            billed=billed,
            maybe_billed=maybe_billed,
        )
        asked = found.recognizers or (
            RecognizerCall(
                name="vinocr",
                vin=found.vin.value,
                confidence=answer.confidence,
                request_id=call.request_id,
                seconds=call.seconds,
                billed=billed,
                maybe_billed=maybe_billed,
            ),
        )
        return records.reading_of(
            found.vin,
            upload,
            call,
            attempts=attempts,
            vin_box=answer.vin_box,
            confidence=answer.confidence,
            characters=answer.characters,
            alternatives=answer.alternatives,
            recognizers=asked,
            vehicle=self._vehicle(found.vin.value),
            traceparent=tracing.current(),
        )

    def _vehicle(self, vin: str) -> records.VehicleFacts | None:
        if not self._settings.vehicle:
            return None
        from vindrop.domain import vehicle  # 100 MB of patterns that few functions ask for

        return vehicle.facts(vin)

    def _recognize(
        self,
        upload: Upload,
        fallbacks: Fallbacks,
        budget: Budget,
        sent: Sent | None,
        holds: Callable[[float], bool],
    ) -> Recognized:
        """Return the VIN.

        :raises FailureError: there is none.
        """
        self._breaker.check()
        if self._cap is not None:
            self._cap.check()
        try:
            with deadline(max(budget.left() - AFTER_CALL, 0.0)):
                photo = self._photographer.take(
                    upload,
                    fallbacks.form,
                    shrink_further=fallbacks.shrink_further,
                    sent=sent,
                    told=fallbacks.told,
                )
        except FailureError as error:
            error.of_photo = True
            raise
        try:
            self._recognizer.prepare()
        except FailureError as error:
            self._breaker.failed(error.failure, probe=False)
            raise
        with self._concurrency.place(budget.left() - self.seconds_needed(budget)):
            self._wait_for_permit(budget)
            answer = self._call(photo, budget, holds)
        try:
            return Recognized(parse(answer.vin), answer, self._recognizer.endpoint)
        except NotAVinError as error:
            raise FailureError(error_codes.NOT_A_VIN, str(error), answer.request_id) from None

    def _call(self, photo: Photo, budget: Budget, holds: Callable[[float], bool]) -> Answer:
        """Make the call, if everything still speaks for it: the cap, the circuit, the time, the claim.

        :raises FailureError: no call is made, or it gave no answer.
        """
        permitted = time.monotonic()
        kept_back = min(AFTER_CALL, budget.seconds * (1 - LARGEST_SHARE))
        counted = self._cap.one_call() if self._cap else contextlib.nullcontext(lambda: None)
        with counted as begins:
            probe, missed = self._breaker.admit(), 0
            while True:
                seconds = seconds_covered(budget, kept_back, self._settings.vinocr_timeout, holds)
                stalled = time.monotonic() - permitted > STALLED
                if probe or not stalled or missed == MISSED_PERMITS:
                    begins()
                    return self._call_now(photo, seconds, probe=probe)
                missed += 1  # so did others, and all would call at once
                self._wait_for_permit(budget)
                permitted = time.monotonic()

    def _call_now(self, photo: Photo, seconds: float, *, probe: bool) -> Answer:
        count("calls")
        records.load_meanwhile()
        try:
            answer = self._recognizer.recognize(
                photo, trace_id=tracing.current_id(), seconds=seconds
            )
        except FailureError as error:
            failure = error.failure
            if failure.rule.rate_refusal:
                count("refusals")
                self._rate_limiter.refused(limit_named(failure.message))
            if failure.rule.busy:
                count("busy")
                self._rate_limiter.refused(None)
            if failure.rule.busy or failure.rule.of_connection:
                self._concurrency.congested()
            self._breaker.failed(failure, probe=probe)
            raise explained(error, photo) from None
        self._concurrency.answered()
        self._breaker.succeeded(probe=probe)
        # A place on a sheet of pages is none in the photo.
        return replace(answer, vin_box=None) if photo.note else answer

    def _wait_for_permit(self, budget: Budget) -> None:
        """Sleep until the rate limiter lets a call start.

        An upload reserves at most ``interactive_wait`` seconds ahead and asks again otherwise, so
        that an HTTP caller never stands behind a long queue of uploads.

        :raises FailureError: no call can start in the time of ``budget``.
        """
        ahead = self._settings.interactive_wait
        missed = 0
        while True:
            left = budget.left() - self.seconds_needed(budget)
            if left < 0:
                raise FailureError(error_codes.OUT_OF_TIME, "too little time was left for a call")
            permit = self._rate_limiter.reserve(left if self._interactive else min(left, ahead))
            if not isinstance(permit, RateLimited):
                reserved = time.monotonic()
                time.sleep(permit.wait)
                if time.monotonic() - reserved - permit.wait <= LATE or missed == MISSED_PERMITS:
                    return
                missed += 1  # a call so late would be too close to the next ones
                continue
            # Ask again before the permits that are reserved now have run out.
            wait = permit.retry_after + random.uniform(0, ahead * 0.8)  # noqa: S311
            if wait > left:
                raise FailureError(
                    error_codes.RATE_LIMITED,
                    f"every call of the rate limit ({self._settings.rate:g} per second) is taken for "
                    "longer than the function may run",
                )
            time.sleep(wait)


def refusal(
    settings: Settings, attempt: Attempt, upload: Upload, claim: Claim, budget: Budget
) -> Failure | None:
    """Return why no attempt is made at all, or None: go ahead."""
    place = upload.bucket, upload.region, upload.key
    if upload.cloud != "http" and not is_allowed(settings, *place):
        return Failure(
            error_codes.BUCKET_NOT_ALLOWED,
            f"the bucket {upload.bucket} in {upload.region} is not among VINDROP_ALLOWED_BUCKETS",
        )
    if claim.attempts > settings.max_attempts:  # a poison message
        from vindrop.core import retry_schedule

        return retry_schedule.poisoned(claim)
    if budget.left() < attempt.seconds_needed(budget):  # the photo need not be fetched
        return Failure(error_codes.OUT_OF_TIME, "too little time was left for a call")
    return None
