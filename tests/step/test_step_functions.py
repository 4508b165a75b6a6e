"""The state machine for one photo, executed by moto's Step Functions on real parts."""

from __future__ import annotations

import json
import time
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
    with running(root, "read.asl", app, monkeypatch) as found:
        yield found


def test_a_photo_is_read(world: World, states: States) -> None:
    found = states.wait(states.start(named(world.photo())))
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["reading"]["vin"] == VIN


def test_what_names_itself_retryable_is_retried(world: World, states: States) -> None:
    """The step fails once under each name that Retry matches, then reads the photo."""
    names = iter([step.VinThrottled, step.VinUnavailable, step.AccountBlocked])
    states.before = lambda: next(names, None)
    found = states.wait(states.start(named(world.photo())))
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["reading"]["vin"] == VIN
    assert next(names, None) is None


def test_a_photo_without_a_vin_ends_with_its_reason(world: World, states: States) -> None:
    found = states.wait(states.start(named(world.upload(b""))))
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["failure"]["Error"] == "PhotoRejected"


def test_an_input_that_names_no_object_fails(states: States) -> None:
    found = states.wait(states.start({"hello": 1}))
    assert (found["status"], found["error"]) == ("FAILED", "NotRead")


def test_a_doubtful_reading_is_shown_to_a_person(
    world: World, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = step.process

    def doubtful(*given: Any) -> dict[str, Any]:
        return {**real(*given), "verdict": "doubtful"}

    monkeypatch.setattr(step, "process", doubtful)
    execution = states.start(named(world.photo()))
    deadline = time.monotonic() + 60
    messages: list[Any] = []
    while not messages:
        messages = states.sqs.receive_message(QueueUrl=states.queue).get("Messages", [])
        assert time.monotonic() < deadline, "nobody was asked"
    asked = json.loads(messages[0]["Body"])
    assert asked["reading"]["vin"] == VIN
    states.client.send_task_success(taskToken=asked["token"], output=json.dumps({"vin": "X"}))
    found = states.wait(execution)
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["review"] == {"vin": "X"}
