"""``GET /capture``: the page that photos are taken and sent with, and its service worker.

One document: no build step, no third-party host, no second request. Style and script are named in
the security policy by their hashes. The modules in ``page/`` are plain ES modules; what a browser
gets is the same text in one scope, in the order of `_PAGE` or `_WORKER`. Those in ``shared/`` are
served to the console's pages as well.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Final, NamedTuple

from vindrop.core.invocation import Platform
from vindrop.http.objects import upload_origin
from vindrop.http.request import Request, Shape
from vindrop.http.response import Response
from vindrop.settings import Settings

_FOLDER: Final = Path(__file__).parent / "page"
_SHARED: Final = Path(__file__).parent / "shared"
"""What the console's pages are made of, too."""
_SENDING: Final = ("api.js", "send.js", "store.js", "queue.js")
_PAGE: Final = (
    *("dom.js", "words.js", "vin.js", "typing.js", "view.js", "doubts.js"),
    *(*_SENDING, "decisions.js", "files.js"),
    *("viewer.js", "cells.js", "result.js", "list.js", "main.js"),
)
_WORKER: Final = (*_SENDING, "worker.js")
_IMPORT: Final = r'(?m)^import \{[^}]*\} from "\./[a-z]+\.js";\n'
_EXPORT: Final = r"(?m)^export (?=(?:async )?(?:function|class|const) )"
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


class _Text(NamedTuple):
    page: str
    worker: str
    style: str
    """Hash under which the policy lets it be used."""
    script: str
    version: str
    """Changes with any of it."""


def inline_bytes(shape: Shape) -> int:
    """Return how large a photo may be that goes inside the request, as Base64 in JSON."""
    return (BODY_LIMITS[shape] - _ROOM) // 4 * 3


def get(request: Request, settings: Settings, platform: Platform) -> Response:
    """Answer with the page."""
    text, connect = _text(), _connect(settings, platform)
    policy = (
        f"default-src 'none'; style-src '{text.style}'; script-src '{text.script}'; "
        f"img-src blob: data:; connect-src {connect}; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    config = _config(request, settings, platform)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "X-Page-Version": text.version,
    }
    return _cached(request, text.page.replace('{"config":1}', config), headers)


def worker(request: Request, settings: Settings, platform: Platform) -> Response:
    """Answer with the service worker's script."""
    headers = {
        "Content-Type": "text/javascript; charset=utf-8",
        "Content-Security-Policy": f"default-src 'none'; connect-src {_connect(settings, platform)}",
    }
    body = _text().worker.replace("{{config}}", _config(request, settings, platform))
    return _cached(request, body, headers)


def _config(request: Request, settings: Settings, platform: Platform) -> str:
    return json.dumps(
        {
            "inline": inline_bytes(request.shape),
            "uploads": bool(upload_origin(settings, platform)),
            "most": int(settings.max_download_mb * 1_000_000),
            "version": _text().version,
        }
    )


def _connect(settings: Settings, platform: Platform) -> str:
    return f"'self' {upload_origin(settings, platform)}".rstrip()


def _cached(request: Request, body: str, headers: dict[str, str]) -> Response:
    """Return ``body``, or only that it is still the same: a browser asks each time (RFC 9111)."""
    told = "\n".join((*headers.values(), body))
    tag = f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'
    headers = {**headers, "Cache-Control": "no-cache", "ETag": tag}
    known = request.headers.get("if-none-match", "").replace("W/", "").split(",")
    if tag in (each.strip() for each in known):
        return Response(304, "", headers)
    return Response(200, body, headers)


@functools.cache
def _text() -> _Text:
    style, words, page = (_read(name) for name in ("page.css", "words.json", "index.html"))
    script, background = joined(_PAGE), joined(_WORKER)
    whole = f"{style}\n{words}\n{page}\n{script}\n{background}"
    document = (
        page.replace("/*{{style}}*/", style)
        .replace("/*{{script}}*/", script)
        .replace('{"words":1}', words.replace("<", "\\u003c"))
    )
    version = hashlib.sha256(whole.encode()).hexdigest()[:16]
    return _Text(document, background, _hash(style), _hash(script), version)


def joined(names: tuple[str, ...]) -> str:
    """Return modules as one script. Each may import only names of those before it."""
    modules = (re.sub(_EXPORT, "", re.sub(_IMPORT, "", _read(name))) for name in names)
    return '"use strict";\n(() => {\n' + "\n".join(modules) + "})();\n"


def _read(name: str) -> str:
    folder = _SHARED if (_SHARED / name).exists() else _FOLDER
    return (folder / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
