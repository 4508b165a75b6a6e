"""Payloads as the platforms deliver them, small enough to be changed in a test."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.triggers import test_cos, test_oss, test_s3

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def cos(key: str = "vin/a.jpg", **changes: Any) -> dict[str, Any]:
    return test_cos.event(key=key, **changes)


def s3(key: str = "vin/a.jpg", **found: Any) -> dict[str, Any]:
    return test_s3.event(key, **found)


def oss(key: str = "vin/a.jpg", **changes: Any) -> dict[str, Any]:
    return test_oss.event(key, **changes)


def sqs(*bodies: object) -> dict[str, Any]:
    """A batch; its message ids are m0, m1, …"""
    return {
        "Records": [
            {
                "messageId": f"m{n}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1523232000000"},
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:photos",
                "awsRegion": "us-east-1",
            }
            for n, body in enumerate(bodies)
        ]
    }


def notification(message: object) -> dict[str, Any]:
    """What SNS puts into a queue."""
    return {
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:photos",
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps(message),
        "Timestamp": "2026-11-22T10:00:00.000Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    }


def sns(*messages: object) -> dict[str, Any]:
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:photos:x",
                "Sns": {**notification(message), "MessageAttributes": {}},
            }
            for message in messages
        ]
    }


def ckafka(*bodies: object, spelling: str = "Partition") -> dict[str, Any]:
    return {
        "Records": [
            {
                "Ckafka": {
                    "topic": "photos",
                    spelling: 1,
                    "offset": 36 + n,
                    "msgKey": "None",
                    "msgBody": body if isinstance(body, str) else json.dumps(body),
                }
            }
            for n, body in enumerate(bodies)
        ]
    }


def msk(*bodies: object, source: str = "aws:kafka") -> dict[str, Any]:
    return {
        "eventSource": source,
        "bootstrapServers": "b-1.demo.kafka.us-east-1.amazonaws.com:9092",
        "records": {
            f"photos-{n}": [
                {
                    "topic": "photos",
                    "partition": n,
                    "offset": 15,
                    "timestamp": 1545084650987,
                    "timestampType": "CREATE_TIME",
                    "key": "cmVjb3JkS2V5",
                    "value": base64.b64encode(
                        (body if isinstance(body, str) else json.dumps(body)).encode()
                    ).decode(),
                    "headers": [{"traceparent": list(TRACE.encode())}],
                }
            ]
            for n, body in enumerate(bodies)
        },
    }


def cmq(body: object) -> dict[str, Any]:
    return {
        "Records": [
            {
                "CMQ": {
                    "type": "topic",
                    "topicOwner": 12014223,
                    "topicName": "photos",
                    "subscriptionName": "vindrop",
                    "publishTime": "1970-01-01T00:00:00.000Z",
                    "msgId": "123345346",
                    "requestId": "123345346",
                    "msgBody": body if isinstance(body, str) else json.dumps(body),
                    "msgTag": "tag1,tag2",
                }
            }
        ]
    }


def eventbridge_aws(key: str = "vin/a.jpg") -> dict[str, Any]:
    """The same object as `s3`: EventBridge does not encode the key."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-22T10:00:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:s3:::photos"],
        "detail": {
            "version": "0",
            "bucket": {"name": "photos"},
            "object": {
                "key": key,
                "size": 1029,
                "etag": "d41d8cd98f00b204e9800998ecf8427e",
                "sequencer": "0055AED6DCD90281E5",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def cloudevent(data: object, **fields: object) -> dict[str, Any]:
    """Tencent EventBridge's envelope."""
    return {
        "specversion": "1.0",
        "id": "13a3f42d-7258-4ada-da6d-023a333b4662",
        "type": "cos:created:object",
        "source": "cos.cloud.tencent",
        "subject": "qcs::cos:ap-guangzhou:uid1250000000:photos",
        "time": "1615430559146",
        "region": "ap-guangzhou",
        "datacontenttype": "application/json;charset=utf-8",
        "data": data,
        **fields,
    }


def timer(message: object = "") -> dict[str, Any]:
    return {
        "Type": "Timer",
        "TriggerName": "EveryDay",
        "Time": "2019-02-21T11:49:00Z",
        "Message": message if isinstance(message, str) else json.dumps(message),
    }


def scf_failure(event: object) -> dict[str, Any]:
    return {
        "RequestId": "b615b896-d197-47d7-8919-xxx",
        "ErrorCode": -1,
        "ErrorMessage": "Traceback …",
        "Body": {"FunctionName": "upload", "ClientContext": json.dumps(event), "RetryNum": 2},
    }


def lambda_failure(event: object) -> dict[str, Any]:
    return {
        "version": "1.0",
        "timestamp": "2026-11-22T10:00:00.000Z",
        "requestContext": {"requestId": "x", "condition": "RetriesExhausted"},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "…"},
    }
