"""``POST /v1/vin``: what the contract has no room for."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from tests.vinocr.vinocr_support import ID, KEY, VIN, photo
from vinocr.launcher import ServerProcess
from vinocr.serve import openapi

Start = Callable[..., ServerProcess]
DOCUMENT = openapi.document()
READING = {**DOCUMENT, "$ref": "#/components/schemas/Reading"}
PROBLEM = {**DOCUMENT, "$ref": "#/components/schemas/Problem"}


def post(
    vinocr: ServerProcess,
    body: bytes,
    kind: str = "image/jpeg",
    path: str = "/v1/vin",
    **headers: str,
) -> tuple[int, Any, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(vinocr.host, vinocr.port, timeout=30)
    connection.request("POST", path, body, {"Content-Type": kind, **headers})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    jsonschema.validate(answer, READING if response.status == 200 else PROBLEM)
    kinds = {True: "application/json", False: "application/problem+json"}
    assert response.getheader("content-type") == kinds[response.status == 200]
    return response.status, answer, response


def multipart(name: str, data: bytes) -> tuple[bytes, str]:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode()
    return head + data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


@pytest.mark.parametrize("kind", [*openapi.CONTENT_TYPES, "IMAGE/JPEG; x=1"])
def test_a_reading(vinocr: ServerProcess, kind: str) -> None:
    status, answer, _ = post(vinocr, photo(), kind)
    assert status == 200
    assert answer["vin"] == VIN
    assert answer["reason"] is None
    assert len(answer["characters"]) == 17
    assert all(0 <= c <= 1 for c in answer["characters"])
    xs, ys = zip(*answer["quadrilateral"], strict=True)
    assert -20 <= min(xs) < max(xs) <= 920, "where the VIN stands in a picture 900 pixels wide"
    assert -20 <= min(ys) < max(ys) <= 220
    assert answer["milliseconds"]["total"] >= answer["milliseconds"]["reading"] > 0
    assert answer["check_digit"] == "valid"


def test_a_form(vinocr: ServerProcess) -> None:
    assert post(vinocr, *multipart("image", photo()))[1]["vin"] == VIN
    assert post(vinocr, *multipart("picture", photo()))[0] == 400
    assert post(vinocr, b"none", "multipart/form-data; boundary=b")[0] == 400
    assert post(vinocr, b"none", "multipart/form-data")[0] == 400


def test_no_vin_is_an_answer_too(vinocr: ServerProcess) -> None:
    status, answer, _ = post(vinocr, photo(""))
    assert (status, answer["vin"], answer["reason"]) == (200, None, "no_text")
    assert answer["characters"] == []


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "image/png", 422, "FailedOperation.EmptyImageError"),
        (b"hello", "image/png", 415, "FailedOperation.UnKnowFileTypeError"),
        (photo()[:2000], "image/png", 422, "FailedOperation.ImageDecodeFailed"),
        (photo(kind="GIF"), "image/png", 422, "FailedOperation.ImageDecodeFailed"),
        (photo(), "image/gif", 415, "UnsupportedOperation"),
        (photo(), "", 415, "UnsupportedOperation"),
        (b"x" * 6_000_000, "image/png", 413, "LimitExceeded.TooLargeFileError"),
        (b"x" * 5_510_000, "image/png", 413, "LimitExceeded.TooLargeFileError"),
    ],
)
def test_problems(vinocr: ServerProcess, body: bytes, kind: str, status: int, code: str) -> None:
    got, answer, _ = post(vinocr, body, kind)
    assert (got, answer["code"], answer["status"]) == (status, code, status)


def test_keys_and_rates(start: Start) -> None:
    account = {"keys": [{"secret_id": ID, "secret_key": KEY}], "api_keys": ["k-1"], "rate": 2}
    vinocr = start([account], operators="192.0.2.0/24")
    status, _, response = post(vinocr, b"x")
    assert status == 401
    assert response.getheader("www-authenticate") == "Bearer"
    basic = base64.b64encode(b"k-1:").decode()
    for wrong in ("Bearer k-2", f"Basic {basic}", "Bearer ", "k-1"):
        assert post(vinocr, b"x", Authorization=wrong)[0] == 401
    statuses = [post(vinocr, b"x", Authorization="Bearer k-1") for _ in range(6)]
    assert [s for s, _, _ in statuses[:2]] == [415, 415]
    status, answer, response = statuses[2]
    assert (status, response.getheader("retry-after")) == (429, "1")
    assert "`2`" in answer["detail"]


def test_other_methods(vinocr: ServerProcess) -> None:
    connection = http.client.HTTPConnection(vinocr.host, vinocr.port, timeout=30)
    for method in ("GET", "PUT", "DELETE"):
        connection.request(method, "/v1/vin")
        response = connection.getresponse()
        response.read()
        assert (response.status, response.getheader("allow")) == (405, "POST")
    connection.close()


def test_the_description_is_openapi_and_a_browser_can_read_it(vinocr: ServerProcess) -> None:
    connection = http.client.HTTPConnection(vinocr.host, vinocr.port, timeout=30)
    connection.request("GET", "/openapi.json")
    document = json.loads(connection.getresponse().read())
    assert document["openapi"].startswith("3.1")
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(document)
    connection.request("GET", "/docs")
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    assert response.getheader("content-type") == "text/html; charset=utf-8"
    for field in DOCUMENT["components"]["schemas"]["Reading"]["properties"]:
        assert f"<code>{field}</code>" in page, "readable without any script"
    for source in ("src=", "http://www", "https://"):
        assert source not in page, "nothing is fetched from anywhere else"
