"""Signed URLs, each held against the URL that the cloud's official client signs."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.config import Config
from qcloud_cos import CosConfig, CosS3Client

from tests import needs, secrets
from vindrop import settings as settings_module
from vindrop.clouds import Credentials, Stores, listing, store_for
from vindrop.domain.upload import BucketCloud, Upload

NOW = 1_794_052_800
KEYS = [
    "a.jpg",
    "车架号/a b+c.jpg",
    "100%?#&=~!'()*.jpg",
    "x" * 850,
    "x/../y//./z.jpg",
    "/lead.jpg",
]
BUCKETS: dict[str, tuple[str, str]] = {
    "tencent": ("photos-1250000000", "ap-guangzhou"),
    "aws": ("photos", "us-east-1"),
    "alibaba": ("photos", "cn-hangzhou"),
}
TOKENS = [None, "PLANTEDtoken/0000+0000=="]
LISTING = {"prefix": "in/a b+", "marker": "in/ü&=", "max-keys": "1000", "encoding-type": "url"}
SETTINGS = settings_module.load(
    {
        "VINDROP_LEDGER": "none",
        "VINDROP_RESULTS": "file:///dev/null",
        "VINDROP_DEAD_LETTERS": "file:///dev/null",
    }
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    moment = dt.datetime.fromtimestamp(NOW, dt.timezone.utc)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment)


def ours(
    cloud: BucketCloud,
    key: str,
    method: str,
    token: str | None,
    headers: dict[str, str] | None = None,
) -> str:
    bucket, region = BUCKETS[cloud]
    upload = Upload(cloud=cloud, bucket=bucket, region=region, key=key, version="v")
    keys = Credentials("AKIDPLANTEDid", "PLANTEDkey", token)
    return store_for(cloud).signed_url(upload, keys, seconds=600, method=method, headers=headers)


def parts(url: str) -> tuple[str, str, dict[str, str]]:
    split = urlsplit(url)
    return split.netloc, split.path, dict(parse_qsl(split.query, keep_blank_values=True))


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
@pytest.mark.parametrize("key", KEYS[:-1])  # that client drops a leading slash; COS keeps it
def test_cos_as_the_official_client_signs(key: str, method: str, token: str | None) -> None:
    client = CosS3Client(
        CosConfig(Region="ap-guangzhou", SecretId="AKIDPLANTEDid", SecretKey="PLANTEDkey")
    )
    parameters = {"x-cos-security-token": token} if token else {}
    theirs = client.get_presigned_url(
        BUCKETS["tencent"][0], key, method, Expired=600, Params=parameters, SignHost=True
    )
    theirs = theirs.replace(".%2F", "./")  # the same path on the wire: COS decodes it
    assert parts(ours("tencent", key, method, token)) == parts(theirs)


def s3_client(token: str | None) -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url="https://s3.us-east-1.amazonaws.com",
        aws_access_key_id="AKIDPLANTEDid",
        aws_secret_access_key="PLANTEDkey",
        aws_session_token=token,
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("key", KEYS)
def test_s3_as_the_official_client_signs(key: str, method: str, token: str | None) -> None:
    theirs = s3_client(token).generate_presigned_url(
        {"GET": "get_object", "HEAD": "head_object"}[method],
        Params={"Bucket": "photos", "Key": key},
        ExpiresIn=600,
    )
    assert parts(ours("aws", key, method, token)) == parts(theirs)


def oss() -> Any:
    return needs.module("alibabacloud_oss_v2", package="alibabacloud-oss-v2")


def sign_oss(
    method: str,
    url: str,
    bucket: str,
    key: str | None,
    token: str | None,
    seconds: int,
    headers: dict[str, str] | None = None,
) -> str:
    """Return what the official signer makes of an unsigned URL."""
    oss()
    from alibabacloud_oss_v2.signer import SignerV4
    from alibabacloud_oss_v2.types import Credentials as Keys
    from alibabacloud_oss_v2.types import HttpRequest, SigningContext

    moment = dt.datetime.fromtimestamp(NOW, dt.timezone.utc)
    request = HttpRequest(method, url, headers=headers)
    context = SigningContext(
        "oss",
        "cn-hangzhou",
        bucket,
        key,
        request,
        Keys("AKIDPLANTEDid", "PLANTEDkey", token),
        signing_time=moment,
    )
    context.additional_headers = {"content-length"} if headers else None
    context.auth_method_query = True
    context.expiration_time = moment + dt.timedelta(seconds=seconds)
    SignerV4().sign(context)
    return str(request.url)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
@pytest.mark.parametrize("key", KEYS)
def test_oss_as_the_official_signer_signs(key: str, method: str, token: str | None) -> None:
    url = ours("alibaba", key, method, token)
    theirs = sign_oss(method, url.partition("?")[0], "photos", key, token, 600)
    assert parts(url) == parts(theirs)


def test_oss_as_the_official_client_presigns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole client: host, path and query."""
    found = oss()
    config = found.config.load_default()
    config.region = "cn-hangzhou"
    config.credentials_provider = found.credentials.StaticCredentialsProvider(
        "AKIDPLANTEDid", "PLANTEDkey", TOKENS[1]
    )
    monkeypatch.undo()  # the client reads its own clock; ours then follows
    theirs = found.Client(config).presign(
        found.GetObjectRequest(bucket="photos", key=KEYS[1]), expires=dt.timedelta(seconds=600)
    )
    host, path, query = parts(theirs.url)
    moment = dt.datetime.strptime(query["x-oss-date"], "%Y%m%dT%H%M%SZ")
    stamp = moment.replace(tzinfo=dt.timezone.utc).timestamp()
    monkeypatch.setattr(time, "time", lambda: stamp)
    upload = Upload(
        cloud="alibaba", bucket="photos", region="cn-hangzhou", key=KEYS[1], version="v"
    )
    keys = Credentials("AKIDPLANTEDid", "PLANTEDkey", TOKENS[1])
    seconds = int(query["x-oss-expires"])
    url = store_for("alibaba").signed_url(upload, keys, seconds=seconds)
    assert parts(url) == (host, path, query)


