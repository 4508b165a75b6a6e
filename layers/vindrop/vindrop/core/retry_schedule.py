"""When an upload that failed is tried again, and when no more. Loaded once something has failed.

A *passing* failure (the network, the service, a bucket that is away) says nothing of the photo. It
is tried again in its run, at most `TRIES_IN_RUN` times and with backoff, and then scheduled: the
wait is random between 0 and a limit that doubles with each retry, up to `LONGEST_RETRY` (full
jitter). It uses no attempt. When it has failed so for ``VINDROP_MAX_AGE`` seconds, counted from the
first such failure, the upload is a dead letter that says so.

A call that may have been billed is not repeated in its run. Its wait is at least half the limit.

When an upload that waited for a passing failure is read, the others that wait for the same code are
due at once (`hasten`), and the sweep reads them at the full rate. So an outage of any length is made
up for within minutes, though it costs each upload a try an hour at most. Those whose calls may have
been billed wait for a quarter of their time first.
"""

from __future__ import annotations

import dataclasses
import re
import time
from random import Random
from typing import Final

from vindrop.core.ledger import Claim, Ledger
from vindrop.core.retry import full_jitter
from vindrop.core.store_errors import StoreError
from vindrop.domain import error_codes
from vindrop.domain.failures import Disposition, Failure
from vindrop.settings import Settings
from vindrop.telemetry import log

LONGEST_RETRY: Final = 3_600.0
"""Seconds until a scheduled retry, at most."""
TRIES_IN_RUN: Final = 5
"""Calls, or tries to get at the photo, that one run makes for passing failures."""
DELIVERY_RETRY: Final = 60.0
"""Seconds until the next try to deliver an answer that its destination did not take, at least."""
LONGEST_DELIVERY_RETRY: Final = 900.0
"""… and at most; in between a quarter of the upload's age, so that what can never be taken costs
four tries an hour and not sixty."""
WAITED: Final = 0.25
"""Share of its wait after which an upload whose call may have been billed can be hastened."""
BETWEEN_HASTENING: Final = 2.0
"""Seconds between two looks of a process for others to hasten."""
SPREAD: Final = 300.0
"""Seconds after midnight (UTC) over which the uploads that a daily cap kept back are spread."""
DAY: Final = 86_400.0
_NAMED: Final = re.compile(r"`(\d{1,5}(?:\.\d{1,3})?)`")
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_UNITS: Final = ((DAY, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))


@dataclasses.dataclass(frozen=True, slots=True)
class Retry:
    """What `vindrop.core.ledger.Ledger.schedule_retry` is told."""

    seconds: float
    attempts: int
    retries: int
    failing_after: float | None


def maybe_billed(failure: Failure) -> bool:
    """Whether a call was made that the provider may bill, and nobody can know."""
    return failure.rule.billed is None and failure.disposition is not Disposition.DEAD_LETTER


def wait_in_run(
    failure: Failure, tries: int, random: Random, most: int | None = None
) -> float | None:
    """Return the seconds until the next try in the same run; None: it would help nothing, or cost.

    :param tries: so far in this run, at least 1.
    :param most: tries for what passes by itself, unless the service is only busy.
    """
    rule = failure.rule
    transient = failure.disposition is Disposition.RETRY
    if not transient or not rule.retry_in_run or maybe_billed(failure):
        return None
    if rule.passing and tries >= (TRIES_IN_RUN if most is None or rule.busy else most):
        return None
    return max(full_jitter(tries, base=0.5, cap=8.0, random=random), _named(failure))


def poisoned(claim: Claim) -> Failure:
    """Return the failure of an upload with which too many runs have failed or died."""
    if claim.failure is not None and claim.failure.rule.uses_attempt:
        return claim.failure
    return Failure(
        error_codes.ABANDONED,
        f"the function died {claim.attempts - 1} times while it had this photo: give it more memory "
        "or time",
    )


