"""The sweep: takes up what is due, in order, within quota and time.

Parked uploads whose wait is over, claims whose worker died, answers that were not delivered: the
ledger knows them all by one column. Runs on a timer; two at once do not hurt each other, since
each upload is claimed like any other.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from vindrop import invocation
from vindrop.app import App, from_environment
from vindrop.outcome import Outcome, summary
from vindrop.telemetry import bind, log

PAGE: Final = 50
LEAST_SECONDS: Final = 3.0
"""With less time than this left, the rest waits for the next sweep."""


def handle(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001  # a timer's event says nothing
    """Sweep for as long as the invocation lasts.

    :returns: how many uploads ended how.
    """
    call = invocation.of(context)
    with bind(request_id=call.request_id or None, function=call.function or None):
        return process(from_environment(), call)


def process(app: App, call: invocation.Invocation) -> dict[str, Any]:
    """Sweep with ``app``; see `handle`."""
    budget = call.budget
    outcomes: list[Outcome] = []
    done: set[str] = set()
    blocked = False
    _report_backlog(app)
    while not blocked and budget.left() > LEAST_SECONDS:
        page = [upload for upload in app.ledger.due(PAGE) if upload.id not in done]
        if not page:
            break
        for upload in page:
            if budget.left() <= LEAST_SECONDS:
                break
            done.add(upload.id)
            outcome = app.pipeline.process(upload, budget)
            outcomes.append(outcome)
            if outcome.failure is not None and outcome.failure.disposition.value == "hold":
                blocked = True  # every further one would only be parked again
                break
    counts = summary(outcomes)
    if outcomes:
        log("swept", uploads=len(outcomes), ended=counts)
    return {"uploads": len(outcomes), "ended": counts}


def _report_backlog(app: App) -> None:
    """Log what alarms look at: the age of the oldest upload that is due, and whether calls are held.

    A parked upload comes due again and again, so one that gets nowhere is seen here. Counting all
    that is parked would read an index from end to end every minute.
    """
    now = dt.datetime.now(dt.timezone.utc)
    due = app.ledger.due(PAGE)
    ages = [(now - upload.uploaded_at).total_seconds() for upload in due if upload.uploaded_at]
    log(
        "backlog",
        metrics={
            "oldest_seconds": round(max(ages, default=0.0), 1),
            "due": len(due),
            "blocked": 0 if app.ledger.held(None) is None else 1,
        },
    )
