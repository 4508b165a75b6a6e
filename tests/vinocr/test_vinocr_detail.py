"""What VinOCR tells beyond the contract: to whoever asks by a header, and byte for byte to nobody else."""

from __future__ import annotations

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.pipeline.conftest import SAMPLES
from tests.vinocr.vinocr_support import ID, KEY, client, refusal
from vindrop.core.photo import Photo
from vindrop.domain.failures import FailureError
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import load
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


def unsure() -> bytes:
    """A photo so small that the reader has candidates and gives none."""
    buffer = io.BytesIO()
    with Image.open(SAMPLES / "plate-01.jpg") as whole:
        whole.convert("RGB").resize((140, 140 * whole.height // whole.width)).save(buffer, "PNG")
    return buffer.getvalue()


def body_of(vinocr: ServerProcess, photo: bytes, headers: dict[str, str] | None) -> Any:
    """What stands on the wire: the SDK drops what is beside an error."""
    heard: list[bytes] = []
    official = client(vinocr)
    session = official.request.conn._session
    session.hooks["response"].append(lambda answer, **_: heard.append(answer.content))
    with pytest.raises(TencentCloudSDKException):
        official.call_json("VinOCR", {"ImageBase64": base64.b64encode(photo).decode()}, headers)
    return heard[0]


def test_who_asks_is_told_which_vins_are_possible_where_none_is_sure(
    vinocr: ServerProcess,
) -> None:
    told = json.loads(body_of(vinocr, unsure(), ASKED))["Response"]
    assert list(told) == ["Error", "Alternatives", "RequestId"]
    assert told["Error"]["Code"].startswith("FailedOperation.")
    assert told["Alternatives"]
    shares = [each["Confidence"] for each in told["Alternatives"]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] < 0.925
    assert all(len(each["Vin"]) == 17 for each in told["Alternatives"])


def test_who_does_not_ask_is_refused_as_the_contract_has_it(vinocr: ServerProcess) -> None:
    assert re.fullmatch(
        rb'\{"Response": \{"Error": \{"Code": "[A-Za-z.]+", "Message": "[^"]+"\}, '
        rb'"RequestId": "[0-9a-f-]{36}"\}\}',
        body_of(vinocr, unsure(), None),
    )


@pytest.mark.parametrize("asks", [True, False])
def test_the_functions_hear_what_the_sdk_drops(vinocr: ServerProcess, asks: bool) -> None:
    recognizer = VinOCR(
        load(
            {
                "VINDROP_RESULTS": "file:///dev/null",
                "VINDROP_DEAD_LETTERS": "file:///dev/null",
                "VINDROP_LEDGER": "none",
                "VINDROP_VINOCR_ENDPOINT": f"http://{vinocr.endpoint}",
                "VINDROP_VINOCR_TIMEOUT": "60",
                "VINDROP_VINOCR_SECRET_ID": ID,
                "VINDROP_VINOCR_SECRET_KEY": KEY,
            }
        )
    )
    if not asks:
        recognizer._headers = {}

    def candidates(photo: bytes) -> Any:
        with pytest.raises(FailureError) as raised:
            recognizer.recognize(Photo("bytes", data=photo))
        return raised.value.failure.candidates

    empty = io.BytesIO()
    Image.new("RGB", (120, 60), "white").save(empty, "PNG")
    with ThreadPoolExecutor(2) as threads:  # each hears its own answer
        found, nothing = threads.map(candidates, [unsure(), empty.getvalue()])
    if asks:
        assert found
        assert nothing == ()
    else:
        assert (found, nothing) == (None, None)
    with pytest.raises(FailureError) as raised:
        recognizer.call_without_photo()
    assert raised.value.failure.candidates is None, "of no photo"


def test_a_refusal_of_what_is_not_read_is_the_same_for_who_asks(vinocr: ServerProcess) -> None:
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
