"""``POST /v1/vin``: a photo in, its reading out, while the caller waits.

Where the photo lies decides what becomes of one that cannot be read now. An object in a bucket is
an upload like any other: retried by the sweep, a dead letter in the end. A photo that came
with the request is its caller's: it is given back with the reason, and sending it again begins
anew. What VinOCR has judged, though, is kept either way, so that asking again costs nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from vindrop.core.app import App
from vindrop.core.invocation import Budget, Invocation
from vindrop.core.outcome import Outcome
from vindrop.core.photo import Sent
from vindrop.domain.failures import Failure
from vindrop.domain.records import DeadLetter, Reading, Record, to_data
from vindrop.domain.upload import Upload
from vindrop.domain.vin import Verdict
from vindrop.http import doubts, identity, objects, photos
from vindrop.http.problems import ProblemError, of_failure
from vindrop.http.request import Request
from vindrop.http.response import Response

LOOK_SECONDS: Final = 0.3
"""How often a request looks whether another one that has the same photo is done."""
LAST_SECONDS: Final = 0.5
"""Kept back for the answer itself."""


def post(open_app: Callable[[], App], request: Request, call: Invocation) -> Response:
    """Answer the request.

    :param open_app: called once the request holds a photo: no ledger is asked for any other.

    :raises ProblemError: there is no reading; it says why.
    :raises FailureError: a named object is not there, or may not be read.
    :raises StoreError: the ledger is away.
    """
    photo, reference = photos.read(request)
    app = open_app()
    budget = Budget(min(call.seconds, app.settings.http_seconds), call.started)
    sent: Sent | None
    if isinstance(photo, Sent):
        key = request.headers.get("idempotency-key", "").strip()
        upload, sent = identity.of(photo, idempotency_key=key), photo
    else:
        upload, sent = objects.locate(app, photo, call.platform), None
    if reference is not None:
        upload = replace(upload, reference=reference)
    return _answer(app, wait_for(app, upload, budget, sent, limit=call.budget))


def wait_for(
    app: App,
    upload: Upload,
    budget: Budget,
    sent: Sent | None,
    *,
    limit: Budget,
) -> Outcome:
    """Bring ``upload`` to an outcome, or wait for the worker that has it already.

    :param budget: how long the caller waits.
    :param limit: how long the function lives: a call to VinOCR may outlast the caller's patience,
        and its answer must still find the claim.
    """
    one_call = app.settings.vinocr_connect_timeout + app.settings.vinocr_timeout
    while True:
        lease = max(0.0, min(limit.left(), budget.left() + one_call))
        outcome = app.interactive.process(upload, budget, sent, lease=lease)
        if outcome.end != "in_progress" or outcome.record is not None:
            return outcome
        while True:
            if budget.left() < LAST_SECONDS + LOOK_SECONDS:
                return outcome
            time.sleep(LOOK_SECONDS)
            standing = app.ledger.standing(upload.id)
            if standing is None or standing.record is not None or standing.state != "claimed":
                break  # given back, answered, ended or scheduled for a retry: look again in full
            if standing.retry_in is not None and standing.retry_in <= 0:
                break  # its worker died


def _in_force(app: App, outcome: Outcome) -> Record | None:
    """Return what counts of an upload: its end, or what a person has made of it since."""
    record = outcome.record
    if outcome.new or not app.ledger.durable or not isinstance(record, Reading):
        return record
    from vindrop.domain.in_force import in_force

    history = app.console()[0].reviews(record.id)
    return in_force(record, history[-1] if history else None)


def _answer(app: App, outcome: Outcome) -> Response:
    record = _in_force(app, outcome)
    if isinstance(record, Reading):
        answer = {
            "id": record.id,
            **to_data(record),
            # A person has looked: what is left to compare with the photo?
            "doubts": [] if record.verdict is Verdict.REVIEWED else doubts.of(record),
            "new": outcome.new,
        }
        return Response(
            200, json.dumps(answer, ensure_ascii=False), {"Content-Type": "application/json"}
        )
    if isinstance(record, DeadLetter):
        told = {"recognizers": to_data(record)["recognizers"]} if record.recognizers else None
        raise of_failure(Failure(record.code, record.message, record.request_id), members=told)
    if record is not None:
        raise ProblemError("no-vin", f"reviewed by {record.reviewer}: {record.reason}")
    failure = outcome.failure
    if failure is None:
        raise ProblemError("timeout", "another request has this very photo and is not done yet")
    if outcome.end == "retry_scheduled" and app.ledger.durable:
        raise of_failure(
            failure,
            retry_after=outcome.retry_in,
            more="; the photo stays in the bucket and is read as soon as that is possible",
        )
    raise of_failure(failure)
