"""Tencent Cloud: CMQ queues and topics (TDMQ), and EventBridge.

    cmq-queue://region/queue    cmq-topic://region/topic    tencent-eventbridge://region/bus-id

CMQ takes 20 calls a second at most and is meant for light loads; CKafka carries more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from vindrop.clouds.tencent_api import OPTIONS, TencentClient
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.core.store_url import parse
from vindrop.destinations.message import MessageDestination, headers
from vindrop.domain.records import Record, to_cloudevent, to_json, type_of

LARGEST_MESSAGE: Final = 1024 * 1024
"""Bytes of a CMQ message."""
LONGEST_TAG: Final = 64


class _TencentDestination(MessageDestination):
    """What a URL ``scheme://region/name`` names, and a client of its service."""

    service: ClassVar[str] = "tdmq"
    version: ClassVar[str] = "2020-02-17"

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        super().__init__()
        where = parse(url, OPTIONS)
        if not where.path or "/" in where.path:
            raise StoreSettingError(
                f"{where.shown} names nothing: write {where.scheme}://ap-guangzhou/name"
            )
        self._name = where.path
        self._client = TencentClient(self.service, self.version, where, environment)

    def _send_to_cmq(self, action: str, parameters: dict[str, Any]) -> None:
        if not self._client.call(action, parameters).get("MsgId"):
            raise StoreError("CMQ answered without a MsgId: the message may not be stored")


class CMQQueueDestination(_TencentDestination):
    """See `vindrop.core.destination.Destination`. A queue has no tags: readers filter by the event."""

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Send it."""
        body = _event(record, redelivered=redelivered)
        self._send_to_cmq(
            "SendCmqMsg", {"QueueName": self._name, "MsgContent": body, "DelaySeconds": 0}
        )


class CMQTopicDestination(_TencentDestination):
    """See `vindrop.core.destination.Destination`. Tags: type, cloud, and verdict or code and disposition."""

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Publish it."""
        tags = [*headers(record, redelivered=False).values()]
        if redelivered:
            tags.append("redelivered")
        self._send_to_cmq(
            "PublishCmqMsg",
            {
                "TopicName": self._name,
                "MsgContent": _event(record, redelivered=redelivered),
                "MsgTag": [tag[:LONGEST_TAG] for tag in tags],
            },
        )


class TencentEventBridgeDestination(_TencentDestination):
    """See `vindrop.core.destination.Destination`."""

    service = "eb"
    version = "2021-04-16"

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Put the event. ``Data`` is the record; rules filter by Type, Subject, TagList and Data."""
        event = to_cloudevent(record)
        found = headers(record, redelivered=redelivered)
        self._client.call(
            "PutEvents",
            {
                "EventBusId": self._name,
                "EventList": [
                    {
                        "Id": record.id,
                        "Source": event["source"],
                        "Type": type_of(record),
                        "Subject": event.get("subject", record.id),
                        "Time": round(record.time.timestamp() * 1000),
                        "Data": json.dumps(event["data"], ensure_ascii=False),
                        "TagList": [{"Key": name, "Value": value} for name, value in found.items()],
                    }
                ],
            },
        )


def _event(record: Record, *, redelivered: bool) -> str:
    body = to_json(record)
    if redelivered:  # an extension attribute of the event: CMQ carries no headers
        body = json.dumps({**to_cloudevent(record), "redelivered": "true"}, ensure_ascii=False)
    if (size := len(body.encode())) > LARGEST_MESSAGE:
        raise StoreError(f"the record has {size} bytes, and CMQ takes {LARGEST_MESSAGE}")
    return body
