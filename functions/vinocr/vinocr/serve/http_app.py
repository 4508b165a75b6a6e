"""The ASGI application: API 3.0 on ``/``, health, metrics, and ``/v1`` beside it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vinocr import logging_json
from vinocr.api import request as requests
from vinocr.api.codes import ApiError
from vinocr.api.faults import NO_FAULT
from vinocr.serve.bodies import BodyReader, BodyTooSlowError, until_gone
from vinocr.serve.operators import Operators
from vinocr.serve.vinocr_action import CLIENT_GONE, Outcome, VinOcrAction

_BROKEN_BODIES: Final = {
    "empty": b"",
    "not_json": b'{"Response": {"Vin": "',
    "no_response": b"{}",
    "no_request_id": b'{"Response": {"Error": {"Code": "InternalError", "Message": ""}}}',
    "html": b"<html><body><h1>502 Bad Gateway</h1></body></html>",
}


@dataclass(slots=True)
class Api:
    """API 3.0: the ASGI endpoint of ``/``, for every method."""

    action: VinOcrAction
    bodies: BodyReader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. One whose client has gone is dropped: not read, never billed."""
        http = HttpRequest(scope, receive)
        started = self.action.tick()
        self.action.metrics.received.inc()
        try:
            outcome = await self._outcome(http)
        except ClientDisconnect:
            outcome = Outcome(str(uuid.uuid4()), code=CLIENT_GONE)
            self.action.count(outcome, self.action.tick() - started)
            _log(http, outcome)
            return
        self.action.count(outcome, self.action.tick() - started)
        _log(http, outcome)
        await _send(scope, send, outcome)

    async def _outcome(self, http: HttpRequest) -> Outcome:
        bare = request_of(http, b"")
        limit, too_large = requests.size_limit(http.method, bare.headers)
        if http.method not in ("GET", "POST"):
            limit, too_large = 0, ApiError("UnsupportedProtocol", method=http.method)
        refused: ApiError | None = None
        try:
            async with self.bodies.read(http.receive, bare.client, limit, too_large) as body:
                if limit == 0 or (http.method == "GET" and len(bare.raw_query) > limit):
                    refused = too_large
                else:
                    whole = request_of(http, body.data, body.waited)
                    answer: Outcome = await until_gone(http.receive, self.action.call(whole))
                    return answer
        except ApiError as error:
            refused = error
        except BodyTooSlowError:
            slow = ApiError("InvalidRequest", why="the request did not arrive in time")
            refused = slow if limit else too_large
        return await self.action.call(bare, refused)


def request_of(http: HttpRequest, body: bytes, waited: float = 0.0) -> requests.Request:
    """Turn an ASGI request into the API's own; a header that was sent twice is joined."""
    values: dict[str, list[str]] = {}
    for name, value in http.headers.items():
        values.setdefault(name, []).append(value)
    return requests.Request(
        method=http.method,
        raw_query=http.scope["query_string"].decode("latin-1"),
        headers={name: ",".join(each) for name, each in values.items()},
        body=body,
        client=_address(http) or "",
        waited=waited,
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
    if outcome.retry_after is not None:
        headers.append((b"retry-after", b"%d" % outcome.retry_after))
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


def build(
    action: VinOcrAction, bodies: BodyReader, operators: Operators, extra: list[BaseRoute]
) -> ASGIApp:
    """Put the application together; ``extra`` are routes beside the API's own."""

    async def healthz(_: HttpRequest) -> Response:
        ready = action.readers.ready
        about = {"status": "ok" if ready else "starting", "readers": ready}
        return JSONResponse(about, status_code=200 if ready else 503)

    async def metrics(http: HttpRequest) -> Response:
        if (why := operators.refusal(http)) is not None:
            return PlainTextResponse(f"{why}\n", 403)
        return Response(action.metrics.text(), media_type="text/plain; version=0.0.4")

    async def not_found(http: HttpRequest, _: Exception) -> Response:
        message = f"The API's path is `/`, not `{http.scope['path'][:80]}`."
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

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "CONNECT":  # it names no path that could be routed
            headers = {"Allow": "GET, POST", "Connection": "close"}
            refusal = PlainTextResponse("This is no proxy: send GET or POST\n", 405, headers)
            await refusal(scope, receive, send)
        else:
            await app(scope, receive, send)

    return front
