"""The API's description, OpenAPI 3.1. Bodies are described by the models that read and write them."""

from __future__ import annotations

import functools
import json
from importlib import metadata
from typing import Any, Final

from vindrop.domain.records import Reading
from vindrop.domain.schemas import data_schema
from vindrop.domain.upload import REFERENCE_LENGTH
from vindrop.http import objects, photos, sessions, sign_in
from vindrop.http.console import openapi as console
from vindrop.http.problems import CONTENT_TYPE, KINDS, TYPE_PREFIX

_BINARY: Final = ("image/jpeg", "image/png", "image/heic", "image/webp", "image/tiff", "image/bmp")
_STATUSES: Final = (400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503, 504)
_MORE_STATUSES: Final = (409, 410, 501)
"""Of the console alone."""


@functools.cache
def text() -> str:
    """Return the document as JSON."""
    return json.dumps(document(), ensure_ascii=False)


def document() -> dict[str, Any]:
    """Return the document."""
    status = _object("status", status={"const": "ok"})
    consoles = console.paths()
    alive = "The function runs. Neither the ledger nor VinOCR is asked."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vindrop",
            "version": _version(),
            "summary": "A photo in, the vehicle identification number (VIN) out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "security": [{"key": []}, {"bearer": []}, {"session": []}],
        "paths": {
            "/v1/vin": {"post": _read("readVin")},
            **consoles,
            "/": {**consoles["/"], "post": _read("readVinAtRoot")},
            "/capture": {
                "get": _open("capture", "The page for people.", {"text/html": {"schema": _text()}})
            },
            "/capture-worker.js": {
                "get": _open(
                    "captureWorker",
                    "The page's service worker.",
                    {"text/javascript": {"schema": _text()}},
                )
            },
            "/v1/uploads": {"post": _upload()},
            "/v1/session": _session(),
            "/openapi.json": {"get": _open("openapi", "This document.", _json({"type": "object"}))},
            "/healthz": {"get": _open("healthz", alive, _json(status))},
        },
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": sessions.COOKIE},
            },
            "schemas": _schemas(),
            "responses": {
                str(status): _problem(status) for status in (*_STATUSES, *_MORE_STATUSES)
            },
        },
    }


def _version() -> str:
    try:
        return metadata.version("vindrop")
    except metadata.PackageNotFoundError:  # a layer carries the files without their metadata
        return "0"


def _read(operation: str) -> dict[str, Any]:
    form = _object("photo", photo={}, reference=_text()) | {
        "description": "The first part with a file name is the photo."
    }
    return {
        "operationId": operation,
        "summary": "Read the VIN on a photo.",
        "description": (
            "The same photo sent again is answered from the ledger and not paid for again."
        ),
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "For ImageUrl: the same URL under the same key is paid for once.",
                "schema": _text(),
            },
            {
                "name": "X-Reference",
                "in": "header",
                "description": (
                    "The caller's own reference, such as a stock or order number; UTF-8, "
                    "percent-encoded. A field `reference` of the body goes before it."
                ),
                "schema": _text(maxLength=REFERENCE_LENGTH),
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                **{kind: {"schema": {}} for kind in _BINARY},
                **_json({"oneOf": [_ref(name) for name in ("ImageBase64", "ImageUrl", "Object")]}),
                "multipart/form-data": {"schema": form},
                "text/plain": {"schema": _text(contentEncoding="base64", minLength=1)},
            },
        },
        "responses": {
            "200": {
                "description": "The VIN, and how sure it is.",
                "content": _json(_ref("Reading")),
            },
            **_problems(*_STATUSES),
        },
    }


