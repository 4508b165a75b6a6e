"""The sweep: retries what is due, in order, within the rate limit and the time left.

Answers that were not delivered come first: they are paid for. Then scheduled retries, and claims
whose lease has ended because their worker died. The ledger knows them all by one column. Runs on a
timer; two at once do not hurt each other, since each upload is claimed like any other. Several uploads are worked on at the same time, as many as
``VINDROP_CONCURRENCY`` says: one by one, a call's second would leave most of the rate unused.
"""

from __future__ import annotations

import contextvars
from typing import Any, Final

from vindrop.core import batch
from vindrop.core.app import App
from vindrop.core.invocation import Budget, Invocation, deadline
from vindrop.core.outcome import Outcome, summary
from vindrop.core.store_errors import StoreError
from vindrop.domain.upload import Upload
from vindrop.telemetry import log

PAGE: Final = 50
"""Uploads between two looks at the circuit."""
MOST: Final = 5_000
"""Uploads that one query reads."""
TIDY_SECONDS: Final = 10.0
LEAST_SECONDS: Final = 3.0
"""With less time than this left, the rest waits for the next sweep."""


def process(app: App, call: Invocation) -> dict[str, Any]:
    """Sweep for as long as the invocation lasts.

    :returns: how many uploads ended how.
    :raises StoreError: the ledger is away.
    """
    budget = call.budget
    outcomes = _deliver(app, budget)
    _deliver_reviews(app, budget)
    outcomes += _retry(app, budget)
    _tidy(app, budget)
    counts = summary(outcomes)
    _tell_backlog(app)
    if outcomes:
        log("swept", uploads=len(outcomes), ended=counts)
    return {"uploads": len(outcomes), "ended": counts}


def _deliver(app: App, budget: Budget) -> list[Outcome]:
    """Deliver the answers that are kept: they are paid for, and need no call, so they come first."""
    return _work_off(app, budget, answered=True)


def _deliver_reviews(app: App, budget: Budget) -> None:
    """Deliver what people decided while a destination was away; it keeps no photo waiting.

    Each waits for a destination that drips: so they get half of the time that is left.
    """
    seconds = (budget.left() - LEAST_SECONDS) / 2
    if not app.ledger.durable or seconds <= 0:
        return
    try:
        with deadline(seconds):
            app.console()[1].deliver_due(seconds=seconds)
    except StoreError as error:  # such as: the table of reviews may not be made here
        log("reviews_not_delivered", level="error", reason=str(error))


def _tidy(app: App, budget: Budget) -> None:
    """Bring a ledger of an earlier version up to date, in a part of the time that is left."""
    if not app.ledger.durable or budget.left() <= LEAST_SECONDS:
        return
    try:
        app.console()[0].tidy(min(budget.left() / 4, TIDY_SECONDS))
    except StoreError as error:  # such as: no index may be made here
        log("ledger_not_tidied", level="warning", reason=str(error))


def _retry(app: App, budget: Budget) -> list[Outcome]:
    """Retry what needs a call, unless the circuit is open: it would only be scheduled again."""
    circuit = app.blocked()
    if circuit is not None and circuit.probe_in > 0:
        return []
    outcomes: list[Outcome] = []
    if circuit is not None:  # half-open: one upload is the probe
        outcomes = _work(app, app.ledger.retryable(1, answered=False), budget)
        if app.blocked() is not None:
            return outcomes
    return outcomes + _work_off(app, budget, answered=False)


def _work_off(app: App, budget: Budget, *, answered: bool) -> list[Outcome]:
    """Work off what is due, page by page, until it is done, the time is up, or the circuit opens.

    What is due is read once for as long as this sweep can last, not once per page: rows that are
    stuck at its head (another worker's lock) keep nobody behind them, and a long backlog costs one
    query.
    """
    outcomes: list[Outcome] = []
    done: set[str] = set()
    while budget.left() > LEAST_SECONDS:
        most = PAGE + round(budget.left() * app.settings.rate)
        due = app.ledger.retryable(min(most, MOST) + len(done), answered=answered)
        fresh = [upload for upload in due if upload.id not in done]
        if not fresh:
            break
        for start in range(0, len(fresh), PAGE):
            if budget.left() <= LEAST_SECONDS:
                return outcomes
            page = fresh[start : start + PAGE]
            done.update(upload.id for upload in page)
            outcomes += _work(app, page, budget)
            if not answered and app.blocked() is not None:
                return outcomes
    return outcomes


def _tell_backlog(app: App) -> None:
    """Log what alarms and dashboards look at: a line at every sweep, also where nothing waits.

    Its absence says that the sweep itself has stopped.
    """
    waiting = app.ledger.backlog()
    parked = waiting.get("parked")
    log(
        "backlog",
        metrics={
            "waiting": sum(each.uploads for each in waiting.values()),
            "oldest_seconds": round(max((each.oldest for each in waiting.values()), default=0), 1),
            "retry_waiting_seconds": round(parked.oldest, 1) if parked else 0,
            "circuit_open": app.open_circuits(),
        },
    )


def _work(app: App, page: list[Upload], budget: Budget) -> list[Outcome]:
    if len(page) <= 1 or app.settings.concurrency == 1:
        found = [_one(app, upload, budget) for upload in page]
    else:
        pool = batch.threads(app.settings.concurrency)
        # Each thread logs with the fields of this invocation.
        jobs = [
            pool.submit(contextvars.copy_context().run, _one, app, upload, budget)
            for upload in page
        ]
        found = [job.result() for job in jobs]
    away = next((each for each in found if isinstance(each, StoreError)), None)
    if away is not None:
        raise away
    return [each for each in found if isinstance(each, Outcome)]


def _one(app: App, upload: Upload, budget: Budget) -> Outcome | StoreError | None:
    if budget.left() <= LEAST_SECONDS:
        return None
    try:
        return app.pipeline.process(upload, budget)
    except StoreError as error:
        return error
    except Exception as error:  # noqa: BLE001  # a defect of ours must not stop the others
        log("defect", level="error", kind=type(error).__name__, reason=str(error))
        return None
