"""S3 notifications: keys are form-encoded, versions tell two puts apart."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import pytest

from vindrop.domain.arrivals import Ignored, Malformed
from vindrop.triggers import read


def event(key: str = "vin/a.jpg", **found: Any) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventTime": "2026-11-22T10:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
                    "object": {
                        "key": quote_plus(key, safe="/"),
                        "size": 1029,
                        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                        "sequencer": "0055AED6DCD90281E5",
                        **found,
                    },
                },
            }
        ]
    }


def only(payload: dict[str, Any]) -> Any:
    delivery = read(payload)
    assert delivery.source == "s3"
    (arrival,) = delivery.arrivals
    return arrival


@pytest.mark.parametrize(
    "key", ["a b.jpg", "a+b.jpg", "100%.jpg", "车架号.jpg", "📷.jpg", "/lead.jpg"]
)
def test_keys_survive(key: str) -> None:
    upload = only(event(key))
    assert (upload.cloud, upload.bucket, upload.region, upload.key) == (
        "aws",
        "photos",
        "eu-central-1",
        key,
    )


def test_versions() -> None:
    assert only(event(versionId="v1")).id != only(event(versionId="v2")).id
    assert only(event()).version == "d41d8cd98f00b204e9800998ecf8427e+0055AED6DCD90281E5"
    assert only(event(versionId="null")).version == only(event()).version


def test_the_test_event_folder_markers_and_removals_are_ignored() -> None:
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "photos", "RequestId": "x"}
    assert isinstance(only(test), Ignored)
    assert isinstance(only(event("folder/")), Ignored)
    removed = event()
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    assert isinstance(only(removed), Ignored)


def test_a_record_without_a_key_is_malformed() -> None:
    payload = event()
    del payload["Records"][0]["s3"]["object"]["key"]
    found = only(payload)
    assert isinstance(found, Malformed)
    assert "s3.object.key" in found.why
