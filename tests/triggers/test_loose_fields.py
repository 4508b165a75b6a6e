"""What is not needed to find the object refuses nothing; what cannot be found is named for what it is."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from tests.triggers import payloads as p
from tests.triggers.test_messages import without
from vindrop.domain.arrivals import Ignored, Malformed
from vindrop.domain.upload import Upload
from vindrop.triggers import UnknownEventError, read

ODD: list[Any] = [None, "", " ", "yesterday", -1, 0, 1e400, float("nan"), 10**400, True, [], {}, "\0", "\ud800"]  # fmt: skip
"""What a field may hold besides what it ought to."""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TENCENTCLOUD_REGION", "AWS_REGION", "FC_REGION", "TENCENTCLOUD_APPID"):
        monkeypatch.delenv(name, raising=False)


def only(payload: Any) -> Any:
    (arrival,) = read(payload).arrivals
    return arrival


def replaced(payload: Any, *path: Any, value: object) -> Any:
    target = payload
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    return payload


COS_FIELDS = [
    ("event",), ("event", "eventTime"), ("event", "requestParameters"), ("event", "eventVersion"),
    ("cos", "cosBucket", "region"),
    ("cos", "cosObject", "size"), ("cos", "cosObject", "meta"), ("cos", "cosObject", "vid"),
    ("cos", "cosBucket", "appid"), ("cos", "cosNotificationId"),
]  # fmt: skip
S3_FIELDS = [
    ("eventTime",), ("eventSource",), ("userIdentity",), ("s3", "object", "size"),
    ("s3", "object", "eTag"), ("s3", "object", "versionId"), ("s3", "object", "sequencer"),
]  # fmt: skip
OSS_FIELDS = [
    ("eventTime",), ("responseElements",), ("oss", "object", "size"), ("oss", "object", "eTag"),
    ("oss", "object", "versionId"),
]  # fmt: skip
BUS_FIELDS = [
    ("time",), ("account",), ("detail", "object", "size"), ("detail", "object", "etag"),
    ("detail", "object", "version-id"), ("detail", "object", "sequencer"), ("detail", "reason"),
]  # fmt: skip


PLAIN_FIELDS = [("version",), ("size",), ("reference",)]
NAMES = {
    "COS": (p.cos, ("Records", 0, "event", "eventName")),
    "S3": (p.s3, ("Records", 0, "eventName")),
    "OSS": (p.oss, ("events", 0, "eventName")),
}
NOT_TEXT: list[Any] = [each for each in ODD if not isinstance(each, str)]


def plain() -> dict[str, Any]:
    return {"bucket": "photos-1", "key": "a.jpg", "region": "ap-guangzhou"}


def events() -> list[tuple[str, Any, tuple[Any, ...]]]:
    return [
        *((f"COS {path}", p.cos, ("Records", 0, *path)) for path in COS_FIELDS),
        *((f"S3 {path}", p.s3, ("Records", 0, *path)) for path in S3_FIELDS),
        *((f"OSS {path}", p.oss, ("events", 0, *path)) for path in OSS_FIELDS),
        *((f"bus {path}", p.eventbridge_aws, path) for path in BUS_FIELDS),
        *((f"plain {path}", plain, path) for path in PLAIN_FIELDS),
    ]


@pytest.mark.parametrize(
    ("name", "build", "path"), events(), ids=lambda each: getattr(each, "__name__", str(each))[:40]
)
def test_a_field_that_is_not_needed_refuses_nothing(
    name: str, build: Any, path: tuple[Any, ...]
) -> None:
    good = only(build())
    for odd in ODD:
        found = only(replaced(build(), *path, value=odd))
        assert isinstance(found, Upload), (name, odd, found)
        where = (found.cloud, found.bucket, found.region, found.key)
        assert where == (good.cloud, good.bucket, good.region, good.key)
        found.to_json().encode()


@pytest.mark.parametrize("way", NAMES)
@pytest.mark.parametrize(
    "said", [*NOT_TEXT, "", " ", "\ufeff", "absent"], ids=lambda each: repr(each)[:20]
)
def test_an_event_without_a_name_tells_of_a_new_object(way: str, said: Any) -> None:
    """One that is looked for in vain is told of; one that is left out is lost."""
    build, path = NAMES[way]
    event = without(build(), *path) if said == "absent" else replaced(build(), *path, value=said)
    assert isinstance(only(event), Upload)


@pytest.mark.parametrize("said", NOT_TEXT, ids=lambda each: repr(each)[:20])
def test_a_cloud_that_is_no_text_is_told_by_the_region(said: Any) -> None:
    assert only({**plain(), "cloud": said}).cloud == "tencent"
    beside = read(p.sqs({**plain(), "cloud": said}, p.s3())).arrivals
    assert all(isinstance(each, Upload) for each in beside), beside


@pytest.mark.parametrize(
    ("cloud", "region", "meant"),
    [("COS", "ap-guangzhou", "tencent"), (" Tencent\n", "gz", "tencent"), ("s3", "us-east-1", "aws"),
     ("oss", "cn-hangzhou", "alibaba"), ("", "US-EAST-1", "aws"), (None, "GZ", "tencent")],
)  # fmt: skip
def test_clouds_and_regions_in_the_writings_of_people(
    cloud: str | None, region: str, meant: str
) -> None:
    found = only({**plain(), "cloud": cloud, "region": region})
    expected = {"gz": "ap-guangzhou"}.get(region.lower(), region.lower())
    assert (found.cloud, found.region) == (meant, expected)


def test_a_cloud_that_nobody_has_is_named() -> None:
    found = only({**plain(), "cloud": "azure"})
    assert isinstance(found, Malformed)
    assert found.why.startswith("cloud: takes tencent")


@pytest.mark.parametrize("host", ["accelerate.myqcloud.com", "accelerate-overseas.myqcloud.com"])
def test_the_host_of_global_acceleration_names_no_region(host: str) -> None:
    url = f"http://photos-1250000000.cos.{host}/vin/a.jpg"
    found = only(p.cos(cos__cosObject__url=url, cos__cosBucket__region="gz"))
    assert (found.region, found.key) == ("ap-guangzhou", "vin/a.jpg")


@pytest.mark.parametrize("around", ["\ufeff{}", " \r\n{}\0\n", "\u200b{}"])
def test_a_body_as_editors_and_scripts_write_it(around: str) -> None:
    assert isinstance(only(p.sqs(around.format(json.dumps(p.s3())))), Upload)
    twice = json.dumps(around.format(json.dumps(p.s3())))
    assert isinstance(only(p.sqs(twice)), Upload)


@pytest.mark.parametrize("odd", [None, {}, 5, "x", {"kinesis": {}}, "cos"])
def test_records_of_several_kinds_are_each_read_by_itself(odd: Any) -> None:
    """Lost with a stranger beside it, a photo would be lost for the stranger's fault."""
    stranger = p.cos()["Records"][0] if odd == "cos" else odd
    found = read({"Records": [*p.s3("one.jpg")["Records"], stranger, *p.s3("two.jpg")["Records"]]})
    keys = [each.key for each in found.arrivals if isinstance(each, Upload)]
    assert [key for key in keys if key != "vin/a.jpg"] == ["one.jpg", "two.jpg"]
    assert len(found.arrivals) == 3
    assert odd == "cos" or isinstance(found.arrivals[1], Malformed)


