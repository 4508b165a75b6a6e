"""The HTTP function in this process, before a real bucket, a real VinOCR and a real ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests import secrets
from tests.http import events
from tests.leaks import heard
from tests.pipeline.conftest import World
from vindrop import http, settings
from vindrop.core.app import App
from vindrop.core.invocation import Invocation

KEY = secrets.API_KEY
OPEN = settings.load(
    {
        "VINDROP_RESULTS": "sqlite:////nonexistent/x.db",
        "VINDROP_DEAD_LETTERS": "sqlite:////nonexistent/x.db",
        "VINDROP_LEDGER": "none",
        "VINDROP_API_KEYS": f"another-key {KEY}",
    }
)
"""Settings of a function whose stores are never opened."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str
    raw: Mapping[str, Any]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def problem(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json"
        found = self.json
        assert found["status"] == self.status
        assert found["title"]
        return str(found["type"]).rpartition(":")[2]


def understand(raw: Mapping[str, Any]) -> Answer:
    headers = raw.get("headers") or {n: v[0] for n, v in raw["multiValueHeaders"].items()}
    return Answer(raw["statusCode"], headers, raw["body"], raw)


def never() -> App:
    raise AssertionError("this request needs no ledger")


def ask(
    method: str = "GET",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    body: bytes | str = "",
    *,
    gateway: str = "tencent_url",
    given: settings.Settings = OPEN,
    app: Callable[[], App] = never,
    key: str | None = KEY,
    seconds: float = 200.0,
) -> Answer:
    """Send one request through the event of ``gateway``."""
    sent = dict(headers or {})
    if key is not None:
        sent["X-Api-Key"] = key
    event = json.loads(json.dumps(events.GATEWAYS[gateway](method, path, sent, body)))
    call = Invocation("local", "request-1", "http_api", seconds)
    answer = understand(http.process(event, call, settings=lambda: given, app=app))
    if path != "/v1/uploads":  # which gives its caller a signed URL: that is what it is for
        heard(f"the answer of {method} {path}", json.dumps(answer.raw))
    return answer


@dataclass
class Service:
    """The function with a world behind it."""

    world: World
    app: App

    def post(self, body: bytes | str, kind: str = "image/jpeg", **more: Any) -> Answer:
        headers = {"Content-Type": kind, **more.pop("headers", {})}
        path = more.pop("path", "/v1/vin")
        return ask("POST", path, headers, body, given=self.app.settings, app=self._app, **more)

    def _app(self) -> App:
        return self.app


@pytest.fixture
def make_service(world: World) -> Callable[..., Service]:
    def make(**changes: str) -> Service:
        given = {
            "VINDROP_API_KEYS": KEY,
            "VINDROP_UPLOAD_REGION": "ap-guangzhou",
            # A busy machine is no failure of ours.
            "VINDROP_VINOCR_TIMEOUT": "60",
            "VINDROP_HTTP_SECONDS": "200",
            **changes,
        }
        return Service(world, world.app(**given))

    return make


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service()
