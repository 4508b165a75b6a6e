"""The HTTP function's address on this machine: what a Function URL is in the cloud.

A request becomes SCF's Function URL event and its answer becomes a response; all else is the
function's own doing. Binary bodies go as Base64, as the gateways of both clouds hand them over.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from vindrop.http.language import reads_chinese
from vindrop_local.language import in_chinese
from vindrop_local.platform import Platform, Result
from vindrop_local.platform.spec import MAX_SYNC_BYTES
from vindrop_local.serving import AppThread, Service, listen
from vindrop_local.sign_in_links import PATH as OPEN
from vindrop_local.sign_in_links import SignInLinks

_log: Final = logging.getLogger(__name__)
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
WAIT_SECONDS: Final = 10.0
"""How long a request waits for a free process of the function."""
_TOO_LARGE: Final = "the request is larger than the platform takes (6 MB)"
EVENTS: Final = "/v1/overview/events"
_PULSE_SECONDS: Final = 1.0
_STILL: Final = 15
"""Pulses without a change after which a comment keeps the connection open."""


class Front(Service):
    """Served on loopback from a thread. ``with Front(...) as front:`` or `start` and `stop`."""

    def __init__(
        self,
        platform: Platform,
        function: str,
        *,
        port: int = 0,
        links: SignInLinks | None = None,
        pulse: Callable[[], str] | None = None,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        :param port: 0: a free one.
        :param links: that open the console signed in.
        :param pulse: returns a text that changes whenever the overview does.
        """
        self._platform = platform
        self._links = links
        self._pulse = pulse
        self._stopping = False
        self._function = function
        self._port = port
        self._thread: AppThread | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: this is the ASGI application."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if (refused := self._refusal(request)) is not None:
            await _plain(403, refused, request.headers)(scope, receive, send)
            return
        if request.method == "GET" and (own := await self._own(request)) is not None:
            await own(scope, receive, send)
            return
        try:
            body = await _body(request)
        except ClientDisconnect:
            return
        if body is None:
            response = _plain(413, _TOO_LARGE, request.headers)
        else:
            response = await run_in_threadpool(self._call, _event(request, body))
        await response(scope, receive, send)

    async def _own(self, request: Request) -> Response | None:
        """Answer what no function could: a link that signs in, and a stream that does not end."""
        path = request.url.path
        if path == OPEN and self._links is not None:
            cookie = self._links.cookie(request.query_params.get("token", ""))
            if cookie is None:
                return RedirectResponse("/sign-in?used=1", 303)
            return RedirectResponse("/", 303, {"Set-Cookie": cookie, "Cache-Control": "no-store"})
        if path != EVENTS or self._pulse is None:
            return None
        # The function says who may: only then is anything told.
        said = await run_in_threadpool(self._call, _event(request, b""))
        if said.status_code != 204:
            return said
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return StreamingResponse(
            self._changes(request, self._pulse), headers=headers, media_type="text/event-stream"
        )

    async def _changes(self, request: Request, pulse: Callable[[], str]) -> AsyncIterator[str]:
        """Tell of each change of the overview, a second later at most."""
        last, still = "", 0
        yield ": connected\n\n"
        while not self._stopping and not await request.is_disconnected():
            found = await run_in_threadpool(pulse)
            if found != last:
                last, still = found, 0
                yield "event: changed\ndata: \n\n"
            elif (still := still + 1) % _STILL == 0:
                yield ": still here\n\n"
            await asyncio.sleep(_PULSE_SECONDS)

    def _refusal(self, request: Request) -> str | None:
        """Say why a request does not come from a page of ours, or from a program on this machine.

        A name of another's that leads to this machine (DNS rebinding) stands in Host, and another
        site's page in Origin: neither may use what only this machine's users are meant to reach.
        """
        host = request.headers.get("host", "")
        names = {f"{name}:{self._port}" for name in _LOOPBACK}
        if host.lower() not in names:
            return f"this address answers to http://127.0.0.1:{self._port} only"
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{name}" for name in names}:
            return "this address answers to its own page only"
        return None

    def _call(self, event: dict[str, Any]) -> Response:
        try:
            result = self._platform.invoke(self._function, event, wait_seconds=WAIT_SECONDS)
        except ValueError as error:
            return _plain(413, str(error), event["headers"])
        return _response(result, event["headers"])

    def start(self) -> None:
        """Answer requests.

        :raises OSError: the port is taken.
        """
        listening = listen(self._port)
        self._port = int(listening.getsockname()[1])
        self._thread = AppThread(self, [listening], "front")

    def stop(self) -> None:
        """Finish the requests under way (3 s at most)."""
        self._stopping = True
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    @property
    def url(self) -> str:
        """Where it answers, once started: ``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._port}"


async def _body(request: Request) -> bytes | None:
    """Return the body, or None where it is larger than any event may be."""
    data, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_SYNC_BYTES:
            data += chunk
        # The rest is taken and dropped: a client that is still sending reads no answer.
    return bytes(data) if size <= MAX_SYNC_BYTES else None


def _event(request: Request, body: bytes) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    kind = headers.get("content-type", "").lower()
    address = request.client.host if request.client else ""
    event: dict[str, Any] = {
        "httpMethod": request.method,
        "path": request.url.path,
        "headers": {**headers, "x-scf-remote-addr": address},
        "queryString": dict(request.query_params),
        "body": "",
    }
    if not body or kind.startswith("text/") or "json" in kind:
        try:
            return event | {"body": body.decode("utf-8")}
        except UnicodeDecodeError:
            pass
    return event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _response(result: Result, asked: Mapping[str, str]) -> Response:
    if not result.ok:
        _log.warning("the HTTP function failed: %s", result.error_type)
        status = {"ResourceLimitReached": 429, "TimeLimitReached": 504}.get(result.error_type, 502)
        return _plain(status, f"the function did not answer ({result.error_type})", asked)
    answer = result.value
    if not isinstance(answer, dict) or not isinstance(answer.get("statusCode"), int):
        return _plain(502, "the function's answer is not an HTTP response", asked)
    body = str(answer.get("body") or "")
    data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    response = Response(data, int(answer["statusCode"]))
    for name, value in dict(answer.get("headers") or {}).items():
        response.headers[name] = str(value)
    return response


def _plain(status: int, sentence: str, asked: Mapping[str, str]) -> Response:
    """Return a problem document of this server's own, in the language of who asks."""
    chinese = reads_chinese(asked)
    return Response(
        json.dumps({"title": in_chinese(sentence) if chinese else sentence, "status": status}),
        status,
        {"Content-Language": "zh-CN" if chinese else "en"},
        "application/problem+json",
    )
