"""No message chooses the host of a signed request: every field, of every cloud, by every way in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.clouds.bucket import KEYS
from tests.http import events as gateways
from tests.triggers import payloads as p
from vindrop import http
from vindrop import settings as settings_module
from vindrop.clouds import http_store
from vindrop.core.app import App
from vindrop.core.delivery import Delivery
from vindrop.core.invocation import Invocation
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.records import DeadLetter
from vindrop.settings import SettingsError
from vindrop.triggers import step, upload_function
from vindrop.wiring import build

COS, REGION = "photos-1250000000", "ap-guangzhou"
MEANT = {
    f"{COS}.cos.{REGION}.myqcloud.com",
    "photos.s3.eu-central-1.amazonaws.com",
    "photos.oss-cn-hangzhou.aliyuncs.com",
}
HOSTILE = [
    "x.evil.example/", "x.evil.example", "evil.example#", "evil.example?x=", "evil.example\\",
    "169.254.0.23/latest/meta-data/?", "a@127.0.0.1:8443/", "127.0.0.1:80", "[::1]", "localhost",
    "photos:secret@evil.example", "//evil.example/", "..", "../..", ".", "-", "a/b", "a b", "a\tb",
    "a\r\nHost: evil.example", "a\nX: y", "%2e%2e%2f", "%00", "a\0", "\ud800", "ü", "а-1250000000",
    "evil.example\u3002com", "evil．example", "photos-1250000000.cos.ap-guangzhou.myqcloud.com.evil.example",
    "'; DROP TABLE readings; --", "${jndi:ldap://evil.example}", "*", "A", "x" * 5000, "é" * 600,
]  # fmt: skip
Way = Callable[[str], Any]


def changed(event: Any, *path: Any, value: object) -> Any:
    target = event
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    return event


def cos(*path: Any, **more: Any) -> Way:
    """A field of COS's event, without the URL that would be read first."""
    return lambda bad: changed(
        p.cos(cos__cosObject__url="", **more), "Records", 0, "cos", *path, value=bad
    )


def s3(*path: Any) -> Way:
    return lambda bad: changed(p.s3(), "Records", 0, *path, value=bad)


def oss(*path: Any) -> Way:
    return lambda bad: changed(p.oss(), "events", 0, *path, value=bad)


def bus(*path: Any) -> Way:
    return lambda bad: changed(p.eventbridge_aws(), *path, value=bad)


def plain(field: str, **given: str) -> Way:
    whole = {"bucket": COS, "key": "a.jpg", "region": REGION, **given}
    return lambda bad: {**whole, field: bad}


def in_sqs(way: Way) -> Way:
    return lambda bad: p.sqs(way(bad))


