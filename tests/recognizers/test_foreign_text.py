"""What VinOCR says is cleaned where it comes in: no database or log meets what it cannot hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import secrets
from tests.http_server import Handler, HTTPThread
from vindrop import settings as settings_module
from vindrop.core.photo import Photo
from vindrop.domain.failures import LONGEST_CODE, LONGEST_ID, FailureError
from vindrop.domain.redaction import printable
from vindrop.domain.vin import parse
from vindrop.recognizers.vinocr import VinOCR

VIN = "LBV2B25G2E5069977"
FOREIGN = [
    "a\0b",
    "\0",
    "\ud83d",
    "a\udc00b",
    "\x1b]0;title\x07",
    "a\r\nb",
    "\x9b31m",
    "x" * 100_000,
]


class Service(HTTPThread):
    def __init__(self, response: Any) -> None:
        super().__init__(_Handler)
        self.text = json.dumps({"Response": response}).encode()


class _Handler(Handler):
    server: Service

    def do_POST(self) -> None:
        self.body()
        self.answer(200, self.server.text, {"Content-Type": "application/json"})


def ask(response: Any) -> Any:
    with Service(response) as service:
        given = {
            "VINDROP_LEDGER": "none",
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_VINOCR_ENDPOINT": service.url,
            **secrets.VINOCR,
        }
        return VinOCR(settings_module.load(given), {}).recognize(Photo("bytes", data=b"photo"))


def assert_clean(text: str, most: int) -> None:
    assert text.isprintable()
    assert len(text) <= most
    text.encode()


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_request_id_beside_a_good_vin_never_costs_the_vin(foreign: str) -> None:
    answer = ask({"Vin": VIN, "RequestId": foreign})
    assert parse(answer.vin).value == VIN
    assert_clean(answer.request_id, LONGEST_ID)


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("field", ["Code", "Message", "RequestId"])
def test_an_error_is_clean_in_every_field(field: str, foreign: str) -> None:
    error = {"Code": "FailedOperation.OcrFailed", "Message": "OCR failed"}
    response: dict[str, Any] = {"Error": error, "RequestId": "r-1"}
    (response if field == "RequestId" else error)[field] = foreign
    with pytest.raises(FailureError) as caught:
        ask(response)
    failure = caught.value.failure
    assert_clean(failure.code, LONGEST_CODE)
    assert_clean(failure.message, 2_000)
    assert_clean(failure.request_id or "", LONGEST_ID)


def test_what_can_be_written_stays_as_it_is() -> None:
    for text in ("OCR failed: 照片 📷 é", "a\u202eb", ""):
        assert printable(text) == text
    assert printable("a\0b\ud83d\n\x9b") == "a\\x00b\\ud83d\\x0a\\x9b"
