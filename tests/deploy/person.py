"""A person at the console of a deployed function, as a gateway hands on what their browser sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.console.conftest import HOST, with_query
from vindrop_local.sample_events.http import GATEWAYS


class Person:
    """Signed in or not."""

    def __init__(self, call: Callable[[dict[str, Any]], dict[str, Any]], gateway: str) -> None:
        """Sit down.

        :param call: hands an event of ``gateway`` to the function and returns its answer.
        """
        self._call = call
        self._gateway = gateway
        self._headers = dict(HOST)

    def asks(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        text = "" if body is None else json.dumps(body)
        event = GATEWAYS[self._gateway](method, path, self._headers, text)
        return self._call(with_query(event, query) if query else event)

    def gets(self, path: str) -> Any:
        answer = self.asks("GET", path)
        assert answer["statusCode"] == 200, answer
        return json.loads(answer["body"])

    def signs_in(self, key: str) -> None:
        answer = self.asks("POST", "/v1/session", {"key": key})
        assert answer["statusCode"] == 201, answer
        assert "Secure" in answer["headers"]["Set-Cookie"]
        self._headers["cookie"] = answer["headers"]["Set-Cookie"].partition(";")[0]
        self._headers["x-csrf-token"] = json.loads(answer["body"])["csrf"]

    def decides(self, item: dict[str, Any], vin: str) -> Any:
        body = {"vin": vin, "after": item["sequence"], "seconds": 4.2}
        answer = self.asks("POST", f"/v1/reviews/{item['id']}", body)
        assert answer["statusCode"] == 201, answer
        return json.loads(answer["body"])
