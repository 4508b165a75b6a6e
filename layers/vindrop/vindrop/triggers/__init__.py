"""Payload ─▶ uploads. Exactly one source must recognise a payload as its own.

Queues, topics, streams and failure records hold another event: they are opened, and what is
inside is read like any payload, as deep as platforms nest (S3 in SNS in SQS is three). A message
that cannot be understood is one malformed arrival; the messages beside it are read.

Adding a trigger: a file here with a function of its name, and a line in `SOURCES` and `_MODULES`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import structs

from vindrop.clouds import trimmed
from vindrop.domain import error_codes
from vindrop.domain.arrivals import Arrival, Ignored, Malformed, Message
from vindrop.domain.redaction import printable
from vindrop.triggers.common import Envelope, every_has, identity, mapping

__all__ = [
    "Arrival",
    "Delivery",
    "Ignored",
    "Malformed",
    "Message",
    "UnknownEventError",
    "read",
]

DEEPEST: Final = 8
"""Envelopes inside envelopes; platforms nest up to four."""


class UnknownEventError(ValueError):
    """No trigger, or more than one, recognises the payload. ``str()`` names what was found in it."""


def names_object(payload: Mapping[str, Any]) -> bool:
    """Whether bucket and key stand side by side, with no field that platforms' events have."""
    if isinstance(payload.get("ObjectInfo"), Mapping):
        return True
    return any(
        names <= payload.keys() for names in ({"bucket", "key"}, {"Bucket", "Key"})
    ) and not ({"Records", "Event", "detail", "specversion"} & payload.keys())


_KAFKA: Final = ("aws:kafka", "SelfManagedKafka")

SOURCES: Final[dict[str, Callable[[Mapping[str, Any]], bool]]] = {
    "cos": lambda p: every_has(p.get("Records"), "cos"),
    "s3": lambda p: (
        every_has(p.get("Records"), "s3") or (p.get("Event") == "s3:TestEvent" and "Bucket" in p)
    ),
    "oss": lambda p: every_has(p.get("events"), eventSource="acs:oss"),
    "eventbridge_tencent": lambda p: (
        (isinstance(p.get("EventList"), list) and bool(p["EventList"]))
        or {"specversion", "type", "source"} <= p.keys()
    ),
    "eventbridge_aws": lambda p: {"detail-type", "detail", "source"} <= p.keys(),
    "sqs": lambda p: every_has(p.get("Records"), eventSource="aws:sqs"),
    "sns": lambda p: (
        every_has(p.get("Records"), "Sns")
        or (p.get("Type") == "Notification" and {"TopicArn", "Message"} <= p.keys())
    ),
    "ckafka": lambda p: every_has(p.get("Records"), "Ckafka"),
    "msk": lambda p: p.get("eventSource") in _KAFKA and isinstance(p.get("records"), Mapping),
    "cmq": lambda p: every_has(p.get("Records"), "CMQ"),
    "timer": lambda p: p.get("Type") == "Timer" and "TriggerName" in p,
    "scf_failure": lambda p: "ErrorCode" in p and "ClientContext" in mapping(p.get("Body")),
    "lambda_failure": lambda p: (
        "requestPayload" in p and "condition" in mapping(p.get("requestContext"))
    ),
    "plain": names_object,
}
"""Source → whether a payload is its own, judged by fields that no other source has.

The function of the source's name returns what a payload brings, in its order, and raises nothing,
whatever stands in the fields. Its module is imported when a payload of its own comes.
"""
_MODULES: Final = {
    "cos": "cos",
    "s3": "s3",
    "eventbridge_aws": "s3",
    "oss": "oss",
    "plain": "plain",
}
"""Source that tells of objects itself → its module here; `envelopes` has all the others."""
_POINTER: Final = (
    "the message's body lies in S3, where Amazon's extended client put it for its size: it is not "
    "looked for there, so send events as they are, which fit into a message"
)
_CLOUDTRAILS: Final = "s3.amazonaws.com"
_CLOUDTRAIL_FILE: Final = (
    "it is CloudTrail's log of calls, not S3's own event: let the bucket's notifications, or EventBridge's "
    'rule for the detail-type "Object Created", call the function'
)
STREAMS: Final = frozenset({"ckafka", "msk"})
"""Sources that deliver in order: a redelivery blocks everything behind it (head-of-line blocking)."""


class Delivery(msgspec.Struct, frozen=True):
    """A payload, understood."""

    source: str
    """Which trigger it came by, such as ``cos``; the outermost, where one holds another."""
    messages: list[Message]

    @property
    def arrivals(self) -> list[Arrival]:
        """What arrived, in the payload's order."""
        return [message.arrival for message in self.messages]