def test_what_no_trigger_takes_is_told_by_the_fields_of_its_record() -> None:
    with pytest.raises(UnknownEventError, match="of its record: eventSource, kinesis"):
        read({"Records": [{"kinesis": {"data": "e30="}, "eventSource": "aws:kinesis"}]})


def test_cloudtrails_log_of_calls_is_named() -> None:
    call = {"eventSource": "s3.amazonaws.com", "eventName": "PutObject"}
    with pytest.raises(UnknownEventError, match="CloudTrail"):
        read({"Records": [{**call, "requestParameters": {"bucketName": "b", "key": "a.jpg"}}]})


@pytest.mark.parametrize(
    "when",
    [1545205770, "1545205770", 1545205770000, "1545205770000", 1545205770.0,
     "2018-12-19T07:49:30Z", "2018-12-19T07:49:30.000Z", "2018-12-19T15:49:30+08:00"],
)  # fmt: skip
@pytest.mark.parametrize("build", [p.cos, p.s3, p.oss, p.eventbridge_aws])
def test_a_time_in_any_writing_is_that_time(when: object, build: Any) -> None:
    path = {
        p.cos: ("Records", 0, "event", "eventTime"),
        p.s3: ("Records", 0, "eventTime"),
        p.oss: ("events", 0, "eventTime"),
        p.eventbridge_aws: ("time",),
    }[build]
    found = only(replaced(build(), *path, value=when))
    assert found.uploaded_at == dt.datetime(2018, 12, 19, 7, 49, 30, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    "name",
    ["cos: ObjectCreated: *", "cos:ObjectCreated:*", " cos : ObjectCreated : Put ", "COS:objectcreated:Put",
     "cos:ObjectCreated", "ObjectCreated:Put"],
)  # fmt: skip
def test_the_name_of_an_event_as_consoles_write_it(name: str) -> None:
    assert isinstance(only(p.cos(event__eventName=name)), Upload)
    assert isinstance(only(p.cos(event__eventName="cos: ObjectRemove: *")), Ignored)


