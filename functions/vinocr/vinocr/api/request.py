"""Parsing of an API 3.0 request: common parameters, kind of signature, the action's own input.

No I/O: bytes and headers in, dataclasses out; every error is an `ApiError`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from vinocr.api.codes import ApiError, Language

KIB: Final = 1024
GET_LIMIT: Final = 32 * KIB
V1_POST_LIMIT: Final = KIB * KIB
TC3_POST_LIMIT: Final = 10 * KIB * KIB

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

_COMMON_V1: Final = frozenset(
    {
        "Action", "Version", "Region", "Timestamp", "Nonce", "SecretId", "Signature",
        "SignatureMethod", "Token", "Language", "RequestClient",
    }
)  # fmt: skip
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")
_MAX_FIELDS: Final = 100


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request on the API's path, its body read."""

    method: str
    raw_query: str
    headers: Mapping[str, str]
    """Lower-cased names; a header sent twice is joined with a comma, as HTTP has it."""
    body: bytes
    client: str
    """The client's address."""
    waited: float = 0.0
    """Seconds that it had to wait for a place before it was read."""


@dataclass(frozen=True, slots=True)
class Common:
    """The common parameters, wherever they were carried."""

    action: str
    version: str
    timestamp: int
    region: str
    token: str
    v1: Mapping[str, str] | None
    """All parameters of a v1 request, which its signature covers; None for TC3."""


def media_type(headers: Mapping[str, str]) -> str:
    """Return the Content-Type without its parameters, in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_tc3(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request claims (or can only have) a TC3 signature: its size limit hangs on it.

    v1 has its signature among the parameters of a GET or a form, and knows nothing else.
    """
    if "authorization" in headers or "x-tc-action" in headers:
        return True
    return method == "POST" and media_type(headers) not in {FORM, ""}


def size_limit(method: str, headers: Mapping[str, str]) -> tuple[int, ApiError]:
    """Return how many bytes a request's body (or a GET's query) may have, and the error beyond."""
    if method == "POST" and not is_tc3(method, headers):
        return V1_POST_LIMIT, ApiError(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated because of exceeding request size "
            "limit, please use new signature method `TC3-HMAC-SHA256`.",
        )
    limit = GET_LIMIT if method == "GET" else TC3_POST_LIMIT
    return limit, ApiError("RequestSizeLimitExceeded", limit=limit)


def language(request: Request, default: Language) -> Language:
    """Return the language that messages are to be in; never fails, so that errors can use it."""
    wanted = request.headers.get("x-tc-language", "")
    with contextlib.suppress(ApiError, ValueError):
        if not wanted and not is_tc3(request.method, request.headers):
            wanted = form(request).get("Language", "")
        return Language(wanted)
    return default


def common(request: Request) -> Common:
    """Find the common parameters.

    :raises ApiError: MissingParameter, InvalidParameter (the query is not a list of ``k=v``),
        InvalidParameterValue (time stamp, language), AuthFailure.InvalidAuthorization.
    """
    v1 = None if is_tc3(request.method, request.headers) else form(request)
    required = ["Action", "Version", "Timestamp"]
    if v1 is None:
        values = {name: request.headers.get(f"x-tc-{name.lower()}", "") for name in _COMMON_V1}
    else:
        values = {name: v1.get(name, "") for name in _COMMON_V1}
        required += ["Nonce", "SecretId", "Signature"]
    for name in required:
        if not values[name]:
            raise ApiError("MissingParameter", name=name)
    if not _TIMESTAMP.fullmatch(values["Timestamp"]):
        raise ApiError(
            "InvalidParameterValue", why="it is no Unix time in seconds", name="Timestamp"
        )
    if values["Language"] and values["Language"] not in {x.value for x in Language}:
        raise ApiError(
            "InvalidParameterValue", why="it is neither en-US nor zh-CN", name="Language"
        )
    return Common(
        action=values["Action"],
        version=values["Version"],
        timestamp=int(values["Timestamp"]),
        region=values["Region"],
        token=values["Token"],
        v1=v1,
    )


def form(request: Request) -> dict[str, str]:
    """Return the parameters of a GET's query or a form's body.

    :raises ApiError: InvalidParameter: not ``k=v`` pairs, not UTF-8, too many, or one twice.
    """
    try:
        raw = request.raw_query if request.method == "GET" else request.body.decode("ascii")
        pairs = parse_qsl(
            raw,
            True,
            bool(raw),
            errors="strict",
            max_num_fields=_MAX_FIELDS,  # keep blank values
        )
    except UnicodeDecodeError:
        raise _parameter("The parameters are not percent-encoded UTF-8") from None
    except ValueError:
        raise _parameter("Url key and value should be splited by `=`") from None
    return _once(pairs)


async def parameters(request: Request, found: Common) -> dict[str, Any]:
    """Return the action's own parameters, common ones taken out, not yet checked.

    :raises ApiError: InvalidParameter, InvalidRequest, UnsupportedOperation.
    """
    if found.v1 is not None:
        return {k: v for k, v in found.v1.items() if k not in _COMMON_V1}
    kind = media_type(request.headers)
    if request.method == "GET" or kind == FORM:
        return dict(form(request))
    if kind == JSON:
        return json_object(request.body)
    if kind == MULTIPART:
        return dict(_once([(name, _text(part)) for name, part in await multipart(request)]))
    if kind == "application/octet-stream":
        raise ApiError(
            "UnsupportedOperation", why="VinOCR takes no application/octet-stream, send JSON"
        )
    raise ApiError(
        "InvalidRequest",
        why="Content-Type must be application/json, application/x-www-form-urlencoded or multipart/form-data",
    )


def json_object(body: bytes) -> dict[str, Any]:
    """Return the object of a JSON body.

    :raises ApiError: InvalidParameter.
    """
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise _parameter("The request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise _parameter("The request body must be a JSON object")
    return value


async def multipart(request: Request) -> list[tuple[str, bytes | str]]:
    """Return the parts of a multipart body: name and content, bytes for a file, else text.

    :raises ApiError: InvalidRequest.
    """

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield request.body
        yield b""

    try:
        form = await MultiPartParser(
            Headers({"content-type": request.headers["content-type"]}),
            chunks(),
            max_files=_MAX_FIELDS,
            max_fields=_MAX_FIELDS,
            max_part_size=TC3_POST_LIMIT,
        ).parse()
    except (MultiPartException, KeyError, ValueError, LookupError):
        raise _malformed() from None
    try:
        if not form and request.body.strip():
            raise _malformed()
        return [
            (name, await value.read() if isinstance(value, UploadFile) else value)
            for name, value in form.multi_items()
        ]
    finally:
        await form.close()


def _text(part: bytes | str) -> str:
    return part.decode("utf-8", errors="replace") if isinstance(part, bytes) else part


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _parameter("A parameter is given twice")
    return values


def _malformed() -> ApiError:
    return ApiError("InvalidRequest", why="the multipart body is malformed")


def _parameter(why: str) -> ApiError:
    return ApiError("InvalidParameter", why=why)
