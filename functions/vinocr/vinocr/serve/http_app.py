"""The ASGI application: API 3.0 on ``/``, health, metrics, and ``/v1`` beside it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from vinocr import logging_json
from vinocr.api import request as requests
from vinocr.api.addresses import networks
from vinocr.api.codes import ApiError
from vinocr.api.faults import NO_FAULT
from vinocr.serve.vinocr_action import Outcome, VinOcrAction

T = TypeVar("T")

_DRAIN: Final = 64 * 1024 * 1024
"""Bytes of an oversized body that are thrown away before the answer: a client that is still
sending when the connection closes sees a broken pipe instead of the answer."""
_LARGE: Final = 64 * 1024
_BROKEN_BODIES: Final = {
    "empty": b"",
    "not_json": b'{"Response": {"Vin": "',
    "no_response": b"{}",
    "no_request_id": b'{"Response": {"Error": {"Code": "InternalError", "Message": ""}}}',
    "html": b"<html><body><h1>502 Bad Gateway</h1></body></html>",
}


class BodyTooSlowError(Exception):
    """A body did not arrive in time."""


@dataclass(slots=True)
class BodyReader:
    """Reads request bodies: a limited number of large ones at once, each within its time.

    A request without a permit is not read: its sender waits in the socket.
    """

    permits: asyncio.Semaphore
    seconds: float

    @contextlib.asynccontextmanager
    async def read(
        self, http: HttpRequest, limit: int, too_large: ApiError
    ) -> AsyncIterator[bytes]:
        """Read a body of at most ``limit`` bytes; a large one keeps its permit while it is used.

        :raises ApiError: ``too_large``, after the body was read to its end and thrown away.
        :raises BodyTooSlowError: see there.
        :raises starlette.requests.ClientDisconnect: the client has gone.
        """
        announced = http.headers.get("content-length", "")
        small = announced.isdigit() and int(announced) <= _LARGE
        if small or not (announced or "transfer-encoding" in http.headers):
            yield await self._in_time(_collect(http, limit, too_large))
            return
        await self._in_time(self.permits.acquire())
        try:
            yield await self._in_time(_collect(http, limit, too_large))
        finally:
            self.permits.release()

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(work, self.seconds)
        except asyncio.TimeoutError:
            raise BodyTooSlowError from None


async def _collect(http: HttpRequest, limit: int, too_large: ApiError) -> bytes:
    body = bytearray()
    dropped = 0
    async for chunk in http.stream():
        if dropped or len(body) + len(chunk) > limit:
            dropped += len(body) + len(chunk)
            body.clear()
            if dropped > _DRAIN:
                break
            continue
        body += chunk
    if dropped:
        raise too_large
    return bytes(body)


@dataclass(slots=True)
class Api:
    """API 3.0: the ASGI endpoint of ``/``, for every method."""

    action: VinOcrAction
    bodies: BodyReader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that has gone gets nothing."""
        http = HttpRequest(scope, receive)
        with contextlib.suppress(ClientDisconnect):
            outcome = await self._outcome(http)
            _log(http, outcome)
            await _send(scope, send, outcome)

    async def _outcome(self, http: HttpRequest) -> Outcome:
        bare = request_of(http, b"")
        limit, too_large = requests.size_limit(http.method, bare.headers)
        if http.method not in ("GET", "POST"):
            limit, too_large = 0, ApiError("UnsupportedProtocol", method=http.method)
        try:
            async with self.bodies.read(http, limit, too_large) as body:
                if limit == 0 or (http.method == "GET" and len(bare.raw_query) > limit):
                    return await self.action.call(bare, too_large)
                return await self.action.call(request_of(http, body))
        except ApiError as error:
            return await self.action.call(bare, error)
        except BodyTooSlowError:
            slow = ApiError("InvalidRequest", why="the request did not arrive in time")
            return await self.action.call(bare, slow if limit else too_large)


def request_of(http: HttpRequest, body: bytes) -> requests.Request:
    """Turn an ASGI request into the API's own."""
    headers: dict[str, str] = {}
    for name, value in http.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return requests.Request(
        method=http.method,
        raw_query=http.scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        client=_address(http) or "",
    )


def _address(http: HttpRequest) -> str | None:
    return http.client.host if http.client else None


async def _send(scope: Scope, send: Send, outcome: Outcome) -> None:
    fault = outcome.fault or NO_FAULT
    body = _BROKEN_BODIES[fault.body] if fault.body else outcome.body
    status, announced = fault.status or 200, len(body)
    if fault.cut in ("before", "after"):
        scope["state"]["transport"].abort()
        return
    if fault.cut == "middle":
        body = body[: len(body) // 2]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % announced)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": len(body) < announced})


def _log(http: HttpRequest, outcome: Outcome) -> None:
    trace = http.headers.get("x-tc-traceid", "")[:64]
    logging_json.event(
        "call",
        request_id=outcome.request_id,
        trace_id=trace if trace.isascii() and trace.isprintable() and trace else None,
        client=_address(http),
        method=http.method,
        account=outcome.account or None,
        code=outcome.code or "Success",
        fault=True if outcome.fault else None,
        **outcome.facts,
    )


class Operators:
    """Who may see what is for operators: clients of these networks."""

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._networks = networks(entries)

    def include(self, http: HttpRequest) -> bool:
        """Whether a request comes from one of the networks."""
        try:
            address = ip_address(_address(http) or "")
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


def build(
    action: VinOcrAction, bodies: BodyReader, operators: Operators, extra: list[BaseRoute]
) -> Starlette:
    """Put the application together; ``extra`` are routes beside the API's own."""

    async def healthz(_: HttpRequest) -> Response:
        ready = action.readers.ready
        about = {"status": "ok" if ready else "starting", "readers": ready}
        return JSONResponse(about, status_code=200 if ready else 503)

    async def metrics(http: HttpRequest) -> Response:
        if not operators.include(http):
            return PlainTextResponse("VINOCR_OPERATORS does not name your address\n", 403)
        return Response(action.metrics.text(), media_type="text/plain; version=0.0.4")

    async def not_found(http: HttpRequest, _: Exception) -> Response:
        message = f"The API's path is `/`, not `{http.url.path[:80]}`."
        error = {"Code": "InvalidRequest", "Message": message}
        answer = {"Error": error, "RequestId": str(uuid.uuid4())}
        return JSONResponse({"Response": answer}, status_code=404)

    app = Starlette(
        routes=[
            Route("/", Api(action, bodies)),
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            *extra,
        ],
        exception_handlers={404: not_found},
    )
    app.router.redirect_slashes = False  # its redirect would lead wherever Host says
    return app
