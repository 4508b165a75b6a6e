"""The OpenAPI 3.1 description of what stands beside the contract, and a page that shows it."""

from __future__ import annotations

import html
import json
from importlib import metadata
from typing import Any, Final

CONTENT_TYPES: Final = ("image/jpeg", "image/png", "application/octet-stream")
"""Media types of a bare image; what it really is, its content says."""

_BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary", "minLength": 1}}
_SHARE: Final[dict[str, Any]] = {"type": "number", "minimum": 0, "maximum": 1}
_VIN: Final[dict[str, Any]] = {"type": "string", "pattern": "^[0-9A-HJ-NPR-Z]{17}$"}

_READING: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "vin", "reason", "as_read", "confidence", "characters", "quadrilateral", "alternatives",
        "barcode", "check_digit", "looks", "milliseconds", "request_id",
    ],
    "properties": {
        "vin": {**_VIN, "type": ["string", "null"], "description": "null: none is sure enough."},
        "reason": {
            "type": ["string", "null"],
            "enum": [None, "no_text", "no_vin", "cut_off", "blurred"],
            "description": "Why there is no VIN.",
        },
        "as_read": {"type": "string", "description": "The line as read, before any VIN sense."},
        "confidence": {**_SHARE, "description": "Of the best VIN, also where it was not enough."},
        "characters": {
            "type": "array",
            "items": _SHARE,
            "maxItems": 17,
            "description": "Confidence of each of the 17 characters; empty without a candidate.",
        },
        "quadrilateral": {
            "type": ["array", "null"],
            "minItems": 4,
            "maxItems": 4,
            "items": {
                "type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2,
            },
            "description": "Where: four corners [x, y], clockwise from the text's top left, in "
            "pixels of the upright image.",
        },
        "alternatives": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["vin", "confidence"],
                "properties": {"vin": _VIN, "confidence": _SHARE},
                "additionalProperties": False,
            },
            "description": "What else it could be, likeliest first.",
        },
        "barcode": {"type": "boolean", "description": "A barcode in the image says the same."},
        "check_digit": {
            "type": ["string", "null"],
            "enum": [None, "valid", "invalid", "not_required"],
            "description": "Position 9 (49 CFR 565, GB 16735).",
        },
        "looks": {"type": "integer", "minimum": 0, "description": "Looks that it took."},
        "milliseconds": {
            "type": "object",
            "required": ["reading", "total"],
            "properties": {
                "reading": {"type": "number", "minimum": 0},
                "total": {"type": "number", "minimum": 0, "description": "With queue and checks."},
            },
            "additionalProperties": False,
        },
        "request_id": {"type": "string", "format": "uuid"},
    },
}  # fmt: skip

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["title", "status", "detail", "code", "request_id"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do next."},
        "code": {"type": "string", "description": "The same code as the API's."},
        "request_id": {"type": "string", "format": "uuid"},
    },
    "additionalProperties": False,
}

PROBLEMS: Final = {
    400: "The multipart form is malformed, or has no `image`.",
    401: "No API key, or an unknown one.",
    408: "The body did not arrive in time.",
    413: "The image is too large, in bytes or in pixels.",
    415: "Neither PNG nor JPEG, or another Content-Type.",
    422: "An image that cannot be decoded, or an empty one.",
    429: "More than the account's requests per second.",
    500: "A reader stopped while it had this image; try again.",
    503: "All readers are busy; try again.",
    504: "The reading took too long.",
}
"""Status → what it means, for every answer of ``POST /v1/vin`` that is no reading."""


def _version() -> str:
    try:
        return metadata.version("vindrop")
    except metadata.PackageNotFoundError:  # a function's folder or an image holds no metadata
        return "0"