@pytest.mark.parametrize(
    "appid", ["1250000000", 1250000000, 1250000000.0, " 1250000000 ", None, ""]
)
@pytest.mark.parametrize("bucket", ["photos", "photos-1250000000"])
@pytest.mark.parametrize("folder", ["photos", "photos-1250000000"])
@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("key", ["vin/a b+%.jpg", "1250000000/photos/a.jpg", "/lead.jpg"])
def test_the_folder_before_a_key_is_cut_in_every_shape(
    appid: object, bucket: str, folder: str, slash: str, key: str
) -> None:
    event = p.cos(
        cos__cosObject__url="",
        cos__cosObject__key=f"{slash}1250000000/{folder}/{key}",
        cos__cosBucket__appid=appid,
        cos__cosBucket__name=bucket,
    )
    found = only(event)
    assert (found.bucket, found.key) == ("photos-1250000000", key)
    if slash:
        named = {
            "bucket": found.bucket,
            "key": f"/1250000000/{folder}/{key}",
            "region": "ap-beijing",
        }
        assert only(named).key == key


def test_times_that_are_fractions_tell_two_uploads_apart() -> None:
    """Where no request id does: a number that is whole is the same in each of its writings."""

    def version(when: object) -> str | None:
        event = p.cos(event__eventTime=when, cos__cosObject__meta=None)
        found: Upload = only(event)
        return found.version

    assert len({version(when) for when in (1545205770, 1545205770.25, 1545205770.5)}) == 3
    assert version(1545205770.0) == version(1545205770) == version("1545205770")


REGION_OF: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "COS": (lambda: p.cos(cos__cosObject__url=""), ("Records", 0, "cos", "cosBucket", "region")),
    "S3": (p.s3, ("Records", 0, "awsRegion")),
    "OSS": (p.oss, ("events", 0, "region")),
    "EventBridge": (p.eventbridge_aws, ("region",)),
    "plain": (lambda: {"bucket": "photos-1250000000", "key": "a.jpg", "region": ""}, ("region",)),
    "ObjectInfo": (
        lambda: {"ObjectInfo": {"BucketId": "photos-1250000000", "Object": "a.jpg", "Region": ""}},
        ("ObjectInfo", "Region"),
    ),
}


@pytest.mark.parametrize("way", REGION_OF)
@pytest.mark.parametrize("said", ["", " ", None, "absent", 5, 5.5, [], {}, True])
@pytest.mark.parametrize("own", ["AWS_REGION", "TENCENTCLOUD_REGION"])
def test_a_region_that_is_not_said_is_the_functions_own(
    monkeypatch: pytest.MonkeyPatch, way: str, said: object, own: str
) -> None:
    here = {"AWS_REGION": "eu-west-3", "TENCENTCLOUD_REGION": "ap-chengdu"}[own]
    monkeypatch.setenv(own, here)
    build, path = REGION_OF[way]
    event = without(build(), *path) if said == "absent" else replaced(build(), *path, value=said)
    found = only(event)
    assert isinstance(found, Upload), found
    assert found.region == here
    if way in ("plain", "ObjectInfo"):
        assert found.cloud == {"AWS_REGION": "aws", "TENCENTCLOUD_REGION": "tencent"}[own]


def test_minios_own_event() -> None:
    record = p.s3("in/a b.jpg")["Records"][0] | {"eventSource": "minio:s3", "awsRegion": ""}
    record["eventName"] = "s3:ObjectCreated:Put"
    event = {"EventName": "s3:ObjectCreated:Put", "Key": "photos/in/a b.jpg", "Records": [record]}
    found = only(event)
    assert (found.bucket, found.region, found.key) == ("photos", "us-east-1", "in/a b.jpg")


@pytest.mark.parametrize("way", ["COS", "OSS", "plain", "ObjectInfo"])
@pytest.mark.parametrize("said", ["", 5, None, []])
def test_a_region_that_nobody_knows_is_asked_for_in_one_sentence(way: str, said: object) -> None:
    build, path = REGION_OF[way]
    found = only(replaced(build(), *path, value=said))
    assert isinstance(found, Malformed)
    assert "add the bucket's region" in found.why


