"""Text that JSON can carry and no bytes can: half a surrogate pair, in every field of a request."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.http import events
from tests.http.conftest import KEY, OPEN, never
from vindrop import http
from vindrop.core.app import App
from vindrop.core.invocation import Invocation
from vindrop.core.store_errors import StoreError

HALF = "a\ud83d"
CALL = Invocation("local", "request-1", "http_api", 60.0)
BODIES: dict[str, tuple[str, bytes | str]] = {
    "photo": ("image/jpeg", b"\xff\xd8\xff\xe0" + bytes(64)),
    "JSON": ("application/json", '{"ImageUrl": "https://photos.example/a.jpg"}'),
}


def reached() -> App:
    raise StoreError("the ledger was asked")


def texts(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in items:
        if isinstance(value, (dict, list)):
            yield from texts(value, (*path, name))
        elif isinstance(value, str):
            yield (*path, name)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("gateway", events.GATEWAYS)
def test_half_a_character_in_any_field_is_nobody_s_internal_error(gateway: str, body: str) -> None:
    kind, data = BODIES[body]
    names = ("Idempotency-Key", "traceparent", "Origin", "X-Amzn-Trace-Id", "Authorization")
    headers = {"Content-Type": kind, "X-Api-Key": KEY, **dict.fromkeys(names, "x")}
    whole = events.GATEWAYS[gateway]("POST", "/v1/vin", headers, data)
    fields = list(texts(whole))
    assert len(fields) > 8
    for field in fields:
        event = copy.deepcopy(whole)
        holder = event
        for name in field[:-1]:
            holder = holder[name]
        holder[field[-1]] += HALF
        answer = http.process(event, CALL, settings=lambda: OPEN, app=reached)
        assert answer["statusCode"] < 500 or answer["statusCode"] == 503, field
        json.dumps(answer, ensure_ascii=False).encode()


@pytest.mark.parametrize("field", ["ImageUrl", "ImageBase64"])
def test_half_a_character_in_the_json_is_the_caller_s_fault(field: str) -> None:
    body = json.dumps({field: f"https://photos.example/{HALF}.jpg"})
    headers = {"Content-Type": "application/json", "X-Api-Key": KEY}
    event = events.GATEWAYS["tencent_url"]("POST", "/v1/vin", headers, body)
    assert http.process(event, CALL, settings=lambda: OPEN, app=never)["statusCode"] == 400
