"""Tencent's events: shapes as documented and captured (583/9707, 583/9708, 583/11517, 1108/42275)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vindrop_local.bucket.events import Sent, created
from vindrop_local.bucket.spec import Bucket
from vindrop_local.sample_events.place import Place, as_json, records

_MOMENT = 1_794_052_800  # 2026-11-07


def cos(place: Place) -> dict[str, Any]:
    """What COS sends to a function: just as our own bucket sends it."""
    return created(
        Bucket(place.bucket, place.region, Path()),
        place.key,
        size=place.size,
        mtime_ns=_MOMENT * 1_000_000_000,
        event_time=_MOMENT,
        etag=place.etag,
        headers={"Content-Type": "image/jpeg"},
        sent=Sent(),
        function="vindrop-upload",
    )


def workflow(place: Place) -> dict[str, Any]:
    """What a COS workflow passes to a function."""
    return {"ObjectInfo": {"BucketId": place.bucket, "Region": place.region, "Object": place.key}}


def eventbridge(place: Place) -> dict[str, Any]:
    """A CloudEvent with COS's record as its data."""
    return {
        "specversion": "1.0",
        "id": "13a3f42d-7258-4ada-da6d-023a333b4662",
        "type": "cos:created:object",
        "source": "cos.cloud.tencent",
        "subject": f"qcs::cos:{place.region}:uid/1250000000:{place.bucket}",
        "time": str(_MOMENT * 1000),
        "region": place.region,
        "datacontenttype": "application/json;charset=utf-8",
        "data": cos(place)["Records"][0],
    }


def batch(event: Any) -> dict[str, Any]:
    """EventBridge's batch."""
    return {"EventList": [event]}


def ckafka(event: Any) -> dict[str, Any]:
    """A message of a CKafka topic."""
    return records(
        {
            "Ckafka": {
                "topic": "photos",
                "Partition": 1,
                "offset": 36,
                "msgKey": "None",
                "msgBody": as_json(event),
            }
        }
    )


def cmq(event: Any) -> dict[str, Any]:
    """A message of a CMQ topic."""
    return records(
        {
            "CMQ": {
                "type": "topic",
                "topicOwner": 1250000000,
                "topicName": "photos",
                "subscriptionName": "vindrop",
                "publishTime": "2026-11-07T08:00:00.000Z",
                "msgId": "123345346",
                "requestId": "123345346",
                "msgBody": as_json(event),
                "msgTag": "photo",
            }
        }
    )


def timer(event: Any) -> dict[str, Any]:
    """A timer whose message is an event."""
    return {
        "Type": "Timer",
        "TriggerName": "every-day",
        "Time": "2026-11-07T08:00:00Z",
        "Message": as_json(event),
    }


def failure(event: Any) -> dict[str, Any]:
    """What SCF puts into a function's dead-letter queue."""
    return {
        "RequestId": "b615b896-d197-47d7-8919-2c1f3a8b7d11",
        "ErrorCode": -1,
        "ErrorMessage": "user code exception caught",
        "Body": {
            "AppId": 1250000000,
            "Uin": "100000000001",
            "SubAccountUin": "100000000001",
            "RequestSource": "TRIGGER_COS",
            "FunctionName": "vindrop-upload",
            "Namespace": "default",
            "Qualifier": "$DEFAULT",
            "InvocationType": "Event",
            "ClientContext": as_json(event),
            "LogType": "",
            "RequestId": "b615b896-d197-47d7-8919-2c1f3a8b7d11",
            "RetryNum": 2,
            "Ttl": 0,
        },
    }
