"""The account: Tencent's API 3.0 and COS through their official clients, and each refusal in a sentence."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from vindrop.clouds import keep_to_itself
from vindrop.domain.redaction import redact
from vindrop_local.errors import UserError

VERSIONS: Final = {"cam": "2019-01-16", "cynosdb": "2019-01-07", "vpc": "2017-03-12"}
"""Service → version of its API."""
_SECONDS: Final = 30
_PAGE: Final = 100
_ABSENT: Final = re.compile(r"ResourceNotFound|InvalidParameter\.(Role|User|PolicyId)NotExist")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z0-9]{1,12}){1,3}")
_UNAUTHORIZED: Final = re.compile(r"(AuthFailure\.)?UnauthorizedOperation")

Answer = TypeVar("Answer")


class Cloud:
    """One account in one region, with the keys of somebody who may make things."""

    def __init__(self, environment: Mapping[str, str], region: str) -> None:
        """Keep keys and region.

        :param environment: `TENCENT_SECRET_ID`, `_KEY` and `TENCENT_TOKEN` as `osls deploy` takes them;
            `TENCENT_ENDPOINT_URL` and `TENCENT_COS_PROXY` lead elsewhere than to the cloud.
        """
        self.region = region.strip()
        if not _REGION.fullmatch(self.region):
            raise UserError(
                f"no region of Tencent Cloud is called {region!r}: such as ap-guangzhou"
            )
        names = ("TENCENT_SECRET_ID", "TENCENT_SECRET_KEY", "TENCENT_TOKEN")
        self._id, self._key, self._token = (environment.get(name, "").strip() for name in names)
        if not (self._id and self._key):
            raise UserError(
                "no keys: export TENCENT_SECRET_ID and TENCENT_SECRET_KEY of an account that may "
                "manage CAM, COS, VPC and TDSQL-C (the account itself, or an administrator's sub-account)"
            )
        self._endpoint = environment.get("TENCENT_ENDPOINT_URL", "")
        self._proxy = environment.get("TENCENT_COS_PROXY", "")
        self._clients: dict[str, Any] = {}

    def call(self, service: str, action: str, **parameters: Any) -> dict[str, Any]:
        """Make one call and return its Response.

        :raises UserError: it was refused or not answered, and what to do.
        """
        found = self._call(service, action, parameters)
        if isinstance(found, dict):
            return found
        raise UserError(self._sentence(service, action, *found))

    def look(self, service: str, action: str, **parameters: Any) -> dict[str, Any] | None:
        """Do the same; None where the thing does not exist."""
        found = self._call(service, action, parameters)
        if isinstance(found, dict):
            return found
        if _ABSENT.match(found[0]):
            return None
        raise UserError(self._sentence(service, action, *found))

    def pages(
        self, service: str, action: str, key: str, *, text: bool = False, **parameters: Any
    ) -> Iterator[Any]:
        """Yield every entry of a listing that counts from `Offset`.

        :param text: whether this service takes numbers as text, as VPC does.
        """
        offset = 0
        while True:
            paging: dict[str, Any] = {"Offset": offset, "Limit": _PAGE}
            if text:
                paging = {name: str(value) for name, value in paging.items()}
            found = self.call(service, action, **parameters, **paging).get(key) or []
            yield from found
            if len(found) < _PAGE:
                return
            offset += _PAGE

    def cos(
        self, action: str, call: Callable[[Any], Answer], *, absent: tuple[str, ...] = ()
    ) -> Answer | None:
        """Ask COS through its official client.

        :param action: the permission that the call needs, such as `PutBucket`.
        :param absent: the store's codes that mean that there is no such thing: None then.
        """
        from qcloud_cos.cos_exception import CosClientError, CosServiceError

        try:
            return call(self._cos())
        except CosServiceError as error:
            code = error.get_error_code() or str(error.get_status_code())
            if code in absent:
                return None
            if error.get_status_code() == 403 and code in {"AccessDenied", "403"}:
                code = "UnauthorizedOperation"
            raise UserError(
                self._sentence("cos", action, code, str(error.get_error_msg() or ""))
            ) from None
        except CosClientError as error:
            raise UserError(
                f"COS could not be reached for {action}: {redact(str(error))}"
            ) from None

    def _call(
        self, service: str, action: str, parameters: dict[str, Any]
    ) -> dict[str, Any] | tuple[str, str]:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
            TencentCloudSDKException,
        )

        try:
            response = self._client(service).call_json(action, parameters).get("Response")
        except TencentCloudSDKException as error:
            message = error.get_message()
            return str(error.get_code()), message if isinstance(message, str) else "no answer"
        if not isinstance(response, dict):
            return "ServerNetworkError", "the answer holds no Response"
        if isinstance(said := response.get("Error"), dict):
            return str(said.get("Code")), str(said.get("Message"))
        return response

    def _sentence(self, service: str, action: str, code: str, message: str) -> str:
        doing = f"{service}:{action}"
        if _UNAUTHORIZED.match(code):
            return (
                f"these keys may not {doing}: add that action to a policy of theirs in CAM, or use an "
                "administrator's; what was made so far stays, and the next run goes on from there"
            )
        if code.startswith("AuthFailure"):
            return f"the keys are refused ({code}): look at TENCENT_SECRET_ID, _KEY and this clock"
        if code == "UnsupportedRegion":
            return f"{service} is not in {self.region}: take another region with --region"
        if code.startswith("Client"):
            return f"{service} could not be reached for {action}: {redact(message)}"
        return f"{service} refused {action}: {code}: {redact(message)}"

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            from tencentcloud.common.common_client import CommonClient
            from tencentcloud.common.credential import Credential
            from tencentcloud.common.profile.client_profile import ClientProfile
            from tencentcloud.common.profile.http_profile import HttpProfile

            own = urlsplit(self._endpoint or f"https://{service}.tencentcloudapi.com")
            if own.scheme not in {"http", "https"} or not own.netloc:
                raise UserError("TENCENT_ENDPOINT_URL takes http://host:port or https://host")
            profile = HttpProfile(protocol=own.scheme, endpoint=own.netloc, reqTimeout=_SECONDS)
            client = CommonClient(
                service,
                VERSIONS[service],
                Credential(self._id, self._key, self._token or None),
                self.region,
                ClientProfile(httpProfile=profile),
            )
            keep_to_itself(client, f"{own.scheme}://{own.netloc}")
            self._clients[service] = client
        return self._clients[service]

    def _cos(self) -> Any:
        if "cos" not in self._clients:
            from qcloud_cos import CosConfig, CosS3Client

            # what it would log as an error is an answer here: a rule that is not there yet
            logging.getLogger("qcloud_cos").setLevel(logging.CRITICAL)
            proxied = {"Proxies": {"http": self._proxy}, "Scheme": "http"} if self._proxy else {}
            more = {"Scheme": "https", **proxied}
            config = CosConfig(
                Region=self.region,
                SecretId=self._id,
                SecretKey=self._key,
                Token=self._token or None,
                Timeout=_SECONDS,
                **more,
            )
            self._clients["cos"] = CosS3Client(config, retry=0)
        return self._clients["cos"]
