"""Messages that hold another event: the samples, with another event inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final

from vindrop_local.sample_events.template import as_json, load

Written = Callable[[Any], Any]


def _base64(event: Any) -> str:
    return base64.b64encode(as_json(event).encode()).decode()


def _itself(event: Any) -> Any:
    return event


WRAPPERS: Final[dict[str, tuple[str, tuple[str | int, ...], Written]]] = {
    "ckafka": ("cos-in-ckafka", ("Records", 0, "Ckafka", "msgBody"), as_json),
    "cmq": ("cos-in-cmq", ("Records", 0, "CMQ", "msgBody"), as_json),
    "timer": ("cos-in-timer", ("Message",), as_json),
    "eventbridge-batch": ("eventbridge-tencent-batch", ("EventList", 0), _itself),
    "scf-failure": ("cos-in-scf-failure", ("Body", "ClientContext"), as_json),
    "sqs": ("s3-in-sqs", ("Records", 0, "body"), as_json),
    "sns": ("s3-in-sns", ("Records", 0, "Sns", "Message"), as_json),
    "sns-notification": ("s3-in-sns", ("Records", 0, "Sns", "Message"), as_json),
    "msk": ("s3-in-msk", ("records", "photos-0", 0, "value"), _base64),
    "lambda-failure": ("s3-in-lambda-failure", ("requestPayload",), _itself),
}
"""Name → sample in ``events/``, where in it the event inside lies, and how that is written there."""


def wrap(name: str, event: Any) -> Any:
    """Return the message ``name`` with ``event`` in it."""
    sample, path, written = WRAPPERS[name]
    message = holder = load(sample)
    *way, last = path
    for step in way:
        holder = holder[step]
    holder[last] = written(event)
    if name == "sqs":
        body = holder[last].encode()
        holder["md5OfBody"] = hashlib.md5(body, usedforsecurity=False).hexdigest()
    if name == "sns-notification":  # what SNS calls a function with has this field more
        del holder["MessageAttributes"]
        return holder
    return message
