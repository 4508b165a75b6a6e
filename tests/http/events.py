"""Events of every gateway, each from one request: the public builder's, and rarer forms of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vindrop_local.sample_events import http
from vindrop_local.sample_events.http import Event


def tencent_api(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """With a query as it was once captured: true, and lists."""
    event = http.GATEWAYS["tencent_api"](method, path, headers, body)
    return event | {"queryString": {"i": True, "a": ["b", "c"]}}


def tencent_url(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """With the flag that its documentation does not name, where the body needs it."""
    event = http.GATEWAYS["tencent_url"](method, path, headers, body) | {"queryString": {"a": "1"}}
    return event if isinstance(body, str) else event | {"isBase64Encoded": True}


GATEWAYS: dict[str, Callable[[str, str, Mapping[str, str], bytes | str], Event]] = {
    **http.GATEWAYS,
    "tencent_api": tencent_api,
    "tencent_url": tencent_url,
}