def read(payload: object) -> Delivery:
    """Understand what a platform delivered.

    :raises UnknownEventError: not exactly one source recognises it.
    """
    try:
        return _open(payload, 0)
    except RecursionError:
        raise UnknownEventError("the event is nested too deeply to be read") from None


def _open(payload: object, depth: int) -> Delivery:
    if isinstance(payload, list) and payload:
        # EventBridge Pipes hands a batch over as a bare list, each item as its source has it.
        envelopes: list[Message | Envelope] = [
            Envelope(identity(item), _as_payload(item)) for item in payload
        ]
        return Delivery("list", _opened(envelopes, depth))
    if not isinstance(payload, Mapping):
        raise UnknownEventError(f"the event is {_kind(payload)}, not an object")
    names = [name for name, recognises in SOURCES.items() if recognises(payload)]
    if len(names) != 1:
        records = payload.get("Records")
        if isinstance(records, list) and len(records) > 1:  # of several kinds: each by itself
            alone = [Envelope(identity(each), {"Records": [each]}) for each in records]
            return Delivery("records", _opened(list(alone), depth))
        raise UnknownEventError(_unknown(payload, names))
    (source,) = names
    module = importlib.import_module(f"vindrop.triggers.{_MODULES.get(source, 'envelopes')}")
    found: list[Message | Envelope] = getattr(module, source)(payload)
    return Delivery(source, _opened(found, depth))


def _opened(found: list[Message | Envelope], depth: int) -> list[Message]:
    opened: list[Message] = []
    for each in found:
        if isinstance(each, Message):
            opened.append(each)
            continue
        opened += [
            # The outermost receipt is the one that the platform knows; the innermost trace the closest.
            structs.replace(m, receipt=each.receipt or m.receipt, trace=m.trace or each.trace)
            for m in _inside(each, depth + 1)
        ]
    return opened


def _inside(envelope: Envelope, depth: int) -> list[Message]:
    body = envelope.body
    if depth > DEEPEST:
        why = "the message is nested too deeply to be read"
        return [Message(Malformed(envelope.id, why, error_codes.UNKNOWN_EVENT))]
    try:
        if isinstance(body, (str, bytes)):
            body = json.loads(trimmed(body) if isinstance(body, str) else body)
        if _is_pointer(body):
            return [Message(Malformed(envelope.id, _POINTER))]
        if isinstance(body, str):  # JSON written as a JSON string
            return _inside(structs.replace(envelope, body=body), depth + 1)
        return _open(body, depth).messages
    except UnknownEventError as error:
        why, code = str(error), error_codes.UNKNOWN_EVENT
    except (ValueError, RecursionError):
        why, code = "the message's body is not JSON", error_codes.MALFORMED_EVENT
    return [Message(Malformed(envelope.id, why, code))]


def _unknown(payload: Mapping[str, Any], names: list[str]) -> str:
    record = payload["Records"][0] if every_has(payload.get("Records")) else {}
    if record.get("eventSource") == _CLOUDTRAILS and "requestParameters" in record:
        return _CLOUDTRAIL_FILE
    which = " and ".join(names) if names else "no trigger of " + ", ".join(SOURCES)
    inside = f"; those of its record: {_fields(record)}" if record else ""
    return f"the event is recognised by {which}; its fields: {_fields(payload)}{inside}"


def _fields(of: Mapping[str, Any]) -> str:
    return printable(", ".join(sorted(str(field)[:40] for field in list(of)[:10])) or "none")


def _is_pointer(body: object) -> bool:
    """Whether ``body`` is what extended clients put into a queue for a large message."""
    if isinstance(body, Mapping):
        return {str(field).lower() for field in body} == {"s3bucketname", "s3key"}
    return (
        isinstance(body, list)
        and bool(body)
        and isinstance(body[0], str)
        and body[0].endswith("S3Pointer")
    )


def _as_payload(item: object) -> object:
    source = item.get("eventSource") if isinstance(item, Mapping) else None
    if source == "aws:sqs":
        return {"Records": [item]}
    if source in _KAFKA:
        return {"eventSource": source, "records": {"": [item]}}
    return item


def _kind(payload: object) -> str:
    return {
        "NoneType": "empty",
        "str": "a text",
        "list": "an empty list",
        "bool": "true or false",
        "int": "a number",
        "float": "a number",
    }.get(type(payload).__name__, f"a {type(payload).__name__}")