WAYS: dict[str, Way] = {
    "COS event, bucket": cos("cosBucket", "name"),
    "COS event, appid": cos("cosBucket", "appid"),
    "COS event, region": cos("cosBucket", "region"),
    "COS event, key": cos("cosObject", "key"),
    "COS event, version": cos("cosObject", "vid"),
    "COS event, version in meta": cos("cosObject", "meta", "x-cos-version-id"),
    "COS event, ETag": cos("cosObject", "meta", "etag"),
    "COS event, URL's bucket": lambda bad: p.cos(
        cos__cosObject__url=f"http://{bad}.cos.ap-guangzhou.myqcloud.com/a.jpg"
    ),
    "COS event, URL's region": lambda bad: p.cos(
        cos__cosObject__url=f"http://{COS}.cos.{bad}.myqcloud.com/a.jpg"
    ),
    "COS event, URL": lambda bad: p.cos(cos__cosObject__url=f"http://{bad}/a.jpg"),
    "COS event, URL's path": lambda bad: p.cos(
        cos__cosObject__url=f"http://{COS}.cos.{REGION}.myqcloud.com/{quote(bad, errors='replace')}"
    ),
    "EventBridge of Tencent": lambda bad: p.cloudevent(
        cos("cosBucket", "region")(bad)["Records"][0], region=bad
    ),
    "CKafka": lambda bad: p.ckafka(cos("cosBucket", "name")(bad)),
    "S3 event, bucket": s3("s3", "bucket", "name"),
    "S3 event, region": s3("awsRegion"),
    "S3 event, key": s3("s3", "object", "key"),
    "S3 event, version": s3("s3", "object", "versionId"),
    "S3 event, ETag": s3("s3", "object", "eTag"),
    "S3 event in SQS, region": in_sqs(s3("awsRegion")),
    "EventBridge, bucket": bus("detail", "bucket", "name"),
    "EventBridge, region": bus("region"),
    "EventBridge, key": bus("detail", "object", "key"),
    "EventBridge, version": bus("detail", "object", "version-id"),
    "OSS event, bucket": oss("oss", "bucket", "name"),
    "OSS event, region": oss("region"),
    "OSS event, key": oss("oss", "object", "key"),
    "OSS event, version": oss("oss", "object", "versionId"),
    "plain, bucket": plain("bucket"),
    "plain, region": plain("region"),
    "plain, key": plain("key"),
    "plain, cloud": plain("cloud"),
    "plain, version": plain("version"),
    "plain, bucket on S3": plain("bucket", region="eu-central-1"),
    "plain, region on S3": plain("region", cloud="aws", bucket="photos"),
    "plain, region on OSS": plain("region", cloud="alibaba", bucket="photos"),
    "plain in SQS, region": in_sqs(plain("region")),
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URL of each request that would leave; the answer is that the object is gone."""
    urls: list[str] = []

    def record(_session: object, _method: str, url: str, *_: object) -> Any:
        urls.append(url)
        raise FailureError(error_codes.OBJECT_MISSING, "the object is gone")

    monkeypatch.setattr(http_store, "send_exactly", record)
    return urls


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    monkeypatch.setattr(Delivery, "deliver", lambda _self, record, *_, **__: found.append(record))
    return found


@pytest.fixture
def own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENCENTCLOUD_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)


def an_app(**settings: str) -> App:
    given = {
        "VINDROP_LEDGER": "none",
        "VINDROP_RESULTS": "file:///dev/null",
        "VINDROP_DEAD_LETTERS": "file:///dev/null",
        "VINDROP_ALLOWED_BUCKETS": f"{COS} photos testbucket",
        "VINDROP_API_KEYS": "PLANTED-API-KEY",
        **settings,
    }
    return build(settings_module.load(given), KEYS)


def a_call() -> Invocation:
    return Invocation("local", "request-1", "test", 60.0)  # its time begins now


def assert_went_where_it_was_meant(asked: list[str], bad: str) -> None:
    for url in asked:
        split = urlsplit(url)
        assert split.scheme == "https"
        assert split.netloc in MEANT | {"testbucket.oss-cn-hangzhou.aliyuncs.com"}, bad
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url


def assert_one_clear_sentence(message: str, bad: str) -> None:
    assert message.isprintable()
    assert len(message) < 400
    assert "\n" not in message


@pytest.mark.parametrize("way", WAYS)
def test_an_event_never_does(
    way: str, asked: list[str], letters: list[DeadLetter], own_region: None
) -> None:
    app = an_app()
    for bad in HOSTILE:
        asked.clear()
        letters.clear()
        answer = upload_function.process(app, WAYS[way](bad), a_call())
        assert_went_where_it_was_meant(asked, bad)
        assert len(letters) == 1 or answer.get("ignored") == 1, (bad, answer)
        for letter in letters:
            assert_one_clear_sentence(letter.message, bad)
            assert letter.code in {
                error_codes.MALFORMED_EVENT,
                error_codes.BUCKET_NOT_ALLOWED,
                error_codes.OBJECT_MISSING,
            }, (bad, letter)


@pytest.mark.parametrize("field", ["bucket", "region", "key", "version", "cloud"])
def test_the_input_of_a_step_never_does(
    field: str, asked: list[str], letters: list[DeadLetter], own_region: None
) -> None:
    app = an_app()
    for bad in HOSTILE:
        asked.clear()
        if field == "key" and bad.endswith("/"):
            assert step.process(app, plain(field)(bad), a_call()) == {"ignored": "a folder marker"}
            continue
        with pytest.raises(step.StepError) as caught:
            step.process(app, plain(field)(bad), a_call())
        assert isinstance(caught.value, step.StepInputError | step.PhotoRejected), bad
        assert_went_where_it_was_meant(asked, bad)


@pytest.mark.parametrize("field", ["bucket", "region", "key", "version", "cloud"])
def test_the_body_of_a_request_never_does(
    field: str, asked: list[str], letters: list[DeadLetter], own_region: None
) -> None:
    app = an_app()
    headers = {"Content-Type": "application/json", "X-Api-Key": "PLANTED-API-KEY"}
    for bad in HOSTILE:
        asked.clear()
        body = json.dumps({"bucket": COS, "key": "a.jpg", "region": REGION, field: bad})
        event = gateways.GATEWAYS["aws_url"]("POST", "/v1/vin", headers, body)
        answer = http.process(event, a_call(), settings=lambda: app.settings, app=lambda: app)
        assert 400 <= answer["statusCode"] < 500, (bad, answer["body"])
        detail = json.loads(answer["body"]).get("detail", "")
        assert_one_clear_sentence(detail, bad)
        assert_went_where_it_was_meant(asked, bad)


@pytest.mark.parametrize(
    "name",
    [
        "VINDROP_ALLOWED_BUCKETS",
        "VINDROP_UPLOAD_BUCKET",
        "VINDROP_UPLOAD_REGION",
        "VINDROP_VINOCR_REGION",
    ],
)
def test_a_setting_never_does(name: str) -> None:
    for bad in HOSTILE:
        if set(bad) & set(" \t\r\n\0") or re.fullmatch(r"[a-z0-9][a-z0-9.-]+[a-z0-9]", bad):
            continue  # two words; a name that a bucket may have
        with pytest.raises(SettingsError, match=name) as caught:
            an_app(**{name: bad})
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "place", [f"{COS}@", f"{COS}@a.b", f"{COS}@a@b", "@ap-guangzhou", f"{COS}@A"]
)
def test_an_allowed_place_is_a_bucket_and_one_region(place: str) -> None:
    with pytest.raises(SettingsError, match="VINDROP_ALLOWED_BUCKETS"):
        an_app(VINDROP_ALLOWED_BUCKETS=place)


@pytest.mark.parametrize(
    ("allowed", "region", "code"),
    [
        (COS, "ap-beijing", error_codes.OBJECT_MISSING),
        (f"{COS}@{REGION}", REGION, error_codes.OBJECT_MISSING),
        (f"{COS}@{REGION}", "ap-beijing", error_codes.BUCKET_NOT_ALLOWED),
        (f"{COS}@ap-beijing,{COS}@{REGION}", REGION, error_codes.OBJECT_MISSING),
        (f"others-1250000000@{REGION}", REGION, error_codes.BUCKET_NOT_ALLOWED),
    ],
)
def test_the_list_takes_bucket_and_region_together(
    allowed: str, region: str, code: str, asked: list[str], letters: list[DeadLetter]
) -> None:
    app = an_app(VINDROP_ALLOWED_BUCKETS=allowed)
    upload_function.process(app, plain("region")(region), a_call())
    assert [letter.code for letter in letters] == [code]
    assert bool(asked) == (code == error_codes.OBJECT_MISSING)
