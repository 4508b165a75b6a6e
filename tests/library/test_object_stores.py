"""Object stores: a registry where an unknown cloud is an error, names that are checked, lists retried."""

from __future__ import annotations

import io
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
import requests
import urllib3

from tests import secrets
from vindrop import settings as settings_module
from vindrop.clouds import (
    STORES,
    Stores,
    cloud_of_region,
    own_cloud,
    own_region,
    store_classes,
    store_for,
)
from vindrop.clouds.listing import TRIES, parse_place
from vindrop.core.object_store import ObjectStores, UnknownCloudError
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud

KEYS = {**secrets.TENCENT_ROLE, **secrets.AWS, **secrets.OSS}
NAMES = [
    (
        "tencent",
        "photos-1250000000",
        "ap-guangzhou",
        "photos-1250000000.cos.ap-guangzhou.myqcloud.com",
    ),
    ("aws", "photos", "us-east-1", "photos.s3.us-east-1.amazonaws.com"),
    ("aws", "photos", "cn-north-1", "photos.s3.cn-north-1.amazonaws.com.cn"),
    ("aws", "my.photos", "us-east-1", "s3.us-east-1.amazonaws.com"),
    ("alibaba", "photos", "cn-hangzhou", "photos.oss-cn-hangzhou.aliyuncs.com"),
]


def stores(endpoint: str = "") -> ObjectStores:
    settings = settings_module.load(
        {
            "VINDROP_LEDGER": "none",
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_STORAGE_ENDPOINT": endpoint,
        }
    )
    return Stores(settings, KEYS)


def test_every_cloud_of_an_upload_has_a_store_and_no_store_is_without_one() -> None:
    assert set(STORES) == set(get_args(BucketCloud))
    assert [store.cloud for store in store_classes()] == list(STORES)
    assert len({store.scheme for store in store_classes()}) == len(STORES)


@pytest.mark.parametrize("cloud", ["azure", "", "AWS", "http"])
def test_an_unknown_cloud_is_an_error_and_never_some_other_cloud(cloud: Any) -> None:
    for ask in (store_for, stores().of, lambda cloud: own_region({}, cloud)):
        with pytest.raises(UnknownCloudError, match="takes tencent, aws, alibaba"):
            ask(cloud)


@pytest.mark.parametrize(("cloud", "bucket", "region", "host"), NAMES)
def test_the_host_of_a_bucket(cloud: str, bucket: str, region: str, host: str) -> None:
    url = store_for(cloud).object_url(bucket, region, "a b.jpg")
    assert urlsplit(url).netloc == host
    assert url.endswith("/a%20b.jpg")


@pytest.mark.parametrize("cloud", STORES)
@pytest.mark.parametrize(
    "bad",
    [
        "evil.example/x-1",
        "a@evil.example",
        "a#-1",
        "a?-1",
        "a\\-1",
        "A-1",
        "-a-1",
        "a..b",
        "a/../b",
        "",
        "ü-1",
        "a" * 300,
        "a-1\n",
    ],
)
def test_no_host_is_built_of_a_name_that_breaks_the_rules(cloud: str, bad: str) -> None:
    _, good, region, _ = next(each for each in NAMES if each[0] == cloud)
    for bucket, there in ((bad, region), (good, f"x.{bad}")):
        for endpoint in ("", "http://127.0.0.1:1"):
            with pytest.raises(FailureError) as caught:
                store_for(cloud).object_url(bucket, there, "a.jpg", endpoint)
            assert caught.value.failure.code == error_codes.MALFORMED_EVENT
            assert "evil" not in str(caught.value)


def test_each_cloud_names_buckets_its_own_way() -> None:
    fits = {
        name: [store.cloud for store in store_classes() if store.is_bucket(name)]
        for name in ("photos-1250000000", "photos", "my.photos", "192.168.0.1", "ab")
    }
    assert fits == {
        "photos-1250000000": ["tencent", "aws", "alibaba"],
        "photos": ["aws", "alibaba"],
        "my.photos": ["aws"],
        "192.168.0.1": [],
        "ab": [],
    }