def cloudtrail(name: str) -> dict[str, Any]:
    return {
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.s3",
        "region": "us-east-1",
        "detail": {
            "eventSource": "s3.amazonaws.com",
            "eventName": name,
            "requestParameters": {"bucketName": "photos", "key": "a.jpg"},
        },
    }


@pytest.mark.parametrize("name", ["PutObject", "CopyObject", "CompleteMultipartUpload"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_record_of_cloudtrail_is_a_dead_letter_that_says_so(name: str, wrapped: bool) -> None:
    event = cloudtrail(name)
    found = only(p.sqs(event) if wrapped else event)
    assert isinstance(found, Malformed)
    assert "CloudTrail" in found.why
    assert "Object Created" in found.why


@pytest.mark.parametrize("name", ["GetObject", "DeleteObject", "", None, 7])
def test_a_call_that_writes_nothing_is_ignored_with_its_reason(name: Any) -> None:
    found = only(cloudtrail(name))
    assert isinstance(found, Ignored)
    assert "CloudTrail" in found.why


@pytest.mark.parametrize(
    "pointer",
    ["software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer", ""],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [p.sqs, p.sns, lambda body: p.sqs(p.notification(body))])
def test_a_pointer_to_a_large_payload_is_one_dead_letter_that_says_so(
    pointer: str, wrap: Any
) -> None:
    place = {"s3BucketName": "big", "s3Key": "k"}
    found = only(wrap([pointer, place] if pointer else {"S3BucketName": "big", "s3Key": "k"}))
    assert isinstance(found, Malformed)
    assert "extended client" in found.why


@pytest.mark.parametrize(
    ("build", "version", "version_id", "etag"),
    [
        (lambda: p.s3(versionId="v1"), "v1", "v1", "d41d8cd98f00b204e9800998ecf8427e"),
        (lambda: p.s3(versionId="null"), "d41d8cd98f00b204e9800998ecf8427e+0055AED6DCD90281E5", "null", "d41d8cd98f00b204e9800998ecf8427e"),
        (p.s3, "d41d8cd98f00b204e9800998ecf8427e+0055AED6DCD90281E5", None, "d41d8cd98f00b204e9800998ecf8427e"),
        (lambda: p.cos(cos__cosObject__vid="MTg0NDUxNTc"), "cmVxdWVzdA==", "MTg0NDUxNTc", None),
        (lambda: p.cos(cos__cosObject__meta={"x-cos-version-id": "MTg0"}), "MTg0", "MTg0", None),
        (p.cos, "cmVxdWVzdA==", None, None),
    ],
)  # fmt: skip
def test_the_version_that_an_event_names(
    build: Any, version: str, version_id: str | None, etag: str | None
) -> None:
    """``version`` tells uploads apart, and is stored: it stays as it always was."""
    found = only(build())
    assert (found.version, found.version_id, found.etag) == (version, version_id, etag)


@pytest.mark.parametrize(
    ("region", "version", "version_id", "etag"),
    [
        ("us-east-1", "a" * 32, None, "a" * 32),
        ("us-east-1", '"' + "a" * 32 + '-7"', None, "a" * 32 + "-7"),
        ("us-east-1", "a" * 32 + "+00A1", None, "a" * 32),
        ("us-east-1", "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", None),
        ("ap-guangzhou", "MTg0NDUxNTc1NjIzMTQ1MDAwODg=", "MTg0NDUxNTc1NjIzMTQ1MDAwODg=", None),
        ("ap-guangzhou", "NWZkZjk2YzZfMTRhZDZhMDlfYjZhMl8xODI0", None, None),
        ("ap-guangzhou", "", None, None),
    ],
)  # fmt: skip
def test_a_version_written_by_hand_is_known_by_its_form(
    region: str, version: str, version_id: str | None, etag: str | None
) -> None:
    found = only({"bucket": "photos-1", "key": "a.jpg", "region": region, "version": version})
    assert (found.version_id, found.etag) == (version_id, etag)


def test_what_is_ignored_is_counted_and_its_reason_is_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tests.clouds.test_hosts import a_call, an_app
    from vindrop.triggers import upload_function

    removed = p.s3()
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    removed["Records"].append(p.s3("folder/")["Records"][0])
    answer = upload_function.process(an_app(), removed, a_call())
    assert (answer["uploads"], answer["malformed"], answer["ignored"]) == (0, 0, 2)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    reasons = [line["reason"] for line in lines if line["event"] == "ignored"]
    assert reasons == ["no object was created", "a folder marker"]
