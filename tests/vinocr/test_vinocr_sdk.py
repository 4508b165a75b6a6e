"""The official Python SDK gets VINs and errors, whichever way it signs and sends."""

from __future__ import annotations

import asyncio

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ocr.v20181119 import models
from tencentcloud.ocr.v20181119.ocr_client import OcrClient
from tencentcloud.ocr.v20181119.ocr_client_async import OcrClient as AsyncOcrClient

from tests.vinocr.vinocr_support import ID, KEY, VIN, b64, call, client, photo, refusal
from vinocr.launcher import ServerProcess

WAYS = [
    (sign, method)
    for sign in ("TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256")
    for method in ("GET", "POST")
]


@pytest.mark.parametrize(("sign", "method"), WAYS)
def test_every_signature_and_method_gets_a_vin(
    vinocr: ServerProcess, sign: str, method: str
) -> None:
    small = photo(size=(600, 120))
    assert len(b64(small)) < 30_000, "a GET holds 32 KB"
    assert call(vinocr, {"ImageBase64": b64(small)}, sign=sign, method=method) == VIN


@pytest.mark.parametrize(("sign", "method"), WAYS)
def test_every_signature_and_method_gets_an_error(
    vinocr: ServerProcess, sign: str, method: str
) -> None:
    wrong = {"sign": sign, "method": method, "secret_key": "wrong"}
    assert refusal(vinocr, {"ImageBase64": "x"}, **wrong) == "AuthFailure.SignatureFailure"


def test_unsigned_payload(vinocr: ServerProcess) -> None:
    assert call(vinocr, {"ImageBase64": b64(photo())}, unsigned=True) == VIN


def test_multipart(vinocr: ServerProcess) -> None:
    sdk = client(vinocr)
    options = {"IsMultipart": True, "BinaryParams": []}
    answer = sdk.call_json("VinOCR", {"ImageBase64": b64(photo())}, options=options)
    assert answer["Response"]["Vin"] == VIN


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_typed_client(vinocr: ServerProcess, kind: str) -> None:
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=vinocr.endpoint))
    typed = OcrClient(Credential(ID, KEY), "ap-guangzhou", profile)
    request = models.VinOCRRequest()
    request.ImageBase64 = b64(photo(kind=kind))
    answer = typed.VinOCR(request)
    assert answer.Vin == VIN
    assert len(answer.RequestId) == 36


def test_the_asynchronous_client(vinocr: ServerProcess) -> None:
    async def ask() -> list[str]:
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=vinocr.endpoint))
        async with AsyncOcrClient(Credential(ID, KEY), "", profile) as typed:
            request = models.VinOCRRequest()
            request.ImageBase64 = b64(photo())
            answers = await asyncio.gather(*(typed.VinOCR(request) for _ in range(4)))
            return [answer.Vin for answer in answers]

    assert asyncio.run(ask()) == [VIN] * 4
