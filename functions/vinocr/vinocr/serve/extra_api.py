"""The extra API, ``POST /v1/vin``: what Tencent's API has no room for. Not part of it."""

from __future__ import annotations

import dataclasses
import hmac
import math
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vindrop.domain import vin as vins
from vindrop.domain.wrong_keys import WrongKeys
from vinocr import logging_json
from vinocr.api import image_checks
from vinocr.api import request as requests
from vinocr.api.accounts import Account
from vinocr.api.codes import PROBLEM_STATUS, ApiError, Language
from vinocr.reader import Answer
from vinocr.serve import openapi
from vinocr.serve.bodies import BodyReader, BodyTooSlowError, until_gone
from vinocr.serve.http_app import request_of
from vinocr.serve.operators import Operators
from vinocr.serve.vinocr_action import VinOcrAction

_FORM_OVERHEAD: Final = 64 * 1024
_RETRY_AFTER: Final = {429: "1", 503: "2"}
_TOO_MANY_WRONG: Final = (
    "Too many wrong API keys came from this address: wait, then send a right one."
)


@dataclass(slots=True)
class ExtraApi:
    """The endpoint and its page."""

    action: VinOcrAction
    bodies: BodyReader
    operators: Operators
    wrong_keys: WrongKeys = field(default_factory=WrongKeys)

    def routes(self) -> list[BaseRoute]:
        """Return what `http_app.build` adds beside API 3.0."""
        return [
            Route("/v1/vin", self.vin, methods=["POST"]),
            Route("/openapi.json", _description, methods=["GET"]),
            Route("/docs", _page, methods=["GET"]),
        ]

    async def vin(self, http: HttpRequest) -> Response:
        """Answer one image."""
        request_id = str(uuid.uuid4())
        started = self.action.tick()
        facts: dict[str, Any] = {}
        try:
            answer = await self._read(http, facts)
        except ClientDisconnect:
            response = Response(status_code=408)  # the client has gone and does not see it
        except BodyTooSlowError:
            about = openapi.PROBLEMS[408][1]
            response = _problem(request_id, 408, "RequestTimeout", about)
        except ApiError as error:
            status = PROBLEM_STATUS.get(error.code, 500)
            response = _problem(request_id, status, error.code, error.text(Language.ENGLISH))
            if error.retry_after is not None:
                response.headers["Retry-After"] = str(error.retry_after)
            facts["code"] = error.code
        else:
            total = (self.action.tick() - started) * 1000
            response = JSONResponse(_reading(answer, request_id, total))
        self.action.metrics.v1.labels(str(response.status_code)).inc()
        facts["seconds"] = round(self.action.tick() - started, 3)
        facts["client"] = http.client.host if http.client else None
        logging_json.event("v1", request_id=request_id, status=response.status_code, **facts)
        return response

    async def _read(self, http: HttpRequest, facts: dict[str, Any]) -> Answer:
        settings = self.action.settings
        account = self._caller(http)
        owner = account.uin if account is not None else ""
        if account is not None:
            facts["account"] = account.uin
            limit = account.rate or settings.rate
            current = self.action.limiter.admit("v1", account.uin, limit, self.action.tick())
            if current is not None:
                raise ApiError("RequestLimitExceeded", current=current, limit=limit)
        largest = image_checks.largest_image(settings.max_base64)
        kind = requests.media_type(http.headers)
        if kind not in (*openapi.CONTENT_TYPES, requests.MULTIPART):
            why = f"Content-Type must be one of {', '.join(openapi.CONTENT_TYPES)} or a form"
            raise ApiError("UnsupportedOperation", why=why)
        client = http.client.host if http.client else ""
        limit = largest + _FORM_OVERHEAD
        async with self.bodies.read(http.receive, client, limit, self._too_large()) as body:
            photo = body.data
            if kind == requests.MULTIPART:
                photo = await _file(request_of(http, body.data))
            facts["bytes"] = len(photo)
            if len(photo) > largest:
                raise self._too_large()
            image_checks.check(photo)
            reading = self.action.read(photo, owner, body.waited)
            answer: Answer = await until_gone(http.receive, reading)
        facts["reading_ms"] = round(answer.milliseconds)
        return answer

    def _too_large(self) -> ApiError:
        limit = self.action.settings.max_base64
        return ApiError("LimitExceeded.TooLargeFileError", limit=limit)

    def _caller(self, http: HttpRequest) -> Account | None:
        """Return whose API key it is, or None for an operator."""
        scheme, _, given = http.headers.get("authorization", "").partition(" ")
        if not given:
            if self.operators.include(http) and not scheme:
                return None
            raise ApiError("AuthFailure.InvalidAuthorization", why="send `Bearer` and an API key")
        client = http.client.host if http.client else ""
        wait = self.wrong_keys.wait(client, self.action.tick())
        if wait > 0:
            raise ApiError("RequestLimitExceeded", _TOO_MANY_WRONG, retry_after=math.ceil(wait))
        owner = None
        for account in self.action.accounts.current().accounts:
            for key in account.api_keys:
                if hmac.compare_digest(key.get_secret_value().encode(), given.strip().encode()):
                    owner = account
        if owner is None or scheme.lower() != "bearer":
            count = self.wrong_keys.note(client, self.action.tick())
            logging_json.event("wrong_api_key", client=client, count=count)
            raise ApiError("AuthFailure.InvalidAuthorization", why="this API key is not known")
        return owner


async def _file(request: requests.Request) -> bytes:
    for name, part in await requests.multipart(request):
        if name == "image" and isinstance(part, bytes):
            return part
    raise ApiError("MissingParameter", name="image")


def _reading(answer: Answer, request_id: str, total: float) -> dict[str, Any]:
    check = None
    if answer.vin is not None:
        holds = vins.check_digit_holds(answer.vin)
        required = vins.check_digit_required(answer.vin)
        check = "valid" if holds else "invalid" if required else "not_required"
    reading = dataclasses.asdict(answer)
    for name in (
        "others",
        "places",
        "size",
    ):  # of the action's answer in detail; not of this API's contract
        del reading[name]
    reading["milliseconds"] = {"reading": round(answer.milliseconds, 1), "total": round(total, 1)}
    return reading | {"check_digit": check, "request_id": request_id}


def _problem(request_id: str, status: int, code: str, detail: str) -> Response:
    title = openapi.PROBLEMS[status][0]
    body = {"title": title, "status": status, "detail": detail, "code": code}
    headers = {"Retry-After": _RETRY_AFTER[status]} if status in _RETRY_AFTER else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    kind = "application/problem+json"
    return JSONResponse(body | {"request_id": request_id}, status, headers, media_type=kind)


async def _description(_: HttpRequest) -> Response:
    return JSONResponse(openapi.document())


async def _page(_: HttpRequest) -> Response:
    return HTMLResponse(openapi.page())
