"""SQS: ``sqs://region/queue`` or ``sqs:///<ARN>``; a name that ends in ``.fifo`` is a FIFO queue.

A FIFO queue drops a second copy within five minutes, and later ones say ``redelivered``. Messages
of one object key keep their order there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from vindrop.clouds import aws_api
from vindrop.destinations.message import (
    MessageDestination,
    deduplication_key,
    headers,
    ordering_key,
    structured,
)
from vindrop.domain.records import Record


class SQSDestination(MessageDestination):
    """See `vindrop.core.destination.Destination`."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._place = aws_api.place(url, "sqs")
        self._client = aws_api.Client("sqs", self._place, environment)
        self._url = ""

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Send it; SQS has stored it when it answers."""
        found = headers(record, redelivered=redelivered)
        self._client.call(
            "send_message",
            QueueUrl=self._queue_url(),
            MessageBody=structured(record).decode(),
            MessageAttributes=message_attributes(found),
            **(fifo_fields(record) if self._place.name.endswith(".fifo") else {}),
        )

    def _queue_url(self) -> str:
        if not self._url:
            owner = {"QueueOwnerAWSAccountId": self._place.account} if self._place.account else {}
            found = self._client.call("get_queue_url", QueueName=self._place.name, **owner)
            self._url = str(found["QueueUrl"])
        return self._url


def message_attributes(found: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return ``found`` as SQS and SNS want attributes."""
    return {name: {"DataType": "String", "StringValue": value} for name, value in found.items()}


def fifo_fields(record: Record) -> dict[str, str]:
    """Return what FIFO queues and topics ask for: a deduplication id, and a group that keeps order."""
    return {
        "MessageDeduplicationId": deduplication_key(record),
        "MessageGroupId": hashlib.sha256(ordering_key(record).encode()).hexdigest(),
    }
