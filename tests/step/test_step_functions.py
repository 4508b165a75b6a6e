"""The state machine executed by moto's Step Functions, its task being the step on real parts."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import moto.awslambda_simple.models as simple
import pytest
from moto import mock_aws

from tests import secrets
from tests.pipeline.conftest import World, _servers, a_call, world
from tests.step.test_state_machines import machine
from tests.step.test_step import VIN, named
from vindrop import step

__all__ = ["_servers", "world"]

CONFIG: Any = {"lambda": {"use_docker": False}, "stepfunctions": {"execute_state_machine": True}}


class States:
    """One state machine, ready to be started."""

    def __init__(self, root: Path) -> None:
        self.before: Callable[[], type[step.StepError] | None] = lambda: None
        self.sqs = boto3.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="review")["QueueUrl"]
        role = boto3.client("iam").create_role(
            RoleName="r", AssumeRolePolicyDocument="{}", Path="/"
        )["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        function = boto3.client("lambda").create_function(
            FunctionName="step",
            Runtime="python3.10",
            Role=role,
            Handler="handler.main_handler",
            Code={"ZipFile": code.getvalue()},
        )["FunctionArn"]
        drawn = machine(root, "read.asl")
        for retry in drawn["States"]["ReadVin"]["Retry"]:
            retry |= {"IntervalSeconds": 1, "BackoffRate": 1.0}
        text = json.dumps(drawn).replace("${StepFunctionArn}", function)
        text = text.replace("${ReviewQueueUrl}", self.queue).replace("${Partition}", "aws")
        self.client = boto3.client("stepfunctions")
        self.arn = self.client.create_state_machine(name="read", definition=text, roleArn=role)[
            "stateMachineArn"
        ]

    def start(self, event: dict[str, Any]) -> str:
        return str(
            self.client.start_execution(
                stateMachineArn=self.arn, name="one", input=json.dumps(event)
            )["executionArn"]
        )

    def wait(self, execution: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while True:
            found: dict[str, Any] = self.client.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            assert time.monotonic() < deadline, "the execution did not end in a minute"
            time.sleep(0.05)


@pytest.fixture
def states(world: World, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[States]:
    """Tasks call the step itself; an exception goes back as Lambda tells of one."""
    for name, value in secrets.AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    app = world.app(VINDROP_VINOCR_TIMEOUT="60")
    made: list[States] = []

    def invoke(
        _self: Any, _name: str, _qualifier: Any, body: Any, _headers: Any, answer: dict[str, Any]
    ) -> bytes:
        try:
            failing = made[0].before()
            if failing is not None:
                raise failing("as planned")
            return json.dumps(step.process(app, json.loads(body), a_call(600.0))).encode()
        except step.StepError as error:
            answer["x-amz-function-error"] = "Unhandled"
            told = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return json.dumps(told).encode()

    monkeypatch.setattr(simple.LambdaSimpleBackend, "invoke", invoke)
    with mock_aws(config=CONFIG):
        made.append(States(root))
        yield made[0]


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
