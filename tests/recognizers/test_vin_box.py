"""Where the VIN stands in the photo: passed on when VinOCR says it, and never a reason to fail."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient

from tests.pipeline.conftest import World, process
from vindrop import settings as settings_module
from vindrop.recognizers import vinocr

POLYGON = [{"X": 0.1, "Y": 0.2}, {"X": 1, "Y": 0.25}, {"X": 0.9, "Y": 0.4}, {"X": 0, "Y": 0.35}]
BOX = ((0.1, 0.2), (1.0, 0.25), (0.9, 0.4), (0.0, 0.35))


def say(monkeypatch: pytest.MonkeyPatch, polygon: object) -> None:
    """Let VinOCR's answer carry ``polygon``, and nothing else beyond the contract."""
    call_json = CommonClient.call_json

    def call(self: CommonClient, *arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = call_json(self, *arguments)
        contract = {n: v for n, v in answer["Response"].items() if n in {"Vin", "RequestId"}}
        answer["Response"] = {**contract, **({"Polygon": polygon} if polygon else {})}
        return answer

    monkeypatch.setattr(CommonClient, "call_json", call)


def test_what_vinocr_says_is_in_the_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, POLYGON)
    outcome = process(world.app(), world.photo())
    assert outcome.end == "reading"
    (reading,) = world.readings()
    assert reading.vin_box == BOX


def test_a_service_that_says_nothing_of_it_gives_null(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, None)
    assert process(world.app(), world.photo()).end == "reading"
    (reading,) = world.readings()
    assert reading.vin_box is None
    assert (reading.confidence, reading.characters, reading.alternatives) == (None, None, None)


def test_our_own_vinocr_tells_how_sure_it_is_of_each_character(world: World) -> None:
    assert process(world.app(), world.photo()).end == "reading"
    (reading,) = world.readings()
    assert reading.confidence is not None
    assert 0.871 <= reading.confidence <= 1
    assert reading.characters is not None
    assert "".join(each.character for each in reading.characters) == reading.vin
    assert all(each.confidence >= reading.confidence - 1e-5 for each in reading.characters)
    assert reading.alternatives is not None
    assert reading.vin_box is not None
    (call,) = reading.recognizers
    assert (call.name, call.vin, call.confidence, call.billed, call.code) == (
        "vinocr", reading.vin, reading.confidence, 1, None,
    )  # fmt: skip
    assert call.request_id == reading.vinocr.request_id


CHARACTERS = [
    {"Character": c, "Confidence": 0.9, "Alternatives": [{"Character": "B", "Confidence": 0.05}]}
    for c in "LSGPC52H9GF125161"
]


def test_details_are_taken_over_as_they_are_told() -> None:
    told = {
        "Vin": "LSGPC52H9GF125161", "RequestId": "r", "Confidence": 0.7, "Characters": CHARACTERS,
        "Alternatives": [{"Vin": "LSGPC52H9GF125167", "Confidence": 0.1}],
    }  # fmt: skip
    found = vinocr._answer({"Response": told}, 0.1)
    assert found.confidence == 0.7
    assert found.characters is not None
    assert found.characters[0].alternatives == (("B", 0.05),)
    assert found.alternatives is not None
    assert [each.vin for each in found.alternatives] == ["LSGPC52H9GF125167"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"Confidence": "0.9"}, {"Confidence": 1.01}, {"Confidence": True}, {"Confidence": math.nan},
        {"Characters": None}, {"Characters": "LSG"}, {"Characters": CHARACTERS[:16]},
        {"Characters": [*CHARACTERS[1:], CHARACTERS[0]]}, {"Characters": [None] * 17},
        {"Characters": [{**CHARACTERS[0], "Character": "LS"}, *CHARACTERS[1:]]},
        {"Characters": [{**CHARACTERS[0], "Confidence": 7}, *CHARACTERS[1:]]},
        {"Alternatives": {"Vin": "X"}}, {"Alternatives": [{"Vin": "short", "Confidence": 0.1}]},
        {"Alternatives": [{"Vin": "LSGPC52H9GF125167", "Confidence": None}, 7, []]},
    ],
)  # fmt: skip
def test_details_that_make_no_sense_cost_no_reading(wrong: dict[str, Any]) -> None:
    response = {"Vin": "LSGPC52H9GF125161", "RequestId": "r", **wrong}
    found = vinocr._answer({"Response": response}, 0.1)
    assert (found.vin, found.confidence, found.characters) == ("LSGPC52H9GF125161", None, None)
    assert not found.alternatives


@pytest.mark.parametrize(
    ("endpoint", "asked"),
    [("ocr.tencentcloudapi.com", False), ("ocr.intl.tencentcloudapi.com:443", False),
     ("https://OCR.tencentcloudapi.com", False), ("http://127.0.0.1:9000", True),
     ("eviltencentcloudapi.com", True), ("vinocr.internal", True)],
)  # fmt: skip
def test_tencents_own_service_is_asked_for_nothing_new(endpoint: str, asked: bool) -> None:
    settings = settings_module.load(
        {
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_LEDGER": "none",
            "VINDROP_VINOCR_ENDPOINT": endpoint,
        }
    )
    assert bool(vinocr.VinOCR(settings, {})._headers) is asked


@pytest.mark.parametrize(
    "polygon",
    [
        None,
        "0.1,0.2",
        {"X": 0, "Y": 0},
        [],
        POLYGON[:3],
        [*POLYGON, POLYGON[0]],
        [*POLYGON[:3], None],
        [*POLYGON[:3], [0.1, 0.2]],
        [*POLYGON[:3], {"X": 0.5}],
        [*POLYGON[:3], {"X": 0.5, "Y": None}],
        [*POLYGON[:3], {"X": "0.5", "Y": 0.5}],
        [*POLYGON[:3], {"X": True, "Y": 0.5}],
        [*POLYGON[:3], {"X": -0.01, "Y": 0.5}],
        [*POLYGON[:3], {"X": 0.5, "Y": 640}],
        [*POLYGON[:3], {"X": math.nan, "Y": 0.5}],
        [*POLYGON[:3], {"X": 10**400, "Y": 0.5}],
    ],
)
def test_anything_else_is_null(polygon: object) -> None:
    answer = {"Response": {"Vin": "LSGPC52H9GF125161", "RequestId": "r", "Polygon": polygon}}
    found = vinocr._answer(answer, 0.1)
    assert (found.vin, found.vin_box) == ("LSGPC52H9GF125161", None)
