"""Events inside messages inside messages: the same object comes out, and each message keeps its receipt."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.triggers import payloads as p
from vindrop.domain.arrivals import Ignored, Malformed
from vindrop.domain.upload import Upload
from vindrop.triggers import UnknownEventError, read

COS, S3 = read(p.cos()).arrivals[0], read(p.s3()).arrivals[0]
KEYS = [
    "a b.jpg",
    "a+b.jpg",
    "100%.jpg",
    "a%20b.jpg",
    "车架号/照片.jpg",
    "📷.jpg",
    "/leading.jpg",
    "x" * 850,
]


@pytest.mark.parametrize(
    ("payload", "source", "expected"),
    [
        (p.sqs(p.s3()), "sqs", S3),
        (p.sns(p.s3()), "sns", S3),
        (p.sqs(p.notification(p.s3())), "sqs", S3),
        (p.sqs(p.eventbridge_aws()), "sqs", S3),
        (p.sqs(p.notification(p.eventbridge_aws())), "sqs", S3),
        (p.eventbridge_aws(), "eventbridge_aws", S3),
        (p.msk(p.s3()), "msk", S3),
        (p.msk(p.s3(), source="SelfManagedKafka"), "msk", S3),
        (p.lambda_failure(p.sqs(p.s3())), "lambda_failure", S3),
        ([p.eventbridge_aws()], "list", S3),
        (p.sqs(p.s3())["Records"], "list", S3),
        (p.msk(p.s3())["records"]["photos-0"], "list", None),
        (p.ckafka(p.cos()), "ckafka", COS),
        (p.ckafka(p.cos(), spelling="partition"), "ckafka", COS),
        (p.ckafka(json.dumps(json.dumps(p.cos()))), "ckafka", COS),
        (p.cmq(p.cos()), "cmq", COS),
        (p.timer(p.cos()), "timer", COS),
        (p.scf_failure(p.cos()), "scf_failure", COS),
        (p.cloudevent(p.cos()), "eventbridge_tencent", COS),
        (p.cloudevent(p.cos()["Records"][0]), "eventbridge_tencent", COS),
        ({"EventList": [p.cloudevent(p.cos())]}, "eventbridge_tencent", COS),
        (
            p.cloudevent(
                {"msgBody": json.dumps(p.cos())},
                type="connector:ckafka",
                source="ckafka.cloud.tencent",
            ),
            "eventbridge_tencent",
            COS,
        ),
    ],
)
def test_the_object_comes_out_whole(payload: Any, source: str, expected: Upload | None) -> None:
    delivery = read(payload)
    assert delivery.source == source
    if expected is None:
        assert isinstance(delivery.arrivals[0], Malformed)  # no source named: whose is it?
        return
    assert delivery.arrivals == [expected]
    assert delivery.arrivals[0].id == expected.id  # type: ignore[union-attr]


@pytest.mark.parametrize("key", KEYS)
def test_keys_survive_on_every_way(key: str) -> None:
    for payload in (
        p.sqs(p.notification(p.s3(key))),
        p.eventbridge_aws(key),
        p.ckafka(p.cos(key)),
        p.msk(p.cos(key)),
        {"bucket": "b", "key": key, "region": "ap-guangzhou"},
    ):
        (arrival,) = read(payload).arrivals
        assert isinstance(arrival, Upload)
        assert arrival.key == key


def test_each_message_keeps_its_own_receipt() -> None:
    two = p.s3()
    two["Records"].append(p.s3("b.jpg")["Records"][0])
    delivery = read(p.sqs(p.s3(), "no JSON", p.notification(two), {"what": "is this"}))
    assert [(m.receipt, type(m.arrival)) for m in delivery.messages] == [
        ("m0", Upload),
        ("m1", Malformed),
        ("m2", Upload),
        ("m2", Upload),
        ("m3", Malformed),
    ]


def test_one_message_that_nobody_understands_is_a_dead_letter_with_a_reason() -> None:
    arrivals = read(p.ckafka("hello world", p.cos(), {"what": 1})).arrivals
    assert [type(a) for a in arrivals] == [Malformed, Upload, Malformed]
    assert isinstance(arrivals[0], Malformed)
    assert "not JSON" in arrivals[0].why
    assert isinstance(arrivals[2], Malformed)
    assert arrivals[2].code == "Vindrop.UnknownEvent"
    assert "what" in arrivals[2].why


def test_a_message_delivered_again_is_the_same_dead_letter() -> None:
    first, second = p.sqs("no JSON"), p.sqs("no JSON")
    second["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"
    second["Records"][0]["receiptHandle"] = "another"
    (one,), (two,) = read(first).arrivals, read(second).arrivals
    assert isinstance(one, Malformed)
    assert isinstance(two, Malformed)
    assert one.id == two.id


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (p.timer(), "sweep"),
        (p.timer("user define msg body"), "sweep"),
        ({**p.eventbridge_aws(), "detail-type": "Object Deleted"}, "no object was created"),
        (
            {**p.eventbridge_aws(), "detail-type": "Scheduled Event", "source": "aws.events"},
            "no object",
        ),
        (p.eventbridge_aws("folder/"), "folder"),
        (
            p.cloudevent({}, type="connector:apigw", source="apigw.cloud.tencent"),
            "neither from COS",
        ),
        (p.cloudevent({}, type="cos:removed:object"), "no object was created"),
        (p.cloudevent({}, type="vindrop.reading.v1", source="/tencent/x"), "neither from COS"),
        (p.ckafka(""), "empty"),
        (p.msk(""), "empty"),
        (p.sqs({"Event": "s3:TestEvent", "Bucket": "photos", "Service": "Amazon S3"}), "set up"),
    ],
)
def test_what_is_no_upload_is_ignored_with_its_reason(payload: Any, why: str) -> None:
    (arrival,) = read(payload).arrivals
    assert isinstance(arrival, Ignored)
    assert why in arrival.why


def without(payload: dict[str, Any], *path: Any) -> dict[str, Any]:
    changed = copy.deepcopy(payload)
    target = changed
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    return changed


@pytest.mark.parametrize(
    "payload",
    [
        without(p.sqs(p.s3()), "Records", 0, "body"),
        without(p.sns(p.s3()), "Records", 0, "Sns", "Message"),
        without(p.cmq(p.cos()), "Records", 0, "CMQ", "msgBody"),
        without(p.eventbridge_aws(), "detail", "object", "key"),
        p.cloudevent({}),
        p.cloudevent("text"),
        {**p.msk("x"), "records": {"t-0": [{"value": "%%%"}]}},
        {**p.msk("x"), "records": {"t-0": [None]}, "eventSource": "aws:kafka"},
        {"bucket": "b", "key": "k"},
        {"bucket": "b", "key": "k", "region": "ap-guangzhou", "cloud": "http"},
    ],
)
def test_a_message_that_names_no_object_is_malformed_not_lost(payload: Any) -> None:
    (arrival,) = read(payload).arrivals
    assert isinstance(arrival, (Malformed, Ignored))
    assert arrival.why


def test_two_that_recognise_a_payload_are_an_error_that_names_both() -> None:
    both = p.cos()
    both["Records"][0] |= p.s3()["Records"][0]
    with pytest.raises(UnknownEventError, match="cos and s3"):
        read(both)


def test_envelopes_without_end_are_an_error_not_a_crash() -> None:
    event: Any = p.cos()
    for _ in range(12):
        event = p.timer(event)
    (arrival,) = read(event).arrivals
    assert isinstance(arrival, Malformed)
    assert "deep" in arrival.why
    bottomless: Any = {}
    for _ in range(100_000):
        bottomless = [bottomless]
    assert isinstance(read(p.sqs("[" * 100_000)).arrivals[0], Malformed)
    with pytest.raises(UnknownEventError):
        read({"x": bottomless})


@pytest.mark.parametrize(
    ("payload", "cloud", "version"),
    [
        ({"bucket": "photos-1250000000", "key": "a.jpg", "region": "ap-guangzhou"}, "tencent", ""),
        ({"bucket": "photos", "key": "a.jpg", "region": "ap-beijing-1"}, "tencent", ""),
        ({"bucket": "photos-123456789012", "key": "a.jpg", "region": "us-east-1"}, "aws", ""),
        ({"bucket": "photos", "key": "a.jpg", "region": "us-gov-west-1"}, "aws", ""),
        ({"bucket": "b", "key": "a.jpg", "region": "ap-southeast-1", "version": "v"}, "aws", "v"),
        (
            {
                "ObjectInfo": {
                    "BucketId": "b-1250000000",
                    "Region": "ap-guangzhou",
                    "Object": "a.jpg",
                }
            },
            "tencent",
            "",
        ),
        (
            {"Bucket": "b", "Key": "a.jpg", "Region": "eu-west-1", "Etag": '"0abc"', "Size": 7},
            "aws",
            "0abc",
        ),
    ],
)
def test_an_object_named_plainly(payload: Any, cloud: str, version: str) -> None:
    (arrival,) = read(payload).arrivals
    assert isinstance(arrival, Upload)
    assert (arrival.cloud, arrival.key, arrival.version) == (cloud, "a.jpg", version)


TRIGGERS = {
    "ckafka_captured_golib": Malformed,  # "hello world"
    "ckafka_doc": Malformed,
    "cmq_topic_captured_golib": Malformed,
    "cmq_topic_doc": Malformed,
    "cos_multipart_swift": Upload,
    "cos_object_created_captured_golib": Upload,
    "cos_object_created_doc": Upload,
    "cos_object_created_post_scfcli": Upload,
    "cos_workflow_objectinfo": Upload,
    "eventbridge_batch_doc": Ignored,
    "eventbridge_single_cos_doc": Malformed,  # its data is empty
    "scf_dlq_message_doc": Ignored,  # a timer's
    "timer_doc": Ignored,
}


def test_every_payload_that_was_captured_or_documented(shared: Path) -> None:
    for path in sorted((shared / "events").glob("*.json")):
        payload = json.loads(path.read_text())
        expected = TRIGGERS.get(path.stem)
        if expected is None:  # an HTTP request, an answer, a context: none of an upload's
            with pytest.raises(UnknownEventError, match="its fields: "):
                read(payload)
            continue
        arrivals = read(payload).arrivals
        assert arrivals, path.stem
        for arrival in arrivals:
            assert isinstance(arrival, expected), path.stem
            assert isinstance(arrival, Upload) or arrival.why
