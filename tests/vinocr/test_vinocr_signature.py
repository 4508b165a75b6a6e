"""Signatures: the published vectors, and every way to be almost right."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinocr.api import signature

# Published by Tencent Cloud (API 3.0, "Signature v3" and "Signature v1").
KEY = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
BODY = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
HEADERS = {
    "content-type": "application/json; charset=utf-8",
    "host": "cvm.tencentcloudapi.com",
    "x-tc-action": "DescribeInstances",
}
TIMESTAMP = 1551113065
SIGNED = "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
HEADER = (
    "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
    f"SignedHeaders=content-type;host, Signature={SIGNED}"
)


def holds(
    header: str = HEADER, key: str = KEY, timestamp: int = TIMESTAMP, **other: object
) -> bool:
    request = {
        "method": "POST",
        "raw_query": "",
        "headers": HEADERS,
        "body_hash": hashlib.sha256(BODY).hexdigest(),
        **other,
    }
    claim = signature.parse_authorization(header)
    return signature.tc3_is_valid(key, claim, timestamp, **request)  # type: ignore[arg-type]


def test_the_published_tc3_vector_step_by_step() -> None:
    body_hash = hashlib.sha256(BODY).hexdigest()
    assert body_hash == "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"
    signed = [(name, HEADERS[name]) for name in ("content-type", "host")]
    canonical = signature.canonical_request("POST", "", signed, body_hash)
    assert (
        hashlib.sha256(canonical.encode()).hexdigest()
        == "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031"
    )
    assert signature.utc_date(TIMESTAMP) == "2019-02-25"
    assert signature.tc3_signature(KEY, TIMESTAMP, "2019-02-25", "cvm", canonical) == SIGNED


def test_the_published_tc3_vector_as_a_request() -> None:
    assert holds()


def test_the_published_v1_vector() -> None:
    parameters = {
        "Action": "DescribeInstances",
        "InstanceIds.0": "ins-09dx96dg",
        "Limit": "20",
        "Nonce": "11886",
        "Offset": "0",
        "Region": "ap-guangzhou",
        "SecretId": "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
        "Timestamp": "1465185768",
        "Version": "2017-03-12",
    }
    host = "cvm.tencentcloudapi.com"
    to_sign = signature.v1_string_to_sign("GET", host, parameters)
    assert to_sign == (
        "GETcvm.tencentcloudapi.com/?Action=DescribeInstances&InstanceIds.0=ins-09dx96dg&Limit=20"
        "&Nonce=11886&Offset=0&Region=ap-guangzhou&SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
        "&Timestamp=1465185768&Version=2017-03-12"
    )
    expected = "EliP9YW3pW28FpsEdkXt/+WcGeI="
    assert signature.v1_signature(KEY, "HmacSHA1", to_sign) == expected
    given_too = {**parameters, "Signature": expected}  # is itself no part of what is signed
    assert signature.v1_is_valid(
        KEY, "HmacSHA1", expected, method="GET", host=host, parameters=given_too
    )
    for changed in ({"method": "POST"}, {"host": "ocr.tencentcloudapi.com"}):
        request = {"method": "GET", "host": host, "parameters": parameters, **changed}
        assert not signature.v1_is_valid(KEY, "HmacSHA1", expected, **request)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"key": KEY.lower()},
        {"timestamp": TIMESTAMP + 1},
        {"method": "GET"},
        {"raw_query": "a=1"},
        {"headers": {**HEADERS, "host": "ocr.tencentcloudapi.com"}},
        {"headers": {**HEADERS, "content-type": "application/json"}},
        {"headers": {"host": HEADERS["host"]}},
        {"body_hash": hashlib.sha256(BODY + b" ").hexdigest()},
        {"headers": {**HEADERS, "x-tc-content-sha256": "UNSIGNED-PAYLOAD"}},
        {"header": HEADER.replace("2019-02-25", "2019-02-26")},
        {"header": HEADER.replace("/cvm/", "/ocr/")},
        {"header": HEADER.replace("content-type;host", "content-type;host;x-tc-action")},
    ],
)
def test_anything_changed_breaks_it(changed: dict[str, str]) -> None:
    assert not holds(**changed)  # type: ignore[arg-type]


def test_lower_cased_header_values_as_the_documents_have_it() -> None:
    signed = [
        ("content-type", "multipart/form-data; boundary=abc"),
        ("host", "h"),
        ("x-tc-action", "vinocr"),
    ]
    canonical = signature.canonical_request("POST", "", signed, "00")
    made = signature.tc3_signature(KEY, TIMESTAMP, "2019-02-25", "ocr", canonical)
    header = HEADER.replace("/cvm/", "/ocr/").replace(SIGNED, made)
    header = header.replace("content-type;host", "content-type;host;x-tc-action")
    sent = {
        "content-type": "multipart/form-data; boundary=ABC",
        "host": "h",
        "x-tc-action": "VinOCR",
    }
    assert holds(header, headers=sent, body_hash="00")


def test_the_host_without_its_port_as_the_node_sdk_signs_it() -> None:
    sent = {**HEADERS, "host": HEADERS["host"] + ":8080"}
    assert holds(headers=sent)
    assert not holds(headers={**sent, "host": "ocr.tencentcloudapi.com:8080"})


@pytest.mark.parametrize(
    "header",
    [
        "",
        "SKIP",
        "Basic dXNlcjpwYXNz",
        "TC3-HMAC-SHA256",
        HEADER.replace("Credential=", "Credentials="),
        HEADER.replace("/tc3_request", ""),
        HEADER.replace("/tc3_request", "/tc4_request"),
        HEADER.replace("/cvm/", "//"),
        HEADER.replace("content-type;host", "host"),
        HEADER.replace("content-type;host", "content-type"),
        HEADER.replace("content-type;host", "content-type;host;host"),
        HEADER.replace(f", Signature={SIGNED}", ""),
        HEADER + ", Signature=0",
    ],
)
def test_malformed_headers_are_told_apart_from_wrong_ones(header: str) -> None:
    with pytest.raises(signature.MalformedAuthorizationError) as caught:
        signature.parse_authorization(header)
    assert str(caught.value)


@given(st.text(max_size=200))
def test_no_header_whatever_is_more_than_malformed(text: str) -> None:
    for header in (text, f"TC3-HMAC-SHA256 {text}", f"TC3-HMAC-SHA256 Credential={text}"):
        try:
            signature.parse_authorization(header)
        except signature.MalformedAuthorizationError:
            continue


@given(st.integers())
def test_every_timestamp_has_a_date_or_says_not(timestamp: int) -> None:
    try:
        date = signature.utc_date(timestamp)
    except ValueError:
        return
    assert date.count("-") == 2
