"""One HTTP request, out of the event of any gateway.

| shape | from | told by |
|---|---|---|
| tencent_api | Tencent API Gateway (still sent by older set-ups) | ``requestContext.serviceId`` |
| tencent_url | SCF Function URL | ``httpMethod`` without a ``requestContext`` |
| aws_rest | API Gateway REST, or HTTP API with payload 1.0 | ``resource`` |
| aws_http | API Gateway HTTP API with payload 2.0, Lambda Function URL | ``version`` 2.0 |
| aws_alb | Application Load Balancer | ``requestContext.elb`` |
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote_plus

from vindrop.core.photo import read_header
from vindrop.http.problems import ProblemError

Shape = Literal["tencent_api", "tencent_url", "aws_rest", "aws_http", "aws_alb"]
_REPLACED: Final = "\ufffd"
"""What a gateway writes for bytes that are no text: the body is beyond repair."""


class UnknownRequestError(ValueError):
    """The event is no HTTP request that is known. ``str()`` names what was found in it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    shape: Shape
    method: str
    path: str
    """Decoded no further than the gateway did, without the prefix under which the API is mounted."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in small letters; several values of one name joined by a comma."""
    body: bytes = field(default=b"", repr=False)
    multi_value_headers: bool = False
    """ALB only: the answer must carry its headers as lists, too."""
    client: str = ""
    """The client's address, where the gateway tells it."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Decoded; of several values of one name the last."""
    mount: str = ""
    """The prefix that was cut off ``path``: what links to this function's pages begin with."""

    @property
    def content_type(self) -> str:
        """The media type in small letters, without parameters; empty where none is said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse(event: object) -> Request:
    """Understand what a gateway delivered.

    :raises UnknownRequestError: it is no HTTP request.
    :raises ProblemError: it is one whose body cannot be decoded.
    """
    if not isinstance(event, Mapping):
        raise UnknownRequestError(f"the event is a {type(event).__name__}, not an object")
    shape = _shape(event)
    if shape is None:
        fields = ", ".join(sorted(str(name)[:40] for name in list(event)[:10])) or "none"
        raise UnknownRequestError(f"the event is no HTTP request; its fields: {fields}")
    context = _mapping(event.get("requestContext"))
    if shape == "aws_http":
        method = _mapping(context.get("http")).get("method")
        path = event.get("rawPath")
    else:
        method, path = event.get("httpMethod"), event.get("path")
    headers, multi = _headers(event)
    whole, mount = _text(path or "/"), _mount(shape, context)
    below = _below_mount(whole, mount)
    if shape == "aws_rest":  # its path is below the stage, and the stage stands in the context
        mount = _text(context.get("path") or "").removesuffix(whole).rstrip("/")
    return Request(
        shape,
        _text(method or "GET").upper(),
        below,
        headers,
        _body(event, headers),
        multi and shape == "aws_alb",
        _client(shape, context, headers),
        _query(shape, event),
        mount if shape == "aws_rest" or below != whole else "",
    )


def _shape(event: Mapping[str, Any]) -> Shape | None:
    context = event.get("requestContext")
    if not isinstance(context, Mapping):
        is_url = isinstance(event.get("httpMethod"), str) and isinstance(event.get("path"), str)
        return "tencent_url" if is_url and context is None else None
    if event.get("version") == "2.0" and isinstance(context.get("http"), Mapping):
        return "aws_http"
    if not isinstance(event.get("httpMethod"), str):
        return None
    if "elb" in context:
        return "aws_alb"
    if "serviceId" in context:
        return "tencent_api"
    return "aws_rest" if "resource" in event else None


def _text(value: object) -> str:
    """Return what a gateway wrote, without halves of surrogate pairs: JSON carries them, no bytes do."""
    return str(value).encode("utf-8", "replace").decode()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _headers(event: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    multi = event.get("multiValueHeaders")
    cookies = event.get("cookies")
    given = _mapping(multi) or _mapping(event.get("headers"))
    found: dict[str, str] = {}
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        found[_text(name).lower()] = ", ".join(_text(each) for each in values if each is not None)
    if isinstance(cookies, list):  # payload 2.0 takes them out of the headers
        found["cookie"] = "; ".join(_text(each) for each in cookies)
    return found, isinstance(multi, Mapping)


def _query(shape: Shape, event: Mapping[str, Any]) -> dict[str, str]:
    if shape == "aws_http":
        return dict(parse_qsl(str(event.get("rawQueryString") or ""), keep_blank_values=True))
    name = "queryString" if shape.startswith("tencent") else "queryStringParameters"
    found: dict[str, str] = {}
    for key, value in _mapping(event.get(name) or event.get("multiValue" + _capital(name))).items():
        last = value[-1] if isinstance(value, list) and value else value
        text = "" if last is True or last is None else str(last)
        if shape == "aws_alb":  # hands them over as they were sent
            key, text = unquote_plus(str(key)), unquote_plus(text)  # noqa: PLW2901
        found[str(key)] = text
    return found


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _client(shape: Shape, context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Return the address that the gateway itself saw: what a client says of itself counts nowhere."""
    told: object = context.get("sourceIp")  # tencent_api
    if shape == "aws_http":
        told = _mapping(context.get("http")).get("sourceIp")
    elif shape == "aws_rest":
        told = _mapping(context.get("identity")).get("sourceIp")
    elif shape == "tencent_url":
        told = headers.get("x-scf-remote-addr")
    elif shape == "aws_alb":  # it appends the address to what the client has sent
        told = headers.get("x-forwarded-for", "").rpartition(",")[2]
    return _text(told or "").strip()[:45]


def _mount(shape: Shape, context: Mapping[str, Any]) -> str:
    """Return the prefix under which the gateway mounts the function, where the event tells it."""
    if shape == "tencent_api":
        return str(context.get("path") or "").partition("{")[0].rstrip("/")
    if shape == "aws_http":
        stage = str(context.get("stage") or "$default")
        return "" if stage == "$default" else f"/{stage}"
    return ""


def _below_mount(path: str, mount: str) -> str:
    if mount and (path == mount or path.startswith(f"{mount}/")):
        path = path[len(mount) :]
    return path or "/"


def _body(event: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    body = event.get("body")
    if not body:
        return b""
    if not isinstance(body, str):
        raise ProblemError("bad-request", "the gateway handed over a body that is no text")
    if str(event.get("isBase64Encoded")).lower() == "true":
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise ProblemError(
                "bad-request", "the gateway calls the body Base64, and it is not"
            ) from None
    kind = headers.get("content-type", "").lower()
    if kind.startswith(("image/", "multipart/", "application/octet-stream")):
        return _bytes_from_text(body)
    return _encoded(body)


def _bytes_from_text(body: str) -> bytes:
    """Return the bytes of a binary body that came as text: as Base64, or one character a byte."""
    try:
        data = body.encode("latin-1")
    except UnicodeEncodeError:
        data = b""
    if read_header(data[: 2**16]).format is not None:
        return data
    if _REPLACED in body:
        raise ProblemError(
            "bad-request",
            "the gateway passed the photo on as text, which destroyed it: send it as JSON, "
            '{"ImageBase64": "…"}, or switch on Base64 for binary bodies at the gateway',
        )
    return data or _encoded(body)


def _encoded(body: str) -> bytes:
    return body.encode("utf-8", "replace")
