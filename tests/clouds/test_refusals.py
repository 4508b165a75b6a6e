"""A bucket says why it refuses: its own reason is kept, and decides what becomes of the upload."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tests.clouds.bucket import FakeBucket
from vindrop.clouds.refusals import BODY_BYTES
from vindrop.domain import error_codes as codes
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.upload import BucketCloud

CLOUDS = get_args(BucketCloud)


@pytest.fixture(params=CLOUDS)
def bucket(request: pytest.FixtureRequest) -> Any:
    with FakeBucket(request.param) as server:
        yield server


def error(code: str, message: str = "No.", more: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
        f"<Message>{message}</Message>{more}<RequestId>R</RequestId></Error>"
    ).encode()


def refusal(bucket: FakeBucket, status: int, body: bytes, **headers: str) -> Failure:
    """What each way of asking makes of it; they agree."""
    bucket.refuses = (status, body, {n.replace("_", "-"): v for n, v in headers.items()})
    store, upload, found = bucket.store(), bucket.upload("in/a.jpg"), []
    for ask in (store.peek, store.fetch, store.stat):
        with pytest.raises(FailureError) as caught:
            ask(upload)
        found.append(caught.value.failure)
    assert found[0] == found[1] == found[2]
    return found[0]


TABLE = [
    (403, "InvalidObjectState", "Not for the access tier", codes.OBJECT_ARCHIVED, "restore it"),
    (403, "RequestTimeTooSkewed", "", codes.STORAGE_CLOCK_SKEWED, "set the clock"),
    (403, "RequestExpired", "", codes.STORAGE_CLOCK_SKEWED, "set the clock"),
    (403, "RequestIsExpired", "", codes.STORAGE_CLOCK_SKEWED, "set the clock"),
    (403, "AccountProblem", "", codes.OBJECT_FORBIDDEN, "in arrears"),
    (403, "AllAccessDisabled", "", codes.OBJECT_FORBIDDEN, "in arrears"),
    (403, "UserDisable", "", codes.OBJECT_FORBIDDEN, "in arrears"),
    (403, "AccessDenied", "Request has expired", codes.STORAGE_CLOCK_SKEWED, "set the clock"),
    (400, "ExpiredToken", "The provided token has expired", codes.STORAGE_TOKEN_EXPIRED, "key"),
    (400, "InvalidToken", "", codes.STORAGE_TOKEN_EXPIRED, "temporary key"),
    (400, "TokenRefreshRequired", "", codes.STORAGE_TOKEN_EXPIRED, "temporary key"),
    (403, "AccessDenied", "The token has expired", codes.STORAGE_TOKEN_EXPIRED, "temporary key"),
    (
        403,
        "AccessDenied",
        "not authorized to perform: kms:Decrypt",
        codes.STORAGE_KEY_DENIED,
        "kms",
    ),
    (400, "KMS.DisabledException", "", codes.STORAGE_KEY_DENIED, "kms:Decrypt"),
    (400, "KMS.NotFoundException", "", codes.STORAGE_KEY_DENIED, "kms:Decrypt"),
    (403, "KmsAccessDenied", "", codes.STORAGE_KEY_DENIED, "kms:Decrypt"),
    (400, "InvalidRequest", "a form of Server Side Encryption", codes.STORAGE_KEY_DENIED, "key"),
    (301, "PermanentRedirect", "use the endpoint", codes.WRONG_REGION, "name the right one"),
    (400, "AuthorizationHeaderMalformed", "the region 'a' is wrong", codes.WRONG_REGION, "region"),
    (400, "AuthorizationHeaderMalformed", "no Credential", codes.BAD_SIGNATURE, "signature"),
    (403, "SignatureDoesNotMatch", "", codes.BAD_SIGNATURE, "secret key"),
    (403, "InvalidAccessKeyId", "", codes.BAD_SIGNATURE, "does not know the key"),
    (404, "NoSuchBucket", "", codes.BUCKET_MISSING, "there is no bucket"),
    (404, "NoSuchKey", "", codes.OBJECT_MISSING, "no longer in the bucket"),
    (404, "NoSuchVersion", "", codes.OBJECT_MISSING, "version"),
    (412, "PreconditionFailed", "", codes.SUPERSEDED, "the later event reads it"),
    (403, "AccessDenied", "Access Denied", codes.OBJECT_FORBIDDEN, "may not read"),
    (307, "TemporaryRedirect", "", codes.STORAGE_UNAVAILABLE, "now"),
    (503, "SlowDown", "", codes.STORAGE_UNAVAILABLE, "now"),
    (500, "InternalError", "", codes.STORAGE_UNAVAILABLE, "now"),
    (451, "UnavailableForLegalReasons", "arrears", codes.STORAGE_UNAVAILABLE, "now"),
    (400, "NobodyKnowsThis", "", codes.OBJECT_FORBIDDEN, "may not read"),
]


@pytest.mark.parametrize(("status", "said", "message", "code", "sentence"), TABLE)
def test_the_reason_decides_and_stands_in_the_message(
    bucket: FakeBucket, status: int, said: str, message: str, code: str, sentence: str
) -> None:
    found = refusal(bucket, status, error(said, message))
    assert found.code == code
    assert sentence in found.message
    assert found.message.endswith(f"({said}, status {status})")


def test_what_is_one_instances_fault_uses_no_attempt() -> None:
    for code in (codes.STORAGE_CLOCK_SKEWED, codes.STORAGE_TOKEN_EXPIRED):
        assert not codes.rule(code).uses_attempt
        assert not codes.rule(code).retry_in_run


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (error("PermanentRedirect"), {"x_amz_bucket_region": "eu-west-1"}),
        (error("PermanentRedirect", more="<Region>eu-west-1</Region>"), {}),
        (error("AuthorizationHeaderMalformed", "the region is wrong; expecting 'eu-west-1'"), {}),
    ],
)
def test_the_right_region_is_named(bucket: FakeBucket, body: bytes, headers: Any) -> None:
    assert "(eu-west-1)" in refusal(bucket, 400, body, **headers).message


@pytest.mark.parametrize(
    "region", ["x" * 400, "a\u202eb", "evil.example/?q-signature=PLANTED", "<b>", "&#0;", "A B"]
)
def test_a_region_that_is_none_is_not_repeated(bucket: FakeBucket, region: str) -> None:
    body = error("PermanentRedirect", more=f"<Region>{region}</Region>")
    assert "another region, not in" in refusal(bucket, 301, body).message


PAGE = b"<html><body><h1>404 page not found</h1></body></html>"


@pytest.mark.parametrize("status", [200, 404, 410, 412, 416])
@pytest.mark.parametrize("body", [b"", PAGE, b"default backend - 404", b"{}"])
def test_a_page_of_a_proxy_ends_no_upload(bucket: FakeBucket, status: int, body: bytes) -> None:
    """While a gateway is set up anew, it answers for the bucket behind it."""
    bucket.is_a_proxy = True
    found = refusal(bucket, status, body)
    assert found.code == codes.STORAGE_UNAVAILABLE
    assert "is not the bucket" in found.message
    bucket.is_a_proxy = False
    if status in {404, 410}:  # to HEAD a store gives no reason
        assert refusal(bucket, status, b"").code == codes.OBJECT_MISSING


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE e [<!ENTITY a "Z"><!ENTITY b "&a;&a;&a;&a;&a;">'
    b'<!ENTITY f SYSTEM "file:///etc/hostname">]><Error><Code>&b;&f;</Code></Error>'
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not XML at all",
        b"<Error><Code>",
        b"<Code></Code>",
        BOMB,
        "<Code>\u0000\u001b[31m\u202e</Code>".encode(),
        error("Z" * 5000),
        error("<Code>Nested</Code>"),
        b"\xff\xfe<\0E\0r\0r\0o\0r\0>\0",
        b"<Code>" * 100_000,
        b"<Code>" + b"Q" * 3_000_000 + b"</Code>",
        b"<a" * 1_500_000,
    ],
)
def test_a_body_that_says_nothing_sensible_is_held_to_the_status(
    bucket: FakeBucket, body: bytes
) -> None:
    found = refusal(bucket, 403, body)
    assert found.code == codes.OBJECT_FORBIDDEN
    assert len(found.message) < 400
    assert found.message.isprintable()
    assert not {"Z" * 6, "\x1b", "/etc"} & set(found.message)


def test_no_more_of_a_body_is_read_than_a_sentence_needs(bucket: FakeBucket) -> None:
    body = error("SignatureDoesNotMatch") + b"<x>" * 1_000_000
    assert refusal(bucket, 403, body).code == codes.BAD_SIGNATURE
    late = b" " * BODY_BYTES + error("SignatureDoesNotMatch")
    assert refusal(bucket, 403, late).code == codes.OBJECT_FORBIDDEN


@pytest.mark.parametrize(
    ("status", "said", "code", "sentence"),
    [
        (403, "AccessDenied", codes.OBJECT_FORBIDDEN, "may not be listed"),
        (404, "NoSuchBucket", codes.BUCKET_MISSING, "there is no bucket"),
        (301, "PermanentRedirect", codes.WRONG_REGION, "another region"),
        (403, "RequestTimeTooSkewed", codes.STORAGE_CLOCK_SKEWED, "clock"),
    ],
)
def test_a_listing_says_why_too(
    bucket: FakeBucket, status: int, said: str, code: str, sentence: str
) -> None:
    bucket.refuses = (status, error(said), {})
    with pytest.raises(FailureError, match=sentence) as caught:
        list(bucket.store().pages(*bucket_place(bucket), ""))
    assert caught.value.failure.code == code
    assert len(bucket.targets) == 1


def bucket_place(bucket: FakeBucket) -> tuple[str, str]:
    upload = bucket.upload("x")
    return upload.bucket, upload.region