def document() -> dict[str, Any]:
    """Return the description."""
    problems = {
        str(status): {
            "description": text,
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        for status, text in PROBLEMS.items()
    }
    bodies: dict[str, Any] = dict.fromkeys(CONTENT_TYPES, _BINARY)
    bodies["multipart/form-data"] = {
        "schema": {
            "type": "object",
            "required": ["image"],
            "properties": {"image": {"type": "string", "format": "binary", "minLength": 1}},
        }
    }
    reading = {"application/json": {"schema": {"$ref": "#/components/schemas/Reading"}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "VinOCR, beside the contract",
            "version": _version(),
            "description": "What API 3.0 has no room for. The contract itself is on `/`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/vin": {
                "post": {
                    "operationId": "readVin",
                    "summary": "Read the VIN in an image, and say how sure each character is",
                    "security": [{"key": []}, {}],
                    "requestBody": {"required": True, "content": bodies},
                    "responses": {"200": {"description": "A reading.", "content": reading}}
                    | problems,
                }
            },
            "/healthz": {
                "get": {
                    "operationId": "health",
                    "summary": "Whether a reader is up",
                    "responses": {
                        "200": _about("At least one is."),
                        "503": _about("None is yet, or any more."),
                    },
                }
            },
        },
        "components": {
            "schemas": {"Reading": _READING, "Problem": _PROBLEM, "Health": _HEALTH},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "One of an account's `api_keys`. Operators' networks "
                    "(VINOCR_OPERATORS, by default this machine) need none.",
                }
            },
        },
    }


_HEALTH: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "readers"],
    "properties": {
        "status": {"type": "string", "enum": ["ok", "starting"]},
        "readers": {"type": "integer", "minimum": 0},
    },
    "additionalProperties": False,
}


def _about(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Health"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def page() -> str:
    """Return the description as a page: readable without scripts, and with a form to try it."""
    rows = "".join(
        f"<tr><td><code>{name}</code></td><td>{html.escape(_kind(part))}</td>"
        f"<td>{html.escape(part.get('description', ''))}</td></tr>"
        for name, part in _READING["properties"].items()
    )
    problems = "".join(
        f"<tr><td>{status}</td><td>{html.escape(text)}</td></tr>"
        for status, text in PROBLEMS.items()
    )
    return _PAGE.format(
        rows=rows, problems=problems, raw=html.escape(json.dumps(document(), indent=1))
    )


def _kind(part: dict[str, Any]) -> str:
    kind = part["type"]
    return kind if isinstance(kind, str) else " or ".join(kind)


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>VinOCR</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;border-bottom:1px solid #d8dee4;
padding:.35rem .75rem .35rem 0;vertical-align:top}}pre,code{{font:14px ui-monospace,monospace}}
pre{{background:#f6f8fa;padding:1rem;overflow:auto}}output{{white-space:pre-wrap}}
@media (prefers-color-scheme:dark){{body{{background:#0d1117;color:#e6edf3}}pre{{background:#161b22}}
td,th{{border-color:#30363d}}}}
</style></head><body>
<h1>POST /v1/vin</h1>
<p>Send an image (PNG or JPEG) as the body or as the form field <code>image</code>; get the VIN, how
sure each of its characters is, where it stands, and what else it could be. The API 3.0 contract is
on <code>/</code>; this is beside it. <a href="/openapi.json">openapi.json</a></p>
<pre>curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg http://HOST/v1/vin</pre>
<h2>Try it</h2>
<form id="try"><p><label>Image <input type="file" name="image" accept="image/png,image/jpeg" required>
</label></p><p><label>API key <input type="password" name="key" autocomplete="off"></label>
(none from this machine)</p><button>Read</button></form><pre><output id="out"></output></pre>
<h2>Answer</h2><table><tr><th>Field</th><th>Type</th><th></th></tr>{rows}</table>
<h2>Everything else</h2><table>{problems}</table>
<details><summary>OpenAPI</summary><pre>{raw}</pre></details>
<script>
document.getElementById('try').addEventListener('submit',async e=>{{e.preventDefault();
const f=new FormData(e.target),k=f.get('key'),i=f.get('image');const o=document.getElementById('out');
o.textContent='…';try{{const r=await fetch('/v1/vin',{{method:'POST',body:i,
headers:{{'Content-Type':'application/octet-stream',...(k?{{Authorization:'Bearer '+k}}:{{}})}}}});
o.textContent=JSON.stringify(await r.json(),null,1)}}catch(x){{o.textContent='The server cannot be reached.'}}}})
</script></body></html>
"""
