"""State machines executed by moto's Step Functions, their tasks being the step on real parts."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import moto.awslambda_simple.models as simple
import pytest
from moto import mock_aws

from tests import secrets
from tests.pipeline.conftest import a_call
from tests.step.test_state_machines import inside, machine
from vindrop.core.app import App
from vindrop.triggers import step

CONFIG: Any = {"lambda": {"use_docker": False}, "stepfunctions": {"execute_state_machine": True}}


class States:
    """One state machine, ready to be started."""

    def __init__(self, root: Path, name: str) -> None:
        self.before: Callable[[], type[step.StepError] | None] = lambda: None
        """Asked before each task: the error that it ends with, or None: it is done."""
        self.reviewed: list[Any] = []
        """What the function for doubtful readings was called with."""
        self.sqs = boto3.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="review")["QueueUrl"]
        role = boto3.client("iam").create_role(
            RoleName="r", AssumeRolePolicyDocument="{}", Path="/"
        )["Role"]["Arn"]
        drawn = machine(root, name)
        for part in inside(drawn):  # what waits for minutes waits for a second
            if "IntervalSeconds" in part:
                part |= {"IntervalSeconds": 1, "BackoffRate": 1.0}
            if part.get("Type") == "Wait":
                part["Seconds"] = 1
            if "ToleratedFailurePercentage" in part:  # moto's grammar wants a decimal point here
                part["ToleratedFailurePercentage"] = float(part["ToleratedFailurePercentage"])
        text = json.dumps(drawn)
        asw = "qrn:qcs:asw:${Region}:${AppId}:sdk:json:qcloud:scf:Invoke/"
        for placeholder, value in {
            asw + "${StepFunctionName}": _function("step", role),
            asw + "${ReviewFunctionName}": _function("review", role),
            "${StepFunctionArn}": _function("step", role),
            "${ReviewQueueUrl}": self.queue,
            "${Partition}": "aws",
        }.items():
            text = text.replace(placeholder, value)
        assert "${" not in text
        self.client = boto3.client("stepfunctions")
        self.arn = self.client.create_state_machine(
            name=name.replace(".", "-"), definition=text, roleArn=role
        )["stateMachineArn"]

    def start(self, event: dict[str, Any], name: str = "one") -> str:
        return str(
            self.client.start_execution(
                stateMachineArn=self.arn, name=name, input=json.dumps(event)
            )["executionArn"]
        )

    def wait(self, execution: str) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while True:
            found: dict[str, Any] = self.client.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            assert time.monotonic() < deadline, "the execution did not end in two minutes"
            time.sleep(0.05)


def _function(name: str, role: str) -> str:
    client = boto3.client("lambda")
    for there in client.list_functions()["Functions"]:
        if there["FunctionName"] == name:
            return str(there["FunctionArn"])
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "")
    return str(
        client.create_function(
            FunctionName=name,
            Runtime="python3.10",
            Role=role,
            Handler="handler.main_handler",
            Code={"ZipFile": code.getvalue()},
        )["FunctionArn"]
    )


@contextmanager
def running(root: Path, name: str, app: App, patch: pytest.MonkeyPatch) -> Iterator[States]:
    """Tasks call the step itself; an exception goes back as Lambda tells of one."""
    for variable, value in {**secrets.AWS, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        patch.setenv(variable, value)
    made: list[States] = []

    def invoke(
        _self: Any, name: str, _qualifier: Any, body: Any, _headers: Any, answer: dict[str, Any]
    ) -> bytes:
        event = json.loads(body)
        if name.rpartition(":")[2] == "review":
            made[0].reviewed.append(event)
            return b'{"vin": "X"}'
        try:
            failing = made[0].before()
            if failing is not None:
                raise failing("as planned")
            return json.dumps(step.process(app, event, a_call(600.0))).encode()
        except step.StepError as error:
            answer["x-amz-function-error"] = "Unhandled"
            told = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return json.dumps(told).encode()

    patch.setattr(simple.LambdaSimpleBackend, "invoke", invoke)
    with mock_aws(config=CONFIG):
        made.append(States(root, name))
        yield made[0]
