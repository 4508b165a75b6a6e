"""The upload function: object-storage events in, bare or inside messages; every upload to its end.

A poison message becomes a dead letter, and the function returns normally. With a durable ledger
the retry of an upload is scheduled there and left to the sweep. Without one the platform redelivers
(at-least-once), and is asked to in its own way:

    SQS             the messageId in ``batchItemFailures``; the other messages are done
    anything else   an exception, after everything else of the delivery has ended
    Kafka streams   the same, but never for one photo, which would block its partition
                    (head-of-line blocking)
"""

from __future__ import annotations

from typing import Any

from vindrop.core import batch, dead_letters, invocation
from vindrop.core.app import App
from vindrop.core.batch import Done
from vindrop.core.outcome import summary
from vindrop.core.store_errors import StoreError
from vindrop.domain.arrivals import Malformed, Message
from vindrop.domain.error_codes import UNKNOWN_EVENT
from vindrop.telemetry import log
from vindrop.triggers import STREAMS, Delivery, UnknownEventError, read
from vindrop.triggers.common import identity


class RedeliverError(RuntimeError):
    """The platform must redeliver this event. ``str()`` says why."""


def process(app: App, event: Any, call: invocation.Invocation) -> dict[str, Any]:
    """Process one event.

    :returns: how many uploads ended how; for SQS ``batchItemFailures``, and nothing else.
    :raises RedeliverError: some could not end, and only the platform can redeliver them.
    """
    error = ""
    try:
        delivery = read(event)
    except UnknownEventError as unknown:
        # Raised, it would be redelivered to the same end; dropped, it would be lost.
        error = str(unknown)
        lost = Malformed(identity(event), error, UNKNOWN_EVENT)
        delivery = Delivery("unknown", [Message(lost)])
    done = batch.run(app, delivery.messages, call.budget)
    if delivery.source in STREAMS:
        done = [_end_in_stream(app, each) for each in done]
    counted = _count(delivery.source, done)
    log("delivery", **counted)
    again = [each for each in done if each.redeliver is not None]
    receipts = list(dict.fromkeys(each.message.receipt for each in again))
    if None in receipts:
        raise RedeliverError(
            f"{len(again)} of {len(done)} must be redelivered: {again[0].redeliver}"
        )
    if any(each.message.receipt for each in done):
        return {"batchItemFailures": [{"itemIdentifier": receipt} for receipt in receipts]}
    return {**counted, "error": error} if error else counted


def _count(source: str, done: list[Done]) -> dict[str, Any]:
    outcomes = [each.outcome for each in done if each.outcome is not None]
    refused = sum(each.refused for each in done)
    return {
        "source": source,
        "uploads": len(outcomes),
        "malformed": refused,
        "ignored": sum(
            each.outcome is None and not each.refused and each.redeliver is None for each in done
        ),
        "ended": summary(outcomes),
    }


def _end_in_stream(app: App, done: Done) -> Done:
    """Make a dead letter of a photo that would cause head-of-line blocking in its partition.

    Only where there is no ledger to retry from, and the failure is the photo's own: not the rate
    limiter's, the account's or a store's.
    """
    outcome = done.outcome
    if done.redeliver is None or outcome is None or outcome.failure is None:
        return done
    if not outcome.failure.rule.uses_attempt:
        return done
    try:
        return Done(
            done.message, dead_letters.give_up(app.delivery, outcome.upload, outcome.failure)
        )
    except StoreError as error:
        return Done(done.message, outcome, redeliver=str(error))
