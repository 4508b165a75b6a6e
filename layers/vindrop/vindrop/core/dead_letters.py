"""Dead letters that are written without the ledger: nothing was claimed, or nothing can be kept."""

from __future__ import annotations

import datetime as dt

from vindrop import tracing
from vindrop.core.delivery import Delivery
from vindrop.core.outcome import Outcome, report
from vindrop.domain import failures, records
from vindrop.domain.failures import Disposition, Failure
from vindrop.domain.upload import Upload
from vindrop.telemetry import log


def refuse(
    delivery: Delivery, event_id: str, why: str, code: str = failures.MALFORMED_EVENT
) -> records.DeadLetter:
    """Turn a record that names no object into a dead letter.

    :raises StoreError: no destination took it.
    """
    now = dt.datetime.now(dt.timezone.utc)
    letter = records.DeadLetter(
        code=code,
        message=f"the event names no object: {why}",
        disposition=Disposition.DEAD_LETTER,
        request_id=None,
        attempts=0,
        billed=0,
        first_seen=now,
        last_seen=now,
        upload=None,
        event_id=event_id,
        traceparent=tracing.current(),
    )
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
    """End an upload that could be tried again, where no one can come back for it.

    Only without a durable ledger, and only where its delivery holds up others.

    :raises StoreError: no destination took the dead letter.
    """
    now = dt.datetime.now(dt.timezone.utc)
    letter = records.DeadLetter(
        code=failure.code,
        message=failure.message,
        disposition=failure.disposition,
        request_id=failure.request_id,
        attempts=1,
        billed=1 if failure.rule.billed else 0,
        first_seen=now,
        last_seen=now,
        upload=upload,
        traceparent=tracing.current(),
    )
    delivery.deliver(letter, frozenset(), lambda _: None)
    outcome = Outcome(upload, "dead_letter", letter, failure, new=True)
    report(outcome, {})
    return outcome