def listing_url(cloud: BucketCloud, environment: dict[str, str]) -> str:
    bucket, region = BUCKETS[cloud]
    return listing.url(Stores(SETTINGS, environment).of(cloud), bucket, region, LISTING)


def test_listings_are_signed_as_the_official_clients_sign_them() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDPLANTEDid", "AWS_SECRET_ACCESS_KEY": "PLANTEDkey"}
    theirs = s3_client(None).generate_presigned_url(
        "list_objects",
        Params={
            "Bucket": "photos",
            "Prefix": LISTING["prefix"],
            "Marker": LISTING["marker"],
            "MaxKeys": 1000,
            "EncodingType": "url",
        },
        ExpiresIn=60,
    )
    assert parts(listing_url("aws", keys)) == parts(theirs)
    keys = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "AKIDPLANTEDid",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "PLANTEDkey",
    }
    url = listing_url("alibaba", keys)
    unsigned = url.partition("&x-oss-signature-version")[0]
    assert parts(url) == parts(sign_oss("GET", unsigned, "photos", "", None, 60))


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("length", [1, 12_345_678])
def test_a_signed_put_takes_that_type_and_that_many_bytes_only(
    length: int, token: str | None
) -> None:
    """As the official clients sign these headers."""
    headers = {"content-length": str(length), "content-type": "image/jpeg"}
    client = CosS3Client(
        CosConfig(Region="ap-guangzhou", SecretId="AKIDPLANTEDid", SecretKey="PLANTEDkey")
    )
    theirs = client.get_presigned_url(
        BUCKETS["tencent"][0],
        "a b.jpg",
        "PUT",
        Expired=600,
        Params={"x-cos-security-token": token} if token else {},
        Headers={"Content-Length": str(length), "Content-Type": "image/jpeg"},
        SignHost=True,
    )
    assert parts(ours("tencent", "a b.jpg", "PUT", token, headers)) == parts(theirs)
    theirs = s3_client(token).generate_presigned_url(
        "put_object",
        Params={
            "Bucket": "photos",
            "Key": "a b.jpg",
            "ContentLength": length,
            "ContentType": "image/jpeg",
        },
        ExpiresIn=600,
    )
    assert parts(ours("aws", "a b.jpg", "PUT", token, headers)) == parts(theirs)
    url = ours("alibaba", "a b.jpg", "PUT", token, headers)
    bare = url.partition("?")[0]
    assert parts(url) == parts(sign_oss("PUT", bare, "photos", "a b.jpg", token, 600, headers))


def test_a_url_is_never_shown_with_its_signature_by_mistake() -> None:
    """What the tests look for in every output knows the form of each cloud's signature."""
    for cloud in BUCKETS:
        url = ours(cloud, "a.jpg", "GET", "token/0000+0000==")  # type: ignore[arg-type]
        url = url.replace("PLANTED", "")
        assert {found.kind for found in secrets.find(url.encode())} & {
            "a signature of COS",
            "a signature of S3 or OSS",
        }
