"""Amazon SQS: a batch of messages, each with its own receipt.

The event source mapping must have ``ReportBatchItemFailures``: the answer then names exactly the
messages that SQS must redeliver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vindrop.domain.arrivals import Message
from vindrop.tracing import first
from vindrop.triggers.common import Envelope, identity, malformed, mapping, records_of


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the messages, closed.

    Receipts and counters change from delivery to delivery, and are no part of a message's identity.
    """
    return [_message(record) for record in records_of(payload)]


def _message(record: Mapping[str, Any]) -> Message | Envelope:
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
