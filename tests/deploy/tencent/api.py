"""API 3.0: the signature, version, region and fields of a call, then its service."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from tests.deploy.tencent.accounts import CAM, STS
from tests.deploy.tencent.database import CynosDB
from tests.deploy.tencent.functions import SCF
from tests.deploy.tencent.logs import CLS
from tests.deploy.tencent.models import VERSIONS, Refused, held_against_model
from tests.deploy.tencent.network import VPC
from tests.deploy.tencent.state import State
from vinocr.api import signature


class API:
    def __init__(self, state: State) -> None:
        self._state = state
        self._services = {
            "sts": STS(),
            "cam": CAM(state),
            "cls": CLS(state),
            "scf": SCF(state),
            "vpc": VPC(state),
            "cynosdb": CynosDB(state),
        }

    def answer(self, headers: dict[str, str], body: bytes) -> str:
        request_id = str(uuid.uuid4())
        try:
            service, action, given = self._checked(headers, body)
            with self._state.lock:
                self._state.calls.append((service, action, given))
                answer = getattr(self._services[service], action)(given)
        except Refused as error:
            expected = ("ResourceNotFound", "UnauthorizedOperation", "UnsupportedRegion")
            if not error.code.startswith(expected) and "NotExist" not in error.code:
                self._state.refusals.append(f"{headers.get('x-tc-action')}: {error.code}: {error}")
            answer = {"Error": {"Code": error.code, "Message": str(error)}}
        except Exception as error:
            self._state.refusals.append(f"{headers.get('x-tc-action')}: {error!r}")
            answer = {"Error": {"Code": "InternalError", "Message": repr(error)}}
        return json.dumps({"Response": {**answer, "RequestId": request_id}})

    def _checked(self, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, Any]]:
        given = signature.parse_authorization(headers["authorization"])
        service, action = given.service, headers["x-tc-action"]
        if service not in self._services:
            raise Refused("NoSuchProduct", service)
        key, _ = self._state.keys.get(given.secret_id, ("", None))
        holds = signature.tc3_is_valid(
            key,
            given,
            int(headers["x-tc-timestamp"]),
            method="POST",
            raw_query="",
            headers=headers,
            body_hash=hashlib.sha256(body).hexdigest(),
        )
        # the toolkit's client keeps the service's name; the official SDK for Python is given this address
        host = headers["host"]
        if not key or not holds or not host.startswith((f"{service}.", "127.0.0.1:")):
            raise Refused("AuthFailure.SignatureFailure", "the signature is wrong")
        if headers["x-tc-version"] != VERSIONS[service]:
            raise Refused("NoSuchVersion", headers["x-tc-version"])
        if service != "cam" and headers.get("x-tc-region") not in self._state.serverless:
            raise Refused("UnsupportedRegion", str(headers.get("x-tc-region")))
        if not self._state.may(given.secret_id, f"{service}:{action}"):
            raise Refused(
                "UnauthorizedOperation",
                f"[request id: r-1] you are not authorized to perform operation ({service}:{action})",
            )
        if len(body) > 10 * 1024 * 1024:
            raise Refused("RequestSizeLimitExceeded", str(len(body)))
        parameters = json.loads(body)
        held_against_model(service, action, parameters)
        self._state.region = headers.get("x-tc-region") or ""
        return service, action, parameters
