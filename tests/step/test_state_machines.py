"""The state machines in deploy/: they name states and errors that exist, and run as drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests import secrets
from vindrop.triggers import step
from vindrop_local.sample_events import sample

NAMES = ["read.asl", "backfill.asl", "read.asw"]
OURS = {
    kind.__name__
    for kind in (
        step.VinThrottled,
        step.VinUnavailable,
        step.PhotoRejected,
        step.AccountBlocked,
        step.StepInputError,
    )
}


def machine(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (root / "deploy" / "state-machines" / f"{name}.json").read_text()
    )
    return found


def inside(found: Any) -> Iterator[dict[str, Any]]:
    """Every object of a state machine."""
    if isinstance(found, dict):
        yield found
        for value in found.values():
            yield from inside(value)
    elif isinstance(found, list):
        for value in found:
            yield from inside(value)


@pytest.mark.parametrize("name", NAMES)
def test_every_state_that_is_named_exists_and_each_is_reached(root: Path, name: str) -> None:
    for flow in inside(machine(root, name)):
        if "StartAt" not in flow:
            continue
        states = flow["States"]
        named = {flow["StartAt"]}
        for state in states.values():
            shallow = {k: v for k, v in state.items() if k != "ItemProcessor"}
            named |= {part["Next"] for part in inside(shallow) if "Next" in part}
            named |= {state["Default"]} if "Default" in state else set()
        assert named == set(states)


@pytest.mark.parametrize("name", NAMES)
def test_every_error_that_is_named_is_one_of_the_steps_or_the_platforms(
    root: Path, name: str
) -> None:
    found = list(inside(machine(root, name)))
    errors = {error for part in found for error in part.get("ErrorEquals", [])}
    errors |= {part["StringEquals"] for part in found if part.get("Variable") == "$.reading.error"}
    assert {e for e in errors if not e.startswith(("States.", "Lambda."))} <= OURS
    # Each of the kinds that need different things is told apart.
    assert {"VinThrottled", "VinUnavailable", "AccountBlocked", "PhotoRejected"} <= errors


def test_the_backfills_items_are_what_the_step_takes(root: Path) -> None:
    state = machine(root, "backfill.asl")["States"]["EachObject"]
    assert {name.removesuffix(".$") for name in state["ItemSelector"]} == set(
        sample("step-s3-listing-item")
    )


@pytest.mark.parametrize("name", ["read.asl", "backfill.asl"])
@mock_aws
def test_step_functions_takes_the_definition(root: Path, name: str) -> None:
    text = json.dumps(machine(root, name))
    for placeholder, value in {
        "${StepFunctionArn}": "arn:aws:lambda:us-east-1:123456789012:function:vindrop-step",
        "${ReviewQueueUrl}": "https://sqs.us-east-1.amazonaws.com/123456789012/review",
        "${Partition}": "aws",
    }.items():
        text = text.replace(placeholder, value)
    assert "${" not in text
    client = boto3.client(
        "stepfunctions",
        region_name="us-east-1",
        aws_access_key_id=secrets.AWS_ID,
        aws_secret_access_key=secrets.AWS_KEY,
    )
    made = client.create_state_machine(
        name=name.replace(".", "-"),
        definition=text,
        roleArn="arn:aws:iam::123456789012:role/states",
    )
    assert made["stateMachineArn"].endswith(name.replace(".", "-"))
