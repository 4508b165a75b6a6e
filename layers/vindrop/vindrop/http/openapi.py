"""The API's description, OpenAPI 3.1. What a reading looks like comes from the records themselves."""

from __future__ import annotations

import functools
import json
from importlib import metadata
from typing import Any, Final

from vindrop.clouds import STORES
from vindrop.domain.records import Reading
from vindrop.domain.schemas import data_schema
from vindrop.http.problems import CONTENT_TYPE, KINDS, TYPE_PREFIX

_BINARY: Final = ("image/jpeg", "image/png", "image/heic", "image/webp", "image/tiff", "image/bmp")
_STATUSES: Final = (400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503, 504)


@functools.cache
def text() -> str:
    """Return the document as JSON."""
    return json.dumps(document(), ensure_ascii=False)


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vindrop",
            "version": _version(),
            "summary": "A photo in, the vehicle identification number (VIN) out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "security": [{"key": []}, {"bearer": []}],
        "paths": {
            "/v1/vin": {"post": _read("readVin")},
            "/": {
                "get": _open("page", "The page for people.", "text/html", {"type": "string"}),
                "post": _read("readVinAtRoot"),
            },
            "/v1/uploads": {"post": _upload()},
            "/openapi.json": {
                "get": _open("openapi", "This document.", "application/json", {"type": "object"})
            },
            "/healthz": {
                "get": _open(
                    "healthz",
                    "The function runs. Neither the ledger nor VinOCR is asked.",
                    "application/json",
                    {
                        "type": "object",
                        "required": ["status"],
                        "properties": {"status": {"const": "ok"}},
                    },
                )
            },
        },
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": _schemas(),
            "responses": {str(status): _problem(status) for status in _STATUSES},
        },
    }


def _version() -> str:
    try:
        return metadata.version("vindrop")
    except metadata.PackageNotFoundError:  # a layer carries the files without their metadata
        return "0"


def _read(operation: str) -> dict[str, Any]:
    binary: dict[str, Any] = {kind: {"schema": {}} for kind in _BINARY}
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
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                **binary,
                "application/json": {
                    "schema": {
                        "oneOf": [
                            {"$ref": "#/components/schemas/ImageBase64"},
                            {"$ref": "#/components/schemas/ImageUrl"},
                            {"$ref": "#/components/schemas/Object"},
                        ]
                    }
                },
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["photo"],
                        "properties": {"photo": {}},
                        "description": "The first part with a file name is the photo.",
                    }
                },
                "text/plain": {
                    "schema": {"type": "string", "contentEncoding": "base64", "minLength": 1}
                },
            },
        },
        "responses": {
            "200": {
                "description": "The VIN, and how sure it is.",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Reading"}}
                },
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
        "requestBody": {
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wanted"}}}
        },
        "responses": {
            "201": {
                "description": "Where to put it.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Place"}}},
            },
            **_problems(400, 401, 404, 413, 500, 503),
        },
    }


def _open(operation: str, summary: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": summary, "content": {kind: {"schema": schema}}},
            **_problems(500),
        },
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    kinds = [(name, kind) for name, kind in KINDS.items() if kind.status == status]
    response: dict[str, Any] = {
        "description": "; ".join(f"`{name}`: {kind.title}" for name, kind in kinds),
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
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
        "id": {"type": "string", "description": "The photo's identity: sha256, hex."},
        **reading["properties"],
        "doubts": {
            "type": "array",
            "description": "Characters that a person should compare with the photo.",
            "items": {"$ref": "#/components/schemas/Doubt"},
        },
        "new": {
            "type": "boolean",
            "description": "False: answered from the ledger; nothing was paid for this request.",
        },
    }
    reading["required"] = ["id", *reading.get("required", []), "doubts", "new"]
    obj = {
        "type": "object",
        "required": ["bucket", "key"],
        "additionalProperties": False,
        "properties": {
            "bucket": {"type": "string", "minLength": 1, "maxLength": 255},
            "key": {"type": "string", "minLength": 1, "maxLength": 1024},
            "region": {"type": "string", "pattern": "^[a-z0-9-]{1,40}$"},
            "cloud": {"enum": list(STORES)},
            "version": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024,
                "description": "Of the storage event, where there is one: then both are one upload.",
            },
        },
    }
    return {
        **parts,
        "Reading": reading,
        "Doubt": {
            "type": "object",
            "required": ["position", "character", "why"],
            "properties": {
                "position": {"type": "integer", "minimum": 1, "maximum": 17},
                "character": {"type": "string", "minLength": 1, "maxLength": 1},
                "why": {"enum": ["corrected", "check_digit", "lookalike"]},
                "as_read": {
                    "type": "string",
                    "description": "`corrected`: what was read there, which no VIN holds.",
                },
                "alternative": {
                    "type": "string",
                    "description": "`lookalike`: the character that would make the check digit hold.",
                },
            },
        },
        "ImageBase64": _object({"ImageBase64": {"type": "string", "contentEncoding": "base64"}}),
        "ImageUrl": _object({"ImageUrl": {"type": "string", "format": "uri", "maxLength": 8192}}),
        "Object": obj,
        "Wanted": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "size": {"type": ["integer", "null"], "minimum": 1},
                "type": {"type": "string"},
            },
        },
        "Place": {
            "type": "object",
            "required": ["method", "url", "headers", "expires_in", "object"],
            "properties": {
                "method": {"const": "PUT"},
                "url": {"type": "string", "format": "uri"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "expires_in": {"type": "integer", "description": "Seconds."},
                "object": {"$ref": "#/components/schemas/Object"},
            },
        },
        "Problem": {
            "type": "object",
            "description": "RFC 9457.",
            "required": ["type", "title", "status"],
            "properties": {
                "type": {"enum": [TYPE_PREFIX + name for name in KINDS]},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "code": {
                    "type": "string",
                    "description": "VinOCR's error code word for word, or one of vindrop's.",
                },
                "request_id": {"type": "string", "description": "VinOCR's RequestId."},
            },
        },
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }
