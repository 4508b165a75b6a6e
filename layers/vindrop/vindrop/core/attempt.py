"""One attempt: is the account open, is there a slot, take the photo, call VinOCR, judge the answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from vindrop import tracing
from vindrop.clouds.credentials import Credentials, for_vinocr
from vindrop.core.budget import Budget
from vindrop.core.ledger import Ledger, OpenCircuit
from vindrop.core.photo import Photo, Photographer, Sent, Way
from vindrop.core.rate_limiter import RateLimited, RateLimiter, limit_named
from vindrop.domain import failures, records
from vindrop.domain.failures import Disposition, FailureError
from vindrop.domain.upload import Upload
from vindrop.domain.vin import NotAVinError, parse
from vindrop.recognizers.vinocr import Answer, Recognizer
from vindrop.settings import Settings
from vindrop.stores.rate_limiter.gcra import LATE
from vindrop.telemetry import count, log

AFTER_CALL: Final = 1.0
"""Seconds kept back for keeping and delivering the answer."""
MISSED_PERMITS: Final = 3
"""Slots in a row that may be missed; then the call is made late: a machine so slow must not starve."""
MOST_OF_THE_TIME: Final = 0.8
"""A function whose whole limit is shorter than a call may take still tries, with this part of it."""


class Costs(Protocol):
    """What an attempt adds to."""

    attempts: int
    billed: int


@dataclass(slots=True)
class Fallbacks:
    """How the photo goes, and which ways were tried: each at most once."""

    way: Way
    tried: set[Way] = field(default_factory=set)
    shrink_further: bool = False

    def turn(self, code: str) -> bool:
        """Change to the way that ``code`` asks for. False: it was tried already."""
        self.tried.add(self.way)
        way: Way = "reencoded"
        if code == "FailedOperation.DownLoadError":
            way = "bytes"
        elif self.way != "url":
            self.shrink_further = True
        if way in self.tried:
            return False
        self.way = way
        return True


class Attempt:
    """Makes attempts for one invocation's credentials."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        ledger: Ledger,
        quota: RateLimiter,
        photographer: Photographer,
        recognizer: Recognizer,
        *,
        interactive: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._ledger = ledger
        self._rate_limiter = quota
        self._photographer = photographer
        self._recognizer = recognizer
        self._interactive = interactive
        self._sleep = sleep
        self._clock = clock

    def ways(self, upload: Upload, sent: Sent | None = None) -> Fallbacks:
        """Return the ways of a photo, at their beginning."""
        if sent is not None and sent.url is not None:
            # Fetching a stranger's URL is left to VinOCR: from in here it could reach what is ours.
            return Fallbacks("url", tried={"bytes", "reencoded"})
        if sent is not None:
            return Fallbacks("bytes")
        return Fallbacks(self._photographer.first_form(upload))

    def seconds_needed(self, budget: Budget) -> float:
        """Seconds that must be left for a call to be started at all."""
        longest = self._settings.vinocr_connect_timeout + self._settings.vinocr_timeout + AFTER_CALL
        return min(longest, budget.seconds * MOST_OF_THE_TIME)

    def read(
        self,
        upload: Upload,
        ways: Fallbacks,
        costs: Costs,
        budget: Budget,
        step: Callable[[str], None],
        sent: Sent | None = None,
    ) -> records.Reading:
        """Make one attempt; at most one call.

        :param sent: the photo, where it came with a request.
        :raises FailureError: it gave no reading.
        """
        self._look_at_hold()
        photo = self._photographer.take(
            upload, ways.way, shrink_further=ways.shrink_further, sent=sent
        )
        step("photo")
        credentials = self._credentials()
        self._recognizer.prepare(credentials)
        self._wait_for_permit(budget)
        step("slot")
        # Asked last of all: while this one waited the account may have been blocked, and who is
        # chosen to try a blocked account must really call.
        probing = self._pass_hold()
        answer = self._call(photo, credentials, probing=probing, step=step)
        costs.billed += 1
        try:
            vin = parse(answer.vin)
        except NotAVinError as error:
            costs.billed -= 1  # the failure's own rule counts this call
            raise FailureError(failures.NOT_A_VIN, str(error), answer.request_id) from None
        call = records.VinOCRCall(
            request_id=answer.request_id,
            endpoint=self._recognizer.endpoint,
            seconds=round(answer.seconds, 3),
            billed=costs.billed,
        )
        return records.reading_of(
            vin,
            upload,
            call,
            attempts=costs.attempts,
            vin_box=answer.vin_box,
            traceparent=tracing.current(),
        )

    def _credentials(self) -> Credentials:
        try:
            return for_vinocr(self._settings, self._environment)
        except FailureError as error:
            self._learn(error, probing=False)
            raise

    def _call(
        self,
        photo: Photo,
        credentials: Credentials,
        *,
        probing: bool,
        step: Callable[[str], None],
    ) -> Answer:
        try:
            step("called")
            count("calls")
            records.load_meanwhile()
            answer = self._recognizer.recognize(photo, credentials, trace_id=tracing.current_id())
            count("billed")
        except FailureError as error:
            self._learn(error, probing=probing)
            raise
        step("answered")
        if probing:
            self._release()
        return answer

    def _learn(self, error: FailureError, *, probing: bool) -> None:
        """Tell the quota of a refusal, and the other instances of a blocked account."""
        failure = error.failure
        if failure.rule.billed:
            count("billed")
        if failures.is_rate_refusal(failure.code):
            count("refusals")
            self._rate_limiter.refused(limit_named(failure.message))
        elif failure.disposition is Disposition.OPEN_CIRCUIT:
            if self._ledger.open_circuit(failure, self._settings.probe_seconds):
                log(
                    "circuit_opened",
                    level="error",
                    alarm=True,
                    code=failure.code,
                    reason=failure.message,
                    vinocr_request_id=failure.request_id,
                    todo="no calls are made and every upload waits until this is mended",
                )
        elif probing and failure.rule.billed is not None:
            # VinOCR judged the photo or the rate: the account is open again.
            self._release()

    def _release(self) -> None:
        if self._ledger.close_circuit():
            log("circuit_closed", alarm=False)

    def _look_at_hold(self) -> None:
        """Give up before the photo is fetched, where no call could follow.

        :raises FailureError: the account is blocked, and no probe is due.
        """
        hold = self._ledger.circuit(None)
        if hold is not None and hold.probe_in > 0:
            raise _blocked(hold)

    def _pass_hold(self) -> bool:
        """Return whether this call is the one that tries a blocked account.

        :raises FailureError: the account is blocked, and another call is trying it.
        """
        hold = self._ledger.circuit(self._settings.probe_seconds)
        if hold is None:
            return False
        if hold.probe_in > 0:
            raise _blocked(hold)
        return True

    def _wait_for_permit(self, budget: Budget) -> None:
        """Sleep until the quota lets a call start.

        An upload books at most ``interactive_wait`` seconds ahead and asks again otherwise, so
        that an HTTP caller never stands behind a long queue of uploads.
        """
        ahead = self._settings.interactive_wait
        missed = 0
        while True:
            left = budget.left() - self.seconds_needed(budget)
            if left < 0:
                raise FailureError(failures.OUT_OF_TIME, "too little time was left for a call")
            slot = self._rate_limiter.reserve(left if self._interactive else min(left, ahead))
            if not isinstance(slot, RateLimited):
                booked = self._clock()
                self._sleep(slot.wait)
                if self._clock() - booked - slot.wait <= LATE or missed == MISSED_PERMITS:
                    return
                missed += 1  # a call so late would stand too close to the next ones
                continue
            # Whoever did not fit comes back before what is booked has run out.
            wait = slot.retry_after + random.uniform(0, ahead * 0.8)  # noqa: S311
            if wait > left:
                raise FailureError(
                    failures.RATE_LIMITED,
                    f"every call of the quota ({self._settings.rate:g} per second) is taken for longer "
                    "than the function may run",
                )
            self._sleep(wait)


def _blocked(hold: OpenCircuit) -> FailureError:
    return FailureError(hold.failure.code, hold.failure.message, hold.failure.request_id)
