"""Cross-origin requests: which other sites' pages may call (Fetch standard, CORS protocol)."""

from __future__ import annotations

from typing import Final

from vindrop.http.request import Request
from vindrop.http.response import Response
from vindrop.settings import Settings

_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, X-Api-Key, X-Reference"
_EXPOSED: Final = "Retry-After, X-Request-Id"
_MAX_AGE: Final = "600"


def headers(request: Request, settings: Settings) -> dict[str, str]:
    """Return the headers that let the requesting page see the answer; none where it may not."""
    allowed = settings.cors_origins
    if not allowed:
        return {}
    origin = request.headers.get("origin", "")
    if "*" in allowed:  # keys travel in headers, never in cookies: any page needs the key, too
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
    if origin not in allowed:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": "Origin",
    }


def preflight(methods: str) -> Response:
    """Answer OPTIONS; whether the origin may go on is said by `headers`."""
    return Response(
        204,
        "",
        {
            "Allow": methods,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": _HEADERS,
            "Access-Control-Max-Age": _MAX_AGE,
        },
    )
