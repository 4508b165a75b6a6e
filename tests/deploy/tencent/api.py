"""API 3.0: the signature, version, region and fields of a call, then its service."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from tests.deploy.tencent.accounts import CAM, STS
from tests.deploy.tencent.functions import SCF
from tests.deploy.tencent.logs import CLS
from tests.deploy.tencent.models import VERSIONS, Refused, held_against_model
from tests.deploy.tencent.state import State
from vindrop_local.bucket import Account
from vinocr.api import signature


class API:
    def __init__(self, state: State, account: Account) -> None:
        self._state = state
        self._account = account
        self._services = {"sts": STS(), "cam": CAM(state), "cls": CLS(state), "scf": SCF(state)}

    def answer(self, headers: dict[str, str], body: bytes) -> str:
        request_id = str(uuid.uuid4())
        try:
            service, action, given = self._checked(headers, body)
            with self._state.lock:
                self._state.calls.append((service, action, given))
                answer = getattr(self._services[service], action)(given)
        except Refused as error:
            if not error.code.startswith("ResourceNotFound") and "NotExist" not in error.code:
                self._state.refusals.append(f"{headers.get('x-tc-action')}: {error.code}: {error}")
            answer = {"Error": {"Code": error.code, "Message": str(error)}}
        except Exception as error:
            self._state.refusals.append(f"{headers.get('x-tc-action')}: {error!r}")
            answer = {"Error": {"Code": "InternalError", "Message": repr(error)}}
        return json.dumps({"Response": {**answer, "RequestId": request_id}})

    def _checked(self, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, Any]]:
        given = signature.parse_authorization(headers["authorization"])
        service, action = headers["host"].partition(".")[0], headers["x-tc-action"]
        holds = signature.tc3_is_valid(
            self._account.secret_key,
            given,
            int(headers["x-tc-timestamp"]),
            method="POST",
            raw_query="",
            headers=headers,
            body_hash=hashlib.sha256(body).hexdigest(),
        )
        if given.secret_id != self._account.secret_id or not holds or given.service != service:
            raise Refused("AuthFailure.SignatureFailure", "the signature is wrong")
        if headers["x-tc-version"] != VERSIONS[service]:
            raise Refused("NoSuchVersion", headers["x-tc-version"])
        if service != "cam" and headers.get("x-tc-region") != "ap-guangzhou":
            raise Refused("UnsupportedRegion", str(headers.get("x-tc-region")))
        if len(body) > 10 * 1024 * 1024:
            raise Refused("RequestSizeLimitExceeded", str(len(body)))
        parameters = json.loads(body)
        held_against_model(service, action, parameters)
        return service, action, parameters
