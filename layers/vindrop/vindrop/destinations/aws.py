"""Amazon's queues, topics and event buses.

    sqs://region/queue            or sqs:///<ARN>
    sns://region/account/topic    or sns:///<ARN>
    eventbridge://region/bus      or eventbridge:///<ARN>

A name that ends in ``.fifo`` is a FIFO queue or topic. It drops a second copy within five minutes,
and later ones say ``redelivered``; messages of one object key keep their order there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from vindrop.clouds import aws_api
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.destinations.message import (
    MessageDestination,
    deduplication_key,
    headers,
    ordering_key,
)
from vindrop.domain.records import Record, to_cloudevent, to_json, type_of

SOURCE: Final = "vindrop"


class _AWSDestination(MessageDestination):
    """What a URL of a service names, and a client of the service."""

    service: ClassVar[str]

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._place = aws_api.place(url, self.service)
        self._client = aws_api.Client(self.service, self._place, environment)

    def _message_fields(self, record: Record, *, redelivered: bool) -> dict[str, Any]:
        """Return the attributes that readers filter by, and what a FIFO queue or topic asks for."""
        found = headers(record, redelivered=redelivered)
        fields: dict[str, Any] = {
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in found.items()
            }
        }
        if self._place.name.endswith(".fifo"):
            fields["MessageDeduplicationId"] = deduplication_key(record)
            order = hashlib.sha256(ordering_key(record).encode()).hexdigest()
            fields["MessageGroupId"] = order
        return fields


class SQSDestination(_AWSDestination):
    """See `vindrop.core.destination.Destination`."""

    service = "sqs"
    _url = ""

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Send it; SQS has stored it when it answers."""
        self._client.call(
            "send_message",
            QueueUrl=self._queue_url(),
            MessageBody=to_json(record),
            **self._message_fields(record, redelivered=redelivered),
        )

    def _queue_url(self) -> str:
        if not self._url:
            owner = {"QueueOwnerAWSAccountId": self._place.account} if self._place.account else {}
            found = self._client.call("get_queue_url", QueueName=self._place.name, **owner)
            self._url = str(found["QueueUrl"])
        return self._url


class SNSDestination(_AWSDestination):
    """See `vindrop.core.destination.Destination`."""

    service = "sns"

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        super().__init__(url, environment)
        place, region = self._place, self._client.region
        if not place.account:
            raise StoreSettingError(
                f"the topic {place.name} has no account: write sns://region/account/topic or "
                "sns:///<ARN>"
            )
        partition = "aws-cn" if region.startswith("cn-") else "aws"
        self._arn = place.arn or f"arn:{partition}:sns:{region}:{place.account}:{place.name}"

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Publish it; subscriptions filter by its attributes."""
        self._client.call(
            "publish",
            TopicArn=self._arn,
            Message=to_json(record),
            **self._message_fields(record, redelivered=redelivered),
        )


class EventBridgeDestination(_AWSDestination):
    """See `vindrop.core.destination.Destination`.

    ``detail-type`` is the record's type, ``detail`` the whole event with what rules filter by under
    ``detail.attributes``.
    """

    service = "events"

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Put the event; one entry, so its own answer says whether it was taken."""
        found = headers(record, redelivered=redelivered)
        detail = {**to_cloudevent(record), "attributes": found}
        entry = {
            # Another account's bus can only be named in full.
            "EventBusName": self._place.arn or self._place.name,
            "Source": SOURCE,
            "DetailType": type_of(record),
            "Time": record.time,
            "Detail": json.dumps(detail, ensure_ascii=False),
        }
        answer = self._client.call("put_events", Entries=[entry])
        if answer.get("FailedEntryCount"):
            entry = answer["Entries"][0]
            raise StoreError(
                f"EventBridge did not take the event: {entry.get('ErrorCode')}: "
                f"{entry.get('ErrorMessage')}"
            )
