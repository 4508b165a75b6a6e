"""What VinOCR tells beyond the contract: to whoever asks by a header, and byte for byte to nobody else."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.pipeline.conftest import SAMPLES
from tests.vinocr.vinocr_support import client, refusal
from vinocr.api import detail
from vinocr.launcher import ServerProcess
from vinocr.reader import Alternative, Answer

PHOTO = {"ImageBase64": base64.b64encode((SAMPLES / "plate-04.jpg").read_bytes()).decode()}
ASKED = {"X-VinOCR-Detail": "true"}


def answer(vinocr: ServerProcess, headers: dict[str, str] | None = None, **how: Any) -> Any:
    """What Tencent's own CommonClient gets."""
    return client(vinocr, **how).call_json("VinOCR", PHOTO, headers)["Response"]


@pytest.mark.parametrize(
    "headers",
    [None, {}, {"X-VinOCR-Detail": "no"}, {"X-VinOCR-Detail": ""}, {"X-TC-Detail": "true"}],
)
def test_who_does_not_ask_gets_vin_and_request_id(
    vinocr: ServerProcess, headers: dict[str, str] | None
) -> None:
    body = client(vinocr).call("VinOCR", PHOTO, headers=headers)
    assert re.fullmatch(
        rb'\{"Response": \{"Vin": "[0-9A-Z]{17}", "RequestId": "[0-9a-f-]{36}"\}\}',
        body if isinstance(body, bytes) else str(body).encode(),
    )


def test_who_asks_is_told_how_sure_it_is_and_where_it_stands(vinocr: ServerProcess) -> None:
    told = answer(vinocr, ASKED)
    assert list(told) == ["Vin", "Confidence", "Characters", "Alternatives", "Polygon", "RequestId"]
    assert 0.871 <= told["Confidence"] <= 1
    assert "".join(each["Character"] for each in told["Characters"]) == told["Vin"]
    assert {*told["Characters"][0]} == {
        *("Character", "Confidence", "Alternatives", "Polygon"),
    }
    assert all(told["Confidence"] <= each["Confidence"] <= 1 for each in told["Characters"])
    assert len(told["Polygon"]) == 4
    assert all(0 <= corner[axis] <= 1 for corner in told["Polygon"] for axis in "XY")


@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA256"])
def test_every_signature_can_ask(vinocr: ServerProcess, sign: str) -> None:
    assert "Confidence" in answer(vinocr, {"X-VinOCR-Detail": "1"}, sign=sign)


def test_a_parameter_of_that_name_is_unknown_as_ever(vinocr: ServerProcess) -> None:
    assert refusal(vinocr, {**PHOTO, "Detail": True}) == "UnknownParameter"


def test_a_refusal_is_the_same_for_who_asks(vinocr: ServerProcess) -> None:
    with pytest.raises(TencentCloudSDKException) as raised:
        client(vinocr).call_json("VinOCR", {"ImageBase64": ""}, ASKED)
    assert raised.value.code == "FailedOperation.EmptyImageError"


def test_the_form_of_an_unsure_answer() -> None:
    vin = "1M8GDM9AXKP042788"
    found = Answer(
        vin, vin, 0.9, (0.9,) * 17, ((-3.0, 5.0), (50.0, 5.0), (120.0, 50.0), (0.0, 60.0)),
        (Alternative("1M8GDM9AXKP042738", 0.07),), None, False, 3, 9.0,
        others=((("I", 0.02), ("7", 0.01)), *((),) * 16), size=(100, 50),
    )  # fmt: skip
    told = detail.of(found)
    assert told["Alternatives"] == [{"Vin": "1M8GDM9AXKP042738", "Confidence": 0.07}]
    assert told["Characters"][0]["Alternatives"] == [
        {"Character": "I", "Confidence": 0.02}, {"Character": "7", "Confidence": 0.01},
    ]  # fmt: skip
    assert told["Polygon"] == [
        {"X": 0.0, "Y": 0.1}, {"X": 0.5, "Y": 0.1}, {"X": 1.0, "Y": 1.0}, {"X": 0.0, "Y": 1.0},
    ], "kept within the photo"  # fmt: skip


def test_a_reader_that_tells_less_is_no_error() -> None:
    vin = "1M8GDM9AXKP042788"
    told = detail.of(Answer(vin, vin, 0.9, (0.9,) * 17, None, (), None, False, 1, 1.0))
    assert "Polygon" not in told
    assert told["Characters"][16] == {"Character": "8", "Confidence": 0.9, "Alternatives": []}
