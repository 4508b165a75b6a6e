"""Events of Alibaba OSS, as its documentation has them: the right object, once, under its own name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from vindrop.domain.arrivals import Ignored, Malformed
from vindrop.domain.upload import Upload
from vindrop.triggers import UnknownEventError, read

ETAG = "688A7BF4F233DC9C88A80BF985AB7329"
REQUEST = "58F9FF2D3DF792092E12044C"


def event(key: str = "source/a.png", **changes: Any) -> dict[str, Any]:
    """The event of Function Compute's documentation; ``changes`` are ``a__b=value``, None deletes."""
    found: dict[str, Any] = {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "eventTime": "2022-08-13T06:45:43.000Z",
        "eventVersion": "1.0",
        "oss": {
            "bucket": {
                "arn": "acs:oss:cn-hangzhou:123456789:testbucket",
                "name": "testbucket",
                "ownerIdentity": "164901546557",
            },
            "object": {"deltaSize": 122539, "eTag": ETAG, "key": key, "size": 122539},
            "ossSchemaVersion": "1.0",
            "ruleId": "9adac8e253828f4f7c0466d941fa3db81161",
        },
        "region": "cn-hangzhou",
        "requestParameters": {"sourceIPAddress": "140.205.0.1"},
        "responseElements": {"requestId": REQUEST},
        "userIdentity": {"principalId": "164901546557"},
    }
    for path, value in changes.items():
        target = found
        *parents, last = path.split("__")
        for parent in parents:
            target = target[parent]
        if value is None:
            del target[last]
        else:
            target[last] = value
    return {"events": [found]}


def only(payload: dict[str, Any]) -> Any:
    delivery = read(payload)
    assert delivery.source == "oss"
    (arrival,) = delivery.arrivals
    return arrival


def test_the_documented_event_is_its_upload() -> None:
    upload = only(event())
    assert isinstance(upload, Upload)
    assert (upload.cloud, upload.bucket, upload.region, upload.key) == (
        "alibaba",
        "testbucket",
        "cn-hangzhou",
        "source/a.png",
    )
    assert (upload.size, upload.version) == (122539, f"{ETAG}+{REQUEST}")
    assert upload.uploaded_at is not None
    assert upload.uploaded_at.isoformat() == "2022-08-13T06:45:43+00:00"


@pytest.mark.parametrize("key", ["a b.jpg", "a+b.jpg", "100%.jpg", "a%20b.jpg", "车架号/照片.jpg"])
def test_a_key_is_taken_as_it_stands(key: str) -> None:
    assert only(event(key)).key == key


@pytest.mark.parametrize(
    "name",
    [
        "ObjectCreated:PostObject",
        "ObjectCreated:CopyObject",
        "ObjectCreated:CompleteMultipartUpload",
        "oss:ObjectCreated:AppendObject",
    ],
)
def test_every_way_to_create_an_object_brings_it(name: str) -> None:
    assert isinstance(only(event(eventName=name)), Upload)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (event(eventName="ObjectRemoved:DeleteObject"), "no object was created"),
        (event(eventName="ObjectCreated:UploadPart"), "no object was created"),
        (event(eventName="ObjectDownloaded:GetObject"), "no object was created"),
        (event("folder/"), "a folder marker"),
    ],
)
def test_what_brings_no_object_is_ignored(payload: dict[str, Any], why: str) -> None:
    arrival = only(payload)
    assert isinstance(arrival, Ignored)
    assert arrival.why == why


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"oss__object__key": None}, "oss.object.key"),
        ({"oss__bucket__name": ""}, "oss.bucket.name"),
        ({"region": None}, "region"),
        ({"region": "x.evil.example/"}, "region"),
        ({"oss__object__key": "x" * 1025}, "key"),
        ({"oss": "PLANTED"}, "oss"),
        ({"oss__object__key": "a\0.jpg"}, "key"),
    ],
)
def test_an_event_that_names_no_object_is_one_malformed_arrival(
    changes: dict[str, Any], field: str
) -> None:
    payload = event(**changes)
    good = event("b.jpg")["events"][0]
    first, second = read({"events": [payload["events"][0], good]}).arrivals
    assert isinstance(first, Malformed)
    assert first.why.startswith(field)
    assert "PLANTED" not in first.why
    assert isinstance(second, Upload)
    assert read(payload).arrivals == [first]  # the same again is the same dead letter


def test_a_redelivery_is_the_same_upload_and_a_new_put_is_not() -> None:
    first, again = only(event()), only(copy.deepcopy(event()))
    new = only(event(responseElements__requestId="5D08884070BC12B192C65CDF"))
    assert first.id == again.id
    assert first.id != new.id


def test_events_of_another_source_are_not_taken_for_oss() -> None:
    with pytest.raises(UnknownEventError):
        read(event(eventSource="acs:mns"))
    with pytest.raises(UnknownEventError):
        read({"events": []})
