"""VinOCR where it is deployed: SCF's web function, and Lambda's function URL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient

from tests.vinocr.vinocr_support import ID, KEY, VIN, b64, call, client, photo
from vindrop_local.serving import free_port
from vinocr import aws_lambda

GOOD = {"ImageBase64": b64(photo())}


def test_scf_bootstrap(root: Path) -> None:
    script = root / "functions" / "vinocr" / "scf_bootstrap"
    assert os.access(script, os.X_OK), "SCF asks for mode 755"
    assert b"\r" not in script.read_bytes(), "and for LF"
    port = free_port()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "VINOCR_SECRET_ID": ID,
        "VINOCR_SECRET_KEY": KEY,
        "VINOCR_PORT": str(port),
        "VINOCR_HOST": "127.0.0.1",
    }
    function = subprocess.Popen([str(script)], env=environment, cwd="/", stdout=subprocess.PIPE)
    try:
        assert function.stdout is not None
        assert json.loads(function.stdout.readline())["port"] == port

        class There:
            endpoint = f"127.0.0.1:{port}"

        assert call(There, GOOD) == VIN  # type: ignore[arg-type]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
        function.send_signal(signal.SIGTERM)
        assert function.wait(30) == 0
    finally:
        function.kill()
        function.wait()
        if function.stdout is not None:
            function.stdout.close()


@pytest.fixture(scope="module")
def lambda_environment() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setenv("VINOCR_SECRET_ID", ID)
    patch.setenv("VINOCR_SECRET_KEY", KEY)
    yield
    patch.undo()
    aws_lambda._server().stop()
    aws_lambda._server.cache_clear()


def through_lambda(sdk: CommonClient) -> CommonClient:
    """Let the official SDK's request arrive as the event that a function URL makes of it."""

    class Response:
        def __init__(self, answer: dict[str, Any]) -> None:
            self.status_code = answer["statusCode"]
            self.headers = {k.title(): v for k, v in answer["headers"].items()}
            self.content = answer["body"].encode()
            self.text = answer["body"]

    def request(
        method: str, url: str, body: str | bytes | None, headers: dict[str, str]
    ) -> Response:
        data = body.encode() if isinstance(body, str) else body or b""
        event = {
            "version": "2.0",
            "rawPath": "/",
            "rawQueryString": url.partition("?")[2],
            "headers": {k.lower(): v for k, v in headers.items()},
            "requestContext": {"http": {"method": method, "path": "/"}},
            "body": b64(data),
            "isBase64Encoded": True,
        }
        return Response(aws_lambda.handler(json.loads(json.dumps(event)), None))

    sdk.request.conn.request = request
    return sdk


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.usefixtures("lambda_environment")
def test_lambda_function_url(method: str) -> None:
    class There:
        endpoint = "abc123.lambda-url.eu-west-1.on.aws"

    sdk = through_lambda(client(There, method=method))  # type: ignore[arg-type]
    small = {"ImageBase64": b64(photo(size=(600, 120)))}
    assert sdk.call_json("VinOCR", small)["Response"]["Vin"] == VIN
    with pytest.raises(Exception, match="InvalidAction"):
        sdk.call_json("IDCardOCR", {})


@pytest.mark.usefixtures("lambda_environment")
def test_lambda_keeps_operators_pages_shut() -> None:
    about = {"http": {"method": "GET", "path": "/metrics"}}
    headers = {"host": "abc123.lambda-url.eu-west-1.on.aws"}
    event = {"rawPath": "/metrics", "headers": headers, "requestContext": about}
    assert aws_lambda.handler(event, None)["statusCode"] == 403
