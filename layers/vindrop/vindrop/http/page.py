"""``GET /``: the page for a phone. One document: no build step, no third-party host, no second request."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Final

from vindrop.core.invocation import Platform
from vindrop.http.objects import upload_origin
from vindrop.http.request import Request, Shape
from vindrop.http.response import Response
from vindrop.settings import Settings

_FOLDER: Final = Path(__file__).parent / "page"
_ROOM: Final = 32_768
"""Bytes of an event that are not the body: headers, context, JSON's own."""

BODY_LIMITS: Final[dict[Shape, int]] = {
    "tencent_api": 6_000_000,  # SCF, synchronous event
    "tencent_url": 6_000_000,
    "aws_rest": 6_000_000,  # Lambda, synchronous event
    "aws_http": 6_000_000,
    "aws_alb": 1_000_000,  # a Lambda target's request body
}
"""Bytes that a request may have at each gateway, at the least."""


def inline_bytes(shape: Shape) -> int:
    """Return how large a photo may be that goes inside the request, as Base64 in JSON."""
    return (BODY_LIMITS[shape] - _ROOM) // 4 * 3


def get(request: Request, settings: Settings, platform: Platform) -> Response:
    """Answer with the page."""
    document, style_hash, script_hash = _document()
    origin = upload_origin(settings, platform)
    config = {
        "inline": inline_bytes(request.shape),
        "uploads": bool(origin),
        "most": int(settings.max_download_mb * 1_000_000),
    }
    allowed = f"'self' {origin}".rstrip()
    policy = (
        f"default-src 'none'; style-src '{style_hash}'; script-src '{script_hash}'; "
        f"img-src blob: data:; connect-src {allowed}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Response(
        200,
        document.replace('{"config":1}', json.dumps(config)),
        {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": policy,
            "Cache-Control": "no-cache",
        },
    )


@functools.cache
def _document() -> tuple[str, str, str]:
    """Return the page, and the hashes under which a browser may use its style and run its script."""
    style, script, words, page = (
        (_FOLDER / name).read_text(encoding="utf-8")
        for name in ("page.css", "page.js", "words.json", "index.html")
    )
    text = (
        page.replace("/*{{style}}*/", style)
        .replace("/*{{script}}*/", script)
        .replace('{"words":1}', words.replace("<", "\\u003c"))
    )
    return text, _hash(style), _hash(script)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
