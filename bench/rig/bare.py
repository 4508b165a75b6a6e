"""The handlers that people write first: one call of the SDK per event, with and without its retryer.

What fails raises, and the platform brings the event again as often as it does, then drops it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from vindrop.clouds import Credentials
from vindrop.clouds.cos import COS
from vindrop.domain.upload import Upload
from vindrop.triggers import read

_clients: dict[bool, Any] = {}


def handle(event: Any, environment: dict[str, str], *, retry: bool) -> str:
    """Read one photo; append the answer to the file that BENCH_BARE_RESULTS names.

    :raises TencentCloudSDKException: the call failed.
    """
    upload = read(event).messages[0].arrival
    if not isinstance(upload, Upload):
        raise TypeError("the bench sent an event that names no object")
    url = COS.signed_url(
        upload,
        Credentials(environment["TENCENTCLOUD_SECRETID"], environment["TENCENTCLOUD_SECRETKEY"]),
        seconds=600,
        endpoint=environment["VINDROP_STORAGE_ENDPOINT"],
    )
    answer = _client(environment, retry=retry).call_json("VinOCR", {"ImageUrl": url})
    vin = str(answer["Response"]["Vin"])
    line = json.dumps({"key": upload.key, "vin": vin, "at": time.time()}) + "\n"
    with Path(environment["BENCH_BARE_RESULTS"]).open("a") as file:
        file.write(line)  # one short write to a file opened for appending is not torn
    return vin


def _client(environment: dict[str, str], *, retry: bool) -> Any:
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.common.retry import NoopRetryer, StandardRetryer

    if retry not in _clients:
        host = environment["VINDROP_VINOCR_ENDPOINT"].rpartition("://")[2]
        http = HttpProfile(protocol="http", endpoint=host, reqTimeout=30, keepAlive=True)
        profile = ClientProfile(
            httpProfile=http, retryer=StandardRetryer() if retry else NoopRetryer()
        )
        keys = Credential(
            environment["TENCENTCLOUD_SECRETID"], environment["TENCENTCLOUD_SECRETKEY"]
        )
        _clients[retry] = CommonClient("ocr", "2018-11-19", keys, "", profile)
    return _clients[retry]
