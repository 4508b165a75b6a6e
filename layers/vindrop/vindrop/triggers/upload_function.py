"""The upload function: object-storage events in, bare or inside messages; every upload to its end.

A poison message, which no retry can help, is a dead letter, and the function returns normally. With
a durable ledger a retry is scheduled there and left to the sweep: the event has done its work.
Delivery of events is at-least-once; what must be redelivered is told in the platform's own way:

    SQS             its messageId among ``batchItemFailures``; the others are done
    anything else   an exception, once everything else of the delivery has ended
    Kafka streams   the same, but never for one photo alone: redelivering it would block those
                    behind it (head-of-line blocking), so without a ledger it ends there
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
    """The platform must bring this event again. ``str()`` says why."""


def process(app: App, event: Any, call: invocation.Invocation) -> dict[str, Any]:
    """Process one event.

    :returns: how many uploads ended how; for SQS ``batchItemFailures``, and nothing else.
    :raises RedeliverError: some could not end, and nothing but the platform can bring them back.
    """
    error = ""
    try:
        delivery = read(event)
    except UnknownEventError as unknown:
        # Raising would redeliver the same event, to the same end; only returning would lose it.
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
    """End a poison message, so that it does not block its partition (head-of-line blocking).

    Without a ledger it cannot wait elsewhere. So where the failure is its own (not the rate's, the
    account's or a store's) it is a dead letter now.
    """
    outcome = done.outcome
    if done.redeliver is None or outcome is None or outcome.failure is None:
        return done
    if not outcome.failure.rule.suspects_photo:
        return done
    try:
        return Done(
            done.message, dead_letters.give_up(app.delivery, outcome.upload, outcome.failure)
        )
    except StoreError as error:
        return Done(done.message, outcome, redeliver=str(error))
