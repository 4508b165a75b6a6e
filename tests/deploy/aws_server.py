"""moto's server, with functions run by Lambda's own runtime client instead of by Docker.

Started as a process of its own: ``python aws_server.py PORT WORK PYTHON RIE SITE EXTRA``. EXTRA is
a folder with what Lambda's images carry (boto3), after the layers on the path, as there.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from moto.awslambda import models
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.parsing import clean_json
from moto.core.config import default_user_config
from moto.server import main
from moto.stepfunctions import models as stepfunctions
from moto.stepfunctions.parser.api import InvalidDefinition
from moto.stepfunctions.parser.models import (
    StepFunctionsParserBackend,
    stepfunctions_parser_backends,
)

PORT, WORK, PYTHON, RIE, SITE, EXTRA = sys.argv[1:7]
HERE = f"http://127.0.0.1:{PORT}"
_unpacked: dict[str, Path] = {}


def _unpack(data: bytes, digest: str, name: str) -> Path:
    folder = Path(WORK) / f"{name}-{digest[:12].replace('/', '_')}"
    if str(folder) not in _unpacked:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(folder)
        for path in folder.rglob("*"):
            path.chmod(path.stat().st_mode & ~0o222)  # read-only, as it is mounted
        _unpacked[str(folder)] = folder
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _invoke(self: Any, event: Any = None) -> tuple[str, bool, str]:
    """Run one cold invocation of the code and the layers that were deployed."""
    code = _unpack(self.code_bytes, self.code_digest, "code")
    path = [code]
    backend: Any = models.lambda_backends[self.account_id][self.region]
    for layer in self.layers:
        version = backend.layers_versions_by_arn(layer["Arn"])
        path.append(_unpack(version.code_bytes, version.code_digest, "layer") / "python")
    port, api = _free_port(), _free_port()
    own = {name: str(value) for name, value in self.environment_vars.items()}
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "AWS_LAMBDA_FUNCTION_NAME": self.function_name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_size),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_REGION": self.region,
        "AWS_ACCESS_KEY_ID": "role",
        "AWS_SECRET_ACCESS_KEY": "role",
        "AWS_ENDPOINT_URL": HERE,
        "LAMBDA_TASK_ROOT": str(code),
        "PYTHONDONTWRITEBYTECODE": "x",
        "PYTHONPATH": ":".join(map(str, [*path, EXTRA, SITE])),
        **own,
        # Photos lie in moto's S3; this is test harness, not part of what is deployed.
        "VINDROP_STORAGE_ENDPOINT": HERE,
    }
    log = Path(WORK) / f"{self.function_name}.log"
    with log.open("ab") as lines:
        process = subprocess.Popen(
            [
                *(RIE, "--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
                *("--runtime-api-address", f"127.0.0.1:{api}"),
                *(PYTHON, "-m", "awslambdaric", self.handler),
            ],
            env=environment,
            cwd=code,
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    try:
        text = _post(
            port,
            event if isinstance(event, str) else json.dumps(event or {}),
            float(self.timeout) + 10,
        )
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = text
    failed = isinstance(answer, dict) and "errorType" in answer
    return text, failed, ""


def _post(port: int, event: str, seconds: float) -> str:
    deadline = time.monotonic() + 20
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1),
        ):
            break
        if time.monotonic() > deadline:
            raise TimeoutError("the runtime interface emulator did not start")
        time.sleep(0.05)
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", event.encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())


def _loud(self: Any, event: Any = None) -> tuple[str, bool, str]:
    """moto drops what an invocation from S3 raises; its log shall have it."""
    try:
        return _invoke(self, event)
    except Exception:
        traceback.print_exc()
        raise


models.LambdaFunction._invoke_lambda = _loud  # type: ignore[method-assign]
# What CloudFormation makes must be where executions are looked for.
default_user_config["stepfunctions"]["execute_state_machine"] = True
stepfunctions.stepfunctions_backends = stepfunctions_parser_backends  # type: ignore[assignment]
_parsed = StepFunctionsParserBackend.create_state_machine


def _create(self: Any, name: str, definition: str, *rest: Any, **more: Any) -> Any:
    """moto's parser does not know a distributed Map's every field: such a one is kept unparsed."""
    try:
        return _parsed(self, name, definition, *rest, **more)
    except InvalidDefinition:
        return stepfunctions.StepFunctionBackend.create_state_machine(
            self, name, definition, *rest, **more
        )


StepFunctionsParserBackend.create_state_machine = _create  # type: ignore[method-assign]
_executed = CloudFormationBackend.execute_change_set


def _execute(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """A stack has outputs and code of its last change set: moto keeps those of its creation."""
    _executed(self, change_set_name, stack_name)
    found = self.change_sets.get(change_set_name) or next(
        one for one in self.change_sets.values() if one.change_set_name == change_set_name
    )
    stack = self.stacks[found.stack_id]
    stack._parse_template()
    template, wanted = stack.template_dict, stack.template_dict.get("Outputs") or {}
    known = {}
    for name, output in wanted.items():
        stack.template_dict = {**template, "Outputs": {name: output}}
        with contextlib.suppress(Exception):  # what moto does not model, such as a function's URL
            list(stack._create_output_map().values())
            known[name] = output
    stack.template_dict = {**template, "Outputs": known}
    stack.output_map = stack._create_output_map()
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            code = clean_json(resource["Properties"]["Code"], stack.resource_map)
            stack.resource_map[name].update_function_code(code)


CloudFormationBackend.execute_change_set = _execute  # type: ignore[method-assign]
# Its line for each request holds signed URLs; it is no part of what is deployed.
logging.getLogger("werkzeug").setLevel(logging.WARNING)
main(["-H", "127.0.0.1", "-p", PORT])
