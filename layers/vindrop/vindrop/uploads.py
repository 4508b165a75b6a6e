"""The upload function: object-storage events in, every upload brought to an end.

What a retry can mend is raised, so that the platform brings the event again; what it cannot is a
dead letter, and the function returns normally. With a durable ledger an upload that has to wait
is parked there and left to the sweep: the event itself has done its work.
"""

from __future__ import annotations

from typing import Any

from vindrop import invocation
from vindrop.app import App, from_environment
from vindrop.filters import ignored
from vindrop.outcome import Outcome, summary
from vindrop.telemetry import bind, log
from vindrop.triggers import Ignored, Malformed, UnknownEventError, read


class ComeAgainError(RuntimeError):
    """The platform must bring this event again. ``str()`` says why."""


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Process one event.

    :returns: how many uploads ended how.
    :raises ComeAgainError: some could not end, and nothing but the platform can bring them back.
    :raises StoreError: the ledger is away.
    :raises SettingsError: a setting is wrong.
    """
    call = invocation.of(context)
    with bind(request_id=call.request_id or None, function=call.function or None):
        return process(from_environment(), event, call)


def process(app: App, event: Any, call: invocation.Invocation) -> dict[str, Any]:
    """Process one event with ``app``; see `handle`."""
    try:
        delivery = read(event)
    except UnknownEventError as error:
        # Raising would bring the same event again, to the same end.
        log("unknown_event", level="error", reason=str(error))
        return {"error": str(error)}
    outcomes: list[Outcome] = []
    refused = skipped = 0
    budget = call.budget
    for arrival in delivery.arrivals:
        if isinstance(arrival, Malformed):
            app.pipeline.refuse(arrival.id, arrival.why)
            refused += 1
            continue
        reason = arrival.why if isinstance(arrival, Ignored) else ignored(arrival, app.settings)
        if reason is not None:
            what = arrival.what if isinstance(arrival, Ignored) else arrival.key
            log("ignored", what=what, reason=reason)
            skipped += 1
            continue
        if not isinstance(arrival, Ignored):
            outcomes.append(app.pipeline.process(arrival, budget))
    if not app.ledger.durable:
        _raise_unended(outcomes)
    return {
        "source": delivery.source,
        "uploads": len(outcomes),
        "malformed": refused,
        "ignored": skipped,
        "ended": summary(outcomes),
    }


def _raise_unended(outcomes: list[Outcome]) -> None:
    unended = [o for o in outcomes if o.end not in {"reading", "dead_letter"}]
    if unended:
        failure = unended[0].failure
        raise ComeAgainError(
            f"{len(unended)} of {len(outcomes)} uploads have to wait and there is no ledger to park "
            f"them in{': ' + failure.code if failure else ''}"
        )
