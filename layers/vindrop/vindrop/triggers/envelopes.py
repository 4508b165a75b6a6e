"""Payloads that hold another event: of queues, topics, streams, timers, and failed calls.

Each function returns what its platform's payload brings, closed. A message's identity is of what
stays the same from delivery to delivery: receipts and counters are no part of it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Ignored, Message
from vindrop.domain.redaction import printable
from vindrop.tracing import first
from vindrop.triggers.common import Envelope, identity, malformed, mapping, records_of

Found = list[Message | Envelope]


def sqs(payload: Mapping[str, Any]) -> Found:
    """Amazon SQS: a batch of messages, each with its own receipt.

    The event source mapping must have ``ReportBatchItemFailures``: the answer then names exactly
    the messages that SQS must redeliver.
    """
    return [_sqs(record) for record in records_of(payload)]


def _sqs(record: Mapping[str, Any]) -> Message | Envelope:
    receipt = record.get("messageId")
    receipt = receipt if isinstance(receipt, str) and receipt else None
    body = record.get("body")
    if not isinstance(body, str):
        lasting = {"messageId": receipt, "body": body}
        return Message(malformed(lasting, "body: is not text"), receipt)
    attributes = mapping(record.get("messageAttributes"))
    trace = first(
        mapping(attributes.get("traceparent")).get("stringValue"),
        mapping(record.get("attributes")).get("AWSTraceHeader"),
    )
    return Envelope(identity(["sqs", receipt, body]), body, receipt, trace)


def sns(payload: Mapping[str, Any]) -> Found:
    """Amazon SNS: as it calls a function, and as it puts its notification into a queue.

    With raw message delivery a queue gets the message bare, and SNS leaves no sign of itself.
    """
    if "TopicArn" in payload:
        return [_sns(payload)]
    return [_sns(mapping(record.get("Sns"))) for record in records_of(payload)]


def _sns(notification: Mapping[str, Any]) -> Message | Envelope:
    body = notification.get("Message")
    attributes = mapping(notification.get("MessageAttributes"))
    trace = first(mapping(attributes.get("traceparent")).get("Value"))
    return _closed(["sns", notification.get("MessageId"), body], "Sns.Message", trace)


def cmq(payload: Mapping[str, Any]) -> Found:
    """Tencent CMQ topics (TDMQ): one message a call, as a rule."""
    records = [mapping(record.get("CMQ")) for record in records_of(payload)]
    return [
        _closed(["cmq", *map(record.get, ("topicName", "msgId", "msgBody"))], "CMQ.msgBody")
        for record in records
    ]


def ckafka(payload: Mapping[str, Any]) -> Found:
    """Tencent CKafka: a batch of one partition, in order.

    Documented with ``Partition``, seen with ``partition``: neither is needed. A batch that fails is
    delivered again and again (10,000 times by default) and holds up its partition.
    """
    return [_ckafka(mapping(record.get("Ckafka"))) for record in records_of(payload)]


def _ckafka(record: Mapping[str, Any]) -> Message | Envelope:
    body = record.get("msgBody")
    if body is None or body == "":
        return Message(Ignored("ckafka", "the message is empty"))
    partition = record.get("partition", record.get("Partition"))
    lasting = ["ckafka", record.get("topic"), partition, record.get("offset"), body]
    return _closed(lasting, "Ckafka.msgBody")


def msk(payload: Mapping[str, Any]) -> Found:
    """Amazon MSK and self-managed Kafka on Lambda: batches of several partitions, values in Base64."""
    return [
        _msk(mapping(record))
        for records in mapping(payload.get("records")).values()
        for record in (records if isinstance(records, list) else [records])
    ]


def _msk(record: Mapping[str, Any]) -> Message | Envelope:
    value = record.get("value")
    if value is None or value == "":
        return Message(Ignored("msk", "the message is empty"))
    lasting = ["msk", record.get("topic"), record.get("partition"), record.get("offset"), value]
    try:
        body = base64.b64decode(value if isinstance(value, str) else "?", validate=True).decode()
    except (binascii.Error, ValueError):
        return Message(malformed(lasting, "records.value: is not text in Base64"))
    return Envelope(identity(lasting), body, trace=_msk_trace(record.get("headers")))


def _msk_trace(headers: object) -> str | None:
    """Headers are a list of objects, each name → its bytes as numbers."""
    for header in headers if isinstance(headers, list) else []:
        value = mapping(header).get("traceparent")
        if isinstance(value, list) and all(isinstance(n, int) and 0 <= n < 128 for n in value):
            return first(bytes(value).decode())
    return None


def eventbridge_tencent(payload: Mapping[str, Any]) -> Found:
    """Tencent EventBridge: CloudEvents, one or a batch (``EventList``).

    What COS puts into ``data`` is documented as "details of the event"; taken are the record or the
    records that COS sends to functions. Events of message connectors (``msgBody``) are opened;
    those of other sources are ignored.
    """
    events = payload.get("EventList")
    if isinstance(events, list) and events:
        return [_cloudevent(mapping(event)) for event in events]
    return [_cloudevent(payload)]


def _cloudevent(event: Mapping[str, Any]) -> Message | Envelope:
    kind, source = (
        value if isinstance(value := event.get(name), str) else "" for name in ("type", "source")
    )
    data = mapping(event.get("data"))
    trace = first(event.get("traceparent"))
    lasting = ["eventbridge", event.get("id"), event.get("data")]
    if kind.lower().startswith("cos:") or source.startswith("cos."):
        if kind.strip() and "created" not in kind.lower():
            return Message(Ignored(printable(kind[:80]), "no object was created"), trace=trace)
        if "cos" in data:
            return Envelope(identity(lasting), {"Records": [data]}, trace=trace)
        if "Records" in data:
            return Envelope(identity(lasting), data, trace=trace)
        return Message(malformed(lasting, "data: holds no record of COS"), trace=trace)
    if isinstance(data.get("msgBody"), str):
        return Envelope(identity(lasting), data["msgBody"], trace=trace)
    what = printable(kind[:80]) or "EventBridge"
    return Message(Ignored(what, "it comes neither from COS nor from a queue"), trace=trace)


def timer(payload: Mapping[str, Any]) -> Found:
    """SCF's timer: its message may hold an event; without one it brings nothing."""
    message = payload.get("Message")
    if isinstance(message, str) and message.lstrip().startswith(("{", "[")):
        return [Envelope(identity(["timer", payload.get("Time"), message]), message)]
    return [Message(Ignored("timer", "it brings no upload: set the timer on the function sweep"))]


def scf_failure(payload: Mapping[str, Any]) -> Found:
    """What SCF puts into a function's dead-letter queue: the event, and how its last try ended.

    Read back, so that an event which exhausted SCF's own retries is still brought to its end.
    """
    event = mapping(payload["Body"])["ClientContext"]
    return [Envelope(identity(["scf_failure", event]), event)]


def lambda_failure(payload: Mapping[str, Any]) -> Found:
    """What Lambda sends to a function's on-failure destination; see `scf_failure`."""
    event = payload["requestPayload"]
    return [Envelope(identity(["lambda_failure", event]), event)]


def _closed(lasting: list[Any], field: str, trace: str | None = None) -> Message | Envelope:
    """Return the message whose body is the last of what ``lasting`` identifies it by."""
    body = lasting[-1]
    if not isinstance(body, str):
        return Message(malformed(lasting, f"{field}: is not text"))
    return Envelope(identity(lasting), body, trace=trace)
