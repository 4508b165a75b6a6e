"""What the tests of VinOCR share: a photo that any reader reads, and the official SDK as client."""

from __future__ import annotations

import base64
import functools
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from tests import secrets
from vinocr.launcher import ServerProcess

VIN = "WDD2131426L004847"
ID, KEY = secrets.VINOCR_ID, secrets.VINOCR_KEY


@functools.cache
def photo(vin: str = VIN, kind: str = "JPEG", size: tuple[int, int] = (900, 200)) -> bytes:
    """A VIN printed in black on white: any reader that reads at all reads this."""
    image = Image.new("RGB", size, "white")
    if vin:
        font = ImageFont.load_default(size[0] // 15)
        ImageDraw.Draw(image).text((size[0] // 20, size[1] // 3), vin, font=font, fill="black")
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def client(
    vinocr: ServerProcess,
    *,
    secret_id: str = ID,
    secret_key: str = KEY,
    token: str | None = None,
    region: str = "",
    version: str = "2018-11-19",
    product: str = "ocr",
    sign: str = "TC3-HMAC-SHA256",
    method: str = "POST",
    language: str = "en-US",
    unsigned: bool = False,
) -> CommonClient:
    """The official SDK's client, pointed at a running server."""
    http = HttpProfile(protocol="http", endpoint=vinocr.endpoint, reqMethod=method, reqTimeout=30)
    profile = ClientProfile(signMethod=sign, httpProfile=http)
    profile.language = language  # its constructor would refuse what the server must refuse
    profile.unsignedPayload = unsigned
    return CommonClient(product, version, Credential(secret_id, secret_key, token), region, profile)


def call(
    vinocr: ServerProcess, parameters: dict[str, Any], action: str = "VinOCR", **how: Any
) -> str:
    """Call through the SDK and return the VIN; its exception carries the code."""
    answer: str = client(vinocr, **how).call_json(action, parameters)["Response"]["Vin"]
    return answer


def refusal(
    vinocr: ServerProcess, parameters: dict[str, Any], action: str = "VinOCR", **how: Any
) -> str:
    """Call through the SDK, which must raise; return the code that its exception carries."""
    with pytest.raises(TencentCloudSDKException) as caught:
        call(vinocr, parameters, action, **how)
    assert caught.value.requestId, "an error without RequestId makes the SDK raise KeyError"
    assert caught.value.message
    return str(caught.value.code)


_STUB = '''
import sys
if any("reader_process" in each for each in sys.orig_argv):
    import re, time, types
    from vinocr.reader import Answer

    class Reader:
        """Stands in for the networks: answers at once, or does what stands behind the image."""
        def __init__(self, **_):
            pass
        def read(self, image):
            wait = re.search(rb"sleep=([0-9.]+)", image)
            time.sleep(float(wait[1]) if wait else {seconds})
            _, found, expression = image.rpartition(b"eval:")
            said = repr(eval(expression, {{}})) if found else ""
            return Answer({vin!r}, said, 0.99, (0.99,) * 17, None, (), None, False, 1, 1.0)

    sys.modules["vinocr.reader.reader"] = module = types.ModuleType("vinocr.reader.reader")
    module.Reader = Reader
'''


def stub_reader(folder: Path, seconds: float = 0.0, server: str = "") -> dict[str, str]:
    """Return settings of a server whose readers only wait ``seconds`` for each image.

    An image that ends in ``sleep=N`` takes N seconds; one that ends in ``eval:EXPRESSION`` has the
    expression's value as what was read (``as_read`` of ``/v1/vin``).

    :param server: Python code that its processes run at start.
    """
    (folder / "sitecustomize.py").write_text(_STUB.format(seconds=seconds, vin=VIN) + server)
    return {
        "PYTHONPATH": str(folder),
        "VINOCR_SECRET_ID": ID,
        "VINOCR_SECRET_KEY": KEY,
        "VINOCR_RATE": "10000",
    }


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds; a busy machine gets its time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.02)
