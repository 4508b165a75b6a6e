"""COS events, as captured and as documented: the right object, once, under its own name."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from vindrop.domain.arrivals import Ignored, Malformed
from vindrop.domain.upload import Upload
from vindrop.triggers import UnknownEventError, read


def event(**changes: Any) -> dict[str, Any]:
    """A COS event; ``key`` is the object's, the rest replaces fields."""
    key = changes.pop("key", "vin/a.jpg")
    record: dict[str, Any] = {
        "cos": {
            "cosSchemaVersion": "1.0",
            "cosObject": {
                "url": f"http://photos-1250000000.cos.ap-guangzhou.myqcloud.com/{quote(key)}",
                "meta": {"x-cos-request-id": "cmVxdWVzdA==", "Content-Type": "image/jpeg"},
                "vid": "",
                "key": f"/1250000000/photos/{key}",
                "size": 1029,
            },
            "cosBucket": {"region": "gz", "name": "photos", "appid": "1250000000"},
            "cosNotificationId": "unkown",
        },
        "event": {
            "eventName": "cos:ObjectCreated:Put",
            "eventVersion": "1.0",
            "eventTime": 1545205770,
            "eventSource": "qcs::cos",
            "requestParameters": {
                "requestSourceIP": "192.168.15.101",
                "requestHeaders": {"Authorization": "q-sign-algorithm=sha1&q-signature=PLANTED"},
            },
            "eventQueue": "qcs:0:scf:gz:appid/1250000000:default.f.$LATEST",
            "reservedInfo": "",
            "reqid": 179398952,
        },
    }
    for path, value in changes.items():
        target = record
        *parents, last = path.split("__")
        for parent in parents:
            target = target[parent]
        if value is None:
            del target[last]
        else:
            target[last] = value
    return {"Records": [record]}


def only(payload: dict[str, Any]) -> Any:
    delivery = read(payload)
    assert delivery.source == "cos"
    assert len(delivery.arrivals) == 1
    return delivery.arrivals[0]


@pytest.mark.parametrize(
    ("name", "bucket", "region", "key"),
    [
        ("cos_object_created_doc", "testpic-1253970026", "ap-chengdu", "testfile"),
        (
            "cos_object_created_captured_golib",
            "ritchiechen-cos-test-123456",
            "ap-beijing",
            "foobar.zip",
        ),
        ("cos_object_created_post_scfcli", "testpic-1253970026", "ap-guangzhou", "testfile"),
        ("cos_multipart_swift", "testpic-1253970026", "ap-chengdu", "testfile"),
    ],
)
def test_real_events(shared: Path, name: str, bucket: str, region: str, key: str) -> None:
    upload = only(json.loads((shared / "events" / f"{name}.json").read_text()))
    assert (upload.cloud, upload.bucket, upload.region, upload.key) == (
        "tencent",
        bucket,
        region,
        key,
    )


@pytest.mark.parametrize(
    "key",
    [
        "a b.jpg",
        "a+b.jpg",
        "100%.jpg",
        "a%20b.jpg",
        "车架号/照片.jpg",
        "📷.jpg",
        "/leading.jpg",
        "1250000000/photos/a.jpg",
        "/1250000000/photos/a.jpg",
        "a?b#c.jpg",
        "x" * 850,
    ],
)
def test_keys_survive(key: str) -> None:
    assert only(event(key=key)).key == key


def test_without_a_usable_url_the_fields_are_read() -> None:
    payload = event(key="a b+c.jpg", cos__cosObject__url="")
    upload = only(payload)
    assert (upload.bucket, upload.region, upload.key) == (
        "photos-1250000000",
        "ap-guangzhou",
        "a b+c.jpg",
    )


def test_the_old_form_of_host() -> None:
    url = "http://photos-1250000000.cosbj.myqcloud.com/a.jpg"
    assert only(event(cos__cosObject__url=url)).region == "ap-beijing"


def test_the_same_event_twice_is_the_same_upload_and_a_new_put_is_not() -> None:
    first, again = only(event()), only(copy.deepcopy(event()))
    new = only(event(cos__cosObject__meta={"x-cos-request-id": "b3RoZXI="}))
    assert first.id == again.id
    assert first.id != new.id
    assert len(first.id) == 64


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": "folder/"}, "folder"),
        ({"event__eventName": "cos:ObjectRemove:Delete"}, "no object was created"),
    ],
)
def test_what_is_no_upload_is_ignored_with_its_reason(changes: dict[str, Any], why: str) -> None:
    found = only(event(**changes))
    assert isinstance(found, Ignored)
    assert why in found.why


@pytest.mark.parametrize(
    "changes",
    [
        {"cos__cosObject__key": None},
        {"cos__cosObject": None},
        {"cos__cosBucket__name": None},
        {"cos__cosObject__url": "", "cos__cosBucket__region": "x.evil.example/"},
        {"key": "x" * 851},
    ],
)
def test_a_record_that_names_no_object_is_malformed_not_lost(changes: dict[str, Any]) -> None:
    found = only(event(**changes))
    assert isinstance(found, Malformed)
    assert "PLANTED" not in found.why
    assert found.id == only(event(**changes)).id


@pytest.mark.parametrize("name", ["cos:ObjectCreated:*", "cos:ObjectCreated:Copy"])
def test_pattern_and_concrete_event_names(name: str) -> None:
    assert isinstance(only(event(event__eventName=name)), Upload)


@pytest.mark.parametrize("payload", [{}, {"Records": []}, {"hello": 1}, [], "x", None])
def test_an_unknown_event_is_a_clear_error(payload: Any) -> None:
    with pytest.raises(UnknownEventError, match="event"):
        read(payload)
