"""The ASGI application: API 3.0 on ``/``, health, metrics, and ``/v1`` beside it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from vinocr import logs, wire
from vinocr.codes import ApiError, Words
from vinocr.service import Outcome, Service

_DRAIN: Final = 64 * 1024 * 1024
"""Bytes of an oversized body that are thrown away before the answer: a client that is still
sending when the connection closes sees a broken pipe instead of the answer."""
_LARGE: Final = 64 * 1024
_GARBAGE: Final = {
    "empty": b"",
    "not_json": b'{"Response": {"Vin": "',
    "no_response": b"{}",
    "no_request_id": b'{"Response": {"Error": {"Code": "InternalError", "Message": ""}}}',
    "html": b"<html><body><h1>502 Bad Gateway</h1></body></html>",
}


class BodyTooLargeError(Exception):
    """A body is over its limit; it was read to its end and thrown away."""


class BodyTooSlowError(Exception):
    """A body did not arrive in time."""


@dataclass(slots=True)
class Bodies:
    """Reads bodies, so many large ones at once and each within its time.

    A request that has no place yet is simply not read: its sender waits in the socket.
    """

    places: asyncio.Semaphore
    seconds: float

    @contextlib.asynccontextmanager
    async def read(self, http: HttpRequest, limit: int) -> AsyncIterator[bytes]:
        """Read a body of at most ``limit`` bytes, and keep its place while it is used.

        :raises BodyTooLargeError, BodyTooSlowError: see there.
        :raises starlette.requests.ClientDisconnect: nobody is there any more.
        """
        announced = http.headers.get("content-length", "")
        small = announced.isdigit() and int(announced) <= _LARGE
        chunked = "transfer-encoding" in http.headers
        if small or not (announced or chunked):
            yield await self._within(http, limit)
            return
        try:
            await asyncio.wait_for(self.places.acquire(), self.seconds)
        except asyncio.TimeoutError:
            raise BodyTooSlowError from None
        try:
            yield await self._within(http, limit)
        finally:
            self.places.release()

    async def _within(self, http: HttpRequest, limit: int) -> bytes:
        try:
            return await asyncio.wait_for(_collect(http, limit), self.seconds)
        except asyncio.TimeoutError:
            raise BodyTooSlowError from None


async def _collect(http: HttpRequest, limit: int) -> bytes:
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
        raise BodyTooLargeError
    return bytes(body)


@dataclass(slots=True)
class Api:
    """API 3.0: the ASGI endpoint of ``/``, whatever the method."""

    service: Service
    bodies: Bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that has gone gets nothing."""
        http = HttpRequest(scope, receive)
        with contextlib.suppress(ClientDisconnect):
            outcome = await self._outcome(http)
            _log(http, outcome)
            await _send(scope, send, outcome)

    async def _outcome(self, http: HttpRequest) -> Outcome:
        bare = request_of(http, b"")
        if http.method not in ("GET", "POST"):
            with contextlib.suppress(BodyTooLargeError, BodyTooSlowError):
                async with self.bodies.read(http, 0):
                    pass
            return self.service.refuse(bare, ApiError("UnsupportedProtocol", method=http.method))
        limit = wire.body_limit(http.method, bare.headers)
        try:
            async with self.bodies.read(http, limit) as body:
                if http.method == "GET" and len(bare.raw_query) > wire.GET_LIMIT:
                    return self.service.refuse(bare, wire.too_large("GET", bare.headers))
                return await self.service.call(request_of(http, body))
        except BodyTooLargeError:
            return self.service.refuse(bare, wire.too_large(http.method, bare.headers))
        except BodyTooSlowError:
            why = Words("the request did not arrive in time", "请求未能及时到达")
            return self.service.refuse(bare, ApiError("InvalidRequest", why=why))


def request_of(http: HttpRequest, body: bytes) -> wire.Request:
    """Turn an ASGI request into the wire's own."""
    headers: dict[str, str] = {}
    for name, value in http.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return wire.Request(
        method=http.method,
        raw_query=http.scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        client=http.client.host if http.client else "",
    )


async def _send(scope: Scope, send: Send, outcome: Outcome) -> None:
    fault = outcome.fault
    body, status, promised = outcome.body, 200, len(outcome.body)
    if fault is not None:
        status = fault.status or 200
        if fault.body is not None:
            body = _GARBAGE[fault.body]
            promised = len(body)
        if fault.cut in ("before", "after"):
            transport = scope["state"].get("transport")
            if transport is not None:
                transport.abort()
            return
        if fault.cut == "middle":
            body = body[: len(body) // 2]
    headers = [(b"content-type", b"application/json"), (b"content-length", str(promised).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": len(body) < promised})


def _log(http: HttpRequest, outcome: Outcome) -> None:
    trace = http.headers.get("x-tc-traceid", "")[:64]
    logs.event(
        "call",
        request_id=outcome.request_id,
        trace_id=trace if trace.isascii() and trace.isprintable() and trace else None,
        client=http.client.host if http.client else None,
        method=http.method,
        account=outcome.account or None,
        code=outcome.code or "Success",
        fault=True if outcome.fault else None,
        **outcome.facts,
    )


@dataclass(slots=True)
class Operators:
    """Who may see what is for operators: clients of these networks."""

    entries: tuple[str, ...]
    _networks: tuple[Any, ...] = field(default=())

    def __post_init__(self) -> None:
        self._networks = tuple(ip_network(entry, strict=False) for entry in self.entries)

    def include(self, http: HttpRequest) -> bool:
        """Whether a request comes from one of the networks."""
        try:
            address = ip_address(http.client.host if http.client else "")
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


def build(
    service: Service, bodies: Bodies, operators: Operators, more: list[BaseRoute]
) -> Starlette:
    """Put the application together; ``more`` are routes beside the API's own."""
    readers = service.readers

    async def healthz(_: HttpRequest) -> Response:
        alive = readers.ready > 0
        about = {"status": "ok" if alive else "starting", "readers": readers.ready}
        return JSONResponse(about, status_code=200 if alive else 503)

    async def metrics(http: HttpRequest) -> Response:
        if not operators.include(http):
            return PlainTextResponse("VINOCR_OPERATORS does not name your address\n", 403)
        return Response(service.meters.text(), media_type="text/plain; version=0.0.4")

    async def not_found(http: HttpRequest, _: Exception) -> Response:
        path = http.url.path[:80]
        error = {"Code": "InvalidRequest", "Message": f"The API's path is `/`, not `{path}`."}
        answer = {"Error": error, "RequestId": str(uuid.uuid4())}
        return JSONResponse({"Response": answer}, status_code=404)

    made = Starlette(
        routes=[
            Route("/", Api(service, bodies)),
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            *more,
        ],
        exception_handlers={404: not_found},
    )
    made.router.redirect_slashes = False  # its redirect would lead wherever Host says
    return made
