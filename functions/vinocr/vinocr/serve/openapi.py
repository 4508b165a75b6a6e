"""The OpenAPI 3.1 description of the extra API, and a page that shows it.

The schemas are generated from the models below, whose fields are those of the answers on the wire.
"""

from __future__ import annotations

import html
import json
from importlib import metadata
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

CONTENT_TYPES: Final = ("image/jpeg", "image/png", "application/octet-stream")
"""Media types of a bare image; its content says what it really is."""

PROBLEMS: Final = {
    400: ("Bad request", "The multipart form is malformed, or has no `image`."),
    401: ("Not authorized", "No API key, or an unknown one."),
    408: ("Too slow", "The body did not arrive in time."),
    413: ("Too large", "The image is too large, in bytes or in pixels."),
    415: ("Unsupported format", "Neither PNG nor JPEG, or another Content-Type."),
    422: ("Not readable", "An image that cannot be decoded, or an empty one."),
    429: (
        "Too many requests",
        "More than the account's requests per second, or too many wrong keys.",
    ),
    500: ("Internal error", "A reader stopped while it had this image; try again."),
    503: ("Unavailable", "All readers are busy; try again."),
    504: ("Timed out", "The reading took too long."),
}
"""Status → title and meaning, for every answer of ``POST /v1/vin`` that is not a reading."""

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]
Vin = Annotated[str, Field(pattern="^[0-9A-HJ-NPR-Z]{17}$")]
Corner = Annotated[list[float], Field(min_length=2, max_length=2)]
Corners = Annotated[list[Corner], Field(min_length=4, max_length=4)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Alternative(_Model):  # noqa: D101 - docstrings here are descriptions on the wire
    vin: Vin
    confidence: Share


class Times(_Model):  # noqa: D101
    reading: Milliseconds
    total: Milliseconds
    """With queue and checks."""


class Reading(_Model):  # noqa: D101
    vin: Vin | None
    """null: none is sure enough."""
    reason: Literal["no_text", "no_vin", "cut_off", "blurred"] | None
    """Why there is no VIN."""
    as_read: str
    """The line as read, before the rules of VINs are applied."""
    confidence: Share
    """Of the best VIN, also where it was not enough."""
    characters: Annotated[list[Share], Field(max_length=17)]
    """Confidence of each of the 17 characters; empty without a candidate."""
    quadrilateral: Corners | None
    """Where: four corners [x, y], clockwise from the text's top left, in pixels of the upright
    image."""
    alternatives: list[Alternative]
    """What else it could be, likeliest first."""
    barcode: bool
    """A barcode in the image says the same."""
    check_digit: Literal["valid", "invalid", "not_required"] | None
    """Position 9 (49 CFR 565, GB 16735)."""
    looks: Annotated[int, Field(ge=0)]
    """Recognition passes that it took."""
    milliseconds: Times
    request_id: UUID


class Problem(_Model):
    """RFC 9457."""

    title: str
    status: int
    detail: str
    """What to do next."""
    code: str
    """The same code as the API's."""
    request_id: UUID


class Health(_Model):  # noqa: D101
    status: Literal["ok", "starting"]
    readers: Annotated[int, Field(ge=0)]


def _version() -> str:
    try:
        return metadata.version("vindrop")
    except metadata.PackageNotFoundError:  # a function's folder or an image holds no metadata
        return "0"


def _answer(about: str, model: type[_Model], kind: str = "application/json") -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": about, "content": {kind: {"schema": schema}}}


def document() -> dict[str, Any]:
    """Return the description."""
    _, schemas = models_json_schema(
        [(Reading, "validation"), (Problem, "validation"), (Health, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    image = {"type": "string", "format": "binary", "minLength": 1}
    form = {"type": "object", "required": ["image"], "properties": {"image": image}}
    read = {
        "operationId": "readVin",
        "summary": "Read the VIN in an image, and say how sure each character is",
        "security": [{"key": []}, {}],
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": image} for kind in CONTENT_TYPES}
            | {"multipart/form-data": {"schema": form}},
        },
        "responses": {"200": _answer("A reading.", Reading)}
        | {
            str(status): _answer(about, Problem, "application/problem+json")
            for status, (_, about) in PROBLEMS.items()
        },
    }
    health = {
        "operationId": "health",
        "summary": "Whether a reader is up",
        "responses": {
            "200": _answer("At least one is.", Health),
            "503": _answer("None is yet, or any more.", Health),
        },
    }
    key = {
        "type": "http",
        "scheme": "bearer",
        "description": "One of an account's `api_keys`. Operators' networks (VINOCR_OPERATORS, by "
        "default this machine) need none.",
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "VinOCR, extra API",
            "version": _version(),
            "description": "What API 3.0 has no room for. API 3.0 itself is on `/`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {"/v1/vin": {"post": read}, "/healthz": {"get": health}},
        "components": {"schemas": schemas["$defs"], "securitySchemes": {"key": key}},
    }


def page() -> str:
    """Return the description as a page: readable without scripts, and with a form to try it."""
    described = document()
    fields = described["components"]["schemas"]["Reading"]["properties"]
    rows = "".join(
        f"<tr><td><code>{name}</code></td><td>{html.escape(_type(part))}</td>"
        f"<td>{html.escape(part.get('description', ''))}</td></tr>"
        for name, part in fields.items()
    )
    problems = "".join(
        f"<tr><td>{status}</td><td>{html.escape(about)}</td></tr>"
        for status, (_, about) in PROBLEMS.items()
    )
    raw = html.escape(json.dumps(described, indent=1))
    return _PAGE.format(rows=rows, problems=problems, raw=raw)


def _type(part: dict[str, Any]) -> str:
    return " or ".join(one.get("type", "object") for one in part.get("anyOf", [part]))


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
on <code>/</code>. <a href="/openapi.json">openapi.json</a></p>
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
