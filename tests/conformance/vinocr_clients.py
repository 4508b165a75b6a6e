"""Clients that others wrote, each behind one function: a case in, an outcome out."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ocr.v20181119 import models
from tencentcloud.ocr.v20181119.ocr_client import OcrClient
from tencentcloud.ocr.v20181119.ocr_client_async import OcrClient as AsyncOcrClient

from tests.conformance.vinocr_cases import KEYS, Case, Outcome
from tests.conformance.vinocr_lambda import Emulator

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Server:
    """Where a running VinOCR is, and the certificate that it shows (or None)."""

    endpoint: str
    certificate: Path | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"


@dataclass(frozen=True)
class Client:
    """A client: its name, what it cannot send, and the function that sends a case."""

    name: str
    ask: Callable[[Case], Outcome]
    typed: bool = False
    method: str = "POST"
    v1: bool = False
    through_lambda: bool = False

    def expects(self, case: Case) -> str | None:
        """What this client must get for a case, or None where it cannot be asked."""
        if self.typed and not case.typed:
            return None
        if case.large and (self.method == "GET" or self.through_lambda):
            return None  # an event of Lambda holds 6 MB
        if case.while_busy and self.through_lambda:
            return None  # one execution environment takes one request at a time
        if case.large and self.v1:
            return "AuthFailure.SignatureFailure"
        if case.name == "wrong type" and (self.method == "GET" or self.v1):
            return "UnknownParameter"  # a form has no types: it sends ImageBase64.a.0
        if case.name == "wrong type" and "multipart" in self.name:
            return "FailedOperation.ImageDecodeFailed"  # nor has a part of a multipart body
        return case.expect


def python_sdk(
    server: Server,
    name: str,
    *,
    sign: str = "TC3-HMAC-SHA256",
    method: str = "POST",
    kind: str = "common",
    emulator: Emulator | None = None,
) -> Client:
    """The official Python SDK: ``common``, ``typed``, ``async`` or ``multipart``."""

    def profile(case: Case) -> ClientProfile:
        http = HttpProfile(protocol=server.scheme, endpoint=server.endpoint, reqMethod=method)
        if server.certificate:
            http.certification = str(server.certificate)
        return ClientProfile(signMethod=sign, httpProfile=http, language=case.language)

    def request(case: Case) -> models.VinOCRRequest:
        made = models.VinOCRRequest()
        made.ImageBase64 = case.parameters.get("ImageBase64")
        made.ImageUrl = case.parameters.get("ImageUrl")
        return made

    def send(case: Case) -> tuple[str, str]:
        credential = Credential(*KEYS[case.key])
        if kind == "typed":
            answer = OcrClient(credential, "ap-guangzhou", profile(case)).VinOCR(request(case))
            return answer.Vin, answer.RequestId
        if kind == "async":
            return asyncio.run(send_async(case, credential))
        options = {"IsMultipart": True} if kind == "multipart" else None
        sdk = CommonClient("ocr", case.version, credential, "", profile(case))
        if emulator is not None:
            emulator.carry(sdk)
        got = sdk.call_json(case.action, case.parameters, options=options)["Response"]
        return got["Vin"], got["RequestId"]

    async def send_async(case: Case, credential: Credential) -> tuple[str, str]:
        async with AsyncOcrClient(credential, "", profile(case)) as sdk:
            answer = await sdk.VinOCR(request(case))
            return answer.Vin, answer.RequestId

    def ask(case: Case) -> Outcome:
        try:
            vin, request_id = send(case)
        except TencentCloudSDKException as error:
            return Outcome(code=error.code, message=error.message or "", request_id=error.requestId)
        return Outcome(vin=vin, request_id=request_id)

    return Client(
        name,
        ask,
        kind in ("typed", "async"),
        method,
        not sign.startswith("TC3"),
        emulator is not None,
    )


class Node:
    """The official Node.js SDK in one long-lived process."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "node" / "driver.mjs")],
            cwd=folder,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(certificate)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def client(
        self, server: Server, name: str, sign: str = "TC3-HMAC-SHA256", method: str = "POST"
    ) -> Client:
        def ask(case: Case) -> Outcome:
            secret_id, secret_key, token = KEYS[case.key]
            call = {
                "endpoint": server.endpoint, "protocol": server.scheme + "://", "sign": sign,
                "method": method, "secretId": secret_id, "secretKey": secret_key, "token": token,
                "region": "ap-guangzhou", "language": case.language, "action": case.action,
                "version": case.version, "parameters": case.parameters,
            }  # fmt: skip
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(call) + "\n")
            self._process.stdin.flush()
            got = json.loads(self._process.stdout.readline())
            return Outcome(
                got.get("vin"), got.get("code"), got.get("message", ""), got.get("requestId")
            )

        return Client(name, ask, method=method, v1=not sign.startswith("TC3"))

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(20)
        if self._process.stdout:
            self._process.stdout.close()


_TCCLI_ERROR = re.compile(
    r"code:(?P<code>\S+) message:(?P<message>.*?) requestId:(?P<id>\S+)", re.DOTALL
)


def tccli(server: Server, binary: Path) -> Client:
    """The official command line, one process per call. It speaks TLS only."""

    def ask(case: Case) -> Outcome:
        secret_id, secret_key, token = KEYS[case.key]
        with tempfile.TemporaryDirectory() as home:
            file = Path(home) / "input.json"
            file.write_text(json.dumps(case.parameters))
            command = [
                str(binary), "ocr", case.action, "--cli-input-json", f"file://{file}",
                "--endpoint", server.endpoint, "--region", "ap-guangzhou",
                "--language", case.language, "--secretId", secret_id, "--secretKey", secret_key,
            ]  # fmt: skip
            command += ["--token", token] if token else []
            environment = {"HOME": home, "PATH": "/usr/bin:/bin"}
            ended = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
        words = ended.stdout + ended.stderr
        if ended.returncode == 0:
            got: dict[str, Any] = json.loads(ended.stdout)
            return Outcome(vin=got["Vin"], request_id=got["RequestId"])
        found = _TCCLI_ERROR.search(words)
        if found is None:
            return Outcome(code="?", message=words[:300])
        return Outcome(code=found["code"], message=found["message"], request_id=found["id"])

    return Client("tccli, TLS", ask, typed=True)
