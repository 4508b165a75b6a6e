"""The workflow step: one object named plainly in, its reading out, as JSON.

    {"bucket": "photos-1250000000", "key": "vin/a.jpg", "region": "ap-guangzhou"}
      ─▶ {"id": …, "vin": …, "verdict": "verified" | "plausible" | "doubtful" | "reviewed", …}

What gave no reading is raised under a name that a state machine's Retry and Catch can tell apart.
Where a workflow cannot match names, ``"failures": "return"`` in the input has the same answered
instead: ``{"error": "VinThrottled", "code": …, "message": …, "retry_in": seconds}``; ``error`` is empty
where there is a reading.

The upload goes the one way of all uploads: a rejected photo is a dead letter too, a retry of the
step is never paid twice, and a photo that has to wait is taken up by the sweep or by the retry,
whichever comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vindrop import tracing
from vindrop.core import batch, invocation
from vindrop.core.app import App
from vindrop.core.batch import ignored
from vindrop.core.outcome import Outcome
from vindrop.core.store_errors import StoreError
from vindrop.domain.arrivals import Ignored, Malformed, Message
from vindrop.domain.records import DeadLetter, Reading, to_data
from vindrop.domain.upload import Upload
from vindrop.triggers import names_object
from vindrop.triggers.plain import plain


class StepError(Exception):
    """No reading. Its class's name is what Retry and Catch match; ``str()`` says why."""

    def __init__(
        self, message: str, *, code: str | None = None, retry_in: float | None = None
    ) -> None:
        self.message = message
        self.code = code
        self.retry_in = retry_in
        super().__init__(f"{code}: {message}" if code else message)


class VinThrottled(StepError):  # noqa: N818  # state machines match on this name
    """The rate is used up. Retry, after ``retry_in`` seconds."""


class VinUnavailable(StepError):  # noqa: N818
    """VinOCR, the bucket, a store or the network fails, or another worker has the photo. Retry."""


class PhotoRejected(StepError):  # noqa: N818
    """The photo gives no VIN, now or ever: it is a dead letter. Do not retry."""


class AccountBlocked(StepError):  # noqa: N818
    """The account cannot call: arrears, package used up, keys refused. A person has to act."""


class StepInputError(StepError):
    """The input names no object. Do not retry."""


KINDS: Final[dict[str, type[StepError]]] = {
    kind.__name__: kind for kind in (VinThrottled, VinUnavailable, PhotoRejected, AccountBlocked)
}
RETRY_SECONDS: Final = 5.0
"""Where nobody knows better."""


def process(app: App, event: Any, call: invocation.Invocation) -> dict[str, Any]:
    """Read the VIN of one object.

    :returns: the reading's fields and its ``id``; ``{"ignored": why}`` for what is not a photo of ours
        (a folder marker in a listing, a key that the settings leave out).
    :raises StepError: one of its five kinds, unless the input has ``"failures": "return"``.
    """
    if not isinstance(event, Mapping) or event.get("failures") != "return":
        return _read(app, event, call)
    # A Choice that looks at a field which is not there fails: these two always are.
    always = {"error": "", "verdict": ""}
    try:
        return {**always, **_read(app, event, call)}
    except StepError as error:
        return {
            **always,
            "error": type(error).__name__,
            "code": error.code,
            "message": error.message,
            "retry_in": error.retry_in,
        }


def _read(app: App, event: Any, call: invocation.Invocation) -> dict[str, Any]:
    message = _message(event)
    arrival = message.arrival
    if isinstance(arrival, Malformed):
        raise StepInputError(f"the input names no object: {arrival.why}", code=arrival.code)
    why = arrival.why if isinstance(arrival, Ignored) else ignored(arrival, app.settings)
    if why is not None or not isinstance(arrival, Upload):
        return {"ignored": why}
    try:
        with tracing.follow(message.trace):
            outcome = batch.resolve_and_process(app, arrival, call.budget, app.interactive)
    except StoreError as error:
        raise VinUnavailable(str(error), retry_in=RETRY_SECONDS) from error
    if isinstance(outcome.record, Reading):
        reading = outcome.record
        return {"id": reading.id, **to_data(reading)}
    raise _error(outcome)


def _message(event: Any) -> Message:
    if isinstance(event, Mapping) and names_object(event):
        (message,) = plain(event)
        return message
    raise StepInputError(
        'the input names no object: it takes {"bucket": …, "key": …, "region": …}, an ObjectInfo of '
        "COS, or an item of a bucket's listing with Bucket and Region"
    )


def _error(outcome: Outcome) -> StepError:
    if isinstance(outcome.record, DeadLetter):
        return PhotoRejected(outcome.record.message, code=outcome.record.code)
    failure = outcome.failure
    wait = outcome.retry_in if outcome.retry_in is not None else RETRY_SECONDS
    wait = round(max(wait, 1.0), 1)
    if failure is None:
        return VinUnavailable("another worker has this photo: ask again", retry_in=wait)
    return KINDS[failure.rule.step_error](failure.message, code=failure.code, retry_in=wait)
