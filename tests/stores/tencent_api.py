"""A loopback API 3.0 for TDMQ (CMQ) and EventBridge.

Signatures are checked as the cloud does, and the fields with the official SDK's own models: one
that the service does not know, or of the wrong kind, is refused.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
import warnings
from typing import Any

from tests import needs, secrets
from tests.http_server import Handler, HTTPThread
from tests.stores.servers import Gate
from vinocr.api import signature

SECRET_ID, SECRET_KEY = secrets.TENCENT_ID, secrets.TENCENT_KEY
TOKEN = "planted-token"
_VERSIONS = {"tdmq": "2020-02-17", "eb": "2021-04-16"}
_LARGEST = 1024 * 1024


class TencentAPI:
    """What was sent, by the name of the queue, topic or bus."""

    def __init__(self) -> None:
        needs.module("tencentcloud.tdmq", package="tencentcloud-sdk-python-tdmq")
        needs.module("tencentcloud.eb", package="tencentcloud-sdk-python-eb")
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.seen_tokens: set[str] = set()
        self.lock = threading.Lock()
        self._server = HTTPThread(self._handler())
        self._gate = Gate(self._server.server_port)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._gate.port}"

    def start(self) -> None:
        self._gate.open()

    def stop(self) -> None:
        self._gate.shut()

    def close(self) -> None:
        self._gate.close()
        self._server.stop()

    def _handler(self) -> type[Handler]:
        api = self

        class API(Handler):
            def do_POST(self) -> None:
                answer = api.answer(dict(self.headers.items()), self.body())
                response = json.dumps({"Response": answer | {"RequestId": str(uuid.uuid4())}})
                self.answer(200, response.encode(), {"Content-Type": "application/json"})

        return API

    def answer(self, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        lowered = {name.lower(): value for name, value in headers.items()}
        given = signature.parse_authorization(lowered["authorization"])
        if given.secret_id != SECRET_ID:
            return _error("AuthFailure.SecretIdNotFound", "no such key")
        holds = signature.tc3_is_valid(
            SECRET_KEY,
            given,
            int(lowered["x-tc-timestamp"]),
            method="POST",
            raw_query="",
            headers=lowered,
            body_hash=hashlib.sha256(body).hexdigest(),
        )
        if not holds:
            return _error("AuthFailure.SignatureFailure", "the signature is wrong")
        if lowered["x-tc-version"] != _VERSIONS[given.service]:
            return _error("NoSuchVersion", lowered["x-tc-version"])
        with self.lock:
            self.seen_tokens.add(lowered.get("x-tc-token", ""))
        return self._do(lowered["x-tc-action"], json.loads(body))

    def _do(self, action: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            name, message = _read(action, given)
        except (ValueError, TypeError, Warning) as error:
            return _error("InvalidParameter", str(error))
        if name.startswith("missing"):
            return _error("ResourceNotFound", f"{name} does not exist")
        if len(json.dumps(message)) > _LARGEST:
            return _error("InvalidParameterValue", "the message is too large")
        with self.lock:
            self.sent.setdefault(name, []).append(message)
        return {"MsgId": "m-1"} if action != "PutEvents" else {}


def _read(action: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Take the request apart with the SDK's model; an unknown field is its warning, raised."""
    from tencentcloud.eb.v20210416 import models as eb
    from tencentcloud.tdmq.v20200217 import models as tdmq

    model: Any
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if action == "SendCmqMsg":
            model = tdmq.SendCmqMsgRequest()
            model._deserialize(given)
            _is(model.QueueName, str)
            _is(model.DelaySeconds, int)
            return model.QueueName, {"body": _is(model.MsgContent, str)}
        if action == "PublishCmqMsg":
            model = tdmq.PublishCmqMsgRequest()
            model._deserialize(given)
            for tag in _is(model.MsgTag, list):
                if len(_is(tag, str)) > 64:
                    raise ValueError(f"the tag {tag} is too long")
            return model.TopicName, {"body": _is(model.MsgContent, str), "tags": model.MsgTag}
        if action == "PutEvents":
            model = eb.PutEventsRequest()
            model._deserialize(given)
            (event,) = model.EventList
            _is(event.Time, int)
            tags = {tag.Key: tag.Value for tag in event.TagList or []}
            return model.EventBusId, {
                "id": _is(event.Id, str),
                "source": _is(event.Source, str),
                "type": _is(event.Type, str),
                "subject": _is(event.Subject, str),
                "data": json.loads(_is(event.Data, str)),
                "tags": tags,
            }
    raise ValueError(f"no action {action}")


def _is(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _error(code: str, message: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": message}}
