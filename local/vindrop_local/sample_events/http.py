"""One HTTP request as each gateway hands it to a function: the samples, with another request.

Tencent: 583/12513 (API Gateway, whose trigger old set-ups still have), 583/96099 (Function URL).
Amazon: the developer guides of API Gateway (payload 1.0 and 2.0), Lambda's Function URLs, and
Elastic Load Balancing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from vindrop_local.sample_events.template import Place, as_json, load

Event = dict[str, Any]
API_KEY: Final = "sample-key"
"""The key that `vindrop invoke` lets the function take where nobody has set another."""
_PATH: Final = "v1/vin"
_SENT: Final = {"content-type", "user-agent", "x-api-key"}
"""The caller's headers in a sample; the gateway adds the others."""


def _request(
    gateway: str, method: str, path: str, headers: Mapping[str, str], body: bytes | str
) -> Event:
    """Return a request as the gateway hands it over; bytes go as Base64."""
    event: Event = _replaced(load(name(gateway)), method, path.removeprefix("/"))
    event["body"] = body if isinstance(body, str) else base64.b64encode(body).decode()
    if "isBase64Encoded" in event:
        event["isBase64Encoded"] = isinstance(body, bytes)
    shown = event.get("headers") or {n: v[0] for n, v in event["multiValueHeaders"].items()}
    lower = "content-type" in shown  # so this gateway writes names
    sent = {name.lower() if lower else name: value for name, value in headers.items()}
    sent |= {name: value for name, value in shown.items() if name.lower() not in _SENT}
    if "headers" in event:
        event["headers"] = sent
    if "multiValueHeaders" in event:
        event["multiValueHeaders"] = {name: [value] for name, value in sent.items()}
    return event


def _replaced(node: Any, method: str, path: str) -> Any:
    """Put another method and path wherever the sample has its own."""
    if isinstance(node, dict):
        return {name: _replaced(value, method, path) for name, value in node.items()}
    if node == "POST":
        return method
    if isinstance(node, str) and node.endswith(_PATH):
        return node.removesuffix(_PATH) + path
    return node


GATEWAYS: Final[dict[str, Callable[[str, str, Mapping[str, str], bytes | str], Event]]] = {
    gateway: partial(_request, gateway)
    for gateway in (
        "tencent_api",
        "tencent_url",
        "aws_rest",  # API Gateway REST, or an HTTP API with payload 1.0
        "aws_http",  # API Gateway HTTP API with payload 2.0, on a stage of its own
        "aws_url",  # a Lambda Function URL: payload 2.0 as well, never below a stage
        "aws_alb",
        "aws_alb_multi",  # with multi-value headers switched on for the target group
    )
}


def name(gateway: str) -> str:
    """Return the name of a gateway's event: ``http-aws-rest``."""
    return "http-" + gateway.replace("_", "-")


def request(
    gateway: str, place: Place, *, photo: bytes | None = None, api_key: str = API_KEY
) -> Event:
    """Return ``POST /v1/vin`` with a photo, or with JSON that names an object.

    :param photo: its bytes; None: the object at ``place``.
    """
    cloud = gateway.partition("_")[0]
    named = {"cloud": cloud, "bucket": place.bucket, "region": place.region, "key": place.key}
    kind = "application/json"
    if photo is not None:
        kind = "image/png" if photo.startswith(b"\x89PNG") else "image/jpeg"
    headers = {"Content-Type": kind, "User-Agent": "curl/8.10.1", "X-Api-Key": api_key}
    if place.reference:
        headers["X-Reference"] = quote(place.reference)
    body = as_json(named) if photo is None else photo
    return GATEWAYS[gateway]("POST", f"/{_PATH}", headers, body)
