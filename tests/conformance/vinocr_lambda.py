"""VinOCR as a Lambda function URL: AWS's runtime interface emulator, its runtime client, our handler.

The emulator takes events, not HTTP: what a function URL makes of a request is made here.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tencentcloud.common.common_client import CommonClient

from vindrop_local.serving import free_port


@dataclass
class Answer:
    """What the SDK needs of an HTTP response."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()


def event(method: str, url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The event that a function URL makes of a request (payload format 2.0)."""
    return {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": url.partition("?")[2],
        "headers": {k.lower(): v for k, v in headers.items()},
        "requestContext": {"http": {"method": method, "path": "/", "sourceIp": "192.0.2.1"}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


class Emulator:
    """One execution environment of Lambda, with VinOCR in it."""

    def __init__(self, packages: Path, log: Path, **settings: str) -> None:
        self.port, runtime = free_port(), free_port()
        binary = packages / "samcli" / "local" / "rapid" / "aws-lambda-rie-x86_64"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("VINOCR_")},
            **{f"VINOCR_{k.upper()}": v for k, v in settings.items()},
            "PYTHONPATH": str(packages),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
        }
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    str(binary),
                    "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
                    "--runtime-api-address", f"127.0.0.1:{runtime}",
                    sys.executable, "-m", "awslambdaric", "vinocr.aws_lambda.handler",
                ],
                env=environment, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"the emulator did not start: see {log}")

    def invoke(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function once."""
        url = f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations"
        with urllib.request.urlopen(url, json.dumps(payload).encode(), timeout=90) as answer:
            got: dict[str, Any] = json.loads(answer.read())
        return got

    def carry(self, sdk: CommonClient) -> CommonClient:
        """Let the official SDK's requests arrive as events."""

        def request(
            method: str, url: str, body: str | bytes | None, headers: dict[str, str]
        ) -> Answer:
            data = body.encode() if isinstance(body, str) else body or b""
            got = self.invoke(event(method, url, data, headers))
            if "statusCode" not in got:
                raise RuntimeError(str(got)[:300])
            names = {k.title(): v for k, v in got["headers"].items()}
            return Answer(got["statusCode"], names, got["body"].encode())

        sdk.request.conn.request = request
        return sdk

    def stop(self) -> None:
        """End the environment: the emulator, the runtime and, with it, the server."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