def _upload() -> dict[str, Any]:
    return {
        "operationId": "makeUpload",
        "summary": "Get a place for a photo that is too large for a request.",
        "description": (
            "PUT the photo to `url`, then POST `object` to /v1/vin. Its storage event is ignored, "
            "so it is read once: when you ask."
        ),
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key names the same object: put there again, it is one upload.",
                "schema": _text(),
            }
        ],
        "requestBody": {"content": _json(_ref("Wanted"))},
        "responses": {
            "201": {"description": "Where to put it.", "content": _json(_ref("Place"))},
            **_problems(400, 401, 404, 413, 500, 503),
        },
    }


def _session() -> dict[str, Any]:
    said = {"description": "Whose session it is.", "content": _json(_ref("Session"))}
    return {
        "post": {
            "operationId": "openSession",
            "summary": "Open a session for a page: a cookie that is valid for some hours.",
            "security": [],
            "requestBody": {"required": True, "content": _json(_ref("SignIn"))},
            "responses": {"201": said, **_problems(400, 401, 403, 500, 503)},
        },
        "get": {
            "operationId": "session",
            "summary": "Whose session it is, and the token for its changes.",
            "security": [{"session": []}],
            "responses": {"200": said, **_problems(401, 500)},
        },
        "delete": {
            "operationId": "closeSession",
            "summary": "Sign out.",
            "security": [{"session": []}],
            "responses": {"204": {"description": "Signed out."}, **_problems(401, 403, 500, 503)},
        },
    }


def _open(operation: str, summary: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": summary, "content": content}, **_problems(500)},
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    kinds = [(name, kind) for name, kind in KINDS.items() if kind.status == status]
    response: dict[str, Any] = {
        "description": "; ".join(f"`{name}`: {kind.title}" for name, kind in kinds),
        "content": {CONTENT_TYPE: {"schema": _ref("Problem")}},
    }
    if any(kind.retry_after is not None for _, kind in kinds):
        response["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
        }
    return response


def _schemas() -> dict[str, Any]:
    reading = data_schema(Reading, "#/components/schemas/{model}")
    parts = reading.pop("$defs", {})
    reading["properties"] = {
        "id": _text(description="The photo's identity: sha256, hex."),
        **reading["properties"],
        "doubts": {
            "type": "array",
            "description": "Characters that a person should compare with the photo.",
            "items": _ref("Doubt"),
        },
        "new": {
            "type": "boolean",
            "description": "False: answered from the ledger; nothing was paid for this request.",
        },
    }
    reading["required"] = ["id", *reading.get("required", []), "doubts", "new"]
    mending = "`lookalike`: the character that would make the check digit hold."
    return {
        **parts,
        **console.schemas(),
        "Reading": reading,
        "Doubt": _object(
            "position character why",
            position={"type": "integer", "minimum": 1, "maximum": 17},
            character=_text(minLength=1, maxLength=1),
            why={"enum": ["corrected", "check_digit", "lookalike"]},
            as_read=_text(description="`corrected`: what was read there, which no VIN holds."),
            alternative=_text(description=mending),
        ),
        "ImageBase64": photos.Base64Image.model_json_schema(),
        "ImageUrl": photos.ImageUrl.model_json_schema(),
        "Object": photos.ObjectNamed.model_json_schema(),
        "SignIn": sign_in.SignIn.model_json_schema(),
        "Session": sign_in.SessionInfo.model_json_schema(),
        "Wanted": objects.Wanted.model_json_schema(),
        "Place": _object(
            "method url headers expires_in object",
            method={"const": "PUT"},
            url=_text(format="uri"),
            headers={"type": "object", "additionalProperties": _text()},
            expires_in={"type": "integer", "description": "Seconds."},
            object=_ref("Object"),
        ),
        "Problem": {"description": "RFC 9457."}
        | _object(
            "type title status",
            type={"enum": [TYPE_PREFIX + name for name in KINDS]},
            title=_text(),
            status={"type": "integer"},
            detail=_text(),
            code=_text(description="VinOCR's error code word for word, or one of vindrop's."),
            request_id=_text(description="VinOCR's RequestId."),
        ),
    }


def _ref(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}
