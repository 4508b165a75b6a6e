"""The console in this process, before a real ledger; and in a browser, before the whole local stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests import secrets
from tests.console import filled
from tests.http.conftest import Answer, understand
from vindrop import http, settings
from vindrop.core.app import App
from vindrop.core.invocation import Invocation
from vindrop.settings import Settings
from vindrop.wiring import build
from vindrop_local.sample_events.http import GATEWAYS

CAPTURE, REVIEWER, OTHER, ADMIN = (
    f"{secrets.API_KEY}-{name}" for name in ("capture", "reviewer", "other", "admin")
)
KEYS = f"{CAPTURE} lee:review:{REVIEWER} ming:review:{OTHER} kim:admin:{ADMIN}"
HOST = {"host": "vindrop.example", "sec-fetch-site": "same-origin"}


@dataclass
class Desk:
    """The function with a ledger behind it, and somebody who asks it."""

    given: Settings
    app: App
    url: str
    gateway: str = "tencent_url"
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; ``key``: with a session that this key has opened."""
        sent = {**HOST, **(headers or {})}
        if key is not None:
            cookie, token = self.session(key)
            sent = {"cookie": cookie, "x-csrf-token": token, **sent}
        text = "" if body is None else json.dumps(body)
        event = GATEWAYS[self.gateway](method, path, sent, text)
        if query:
            event = with_query(event, query)
        call = Invocation("local", "request-1", "http_api", 200.0)
        return understand(
            http.process(event, call, settings=lambda: self.given, app=lambda: self.app)
        )

    def session(self, key: str) -> tuple[str, str]:
        if key not in self.sessions:
            answer = self.ask("POST", "/v1/session", {"key": key})
            assert answer.status == 201, answer.text
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            self.sessions[key] = (cookie, answer.json["csrf"])
        return self.sessions[key]

    def queue(self, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(
            "GET", "/v1/reviews", key=REVIEWER, query=query
        ).json["items"]
        return found

    def decide(self, item: dict[str, Any], key: str = REVIEWER, **said: Any) -> Answer:
        body = {"after": item["sequence"], **said}
        return self.ask("POST", f"/v1/reviews/{item['id']}", body, key=key)


def with_query(event: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    text = urlencode(query)
    if "rawPath" in event:
        return event | {"rawQueryString": text}
    name = "queryString" if "queryString" in event else "queryStringParameters"
    return event | {name: query}


@pytest.fixture
def make_desk(tmp_path: Path) -> Callable[..., Desk]:
    def make(photos: list[filled.Photo] | None = None, **changes: str) -> Desk:
        url = f"sqlite:///{tmp_path}/vindrop.db"
        given = settings.load(
            {
                "VINDROP_RESULTS": url,
                "VINDROP_DEAD_LETTERS": url,
                "VINDROP_LEDGER": url,
                "VINDROP_API_KEYS": KEYS,
                "VINDROP_UPLOAD_REGION": filled.REGION,
                **changes,
            }
        )
        desk = Desk(given, build(given, secrets.TENCENT_ROLE), url)
        filled.fill(url, tmp_path / "bucket", photos or [])
        return desk

    return make