def test_the_platform_says_cloud_and_region() -> None:
    assert [own_cloud(each) for each in ("scf", "lambda", "local")] == ["tencent", "aws", "tencent"]
    environment = {"AWS_REGION": "us-east-1", "FC_REGION": "cn-hangzhou"}
    assert own_region(environment) == "us-east-1"
    assert own_region(environment, "alibaba") == "cn-hangzhou"
    assert own_region(environment, "tencent") == ""


@pytest.mark.parametrize(
    ("region", "cloud"),
    [
        ("ap-guangzhou", "tencent"),
        ("ap-beijing-1", "tencent"),
        ("na-siliconvalley", "tencent"),
        ("us-east-1", "aws"),
        ("cn-north-1", "aws"),
        ("us-gov-west-1", "aws"),
        ("ap-southeast-1", "aws"),
        ("cn-hangzhou", "alibaba"),
        ("nowhere", "tencent"),
    ],
)
def test_a_region_says_its_cloud(region: str, cloud: str) -> None:
    assert cloud_of_region(region) == cloud


def test_a_place_for_people_says_its_cloud() -> None:
    assert parse_place("oss://photos/in/a") == ("alibaba", "photos", "in/a")
    assert parse_place("cos://photos-1250000000") == ("tencent", "photos-1250000000", "")


class Answers:
    """Plays a bucket that gives one answer after the other, the last for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    def mount(self, *_: Any) -> None:
        """Take an adapter, as a session does."""

    def send(self, _request: Any, **_: Any) -> Any:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body = answer
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
        return response


EMPTY = (200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
ONE = (
    200,
    b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%20b%2Bc+d.jpg</Key>"
    b'<ETag>"0A"</ETag><Size>7</Size><LastModified>2026-11-22T10:00:00.000Z</LastModified>'
    b"</Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, none of which is waited for."""
    found: list[float] = []
    monkeypatch.setattr("vindrop.core.retry.time.sleep", found.append)
    return found


def listed(monkeypatch: pytest.MonkeyPatch, bucket: Answers, cloud: BucketCloud = "tencent") -> Any:
    monkeypatch.setattr(requests, "Session", lambda: bucket)
    name, region = next((each[1], each[2]) for each in NAMES if each[0] == cloud)
    return list(stores().of(cloud).pages(name, region, ""))


@pytest.mark.parametrize("cloud", STORES)
def test_a_list_that_fails_for_a_while_is_asked_for_again_after_a_wait(
    monkeypatch: pytest.MonkeyPatch, waits: list[float], cloud: Any
) -> None:
    bucket = Answers(requests.ConnectionError(), (503, b""), (200, b"<ListBucketResult>"), EMPTY)
    assert listed(monkeypatch, bucket, cloud) == [[]]
    assert (bucket.asked, len(waits)) == (4, 3)


def test_a_list_that_keeps_failing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    bucket = Answers((503, b""))
    with pytest.raises(FailureError, match=r"cannot be listed \(status 503\)") as caught:
        listed(monkeypatch, bucket)
    assert caught.value.failure.code == error_codes.STORAGE_UNAVAILABLE
    assert (bucket.asked, len(waits)) == (TRIES, TRIES - 1)


def test_a_refused_list_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    bucket = Answers((403, b""))
    with pytest.raises(FailureError):
        listed(monkeypatch, bucket)
    assert (bucket.asked, waits) == (1, [])


@pytest.mark.parametrize(
    ("cloud", "key"),
    [("tencent", "a b+c+d.jpg"), ("aws", "a b+c d.jpg"), ("alibaba", "a b+c+d.jpg")],
)
def test_a_plus_sign_in_a_list_is_a_space_on_s3_only(
    monkeypatch: pytest.MonkeyPatch, cloud: Any, key: str
) -> None:
    ((upload,),) = listed(monkeypatch, Answers(ONE), cloud)
    assert (upload.cloud, upload.key, upload.version, upload.size) == (cloud, key, "0A", 7)
