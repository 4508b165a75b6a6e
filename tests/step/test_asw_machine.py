"""The state machine for Tencent's ASW, executed by an interpreter of the language that it is like.

ASW itself runs nowhere but in its cloud. Its states are those of Amazon's States Language and are
executed as drawn; mapped are the two resources (``qrn:…:scf:Invoke/…`` to a function of Lambda each)
and how long it waits. What only ASW can show: its resource names, and how it hands over input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import World
from tests.step.machines import States, running
from tests.step.test_step import VIN, named
from vindrop.triggers import step


@pytest.fixture
def states(world: World, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[States]:
    app = world.app(VINDROP_VINOCR_TIMEOUT="60")
    with running(root, "read.asw", app, monkeypatch) as found:
        yield found


def run(states: States, event: dict[str, Any]) -> dict[str, Any]:
    return states.wait(states.start({**event, "failures": "return"}))


def test_a_photo_is_read(world: World, states: States) -> None:
    found = run(states, named(world.photo()))
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["reading"]["vin"] == VIN
    assert states.reviewed == []


def test_it_waits_and_asks_again_as_long_as_that_can_help(
    world: World, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, names = step._read, iter([step.VinThrottled, step.VinUnavailable, step.AccountBlocked])

    def failing(*given: Any) -> dict[str, Any]:
        kind = next(names, None)
        if kind is not None:
            raise kind("as planned")
        return real(*given)

    monkeypatch.setattr(step, "_read", failing)
    found = run(states, named(world.photo()))
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["reading"]["vin"] == VIN
    assert next(names, None) is None


def test_a_photo_without_a_vin_ends_with_its_reason(world: World, states: States) -> None:
    found = run(states, named(world.upload(b"")))
    assert found["status"] == "SUCCEEDED", found
    reading = json.loads(found["output"])["reading"]
    assert (reading["error"], reading["code"]) == ("PhotoRejected", "Vindrop.EmptyPhoto")


def test_an_input_that_names_no_object_fails(states: States) -> None:
    found = run(states, {"hello": 1})
    assert (found["status"], found["error"]) == ("FAILED", "StepInputError")


def test_a_doubtful_reading_is_shown_to_a_person(
    world: World, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = step._read
    monkeypatch.setattr(step, "_read", lambda *given: {**real(*given), "verdict": "doubtful"})
    found = run(states, named(world.photo()))
    assert found["status"] == "SUCCEEDED", found
    (asked,) = states.reviewed
    assert asked["reading"]["vin"] == VIN
    assert json.loads(found["output"])["review"] == {"vin": "X"}
