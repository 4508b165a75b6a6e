"""Where the VIN stands in the photo: passed on when VinOCR says it, and never a reason to fail."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient

from tests.pipeline.conftest import World, process
from vindrop.recognizers import vinocr

POLYGON = [{"X": 0.1, "Y": 0.2}, {"X": 1, "Y": 0.25}, {"X": 0.9, "Y": 0.4}, {"X": 0, "Y": 0.35}]
BOX = ((0.1, 0.2), (1.0, 0.25), (0.9, 0.4), (0.0, 0.35))


def say(monkeypatch: pytest.MonkeyPatch, polygon: object) -> None:
    """Let VinOCR's true answer carry ``polygon``."""
    call_json = CommonClient.call_json

    def call(self: CommonClient, *arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = call_json(self, *arguments)
        answer["Response"]["Polygon"] = polygon
        return answer

    monkeypatch.setattr(CommonClient, "call_json", call)


def test_what_vinocr_says_is_in_the_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, POLYGON)
    outcome = process(world.app(), world.photo())
    assert outcome.end == "reading"
    (reading,) = world.readings()
    assert reading.vin_box == BOX


def test_a_service_that_says_nothing_of_it_gives_null(world: World) -> None:
    assert process(world.app(), world.photo()).end == "reading"
    (reading,) = world.readings()
    assert reading.vin_box is None


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