def ends_with(failure: Failure, claim: Claim, settings: Settings) -> Failure | None:
    """Return the failure with which the upload ends as a dead letter, or None: it is retried."""
    if failure.disposition in {Disposition.DEAD_LETTER, Disposition.FALLBACK}:
        return failure
    if failure.rule.uses_attempt and claim.attempts >= settings.max_attempts:
        return failure
    if not failure.rule.passing or claim.failing_after is None:
        return None
    if claim.age - claim.failing_after < settings.max_age:
        return None
    message = failure.message.rstrip(". ")
    return dataclasses.replace(
        failure,
        message=f"{message}: so for {spoken(settings.max_age)}, the longest that an upload is "
        "retried (VINDROP_MAX_AGE)",
    )


def schedule(failure: Failure, claim: Claim, settings: Settings, random: Random) -> Retry:
    """Return when the upload is tried again, and what its next claim is told."""
    rule = failure.rule
    # The next claim counts itself; what says nothing of the photo counts for nothing.
    attempts = claim.attempts if rule.uses_attempt else claim.attempts - 1
    if rule.passing:
        limit = _doubled(settings.retry_seconds, claim.retries)
        least = limit / 2 if maybe_billed(failure) else 0.0
        seconds = max(random.uniform(least, limit), _named(failure))
        since = claim.age if claim.failing_after is None else claim.failing_after
        return Retry(seconds, attempts, claim.retries + 1, since)
    if failure.disposition is Disposition.OPEN_CIRCUIT:  # what failed before is another matter now
        return Retry(settings.probe_seconds, attempts, 0, None)
    if rule.until_tomorrow:
        seconds = DAY - time.time() % DAY + random.uniform(0.0, SPREAD)
    elif rule.uses_attempt:
        limit = _doubled(settings.retry_seconds, claim.attempts - 1)
        seconds = random.uniform(limit / 2, limit)
    else:
        seconds = random.uniform(min(1.0, settings.retry_seconds), settings.retry_seconds)
    return Retry(seconds, attempts, claim.retries, claim.failing_after)


def hasten(ledger: Ledger, failures: set[str], last: dict[str, float]) -> None:
    """Make those due that wait for what is over, as the upload shows that has just been read.

    :param failures: the codes with which it failed before.
    :param last: code → when this process last looked (monotonic seconds); renewed here.
    """
    for code in failures:
        rule, now = error_codes.rule(code), time.monotonic()
        if not rule.passing or now - last.get(code, -DAY) < BETWEEN_HASTENING:
            continue
        last[code] = now
        try:
            uploads = ledger.hasten(code, WAITED if rule.billed is None else 0.0)
        except StoreError as error:
            log("not_hastened", level="warning", code=code, reason=str(error))
        else:
            if uploads:
                log("outage_over", code=code, uploads=uploads)


def delivery_wait(age: float) -> float:
    """Return the seconds until the next try to deliver an answer to a destination that failed.

    :param age: seconds since the upload was first seen.
    """
    return min(max(age / 4, DELIVERY_RETRY), LONGEST_DELIVERY_RETRY)


def spoken(seconds: float) -> str:
    """Return a duration in words: ``three days``, ``90 minutes``."""
    size, unit = next(
        ((size, unit) for size, unit in _UNITS if seconds >= size and seconds % size == 0),
        _UNITS[-1],
    )
    number = round(seconds / size)
    told = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    return f"{told} {unit}{'' if number == 1 else 's'}"


def _doubled(base: float, times: int) -> float:
    return min(LONGEST_RETRY, base * 2.0 ** min(max(times, 0), 63))


def _named(failure: Failure) -> float:
    """Return the seconds that a busy service names in backquotes, at most an hour; 0: none."""
    numbers = _NAMED.findall(failure.message) if failure.rule.busy else []
    return min(float(numbers[-1]), LONGEST_RETRY) if numbers else 0.0
