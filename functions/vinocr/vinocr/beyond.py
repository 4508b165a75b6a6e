"""``POST /v1/vin``: what the contract has no room for. Not part of Tencent's API."""

from __future__ import annotations

import dataclasses
import hmac
import uuid
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vindrop.domain import vin as vins
from vinocr import image, logs, openapi, wire
from vinocr.accounts import Account
from vinocr.app import Bodies, BodyTooLargeError, BodyTooSlowError, Operators, request_of
from vinocr.codes import ApiError, Language
from vinocr.reader import Answer
from vinocr.service import Service

_FORM_OVERHEAD: Final = 64 * 1024
_STATUS: Final = {
    "AuthFailure.InvalidAuthorization": 401,
    "FailedOperation.EmptyImageError": 422,
    "FailedOperation.EngineRecognizeTimeout": 504,
    "FailedOperation.ImageDecodeFailed": 422,
    "FailedOperation.ImageSizeTooLarge": 413,
    "FailedOperation.UnKnowFileTypeError": 415,
    "InvalidParameter.EngineImageDecodeFailed": 422,
    "InvalidRequest": 400,
    "LimitExceeded.TooLargeFileError": 413,
    "MissingParameter": 400,
    "RequestLimitExceeded": 429,
    "ResourceUnavailable": 503,
    "ServiceUnavailable": 503,
    "UnsupportedOperation": 415,
}
_RETRY: Final = {429: "1", 503: "2"}
_TITLES: Final = {
    400: "Bad request",
    401: "Not authorized",
    408: "Too slow",
    413: "Too large",
    415: "Unsupported format",
    422: "Not readable",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
    504: "Timed out",
}


@dataclass(slots=True)
class Beyond:
    """The endpoint and its page."""

    service: Service
    bodies: Bodies
    operators: Operators

    def routes(self) -> list[BaseRoute]:
        """Return what `vinocr.app.build` adds beside the API."""
        return [
            Route("/v1/vin", self.vin, methods=["POST"]),
            Route("/openapi.json", _description, methods=["GET"]),
            Route("/docs", _page, methods=["GET"]),
        ]

    async def vin(self, http: HttpRequest) -> Response:
        """Answer one image."""
        request_id = str(uuid.uuid4())
        started = self.service.tick()
        facts: dict[str, Any] = {}
        try:
            answer = await self._read(http, facts)
        except ClientDisconnect:
            return Response(status_code=408)  # nobody is there to see it
        except BodyTooSlowError:
            response = _problem(request_id, 408, "RequestTimeout", openapi.PROBLEMS[408])
        except ApiError as error:
            status = _STATUS.get(error.code, 500)
            response = _problem(request_id, status, error.code, error.text(Language.ENGLISH))
        else:
            total = (self.service.tick() - started) * 1000
            response = JSONResponse(_reading(answer, request_id, total))
        self.service.meters.v1.labels(str(response.status_code)).inc()
        facts["seconds"] = round(self.service.tick() - started, 3)
        client = http.client.host if http.client else None
        logs.event("v1", request_id=request_id, client=client, status=response.status_code, **facts)
        return response

    async def _read(self, http: HttpRequest, facts: dict[str, Any]) -> Answer:
        account = self._caller(http)
        if account is not None:
            facts["account"] = account.uin
            limit = account.rate or self.service.settings.rate
            current = self.service.limiter.ask("v1", account.uin, limit, self.service.tick())
            if current is not None:
                raise ApiError("RequestLimitExceeded", current=current, limit=limit)
        most = image.largest(self.service.settings.max_base64)
        too_large = ApiError(
            "LimitExceeded.TooLargeFileError", limit=self.service.settings.max_base64
        )
        kind = http.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (*openapi.CONTENT_TYPES, wire.MULTIPART):
            why = f"Content-Type must be one of {', '.join(openapi.CONTENT_TYPES)} or a form"
            raise ApiError("UnsupportedOperation", why=why)
        try:
            async with self.bodies.read(http, most + _FORM_OVERHEAD) as body:
                photo = body
                if kind == wire.MULTIPART:
                    photo = await wire.file_part(request_of(http, body), "image")
                facts["bytes"] = len(photo)
                if len(photo) > most:
                    raise too_large
                image.check(photo)
                answer = await self.service.read(photo)
        except BodyTooLargeError:
            raise too_large from None
        facts["reading_ms"] = round(answer.milliseconds)
        return answer

    def _caller(self, http: HttpRequest) -> Account | None:
        """Return whose key it is, or None for an operator."""
        scheme, _, given = http.headers.get("authorization", "").partition(" ")
        if not given:
            if self.operators.include(http) and not scheme:
                return None
            raise ApiError("AuthFailure.InvalidAuthorization", why="send `Bearer` and an API key")
        owner = None
        for account in self.service.directory.current().accounts:
            for key in account.api_keys:
                if hmac.compare_digest(key.get_secret_value().encode(), given.strip().encode()):
                    owner = account
        if owner is None or scheme.lower() != "bearer":
            raise ApiError("AuthFailure.InvalidAuthorization", why="this API key is not known")
        return owner


def _reading(answer: Answer, request_id: str, total: float) -> dict[str, Any]:
    check = None
    if answer.vin is not None:
        holds = vins.check_digit_holds(answer.vin)
        required = vins.check_digit_required(answer.vin)
        check = "valid" if holds else "invalid" if required else "not_required"
    reading = dataclasses.asdict(answer)
    reading["milliseconds"] = {"reading": round(answer.milliseconds, 1), "total": round(total, 1)}
    return reading | {"check_digit": check, "request_id": request_id}


def _problem(request_id: str, status: int, code: str, detail: str) -> Response:
    body = {
        "title": _TITLES[status],
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    headers = {"Retry-After": _RETRY[status]} if status in _RETRY else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _description(_: HttpRequest) -> Response:
    return JSONResponse(openapi.document())


async def _page(_: HttpRequest) -> Response:
    return HTMLResponse(openapi.page())
