"""Events of every gateway, each from one request: method, path, headers, body."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

Event = dict[str, Any]


def _body(body: bytes | str) -> dict[str, Any]:
    if isinstance(body, str):
        return {"body": body, "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def tencent_api(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    return {
        "requestContext": {
            "serviceId": "service-f94sy04v",
            "path": "/vin/{path}",
            "httpMethod": "ANY",
            "identity": {},
            "sourceIp": "10.0.2.14",
            "stage": "release",
        },
        "headers": dict(headers),
        "headerParameters": {},
        "pathParameters": {},
        "queryString": {"i": True, "a": ["b", "c"]},
        "queryStringParameters": {},
        "path": f"/vin{path}",
        "httpMethod": method,
        **_body(body),
    }


def tencent_url(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    event = {
        "headers": {**headers, "x-scf-remote-addr": "111.206.96.145"},
        "httpMethod": method,
        "path": path,
        "queryString": {"a": "1"},
        **_body(body),
    }
    if isinstance(body, str):
        del event["isBase64Encoded"]
    return event


def aws_rest(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
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
            "stage": "prod",
            "path": f"/prod{path}",
            "resourcePath": "/{proxy+}",
            "httpMethod": method,
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        **_body(body),
    }


def aws_http(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"/prod{path}",
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "http": {"method": method, "path": f"/prod{path}", "protocol": "HTTP/1.1"},
            "stage": "prod",
            "requestId": "id",
        },
        **_body(body),
    }


def aws_url(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    event = aws_http(method, path, headers, body)
    event["rawPath"] = path
    event["requestContext"] |= {"stage": "$default", "domainName": "x.lambda-url.us-east-1.on.aws"}
    return event


def aws_alb(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {name.lower(): value for name, value in headers.items()},
        **_body(body),
    }


def aws_alb_multi(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    event = aws_alb(method, path, headers, body)
    event["multiValueHeaders"] = {name: [value] for name, value in event.pop("headers").items()}
    return event


GATEWAYS: dict[str, Callable[[str, str, Mapping[str, str], bytes | str], Event]] = {
    each.__name__: each
    for each in (tencent_api, tencent_url, aws_rest, aws_http, aws_url, aws_alb, aws_alb_multi)
}
