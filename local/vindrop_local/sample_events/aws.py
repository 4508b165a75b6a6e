"""Amazon's events, as its developer guides show them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import quote_plus

from vindrop_local.sample_events.place import Place, as_json, records

_ACCOUNT = "123456789012"
_TIME = "2026-11-07T08:00:00.000Z"
_SEQUENCER = "0065F1A2B3C4D5E6F7"


def s3(place: Place) -> dict[str, Any]:
    """An S3 notification: its key is form-encoded."""
    return records(
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": place.region,
            "eventTime": _TIME,
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "EXAMPLE"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "photos",
                "bucket": {
                    "name": place.bucket,
                    "ownerIdentity": {"principalId": "EXAMPLE"},
                    "arn": f"arn:aws:s3:::{place.bucket}",
                },
                "object": {
                    "key": quote_plus(place.key, safe="/"),
                    "size": place.size,
                    "eTag": place.etag,
                    "sequencer": _SEQUENCER,
                },
            },
        }
    )


def eventbridge(place: Place) -> dict[str, Any]:
    """S3's event on EventBridge: its key is not encoded."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": _ACCOUNT,
        "time": "2026-11-07T08:00:00Z",
        "region": place.region,
        "resources": [f"arn:aws:s3:::{place.bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": place.bucket},
            "object": {
                "key": place.key,
                "size": place.size,
                "etag": place.etag,
                "sequencer": _SEQUENCER,
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": _ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }


def listing_item(place: Place) -> dict[str, Any]:
    """What the backfill's Map makes of an item of a listing."""
    return {
        "Bucket": place.bucket,
        "Region": place.region,
        "Key": place.key,
        "Etag": f'"{place.etag}"',
        "Size": place.size,
    }


def plain(place: Place) -> dict[str, Any]:
    """An object named plainly."""
    return {"bucket": place.bucket, "key": place.key, "region": place.region}


def sqs(event: Any) -> dict[str, Any]:
    """A batch of one message."""
    body = as_json(event)
    return records(
        {
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1794052800000",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1794052800010",
            },
            "messageAttributes": {},
            "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:{_ACCOUNT}:photos",
            "awsRegion": "us-east-1",
        }
    )


def notification(event: Any) -> dict[str, Any]:
    """What SNS puts into a queue."""
    return {
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": f"arn:aws:sns:us-east-1:{_ACCOUNT}:photos",
        "Subject": "Amazon S3 Notification",
        "Message": as_json(event),
        "Timestamp": _TIME,
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertURL": "EXAMPLE",
        "UnsubscribeURL": "EXAMPLE",
    }


def sns(event: Any) -> dict[str, Any]:
    """What SNS calls a function with."""
    return records(
        {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": f"arn:aws:sns:us-east-1:{_ACCOUNT}:photos:EXAMPLE",
            "Sns": {**notification(event), "MessageAttributes": {}},
        }
    )


def msk(event: Any) -> dict[str, Any]:
    """A message of a Kafka topic."""
    value = base64.b64encode(as_json(event).encode()).decode()
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": f"arn:aws:kafka:us-east-1:{_ACCOUNT}:cluster/photos/EXAMPLE",
        "bootstrapServers": "b-1.photos.example.kafka.us-east-1.amazonaws.com:9092",
        "records": {
            "photos-0": [
                {
                    "topic": "photos",
                    "partition": 0,
                    "offset": 15,
                    "timestamp": 1794052800000,
                    "timestampType": "CREATE_TIME",
                    "key": "cGhvdG8=",
                    "value": value,
                    "headers": [],
                }
            ]
        },
    }


def failure(event: Any) -> dict[str, Any]:
    """What Lambda sends to a function's on-failure destination."""
    return {
        "version": "1.0",
        "timestamp": _TIME,
        "requestContext": {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": f"arn:aws:lambda:us-east-1:{_ACCOUNT}:function:vindrop-upload:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "EXAMPLE", "errorType": "StoreError"},
    }
