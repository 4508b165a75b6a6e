"""Dead letters: the one place that makes them, and two ways to end without the ledger.

`make` is the only constructor. The pipeline keeps and delivers its dead letters like readings; a
malformed event has no upload to claim, and a poison message of a stream has no ledger to wait in,
so `refuse` and `give_up` deliver theirs directly.
"""

from __future__ import annotations

import datetime as dt

from vindrop import tracing
from vindrop.core.delivery import Delivery
from vindrop.core.outcome import Outcome, report
from vindrop.domain import error_codes, records
from vindrop.domain.failures import Failure
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.upload import Upload
from vindrop.telemetry import log


def make(
    failure: Failure,
    *,
    upload: Upload | None,
    attempts: int,
    billed: int,
    first_seen: float | None = None,
    maybe_billed: int = 0,
    redriven: int = 0,
    recognizers: tuple[RecognizerCall, ...] = (),
    event_id: str | None = None,
) -> records.DeadLetter:
    """Return the dead letter of an upload that ended with ``failure``.

    :param upload: None only where the event named no object; then ``event_id`` identifies it.
    :param first_seen: seconds since 1970; None: now.
    """
    now = dt.datetime.now(dt.timezone.utc)
    return records.DeadLetter(
        code=failure.code,
        message=failure.message,
        disposition=failure.disposition,
        request_id=failure.request_id,
        attempts=attempts,
        billed=billed,
        maybe_billed=maybe_billed,
        first_seen=now if first_seen is None else dt.datetime.fromtimestamp(first_seen, now.tzinfo),
        last_seen=now,
        upload=upload,
        event_id=event_id,
        redriven=redriven,
        recognizers=recognizers,
        traceparent=tracing.current(),
    )


def refuse(
    delivery: Delivery, event_id: str, why: str, code: str = error_codes.MALFORMED_EVENT
) -> records.DeadLetter:
    """Turn a record that names no object into a dead letter.

    :raises StoreError: no destination took it.
    """
    failure = Failure(code, f"the event names no object: {why}")
    letter = make(failure, upload=None, attempts=0, billed=0, event_id=event_id)
    delivery.deliver(letter, frozenset(), lambda _: None)
    log(
        "dead_letter",
        level="warning",
        metrics={"dead_letters": 1},
        by="code",
        code=letter.code,
        reason=letter.message,
    )
    return letter


def give_up(delivery: Delivery, upload: Upload, failure: Failure) -> Outcome:
    """End a poison message: an upload that could be retried, but would block those behind it.

    Only without a durable ledger, and only in a stream (head-of-line blocking).

    :raises StoreError: no destination took the dead letter.
    """
    billed, maybe = failure.rule.billed, failure.rule.billed is None
    letter = make(
        failure, upload=upload, attempts=1, billed=int(billed or 0), maybe_billed=int(maybe)
    )
    delivery.deliver(letter, frozenset(), lambda _: None)
    outcome = Outcome(upload, "dead_letter", letter, failure, new=True)
    report(outcome, {})
    return outcome
