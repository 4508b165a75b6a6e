"""One HTTP request as each gateway hands it to a function: fields as documented and captured.

Tencent: 583/12513 (API Gateway, whose trigger old set-ups still have), 583/96099 (Function URL).
Amazon: the developer guides of API Gateway (payload 1.0 and 2.0), Lambda's Function URLs, and
Elastic Load Balancing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from vindrop_local.sample_events.place import Place

Event = dict[str, Any]
API_KEY: Final = "sample-key"
"""The key that `vindrop invoke` lets the function take where nobody has set another."""
_ACCOUNT: Final = "123456789012"
_ADDRESS: Final = "198.51.100.7"
_AGENT: Final = "curl/8.10.1"
_REQUEST: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
_MOMENT: Final = 1_794_052_800_000


def tencent_api(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """Tencent API Gateway, its API at ``/vin/{path}``."""
    return {
        "body": _text(body),
        "headerParameters": {},
        "headers": {**headers, "host": "service-f94sy04v-1250000000.gz.apigw.tencentcs.com"},
        "httpMethod": method,
        "isBase64Encoded": isinstance(body, bytes),
        "path": f"/vin{path}",
        "pathParameters": {"path": path.lstrip("/")},
        "queryString": {},
        "queryStringParameters": {},
        "requestContext": {
            "httpMethod": "ANY",
            "identity": {},
            "path": "/vin/{path}",
            "requestId": _REQUEST,
            "serviceId": "service-f94sy04v",
            "sourceIp": _ADDRESS,
            "stage": "release",
        },
    }


def tencent_url(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """SCF's Function URL: no context, and no word of whether the body is Base64."""
    return {
        "body": _text(body),
        "headers": {**headers, "x-scf-remote-addr": _ADDRESS},
        "httpMethod": method,
        "path": path,
        "queryString": {},
    }


def aws_rest(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """API Gateway REST, or an HTTP API with payload 1.0."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": _ACCOUNT,
            "apiId": "1234567890",
            "domainName": "1234567890.execute-api.us-east-1.amazonaws.com",
            "httpMethod": method,
            "identity": {"sourceIp": _ADDRESS, "userAgent": _AGENT},
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": _REQUEST,
            "requestTimeEpoch": _MOMENT,
            "resourceId": "123456",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
        "body": _text(body),
        "isBase64Encoded": isinstance(body, bytes),
    }


def aws_http(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """API Gateway HTTP API with payload 2.0, on a stage of its own."""
    return _payload2(
        method, path, headers, body, "prod", "1234567890.execute-api.us-east-1.amazonaws.com"
    )


def aws_url(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """A Lambda Function URL: payload 2.0 as well, never below a stage."""
    return _payload2(method, path, headers, body, "$default", "abcdef.lambda-url.us-east-1.on.aws")


def aws_alb(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """An Application Load Balancer."""
    group = f"arn:aws:elasticloadbalancing:us-east-1:{_ACCOUNT}:targetgroup/vin/6d0ecf831eec9f09"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {
            **{name.lower(): value for name, value in headers.items()},
            "x-forwarded-for": _ADDRESS,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "body": _text(body),
        "isBase64Encoded": isinstance(body, bytes),
    }


def aws_alb_multi(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """The same with multi-value headers switched on for the target group."""
    event = aws_alb(method, path, headers, body)
    event["multiValueHeaders"] = {name: [value] for name, value in event.pop("headers").items()}
    event["multiValueQueryStringParameters"] = event.pop("queryStringParameters")
    return event


GATEWAYS: Final[dict[str, Callable[[str, str, Mapping[str, str], bytes | str], Event]]] = {
    each.__name__: each
    for each in (tencent_api, tencent_url, aws_rest, aws_http, aws_url, aws_alb, aws_alb_multi)
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
    named = {
        "cloud": gateway.partition("_")[0],
        "bucket": place.bucket,
        "region": place.region,
        "key": place.key,
    }
    kind = _type(photo) if photo is not None else "application/json"
    headers = {"Content-Type": kind, "User-Agent": _AGENT, "X-Api-Key": api_key}
    body = json.dumps(named, ensure_ascii=False) if photo is None else photo
    return GATEWAYS[gateway]("POST", "/v1/vin", headers, body)


def _type(photo: bytes) -> str:
    return "image/png" if photo.startswith(b"\x89PNG") else "image/jpeg"


def _text(body: bytes | str) -> str:
    return body if isinstance(body, str) else base64.b64encode(body).decode()


def _payload2(
    method: str, path: str, headers: Mapping[str, str], body: bytes | str, stage: str, host: str
) -> Event:
    below = path if stage == "$default" else f"/{stage}{path}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": below,
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in headers.items()} | {"host": host},
        "requestContext": {
            "accountId": "anonymous" if stage == "$default" else _ACCOUNT,
            "apiId": host.partition(".")[0],
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": method,
                "path": below,
                "protocol": "HTTP/1.1",
                "sourceIp": _ADDRESS,
                "userAgent": _AGENT,
            },
            "requestId": _REQUEST,
            "routeKey": "$default",
            "stage": stage,
            "time": "07/Nov/2026:08:00:00 +0000",
            "timeEpoch": _MOMENT,
        },
        "body": _text(body),
        "isBase64Encoded": isinstance(body, bytes),
    }
