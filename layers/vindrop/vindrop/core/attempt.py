"""One attempt: check the circuit, take the photo, wait for a permit, call, judge the answer.

An attempt makes at most one call and returns what it gave and what it cost; the pipeline adds up.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from vindrop import tracing
from vindrop.core.circuit_breaker import CircuitBreaker
from vindrop.core.invocation import Budget, deadline
from vindrop.core.lease import LEASE_MARGIN
from vindrop.core.photo import Form, Photo, Photographer, Sent, explained
from vindrop.core.rate_limiter import LATE, RateLimited, RateLimiter, limit_named
from vindrop.core.recognizer import Answer, Recognizer
from vindrop.domain import error_codes, records
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.upload import Upload, reference_in
from vindrop.domain.vin import NotAVinError, Vin, parse
from vindrop.settings import Settings
from vindrop.telemetry import count

if TYPE_CHECKING:
    from vindrop.core.daily_cap import DailyCap

AFTER_CALL: Final = 1.0
"""Seconds kept back for keeping and delivering the answer."""
MISSED_PERMITS: Final = 3
"""Permits in a row that may be missed; then the call is made late: a slow machine must not starve."""
MOST_AT_ONCE: Final = 32
"""Calls at once of a process whose service has never been busy."""
LARGEST_SHARE: Final = 0.8
"""A function whose time limit is shorter than a call may take still tries, with this part of it."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """An answer that is a VIN."""

    vin: Vin
    answer: Answer


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What one attempt gave and what it cost."""

    outcome: Recognized | Failure
    billed: int
    """Calls that the provider bills: 0 or 1."""
    maybe_billed: int = 0
    """Calls that it may bill, and nobody can know: 0 or 1."""


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


@dataclass(slots=True)
class Fallbacks:
    """The form in which the photo is sent, and the forms that were tried: each at most once."""

    form: Form
    tried: set[Form] = field(default_factory=set)
    shrink_further: bool = False
    reference: str | None = None
    """Of the object's metadata, once its bucket has answered: also where the photo is refused then."""

    def told(self, headers: Mapping[str, str]) -> None:
        """Take the reference out of a bucket's answer."""
        self.reference = reference_in(headers) or self.reference

    def next_fallback(self, failure: Failure) -> bool:
        """Change to the form that the error table names. False: there is none, or it was tried."""
        form = failure.rule.fallback
        if form is None:
            return False
        self.tried.add(self.form)
        if form == "reencoded" and self.form != "url":
            self.shrink_further = True
        if form in self.tried:
            return False
        self.form = form
        return True


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
        return Fallbacks(self._photographer.first_form(upload))

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
            result = AttemptResult(error.failure, int(rule.billed or 0), int(maybe))
        else:
            result = AttemptResult(found, billed=1)
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
        call = records.VinOCRCall(
            request_id=answer.request_id,
            endpoint=self._recognizer.endpoint,
            seconds=round(answer.seconds, 3),
            billed=billed,
            maybe_billed=maybe_billed,
        )
        return records.reading_of(
            found.vin,
            upload,
            call,
            attempts=attempts,
            vin_box=answer.vin_box,
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
        with deadline(max(budget.left() - AFTER_CALL, 0.0)):
            photo = self._photographer.take(
                upload,
                fallbacks.form,
                shrink_further=fallbacks.shrink_further,
                sent=sent,
                told=fallbacks.told,
            )
        try:
            self._recognizer.prepare()
        except FailureError as error:
            self._breaker.failed(error.failure, probe=False)
            raise
        with self._concurrency.place(budget.left() - self.seconds_needed(budget)):
            self._wait_for_permit(budget)
            answer = self._call(photo, budget, holds)
        try:
            return Recognized(parse(answer.vin), answer)
        except NotAVinError as error:
            raise FailureError(error_codes.NOT_A_VIN, str(error), answer.request_id) from None

    def _call(self, photo: Photo, budget: Budget, holds: Callable[[float], bool]) -> Answer:
        """Make the call, if everything still speaks for it: the time, the claim, the cap, the circuit.

        :raises FailureError: no call is made, or it gave no answer.
        """
        kept_back = min(AFTER_CALL, budget.seconds * (1 - LARGEST_SHARE))
        seconds = min(self._settings.vinocr_timeout, budget.left() - kept_back)
        if seconds <= 0:  # a worker that was frozen, and wakes up
            raise FailureError(error_codes.OUT_OF_TIME, "too little time was left for a call")
        if not holds(seconds + LEASE_MARGIN):
            raise FailureError(error_codes.LEASE_LOST, "another worker has taken this photo over")
        if self._cap is None:
            return self._call_now(photo, seconds, probe=self._breaker.admit())
        with self._cap.one_call():
            return self._call_now(photo, seconds, probe=self._breaker.admit())

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
