"""Tencent Cloud's API 3.0 for stores, through the official SDK's `CommonClient`.

As with VinOCR the SDK's retryer stays off, and everything it may raise is caught.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from vindrop.clouds import Credentials, keep_to_itself, tencent_role, trimmed
from vindrop.core.invocation import bound, deadline
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.core.store_url import TIMEOUT, StoreURL

CONNECT_SECONDS: Final = 3.0
OPTIONS: Final = ("endpoint", TIMEOUT)
"""What the URL of each of Tencent's services takes."""


class TencentClient:
    """Calls one service; safe to share between threads."""

    def __init__(
        self, service: str, version: str, url: StoreURL, environment: Mapping[str, str]
    ) -> None:
        if url.user or url.password:
            raise StoreSettingError(
                f"{url.scheme}://… takes no user and no password: the keys are those of the function's role"
            )
        self._service = service
        self._version = version
        self._environment = environment
        self._region = (
            url.hosts
            or trimmed(environment.get("TENCENTCLOUD_REGION", ""))
            or trimmed(environment.get("AWS_REGION", ""))
        )
        connect = min(CONNECT_SECONDS, url.timeout * 0.3)
        self._timeout = (connect, url.timeout - connect)
        self._seconds = url.timeout
        if not self._region:
            raise StoreSettingError(
                f"{url.shown} has no region: write it as the host, such as {url.scheme}://ap-guangzhou/name"
            )
        if not re.fullmatch(r"[a-z0-9-]{2,32}", self._region):
            raise StoreSettingError(
                f"{url.shown}: no region of Tencent Cloud is called so: such as ap-guangzhou"
            )
        endpoint = urlsplit(url.options.get("endpoint") or f"https://{service}.tencentcloudapi.com")
        if endpoint.scheme not in {"http", "https"} or not endpoint.netloc:
            raise StoreSettingError(f"{url.shown}: endpoint takes http://host:port or https://host")
        self._scheme, self._host = endpoint.scheme, endpoint.netloc
        self._lock = threading.Lock()
        self._client: Any = None
        self._credentials: Credentials | None = None

    def call(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Make one call and return what stands in its Response.

        :raises StoreError: every way in which it can fail.
        """
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
            TencentCloudSDKException,
        )

        client = self._client_now()
        try:
            with deadline(self._seconds):
                answer = client.call_json(action, dict(parameters))
        except TencentCloudSDKException as error:
            message = error.get_message()
            if isinstance(message, bytes):
                message = "it did not answer with status 200"
            raise StoreError(
                f"{self._service} refused {action}: {error.get_code()}: {message}"
            ) from None
        except Exception as error:  # noqa: BLE001  # the SDK lets KeyError and requests' own through
            raise StoreError(
                f"the answer of {self._service} to {action} could not be read ({type(error).__name__})"
            ) from None
        response = answer.get("Response") if isinstance(answer, dict) else None
        if not isinstance(response, dict):
            raise StoreError(f"the answer of {self._service} to {action} holds no Response")
        said = response.get("Error")
        if isinstance(said, dict):
            raise StoreError(
                f"{self._service} refused {action}: {said.get('Code')}: {said.get('Message')}"
            )
        return response

    def _client_now(self) -> Any:
        keys = tencent_role(self._environment)
        if keys is None:
            raise StoreError(
                f"no keys for {self._service}: give the function an execution role, or set "
                "TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"
            )
        with self._lock:
            if self._client is None or keys != self._credentials:
                self._client = self._connect(keys)
                self._credentials = keys
            return self._client

    def _connect(self, keys: Credentials) -> Any:
        from tencentcloud.common.common_client import CommonClient
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile

        http = HttpProfile(
            protocol=self._scheme,
            endpoint=self._host,
            reqTimeout=self._timeout,
            keepAlive=True,
        )
        client = CommonClient(
            self._service,
            self._version,
            Credential(keys.id, keys.key, keys.token),
            self._region,
            ClientProfile(httpProfile=http),
        )
        keep_to_itself(client, f"{self._scheme}://{self._host}")
        bound(client.request.conn._session)  # noqa: SLF001  # the SDK has no other way to it
        return client
