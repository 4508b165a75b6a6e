"""A fresh moto with functions that Lambda's own runtime client runs, and what is looked at in it.

What moto's CloudFormation leaves out is set by API from the compiled template: see `wire`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from layers.dependencies.build import build_layer
from layers.dependencies.contents import LAYERS, Target
from tests import secrets
from tests.deploy.installed import ROOT, LambdaRuntime
from vindrop_local.serving import free_port

BUCKET, REGION, NAME = "photos-of-vins", "us-east-1", "vindrop-dev"
REVIEWER = f"{secrets.API_KEY}-reviewer"


class Cloud:
    """A fresh moto, and clients for it."""

    def __init__(self, folder: Path, runtime: LambdaRuntime) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.work = folder
        self.environment = {
            "CLOUD": "aws",
            "BUCKET": BUCKET,
            "PYTHON_VERSION": runtime.version,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            **secrets.VINOCR,
            "VINDROP_API_KEYS": f"{secrets.API_KEY} lee:review:{REVIEWER}",
        }
        image = ROOT / "build" / f"lambda-image-{runtime.version}"
        boto = image / "boto3"
        shutil.rmtree(boto, ignore_errors=True)
        target = Target("lambda", runtime.version, "x86_64")
        entry = build_layer(LAYERS["aws"], target, image)
        with zipfile.ZipFile(image / entry["file"]) as archive:
            archive.extractall(boto)
        self.log = (folder / "moto.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, Path(__file__).with_name("aws_server.py"), str(self.port)),
                *(folder, runtime.python, runtime.rie, runtime.site, boto / "python"),
            ],
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        until(self._up, "moto to start")

    def _up(self) -> bool:
        assert self.process.poll() is None, (self.work / "moto.log").read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"{self.url}/moto-api/", timeout=2):
                return True
        except OSError:
            return False

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


def until(
    ready: Callable[[], Any],
    what: str,
    seconds: float = 60,
    then: Callable[[], str] = lambda: "",
) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ready()
        if found:
            return found
        time.sleep(0.3)
    pytest.fail(f"waited {seconds:.0f} s for {what}\n{then()}")


def compiled(folder: Path) -> dict[str, Any]:
    """Return the template that osls sent from ``folder``."""
    path = folder / ".serverless" / "cloudformation-template-update-stack.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def wire(cloud: Cloud, template: dict[str, Any]) -> None:
    """What moto's CloudFormation skips: layers and bucket notifications."""
    functions = cloud.client("lambda")
    layers = functions.list_layers()["Layers"]

    def made(logical: str) -> str:  # moto's own name begins with the logical id
        (found,) = (one for one in layers if logical in one["LayerName"])
        return str(found["LatestMatchingVersion"]["LayerVersionArn"])

    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            functions.update_function_configuration(
                FunctionName=resource["Properties"]["FunctionName"],
                Layers=[made(layer["Ref"]) for layer in resource["Properties"]["Layers"]],
            )
    (bucket,) = (
        r
        for r in template["Resources"].values()
        if r["Type"] == "AWS::S3::Bucket" and r["Properties"].get("BucketName") == BUCKET
    )
    (wanted,) = bucket["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
    arn = cloud.client("lambda").get_function(FunctionName=f"{NAME}-upload")["Configuration"][
        "FunctionArn"
    ]
    cloud.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn, "Events": [wanted["Event"]]}
            ]
        },
    )


def row(cloud: Cloud, table: str, key: str) -> Callable[[], Any]:
    def look() -> Any:
        items = cloud.client("dynamodb").scan(TableName=f"{NAME}_{table}")["Items"]
        return [item for item in items if key in json.dumps(item)]

    return look


def message(cloud: Cloud, queue: str) -> Callable[[], Any]:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    return lambda: sqs.receive_message(QueueUrl=url).get("Messages")


def invoked(cloud: Cloud, event: dict[str, Any]) -> dict[str, Any]:
    """What the deployed HTTP function answers to a gateway's event."""
    done = cloud.client("lambda").invoke(
        FunctionName=f"{NAME}-http", Payload=json.dumps(event).encode()
    )
    answer: dict[str, Any] = json.load(done["Payload"])
    assert "statusCode" in answer, (answer, log_of(cloud, "http"))
    return answer


def log_of(cloud: Cloud, part: str = "upload") -> str:
    path = cloud.work / f"{NAME}-{part}.log"
    return path.read_text()[-3000:] if path.exists() else "it was never called"
