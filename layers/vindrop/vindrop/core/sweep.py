"""The sweep: retries what is due, in order, within the rate limit and the time left.

Scheduled retries, claims whose lease has ended because their worker died, answers that were not
delivered: the ledger knows them all by one column. Runs on a timer; two at once do not hurt each other, since
each upload is claimed like any other. Several uploads are worked on at the same time, as many as
``VINDROP_CONCURRENCY`` says: one by one, a call's second would leave most of the rate unused.
"""

from __future__ import annotations

import contextvars
from typing import Any, Final

from vindrop.core import batch
from vindrop.core.app import App
from vindrop.core.invocation import Budget, Invocation
from vindrop.core.outcome import Outcome, summary
from vindrop.core.store_errors import StoreError
from vindrop.domain.upload import Upload
from vindrop.telemetry import log

PAGE: Final = 50
LEAST_SECONDS: Final = 3.0
"""With less time than this left, the rest waits for the next sweep."""


def process(app: App, call: Invocation) -> dict[str, Any]:
    """Sweep for as long as the invocation lasts.

    :returns: how many uploads ended how.
    :raises StoreError: the ledger is away.
    """
    budget = call.budget
    outcomes: list[Outcome] = []
    done: set[str] = set()
    while budget.left() > LEAST_SECONDS:
        page = [
            upload for upload in app.ledger.retryable(PAGE + len(done)) if upload.id not in done
        ]
        if not page:
            break
        circuit = app.ledger.circuit(None)
        if circuit is not None:
            if circuit.probe_in > 0:  # open: what needs a call would only be scheduled again
                done.update(upload.id for upload in page)
                page = [upload for upload in page if _is_answered(app, upload)]
            else:
                page = page[:1]  # half-open: it is the probe
        done.update(upload.id for upload in page)
        outcomes += _work(app, page, budget)
    counts = summary(outcomes)
    _tell_backlog(app)
    if outcomes:
        log("swept", uploads=len(outcomes), ended=counts)
    return {"uploads": len(outcomes), "ended": counts}


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
            "circuit_open": 0 if app.ledger.circuit(None) is None else 1,
        },
    )


def _work(app: App, page: list[Upload], budget: Budget) -> list[Outcome]:
    if len(page) == 1 or app.settings.concurrency == 1:
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


def _is_answered(app: App, upload: Upload) -> bool:
    standing = app.ledger.standing(upload.id)
    return standing is not None and standing.record is not None


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
