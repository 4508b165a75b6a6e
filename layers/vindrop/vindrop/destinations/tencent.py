"""Tencent Cloud: CMQ queues and topics (TDMQ), and EventBridge.

    cmq-queue://region/queue    cmq-topic://region/topic    tencent-eventbridge://region/bus-id

CMQ takes 20 calls a second at most and is meant for light loads; CKafka carries more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from vindrop.clouds.tencent_api import TencentClient
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.core.store_url import StoreURL, parse
from vindrop.destinations.message import Tried, headers, structured
from vindrop.domain.records import Record, to_cloudevent, type_of

LARGEST_MESSAGE: Final = 1024 * 1024
"""Bytes of a CMQ message."""
LONGEST_TAG: Final = 64


class CMQQueueDestination:
    """See `vindrop.core.destination.Destination`. A queue has no tags: readers filter by the event."""

    database = None

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        where = _parse(url)
        self._name = where.path
        self._client = TencentClient("tdmq", "2020-02-17", where, environment)
        self._tried = Tried()

    def put(self, record: Record, *, again: bool = False) -> None:
        """Send it."""
        body = _event(record, redelivered=self._tried.again(record) or again)
        _sent(
            self._client.call(
                "SendCmqMsg", {"QueueName": self._name, "MsgContent": body, "DelaySeconds": 0}
            )
        )


class CMQTopicDestination:
    """See `vindrop.core.destination.Destination`. Tags: type, cloud, and verdict or code and disposition."""

    database = None

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        where = _parse(url)
        self._name = where.path
        self._client = TencentClient("tdmq", "2020-02-17", where, environment)
        self._tried = Tried()

    def put(self, record: Record, *, again: bool = False) -> None:
        """Publish it."""
        redelivered = self._tried.again(record) or again
        tags = headers(record, redelivered=False)
        if redelivered:
            tags["redelivered"] = "redelivered"
        _sent(
            self._client.call(
                "PublishCmqMsg",
                {
                    "TopicName": self._name,
                    "MsgContent": _event(record, redelivered=redelivered),
                    "MsgTag": [tag[:LONGEST_TAG] for tag in tags.values()],
                },
            )
        )


class TencentEventBridgeDestination:
    """See `vindrop.core.destination.Destination`."""

    database = None

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        where = _parse(url)
        self._bus = where.path
        self._client = TencentClient("eb", "2021-04-16", where, environment)
        self._tried = Tried()

    def put(self, record: Record, *, again: bool = False) -> None:
        """Put the event. ``Data`` is the record; rules filter by Type, Subject, TagList and Data."""
        event = to_cloudevent(record)
        found = headers(record, redelivered=self._tried.again(record) or again)
        self._client.call(
            "PutEvents",
            {
                "EventBusId": self._bus,
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


def _parse(url: str) -> StoreURL:
    where = parse(url, ("endpoint",))
    if not where.path or "/" in where.path:
        raise StoreSettingError(
            f"{where.shown} names nothing: write {where.scheme}://ap-guangzhou/name"
        )
    return where


def _event(record: Record, *, redelivered: bool) -> str:
    body = structured(record)
    if redelivered:  # as an extension attribute of the event: a queue carries nothing beside it
        body = json.dumps(
            {**to_cloudevent(record), "redelivered": "true"}, ensure_ascii=False
        ).encode()
    if len(body) > LARGEST_MESSAGE:
        raise StoreError(f"the record has {len(body)} bytes, and CMQ takes {LARGEST_MESSAGE}")
    return body.decode()


def _sent(answer: dict[str, Any]) -> None:
    if not answer.get("MsgId"):
        raise StoreError("CMQ answered without a MsgId: the message may not be stored")
